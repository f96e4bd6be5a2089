/* SPDX-License-Identifier: Apache-2.0 */
/* test_unique.c: UNIQUE of elements and of slices, sorted and as they come, NaN, fewer outputs, empty axes, bad input. */
#include <math.h>

#include "ref_run.h"

static cvk_status unique(int32_t axis, int32_t sorted, const ref_tensor *x, int32_t n_out, ref_tensor *y) {
  return ref_run(CVK_OP_UNIQUE, &(cvk_unique_attr){.axis = axis, .sorted = sorted}, 1, (const ref_tensor *const[]){x}, n_out, y);
}

static void free_all(ref_tensor y[4]) {
  for (int32_t i = 0; i < 4; i++) ref_free(&y[i]);
}

START_TEST(elements) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(6), (float[]){2, 1, 1, 3, 4, 3}), y[4];
  ck_ok(unique(0, 1, &x, 4, y));
  ref_expect(&y[0], 0, SHAPE(4), (float[]){1, 2, 3, 4});
  ref_expect_i64(&y[1], SHAPE(4), (int64_t[]){1, 0, 3, 4});
  ref_expect_i64(&y[2], SHAPE(6), (int64_t[]){1, 0, 0, 2, 3, 2});
  ref_expect_i64(&y[3], SHAPE(4), (int64_t[]){2, 1, 2, 1});
  free_all(y);
  ck_ok(unique(0, 0, &x, 4, y));
  ref_expect(&y[0], 0, SHAPE(4), (float[]){2, 1, 3, 4});
  ref_expect_i64(&y[1], SHAPE(4), (int64_t[]){0, 1, 3, 4});
  ref_expect_i64(&y[2], SHAPE(6), (int64_t[]){0, 1, 1, 2, 3, 2});
  ref_expect_i64(&y[3], SHAPE(4), (int64_t[]){1, 2, 2, 1});
  free_all(y), ref_free(&x);
}
END_TEST

START_TEST(slices) {
  ref_tensor rows = ref_of(CVK_I32, SHAPE(3, 2), (int32_t[]){2, -1, 1, 5, 2, -1}),
             middle = ref_of(CVK_U8, SHAPE(2, 3, 1), (uint8_t[]){1, 0, 1, 9, 9, 9}), y[4];
  ck_ok(unique(0, 1, &rows, 4, y));
  ref_expect_bytes(&y[0], CVK_I32, SHAPE(2, 2), (int32_t[]){1, 5, 2, -1});
  ref_expect_i64(&y[1], SHAPE(2), (int64_t[]){1, 0});
  ref_expect_i64(&y[2], SHAPE(3), (int64_t[]){1, 0, 1});
  ref_expect_i64(&y[3], SHAPE(2), (int64_t[]){1, 2});
  free_all(y);
  ck_ok(unique(-2, 0, &middle, 4, y));
  ref_expect_bytes(&y[0], CVK_U8, SHAPE(2, 2, 1), (uint8_t[]){1, 0, 9, 9});
  ref_expect_i64(&y[2], SHAPE(3), (int64_t[]){0, 1, 0});
  free_all(y), ref_free(&rows), ref_free(&middle);
}
END_TEST

START_TEST(nan_and_zeros) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(5), (float[]){NAN, 0, -0.0f, NAN, -INFINITY}), y[4];
  ck_ok(unique(0, 1, &x, 4, y));
  ref_expect(&y[0], 0, SHAPE(3), (float[]){-INFINITY, 0, NAN});
  ref_expect_i64(&y[1], SHAPE(3), (int64_t[]){4, 1, 0});
  ref_expect_i64(&y[3], SHAPE(3), (int64_t[]){1, 2, 2});
  free_all(y), ref_free(&x);
}
END_TEST

START_TEST(nothing) {
  ref_tensor none = ref_new(CVK_I64, SHAPE(0)), thin = ref_new(CVK_F32, SHAPE(3, 0)), y[4];
  ck_ok(unique(0, 1, &none, 4, y));
  for (int32_t i = 0; i < 4; i++) ref_expect_shape(&y[i].desc, SHAPE(0));
  free_all(y);
  ck_ok(unique(0, 1, &thin, 4, y)); /* three slices of nothing are equal */
  ref_expect_shape(&y[0].desc, SHAPE(1, 0));
  ref_expect_i64(&y[2], SHAPE(3), (int64_t[]){0, 0, 0});
  ref_expect_i64(&y[3], SHAPE(1), (int64_t[]){3});
  free_all(y), ref_free(&none), ref_free(&thin);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor s = ref_new(CVK_F32, SCALAR), x = ref_new(CVK_F32, SHAPE(2)), y[4];
  cvk_tensor_desc d;
  ck_fails(unique(0, 1, &s, 1, y), CVK_INVALID_SHAPE, "unique: x has rank 0");
  ck_fails(unique(1, 1, &x, 1, y), CVK_INVALID_ARGUMENT, "axis is 1");
  ck_fails(ref_infer(CVK_OP_UNIQUE, NULL, 1, (const cvk_tensor_desc *const[]){&x.desc}, &d), CVK_UNSUPPORTED, "must be known");
  ref_free(&s), ref_free(&x);
}
END_TEST

SUITE("unique", elements, slices, nan_and_zeros, nothing, bad_arguments)

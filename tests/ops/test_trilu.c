/* SPDX-License-Identifier: Apache-2.0 */
/* test_trilu.c: TRILU of matrices and batches, with k as attribute and tensor and far outside, NaN elsewhere, bad input. */
#include <math.h>

#include "ref_run.h"

static void expect_trilu(int32_t upper, int64_t k, const float *want) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6}), y;
  ck_ok(ref_run1(CVK_OP_TRILU, &(cvk_trilu_attr){.upper = upper, .k = k}, &x, &y));
  ref_expect(&y, 0, SHAPE(2, 3), want);
  ref_free(&y), ref_free(&x);
}

START_TEST(triangles) {
  expect_trilu(1, 0, (float[]){1, 2, 3, 0, 5, 6});
  expect_trilu(1, 1, (float[]){0, 2, 3, 0, 0, 6});
  expect_trilu(1, -1, (float[]){1, 2, 3, 4, 5, 6});
  expect_trilu(1, INT64_MAX, (float[]){0, 0, 0, 0, 0, 0});
  expect_trilu(0, 0, (float[]){1, 0, 0, 4, 5, 0});
  expect_trilu(0, 1, (float[]){1, 2, 0, 4, 5, 6});
  expect_trilu(0, -1, (float[]){0, 0, 0, 4, 0, 0});
  expect_trilu(0, INT64_MIN, (float[]){0, 0, 0, 0, 0, 0});
  expect_trilu(0, INT64_MAX, (float[]){1, 2, 3, 4, 5, 6});
}
END_TEST

START_TEST(batches_and_types) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2, 2), (float[]){1, NAN, NAN, 4, 5, 6, NAN, 8}),
             b = ref_of(CVK_BOOL, SHAPE(2, 2), (uint8_t[]){1, 1, 1, 1}), minus = ref_of(CVK_I64, SCALAR, (int64_t[]){-1}),
             none = ref_new(CVK_I64, SHAPE(0, 2, 2)), y;
  ck_ok(ref_run1(CVK_OP_TRILU, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(2, 2, 2), (float[]){1, NAN, 0, 4, 5, 6, 0, 8});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_TRILU, &(cvk_trilu_attr){.upper = 0}, &b, &minus, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(2, 2), (uint8_t[]){0, 0, 1, 0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_TRILU, NULL, &none, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 2, 2));
  ref_free(&y), ref_free(&x), ref_free(&b), ref_free(&minus), ref_free(&none);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor row = ref_new(CVK_F32, SHAPE(3)), x = ref_new(CVK_F32, SHAPE(2, 2)), none = ref_new(CVK_I64, SHAPE(0)), y;
  ck_fails(ref_run1(CVK_OP_TRILU, NULL, &row, &y), CVK_INVALID_SHAPE, "trilu: x has rank 1, allowed 2 to 8");
  ck_fails(ref_run2(CVK_OP_TRILU, NULL, &x, &none, &y), CVK_INVALID_SHAPE, "k (input 1) has no value");
  ck_fails(ref_run2(CVK_OP_TRILU, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "input 1 has type float32");
  ref_free(&row), ref_free(&x), ref_free(&none);
}
END_TEST

SUITE("trilu", triangles, batches_and_types, bad_arguments)

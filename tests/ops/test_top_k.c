/* SPDX-License-Identifier: Apache-2.0 */
/* test_top_k.c: TOP_K: ties, NaN and infinities, every class of types, axes, k as a tensor and 0, one output, bad input. */
#include <math.h>

#include "ref_run.h"

static cvk_status top_k(int32_t axis, int64_t k, int32_t largest, const ref_tensor *x, ref_tensor y[2]) {
  return ref_run(CVK_OP_TOP_K, &(cvk_top_k_attr){.axis = axis, .k = k, .largest = largest, .sorted = 1}, 1, (const ref_tensor *const[]){x},
                 2, y);
}

START_TEST(ties_go_to_the_lower_index) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 4), (float[]){1, 3, 3, 2, -0.0f, 0, -1, 0}), y[2];
  ck_ok(top_k(-1, 3, 1, &x, y));
  ref_expect(&y[0], 0, SHAPE(2, 3), (float[]){3, 3, 2, 0, 0, 0});
  ref_expect_i64(&y[1], SHAPE(2, 3), (int64_t[]){1, 2, 3, 0, 1, 3});
  ref_free(&y[0]), ref_free(&y[1]);
  ck_ok(top_k(1, 2, 0, &x, y));
  ref_expect_i64(&y[1], SHAPE(2, 2), (int64_t[]){0, 3, 2, 0});
  ref_free(&y[0]), ref_free(&y[1]), ref_free(&x);
}
END_TEST

START_TEST(nan_is_above_infinity) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(5), (float[]){1, NAN, -INFINITY, INFINITY, -NAN}), y[2];
  ck_ok(top_k(0, 5, 1, &x, y));
  ref_expect_i64(&y[1], SHAPE(5), (int64_t[]){1, 4, 3, 0, 2});
  ref_free(&y[0]), ref_free(&y[1]);
  ck_ok(top_k(0, 5, 0, &x, y));
  ref_expect(&y[0], 0, SHAPE(5), (float[]){-INFINITY, 1, INFINITY, NAN, NAN});
  ref_expect_i64(&y[1], SHAPE(5), (int64_t[]){2, 0, 3, 1, 4});
  ref_free(&y[0]), ref_free(&y[1]), ref_free(&x);
}
END_TEST

START_TEST(integers_and_other_axes) {
  ref_tensor i = ref_of(CVK_I64, SHAPE(3, 2), (int64_t[]){INT64_MIN, 5, -1, 7, INT64_MAX, 6}),
             u = ref_of(CVK_U64, SHAPE(3), (uint64_t[]){1, UINT64_MAX, 0}), h = ref_of(CVK_F16, SHAPE(2), (uint16_t[]){0x3c00, 0xbc00}),
             y[2];
  ck_ok(top_k(0, 2, 1, &i, y));
  ref_expect_i64(&y[0], SHAPE(2, 2), (int64_t[]){INT64_MAX, 7, -1, 6});
  ref_expect_i64(&y[1], SHAPE(2, 2), (int64_t[]){2, 1, 1, 2});
  ref_free(&y[0]), ref_free(&y[1]);
  ck_ok(top_k(0, 1, 1, &u, y));
  ref_expect_bytes(&y[0], CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX});
  ref_free(&y[0]), ref_free(&y[1]);
  ck_ok(top_k(0, 1, 0, &h, y));
  ref_expect_bytes(&y[0], CVK_F16, SHAPE(1), (uint16_t[]){0xbc00});
  ref_free(&y[0]), ref_free(&y[1]), ref_free(&i), ref_free(&u), ref_free(&h);
}
END_TEST

START_TEST(k_as_a_tensor) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, 2, 3, 6, 5, 4}), one = ref_of(CVK_I64, SHAPE(1), (int64_t[]){1}),
             zero = ref_new(CVK_I64, SHAPE(1)), y;
  ck_ok(ref_run2(CVK_OP_TOP_K, NULL, &x, &one, &y)); /* the values alone, ONNX's defaults */
  ref_expect(&y, 0, SHAPE(2, 1), (float[]){3, 6});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_TOP_K, NULL, &x, &zero, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 0));
  ref_free(&y), ref_free(&x), ref_free(&one), ref_free(&zero);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), s = ref_new(CVK_F32, SCALAR), b = ref_new(CVK_BOOL, SHAPE(2)),
             none = ref_new(CVK_I64, SHAPE(0)), y[2];
  ck_fails(top_k(-1, 4, 1, &x, y), CVK_INVALID_ARGUMENT, "k is 4, allowed 0 to 3, the extent of axis 1");
  ck_fails(top_k(-1, -1, 1, &x, y), CVK_INVALID_ARGUMENT, "k is -1");
  ck_fails(top_k(2, 1, 1, &x, y), CVK_INVALID_ARGUMENT, "axis is 2");
  ck_fails(top_k(0, 1, 1, &s, y), CVK_INVALID_SHAPE, "x has rank 0");
  ck_fails(top_k(0, 1, 1, &b, y), CVK_INVALID_ARGUMENT, "input 0 has type bool");
  ck_fails(ref_run2(CVK_OP_TOP_K, NULL, &x, &none, y), CVK_INVALID_SHAPE, "k (input 1) has no value");
  ref_free(&x), ref_free(&s), ref_free(&b), ref_free(&none);
}
END_TEST

SUITE("top k", ties_go_to_the_lower_index, nan_is_above_infinity, integers_and_other_axes, k_as_a_tensor, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_arg.c: indices of the largest and smallest: axes, ties, NaN, integers beyond 2^53, empty tensors, errors. */
#include <math.h>

#include "ref_run.h"

START_TEST(axes) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, 5, 2, 7, 0, -1}), y;
  ck_ok(ref_run1(CVK_OP_ARG_MAX, NULL, &x, &y));
  ref_expect_i64(&y, SHAPE(1, 3), (int64_t[]){1, 0, 0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_ARG_MAX, &(cvk_arg_attr){.axis = -1}, &x, &y));
  ref_expect_i64(&y, SHAPE(2), (int64_t[]){1, 0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_ARG_MIN, &(cvk_arg_attr){.axis = 1, .keep_dims = 1}, &x, &y));
  ref_expect_i64(&y, SHAPE(2, 1), (int64_t[]){0, 2});
  ref_free(&y), ref_free(&x);
  ref_tensor wide = ref_ramp(1, 0, 1000, 0, 1, SHAPE(1, 300, 2)), s = ref_of(CVK_F32, SCALAR, (float[]){3});
  ck_ok(ref_run1(CVK_OP_ARG_MAX, &(cvk_arg_attr){.axis = 1}, &wide, &y)); /* over more than one run */
  ref_expect_i64(&y, SHAPE(1, 2), (int64_t[]){299, 299});
  ref_free(&y), ref_free(&wide);
  ck_ok(ref_run1(CVK_OP_ARG_MAX, NULL, &s, &y));
  ref_expect_i64(&y, SCALAR, (int64_t[]){0});
  ref_free(&y), ref_free(&s);
}
END_TEST

static void expect_one(int32_t kind, int32_t last, int32_t dtype, int64_t n, const void *values, int64_t want) {
  ref_tensor x = ref_of(dtype, 1, &n, values), y;
  ck_ok(ref_run1(kind, &(cvk_arg_attr){.select_last_index = last}, &x, &y));
  ref_expect_i64(&y, SCALAR, &want);
  ref_free(&x), ref_free(&y);
}

START_TEST(ties_and_nan) {
  const float ties[] = {2, 3, 3, 2, 3}, zeros[] = {-0.0f, 0}, nan[] = {1, NAN, INFINITY, NAN, 2};
  expect_one(CVK_OP_ARG_MAX, 0, CVK_F32, 5, ties, 1);
  expect_one(CVK_OP_ARG_MAX, 1, CVK_F32, 5, ties, 4);
  expect_one(CVK_OP_ARG_MIN, 0, CVK_F32, 5, ties, 0);
  expect_one(CVK_OP_ARG_MIN, 1, CVK_F32, 5, ties, 3);
  expect_one(CVK_OP_ARG_MAX, 0, CVK_F32, 2, zeros, 0);
  expect_one(CVK_OP_ARG_MAX, 1, CVK_F32, 2, zeros, 1);
  for (int32_t last = 0; last < 2; last++) {
    expect_one(CVK_OP_ARG_MAX, last, CVK_F32, 5, nan, last ? 3 : 1);
    expect_one(CVK_OP_ARG_MIN, last, CVK_F32, 5, nan, last ? 3 : 1);
  }
}
END_TEST

START_TEST(integers) {
  expect_one(CVK_OP_ARG_MAX, 0, CVK_I64, 3, (int64_t[]){INT64_MAX - 1, INT64_MAX, INT64_MIN}, 1);
  expect_one(CVK_OP_ARG_MIN, 1, CVK_I64, 3, (int64_t[]){INT64_MIN, INT64_MAX, INT64_MIN}, 2);
  expect_one(CVK_OP_ARG_MAX, 0, CVK_U64, 2, (uint64_t[]){1, UINT64_MAX}, 1);
  expect_one(CVK_OP_ARG_MIN, 0, CVK_U8, 3, (uint8_t[]){200, 3, 3}, 1);
  expect_one(CVK_OP_ARG_MAX, 0, CVK_F16, 2, (uint16_t[]){0xbc00, 0x3c00}, 1);
}
END_TEST

START_TEST(empty_and_bad) {
  ref_tensor e = ref_new(CVK_F32, SHAPE(0, 3)), b = ref_new(CVK_BOOL, SHAPE(2)), x = ref_new(CVK_F32, SHAPE(2, 2)), y;
  ck_ok(ref_run1(CVK_OP_ARG_MAX, &(cvk_arg_attr){.axis = 1}, &e, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_ARG_MAX, NULL, &e, &y), CVK_INVALID_SHAPE, "arg_max: axis 0 has no elements");
  ck_fails(ref_run1(CVK_OP_ARG_MIN, NULL, &b, &y), CVK_INVALID_ARGUMENT, "arg_min: input 0 has type bool");
  ck_fails(ref_run1(CVK_OP_ARG_MIN, &(cvk_arg_attr){.axis = 2}, &x, &y), CVK_INVALID_ARGUMENT, "axis is 2, allowed -2 to 1");
  ref_free(&e), ref_free(&b), ref_free(&x);
}
END_TEST

SUITE("arg", axes, ties_and_nan, integers, empty_and_bad)

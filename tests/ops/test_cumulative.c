/* SPDX-License-Identifier: Apache-2.0 */
/* test_cumulative.c: CUM_SUM and CUM_PROD: exclusive, reverse, the axis as a tensor, wrapping, precision, NaN, scalars and empty tensors.
 */
#include <math.h>

#include "ref_run.h"

START_TEST(four_ways) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6}), y;
  const struct {
    int32_t exclusive, reverse;
    float sum[6], product[6];
  } rows[] = {
      {0, 0, {1, 3, 6, 4, 9, 15}, {1, 2, 6, 4, 20, 120}},
      {1, 0, {0, 1, 3, 0, 4, 9}, {1, 1, 2, 1, 4, 20}},
      {0, 1, {6, 5, 3, 15, 11, 6}, {6, 6, 3, 120, 30, 6}},
      {1, 1, {5, 3, 0, 11, 6, 0}, {6, 3, 1, 30, 6, 1}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const cvk_cumulative_attr attr = {.axis = -1, .exclusive = rows[i].exclusive, .reverse = rows[i].reverse};
    ck_ok(ref_run1(CVK_OP_CUM_SUM, &attr, &x, &y));
    ref_expect(&y, 0, SHAPE(2, 3), rows[i].sum);
    ref_free(&y);
    ck_ok(ref_run1(CVK_OP_CUM_PROD, &attr, &x, &y));
    ref_expect(&y, 0, SHAPE(2, 3), rows[i].product);
    ref_free(&y);
  }
  ref_free(&x);
}
END_TEST

START_TEST(axis_as_a_tensor) {
  ref_tensor x = ref_of(CVK_I32, SHAPE(2, 2), (int32_t[]){1, 2, 3, INT32_MAX}), zero = ref_new(CVK_I32, SCALAR),
             minus = ref_of(CVK_I64, SHAPE(1), (int64_t[]){-1}), y;
  ck_ok(ref_run2(CVK_OP_CUM_SUM, &(cvk_cumulative_attr){.axis = 1}, &x, &zero, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(2, 2), (int32_t[]){1, 2, 4, INT32_MIN + 1});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_CUM_PROD, NULL, &x, &minus, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(2, 2), (int32_t[]){1, 2, 3, (int32_t)(3u * INT32_MAX)});
  ref_free(&y), ref_free(&x), ref_free(&zero), ref_free(&minus);
}
END_TEST

START_TEST(precision_and_nan) {
  enum { N = 300 };
  float ones[N], want[N];
  for (int32_t i = 0; i < N; i++) {
    ones[i] = i == 0 ? 0x1p24f : 1;
    want[i] = (float)(0x1p24 + i);
  }
  ref_tensor x = ref_of(CVK_F32, SHAPE(N), ones), n = ref_of(CVK_F32, SHAPE(3), (float[]){1, NAN, 2}), y;
  ck_ok(ref_run1(CVK_OP_CUM_SUM, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(N), want); /* in float32 each sum would stay at 2^24 */
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_CUM_SUM, NULL, &n, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){1, NAN, NAN});
  ref_free(&y), ref_free(&x), ref_free(&n);
}
END_TEST

START_TEST(scalars_and_nothing) {
  ref_tensor s = ref_of(CVK_F32, SCALAR, (float[]){4}), none = ref_new(CVK_F64, SHAPE(2, 0)), y;
  ck_ok(ref_run1(CVK_OP_CUM_SUM, NULL, &s, &y));
  ref_expect(&y, 0, SCALAR, (float[]){4});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_CUM_PROD, NULL, &none, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 0));
  ref_free(&y), ref_free(&s), ref_free(&none);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2)), b = ref_new(CVK_BOOL, SHAPE(2)), none = ref_new(CVK_I64, SHAPE(0)),
             two = ref_new(CVK_I64, SHAPE(2)), y;
  ck_fails(ref_run1(CVK_OP_CUM_SUM, NULL, &b, &y), CVK_INVALID_ARGUMENT, "cum_sum: input 0 has type bool");
  ck_fails(ref_run1(CVK_OP_CUM_PROD, &(cvk_cumulative_attr){.axis = 1}, &x, &y), CVK_INVALID_ARGUMENT, "cum_prod: axis is 1");
  ck_fails(ref_run2(CVK_OP_CUM_SUM, NULL, &x, &none, &y), CVK_INVALID_SHAPE, "the axis (input 1) has no value");
  ck_fails(ref_run2(CVK_OP_CUM_SUM, NULL, &x, &two, &y), CVK_INVALID_ARGUMENT, "input 1 has 2 entries");
  ref_free(&x), ref_free(&b), ref_free(&none), ref_free(&two);
}
END_TEST

SUITE("cumulative", four_ways, axis_as_a_tensor, precision_and_nan, scalars_and_nothing, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_lrn.c: LRN: the window of channels, odd and even, wider than the input; errors. */
#include <math.h>

#include "ref_run.h"

/* Channels 1 2 3 4 5, alpha = size and bias 0, beta 1: y = x / sum of squares in the window. */
static void expect(int64_t size, const float *squares) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 5, 1), (float[]){1, 2, 3, 4, 5}), y;
  float want[5];
  for (int i = 0; i < 5; i++) want[i] = (float)(i + 1) / squares[i];
  ck_ok(ref_run1(CVK_OP_LRN, &(cvk_norm_attr){.size = size, .alpha = (float)size, .beta = 1}, &x, &y));
  ref_expect(&y, 1e-7, SHAPE(1, 5, 1), want);
  ref_free(&x), ref_free(&y);
}

START_TEST(windows) {
  expect(1, (float[]){1, 4, 9, 16, 25});
  expect(2, (float[]){5, 13, 25, 41, 25}); /* c .. c + 1 */
  expect(3, (float[]){5, 14, 29, 50, 41});
  expect(4, (float[]){14, 30, 54, 50, 41}); /* c - 1 .. c + 2 */
  expect(11, (float[]){55, 55, 55, 55, 55});
}
END_TEST

START_TEST(planes_longer_than_a_run) {
  const int64_t cells = 300;
  ref_tensor x = ref_ramp(7, 3, 23, 11, 8, SHAPE(2, 3, cells)), y;
  ck_ok(ref_run1(CVK_OP_LRN, &(cvk_norm_attr){.size = 3, .alpha = 0.5f, .beta = 0.75f, .bias = 2}, &x, &y));
  const float *v = x.data;
  for (int64_t i = 0; i < cells; i++) {
    const double a = v[3 * cells + i], b = v[4 * cells + i], got = ((const float *)y.data)[3 * cells + i];
    ck_assert_double_eq_tol(got, a / pow(2 + 0.5 / 3 * (a * a + b * b), 0.75), 1e-6);
  }
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 5, 1)), flat = ref_new(CVK_F32, SHAPE(5)), y;
  ck_fails(ref_run1(CVK_OP_LRN, NULL, &x, &y), CVK_INVALID_ARGUMENT, "size is 0, allowed >= 1");
  ck_fails(ref_run1(CVK_OP_LRN, &(cvk_norm_attr){.size = 3}, &flat, &y), CVK_INVALID_SHAPE, "rank 1");
  ref_free(&x), ref_free(&flat);
}
END_TEST

SUITE("lrn", windows, planes_longer_than_a_run, errors_are_named)

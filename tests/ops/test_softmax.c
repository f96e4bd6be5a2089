/* SPDX-License-Identifier: Apache-2.0 */
/* test_softmax.c: SOFTMAX and LOG_SOFTMAX: any axis, no overflow, rows of infinities, long rows; errors. */
#include <math.h>

#include "ref_run.h"

START_TEST(rows_sum_to_one_whatever_their_size) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 3), (float[]){1000, 1001, 1002, -1000, -1001, -1002, 0, -INFINITY, 0}), y;
  ck_ok(ref_run1(CVK_OP_SOFTMAX, NULL, &x, &y));
  ref_expect(&y, 1e-7, SHAPE(3, 3), (float[]){0.09003057f, 0.24472847f, 0.66524096f, 0.66524096f, 0.24472847f, 0.09003057f, 0.5f, 0, 0.5f});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_LOG_SOFTMAX, NULL, &x, &y));
  ref_expect(&y, 1e-6, SHAPE(3, 3),
             (float[]){-2.4076059f, -1.4076059f, -0.4076059f, -0.4076059f, -1.4076059f, -2.4076059f, -0.6931472f, -INFINITY, -0.6931472f});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(rows_without_a_largest_number_are_nan) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), (float[]){INFINITY, 0, -INFINITY, -INFINITY, NAN, 0}), y;
  const float all_nan[] = {NAN, NAN, NAN, NAN, NAN, NAN};
  ck_ok(ref_run1(CVK_OP_SOFTMAX, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(3, 2), all_nan);
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(any_axis) {
  ref_tensor x = ref_ramp(7, 3, 23, 11, 8, SHAPE(2, 3, 4)), y;
  for (int32_t axis = -3; axis < 3; axis++) {
    const int32_t a = axis < 0 ? axis + 3 : axis;
    const int64_t *d = x.desc.dim, stride = cvk_count(2 - a, d + a + 1);
    ck_ok(ref_run1(CVK_OP_SOFTMAX, &(cvk_axis_attr){.axis = axis}, &x, &y));
    for (int64_t i = 0; i < 24; i++) {
      const int64_t first = i - i / stride % d[a] * stride;
      double sum = 0;
      for (int64_t k = 0; k < d[a]; k++) sum += exp(((const float *)x.data)[first + k * stride]);
      ck_assert_double_eq_tol(((const float *)y.data)[i], exp(((const float *)x.data)[i]) / sum, 1e-7);
    }
    ref_free(&y);
  }
  ref_free(&x);
}
END_TEST

START_TEST(long_rows) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1000)), y;
  ck_ok(ref_run1(CVK_OP_SOFTMAX, NULL, &x, &y));
  for (int i = 0; i < 1000; i++) ck_assert(((const float *)y.data)[i] == 0.001f);
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(scalars_and_empty_tensors) {
  ref_tensor x = ref_of(CVK_F32, SCALAR, (float[]){3}), empty = ref_new(CVK_F32, SHAPE(2, 0)), y;
  ck_ok(ref_run1(CVK_OP_SOFTMAX, NULL, &x, &y));
  ref_expect(&y, 0, SCALAR, (float[]){1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SOFTMAX, NULL, &empty, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 0));
  ref_free(&x), ref_free(&empty), ref_free(&y);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), ints = ref_new(CVK_I32, SHAPE(2)), y;
  ck_fails(ref_run1(CVK_OP_SOFTMAX, &(cvk_axis_attr){.axis = 2}, &x, &y), CVK_INVALID_ARGUMENT, "softmax: axis is 2, allowed -2 to 1");
  ck_fails(ref_run1(CVK_OP_LOG_SOFTMAX, &(cvk_axis_attr){.axis = -3}, &x, &y), CVK_INVALID_ARGUMENT, "log_softmax: axis is -3");
  ck_fails(ref_run1(CVK_OP_SOFTMAX, NULL, &ints, &y), CVK_INVALID_ARGUMENT, "type int32");
  ref_free(&x), ref_free(&ints);
}
END_TEST

SUITE("softmax", rows_sum_to_one_whatever_their_size, rows_without_a_largest_number_are_nan, any_axis, long_rows, scalars_and_empty_tensors,
      errors_are_named)

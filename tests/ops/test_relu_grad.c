/* SPDX-License-Identifier: Apache-2.0 */
/* test_relu_grad.c: RELU_GRAD: passes where y is above 0; errors. */
#include <math.h>

#include "ref_run.h"

START_TEST(passes_above_zero) {
  ref_tensor y = ref_of(CVK_F32, SHAPE(5), (float[]){-1, 0, 2, NAN, INFINITY}),
             gy = ref_of(CVK_F32, SHAPE(5), (float[]){INFINITY, NAN, 3, 4, NAN}), gx;
  ck_ok(ref_run2(CVK_OP_RELU_GRAD, NULL, &y, &gy, &gx));
  ref_expect(&gx, 0, SHAPE(5), (float[]){0, 0, 3, 0, NAN});
  ref_free(&y), ref_free(&gy), ref_free(&gx);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor y = ref_new(CVK_F32, SHAPE(2, 3)), gy = ref_new(CVK_F32, SHAPE(3)), ints = ref_new(CVK_I32, SHAPE(2, 3)), gx;
  ck_fails(ref_run2(CVK_OP_RELU_GRAD, NULL, &y, &gy, &gx), CVK_INVALID_SHAPE, "y has shape [2,3], gy [3]");
  ck_fails(ref_run2(CVK_OP_RELU_GRAD, NULL, &ints, &ints, &gx), CVK_INVALID_ARGUMENT, "int32");
  ref_free(&y), ref_free(&gy), ref_free(&ints);
}
END_TEST

SUITE("relu_grad", passes_above_zero, errors_are_named)

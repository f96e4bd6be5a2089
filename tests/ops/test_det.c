/* SPDX-License-Identifier: Apache-2.0 */
/* test_det.c: DET of hand-worked matrices, singular ones, batches, no rows, NaN, bad shapes. */
#include <math.h>

#include "ref_run.h"

START_TEST(hand_worked) {
  ref_tensor three = ref_of(CVK_F32, SHAPE(3, 3), (float[]){0, 2, 1, 3, 1, 4, 1, 5, 2}),
             two = ref_of(CVK_F64, SHAPE(2, 2), (double[]){1, 2, 3, 4}),
             batch = ref_of(CVK_F32, SHAPE(3, 2, 2), (float[]){1, 2, 3, 4, 0, 1, 1, 0, 2, 4, 1, 2}), y;
  ck_ok(ref_run1(CVK_OP_DET, NULL, &three, &y));
  ref_expect(&y, 1e-6, SCALAR, (float[]){10}); /* 0 - 2 (6 - 4) + 1 (15 - 1) */
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DET, NULL, &two, &y));
  ck_assert_double_eq_tol(*(double *)y.data, -2, 1e-15);
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DET, NULL, &batch, &y));
  ref_expect(&y, 1e-6, SHAPE(3), (float[]){-2, -1, 0});
  ref_free(&y), ref_free(&three), ref_free(&two), ref_free(&batch);
}
END_TEST

START_TEST(nothing_and_nan) {
  ref_tensor none = ref_new(CVK_F32, SHAPE(2, 0, 0)), empty = ref_new(CVK_F32, SHAPE(0, 2, 2)),
             n = ref_of(CVK_F32, SHAPE(2, 2), (float[]){0, 1, NAN, 1}), one = ref_of(CVK_F16, SHAPE(1, 1), (uint16_t[]){0x4200}), y;
  ck_ok(ref_run1(CVK_OP_DET, NULL, &none, &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){1, 1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DET, NULL, &empty, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DET, NULL, &n, &y));
  ref_expect(&y, 0, SCALAR, (float[]){NAN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DET, NULL, &one, &y));
  ref_expect_bytes(&y, CVK_F16, SCALAR, (uint16_t[]){0x4200});
  ref_free(&y), ref_free(&none), ref_free(&empty), ref_free(&n), ref_free(&one);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), row = ref_new(CVK_F32, SHAPE(2)), i = ref_new(CVK_I64, SHAPE(2, 2)), y;
  ck_fails(ref_run1(CVK_OP_DET, NULL, &x, &y), CVK_INVALID_SHAPE, "det: x has shape [2,3]");
  ck_fails(ref_run1(CVK_OP_DET, NULL, &row, &y), CVK_INVALID_SHAPE, "det: x has shape [2]");
  ck_fails(ref_run1(CVK_OP_DET, NULL, &i, &y), CVK_INVALID_ARGUMENT, "det: input 0 has type int64");
  ref_free(&x), ref_free(&row), ref_free(&i);
}
END_TEST

SUITE("det", hand_worked, nothing_and_nan, bad_arguments)

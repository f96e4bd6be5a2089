/* SPDX-License-Identifier: Apache-2.0 */
/* test_prelu.c: PRELU: slope per channel, one slope, NaN, integers, and slopes that would widen x. */
#include <math.h>

#include "ref_run.h"

START_TEST(slope_broadcasts_to_x) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 1, 2), (float[]){-1, 2, -3, NAN}),
             channel = ref_of(CVK_F32, SHAPE(2, 1, 1), (float[]){0.5f, 10}), one = ref_of(CVK_F32, SCALAR, (float[]){2}), y;
  ck_ok(ref_run2(CVK_OP_PRELU, NULL, &x, &channel, &y));
  ref_expect(&y, 0, SHAPE(1, 2, 1, 2), (float[]){-0.5f, 2, -30, NAN});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_PRELU, NULL, &x, &one, &y));
  ref_expect(&y, 0, SHAPE(1, 2, 1, 2), (float[]){-2, 2, -6, NAN});
  ref_free(&y), ref_free(&x), ref_free(&channel), ref_free(&one);
}
END_TEST

/* 0 times an infinite slope is never formed for x >= 0. */
START_TEST(infinite_slope_touches_negatives_only) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){-1, 0, 3}), slope = ref_of(CVK_F32, SHAPE(1), (float[]){INFINITY}), y;
  ck_ok(ref_run2(CVK_OP_PRELU, NULL, &x, &slope, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){-INFINITY, 0, 3});
  ref_free(&y), ref_free(&x), ref_free(&slope);
}
END_TEST

START_TEST(integers) {
  ref_tensor x = ref_of(CVK_I32, SHAPE(2), (int32_t[]){-3, 4}), slope = ref_of(CVK_I32, SHAPE(1), (int32_t[]){-2}), y;
  ck_ok(ref_run2(CVK_OP_PRELU, NULL, &x, &slope, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(2), (int32_t[]){6, 4});
  ref_free(&y), ref_free(&x), ref_free(&slope);
}
END_TEST

START_TEST(slopes_that_do_not_fit) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), wide = ref_new(CVK_F32, SHAPE(4, 2, 3)), off = ref_new(CVK_F32, SHAPE(2)),
             d = ref_new(CVK_F64, SHAPE(3)), y;
  ck_fails(ref_run2(CVK_OP_PRELU, NULL, &x, &wide, &y), CVK_INVALID_SHAPE, "slope of shape [4,2,3]");
  ck_fails(ref_run2(CVK_OP_PRELU, NULL, &x, &off, &y), CVK_INVALID_SHAPE, "x of shape [2,3]");
  ck_fails(ref_run2(CVK_OP_PRELU, NULL, &x, &d, &y), CVK_INVALID_ARGUMENT, "slope is float64");
  ref_free(&x), ref_free(&wide), ref_free(&off), ref_free(&d);
}
END_TEST

SUITE("prelu", slope_broadcasts_to_x, infinite_slope_touches_negatives_only, integers, slopes_that_do_not_fit)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_global_pool.c: GLOBAL_MAX_POOL, GLOBAL_AVG_POOL, GLOBAL_LP_POOL. */
#include <math.h>

#include "ref_run.h"

START_TEST(one_value_a_plane) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 1, 4), (float[]){1, -2, 3, -4, 5, 6, -7, 8}), y;
  ck_ok(ref_run1(CVK_OP_GLOBAL_MAX_POOL, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(1, 2, 1, 1), (float[]){3, 8});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_GLOBAL_AVG_POOL, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(1, 2, 1, 1), (float[]){-0.5f, 3});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_GLOBAL_LP_POOL, NULL, &x, &y));
  ref_expect(&y, 1e-7, SHAPE(1, 2, 1, 1), (float[]){sqrtf(30), sqrtf(174)});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_GLOBAL_LP_POOL, &(cvk_pool_attr){.p = 1}, &x, &y));
  ref_expect(&y, 0, SHAPE(1, 2, 1, 1), (float[]){10, 26});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_GLOBAL_LP_POOL, &(cvk_pool_attr){.p = 3}, &x, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 1, 1), (float[]){cbrtf(100), cbrtf(125 + 216 + 343 + 512)});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(nan_and_infinity) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 1, 3), (float[]){1, NAN, INFINITY, -INFINITY, -INFINITY, -INFINITY, INFINITY, 1, NAN}), y;
  ck_ok(ref_run1(CVK_OP_GLOBAL_MAX_POOL, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(3, 1, 1), (float[]){NAN, -INFINITY, NAN});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(long_sums_do_not_stall) {
  const int64_t n = (1 << 24) + 1000; /* past what a float can count to */
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 1, n)), y;
  for (int64_t i = 0; i < n; i++) ((float *)x.data)[i] = 1;
  ck_ok(ref_run1(CVK_OP_GLOBAL_AVG_POOL, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(1, 1, 1), (float[]){1});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(any_number_of_axes) {
  ref_tensor x = ref_ramp(7, 3, 23, 11, 8, SHAPE(1, 2, 2, 1, 3, 2)), y;
  ck_ok(ref_run1(CVK_OP_GLOBAL_AVG_POOL, NULL, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(1, 2, 1, 1, 1, 1));
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor flat = ref_new(CVK_F32, SHAPE(1, 2)), empty = ref_new(CVK_F32, SHAPE(1, 2, 0)), ints = ref_new(CVK_I32, SHAPE(1, 2, 3)),
             x = ref_new(CVK_F32, SHAPE(1, 2, 3)), y;
  ck_fails(ref_run1(CVK_OP_GLOBAL_AVG_POOL, NULL, &flat, &y), CVK_INVALID_SHAPE, "rank 2, allowed 3 to 8");
  ck_fails(ref_run1(CVK_OP_GLOBAL_AVG_POOL, NULL, &empty, &y), CVK_INVALID_SHAPE, "extent 0 on axis 2");
  ck_fails(ref_run1(CVK_OP_GLOBAL_AVG_POOL, NULL, &ints, &y), CVK_INVALID_ARGUMENT, "type int32");
  ck_fails(ref_run1(CVK_OP_GLOBAL_LP_POOL, &(cvk_pool_attr){.p = -2}, &x, &y), CVK_INVALID_ARGUMENT, "p is -2");
  ref_free(&flat), ref_free(&empty), ref_free(&ints), ref_free(&x);
}
END_TEST

SUITE("global_pool", one_value_a_plane, nan_and_infinity, long_sums_do_not_stall, any_number_of_axes, errors_are_named)

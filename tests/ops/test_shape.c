/* SPDX-License-Identifier: Apache-2.0 */
/* test_shape.c: SHAPE: all extents and parts of them. */
#include "ref_run.h"

static void expect_shape(const cvk_cast_attr *attr, int64_t n, const int64_t *want) {
  ref_tensor x = ref_new(CVK_U8, SHAPE(2, 3, 0, 5)), y;
  ck_ok(ref_run1(CVK_OP_SHAPE, attr, &x, &y));
  ref_expect_i64(&y, 1, &n, want);
  ref_free(&y), ref_free(&x);
}

START_TEST(parts) {
  expect_shape(NULL, 4, (int64_t[]){2, 3, 0, 5});
  expect_shape(&(cvk_cast_attr){.start = 1, .end = 3}, 2, (int64_t[]){3, 0});
  expect_shape(&(cvk_cast_attr){.start = -3, .end = -1}, 2, (int64_t[]){3, 0});
  expect_shape(&(cvk_cast_attr){.start = -100, .end = 100}, 4, (int64_t[]){2, 3, 0, 5});
  expect_shape(&(cvk_cast_attr){.start = 3, .end = 1}, 0, NULL);
}
END_TEST

START_TEST(of_a_scalar) {
  ref_tensor x = ref_new(CVK_F32, SCALAR), y;
  ck_ok(ref_run1(CVK_OP_SHAPE, NULL, &x, &y));
  ref_expect_i64(&y, SHAPE(0), NULL);
  ref_free(&y), ref_free(&x);
}
END_TEST

SUITE("shape", parts, of_a_scalar)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_expand.c: EXPAND: both ways of broadcasting, shapes by attribute and tensor, errors. */
#include "ref_run.h"

START_TEST(both_ways) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 1), (float[]){1, 2, 3}), shape = ref_of(CVK_I64, SHAPE(3), (int64_t[]){2, 1, 2}), y;
  ck_ok(ref_run2(CVK_OP_EXPAND, NULL, &x, &shape, &y)); /* the shape's 1 keeps x's 3 */
  ref_expect(&y, 0, SHAPE(2, 3, 2), (float[]){1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 1, .dim = {1}}, &x, &y));
  ref_expect(&y, 0, SHAPE(3, 1), x.data);
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 2, .dim = {3, 0}}, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(3, 0));
  ref_free(&y), ref_free(&x), ref_free(&shape);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(3)), y;
  ck_fails(ref_run1(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 1, .dim = {4}}, &x, &y), CVK_INVALID_SHAPE, "expand: shapes [3] and [4]");
  ck_fails(ref_run1(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 1, .dim = {-1}}, &x, &y), CVK_INVALID_ARGUMENT, "extent -1 on axis 0");
  ck_fails(ref_run1(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 9}, &x, &y), CVK_INVALID_SHAPE, "rank 9");
  ck_fails(ref_run1(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 2, .dim = {INT64_MAX, 3}}, &x, &y), CVK_SIZE_OVERFLOW, "2^63-1");
  ref_free(&x);
}
END_TEST

SUITE("expand", both_ways, bad_arguments)

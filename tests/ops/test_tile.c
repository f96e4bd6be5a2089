/* SPDX-License-Identifier: Apache-2.0 */
/* test_tile.c: TILE: repeats of each axis, zero repeats, rank 8, errors. */
#include "ref_run.h"

START_TEST(each_axis_repeats) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), repeats = ref_of(CVK_I64, SHAPE(2), (int64_t[]){2, 3}), y;
  ck_ok(ref_run2(CVK_OP_TILE, NULL, &x, &repeats, &y));
  ref_expect(&y, 0, SHAPE(4, 6), (float[]){1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_TILE, &(cvk_shape_attr){.rank = 2, .dim = {0, 3}}, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 6));
  ref_free(&y), ref_free(&x), ref_free(&repeats);
}
END_TEST

START_TEST(rank_eight) {
  ref_tensor x = ref_of(CVK_U8, SHAPE(1, 1, 1, 1, 1, 1, 1, 2), (uint8_t[]){1, 2}), y;
  ck_ok(ref_run1(CVK_OP_TILE, &(cvk_shape_attr){.rank = 8, .dim = {2, 2, 2, 2, 2, 2, 2, 2}}, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 2, 2, 2, 2, 2, 2, 4));
  for (int i = 0; i < 512; i++) ck_assert_int_eq(((uint8_t *)y.data)[i], i % 2 + 1);
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(3)), y;
  ck_fails(ref_run1(CVK_OP_TILE, &(cvk_shape_attr){.rank = 2, .dim = {1, 1}}, &x, &y), CVK_INVALID_ARGUMENT, "2 repeats for x of rank 1");
  ck_fails(ref_run1(CVK_OP_TILE, &(cvk_shape_attr){.rank = 1, .dim = {-1}}, &x, &y), CVK_INVALID_ARGUMENT, "repeated -1 times");
  ck_fails(ref_run1(CVK_OP_TILE, &(cvk_shape_attr){.rank = 1, .dim = {INT64_MAX}}, &x, &y), CVK_SIZE_OVERFLOW, "extent 3 on axis 0");
  ref_free(&x);
}
END_TEST

SUITE("tile", each_axis_repeats, rank_eight, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_affine_grid.c: AFFINE_GRID: hand-worked grids of two and three axes, bad sizes. */
#include "ref_run.h"

START_TEST(affine_grids) {
  const cvk_grid_attr corners = {.align_corners = 1};
  /* (x, y) to (x + 2 y + 3, -y + 0.5) */
  ref_tensor theta = ref_of(CVK_F32, SHAPE(1, 2, 3), (float[]){1, 2, 3, 0, -1, 0.5f}),
             size = ref_of(CVK_I64, SHAPE(4), (int64_t[]){1, 7, 2, 2}), y;
  ck_ok(ref_run2(CVK_OP_AFFINE_GRID, &corners, &theta, &size, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 2, 2), (float[]){0, 1.5f, 2, 1.5f, 4, -0.5f, 6, -0.5f});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_AFFINE_GRID, NULL, &theta, &size, &y)); /* cells at -0.5 and 0.5 */
  ref_expect(&y, 1e-6, SHAPE(1, 2, 2, 2), (float[]){1.5f, 1, 2.5f, 1, 3.5f, 0, 4.5f, 0});
  ref_free(&y);
  ((int64_t *)size.data)[2] = 0;
  ck_ok(ref_run2(CVK_OP_AFFINE_GRID, NULL, &theta, &size, &y));
  ref_expect_shape(&y.desc, SHAPE(1, 0, 2, 2));
  ref_free(&y);
  ((int64_t *)size.data)[2] = -1;
  ck_fails(ref_run2(CVK_OP_AFFINE_GRID, NULL, &theta, &size, &y), CVK_INVALID_SHAPE, "extent 2 is -1, allowed >= 0");
  ((int64_t *)size.data)[0] = 2;
  ck_fails(ref_run2(CVK_OP_AFFINE_GRID, NULL, &theta, &size, &y), CVK_INVALID_SHAPE, "theta has shape [1,2,3], wanted [2, 2, 3]");
  ref_free(&theta), ref_free(&size);
  /* the identity in three axes, one cell along the last */
  theta = ref_of(CVK_F64, SHAPE(1, 3, 4), (double[]){1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0});
  size = ref_of(CVK_I64, SHAPE(5), (int64_t[]){1, 1, 2, 1, 1});
  ck_ok(ref_run2(CVK_OP_AFFINE_GRID, &corners, &theta, &size, &y));
  ref_expect_bytes(&y, CVK_F64, SHAPE(1, 2, 1, 1, 3), (double[]){-1, -1, -1, -1, -1, 1});
  ref_free(&y), ref_free(&size);
  size = ref_of(CVK_I64, SHAPE(3), (int64_t[]){1, 1, 2});
  ck_fails(ref_run2(CVK_OP_AFFINE_GRID, NULL, &theta, &size, &y), CVK_INVALID_ARGUMENT, "the size has 3 extents, allowed 4 and 5");
  ref_free(&theta), ref_free(&size);
}
END_TEST

SUITE("affine_grid", affine_grids)

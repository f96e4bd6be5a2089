/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_reduce.c: sum, mean, maximum, minimum and product over every set of axes; the index of extremes along each. */
#include <math.h>

#include "ref_case.h"

static const int32_t kinds[] = {CVK_OP_REDUCE_MEAN, CVK_OP_REDUCE_SUM, CVK_OP_REDUCE_MAX, CVK_OP_REDUCE_MIN, CVK_OP_REDUCE_PROD};

static void check(const case_tensor *x, uint32_t mask, int32_t keep) {
  cvk_axes_attr attr = {.struct_size = sizeof attr, .keep_dims = keep, .noop_with_empty_axes = 1};
  for (int32_t i = 0; i < x->desc.rank; i++)
    if (mask >> i & 1) attr.axis[attr.n_axes++] = i;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    case_check(kinds[k], &attr, 1, &x, 1, ROWS("reduce_plain"), &(case_options){.relative = 4 * MINI_EPS, .absolute = 1e-6});
}

START_TEST(every_set_of_axes) {
  if (!mini_open()) return;
  case_tensor a = case_random(DIMS(3, 5, 4, 19), 1), b = case_random(DIMS(2, 1, 67), 2), c = case_random(DIMS(2, 3, 1, 2, 1, 2, 3, 2), 3);
  for (uint32_t mask = 0; mask < 16; mask++) check(&a, mask, mask & 1);
  for (uint32_t mask = 0; mask < 8; mask++) check(&b, mask, 1);
  for (uint32_t mask = 0; mask < 256; mask += 5) check(&c, mask, 0);
  case_free(&a);
  case_free(&b);
  case_free(&c);
  mini_close();
}
END_TEST

START_TEST(long_rows_and_columns) {
  if (!mini_open()) return;
  case_tensor x = case_new(CVK_F32, DIMS(3, 100003)), t = case_new(CVK_F32, DIMS(100003, 3));
  for (int64_t i = 0; i < 3 * 100003; i++) ((float *)x.data)[i] = ((float *)t.data)[i] = 0.1f + (float)(i % 11);
  check(&x, 2, 0);
  check(&t, 1, 0);
  check(&t, 3, 1);
  case_free(&x);
  case_free(&t);
  mini_close();
}
END_TEST

START_TEST(special_values) {
  if (!mini_open()) return;
  case_tensor x = case_random(DIMS(6, 70), 1);
  float *p = x.data;
  p[3] = NAN;
  p[70 + 69] = NAN;
  p[140 + 5] = INFINITY;
  p[210 + 5] = INFINITY;
  p[210 + 9] = -INFINITY;
  for (int64_t i = 0; i < 70; i++) p[280 + i] = -INFINITY;
  check(&x, 2, 0);
  check(&x, 1, 0);
  case_free(&x);
  mini_close();
}
END_TEST

START_TEST(nothing_to_reduce) {
  if (!mini_open()) return;
  case_tensor x = case_new(CVK_F32, DIMS(3, 0, 2)), scalar = case_random(0, NULL, 1);
  check(&x, 1, 0);
  check(&scalar, 0, 0);
  cvk_axes_attr attr = {.struct_size = sizeof attr, .n_axes = 1, .axis = {1}};
  const case_tensor *in = &x;
  case_check(CVK_OP_REDUCE_SUM, &attr, 1, &in, 1, ROWS("reduce_plain"), &(case_options){0});
  case_free(&x);
  case_free(&scalar);
  mini_close();
}
END_TEST

static void check_arg(const case_tensor *x, int32_t axis) {
  for (int32_t i = 0; i < 4; i++) {
    const cvk_arg_attr attr = {.struct_size = sizeof attr, .axis = axis, .keep_dims = i % 2, .select_last_index = i / 2};
    for (int32_t kind = CVK_OP_ARG_MAX; kind <= CVK_OP_ARG_MIN; kind++)
      case_check(kind, &attr, 1, &x, 1, ROWS("arg_plain"), &(case_options){0});
  }
}

/* Partial products overflow or vanish, the whole does neither. */
START_TEST(products_of_any_scale) {
  if (!mini_open()) return;
  case_tensor row = case_new(CVK_F32, DIMS(2, 640)), column = case_new(CVK_F32, DIMS(640, 2));
  for (int64_t i = 0; i < 640; i++)
    for (int64_t j = 0; j < 2; j++)
      ((float *)row.data)[j * 640 + i] = ((float *)column.data)[i * 2 + j] = ldexpf(i % 64 == 0 ? 1.25f : 1, i < 320 ? 3 : -3);
  check(&row, 2, 0);
  check(&column, 1, 0);
  case_free(&row);
  case_free(&column);
  mini_close();
}
END_TEST

START_TEST(indices_of_extremes) {
  if (!mini_open()) return;
  case_tensor few = case_random(DIMS(3, 5, 4, 19), 1), rows = case_random(DIMS(4, 1003), 2), empty = case_new(CVK_F32, DIMS(3, 0, 4));
  for (int64_t i = 0; i < 3 * 5 * 4 * 19; i++) ((float *)few.data)[i] = truncf(3 * ((float *)few.data)[i]);
  ((float *)few.data)[77] = ((float *)few.data)[400] = NAN;
  ((float *)rows.data)[7] = ((float *)rows.data)[900] = NAN;
  ((float *)rows.data)[1003 + 9] = ((float *)rows.data)[1003 + 1002] = INFINITY;
  ((float *)rows.data)[2006 + 16] = ((float *)rows.data)[2006 + 15] = -INFINITY;
  for (int32_t axis = 0; axis < 4; axis++) check_arg(&few, axis);
  for (int32_t axis = 0; axis < 2; axis++) check_arg(&rows, axis);
  check_arg(&empty, 0);
  case_free(&few);
  case_free(&rows);
  case_free(&empty);
  mini_close();
}
END_TEST

SUITE("opencl_reduce", every_set_of_axes, long_rows_and_columns, special_values, nothing_to_reduce, products_of_any_scale,
      indices_of_extremes)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_reduce.c: sum, mean, maximum and minimum over every set of axes. */
#include <math.h>

#include "ref_case.h"

static const int32_t kinds[] = {CVK_OP_REDUCE_MEAN, CVK_OP_REDUCE_SUM, CVK_OP_REDUCE_MAX, CVK_OP_REDUCE_MIN};

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

SUITE("opencl_reduce", every_set_of_axes, long_rows_and_columns, special_values, nothing_to_reduce)

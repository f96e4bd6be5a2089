/* SPDX-License-Identifier: Apache-2.0 */
/* test_unary.c: the unary row, every function, plain and blocked, in place; precision over the whole range and the special values. */
#include <math.h>
#include <stdlib.h>

#include "row_check.h"

typedef struct kind_case {
  int32_t kind, has_attr;
  float alpha, beta;
} kind_case;

static const kind_case kinds[] = {
    {CVK_OP_RELU, 0, 0, 0},
    {CVK_OP_LEAKY_RELU, 1, 0.1f, 0},
    {CVK_OP_SIGMOID, 0, 0, 0},
    {CVK_OP_TANH, 0, 0, 0},
    {CVK_OP_ELU, 1, 1.5f, 0},
    {CVK_OP_SELU, 1, 1.67f, 1.05f},
    {CVK_OP_CELU, 1, 0.7f, 0},
    {CVK_OP_CLIP, 1, -1, 2},
    {CVK_OP_CLIP, 1, 0.5f, 6},
    {CVK_OP_CLIP, 1, 3, 2},
    {CVK_OP_HARD_SIGMOID, 1, 0.2f, 0.5f},
    {CVK_OP_HARD_SWISH, 0, 0, 0},
    {CVK_OP_SOFTPLUS, 0, 0, 0},
    {CVK_OP_SOFTSIGN, 0, 0, 0},
    {CVK_OP_GELU, 1, 0, 0},
    {CVK_OP_GELU, 1, 1, 0},
    {CVK_OP_SWISH, 1, 1, 0},
    {CVK_OP_MISH, 0, 0, 0},
    {CVK_OP_THRESHOLDED_RELU, 1, 1, 0},
    {CVK_OP_EXP, 0, 0, 0},
    {CVK_OP_LOG, 0, 0, 0},
    {CVK_OP_SQRT, 0, 0, 0},
    {CVK_OP_ABS, 0, 0, 0},
    {CVK_OP_NEG, 0, 0, 0},
    {CVK_OP_RECIPROCAL, 0, 0, 0},
    {CVK_OP_ERF, 0, 0, 0},
    {CVK_OP_FLOOR, 0, 0, 0},
    {CVK_OP_CEIL, 0, 0, 0},
    {CVK_OP_ROUND, 0, 0, 0},
    {CVK_OP_SIN, 0, 0, 0},
    {CVK_OP_COS, 0, 0, 0},
    {CVK_OP_TAN, 0, 0, 0},
    {CVK_OP_ASIN, 0, 0, 0},
    {CVK_OP_ACOS, 0, 0, 0},
    {CVK_OP_ATAN, 0, 0, 0},
    {CVK_OP_SINH, 0, 0, 0},
    {CVK_OP_COSH, 0, 0, 0},
    {CVK_OP_ASINH, 0, 0, 0},
    {CVK_OP_ACOSH, 0, 0, 0},
    {CVK_OP_ATANH, 0, 0, 0},
    {CVK_OP_ROUND, 0, 0, 0},
    {CVK_OP_SIGN, 0, 0, 0},
    {CVK_OP_SHRINK, 1, 0.5f, 0},
    {CVK_OP_SHRINK, 1, 0.25f, 1.5f},
    {CVK_OP_SHRINK, 1, -1, 2},
};

/* 4 ulp, and 2 ulp of the largest intermediate (about 1) where the formula cancels. */
static void check(const kind_case *k, row_tensor x, int32_t blocked) {
  const cvk_unary_attr attr = {.struct_size = sizeof attr, .alpha = k->alpha, .beta = k->beta};
  row_case c = {.kind = k->kind,
                .n_in = 1,
                .attr = k->has_attr ? &attr : NULL,
                .in = {x},
                .relative = 4 * 0x1p-24,
                .absolute = 1e-37,
                .row = "unary",
                .blocked = blocked};
  if (k->kind == CVK_OP_SOFTPLUS || k->kind == CVK_OP_HARD_SIGMOID || k->kind == CVK_OP_HARD_SWISH) c.absolute = 0x1p-22;
  if (k->kind == CVK_OP_MISH) c.relative = 8 * 0x1p-24;
  if (k->kind == CVK_OP_GELU)
    c.relative = (k->alpha != 0 ? 256 : 32) * 0x1p-24; /* 1 + erf cancels; exp shows the rounding of the tanh form's argument */
  row_check(&c);
}

START_TEST(every_size) {
  for (int64_t n = 1; n <= 67; n += n < 20 ? 1 : 7)
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
      row_tensor x = row_random(CVK_F32, DIMS(n), (uint32_t)n);
      if (n > 3) row_sprinkle(&x);
      check(&kinds[i], x, 0);
    }
}
END_TEST

START_TEST(blocked_tails) {
  static const int64_t channels[] = {1, 3, 16, 17, 33};
  for (size_t j = 0; j < sizeof channels / sizeof *channels; j++)
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
      row_tensor x = row_random(CVK_F32, DIMS(2, channels[j], 3, 5), (uint32_t)j);
      row_sprinkle(&x);
      check(&kinds[i], x, 1);
    }
}
END_TEST

START_TEST(large) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) check(&kinds[i], row_random(CVK_F32, DIMS(1, 18, 67, 61), (uint32_t)i), 1);
}
END_TEST

/* Floats of every size and sign: every exponent, spread mantissas. */
START_TEST(whole_range) {
  enum { N = 40000 };
  float *values = malloc(N * sizeof *values);
  for (uint32_t i = 0; i < N; i++) {
    const uint32_t bits = (uint32_t)((uint64_t)i * 0xffffffffu / N);
    memcpy(&values[i], &bits, 4);
  }
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) check(&kinds[i], row_floats(DIMS(N), values), 0);
  free(values);
}
END_TEST

START_TEST(empty) {
  check(&kinds[0], row_random(CVK_F32, DIMS(0, 3, 4, 4), 1), 1);
  check(&kinds[2], row_random(CVK_F32, DIMS(2, 0, 4, 4), 1), 1);
}
END_TEST

SUITE("cpu_unary", every_size, blocked_tails, large, whole_range, empty)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_reduce.c: REDUCE_* over every set of axes, ARG_* along each, GLOBAL_*_POOL in every format, sums long enough to lose an f32 accumulator. */
#include <math.h>
#include <stdlib.h>

#include "row_check.h"

static void reduce_case(int32_t kind, row_tensor x, uint32_t axes, int32_t keep) {
  cvk_axes_attr a = {.struct_size = sizeof a, .keep_dims = keep, .noop_with_empty_axes = 1};
  for (int32_t i = 0; i < x.rank; i++)
    if (axes >> i & 1) a.axis[a.n_axes++] = i;
  row_case c = {.kind = kind, .n_in = 1, .attr = &a, .in = {x}, .row = "reduce", .relative = 0x1p-22, .absolute = 1e-5};
  if (kind == CVK_OP_REDUCE_MAX || kind == CVK_OP_REDUCE_MIN) c.relative = c.absolute = 0;
  row_check(&c);
}

START_TEST(every_axes) {
  for (int32_t kind = CVK_OP_REDUCE_MEAN; kind <= CVK_OP_REDUCE_PROD; kind++)
    for (uint32_t axes = 0; axes < 16; axes++) {
      row_tensor x = row_random(CVK_F32, DIMS(3, 5, 4, 19), axes);
      if (kind >= CVK_OP_REDUCE_MAX) row_sprinkle(&x);
      reduce_case(kind, x, axes, axes & 1);
      reduce_case(kind, row_random(CVK_F32, DIMS(2, 70, 1, 3), axes), axes, 1);
    }
}
END_TEST

START_TEST(every_length) {
  for (int32_t kind = CVK_OP_REDUCE_MEAN; kind <= CVK_OP_REDUCE_PROD; kind++)
    for (int64_t n = 1; n <= 67; n++) {
      reduce_case(kind, row_random(CVK_F32, DIMS(3, n), (uint32_t)n), 2, 0);
      reduce_case(kind, row_random(CVK_F32, DIMS(n, 3), (uint32_t)n), 1, 0);
    }
}
END_TEST

START_TEST(nothing) {
  for (int32_t kind = CVK_OP_REDUCE_MEAN; kind <= CVK_OP_REDUCE_PROD; kind++) {
    reduce_case(kind, row_random(CVK_F32, DIMS(3, 0, 4), 1), 2, 1);
    reduce_case(kind, row_random(CVK_F32, DIMS(3, 0, 4), 1), 6, 0);
    reduce_case(kind, row_random(CVK_F32, DIMS(3, 4, 0), 1), 2, 1);
    reduce_case(kind, row_random(CVK_F32, 0, NULL, 1), 0, 1);
  }
}
END_TEST

static row_tensor ones(int32_t rank, const int64_t *dim) {
  row_tensor t = row_random(CVK_F32, rank, dim, 1);
  for (int64_t i = 0; i < cvk_count(rank, dim); i++) ((float *)t.data)[i] = 1;
  return t;
}

START_TEST(long_sums) {
  const cvk_axes_attr a = {.struct_size = sizeof a, .n_axes = 1, .axis = {0}, .keep_dims = 1};
  row_case c = {.kind = CVK_OP_REDUCE_SUM, .n_in = 1, .attr = &a, .in = {ones(DIMS(3000000, 3))}, .row = "reduce"};
  row_check(&c);
  row_case d = {.kind = CVK_OP_GLOBAL_AVG_POOL, .n_in = 1, .in = {ones(DIMS(1, 1, 1500, 1500))}, .row = "global_pool", .blocked = 1};
  row_check(&d);
}
END_TEST

START_TEST(global_pools) {
  static const int64_t channels[] = {1, 3, 16, 17, 33};
  for (int32_t kind = CVK_OP_GLOBAL_MAX_POOL; kind <= CVK_OP_GLOBAL_AVG_POOL; kind++)
    for (int i = 0; i < 5; i++) {
      row_case c = {.kind = kind,
                    .n_in = 1,
                    .in = {row_random(CVK_F32, DIMS(2, channels[i], 7, 9), 1)},
                    .row = "global_pool",
                    .blocked = 1,
                    .relative = 0x1p-22,
                    .absolute = 1e-6};
      if (kind == CVK_OP_GLOBAL_MAX_POOL) row_sprinkle(&c.in[0]);
      row_check(&c);
      row_case d = {.kind = kind,
                    .n_in = 1,
                    .in = {row_random(CVK_F32, DIMS(2, channels[i], 1), 2)},
                    .row = "global_pool",
                    .blocked = 1,
                    .relative = 0x1p-22};
      row_check(&d);
    }
}
END_TEST

static void arg_case(row_tensor x, int32_t axis) {
  for (int i = 0; i < 4; i++) {
    const cvk_arg_attr a = {.struct_size = sizeof a, .axis = axis, .keep_dims = i % 2, .select_last_index = i / 2};
    for (int32_t kind = CVK_OP_ARG_MAX; kind <= CVK_OP_ARG_MIN; kind++) {
      row_case c = {.kind = kind, .n_in = 1, .attr = &a, .in = {x}, .row = "arg"};
      const int64_t n = cvk_count(x.rank, x.dim);
      c.in[0].data = memcpy(malloc((size_t)n * sizeof(float) + 1), x.data, (size_t)n * sizeof(float));
      row_check(&c);
    }
  }
  free(x.data);
}

/* Few different values, so that most extremes are met more than once. */
static row_tensor ties(int32_t rank, const int64_t *dim, uint32_t seed) {
  row_tensor t = row_random(CVK_F32, rank, dim, seed);
  for (int64_t i = 0; i < cvk_count(rank, dim); i++) ((float *)t.data)[i] = truncf(((float *)t.data)[i]);
  return t;
}

START_TEST(args) {
  for (int32_t axis = 0; axis < 4; axis++) {
    row_tensor x = row_random(CVK_F32, DIMS(3, 5, 4, 19), (uint32_t)axis);
    row_sprinkle(&x);
    arg_case(x, axis);
    arg_case(ties(DIMS(2, 21, 7, 37), (uint32_t)axis), axis);
    arg_case(ties(DIMS(2, 1, 3, 1), (uint32_t)axis), axis);
  }
  for (int64_t n = 1; n <= 67; n++) {
    row_tensor x = ties(DIMS(3, n), (uint32_t)n);
    if (n % 3 == 0) row_sprinkle(&x);
    arg_case(x, 1);
  }
  for (int64_t n = 125; n <= 131; n++) arg_case(ties(DIMS(3, n), (uint32_t)n), 0);
  arg_case(ties(DIMS(1, 5, 67, 61), 1), 1);
  arg_case(ties(DIMS(3, 0, 4), 1), 0);
  arg_case(ties(DIMS(1), 1), 0);
}
END_TEST

SUITE("cpu_reduce", every_axes, every_length, nothing, long_sums, global_pools, args)

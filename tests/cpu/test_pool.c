/* SPDX-License-Identifier: Apache-2.0 */
/* test_pool.c: MAX_POOL and AVG_POOL rows, plain, blocked and with indices: strides, dilation, unequal pads, ceil_mode, one to three axes.
 */
#include "row_check.h"

typedef struct geometry {
  int32_t axes;
  int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
  int32_t ceil_mode;
} geometry;

static const geometry cases[] = {
    {2, {7, 9}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 0},
    {2, {12, 31}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {12, 31}, {3, 2}, {1, 1}, {1, 1}, {2, 0}, {0, 1}, 0},
    {2, {5, 5}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 1},
    {2, {9, 9}, {4, 4}, {4, 4}, {1, 1}, {2, 2}, {2, 2}, 1},
    {2, {2, 2}, {3, 3}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
    {2, {13, 11}, {3, 2}, {2, 3}, {2, 3}, {1, 2}, {3, 0}, 1},
    {2, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {40, 67}, {5, 5}, {1, 1}, {1, 1}, {2, 2}, {2, 2}, 0},
    {2, {3, 600}, {3, 7}, {1, 2}, {1, 1}, {1, 3}, {1, 3}, 0},
    {2, {32, 32}, {32, 32}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 0},
    {1, {10}, {2}, {2}, {1}, {0}, {0}, 0},
    {1, {67}, {3}, {1}, {2}, {2}, {1}, 0},
    {3, {4, 5, 6}, {2, 2, 2}, {2, 1, 2}, {2, 2, 1}, {1, 0, 1}, {1, 0, 0}, 1},
    {3, {3, 4, 9}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 0},
};

static cvk_pool_attr attr_of(const geometry *g) {
  cvk_pool_attr a = {.struct_size = sizeof a, .ceil_mode = g->ceil_mode};
  for (int i = 0; i < g->axes; i++) {
    a.kernel[i] = g->kernel[i];
    a.stride[i] = g->stride[i];
    a.dilation[i] = g->dilation[i];
    a.pad_begin[i] = g->begin[i];
    a.pad_end[i] = g->end[i];
  }
  return a;
}

static row_tensor input(const geometry *g, int64_t n, int64_t c, uint32_t seed) {
  int64_t dim[5] = {n, c};
  for (int i = 0; i < g->axes; i++) dim[i + 2] = g->in[i];
  return row_random(CVK_F32, g->axes + 2, dim, seed);
}

static const int64_t channels[] = {1, 3, 16, 17, 33};
enum { CHANNELS = sizeof channels / sizeof *channels, CASES = sizeof cases / sizeof *cases };

START_TEST(maximum) {
  for (int j = 0; j < CHANNELS; j++)
    for (int i = 0; i < CASES; i++) {
      const cvk_pool_attr a = attr_of(&cases[i]);
      row_case c = {.kind = CVK_OP_MAX_POOL,
                    .n_in = 1,
                    .attr = &a,
                    .in = {input(&cases[i], 2, channels[j], (uint32_t)i)},
                    .row = "pool_plain",
                    .blocked = 1};
      if (i % 2) row_sprinkle(&c.in[0]);
      row_check(&c);
    }
}
END_TEST

START_TEST(average) {
  for (int j = 0; j < CHANNELS; j++)
    for (int i = 0; i < CASES; i++)
      for (int pad = 0; pad < 2; pad++) {
        cvk_pool_attr a = attr_of(&cases[i]);
        a.count_include_pad = pad;
        row_case c = {.kind = CVK_OP_AVG_POOL,
                      .n_in = 1,
                      .attr = &a,
                      .in = {input(&cases[i], 1, channels[j], (uint32_t)i)},
                      .row = "pool_plain",
                      .blocked = 1,
                      .relative = 0x1p-22,
                      .absolute = 16 * 0x1p-24};
        ((float *)c.in[0].data)[0] = __builtin_nanf("");
        row_check(&c);
      }
}
END_TEST

START_TEST(indices) {
  for (int i = 0; i < CASES; i++)
    for (int order = 0; order < 2; order++) {
      cvk_pool_attr a = attr_of(&cases[i]);
      a.storage_order = order;
      row_case c = {
          .kind = CVK_OP_MAX_POOL, .n_in = 1, .n_out = 2, .attr = &a, .in = {input(&cases[i], 2, 3, (uint32_t)i)}, .row = "pool_indices"};
      if (i % 2) row_sprinkle(&c.in[0]);
      row_check(&c);
    }
}
END_TEST

/* Ties: the first element wins; a row of -inf has an index too. */
START_TEST(ties) {
  static const float same[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const cvk_pool_attr a = {.struct_size = sizeof a, .kernel = {2, 2}, .stride = {2, 2}};
  row_case c = {
      .kind = CVK_OP_MAX_POOL, .n_in = 1, .n_out = 2, .attr = &a, .in = {row_floats(DIMS(1, 1, 4, 4), same)}, .row = "pool_indices"};
  row_check(&c);
  const float inf = -__builtin_inff(), low[4] = {inf, inf, inf, inf};
  const cvk_pool_attr b = {.struct_size = sizeof b, .kernel = {2}, .stride = {2}};
  row_case d = {.kind = CVK_OP_MAX_POOL, .n_in = 1, .n_out = 2, .attr = &b, .in = {row_floats(DIMS(1, 1, 4), low)}, .row = "pool_indices"};
  row_check(&d);
}
END_TEST

START_TEST(empty_batch) {
  const cvk_pool_attr a = {.struct_size = sizeof a, .kernel = {2, 2}, .stride = {2, 2}};
  row_case c = {
      .kind = CVK_OP_MAX_POOL, .n_in = 1, .attr = &a, .in = {row_random(CVK_F32, DIMS(0, 2, 4, 4), 1)}, .row = "pool", .blocked = 1};
  row_check(&c);
}
END_TEST

SUITE("cpu_pool", maximum, average, indices, ties, empty_batch)

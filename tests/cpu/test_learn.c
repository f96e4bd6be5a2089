/* SPDX-License-Identifier: Apache-2.0 */
/* test_learn.c: rows of the ops for learning: RELU_GRAD, MAX_POOL_GRAD, AVG_POOL_GRAD. */
#include <math.h>

#include "row_check.h"

static const int64_t channels[] = {1, 3, 6, 16, 17, 33};
enum { CHANNELS = sizeof channels / sizeof *channels };

static void relu_grad_case(row_tensor y, row_tensor gy, int32_t blocked) {
  row_case k = {.kind = CVK_OP_RELU_GRAD, .n_in = 2, .row = "relu_grad", .blocked = blocked, .in = {y, gy}};
  row_check(&k);
}

START_TEST(relu_grad) {
  for (int64_t n = 0; n <= 150; n += n < 70 ? 1 : 13) {
    row_tensor y = row_random(CVK_F32, DIMS(n), 1), gy = row_random(CVK_F32, DIMS(n), 2);
    row_sprinkle(&y);
    if (n > 5) ((float *)gy.data)[5] = NAN;
    relu_grad_case(y, gy, 0);
  }
  for (int i = 0; i < CHANNELS; i++) {
    row_tensor y = row_random(CVK_F32, DIMS(2, channels[i], 3, 5), 1), gy = row_random(CVK_F32, DIMS(2, channels[i], 3, 5), 2);
    row_sprinkle(&y);
    row_sprinkle(&gy);
    relu_grad_case(y, gy, 1);
  }
  relu_grad_case(row_random(CVK_F32, DIMS(3, 17, 31, 33), 1), row_random(CVK_F32, DIMS(3, 17, 31, 33), 2), 1);
}
END_TEST

/* Few values, so that maxima tie. */
static row_tensor few(int32_t rank, const int64_t *dim, uint32_t seed, int32_t special) {
  row_tensor t = row_random(CVK_F32, rank, dim, seed);
  const int64_t n = cvk_count(rank, dim);
  for (int64_t i = 0; i < n; i++) ((float *)t.data)[i] = floorf(((float *)t.data)[i] / 2);
  if (special) row_sprinkle(&t);
  return t;
}

/* gy's shape is what the pool gives. */
static void pool_grad_case(int32_t kind, int32_t rank, const int64_t *dim, const cvk_pool_attr *a, int32_t special) {
  const int32_t is_max = kind == CVK_OP_MAX_POOL_GRAD;
  cvk_any_attr resolved;
  cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = rank}, y = {.struct_size = sizeof y};
  for (int32_t i = 0; i < rank; i++) x.dim[i] = dim[i];
  ck_ok(cvk_op_resolve(is_max ? CVK_OP_MAX_POOL : CVK_OP_AVG_POOL, a, 1, (const cvk_tensor_desc *[]){&x}, 1, &y, &resolved));
  row_case k = {.kind = kind,
                .n_in = 2,
                .attr = a,
                .row = "pool_grad",
                .blocked = 1,
                .relative = 4 * 0x1p-24,
                .absolute = 0x1p-20,
                .in = {few(rank, dim, 1, special), row_random(CVK_F32, y.rank, y.dim, 2)}};
  row_check(&k);
}

typedef struct pool_window {
  int32_t spatial;
  int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
  int32_t ceil_mode;
} pool_window;

static const pool_window windows[] = {
    {2, {28, 28}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {10, 10}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {7, 9}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {7, 9}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 1},
    {2, {4, 34}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {5, 71}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {2, 2}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {6, 8}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 0},
    {2, {9, 44}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 0},
    {2, {12, 13}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 0},
    {2, {8, 37}, {3, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {11, 40}, {2, 3}, {3, 3}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {11, 38}, {3, 3}, {1, 2}, {2, 2}, {1, 1}, {2, 1}, 0},
    {2, {6, 6}, {6, 6}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 0},
    {2, {9, 9}, {2, 2}, {3, 3}, {1, 1}, {0, 0}, {0, 0}, 0},
    {1, {45}, {3}, {2}, {1}, {1}, {1}, 0},
    {1, {12}, {2}, {2}, {1}, {0}, {0}, 0},
    {3, {4, 5, 6}, {2, 2, 2}, {2, 2, 2}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, 0},
    {3, {4, 5, 19}, {3, 2, 3}, {1, 1, 1}, {1, 2, 1}, {1, 0, 1}, {1, 0, 1}, 0},
};

START_TEST(pool_grad) {
  for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
    for (int j = 0; j < CHANNELS; j++) {
      const pool_window *w = &windows[i];
      cvk_pool_attr a = {.struct_size = sizeof a, .ceil_mode = w->ceil_mode};
      int64_t dim[CVK_MAX_RANK] = {2, channels[j]};
      for (int32_t s = 0; s < w->spatial; s++) {
        dim[2 + s] = w->in[s];
        a.kernel[s] = w->kernel[s];
        a.stride[s] = w->stride[s];
        a.dilation[s] = w->dilation[s];
        a.pad_begin[s] = w->begin[s];
        a.pad_end[s] = w->end[s];
      }
      for (int32_t special = 0; special < 2; special++) pool_grad_case(CVK_OP_MAX_POOL_GRAD, 2 + w->spatial, dim, &a, special);
      for (a.count_include_pad = 0; a.count_include_pad < 2; a.count_include_pad++)
        pool_grad_case(CVK_OP_AVG_POOL_GRAD, 2 + w->spatial, dim, &a, 0);
    }
}
END_TEST

/* A window of nothing but -inf gives to its first cell in the image; gradients that are not finite reach that cell alone. */
START_TEST(max_pool_grad_special) {
  const float inf = INFINITY, x[] = {-inf, -inf, -inf, -inf, NAN, 1, NAN, 2, 0.0f, -0.0f, -0.0f, 0.0f}, gy[] = {1, NAN, 3, inf};
  const cvk_pool_attr a = {.struct_size = sizeof a, .kernel = {3}, .stride = {3}, .pad_begin = {1}, .pad_end = {1}};
  row_case k = {.kind = CVK_OP_MAX_POOL_GRAD,
                .n_in = 2,
                .attr = &a,
                .row = "pool_grad",
                .blocked = 1,
                .in = {row_floats(DIMS(1, 1, 12), x), row_floats(DIMS(1, 1, 4), gy)}};
  row_check(&k);
}
END_TEST

SUITE("cpu_learn", relu_grad, pool_grad, max_pool_grad_special)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_learn.c: rows of the ops for learning: RELU_GRAD, MAX_POOL_GRAD, AVG_POOL_GRAD, BATCH_NORM_TRAIN, BATCH_NORM_GRAD,
 * SOFTMAX_CROSS_ENTROPY and its gradient, DROPOUT_TRAIN, SGD, ADAM. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mini_host.h"
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
    for (int j = 0; j < CHANNELS; j += i == 0 ? 1 : 4) { /* all of them once, else 1 and 17 */
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

static row_tensor targets(int32_t dtype, int32_t rank, const int64_t *dim, int64_t classes, int64_t ignored) {
  row_tensor t = row_random(dtype, rank, dim, 7);
  const int64_t n = cvk_count(rank, dim);
  for (int64_t i = 0; i < n; i++) {
    const int64_t v = i % 5 == 3 ? ignored : (i * 7 + 3) % classes;
    if (dtype == CVK_I64)
      ((int64_t *)t.data)[i] = v;
    else
      ((int32_t *)t.data)[i] = (int32_t)v;
  }
  return t;
}

/* A loss and its gradient; dim: N, C, ... The loss' shape is the target's or a scalar. */
static void loss_case(int32_t rank, const int64_t *dim, const cvk_cross_entropy_attr *a, int32_t type, int32_t weighted, int32_t special) {
  int64_t t[CVK_MAX_RANK] = {dim[0]};
  for (int32_t i = 2; i < rank; i++) t[i - 1] = dim[i];
  const int64_t ignored = a->has_ignore ? a->ignore_index : 0;
  for (int32_t grad = 0; grad < 2; grad++) {
    row_tensor x = row_random(CVK_F32, rank, dim, 1), w = {0};
    if (special) row_sprinkle(&x);
    if (weighted) w = row_random(CVK_F32, DIMS(dim[1]), 2);
    for (int64_t i = 0; weighted && i < dim[1]; i++) ((float *)w.data)[i] = fabsf(((float *)w.data)[i]) + 0.25f;
    row_case k = {.kind = grad ? CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD : CVK_OP_SOFTMAX_CROSS_ENTROPY,
                  .n_in = 2 + grad + weighted,
                  .attr = a,
                  .row = "cross_entropy",
                  .relative = 16 * 0x1p-24,
                  .absolute = 0x1p-21, /* smoothing takes the weights, up to 4, from their share */
                  .in = {x, targets(type, rank - 1, t, dim[1], ignored)}};
    if (grad) k.in[2] = a->reduction == CVK_LOSS_NONE ? row_random(CVK_F32, rank - 1, t, 3) : row_random(CVK_F32, 0, t, 3);
    if (weighted) k.in[2 + grad] = w;
    row_check(&k);
  }
}

START_TEST(cross_entropy) {
  static const int64_t rows[] = {1, 15, 16, 64}, classes[] = {1, 10, 67};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++)
      for (int32_t reduction = CVK_LOSS_MEAN; reduction <= CVK_LOSS_NONE; reduction++)
        for (int32_t way = 0; way < 3; way++) {
          const cvk_cross_entropy_attr a = {.struct_size = sizeof a,
                                            .reduction = reduction,
                                            .has_ignore = way > 0,
                                            .ignore_index = way == 1 ? -1 : -100,
                                            .label_smoothing = way == 2 ? 0.1f : 0};
          loss_case(2, (int64_t[]){rows[i], classes[c]}, &a, way ? CVK_I32 : CVK_I64, way == 2, 0);
        }
}
END_TEST

START_TEST(cross_entropy_cells) {
  const cvk_cross_entropy_attr a = {.struct_size = sizeof a, .reduction = CVK_LOSS_NONE, .label_smoothing = 0.25f},
                               mean = {.struct_size = sizeof mean};
  for (int32_t special = 0; special < 2; special++) {
    loss_case(4, (int64_t[]){2, 5, 3, 7}, &a, CVK_I64, 1, special);
    loss_case(3, (int64_t[]){3, 70, 33}, &mean, CVK_I32, 0, special);
    loss_case(2, (int64_t[]){20, 11}, &a, CVK_I64, 1, special);
  }
  loss_case(4, (int64_t[]){1, 1, 1, 1}, &a, CVK_I64, 0, 0);
  loss_case(2, (int64_t[]){0, 4}, &mean, CVK_I64, 0, 0);
  loss_case(3, (int64_t[]){2, 4, 0}, &a, CVK_I64, 0, 0);
}
END_TEST

/* Sure predictions: 1 - p is no rounding error. */
START_TEST(cross_entropy_sure) {
  const float x[] = {8, 0, 0, 12, 0, 1, -5, 5, 0};
  const int64_t t[] = {0, 0, 1};
  const cvk_cross_entropy_attr a = {.struct_size = sizeof a, .reduction = CVK_LOSS_NONE};
  for (int32_t grad = 0; grad < 2; grad++) {
    row_case k = {.kind = grad ? CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD : CVK_OP_SOFTMAX_CROSS_ENTROPY,
                  .n_in = 2 + grad,
                  .attr = &a,
                  .row = "cross_entropy",
                  .relative = 8 * 0x1p-24,
                  .in = {row_floats(DIMS(3, 3), x), row_ints(3, t, 0)}};
    if (grad) k.in[2] = row_floats(DIMS(3), (const float[]){1, 0.5f, -2});
    row_check(&k);
  }
}
END_TEST

/* A target out of range is a sentence with the numbers; nothing of x is read. */
START_TEST(cross_entropy_bad_target) {
  const cvk_cross_entropy_attr a = {.struct_size = sizeof a};
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 2, .dim = {2, 3}},
                        loss = {.struct_size = sizeof loss, .dtype = CVK_F32};
  const cvk_tensor_desc t = {.struct_size = sizeof t, .dtype = CVK_I64, .rank = 1, .dim = {2}};
  const cvk_tensor_desc *in[] = {&x, &t}, *out[] = {&loss};
  const cvk_op op = {
      .struct_size = sizeof op, .kind = CVK_OP_SOFTMAX_CROSS_ENTROPY, .n_in = 2, .n_out = 1, .in = in, .out = out, .attr = &a};
  for (const char *const *cap = mini_host_caps; *cap; cap++) {
    mini_host h;
    cvk_candidate c = {.struct_size = sizeof c}, *list[] = {&c};
    cvk_kernel *kernel = NULL;
    int32_t n = 1;
    float logits[6] = {0}, result, losses[2];
    int64_t target[2] = {1, 3};
    if (!mini_host_open(&h, *cap, 1)) continue;
    ck_assert(h.backend->supports(h.device, &op, list, &n) == CVK_OK);
    ck_assert(h.backend->prepare(h.device, &op, &c, NULL, &kernel) == CVK_OK);
    for (int64_t bad = -1; bad <= 3; bad += 4) {
      char want[64];
      target[1] = bad;
      const cvk_arg args[] = {{logits, 0, sizeof logits}, {target, 0, sizeof target}}, to = {&result, 0, sizeof result},
                    work = {losses, 0, sizeof losses};
      ck_assert(h.backend->execute(kernel, NULL, args, &to, &work, NULL, 0, NULL) == CVK_INVALID_ARGUMENT);
      snprintf(want, sizeof want, "target %d at position 1, allowed 0 to 2", (int)bad);
      ck_assert_msg(strstr(h.message, want) != NULL, "%s", h.message);
    }
    h.backend->kernel_free(kernel);
    mini_host_close(&h);
  }
}
END_TEST

static row_tensor number(float v) {
  return row_floats(0, NULL, &v);
}

static row_tensor above_zero(int32_t rank, const int64_t *dim, uint32_t seed) {
  row_tensor t = row_random(CVK_F32, rank, dim, seed);
  for (int64_t i = 0; i < cvk_count(rank, dim); i++) ((float *)t.data)[i] = fabsf(((float *)t.data)[i]);
  return t;
}

START_TEST(sgd) {
  for (int64_t n = 0; n <= 9000; n += n < 36 ? 1 + n % 3 : n < 100 ? 29 : 4431)
    for (int32_t way = 0; way < 4; way++) {
      const cvk_sgd_attr a = {.struct_size = sizeof a, .momentum = way ? 0.9f : 0, .decay = way > 1 ? 0.01f : 0, .nesterov = way == 3};
      row_case k = {.kind = CVK_OP_SGD,
                    .n_in = way == 3 ? 5
                            : way    ? 4
                                     : 3,
                    .n_out = way == 1 ? 1 : 2,
                    .attr = &a,
                    .row = "optimizer",
                    .relative = 8 * 0x1p-24,
                    .absolute = 0x1p-22,
                    .in = {row_random(CVK_F32, DIMS(n), 1), row_random(CVK_F32, DIMS(n), 2), number(0.1f), row_random(CVK_F32, DIMS(n), 3),
                           number(0.5f)}};
      if (way == 0) free(k.in[3].data);
      if (way != 3) free(k.in[4].data);
      row_check(&k);
    }
}
END_TEST

START_TEST(adam) {
  static const int64_t steps[] = {1, 2, 1000, 1000000};
  for (int64_t n = 0; n <= 9000; n += n < 36 ? 1 + n % 3 : n < 100 ? 29 : 4431)
    for (int32_t way = 0; way < 4; way++) {
      const cvk_adam_attr a = {
          .struct_size = sizeof a, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .decay = way > 1 ? 0.1f : 0, .decoupled = way == 3};
      row_case k = {.kind = CVK_OP_ADAM,
                    .n_in = way == 2 ? 7 : 6,
                    .n_out = way == 1 ? 1 : 3,
                    .attr = &a,
                    .row = "optimizer",
                    .relative = 16 * 0x1p-24,
                    .absolute = 0x1p-21,
                    .in = {row_random(CVK_F32, DIMS(1, n), 1), row_random(CVK_F32, DIMS(1, n), 2), number(0.001f),
                           row_ints(1, &steps[way], 0), row_random(CVK_F32, DIMS(1, n), 3), above_zero(DIMS(1, n), 4), number(0.5f)}};
      if (way != 2) free(k.in[6].data);
      row_check(&k);
    }
}
END_TEST

/* x about `centre`; with running statistics or without. */
static void norm_train_case(int32_t rank, const int64_t *dim, float centre, int32_t running) {
  const int64_t c = dim[1], n = cvk_count(rank, dim);
  const cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = 1e-3f, .alpha = 0.7f};
  row_tensor x = row_random(CVK_F32, rank, dim, 1);
  for (int64_t i = 0; i < n; i++) ((float *)x.data)[i] += centre;
  row_case k = {.kind = CVK_OP_BATCH_NORM_TRAIN,
                .n_in = 3,
                .n_out = 5,
                .attr = &a,
                .row = "batch_norm_train",
                .blocked = 1,
                .relative = 8 * 0x1p-24,
                .absolute = 0x1p-20,
                .in = {x, row_random(CVK_F32, DIMS(c), 2), row_random(CVK_F32, DIMS(c), 3)}};
  if (running) {
    k.n_in = 5;
    k.in[3] = row_random(CVK_F32, DIMS(c), 4);
    k.in[4] = above_zero(DIMS(c), 5);
  } else {
    k.unwanted = 0x6;
  }
  row_check(&k);
}

/* The sums, and then gx, whose terms may be hundreds: the bound of the sums is 4 2^-24 of the sum of the products' magnitudes, 4 on
 * average, over a deviation above 1/2. */
static void norm_grad_case(int32_t rank, const int64_t *dim) {
  const int64_t c = dim[1];
  const cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = 1e-2f};
  for (uint32_t unwanted = 1; unwanted <= 6; unwanted += 5) {
    row_case k = {.kind = CVK_OP_BATCH_NORM_GRAD,
                  .n_in = 5,
                  .n_out = 3,
                  .attr = &a,
                  .row = "batch_norm_train",
                  .blocked = 1,
                  .relative = 8 * 0x1p-24,
                  .absolute = unwanted == 1 ? 32 * 0x1p-24 * (double)(cvk_count(rank, dim) / c) : 0x1p-15,
                  .unwanted = unwanted,
                  .in = {row_random(CVK_F32, rank, dim, 1), row_random(CVK_F32, DIMS(c), 2), row_random(CVK_F32, DIMS(c), 3),
                         above_zero(DIMS(c), 4), row_random(CVK_F32, rank, dim, 5)}};
    for (int64_t i = 0; i < c; i++) ((float *)k.in[3].data)[i] += 0.25f;
    row_check(&k);
  }
}

START_TEST(batch_norm_train) {
  static const int64_t cells[][2] = {{5, 7}, {1, 1}, {28, 28}, {14, 14}, {3, 50}};
  for (int i = 0; i < CHANNELS; i += 2)
    for (size_t j = 0; j < sizeof cells / sizeof *cells; j++)
      for (int64_t images = 1; images <= 4; images += 3) {
        const int64_t dim[] = {images, channels[i], cells[j][0], cells[j][1]};
        norm_train_case(4, dim, 0, 1);
        norm_train_case(4, dim, 0, 0);
        norm_grad_case(4, dim);
      }
  for (int32_t rank = 2; rank <= 5; rank++) {
    norm_train_case(rank, (int64_t[]){6, 19, 2, 3, 5}, 0, 1);
    norm_grad_case(rank, (int64_t[]){6, 19, 2, 3, 5});
  }
}
END_TEST

/* A mean far from zero beside the deviation: nothing cancels. The bound is that of inputs known to 2^-24. */
START_TEST(batch_norm_train_far) {
  norm_train_case(4, (int64_t[]){4, 17, 9, 9}, 1000, 1);
  norm_train_case(4, (int64_t[]){1, 3, 40, 70}, -4096, 1);
}
END_TEST

START_TEST(batch_norm_special) {
  const cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = 0, .alpha = 0.9f};
  const float x[] = {1, NAN, 2, 2, 3, INFINITY, 2, 2}, scale[] = {2, 1, 1, 1}, bias[] = {0.5f, 0, 0, 0};
  row_case k = {.kind = CVK_OP_BATCH_NORM_TRAIN,
                .n_in = 3,
                .n_out = 5,
                .attr = &a,
                .row = "batch_norm_train",
                .blocked = 1,
                .relative = 1e-6,
                .in = {row_floats(DIMS(2, 4, 1), x), row_floats(DIMS(4), scale), row_floats(DIMS(4), bias)}};
  row_check(&k);
}
END_TEST

START_TEST(dropout_train) {
  static const float ratios[] = {0, 0.1f, 0.5f, 0.99f};
  for (int64_t n = 0; n <= 20000; n += n < 20 ? 3 : n < 300 ? 37 : 6543)
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
      const cvk_dropout_attr a = {.struct_size = sizeof a, .ratio = ratios[i], .stream = (int64_t)i << 33 | 5};
      const int64_t seed = 0x123456789abcdef + n;
      row_tensor x = row_random(CVK_F32, DIMS(n), 1);
      if (n > 10) row_sprinkle(&x);
      row_case k = {
          .kind = CVK_OP_DROPOUT_TRAIN, .n_in = 2, .attr = &a, .row = "dropout_train", .relative = 2 * 0x1p-24, .absolute = 1e-44};
      k.in[0] = x;
      k.in[1] = row_ints(1, &seed, 0);
      row_check(&k);
    }
}
END_TEST

SUITE("cpu_learn", relu_grad, pool_grad, max_pool_grad_special, cross_entropy, cross_entropy_cells, cross_entropy_sure,
      cross_entropy_bad_target, sgd, adam, batch_norm_train, batch_norm_train_far, batch_norm_special, dropout_train)

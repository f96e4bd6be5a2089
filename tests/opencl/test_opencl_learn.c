/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_learn.c: the gradients, losses and optimisers of training against the reference, on every row that offers itself. */
#include <math.h>
#include <stdlib.h>

#include "ref_case.h"

/* Rows that only devices of class cpu have, then those of all. */
static void check(int32_t kind, const void *attr, int32_t n_in, const case_tensor *const *in, int32_t n_out, const char *const *cpu,
                  const char *const *all, const case_options *options) {
  if (cpu && mini_cpu_class()) case_check(kind, attr, n_in, in, n_out, cpu, options);
  case_check(kind, attr, n_in, in, n_out, all, options);
}

START_TEST(relu_passes_where_y_is_positive) {
  if (!mini_open()) return;
  for (int64_t channels = 15; channels <= 17; channels++) {
    case_tensor y = case_random(DIMS(2, channels, 5, 7), 1), gy = case_random(DIMS(2, channels, 5, 7), 2);
    ((float *)y.data)[3] = NAN;
    ((float *)gy.data)[5] = INFINITY;
    case_check(CVK_OP_RELU_GRAD, NULL, 2, (const case_tensor *const[]){&y, &gy}, 1, ROWS("relu_grad_blocked", "relu_grad_plain"),
               &(case_options){0});
    case_free(&y);
    case_free(&gy);
  }
  mini_close();
}
END_TEST

static void check_pool(const int64_t *x_dim, const cvk_pool_attr *attr, int32_t special) {
  case_tensor x = case_random(4, x_dim, 7), y = {.desc = {.struct_size = sizeof y.desc}};
  const cvk_tensor_desc *in = &x.desc;
  cvk_any_attr resolved;
  ck_ok(cvk_op_resolve(CVK_OP_MAX_POOL, attr, 1, &in, 1, &y.desc, &resolved));
  case_tensor gy = case_random(4, y.desc.dim, 8);
  float *p = x.data;
  for (int64_t i = 0; i < cvk_count(4, x_dim); i++) p[i] = truncf(3 * p[i]); /* many equals */
  if (special)
    for (int64_t i = 0; i < cvk_count(4, x_dim); i += 5) p[i] = i % 3 == 0 ? NAN : -INFINITY;
  const case_tensor *const both[] = {&x, &gy};
  check(CVK_OP_MAX_POOL_GRAD, attr, 2, both, 1, ROWS("pool_grad_blocked"), ROWS("pool_grad_plain"),
        &(case_options){.relative = 4 * MINI_EPS, .absolute = 8 * MINI_EPS});
  check(CVK_OP_AVG_POOL_GRAD, attr, 2, both, 1, ROWS("pool_grad_blocked"), ROWS("pool_grad_plain"),
        &(case_options){.relative = 4 * MINI_EPS, .absolute = 8 * MINI_EPS});
  case_free(&x);
  case_free(&gy);
}

START_TEST(gradients_of_pools) {
  if (!mini_open()) return;
  for (int64_t size = 1; size <= 4; size++)
    for (int64_t stride = 1; stride <= 3; stride++)
      for (int32_t i = 0; i < 4; i++) {
        const int64_t pad = i < 2 ? 0 : size / 2;
        const cvk_pool_attr attr = {.struct_size = sizeof attr,
                                    .kernel = {size, size},
                                    .stride = {stride, stride},
                                    .dilation = {1 + i % 2, 1},
                                    .pad_begin = {pad, pad},
                                    .pad_end = {pad, 0},
                                    .count_include_pad = i % 2,
                                    .ceil_mode = i == 3};
        check_pool((int64_t[]){2, 3 + 16 * (i % 2), 9, 7 + size}, &attr, i == 1);
      }
  for (int64_t size = 2; size <= 3; size++) /* windows that cover the planes without overlapping */
    for (int32_t special = 0; special < 2; special++) {
      const cvk_pool_attr attr = {.struct_size = sizeof attr, .kernel = {size, size}, .stride = {size, size}};
      check_pool((int64_t[]){2, 19, 4 * size, 6 * size}, &attr, special);
    }
  mini_close();
}
END_TEST

static void check_loss(const case_tensor *x, const case_tensor *target, const case_tensor *weight, const cvk_cross_entropy_attr *attr) {
  const case_tensor *const in[] = {x, target, weight};
  case_tensor gy = attr->reduction == CVK_LOSS_NONE ? case_random(target->desc.rank, target->desc.dim, 4) : case_random(0, NULL, 4);
  const case_tensor *const grad_in[] = {x, target, &gy, weight};
  const case_options options = {.relative = 16 * MINI_EPS, .absolute = 16 * MINI_EPS};
  case_check(CVK_OP_SOFTMAX_CROSS_ENTROPY, attr, weight ? 3 : 2, in, 1, ROWS("cross_entropy_plain"), &options);
  case_check(CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD, attr, weight ? 4 : 3, grad_in, 1, ROWS("cross_entropy_grad_plain"), &options);
  case_free(&gy);
}

START_TEST(cross_entropy) {
  if (!mini_open()) return;
  static const int64_t classes[] = {1, 10, 129};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    for (int32_t k = 0; k < 12; k++) {
      const int64_t c = classes[i], n = 3 * 4;
      case_tensor x = case_random(DIMS(3, c, 4), 1), target = case_new(k % 2 ? CVK_I64 : CVK_I32, DIMS(3, 4)),
                  weight = case_random(DIMS(c), 2);
      for (int64_t j = 0; j < c; j++) ((float *)weight.data)[j] = fabsf(((float *)weight.data)[j]) + 0.1f;
      for (int64_t j = 0; j < 3 * c * 4; j++) ((float *)x.data)[j] *= 20;
      for (int64_t j = 0; j < n; j++) {
        const int64_t t = j == 5 && k >= 6 ? -100 : (j * 7) % c;
        if (k % 2)
          ((int64_t *)target.data)[j] = t;
        else
          ((int32_t *)target.data)[j] = (int32_t)t;
      }
      const cvk_cross_entropy_attr attr = {.struct_size = sizeof attr,
                                           .reduction = k % 3,
                                           .ignore_index = -100,
                                           .has_ignore = k >= 6,
                                           .label_smoothing = k % 4 >= 2 ? 0.1f : 0};
      check_loss(&x, &target, k % 4 == 1 || k % 4 == 3 ? &weight : NULL, &attr);
      case_free(&x);
      case_free(&target);
      case_free(&weight);
    }
  mini_close();
}
END_TEST

/* What the reference refuses a kernel can only say by a number. */
START_TEST(targets_that_do_not_exist_give_nan) {
  if (!mini_open()) return;
  float x[4 * 3] = {0}, y[4] = {0}, gx[4 * 3] = {0}, gy[4] = {1, 1, 1, 1};
  int64_t target[4] = {2, 3, -1, INT64_MIN};
  const cvk_cross_entropy_attr attr = {.struct_size = sizeof attr, .reduction = CVK_LOSS_NONE};
  mini_op loss = {.kind = CVK_OP_SOFTMAX_CROSS_ENTROPY, .attr = &attr, .n_in = 2, .n_out = 1};
  loss.in[0] = mini_f32(2, (int64_t[]){4, 3}, x);
  loss.in[1] = (mini_tensor){.dtype = CVK_I64, .rank = 1, .dim = {4}, .data = target};
  loss.out[0] = mini_f32(1, (int64_t[]){4}, y);
  mini_must_run("cross_entropy_plain", &loss);
  mini_op grad = {.kind = CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD, .attr = &attr, .n_in = 3, .n_out = 1, .in = {loss.in[0], loss.in[1]}};
  grad.in[2] = mini_f32(1, (int64_t[]){4}, gy);
  grad.out[0] = mini_f32(2, (int64_t[]){4, 3}, gx);
  mini_must_run("cross_entropy_grad_plain", &grad);
  ck_assert(fabsf(y[0] - logf(3)) < 1e-6f && fabsf(gx[2] + 2.0f / 3) < 1e-6f);
  for (int32_t i = 1; i < 4; i++) ck_assert(isnan(y[i]) && isnan(gx[3 * i]) && isnan(gx[3 * i + 2]));
  mini_close();
}
END_TEST

START_TEST(optimisers) {
  if (!mini_open()) return;
  static const int64_t sizes[] = {0, 1, 15, 17, 5000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int32_t k = 0; k < 8; k++) {
      case_tensor w = case_random(DIMS(sizes[i]), 1), g = case_random(DIMS(sizes[i]), 2), m = case_random(DIMS(sizes[i]), 3);
      case_tensor v = case_random(DIMS(sizes[i]), 4), rate = case_floats(0, NULL, &(float){0.1f}),
                  scale = case_floats(0, NULL, &(float){0.25f});
      case_tensor step = case_longs(1, &(int64_t){1 + 50 * k});
      for (int64_t j = 0; j < sizes[i]; j++) ((float *)v.data)[j] *= ((float *)v.data)[j];
      const cvk_sgd_attr sgd = {.struct_size = sizeof sgd, .momentum = k & 1 ? 0.9f : 0, .decay = k & 2 ? 0.01f : 0, .nesterov = k >> 2};
      const cvk_adam_attr adam = {
          .struct_size = sizeof adam, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .decay = k & 2 ? 0.1f : 0, .decoupled = k >> 2};
      const case_options options = {.relative = 16 * MINI_EPS, .absolute = 8 * MINI_EPS};
      case_check(CVK_OP_SGD, &sgd, k & 4 ? 5 : 4, (const case_tensor *const[]){&w, &g, &rate, k & 1 ? &m : NULL, &scale}, 1 + (k & 1),
                 ROWS("sgd_plain"), &options);
      case_check(CVK_OP_ADAM, &adam, k & 1 ? 7 : 6, (const case_tensor *const[]){&w, &g, &rate, &step, &m, &v, &scale}, 3,
                 ROWS("adam_plain"), &options);
      case_tensor *const all[] = {&w, &g, &m, &v, &rate, &scale, &step};
      for (size_t j = 0; j < sizeof all / sizeof *all; j++) case_free(all[j]);
    }
  mini_close();
}
END_TEST

START_TEST(dropout_keeps_what_the_generator_says) {
  if (!mini_open()) return;
  for (int64_t n = 0; n < 70; n += n < 10 ? 1 : 13) {
    case_tensor x = case_random(DIMS(n), 1), seed = case_longs(1, &(int64_t){-123456789012 + n});
    const cvk_dropout_attr attr = {.struct_size = sizeof attr, .ratio = 0.3f, .stream = (int64_t)1 << 40 | n};
    case_check(CVK_OP_DROPOUT_TRAIN, &attr, 2, (const case_tensor *const[]){&x, &seed}, 1, ROWS("dropout_train_plain"),
               &(case_options){.relative = 3 * MINI_EPS});
    case_free(&x);
    case_free(&seed);
  }
  mini_close();
}
END_TEST

static void check_norm(int32_t rank, const int64_t *dim, float mean) {
  const int64_t c = dim[1];
  case_tensor x = case_random(rank, dim, 1), gy = case_random(rank, dim, 2), p[4];
  for (int64_t i = 0; i < cvk_count(rank, dim); i++) ((float *)x.data)[i] += mean;
  for (int32_t i = 0; i < 4; i++) p[i] = case_random(DIMS(c), (uint32_t)(i + 3));
  for (int64_t i = 0; i < c; i++) ((float *)p[3].data)[i] = fabsf(((float *)p[3].data)[i]) + 0.1f;
  const cvk_norm_attr attr = {.struct_size = sizeof attr, .epsilon = 1e-3f, .alpha = 0.75f};
  const case_tensor *const in[] = {&x, &p[0], &p[1], &p[2], &p[3]}, *const grad_in[] = {&x, &p[0], &p[1], &p[3], &gy};
  const case_options options = {.relative = 64 * MINI_EPS, .absolute = (64 + 32 * (double)fabsf(mean)) * MINI_EPS};
  check(CVK_OP_BATCH_NORM_TRAIN, &attr, 5, in, 5, rank > 2 ? ROWS("batch_norm_train_blocked") : NULL, ROWS("batch_norm_train_plain"),
        &options);
  check(CVK_OP_BATCH_NORM_TRAIN, &attr, 3, in, 5, rank > 2 ? ROWS("batch_norm_train_blocked") : NULL, ROWS("batch_norm_train_plain"),
        &(case_options){.relative = options.relative, .absolute = options.absolute, .absent_outputs = 0xa, .post = CVK_OP_RELU});
  check(CVK_OP_BATCH_NORM_GRAD, &attr, 5, grad_in, 3, rank > 2 ? ROWS("batch_norm_grad_blocked") : NULL, ROWS("batch_norm_grad_plain"),
        &(case_options){.relative = 64 * MINI_EPS, .absolute = 4096 * MINI_EPS});
  case_free(&x);
  case_free(&gy);
  for (int32_t i = 0; i < 4; i++) case_free(&p[i]);
}

START_TEST(batch_norm) {
  if (!mini_open()) return;
  for (int64_t c = 15; c <= 17; c++) check_norm(4, (int64_t[]){3, c, 5, 7}, 0);
  check_norm(2, (int64_t[]){130, 5}, 0);
  check_norm(3, (int64_t[]){5, 2, 9}, 100); /* the mean is far from 0: squares must be those of what is left */
  check_norm(4, (int64_t[]){9, 33, 40, 30}, 0);
  mini_close();
}
END_TEST

typedef struct grad_case {
  int64_t batch, channels, filters, group, in, kernel, stride, dilation, pad;
  int32_t bias, odd; /* odd: 1: x has Inf, 2: gy has */
} grad_case;

static void check_conv_grad(const grad_case *g) {
  const int64_t out = (g->in + 2 * g->pad - (g->kernel - 1) * g->dilation - 1) / g->stride + 1;
  case_tensor x = case_random(DIMS(g->batch, g->channels, g->in, g->in), 1), gy = case_random(DIMS(g->batch, g->filters, out, out), 2);
  if (g->odd) ((float *)(g->odd == 1 ? x.data : gy.data))[0] = INFINITY;
  const cvk_conv_attr attr = {.struct_size = sizeof attr,
                              .group = g->group,
                              .kernel = {g->kernel, g->kernel},
                              .stride = {g->stride, g->stride},
                              .dilation = {g->dilation, g->dilation},
                              .pad_begin = {g->pad, g->pad},
                              .pad_end = {g->pad, g->pad}};
  const int32_t blocks = g->group == 1 || (g->channels / g->group % 16 == 0 && g->filters / g->group % 16 == 0);
  const int32_t depthwise = g->group == g->channels && g->group == g->filters;
  const case_tensor *const in[] = {&x, &gy};
  const double terms = (double)(g->batch * out * out);
  const case_options options = {.relative = 4 * MINI_EPS, .absolute = 4 * MINI_EPS * terms};
  const char *const *cpu = g->group == 1 ? ROWS("conv_grad_first", "conv_grad_blocked")
                           : blocks      ? ROWS("conv_grad_blocked")
                           : depthwise   ? ROWS("conv_grad_depthwise")
                                         : NULL;
  check(CVK_OP_CONV_GRAD_WEIGHT, &attr, 2, in, 1 + g->bias, cpu, ROWS("conv_grad_each"), &options);
  if (!mini_cpu_class() && !getenv("POCL_MAX_WORK_GROUP_SIZE"))
    case_check(CVK_OP_CONV_GRAD_WEIGHT, &attr, 2, in, 1 + g->bias, ROWS("conv_grad_tile"), &options);
  case_free(&x);
  case_free(&gy);
}

START_TEST(gradients_of_convolutions) {
  if (!mini_open()) return;
  static const grad_case cases[] = {
      {2, 1, 6, 1, 28, 5, 1, 1, 2, 1, 0},  {3, 6, 16, 1, 14, 5, 1, 1, 0, 1, 0},  {9, 17, 33, 1, 9, 3, 1, 1, 1, 1, 0},
      {2, 16, 65, 1, 9, 3, 2, 1, 1, 0, 0}, {2, 3, 16, 1, 21, 7, 2, 1, 3, 0, 0},  {2, 40, 24, 1, 8, 1, 1, 1, 0, 1, 0},
      {2, 20, 18, 1, 9, 1, 2, 1, 0, 0, 0}, {2, 24, 24, 24, 9, 3, 1, 1, 1, 1, 0}, {2, 9, 9, 9, 9, 3, 2, 1, 1, 0, 0},
      {2, 8, 12, 4, 9, 3, 1, 2, 2, 1, 0},  {2, 32, 64, 2, 7, 3, 1, 1, 1, 1, 0},  {1, 2, 3, 1, 3, 3, 1, 1, 2, 1, 0},
      {2, 5, 7, 1, 6, 3, 1, 1, 1, 1, 1},   {2, 5, 7, 1, 6, 3, 1, 1, 1, 1, 2},    {70, 4, 5, 1, 4, 3, 3, 1, 2, 1, 0},
      {1, 3, 4, 1, 5, 2, 7, 1, 1, 1, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_conv_grad(&cases[i]);
  mini_close();
}
END_TEST

SUITE("opencl_learn", relu_passes_where_y_is_positive, gradients_of_pools, cross_entropy, targets_that_do_not_exist_give_nan, optimisers,
      dropout_keeps_what_the_generator_says, batch_norm, gradients_of_convolutions)

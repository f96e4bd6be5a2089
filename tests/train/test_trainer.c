/* SPDX-License-Identifier: Apache-2.0 */
/* test_trainer.c: steps against PyTorch's losses, which models can be trained and how, what a failing step leaves, options, evaluation. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixtures.h"
#include "graph_internal.h"
#include "small.h"

static const char *current; /* what the next assertions are about */

static void near(double got, double want, double relative, const char *what) {
  ck_assert_msg(fabs(got - want) <= relative * fabs(want) + 2e-7, "%s, %s: %.9g, wanted %.9g", current, what, got, want);
}

static cvk_tensor *fixture_target(const fixture *f) {
  if (f->o.loss == CVK_LOSS_MEAN_SQUARED_ERROR) return small_tensor(DIMS(SMALL_BATCH, SMALL_CLASSES), 6, 1);
  return small_labels(SMALL_BATCH, f->o.has_ignore ? fixture_ignored : fixture_labels);
}

/* One batch as a dataset. */
static cvk_dataset *dataset_of(cvk_context *ctx, cvk_tensor *x, cvk_tensor *target) {
  cvk_dataset *ds = NULL;
  ck_ok(cvk_dataset_create(ctx, x, target, &(cvk_dataset_options){.threads = 1}, &ds));
  return ds;
}

static void check_last(cvk_trainer *t, cvk_context *ctx, cvk_tensor *x, cvk_tensor *target, const fixture *f) {
  cvk_evaluation e = {.struct_size = sizeof e};
  cvk_dataset *ds = dataset_of(ctx, x, target);
  ck_ok(cvk_trainer_evaluate(t, ds, 3, &e));
  if (f->o.loss == CVK_LOSS_SOFTMAX_CROSS_ENTROPY) ck_assert_int_eq(e.count, f->o.has_ignore ? 6 : 8);
  if (f->last != 0) near(e.loss, f->last, 4e-5, "loss behind the last step");
  cvk_dataset_release(ds);
}

static void check_fixture(const fixture *f, const char *device) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = small_net(ctx, f->batch_norm, -1);
  cvk_trainer *t = small_trainer(g, device, f->o);
  cvk_tensor *x = small_x(SMALL_BATCH), *target = fixture_target(f);
  char text[64];
  snprintf(text, sizeof text, "%s on %s", f->name, device);
  current = text;
  for (int i = 0; i < FIXTURE_STEPS; i++) {
    char step[32];
    snprintf(step, sizeof step, "step %d", i + 1);
    near(small_step(t, x, target), f->loss[i], 1e-5, step);
  }
  ck_assert_int_eq(cvk_trainer_step_count(t), FIXTURE_STEPS);
  check_last(t, ctx, x, target, f);
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(losses_of_pytorch) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    for (int i = 0; i < FIXTURES; i++) check_fixture(&fixtures[i], device);
  }
}
END_TEST

/* A constant of the model as it is now. Of several with the name the number `which`. */
static void read_weight(cvk_trainer *t, const char *name, int which, float *v, int64_t n) {
  cvk_graph *g = NULL;
  int found = 0;
  ck_ok(cvk_trainer_graph(t, &g));
  for (int32_t i = 0; i < g->n_values && found <= which; i++) {
    if (g->values[i].constant == NULL || g->values[i].name == NULL || strcmp(g->values[i].name, name) != 0 || found++ != which) continue;
    ck_assert_int_eq(cvk_tensor_count(g->values[i].constant), n);
    ck_ok(cvk_tensor_read(g->values[i].constant, v, (uint64_t)n * sizeof *v));
  }
  ck_assert_msg(found > which, "no constant %d of name %s", which, name);
  cvk_graph_release(g);
}

static const fixture *fixture_of(const char *name) {
  for (int i = 0; i < FIXTURES; i++) {
    if (strcmp(fixtures[i].name, name) == 0) return &fixtures[i];
  }
  ck_abort_msg("no fixture %s", name);
}

START_TEST(running_statistics_of_pytorch) {
  const fixture *f = fixture_of("batch_norm");
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    cvk_context *ctx = small_context(0);
    cvk_graph *g = small_net(ctx, 1, -1);
    cvk_trainer *t = small_trainer(g, device, f->o);
    cvk_tensor *x = small_x(SMALL_BATCH), *target = fixture_target(f);
    float mean[4], var[4];
    current = device;
    for (int i = 0; i < FIXTURE_STEPS; i++) small_step(t, x, target);
    read_weight(t, "mean", 0, mean, 4);
    read_weight(t, "var", 0, var, 4);
    for (int i = 0; i < 4; i++) {
      near((double)mean[i], fixture_running_mean[i], 2e-5, "running mean");
      near((double)var[i], fixture_running_var_population[i], 2e-5, "running variance");
    }
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

/* Losses of 20 steps on batches of 8, 3 and 5 samples in turn: more sizes than plans are kept. */
static void run_sizes(const char *device, int32_t threads, int batch_norm, double *loss) {
  static const int64_t sizes[] = {8, 3, 8, 5};
  cvk_context *ctx = small_context(threads);
  cvk_graph *g = small_net(ctx, batch_norm, -1);
  cvk_trainer *t = small_trainer(g, device, (cvk_trainer_options){.learning_rate = 0.01f, .clip_norm = 1});
  for (int i = 0; i < 20; i++) {
    cvk_step_result r = {.struct_size = sizeof r};
    cvk_tensor *x = small_x(sizes[i % 4]), *target = small_labels(sizes[i % 4], fixture_labels);
    ck_ok(cvk_trainer_step(t, x, target, &r));
    ck_assert_int_eq(r.count, sizes[i % 4]);
    ck_assert_int_ge(r.correct, 0);
    ck_assert_int_le(r.correct, r.count);
    loss[i] = r.loss;
    cvk_tensor_release(x);
    cvk_tensor_release(target);
  }
  ck_assert_int_eq(cvk_trainer_step_count(t), 20);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(devices_agree_and_threads_change_nothing) {
  const char *device;
  for (int batch_norm = 0; batch_norm < 2; batch_norm++) {
    double reference[20], one[20], two[20];
    run_sizes("reference", 1, batch_norm, reference);
    for (int d = 0; (device = small_device(d)) != NULL; d++) {
      run_sizes(device, 1, batch_norm, one);
      run_sizes(device, 2, batch_norm, two);
      ck_assert_mem_eq(one, two, sizeof one);
      current = device;
      for (int i = 0; i < 20; i++) near(one[i], reference[i], 1e-4, "loss beside the reference");
    }
    ck_assert(reference[16] < reference[0]);
  }
}
END_TEST

/* ---- failing steps ---- */

typedef struct bench { /* a trainer that has taken a step, and its batch */
  cvk_context *ctx;
  cvk_graph *g;
  cvk_trainer *t;
  cvk_tensor *x, *target;
} bench;

static bench bench_make(const char *device, cvk_trainer_options o) {
  bench b = {.ctx = small_context(0)};
  b.g = small_net(b.ctx, 1, -1);
  b.t = small_trainer(b.g, device, o);
  b.x = small_x(SMALL_BATCH);
  b.target = o.loss == CVK_LOSS_MEAN_SQUARED_ERROR ? small_tensor(DIMS(SMALL_BATCH, SMALL_CLASSES), 6, 1)
                                                   : small_labels(SMALL_BATCH, fixture_labels);
  small_step(b.t, b.x, b.target);
  return b;
}

static void bench_free(bench *b) {
  cvk_tensor_release(b->x);
  cvk_tensor_release(b->target);
  cvk_trainer_release(b->t);
  cvk_graph_release(b->g);
  cvk_context_release(b->ctx);
}

/* The step fails and leaves the same state; x or target given to the function goes. */
static void refuse(bench *b, cvk_tensor *x, cvk_tensor *target, cvk_status status, const char *text) {
  size_t before, after;
  cvk_step_result r = {.struct_size = sizeof r};
  char *was = small_state(b->t, &before);
  ck_fails(cvk_trainer_step(b->t, x ? x : b->x, target ? target : b->target, &r), status, text);
  char *is = small_state(b->t, &after);
  ck_assert_uint_eq(before, after);
  ck_assert_mem_eq(was, is, before);
  ck_assert_int_eq(cvk_trainer_step_count(b->t), 1);
  free(was);
  free(is);
  cvk_tensor_release(x);
  cvk_tensor_release(target);
}

static cvk_tensor *empty(int32_t dtype, int32_t rank, const int64_t *dim) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, dtype, rank, dim, NULL, &t));
  return t;
}

static void failing_classes(const char *device) {
  static const int64_t high[] = {1, 4, 2, 5, 3, 1, 4, 2}, low[] = {1, 4, 2, 0, 3, 1, 4, -1};
  bench b = bench_make(device, (cvk_trainer_options){.optimizer = CVK_SGD, .momentum = 0.5f});
  refuse(&b, NULL, small_labels(8, high), CVK_INVALID_ARGUMENT, "target 5 at position 3, allowed 0 to 4");
  refuse(&b, NULL, small_labels(8, low), CVK_INVALID_ARGUMENT, "target -1 at position 7, allowed 0 to 4");
  refuse(&b, NULL, small_labels(7, low), CVK_INVALID_SHAPE, "x holds 8 samples, the target 7");
  refuse(&b, NULL, empty(CVK_I64, DIMS(8, 5)), CVK_INVALID_SHAPE, "[8,5]");
  refuse(&b, NULL, empty(CVK_I64, DIMS(8, 1)), CVK_INVALID_SHAPE, "[8,1]");
  refuse(&b, NULL, empty(CVK_I64, 0, NULL), CVK_INVALID_SHAPE, "the target 1");
  refuse(&b, NULL, empty(CVK_F32, DIMS(8, 5)), CVK_INVALID_ARGUMENT, "the target is float32, this loss wants int64");
  refuse(&b, NULL, empty(CVK_I32, DIMS(8)), CVK_INVALID_ARGUMENT, "int32");
  refuse(&b, empty(CVK_F32, DIMS(8, 1, 6, 7)), NULL, CVK_INVALID_SHAPE, "the batch has shape [8,1,6,7], the model's input 'x' [-1,1,6,6]");
  refuse(&b, empty(CVK_F32, DIMS(8, 36)), NULL, CVK_INVALID_SHAPE, "[8,36]");
  refuse(&b, empty(CVK_U8, DIMS(8, 1, 6, 6)), NULL, CVK_INVALID_ARGUMENT, "x is uint8, wanted float32");
  refuse(&b, empty(CVK_F32, DIMS(0, 1, 6, 6)), empty(CVK_I64, DIMS(0)), CVK_INVALID_SHAPE, "no samples");
  refuse(&b, empty(CVK_F32, 0, NULL), NULL, CVK_INVALID_SHAPE, "no samples");
  ck_fails(cvk_trainer_step(b.t, NULL, b.target, NULL), CVK_INVALID_ARGUMENT, "x is NULL");
  ck_fails(cvk_trainer_step(b.t, b.x, NULL, NULL), CVK_INVALID_ARGUMENT, "target is NULL");
  ck_fails(cvk_trainer_step(NULL, b.x, b.target, NULL), CVK_INVALID_ARGUMENT, "the trainer is NULL");
  ck_fails(cvk_trainer_step(b.t, b.x, b.target, &(cvk_step_result){.struct_size = 0}), CVK_INVALID_ARGUMENT, "struct_size is 0");
  ck_assert_int_eq(cvk_trainer_step_count(b.t), 1);
  small_step(b.t, b.x, b.target); /* right ones still work */
  ck_assert_int_eq(cvk_trainer_step_count(b.t), 2);
  bench_free(&b);
}

static void failing_errors(const char *device) {
  bench b = bench_make(device, (cvk_trainer_options){.loss = CVK_LOSS_MEAN_SQUARED_ERROR});
  refuse(&b, NULL, empty(CVK_F32, DIMS(8)), CVK_INVALID_SHAPE, "");
  refuse(&b, NULL, empty(CVK_F32, DIMS(8, 1)), CVK_INVALID_SHAPE,
         "the target has shape [8,1], the model's output [8,5]: wanted the same"); /* broadcasts */
  refuse(&b, NULL, empty(CVK_F32, DIMS(8, 1, 5)), CVK_INVALID_SHAPE, "[8,1,5]");
  refuse(&b, NULL, empty(CVK_I64, DIMS(8)), CVK_INVALID_ARGUMENT, "the target is int64, this loss wants float32");
  small_step(b.t, b.x, b.target);
  bench_free(&b);
}

START_TEST(failing_step_changes_nothing) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    failing_classes(device);
    failing_errors(device);
  }
}
END_TEST

/* ---- models ---- */

enum { MODEL_STEPS = 6 };

/* Losses of a model [n,1,6,6] -> [n,5] that `build` makes of x. */
static void model_losses(cvk_value (*build)(cvk_graph *g, cvk_value x), cvk_trainer_options o, const char *device, double *loss) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value x;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
  ck_ok(cvk_graph_output(g, build(g, x), "y"));
  cvk_trainer *t = small_trainer(g, device, o);
  cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
  for (int i = 0; i < MODEL_STEPS; i++) loss[i] = small_step(t, batch, target);
  cvk_tensor_release(batch);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

static const cvk_trainer_options quick = {.learning_rate = 0.05f, .seed = 7};

/* Both models have the same losses on every device, and learn. */
static void same_model(cvk_value (*a)(cvk_graph *g, cvk_value x), cvk_value (*b)(cvk_graph *g, cvk_value x), const char *what) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    double left[MODEL_STEPS], right[MODEL_STEPS];
    model_losses(a, quick, device, left);
    model_losses(b, quick, device, right);
    current = device;
    for (int i = 0; i < MODEL_STEPS; i++) near(left[i], right[i], 1e-5, what);
    ck_assert_msg(left[MODEL_STEPS - 1] < 0.9 * left[0], "%s: %g to %g", what, left[0], left[MODEL_STEPS - 1]);
  }
}

static cvk_value dense(cvk_graph *g, cvk_value v) {
  const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  return small_op(g, CVK_OP_GEMM, &gemm, 3,
                  (cvk_value[]){v, small_weight(g, "w", DIMS(5, 144), 4, 0.1f), small_weight(g, "b", DIMS(5), 5, 0.1f)});
}

static int32_t activation;
static cvk_unary_attr activation_attr;

static cvk_value conv_weights(cvk_graph *g) {
  return small_weight(g, "conv", DIMS(4, 1, 3, 3), 2, 0.5f);
}

static cvk_value conv_then_op(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_value y = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)});
  return dense(g, small_op(g, activation, activation == CVK_OP_RELU ? NULL : &activation_attr, 1, &y));
}

static cvk_value conv_with_attribute(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER,
                              .activation = activation,
                              .activation_alpha = activation_attr.alpha,
                              .activation_beta = activation_attr.beta};
  return dense(g, small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)}));
}

START_TEST(activation_as_attribute) {
  static const struct {
    int32_t kind;
    float alpha, beta;
  } kinds[] = {{CVK_OP_RELU, 0, 0}, {CVK_OP_LEAKY_RELU, 0.2f, 0}, {CVK_OP_CLIP, 0, 0.5f}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    activation = kinds[i].kind;
    activation_attr = (cvk_unary_attr){.struct_size = sizeof activation_attr, .alpha = kinds[i].alpha, .beta = kinds[i].beta};
    same_model(conv_with_attribute, conv_then_op, cvk_op_name(kinds[i].kind));
  }
}
END_TEST

static cvk_value with_gemm(cvk_graph *g, cvk_value x) {
  activation = CVK_OP_RELU;
  return conv_then_op(g, x);
}

static cvk_value with_softmax(cvk_graph *g, cvk_value x) {
  const cvk_value y = with_gemm(g, x);
  return small_op(g, CVK_OP_SOFTMAX, NULL, 1, &y);
}

/* The softmax is read by a second output too. */
static cvk_value with_class_number(cvk_graph *g, cvk_value x) {
  const cvk_value y = with_softmax(g, x);
  ck_ok(cvk_graph_output(g, y, "first"));
  const cvk_arg_attr last = {.axis = -1};
  return small_op(g, CVK_OP_ARG_MAX, &last, 1, &y);
}

/* The weights of with_gemm as a product, an add, and a transpose of them. */
static cvk_value with_matmul(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  cvk_value v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)}), w = small_weight(g, "w", DIMS(5, 144), 4, 0.1f),
            b = small_weight(g, "b", DIMS(5), 5, 0.1f);
  const cvk_shape_attr row = {.rank = 2, .dim = {1, 5}};
  v = small_op(g, CVK_OP_RELU, NULL, 1, &v);
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  w = small_op(g, CVK_OP_TRANSPOSE, NULL, 1, &w);
  b = small_op(g, CVK_OP_RESHAPE, &row, 1, &b);
  v = small_op(g, CVK_OP_MATMUL, NULL, 2, (cvk_value[]){v, w});
  return small_op(g, CVK_OP_ADD, NULL, 2, (cvk_value[]){b, v});
}

START_TEST(softmax_at_the_end_is_left_out) {
  same_model(with_softmax, with_gemm, "softmax");
  same_model(with_class_number, with_gemm, "softmax that is read twice");
}
END_TEST

/* A trainer for a convolution with a softmax along `axis` at the end, and what its first step says of classes on axis 1. */
static cvk_status step_with_softmax(int32_t axis, double *loss) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_axis_attr along = {.axis = axis};
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value v;
  cvk_step_result r = {.struct_size = sizeof r};
  cvk_tensor *x = small_x(2), *target = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_I64, DIMS(2, 6, 6), NULL, &target));
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &v));
  v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, small_weight(g, "w", DIMS(SMALL_CLASSES, 1, 3, 3), 2, 1)});
  if (axis) v = small_op(g, CVK_OP_SOFTMAX, &along, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  cvk_trainer *t = small_trainer(g, small_device(0), quick);
  const cvk_status status = cvk_trainer_step(t, x, target, &r);
  *loss = r.loss;
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return status;
}

/* Only one over the classes is what the loss has. */
START_TEST(softmax_along_another_axis) {
  double bare, classes, rows, last;
  ck_ok(step_with_softmax(0, &bare)); /* none */
  ck_ok(step_with_softmax(1, &classes));
  ck_assert_double_eq(classes, bare);
  ck_ok(step_with_softmax(2, &rows));
  ck_assert(rows != bare);
  ck_fails(step_with_softmax(-1, &last), CVK_INVALID_SHAPE, "a softmax along its last axis, number 3");
}
END_TEST

START_TEST(products_with_biases_behind_moves) {
  same_model(with_matmul, with_gemm, "matmul and add");
}
END_TEST

static cvk_value norm(cvk_graph *g, cvk_value v, int64_t channels, uint32_t seed, const cvk_value *scale_bias_mean_var) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  cvk_value in[5];
  in[0] = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, small_weight(g, "c", DIMS(4, channels, 3, 3), seed, 0.5f)});
  memcpy(in + 1, scale_bias_mean_var, 4 * sizeof *in);
  return small_op(g, CVK_OP_BATCH_NORM, NULL, 5, in);
}

static cvk_value norms(cvk_graph *g, cvk_value x, const cvk_value *first, const cvk_value *second) {
  x = norm(g, x, 1, 20, first);
  x = small_op(g, CVK_OP_RELU, NULL, 1, &x);
  return dense(g, norm(g, x, 4, 21, second));
}

static cvk_value norms_apart(cvk_graph *g, cvk_value x) {
  cvk_value of[2][4];
  for (int i = 0; i < 2; i++) {
    of[i][0] = small_fill(g, "scale", 4, 1);
    of[i][1] = small_fill(g, "bias", 4, 0);
    of[i][2] = small_fill(g, "mean", 4, 0);
    of[i][3] = small_fill(g, "var", 4, 1);
  }
  return norms(g, x, of[0], of[1]);
}

/* As files are that keep equal tensors once: one mean, and a variance that is the first one's scale, of which the second sees a copy. */
static cvk_value norms_sharing(cvk_graph *g, cvk_value x) {
  const cvk_value mean = small_fill(g, "mean", 4, 0), ones = small_fill(g, "var", 4, 1),
                  copy = small_op(g, CVK_OP_IDENTITY, NULL, 1, &ones);
  const cvk_value first[] = {ones, small_fill(g, "bias", 4, 0), mean, ones},
                  second[] = {small_fill(g, "scale", 4, 1), small_fill(g, "bias", 4, 0), mean, copy};
  return norms(g, x, first, second);
}

static void check_statistics(cvk_trainer *t, float mean[2][4], float var[2][4], int skip) {
  for (int i = 0; i < 2; i++) {
    read_weight(t, "mean", i, mean[i], 4);
    read_weight(t, "var", i + skip, var[i], 4);
  }
}

START_TEST(several_batch_norms_keep_their_statistics) {
  same_model(norms_sharing, norms_apart, "shared statistics");
  cvk_context *ctx = small_context(0);
  float mean[2][2][4], var[2][2][4];
  for (int k = 0; k < 2; k++) {
    cvk_graph *g = NULL;
    cvk_value x;
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(g, k ? norms_sharing(g, x) : norms_apart(g, x), "y"));
    cvk_trainer *t = small_trainer(g, "reference", quick);
    cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    for (int i = 0; i < MODEL_STEPS; i++) small_step(t, batch, target);
    check_statistics(t, mean[k], var[k], k); /* the first "var" of the sharing one is its scale */
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
  }
  ck_assert_mem_eq(mean[0], mean[1], sizeof mean[0]);
  ck_assert_mem_eq(var[0], var[1], sizeof var[0]);
  ck_assert_mem_ne(mean[0][0], mean[0][1], sizeof mean[0][0]);
  ck_assert(fabsf(mean[0][0][0]) > 1e-4f && fabsf(var[0][0][0] - 1) > 1e-4f);
  cvk_context_release(ctx);
}
END_TEST

static cvk_value with_prelu(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_value y = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)});
  const cvk_value slope = small_constant(g, "slope", small_tensor(DIMS(4, 1, 1), 9, 0.3f));
  return dense(g, small_op(g, CVK_OP_PRELU, NULL, 2, (cvk_value[]){y, slope}));
}

static cvk_value with_dropout(cvk_graph *g, cvk_value x) {
  const float half = 0.4f;
  cvk_tensor *r = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 0, NULL, &half, &r));
  const cvk_value in[2] = {x, small_constant(g, "ratio", r)};
  return with_gemm(g, small_op(g, CVK_OP_DROPOUT, NULL, 2, in));
}

START_TEST(slopes_are_trained) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    double loss[MODEL_STEPS];
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value x;
    float before[4], after[4];
    model_losses(with_prelu, quick, device, loss);
    ck_assert(loss[MODEL_STEPS - 1] < 0.9 * loss[0]);
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(g, with_prelu(g, x), "y"));
    cvk_trainer *t = small_trainer(g, device, quick);
    cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    read_weight(t, "slope", 0, before, 4);
    small_step(t, batch, target);
    read_weight(t, "slope", 0, after, 4);
    for (int i = 0; i < 4; i++) ck_assert_float_ne(before[i], after[i]);
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

START_TEST(dropout_follows_the_seed) {
  const char *device;
  double first[MODEL_STEPS];
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    double plain[MODEL_STEPS], dropped[MODEL_STEPS], again[MODEL_STEPS], other[MODEL_STEPS];
    cvk_trainer_options still = quick, seeded = quick;
    still.learning_rate = 1e-9f;
    seeded.seed = 8;
    model_losses(with_gemm, quick, device, plain);
    model_losses(with_dropout, quick, device, dropped);
    model_losses(with_dropout, quick, device, again);
    model_losses(with_dropout, seeded, device, other);
    ck_assert_mem_eq(dropped, again, sizeof again);
    for (int i = 0; i < MODEL_STEPS; i++) ck_assert(dropped[i] != plain[i] && dropped[i] != other[i]);
    current = device;
    if (d == 0) memcpy(first, dropped, sizeof first);
    for (int i = 0; i < MODEL_STEPS; i++) near(dropped[i], first[i], 1e-4, "the same cells are dropped");
    model_losses(with_dropout, still, device, dropped);
    for (int i = 1; i < MODEL_STEPS; i++) ck_assert_msg(fabs(dropped[i] - dropped[0]) > 1e-3, "step %d drops what step 1 did", i + 1);
  }
}
END_TEST

/* y = 2 a - b + 0.5, learned from 16 points. */
START_TEST(linear_regression) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value v;
    float point[32], y[16], w[2], b;
    cvk_tensor *x = small_tensor(DIMS(16, 2), 3, 1), *target = NULL;
    ck_ok(cvk_tensor_read(x, point, sizeof point));
    for (int i = 0; i < 16; i++) y[i] = 2 * point[2 * i] - point[2 * i + 1] + 0.5f;
    ck_ok(cvk_tensor_create(NULL, CVK_F32, DIMS(16, 1), y, &target));
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 2), &v));
    ck_ok(cvk_graph_output(
        g, small_op(g, CVK_OP_GEMM, &gemm, 3, (cvk_value[]){v, small_weight(g, "w", DIMS(1, 2), 8, 1), small_fill(g, "b", 1, 0)}), "y"));
    cvk_trainer *t = small_trainer(
        g, device,
        (cvk_trainer_options){.loss = CVK_LOSS_MEAN_SQUARED_ERROR, .optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f});
    for (int i = 0; i < 300; i++) small_step(t, x, target);
    read_weight(t, "w", 0, w, 2);
    read_weight(t, "b", 0, &b, 1);
    current = device;
    near((double)w[0], 2, 1e-4, "w[0]");
    near((double)w[1], -1, 1e-4, "w[1]");
    near((double)b, 0.5, 1e-4, "b");
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

/* A convolution over a batch of any height and width, its mean, a dense layer. */
START_TEST(open_extents_come_from_the_batch) {
  const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value v;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, -1, -1), &v));
  v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, conv_weights(g)});
  v = small_op(g, CVK_OP_GLOBAL_AVG_POOL, NULL, 1, &v);
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  ck_ok(cvk_graph_output(
      g, small_op(g, CVK_OP_GEMM, &gemm, 3, (cvk_value[]){v, small_weight(g, "w", DIMS(5, 4), 4, 1), small_fill(g, "b", 5, 0)}), "y"));
  cvk_trainer *t = small_trainer(g, small_device(0), quick);
  cvk_tensor *small = small_x(4), *large = small_tensor(DIMS(4, 1, 9, 7), 1, 1), *target = small_labels(4, fixture_labels);
  ck_assert(small_step(t, small, target) != small_step(t, large, target));
  small_step(t, small, target);
  ck_assert_int_eq(cvk_trainer_step_count(t), 3);
  cvk_tensor_release(small);
  cvk_tensor_release(large);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* A model for three samples at a time trains on eight; what comes out is for three again. */
START_TEST(the_number_of_samples_is_the_batchs) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    cvk_context *ctx = small_context(0);
    cvk_graph *fixed = small_net(ctx, 1, 3), *any = small_net(ctx, 1, -1), *trained = NULL;
    cvk_trainer *t = small_trainer(fixed, device, quick), *u = small_trainer(any, device, quick);
    cvk_tensor *x = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    cvk_dataset *ds = dataset_of(ctx, x, target);
    cvk_evaluation e[2] = {{.struct_size = sizeof *e}, {.struct_size = sizeof *e}};
    cvk_value_info info = {.struct_size = sizeof info};
    for (int i = 0; i < 2; i++) ck_assert_double_eq(small_step(t, x, target), small_step(u, x, target));
    ck_ok(cvk_trainer_evaluate(t, ds, 5, &e[0]));
    ck_ok(cvk_trainer_evaluate(u, ds, 5, &e[1]));
    ck_assert_double_eq(e[0].loss, e[1].loss);
    ck_ok(cvk_trainer_graph(t, &trained));
    ck_ok(cvk_graph_input_info(trained, 0, &info));
    ck_assert_int_eq(info.dim[0], 3);
    cvk_dataset_release(ds);
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_trainer_release(u);
    cvk_graph_release(trained);
    cvk_graph_release(fixed);
    cvk_graph_release(any);
    cvk_context_release(ctx);
  }
}
END_TEST

/* A mask added to the product of two computed values is no bias: it stays as it is. */
START_TEST(sums_behind_products_without_weights) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value x, v;
  float mask[36], want[36];
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
  const cvk_value mask_value = small_weight(g, "mask", DIMS(6, 6), 11, 1);
  v = small_op(g, CVK_OP_MATMUL, NULL, 2, (cvk_value[]){x, x});
  v = small_op(g, CVK_OP_ADD, NULL, 2, (cvk_value[]){v, mask_value});
  v = with_gemm(g, v);
  ck_ok(cvk_graph_output(g, v, "y"));
  cvk_trainer *t = small_trainer(g, small_device(0), quick);
  cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels), *was = small_tensor(DIMS(6, 6), 11, 1);
  for (int i = 0; i < 3; i++) small_step(t, batch, target);
  read_weight(t, "mask", 0, mask, 36);
  ck_ok(cvk_tensor_read(was, want, sizeof want));
  ck_assert_mem_eq(mask, want, sizeof want);
  cvk_tensor_release(batch);
  cvk_tensor_release(target);
  cvk_tensor_release(was);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* What only another output depends on is not trained and does not decay; a dropout there asks for nothing. */
START_TEST(weights_of_another_output_stay) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
    cvk_trainer_options decaying = quick;
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value x, v;
    float other[108], want[108];
    cvk_tensor *was = small_tensor(DIMS(3, 36), 12, 1);
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(g, with_gemm(g, x), "y"));
    v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &x);
    v = small_op(g, CVK_OP_DROPOUT, NULL, 1, &v);
    ck_ok(cvk_graph_output(g, small_op(g, CVK_OP_GEMM, &gemm, 2, (cvk_value[]){v, small_weight(g, "other", DIMS(3, 36), 12, 1)}), "z"));
    decaying.weight_decay = 0.5f;
    cvk_trainer *t = small_trainer(g, device, decaying);
    cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    const double first = small_step(t, batch, target);
    ck_assert(small_step(t, batch, target) < first);
    read_weight(t, "other", 0, other, 108);
    ck_ok(cvk_tensor_read(was, want, sizeof want));
    ck_assert_mem_eq(other, want, sizeof want);
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_tensor_release(was);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

START_TEST(clip_value_bounds_each_element) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, (cvk_trainer_options){.optimizer = CVK_SGD, .learning_rate = 1, .clip_value = 0.01f});
    float before[180], after[180];
    int clipped = 0;
    read_weight(b.t, "dense.weight", 0, before, 180);
    small_step(b.t, b.x, b.target);
    read_weight(b.t, "dense.weight", 0, after, 180);
    for (int i = 0; i < 180; i++) {
      ck_assert_float_le(fabsf(before[i] - after[i]), 0.0100001f);
      clipped += fabsf(before[i] - after[i]) > 0.0099999f;
    }
    ck_assert_int_gt(clipped, 10);
    bench_free(&b);
  }
}
END_TEST

/* ---- what is refused ---- */

static void refused_model(cvk_graph *g, const char *text) {
  cvk_trainer *t = NULL;
  ck_fails(cvk_trainer_create(g, &(cvk_trainer_options){.device = "reference"}, &t), CVK_INVALID_ARGUMENT, text);
  ck_assert_ptr_null(t);
  cvk_graph_release(g);
}

START_TEST(models_without_weights_or_inputs) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value x, y;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 4), &x));
  ck_ok(cvk_graph_output(g, small_op(g, CVK_OP_RELU, NULL, 1, &x), "y"));
  refused_model(g, "the model has no weights to train");
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 4), &x));
  ck_ok(cvk_graph_input(g, "z", CVK_F32, DIMS(-1, 4), &y));
  ck_ok(cvk_graph_output(g, small_op(g, CVK_OP_ADD, NULL, 2, (cvk_value[]){x, y}), "y"));
  refused_model(g, "the model has 2 inputs and 1 outputs");
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F64, DIMS(-1, 4), &x));
  ck_ok(cvk_graph_output(g, small_op(g, CVK_OP_RELU, NULL, 1, &x), "y"));
  refused_model(g, "the model's input 'x' is float64, wanted float32");
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 4), &x));
  refused_model(g, "1 inputs and 0 outputs");
  cvk_context_release(ctx);
}
END_TEST

START_TEST(options_out_of_range) {
  static const float weights[2] = {1, 1};
  static const struct {
    cvk_trainer_options o;
    const char *text;
  } bad[] = {
      {{.loss = 2}, "loss is 2, allowed 0 to 1"},
      {{.loss = -1}, "loss is -1"},
      {{.optimizer = 3}, "optimizer is 3, allowed 0 to 2"},
      {{.schedule = 4}, "schedule is 4, allowed 0 to 3"},
      {{.learning_rate = -1}, "learning_rate is -1, allowed above 0"},
      {{.learning_rate = NAN}, "learning_rate is nan"},
      {{.learning_rate = INFINITY}, "learning_rate is inf"},
      {{.optimizer = CVK_SGD, .momentum = 1}, "momentum 1,"},
      {{.beta1 = 1}, "beta1 1,"},
      {{.beta2 = -0.5f}, "beta2 -0.5,"},
      {{.warmup = 1}, "warmup 1:"},
      {{.weight_decay = -0.1f}, "weight_decay -0.1,"},
      {{.clip_norm = NAN}, "clip_norm nan,"},
      {{.clip_value = -2}, "clip_value -2,"},
      {{.epsilon = -1}, "epsilon -1,"},
      {{.decay_factor = -1}, "decay_factor -1:"},
      {{.label_smoothing = 1.5f}, "label_smoothing is 1.5, allowed 0 to 1"},
      {{.nesterov = 1, .optimizer = CVK_SGD}, "nesterov without momentum"},
      {{.total_steps = -1}, "total_steps -1,"},
      {{.decay_steps = -3}, "decay_steps -3:"},
      {{.class_weights = weights}, "n_class_weights is 0"},
      {{.struct_size = 1}, "struct_size is 1"},
  };
  cvk_context *ctx = small_context(0);
  cvk_graph *g = small_net(ctx, 0, -1);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cvk_trainer *t = NULL;
    ck_fails(cvk_trainer_create(g, &bad[i].o, &t), CVK_INVALID_ARGUMENT, bad[i].text);
    ck_assert_ptr_null(t);
  }
  cvk_trainer *t = NULL;
  ck_fails(cvk_trainer_create(NULL, NULL, &t), CVK_INVALID_ARGUMENT, "the model is NULL");
  ck_fails(cvk_trainer_create(g, NULL, NULL), CVK_INVALID_ARGUMENT, "out is NULL");
  t = small_trainer(g, "reference", (cvk_trainer_options){.class_weights = weights, .n_class_weights = 2});
  cvk_tensor *x = small_x(8), *target = small_labels(8, fixture_labels);
  ck_fails(cvk_trainer_step(t, x, target, NULL), CVK_INVALID_SHAPE, "weight has shape [2], wanted [5]");
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(schedules_want_the_number_of_steps) {
  static const cvk_trainer_options bad[] = {
      {.schedule = CVK_SCHEDULE_COSINE}, {.schedule = CVK_SCHEDULE_ONE_CYCLE}, {.schedule = CVK_SCHEDULE_STEP}, {.warmup = 0.1f}};
  cvk_context *ctx = small_context(0);
  cvk_graph *g = small_net(ctx, 0, -1);
  cvk_tensor *x = small_x(8), *target = small_labels(8, fixture_labels);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cvk_trainer_options o = bad[i];
    cvk_trainer *t = small_trainer(g, "reference", o);
    ck_fails(cvk_trainer_step(t, x, target, NULL), CVK_INVALID_ARGUMENT, "total_steps is 0");
    cvk_trainer_release(t);
    o.total_steps = 10;
    t = small_trainer(g, "reference", o);
    ck_ok(cvk_trainer_step(t, x, target, NULL));
    cvk_trainer_release(t);
  }
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* ---- evaluation, and the trained model ---- */

START_TEST(evaluation_wants_targets_of_the_loss) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = small_net(ctx, 0, -1);
  cvk_tensor *x = small_x(8);
  const struct {
    int32_t loss;
    cvk_tensor *target;
    cvk_status status;
    const char *text;
  } bad[] = {
      {CVK_LOSS_SOFTMAX_CROSS_ENTROPY, empty(CVK_F32, DIMS(8)), CVK_INVALID_ARGUMENT, "the target is float32, this loss wants int64"},
      {CVK_LOSS_SOFTMAX_CROSS_ENTROPY, empty(CVK_I64, DIMS(8, 3, 3)), CVK_INVALID_SHAPE,
       "the target has shape [8,3,3], the model's output [8,5]: wanted the same without axis 1"},
      {CVK_LOSS_MEAN_SQUARED_ERROR, empty(CVK_I64, DIMS(8, 5)), CVK_INVALID_ARGUMENT, "the target is int64, this loss wants float32"},
      {CVK_LOSS_MEAN_SQUARED_ERROR, empty(CVK_F32, DIMS(8, 9)), CVK_INVALID_SHAPE,
       "the target has shape [8,9], the model's output [8,5]: wanted the same"},
      {CVK_LOSS_MEAN_SQUARED_ERROR, empty(CVK_F32, DIMS(8)), CVK_INVALID_SHAPE, "[8]"},
  };
  cvk_evaluation e = {.struct_size = sizeof e};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cvk_trainer *t = small_trainer(g, small_device(0), (cvk_trainer_options){.loss = bad[i].loss});
    cvk_dataset *ds = dataset_of(ctx, x, bad[i].target);
    ck_fails(cvk_trainer_evaluate(t, ds, 8, &e), bad[i].status, bad[i].text);
    ck_fails(cvk_trainer_evaluate(t, NULL, 8, &e), CVK_INVALID_ARGUMENT, "the dataset is NULL");
    ck_fails(cvk_trainer_evaluate(t, ds, 0, &e), CVK_INVALID_ARGUMENT, "");
    cvk_dataset_release(ds);
    cvk_tensor_release(bad[i].target);
    cvk_trainer_release(t);
  }
  cvk_tensor_release(x);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

static void run(cvk_graph *g, const char *device, cvk_tensor *x, float *y) {
  cvk_session *s = NULL;
  cvk_tensor *out = NULL;
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = device, .flags = CVK_DETERMINISTIC}, &s));
  ck_ok(cvk_session_run(s, 1, &x, 1, &out));
  ck_ok(cvk_tensor_read(out, y, SMALL_BATCH * SMALL_CLASSES * sizeof *y));
  cvk_tensor_release(out);
  cvk_session_release(s);
}

/* The counts of an evaluation are those of the trained graph's outputs; the model itself stays as it was. */
START_TEST(trained_graph_is_what_was_evaluated) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, quick);
    float before[SMALL_BATCH * SMALL_CLASSES], y[SMALL_BATCH * SMALL_CLASSES];
    cvk_evaluation e = {.struct_size = sizeof e};
    cvk_graph *trained = NULL;
    int64_t correct = 0;
    double loss = 0;
    run(b.g, device, b.x, before);
    for (int i = 0; i < 4; i++) small_step(b.t, b.x, b.target);
    ck_ok(cvk_trainer_graph(b.t, &trained));
    run(trained, device, b.x, y);
    for (int i = 0; i < SMALL_BATCH; i++) {
      const float *row = y + i * SMALL_CLASSES;
      double sum = 0;
      int best = 0;
      for (int c = 0; c < SMALL_CLASSES; c++) best = row[c] > row[best] ? c : best, sum += exp((double)row[c]);
      correct += best == fixture_labels[i];
      loss += (log(sum) - (double)row[fixture_labels[i]]) / SMALL_BATCH;
    }
    cvk_dataset *ds = dataset_of(b.ctx, b.x, b.target);
    ck_ok(cvk_trainer_evaluate(b.t, ds, SMALL_BATCH, &e));
    current = device;
    near(e.loss, loss, 1e-6, "evaluated loss");
    ck_assert_int_eq(e.correct, correct);
    ck_assert_int_eq(e.count, SMALL_BATCH);
    run(b.g, device, b.x, y);
    ck_assert_mem_eq(y, before, sizeof y);
    cvk_dataset_release(ds);
    cvk_graph_release(trained);
    bench_free(&b);
  }
}
END_TEST

/* Scores [n,5,6,6], a class for each pixel, some ignored: loss, count and hits by hand. */
START_TEST(a_class_for_each_pixel) {
  const char *device;
  enum { N = 3, CELLS = 36 };
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value x;
    int64_t label[N * CELLS], count = 0, correct = 0;
    float y[N * SMALL_CLASSES * CELLS];
    double loss = 0;
    cvk_tensor *batch = small_x(N), *target = NULL, *out = NULL;
    cvk_session *s = NULL;
    for (int i = 0; i < N * CELLS; i++) label[i] = i % 7 == 6 ? -1 : i % 7 % SMALL_CLASSES;
    ck_ok(cvk_tensor_create(NULL, CVK_I64, DIMS(N, 6, 6), label, &target));
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(
        g, small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, small_weight(g, "w", DIMS(SMALL_CLASSES, 1, 3, 3), 2, 1)}), "y"));
    ck_ok(cvk_session_create(g, &(cvk_session_options){.device = device}, &s));
    ck_ok(cvk_session_run(s, 1, &batch, 1, &out));
    ck_ok(cvk_tensor_read(out, y, sizeof y));
    for (int i = 0; i < N * CELLS; i++) {
      const float *at = y + i / CELLS * SMALL_CLASSES * CELLS + i % CELLS;
      double sum = 0;
      int best = 0;
      if (label[i] < 0) continue;
      for (int c = 0; c < SMALL_CLASSES; c++) best = at[c * CELLS] > at[best * CELLS] ? c : best, sum += exp((double)at[c * CELLS]);
      loss += log(sum) - (double)at[label[i] * CELLS];
      correct += best == label[i];
      count++;
    }
    cvk_trainer *t = small_trainer(g, device, (cvk_trainer_options){.has_ignore = 1, .ignore_index = -1, .learning_rate = 0.1f});
    cvk_evaluation e = {.struct_size = sizeof e};
    cvk_step_result r = {.struct_size = sizeof r};
    cvk_dataset *ds = dataset_of(ctx, batch, target);
    current = device;
    ck_ok(cvk_trainer_evaluate(t, ds, 2, &e));
    near(e.loss, loss / (double)count, 1e-6, "evaluated");
    ck_assert_int_eq(e.count, count);
    ck_assert_int_eq(e.correct, correct);
    ck_ok(cvk_trainer_step(t, batch, target, &r));
    near(r.loss, loss / (double)count, 1e-5, "of the step");
    ck_assert_int_eq(r.count, count);
    ck_assert_int_eq(r.correct, correct);
    ck_assert(small_step(t, batch, target) < r.loss);
    cvk_dataset_release(ds);
    cvk_trainer_release(t);
    cvk_session_release(s);
    cvk_tensor_release(out);
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

START_TEST(null_arguments) {
  cvk_trainer_release(NULL);
  ck_assert_int_eq(cvk_trainer_step_count(NULL), 0);
  ck_assert_ptr_null(cvk_trainer_session(NULL));
  ck_assert_int_eq(cvk_trainer_epoch_count(NULL), 0);
  cvk_graph *g = NULL;
  ck_fails(cvk_trainer_graph(NULL, &g), CVK_INVALID_ARGUMENT, "the trainer is NULL");
  ck_fails(cvk_trainer_save(NULL, "x"), CVK_INVALID_ARGUMENT, "the trainer is NULL");
  ck_fails(cvk_trainer_load(NULL, "x"), CVK_INVALID_ARGUMENT, "the trainer is NULL");
  bench b = bench_make(small_device(0), (cvk_trainer_options){0});
  ck_assert_ptr_nonnull(cvk_trainer_session(b.t));
  cvk_epoch_result e;
  ck_fails(cvk_trainer_epoch(b.t, 0, &e), CVK_INVALID_ARGUMENT, "epoch number 0 of 0");
  ck_fails(cvk_trainer_graph(b.t, NULL), CVK_INVALID_ARGUMENT, "out is NULL");
  bench_free(&b);
}
END_TEST

SUITE("trainer", losses_of_pytorch, running_statistics_of_pytorch, devices_agree_and_threads_change_nothing, failing_step_changes_nothing,
      activation_as_attribute, softmax_at_the_end_is_left_out, softmax_along_another_axis, products_with_biases_behind_moves,
      several_batch_norms_keep_their_statistics, slopes_are_trained, dropout_follows_the_seed, linear_regression,
      open_extents_come_from_the_batch, the_number_of_samples_is_the_batchs, sums_behind_products_without_weights,
      weights_of_another_output_stay, clip_value_bounds_each_element, models_without_weights_or_inputs, options_out_of_range,
      schedules_want_the_number_of_steps, evaluation_wants_targets_of_the_loss, trained_graph_is_what_was_evaluated, a_class_for_each_pixel,
      null_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_trainer.c: steps against PyTorch's losses, which models can be trained and how, what a failing step leaves, options, evaluation. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixtures.h"
#include "graph_internal.h"
#include "small.h"

static cvk_tensor *fixture_target(const fixture *f) {
  if (f->o.loss == CVK_LOSS_MEAN_SQUARED_ERROR) return small_tensor(DIMS(SMALL_BATCH, SMALL_CLASSES), 6, 1);
  return small_labels(SMALL_BATCH, f->o.has_ignore ? fixture_ignored : fixture_labels);
}

static void check_last(cvk_trainer *t, cvk_context *ctx, cvk_tensor *x, cvk_tensor *target, const fixture *f) {
  cvk_evaluation e = {.struct_size = sizeof e};
  cvk_dataset *ds = small_dataset(ctx, x, target);
  ck_ok(cvk_trainer_evaluate(t, ds, 3, &e));
  if (f->o.loss == CVK_LOSS_SOFTMAX_CROSS_ENTROPY) ck_assert_int_eq(e.count, f->o.has_ignore ? 6 : 8);
  if (f->last != 0) small_near(e.loss, f->last, 4e-5, "loss behind the last step");
  cvk_dataset_release(ds);
}

static void check_fixture(const fixture *f, const char *device) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = small_net(ctx, f->batch_norm, -1);
  cvk_trainer *t = small_trainer(g, device, f->o);
  cvk_tensor *x = small_x(SMALL_BATCH), *target = fixture_target(f);
  char text[64];
  snprintf(text, sizeof text, "%s on %s", f->name, device);
  small_current = text;
  for (int i = 0; i < FIXTURE_STEPS; i++) {
    char step[32];
    snprintf(step, sizeof step, "step %d", i + 1);
    small_near(small_step(t, x, target), f->loss[i], 1e-5, step);
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
    small_current = device;
    for (int i = 0; i < FIXTURE_STEPS; i++) small_step(t, x, target);
    small_read_weight(t, "mean", 0, mean, 4);
    small_read_weight(t, "var", 0, var, 4);
    for (int i = 0; i < 4; i++) {
      small_near((double)mean[i], fixture_running_mean[i], 2e-5, "running mean");
      small_near((double)var[i], fixture_running_var_population[i], 2e-5, "running variance");
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
      small_current = device;
      for (int i = 0; i < 20; i++) small_near(one[i], reference[i], 1e-4, "loss beside the reference");
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

START_TEST(clip_value_bounds_each_element) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, (cvk_trainer_options){.optimizer = CVK_SGD, .learning_rate = 1, .clip_value = 0.01f});
    float before[180], after[180];
    int clipped = 0;
    small_read_weight(b.t, "dense.weight", 0, before, 180);
    small_step(b.t, b.x, b.target);
    small_read_weight(b.t, "dense.weight", 0, after, 180);
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
    cvk_dataset *ds = small_dataset(ctx, x, bad[i].target);
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
    bench b = bench_make(device, small_quick);
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
    cvk_dataset *ds = small_dataset(b.ctx, b.x, b.target);
    ck_ok(cvk_trainer_evaluate(b.t, ds, SMALL_BATCH, &e));
    small_current = device;
    small_near(e.loss, loss, 1e-6, "evaluated loss");
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
    cvk_dataset *ds = small_dataset(ctx, batch, target);
    small_current = device;
    ck_ok(cvk_trainer_evaluate(t, ds, 2, &e));
    small_near(e.loss, loss / (double)count, 1e-6, "evaluated");
    ck_assert_int_eq(e.count, count);
    ck_assert_int_eq(e.correct, correct);
    ck_ok(cvk_trainer_step(t, batch, target, &r));
    small_near(r.loss, loss / (double)count, 1e-5, "of the step");
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
      clip_value_bounds_each_element, models_without_weights_or_inputs, options_out_of_range, schedules_want_the_number_of_steps,
      evaluation_wants_targets_of_the_loss, trained_graph_is_what_was_evaluated, a_class_for_each_pixel, null_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_fit.c: cvk_fit: history and callbacks, validation, early stopping, schedules, checkpoints and what goes on from them. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "small.h"
#include "train/train_internal.h"

enum { SAMPLES = 36, BATCH = 8, STEPS = 5, VALIDATION = 15 };

typedef struct bench {
  cvk_context *ctx;
  cvk_graph *g;
  cvk_trainer *t;
  cvk_dataset *data, *validation;
} bench;

static const cvk_trainer_options adam = {.learning_rate = 0.01f, .seed = 3};

static bench bench_make(const char *device, cvk_trainer_options o) {
  bench b = {.ctx = small_context(0)};
  b.g = small_net(b.ctx, 1, -1);
  b.t = small_trainer(b.g, device, o);
  b.data = small_data(b.ctx, SAMPLES, 1, 0);
  b.validation = small_data(b.ctx, VALIDATION, 2, 0);
  return b;
}

static void bench_free(bench *b) {
  cvk_dataset_release(b->data);
  cvk_dataset_release(b->validation);
  cvk_trainer_release(b->t);
  cvk_graph_release(b->g);
  cvk_context_release(b->ctx);
}

static cvk_epoch_result epoch_of(const cvk_trainer *t, int64_t index) {
  cvk_epoch_result e;
  ck_ok(cvk_trainer_epoch(t, index, &e));
  return e;
}

/* ---- history and callbacks ---- */

typedef struct watch {
  cvk_trainer *t;
  int64_t steps, epochs;
  int64_t stop_step, stop_epoch; /* 0: never */
  int die;                       /* at stop_step */
} watch;

static int32_t on_step(void *arg, const cvk_fit_progress *p) {
  watch *w = arg;
  const int64_t at = w->steps % STEPS;
  ck_assert_uint_eq(p->struct_size, sizeof *p);
  ck_assert_int_eq(p->epoch, w->steps / STEPS + 1);
  ck_assert_int_eq(p->step, at + 1);
  ck_assert_int_eq(p->steps, STEPS);
  ck_assert_int_eq(p->images, at + 1 == STEPS ? SAMPLES : (at + 1) * BATCH);
  ck_assert(p->loss > 0 && isfinite(p->loss) && p->accuracy >= 0 && p->accuracy <= 1 && p->seconds > 0 && p->seconds_left >= 0);
  w->steps++;
  if (w->steps == w->stop_step && w->die) kill(getpid(), SIGKILL);
  return w->steps == w->stop_step;
}

static int32_t on_epoch(void *arg, const cvk_epoch_result *e) {
  watch *w = arg;
  w->epochs++;
  ck_assert_int_eq(e->epoch, cvk_trainer_epoch_count(w->t)); /* in the history already */
  return w->epochs == w->stop_epoch;
}

START_TEST(history_and_callbacks) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, adam);
    watch w = {.t = b.t};
    ck_ok(cvk_fit(
        b.t, b.data,
        &(cvk_fit_options){.epochs = 3, .batch = BATCH, .validation = b.validation, .on_step = on_step, .on_epoch = on_epoch, .arg = &w}));
    ck_assert_int_eq(w.steps, 3 * STEPS);
    ck_assert_int_eq(w.epochs, 3);
    ck_assert_int_eq(cvk_trainer_step_count(b.t), 3 * STEPS);
    ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 3);
    for (int64_t i = 0; i < 3; i++) {
      const cvk_epoch_result e = epoch_of(b.t, i);
      ck_assert_int_eq(e.epoch, i + 1);
      ck_assert(e.loss > 0 && e.accuracy > 0 && e.accuracy <= 1 && e.validation_loss > 0 && e.seconds > 0 && e.images_per_second > 0);
      ck_assert_double_eq(e.rate, (double)0.01f);
    }
    ck_assert(epoch_of(b.t, 2).loss < epoch_of(b.t, 0).loss);
    ck_fails(cvk_trainer_epoch(b.t, 3, &(cvk_epoch_result){0}), CVK_INVALID_ARGUMENT, "epoch number 3 of 3");
    ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 3, .batch = BATCH})); /* all done already */
    ck_assert_int_eq(cvk_trainer_step_count(b.t), 3 * STEPS);
    bench_free(&b);
  }
}
END_TEST

static int32_t first_losses(void *arg, const cvk_fit_progress *p) {
  double *loss = arg;
  if (p->step == 1) loss[p->epoch - 1] = p->loss;
  return 0;
}

/* The first batch of two epochs, with weights that do not move: the same only without shuffling and augmentation. */
START_TEST(each_epoch_has_its_own_order_and_augmentation) {
  static const struct { int32_t no_shuffle, no_augment, same; } kinds[] = {{0, 1, 0}, {1, 0, 0}, {1, 1, 1}};
  for (int k = 0; k < 3; k++) {
    bench b = bench_make(small_device(0), (cvk_trainer_options){.optimizer = CVK_SGD, .learning_rate = 1e-20f});
    double loss[2] = {0};
    ck_ok(cvk_fit(b.t, b.data,
                  &(cvk_fit_options){.epochs = 2,
                                     .batch = BATCH,
                                     .no_shuffle = kinds[k].no_shuffle,
                                     .no_augment = kinds[k].no_augment,
                                     .on_step = first_losses,
                                     .arg = loss}));
    ck_assert(loss[0] > 0 && loss[1] > 0);
    ck_assert_int_eq(loss[0] == loss[1], kinds[k].same);
    bench_free(&b);
  }
}
END_TEST

START_TEST(validation_is_an_evaluation) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, adam);
    cvk_evaluation v = {.struct_size = sizeof v};
    for (int64_t epochs = 1; epochs <= 2; epochs++) {
      ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = epochs, .batch = BATCH, .validation = b.validation}));
      const cvk_epoch_result e = epoch_of(b.t, epochs - 1);
      ck_ok(cvk_trainer_evaluate(b.t, b.validation, BATCH, &v));
      ck_assert_double_eq(e.validation_loss, v.loss);
      ck_assert_double_eq(e.validation_accuracy, (double)v.correct / VALIDATION);
      ck_assert_int_eq(v.count, VALIDATION);
    }
    bench_free(&b);
  }
}
END_TEST

START_TEST(a_stop_in_on_step_loses_the_epoch_in_hand) {
  bench b = bench_make(small_device(0), adam);
  const char *path = small_path("stopped");
  watch w = {.t = b.t, .stop_step = STEPS + 2};
  const cvk_fit_options o = {.epochs = 4, .batch = BATCH, .checkpoint = path, .on_step = on_step, .on_epoch = on_epoch, .arg = &w};
  ck_ok(cvk_fit(b.t, b.data, &o));
  ck_assert_int_eq(w.steps, STEPS + 2);
  ck_assert_int_eq(w.epochs, 1);
  ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 1);
  ck_ok(cvk_trainer_load(b.t, path));
  ck_assert_int_eq(cvk_trainer_step_count(b.t), STEPS);
  ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 1);
  unlink(path);
  bench_free(&b);
}
END_TEST

START_TEST(a_stop_in_on_epoch_keeps_it) {
  bench b = bench_make(small_device(0), adam);
  watch w = {.t = b.t, .stop_epoch = 2};
  ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 4, .batch = BATCH, .on_epoch = on_epoch, .arg = &w}));
  ck_assert_int_eq(w.epochs, 2);
  ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 2);
  ck_assert_int_eq(cvk_trainer_step_count(b.t), 2 * STEPS);
  bench_free(&b);
}
END_TEST

START_TEST(options_out_of_range) {
  bench b = bench_make(small_device(0), adam);
  const struct {
    cvk_fit_options o;
    cvk_status status;
    const char *text;
  } bad[] = {
      {{.epochs = 0, .batch = 8}, CVK_INVALID_ARGUMENT, "0 epochs of batches of 8"},
      {{.epochs = 2, .batch = -1}, CVK_INVALID_ARGUMENT, "2 epochs of batches of -1"},
      {{.epochs = 2, .batch = 8, .patience = -1}, CVK_INVALID_ARGUMENT, "patience is -1"},
      {{.epochs = 2, .batch = 8, .patience = 2}, CVK_INVALID_ARGUMENT, "patience 2 without validation data"},
      {{.epochs = 2, .batch = 8, .resume = 1}, CVK_INVALID_ARGUMENT, "resume without the name of a checkpoint"},
      {{.epochs = INT64_MAX, .batch = 1}, CVK_SIZE_OVERFLOW, "too many"},
      {{.struct_size = 2, .epochs = 2, .batch = 8}, CVK_INVALID_ARGUMENT, "struct_size is 2"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_fails(cvk_fit(b.t, b.data, &bad[i].o), bad[i].status, bad[i].text);
  ck_fails(cvk_fit(NULL, b.data, &bad[0].o), CVK_INVALID_ARGUMENT, "the trainer is NULL");
  ck_fails(cvk_fit(b.t, NULL, &bad[0].o), CVK_INVALID_ARGUMENT, "the dataset is NULL");
  ck_fails(cvk_fit(b.t, b.data, NULL), CVK_INVALID_ARGUMENT, "0 epochs");
  ck_assert_int_eq(cvk_trainer_step_count(b.t), 0);
  bench_free(&b);
}
END_TEST

/* ---- early stopping ---- */

START_TEST(early_stop_has_the_best_weights) {
  const char *device, *path = small_path("patient");
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, (cvk_trainer_options){.learning_rate = 0.03f, .seed = 3});
    cvk_dataset *noisy = small_data(b.ctx, SAMPLES, 5, 1);
    cvk_evaluation v = {.struct_size = sizeof v};
    cvk_fit_options o = {.epochs = 200, .batch = BATCH, .validation = b.validation, .patience = 3, .checkpoint = path, .no_augment = 1};
    ck_ok(cvk_fit(b.t, noisy, &o));
    const int64_t n = cvk_trainer_epoch_count(b.t);
    ck_assert_int_lt(n, 200);
    const cvk_epoch_result best = epoch_of(b.t, n - 1 - 3);
    ck_assert_int_ne(best.improved, 0);
    for (int64_t i = 0; i < n; i++) {
      const cvk_epoch_result e = epoch_of(b.t, i);
      ck_assert(e.validation_loss >= best.validation_loss);
      if (i > n - 4) ck_assert_int_eq(e.improved, 0);
    }
    ck_ok(cvk_trainer_evaluate(b.t, b.validation, BATCH, &v));
    ck_assert_double_eq(v.loss, best.validation_loss);
    ck_assert_double_eq((double)v.correct / VALIDATION, best.validation_accuracy);
    cvk_trainer *again = small_trainer(b.g, device, (cvk_trainer_options){.learning_rate = 0.03f, .seed = 3});
    o.resume = 1; /* it is over already: no epoch, the best weights */
    ck_ok(cvk_fit(again, noisy, &o));
    ck_assert_int_eq(cvk_trainer_epoch_count(again), n);
    ck_ok(cvk_trainer_evaluate(again, b.validation, BATCH, &v));
    ck_assert_double_eq(v.loss, best.validation_loss);
    cvk_trainer_release(again);
    cvk_dataset_release(noisy);
    unlink(path);
    bench_free(&b);
  }
}
END_TEST

/* Patience for a training that had none: counted from here on, since the best weights of before are gone. */
START_TEST(patience_that_comes_later) {
  bench b = bench_make(small_device(0), (cvk_trainer_options){.learning_rate = 0.03f});
  cvk_dataset *noisy = small_data(b.ctx, SAMPLES, 5, 1);
  const char *path = small_path("later");
  cvk_evaluation v = {.struct_size = sizeof v};
  cvk_fit_options o = {.epochs = 30, .batch = BATCH, .validation = b.validation, .checkpoint = path, .no_augment = 1};
  ck_ok(cvk_fit(b.t, noisy, &o));
  o.epochs = 60;
  o.patience = 2;
  o.resume = 1;
  ck_ok(cvk_fit(b.t, noisy, &o));
  const int64_t n = cvk_trainer_epoch_count(b.t);
  ck_assert_int_gt(n, 30);
  double least = INFINITY;
  for (int64_t i = 30; i < n; i++) least = fmin(least, epoch_of(b.t, i).validation_loss);
  ck_ok(cvk_trainer_evaluate(b.t, b.validation, BATCH, &v));
  ck_assert_double_eq(v.loss, least);
  cvk_dataset_release(noisy);
  unlink(path);
  bench_free(&b);
}
END_TEST

/* ---- schedules ---- */

static void rate_is(cvk_trainer_options o, int64_t total, int64_t step, double want) {
  o.learning_rate = 2;
  o.decay_factor = o.decay_factor > 0 ? o.decay_factor : 0.1f;
  const double got = (double)cvk_trainer_rate(&o, total, step);
  ck_assert_msg(fabs(got - want) <= 1e-6 * want + 1e-9, "schedule %d, step %lld of %lld: %.9g, wanted %.9g", o.schedule, (long long)step,
                (long long)total, got, want);
}

static double half_cosine(double at) {
  return 0.5 * (1 + cos(3.14159265358979323846 * at));
}

START_TEST(schedules) {
  const cvk_trainer_options constant = {0}, step = {.schedule = CVK_SCHEDULE_STEP},
                            every = {.schedule = CVK_SCHEDULE_STEP, .decay_steps = 4, .decay_factor = 0.5f},
                            cosine = {.schedule = CVK_SCHEDULE_COSINE}, cycle = {.schedule = CVK_SCHEDULE_ONE_CYCLE},
                            warm = {.warmup = 0.25f}, warm_cosine = {.schedule = CVK_SCHEDULE_COSINE, .warmup = 0.25f},
                            warm_cycle = {.schedule = CVK_SCHEDULE_ONE_CYCLE, .warmup = 0.5f};
  for (int64_t s = 0; s < 100; s += 9) rate_is(constant, 0, s, 2);
  for (int64_t s = 0; s < 10; s++) {
    rate_is(step, 10, s, s < 4 ? 2 : s < 8 ? 0.2 : 0.02); /* a third of 10 is 4 */
    rate_is(every, 0, s, s < 4 ? 2 : s < 8 ? 1 : 0.5);
    rate_is(cosine, 10, s, 2 * half_cosine((double)s / 10));
  }
  rate_is(cosine, 10, 10, 0);
  rate_is(cosine, 10, 25, 0);
  for (int64_t s = 0; s < 20; s++) {
    const double w = 5, up = 2 * (0.04 + 0.96 * (double)s / w), down = 2 * (0.001 + 0.999 * half_cosine(((double)s - w) / 15));
    rate_is(cycle, 20, s, s < 5 ? up : down);
    rate_is(warm, 20, s, s < 5 ? 2 * (double)(s + 1) / 6 : 2);
    rate_is(warm_cosine, 20, s, s < 5 ? 2 * (double)(s + 1) / 6 : 2 * half_cosine(((double)s - 5) / 15));
    rate_is(warm_cycle, 20, s, s < 10 ? 2 * (0.04 + 0.096 * (double)s) : 2 * (0.001 + 0.999 * half_cosine(((double)s - 10) / 10)));
  }
  rate_is(cycle, 20, 20, 0.002);
  rate_is(cycle, 1, 0, 2 * 0.04); /* one step in all */
}
END_TEST

/* The number of steps is that of the fit in hand. */
START_TEST(fit_tells_the_schedule_its_steps) {
  bench b = bench_make(small_device(0), (cvk_trainer_options){.schedule = CVK_SCHEDULE_COSINE, .learning_rate = 0.01f});
  ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 2, .batch = BATCH}));
  ck_assert_double_eq_tol(epoch_of(b.t, 0).rate, 0.01 * half_cosine(0.4), 1e-8);
  ck_assert_double_eq_tol(epoch_of(b.t, 1).rate, 0.01 * half_cosine(0.9), 1e-8);
  ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 4, .batch = BATCH}));
  ck_assert_double_eq_tol(epoch_of(b.t, 3).rate, 0.01 * half_cosine(0.95), 1e-8);
  bench_free(&b);
}
END_TEST

/* ---- checkpoints ---- */

/* Weights and optimiser of a state: what stands behind its head and history, without the sum. */
static const char *inside(const char *state, size_t bytes, int64_t epochs, size_t *n) {
  const size_t head = 64 + (size_t)epochs * sizeof(cvk_epoch_result);
  ck_assert_uint_gt(bytes, head + 8);
  *n = bytes - head - 8;
  return state + head;
}

static void same_training(cvk_trainer *a, cvk_trainer *b, int64_t epochs) {
  size_t bytes[2], n[2];
  char *state[2] = {small_state(a, &bytes[0]), small_state(b, &bytes[1])};
  ck_assert_int_eq(cvk_trainer_epoch_count(a), epochs);
  ck_assert_int_eq(cvk_trainer_epoch_count(b), epochs);
  ck_assert_int_eq(cvk_trainer_step_count(a), cvk_trainer_step_count(b));
  for (int64_t i = 0; i < epochs; i++) {
    const cvk_epoch_result x = epoch_of(a, i), y = epoch_of(b, i);
    small_same_epochs(&x, &y);
  }
  const char *x = inside(state[0], bytes[0], epochs, &n[0]), *y = inside(state[1], bytes[1], epochs, &n[1]);
  ck_assert_uint_eq(n[0], n[1]);
  ck_assert_mem_eq(x, y, n[0]);
  free(state[0]);
  free(state[1]);
}

static const cvk_trainer_options cycle = {.learning_rate = 0.02f, .schedule = CVK_SCHEDULE_ONE_CYCLE, .seed = 9, .clip_norm = 1};

static cvk_fit_options four_epochs(const bench *b, const char *path, watch *w) {
  return (cvk_fit_options){.epochs = 4,
                           .batch = BATCH,
                           .validation = b->validation,
                           .patience = 4,
                           .checkpoint = path,
                           .resume = 1,
                           .on_step = w ? on_step : NULL,
                           .arg = w};
}

/* Trains up to step `stop` and ends there, by a signal or by the callback. */
static void train_until(const char *device, const char *path, int64_t stop, int die) {
  bench b = bench_make(device, cycle);
  watch w = {.t = b.t, .stop_step = stop, .die = die};
  const cvk_fit_options o = four_epochs(&b, path, &w);
  ck_ok(cvk_fit(b.t, b.data, &o));
  bench_free(&b);
}

static void train_until_killed(const char *device, const char *path, int64_t stop) {
  int status;
  fflush(NULL);
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    train_until(device, path, stop, 1);
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_resumed(const char *device, const char *path) {
  bench whole = bench_make(device, cycle), rest = bench_make(device, cycle);
  const char *other = small_path("whole");
  cvk_fit_options o = four_epochs(&whole, other, NULL);
  ck_ok(cvk_fit(whole.t, whole.data, &o));
  o = four_epochs(&rest, path, NULL);
  ck_ok(cvk_fit(rest.t, rest.data, &o));
  same_training(whole.t, rest.t, 4);
  unlink(path);
  unlink(other);
  bench_free(&whole);
  bench_free(&rest);
}

START_TEST(stopped_and_resumed) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    char path[200];
    strcpy(path, small_path("resumed"));
    train_until(device, path, 2 * STEPS + 3, 0);
    check_resumed(device, path);
  }
}
END_TEST

START_TEST(killed_and_resumed) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL && strncmp(device, "opencl", 6) != 0; d++) { /* drivers do not survive a fork */
    char path[200];
    strcpy(path, small_path("killed"));
    train_until_killed(device, path, 2 * STEPS + 3);
    check_resumed(device, path);
  }
}
END_TEST

START_TEST(loaded_by_a_new_trainer) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, cycle), fresh = bench_make(device, cycle);
    const char *path = small_path("new");
    ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 2, .batch = BATCH, .checkpoint = path}));
    ck_ok(cvk_trainer_load(fresh.t, path));
    same_training(b.t, fresh.t, 2);
    cvk_tensor *x = small_x(8), *target = small_labels(8, (const int64_t[]){0, 1, 2, 0, 1, 2, 0, 1});
    ck_assert_double_eq(small_step(b.t, x, target), small_step(fresh.t, x, target));
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    unlink(path);
    bench_free(&b);
    bench_free(&fresh);
  }
}
END_TEST

static void refuse(cvk_trainer *t, const char *path, cvk_status status, const char *text) {
  size_t before, after;
  char *was = small_state(t, &before);
  ck_fails(cvk_trainer_load(t, path), status, text);
  char *is = small_state(t, &after);
  ck_assert_uint_eq(before, after);
  ck_assert_mem_eq(was, is, before);
  free(was);
  free(is);
}

START_TEST(damaged_checkpoints_change_nothing) {
  bench b = bench_make(small_device(0), cycle), other = bench_make(small_device(0), cycle);
  char path[200];
  size_t bytes;
  strcpy(path, small_path("damaged"));
  const cvk_fit_options o = {.epochs = 1, .batch = BATCH, .validation = b.validation, .patience = 1, .checkpoint = path};
  ck_ok(cvk_fit(b.t, b.data, &o));
  ck_ok(cvk_fit(other.t, other.data, &(cvk_fit_options){.epochs = 1, .batch = SAMPLES}));
  char *data = small_file(path, &bytes);
  ck_assert_uint_gt(bytes, 2000);
  for (size_t at = 0; at < bytes; at += 100) {
    data[at] ^= 0x10;
    small_write(path, data, bytes);
    refuse(other.t, path, CVK_IO_ERROR, "is damaged or no checkpoint");
    data[at] ^= 0x10;
    small_write(path, data, at);
    refuse(other.t, path, CVK_IO_ERROR, "is damaged or no checkpoint");
  }
  small_write(path, data, bytes - 1);
  refuse(other.t, path, CVK_IO_ERROR, "is damaged or no checkpoint");
  small_write(path, data, bytes);
  refuse(other.t, small_path("none"), CVK_IO_ERROR, "No such file");
  refuse(other.t, "/", CVK_IO_ERROR, "is damaged or no checkpoint");
  ck_fails(cvk_trainer_load(other.t, NULL), CVK_INVALID_ARGUMENT, "the path is NULL");
  free(data);
  unlink(path);
  bench_free(&b);
  bench_free(&other);
}
END_TEST

START_TEST(checkpoints_of_other_trainings) {
  static const float weights[5] = {1, 1, 1, 1, 2};
  const cvk_trainer_options base = {.optimizer = CVK_SGD, .momentum = 0.5f, .learning_rate = 0.02f, .seed = 9};
  cvk_trainer_options o[14];
  for (size_t i = 0; i < 14; i++) o[i] = base;
  o[0].seed = 10;
  o[1].learning_rate = 0.03f;
  o[2].optimizer = CVK_ADAM;
  o[3].momentum = 0.6f;
  o[4].momentum = 0;
  o[5].nesterov = 1;
  o[6].weight_decay = 0.1f;
  o[7].clip_norm = 1;
  o[8].clip_value = 1;
  o[9].label_smoothing = 0.1f;
  o[10].schedule = CVK_SCHEDULE_COSINE;
  o[10].total_steps = 5;
  o[11].has_ignore = 1;
  o[12].class_weights = weights, o[12].n_class_weights = 5;
  o[13].warmup = 0.1f, o[13].total_steps = 5;
  const char *const text = "is of another model or of other options";
  bench b = bench_make(small_device(0), base);
  char path[200];
  strcpy(path, small_path("theirs"));
  ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 1, .batch = BATCH, .checkpoint = path}));
  for (size_t i = 0; i < 14; i++) {
    cvk_trainer *t = small_trainer(b.g, small_device(0), o[i]);
    refuse(t, path, CVK_INVALID_ARGUMENT, text);
    cvk_trainer_release(t);
  }
  cvk_graph *plain = small_net(b.ctx, 0, -1);
  cvk_trainer *t = small_trainer(plain, small_device(0), base);
  refuse(t, path, CVK_INVALID_ARGUMENT, text);
  cvk_trainer_release(t);
  cvk_graph_release(plain);
  unlink(path);
  bench_free(&b);
}
END_TEST

/* More epochs on a checkpoint: where the rates do not depend on their number. */
START_TEST(resumed_for_more_epochs) {
  const char *path = small_path("more");
  cvk_fit_options o = {.epochs = 2, .batch = BATCH, .checkpoint = path, .resume = 1};
  bench a = bench_make(small_device(0), adam), b = bench_make(small_device(0), adam), c = bench_make(small_device(0), cycle);
  ck_ok(cvk_fit(a.t, a.data, &o));
  o.epochs = 3;
  ck_ok(cvk_fit(b.t, b.data, &o));
  ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 3);
  ck_assert_int_eq(cvk_trainer_step_count(b.t), 3 * STEPS);
  unlink(path);
  ck_ok(cvk_fit(c.t, c.data, &o));
  o.epochs = 4;
  ck_fails(cvk_fit(c.t, c.data, &o), CVK_INVALID_ARGUMENT, "other options (epochs");
  unlink(path);
  bench_free(&a);
  bench_free(&b);
  bench_free(&c);
}
END_TEST

/* The old file stays where a new one cannot be written. */
static void old_one_stays(bench *b, const char *path, const char *old, size_t bytes, const char *text) {
  size_t n;
  char temporary[220];
  ck_fails(cvk_fit(b->t, b->data, &(cvk_fit_options){.epochs = cvk_trainer_epoch_count(b->t) + 1, .batch = BATCH, .checkpoint = path}),
           CVK_IO_ERROR, text);
  char *now = small_file(path, &n);
  ck_assert_uint_eq(n, bytes);
  ck_assert_mem_eq(now, old, n);
  free(now);
  snprintf(temporary, sizeof temporary, "%s.new", path);
  struct stat st;
  ck_assert(stat(temporary, &st) != 0 || S_ISDIR(st.st_mode)); /* nothing half written is left */
}

START_TEST(checkpoints_that_cannot_be_written) {
  bench b = bench_make(small_device(0), adam);
  char path[200], folder[220];
  struct rlimit limit, small;
  size_t bytes;
  strcpy(path, small_path("kept"));
  ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 1, .batch = BATCH, .checkpoint = path}));
  char *old = small_file(path, &bytes);
  signal(SIGXFSZ, SIG_IGN); /* as a full disk */
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 1000;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  old_one_stays(&b, path, old, bytes, "File too large");
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  snprintf(folder, sizeof folder, "%s.new", path); /* what is in the way of the new one */
  ck_assert_int_eq(mkdir(folder, 0700), 0);
  old_one_stays(&b, path, old, bytes, "Is a directory");
  ck_assert_int_eq(rmdir(folder), 0);
  ck_fails(cvk_trainer_save(b.t, "/no/such/folder/file"), CVK_IO_ERROR, "No such file or directory");
  ck_fails(cvk_trainer_save(b.t, "/proc/self/file"), CVK_IO_ERROR, "/proc/self/file");
  char *longest = malloc(5001);
  memset(longest, 'a', 5000);
  longest[5000] = 0;
  ck_fails(cvk_trainer_save(b.t, longest), CVK_INVALID_ARGUMENT, "characters");
  ck_ok(cvk_trainer_save(b.t, path));
  unlink(path);
  free(longest);
  free(old);
  bench_free(&b);
}
END_TEST

/* ---- data that fails ---- */

START_TEST(a_loss_that_is_not_finite) {
  const char *device, *path = small_path("nan");
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, adam);
    float x[12 * 36] = {0};
    const int64_t label[12] = {0};
    cvk_tensor *images = NULL, *labels = small_labels(12, label);
    cvk_dataset *ds = NULL;
    size_t bytes;
    x[7 * 36] = NAN;
    ck_ok(cvk_tensor_create(NULL, CVK_F32, DIMS(12, 1, 6, 6), x, &images));
    ck_ok(cvk_dataset_create(b.ctx, images, labels, NULL, &ds));
    ck_ok(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 1, .batch = BATCH, .checkpoint = path}));
    char *old = small_file(path, &bytes);
    ck_fails(cvk_fit(b.t, ds, &(cvk_fit_options){.epochs = 2, .batch = 4, .no_shuffle = 1, .checkpoint = path}), CVK_INVALID_ARGUMENT,
             "the loss is nan at step 2 of epoch 2, with learning rate 0.01");
    ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 1);
    size_t n;
    char *now = small_file(path, &n);
    ck_assert_uint_eq(n, bytes);
    ck_assert_mem_eq(now, old, n);
    free(now);
    free(old);
    unlink(path);
    cvk_tensor_release(images);
    cvk_tensor_release(labels);
    cvk_dataset_release(ds);
    bench_free(&b);
  }
}
END_TEST

static cvk_status read_sample(void *arg, int64_t index, void *x, void *target) {
  (void)arg;
  if (index == 21) return cvk_dataset_read_failed(CVK_IO_ERROR, "the picture is torn");
  memset(x, (int)index, 36);
  *(int32_t *)target = (int32_t)(index % 3);
  return CVK_OK;
}

START_TEST(a_sample_that_cannot_be_read) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    bench b = bench_make(device, adam);
    const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_U8, .rank = 3, .dim = {1, 6, 6}},
                          target = {.struct_size = sizeof target, .dtype = CVK_I32};
    cvk_dataset *ds = NULL;
    cvk_evaluation v = {.struct_size = sizeof v};
    ck_ok(cvk_dataset_create_from(b.ctx, SAMPLES, &x, &target, read_sample, NULL, NULL, NULL, &ds));
    ck_fails(cvk_fit(b.t, ds, &(cvk_fit_options){.epochs = 2, .batch = BATCH, .no_shuffle = 1}), CVK_IO_ERROR, "the picture is torn");
    ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 0);
    ck_assert_int_eq(cvk_trainer_step_count(b.t), 2);
    ck_fails(cvk_trainer_evaluate(b.t, ds, BATCH, &v), CVK_IO_ERROR, "21");
    ck_fails(cvk_fit(b.t, b.data, &(cvk_fit_options){.epochs = 2, .batch = BATCH, .validation = ds}), CVK_IO_ERROR, "the picture is torn");
    ck_assert_int_eq(cvk_trainer_epoch_count(b.t), 0);
    cvk_dataset_release(ds);
    bench_free(&b);
  }
}
END_TEST

SUITE("fit", history_and_callbacks, each_epoch_has_its_own_order_and_augmentation, validation_is_an_evaluation,
      a_stop_in_on_step_loses_the_epoch_in_hand, a_stop_in_on_epoch_keeps_it, options_out_of_range, early_stop_has_the_best_weights,
      patience_that_comes_later, schedules, fit_tells_the_schedule_its_steps, stopped_and_resumed, killed_and_resumed,
      loaded_by_a_new_trainer, damaged_checkpoints_change_nothing, checkpoints_of_other_trainings, resumed_for_more_epochs,
      checkpoints_that_cannot_be_written, a_loss_that_is_not_finite, a_sample_that_cannot_be_read)

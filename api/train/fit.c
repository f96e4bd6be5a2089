/* SPDX-License-Identifier: Apache-2.0 */
/* fit.c: cvk_fit: epochs over a dataset, with validation, early stopping and checkpoints. */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "clock.h"
#include "struct_copy.h"
#include "train_internal.h"

typedef struct fit {
  cvk_trainer *t;
  cvk_dataset *data;
  cvk_fit_options o;
  int64_t steps; /* an epoch has */
  int32_t stop;  /* a callback said so */
} fit;

static cvk_status check(const fit *f) {
  if (f->o.epochs < 1 || f->o.batch < 1)
    return cvk_fail(CVK_INVALID_ARGUMENT, "fit: %lld epochs of batches of %lld, allowed 1 or more of both", (long long)f->o.epochs,
                    (long long)f->o.batch);
  if (f->o.patience < 0) return cvk_fail(CVK_INVALID_ARGUMENT, "fit: patience is %lld, allowed 0 or more", (long long)f->o.patience);
  if (f->o.patience > 0 && f->o.validation == NULL)
    return cvk_fail(CVK_INVALID_ARGUMENT, "fit: patience %lld without validation data", (long long)f->o.patience);
  if (f->o.resume && f->o.checkpoint == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "fit: resume without the name of a checkpoint");
  return CVK_OK;
}

static double share(int64_t part, int64_t all) {
  return all > 0 ? (double)part / (double)all : 0;
}

/* Of all epochs, at the present speed of this one. */
static double seconds_left(const fit *f, int64_t epoch, int64_t step, double seconds) {
  return seconds / (double)step * ((double)(f->steps - step) + (double)f->steps * (double)(f->o.epochs - epoch));
}

static void report(fit *f, const cvk_epoch_result *e, int64_t step, int64_t images) {
  if (f->o.on_step == NULL) return;
  const cvk_fit_progress p = {.struct_size = sizeof p,
                              .epoch = e->epoch,
                              .epochs = f->o.epochs,
                              .step = step,
                              .steps = f->steps,
                              .images = images,
                              .loss = e->loss,
                              .accuracy = e->accuracy,
                              .seconds = e->seconds,
                              .seconds_left = seconds_left(f, e->epoch, step, e->seconds)};
  f->stop = f->o.on_step(f->o.arg, &p) != 0;
}

/* One pass of steps; fills all of *e but the validation. */
static cvk_status run_epoch(fit *f, cvk_epoch_result *e) {
  const cvk_batches_options options = {
      .shuffle = !f->o.no_shuffle, .augment = !f->o.no_augment, .seed = f->t->options.seed, .epoch = e->epoch - 1, .batch = f->o.batch};
  cvk_batches *batches = NULL;
  cvk_tensor *x = NULL, *target = NULL;
  int64_t step = 0, images = 0, count = 0, correct = 0;
  double sum = 0;
  const int64_t start = cvk_now_ns();
  cvk_status status = cvk_dataset_batches(f->data, &options, &batches);
  while (status == CVK_OK && !f->stop) {
    cvk_step_result r = {.struct_size = sizeof r};
    status = cvk_batches_next(batches, &x, &target);
    if (status != CVK_OK || x == NULL) break;
    status = cvk_trainer_step(f->t, x, target, &r);
    if (status == CVK_OK && !isfinite(r.loss))
      status = cvk_fail(CVK_INVALID_ARGUMENT, "fit: the loss is %g at step %lld of epoch %lld, with learning rate %g: a lower one may hold",
                        r.loss, (long long)step + 1, (long long)e->epoch, (double)r.rate);
    if (status != CVK_OK) break;
    const int64_t n = cvk_tensor_dims(x)[0];
    step++;
    images += n;
    count += r.count;
    correct += r.correct;
    sum += r.loss * (double)n;
    e->loss = sum / (double)images;
    e->accuracy = f->t->options.loss == CVK_LOSS_SOFTMAX_CROSS_ENTROPY ? share(correct, count) : 0;
    e->rate = (double)r.rate;
    e->seconds = (double)(cvk_now_ns() - start) * 1e-9;
    e->images_per_second = (double)images / e->seconds;
    report(f, e, step, images);
  }
  cvk_batches_release(batches);
  return status;
}

static cvk_status validate(fit *f, cvk_epoch_result *e) {
  cvk_evaluation v = {.struct_size = sizeof v};
  cvk_trainer *t = f->t;
  if (f->o.validation == NULL) return CVK_OK;
  cvk_status status = cvk_trainer_evaluate(t, f->o.validation, f->o.batch, &v);
  if (status != CVK_OK) return status;
  e->validation_loss = v.loss;
  e->validation_accuracy = t->options.loss == CVK_LOSS_SOFTMAX_CROSS_ENTROPY ? share(v.correct, v.count) : 0;
  e->improved = !isnan(v.loss) && (t->best_epoch == 0 || v.loss < t->best_loss);
  if (!e->improved) return CVK_OK;
  t->best_loss = v.loss;
  t->best_epoch = e->epoch;
  return f->o.patience > 0 ? cvk_trainer_take_best(t) : CVK_OK;
}

static int32_t out_of_patience(const fit *f) {
  return f->o.patience > 0 && f->t->best_epoch > 0 && f->t->n_epochs - f->t->best_epoch >= f->o.patience;
}

cvk_status cvk_fit(cvk_trainer *t, cvk_dataset *data, const cvk_fit_options *options) {
  fit f = {.t = t, .data = data};
  if (t == NULL || data == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "fit: %s is NULL", t ? "the dataset" : "the trainer");
  cvk_status status = cvk_copy_in(&f.o, options, sizeof f.o, "fit");
  if (status == CVK_OK) status = check(&f);
  if (status != CVK_OK) return status;
  f.steps = (cvk_dataset_count(data) - 1) / f.o.batch + 1;
  t->total_steps = t->options.total_steps;
  if (t->total_steps == 0 && __builtin_mul_overflow(f.steps, f.o.epochs, &t->total_steps))
    return cvk_fail(CVK_SIZE_OVERFLOW, "fit: %lld epochs of %lld steps are too many to count", (long long)f.o.epochs, (long long)f.steps);
  if (f.o.resume && (access(f.o.checkpoint, F_OK) == 0 || errno != ENOENT)) status = cvk_trainer_load(t, f.o.checkpoint);
  if (f.o.patience > 0 && t->best == NULL) t->best_epoch = 0; /* it was trained without patience: its best weights are gone */
  while (status == CVK_OK && !f.stop && t->n_epochs < f.o.epochs && !out_of_patience(&f)) {
    cvk_epoch_result e = {.epoch = t->n_epochs + 1};
    status = run_epoch(&f, &e);
    if (status != CVK_OK || f.stop) break;
    status = validate(&f, &e);
    if (status == CVK_OK) status = cvk_trainer_add_epoch(t, &e);
    if (status == CVK_OK && f.o.checkpoint) status = cvk_trainer_save(t, f.o.checkpoint);
    if (status == CVK_OK && f.o.on_epoch) f.stop = f.o.on_epoch(f.o.arg, &e) != 0;
  }
  if (status == CVK_OK && f.o.patience > 0 && t->best_epoch > 0) status = cvk_trainer_give_best(t);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* trainer.c: making and freeing trainers, the trained model as a graph, evaluation. */
#include <stdlib.h>
#include <string.h>

#include "struct_copy.h"
#include "train_internal.h"

static cvk_status no_memory(void) {
  return cvk_fail(CVK_NO_MEMORY, "trainer: no memory");
}

static void variable_free(cvk_variable *v) {
  cvk_tensor_release(v->now);
  cvk_tensor_release(v->next);
  for (int32_t k = 0; k < CVK_MAX_SLOTS; k++) {
    cvk_tensor_release(v->slot[k]);
    cvk_tensor_release(v->slot_next[k]);
  }
  free(v->name);
}

void cvk_trainer_release(cvk_trainer *t) {
  if (t == NULL) return;
  for (int32_t i = 0; i < CVK_TRAINER_STEPS; i++) cvk_step_free(&t->steps[i]);
  cvk_session_release(t->inference);
  cvk_trainer_drop_best(t);
  for (int32_t i = 0; i < t->n_variables; i++) variable_free(&t->variables[i]);
  cvk_tensor_release(t->class_tensor);
  cvk_tensor_release(t->rate);
  cvk_tensor_release(t->step);
  cvk_tensor_release(t->seed);
  cvk_tensor_release(t->loss);
  cvk_device_release(t->device);
  cvk_graph_release(t->model);
  free(t->variables);
  free(t->epochs);
  free(t->device_spec);
  free(t);
}

static int32_t share(float v) {
  return v >= 0 && v < 1;
}

static cvk_status check_options(const cvk_trainer_options *o) {
  if (o->loss < CVK_LOSS_SOFTMAX_CROSS_ENTROPY || o->loss > CVK_LOSS_MEAN_SQUARED_ERROR)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: loss is %d, allowed 0 to %d", o->loss, CVK_LOSS_MEAN_SQUARED_ERROR);
  if (o->optimizer < CVK_ADAM || o->optimizer > CVK_SGD)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: optimizer is %d, allowed 0 to %d", o->optimizer, CVK_SGD);
  if (o->schedule < CVK_SCHEDULE_CONSTANT || o->schedule > CVK_SCHEDULE_ONE_CYCLE)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: schedule is %d, allowed 0 to %d", o->schedule, CVK_SCHEDULE_ONE_CYCLE);
  if (!(o->learning_rate > 0) || !(o->learning_rate < 1e6f))
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: learning_rate is %g, allowed above 0", (double)o->learning_rate);
  if (!share(o->momentum) || !share(o->beta1) || !share(o->beta2) || !share(o->warmup))
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: momentum %g, beta1 %g, beta2 %g, warmup %g: allowed from 0 to below 1",
                    (double)o->momentum, (double)o->beta1, (double)o->beta2, (double)o->warmup);
  if (!(o->weight_decay >= 0) || !(o->clip_norm >= 0) || !(o->clip_value >= 0) || !(o->epsilon > 0) || !(o->decay_factor > 0))
    return cvk_fail(CVK_INVALID_ARGUMENT,
                    "trainer_create: weight_decay %g, clip_norm %g, clip_value %g, epsilon %g, decay_factor %g: none may be negative",
                    (double)o->weight_decay, (double)o->clip_norm, (double)o->clip_value, (double)o->epsilon, (double)o->decay_factor);
  if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: label_smoothing is %g, allowed 0 to 1", (double)o->label_smoothing);
  if (o->nesterov && !(o->momentum > 0)) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: nesterov without momentum");
  if (o->total_steps < 0 || o->decay_steps < 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: total_steps %lld, decay_steps %lld: allowed 0 or more",
                    (long long)o->total_steps, (long long)o->decay_steps);
  return CVK_OK;
}

static void fill_defaults(cvk_trainer_options *o) {
  if (o->learning_rate == 0) o->learning_rate = o->optimizer == CVK_SGD ? 0.01f : 0.001f;
  if (o->beta1 == 0) o->beta1 = 0.9f;
  if (o->beta2 == 0) o->beta2 = 0.999f;
  if (o->epsilon == 0) o->epsilon = 1e-8f;
  if (o->decay_factor == 0) o->decay_factor = 0.1f;
}

static cvk_status take_options(cvk_trainer *t, const cvk_trainer_options *options) {
  cvk_trainer_options *o = &t->options;
  cvk_status status = cvk_copy_in(o, options, sizeof *o, "trainer_create");
  if (status != CVK_OK) return status;
  const char *spec = o->device;
  const float *weights = o->class_weights;
  o->device = NULL;
  o->class_weights = NULL;
  fill_defaults(o);
  status = check_options(o);
  if (status != CVK_OK) return status;
  if (spec && (t->device_spec = strdup(spec)) == NULL) return no_memory();
  t->total_steps = o->total_steps;
  t->n_slots = o->optimizer != CVK_SGD ? 2 : o->momentum > 0;
  if (weights == NULL) return CVK_OK;
  if (o->n_class_weights < 1)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: n_class_weights is %lld", (long long)o->n_class_weights);
  return cvk_tensor_create(NULL, CVK_F32, 1, &o->n_class_weights, weights, &t->class_tensor);
}

static cvk_status check_model(const cvk_graph *g) {
  if (g->n_inputs != 1 || g->n_outputs < 1)
    return cvk_fail(CVK_INVALID_ARGUMENT,
                    "trainer_create: the model has %d inputs and %d outputs, wanted one input and at least one output", g->n_inputs,
                    g->n_outputs);
  const cvk_graph_value *x = &g->values[g->inputs[0]];
  if (x->dtype != CVK_F32)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: the model's input '%s' is %s, wanted float32", x->name,
                    cvk_dtype_name(x->dtype));
  return CVK_OK;
}

static cvk_status make_scalars(cvk_trainer *t) {
  cvk_status status = cvk_tensor_create(NULL, CVK_F32, 0, NULL, NULL, &t->rate);
  if (status == CVK_OK) status = cvk_tensor_create(NULL, CVK_I64, 0, NULL, NULL, &t->step);
  if (status == CVK_OK) status = cvk_tensor_create(NULL, CVK_I64, 0, NULL, NULL, &t->seed);
  return status == CVK_OK ? cvk_tensor_create(NULL, CVK_F32, 0, NULL, NULL, &t->loss) : status;
}

static cvk_status make_variable(cvk_trainer *t, cvk_variable *v) {
  cvk_tensor *model = t->model->values[v->model].constant, **own[2 + 2 * CVK_MAX_SLOTS] = {&v->now, &v->next};
  const int32_t n = 2 + (v->statistic ? 0 : 2 * t->n_slots);
  for (int32_t k = 0; k < t->n_slots; k++) own[2 + 2 * k] = &v->slot[k], own[3 + 2 * k] = &v->slot_next[k];
  cvk_status status = cvk_tensor_pin(model);
  if (status != CVK_OK) return status;
  for (int32_t i = 0; i < n && status == CVK_OK; i++) {
    status = cvk_tensor_create(t->device, v->desc.dtype, v->desc.rank, v->desc.dim, i == 0 ? cvk_tensor_host(model) : NULL, own[i]);
  }
  cvk_tensor_unpin(model);
  return status;
}

cvk_status cvk_trainer_create(cvk_graph *model, const cvk_trainer_options *options, cvk_trainer **out) {
  if (model == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_create: %s is NULL", model ? "out" : "the model");
  cvk_trainer *t = calloc(1, sizeof *t);
  if (t == NULL) return no_memory();
  cvk_status status = check_model(model);
  if (status == CVK_OK) {
    cvk_graph_freeze(model);
    t->model = cvk_graph_retain(model);
    status = take_options(t, options);
  }
  if (status == CVK_OK) status = cvk_device_open(model->ctx, t->device_spec, &t->device);
  if (status == CVK_OK) status = cvk_trainer_find_variables(t);
  if (status == CVK_OK) status = make_scalars(t);
  for (int32_t i = 0; i < t->n_variables && status == CVK_OK; i++) status = make_variable(t, &t->variables[i]);
  if (status == CVK_OK)
    *out = t;
  else
    cvk_trainer_release(t);
  return status;
}

int64_t cvk_trainer_step_count(const cvk_trainer *t) {
  return t ? t->steps_taken : 0;
}
cvk_session *cvk_trainer_session(cvk_trainer *t) {
  return t && t->last ? t->last->session : NULL;
}

static cvk_status copy_model(cvk_trainer *t, int32_t logits, cvk_graph **out) {
  cvk_model_copy c = {.logits = logits};
  cvk_graph *g = NULL;
  cvk_status status = cvk_graph_create(t->model->ctx, &g);
  if (status == CVK_OK) status = cvk_trainer_copy_model(t, g, &c);
  if (status == CVK_OK)
    *out = g;
  else
    cvk_graph_release(g);
  return status;
}

cvk_status cvk_trainer_graph(cvk_trainer *t, cvk_graph **out) {
  if (t == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_graph: %s is NULL", t ? "out" : "the trainer");
  return copy_model(t, 0, out);
}

/* ---- evaluation ---- */

/* A session over the weights as they are now. */
static cvk_status find_inference(cvk_trainer *t) {
  const cvk_session_options options = {
      .device = t->device_spec, .fallback = t->options.fallback, .flags = t->options.flags | CVK_DETERMINISTIC};
  cvk_graph *g = NULL;
  if (t->inference && t->inference_step == t->steps_taken) return CVK_OK;
  cvk_session_release(t->inference);
  t->inference = NULL;
  cvk_status status = copy_model(t, 1, &g);
  if (status == CVK_OK) status = cvk_session_create(g, &options, &t->inference);
  cvk_graph_release(g);
  t->inference_step = t->steps_taken;
  return status;
}

cvk_status cvk_trainer_evaluate(cvk_trainer *t, cvk_dataset *data, int64_t batch, cvk_evaluation *out) {
  const cvk_batches_options options = {.batch = batch};
  cvk_batches *batches = NULL;
  cvk_tensor *x = NULL, *target = NULL, *y = NULL;
  cvk_score score = {0};
  if (t == NULL || data == NULL || out == NULL)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_evaluate: %s is NULL", t == NULL ? "the trainer" : data == NULL ? "the dataset" : "out");
  cvk_status status = find_inference(t);
  if (status == CVK_OK) status = cvk_dataset_batches(data, &options, &batches);
  while (status == CVK_OK) {
    status = cvk_batches_next(batches, &x, &target);
    if (status != CVK_OK || x == NULL) break;
    if (y && y->desc.dim[0] != x->desc.dim[0]) { /* the last, smaller batch */
      cvk_tensor_release(y);
      y = NULL;
    }
    status = cvk_session_run(t->inference, 1, &x, 1, &y);
    if (status == CVK_OK) status = cvk_trainer_score(t, y, target, 1, &score);
  }
  cvk_batches_release(batches);
  cvk_tensor_release(y);
  if (status != CVK_OK) return status;
  const cvk_evaluation full = {.loss = score.count ? score.loss / (double)score.count : 0, .count = score.count, .correct = score.correct};
  return cvk_copy_out(out, &full, sizeof full, "trainer_evaluate");
}

/* ---- the best weights, and the history ---- */

cvk_status cvk_trainer_take_best(cvk_trainer *t) {
  if (t->best == NULL && (t->best = calloc((size_t)t->n_variables, sizeof *t->best)) == NULL) return no_memory();
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < t->n_variables && status == CVK_OK; i++) {
    const cvk_tensor_desc *d = &t->variables[i].desc;
    if (t->best[i] == NULL) status = cvk_tensor_create(NULL, d->dtype, d->rank, d->dim, NULL, &t->best[i]);
    if (status == CVK_OK) status = cvk_tensor_read(t->variables[i].now, cvk_tensor_host(t->best[i]), cvk_tensor_bytes(t->best[i]));
  }
  return status;
}

void cvk_trainer_drop_best(cvk_trainer *t) {
  for (int32_t i = 0; t->best && i < t->n_variables; i++) cvk_tensor_release(t->best[i]);
  free(t->best);
  t->best = NULL;
}

cvk_status cvk_trainer_give_best(cvk_trainer *t) {
  cvk_status status = CVK_OK;
  for (int32_t i = 0; t->best && i < t->n_variables && status == CVK_OK; i++) {
    status = cvk_tensor_write(t->variables[i].now, cvk_tensor_host(t->best[i]), cvk_tensor_bytes(t->best[i]));
  }
  cvk_session_release(t->inference);
  t->inference = NULL;
  return status;
}

cvk_status cvk_trainer_add_epoch(cvk_trainer *t, const cvk_epoch_result *e) {
  if (t->n_epochs == t->cap_epochs) {
    const int64_t cap = t->cap_epochs * 2 + 16;
    cvk_epoch_result *p = realloc(t->epochs, (size_t)cap * sizeof *p);
    if (p == NULL) return no_memory();
    t->epochs = p;
    t->cap_epochs = cap;
  }
  t->epochs[t->n_epochs++] = *e;
  return CVK_OK;
}

int64_t cvk_trainer_epoch_count(const cvk_trainer *t) {
  return t ? t->n_epochs : 0;
}

cvk_status cvk_trainer_epoch(const cvk_trainer *t, int64_t index, cvk_epoch_result *out) {
  if (t == NULL || out == NULL || index < 0 || index >= t->n_epochs)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_epoch: epoch number %lld of %lld", (long long)index, (long long)(t ? t->n_epochs : 0));
  *out = t->epochs[index];
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* step.c: the graph of one training step - model, loss, gradients, clipping, optimiser - and its session. Its inputs are x, the variables,
 * the dropout's seed (where there is one), target, rate, the step's number (Adam), then the slots of each weight; its outputs the loss, the
 * model's output, then each variable and its slots anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "struct_copy.h"
#include "train_internal.h"

typedef struct builder {
  cvk_trainer *t;
  cvk_graph *g;
  cvk_model_copy copy;
  cvk_status status;                         /* of the first op that failed */
  cvk_value target, rate, step, loss, scale; /* scale: of the gradients, CVK_NO_VALUE without clipping */
  cvk_value *wanted, *gradient;              /* of the weights, in order */
  int32_t n_weights;
} builder;

static cvk_value op(builder *b, int32_t kind, const void *attr, int32_t n, const cvk_value *in) {
  cvk_value out = CVK_NO_VALUE;
  if (b->status == CVK_OK) b->status = cvk_graph_op(b->g, kind, attr, n, in, 1, &out, NULL);
  return out;
}

static cvk_value op2(builder *b, int32_t kind, cvk_value x, cvk_value y) {
  return op(b, kind, NULL, 2, (const cvk_value[]){x, y});
}

static cvk_value constant(builder *b, cvk_tensor *t) {
  cvk_value out = CVK_NO_VALUE;
  if (b->status == CVK_OK) b->status = cvk_graph_constant(b->g, NULL, t, &out);
  return out;
}

static cvk_value scalar(builder *b, float v) {
  cvk_tensor *t = NULL;
  if (b->status == CVK_OK) b->status = cvk_tensor_create(NULL, CVK_F32, 0, NULL, &v, &t);
  const cvk_value out = constant(b, t);
  cvk_tensor_release(t);
  return out;
}

static cvk_value input(builder *b, const char *name, int32_t dtype, int32_t rank, const int64_t *dim) {
  cvk_value out = CVK_NO_VALUE;
  if (b->status == CVK_OK) b->status = cvk_graph_input(b->g, name, dtype, rank, dim, &out);
  return out;
}

static void add_loss(builder *b) {
  const cvk_trainer_options *o = &b->t->options;
  if (o->loss == CVK_LOSS_MEAN_SQUARED_ERROR) {
    const cvk_axes_attr all = {.struct_size = sizeof all};
    const cvk_value d = op2(b, CVK_OP_SUB, b->copy.output, b->target), square = op2(b, CVK_OP_MUL, d, d);
    b->loss = op(b, CVK_OP_REDUCE_MEAN, &all, 1, &square);
    return;
  }
  const cvk_cross_entropy_attr a = {
      .struct_size = sizeof a, .ignore_index = o->ignore_index, .has_ignore = o->has_ignore, .label_smoothing = o->label_smoothing};
  const cvk_value weight = b->t->class_tensor ? constant(b, b->t->class_tensor) : CVK_NO_VALUE;
  b->loss = op(b, CVK_OP_SOFTMAX_CROSS_ENTROPY, &a, 3, (const cvk_value[]){b->copy.output, b->target, weight});
}

static void add_gradients(builder *b) {
  for (int32_t i = 0; i < b->t->n_variables; i++) {
    if (!b->t->variables[i].statistic) b->wanted[b->n_weights++] = b->copy.variable[i];
  }
  if (b->status == CVK_OK) b->status = cvk_graph_gradients(b->g, b->loss, b->n_weights, b->wanted, b->gradient);
}

static void clip(builder *b) {
  const cvk_trainer_options *o = &b->t->options;
  const cvk_axes_attr all = {.struct_size = sizeof all};
  const cvk_unary_attr limits = {.struct_size = sizeof limits, .alpha = -o->clip_value, .beta = o->clip_value};
  cvk_value sum = CVK_NO_VALUE;
  b->scale = CVK_NO_VALUE;
  for (int32_t i = 0; i < b->n_weights; i++) {
    if (b->gradient[i] == CVK_NO_VALUE) continue;
    if (o->clip_value > 0) b->gradient[i] = op(b, CVK_OP_CLIP, &limits, 1, &b->gradient[i]);
    if (!(o->clip_norm > 0)) continue;
    const cvk_value square = op2(b, CVK_OP_MUL, b->gradient[i], b->gradient[i]), part = op(b, CVK_OP_REDUCE_SUM, &all, 1, &square);
    sum = sum == CVK_NO_VALUE ? part : op2(b, CVK_OP_ADD, sum, part);
  }
  if (sum == CVK_NO_VALUE) return;
  const cvk_value norm = op2(b, CVK_OP_ADD, op(b, CVK_OP_SQRT, NULL, 1, &sum), scalar(b, 1e-6f));
  b->scale = op2(b, CVK_OP_MIN, op2(b, CVK_OP_DIV, scalar(b, o->clip_norm), norm), scalar(b, 1));
}

/* The optimiser's op of one weight; out: the new weight and its new slots. */
static void update(builder *b, int32_t index, cvk_value gradient, const cvk_value *slot, cvk_value *out) {
  const cvk_trainer_options *o = &b->t->options;
  const cvk_value w = b->copy.variable[index];
  const float decay = b->t->variables[index].desc.rank >= 2 ? o->weight_decay : 0;
  if (b->status != CVK_OK) return;
  if (o->optimizer == CVK_SGD) {
    const cvk_sgd_attr a = {.struct_size = sizeof a, .momentum = o->momentum, .decay = decay, .nesterov = o->nesterov};
    const cvk_value in[5] = {w, gradient, b->rate, b->t->n_slots ? slot[0] : CVK_NO_VALUE, b->scale};
    b->status = cvk_graph_op(b->g, CVK_OP_SGD, &a, 5, in, 1 + b->t->n_slots, out, b->t->variables[index].name);
  } else {
    const cvk_adam_attr a = {.struct_size = sizeof a,
                             .beta1 = o->beta1,
                             .beta2 = o->beta2,
                             .epsilon = o->epsilon,
                             .decay = decay,
                             .decoupled = o->optimizer == CVK_ADAMW};
    const cvk_value in[7] = {w, gradient, b->rate, b->step, slot[0], slot[1], b->scale};
    b->status = cvk_graph_op(b->g, CVK_OP_ADAM, &a, 7, in, 3, out, b->t->variables[index].name);
  }
}

static void add_updates(builder *b) {
  int32_t weight = 0;
  for (int32_t i = 0; i < b->t->n_variables && b->status == CVK_OK; i++) {
    const cvk_variable *v = &b->t->variables[i];
    cvk_value slot[CVK_MAX_SLOTS], out[1 + CVK_MAX_SLOTS];
    const int32_t n_slots = v->statistic ? 0 : b->t->n_slots;
    char name[32];
    for (int32_t k = 0; k < n_slots; k++) {
      snprintf(name, sizeof name, "state %d of %d", k, i);
      slot[k] = input(b, name, v->desc.dtype, v->desc.rank, v->desc.dim);
    }
    const cvk_value gradient = v->statistic ? CVK_NO_VALUE : b->gradient[weight++];
    if (gradient != CVK_NO_VALUE) {
      update(b, i, gradient, slot, out);
    } else { /* a statistic, or a weight that the loss does not depend on */
      const cvk_value same = b->copy.new_statistic[i] != CVK_NO_VALUE ? b->copy.new_statistic[i] : b->copy.variable[i];
      out[0] = op(b, CVK_OP_IDENTITY, NULL, 1, &same);
      for (int32_t k = 0; k < n_slots; k++) out[1 + k] = op(b, CVK_OP_IDENTITY, NULL, 1, &slot[k]);
    }
    for (int32_t k = 0; k <= n_slots && b->status == CVK_OK; k++) {
      snprintf(name, sizeof name, "new %d of %d", k, i);
      b->status = cvk_graph_output(b->g, out[k], name);
    }
  }
}

static cvk_status build(builder *b, const cvk_tensor *target) {
  b->status = cvk_trainer_copy_model(b->t, b->g, &b->copy);
  b->target = input(b, "training target", target->desc.dtype, target->desc.rank, target->desc.dim);
  b->rate = input(b, "learning rate", CVK_F32, 0, NULL);
  b->step = b->t->options.optimizer == CVK_SGD ? CVK_NO_VALUE : input(b, "step number", CVK_I64, 0, NULL);
  add_loss(b);
  add_gradients(b);
  clip(b);
  if (b->status == CVK_OK) b->status = cvk_graph_output(b->g, b->loss, "loss");
  if (b->status == CVK_OK) b->status = cvk_graph_output(b->g, b->copy.output, "output");
  add_updates(b);
  return b->status;
}

static cvk_status make_lists(cvk_step *s, const cvk_graph *g) {
  s->n_in = g->n_inputs;
  s->n_out = g->n_outputs;
  s->in = calloc((size_t)s->n_in, sizeof *s->in);
  s->out = calloc((size_t)s->n_out, sizeof *s->out);
  return s->in && s->out ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "trainer: no memory for a step");
}

static cvk_status plan(cvk_trainer *t, const cvk_tensor *x, const cvk_tensor *target, cvk_step *s) {
  const cvk_session_options options = {.device = t->device_spec,
                                       .fallback = t->options.fallback,
                                       .flags = t->options.flags | CVK_DETERMINISTIC,
                                       .profile = t->options.profile};
  builder b = {.t = t, .copy = {.batch = &x->desc, .logits = 1}};
  const size_t n = (size_t)t->n_variables + 1;
  cvk_value *values = calloc(4 * n, sizeof *values);
  cvk_status status = values ? cvk_graph_create(t->model->ctx, &b.g) : cvk_fail(CVK_NO_MEMORY, "trainer: no memory for a step");
  if (status == CVK_OK) {
    b.copy.variable = values;
    b.copy.new_statistic = values + n;
    b.wanted = values + 2 * n;
    b.gradient = values + 3 * n;
    status = build(&b, target);
  }
  if (status == CVK_OK) status = cvk_session_create(b.g, &options, &s->session);
  if (status == CVK_OK) status = make_lists(s, b.g);
  s->takes_seed = status == CVK_OK && b.copy.seed != CVK_NO_VALUE;
  s->x = x->desc;
  s->target = target->desc;
  cvk_graph_release(b.g);
  free(values);
  return status;
}

void cvk_step_free(cvk_step *s) {
  cvk_session_release(s->session);
  cvk_tensor_release(s->output);
  free(s->in);
  free(s->out);
  *s = (cvk_step){0};
}

static int32_t same_shape(const cvk_tensor_desc *a, const cvk_tensor_desc *b) {
  return a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

cvk_status cvk_trainer_find_step(cvk_trainer *t, const cvk_tensor *x, const cvk_tensor *target, cvk_step **out) {
  cvk_step fresh = {0}, *oldest = &t->steps[0];
  for (int32_t i = 0; i < CVK_TRAINER_STEPS; i++) {
    cvk_step *s = &t->steps[i];
    if (s->session && same_shape(&s->x, &x->desc) && same_shape(&s->target, &target->desc)) {
      *out = s;
      return CVK_OK;
    }
    if (s->used < oldest->used) oldest = s;
  }
  const cvk_status status = plan(t, x, target, &fresh);
  if (status != CVK_OK) {
    cvk_step_free(&fresh);
    return status;
  }
  if (t->last == oldest) t->last = NULL;
  cvk_step_free(oldest);
  *oldest = fresh;
  *out = oldest;
  return CVK_OK;
}

/* The arguments in the order of the head of this file. */
static void fill(cvk_trainer *t, cvk_step *s, cvk_tensor *x, cvk_tensor *target) {
  int32_t in = 0, out = 0;
  s->in[in++] = x;
  for (int32_t i = 0; i < t->n_variables; i++) s->in[in++] = t->variables[i].now;
  if (s->takes_seed) s->in[in++] = t->seed;
  s->in[in++] = target;
  s->in[in++] = t->rate;
  if (t->options.optimizer != CVK_SGD) s->in[in++] = t->step;
  s->out[out++] = t->loss;
  s->out[out++] = s->output;
  for (int32_t i = 0; i < t->n_variables; i++) {
    cvk_variable *v = &t->variables[i];
    s->out[out++] = v->next;
    for (int32_t k = 0; k < t->n_slots && !v->statistic; k++) {
      s->in[in++] = v->slot[k];
      s->out[out++] = v->slot_next[k];
    }
  }
}

static void swap(cvk_tensor **a, cvk_tensor **b) {
  cvk_tensor *t = *a;
  *a = *b;
  *b = t;
}

static void take_over(cvk_trainer *t) {
  for (int32_t i = 0; i < t->n_variables; i++) {
    cvk_variable *v = &t->variables[i];
    swap(&v->now, &v->next);
    for (int32_t k = 0; k < t->n_slots && !v->statistic; k++) swap(&v->slot[k], &v->slot_next[k]);
  }
  t->steps_taken++;
}

/* Numbers far apart for steps and seeds that are close (Steele et al. 2014, SplitMix64). */
static int64_t seed_of(uint64_t seed, int64_t step) {
  uint64_t z = seed + ((uint64_t)step + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (int64_t)(z ^ (z >> 31));
}

static cvk_status check(const cvk_trainer *t, const cvk_tensor *x, const cvk_tensor *target) {
  if (x == NULL || target == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_step: %s is NULL", x ? "target" : "x");
  if (x->storage->buf || target->storage->buf) return cvk_fail(CVK_DEVICE_MISMATCH, "trainer_step: x and target must be in host memory");
  if (x->desc.dtype != CVK_F32)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_step: x is %s, wanted float32", cvk_dtype_name(x->desc.dtype));
  if (x->desc.rank < 1 || x->desc.dim[0] < 1) return cvk_fail(CVK_INVALID_SHAPE, "trainer_step: x holds no samples");
  const cvk_status status = cvk_trainer_check_target(t, target);
  if (status != CVK_OK) return status;
  if (target->desc.rank < 1 || target->desc.dim[0] != x->desc.dim[0])
    return cvk_fail(CVK_INVALID_SHAPE, "trainer_step: x holds %lld samples, the target %lld", (long long)x->desc.dim[0],
                    (long long)(target->desc.rank < 1 ? 1 : target->desc.dim[0]));
  return CVK_OK;
}

cvk_status cvk_trainer_step(cvk_trainer *t, cvk_tensor *x, cvk_tensor *target, cvk_step_result *result) {
  cvk_step *s = NULL;
  cvk_score score = {0};
  cvk_step_result full = {0};
  const int64_t number = t ? t->steps_taken + 1 : 0;
  float loss = 0;
  if (t == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_step: the trainer is NULL");
  cvk_status status = result ? cvk_copy_out(result, &full, sizeof full, "trainer_step") : CVK_OK; /* struct_size, while nothing is done */
  if (status == CVK_OK) status = check(t, x, target);
  if (status == CVK_OK) status = cvk_trainer_find_step(t, x, target, &s);
  if (status != CVK_OK) return status;
  if (t->total_steps == 0 && cvk_trainer_needs_total(&t->options))
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_step: total_steps is 0, schedule %d with warmup %g wants the number of all steps",
                    t->options.schedule, (double)t->options.warmup);
  s->used = (uint64_t)number;
  const int64_t seed = seed_of(t->options.seed, t->steps_taken);
  full.rate = cvk_trainer_rate(&t->options, t->total_steps, t->steps_taken);
  status = cvk_tensor_write(t->rate, &full.rate, sizeof full.rate);
  if (status == CVK_OK) status = cvk_tensor_write(t->step, &number, sizeof number);
  if (status == CVK_OK) status = cvk_tensor_write(t->seed, &seed, sizeof seed);
  if (status != CVK_OK) return status;
  fill(t, s, x, target);
  status = cvk_session_run(s->session, s->n_in, s->in, s->n_out, s->out);
  s->output = s->out[1]; /* made by the first run */
  if (status == CVK_OK) status = cvk_trainer_score(t, s->output, target, 0, &score);
  if (status == CVK_OK) status = cvk_tensor_read(t->loss, &loss, sizeof loss);
  if (status != CVK_OK) return status;
  take_over(t);
  t->last = s;
  full.loss = (double)loss;
  full.count = score.count;
  full.correct = score.correct;
  return result ? cvk_copy_out(result, &full, sizeof full, "trainer_step") : CVK_OK;
}

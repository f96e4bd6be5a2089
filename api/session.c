/* SPDX-License-Identifier: Apache-2.0 */
/* session.c: sessions (convoke/session.h): checks what a run is given, finds or makes the plan for it, runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context_internal.h"
#include "plan.h"
#include "session_internal.h"
#include "struct_copy.h"
#include "weights.h"

/* ---- making and freeing ---- */

/* A fallback device for plans, or NULL when it can't be opened; what is missing then runs on the next one. */
static cvk_device *fallback_device(void *session, int32_t index) {
  static const char *const names[CVK_PLAN_DEVICES] = {NULL, "cpu", "reference"};
  cvk_session *s = session;
  if (strcmp(s->devices[0]->backend->name, names[index]) == 0) return NULL; /* it is asked already, and must not hold itself */
  if (s->devices[index] == NULL && cvk_device_open_backend(s->graph->ctx, names[index], &s->devices[index]) != CVK_OK) return NULL;
  return s->devices[index];
}

static void key_clear(cvk_session *s) {
  for (int32_t i = 0; i < s->graph->n_inputs; i++) s->keys[i].value = NULL;
}

void cvk_session_release(cvk_session *s) {
  if (s == NULL) return;
  for (int32_t i = 0; i < s->n_plans; i++) cvk_plan_free(s->plans[i]);
  cvk_weights_release(s->weights);
  for (int32_t d = s->borrowed; d < CVK_PLAN_DEVICES; d++) cvk_device_release(s->devices[d]);
  cvk_graph_release(s->graph);
  pthread_mutex_destroy(&s->lock);
  free(s->keys);
  free(s->output_on_device);
  free(s->outputs);
  free(s);
}

static cvk_status session_alloc(cvk_graph *g, const cvk_session_options *options, cvk_device *dev, cvk_weights *weights, cvk_session **out) {
  cvk_session *s = calloc(1, sizeof *s);
  if (s == NULL) return cvk_plan_no_memory();
  s->keys = calloc((size_t)g->n_inputs + 1, sizeof *s->keys);
  s->output_on_device = calloc((size_t)g->n_outputs + 1, sizeof *s->output_on_device);
  s->outputs = calloc((size_t)g->n_outputs + 1, sizeof *s->outputs);
  pthread_mutex_init(&s->lock, NULL);
  s->graph = cvk_graph_retain(g);
  s->options = *options;
  s->options.device = NULL; /* the caller's string is not kept */
  s->devices[0] = cvk_device_retain(dev);
  s->weights = weights ? cvk_weights_retain(weights) : NULL;
  cvk_status status = s->keys && s->output_on_device && s->outputs ? CVK_OK : cvk_plan_no_memory();
  if (status == CVK_OK && s->weights == NULL) status = cvk_weights_create(dev, &s->weights);
  if (status == CVK_OK) *out = s;
  else cvk_session_release(s);
  return status;
}

/* ---- plans ---- */

static const struct {
  const char *name;
  cvk_status (*run)(cvk_plan *p);
  int32_t fuses; /* not where every op is to run by itself */
} passes[] = {
    {"lower", cvk_plan_lower, 0}, {"simplify", cvk_plan_simplify, 1}, {"fold_affine", cvk_plan_fold_affine, 1}, {"fuse", cvk_plan_fuse_and_ask, 0},
    {"place", cvk_plan_place, 0}, {"schedule", cvk_plan_schedule, 0}, {"memory", cvk_plan_memory, 0},
};

static cvk_status build_plan(cvk_session *s, cvk_plan **out) {
  cvk_plan *p = calloc(1, sizeof *p);
  const cvk_graph *g = s->graph;
  if (p == NULL) return cvk_plan_no_memory();
  p->graph = s->graph;
  p->weights = s->weights;
  p->options = &s->options;
  p->fallback = fallback_device;
  p->session = s;
  p->n_devices = 1;
  p->devices[0] = s->devices[0];
  p->inputs = cvk_arena_alloc(&p->memory, (size_t)g->n_inputs + 1, sizeof *p->inputs);
  p->output_on_device = cvk_arena_alloc(&p->memory, (size_t)g->n_outputs + 1, sizeof *p->output_on_device);
  cvk_status status = p->inputs && p->output_on_device ? CVK_OK : cvk_plan_no_memory();
  for (int32_t i = 0; i < g->n_inputs && status == CVK_OK; i++) {
    cvk_io_key key = s->keys[i];
    cvk_tensor *copy = NULL;
    if (key.value) { /* the plan keeps the values that decided its shapes */
      status = cvk_tensor_create(NULL, key.dtype, key.rank, key.dim, NULL, &copy);
      if (status == CVK_OK) status = cvk_tensor_read(key.value, cvk_tensor_host(copy), cvk_tensor_bytes(copy));
    }
    key.value = copy;
    p->inputs[i] = key;
  }
  if (status == CVK_OK && g->n_outputs) memcpy(p->output_on_device, s->output_on_device, (size_t)g->n_outputs * sizeof *p->output_on_device);
  for (size_t i = 0; i < sizeof passes / sizeof *passes && status == CVK_OK; i++) {
    if (passes[i].fuses && s->options.no_fusion) continue;
    status = passes[i].run(p);
    if (status == CVK_OK) status = cvk_plan_verify(p, passes[i].name);
  }
  if (status == CVK_OK) status = cvk_plan_prepare(p);
  if (status == CVK_OK) *out = p;
  else cvk_plan_free(p);
  return status;
}

static int32_t key_equal(const cvk_io_key *a, const cvk_io_key *b) {
  if (a->dtype != b->dtype || a->rank != b->rank || a->on_device != b->on_device) return 0;
  for (int32_t i = 0; i < a->rank; i++) {
    if (a->dim[i] != b->dim[i]) return 0;
  }
  if (a->value == NULL || b->value == NULL) return a->value == b->value;
  return memcmp(cvk_tensor_host(a->value), cvk_tensor_host(b->value), cvk_tensor_bytes(a->value)) == 0;
}

static int32_t plan_fits(const cvk_session *s, const cvk_plan *p) {
  for (int32_t i = 0; i < s->graph->n_inputs; i++) {
    if (!key_equal(&p->inputs[i], &s->keys[i])) return 0;
  }
  for (int32_t i = 0; i < s->graph->n_outputs; i++) {
    if (p->output_on_device[i] != s->output_on_device[i]) return 0;
  }
  return 1;
}

/* The plan for s->keys: a kept one, or a new one in place of the least recently used. */
static cvk_status find_plan(cvk_session *s, cvk_plan **out) {
  int32_t oldest = 0;
  for (int32_t i = 0; i < s->n_plans; i++) {
    if (plan_fits(s, s->plans[i])) {
      s->plans[i]->used = ++s->clock;
      *out = s->plans[i];
      return CVK_OK;
    }
    if (s->plans[i]->used < s->plans[oldest]->used) oldest = i;
  }
  cvk_plan *p = NULL;
  cvk_status status = build_plan(s, &p);
  if (status != CVK_OK) return status;
  if (s->n_plans < MAX_PLANS) {
    s->plans[s->n_plans++] = p;
  } else {
    if (s->last == s->plans[oldest]) s->last = NULL;
    cvk_plan_free(s->plans[oldest]);
    s->plans[oldest] = p;
  }
  p->used = ++s->clock;
  *out = p;
  return CVK_OK;
}

/* Plans at once where every input's shape is known, so that a graph the device can't run fails here. */
static cvk_status plan_ahead(cvk_session *s) {
  const cvk_graph *g = s->graph;
  for (int32_t i = 0; i < g->n_inputs; i++) {
    const cvk_graph_value *v = &g->values[g->inputs[i]];
    if (v->by_value || v->rank < 0) return CVK_OK;
    s->keys[i] = (cvk_io_key){.dtype = v->dtype, .rank = v->rank};
    for (int32_t d = 0; d < v->rank; d++) {
      if (v->dim[d] < 0) return CVK_OK;
      s->keys[i].dim[d] = v->dim[d];
    }
  }
  return find_plan(s, &s->last);
}

cvk_status cvk_session_create(cvk_graph *g, const cvk_session_options *options, cvk_session **out) {
  cvk_session_options full;
  cvk_device *dev = NULL;
  cvk_session *s = NULL;
  if (g == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "session_create: %s is NULL", g ? "out" : "the graph");
  if (g->n_outputs == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "session_create: the graph has no output");
  cvk_status status = cvk_copy_in(&full, options, sizeof full, "session_create");
  if (status != CVK_OK) return status;
  if (full.fallback != CVK_FALLBACK_CPU && full.fallback != CVK_FALLBACK_NONE) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "session_create: fallback is %d, it is 0 (cpu) or 1 (none)", full.fallback);
  }
  status = cvk_device_open(g->ctx, full.device, &dev);
  if (status == CVK_OK) {
    cvk_graph_freeze(g);
    status = session_alloc(g, &full, dev, NULL, &s);
  }
  cvk_device_release(dev);
  if (status == CVK_OK) status = plan_ahead(s);
  if (status == CVK_OK) *out = s;
  else cvk_session_release(s);
  return status;
}

cvk_status cvk_session_clone(cvk_session *s, cvk_session **out) {
  cvk_session *clone = NULL;
  if (s == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "session_clone: %s is NULL", s ? "out" : "the session");
  cvk_status status = session_alloc(s->graph, &s->options, s->devices[0], s->weights, &clone);
  if (status == CVK_OK) status = plan_ahead(clone);
  if (status == CVK_OK) *out = clone;
  else cvk_session_release(clone);
  return status;
}

cvk_status cvk_session_create_borrowing(cvk_graph *g, cvk_device *dev, cvk_session **out) {
  const cvk_session_options options = {.struct_size = sizeof options};
  cvk_graph_freeze(g);
  cvk_status status = session_alloc(g, &options, dev, NULL, out);
  if (status != CVK_OK) return status;
  (*out)->device_outputs = (*out)->borrowed = 1;
  cvk_device_release(dev);
  cvk_graph_borrow_context(g);
  return CVK_OK;
}

/* ---- running ---- */

static cvk_status check_place(const cvk_session *s, const char *what, const char *name, const cvk_tensor *t) {
  if (t->storage->dev == NULL || t->storage->dev == s->devices[0]) return CVK_OK;
  return cvk_fail(CVK_DEVICE_MISMATCH, "%s '%s' is on %s, the session runs on %s", what, name, t->storage->dev->info.id, s->devices[0]->info.id);
}

static cvk_status check_input(cvk_session *s, int32_t i, cvk_tensor *t) {
  const cvk_graph_value *v = &s->graph->values[s->graph->inputs[i]];
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  if (t == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "session_run: input '%s' is NULL", v->name);
  cvk_status status = check_place(s, "input", v->name, t);
  if (status != CVK_OK) return status;
  if (t->desc.dtype != v->dtype) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "session_run: input '%s' is %s, the graph wants %s", v->name, cvk_dtype_name(t->desc.dtype),
                    cvk_dtype_name(v->dtype));
  }
  int32_t fits = v->rank < 0 || v->rank == t->desc.rank;
  for (int32_t d = 0; fits && d < v->rank; d++) fits = v->dim[d] < 0 || v->dim[d] == t->desc.dim[d];
  if (!fits) {
    return cvk_fail(CVK_INVALID_SHAPE, "session_run: input '%s' has shape %s, the graph wants %s (-1: any)", v->name,
                    cvk_dims_text(t->desc.rank, t->desc.dim, got), cvk_dims_text(v->rank, v->dim, want));
  }
  cvk_io_key *key = &s->keys[i];
  *key = (cvk_io_key){.dtype = t->desc.dtype, .rank = t->desc.rank, .on_device = t->storage->buf != NULL};
  memcpy(key->dim, t->desc.dim, sizeof key->dim);
  if (v->by_value) {
    if (t->storage->buf) return cvk_fail(CVK_INVALID_ARGUMENT, "session_run: input '%s' decides shapes and must be in host memory", v->name);
    key->value = t;
  }
  return CVK_OK;
}

static int32_t overlap(const cvk_tensor *a, const cvk_tensor *b) {
  if (a->storage->buf || b->storage->buf) return a->storage == b->storage;
  const char *x = a->storage->host, *y = b->storage->host;
  return x < y + b->storage->bytes && y < x + a->storage->bytes;
}

static cvk_status check_output(cvk_session *s, const cvk_plan *p, int32_t o, cvk_tensor *t, int32_t n_in, cvk_tensor *const *inputs) {
  const cvk_tensor_desc *want = &p->values[s->graph->outputs[o]].desc;
  const char *name = s->graph->output_names[o];
  char a[CVK_DIMS_TEXT], b[CVK_DIMS_TEXT];
  if (t->desc.dtype != want->dtype || t->desc.rank != want->rank || memcmp(t->desc.dim, want->dim, sizeof want->dim) != 0) {
    return cvk_fail(CVK_INVALID_SHAPE, "session_run: the tensor for output '%s' is %s %s, the result is %s %s", name, cvk_dtype_name(t->desc.dtype),
                    cvk_dims_text(t->desc.rank, t->desc.dim, a), cvk_dtype_name(want->dtype), cvk_dims_text(want->rank, want->dim, b));
  }
  for (int32_t i = 0; i < n_in && t->storage->bytes; i++) {
    if (overlap(t, inputs[i])) {
      return cvk_fail(CVK_ALIAS, "session_run: the tensor for output '%s' overlaps input '%s'", name, s->graph->values[s->graph->inputs[i]].name);
    }
  }
  for (int32_t k = 0; k < o && t->storage->bytes; k++) {
    if (overlap(t, s->outputs[k])) {
      return cvk_fail(CVK_ALIAS, "session_run: the tensors for outputs '%s' and '%s' overlap", s->graph->output_names[k], name);
    }
  }
  return CVK_OK;
}

/* Fills s->outputs: the caller's tensors, new ones where it gave none. */
static cvk_status bind_outputs(cvk_session *s, const cvk_plan *p, int32_t n_in, cvk_tensor *const *inputs, cvk_tensor *const *outputs) {
  cvk_status status = CVK_OK;
  for (int32_t o = 0; o < s->graph->n_outputs; o++) s->outputs[o] = outputs[o];
  for (int32_t o = 0; o < s->graph->n_outputs && status == CVK_OK; o++) {
    if (outputs[o]) {
      status = check_output(s, p, o, outputs[o], n_in, inputs);
      continue;
    }
    const cvk_tensor_desc *d = &p->values[s->graph->outputs[o]].desc;
    status = cvk_tensor_create(s->device_outputs ? s->devices[0] : NULL, d->dtype, d->rank, d->dim, NULL, &s->outputs[o]);
  }
  return status;
}

static cvk_status run_locked(cvk_session *s, int32_t n_in, cvk_tensor *const *inputs, cvk_tensor **outputs) {
  cvk_plan *p = NULL;
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < n_in && status == CVK_OK; i++) status = check_input(s, i, inputs[i]);
  for (int32_t o = 0; o < s->graph->n_outputs && status == CVK_OK; o++) {
    s->output_on_device[o] = outputs[o] ? outputs[o]->storage->buf != NULL : s->device_outputs && !cvk_device_host_memory(s->devices[0]);
    if (outputs[o]) status = check_place(s, "output", s->graph->output_names[o], outputs[o]);
  }
  if (status == CVK_OK) status = find_plan(s, &p);
  key_clear(s);
  if (status != CVK_OK) return status;
  s->last = p;
  status = bind_outputs(s, p, n_in, inputs, outputs);
  if (status == CVK_OK) status = cvk_plan_execute(p, inputs, s->outputs);
  for (int32_t o = 0; o < s->graph->n_outputs; o++) {
    if (status == CVK_OK) atomic_fetch_add(&s->outputs[o]->storage->writes, 1);
    if (status == CVK_OK) outputs[o] = s->outputs[o];
    else if (outputs[o] == NULL) cvk_tensor_release(s->outputs[o]);
  }
  return status;
}

cvk_status cvk_session_run(cvk_session *s, int32_t n_in, cvk_tensor *const *inputs, int32_t n_out, cvk_tensor **outputs) {
  if (s == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "session_run: the session is NULL");
  if (n_in != s->graph->n_inputs || n_out != s->graph->n_outputs) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "session_run: %d inputs and %d outputs given, the graph has %d and %d", n_in, n_out, s->graph->n_inputs,
                    s->graph->n_outputs);
  }
  if ((n_in && inputs == NULL) || outputs == NULL) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "session_run: the list of %s is NULL", outputs ? "inputs" : "outputs");
  }
  pthread_mutex_lock(&s->lock);
  const cvk_status status = run_locked(s, n_in, inputs, outputs);
  pthread_mutex_unlock(&s->lock);
  return status;
}

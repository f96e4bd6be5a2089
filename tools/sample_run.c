/* SPDX-License-Identifier: Apache-2.0 */
/* sample_run.c: a case as a graph on a device, and its comparison; see sample_run.h. */
#include "sample_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "difference.h"

int sample_has_constants(const op_sample *s) { return s->n_tensors > 1; }

/* In the second way: weights, parameters and tables are constants; the first tensor and what a chain adds or multiplies in stay inputs. */
static int is_input(const op_sample *s, int way, int32_t tensor) {
  if (way == SAMPLE_ALL_RUN_TIME || tensor == 0) return 1;
  for (int32_t k = 1; k < s->n_steps; k++) {
    if (s->step[k].kind != CVK_OP_ADD && s->step[k].kind != CVK_OP_MUL) continue;
    for (int32_t i = 0; i < s->step[k].n_in; i++) {
      if (s->step[k].in[i] == tensor) return 1;
    }
  }
  return 0;
}

/* Inputs lie one element behind an aligned address: no more than that may be assumed of an application's memory. */
static cvk_status make_input(const sample_tensor *t, const void *data, uint64_t bytes, cvk_tensor **out) {
  const uint64_t element = cvk_dtype_bytes(t->dtype);
  char *base = aligned_alloc(64, (size_t)((bytes + element + 63) / 64 * 64));
  if (base == NULL) return CVK_NO_MEMORY;
  memcpy(base + element, data, (size_t)bytes);
  const cvk_status status = cvk_tensor_wrap(t->dtype, t->rank, t->dim, base + element, free, base, out);
  if (status != CVK_OK) free(base);
  return status;
}

static cvk_status add_tensor(cvk_graph *g, const op_sample *s, int32_t i, int input, cvk_tensor **tensor, cvk_value *v) {
  const sample_tensor *t = &s->tensor[i];
  char name[24];
  void *data = op_sample_data(s, i);
  cvk_status status = CVK_NO_MEMORY;
  if (data && input) status = make_input(t, data, op_sample_bytes(s, i), tensor);
  else if (data) status = cvk_tensor_create(NULL, t->dtype, t->rank, t->dim, data, tensor);
  free(data);
  snprintf(name, sizeof name, "tensor %d", i);
  if (status == CVK_OK) status = input ? cvk_graph_input(g, name, t->dtype, t->rank, t->dim, v) : cvk_graph_constant(g, name, *tensor, v);
  return status;
}

static cvk_status add_steps(cvk_graph *g, const op_sample *s, const cvk_value *tensors) {
  cvk_value previous = CVK_NO_VALUE, out[SAMPLE_OUTPUTS];
  cvk_status status = CVK_OK;
  for (int32_t k = 0; k < s->n_steps && status == CVK_OK; k++) {
    const sample_step *step = &s->step[k];
    cvk_value in[SAMPLE_OPERANDS];
    for (int32_t i = 0; i < step->n_in; i++) {
      in[i] = step->in[i] == OPERAND_PREVIOUS ? previous : step->in[i] == OPERAND_ABSENT ? CVK_NO_VALUE : tensors[step->in[i]];
    }
    status = cvk_graph_op(g, step->kind, step->has_attr ? &step->attr : NULL, step->n_in, in, step->n_out, out, NULL);
    previous = out[0];
  }
  for (int32_t i = 0; i < s->step[s->n_steps - 1].n_out && status == CVK_OK; i++) {
    char name[24];
    snprintf(name, sizeof name, "output %d", i);
    status = cvk_graph_output(g, out[i], name);
  }
  return status;
}

cvk_status sample_graph(cvk_context *ctx, const op_sample *s, int way, cvk_graph **g, cvk_tensor **inputs, int32_t *n_inputs) {
  cvk_tensor *constant = NULL;
  cvk_value values[SAMPLE_TENSORS];
  *n_inputs = 0;
  cvk_status status = cvk_graph_create(ctx, g);
  for (int32_t i = 0; i < s->n_tensors && status == CVK_OK; i++) {
    const int input = is_input(s, way, i);
    cvk_tensor **t = input ? &inputs[*n_inputs] : &constant;
    *t = NULL;
    status = add_tensor(*g, s, i, input, t, &values[i]);
    if (input && *t) ++*n_inputs;
    if (!input) cvk_tensor_release(constant);
  }
  if (status == CVK_OK) status = add_steps(*g, s, values);
  return status;
}

cvk_status sample_run(cvk_context *ctx, const cvk_session_options *options, const op_sample *s, int way, cvk_tensor **out, cvk_session **session) {
  cvk_tensor *inputs[SAMPLE_TENSORS];
  cvk_graph *g = NULL;
  int32_t n_inputs = 0;
  *session = NULL;
  cvk_status status = sample_graph(ctx, s, way, &g, inputs, &n_inputs);
  if (status == CVK_OK) status = cvk_session_create(g, options, session);
  if (status == CVK_OK) status = cvk_session_run(*session, n_inputs, inputs, s->step[s->n_steps - 1].n_out, out);
  for (int32_t i = 0; i < n_inputs; i++) cvk_tensor_release(inputs[i]);
  cvk_graph_release(g);
  return status;
}

/* ---- comparison ---- */

static size_t shape_text(char *to, size_t bytes, const cvk_tensor *t) {
  size_t n = (size_t)snprintf(to, bytes, "[");
  for (int32_t i = 0; i < cvk_tensor_rank(t); i++) n += (size_t)snprintf(to + n, bytes - n, "%s%lld", i ? "," : "", (long long)cvk_tensor_dims(t)[i]);
  return n + (size_t)snprintf(to + n, bytes - n, "]");
}

static int same_shape(const cvk_tensor *a, const cvk_tensor *b) {
  if (cvk_tensor_rank(a) != cvk_tensor_rank(b) || cvk_tensor_dtype(a) != cvk_tensor_dtype(b)) return 0;
  for (int32_t i = 0; i < cvk_tensor_rank(a); i++) {
    if (cvk_tensor_dims(a)[i] != cvk_tensor_dims(b)[i]) return 0;
  }
  return 1;
}

/* The error in units of the bound: 0 where equal, infinite where one is NaN or infinite and the other is not. */
static double error_of(double got, double want, double bound) {
  if (got == want || (isnan(got) && isnan(want))) return 0;
  if (!isfinite(got) || !isfinite(want) || bound <= 0) return (double)INFINITY;
  return fabs(got - want) / bound;
}

static int compare_one(const cvk_tensor *got, const cvk_tensor *want, const double *bound, int32_t o, double scale, double *worst, char *why,
                       size_t why_bytes) {
  const uint64_t bytes = cvk_tensor_bytes(want);
  const int32_t dtype = cvk_tensor_dtype(want);
  int64_t bad = 0, first = -1;
  char shape[160];
  if (!same_shape(got, want)) {
    size_t n = (size_t)snprintf(why, why_bytes, "output %d has type %d and shape ", o, cvk_tensor_dtype(got));
    n += shape_text(why + n, why_bytes - n, got);
    n += (size_t)snprintf(why + n, why_bytes - n, ", wanted type %d and shape ", dtype);
    shape_text(why + n, why_bytes - n, want);
    return 0;
  }
  char *a = malloc(bytes + 8), *b = malloc(bytes + 8);
  int ok = a && b && cvk_tensor_read(got, a, bytes) == CVK_OK && cvk_tensor_read(want, b, bytes) == CVK_OK;
  if (!ok) snprintf(why, why_bytes, "output %d: can't read %llu bytes", o, (unsigned long long)bytes);
  for (int64_t i = 0; ok && i < cvk_tensor_count(want); i++) {
    const double e = error_of(difference_value(dtype, a, i), difference_value(dtype, b, i), bound ? bound[i] : 0);
    if (e > *worst) *worst = e;
    if (e <= scale) continue;
    if (bad++ == 0) first = i;
  }
  if (bad) {
    shape_text(shape, sizeof shape, want);
    snprintf(why, why_bytes, "output %d %s: %lld of %lld elements differ, the first at %lld: got %.9g, wanted %.9g, allowed %.3g", o, shape,
             (long long)bad, (long long)cvk_tensor_count(want), (long long)first, difference_value(dtype, a, first), difference_value(dtype, b, first),
             bound ? bound[first] * scale : 0.0);
  }
  free(a);
  free(b);
  return ok && bad == 0;
}

int sample_compare(const sample_expected *e, cvk_tensor *const *out, double scale, double *worst, char *why, size_t why_bytes) {
  int ok = 1;
  for (int32_t o = 0; o < e->n_out && ok; o++) ok = compare_one(out[o], e->out[o], e->bound[o], o, scale, worst, why, why_bytes);
  return ok;
}

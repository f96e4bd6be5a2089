/* SPDX-License-Identifier: Apache-2.0 */
/* sample_expect.c: what a case must give: each step on the reference, and the bound of its error; see sample_run.h. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "difference.h"
#include "sample_run.h"

#define EPS 0x1p-24

enum { EXACT, ROUNDED, PRODUCT, LINEAR };

/* EXACT: moves or selects. ROUNDED: a function, so many units of 2^-24 of the result, and `floor` where it cancels; `slope` is the most that it
 * stretches an error that comes in. PRODUCT: a sum of products. LINEAR: one rounding, or none; an error that comes in goes through the op itself. */
typedef struct measure {
  int32_t kind, type;
  double units, floor, slope;
} measure;

static const measure measures[] = {
    {CVK_OP_CONV, PRODUCT, 0, 0, 0},
    {CVK_OP_CONV_TRANSPOSE, PRODUCT, 0, 0, 0},
    {CVK_OP_GEMM, PRODUCT, 0, 0, 0},
    {CVK_OP_MATMUL, PRODUCT, 0, 0, 0},
    {CVK_OP_AVG_POOL, PRODUCT, 0, 0, 0},
    {CVK_OP_GLOBAL_AVG_POOL, PRODUCT, 0, 0, 0},
    {CVK_OP_BATCH_NORM, PRODUCT, 0, 0, 0},
    {CVK_OP_REDUCE_MEAN, PRODUCT, 0, 0, 0},
    {CVK_OP_REDUCE_SUM, PRODUCT, 0, 0, 0},
    {CVK_OP_SUM, PRODUCT, 0, 0, 0},
    {CVK_OP_MEAN, PRODUCT, 0, 0, 0},
    {CVK_OP_RESIZE, PRODUCT, 0, 0, 0},
    {CVK_OP_ADD, LINEAR, 1, 0, 0},
    {CVK_OP_SUB, LINEAR, 1, 0, 0},
    {CVK_OP_MUL, LINEAR, 1, 0, 0},
    {CVK_OP_DIV, ROUNDED, 4, 0, 0},
    {CVK_OP_POW, ROUNDED, 16, 0, 0},
    {CVK_OP_LP_POOL, ROUNDED, 16, 0, 0},
    {CVK_OP_GLOBAL_LP_POOL, ROUNDED, 16, 0, 0},
    {CVK_OP_LRN, ROUNDED, 16, 0, 0},
    {CVK_OP_SOFTMAX, ROUNDED, 8, 0, 0},
    {CVK_OP_LOG_SOFTMAX, ROUNDED, 16, 0x1p-20, 0},
    {CVK_OP_LEAKY_RELU, ROUNDED, 1, 0, 1},
    {CVK_OP_PRELU, ROUNDED, 1, 0, 1},
    {CVK_OP_CLIP, ROUNDED, 0, 0, 1},
    {CVK_OP_SIGMOID, ROUNDED, 8, 0, 0.25},
    {CVK_OP_TANH, ROUNDED, 8, 0, 1},
    {CVK_OP_ELU, ROUNDED, 8, 0, 1.5},
    {CVK_OP_SELU, ROUNDED, 8, 0, 1.76},
    {CVK_OP_CELU, ROUNDED, 8, 0, 1},
    {CVK_OP_HARD_SIGMOID, ROUNDED, 8, 0x1p-22, 0.25},
    {CVK_OP_HARD_SWISH, ROUNDED, 8, 0x1p-22, 1.5},
    {CVK_OP_SOFTPLUS, ROUNDED, 8, 0x1p-22, 1},
    {CVK_OP_SOFTSIGN, ROUNDED, 8, 0, 1},
    {CVK_OP_GELU, ROUNDED, 16, 0x1p-22, 1.13},
    {CVK_OP_SWISH, ROUNDED, 8, 0, 1.1},
    {CVK_OP_MISH, ROUNDED, 8, 0, 1.1},
    {CVK_OP_EXP, ROUNDED, 8, 0, 0},
    {CVK_OP_LOG, ROUNDED, 8, 0, 0},
    {CVK_OP_SQRT, ROUNDED, 4, 0, 0},
    {CVK_OP_RECIPROCAL, ROUNDED, 4, 0, 0},
    {CVK_OP_ERF, ROUNDED, 8, 0, 0},
    {CVK_OP_SIN, ROUNDED, 8, 0x1p-22, 0},
    {CVK_OP_COS, ROUNDED, 8, 0x1p-22, 0},
    {CVK_OP_TAN, ROUNDED, 16, 0, 0},
    {CVK_OP_ASIN, ROUNDED, 8, 0, 0},
    {CVK_OP_ACOS, ROUNDED, 8, 0x1p-22, 0},
    {CVK_OP_ATAN, ROUNDED, 8, 0, 0},
    {CVK_OP_SINH, ROUNDED, 8, 0, 0},
    {CVK_OP_COSH, ROUNDED, 8, 0, 0},
    {CVK_OP_ASINH, ROUNDED, 8, 0, 0},
    {CVK_OP_ACOSH, ROUNDED, 8, 0, 0},
    {CVK_OP_ATANH, ROUNDED, 8, 0, 0},
    {CVK_OP_SHRINK, ROUNDED, 1, 0, 0},
    {CVK_OP_REDUCE_PROD, ROUNDED, 64, 0, 0},
    {CVK_OP_CUM_SUM, PRODUCT, 0, 0, 0},
    {CVK_OP_CUM_PROD, ROUNDED, 64, 0, 0},
    {CVK_OP_EINSUM, PRODUCT, 0, 0, 0},
    {CVK_OP_CONV_GRAD_WEIGHT, PRODUCT, 0, 0, 0},
    {CVK_OP_MAX_POOL_GRAD, ROUNDED, 4, 0x1p-20, 0},
    {CVK_OP_AVG_POOL_GRAD, PRODUCT, 0, 0, 0},
    {CVK_OP_BATCH_NORM_TRAIN, ROUNDED, 16, 0x1p-19, 0},
    {CVK_OP_BATCH_NORM_GRAD, ROUNDED, 32, 0x1p-18, 0},
    {CVK_OP_SOFTMAX_CROSS_ENTROPY, ROUNDED, 16, 0x1p-20, 0},
    {CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD, ROUNDED, 16, 0x1p-20, 0},
    {CVK_OP_DROPOUT_TRAIN, ROUNDED, 2, 0, 0},
    {CVK_OP_SGD, ROUNDED, 8, 0x1p-22, 0},
    {CVK_OP_ADAM, ROUNDED, 16, 0x1p-21, 0},
    {CVK_OP_DET, ROUNDED, 64, 0x1p-18, 0},
    {CVK_OP_DFT, ROUNDED, 64, 0x1p-18, 0},
    {CVK_OP_LSTM, ROUNDED, 64, 0x1p-18, 0},
    {CVK_OP_GRU, ROUNDED, 64, 0x1p-18, 0},
    {CVK_OP_RNN, ROUNDED, 64, 0x1p-18, 0},
    {CVK_OP_SCATTER_ELEMENTS, LINEAR, 1, 0, 0},
    {CVK_OP_SCATTER_ND, LINEAR, 1, 0, 0},
};

static const measure *measure_of(int32_t kind) {
  static const measure exact = {0, EXACT, 0, 0, 1};
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
    if (measures[i].kind == kind) return &measures[i];
  }
  return &exact;
}

/* Of one value: softmax rounds x - max, about ln y, before it takes the exponential. */
static double units_of(const measure *m, double y) { return m->units + (m->kind == CVK_OP_SOFTMAX && y > 0 ? 2 * fabs(log(y)) : 0); }

/* ---- the reference on tensors ---- */

static cvk_status run_reference(cvk_context *ctx, const sample_step *step, cvk_tensor *const *in, int absolute, cvk_tensor **out) {
  const cvk_session_options options = {.device = "reference", .fallback = CVK_FALLBACK_NONE, .no_fusion = 1};
  cvk_value values[SAMPLE_OPERANDS], results[SAMPLE_OUTPUTS];
  cvk_tensor *inputs[SAMPLE_OPERANDS];
  cvk_graph *g = NULL;
  cvk_session *session = NULL;
  sample_step copy = *step;
  int32_t n = 0;
  if (absolute && step->kind == CVK_OP_GEMM) {
    copy.attr.gemm.alpha = fabsf(copy.attr.gemm.alpha);
    copy.attr.gemm.beta = fabsf(copy.attr.gemm.beta);
  }
  if (absolute && (step->kind == CVK_OP_CONV || step->kind == CVK_OP_CONV_TRANSPOSE)) copy.attr.conv.activation = 0;
  cvk_status status = cvk_graph_create(ctx, &g);
  for (int32_t i = 0; i < step->n_in && status == CVK_OK; i++) {
    char name[24];
    values[i] = CVK_NO_VALUE;
    if (in[i] == NULL) continue;
    snprintf(name, sizeof name, "input %d", i);
    inputs[n++] = in[i];
    status = cvk_graph_input(g, name, cvk_tensor_dtype(in[i]), cvk_tensor_rank(in[i]), cvk_tensor_dims(in[i]), &values[i]);
  }
  if (status == CVK_OK) status = cvk_graph_op(g, step->kind, copy.has_attr ? &copy.attr : NULL, step->n_in, values, step->n_out, results, NULL);
  for (int32_t i = 0; i < step->n_out && status == CVK_OK; i++) {
    char name[24];
    snprintf(name, sizeof name, "output %d", i);
    status = cvk_graph_output(g, results[i], name);
  }
  if (status == CVK_OK) status = cvk_session_create(g, &options, &session);
  if (status == CVK_OK) status = cvk_session_run(session, n, inputs, step->n_out, out);
  cvk_session_release(session);
  cvk_graph_release(g);
  return status;
}

/* ---- bounds ---- */

static int is_float(const cvk_tensor *t) { return cvk_tensor_dtype(t) == CVK_F32 || cvk_tensor_dtype(t) == CVK_F64; }

/* A float tensor as doubles; NULL: not one, or no memory. */
static double *values_of(const cvk_tensor *t) {
  const int64_t n = cvk_tensor_count(t);
  if (!is_float(t)) return NULL;
  double *v = malloc((size_t)n * sizeof *v + 8);
  char *data = malloc(cvk_tensor_bytes(t) + 8);
  if (v == NULL || data == NULL || cvk_tensor_read(t, data, cvk_tensor_bytes(t)) != CVK_OK) {
    free(v);
    v = NULL;
  }
  for (int64_t i = 0; v && i < n; i++) v[i] = difference_value(cvk_tensor_dtype(t), data, i);
  free(data);
  return v;
}

static cvk_status tensor_of(const cvk_tensor *like, const double *v, cvk_tensor **out) {
  const int64_t n = cvk_tensor_count(like);
  const int wide = cvk_tensor_dtype(like) == CVK_F64;
  float *data = malloc((size_t)n * sizeof(double) + 8);
  if (data == NULL) return CVK_NO_MEMORY;
  for (int64_t i = 0; i < n; i++) {
    if (wide) ((double *)data)[i] = v[i];
    else data[i] = (float)v[i];
  }
  const cvk_status status = cvk_tensor_create(NULL, cvk_tensor_dtype(like), cvk_tensor_rank(like), cvk_tensor_dims(like), data, out);
  free(data);
  return status;
}

/* Which operand of batch_norm may stay signed: none; its mean is subtracted, so it turns negative; its variance is positive already. */
static double sign_of(const sample_step *step, int32_t i) { return step->kind == CVK_OP_BATCH_NORM && i == 3 ? -1 : 1; }

/* Cubic weights have both signs, their magnitudes a sum of at most 1.4 along an axis: twice the largest number bounds what two axes sum. */
static void bound_cubic(const sample_step *step, double *v, int64_t n) {
  double most = 0;
  if (step->kind != CVK_OP_RESIZE || step->attr.resize.mode != CVK_CUBIC) return;
  for (int64_t i = 0; i < n; i++) most = fmax(most, v[i]);
  for (int64_t i = 0; i < n; i++) v[i] = 2 * most;
}

/* The op on made-over inputs. Products: absolute values, the previous step's with its error on top in units of 4 eps. Else: the error alone, and
 * nothing (LINEAR: absolute values of a factor) in the other operands. The result is what the error may be. */
static cvk_status run_on_errors(cvk_context *ctx, const sample_step *step, cvk_tensor *const *in, const double *error, cvk_tensor **out) {
  const int product = measure_of(step->kind)->type == PRODUCT;
  cvk_tensor *made[SAMPLE_OPERANDS] = {NULL};
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < step->n_in && status == CVK_OK; i++) {
    const int previous = step->in[i] == OPERAND_PREVIOUS && error;
    double *v = in[i] ? values_of(in[i]) : NULL;
    if (v == NULL) {
      made[i] = in[i] ? cvk_tensor_retain(in[i]) : NULL;
      continue;
    }
    for (int64_t k = 0; k < cvk_tensor_count(in[i]); k++) {
      if (product) v[k] = sign_of(step, i) * fabs(v[k]) + (previous ? error[k] / (4 * EPS) : 0);
      else v[k] = previous ? error[k] : step->kind == CVK_OP_MUL ? fabs(v[k]) : 0;
    }
    bound_cubic(step, v, cvk_tensor_count(in[i]));
    status = tensor_of(in[i], v, &made[i]);
    free(v);
  }
  if (status == CVK_OK) status = run_reference(ctx, step, made, 1, out);
  for (int32_t i = 0; i < step->n_in; i++) cvk_tensor_release(made[i]);
  return status;
}

/* The bound of output o, y, from that of the previous step (`error`, NULL: exact). *bound NULL: exact. */
static cvk_status bound_of(cvk_context *ctx, const sample_step *step, cvk_tensor *const *in, const double *error, int32_t o, const cvk_tensor *y, double **bound) {
  const measure *m = measure_of(step->kind);
  const double eps = cvk_tensor_dtype(y) == CVK_F64 ? 0x1p-53 : EPS;
  cvk_tensor *through[SAMPLE_OUTPUTS] = {NULL};
  cvk_status status = CVK_OK;
  *bound = NULL;
  if (!is_float(y) || (error == NULL && (m->type == EXACT || m->type == LINEAR))) return CVK_OK;
  double *value = values_of(y), *b = calloc((size_t)cvk_tensor_count(y) + 1, sizeof *b), *passed = NULL;
  if (value == NULL || b == NULL) status = CVK_NO_MEMORY;
  if (status == CVK_OK && (m->type == PRODUCT || (error && m->type != ROUNDED))) {
    status = run_on_errors(ctx, step, in, error, through);
    if (status == CVK_OK) passed = values_of(through[o]);
    if (status == CVK_OK && passed == NULL) status = CVK_NO_MEMORY;
  }
  for (int64_t i = 0; status == CVK_OK && i < cvk_tensor_count(y); i++) {
    if (m->type == PRODUCT) b[i] = 4 * eps * passed[i];
    else if (m->type == ROUNDED) b[i] = m->slope * (error ? error[i] : 0) + units_of(m, value[i]) * eps * fabs(value[i]) + m->floor;
    else b[i] = fabs(passed[i]) + m->units * eps * fabs(value[i]);
    b[i] += (double)FLT_MIN; /* a subnormal result may be flushed */
  }
  for (int32_t i = 0; i < step->n_out; i++) cvk_tensor_release(through[i]);
  free(value);
  free(passed);
  if (status == CVK_OK) *bound = b;
  else free(b);
  return status;
}

/* ---- the case ---- */

static cvk_status make_tensors(const op_sample *s, cvk_tensor **tensors) {
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < s->n_tensors && status == CVK_OK; i++) {
    void *data = op_sample_data(s, i);
    status = data ? cvk_tensor_create(NULL, s->tensor[i].dtype, s->tensor[i].rank, s->tensor[i].dim, data, &tensors[i]) : CVK_NO_MEMORY;
    free(data);
  }
  return status;
}

void sample_expected_free(sample_expected *e) {
  for (int32_t o = 0; o < SAMPLE_OUTPUTS; o++) {
    cvk_tensor_release(e->out[o]);
    free(e->bound[o]);
  }
  *e = (sample_expected){0};
}

/* An activation given as an attribute counts as a step of its own. */
static cvk_status bound_activation(const sample_step *step, const cvk_tensor *y, double *bound) {
  const int32_t kind = step->kind == CVK_OP_CONV || step->kind == CVK_OP_CONV_TRANSPOSE ? step->attr.conv.activation : 0;
  const measure *m = measure_of(kind);
  double *value = kind && bound ? values_of(y) : NULL;
  if (kind && bound && value == NULL) return CVK_NO_MEMORY;
  for (int64_t i = 0; value && i < cvk_tensor_count(y); i++) bound[i] = m->slope * bound[i] + m->units * EPS * fabs(value[i]) + m->floor;
  free(value);
  return CVK_OK;
}

cvk_status sample_expect(cvk_context *ctx, const op_sample *s, sample_expected *out) {
  cvk_tensor *tensors[SAMPLE_TENSORS] = {NULL};
  *out = (sample_expected){0};
  cvk_status status = make_tensors(s, tensors);
  for (int32_t k = 0; k < s->n_steps && status == CVK_OK; k++) {
    const sample_step *step = &s->step[k];
    sample_expected next = {.n_out = step->n_out};
    cvk_tensor *in[SAMPLE_OPERANDS];
    for (int32_t i = 0; i < step->n_in; i++) {
      in[i] = step->in[i] == OPERAND_PREVIOUS ? out->out[0] : step->in[i] == OPERAND_ABSENT ? NULL : tensors[step->in[i]];
    }
    status = run_reference(ctx, step, in, 0, next.out);
    if (status == CVK_OK) status = bound_of(ctx, step, in, out->bound[0], 0, next.out[0], &next.bound[0]);
    if (status == CVK_OK) status = bound_activation(step, next.out[0], next.bound[0]);
    for (int32_t o = 1; o < step->n_out && status == CVK_OK; o++) {
      const int32_t type = measure_of(step->kind)->type;
      if (type == ROUNDED || type == PRODUCT) status = bound_of(ctx, step, in, NULL, o, next.out[o], &next.bound[o]);
    }
    for (int32_t o = 1; o < step->n_out && status == CVK_OK && out->bound[0]; o++) { /* the same for each part of a split */
      cvk_tensor *errors[SAMPLE_OUTPUTS] = {NULL};
      status = run_on_errors(ctx, step, in, out->bound[0], errors);
      if (status == CVK_OK) next.bound[o] = values_of(errors[o]);
      for (int32_t i = 0; i < step->n_out; i++) cvk_tensor_release(errors[i]);
    }
    sample_expected_free(out);
    *out = next;
  }
  for (int32_t i = 0; i < s->n_tensors; i++) cvk_tensor_release(tensors[i]);
  if (status != CVK_OK) sample_expected_free(out);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cross_entropy.c: SOFTMAX_CROSS_ENTROPY, https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html, and its gradient: x [N,C,...],
 * target [N,...] (i64 or i32, 0 .. C-1 or the ignored number), weight [C] or absent. With p = softmax(x) over axis 1, target t and label
 * smoothing s (Szegedy et al. 2015) a row's loss is
 *   (1 - s) w[t] (-log p[t]) + s / C sum_c w[c] (-log p[c])
 * and its gradient in x[j]
 *   (1 - s) w[t] (p[j] - [j = t]) + s / C (p[j] sum_c w[c] - w[j]).
 * MEAN divides by the sum of w[t] over the targets that are not ignored; none left: NaN, as 0 / 0 is. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

static cvk_status check(const cvk_op_call *call, int32_t weight) {
  static const int32_t floats[] = {CVK_F32, CVK_F64}, ints[] = {CVK_I64, CVK_I32};
  const char *op = call->def->name;
  const cvk_tensor_desc *x = call->in[0], *t = call->in[1], *w = weight < call->n_in ? call->in[weight] : NULL;
  const cvk_cross_entropy_attr *a = &call->attr->cross_entropy;
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "%s: x has rank %d, allowed 2 to %d", op, x->rank, CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 0, 2, floats);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 2, ints);
  if (s == CVK_OK && w) s = cvk_require_dtype(call, weight, 1, &x->dtype);
  if (s != CVK_OK) return s;
  int32_t fits = t->rank == x->rank - 1 && t->dim[0] == x->dim[0];
  for (int32_t i = 1; i < t->rank && fits; i++) fits = t->dim[i] == x->dim[i + 1];
  if (!fits)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: target has shape %s, x has %s: wanted the same without axis 1", op, cvk_dims_text(t->rank, t->dim, got),
                    cvk_dims_text(x->rank, x->dim, want));
  if (w && (w->rank != 1 || w->dim[0] != x->dim[1]))
    return cvk_fail(CVK_INVALID_SHAPE, "%s: weight has shape %s, wanted [%lld], one for each class", op, cvk_dims_text(w->rank, w->dim, got),
                    (long long)x->dim[1]);
  if (a->reduction < CVK_LOSS_MEAN || a->reduction > CVK_LOSS_NONE)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: reduction is %d, allowed 0 to %d", op, a->reduction, CVK_LOSS_NONE);
  if (!(a->label_smoothing >= 0 && a->label_smoothing <= 1))
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: label_smoothing is %g, allowed 0 to 1", op, (double)a->label_smoothing);
  return CVK_OK;
}

static cvk_status set_loss(cvk_tensor_desc *d, const cvk_op_call *call) {
  const cvk_tensor_desc *t = call->in[1];
  return cvk_desc_set(d, "softmax_cross_entropy: loss", call->in[0]->dtype, call->attr->cross_entropy.reduction == CVK_LOSS_NONE ? t->rank : 0, t->dim);
}

cvk_status cvk_infer_softmax_cross_entropy(cvk_op_call *call) {
  const cvk_status s = check(call, 2);
  return s == CVK_OK ? set_loss(&call->out[0], call) : s;
}

cvk_status cvk_infer_softmax_cross_entropy_grad(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0], *gy = call->in[2];
  cvk_tensor_desc loss = {.struct_size = sizeof loss};
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  cvk_status s = check(call, 3);
  if (s == CVK_OK) s = cvk_require_dtype(call, 2, 1, &x->dtype);
  if (s == CVK_OK) s = set_loss(&loss, call);
  if (s != CVK_OK) return s;
  if (!cvk_same_shape(gy, &loss))
    return cvk_fail(CVK_INVALID_SHAPE, "%s: gy has shape %s, the loss has %s", call->def->name, cvk_dims_text(gy->rank, gy->dim, got),
                    cvk_dims_text(loss.rank, loss.dim, want));
  return cvk_desc_set(&call->out[0], "softmax_cross_entropy_grad: gx", x->dtype, x->rank, x->dim);
}

typedef struct rows {
  const cvk_cross_entropy_attr *a;
  const cvk_tensor_desc *x, *t;
  const void *logits, *target, *weight; /* weight: NULL for ones */
  int64_t classes, cells;               /* cells: of the axes behind the classes */
  double all_weights;                   /* their sum */
} rows;

static rows rows_of(const cvk_op *op, const void *const *in, int32_t weight) {
  const cvk_tensor_desc *x = op->in[0];
  rows r = {op->attr, x, op->in[1], in[0], in[1], weight < op->n_in && op->in[weight] ? in[weight] : NULL, x->dim[1],
            cvk_count(x->rank - 2, x->dim + 2), 0};
  for (int64_t c = 0; c < r.classes; c++) r.all_weights += r.weight ? cvk_load_real(x->dtype, r.weight, c) : 1;
  return r;
}

static double weight_of(const rows *r, int64_t c) { return r->weight ? cvk_load_real(r->x->dtype, r->weight, c) : 1; }

/* The class of a row; -1: ignored. INVALID_ARGUMENT: out of range. */
static cvk_status target_of(const rows *r, int64_t row, int64_t *out) {
  cvk_load_ints(r->t->dtype, r->target, row, 1, 1, out);
  if (r->a->has_ignore && *out == r->a->ignore_index) *out = -1;
  else if (*out < 0 || *out >= r->classes)
    return cvk_fail(CVK_INVALID_ARGUMENT, "softmax_cross_entropy: target %lld at position %lld, allowed 0 to %lld", (long long)*out, (long long)row,
                    (long long)r->classes - 1);
  return CVK_OK;
}

static int64_t at(const rows *r, int64_t row, int64_t c) { return (row / r->cells * r->classes + c) * r->cells + row % r->cells; }

/* The largest of a row and log sum exp(x - largest). */
static void log_sum(const rows *r, int64_t row, double *largest, double *log_of_sum) {
  double most = -INFINITY, sum = 0;
  for (int64_t c = 0; c < r->classes; c++) most = fmax(most, cvk_load_real(r->x->dtype, r->logits, at(r, row, c)));
  for (int64_t c = 0; c < r->classes; c++) sum += exp(cvk_load_real(r->x->dtype, r->logits, at(r, row, c)) - most);
  *largest = most;
  *log_of_sum = log(sum);
}

static double loss_of(const rows *r, int64_t row, int64_t t) {
  const double smooth = (double)r->a->label_smoothing;
  double most, log_of_sum, spread = 0;
  log_sum(r, row, &most, &log_of_sum);
  const double of_target = log_of_sum - (cvk_load_real(r->x->dtype, r->logits, at(r, row, t)) - most);
  if (smooth == 0) return weight_of(r, t) * of_target;
  for (int64_t c = 0; c < r->classes; c++)
    spread += weight_of(r, c) * (log_of_sum - (cvk_load_real(r->x->dtype, r->logits, at(r, row, c)) - most));
  return (1 - smooth) * weight_of(r, t) * of_target + smooth / (double)r->classes * spread;
}

static cvk_status divisor_of(const rows *r, int64_t n, double *out) {
  *out = r->a->reduction == CVK_LOSS_MEAN ? 0 : 1;
  for (int64_t row = 0; row < n; row++) {
    int64_t t;
    const cvk_status s = target_of(r, row, &t);
    if (s != CVK_OK) return s;
    if (t >= 0 && r->a->reduction == CVK_LOSS_MEAN) *out += weight_of(r, t);
  }
  return CVK_OK;
}

cvk_status cvk_ref_softmax_cross_entropy(const cvk_op *op, const void *const *in, void *const *out) {
  const rows r = rows_of(op, in, 2);
  const int64_t n = cvk_count(r.t->rank, r.t->dim);
  double divisor, sum = 0;
  const cvk_status s = divisor_of(&r, n, &divisor);
  if (s != CVK_OK) return s;
  for (int64_t row = 0; row < n; row++) {
    int64_t t;
    target_of(&r, row, &t);
    const double loss = t < 0 ? 0 : loss_of(&r, row, t);
    if (r.a->reduction == CVK_LOSS_NONE) cvk_store_real(r.x->dtype, out[0], row, loss);
    sum += loss;
  }
  if (r.a->reduction != CVK_LOSS_NONE) cvk_store_real(r.x->dtype, out[0], 0, sum / divisor);
  return CVK_OK;
}

cvk_status cvk_ref_softmax_cross_entropy_grad(const cvk_op *op, const void *const *in, void *const *out) {
  const rows r = rows_of(op, in, 3);
  const int64_t n = cvk_count(r.t->rank, r.t->dim);
  const double smooth = (double)r.a->label_smoothing, share = smooth / (double)r.classes;
  double divisor;
  const cvk_status s = divisor_of(&r, n, &divisor);
  if (s != CVK_OK) return s;
  for (int64_t row = 0; row < n; row++) {
    int64_t t;
    double most, log_of_sum;
    target_of(&r, row, &t);
    log_sum(&r, row, &most, &log_of_sum);
    const double g = cvk_load_real(r.x->dtype, in[2], r.a->reduction == CVK_LOSS_NONE ? row : 0) / divisor;
    for (int64_t c = 0; c < r.classes; c++) {
      const double p = exp(cvk_load_real(r.x->dtype, r.logits, at(&r, row, c)) - most - log_of_sum);
      double v = 0;
      if (t >= 0) v = (1 - smooth) * weight_of(&r, t) * (p - (c == t)) + (smooth > 0 ? share * (p * r.all_weights - weight_of(&r, c)) : 0);
      cvk_store_real(r.x->dtype, out[0], at(&r, row, c), t >= 0 ? g * v : 0);
    }
  }
  return CVK_OK;
}

cvk_status cvk_grad_softmax_cross_entropy(cvk_gradient *c) {
  const cvk_value in[4] = {c->x[0], c->x[1], c->gy[0], c->n_in > 2 ? c->x[2] : CVK_NO_VALUE};
  if (c->n_in > 2 && c->wanted[2]) return cvk_fail(CVK_UNSUPPORTED, "softmax_cross_entropy has no gradient in its weights");
  c->gx[0] = cvk_grad_op(c, CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD, c->attr, 4, in);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* optimizer.c: SGD (with momentum, Nesterov's too: Sutskever et al. 2013) and ADAM (Kingma and Ba 2015; decoupled: AdamW, Loshchilov and
 * Hutter 2019), the formulas in plugin.h, as PyTorch's optimisers have them. w, its gradient and its state have one shape and type; rate and
 * gradient scale are one element of that type, step is one i64. Results are new tensors: nothing is written in place. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

enum { W, GW, RATE };
enum { SGD_MOMENTUM = 3, SGD_SCALE = 4, ADAM_STEP = 3, ADAM_M = 4, ADAM_V = 5, ADAM_SCALE = 6 };

void cvk_defaults_adam(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->adam.beta1 = 0.9f;
  a->adam.beta2 = 0.999f;
  a->adam.epsilon = 1e-8f;
}

static cvk_status check_like_w(const cvk_op_call *call, int32_t i) {
  const cvk_tensor_desc *w = call->in[W], *d = call->in[i];
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  if (!cvk_same_shape(d, w))
    return cvk_fail(CVK_INVALID_SHAPE, "%s: input %d has shape %s, the weights have %s", call->def->name, i, cvk_dims_text(d->rank, d->dim, got),
                    cvk_dims_text(w->rank, w->dim, want));
  return cvk_require_dtype(call, i, 1, &w->dtype);
}

static cvk_status check_scalar(const cvk_op_call *call, int32_t i, int32_t dtype) {
  const cvk_tensor_desc *d = call->in[i];
  if (cvk_count(d->rank, d->dim) != 1)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: input %d has %lld elements, it is one number", call->def->name, i, (long long)cvk_count(d->rank, d->dim));
  return cvk_require_dtype(call, i, 1, &dtype);
}

cvk_status cvk_infer_optimizer(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64};
  const cvk_tensor_desc *w = call->in[W];
  const int32_t is_adam = call->kind == CVK_OP_ADAM, scale = is_adam ? ADAM_SCALE : SGD_SCALE;
  cvk_status s = cvk_require_dtype(call, W, 2, floats);
  if (s == CVK_OK && !is_adam && call->attr->sgd.momentum != 0 && (call->n_in <= SGD_MOMENTUM || call->in[SGD_MOMENTUM] == NULL))
    return cvk_fail(CVK_INVALID_ARGUMENT, "sgd: momentum is %g, but its state (input 3) is absent", (double)call->attr->sgd.momentum);
  for (int32_t i = GW; i < call->n_in && s == CVK_OK; i++) {
    if (call->in[i] == NULL) continue;
    if (i == RATE || i == scale) s = check_scalar(call, i, w->dtype);
    else if (is_adam && i == ADAM_STEP) s = check_scalar(call, i, CVK_I64);
    else s = check_like_w(call, i);
  }
  for (int32_t i = 0; i < call->n_out && s == CVK_OK; i++) s = cvk_desc_set(&call->out[i], "optimiser: output", w->dtype, w->rank, w->dim);
  return s;
}

static double scale_of(const cvk_op *op, const void *const *in, int32_t i) {
  return i < op->n_in && op->in[i] ? cvk_load_real(op->in[i]->dtype, in[i], 0) : 1;
}

static void put(const cvk_op *op, void *const *out, int32_t i, int64_t first, int64_t n, const double *v) {
  if (i < op->n_out && out[i]) cvk_store_reals(op->in[W]->dtype, out[i], first, 1, n, v);
}

cvk_status cvk_ref_sgd(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_sgd_attr *a = op->attr;
  const int32_t dtype = op->in[W]->dtype, has_state = op->n_in > SGD_MOMENTUM && op->in[SGD_MOMENTUM];
  const int64_t count = cvk_count(op->in[W]->rank, op->in[W]->dim);
  const double rate = cvk_load_real(dtype, in[RATE], 0), scale = scale_of(op, in, SGD_SCALE), momentum = (double)a->momentum;
  double w[CVK_RUN], g[CVK_RUN], m[CVK_RUN] = {0};
  for (int64_t done = 0; done < count; done += CVK_RUN) {
    const int64_t n = count - done < CVK_RUN ? count - done : CVK_RUN;
    cvk_load_reals(dtype, in[W], done, 1, n, w);
    cvk_load_reals(dtype, in[GW], done, 1, n, g);
    if (has_state) cvk_load_reals(dtype, in[SGD_MOMENTUM], done, 1, n, m);
    for (int64_t i = 0; i < n; i++) {
      const double step = scale * g[i] + (double)a->decay * w[i];
      m[i] = has_state ? momentum * m[i] + step : step;
      w[i] -= rate * (a->nesterov ? step + momentum * m[i] : m[i]);
    }
    put(op, out, 0, done, n, w);
    put(op, out, 1, done, n, m);
  }
  return CVK_OK;
}

cvk_status cvk_ref_adam(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_adam_attr *a = op->attr;
  const int32_t dtype = op->in[W]->dtype;
  const int64_t count = cvk_count(op->in[W]->rank, op->in[W]->dim);
  const double rate = cvk_load_real(dtype, in[RATE], 0), scale = scale_of(op, in, ADAM_SCALE), t = cvk_load_real(CVK_I64, in[ADAM_STEP], 0);
  const double b1 = (double)a->beta1, b2 = (double)a->beta2, decay = (double)a->decay, first = 1 - pow(b1, t), second = 1 - pow(b2, t);
  double w[CVK_RUN], g[CVK_RUN], m[CVK_RUN], v[CVK_RUN];
  for (int64_t done = 0; done < count; done += CVK_RUN) {
    const int64_t n = count - done < CVK_RUN ? count - done : CVK_RUN;
    cvk_load_reals(dtype, in[W], done, 1, n, w);
    cvk_load_reals(dtype, in[GW], done, 1, n, g);
    cvk_load_reals(dtype, in[ADAM_M], done, 1, n, m);
    cvk_load_reals(dtype, in[ADAM_V], done, 1, n, v);
    for (int64_t i = 0; i < n; i++) {
      const double step = scale * g[i] + (a->decoupled ? 0 : decay * w[i]);
      m[i] = b1 * m[i] + (1 - b1) * step;
      v[i] = b2 * v[i] + (1 - b2) * step * step;
      if (a->decoupled) w[i] *= 1 - rate * decay;
      w[i] -= rate * (m[i] / first) / (sqrt(v[i] / second) + (double)a->epsilon);
    }
    put(op, out, 0, done, n, w);
    put(op, out, 1, done, n, m);
    put(op, out, 2, done, n, v);
  }
  return CVK_OK;
}

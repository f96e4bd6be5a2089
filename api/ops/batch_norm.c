/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm.c: BATCH_NORM as at inference, https://onnx.ai/onnx/operators/onnx__BatchNormalization.html: x [N,C,...], scale, bias, mean,
 * var [C] -> y = (x - mean) / sqrt(var + epsilon) scale + bias. A variance slightly below zero is used as it is; where var + epsilon is
 * negative the channel is NaN. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
enum { FLOATS = sizeof floats / sizeof *floats, INPUTS = 5 };

void cvk_defaults_batch_norm(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->norm.epsilon = 1e-5f;
}

cvk_status cvk_infer_batch_norm(cvk_op_call *call) {
  static const char *const names[INPUTS] = {"x", "scale", "bias", "mean", "var"};
  const cvk_tensor_desc *x = call->in[0];
  char text[CVK_DIMS_TEXT];
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "batch_norm: input has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 0, FLOATS, floats);
  for (int32_t i = 1; i < INPUTS && s == CVK_OK; i++) {
    const cvk_tensor_desc *d = call->in[i];
    if (d->rank != 1 || d->dim[0] != x->dim[1])
      return cvk_fail(CVK_INVALID_SHAPE, "batch_norm: %s has shape %s, wanted [%lld], one for each channel", names[i],
                      cvk_dims_text(d->rank, d->dim, text), (long long)x->dim[1]);
    s = cvk_require_dtype(call, i, FLOATS, floats);
  }
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "batch_norm: output", x->dtype, x->rank, x->dim) : s;
}

cvk_status cvk_ref_batch_norm(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const double epsilon = (double)((const cvk_norm_attr *)op->attr)->epsilon;
  if (cvk_count(x->rank, x->dim) == 0) return CVK_OK;
  const int64_t planes = x->dim[0] * x->dim[1], cells = cvk_count(x->rank - 2, x->dim + 2);
  for (int64_t plane = 0; plane < planes; plane++) {
    const int64_t c = plane % x->dim[1];
    double p[INPUTS], v[CVK_RUN];
    for (int32_t i = 1; i < INPUTS; i++) p[i] = cvk_load_real(op->in[i]->dtype, in[i], c);
    const double scale = p[1], bias = p[2], mean = p[3], deviation = sqrt(p[4] + epsilon);
    for (int64_t done = 0; done < cells; done += CVK_RUN) {
      const int64_t n = cells - done < CVK_RUN ? cells - done : CVK_RUN, at = plane * cells + done;
      cvk_load_reals(x->dtype, in[0], at, 1, n, v);
      for (int64_t i = 0; i < n; i++) v[i] = (v[i] - mean) / deviation * scale + bias;
      cvk_store_reals(x->dtype, out[0], at, 1, n, v);
    }
  }
  return CVK_OK;
}

/* With d = sqrt(var + epsilon), S the sum over all but the channels: gx = gy scale / d, gbias = S(gy), gscale = S(gy (x - mean)) / d,
 * gmean = -gbias scale / d, gvar = -gscale scale / (2 d^2). */
cvk_status cvk_grad_batch_norm(cvk_gradient *c) {
  const cvk_tensor_desc *x = c->in[0];
  const double epsilon = (double)c->attr->norm.epsilon;
  cvk_tensor_desc column = {.struct_size = sizeof column, .dtype = x->dtype, .rank = x->rank - 1, .dim = {x->dim[1], 1, 1, 1, 1, 1, 1, 1}};
  cvk_axes_attr all = {.struct_size = sizeof all};
  for (int32_t i = 1; i < INPUTS; i++)
    if (c->in[i]->dtype != x->dtype) return cvk_fail(CVK_UNSUPPORTED, "batch_norm has a gradient where all inputs are of one type alone");
  for (int32_t i = 0; i < x->rank; i++)
    if (i != 1) all.axis[all.n_axes++] = i;
  const cvk_value gy = c->gy[0], d = cvk_grad_op1(c, CVK_OP_SQRT, cvk_grad_op2(c, CVK_OP_ADD, c->x[4], cvk_grad_scalar(c, x->dtype, epsilon)));
  const cvk_value factor = cvk_grad_op2(c, CVK_OP_DIV, c->x[1], d);
  if (c->wanted[0]) c->gx[0] = cvk_grad_op2(c, CVK_OP_MUL, gy, cvk_grad_reshape(c, factor, &column));
  if (!c->wanted[1] && !c->wanted[2] && !c->wanted[3] && !c->wanted[4]) return c->status;
  const cvk_value from_mean = cvk_grad_op2(c, CVK_OP_SUB, c->x[0], cvk_grad_reshape(c, c->x[3], &column));
  const cvk_value product = cvk_grad_op2(c, CVK_OP_MUL, gy, from_mean);
  const cvk_value gbias = cvk_grad_op(c, CVK_OP_REDUCE_SUM, &all, 1, &gy);
  const cvk_value gscale = cvk_grad_op2(c, CVK_OP_DIV, cvk_grad_op(c, CVK_OP_REDUCE_SUM, &all, 1, &product), d);
  if (c->wanted[1]) c->gx[1] = gscale;
  if (c->wanted[2]) c->gx[2] = gbias;
  if (c->wanted[3]) c->gx[3] = cvk_grad_op1(c, CVK_OP_NEG, cvk_grad_op2(c, CVK_OP_MUL, gbias, factor));
  if (c->wanted[4]) c->gx[4] = cvk_grad_times(c, cvk_grad_op2(c, CVK_OP_DIV, cvk_grad_op2(c, CVK_OP_MUL, gscale, factor), d), x->dtype, -0.5);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* softmax.c: SOFTMAX and LOG_SOFTMAX along one axis, https://onnx.ai/onnx/operators/onnx__Softmax.html (since opset 13). The row's maximum
 * is subtracted first, so that no exponential overflows. A row with a NaN or a +inf, or of nothing but -inf, is all NaN, as NumPy's. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

void cvk_defaults_softmax(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->axis.axis = -1;
}

cvk_status cvk_infer_softmax(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[0];
  cvk_status s = cvk_axis_resolve(call->def->name, "axis", call->attr->axis.axis, x->rank, &call->attr->axis.axis);
  if (s == CVK_OK) s = cvk_require_dtype(call, 0, sizeof floats / sizeof *floats, floats);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "softmax: output", x->dtype, x->rank, x->dim) : s;
}

/* One row: n elements `stride` apart from `first`. */
static void run_row(const cvk_op *op, const void *x, void *y, int64_t first, int64_t stride, int64_t n) {
  const int32_t dtype = op->in[0]->dtype;
  double largest = -INFINITY, sum = 0, v[CVK_RUN];
  for (int64_t done = 0; done < n; done += CVK_RUN) {
    const int64_t m = n - done < CVK_RUN ? n - done : CVK_RUN;
    cvk_load_reals(dtype, x, first + done * stride, stride, m, v);
    for (int64_t i = 0; i < m; i++) largest = v[i] > largest ? v[i] : largest;
  }
  for (int64_t done = 0; done < n; done += CVK_RUN) {
    const int64_t m = n - done < CVK_RUN ? n - done : CVK_RUN;
    cvk_load_reals(dtype, x, first + done * stride, stride, m, v);
    for (int64_t i = 0; i < m; i++) sum += exp(v[i] - largest);
  }
  const double log_sum = log(sum);
  for (int64_t done = 0; done < n; done += CVK_RUN) {
    const int64_t m = n - done < CVK_RUN ? n - done : CVK_RUN;
    cvk_load_reals(dtype, x, first + done * stride, stride, m, v);
    for (int64_t i = 0; i < m; i++) v[i] = op->kind == CVK_OP_SOFTMAX ? exp(v[i] - largest) / sum : v[i] - largest - log_sum;
    cvk_store_reals(dtype, y, first + done * stride, stride, m, v);
  }
}

cvk_status cvk_ref_softmax(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  const int64_t count = cvk_count(x->rank, x->dim);
  if (count == 0) return CVK_OK;
  const int64_t n = x->rank > 0 ? x->dim[axis] : 1, stride = x->rank > 0 ? cvk_count(x->rank - 1 - axis, x->dim + axis + 1) : 1;
  for (int64_t row = 0; row < count / n; row++) run_row(op, in[0], out[0], row / stride * n * stride + row % stride, stride, n);
  return CVK_OK;
}

/* With the row's sum S: softmax y (gy - S(gy y)), its logarithm gy - exp(y) S(gy). */
cvk_status cvk_grad_softmax(cvk_gradient *c) {
  const cvk_axes_attr row = {.struct_size = sizeof row, .n_axes = 1, .axis = {c->attr->axis.axis}, .keep_dims = 1};
  const cvk_value y = c->y[0], gy = c->gy[0];
  if (c->in[0]->rank == 0) return c->status; /* always 1 */
  if (c->def->kind == CVK_OP_LOG_SOFTMAX) {
    const cvk_value sum = cvk_grad_op(c, CVK_OP_REDUCE_SUM, &row, 1, &gy);
    c->gx[0] = cvk_grad_op2(c, CVK_OP_SUB, gy, cvk_grad_op2(c, CVK_OP_MUL, cvk_grad_op1(c, CVK_OP_EXP, y), sum));
  } else {
    const cvk_value product = cvk_grad_op2(c, CVK_OP_MUL, gy, y), sum = cvk_grad_op(c, CVK_OP_REDUCE_SUM, &row, 1, &product);
    c->gx[0] = cvk_grad_op2(c, CVK_OP_MUL, y, cvk_grad_op2(c, CVK_OP_SUB, gy, sum));
  }
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* relu_grad.c: RELU_GRAD: y of a RELU and gy -> y > 0 ? gy : 0. Where y is NaN or 0 nothing passes. */
#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

cvk_status cvk_infer_relu_grad(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64};
  const cvk_tensor_desc *y = call->in[0], *gy = call->in[1];
  char a[CVK_DIMS_TEXT], b[CVK_DIMS_TEXT];
  cvk_status s = cvk_require_dtype(call, 0, 2, floats);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 1, &y->dtype);
  if (s != CVK_OK) return s;
  if (!cvk_same_shape(gy, y))
    return cvk_fail(CVK_INVALID_SHAPE, "relu_grad: y has shape %s, gy %s", cvk_dims_text(y->rank, y->dim, a), cvk_dims_text(gy->rank, gy->dim, b));
  return cvk_desc_set(&call->out[0], "relu_grad: output", y->dtype, y->rank, y->dim);
}

cvk_status cvk_ref_relu_grad(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->in[0];
  const int64_t count = cvk_count(y->rank, y->dim);
  double v[CVK_RUN], g[CVK_RUN];
  for (int64_t done = 0; done < count; done += CVK_RUN) {
    const int64_t n = count - done < CVK_RUN ? count - done : CVK_RUN;
    cvk_load_reals(y->dtype, in[0], done, 1, n, v);
    cvk_load_reals(y->dtype, in[1], done, 1, n, g);
    for (int64_t i = 0; i < n; i++) g[i] = v[i] > 0 ? g[i] : 0;
    cvk_store_reals(y->dtype, out[0], done, 1, n, g);
  }
  return CVK_OK;
}

/* In gy alone: y only says where. */
cvk_status cvk_grad_relu_grad(cvk_gradient *c) {
  if (c->wanted[1]) c->gx[1] = cvk_grad_op2(c, CVK_OP_RELU_GRAD, c->x[0], c->gy[0]);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* expand.c: EXPAND, broadcasts x and a shape to each other (ONNX Expand): an extent 1 of the shape keeps x's. The resolved attribute holds
 * the result's shape. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_expand(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_shape_attr *attr = &call->attr->shape;
  cvk_status s = cvk_read_shape(call, 1);
  if (s != CVK_OK) return s;
  for (int32_t a = 0; a < attr->rank; a++)
    if (attr->dim[a] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "expand: extent %lld on axis %d of the shape, allowed >= 0", (long long)attr->dim[a], a);
  s = cvk_broadcast("expand", x->rank, x->dim, attr->rank, attr->dim, &attr->rank, attr->dim);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "expand: output", x->dtype, attr->rank, attr->dim) : s;
}

cvk_status cvk_ref_expand(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  int64_t from[CVK_MAX_RANK], to[CVK_MAX_RANK];
  if (out[0] == NULL) return CVK_OK;
  cvk_broadcast_strides(x->rank, x->dim, y->rank, from);
  cvk_dense_strides(y->rank, y->dim, to);
  cvk_copy_strided(cvk_dtype_bytes(x->dtype), y->rank, y->dim, out[0], to, 0, in[0], from, 0);
  return CVK_OK;
}

cvk_status cvk_grad_expand_op(cvk_gradient *c) {
  c->gx[0] = cvk_grad_sum_to(c, c->gy[0], &c->out[0], c->in[0]);
  return c->status;
}

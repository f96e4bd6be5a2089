/* SPDX-License-Identifier: Apache-2.0 */
/* transpose.c: TRANSPOSE, axis i of the result is axis perm[i] of x (ONNX Transpose); without a permutation the axes are reversed. */
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_transpose(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_axes_attr *attr = &call->attr->axes;
  int32_t seen[CVK_MAX_RANK] = {0};
  int64_t dim[CVK_MAX_RANK];
  if (attr->n_axes == 0)
    for (int32_t a = 0; a < x->rank; a++) attr->axis[a] = x->rank - 1 - a;
  else if (attr->n_axes != x->rank)
    return cvk_fail(CVK_INVALID_ARGUMENT, "transpose: the permutation has %d entries, x has rank %d", attr->n_axes, x->rank);
  attr->n_axes = x->rank;
  for (int32_t a = 0; a < x->rank; a++) {
    const cvk_status s = cvk_axis_resolve("transpose", "an entry of the permutation", attr->axis[a], x->rank, &attr->axis[a]);
    if (s != CVK_OK) return s;
    if (seen[attr->axis[a]]++) return cvk_fail(CVK_INVALID_ARGUMENT, "transpose: the permutation names axis %d twice", attr->axis[a]);
    dim[a] = x->dim[attr->axis[a]];
  }
  return cvk_desc_set(&call->out[0], "transpose: output", x->dtype, x->rank, dim);
}

cvk_status cvk_ref_transpose(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const cvk_axes_attr *attr = op->attr;
  int64_t from[CVK_MAX_RANK], permuted[CVK_MAX_RANK], to[CVK_MAX_RANK];
  if (out[0] == NULL) return CVK_OK;
  cvk_dense_strides(x->rank, x->dim, from);
  cvk_dense_strides(y->rank, y->dim, to);
  for (int32_t a = 0; a < y->rank; a++) permuted[a] = from[attr->axis[a]];
  cvk_copy_strided(cvk_dtype_bytes(x->dtype), y->rank, y->dim, out[0], to, 0, in[0], permuted, 0);
  return CVK_OK;
}

cvk_status cvk_grad_transpose_op(cvk_gradient *c) {
  int32_t back[CVK_MAX_RANK] = {0};
  for (int32_t i = 0; i < c->in[0]->rank; i++) back[c->attr->axes.axis[i]] = i;
  c->gx[0] = cvk_grad_transpose(c, c->gy[0], c->in[0]->rank, back);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* concat.c: CONCAT, joins 1 to 64 tensors of one type along an axis (ONNX Concat); the other extents are equal. Empty inputs count. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

static cvk_status check_alike(const cvk_tensor_desc *first, const cvk_tensor_desc *x, int32_t i, int32_t axis) {
  if (x->dtype != first->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "concat: input 0 is %s, input %d is %s; all must be of one type", cvk_dtype_name(first->dtype), i,
                    cvk_dtype_name(x->dtype));
  int32_t alike = x->rank == first->rank;
  for (int32_t a = 0; alike && a < x->rank; a++) alike = a == axis || x->dim[a] == first->dim[a];
  if (alike) return CVK_OK;
  char t0[CVK_DIMS_TEXT], ti[CVK_DIMS_TEXT];
  return cvk_fail(CVK_INVALID_SHAPE, "concat: input 0 has shape %s, input %d has %s; they may differ on axis %d only",
                  cvk_dims_text(first->rank, first->dim, t0), i, cvk_dims_text(x->rank, x->dim, ti), axis);
}

cvk_status cvk_infer_concat(cvk_op_call *call) {
  const cvk_tensor_desc *first = call->in[0];
  int32_t *axis = &call->attr->axis.axis;
  int64_t dim[CVK_MAX_RANK];
  if (first->rank == 0) return cvk_fail(CVK_INVALID_SHAPE, "concat: input 0 has rank 0, allowed 1 to %d", CVK_MAX_RANK);
  cvk_status s = cvk_axis_resolve("concat", "axis", *axis, first->rank, axis);
  if (s != CVK_OK) return s;
  memcpy(dim, first->dim, sizeof dim);
  for (int32_t i = 1; i < call->n_in; i++) {
    s = check_alike(first, call->in[i], i, *axis);
    if (s != CVK_OK) return s;
    if (dim[*axis] > INT64_MAX - call->in[i]->dim[*axis])
      return cvk_fail(CVK_SIZE_OVERFLOW, "concat: the extents on axis %d add up to more than 2^63-1", *axis);
    dim[*axis] += call->in[i]->dim[*axis];
  }
  return cvk_desc_set(&call->out[0], "concat: output", first->dtype, first->rank, dim);
}

cvk_status cvk_ref_concat(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  int64_t to[CVK_MAX_RANK], from[CVK_MAX_RANK], at = 0;
  cvk_dense_strides(y->rank, y->dim, to);
  for (int32_t i = 0; out[0] != NULL && i < op->n_in; i++) {
    const cvk_tensor_desc *x = op->in[i];
    cvk_dense_strides(x->rank, x->dim, from);
    cvk_copy_strided(cvk_dtype_bytes(y->dtype), x->rank, x->dim, out[0], to, at, in[i], from, 0);
    at += x->dim[axis] * to[axis];
  }
  return CVK_OK;
}

cvk_status cvk_grad_concat(cvk_gradient *c) {
  cvk_split_attr a = {.struct_size = sizeof a, .axis = c->attr->axis.axis, .n_split = c->n_in};
  for (int32_t i = 0; i < c->n_in; i++) a.size[i] = c->in[i]->dim[a.axis];
  cvk_grad_op_all(c, CVK_OP_SPLIT, &a, 1, c->gy, c->n_in, c->gx);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* split.c: SPLIT, cuts x along an axis into the sizes given, or into equal parts of which the last may be smaller (ONNX Split). The
 * resolved attribute holds every size. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

/* Sizes from input 1, else the attribute, else equal parts. */
static cvk_status resolve_sizes(cvk_op_call *call, int64_t extent) {
  cvk_split_attr *attr = &call->attr->split;
  int64_t total = 0;
  int32_t n;
  const cvk_status s = cvk_read_ints(call, 1, CVK_MAX_SPLIT, attr->size, &n);
  if (s != CVK_OK) return s;
  if (n >= 0) attr->n_split = n;
  if (n < 0 && attr->n_split == 0) {
    const int64_t part = extent / call->n_out + (extent % call->n_out != 0);
    for (int32_t i = 0; i < call->n_out; i++) attr->size[i] = i + 1 < call->n_out ? part : extent - part * (call->n_out - 1);
    if (attr->size[call->n_out - 1] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "split: axis %d of extent %lld cannot be cut into %d parts of %lld", attr->axis,
                      (long long)extent, call->n_out, (long long)part);
    attr->n_split = call->n_out;
  }
  if (attr->n_split != call->n_out) return cvk_fail(CVK_INVALID_ARGUMENT, "split: %d sizes for %d outputs", attr->n_split, call->n_out);
  for (int32_t i = 0; i < attr->n_split; i++) {
    if (attr->size[i] < 0 || attr->size[i] > extent)
      return cvk_fail(CVK_INVALID_ARGUMENT, "split: size %d is %lld, allowed 0 to %lld, the extent of axis %d", i, (long long)attr->size[i],
                      (long long)extent, attr->axis);
    if (total <= extent) total += attr->size[i]; /* each is at most the extent, but all of them might overflow */
  }
  if (total != extent)
    return cvk_fail(CVK_INVALID_ARGUMENT, "split: the sizes add up to %lld, axis %d has extent %lld", (long long)total, attr->axis,
                    (long long)extent);
  return CVK_OK;
}

cvk_status cvk_infer_split(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_split_attr *attr = &call->attr->split;
  int64_t dim[CVK_MAX_RANK];
  if (x->rank == 0) return cvk_fail(CVK_INVALID_SHAPE, "split: x has rank 0, allowed 1 to %d", CVK_MAX_RANK);
  cvk_status s = cvk_axis_resolve("split", "axis", attr->axis, x->rank, &attr->axis);
  if (s == CVK_OK) s = resolve_sizes(call, x->dim[attr->axis]);
  memcpy(dim, x->dim, sizeof dim);
  for (int32_t i = 0; s == CVK_OK && i < call->n_out; i++) {
    dim[attr->axis] = attr->size[i];
    s = cvk_desc_set(&call->out[i], "split: output", x->dtype, x->rank, dim);
  }
  return s;
}

cvk_status cvk_ref_split(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_split_attr *attr = op->attr;
  int64_t from[CVK_MAX_RANK], to[CVK_MAX_RANK], dim[CVK_MAX_RANK], at = 0;
  cvk_dense_strides(x->rank, x->dim, from);
  memcpy(dim, x->dim, sizeof dim);
  for (int32_t i = 0; i < op->n_out; i++) {
    dim[attr->axis] = attr->size[i];
    cvk_dense_strides(x->rank, dim, to);
    if (out[i] != NULL) cvk_copy_strided(cvk_dtype_bytes(x->dtype), x->rank, dim, out[i], to, 0, in[0], from, at);
    at += attr->size[i] * from[attr->axis];
  }
  return CVK_OK;
}

/* The parts joined again; those that nothing reads are zero. */
cvk_status cvk_grad_split(cvk_gradient *c) {
  const cvk_axis_attr a = {.struct_size = sizeof a, .axis = c->attr->split.axis};
  cvk_value part[CVK_MAX_OUTPUTS];
  for (int32_t i = 0; i < c->n_out; i++) part[i] = c->gy[i] == CVK_NO_VALUE ? cvk_grad_zeros(c, &c->out[i]) : c->gy[i];
  c->gx[0] = cvk_grad_op(c, CVK_OP_CONCAT, &a, c->n_out, part);
  return c->status;
}

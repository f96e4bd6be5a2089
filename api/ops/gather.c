/* SPDX-License-Identifier: Apache-2.0 */
/* gather.c: GATHER, entries of one axis of x by index (ONNX Gather): y [before, indices' shape, after]. Indices are int32 or int64,
 * negative ones count from the end; one outside the axis is INVALID_ARGUMENT when the op runs. */
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_gather(cvk_op_call *call) {
  static const int32_t index_types[] = {CVK_I64, CVK_I32};
  const cvk_tensor_desc *x = call->in[0], *indices = call->in[1];
  int32_t *axis = &call->attr->axis.axis, rank = 0;
  int64_t dim[2 * CVK_MAX_RANK];
  if (x->rank == 0) return cvk_fail(CVK_INVALID_SHAPE, "gather: x has rank 0, allowed 1 to %d", CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 1, 2, index_types);
  if (s == CVK_OK) s = cvk_axis_resolve("gather", "axis", *axis, x->rank, axis);
  if (s != CVK_OK) return s;
  for (int32_t a = 0; a < *axis; a++) dim[rank++] = x->dim[a];
  for (int32_t a = 0; a < indices->rank; a++) dim[rank++] = indices->dim[a];
  for (int32_t a = *axis + 1; a < x->rank; a++) dim[rank++] = x->dim[a];
  return cvk_desc_set(&call->out[0], "gather: output", x->dtype, rank, dim);
}

cvk_status cvk_ref_gather(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *indices = op->in[1], *y = op->out[0];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  const int64_t before = cvk_count(axis, x->dim), after = cvk_count(x->rank - axis - 1, x->dim + axis + 1), extent = x->dim[axis];
  const int64_t picks = cvk_count(indices->rank, indices->dim);
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  const int32_t empty = out[0] == NULL || cvk_count(y->rank, y->dim) == 0;
  for (int64_t p = 0; p < picks; p++) { /* indices are checked even where nothing is copied */
    int64_t index;
    cvk_load_ints(indices->dtype, in[1], p, 1, 1, &index);
    if (index < -extent || index >= extent)
      return cvk_fail(CVK_INVALID_ARGUMENT, "gather: index %lld (entry %lld of the indices) is outside axis %d, allowed %lld to %lld",
                      (long long)index, (long long)p, axis, (long long)-extent, (long long)(extent - 1));
    if (index < 0) index += extent;
    for (int64_t b = 0; !empty && b < before; b++)
      cvk_copy_run(bytes, after, out[0], (b * picks + p) * after, 1, in[0], (b * extent + index) * after, 1);
  }
  return CVK_OK;
}

/* Every entry of y is added to the one that it was. */
cvk_status cvk_grad_gather(cvk_gradient *c) {
  const int64_t picks = cvk_count(c->in[1]->rank, c->in[1]->dim);
  c->gx[0] = cvk_grad_scatter_axis(c, c->gy[0], c->in[0], c->attr->axis.axis, c->x[1], picks);
  return c->status;
}

cvk_status cvk_grad_gather_elements(cvk_gradient *c) {
  const cvk_scatter_attr add = {.struct_size = sizeof add, .axis = c->attr->axis.axis, .reduction = CVK_SCATTER_ADD};
  const cvk_value in[3] = {cvk_grad_zeros(c, c->in[0]), c->x[1], c->gy[0]};
  c->gx[0] = cvk_grad_op(c, CVK_OP_SCATTER_ELEMENTS, &add, 3, in);
  return c->status;
}

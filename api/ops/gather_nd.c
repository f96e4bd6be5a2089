/* SPDX-License-Identifier: Apache-2.0 */
/* gather_nd.c: GATHER_ELEMENTS and GATHER_ND, elements or slices by an index each (ONNX GatherElements, GatherND). Indices are int32 or
 * int64, negative ones count from the end; one outside its axis is INVALID_ARGUMENT when the op runs. */
#include "indices.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_gather_elements(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0], *indices = call->in[1];
  int32_t *axis = &call->attr->axis.axis;
  cvk_status s = cvk_check_index_type(call, 1);
  if (s == CVK_OK) s = cvk_axis_resolve("gather_elements", "axis", *axis, x->rank, axis);
  if (s == CVK_OK) s = cvk_check_index_shape(call, *axis);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "gather_elements: output", x->dtype, indices->rank, indices->dim) : s;
}

cvk_status cvk_ref_gather_elements(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *indices = op->in[1];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  int64_t stride[CVK_MAX_RANK], index;
  cvk_walk w;
  cvk_dense_strides(x->rank, x->dim, stride);
  const int64_t extent = x->dim[axis], along = stride[axis];
  stride[axis] = 0;
  cvk_walk_begin(&w, x->rank, indices->dim);
  cvk_walk_add_broadcast(&w, indices->rank, indices->dim);
  cvk_walk_add(&w, stride, 0);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    for (int64_t i = 0; i < w.run; i++) {
      const int64_t at = w.offset[0] + i * w.step[0];
      const cvk_status s = cvk_read_index("gather_elements", indices->dtype, in[1], at, axis, extent, &index);
      if (s != CVK_OK) return s;
      if (out[0] != NULL) cvk_copy_run(bytes, 1, out[0], at, 1, in[0], w.offset[1] + i * w.step[1] + index * along, 1);
    }
  return CVK_OK;
}

cvk_status cvk_infer_gather_nd(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0], *indices = call->in[1];
  const int32_t batch = call->attr->gather_nd.batch_dims;
  int32_t rank = 0;
  int64_t dim[2 * CVK_MAX_RANK];
  cvk_status s = cvk_check_index_type(call, 1);
  if (s != CVK_OK) return s;
  if (batch < 0 || batch >= x->rank || batch >= indices->rank)
    return cvk_fail(CVK_INVALID_ARGUMENT, "gather_nd: batch_dims is %d, must be >= 0 and below the ranks of x (%d) and the indices (%d)",
                    batch, x->rank, indices->rank);
  for (int32_t a = 0; a < batch; a++)
    if (x->dim[a] != indices->dim[a])
      return cvk_fail(CVK_INVALID_SHAPE, "gather_nd: axis %d of the %d batch axes has extent %lld in x and %lld in the indices", a, batch,
                      (long long)x->dim[a], (long long)indices->dim[a]);
  const int64_t k = indices->dim[indices->rank - 1];
  if (k < 1 || k > x->rank - batch)
    return cvk_fail(CVK_INVALID_SHAPE, "gather_nd: index tuples have %lld entries, allowed 1 to %d", (long long)k, x->rank - batch);
  for (int32_t a = 0; a < indices->rank - 1; a++) dim[rank++] = indices->dim[a];
  for (int32_t a = batch + (int32_t)k; a < x->rank; a++) dim[rank++] = x->dim[a];
  return cvk_desc_set(&call->out[0], "gather_nd: output", x->dtype, rank, dim);
}

cvk_status cvk_ref_gather_nd(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *indices = op->in[1];
  const int32_t batch = ((const cvk_gather_nd_attr *)op->attr)->batch_dims, k = (int32_t)indices->dim[indices->rank - 1];
  const int64_t each = cvk_count(x->rank - batch, x->dim + batch), slice = cvk_count(x->rank - batch - k, x->dim + batch + k);
  const int64_t tuples = cvk_count(indices->rank - 1, indices->dim), of_batch = cvk_count(indices->rank - 1 - batch, indices->dim + batch);
  for (int64_t t = 0; t < tuples; t++) {
    int64_t at;
    const cvk_status s = cvk_read_tuple("gather_nd", indices->dtype, in[1], t, k, x->dim + batch, batch, &at);
    if (s != CVK_OK) return s;
    if (out[0] != NULL && slice > 0)
      cvk_copy_run(cvk_dtype_bytes(x->dtype), slice, out[0], t * slice, 1, in[0], t / of_batch * each + at * slice, 1);
  }
  return CVK_OK;
}

cvk_status cvk_grad_gather_nd(cvk_gradient *c) {
  const cvk_scatter_attr add = {.struct_size = sizeof add, .reduction = CVK_SCATTER_ADD};
  if (c->attr->gather_nd.batch_dims > 0)
    return cvk_fail(CVK_UNSUPPORTED, "gather_nd has a gradient with batch_dims 0 alone, it is %d", c->attr->gather_nd.batch_dims);
  const cvk_value in[3] = {cvk_grad_zeros(c, c->in[0]), c->x[1], c->gy[0]};
  c->gx[0] = cvk_grad_op(c, CVK_OP_SCATTER_ND, &add, 3, in);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tile.c: TILE, repeats x along each axis (ONNX Tile). The resolved attribute's dim[] are the repeats, one an axis of x. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_tile(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_shape_attr *attr = &call->attr->shape;
  int64_t dim[CVK_MAX_RANK];
  const cvk_status s = cvk_read_shape(call, 1);
  if (s != CVK_OK) return s;
  if (attr->rank != x->rank) return cvk_fail(CVK_INVALID_ARGUMENT, "tile: %d repeats for x of rank %d", attr->rank, x->rank);
  for (int32_t a = 0; a < x->rank; a++) {
    if (attr->dim[a] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "tile: axis %d is repeated %lld times, allowed >= 0", a, (long long)attr->dim[a]);
    if (x->dim[a] > 0 && attr->dim[a] > INT64_MAX / x->dim[a])
      return cvk_fail(CVK_SIZE_OVERFLOW, "tile: extent %lld on axis %d repeated %lld times is more than 2^63-1", (long long)x->dim[a], a,
                      (long long)attr->dim[a]);
    dim[a] = x->dim[a] * attr->dim[a];
  }
  return cvk_desc_set(&call->out[0], "tile: output", x->dtype, x->rank, dim);
}

cvk_status cvk_ref_tile(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const cvk_shape_attr *attr = op->attr;
  int64_t x_stride[CVK_MAX_RANK], y_stride[CVK_MAX_RANK], dim[CVK_WALK_AXES], from[CVK_WALK_AXES], to[CVK_WALK_AXES];
  if (out[0] == NULL || cvk_count(y->rank, y->dim) == 0) return CVK_OK;
  cvk_dense_strides(x->rank, x->dim, x_stride);
  cvk_dense_strides(y->rank, y->dim, y_stride);
  for (int32_t a = 0; a < x->rank; a++) { /* each axis becomes two: the repeat, which x stands still on, and the axis itself */
    dim[2 * a] = attr->dim[a];
    from[2 * a] = 0;
    to[2 * a] = y_stride[a] * x->dim[a];
    dim[2 * a + 1] = x->dim[a];
    from[2 * a + 1] = x_stride[a];
    to[2 * a + 1] = y_stride[a];
  }
  cvk_copy_strided(cvk_dtype_bytes(x->dtype), 2 * x->rank, dim, out[0], to, 0, in[0], from, 0);
  return CVK_OK;
}

/* The repeats added up, axis by axis. */
cvk_status cvk_grad_tile(cvk_gradient *c) {
  const cvk_axes_attr repeats = {.struct_size = sizeof repeats, .n_axes = 1, .axis = {1}};
  cvk_tensor_desc d = c->out[0];
  cvk_value v = c->gy[0];
  for (int32_t i = 0; i < d.rank; i++) {
    if (c->attr->shape.dim[i] == 1) continue;
    const cvk_tensor_desc split = {.struct_size = sizeof split, .dtype = d.dtype, .rank = 3, .dim = {
        cvk_count(i, d.dim), c->attr->shape.dim[i], c->in[0]->dim[i] * cvk_count(d.rank - i - 1, d.dim + i + 1)}};
    v = cvk_grad_reshape(c, v, &split);
    v = cvk_grad_op(c, CVK_OP_REDUCE_SUM, &repeats, 1, &v);
    d.dim[i] = c->in[0]->dim[i];
    v = cvk_grad_reshape(c, v, &d);
  }
  c->gx[0] = v;
  return c->status;
}

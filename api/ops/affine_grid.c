/* SPDX-License-Identifier: Apache-2.0 */
/* affine_grid.c: AFFINE_GRID (ONNX AffineGrid): theta [N,2,3] or [N,3,4] times (x, y, 1) or (x, y, z, 1) for every cell of an image of the
 * size that input 1 says: [N,C,H,W] or [N,C,D,H,W], -1 to 1 from border to border; y [N,H,W,2] or [N,D,H,W,3]. An axis of one cell with
 * align_corners lies at -1. */
#include "element.h"
#include "ops_internal.h"

cvk_status cvk_infer_affine_grid(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *theta = call->in[0];
  const cvk_grid_attr *a = &call->attr->grid;
  int64_t size[CVK_MAX_RANK], dim[CVK_MAX_RANK];
  char text[CVK_DIMS_TEXT];
  int32_t n;
  cvk_status s = cvk_require_dtype(call, 0, 4, types);
  if (s == CVK_OK) s = cvk_read_ints(call, 1, CVK_MAX_RANK, size, &n);
  if (s != CVK_OK) return s;
  if (a->align_corners < 0 || a->align_corners > 1)
    return cvk_fail(CVK_INVALID_ARGUMENT, "affine_grid: align_corners is %d, allowed 0 and 1", a->align_corners);
  if (n != 4 && n != 5) return cvk_fail(CVK_INVALID_ARGUMENT, "affine_grid: the size has %d extents, allowed 4 and 5", n);
  const int32_t axes = n - 2;
  if (theta->rank != 3 || theta->dim[0] != size[0] || theta->dim[1] != axes || theta->dim[2] != axes + 1)
    return cvk_fail(CVK_INVALID_SHAPE, "affine_grid: theta has shape %s, wanted [%lld, %d, %d]",
                    cvk_dims_text(theta->rank, theta->dim, text), (long long)size[0], axes, axes + 1);
  dim[0] = size[0];
  for (int32_t i = 0; i < axes; i++) {
    if (size[i + 2] < 0) return cvk_fail(CVK_INVALID_SHAPE, "affine_grid: extent %d is %lld, allowed >= 0", i + 2, (long long)size[i + 2]);
    dim[i + 1] = size[i + 2];
  }
  dim[axes + 1] = axes;
  return cvk_desc_set(&call->out[0], "affine_grid: output", theta->dtype, axes + 2, dim);
}

static double place_of(const cvk_grid_attr *a, int64_t cell, int64_t n) {
  if (a->align_corners) return n > 1 ? -1 + 2 * (double)cell / (double)(n - 1) : -1;
  return -1 + (2 * (double)cell + 1) / (double)n;
}

cvk_status cvk_ref_affine_grid(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_grid_attr *a = op->attr;
  const cvk_tensor_desc *theta = op->in[0], *y = op->out[0];
  const int32_t axes = y->rank - 2;
  const int64_t cells = cvk_count(axes, y->dim + 1);
  if (out[0] == NULL) return CVK_OK;
  for (int64_t n = 0; n < y->dim[0]; n++)
    for (int64_t cell = 0; cell < cells; cell++) {
      double at[4] = {1, 1, 1, 1}; /* the last axis first */
      int64_t rest = cell;
      for (int32_t i = 0; i < axes; i++) {
        const int64_t extent = y->dim[axes - i];
        at[i] = place_of(a, rest % extent, extent);
        rest /= extent;
      }
      for (int32_t k = 0; k < axes; k++) {
        double row[4], sum = 0;
        cvk_load_reals(theta->dtype, in[0], (n * axes + k) * (axes + 1), 1, axes + 1, row);
        for (int32_t i = 0; i <= axes; i++) sum += row[i] * at[i];
        cvk_store_real(y->dtype, out[0], (n * cells + cell) * axes + k, sum);
      }
    }
  return CVK_OK;
}

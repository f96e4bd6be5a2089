/* SPDX-License-Identifier: Apache-2.0 */
/* compress.c: COMPRESS, the entries of one axis of x where the condition is true (ONNX Compress). The condition, bool [n], is read when the
 * op is prepared, since it says the extent; it may be shorter than the axis, which counts as false, but true nowhere past it. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"

cvk_status cvk_infer_compress(cvk_op_call *call) {
  static const int32_t types[] = {CVK_BOOL};
  const cvk_tensor_desc *x = call->in[0], *condition = call->in[1];
  int32_t *axis = &call->attr->axis.axis;
  int64_t dim[CVK_MAX_RANK], taken = 0;
  if (x->rank == 0) return cvk_fail(CVK_INVALID_SHAPE, "compress: x has rank 0, allowed 1 to %d", CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 1, 1, types);
  if (s == CVK_OK) s = cvk_axis_resolve("compress", "axis", *axis, x->rank, axis);
  if (s != CVK_OK) return s;
  if (condition->rank != 1) return cvk_fail(CVK_INVALID_SHAPE, "compress: the condition has rank %d, must be 1", condition->rank);
  if (condition->const_data == NULL && condition->dim[0] > 0)
    return cvk_fail(CVK_UNSUPPORTED, "compress: the value of the condition (input 1) must be known when the op is prepared");
  for (int64_t i = 0; i < condition->dim[0]; i++) {
    if (!((const uint8_t *)condition->const_data)[i]) continue;
    if (i >= x->dim[*axis])
      return cvk_fail(CVK_INVALID_ARGUMENT, "compress: the condition is true at %lld, axis %d has extent %lld", (long long)i, *axis,
                      (long long)x->dim[*axis]);
    taken++;
  }
  memcpy(dim, x->dim, sizeof dim);
  dim[*axis] = taken;
  return cvk_desc_set(&call->out[0], "compress: output", x->dtype, x->rank, dim);
}

cvk_status cvk_ref_compress(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *condition = op->in[1];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  const uint8_t *is_taken = in[1] != NULL ? in[1] : condition->const_data;
  const int64_t before = cvk_count(axis, x->dim), after = cvk_count(x->rank - axis - 1, x->dim + axis + 1), extent = x->dim[axis];
  if (out[0] == NULL) return CVK_OK;
  const int64_t taken = op->out[0]->dim[axis];
  for (int64_t i = 0, to = 0; i < condition->dim[0] && to < taken; i++) {
    if (!is_taken[i]) continue;
    for (int64_t b = 0; b < before; b++)
      cvk_copy_run(cvk_dtype_bytes(x->dtype), after, out[0], (b * taken + to) * after, 1, in[0], (b * extent + i) * after, 1);
    to++;
  }
  return CVK_OK;
}

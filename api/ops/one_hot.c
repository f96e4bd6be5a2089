/* SPDX-License-Identifier: Apache-2.0 */
/* one_hot.c: ONE_HOT, a new axis on which the index's place holds the `on` value and all others `off` (ONNX OneHot). Inputs: indices of any
 * number type (reals are truncated), depth (one value, read when the op is prepared), [off, on]. An index outside -depth .. depth-1 is
 * nowhere on. */
#include "element.h"
#include "ops_internal.h"
#include "strided.h"

void cvk_defaults_one_hot(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->axis.axis = -1;
}

cvk_status cvk_infer_one_hot(cvk_op_call *call) {
  static const int32_t numbers[] = {CVK_I64, CVK_I32, CVK_F32, CVK_F64, CVK_F16, CVK_BF16,
                                    CVK_I8,  CVK_I16, CVK_U8,  CVK_U16, CVK_U32, CVK_U64};
  const int32_t n_numbers = (int32_t)(sizeof numbers / sizeof *numbers);
  const cvk_tensor_desc *indices = call->in[0], *depth = call->in[1], *values = call->in[2];
  int32_t *axis = &call->attr->axis.axis, rank = 0;
  int64_t dim[CVK_MAX_RANK + 1], extent;
  char text[CVK_DIMS_TEXT];
  cvk_status s = cvk_require_dtype(call, 0, n_numbers, numbers);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, n_numbers, numbers);
  if (s == CVK_OK) s = cvk_axis_resolve("one_hot", "axis", *axis, indices->rank + 1, axis);
  if (s != CVK_OK) return s;
  if (cvk_count(depth->rank, depth->dim) != 1)
    return cvk_fail(CVK_INVALID_SHAPE, "one_hot: depth has shape %s, must be one value", cvk_dims_text(depth->rank, depth->dim, text));
  if (values->rank != 1 || values->dim[0] != 2)
    return cvk_fail(CVK_INVALID_SHAPE, "one_hot: the values have shape %s, must be [2]", cvk_dims_text(values->rank, values->dim, text));
  if (depth->const_data == NULL)
    return cvk_fail(CVK_UNSUPPORTED, "one_hot: the value of depth (input 1) must be known when the op is prepared");
  cvk_load_ints(depth->dtype, depth->const_data, 0, 1, 1, &extent);
  if (extent < 0) return cvk_fail(CVK_INVALID_ARGUMENT, "one_hot: depth is %lld, allowed 0 to 2^63-1", (long long)extent);
  for (int32_t a = 0; a <= indices->rank; a++) {
    if (a == *axis) dim[rank++] = extent;
    if (a < indices->rank) dim[rank++] = indices->dim[a];
  }
  return cvk_desc_set(&call->out[0], "one_hot: output", values->dtype, rank, dim);
}

cvk_status cvk_ref_one_hot(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *indices = op->in[0], *y = op->out[0];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis, is_unsigned = cvk_dtype_class(indices->dtype) == CVK_CLASS_UNSIGNED;
  const uint64_t bytes = cvk_dtype_bytes(op->in[2]->dtype);
  if (out[0] == NULL) return CVK_OK;
  const int64_t depth = y->dim[axis], before = cvk_count(axis, y->dim), after = cvk_count(y->rank - axis - 1, y->dim + axis + 1);
  cvk_copy_run(bytes, cvk_count(y->rank, y->dim), out[0], 0, 1, in[2], 0, 0);
  for (int64_t i = 0; i < before; i++)
    for (int64_t k = 0; k < after; k++) {
      int64_t index;
      cvk_load_ints(indices->dtype, in[0], i * after + k, 1, 1, &index);
      if (index < 0 && !is_unsigned && index >= -depth) index += depth;
      if (index >= 0 && index < depth) cvk_copy_run(bytes, 1, out[0], (i * depth + index) * after + k, 1, in[2], 1, 1);
    }
  return CVK_OK;
}

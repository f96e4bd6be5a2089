/* SPDX-License-Identifier: Apache-2.0 */
/* indices.c: see indices.h. */
#include "indices.h"

#include "element.h"

cvk_status cvk_check_index_type(const cvk_op_call *call, int32_t i) {
  static const int32_t types[] = {CVK_I64, CVK_I32};
  return cvk_require_dtype(call, i, 2, types);
}

cvk_status cvk_check_index_shape(const cvk_op_call *call, int32_t axis) {
  const cvk_tensor_desc *x = call->in[0], *indices = call->in[1];
  if (x->rank == 0 || indices->rank != x->rank)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: x has rank %d and the indices %d, must be equal and at least 1", call->def->name, x->rank,
                    indices->rank);
  for (int32_t a = 0; a < x->rank; a++)
    if (a != axis && indices->dim[a] > x->dim[a])
      return cvk_fail(CVK_INVALID_SHAPE, "%s: the indices have extent %lld on axis %d, x has %lld", call->def->name,
                      (long long)indices->dim[a], a, (long long)x->dim[a]);
  return CVK_OK;
}

cvk_status cvk_read_index(const char *op, int32_t dtype, const void *indices, int64_t i, int32_t axis, int64_t extent, int64_t *out) {
  int64_t index;
  cvk_load_ints(dtype, indices, i, 1, 1, &index);
  if (index < -extent || index >= extent)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: index %lld (entry %lld of the indices) is outside axis %d, allowed %lld to %lld", op,
                    (long long)index, (long long)i, axis, (long long)-extent, (long long)(extent - 1));
  *out = index < 0 ? index + extent : index;
  return CVK_OK;
}

cvk_status cvk_read_tuple(const char *op, int32_t dtype, const void *indices, int64_t t, int32_t k, const int64_t *dim, int32_t first_axis,
                          int64_t *out) {
  *out = 0;
  for (int32_t a = 0; a < k; a++) {
    int64_t index = 0;
    const cvk_status s = cvk_read_index(op, dtype, indices, t * k + a, first_axis + a, dim[a], &index);
    if (s != CVK_OK) return s;
    *out = (int64_t)((uint64_t)*out * (uint64_t)dim[a] + (uint64_t)index); /* wraps only where the slices are empty */
  }
  return CVK_OK;
}

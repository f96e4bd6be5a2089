/* SPDX-License-Identifier: Apache-2.0 */
/* common.c: the helpers of op_table.h that the shape rules share: checked output descs, broadcasting, axes, tensor-valued parameters. */
#include <string.h>

#include "ops_internal.h"

void cvk_defaults_none(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  (void)a; /* it comes zeroed */
}

int32_t cvk_same_shape(const cvk_tensor_desc *a, const cvk_tensor_desc *b) {
  int32_t same = a->rank == b->rank;
  for (int32_t i = 0; i < a->rank && same; i++) same = a->dim[i] == b->dim[i];
  return same;
}

cvk_status cvk_desc_set(cvk_tensor_desc *d, const char *what, int32_t dtype, int32_t rank, const int64_t *dim) {
  char text[CVK_DIMS_TEXT];
  const uint64_t size = cvk_dtype_bytes(dtype);
  if (size == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "%s has unknown element type %d", what, dtype);
  if (rank < 0 || rank > CVK_MAX_RANK) return cvk_fail(CVK_INVALID_SHAPE, "%s has rank %d, allowed 0 to %d", what, rank, CVK_MAX_RANK);
  for (int32_t a = 0; a < rank; a++)
    if (dim[a] < 0) return cvk_fail(CVK_INVALID_SHAPE, "%s has extent %lld on axis %d, allowed >= 0", what, (long long)dim[a], a);
  const int64_t n = cvk_count(rank, dim);
  if (n < 0 || (uint64_t)n > (uint64_t)INT64_MAX / size)
    return cvk_fail(CVK_SIZE_OVERFLOW, "%s of shape %s and type %s has more than 2^63-1 bytes", what, cvk_dims_text(rank, dim, text),
                    cvk_dtype_name(dtype));
  memset(d, 0, sizeof *d);
  d->struct_size = sizeof *d;
  d->dtype = dtype;
  d->rank = rank;
  for (int32_t a = 0; a < rank; a++) d->dim[a] = dim[a];
  return CVK_OK;
}

cvk_status cvk_broadcast(const char *op, int32_t ra, const int64_t *a, int32_t rb, const int64_t *b, int32_t *rank, int64_t *dim) {
  const int32_t r = ra > rb ? ra : rb;
  int64_t result[CVK_MAX_RANK];
  if (r > CVK_MAX_RANK) return cvk_fail(CVK_INVALID_SHAPE, "%s: rank %d, allowed 0 to %d", op, r, CVK_MAX_RANK);
  for (int32_t i = 0; i < r; i++) { /* i counts from the last axis */
    const int64_t x = i < ra ? a[ra - 1 - i] : 1, y = i < rb ? b[rb - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      char ta[CVK_DIMS_TEXT], tb[CVK_DIMS_TEXT];
      return cvk_fail(CVK_INVALID_SHAPE, "%s: shapes %s and %s do not broadcast: extents %lld and %lld on axis %d of the result", op,
                      cvk_dims_text(ra, a, ta), cvk_dims_text(rb, b, tb), (long long)x, (long long)y, r - 1 - i);
    }
    result[r - 1 - i] = x == 1 ? y : x;
  }
  memcpy(dim, result, (size_t)r * sizeof *dim); /* dim may be a or b */
  *rank = r;
  return CVK_OK;
}

cvk_status cvk_axis_resolve(const char *op, const char *what, int64_t axis, int32_t rank, int32_t *out) {
  const int64_t r = rank == 0 ? 1 : rank;
  if (axis < -r || axis >= r)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %s is %lld, allowed %lld to %lld", op, what, (long long)axis, (long long)-r,
                    (long long)(r - 1));
  *out = (int32_t)(axis < 0 ? axis + r : axis);
  return CVK_OK;
}

cvk_status cvk_read_ints(const cvk_op_call *call, int32_t i, int32_t max, int64_t *v, int32_t *n) {
  const char *op = call->def->name;
  if (i >= call->n_in || call->in[i] == NULL) {
    *n = -1;
    return CVK_OK;
  }
  const cvk_tensor_desc *d = call->in[i];
  if (d->dtype != CVK_I64 && d->dtype != CVK_I32)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d has type %s, allowed int64 or int32", op, i, cvk_dtype_name(d->dtype));
  if (d->rank > 1) return cvk_fail(CVK_INVALID_SHAPE, "%s: input %d has rank %d, allowed 0 or 1", op, i, d->rank);
  const int64_t count = cvk_count(d->rank, d->dim);
  if (count > max) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d has %lld entries, allowed at most %d", op, i, (long long)count, max);
  if (d->const_data == NULL && count > 0)
    return cvk_fail(CVK_UNSUPPORTED, "%s: the value of input %d must be known when the op is prepared", op, i);
  for (int64_t k = 0; k < count; k++) {
    if (d->dtype == CVK_I64) {
      memcpy(&v[k], (const char *)d->const_data + k * 8, 8);
    } else {
      int32_t x;
      memcpy(&x, (const char *)d->const_data + k * 4, 4);
      v[k] = x;
    }
  }
  *n = (int32_t)count;
  return CVK_OK;
}

cvk_status cvk_read_shape(const cvk_op_call *call, int32_t i) {
  cvk_shape_attr *attr = &call->attr->shape;
  int64_t given[CVK_MAX_RANK];
  int32_t n;
  const cvk_status s = cvk_read_ints(call, i, CVK_MAX_RANK, given, &n);
  if (s != CVK_OK) return s;
  if (n >= 0) attr->rank = n;
  if (attr->rank < 0 || attr->rank > CVK_MAX_RANK)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: rank %d, allowed 0 to %d", call->def->name, attr->rank, CVK_MAX_RANK);
  for (int32_t a = 0; a < n; a++) attr->dim[a] = given[a];
  return CVK_OK;
}

cvk_status cvk_require_dtype(const cvk_op_call *call, int32_t i, int32_t n, const int32_t *allowed) {
  char list[160] = "";
  const int32_t dtype = call->in[i]->dtype;
  size_t used = 0;
  for (int32_t k = 0; k < n; k++) {
    if (dtype == allowed[k]) return CVK_OK;
    const char *name = cvk_dtype_name(allowed[k]);
    const size_t length = strlen(name);
    if (used + length + 3 > sizeof list) continue;
    if (used > 0) memcpy(list + used, ", ", 2), used += 2;
    memcpy(list + used, name, length + 1);
    used += length;
  }
  return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d has type %s, allowed %s", call->def->name, i, cvk_dtype_name(dtype), list);
}

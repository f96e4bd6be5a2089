/* SPDX-License-Identifier: Apache-2.0 */
/* unique.c: UNIQUE, the different slices of x along one axis (ONNX Unique): y, where in x each comes first, for each slice of x its place
 * in y, and how often each comes. Ascending, compared element by element, or in the order they come. NaNs are equal to each other and above
 * all numbers, as in NumPy. x is read when the op is prepared, since its values say the extents. */
#include <stdlib.h>
#include <string.h>

#include "ops_internal.h"
#include "order_key.h"
#include "strided.h"

enum { Y, FIRST, INVERSE, COUNTS, OUTPUTS };

void cvk_defaults_unique(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->unique.sorted = 1;
}

typedef struct slice {
  const uint64_t *key; /* `length` of them */
  int64_t length, index;
  int64_t group; /* the index of the slice that it equals and that comes first */
} slice;

static int compare_keys(const slice *x, const slice *y) {
  for (int64_t i = 0; i < x->length; i++)
    if (x->key[i] != y->key[i]) return x->key[i] < y->key[i] ? -1 : 1;
  return 0;
}

static int by_key(const void *a, const void *b) {
  const slice *x = a, *y = b;
  const int order = compare_keys(x, y);
  return order != 0 ? order : x->index < y->index ? -1 : 1;
}

static int by_group(const void *a, const void *b) {
  const slice *x = a, *y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

/* The slices of x in the order of y, equal ones side by side in the order of x; to free() with its keys. NULL: no memory. */
static slice *sort_slices(const cvk_tensor_desc *x, const void *data, const cvk_unique_attr *attr, uint64_t **keys) {
  const int64_t n = x->dim[attr->axis], count = cvk_count(x->rank, x->dim), before = count > 0 ? cvk_count(attr->axis, x->dim) : 0;
  const int64_t length = count > 0 ? count / n : 0, after = count > 0 ? length / before : 0;
  slice *s = calloc((size_t)n + 1, sizeof *s);
  uint64_t *key = calloc((size_t)count + 1, sizeof *key);
  if (s == NULL || key == NULL) {
    free(s);
    free(key);
    return NULL;
  }
  for (int64_t i = 0; i < n; i++) {
    s[i] = (slice){.key = key + i * length, .length = length, .index = i};
    for (int64_t b = 0; b < before; b++) cvk_order_keys(x->dtype, data, (b * n + i) * after, 1, after, key + i * length + b * after);
  }
  qsort(s, (size_t)n, sizeof *s, by_key);
  for (int64_t i = 0; i < n; i++) s[i].group = i > 0 && compare_keys(&s[i - 1], &s[i]) == 0 ? s[i - 1].group : s[i].index;
  if (!attr->sorted) qsort(s, (size_t)n, sizeof *s, by_group);
  *keys = key;
  return s;
}

static cvk_status no_memory(const cvk_tensor_desc *x) {
  return cvk_fail(CVK_NO_MEMORY, "unique: no memory to sort %lld elements", (long long)cvk_count(x->rank, x->dim));
}

cvk_status cvk_infer_unique(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_unique_attr *attr = &call->attr->unique;
  int64_t dim[CVK_MAX_RANK], groups = 0;
  uint64_t *keys = NULL;
  if (x->rank == 0) return cvk_fail(CVK_INVALID_SHAPE, "unique: x has rank 0, allowed 1 to %d", CVK_MAX_RANK);
  cvk_status s = cvk_axis_resolve("unique", "axis", attr->axis, x->rank, &attr->axis);
  if (s != CVK_OK) return s;
  if (x->const_data == NULL && cvk_count(x->rank, x->dim) > 0)
    return cvk_fail(CVK_UNSUPPORTED, "unique: the value of input 0 must be known when the op is prepared");
  slice *order = sort_slices(x, x->const_data, attr, &keys);
  if (order == NULL) return no_memory(x);
  for (int64_t i = 0; i < x->dim[attr->axis]; i++) groups += order[i].group == order[i].index;
  free(order);
  free(keys);
  memcpy(dim, x->dim, sizeof dim);
  dim[attr->axis] = groups;
  s = cvk_desc_set(&call->out[Y], "unique: output", x->dtype, x->rank, dim);
  for (int32_t i = FIRST; s == CVK_OK && i < call->n_out; i++)
    s = cvk_desc_set(&call->out[i], "unique: output", CVK_I64, 1, i == INVERSE ? &x->dim[attr->axis] : &groups);
  return s;
}

cvk_status cvk_ref_unique(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_unique_attr *attr = op->attr;
  const void *data = in[0] != NULL ? in[0] : x->const_data;
  const int64_t n = x->dim[attr->axis], count = cvk_count(x->rank, x->dim), before = count > 0 ? cvk_count(attr->axis, x->dim) : 0;
  const int64_t after = count > 0 ? count / n / before : 0;
  int64_t *list[OUTPUTS] = {NULL}, groups = 0, at = -1;
  uint64_t *keys = NULL;
  for (int32_t i = FIRST; i < op->n_out; i++) list[i] = out[i];
  slice *order = sort_slices(x, data, attr, &keys);
  if (order == NULL) return no_memory(x);
  for (int64_t i = 0; i < n; i++) groups += order[i].group == order[i].index;
  for (int64_t i = 0; i < n; i++) {
    const int64_t index = order[i].index;
    if (order[i].group == index) {
      at++;
      for (int64_t b = 0; out[Y] != NULL && b < before; b++)
        cvk_copy_run(cvk_dtype_bytes(x->dtype), after, out[Y], (b * groups + at) * after, 1, data, (b * n + index) * after, 1);
      if (list[FIRST] != NULL) list[FIRST][at] = index;
      if (list[COUNTS] != NULL) list[COUNTS][at] = 0;
    }
    if (list[INVERSE] != NULL) list[INVERSE][index] = at;
    if (list[COUNTS] != NULL) list[COUNTS][at]++;
  }
  free(order);
  free(keys);
  return CVK_OK;
}

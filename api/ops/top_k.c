/* SPDX-License-Identifier: Apache-2.0 */
/* top_k.c: TOP_K, the k largest or smallest elements along one axis, in order, and their indices (ONNX TopK). Of equal ones the lower index
 * comes first; NaN is larger than every number, as NumPy sorts it. k is read when the op is prepared, since it is the extent. */
#include <stdlib.h>
#include <string.h>

#include "ops_internal.h"
#include "order_key.h"
#include "strided.h"
#include "train/gradient.h"

void cvk_defaults_top_k(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->top_k.axis = -1;
  a->top_k.largest = a->top_k.sorted = 1;
}

cvk_status cvk_infer_top_k(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16,
                                  CVK_I32, CVK_I64, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  const cvk_tensor_desc *x = call->in[0];
  cvk_top_k_attr *attr = &call->attr->top_k;
  int64_t dim[CVK_MAX_RANK];
  int32_t n;
  if (x->rank == 0) return cvk_fail(CVK_INVALID_SHAPE, "top_k: x has rank 0, allowed 1 to %d", CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  if (s == CVK_OK) s = cvk_axis_resolve("top_k", "axis", attr->axis, x->rank, &attr->axis);
  if (s == CVK_OK) s = cvk_read_ints(call, 1, 1, &attr->k, &n);
  if (s != CVK_OK) return s;
  if (n == 0) return cvk_fail(CVK_INVALID_SHAPE, "top_k: k (input 1) has no value");
  if (attr->k < 0 || attr->k > x->dim[attr->axis])
    return cvk_fail(CVK_INVALID_ARGUMENT, "top_k: k is %lld, allowed 0 to %lld, the extent of axis %d", (long long)attr->k,
                    (long long)x->dim[attr->axis], attr->axis);
  memcpy(dim, x->dim, sizeof dim);
  dim[attr->axis] = attr->k;
  s = cvk_desc_set(&call->out[0], "top_k: values", x->dtype, x->rank, dim);
  return s == CVK_OK && call->n_out > 1 ? cvk_desc_set(&call->out[1], "top_k: indices", CVK_I64, x->rank, dim) : s;
}

typedef struct entry {
  uint64_t key;
  int64_t index;
} entry;

static int by_key(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

/* One line of x: the entries sorted, best first. */
static void sort_line(const cvk_op *op, const void *x, int64_t first, int64_t stride, int64_t n, entry *line) {
  const int32_t largest = ((const cvk_top_k_attr *)op->attr)->largest != 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t key;
    cvk_order_keys(op->in[0]->dtype, x, first + i * stride, 1, 1, &key);
    line[i] = (entry){largest ? ~key : key, i};
  }
  qsort(line, (size_t)n, sizeof *line, by_key);
}

cvk_status cvk_ref_top_k(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_top_k_attr *attr = op->attr;
  const int64_t n = x->dim[attr->axis], before = cvk_count(attr->axis, x->dim);
  const int64_t after = cvk_count(x->rank - attr->axis - 1, x->dim + attr->axis + 1);
  if (attr->k == 0) return CVK_OK;
  entry *line = calloc((size_t)n, sizeof *line);
  if (line == NULL) return cvk_fail(CVK_NO_MEMORY, "top_k: no memory to sort %lld elements", (long long)n);
  for (int64_t b = 0; b < before; b++)
    for (int64_t a = 0; a < after; a++) {
      sort_line(op, in[0], b * n * after + a, after, n, line);
      for (int64_t i = 0; i < attr->k; i++) {
        const int64_t to = (b * attr->k + i) * after + a;
        if (out[0] != NULL) cvk_copy_run(cvk_dtype_bytes(x->dtype), 1, out[0], to, 1, in[0], (b * n + line[i].index) * after + a, 1);
        if (op->n_out > 1 && out[1] != NULL) ((int64_t *)out[1])[to] = line[i].index;
      }
    }
  free(line);
  return CVK_OK;
}

/* The values' gradients go to the elements that they were. */
cvk_status cvk_grad_top_k(cvk_gradient *c) {
  const cvk_scatter_attr place = {.struct_size = sizeof place, .axis = c->attr->top_k.axis};
  cvk_value y[2] = {c->y[0], c->n_out > 1 ? c->y[1] : CVK_NO_VALUE};
  if (c->gy[0] == CVK_NO_VALUE) return c->status;
  if (c->n_out == 1) cvk_grad_op_all(c, CVK_OP_TOP_K, c->attr, 1, c->x, 2, y);
  const cvk_value in[3] = {cvk_grad_zeros(c, c->in[0]), y[1], c->gy[0]};
  c->gx[0] = cvk_grad_op(c, CVK_OP_SCATTER_ELEMENTS, &place, 3, in);
  return c->status;
}

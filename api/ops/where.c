/* SPDX-License-Identifier: Apache-2.0 */
/* where.c: WHERE, condition ? a : b, the three broadcasting as NumPy's (ONNX Where). Any element type; nothing is computed. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_where(cvk_op_call *call) {
  static const int32_t condition_types[] = {CVK_BOOL};
  const cvk_tensor_desc *c = call->in[0], *a = call->in[1], *b = call->in[2];
  int64_t dim[CVK_MAX_RANK];
  int32_t rank;
  cvk_status s = cvk_require_dtype(call, 0, 1, condition_types);
  if (s != CVK_OK) return s;
  if (a->dtype != b->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "where: a is %s, b is %s; both must be of one type", cvk_dtype_name(a->dtype),
                    cvk_dtype_name(b->dtype));
  s = cvk_broadcast("where", a->rank, a->dim, b->rank, b->dim, &rank, dim);
  if (s == CVK_OK) s = cvk_broadcast("where", c->rank, c->dim, rank, dim, &rank, dim);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "where: output", a->dtype, rank, dim) : s;
}

cvk_status cvk_ref_where(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const size_t bytes = (size_t)cvk_dtype_bytes(y->dtype);
  cvk_walk w;
  if (out[0] == NULL) return CVK_OK;
  cvk_walk_begin(&w, y->rank, y->dim);
  cvk_walk_add_broadcast(&w, y->rank, y->dim);
  for (int32_t k = 0; k < 3; k++) cvk_walk_add_broadcast(&w, op->in[k]->rank, op->in[k]->dim);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    for (int64_t i = 0; i < w.run; i++) {
      const int32_t from = ((const uint8_t *)in[0])[w.offset[1] + i * w.step[1]] ? 1 : 2;
      const char *source = (const char *)in[from] + (size_t)(w.offset[from + 1] + i * w.step[from + 1]) * bytes;
      memcpy((char *)out[0] + (size_t)(w.offset[0] + i * w.step[0]) * bytes, source, bytes);
    }
  return CVK_OK;
}

cvk_status cvk_grad_where_op(cvk_gradient *c) {
  const cvk_value zero = cvk_grad_scalar(c, c->out[0].dtype, 0);
  if (c->wanted[1]) c->gx[1] = cvk_grad_sum_to(c, cvk_grad_where(c, c->x[0], c->gy[0], zero), &c->out[0], c->in[1]);
  if (c->wanted[2]) c->gx[2] = cvk_grad_sum_to(c, cvk_grad_where(c, c->x[0], zero, c->gy[0]), &c->out[0], c->in[2]);
  return c->status;
}

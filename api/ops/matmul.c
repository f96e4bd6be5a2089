/* SPDX-License-Identifier: Apache-2.0 */
/* matmul.c: MATMUL, NumPy's matmul (ONNX MatMul): the last two axes are matrices, those before broadcast; a 1-D operand is a row (a) or a
 * column (b) whose axis leaves the result. Floats, and 32- and 64-bit integers, which wrap. */
#include "element.h"
#include "ops_internal.h"
#include "product.h"
#include "strided.h"

/* An operand seen as a stack of matrices. */
typedef struct stack {
  int32_t batch_rank;
  int64_t rows, columns;
} stack;

static stack stack_of(const cvk_tensor_desc *d, int32_t is_b) {
  if (d->rank == 1) return is_b ? (stack){0, d->dim[0], 1} : (stack){0, 1, d->dim[0]};
  return (stack){d->rank - 2, d->dim[d->rank - 2], d->dim[d->rank - 1]};
}

cvk_status cvk_infer_matmul(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I32, CVK_I64, CVK_U32, CVK_U64};
  const cvk_tensor_desc *a = call->in[0], *b = call->in[1];
  int64_t dim[CVK_MAX_RANK];
  int32_t rank;
  cvk_status s = cvk_require_dtype(call, 0, 8, types);
  if (s != CVK_OK) return s;
  if (b->dtype != a->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "matmul: a is %s, b is %s; both must be of one type", cvk_dtype_name(a->dtype),
                    cvk_dtype_name(b->dtype));
  if (a->rank == 0 || b->rank == 0)
    return cvk_fail(CVK_INVALID_SHAPE, "matmul: a has rank %d and b rank %d, allowed 1 to %d", a->rank, b->rank, CVK_MAX_RANK);
  const stack sa = stack_of(a, 0), sb = stack_of(b, 1);
  if (sa.columns != sb.rows) {
    char ta[CVK_DIMS_TEXT], tb[CVK_DIMS_TEXT];
    return cvk_fail(CVK_INVALID_SHAPE, "matmul: a of shape %s has %lld columns, b of shape %s has %lld rows",
                    cvk_dims_text(a->rank, a->dim, ta), (long long)sa.columns, cvk_dims_text(b->rank, b->dim, tb), (long long)sb.rows);
  }
  s = cvk_broadcast("matmul: leading axes", sa.batch_rank, a->dim, sb.batch_rank, b->dim, &rank, dim);
  if (s != CVK_OK) return s;
  if (a->rank > 1) dim[rank++] = sa.rows;
  if (b->rank > 1) dim[rank++] = sb.columns;
  return cvk_desc_set(&call->out[0], "matmul: output", a->dtype, rank, dim);
}

cvk_status cvk_ref_matmul(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1];
  const stack sa = stack_of(a, 0), sb = stack_of(b, 1);
  const int32_t batch_rank = sa.batch_rank > sb.batch_rank ? sa.batch_rank : sb.batch_rank;
  cvk_product p = {.dtype = a->dtype, .m = sa.rows, .n = sb.columns, .k = sa.columns, .alpha = 1, .y = out[0]};
  int64_t stride_a[CVK_MAX_RANK], stride_b[CVK_MAX_RANK];
  cvk_walk w;
  if (out[0] == NULL || cvk_count(op->out[0]->rank, op->out[0]->dim) == 0) return CVK_OK;
  p.a = (cvk_matrix){in[0], 0, sa.columns, 1};
  p.b = (cvk_matrix){in[1], 0, sb.columns, 1};
  cvk_broadcast_strides(sa.batch_rank, a->dim, batch_rank, stride_a);
  cvk_broadcast_strides(sb.batch_rank, b->dim, batch_rank, stride_b);
  for (int32_t i = 0; i < batch_rank; i++) {
    stride_a[i] *= sa.rows * sa.columns;
    stride_b[i] *= sb.rows * sb.columns;
  }
  cvk_walk_begin(&w, batch_rank, op->out[0]->dim); /* the batch axes lead the result's */
  cvk_walk_add(&w, stride_a, 0);
  cvk_walk_add(&w, stride_b, 0);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    for (int64_t i = 0; i < w.run; i++) {
      p.a.offset = w.offset[0] + i * w.step[0];
      p.b.offset = w.offset[1] + i * w.step[1];
      cvk_product_run(&p);
      p.y_offset += p.m * p.n;
    }
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* matmul.c: MATMUL, NumPy's matmul (ONNX MatMul): the last two axes are matrices, those before broadcast; a 1-D operand is a row (a) or a
 * column (b) whose axis leaves the result. Floats, and 32- and 64-bit integers, which wrap. */
#include "element.h"
#include "ops_internal.h"
#include "product.h"
#include "strided.h"
#include "train/gradient.h"

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

static cvk_value swapped(cvk_gradient *c, cvk_value v, int32_t rank) {
  int32_t perm[CVK_MAX_RANK];
  for (int32_t i = 0; i < rank; i++) perm[i] = i;
  perm[rank - 2] = rank - 1;
  perm[rank - 1] = rank - 2;
  return cvk_grad_transpose(c, v, rank, perm);
}

static cvk_tensor_desc matrices(const cvk_tensor_desc *batch, int64_t rows, int64_t columns) {
  cvk_tensor_desc d = *batch;
  d.dim[d.rank - 2] = rows;
  d.dim[d.rank - 1] = columns;
  return d;
}

static cvk_tensor_desc one_matrix(const cvk_tensor_desc *d) {
  return (cvk_tensor_desc){.struct_size = sizeof *d, .dtype = d->dtype, .rank = 2, .dim = {cvk_count(d->rank - 1, d->dim), d->dim[d->rank - 1]}};
}

/* ga = gy b', gb = a' gy, summed over batches that were broadcast; vectors are seen as matrices of one row or column. One b for all batches is
 * one product of all rows. */
cvk_status cvk_grad_matmul(cvk_gradient *c) {
  cvk_tensor_desc a = *c->in[0], b = *c->in[1], y = c->out[0];
  if (a.rank == 1) a = (cvk_tensor_desc){.struct_size = sizeof a, .dtype = a.dtype, .rank = 2, .dim = {1, a.dim[0]}};
  if (b.rank == 1) b = (cvk_tensor_desc){.struct_size = sizeof b, .dtype = b.dtype, .rank = 2, .dim = {b.dim[0], 1}};
  const int64_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1];
  y.rank += (c->in[0]->rank == 1) + (c->in[1]->rank == 1);
  y = matrices(&y, m, n);
  cvk_value va = cvk_grad_reshape(c, c->x[0], &a), vb = cvk_grad_reshape(c, c->x[1], &b), gy = cvk_grad_reshape(c, c->gy[0], &y);
  if (b.rank == 2) {
    const cvk_gemm_attr by_b = {.struct_size = sizeof by_b, .trans_b = 1, .alpha = 1}, by_a = {.struct_size = sizeof by_a, .trans_a = 1, .alpha = 1};
    const cvk_tensor_desc rows = one_matrix(&a), results = one_matrix(&y);
    gy = cvk_grad_reshape(c, gy, &results);
    const cvk_value for_a[2] = {gy, vb}, for_b[2] = {cvk_grad_reshape(c, va, &rows), gy};
    if (c->wanted[0]) c->gx[0] = cvk_grad_reshape(c, cvk_grad_op(c, CVK_OP_GEMM, &by_b, 2, for_a), c->in[0]);
    if (c->wanted[1]) c->gx[1] = cvk_grad_reshape(c, cvk_grad_op(c, CVK_OP_GEMM, &by_a, 2, for_b), c->in[1]);
    return c->status;
  }
  const cvk_tensor_desc full_a = matrices(&y, m, k), full_b = matrices(&y, k, n);
  if (c->wanted[0])
    c->gx[0] = cvk_grad_reshape(c, cvk_grad_sum_to(c, cvk_grad_op2(c, CVK_OP_MATMUL, gy, swapped(c, vb, b.rank)), &full_a, &a), c->in[0]);
  if (c->wanted[1])
    c->gx[1] = cvk_grad_reshape(c, cvk_grad_sum_to(c, cvk_grad_op2(c, CVK_OP_MATMUL, swapped(c, va, a.rank), gy), &full_b, &b), c->in[1]);
  return c->status;
}

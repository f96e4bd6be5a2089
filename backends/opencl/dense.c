/* SPDX-License-Identifier: Apache-2.0 */
/* dense.c: reads the shapes of Gemm and MatMul. A MatMul whose b is one matrix sees all of a's matrices as one tall one. */
#include "dense.h"

#include "post.h"

static void read_gemm(const cvk_op *op, ocl_dense *d) {
  const cvk_gemm_attr *attr = op->attr;
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1], *y = op->out[0];
  const cvk_tensor_desc *c = ocl_own_inputs(op) > 2 && attr->beta != 0 ? op->in[2] : NULL;
  d->rows = y->dim[0];
  d->columns = y->dim[1];
  d->depth = attr->alpha == 0 ? 0 : a->dim[attr->trans_a ? 0 : 1]; /* the BLAS rule: what has no weight is not read, NaN stays out */
  d->a_transposed = attr->trans_a != 0;
  d->b_transposed = attr->trans_b != 0;
  d->a_row = attr->trans_a ? 1 : a->dim[1];
  d->a_depth = attr->trans_a ? a->dim[1] : 1;
  d->b_column = attr->trans_b ? b->dim[1] : 1;
  d->b_depth = attr->trans_b ? 1 : b->dim[1];
  d->alpha = attr->alpha;
  d->beta = attr->beta;
  d->has_c = c != NULL;
  if (!c) return;
  d->c_column = c->rank > 0 && c->dim[c->rank - 1] > 1 ? 1 : 0;
  d->c_row = c->rank > 1 && c->dim[0] > 1 ? c->dim[1] : 0;
}

static void read_matmul(const cvk_op *op, ocl_dense *d) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1];
  d->rows = a->rank > 1 ? a->dim[a->rank - 2] : 1;
  d->depth = a->dim[a->rank - 1];
  d->columns = b->rank > 1 ? b->dim[b->rank - 1] : 1;
  d->a_row = d->depth;
  d->a_depth = 1;
  d->b_column = 1;
  d->b_depth = d->columns;
  d->alpha = 1;
  d->b_batch = b->rank > 2 ? cvk_count(b->rank - 2, b->dim) : 1;
  const int64_t a_batch = a->rank > 2 ? cvk_count(a->rank - 2, a->dim) : 1;
  if (b->rank <= 2) {
    d->rows *= a_batch;
    return;
  }
  const int32_t y_batch_axes = op->out[0]->rank - (a->rank > 1) - 1;
  d->batch = y_batch_axes > 0 ? cvk_count(y_batch_axes, op->out[0]->dim) : 1;
}

void ocl_dense_read(const cvk_op *op, ocl_dense *d) {
  *d = (ocl_dense){.batch = 1, .b_batch = 1};
  if (op->kind == CVK_OP_GEMM)
    read_gemm(op, d);
  else
    read_matmul(op, d);
}

/* The number of the matrix of `t` that output matrix n uses: NumPy's broadcasting of the axes before the last two. */
static int64_t matrix_number(const cvk_tensor_desc *t, const cvk_tensor_desc *y, int32_t y_axes, int64_t n) {
  int64_t index = 0, step = 1;
  for (int32_t axis = y_axes - 1, own = t->rank - 3; axis >= 0; axis--, own--) {
    const int64_t at = n % y->dim[axis];
    n /= y->dim[axis];
    if (own < 0) continue;
    if (t->dim[own] > 1) index += at * step;
    step *= t->dim[own];
  }
  return index;
}

void ocl_dense_matrix(const cvk_op *op, const ocl_dense *d, int64_t n, int64_t *a_offset, int64_t *b_index) {
  *a_offset = *b_index = 0;
  if (d->batch == 1 && d->b_batch == 1) return;
  const int32_t axes = op->out[0]->rank - (op->in[0]->rank > 1) - 1;
  *a_offset = matrix_number(op->in[0], op->out[0], axes, n) * d->rows * d->depth;
  *b_index = matrix_number(op->in[1], op->out[0], axes, n);
}

int32_t ocl_dense_accept(ocl_query *q, ocl_dense *d) {
  const cvk_op *op = q->op;
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] && op->in[i]->dtype != CVK_F32)
      return ocl_refuse(q, "input %d has element type %d, takes float32", (int)i, (int)op->in[i]->dtype);
  if (op->kind == CVK_OP_GEMM && (op->in[0]->rank != 2 || op->in[1]->rank != 2))
    return ocl_refuse(q, "inputs of rank %d and %d, takes 2", (int)op->in[0]->rank, (int)op->in[1]->rank);
  if (op->in[0]->rank < 1 || op->in[1]->rank < 1) return ocl_refuse(q, "a scalar input");
  ocl_dense_read(op, d);
  return 1;
}

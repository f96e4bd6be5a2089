/* SPDX-License-Identifier: Apache-2.0 */
/* gradient.c: what gradient functions build ops with, and the two gradients that need no op. */
#include "gradient.h"

#include "ops/ops_internal.h"
#include "tensor_internal.h"

cvk_status cvk_grad_none(cvk_gradient *c) { return cvk_fail(CVK_UNSUPPORTED, "%s has no gradient", c->def->name); }

/* Of ops whose results do not change where they could be differentiated: comparisons, indices, rounding. */
cvk_status cvk_grad_zero(cvk_gradient *c) { return c->status; }

void cvk_grad_op_all(cvk_gradient *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in, int32_t n_out, cvk_value *out) {
  for (int32_t i = 0; i < n_out; i++) out[i] = CVK_NO_VALUE;
  if (c->status == CVK_OK) c->status = cvk_graph_op(c->graph, kind, attr, n_in, in, n_out, out, c->name);
}

cvk_value cvk_grad_op(cvk_gradient *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in) {
  cvk_value out;
  cvk_grad_op_all(c, kind, attr, n_in, in, 1, &out);
  return out;
}

cvk_value cvk_grad_op1(cvk_gradient *c, int32_t kind, cvk_value a) { return cvk_grad_op(c, kind, NULL, 1, &a); }

cvk_value cvk_grad_op2(cvk_gradient *c, int32_t kind, cvk_value a, cvk_value b) {
  const cvk_value in[2] = {a, b};
  return cvk_grad_op(c, kind, NULL, 2, in);
}

static cvk_value constant(cvk_gradient *c, int32_t dtype, int32_t rank, const int64_t *dim, const void *data) {
  cvk_tensor *t = NULL;
  cvk_value out = CVK_NO_VALUE;
  if (c->status == CVK_OK) c->status = cvk_tensor_create(NULL, dtype, rank, dim, data, &t);
  if (c->status == CVK_OK) c->status = cvk_graph_constant(c->graph, NULL, t, &out);
  cvk_tensor_release(t);
  return out;
}

cvk_value cvk_grad_scalar(cvk_gradient *c, int32_t dtype, double v) {
  const float single = (float)v;
  return constant(c, dtype, 0, NULL, dtype == CVK_F64 ? (const void *)&v : &single);
}

cvk_value cvk_grad_ints(cvk_gradient *c, int64_t n, const int64_t *v) { return constant(c, CVK_I64, 1, &n, v); }

cvk_value cvk_grad_matrix(cvk_gradient *c, int32_t dtype, int64_t rows, int64_t columns, const double *v) {
  const int64_t dim[2] = {rows, columns};
  const cvk_value m = constant(c, CVK_F64, 2, dim, v);
  const cvk_cast_attr a = {.struct_size = sizeof a, .dtype = dtype};
  return dtype == CVK_F64 ? m : cvk_grad_op(c, CVK_OP_CAST, &a, 1, &m);
}

cvk_value cvk_grad_times(cvk_gradient *c, cvk_value v, int32_t dtype, double factor) {
  return cvk_grad_op2(c, CVK_OP_MUL, v, cvk_grad_scalar(c, dtype, factor));
}

cvk_value cvk_grad_where(cvk_gradient *c, cvk_value condition, cvk_value a, cvk_value b) {
  const cvk_value in[3] = {condition, a, b};
  return cvk_grad_op(c, CVK_OP_WHERE, NULL, 3, in);
}

cvk_value cvk_grad_zeros(cvk_gradient *c, const cvk_tensor_desc *d) { return cvk_grad_expand(c, cvk_grad_scalar(c, d->dtype, 0), d); }

cvk_value cvk_grad_transpose(cvk_gradient *c, cvk_value v, int32_t rank, const int32_t *perm) {
  cvk_axes_attr a = {.struct_size = sizeof a, .n_axes = rank};
  int32_t moves = 0;
  for (int32_t i = 0; i < rank; i++) {
    a.axis[i] = perm[i];
    moves |= perm[i] != i;
  }
  return moves ? cvk_grad_op(c, CVK_OP_TRANSPOSE, &a, 1, &v) : v;
}

static cvk_shape_attr shape_of(const cvk_tensor_desc *d) {
  cvk_shape_attr a = {.struct_size = sizeof a, .rank = d->rank, .allow_zero = 1};
  for (int32_t i = 0; i < d->rank; i++) a.dim[i] = d->dim[i];
  return a;
}

cvk_value cvk_grad_reshape(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d) {
  const cvk_shape_attr a = shape_of(d);
  return cvk_grad_op(c, CVK_OP_RESHAPE, &a, 1, &v);
}

cvk_value cvk_grad_expand(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d) {
  const cvk_shape_attr a = shape_of(d);
  return cvk_grad_op(c, CVK_OP_EXPAND, &a, 1, &v);
}

cvk_value cvk_grad_sum_to(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *from, const cvk_tensor_desc *to) {
  cvk_axes_attr a = {.struct_size = sizeof a};
  const int32_t lead = from->rank - to->rank;
  for (int32_t i = 0; i < from->rank; i++) {
    if (i < lead || (to->dim[i - lead] == 1 && from->dim[i] != 1)) a.axis[a.n_axes++] = i;
  }
  if (a.n_axes == 0) return v;
  v = cvk_grad_op(c, CVK_OP_REDUCE_SUM, &a, 1, &v);
  return cvk_grad_reshape(c, v, to);
}

/* d seen as [what lies before the axis, n, what lies behind it]. */
static cvk_tensor_desc around(const cvk_tensor_desc *d, int32_t axis, int64_t n) {
  return (cvk_tensor_desc){.struct_size = sizeof *d, .dtype = d->dtype, .rank = 3,
                           .dim = {cvk_count(axis, d->dim), n, cvk_count(d->rank - axis - 1, d->dim + axis + 1)}};
}

cvk_value cvk_grad_scatter_axis(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d, int32_t axis, cvk_value index, int64_t n) {
  const int32_t front[3] = {1, 0, 2};
  const cvk_scatter_attr add = {.struct_size = sizeof add, .reduction = CVK_SCATTER_ADD};
  const cvk_tensor_desc from = around(d, axis, n), column = {.struct_size = sizeof column, .rank = 2, .dim = {n, 1}};
  cvk_tensor_desc to = around(d, axis, d->dim[axis]);
  const int64_t before = to.dim[0];
  to.dim[0] = to.dim[1];
  to.dim[1] = before;
  v = cvk_grad_transpose(c, cvk_grad_reshape(c, v, &from), 3, front);
  const cvk_value in[3] = {cvk_grad_zeros(c, &to), cvk_grad_reshape(c, index, &column), v};
  return cvk_grad_reshape(c, cvk_grad_transpose(c, cvk_grad_op(c, CVK_OP_SCATTER_ND, &add, 3, in), 3, front), d);
}

cvk_value cvk_grad_along(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d, int32_t axis, cvk_value m, int64_t n) {
  const cvk_tensor_desc from = around(d, axis, d->dim[axis]);
  cvk_tensor_desc to = *d;
  to.dim[axis] = n;
  return cvk_grad_reshape(c, cvk_grad_op2(c, CVK_OP_MATMUL, m, cvk_grad_reshape(c, v, &from)), &to);
}

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

cvk_value cvk_grad_scalar(cvk_gradient *c, int32_t dtype, double v) {
  const float single = (float)v;
  cvk_tensor *t = NULL;
  cvk_value out = CVK_NO_VALUE;
  if (c->status == CVK_OK) c->status = cvk_tensor_create(NULL, dtype, 0, NULL, dtype == CVK_F64 ? (const void *)&v : &single, &t);
  if (c->status == CVK_OK) c->status = cvk_graph_constant(c->graph, NULL, t, &out);
  cvk_tensor_release(t);
  return out;
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

/* SPDX-License-Identifier: Apache-2.0 */
/* gradient.h: what an op's gradient function (cvk_grad_X in api/ops, named in ops.def) is given, and the helpers it builds ops with. It adds ops
 * to the graph that make the gradients of the op's inputs out of those of its outputs: ordinary ops, which a backend may take. */
#ifndef CVK_GRADIENT_H
#define CVK_GRADIENT_H

#include "graph_internal.h"

typedef struct cvk_gradient {
  cvk_graph *graph;
  const cvk_op_def *def;
  const cvk_any_attr *attr; /* resolved, as a backend sees it */
  int32_t n_in, n_out;
  const cvk_tensor_desc *const *in; /* absent inputs NULL; const_data where a value is known (inputs that def->values names) */
  const cvk_tensor_desc *out;
  const cvk_value *x, *y;  /* the op's inputs and outputs */
  const cvk_value *gy;     /* gradients of the outputs; CVK_NO_VALUE: it is zero. One at least is there. */
  const int32_t *wanted;   /* an input: whether its gradient is asked for */
  cvk_value *gx;           /* to be filled where wanted, in the input's shape and type; stays CVK_NO_VALUE where it is zero */
  const char *name;        /* for the new ops */
  cvk_status status;       /* of the first helper that failed: later ones do nothing, and the function's result is this */
} cvk_gradient;

/* ---- helpers: add an op, return its first output (CVK_NO_VALUE after a failure) ---- */

cvk_value cvk_grad_op(cvk_gradient *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in);
cvk_value cvk_grad_op1(cvk_gradient *c, int32_t kind, cvk_value a);
cvk_value cvk_grad_op2(cvk_gradient *c, int32_t kind, cvk_value a, cvk_value b);
/* All n_out outputs. */
void cvk_grad_op_all(cvk_gradient *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in, int32_t n_out, cvk_value *out);
cvk_value cvk_grad_scalar(cvk_gradient *c, int32_t dtype, double v); /* a constant of rank 0 */
/* v as a tensor of d's shape. */
cvk_value cvk_grad_reshape(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d);
/* v, of broadcast shape `from`, summed down to the shape of `to`: the gradient of broadcasting. */
cvk_value cvk_grad_sum_to(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *from, const cvk_tensor_desc *to);
/* v times a number, of v's type. */
cvk_value cvk_grad_times(cvk_gradient *c, cvk_value v, int32_t dtype, double factor);
cvk_value cvk_grad_where(cvk_gradient *c, cvk_value condition, cvk_value a, cvk_value b);
cvk_value cvk_grad_zeros(cvk_gradient *c, const cvk_tensor_desc *d);
/* A constant of ints or, from doubles, of floats. */
cvk_value cvk_grad_ints(cvk_gradient *c, int64_t n, const int64_t *v);
cvk_value cvk_grad_matrix(cvk_gradient *c, int32_t dtype, int64_t rows, int64_t columns, const double *v);
cvk_value cvk_grad_transpose(cvk_gradient *c, cvk_value v, int32_t rank, const int32_t *perm);
/* v, of shape d but for `axis`, where it has n cells: cell i is added to cell index[i] of a tensor of zeros of shape d. */
cvk_value cvk_grad_scatter_axis(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d, int32_t axis, cvk_value index, int64_t n);
/* v of shape d times a matrix along one axis: cell o of the result, of n, is the sum of m[o, i] v[i]; m [n, d's extent] is a value. */
cvk_value cvk_grad_along(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d, int32_t axis, cvk_value m, int64_t n);
/* v broadcast to d's shape. */
cvk_value cvk_grad_expand(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *d);

#endif

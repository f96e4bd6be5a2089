/* SPDX-License-Identifier: Apache-2.0 */
/* global_pool.c: GLOBAL_MAX_POOL, GLOBAL_AVG_POOL, GLOBAL_LP_POOL: x [N,C,spatial] -> y [N,C,1,...], any number of spatial axes, none of
 * extent 0. NaN wins the maximum. */
#include <math.h>

#include "element.h"
#include "window.h"

cvk_status cvk_infer_global_pool(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const char *op = call->def->name;
  const cvk_tensor_desc *x = call->in[0];
  int64_t dim[CVK_MAX_RANK] = {x->dim[0], x->dim[1]};
  if (x->rank < 3) return cvk_fail(CVK_INVALID_SHAPE, "%s: input has rank %d, allowed 3 to %d", op, x->rank, CVK_MAX_RANK);
  for (int32_t a = 2; a < x->rank; a++) {
    if (x->dim[a] < 1) return cvk_fail(CVK_INVALID_SHAPE, "%s: input extent 0 on axis %d, allowed >= 1", op, a);
    dim[a] = 1;
  }
  cvk_status s = cvk_require_dtype(call, 0, sizeof floats / sizeof *floats, floats);
  if (s == CVK_OK && call->kind == CVK_OP_GLOBAL_LP_POOL) s = cvk_pool_check_p(op, &call->attr->pool);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "global pool: output", x->dtype, x->rank, dim) : s;
}

static double maximum(double best, const double *v, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (v[i] > best || isnan(v[i])) best = v[i]; /* nothing compares greater than NaN */
  return best;
}

static double power_sum(double sum, const double *v, int64_t n, int32_t p) {
  for (int64_t i = 0; i < n; i++) sum += p == 1 ? fabs(v[i]) : p == 2 ? v[i] * v[i] : pow(fabs(v[i]), p);
  return sum;
}

static double plane_value(const cvk_op *op, const void *x, int64_t first, int64_t cells) {
  const int32_t p = op->kind == CVK_OP_GLOBAL_LP_POOL ? ((const cvk_pool_attr *)op->attr)->p : 1;
  double value = op->kind == CVK_OP_GLOBAL_MAX_POOL ? -INFINITY : 0, v[CVK_RUN];
  for (int64_t done = 0; done < cells; done += CVK_RUN) {
    const int64_t n = cells - done < CVK_RUN ? cells - done : CVK_RUN;
    cvk_load_reals(op->in[0]->dtype, x, first + done, 1, n, v);
    if (op->kind == CVK_OP_GLOBAL_MAX_POOL)
      value = maximum(value, v, n);
    else if (op->kind == CVK_OP_GLOBAL_LP_POOL)
      value = power_sum(value, v, n, p);
    else
      for (int64_t i = 0; i < n; i++) value += v[i];
  }
  if (op->kind == CVK_OP_GLOBAL_AVG_POOL) return value / (double)cells;
  return p == 1 ? value : p == 2 ? sqrt(value) : pow(value, 1.0 / p);
}

cvk_status cvk_ref_global_pool(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  if (cvk_count(x->rank, x->dim) == 0) return CVK_OK;
  const int64_t planes = x->dim[0] * x->dim[1], cells = cvk_count(x->rank - 2, x->dim + 2);
  for (int64_t i = 0; i < planes; i++) cvk_store_real(x->dtype, out[0], i, plane_value(op, in[0], i * cells, cells));
  return CVK_OK;
}

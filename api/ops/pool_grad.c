/* SPDX-License-Identifier: Apache-2.0 */
/* pool_grad.c: MAX_POOL_GRAD and AVG_POOL_GRAD: x and gy of a pool with this attribute -> gx of x's shape. Max: a window gives its gy to its
 * first maximum in row-major order, NaN before all else, as MAX_POOL's index says. Average: each cell of the input gets gy over the divisor
 * that AVG_POOL used. Cells that no window holds get 0. */
#include <math.h>

#include "element.h"
#include "window.h"
#include "train/gradient.h"

static cvk_window_params params_of(cvk_pool_attr *a) {
  return (cvk_window_params){&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
}

cvk_status cvk_infer_pool_grad(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64};
  const cvk_tensor_desc *x = call->in[0], *gy = call->in[1];
  cvk_tensor_desc y = {.struct_size = sizeof y};
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  cvk_op_call pool = *call;
  pool.kind = call->kind == CVK_OP_MAX_POOL_GRAD ? CVK_OP_MAX_POOL : CVK_OP_AVG_POOL;
  pool.n_in = pool.n_out = 1;
  pool.out = &y;
  cvk_status s = cvk_infer_pool(&pool);
  if (s == CVK_OK) s = cvk_require_dtype(call, 0, 2, floats);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 1, &x->dtype);
  if (s != CVK_OK) return s;
  if (!cvk_same_shape(gy, &y))
    return cvk_fail(CVK_INVALID_SHAPE, "%s: gy has shape %s, the pool gives %s", call->def->name, cvk_dims_text(gy->rank, gy->dim, got),
                    cvk_dims_text(y.rank, y.dim, want));
  return cvk_desc_set(&call->out[0], "pool gradient", x->dtype, x->rank, x->dim);
}

typedef struct pool_run {
  cvk_window win;
  int32_t dtype, include_pad;
  const void *x;
} pool_run;

/* Which cell of the plane the window gives to. */
static int64_t first_maximum(const pool_run *r, int64_t plane, const int64_t o[3]) {
  const cvk_window *w = &r->win;
  int64_t lo[3], hi[3], best = -1;
  double most = 0;
  for (int k = 0; k < 3; k++) cvk_window_taps(w, k, o[k], &lo[k], &hi[k]);
  for (int64_t a = lo[0]; a < hi[0]; a++) {
    for (int64_t b = lo[1]; b < hi[1]; b++) {
      for (int64_t c = lo[2]; c < hi[2]; c++) {
        const int64_t i0 = o[0] * w->stride[0] - w->begin[0] + a * w->dilation[0], i1 = o[1] * w->stride[1] - w->begin[1] + b * w->dilation[1];
        const int64_t cell = (i0 * w->in[1] + i1) * w->in[2] + o[2] * w->stride[2] - w->begin[2] + c * w->dilation[2];
        const double v = cvk_load_real(r->dtype, r->x, plane * w->in_cells + cell);
        if (best < 0 || v > most || (isnan(v) && !isnan(most))) {
          best = cell;
          most = v;
        }
      }
    }
  }
  return best;
}

static double divisor(const pool_run *r, const int64_t o[3]) {
  const cvk_window *w = &r->win;
  double n = 1;
  for (int k = 0; k < 3; k++) {
    int64_t lo, hi;
    cvk_window_taps(w, k, o[k], &lo, &hi);
    if (r->include_pad) {
      const int64_t room = w->in[k] + w->end[k] + w->begin[k] - o[k] * w->stride[k], taps = (room + w->dilation[k] - 1) / w->dilation[k];
      lo = 0;
      hi = taps < w->kernel[k] ? taps : w->kernel[k];
    }
    n *= (double)(hi - lo);
  }
  return n;
}

/* The window on `axis` whose tap k is cell i, or -1. */
static int64_t window_of(const cvk_window *w, int axis, int64_t i, int64_t k) {
  const int64_t at = i + w->begin[axis] - k * w->dilation[axis], o = at / w->stride[axis];
  return at >= 0 && at % w->stride[axis] == 0 && o < w->out[axis] ? o : -1;
}

static double gradient_of(const pool_run *r, const void *gy, int64_t plane, const int64_t i[3]) {
  const cvk_window *w = &r->win;
  const int64_t cell = (i[0] * w->in[1] + i[1]) * w->in[2] + i[2];
  int64_t k[3], o[3];
  double sum = 0;
  for (k[0] = w->kernel[0]; k[0]-- > 0;) { /* from the last tap on: the windows in their order */
    if ((o[0] = window_of(w, 0, i[0], k[0])) < 0) continue;
    for (k[1] = w->kernel[1]; k[1]-- > 0;) {
      if ((o[1] = window_of(w, 1, i[1], k[1])) < 0) continue;
      for (k[2] = w->kernel[2]; k[2]-- > 0;) {
        if ((o[2] = window_of(w, 2, i[2], k[2])) < 0) continue;
        const double g = cvk_load_real(r->dtype, gy, plane * w->out_cells + (o[0] * w->out[1] + o[1]) * w->out[2] + o[2]);
        if (r->x == NULL) sum += g / divisor(r, o);
        else if (first_maximum(r, plane, o) == cell) sum += g;
      }
    }
  }
  return sum;
}

static cvk_status run(const cvk_op *op, const void *x, const void *gy, void *gx) {
  cvk_pool_attr a = *(const cvk_pool_attr *)op->attr;
  const cvk_tensor_desc *d = op->in[0];
  if (cvk_count(d->rank, d->dim) == 0) return CVK_OK;
  const cvk_window_params p = params_of(&a);
  const pool_run r = {cvk_window_of(d, op->in[1], &p), d->dtype, a.count_include_pad, x};
  const cvk_window *w = &r.win;
  int64_t i[3];
  for (int64_t plane = 0; plane < d->dim[0] * d->dim[1]; plane++) {
    for (i[0] = 0; i[0] < w->in[0]; i[0]++) {
      for (i[1] = 0; i[1] < w->in[1]; i[1]++) {
        for (i[2] = 0; i[2] < w->in[2]; i[2]++) {
          const int64_t cell = (i[0] * w->in[1] + i[1]) * w->in[2] + i[2];
          cvk_store_real(r.dtype, gx, plane * w->in_cells + cell, gradient_of(&r, gy, plane, i));
        }
      }
    }
  }
  return CVK_OK;
}

cvk_status cvk_ref_max_pool_grad(const cvk_op *op, const void *const *in, void *const *out) { return run(op, in[0], in[1], out[0]); }

cvk_status cvk_ref_avg_pool_grad(const cvk_op *op, const void *const *in, void *const *out) { return run(op, NULL, in[1], out[0]); }

cvk_status cvk_grad_pool(cvk_gradient *c) {
  const cvk_value in[2] = {c->x[0], c->gy[0]};
  if (c->gy[0] == CVK_NO_VALUE) return c->status; /* what reads the indices alone */
  c->gx[0] = cvk_grad_op(c, c->def->kind == CVK_OP_MAX_POOL ? CVK_OP_MAX_POOL_GRAD : CVK_OP_AVG_POOL_GRAD, c->attr, 2, in);
  return c->status;
}

/* A global pool is a pool of one window; of more than three axes it is one over all cells in a row. */
static cvk_value one_window(cvk_gradient *c, int32_t kind, cvk_value gy) {
  const cvk_tensor_desc *x = c->in[0];
  cvk_pool_attr a = {.struct_size = sizeof a};
  cvk_tensor_desc row = {.struct_size = sizeof row, .dtype = x->dtype, .rank = 3, .dim = {x->dim[0], x->dim[1], cvk_count(x->rank - 2, x->dim + 2)}};
  if (x->rank <= 5) {
    const cvk_value in[2] = {c->x[0], gy};
    for (int32_t i = 0; i < x->rank - 2; i++) a.kernel[i] = x->dim[i + 2];
    return cvk_grad_op(c, kind, &a, 2, in);
  }
  a.kernel[0] = row.dim[2];
  const cvk_value cells = cvk_grad_reshape(c, c->x[0], &row);
  row.dim[2] = 1;
  const cvk_value in[2] = {cells, cvk_grad_reshape(c, gy, &row)};
  return cvk_grad_reshape(c, cvk_grad_op(c, kind, &a, 2, in), x);
}

cvk_status cvk_grad_global_pool(cvk_gradient *c) {
  c->gx[0] = one_window(c, c->def->kind == CVK_OP_GLOBAL_MAX_POOL ? CVK_OP_MAX_POOL_GRAD : CVK_OP_AVG_POOL_GRAD, c->gy[0]);
  return c->status;
}

/* An average pool passes its gradient on as it passes x on. */
cvk_status cvk_grad_avg_pool_grad(cvk_gradient *c) {
  if (c->wanted[1]) c->gx[1] = cvk_grad_op(c, CVK_OP_AVG_POOL, c->attr, 1, c->gy);
  return c->status;
}

/* sign(x) |x|^(p - 1) */
static cvk_value slope_of(cvk_gradient *c, int32_t p) {
  const cvk_value x = c->x[0];
  if (p == 2) return x;
  const cvk_value sign = cvk_grad_op1(c, CVK_OP_SIGN, x);
  if (p == 1) return sign;
  return cvk_grad_op2(c, CVK_OP_MUL, sign, cvk_grad_op2(c, CVK_OP_POW, cvk_grad_op1(c, CVK_OP_ABS, x), cvk_grad_scalar(c, c->in[0]->dtype, p - 1)));
}

/* gy y^(1 - p) of each window. A window of zeros gives nothing. */
static cvk_value window_slope(cvk_gradient *c, int32_t p) {
  if (p == 1) return c->gy[0];
  const int32_t dtype = c->in[0]->dtype;
  const cvk_value zero = cvk_grad_scalar(c, dtype, 0), power = cvk_grad_op2(c, CVK_OP_POW, c->y[0], cvk_grad_scalar(c, dtype, 1 - p));
  return cvk_grad_where(c, cvk_grad_op2(c, CVK_OP_GREATER, c->y[0], zero), cvk_grad_op2(c, CVK_OP_MUL, c->gy[0], power), zero);
}

/* x's slope times the sum of gy y^(1 - p) over the windows that hold the cell. That sum is the gradient of an average pool whose windows are
 * weighed by their cells, which an LP_POOL of ones with p = 1 counts. */
cvk_status cvk_grad_lp_pool(cvk_gradient *c) {
  const cvk_tensor_desc *x = c->in[0];
  const int32_t p = c->attr->pool.p;
  cvk_tensor_desc one = *x;
  cvk_pool_attr a = c->attr->pool;
  one.dim[0] = one.dim[1] = 1;
  a.p = 1;
  const cvk_value ones = cvk_grad_expand(c, cvk_grad_scalar(c, x->dtype, 1), &one), cells = cvk_grad_op(c, CVK_OP_LP_POOL, &a, 1, &ones);
  a.p = 0;
  const cvk_value in[2] = {c->x[0], cvk_grad_op2(c, CVK_OP_MUL, window_slope(c, p), cells)};
  c->gx[0] = cvk_grad_op2(c, CVK_OP_MUL, slope_of(c, p), cvk_grad_op(c, CVK_OP_AVG_POOL_GRAD, &a, 2, in));
  return c->status;
}

/* One window: its slope is broadcast to all cells. */
cvk_status cvk_grad_global_lp_pool(cvk_gradient *c) {
  const int32_t p = c->attr->pool.p;
  c->gx[0] = cvk_grad_op2(c, CVK_OP_MUL, slope_of(c, p), window_slope(c, p));
  return c->status;
}

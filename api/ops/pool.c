/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: MAX_POOL, AVG_POOL, LP_POOL: x [N,C,spatial] -> y [N,C,spatial], one to three spatial axes (window.h has the extents).
 * Max: cells of the pad never win, NaN wins wherever it sits, the first of equals (row-major) gives the index; indices run over the whole
 * of x, in a plane row-major or (storage_order 1) column-major. Average: the divisor counts the taps inside the input or, with
 * count_include_pad, inside the padded input: never those that a ceil_mode window has past it. */
#include <math.h>

#include "element.h"
#include "window.h"

static const int32_t max_types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_U8, CVK_I8};
enum { MAX_TYPES = 6, FLOAT_TYPES = 4 }; /* the floats come first */

static cvk_window_params params_of(cvk_pool_attr *a) {
  return (cvk_window_params){&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
}

void cvk_defaults_lp(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->pool.p = 2;
}

cvk_status cvk_pool_check_p(const char *op, cvk_pool_attr *a) {
  if (a->p == 0) a->p = 2;
  return a->p > 0 ? CVK_OK : cvk_fail(CVK_INVALID_ARGUMENT, "%s: p is %d, allowed >= 1", op, a->p);
}

/* Each window must hold a cell of the input: a mean over none is 0/0 and a maximum over none is no value of the input. */
static cvk_status check_pads(const char *op, int32_t n, const cvk_tensor_desc *x, const cvk_pool_attr *a) {
  for (int32_t i = 0; i < n; i++) {
    int64_t reach; /* pads below (kernel - 1) dilation + 1 */
    if (x->dim[i + 2] < 1) return cvk_fail(CVK_INVALID_SHAPE, "%s: input extent 0 on axis %d, allowed >= 1", op, i + 2);
    if (a->auto_pad != CVK_PAD_EXPLICIT || a->kernel[i] < 1 ||
        __builtin_mul_overflow(a->kernel[i] - 1, a->dilation[i] ? a->dilation[i] : 1, &reach))
      continue; /* the window's own checks say why */
    if (a->pad_begin[i] > reach || a->pad_end[i] > reach)
      return cvk_fail(CVK_INVALID_ARGUMENT,
                      "%s: pads %lld and %lld on axis %d, allowed less than the kernel extent %lld: a window would hold no input", op,
                      (long long)a->pad_begin[i], (long long)a->pad_end[i], i + 2, (long long)reach + 1);
  }
  return CVK_OK;
}

/* With a dilation above the input extent, a window may straddle the input and hit none of it. */
static cvk_status check_holes(const char *op, const cvk_window *w, int32_t n) {
  for (int axis = 3 - n; axis < 3; axis++) {
    for (int64_t o = 0; w->dilation[axis] > w->in[axis] && o < w->out[axis]; o++) {
      int64_t first, last;
      cvk_window_taps(w, axis, o, &first, &last);
      if (first >= last)
        return cvk_fail(CVK_INVALID_ARGUMENT, "%s: window %lld on axis %d holds no input (extent %lld, dilation %lld, pad %lld)", op,
                        (long long)o, axis - 1 + n, (long long)w->in[axis], (long long)w->dilation[axis], (long long)w->begin[axis]);
    }
  }
  return CVK_OK;
}

cvk_status cvk_infer_pool(cvk_op_call *call) {
  const char *op = call->def->name;
  cvk_pool_attr *a = &call->attr->pool;
  const cvk_tensor_desc *x = call->in[0];
  const cvk_window_params p = params_of(a);
  const int32_t n = x->rank - 2;
  int64_t dim[CVK_MAX_RANK] = {x->dim[0], x->dim[1]};
  if (n < 1 || n > 3) return cvk_fail(CVK_INVALID_SHAPE, "%s: input has rank %d, allowed 3 to 5", op, x->rank);
  if (a->storage_order < 0 || a->storage_order > 1)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: storage_order is %d, allowed 0 and 1", op, a->storage_order);
  cvk_status s = cvk_require_dtype(call, 0, call->kind == CVK_OP_MAX_POOL ? MAX_TYPES : FLOAT_TYPES, max_types);
  if (s == CVK_OK && call->kind == CVK_OP_LP_POOL) s = cvk_pool_check_p(op, a);
  if (s == CVK_OK) s = check_pads(op, n, x, a);
  if (s == CVK_OK) s = cvk_window_resolve(op, n, x->dim + 2, &p, &a->ceil_mode, dim + 2);
  if (s == CVK_OK) s = cvk_desc_set(&call->out[0], "pool: output", x->dtype, x->rank, dim);
  if (s == CVK_OK && call->n_out > 1) s = cvk_desc_set(&call->out[1], "pool: indices", CVK_I64, x->rank, dim);
  if (s != CVK_OK) return s;
  const cvk_window w = cvk_window_of(x, &call->out[0], &p);
  return check_holes(op, &w, n);
}

/* One window: its place and its taps inside the input, on each axis. */
typedef struct pool_window {
  int64_t start[3], first[3], last[3];
} pool_window;

static pool_window window_at(const cvk_window *w, int64_t cell) {
  const int64_t o[3] = {cell / w->out[2] / w->out[1], cell / w->out[2] % w->out[1], cell % w->out[2]};
  pool_window at;
  for (int k = 0; k < 3; k++) {
    at.start[k] = o[k] * w->stride[k] - w->begin[k];
    cvk_window_taps(w, k, o[k], &at.first[k], &at.last[k]);
  }
  return at;
}

/* What a pool does with its cells, in row-major order; plane cell (i[0], i[1], i[2]). */
typedef struct pool_visit pool_visit;
typedef void (*pool_visitor)(pool_visit *v, double value, const int64_t i[3]);
struct pool_visit {
  double value;  /* best or sum so far */
  int64_t index; /* MAX: of the best, row-major or column-major in the plane */
  int64_t count; /* cells visited */
  int32_t p;
  int column_major;
  const cvk_window *w;
};

static void visit_max(pool_visit *v, double value, const int64_t i[3]) {
  const int64_t *in = v->w->in;
  if (v->count > 0 && !(value > v->value) && !(isnan(value) && !isnan(v->value))) return;
  v->value = value;
  v->index = v->column_major ? (i[2] * in[1] + i[1]) * in[0] + i[0] : (i[0] * in[1] + i[1]) * in[2] + i[2];
}

static void visit_sum(pool_visit *v, double value, const int64_t i[3]) {
  (void)i;
  v->value += value;
}

static void visit_power(pool_visit *v, double value, const int64_t i[3]) {
  (void)i;
  v->value += v->p == 1 ? fabs(value) : v->p == 2 ? value * value : pow(fabs(value), v->p);
}

static void walk_window(const cvk_window *w, const pool_window *at, int32_t dtype, const void *x, int64_t plane, pool_visitor visit,
                        pool_visit *v) {
  int64_t k[3], i[3];
  for (k[0] = at->first[0]; k[0] < at->last[0]; k[0]++) {
    i[0] = at->start[0] + k[0] * w->dilation[0];
    for (k[1] = at->first[1]; k[1] < at->last[1]; k[1]++) {
      i[1] = at->start[1] + k[1] * w->dilation[1];
      for (k[2] = at->first[2]; k[2] < at->last[2]; k[2]++) {
        i[2] = at->start[2] + k[2] * w->dilation[2];
        visit(v, cvk_load_real(dtype, x, plane + (i[0] * w->in[1] + i[1]) * w->in[2] + i[2]), i);
        v->count++;
      }
    }
  }
}

static int64_t padded_taps(const cvk_window *w, const pool_window *at) {
  int64_t n = 1;
  for (int k = 0; k < 3; k++) {
    const int64_t room = w->in[k] + w->end[k] - at->start[k], taps = (room + w->dilation[k] - 1) / w->dilation[k];
    n *= taps < w->kernel[k] ? taps : w->kernel[k];
  }
  return n;
}

static double root(double sum, int32_t p) {
  return p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, 1.0 / p);
}

static cvk_status run_pool(const cvk_op *op, const void *x, void *y, int64_t *indices, pool_visitor visit) {
  cvk_pool_attr a = *(const cvk_pool_attr *)op->attr;
  const cvk_tensor_desc *out = op->out[0] ? op->out[0] : op->out[1];
  const cvk_window_params p = params_of(&a);
  const cvk_window w = cvk_window_of(op->in[0], out, &p);
  const int32_t dtype = op->in[0]->dtype;
  for (int64_t plane = 0; plane < out->dim[0] * out->dim[1]; plane++) {
    for (int64_t cell = 0; cell < w.out_cells; cell++) {
      const pool_window at = window_at(&w, cell);
      pool_visit v = {.p = a.p, .column_major = a.storage_order, .w = &w};
      walk_window(&w, &at, dtype, x, plane * w.in_cells, visit, &v);
      if (visit == visit_sum) v.value /= (double)(a.count_include_pad ? padded_taps(&w, &at) : v.count);
      if (visit == visit_power) v.value = root(v.value, a.p);
      if (y) cvk_store_real(dtype, y, plane * w.out_cells + cell, v.value);
      if (indices) indices[plane * w.out_cells + cell] = plane * w.in_cells + v.index;
    }
  }
  return CVK_OK;
}

cvk_status cvk_ref_max_pool(const cvk_op *op, const void *const *in, void *const *out) {
  return run_pool(op, in[0], out[0], op->n_out > 1 ? out[1] : NULL, visit_max);
}

cvk_status cvk_ref_avg_pool(const cvk_op *op, const void *const *in, void *const *out) {
  return run_pool(op, in[0], out[0], NULL, visit_sum);
}

cvk_status cvk_ref_lp_pool(const cvk_op *op, const void *const *in, void *const *out) {
  return run_pool(op, in[0], out[0], NULL, visit_power);
}

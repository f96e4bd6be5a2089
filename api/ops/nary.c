/* SPDX-License-Identifier: Apache-2.0 */
/* nary.c: SUM MEAN MIN MAX of 1 to 64 inputs, broadcasting as NumPy's. Floats are summed in double in the order of the inputs and rounded
 * once; a NaN in any input wins in MIN and MAX. MIN, MAX and SUM take integers too (sums wrap). */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

typedef double (*real_function)(double a, double b);
typedef int64_t (*int_function)(int64_t a, int64_t b);

static double add(double a, double b) {
  return a + b;
}
static double smaller(double a, double b) {
  return isnan(a) || a < b ? a : b;
}
static double larger(double a, double b) {
  return isnan(a) || a > b ? a : b;
}
static int64_t int_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static int64_t signed_smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static int64_t signed_larger(int64_t a, int64_t b) {
  return a > b ? a : b;
}
static int64_t unsigned_smaller(int64_t a, int64_t b) {
  return (uint64_t)a < (uint64_t)b ? a : b;
}
static int64_t unsigned_larger(int64_t a, int64_t b) {
  return (uint64_t)a > (uint64_t)b ? a : b;
}

typedef struct nary_row {
  int32_t kind;
  real_function real;
  int_function on_signed, on_unsigned;
} nary_row;

static const nary_row rows[] = {
    {CVK_OP_MIN, smaller, signed_smaller, unsigned_smaller},
    {CVK_OP_MAX, larger, signed_larger, unsigned_larger},
    {CVK_OP_SUM, add, int_add, int_add},
    {CVK_OP_MEAN, add, NULL, NULL},
};

static const nary_row *find_row(int32_t kind) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == kind) return &rows[i];
  return NULL;
}

cvk_status cvk_infer_nary(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I32, CVK_I64,
                                  CVK_I8,  CVK_I16, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  enum { FLOATS = 4, ALL = sizeof types / sizeof *types };
  const cvk_tensor_desc *first = call->in[0];
  int64_t dim[CVK_MAX_RANK];
  int32_t rank = 0;
  cvk_status s = cvk_require_dtype(call, 0, call->kind == CVK_OP_MEAN ? FLOATS : ALL, types);
  for (int32_t i = 0; s == CVK_OK && i < call->n_in; i++) {
    const cvk_tensor_desc *x = call->in[i];
    if (x->dtype != first->dtype)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input 0 is %s, input %d is %s; all must be of one type", call->def->name,
                      cvk_dtype_name(first->dtype), i, cvk_dtype_name(x->dtype));
    s = cvk_broadcast(call->def->name, rank, dim, x->rank, x->dim, &rank, dim);
  }
  return s == CVK_OK ? cvk_desc_set(&call->out[0], call->def->name, first->dtype, rank, dim) : s;
}

static void run_reals(const cvk_op *op, const nary_row *row, const cvk_walk *w, int64_t done, int64_t n, const void *const *in, void *y) {
  const int32_t dtype = op->out[0]->dtype;
  double result[CVK_RUN], x[CVK_RUN];
  cvk_load_reals(dtype, in[0], w->offset[1] + done * w->step[1], w->step[1], n, result);
  for (int32_t k = 1; k < op->n_in; k++) {
    cvk_load_reals(dtype, in[k], w->offset[k + 1] + done * w->step[k + 1], w->step[k + 1], n, x);
    for (int64_t i = 0; i < n; i++) result[i] = row->real(result[i], x[i]);
  }
  for (int64_t i = 0; op->kind == CVK_OP_MEAN && i < n; i++) result[i] /= op->n_in;
  cvk_store_reals(dtype, y, w->offset[0] + done * w->step[0], w->step[0], n, result);
}

static void run_ints(const cvk_op *op, int_function f, const cvk_walk *w, int64_t done, int64_t n, const void *const *in, void *y) {
  const int32_t dtype = op->out[0]->dtype;
  int64_t result[CVK_RUN], x[CVK_RUN];
  cvk_load_ints(dtype, in[0], w->offset[1] + done * w->step[1], w->step[1], n, result);
  for (int32_t k = 1; k < op->n_in; k++) {
    cvk_load_ints(dtype, in[k], w->offset[k + 1] + done * w->step[k + 1], w->step[k + 1], n, x);
    for (int64_t i = 0; i < n; i++) result[i] = f(result[i], x[i]);
  }
  cvk_store_ints(dtype, y, w->offset[0] + done * w->step[0], w->step[0], n, result);
}

cvk_status cvk_ref_nary(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const nary_row *row = find_row(op->kind);
  const int32_t class = cvk_dtype_class(y->dtype);
  cvk_walk w;
  if (row == NULL) return cvk_fail(CVK_INTERNAL, "op kind %d: no n-ary function", op->kind);
  if (out[0] == NULL) return CVK_OK;
  cvk_walk_begin(&w, y->rank, y->dim);
  cvk_walk_add_broadcast(&w, y->rank, y->dim);
  for (int32_t k = 0; k < op->n_in; k++) cvk_walk_add_broadcast(&w, op->in[k]->rank, op->in[k]->dim);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    for (int64_t done = 0; done < w.run; done += CVK_RUN) {
      const int64_t n = w.run - done < CVK_RUN ? w.run - done : CVK_RUN;
      if (class == CVK_CLASS_REAL)
        run_reals(op, row, &w, done, n, in, out[0]);
      else
        run_ints(op, class == CVK_CLASS_SIGNED ? row->on_signed : row->on_unsigned, &w, done, n, in, out[0]);
    }
  return CVK_OK;
}

/* MIN, MAX: the first input that equals the result takes the gradient; where the result is NaN none does. */
cvk_status cvk_grad_min_max(cvk_gradient *c) {
  const cvk_value zero = cvk_grad_scalar(c, c->out[0].dtype, 0);
  cvk_value rest = c->gy[0];
  for (int32_t i = 0; i < c->n_in; i++) {
    const cvk_value wins = cvk_grad_op2(c, CVK_OP_EQUAL, c->x[i], c->y[0]);
    if (c->wanted[i]) c->gx[i] = cvk_grad_sum_to(c, cvk_grad_where(c, wins, rest, zero), &c->out[0], c->in[i]);
    if (i + 1 < c->n_in) rest = cvk_grad_where(c, wins, zero, rest);
  }
  return c->status;
}

/* SUM, MEAN */
cvk_status cvk_grad_sum(cvk_gradient *c) {
  const cvk_value g = c->def->kind == CVK_OP_MEAN ? cvk_grad_times(c, c->gy[0], c->out[0].dtype, 1 / (double)c->n_in) : c->gy[0];
  for (int32_t i = 0; i < c->n_in; i++)
    if (c->wanted[i]) c->gx[i] = cvk_grad_sum_to(c, g, &c->out[0], c->in[i]);
  return c->status;
}

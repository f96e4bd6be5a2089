/* SPDX-License-Identifier: Apache-2.0 */
/* reduce.c: REDUCE_MEAN, _SUM, _MAX, _MIN, _PROD over some axes (ONNX Reduce*). Floats are combined in double in index order and rounded
 * once; NaN wins in MAX and MIN. Integer sums and products wrap, integer means truncate. Over no element: sum 0, product 1, mean NaN, max and min the type's lowest and
 * highest value (-inf, inf); an integer mean of none is INVALID_ARGUMENT. */
#include <float.h>
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

void cvk_defaults_reduce(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->axes.keep_dims = 1;
}

/* Attribute axes, or input 1's, to rising non-negative ones in the attribute; all axes where none is given, unless that means none. */
static cvk_status resolve_axes(cvk_op_call *call) {
  cvk_axes_attr *attr = &call->attr->axes;
  const int32_t rank = call->in[0]->rank;
  int64_t axes[CVK_MAX_RANK];
  int32_t n, reduced[CVK_MAX_RANK] = {0};
  cvk_status s = cvk_read_ints(call, 1, CVK_MAX_RANK, axes, &n);
  if (s != CVK_OK) return s;
  if (n < 0) {
    if (attr->n_axes < 0 || attr->n_axes > CVK_MAX_RANK)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %d axes, allowed 0 to %d", call->def->name, attr->n_axes, CVK_MAX_RANK);
    n = attr->n_axes;
    for (int32_t i = 0; i < n; i++) axes[i] = attr->axis[i];
  }
  for (int32_t i = 0; i < n && rank > 0; i++) {
    int32_t axis;
    s = cvk_axis_resolve(call->def->name, "axis", axes[i], rank, &axis);
    if (s != CVK_OK) return s;
    if (reduced[axis]++) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: axis %d is given twice", call->def->name, axis);
  }
  const int32_t all = n == 0 && !attr->noop_with_empty_axes;
  attr->n_axes = 0;
  for (int32_t a = 0; a < rank; a++)
    if (all || reduced[a]) attr->axis[attr->n_axes++] = a;
  return CVK_OK;
}

cvk_status cvk_infer_reduce(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I32, CVK_I64, CVK_U32,
                                  CVK_U64, CVK_I8,  CVK_I16, CVK_U8,   CVK_U16, CVK_BOOL};
  const int32_t n_types = (int32_t)(sizeof types / sizeof *types);
  const int32_t orders = call->kind == CVK_OP_REDUCE_MAX || call->kind == CVK_OP_REDUCE_MIN; /* they take bool too: or, and */
  const cvk_tensor_desc *x = call->in[0];
  const cvk_axes_attr *attr = &call->attr->axes;
  int64_t dim[CVK_MAX_RANK];
  int32_t rank = 0, next = 0;
  cvk_status s = cvk_require_dtype(call, 0, orders ? n_types : n_types - 1, types);
  if (s == CVK_OK) s = resolve_axes(call);
  if (s != CVK_OK) return s;
  for (int32_t a = 0; a < x->rank; a++) {
    const int32_t reduced = next < attr->n_axes && attr->axis[next] == a;
    next += reduced;
    if (!reduced)
      dim[rank++] = x->dim[a];
    else if (attr->keep_dims)
      dim[rank++] = 1;
  }
  return cvk_desc_set(&call->out[0], call->def->name, x->dtype, rank, dim);
}

static double add(double a, double b) {
  return a + b;
}
static double multiply(double a, double b) {
  return a * b;
}
static double larger(double a, double b) {
  return isnan(a) || a > b ? a : b;
}
static double smaller(double a, double b) {
  return isnan(a) || a < b ? a : b;
}
static int64_t int_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static int64_t int_multiply(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}
static int64_t signed_larger(int64_t a, int64_t b) {
  return a > b ? a : b;
}
static int64_t signed_smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static int64_t unsigned_larger(int64_t a, int64_t b) {
  return (uint64_t)a > (uint64_t)b ? a : b;
}
static int64_t unsigned_smaller(int64_t a, int64_t b) {
  return (uint64_t)a < (uint64_t)b ? a : b;
}

/* The start is what a reduction over nothing gives; that of integers is saturated to the element type. */
typedef struct reduce_row {
  int32_t kind;
  double (*real)(double, double);
  int64_t (*on_signed)(int64_t, int64_t);
  int64_t (*on_unsigned)(int64_t, int64_t);
  double start;
} reduce_row;

static const reduce_row rows[] = {
    {CVK_OP_REDUCE_MEAN, add, int_add, int_add, 0},
    {CVK_OP_REDUCE_SUM, add, int_add, int_add, 0},
    {CVK_OP_REDUCE_MAX, larger, signed_larger, unsigned_larger, -INFINITY},
    {CVK_OP_REDUCE_MIN, smaller, signed_smaller, unsigned_smaller, INFINITY},
    {CVK_OP_REDUCE_PROD, multiply, int_multiply, int_multiply, 1},
};

static const reduce_row *find_row(int32_t kind) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == kind) return &rows[i];
  return NULL;
}

/* Reduces what `inner` walks, from x's offset `base`. */
static double reduce_reals(const reduce_row *row, int32_t dtype, const void *x, cvk_walk *inner, int64_t base) {
  double result = row->start, v[CVK_RUN];
  int64_t count = 0;
  for (int32_t more = cvk_walk_start(inner); more; more = cvk_walk_next(inner))
    for (int64_t done = 0; done < inner->run; done += CVK_RUN) {
      const int64_t n = inner->run - done < CVK_RUN ? inner->run - done : CVK_RUN;
      cvk_load_reals(dtype, x, base + inner->offset[0] + done * inner->step[0], inner->step[0], n, v);
      for (int64_t i = 0; i < n; i++) result = row->real(result, v[i]);
      count += n;
    }
  return row->kind == CVK_OP_REDUCE_MEAN ? result / (double)count : result;
}

static int64_t reduce_ints(const reduce_row *row, int32_t dtype, const void *x, cvk_walk *inner, int64_t base, int64_t start) {
  const int32_t is_signed = cvk_dtype_class(dtype) == CVK_CLASS_SIGNED;
  int64_t (*const f)(int64_t, int64_t) = is_signed ? row->on_signed : row->on_unsigned;
  int64_t result = start, count = 0, v[CVK_RUN];
  for (int32_t more = cvk_walk_start(inner); more; more = cvk_walk_next(inner))
    for (int64_t done = 0; done < inner->run; done += CVK_RUN) {
      const int64_t n = inner->run - done < CVK_RUN ? inner->run - done : CVK_RUN;
      cvk_load_ints(dtype, x, base + inner->offset[0] + done * inner->step[0], inner->step[0], n, v);
      for (int64_t i = 0; i < n; i++) result = f(result, v[i]);
      count += n;
    }
  if (row->kind != CVK_OP_REDUCE_MEAN) return result;
  return is_signed ? result / count : (int64_t)((uint64_t)result / (uint64_t)count);
}

/* Two walks: over the axes that stay (x only; results come in order) and over those that go. */
static void split_axes(const cvk_op *op, cvk_walk *outer, cvk_walk *inner) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_axes_attr *attr = op->attr;
  int64_t stride[CVK_MAX_RANK], dims[2][CVK_MAX_RANK], strides[2][CVK_MAX_RANK];
  int32_t rank[2] = {0, 0}, next = 0;
  cvk_dense_strides(x->rank, x->dim, stride);
  for (int32_t a = 0; a < x->rank; a++) {
    const int32_t reduced = next < attr->n_axes && attr->axis[next] == a;
    next += reduced;
    dims[reduced][rank[reduced]] = x->dim[a];
    strides[reduced][rank[reduced]++] = stride[a];
  }
  cvk_walk_begin(outer, rank[0], dims[0]);
  cvk_walk_add(outer, strides[0], 0);
  cvk_walk_begin(inner, rank[1], dims[1]);
  cvk_walk_add(inner, strides[1], 0);
}

/* What integers start from: the row's start, saturated to the type. */
static int64_t int_start(const reduce_row *row, int32_t dtype) {
  _Alignas(8) unsigned char storage[8];
  int64_t start;
  cvk_store_reals(dtype, storage, 0, 1, 1, &row->start);
  cvk_load_ints(dtype, storage, 0, 1, 1, &start);
  return dtype == CVK_BOOL && row->kind == CVK_OP_REDUCE_MAX ? 0 : start;
}

cvk_status cvk_ref_reduce(const cvk_op *op, const void *const *in, void *const *out) {
  const int32_t dtype = op->in[0]->dtype, is_real = cvk_dtype_class(dtype) == CVK_CLASS_REAL;
  const reduce_row *row = find_row(op->kind);
  cvk_walk outer, inner;
  int64_t position = 0;
  if (row == NULL) return cvk_fail(CVK_INTERNAL, "op kind %d: no reduction", op->kind);
  if (out[0] == NULL) return CVK_OK;
  const int64_t start = is_real ? 0 : int_start(row, dtype);
  split_axes(op, &outer, &inner);
  if (!is_real && op->kind == CVK_OP_REDUCE_MEAN && cvk_count(inner.rank, inner.dim) == 0 && cvk_count(outer.rank, outer.dim) > 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "reduce_mean: a %s mean over no elements", cvk_dtype_name(dtype));
  for (int32_t more = cvk_walk_start(&outer); more; more = cvk_walk_next(&outer))
    for (int64_t i = 0; i < outer.run; i++, position++) {
      const int64_t base = outer.offset[0] + i * outer.step[0];
      if (is_real) {
        cvk_store_real(dtype, out[0], position, reduce_reals(row, dtype, in[0], &inner, base));
      } else {
        const int64_t result = reduce_ints(row, dtype, in[0], &inner, base, start);
        cvk_store_ints(dtype, out[0], position, 1, 1, &result);
      }
    }
  return CVK_OK;
}

/* REDUCE_SUM and REDUCE_MEAN: every element gets its sum's gradient, of a mean its share. */
cvk_status cvk_grad_reduce_sum(cvk_gradient *c) {
  const cvk_tensor_desc *x = c->in[0];
  cvk_tensor_desc kept = *x;
  const cvk_axes_attr *a = &c->attr->axes;
  int64_t n = 1;
  for (int32_t i = 0; i < a->n_axes; i++) {
    n *= x->dim[a->axis[i]];
    kept.dim[a->axis[i]] = 1;
  }
  if (a->n_axes == 0 && !a->noop_with_empty_axes) {
    for (int32_t i = 0; i < x->rank; i++) n *= x->dim[i], kept.dim[i] = 1;
  }
  cvk_value g = cvk_grad_reshape(c, c->gy[0], &kept);
  if (c->def->kind == CVK_OP_REDUCE_MEAN) g = cvk_grad_op2(c, CVK_OP_MUL, g, cvk_grad_scalar(c, x->dtype, 1 / (double)n));
  c->gx[0] = cvk_grad_expand(c, g, x);
  return c->status;
}

/* x with the axes that are reduced last, seen as rows of n. */
typedef struct folded {
  int32_t perm[CVK_MAX_RANK];
  cvk_tensor_desc moved, rows, row; /* x transposed; [rows, n]; [rows, 1] */
} folded;

static folded fold(const cvk_gradient *c) {
  const cvk_tensor_desc *x = c->in[0];
  const cvk_axes_attr *a = &c->attr->axes;
  folded f = {.moved = *x, .rows = {.struct_size = sizeof f.rows, .dtype = x->dtype, .rank = 2, .dim = {1, 1}}};
  int32_t reduced = 0, at = 0;
  for (int32_t i = 0; i < a->n_axes; i++) reduced |= 1 << a->axis[i];
  if (a->n_axes == 0) reduced = -1;
  for (int32_t last = 0; last < 2; last++) {
    for (int32_t i = 0; i < x->rank; i++) {
      if ((reduced >> i & 1) != last) continue;
      f.rows.dim[last] *= x->dim[i];
      f.moved.dim[at] = x->dim[i];
      f.perm[at++] = i;
    }
  }
  f.row = f.rows;
  f.row.dim[1] = 1;
  return f;
}

static cvk_value unfold(cvk_gradient *c, const folded *f, cvk_value v) {
  int32_t back[CVK_MAX_RANK] = {0};
  for (int32_t i = 0; i < f->moved.rank; i++) back[f->perm[i]] = i;
  return cvk_grad_transpose(c, cvk_grad_reshape(c, v, &f->moved), f->moved.rank, back);
}

/* REDUCE_MAX, REDUCE_MIN: the first of equal elements gets all, a NaN as it wins. REDUCE_PROD: the product of the others, those before times those
 * behind, so that zeros do no harm. */
cvk_status cvk_grad_reduce_pick(cvk_gradient *c) {
  const folded f = fold(c);
  const cvk_arg_attr along = {.struct_size = sizeof along, .axis = 1, .keep_dims = 1};
  const cvk_scatter_attr place = {.struct_size = sizeof place, .axis = 1};
  const cvk_cumulative_attr before = {.struct_size = sizeof before, .axis = 1, .exclusive = 1};
  const cvk_cumulative_attr behind = {.struct_size = sizeof behind, .axis = 1, .exclusive = 1, .reverse = 1};
  if (c->attr->axes.n_axes == 0 && c->attr->axes.noop_with_empty_axes) {
    c->gx[0] = c->gy[0];
    return c->status;
  }
  if (cvk_count(2, f.rows.dim) == 0) return c->status;
  const cvk_value x = cvk_grad_reshape(c, cvk_grad_transpose(c, c->x[0], f.moved.rank, f.perm), &f.rows), g = cvk_grad_reshape(c, c->gy[0], &f.row);
  if (c->def->kind == CVK_OP_REDUCE_PROD) {
    const cvk_value left = cvk_grad_op(c, CVK_OP_CUM_PROD, &before, 1, &x), right = cvk_grad_op(c, CVK_OP_CUM_PROD, &behind, 1, &x);
    c->gx[0] = unfold(c, &f, cvk_grad_op2(c, CVK_OP_MUL, g, cvk_grad_op2(c, CVK_OP_MUL, left, right)));
  } else {
    const int32_t arg = c->def->kind == CVK_OP_REDUCE_MAX ? CVK_OP_ARG_MAX : CVK_OP_ARG_MIN;
    const cvk_value in[3] = {cvk_grad_zeros(c, &f.rows), cvk_grad_op(c, arg, &along, 1, &x), g};
    c->gx[0] = unfold(c, &f, cvk_grad_op(c, CVK_OP_SCATTER_ELEMENTS, &place, 3, in));
  }
  return c->status;
}

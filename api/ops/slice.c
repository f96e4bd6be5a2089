/* SPDX-License-Identifier: Apache-2.0 */
/* slice.c: SLICE, a strided part of x (ONNX Slice). Negative starts and ends count from the end and all are clamped, so INT64_MAX and
 * INT64_MIN mean "to the end"; steps may be negative. The resolved attribute has one entry per axis of x; with a negative step an end of -1
 * means past index 0. A zero step in an attribute means 1; in a tensor it is an error. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

static int64_t clamp(int64_t v, int64_t low, int64_t high) {
  return v < low ? low : v > high ? high : v;
}

/* Overwrites attribute fields with those that tensors give. Axes default to the first ones, steps to 1. */
static cvk_status read_tensors(cvk_op_call *call, cvk_slice_attr *attr) {
  int64_t start[CVK_MAX_RANK], end[CVK_MAX_RANK], axis[CVK_MAX_RANK], step[CVK_MAX_RANK];
  int32_t n_start, n_end, n_axis, n_step;
  cvk_status s = cvk_read_ints(call, 1, CVK_MAX_RANK, start, &n_start);
  if (s == CVK_OK) s = cvk_read_ints(call, 2, CVK_MAX_RANK, end, &n_end);
  if (s == CVK_OK) s = cvk_read_ints(call, 3, CVK_MAX_RANK, axis, &n_axis);
  if (s == CVK_OK) s = cvk_read_ints(call, 4, CVK_MAX_RANK, step, &n_step);
  if (s != CVK_OK || (n_start < 0 && n_end < 0 && n_axis < 0 && n_step < 0)) return s;
  if (n_start < 0 || n_end != n_start || (n_axis >= 0 && n_axis != n_start) || (n_step >= 0 && n_step != n_start))
    return cvk_fail(CVK_INVALID_ARGUMENT, "slice: %d starts, %d ends, %d axes, %d steps (-1: absent); the counts must be equal", n_start,
                    n_end, n_axis, n_step);
  attr->n_axes = n_start;
  for (int32_t i = 0; i < n_start; i++) {
    if (n_step >= 0 && step[i] == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "slice: step %d is 0, allowed any other value", i);
    if (n_axis >= 0 && (axis[i] < -CVK_MAX_RANK || axis[i] >= CVK_MAX_RANK))
      return cvk_fail(CVK_INVALID_ARGUMENT, "slice: axis is %lld, allowed %d to %d", (long long)axis[i], -call->in[0]->rank,
                      call->in[0]->rank - 1);
    attr->start[i] = start[i];
    attr->end[i] = end[i];
    attr->axis[i] = n_axis >= 0 ? (int32_t)axis[i] : i;
    attr->step[i] = n_step >= 0 ? step[i] : 1;
  }
  return CVK_OK;
}

/* Clamps one axis in place and returns how many entries it takes. */
static int64_t resolve_axis(int64_t extent, int64_t *start, int64_t *end, int64_t *step) {
  if (*step == 0) *step = 1;
  if (*step == INT64_MIN) *step = -INT64_MAX; /* as far, and can be negated */
  if (*start < 0) *start += extent;
  if (*end < 0) *end += extent;
  if (*step > 0) {
    *start = clamp(*start, 0, extent);
    *end = clamp(*end, 0, extent);
    return *end > *start ? (*end - *start - 1) / *step + 1 : 0;
  }
  *start = extent == 0 ? -1 : clamp(*start, 0, extent - 1);
  *end = clamp(*end, -1, extent);
  return *start > *end ? (*start - *end - 1) / -*step + 1 : 0;
}

cvk_status cvk_infer_slice(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_slice_attr given = call->attr->slice, full = {.struct_size = given.struct_size, .n_axes = x->rank};
  int32_t named[CVK_MAX_RANK] = {0};
  int64_t dim[CVK_MAX_RANK];
  cvk_status s = read_tensors(call, &given);
  if (s != CVK_OK) return s;
  if (given.n_axes < 0 || given.n_axes > x->rank)
    return cvk_fail(CVK_INVALID_ARGUMENT, "slice: %d axes, x has rank %d", given.n_axes, x->rank);
  for (int32_t a = 0; a < x->rank; a++) {
    full.axis[a] = a;
    full.end[a] = dim[a] = x->dim[a];
    full.step[a] = 1;
  }
  for (int32_t i = 0; i < given.n_axes; i++) {
    int32_t a;
    s = cvk_axis_resolve("slice", "axis", given.axis[i], x->rank, &a);
    if (s != CVK_OK) return s;
    if (named[a]++) return cvk_fail(CVK_INVALID_ARGUMENT, "slice: axis %d is given twice", a);
    full.start[a] = given.start[i];
    full.end[a] = given.end[i];
    full.step[a] = given.step[i];
    dim[a] = resolve_axis(x->dim[a], &full.start[a], &full.end[a], &full.step[a]);
  }
  call->attr->slice = full;
  return cvk_desc_set(&call->out[0], "slice: output", x->dtype, x->rank, dim);
}

cvk_status cvk_ref_slice(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const cvk_slice_attr *attr = op->attr;
  int64_t from[CVK_MAX_RANK], to[CVK_MAX_RANK], base = 0;
  if (out[0] == NULL || cvk_count(y->rank, y->dim) == 0) return CVK_OK;
  cvk_dense_strides(x->rank, x->dim, from);
  cvk_dense_strides(y->rank, y->dim, to);
  for (int32_t a = 0; a < x->rank; a++) {
    base += attr->start[a] * from[a];
    from[a] = y->dim[a] > 1 ? from[a] * attr->step[a] : 0; /* a step beyond the axis is never taken, and might overflow */
  }
  cvk_copy_strided(cvk_dtype_bytes(x->dtype), y->rank, y->dim, out[0], to, 0, in[0], from, base);
  return CVK_OK;
}

/* Turns the axes with negative steps round, so that their cells come in order. */
static cvk_value turn(cvk_gradient *c, cvk_value v, const cvk_slice_attr *a) {
  cvk_slice_attr t = {.struct_size = sizeof t};
  for (int32_t i = 0; i < a->n_axes; i++) {
    if (a->step[i] > 0) continue;
    t.axis[t.n_axes] = i;
    t.start[t.n_axes] = -1;
    t.end[t.n_axes] = INT64_MIN;
    t.step[t.n_axes++] = -1;
  }
  return t.n_axes > 0 ? cvk_grad_op(c, CVK_OP_SLICE, &t, 1, &v) : v;
}

/* Puts step - 1 zeros behind each cell of an axis; d is v's shape and becomes the new one. */
static cvk_value spread(cvk_gradient *c, cvk_value v, cvk_tensor_desc *d, int32_t axis, int64_t step) {
  const cvk_tensor_desc single = {.struct_size = sizeof single, .dtype = d->dtype, .rank = 3,
                                  .dim = {cvk_count(axis + 1, d->dim), 1, cvk_count(d->rank - axis - 1, d->dim + axis + 1)}};
  const cvk_pad_attr behind = {.struct_size = sizeof behind, .end = {0, step - 1}};
  v = cvk_grad_reshape(c, v, &single);
  d->dim[axis] *= step;
  return cvk_grad_reshape(c, cvk_grad_op(c, CVK_OP_PAD, &behind, 1, &v), d);
}

/* Every cell back to its place, zeros elsewhere. */
cvk_status cvk_grad_slice(cvk_gradient *c) {
  const cvk_slice_attr *a = &c->attr->slice;
  const cvk_tensor_desc *x = c->in[0];
  cvk_tensor_desc d = c->out[0];
  cvk_pad_attr pad = {.struct_size = sizeof pad};
  if (cvk_count(d.rank, d.dim) == 0) return c->status;
  cvk_value v = turn(c, c->gy[0], a);
  for (int32_t i = 0; i < x->rank; i++) {
    const int64_t n = d.dim[i], step = n == 1 ? 1 : a->step[i] < 0 ? -a->step[i] : a->step[i];
    pad.begin[i] = a->step[i] < 0 ? a->start[i] - (n - 1) * step : a->start[i];
    if (step > 1) v = spread(c, v, &d, i, step);
    pad.end[i] = x->dim[i] - pad.begin[i] - d.dim[i]; /* the zeros behind the last cell may be too many */
  }
  c->gx[0] = cvk_grad_op(c, CVK_OP_PAD, &pad, 1, &v);
  return c->status;
}

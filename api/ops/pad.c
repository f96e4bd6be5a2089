/* SPDX-License-Identifier: Apache-2.0 */
/* pad.c: PAD, https://onnx.ai/onnx/operators/onnx__Pad.html: any rank and element type. A negative pad crops, and all crops come before any
 * padding: reflect, edge and wrap see the cropped input. Reflect wider than the input bounces back and forth (of one cell it repeats that
 * cell), wrap repeats. Only constant pads may grow an axis that has nothing left. */
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

enum { PADS = 1, VALUE = 2, AXES = 3 }; /* inputs */

/* What a pad leaves of an axis: the cells [first, first + kept) of x, then begin and end cells around them (>= 0). */
typedef struct pad_axis {
  int64_t first, kept, begin, end;
} pad_axis;

static pad_axis axis_of(const cvk_pad_attr *a, int32_t axis, int64_t in) {
  const int64_t b = a->begin[axis], e = a->end[axis], crop_begin = b < 0 ? -b : 0, crop_end = e < 0 ? -e : 0;
  return (pad_axis){crop_begin, in - crop_begin - crop_end, b > 0 ? b : 0, e > 0 ? e : 0};
}

/* Inputs 1 and 3: the pads of all axes, or of the axes listed. */
static cvk_status read_pads(const cvk_op_call *call, cvk_pad_attr *a) {
  const int32_t rank = call->in[0]->rank;
  int64_t pads[2 * CVK_MAX_RANK], axes[CVK_MAX_RANK];
  int32_t n_pads, n_axes, seen = 0;
  cvk_status s = cvk_read_ints(call, PADS, 2 * CVK_MAX_RANK, pads, &n_pads);
  if (s == CVK_OK) s = cvk_read_ints(call, AXES, CVK_MAX_RANK, axes, &n_axes);
  if (s != CVK_OK || n_pads < 0) return s;
  if (n_axes < 0) {
    n_axes = rank;
    for (int32_t i = 0; i < rank; i++) axes[i] = i;
  }
  if (n_pads != 2 * n_axes)
    return cvk_fail(CVK_INVALID_ARGUMENT, "pad: %d pads for %d axes, wanted a begin and an end for each", n_pads, n_axes);
  memset(a->begin, 0, sizeof a->begin);
  memset(a->end, 0, sizeof a->end);
  for (int32_t i = 0; i < n_axes; i++) {
    int32_t axis;
    s = cvk_axis_resolve("pad", "an entry of axes", axes[i], rank, &axis);
    if (s != CVK_OK) return s;
    if (seen >> axis & 1) return cvk_fail(CVK_INVALID_ARGUMENT, "pad: axis %d is listed twice", axis);
    seen |= 1 << axis;
    a->begin[axis] = pads[i];
    a->end[axis] = pads[n_axes + i];
  }
  return CVK_OK;
}

static cvk_status read_value(const cvk_op_call *call, cvk_pad_attr *a) {
  const cvk_tensor_desc *v = call->n_in > VALUE ? call->in[VALUE] : NULL;
  if (v == NULL) return CVK_OK;
  if (cvk_count(v->rank, v->dim) != 1)
    return cvk_fail(CVK_INVALID_SHAPE, "pad: the value has %lld elements, allowed 1", (long long)cvk_count(v->rank, v->dim));
  const cvk_status s = cvk_require_dtype(call, VALUE, 1, &call->in[0]->dtype);
  if (s != CVK_OK) return s;
  if (v->const_data == NULL) return cvk_fail(CVK_UNSUPPORTED, "pad: the value must be known when the op is prepared");
  a->value = cvk_load_real(v->dtype, v->const_data, 0);
  return CVK_OK;
}

static cvk_status axis_extent(const cvk_pad_attr *a, int32_t axis, int64_t in, int64_t *out) {
  const int64_t b = a->begin[axis], e = a->end[axis];
  if (b < -in || e < -in || (b < 0 && e < 0 && b + e < -in))
    return cvk_fail(CVK_INVALID_ARGUMENT, "pad: pads %lld and %lld crop more than the extent %lld of axis %d", (long long)b, (long long)e,
                    (long long)in, axis);
  const pad_axis p = axis_of(a, axis, in);
  if (p.kept == 0 && p.begin + (uint64_t)p.end > 0 && a->mode != CVK_PAD_CONSTANT)
    return cvk_fail(CVK_INVALID_ARGUMENT,
                    "pad: axis %d has no cell left to pad from (extent %lld, pads %lld and %lld); only constant pads can", axis,
                    (long long)in, (long long)b, (long long)e);
  if (__builtin_add_overflow(p.kept, p.begin, out) || __builtin_add_overflow(*out, p.end, out))
    return cvk_fail(CVK_SIZE_OVERFLOW, "pad: extent %lld with pads %lld and %lld on axis %d exceeds 2^63-1", (long long)in, (long long)b,
                    (long long)e, axis);
  return CVK_OK;
}

cvk_status cvk_infer_pad(cvk_op_call *call) {
  cvk_pad_attr *a = &call->attr->pad;
  const cvk_tensor_desc *x = call->in[0];
  int64_t dim[CVK_MAX_RANK];
  if (a->mode < CVK_PAD_CONSTANT || a->mode > CVK_PAD_WRAP)
    return cvk_fail(CVK_INVALID_ARGUMENT, "pad: mode is %d, allowed %d to %d", a->mode, CVK_PAD_CONSTANT, CVK_PAD_WRAP);
  cvk_status s = read_pads(call, a);
  if (s == CVK_OK) s = read_value(call, a);
  for (int32_t i = 0; i < x->rank && s == CVK_OK; i++) s = axis_extent(a, i, x->dim[i], &dim[i]);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "pad: output", x->dtype, x->rank, dim) : s;
}

/* The cell of x behind output cell o of an axis; -1: the constant. */
static int64_t source_of(const pad_axis *p, int32_t mode, int64_t o) {
  const int64_t n = p->kept;
  int64_t i = o - p->begin;
  if (i >= 0 && i < n) return p->first + i;
  if (mode == CVK_PAD_CONSTANT) return -1;
  if (mode == CVK_PAD_EDGE) return p->first + (i < 0 ? 0 : n - 1);
  const int64_t period = mode == CVK_PAD_WRAP ? n : n > 1 ? 2 * (n - 1) : 1;
  i %= period;
  if (i < 0) i += period;
  return p->first + (i < n ? i : period - i);
}

/* One output row (the last axis). `from`: the row of x it comes from, NULL: all constant. */
static void fill_row(char *row, const char *from, int64_t n, const pad_axis *p, int32_t mode, size_t size, const void *value) {
  for (int64_t o = 0; o < n; o++) {
    const int64_t i = from ? source_of(p, mode, o) : -1;
    memcpy(row + o * (int64_t)size, i < 0 ? value : from + i * (int64_t)size, size);
  }
}

cvk_status cvk_ref_pad(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_pad_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const size_t size = (size_t)cvk_dtype_bytes(x->dtype);
  const int32_t outer = x->rank > 0 ? x->rank - 1 : 0;
  const int64_t count = cvk_count(y->rank, y->dim), columns = y->rank > 0 ? y->dim[outer] : 1, in_columns = x->rank > 0 ? x->dim[outer] : 1;
  pad_axis axes[CVK_MAX_RANK] = {{0, 1, 0, 0}};
  int64_t value = 0; /* room for any element, aligned */
  if (count == 0) return CVK_OK;
  for (int32_t i = 0; i < x->rank; i++) axes[i] = axis_of(a, i, x->dim[i]);
  if (op->n_in > VALUE && op->in[VALUE] && in[VALUE])
    memcpy(&value, in[VALUE], size); /* exact, where the attribute's double may not be */
  else
    cvk_store_real(x->dtype, &value, 0, a->value);
  for (int64_t row = 0; row < count / columns; row++) {
    int64_t rest = row, at = 0, scale = in_columns;
    int inside = 1;
    for (int32_t i = outer - 1; i >= 0; i--) {
      const int64_t source = source_of(&axes[i], a->mode, rest % y->dim[i]);
      if (source < 0) inside = 0;
      rest /= y->dim[i];
      at += source * scale;
      scale *= x->dim[i];
    }
    fill_row((char *)out[0] + row * columns * (int64_t)size, inside ? (const char *)in[0] + at * (int64_t)size : NULL, columns,
             &axes[outer], a->mode, size, &value);
  }
  return CVK_OK;
}

/* CONSTANT: the pads with the other sign, so that what was added is cropped and what was cropped is zero. Else each cell of an axis is added to
 * the one that it repeats. */
cvk_status cvk_grad_pad(cvk_gradient *c) {
  cvk_pad_attr a = c->attr->pad;
  cvk_tensor_desc d = c->out[0];
  c->gx[0] = c->gy[0];
  if (a.mode == CVK_PAD_CONSTANT) {
    for (int32_t i = 0; i < d.rank; i++) a.begin[i] = -a.begin[i], a.end[i] = -a.end[i];
    a.value = 0;
    c->gx[0] = cvk_grad_op(c, CVK_OP_PAD, &a, 1, c->gy);
    return c->status;
  }
  for (int32_t i = 0; i < d.rank && c->status == CVK_OK; i++) {
    const pad_axis p = axis_of(&a, i, c->in[0]->dim[i]);
    const int64_t n = d.dim[i];
    if (a.begin[i] == 0 && a.end[i] == 0) continue;
    int64_t *source = malloc(((size_t)n + 1) * sizeof *source);
    if (source == NULL) return cvk_fail(CVK_NO_MEMORY, "pad: no memory for the indices of its gradient");
    for (int64_t o = 0; o < n; o++) source[o] = source_of(&p, a.mode, o);
    d.dim[i] = c->in[0]->dim[i];
    c->gx[0] = cvk_grad_scatter_axis(c, c->gx[0], &d, i, cvk_grad_ints(c, n, source), n);
    free(source);
  }
  return c->status;
}

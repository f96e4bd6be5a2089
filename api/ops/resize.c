/* SPDX-License-Identifier: Apache-2.0 */
/* resize.c: RESIZE (ONNX Resize, Upsample): any rank; any element type to the nearest cell, numbers by linear or cubic filters, one axis
 * after the other, in double. A tap whose weight is 0 takes no part, so that an infinity beside a sample does no harm. Integers are rounded
 * to the nearest, halves to even, and saturated. Where scales are given, extents are their products with x's in float, without the
 * fraction, as ONNX's shape inference has it (the part of x that TF_CROP_AND_RESIZE takes does not count). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

enum { ROI = 1, SCALES = 2, SIZES = 3 }; /* inputs */
#define MOST_ROI 0x1p53
#define COUNT(A) ((int32_t)(sizeof(A) / sizeof *(A)))

void cvk_defaults_resize(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->resize.cubic_a = -0.75f;
}

/* ---- the shape rule ---- */

static cvk_status check_choice(const char *what, int32_t value, int32_t last) {
  if (value >= 0 && value <= last) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "resize: %s is %d, allowed 0 to %d", what, value, last);
}

static cvk_status check_choices(const cvk_resize_attr *a) {
  cvk_status s = check_choice("mode", a->mode, CVK_CUBIC);
  if (s == CVK_OK) s = check_choice("coordinates", a->coordinates, CVK_TF_CROP_AND_RESIZE);
  if (s == CVK_OK) s = check_choice("rounding", a->rounding, CVK_ROUND_CEIL);
  if (s == CVK_OK) s = check_choice("antialias", a->antialias, 1);
  if (s == CVK_OK) s = check_choice("exclude_outside", a->exclude_outside, 1);
  if (s == CVK_OK) s = check_choice("keep_aspect", a->keep_aspect, CVK_NOT_SMALLER);
  if (s == CVK_OK && a->antialias && a->mode == CVK_NEAREST)
    s = cvk_fail(CVK_INVALID_ARGUMENT, "resize: antialias goes with linear and cubic, not with the nearest cell");
  return s;
}

/* An empty input of any type stands for an absent one. */
static const cvk_tensor_desc *given(const cvk_op_call *call, int32_t i) {
  const cvk_tensor_desc *d = i < call->n_in ? call->in[i] : NULL;
  return d && cvk_count(d->rank, d->dim) > 0 ? d : NULL;
}

/* The values of input i, as doubles. *n = -1: it is absent. */
static cvk_status read_reals(const cvk_op_call *call, int32_t i, int32_t most, double *v, int32_t *n) {
  const cvk_tensor_desc *d = given(call, i);
  char text[CVK_DIMS_TEXT];
  *n = -1;
  if (d == NULL) return CVK_OK;
  if (d->rank != 1 || d->dim[0] > most)
    return cvk_fail(CVK_INVALID_SHAPE, "resize: input %d has shape %s, allowed a vector of at most %d", i,
                    cvk_dims_text(d->rank, d->dim, text), most);
  if (d->const_data == NULL) return cvk_fail(CVK_UNSUPPORTED, "resize: the value of input %d must be known when the op is prepared", i);
  *n = (int32_t)d->dim[0];
  cvk_load_reals(d->dtype, d->const_data, 0, 1, *n, v);
  return CVK_OK;
}

static cvk_status fail_count(const char *what, int32_t n, int32_t axes) {
  return cvk_fail(CVK_INVALID_ARGUMENT, "resize: %d %s are given for %d axes", n, what, axes);
}

static cvk_status read_roi(const cvk_op_call *call, cvk_resize_attr *a) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  double v[2 * CVK_MAX_RANK];
  int32_t n = -1;
  if (a->coordinates != CVK_TF_CROP_AND_RESIZE) return CVK_OK; /* it says nothing then */
  cvk_status s = given(call, ROI) ? cvk_require_dtype(call, ROI, COUNT(types), types) : CVK_OK;
  if (s == CVK_OK) s = read_reals(call, ROI, 2 * CVK_MAX_RANK, v, &n);
  if (s == CVK_OK && n >= 0 && n != 2 * a->n_axes) s = fail_count("numbers of the region", n, a->n_axes);
  for (int32_t i = 0; s == CVK_OK && i < n / 2; i++) {
    a->roi_begin[i] = v[i];
    a->roi_end[i] = v[n / 2 + i];
  }
  int32_t is_given = n >= 0;
  for (int32_t i = 0; s == CVK_OK && i < a->n_axes; i++) {
    if (!(fabs(a->roi_begin[i]) <= MOST_ROI && fabs(a->roi_end[i]) <= MOST_ROI))
      s = cvk_fail(CVK_INVALID_ARGUMENT, "resize: the region of entry %d is %g to %g, allowed -2^53 to 2^53", i, a->roi_begin[i],
                   a->roi_end[i]);
    if (a->roi_begin[i] != 0 || a->roi_end[i] != 0) is_given = 1;
  }
  if (s == CVK_OK && !is_given && a->n_axes > 0) s = cvk_fail(CVK_INVALID_ARGUMENT, "resize: the region (roi) to be cropped is missing");
  return s;
}

static int32_t any_scale(const cvk_resize_attr *a) {
  for (int32_t i = 0; i < a->n_axes; i++)
    if (a->scale[i] != 0) return 1;
  return 0;
}

static int32_t any_size(const cvk_resize_attr *a) {
  for (int32_t i = 0; i < a->n_axes; i++)
    if (a->size[i] != 0) return 1;
  return 0;
}

/* Inputs 2 and 3. *by_scales: which of the two it is. */
static cvk_status read_targets(const cvk_op_call *call, cvk_resize_attr *a, int32_t *by_scales) {
  static const int32_t types[] = {CVK_F32};
  double v[CVK_MAX_RANK];
  int64_t sizes[CVK_MAX_RANK];
  int32_t n_scales = -1, n_sizes = -1;
  cvk_status s = given(call, SCALES) ? cvk_require_dtype(call, SCALES, 1, types) : CVK_OK;
  if (s == CVK_OK) s = read_reals(call, SCALES, CVK_MAX_RANK, v, &n_scales);
  if (s == CVK_OK && given(call, SIZES)) s = cvk_read_ints(call, SIZES, CVK_MAX_RANK, sizes, &n_sizes);
  if (s != CVK_OK) return s;
  if (n_scales >= 0 || n_sizes >= 0) {
    memset(a->scale, 0, sizeof a->scale);
    memset(a->size, 0, sizeof a->size);
  }
  *by_scales = n_scales >= 0 || any_scale(a);
  if (a->n_axes > 0 && *by_scales == (n_sizes >= 0 || any_size(a)))
    return cvk_fail(CVK_INVALID_ARGUMENT, "resize: expected either scales or sizes");
  if (n_scales >= 0 && n_scales != a->n_axes) return fail_count("scales", n_scales, a->n_axes);
  if (n_sizes >= 0 && n_sizes != a->n_axes) return fail_count("sizes", n_sizes, a->n_axes);
  for (int32_t i = 0; i < n_scales; i++) a->scale[i] = (float)v[i];
  for (int32_t i = 0; i < n_sizes; i++) a->size[i] = sizes[i];
  for (int32_t i = 0; i < a->n_axes; i++) {
    if (*by_scales && !(a->scale[i] > 0 && isfinite(a->scale[i])))
      return cvk_fail(CVK_INVALID_ARGUMENT, "resize: scale %d is %g, expected more than 0", i, (double)a->scale[i]);
    if (a->size[i] < 0) return cvk_fail(CVK_INVALID_ARGUMENT, "resize: size %d is %lld, allowed >= 0", i, (long long)a->size[i]);
  }
  return CVK_OK;
}

/* Each listed axis once, from zero; none listed: all. */
static cvk_status resolve_axes(const cvk_op_call *call, cvk_resize_attr *a) {
  const int32_t rank = call->in[0]->rank;
  int32_t seen = 0;
  if (a->n_axes < 0 || a->n_axes > CVK_MAX_RANK)
    return cvk_fail(CVK_INVALID_ARGUMENT, "resize: %d axes are listed, allowed 0 to %d", a->n_axes, CVK_MAX_RANK);
  if (a->n_axes == 0) {
    a->n_axes = rank;
    for (int32_t i = 0; i < rank; i++) a->axis[i] = i;
  }
  for (int32_t i = 0; i < a->n_axes; i++) {
    const cvk_status s = cvk_axis_resolve("resize", "an entry of axes", a->axis[i], rank, &a->axis[i]);
    if (s != CVK_OK) return s;
    if (seen >> a->axis[i] & 1) return cvk_fail(CVK_INVALID_ARGUMENT, "resize: axis %d is listed twice", a->axis[i]);
    seen |= 1 << a->axis[i];
  }
  return CVK_OK;
}

/* The listed axes keep the ratio of their extents: the entry that asks for the least (or most) says the scale. */
static int32_t entry_of_scale(const cvk_tensor_desc *x, const cvk_resize_attr *a) {
  int32_t chosen = 0;
  for (int32_t i = 1; i < a->n_axes; i++) {
    const double one = (double)a->size[i] / (double)x->dim[a->axis[i]], best = (double)a->size[chosen] / (double)x->dim[a->axis[chosen]];
    if (a->keep_aspect == CVK_NOT_LARGER ? one < best : one > best) chosen = i;
  }
  return chosen;
}

static cvk_status check_keep_aspect(const cvk_tensor_desc *x, const cvk_resize_attr *a) {
  for (int32_t i = 0; a->keep_aspect != CVK_STRETCH && i < a->n_axes; i++)
    if (x->dim[a->axis[i]] == 0)
      return cvk_fail(CVK_INVALID_SHAPE, "resize: axis %d has extent 0; the ratio of extents can't be kept", a->axis[i]);
  return CVK_OK;
}

/* Extent and width of listed entry i. */
static cvk_status target_of(const cvk_tensor_desc *x, const cvk_resize_attr *a, int32_t i, int32_t by_scales, int32_t leader, int64_t *size,
                            double *width) {
  const int64_t in = x->dim[a->axis[i]];
  if (by_scales) {
    const float product = (float)in * a->scale[i];
    *width = (double)product;
    if (*width >= 0x1p63)
      return cvk_fail(CVK_SIZE_OVERFLOW, "resize: extent %lld of axis %d times %g is more than 2^63-1", (long long)in, a->axis[i],
                      (double)a->scale[i]);
    *size = (int64_t)floor(*width);
    return CVK_OK;
  }
  *size = a->size[i];
  *width = (double)*size;
  if (a->keep_aspect == CVK_STRETCH) return CVK_OK;
  *width = (double)a->size[leader] * (double)in / (double)x->dim[a->axis[leader]];
  if (*width >= 0x1p62)
    return cvk_fail(CVK_SIZE_OVERFLOW, "resize: axis %d of extent %lld would be %g long", a->axis[i], (long long)in, *width);
  *size = (int64_t)floor(*width + 0.5);
  return CVK_OK;
}

cvk_status cvk_infer_resize(cvk_op_call *call) {
  static const int32_t filtered[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16,
                                     CVK_I32, CVK_I64, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  const cvk_tensor_desc *x = call->in[0];
  cvk_resize_attr *attr = &call->attr->resize, a = *attr;
  int32_t by_scales = 0;
  cvk_status s = check_choices(&a);
  if (s == CVK_OK && a.mode != CVK_NEAREST) s = cvk_require_dtype(call, 0, COUNT(filtered), filtered);
  if (s == CVK_OK) s = resolve_axes(call, &a);
  if (s == CVK_OK) s = read_roi(call, &a);
  if (s == CVK_OK) s = read_targets(call, &a, &by_scales);
  if (s == CVK_OK && !by_scales) s = check_keep_aspect(x, &a);
  if (s != CVK_OK) return s;
  attr->n_axes = x->rank;
  attr->keep_aspect = CVK_STRETCH;
  for (int32_t d = 0; d < CVK_MAX_RANK; d++) {
    attr->axis[d] = d < x->rank ? d : 0;
    attr->scale[d] = 0;
    attr->size[d] = d < x->rank ? x->dim[d] : 0;
    attr->width[d] = (double)attr->size[d];
    attr->roi_begin[d] = 0;
    attr->roi_end[d] = d < x->rank ? 1 : 0;
  }
  const int32_t leader = by_scales || a.keep_aspect == CVK_STRETCH ? 0 : entry_of_scale(x, &a);
  for (int32_t i = 0; i < a.n_axes; i++) {
    const int32_t d = a.axis[i];
    s = target_of(x, &a, i, by_scales, leader, &attr->size[d], &attr->width[d]);
    if (s != CVK_OK) return s;
    if (x->dim[d] == 0 && attr->size[d] > 0)
      return cvk_fail(CVK_INVALID_SHAPE, "resize: axis %d has no cells to make %lld of", d, (long long)attr->size[d]);
    if (a.coordinates != CVK_TF_CROP_AND_RESIZE) continue;
    attr->roi_begin[d] = a.roi_begin[i];
    attr->roi_end[d] = a.roi_end[i];
  }
  return cvk_desc_set(&call->out[0], "resize: output", x->dtype, x->rank, attr->size);
}

/* ---- the reference ---- */

static int64_t clamp(double cell, int64_t n) {
  return cell < 0 ? 0 : cell > (double)(n - 1) ? n - 1 : (int64_t)cell;
}

static int64_t nearest_of(double at, int32_t rounding, int64_t n) {
  const double low = floor(at), high = ceil(at), fraction = at - low;
  switch (rounding) {
    case CVK_ROUND_PREFER_CEIL:
      return clamp(fraction < 0.5 ? low : high, n);
    case CVK_ROUND_FLOOR:
      return clamp(low, n);
    case CVK_ROUND_CEIL:
      return clamp(high, n);
    default:
      return clamp(fraction <= 0.5 ? low : high, n);
  }
}

/* Whether cell o of the axis is made of a place outside x. */
static int32_t is_outside(const cvk_resize_attr *a, int32_t axis, int64_t n, int64_t o) {
  if (a->coordinates != CVK_TF_CROP_AND_RESIZE) return 0;
  const double at = cvk_resize_source(a, axis, n, o);
  return at < 0 || at > (double)(n - 1);
}

static double filter(const cvk_resize_attr *a, double distance) {
  const double d = fabs(distance), c = (double)a->cubic_a;
  if (a->mode == CVK_LINEAR) return d < 1 ? 1 - d : 0;
  if (d <= 1) return ((c + 2) * d - (c + 3)) * d * d + 1;
  return d < 2 ? ((c * d - 5 * c) * d + 8 * c) * d - 4 * c : 0;
}

static int32_t resized(const cvk_resize_attr *a, int32_t axis, int64_t n) {
  return a->width[axis] != (double)n || a->size[axis] != n || a->roi_begin[axis] != 0 || a->roi_end[axis] != 1;
}

/* Adds the taps of cell o of the axis, each a slice of `inner` elements of x [n, inner], to y [inner], which is zero. */
static void add_taps(const cvk_resize_attr *a, int32_t axis, int64_t n, int64_t o, int64_t inner, const double *x, double *y) {
  const double scale = a->width[axis] / (double)n, wide = a->antialias && scale < 1 ? scale : 1;
  const double reach = (a->mode == CVK_LINEAR ? 1 : 2) / wide;
  const double at = fmin(fmax(cvk_resize_source(a, axis, n, o), -reach - 1), (double)n + reach); /* farther out the cells are the same */
  double sum = 0;
  for (double cell = floor(at - reach) + 1; cell < at + reach; cell++)
    if (!a->exclude_outside || (cell >= 0 && cell < (double)n)) sum += filter(a, (cell - at) * wide);
  for (double cell = floor(at - reach) + 1; cell < at + reach; cell++) {
    const double w = filter(a, (cell - at) * wide), share = a->antialias || a->exclude_outside ? w / sum : w;
    if (w == 0 || (a->exclude_outside && (cell < 0 || cell >= (double)n))) continue;
    const double *from = x + clamp(cell, n) * inner;
    for (int64_t i = 0; i < inner; i++) y[i] += share * from[i];
  }
}

/* x [before, n, inner] along one axis; x is freed. NULL: no memory. */
static double *resize_axis(const cvk_resize_attr *a, int32_t axis, int64_t before, int64_t n, int64_t inner, double *x) {
  const int64_t out = a->size[axis], made[] = {before, out, inner}, count = cvk_count(3, made);
  double *y = count < 0 || count > INT64_MAX / 16 ? NULL : calloc((size_t)count + 1, sizeof *y);
  for (int64_t b = 0; y && b < before; b++)
    for (int64_t o = 0; o < out; o++) add_taps(a, axis, n, o, inner, x + b * n * inner, y + (b * out + o) * inner);
  free(x);
  return y;
}

static void store(int32_t dtype, void *y, int64_t i, double v) {
  cvk_store_real(dtype, y, i, cvk_dtype_class(dtype) == CVK_CLASS_REAL ? v : rint(v));
}

/* Cells with a source outside x become the extrapolation value. */
static void extrapolate(const cvk_resize_attr *a, const cvk_tensor_desc *x, const cvk_tensor_desc *y, void *out) {
  int64_t inner = 1;
  for (int32_t d = y->rank - 1; d >= 0; inner *= y->dim[d--])
    for (int64_t o = 0; o < y->dim[d]; o++) {
      if (!is_outside(a, d, x->dim[d], o)) continue;
      const int64_t before = cvk_count(d, y->dim);
      for (int64_t b = 0; b < before; b++)
        for (int64_t i = 0; i < inner; i++) store(y->dtype, out, (b * y->dim[d] + o) * inner + i, (double)a->extrapolation);
    }
}

static cvk_status ref_filtered(const cvk_resize_attr *a, const cvk_tensor_desc *x, const cvk_tensor_desc *y, const void *in, void *out) {
  const int64_t count = cvk_count(x->rank, x->dim), made = cvk_count(y->rank, y->dim);
  double *v = malloc(((size_t)count + 1) * sizeof *v);
  if (v) cvk_load_reals(x->dtype, in, 0, 1, count, v);
  for (int32_t d = 0; d < x->rank && v; d++)
    if (resized(a, d, x->dim[d])) v = resize_axis(a, d, cvk_count(d, y->dim), x->dim[d], cvk_count(x->rank - d - 1, x->dim + d + 1), v);
  if (v == NULL) return cvk_fail(CVK_NO_MEMORY, "resize: no memory for the sums along an axis");
  for (int64_t i = 0; i < made; i++) store(y->dtype, out, i, v[i]);
  free(v);
  return CVK_OK;
}

static cvk_status ref_nearest(const cvk_resize_attr *a, const cvk_tensor_desc *x, const cvk_tensor_desc *y, const void *in, void *out) {
  const int64_t count = cvk_count(y->rank, y->dim);
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  int64_t stride[CVK_MAX_RANK];
  cvk_dense_strides(x->rank, x->dim, stride);
  for (int64_t i = 0; i < count; i++) {
    int64_t rest = i, from = 0;
    for (int32_t d = y->rank - 1; d >= 0; d--) {
      const double at = cvk_resize_source(a, d, x->dim[d], rest % y->dim[d]);
      from += nearest_of(at, a->rounding, x->dim[d]) * stride[d];
      rest /= y->dim[d];
    }
    cvk_copy_run(bytes, 1, out, i, 1, in, from, 1);
  }
  return CVK_OK;
}

cvk_status cvk_ref_resize(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_resize_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  if (out[0] == NULL || cvk_count(y->rank, y->dim) == 0) return CVK_OK;
  const cvk_status s = (a->mode == CVK_NEAREST ? ref_nearest : ref_filtered)(a, x, y, in[0], out[0]);
  if (s == CVK_OK && a->coordinates == CVK_TF_CROP_AND_RESIZE) extrapolate(a, x, y, out[0]);
  return s;
}

/* ---- the gradient: nearest: each cell of y is added to the one that it is. Linear, cubic: y is a matrix times x along each axis, so x gets the
 * transposed one. ---- */

static cvk_value scatter_nearest(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *y, int32_t axis) {
  const cvk_resize_attr *a = &c->attr->resize;
  const int64_t n = c->in[0]->dim[axis], out = y->dim[axis];
  cvk_tensor_desc to = *y;
  to.dim[axis] = n;
  int64_t *source = malloc(((size_t)out + 1) * sizeof *source);
  if (source == NULL) {
    c->status = cvk_fail(CVK_NO_MEMORY, "resize: no memory for the indices of its gradient");
    return CVK_NO_VALUE;
  }
  for (int64_t o = 0; o < out; o++) source[o] = nearest_of(cvk_resize_source(a, axis, n, o), a->rounding, n);
  v = cvk_grad_scatter_axis(c, v, &to, axis, cvk_grad_ints(c, out, source), out);
  free(source);
  return v;
}

/* m [n, out]: the weight of cell i of x in cell o of y. What y is made of shows in the columns of the unit matrix, some at a time. */
static cvk_status fill_weights(const cvk_resize_attr *a, int32_t axis, int64_t n, int64_t out, double *m) {
  enum { BLOCK = 64 };
  double row[BLOCK], *unit = calloc((size_t)n * BLOCK + 1, sizeof *unit);
  if (unit == NULL) return cvk_fail(CVK_NO_MEMORY, "resize: no memory for the weights of its gradient");
  for (int64_t first = 0; first < n; first += BLOCK) {
    const int64_t w = n - first < BLOCK ? n - first : BLOCK;
    memset(unit, 0, (size_t)(n * w) * sizeof *unit);
    for (int64_t i = 0; i < w; i++) unit[(first + i) * w + i] = 1;
    for (int64_t o = 0; o < out; o++) {
      memset(row, 0, sizeof row);
      add_taps(a, axis, n, o, w, unit, row);
      for (int64_t i = 0; i < w; i++) m[(first + i) * out + o] = row[i];
    }
  }
  free(unit);
  return CVK_OK;
}

static cvk_value through_weights(cvk_gradient *c, cvk_value v, const cvk_tensor_desc *y, int32_t axis) {
  const int64_t n = c->in[0]->dim[axis], out = y->dim[axis];
  double *m = n > INT64_MAX / 1024 / (out + 1) ? NULL : malloc(((size_t)(n * out) + 1) * sizeof *m);
  if (m == NULL) {
    c->status = cvk_fail(CVK_NO_MEMORY, "resize: no memory for the %lld by %lld weights of its gradient", (long long)n, (long long)out);
    return CVK_NO_VALUE;
  }
  c->status = fill_weights(&c->attr->resize, axis, n, out, m);
  v = cvk_grad_along(c, v, y, axis, cvk_grad_matrix(c, y->dtype, n, out, m), n);
  free(m);
  return v;
}

cvk_status cvk_grad_resize(cvk_gradient *c) {
  cvk_tensor_desc d = c->out[0];
  const cvk_resize_attr *a = &c->attr->resize;
  if (a->coordinates == CVK_TF_CROP_AND_RESIZE) return cvk_fail(CVK_UNSUPPORTED, "resize has no gradient with tf_crop_and_resize");
  for (int32_t i = 1; i < c->n_in; i++)
    if (c->wanted[i]) return cvk_fail(CVK_UNSUPPORTED, "resize has no gradient in input %d", i);
  if (cvk_count(d.rank, d.dim) == 0) return c->status;
  c->gx[0] = c->gy[0];
  for (int32_t i = 0; i < d.rank && c->status == CVK_OK; i++) {
    if (!resized(a, i, c->in[0]->dim[i])) continue;
    c->gx[0] = (a->mode == CVK_NEAREST ? scatter_nearest : through_weights)(c, c->gx[0], &d, i);
    d.dim[i] = c->in[0]->dim[i];
  }
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* window.c: see window.h. All sums and products of extents are overflow-checked: pads and dilations come from files. */
#include "window.h"

static int64_t ceil_div(int64_t a, int64_t b) {
  return a / b + (a % b > 0);
} /* b > 0 */

cvk_status cvk_window_check(const char *op, int32_t n, const cvk_window_params *p, int64_t *extent) {
  if (*p->auto_pad < CVK_PAD_EXPLICIT || *p->auto_pad > CVK_VALID)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: auto_pad is %d, allowed 0 to %d", op, *p->auto_pad, CVK_VALID);
  for (int32_t a = 0; a < n; a++) {
    if (p->stride[a] == 0) p->stride[a] = 1;
    if (p->dilation[a] == 0) p->dilation[a] = 1;
    if (p->kernel[a] < 1)
      return cvk_fail(CVK_INVALID_SHAPE, "%s: kernel extent %lld on axis %d, allowed >= 1", op, (long long)p->kernel[a], a + 2);
    if (p->stride[a] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: stride %lld on axis %d, allowed >= 1", op, (long long)p->stride[a], a + 2);
    if (p->dilation[a] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: dilation %lld on axis %d, allowed >= 1", op, (long long)p->dilation[a], a + 2);
    if (*p->auto_pad == CVK_PAD_EXPLICIT && (p->pad_begin[a] < 0 || p->pad_end[a] < 0))
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: pads %lld and %lld on axis %d, allowed >= 0", op, (long long)p->pad_begin[a],
                      (long long)p->pad_end[a], a + 2);
    if (__builtin_mul_overflow(p->kernel[a] - 1, p->dilation[a], &extent[a]) || __builtin_add_overflow(extent[a], 1, &extent[a]))
      return cvk_fail(CVK_SIZE_OVERFLOW, "%s: kernel extent %lld with dilation %lld on axis %d spans more than 2^63-1 cells", op,
                      (long long)p->kernel[a], (long long)p->dilation[a], a + 2);
  }
  return CVK_OK;
}

static cvk_status explicit_axis(const char *op, int32_t a, int64_t in, int64_t extent, const cvk_window_params *p, int ceil_mode,
                                int64_t *out) {
  const int64_t begin = p->pad_begin[a], stride = p->stride[a];
  int64_t padded;
  if (__builtin_add_overflow(in, begin, &padded) || __builtin_add_overflow(padded, p->pad_end[a], &padded))
    return cvk_fail(CVK_SIZE_OVERFLOW, "%s: extent %lld with pads %lld and %lld on axis %d exceeds 2^63-1", op, (long long)in,
                    (long long)begin, (long long)p->pad_end[a], a + 2);
  if (padded < extent)
    return cvk_fail(CVK_INVALID_SHAPE,
                    "%s: on axis %d the padded input extent %lld (%lld + %lld + %lld) is smaller than the kernel extent %lld (kernel %lld, "
                    "dilation %lld)",
                    op, a + 2, (long long)padded, (long long)begin, (long long)in, (long long)p->pad_end[a], (long long)extent,
                    (long long)p->kernel[a], (long long)p->dilation[a]);
  *out = (padded - extent) / stride + 1;
  /* One window more when cells are left over, unless it would hold nothing but the end pad. (*out) stride <= padded: no overflow. */
  if (ceil_mode && (padded - extent) % stride != 0 && *out * stride < in + begin) ++*out;
  return CVK_OK;
}

static cvk_status same_axis(const char *op, int32_t a, int64_t in, int64_t extent, const cvk_window_params *p, int upper, int64_t *out) {
  int64_t total;
  *out = ceil_div(in, p->stride[a]);
  const int64_t last = *out > 0 ? (*out - 1) * p->stride[a] : 0; /* < in: no overflow */
  if (__builtin_add_overflow(last, extent, &total))
    return cvk_fail(CVK_SIZE_OVERFLOW, "%s: kernel extent %lld on axis %d exceeds 2^63-1 cells with the input's %lld", op,
                    (long long)extent, a + 2, (long long)in);
  total = total > in ? total - in : 0;
  p->pad_begin[a] = upper ? total / 2 : total - total / 2;
  p->pad_end[a] = total - p->pad_begin[a];
  return CVK_OK;
}

cvk_status cvk_window_resolve(const char *op, int32_t n, const int64_t *in, const cvk_window_params *p, int32_t *ceil_mode, int64_t *out) {
  int64_t extent[CVK_MAX_SPATIAL];
  cvk_status s = cvk_window_check(op, n, p, extent);
  const int32_t auto_pad = *p->auto_pad;
  if (s == CVK_OK && auto_pad != CVK_PAD_EXPLICIT && ceil_mode) *ceil_mode = 0;
  for (int32_t a = 0; a < n && s == CVK_OK; a++) {
    if (auto_pad == CVK_VALID) p->pad_begin[a] = p->pad_end[a] = 0;
    if (auto_pad == CVK_SAME_UPPER || auto_pad == CVK_SAME_LOWER)
      s = same_axis(op, a, in[a], extent[a], p, auto_pad == CVK_SAME_UPPER, &out[a]);
    else
      s = explicit_axis(op, a, in[a], extent[a], p, ceil_mode && *ceil_mode, &out[a]);
  }
  if (s == CVK_OK) *p->auto_pad = CVK_PAD_EXPLICIT;
  return s;
}

/* Wraps where an empty batch hides a plane too large to count; no cell of such a tensor is ever looked at. */
static int64_t product(const int64_t v[3]) {
  return (int64_t)((uint64_t)v[0] * (uint64_t)v[1] * (uint64_t)v[2]);
}

cvk_window cvk_window_of(const cvk_tensor_desc *x, const cvk_tensor_desc *y, const cvk_window_params *p) {
  cvk_window w = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0}, {0}, 0, 0, 0};
  const int32_t n = x->rank - 2;
  for (int32_t a = 0; a < n; a++) {
    const int32_t k = 3 - n + a;
    w.in[k] = x->dim[a + 2];
    w.out[k] = y->dim[a + 2];
    w.kernel[k] = p->kernel[a];
    w.stride[k] = p->stride[a];
    w.dilation[k] = p->dilation[a];
    w.begin[k] = p->pad_begin[a];
    w.end[k] = p->pad_end[a];
  }
  w.in_cells = product(w.in);
  w.out_cells = product(w.out);
  w.taps = product(w.kernel);
  return w;
}

void cvk_window_taps(const cvk_window *w, int axis, int64_t o, int64_t *first, int64_t *last) {
  const int64_t start = o * w->stride[axis] - w->begin[axis], dilation = w->dilation[axis];
  *first = start < 0 ? ceil_div(-start, dilation) : 0;
  *last = w->in[axis] > start ? ceil_div(w->in[axis] - start, dilation) : 0;
  if (*last > w->kernel[axis]) *last = w->kernel[axis];
}

void cvk_window_span(const cvk_window *w, int axis, int64_t k, int64_t *first, int64_t *last) {
  const int64_t shift = w->begin[axis] - k * w->dilation[axis]; /* window o reads cell o stride - shift */
  *first = shift > 0 ? ceil_div(shift, w->stride[axis]) : 0;
  *last = w->in[axis] + shift > 0 ? ceil_div(w->in[axis] + shift, w->stride[axis]) : 0;
  if (*last > w->out[axis]) *last = w->out[axis];
}

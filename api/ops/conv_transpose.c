/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose.c: CONV_TRANSPOSE, https://onnx.ai/onnx/operators/onnx__ConvTranspose.html: x [N,C,spatial], w [C,M/group,kernel].
 * Input cell i adds x w[k] to output cell i stride + k dilation - begin. Without output_shape or SAME the extent is (in-1) stride +
 * output_padding + extent - pads. SAME_* asks for in stride. Where an extent is asked for, the pads are what is too much, never negative:
 * SAME_UPPER takes the odd cell off the end, everything else off the begin; what is missing is added at the end (bias only). */
#include "conv_internal.h"
#include "element.h"
#include "window.h"
#include "train/gradient.h"

/* The whole result of an axis without pads, and its extent when nothing is asked for. */
static int full_extent(int64_t in, int64_t stride, int64_t extent, int64_t output_padding, int64_t *full) {
  if (in == 0) { /* no input cell: nothing but output padding */
    *full = output_padding;
    return 0;
  }
  return __builtin_mul_overflow(in - 1, stride, full) || __builtin_add_overflow(*full, extent, full) ||
         __builtin_add_overflow(*full, output_padding, full);
}

static cvk_status resolve_axis(int32_t i, int64_t in, int64_t extent, cvk_conv_attr *a, int64_t *out) {
  const int same = a->auto_pad == CVK_SAME_UPPER || a->auto_pad == CVK_SAME_LOWER;
  int64_t full, asked = a->output_shape[i], pads;
  if (asked < 0 || a->output_padding[i] < 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "conv_transpose: output_shape %lld and output_padding %lld on axis %d, allowed >= 0",
                    (long long)asked, (long long)a->output_padding[i], i + 2);
  if (full_extent(in, a->stride[i], extent, a->output_padding[i], &full) || (same && __builtin_mul_overflow(in, a->stride[i], &pads)))
    return cvk_fail(CVK_SIZE_OVERFLOW,
                    "conv_transpose: the output extent on axis %d (input %lld, stride %lld, kernel extent %lld) exceeds 2^63-1", i + 2,
                    (long long)in, (long long)a->stride[i], (long long)extent);
  if (asked == 0 && same) asked = in * a->stride[i];
  if (asked > 0 || same) {
    const int64_t total = full > asked ? full - asked : 0;
    a->pad_begin[i] = a->auto_pad == CVK_SAME_UPPER ? total / 2 : total - total / 2;
    a->pad_end[i] = total - a->pad_begin[i];
    a->output_padding[i] += asked - (full - total);
  } else {
    if (a->auto_pad == CVK_VALID) a->pad_begin[i] = a->pad_end[i] = 0;
    if (__builtin_add_overflow(a->pad_begin[i], a->pad_end[i], &pads) || pads >= full)
      return cvk_fail(CVK_INVALID_SHAPE, "conv_transpose: pads %lld and %lld leave nothing of the extent %lld on axis %d",
                      (long long)a->pad_begin[i], (long long)a->pad_end[i], (long long)full, i + 2);
    asked = full - pads;
  }
  a->output_shape[i] = 0; /* the attribute says the same again when it is resolved again */
  *out = asked;
  return CVK_OK;
}

cvk_status cvk_infer_conv_transpose(cvk_op_call *call) {
  cvk_conv_attr *a = &call->attr->conv;
  const cvk_tensor_desc *x = call->in[0], *w = call->in[1];
  const cvk_window_params p = {&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
  int64_t extent[CVK_MAX_SPATIAL], out[CVK_MAX_SPATIAL], channels;
  cvk_status s = cvk_conv_check(call, a);
  if (s != CVK_OK) return s;
  if (w->dim[0] != x->dim[1])
    return cvk_fail(CVK_INVALID_SHAPE, "conv_transpose: input has %lld channels, weights want %lld", (long long)x->dim[1],
                    (long long)w->dim[0]);
  if (x->dim[1] % a->group != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "conv_transpose: %lld input channels do not divide into %lld groups", (long long)x->dim[1],
                    (long long)a->group);
  if (__builtin_mul_overflow(w->dim[1], a->group, &channels))
    return cvk_fail(CVK_SIZE_OVERFLOW, "conv_transpose: %lld output channels in each of %lld groups", (long long)w->dim[1],
                    (long long)a->group);
  s = cvk_window_check("conv_transpose", x->rank - 2, &p, extent);
  for (int32_t i = 0; i < x->rank - 2 && s == CVK_OK; i++) s = resolve_axis(i, x->dim[i + 2], extent[i], a, &out[i]);
  if (s != CVK_OK) return s;
  a->auto_pad = CVK_PAD_EXPLICIT;
  return cvk_conv_finish(call, channels, out);
}

typedef struct transpose_run {
  cvk_window win; /* slides over y; its "out" is x */
  int32_t dtype;
  int64_t channels, filters; /* of one group */
  const void *x, *w;
} transpose_run;

/* The input cell that reaches output cell o through tap k of an axis, or -1. */
static int64_t source_of(const cvk_window *win, int axis, int64_t o, int64_t k) {
  const int64_t shifted = o + win->begin[axis] - k * win->dilation[axis];
  if (shifted < 0 || shifted % win->stride[axis] != 0) return -1;
  const int64_t i = shifted / win->stride[axis];
  return i < win->out[axis] ? i : -1;
}

/* acc[j] += the products of output column first + j, of one input row and one row of the kernel. */
static void scatter_row(const transpose_run *r, int64_t x_row, int64_t w_row, int64_t first, int64_t n, double *acc) {
  const int64_t stride = r->win.stride[2];
  double cells[CVK_RUN];
  for (int64_t k = 0; k < r->win.kernel[2]; k++) {
    const int64_t shift = r->win.begin[2] - k * r->win.dilation[2]; /* input cell i lands on column i stride - shift */
    int64_t lo, hi;
    cvk_window_span(&r->win, 2, k, &lo, &hi);
    const int64_t after = first + shift > 0 ? (first + shift + stride - 1) / stride : 0;
    const int64_t before = first + n + shift > 0 ? (first + n + shift + stride - 1) / stride : 0;
    if (lo < after) lo = after;
    if (hi > before) hi = before;
    if (lo >= hi) continue;
    const double weight = cvk_load_real(r->dtype, r->w, w_row + k);
    cvk_load_reals(r->dtype, r->x, x_row + lo, 1, hi - lo, cells);
    for (int64_t j = 0; j < hi - lo; j++) acc[(lo + j) * stride - shift - first] += weight * cells[j];
  }
}

/* The sums of columns first .. first + n of output row (od, oh); x_at: the group's input, w_at: the filter in the group's first channel. */
static void sum_columns(const transpose_run *r, int64_t x_at, int64_t w_at, int64_t od, int64_t oh, int64_t first, int64_t n, double *acc) {
  const cvk_window *win = &r->win;
  for (int64_t kd = 0; kd < win->kernel[0]; kd++) {
    const int64_t id = source_of(win, 0, od, kd);
    for (int64_t kh = 0; id >= 0 && kh < win->kernel[1]; kh++) {
      const int64_t ih = source_of(win, 1, oh, kh);
      for (int64_t c = 0; ih >= 0 && c < r->channels; c++)
        scatter_row(r, x_at + c * win->out_cells + (id * win->out[1] + ih) * win->out[2],
                    w_at + c * r->filters * win->taps + (kd * win->kernel[1] + kh) * win->kernel[2], first, n, acc);
    }
  }
}

cvk_status cvk_ref_conv_transpose(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  cvk_conv_attr a = *(const cvk_conv_attr *)op->attr;
  if (cvk_count(y->rank, y->dim) == 0) return CVK_OK;
  const cvk_window_params p = {&a.auto_pad, a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end};
  const int64_t channels = x->dim[1] / a.group, filters = y->dim[1] / a.group;
  const transpose_run r = {cvk_window_of(y, x, &p), x->dtype, channels, filters, in[0], in[1]};
  const int64_t rows = r.win.in[0] * r.win.in[1], columns = r.win.in[2];
  const void *bias = op->n_in > 2 && op->in[2] ? in[2] : NULL;
  for (int64_t nm = 0; nm < y->dim[0] * y->dim[1]; nm++) {
    const int64_t n = nm / y->dim[1], m = nm % y->dim[1], g = m / filters;
    const int64_t x_at = (n * x->dim[1] + g * channels) * r.win.out_cells;
    const int64_t w_at = (g * channels * filters + m % filters) * r.win.taps;
    const double start = bias ? cvk_load_real(x->dtype, bias, m) : 0;
    for (int64_t row = 0; row < rows; row++) {
      for (int64_t first = 0; first < columns; first += CVK_RUN) {
        const int64_t width = columns - first < CVK_RUN ? columns - first : CVK_RUN;
        double acc[CVK_RUN];
        for (int64_t j = 0; j < width; j++) acc[j] = start;
        sum_columns(&r, x_at, w_at, row / r.win.in[1], row % r.win.in[1], first, width, acc);
        cvk_store_reals(y->dtype, out[0], nm * r.win.in_cells + row * columns + first, 1, width, acc);
      }
    }
  }
  return CVK_OK;
}

/* Backwards it is the convolution of gy with the same weights. What output padding added behind the last window is left out of that: of the pad
 * where there is one, else of gy. */
cvk_status cvk_grad_conv_transpose(cvk_gradient *c) {
  const cvk_tensor_desc *x = c->in[0];
  cvk_conv_attr a = c->attr->conv;
  cvk_pad_attr crop = {.struct_size = sizeof crop};
  cvk_axes_attr all = {.struct_size = sizeof all, .n_axes = 1};
  cvk_value gy = c->gy[0];
  int32_t crops = 0;
  for (int32_t i = 0; i < x->rank - 2; i++) {
    a.pad_end[i] -= a.output_padding[i];
    if (a.pad_end[i] < 0) {
      crop.end[i + 2] = a.pad_end[i];
      a.pad_end[i] = 0;
      crops = 1;
    }
    a.output_padding[i] = 0;
    all.axis[all.n_axes++] = i + 2;
  }
  if (c->n_in > 2 && c->wanted[2]) c->gx[2] = cvk_grad_op(c, CVK_OP_REDUCE_SUM, &all, 1, &gy);
  if (cvk_count(x->rank, x->dim) == 0) return c->status;
  if (crops) gy = cvk_grad_op(c, CVK_OP_PAD, &crop, 1, &gy);
  const cvk_value weights[2] = {gy, c->x[0]}, back[2] = {gy, c->x[1]};
  if (c->wanted[0]) c->gx[0] = cvk_grad_op(c, CVK_OP_CONV, &a, 2, back);
  if (c->wanted[1]) c->gx[1] = cvk_grad_op(c, CVK_OP_CONV_GRAD_WEIGHT, &a, 2, weights);
  return c->status;
}

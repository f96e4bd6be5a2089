/* SPDX-License-Identifier: Apache-2.0 */
/* deform_conv.c: DEFORM_CONV (ONNX DeformConv): a convolution of x [N,C,H,W] and w [M,C/group,kh,kw] in which every tap of every output is
 * moved by offset [N, offset_group kh kw 2, OH, OW] (down, then right) and weighed by mask [N, offset_group kh kw, OH, OW] or 1. Between
 * cells x is bilinear, outside it 0, and a cell of weight 0 takes no part. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "window.h"

enum { X, W, OFFSET, BIAS, MASK }; /* inputs */

static cvk_status check_shape(const cvk_op_call *call, int32_t i, const char *what, int32_t rank, const int64_t *want) {
  const cvk_tensor_desc *d = i < call->n_in ? call->in[i] : NULL;
  char got[CVK_DIMS_TEXT], text[CVK_DIMS_TEXT];
  int32_t same = d == NULL || d->rank == rank;
  for (int32_t a = 0; d && same && a < rank; a++) same = d->dim[a] == want[a];
  if (!same)
    return cvk_fail(CVK_INVALID_SHAPE, "deform_conv: %s has shape %s, wanted %s", what, cvk_dims_text(d->rank, d->dim, got),
                    cvk_dims_text(rank, want, text));
  return d ? cvk_require_dtype(call, i, 1, &call->in[X]->dtype) : CVK_OK;
}

static cvk_status check_groups(const cvk_tensor_desc *x, const cvk_tensor_desc *w, cvk_deform_conv_attr *a) {
  if (a->group == 0) a->group = 1;
  if (a->offset_group == 0) a->offset_group = 1;
  if (a->group < 1 || w->dim[0] % a->group != 0 || x->dim[1] % a->group != 0 || x->dim[1] / a->group != w->dim[1])
    return cvk_fail(CVK_INVALID_SHAPE, "deform_conv: %lld channels, weights for %lld of them and %lld outputs do not fit group %lld",
                    (long long)x->dim[1], (long long)w->dim[1], (long long)w->dim[0], (long long)a->group);
  if (a->offset_group < 1 || x->dim[1] % a->offset_group != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "deform_conv: %lld channels can't be divided by offset_group %lld", (long long)x->dim[1],
                    (long long)a->offset_group);
  return CVK_OK;
}

cvk_status cvk_infer_deform_conv(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[X], *w = call->in[W];
  cvk_deform_conv_attr *a = &call->attr->deform_conv;
  int32_t explicit_pads = CVK_PAD_EXPLICIT;
  int64_t out[2], moved, taps;
  const cvk_window_params p = {&explicit_pads, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
  cvk_status s = cvk_require_dtype(call, X, 4, types);
  if (s != CVK_OK) return s;
  if (x->rank != 4 || w->rank != 4)
    return cvk_fail(CVK_INVALID_SHAPE, "deform_conv: x has rank %d, the weights %d, allowed 4", x->rank, w->rank);
  for (int32_t i = 0; i < 2; i++) {
    if (a->kernel[i] != 0 && a->kernel[i] != w->dim[i + 2])
      return cvk_fail(CVK_INVALID_SHAPE, "deform_conv: attribute says kernel extent %lld on axis %d, weights have %lld",
                      (long long)a->kernel[i], i + 2, (long long)w->dim[i + 2]);
    a->kernel[i] = w->dim[i + 2];
  }
  s = check_groups(x, w, a);
  if (s == CVK_OK) s = cvk_window_resolve("deform_conv", 2, x->dim + 2, &p, NULL, out);
  if (s != CVK_OK) return s;
  if (__builtin_mul_overflow(a->kernel[0], a->kernel[1], &taps) || __builtin_mul_overflow(taps, a->offset_group, &taps) ||
      __builtin_mul_overflow(taps, 2, &moved))
    return cvk_fail(CVK_SIZE_OVERFLOW, "deform_conv: a kernel of %lld x %lld has too many taps", (long long)a->kernel[0],
                    (long long)a->kernel[1]);
  s = check_shape(call, W, "the weights", 4, w->dim);
  if (s == CVK_OK) s = check_shape(call, OFFSET, "the offset", 4, (const int64_t[]){x->dim[0], moved, out[0], out[1]});
  if (s == CVK_OK) s = check_shape(call, BIAS, "the bias", 1, w->dim);
  if (s == CVK_OK) s = check_shape(call, MASK, "the mask", 4, (const int64_t[]){x->dim[0], taps, out[0], out[1]});
  const int64_t dim[] = {x->dim[0], w->dim[0], out[0], out[1]};
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "deform_conv: output", x->dtype, 4, dim) : s;
}

/* x between cells, 0 outside. */
static double bilinear(const cvk_tensor_desc *x, const void *data, int64_t plane, double row, double column) {
  const double top = floor(row), left = floor(column);
  double sum = 0;
  if (isnan(row) || isnan(column)) return (double)NAN;
  if (row <= -1 || column <= -1 || row >= (double)x->dim[2] || column >= (double)x->dim[3]) return 0;
  for (int32_t k = 0; k < 4; k++) {
    const double r = top + k / 2, c = left + k % 2, weight = (1 - fabs(row - r)) * (1 - fabs(column - c));
    if (weight == 0 || r < 0 || c < 0 || r >= (double)x->dim[2] || c >= (double)x->dim[3]) continue;
    sum += weight * cvk_load_real(x->dtype, data, plane + (int64_t)r * x->dim[3] + (int64_t)c);
  }
  return sum;
}

/* Output channel m of image n at cell (row, column) of the output. */
static double output_at(const cvk_op *op, const void *const *in, int64_t n, int64_t m, int64_t row, int64_t column) {
  const cvk_deform_conv_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[X], *w = op->in[W], *y = op->out[0];
  const int64_t kh = a->kernel[0], kw = a->kernel[1], taps = kh * kw, cells = y->dim[2] * y->dim[3], cell = row * y->dim[3] + column;
  const int64_t first = m / (w->dim[0] / a->group) * w->dim[1];
  const int32_t has_bias = op->n_in > BIAS && op->in[BIAS] != NULL, has_mask = op->n_in > MASK && op->in[MASK] != NULL;
  double sum = has_bias ? cvk_load_real(x->dtype, in[BIAS], m) : 0;
  for (int64_t c = 0; c < w->dim[1]; c++) {
    const int64_t channel = first + c, moves = n * a->offset_group + channel / (x->dim[1] / a->offset_group);
    for (int64_t k = 0; k < taps; k++) {
      const int64_t at = ((moves * taps + k) * 2) * cells + cell;
      const double down = cvk_load_real(x->dtype, in[OFFSET], at), right = cvk_load_real(x->dtype, in[OFFSET], at + cells);
      const double r = (double)(row * a->stride[0] - a->pad_begin[0] + k / kw * a->dilation[0]) + down;
      const double q = (double)(column * a->stride[1] - a->pad_begin[1] + k % kw * a->dilation[1]) + right;
      const double v = bilinear(x, in[X], (n * x->dim[1] + channel) * x->dim[2] * x->dim[3], r, q);
      const double weight = cvk_load_real(x->dtype, in[W], (m * w->dim[1] + c) * taps + k);
      sum += v * weight * (has_mask ? cvk_load_real(x->dtype, in[MASK], (moves * taps + k) * cells + cell) : 1);
    }
  }
  return sum;
}

cvk_status cvk_ref_deform_conv(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const int64_t count = out[0] ? cvk_count(y->rank, y->dim) : 0;
  for (int64_t i = 0; i < count; i++) {
    const int64_t column = i % y->dim[3], row = i / y->dim[3] % y->dim[2], plane = i / y->dim[3] / y->dim[2];
    cvk_store_real(y->dtype, out[0], i, output_at(op, in, plane / y->dim[1], plane % y->dim[1], row, column));
  }
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* signal.c: ONNX operators of signal processing from several ops: windows and the mel matrix, computed in double from inputs that planning
 * mostly knows, so that they are constants then. */
#include "fill.h"

#define PI 3.14159265358979323846

static cvk_value add(cvk_onnx_call *c, cvk_value a, cvk_value b) {
  return cvk_onnx_op2(c, CVK_OP_ADD, NULL, a, b);
}
static cvk_value subtract(cvk_onnx_call *c, cvk_value a, cvk_value b) {
  return cvk_onnx_op2(c, CVK_OP_SUB, NULL, a, b);
}
static cvk_value multiply(cvk_onnx_call *c, cvk_value a, cvk_value b) {
  return cvk_onnx_op2(c, CVK_OP_MUL, NULL, a, b);
}
static cvk_value divide(cvk_onnx_call *c, cvk_value a, cvk_value b) {
  return cvk_onnx_op2(c, CVK_OP_DIV, NULL, a, b);
}
static cvk_value cast(cvk_onnx_call *c, int32_t dtype, cvk_value x) {
  const cvk_cast_attr to = {.dtype = dtype};
  return cvk_onnx_op1(c, CVK_OP_CAST, &to, x);
}
static cvk_value int64(cvk_onnx_call *c, int64_t v) {
  return cvk_onnx_int64s(c, 1, &v);
}

/* 0, 1, ... n - 1 as doubles; n int64. */
static cvk_value count(cvk_onnx_call *c, cvk_value n) {
  return cast(c, CVK_F64, cvk_onnx_op(c, CVK_OP_RANGE, NULL, 3, (const cvk_value[]){int64(c, 0), n, int64(c, 1)}));
}

static int32_t take_output_type(cvk_onnx_call *c) {
  int32_t dtype = CVK_F32;
  cvk_onnx_take_dtype(c, "output_datatype", &dtype);
  return dtype;
}

/* w0 - w1 cos(a) + w2 cos(2 a), a = 2 pi i / (size, or size - 1 where it is not periodic). */
static void emit_window(cvk_onnx_call *c, double w0, double w1, double w2) {
  const int32_t dtype = take_output_type(c);
  int32_t periodic = 1;
  cvk_onnx_take_flag(c, "periodic", &periodic);
  const cvk_value size = cast(c, CVK_I64, cvk_onnx_input(c, 0));
  const cvk_value period = cast(c, CVK_F64, periodic ? size : subtract(c, size, int64(c, 1)));
  const cvk_value angle = divide(c, multiply(c, count(c, size), cvk_onnx_float64(c, 2 * PI)), period);
  const cvk_value once = multiply(c, cvk_onnx_op1(c, CVK_OP_COS, NULL, angle), cvk_onnx_float64(c, -w1));
  const cvk_value twice = cvk_onnx_op1(c, CVK_OP_COS, NULL, multiply(c, angle, cvk_onnx_float64(c, 2)));
  const cvk_value w = add(c, add(c, cvk_onnx_float64(c, w0), once), multiply(c, twice, cvk_onnx_float64(c, w2)));
  cvk_onnx_define(c, 0, cast(c, dtype, w), 1);
}

void cvk_onnx_emit_hann_window(cvk_onnx_call *c) {
  emit_window(c, 0.5, 0.5, 0);
}

void cvk_onnx_emit_hamming_window(cvk_onnx_call *c) {
  emit_window(c, 25.0 / 46, 21.0 / 46, 0);
}

void cvk_onnx_emit_blackman_window(cvk_onnx_call *c) {
  emit_window(c, 0.42, 0.5, 0.08);
}

/* 2595 log10(1 + f / 700) */
static cvk_value mel_of_hertz(cvk_onnx_call *c, cvk_value hertz) {
  const cvk_value ratio = add(c, divide(c, hertz, cvk_onnx_float64(c, 700)), cvk_onnx_float64(c, 1));
  return multiply(c, cvk_onnx_op1(c, CVK_OP_LOG, NULL, ratio), cvk_onnx_float64(c, 2595 / 2.30258509299404568402));
}

static cvk_value hertz_of_mel(cvk_onnx_call *c, cvk_value mel) {
  const cvk_value power = cvk_onnx_op2(c, CVK_OP_POW, NULL, cvk_onnx_float64(c, 10), divide(c, mel, cvk_onnx_float64(c, 2595)));
  return multiply(c, subtract(c, power, cvk_onnx_float64(c, 1)), cvk_onnx_float64(c, 700));
}

/* Entries from .. to - 1 of a row; a negative `to` counts from the end. */
static cvk_value part(cvk_onnx_call *c, cvk_value x, int64_t from, int64_t to) {
  const cvk_slice_attr slice = {.n_axes = 1, .start = {from}, .end = {to}, .step = {1}};
  return cvk_onnx_op1(c, CVK_OP_SLICE, &slice, x);
}

/* Column i is a triangle over the spectrum's bins: from 0 at edge i to 1 at edge i + 1 and back to 0 at edge i + 2, edges equally apart in
 * mel and rounded down to bins. Where two edges are one bin, infinite slopes on that side fall below 0 and the peak alone is left. */
void cvk_onnx_emit_mel_weight_matrix(cvk_onnx_call *c) {
  const int32_t dtype = take_output_type(c);
  const cvk_axes_attr back = {.n_axes = 1, .axis = {1}};
  const cvk_value bands = cast(c, CVK_I64, cvk_onnx_input(c, 0)), length = cast(c, CVK_I64, cvk_onnx_input(c, 1));
  const cvk_value rate = cast(c, CVK_F64, cvk_onnx_input(c, 2));
  const cvk_value low = mel_of_hertz(c, cast(c, CVK_F64, cvk_onnx_input(c, 3))),
                  high = mel_of_hertz(c, cast(c, CVK_F64, cvk_onnx_input(c, 4)));
  const cvk_value n_edges = add(c, bands, int64(c, 2)), n_bins = add(c, divide(c, length, int64(c, 2)), int64(c, 1));
  const cvk_value gap = divide(c, subtract(c, high, low), cast(c, CVK_F64, n_edges));
  const cvk_value hertz = hertz_of_mel(c, add(c, multiply(c, count(c, n_edges), gap), low));
  const cvk_value edge =
      cvk_onnx_op1(c, CVK_OP_FLOOR, NULL, divide(c, multiply(c, hertz, cast(c, CVK_F64, add(c, length, int64(c, 1)))), rate));
  const cvk_value left = part(c, edge, 0, -2), peak = part(c, edge, 1, -1), right = part(c, edge, 2, INT64_MAX);
  const cvk_value bin = cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &back, count(c, n_bins));
  const cvk_value rise = divide(c, subtract(c, bin, left), subtract(c, peak, left));
  const cvk_value fall = divide(c, subtract(c, right, bin), subtract(c, right, peak));
  const cvk_value before = cvk_onnx_op2(c, CVK_OP_LESS, NULL, bin, peak), at = cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, bin, peak);
  const cvk_value slope = cvk_onnx_op(c, CVK_OP_WHERE, NULL, 3, (const cvk_value[]){before, rise, fall});
  const cvk_value height = cvk_onnx_op2(c, CVK_OP_MAX, NULL, slope, cvk_onnx_float64(c, 0));
  const cvk_value y = cvk_onnx_op(c, CVK_OP_WHERE, NULL, 3, (const cvk_value[]){at, cvk_onnx_float64(c, 1), height});
  cvk_onnx_define(c, 0, cast(c, dtype, y), 2);
}

/* The axis is an attribute until opset 19. */
void cvk_onnx_fill_dft(cvk_onnx_call *c, cvk_any_attr *a) {
  if (c->model->opset < 20) a->dft.axis = 1;
  if (c->model->opset < 20) cvk_onnx_take_i32(c, "axis", &a->dft.axis);
  cvk_onnx_take_flag(c, "inverse", &a->dft.inverse);
  cvk_onnx_take_flag(c, "onesided", &a->dft.onesided);
}

/* An extent of x as int64 [1]. */
static cvk_value extent(cvk_onnx_call *c, cvk_value x, int32_t axis) {
  const cvk_cast_attr one = {.start = axis, .end = axis + 1};
  return cvk_onnx_op1(c, CVK_OP_SHAPE, &one, x);
}

/* Transforms of frames [batch, frames, length, 1 or 2], gathered from the signal [batch, samples, 1 or 2]. */
void cvk_onnx_emit_stft(cvk_onnx_call *c) {
  cvk_dft_attr dft = {.axis = -2, .onesided = 1};
  const cvk_axis_attr samples = {.axis = 1};
  const cvk_axes_attr back = {.n_axes = 1, .axis = {1}};
  cvk_onnx_take_flag(c, "onesided", &dft.onesided);
  const cvk_value signal = cvk_onnx_input(c, 0), window = cvk_onnx_input(c, 2), given = cvk_onnx_input(c, 3);
  const cvk_value step = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cast(c, CVK_I64, cvk_onnx_input(c, 1)), int64(c, 1));
  cvk_value length;
  if (given != CVK_NO_VALUE)
    length = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cast(c, CVK_I64, given), int64(c, 1));
  else
    length = window != CVK_NO_VALUE ? extent(c, window, 0) : extent(c, signal, 1);
  const cvk_value frames = add(c, divide(c, subtract(c, extent(c, signal, 1), length), step), int64(c, 1));
  const cvk_value starts = cvk_onnx_op(c, CVK_OP_RANGE, NULL, 3, (const cvk_value[]){int64(c, 0), multiply(c, frames, step), step});
  const cvk_value within = cvk_onnx_op(c, CVK_OP_RANGE, NULL, 3, (const cvk_value[]){int64(c, 0), length, int64(c, 1)});
  const cvk_value index = add(c, cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &back, starts), within);
  cvk_value x = cvk_onnx_op2(c, CVK_OP_GATHER, &samples, signal, index);
  if (window != CVK_NO_VALUE) x = multiply(c, x, cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &back, window));
  cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_DFT, &dft, x), 4);
}

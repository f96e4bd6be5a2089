/* SPDX-License-Identifier: Apache-2.0 */
/* conv_phase.c: see conv_phase.h. Built for the baseline. */
#include "conv_phase.h"

/* Tap k of the op brings input cell (phase + pad - k * dilation) / stride to the phase's cell 0, where that divides. */
conv_phase_axis conv_phase_along(const conv_shape *s, int32_t axis, int64_t phase) {
  const int64_t stride = s->stride[axis], d = s->dilation[axis], kernel = s->kernel[axis], at = phase + s->pad[axis];
  conv_phase_axis a = {.dilation = 1, .out = s->out[axis] > phase ? cpu_ceil_div(s->out[axis] - phase, stride) : 0};
  int64_t first = 0, step = 1;
  while (first < cpu_min(kernel, stride) && (at - first * d) % stride != 0) first++;
  if (first >= cpu_min(kernel, stride)) return a;
  while (step < kernel && step * (d % stride) % stride != 0) step++;
  a.taps = cpu_ceil_div(kernel - first, step);
  a.tap = first + (a.taps - 1) * step;
  a.tap_step = -step;
  if (a.taps > 1) a.dilation = step * d / stride;
  a.pad = -((at - a.tap * d) / stride);
  return a;
}

conv_shape conv_phase_shape(const conv_shape *s, int64_t y, int64_t x) {
  conv_shape p = *s;
  const int64_t phase[3] = {0, y, x};
  for (int32_t i = 1; i < 3; i++) {
    const conv_phase_axis a = conv_phase_along(s, i, phase[i]);
    p.kernel[i] = a.taps;
    p.stride[i] = 1;
    p.dilation[i] = a.dilation;
    p.pad[i] = a.pad;
    p.out[i] = a.out;
  }
  p.taps = p.kernel[1] * p.kernel[2];
  return p;
}

int64_t conv_phase_tap(const conv_shape *s, int64_t y, int64_t x, int64_t kh, int64_t kw) {
  const conv_phase_axis v = conv_phase_along(s, 1, y), h = conv_phase_along(s, 2, x);
  return (v.tap + kh * v.tap_step) * s->kernel[2] + h.tap + kw * h.tap_step;
}

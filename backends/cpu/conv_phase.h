/* SPDX-License-Identifier: Apache-2.0 */
/* conv_phase.h: a transposed convolution as convolutions of stride 1. The output cells that are equal modulo the stride (a phase) see the
 * same taps, at input cells that lie as far apart as a dilation puts them: each phase is a convolution of the input, its output spread out.
 */
#ifndef CVK_CPU_CONV_PHASE_H
#define CVK_CPU_CONV_PHASE_H

#include "conv_shape.h"

/* Along one axis. Tap j of the phase is tap `tap + j * tap_step` of the op (tap_step <= 0: a transposed convolution turns its taps round);
 * it brings input cell q + j * dilation - pad to cell q of the phase, which is output cell `phase` + q * stride. pad may be negative. */
typedef struct conv_phase_axis {
  int64_t taps, tap, tap_step, dilation, pad, out;
} conv_phase_axis;
conv_phase_axis conv_phase_along(const conv_shape *s, int32_t axis, int64_t phase);

/* The phase that begins at output cell (y, x) of the last two axes as a convolution: kernel, stride, dilation, pad, out and taps are its
 * own. */
conv_shape conv_phase_shape(const conv_shape *s, int64_t y, int64_t x);
/* Tap (kh, kw) of that convolution as a cell of the op's kernel. */
int64_t conv_phase_tap(const conv_shape *s, int64_t y, int64_t x, int64_t kh, int64_t kw);

#endif

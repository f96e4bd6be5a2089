/* SPDX-License-Identifier: Apache-2.0 */
/* window.h: the one place for the arithmetic of sliding windows (CONV, CONV_TRANSPOSE, pools): defaults, checks, auto_pad, ceil_mode,
 * output extents, and the loops' clipping. Spatial axis a is axis a + 2 of a tensor; messages name the tensor's axis. */
#ifndef CVK_WINDOW_H
#define CVK_WINDOW_H

#include "ops_internal.h"

/* Where an op's attribute keeps its window: arrays of n entries, resolved in place. */
typedef struct cvk_window_params {
  int32_t *auto_pad;
  int64_t *kernel, *stride, *dilation, *pad_begin, *pad_end;
} cvk_window_params;

/* Zero stride and dilation become 1; refuses negative ones, kernels < 1 and negative pads; sets extent[a] = (kernel-1) dilation + 1. */
cvk_status cvk_window_check(const char *op, int32_t n, const cvk_window_params *p, int64_t *extent);

/* cvk_window_check, then turns auto_pad into pads (and sets it to CVK_PAD_EXPLICIT) and computes the output extents.
 *   explicit  floor((in + begin + end - extent) / stride) + 1; ceil_mode: ceil, less a window that would start at or past in + begin
 *   SAME_*    ceil(in / stride), total pad max(0, (out-1) stride + extent - in), the odd cell at the end (UPPER) or the begin (LOWER)
 *   VALID     no pads. SAME_* and VALID clear *ceil_mode. ceil_mode may be NULL.
 * INVALID_SHAPE: a window larger than the padded input. SIZE_OVERFLOW. */
cvk_status cvk_window_resolve(const char *op, int32_t n, const int64_t *in, const cvk_window_params *p, int32_t *ceil_mode, int64_t *out);

/* A resolved window over 1 to 3 spatial axes, filled up to three with axes of extent 1 in front, for the references. */
typedef struct cvk_window {
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
  int64_t in_cells, out_cells, taps;
} cvk_window;

/* x: the tensor that the windows slide over; y: the one with a cell for each window. */
cvk_window cvk_window_of(const cvk_tensor_desc *x, const cvk_tensor_desc *y, const cvk_window_params *p);

/* Taps [*first, *last) of window `o` on `axis` that lie inside the input; empty where *first >= *last. */
void cvk_window_taps(const cvk_window *w, int axis, int64_t o, int64_t *first, int64_t *last);
/* Windows [*first, *last) on `axis` whose tap k lies inside the input. */
void cvk_window_span(const cvk_window *w, int axis, int64_t k, int64_t *first, int64_t *last);

/* p of a pool's norm: 0 becomes 2; INVALID_ARGUMENT below. (pool.c) */
cvk_status cvk_pool_check_p(const char *op, cvk_pool_attr *a);

#endif

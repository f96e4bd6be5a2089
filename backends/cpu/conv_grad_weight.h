/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight.h: what the rows of CONV_GRAD_WEIGHT share: how long sums are cut, sums that keep what rounding loses, and the general
 * row's loops, for rows that must not answer with what padding made infinite or NaN. */
#ifndef CVK_CPU_CONV_GRAD_WEIGHT_H
#define CVK_CPU_CONV_GRAD_WEIGHT_H

#include <math.h>

#include "conv_shape.h"
#include "vec.h"

/* A lane's sum of `products` is cut into bands of at most so many: short enough for the error bound. */
static inline int64_t grad_band_products(int64_t products) {
  return products <= 32 ? 8 : products < 128 ? 16 : products < 512 ? 32 : products < 2048 ? 64 : products < 32768 ? 128 : 224;
}
/* Bands whose sums are added plainly, to a part's; parts are added keeping what is lost. 1: the bands are. */
static inline int64_t grad_part_bands(int64_t bands) {
  return bands >= 64 ? 16 : bands >= 16 || bands <= 4 ? 4 : 1;
}

/* Adds to a sum and to what rounding has lost of it. */
VI void add_keeping(float *sum, float *lost, vf add) {
  vf s = v_load(sum), e = v_load(lost);
  v_add_to(&s, &e, add);
  v_store(sum, s);
  v_store(lost, e);
}

static inline void add_part(int64_t n, float *sum, float *lost, const float *part) {
  for (int64_t i = 0; i < n; i += VL) add_keeping(sum + i, lost + i, v_load(part + i));
}
static inline void join_lost(int64_t n, float *sum, const float *lost) {
  for (int64_t i = 0; i < n; i += VL) v_store(sum + i, v_joined(v_load(sum + i), v_load(lost + i)));
}

/* `n` floats of a row from cell `first` on, `stride` apart; zeros where the row, of `in` cells, has none. What lies up to VL floats behind
 * them changes too. */
static inline void copy_cells(const float *x, int64_t in, int64_t first, int64_t stride, int64_t n, float *to) {
  const int64_t begin = first >= 0 ? 0 : cpu_min(n, stride == 1 ? -first : cpu_ceil_div(-first, stride)), room = in - first;
  const int64_t end = room <= 0 ? begin : cpu_max(begin, cpu_min(n, stride == 1 ? room : cpu_ceil_div(room, stride)));
  const float *from = x + first + begin * stride;
  for (int64_t i = 0; i < begin; i += VL) v_store(to + i, v_zero());
  for (int64_t i = begin; i < end; i += VL, from += VL * stride) {
    const int64_t lanes = cpu_min(VL, end - i);
    v_store(to + i, stride == 1 ? v_load_n(from, lanes) : v_load_strided_n(from, stride, lanes));
  }
  for (int64_t i = end; i < n; i += VL) v_store(to + i, v_zero());
}

/* 0 where some sum is infinite or NaN. */
static inline int32_t all_finite(const float *w, int64_t n) {
  int32_t finite = 1;
  for (int64_t i = 0; i < n; i++) finite &= isfinite(w[i]) != 0;
  return finite;
}

/* The gradients by conv_grad_weight_generic's loops: plain tensors, exact in NaN and infinity. gb NULL: not wanted. */
void CVK_ISA_FN(conv_grad_weight_generic)(const cpu_device *device, const conv_shape *s, double ns, const float *x, const float *gy,
                                          float *gw, float *gb);

#endif

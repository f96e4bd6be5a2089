/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight.h: what the rows of CONV_GRAD_WEIGHT share: how long sums are cut, sums that keep what rounding loses, and the general
 * row's loops, for rows that must not answer with what padding made infinite or NaN. */
#ifndef CVK_CPU_CONV_GRAD_WEIGHT_H
#define CVK_CPU_CONV_GRAD_WEIGHT_H

#include "conv_shape.h"
#include "vec.h"

/* A lane's sum of `products` is cut into bands of at most so many: short enough for the error bound. */
static inline int64_t grad_band_products(int64_t products) {
  return products <= 32 ? 8 : products < 128 ? 16 : products < 512 ? 32 : products < 2048 ? 64 : 128;
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

/* The gradients by conv_grad_weight_generic's loops: plain tensors, exact in NaN and infinity. gb NULL: not wanted. */
void CVK_ISA_FN(conv_grad_weight_generic)(const cpu_device *device, const conv_shape *s, double ns, const float *x, const float *gy,
                                          float *gw, float *gb);

#endif

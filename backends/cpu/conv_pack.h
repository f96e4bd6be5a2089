/* SPDX-License-Identifier: Apache-2.0 */
/* conv_pack.h: packs weights for the direct convolutions (conv_shape.h's layout, block VL): squares of VL output channels by VL weights
 * that follow each other in memory are transposed in registers. */
#ifndef CVK_CPU_CONV_PACK_H
#define CVK_CPU_CONV_PACK_H

#include "conv_shape.h"
#include "vec.h"

/* square[i] = element i of `lines` lines that begin `step` floats apart; n elements, zero in the lanes past the lines. */
VI void conv_pack_square(const float *from, int64_t lines, int64_t step, int64_t n, vf *square) {
  for (int64_t l = 0; l < VL; l++) square[l] = l >= lines ? v_zero() : n == VL ? v_load(from + l * step) : v_load_n(from + l * step, n);
  v_transpose(square);
}

/* The weights [m][cg][taps] of one block of m, 0 <= index < group * n_m. */
VI void conv_pack_block(const conv_shape *s, const conv_pack_shape *p, const float *w, float *dst, int64_t index) {
  const int64_t g = index / p->n_m, m0 = index % p->n_m * VL, lanes = cpu_min(VL, s->mg - m0), weights = s->cg * s->taps;
  if (p->m_floats == 0) return; /* no channels in: there may be no memory either */
  const float *from = w + (g * s->mg + m0) * weights;
  float *to = dst + index * p->m_floats, *column = to;
  if (s->cg % p->cin_block) memset(to + (p->n_c - 1) * p->c_floats, 0, (size_t)p->c_floats * sizeof *to);
  for (int64_t i0 = 0, c = 0, tap = 0; i0 < weights; i0 += VL) {
    const int64_t n = cpu_min(VL, weights - i0);
    vf square[VL];
    conv_pack_square(from + i0, lanes, weights, n, square);
    for (int64_t i = 0; i < n; i++) {
      v_store(column + tap * p->tap_floats, square[i]);
      if (++tap < s->taps) continue;
      tap = 0;
      c++;
      column = to + c / p->cin_block * p->c_floats + c % p->cin_block * VL;
    }
  }
}

#endif

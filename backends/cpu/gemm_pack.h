/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_pack.h: the packing of b into panels [k][width] (columns past n are zero) and of a into blocks [k][rows]. Where k lies innermost,
 * squares of VL by VL are transposed in registers. */
#ifndef CVK_CPU_GEMM_PACK_H
#define CVK_CPU_GEMM_PACK_H

#include "gemm_shape.h"
#include "vec.h"

/* to[k * step + line] = from[line * n_k + k] for `lines` lines of n_k elements, and zero for the lines up to `width` (at most VL). */
VI void pack_lines(const float *from, int64_t lines, int64_t width, int64_t n_k, int64_t step, float *to) {
  for (int64_t k = 0; k < n_k; k += VL) {
    const int64_t n = cpu_min(VL, n_k - k);
    vf square[VL];
    for (int64_t l = 0; l < VL; l++) {
      const float *p = from + l * n_k + k;
      square[l] = l >= lines ? v_zero() : n == VL ? v_load(p) : v_load_n(p, n);
    }
    v_transpose(square);
    for (int64_t i = 0; i < n; i++) {
      float *p = to + (k + i) * step;
      if (width == VL)
        v_store(p, square[i]);
      else
        v_store_n(p, square[i], width);
    }
  }
}

/* Panel `panel` of one matrix b; width is a multiple of VL. */
VI void gemm_pack_panel(const gemm_shape *s, const float *b, int64_t panel, int64_t width, float *to) {
  const int64_t n0 = panel * width;
  for (int64_t v = 0; v < width; v += VL) {
    const int64_t columns = cpu_max(0, cpu_min(VL, s->n - n0 - v));
    if (s->trans_b)
      pack_lines(columns ? b + (n0 + v) * s->k : b, columns, VL, s->k, width, to + v);
    else
      for (int64_t k = 0; k < s->k; k++) v_store(to + k * width + v, columns ? v_load_n(b + k * s->n + n0 + v, columns) : v_zero());
  }
}

/* Rows m0..m0+rows-1 of one matrix a. */
VI void gemm_pack_rows(const gemm_shape *s, const float *a, int64_t m0, int64_t rows, float *to) {
  for (int64_t r = 0; r < rows; r += VL) {
    const int64_t n = cpu_min(VL, rows - r);
    if (!s->trans_a)
      pack_lines(a + (m0 + r) * s->k, n, n, s->k, rows, to + r);
    else
      for (int64_t k = 0; k < s->k; k++) v_store_n(to + k * rows + r, v_load_n(a + k * s->m + m0 + r, n), n);
  }
}

#endif

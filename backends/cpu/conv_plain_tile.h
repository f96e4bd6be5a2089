/* SPDX-License-Identifier: Apache-2.0 */
/* conv_plain_tile.h: the register tile of convolutions whose lanes are neighbouring output cells: MB output channels by V vectors, all taps and
 * input channels in one go. It reads rows that were copied with the padding as zeros, so that no load meets a border. */
#include "conv_shape.h"
#include "totals.h"

enum {
  MAX_MB = 6,
  MAX_V = V_REGISTERS == 32 ? 8 : 6,
};

/* Output channels by vectors: as many sums as registers hold. */
#if V_REGISTERS == 32
#define EACH_TILE(F) \
  F(1, 1)            \
  F(1, 2)            \
  F(1, 3)            \
  F(1, 4)            \
  F(1, 5)            \
  F(1, 6)            \
  F(1, 7)            \
  F(1, 8)            \
  F(2, 1) F(2, 2) F(2, 3) F(2, 4) F(2, 5) F(2, 6) F(3, 1) F(3, 2) F(3, 3) F(3, 4) F(4, 1) F(4, 2) F(4, 3) F(5, 1) F(5, 2) F(6, 1) F(6, 2)
static const int32_t vectors[MAX_MB + 1] = {0, 8, 6, 4, 3, 2, 2};
#else
#define EACH_TILE(F) \
  F(1, 1)            \
  F(1, 2)            \
  F(1, 3) F(1, 4) F(1, 5) F(1, 6) F(2, 1) F(2, 2) F(2, 3) F(2, 4) F(3, 1) F(3, 2) F(3, 3) F(4, 1) F(4, 2) F(5, 1) F(5, 2) F(6, 1) F(6, 2)
static const int32_t vectors[MAX_MB + 1] = {0, 6, 4, 3, 2, 2, 2};
#endif

/* Whether padded cells, which are zeros, can be multiplied by these weights. */
static int32_t weights_finite(const float *w, int64_t n) {
  vf poison = v_zero(); /* 0 times an infinity or a NaN is a NaN */
  for (int64_t i = 0; i < n; i += VL) poison = v_fma(v_load_n(w + i, cpu_min(VL, n - i)), v_zero(), poison);
  return !vm_any(v_isnan(poison));
}

typedef struct tile_args {
  const float *x, *w; /* the first tap of the first cell in the copied rows; packed weights of the channels */
  int64_t x_channel, x_tap_row, channels, taps_h, taps_w, w_row; /* w_row: floats between kernel rows of packed weights, all taps counted */
  int64_t w_channel;
  const int32_t *at; /* where tap kw lies in a row */
  const float *bias, *add;
  float *y; /* add lies like y */
  int64_t y_channel, cells;
  int32_t clamp;
  float lo, hi;
} tile_args;

typedef void (*tile_fn)(const tile_args *a);

VI void tile(const int MB, const int V, const tile_args *a) {
  float total[12 * VL];
  vf acc[12]; /* [channel][vector] */
  int64_t products = 0, flushes = 0;
#pragma GCC unroll 12
  for (int i = 0; i < MB * V; i++) acc[i] = v_zero();
  for (int64_t c = 0; c < a->channels; c++)
    for (int64_t kh = 0; kh < a->taps_h; kh++) {
      const float *x = a->x + c * a->x_channel + kh * a->x_tap_row, *w = a->w + c * a->w_channel + kh * a->w_row;
      if (products + a->taps_w > V_CHAIN) {
        totals_add(MB * V, acc, total, flushes++ == 0);
        products = 0;
      }
      products += a->taps_w;
      for (int64_t kw = 0; kw < a->taps_w; kw++) {
        const float *p = x + a->at[kw];
        vf cell[MAX_V];
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) cell[v] = v_load(p + v * VL);
#pragma GCC unroll 8
        for (int m = 0; m < MB; m++) {
          const vf weight = v_set1(w[kw * MB + m]);
#pragma GCC unroll 8
          for (int v = 0; v < V; v++) acc[m * V + v] = v_fma(cell[v], weight, acc[m * V + v]);
        }
      }
    }
  if (flushes) totals_join(MB * V, acc, total);
  const float *bias = a->bias, *add = a->add;
  const int64_t y_channel = a->y_channel, cells = a->cells;
  float *y = a->y;
  if (bias) {
#pragma GCC unroll 8
    for (int m = 0; m < MB; m++) {
      const vf b = v_set1(bias[m]);
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) acc[m * V + v] = v_add(acc[m * V + v], b);
    }
  }
  if (add) {
#pragma GCC unroll 8
    for (int m = 0; m < MB; m++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) {
        const float *from = add + m * y_channel + v * VL;
        acc[m * V + v] = v_add(acc[m * V + v], v < V - 1 || cells == V * VL ? v_load(from) : v_load_n(from, cells - v * VL));
      }
  }
  if (a->clamp) {
    const vf lo = v_set1(a->lo), hi = v_set1(a->hi);
#pragma GCC unroll 12
    for (int i = 0; i < MB * V; i++) acc[i] = v_clamp(acc[i], lo, hi);
  }
#pragma GCC unroll 8
  for (int m = 0; m < MB; m++)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) {
      float *to = y + m * y_channel + v * VL;
      if (v < V - 1 || cells == V * VL)
        v_store(to, acc[m * V + v]);
      else
        v_store_n(to, acc[m * V + v], cells - v * VL);
    }
}

#define TILE(MB, V)                                 \
  static void tile_##MB##_##V(const tile_args *a) { \
    tile(MB, V, a);                                 \
  }
EACH_TILE(TILE)
#define ENTRY(MB, V) [MB][V] = tile_##MB##_##V,
static const tile_fn tiles[MAX_MB + 1][MAX_V + 1] = {EACH_TILE(ENTRY)};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_direct_tile.h: the register tile of the direct convolution: T neighbouring output cells by KB blocks of VL output channels, summed
 * in registers over a chunk of input channels and taps. The chunk's sum starts at zero and is added to the output so far, so rounding
 * errors grow with the chunk's length and not with the whole reduction's. Taps that miss the input for the first or the last cell have
 * loops of their own. Steps of input cells PIX, channels CS and output cells Y_PIX are in floats (0: known at run time); packed weights are
 * conv_shape.h's. */
#include "conv_shape.h"
#include "post.h"
#include "totals.h"

enum { MISS_NONE, MISS_FIRST, MISS_LAST };

/* The products of one tap and one block of input channels; offsets in floats from tile_args' x and w. */
typedef struct tile_step {
  int64_t x, w;
  int32_t channels, miss; /* miss: the output cell for which the tap has no input */
} tile_step;

typedef struct tile_args {
  const tile_step *step;
  int64_t steps;
  const float *x, *w, *bias,
      *add; /* x: where the first output cell's window begins; it may lie before the tensor. add, bias: NULL for none */
  float *y; /* add lies like y */
  int64_t x_channel, x_pix, y_pix, chain; /* chain: products that registers sum before they join the totals */
  int64_t w_m, y_m;                       /* floats between blocks of output channels */
  int32_t first, last;                    /* chunk of the reduction */
  int32_t clamp, lanes;                   /* lanes: channels in the last block of output channels */
  float lo, hi;
} tile_args;

typedef void (*tile_fn)(const tile_args *a);

VI void tile_tap(const int T, const int KB, const int LEFT, const int RIGHT, const int64_t pix, const int64_t cs, vf *acc, const float *x,
                 const float *w, int64_t w_m, int64_t channels) {
  for (int64_t c = 0; c < channels; c++) {
    vf b[4];
#pragma GCC unroll 4
    for (int k = 0; k < KB; k++) b[k] = v_load(w + k * w_m + c * VL);
#pragma GCC unroll 16
    for (int t = LEFT; t < T - RIGHT; t++) {
      const vf v = v_set1(x[t * pix + c * cs]);
#pragma GCC unroll 4
      for (int k = 0; k < KB; k++) acc[t * KB + k] = v_fma(v, b[k], acc[t * KB + k]);
    }
  }
}

/* What the end of the tile reads and writes comes into the cache meanwhile. */
VI void tile_fetch(const int T, const int KB, const int64_t y_pix, const tile_args *a) {
#pragma GCC unroll 4
  for (int k = 0; k < KB; k++)
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) __builtin_prefetch(a->y + k * a->y_m + t * y_pix, 1);
  if (!a->last || !a->add) return;
#pragma GCC unroll 4
  for (int k = 0; k < KB; k++)
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) __builtin_prefetch(a->add + k * a->y_m + t * y_pix);
}

VI void tile_run(const int T, const int KB, const int64_t PIX, const int64_t CS, const int64_t Y_PIX, const tile_args *a) {
  const int64_t pix = PIX ? PIX : a->x_pix, y_pix = Y_PIX ? Y_PIX : a->y_pix, cs = CS ? CS : a->x_channel, w_m = a->w_m;
  float total[32 * VL];
  vf acc[32];
  int64_t products = 0, flushes = 0;
#pragma GCC unroll 32
  for (int i = 0; i < T * KB; i++) acc[i] = v_zero();
  tile_fetch(T, KB, y_pix, a);
  for (const tile_step *s = a->step, *end = s + a->steps; s < end; s++) {
    if (products + s->channels > a->chain) {
      totals_add(T * KB, acc, total, flushes++ == 0);
      products = 0;
    }
    products += s->channels;
    if (T == 1 || s->miss == MISS_NONE)
      tile_tap(T, KB, 0, 0, pix, cs, acc, a->x + s->x, a->w + s->w, w_m, s->channels);
    else if (s->miss == MISS_FIRST)
      tile_tap(T, KB, 1, 0, pix, cs, acc, a->x + s->x, a->w + s->w, w_m, s->channels);
    else
      tile_tap(T, KB, 0, 1, pix, cs, acc, a->x + s->x, a->w + s->w, w_m, s->channels);
  }
  if (flushes) totals_join(T * KB, acc, total);
  if (!a->first) {
#pragma GCC unroll 4
    for (int k = 0; k < KB; k++)
#pragma GCC unroll 16
      for (int t = 0; t < T; t++) acc[t * KB + k] = v_add(acc[t * KB + k], v_load(a->y + k * a->y_m + t * y_pix));
  } else if (a->bias) {
#pragma GCC unroll 4
    for (int k = 0; k < KB; k++) {
      const vf bias = v_load_n(a->bias + k * VL, k == KB - 1 ? a->lanes : VL);
#pragma GCC unroll 16
      for (int t = 0; t < T; t++) acc[t * KB + k] = v_add(acc[t * KB + k], bias);
    }
  }
  if (a->last && a->add) {
#pragma GCC unroll 4
    for (int k = 0; k < KB; k++)
#pragma GCC unroll 16
      for (int t = 0; t < T; t++) acc[t * KB + k] = v_add(acc[t * KB + k], v_load(a->add + k * a->y_m + t * y_pix));
  }
  if (a->last && a->clamp) {
    const vf lo = v_set1(a->lo), hi = v_set1(a->hi);
#pragma GCC unroll 32
    for (int i = 0; i < T * KB; i++) acc[i] = v_clamp(acc[i], lo, hi);
  }
  if (a->last && a->lanes < VL) {
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) acc[t * KB + KB - 1] = v_first(acc[t * KB + KB - 1], a->lanes);
  }
#pragma GCC unroll 4
  for (int k = 0; k < KB; k++)
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) v_store(a->y + k * a->y_m + t * y_pix, acc[t * KB + k]);
}

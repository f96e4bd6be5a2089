// SPDX-License-Identifier: Apache-2.0
// conv_depthwise.cl: 1-D and 2-D convolution of each channel by itself (group = channels in = channels out), NCHWc16 to NCHWc16. Weights
// [block][kh][kw][16], zero where padded. Tile: 7 pixels of a row; a work-item makes `per_item` tiles. Kernels 3 and 5 wide of stride 1 and 2 read
// each input cell of a kernel row once. Taps in the pad are skipped, never multiplied.
// global: (ceil(rows x tiles a row / per_item), blocks, batch)
#include "post.cl"
#include "pack_lanes.cl"

#define TILE 7

typedef struct {
  long in_h, in_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
} conv_shape;

// One input cell of a kernel row, column K of those that the tile sees, times all the taps that it has.
#define CELL(K, KW, STRIDE)                                                                                                  \
  {                                                                                                                          \
    const float16 v = xp[K];                                                                                                 \
    _Pragma("unroll") for (int kx = 0; kx < KW; kx++) {                                                                      \
      const int p = (K - kx) / STRIDE;                                                                                       \
      if (K >= kx && (K - kx) % STRIDE == 0 && p < TILE) acc[p] = fma(v, wp[kx], acc[p]);                                    \
    }                                                                                                                        \
  }

// A tile of kernels KW wide, without dilation along the row.
#define ROWS(NAME, KW, STRIDE)                                                                                               \
  static inline void NAME(const conv_shape *s, global const float16 *plane, global const float16 *w, long oy, long ox, float16 *acc_out, \
                          float16 start) {                                                                                   \
    const long iy = oy * s->stride_h - s->pad_h, ix = ox * STRIDE - s->pad_w;                                                \
    float16 acc[TILE];                                                                                                       \
    _Pragma("unroll") for (int p = 0; p < TILE; p++) acc[p] = start;                                                         \
    if (ix >= 0 && ix + (TILE - 1) * STRIDE + KW <= s->in_w) {                                                               \
      for (long ky = 0; ky < s->kernel_h; ky++) {                                                                            \
        const long sy = iy + ky * s->dilation_h;                                                                             \
        global const float16 *xp = plane + sy * s->in_w + ix, *wp = w + ky * KW;                                             \
        if (sy < 0 || sy >= s->in_h) continue;                                                                               \
        _Pragma("unroll") for (int k = 0; k < (TILE - 1) * STRIDE + KW; k++) CELL(k, KW, STRIDE)                             \
      }                                                                                                                      \
    } else {                                                                                                                 \
      for (long ky = 0; ky < s->kernel_h; ky++) {                                                                            \
        const long sy = iy + ky * s->dilation_h;                                                                             \
        global const float16 *xp = plane + sy * s->in_w + ix, *wp = w + ky * KW;                                             \
        if (sy < 0 || sy >= s->in_h) continue;                                                                               \
        _Pragma("unroll") for (int k = 0; k < (TILE - 1) * STRIDE + KW; k++) if (ix + k >= 0 && ix + k < s->in_w) CELL(k, KW, STRIDE) \
      }                                                                                                                      \
    }                                                                                                                        \
    _Pragma("unroll") for (int p = 0; p < TILE; p++) acc_out[p] = acc[p];                                                    \
  }

ROWS(rows3_1, 3, 1)
ROWS(rows3_2, 3, 2)
ROWS(rows5_1, 5, 1)
ROWS(rows5_2, 5, 2)

static inline void rows_any(const conv_shape *s, global const float16 *plane, global const float16 *w, long oy, long ox, int valid, float16 *acc,
                            float16 start) {
  const long iy = oy * s->stride_h - s->pad_h, ix = ox * s->stride_w - s->pad_w;
  for (int p = 0; p < TILE; p++) acc[p] = start;
  for (long ky = 0; ky < s->kernel_h; ky++) {
    const long sy = iy + ky * s->dilation_h;
    if (sy < 0 || sy >= s->in_h) continue;
    for (long kx = 0; kx < s->kernel_w; kx++) {
      const float16 weight = w[ky * s->kernel_w + kx];
      for (int p = 0; p < valid; p++) {
        const long sx = ix + kx * s->dilation_w + p * s->stride_w;
        if (sx >= 0 && sx < s->in_w) acc[p] = fma(plane[sy * s->in_w + sx], weight, acc[p]);
      }
    }
  }
}

kernel void conv_depthwise(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                           ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long channels, long in_h, long in_w, long out_h,
                           long out_w, long kernel_h, long kernel_w, long stride_h, long stride_w, long dilation_h, long dilation_w, long pad_h,
                           long pad_w, long batch, long per_item) {
  const conv_shape s = {in_h, in_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w};
  const long tiles = (out_w + TILE - 1) / TILE, blocks = (channels + 15) / 16, begin = (long)get_global_id(0) * per_item;
  const long b = get_global_id(1), n = get_global_id(2), end = min(begin + per_item, tiles * out_h);
  if (begin >= tiles * out_h || b >= blocks || n >= batch) return;
  const long lanes = channels - b * 16;
  const int whole = dilation_w == 1 && stride_w <= 2 && (kernel_w == 3 || kernel_w == 5);
  global const float16 *plane = (global const float16 *)(x + x_offset) + (n * blocks + b) * in_h * in_w, *wb = w + w_offset / 16 + b * kernel_h * kernel_w;
  const float16 start = load_if(bias, bias_offset + b * 16, lanes);
  long oy = begin / tiles, column = begin % tiles;
  for (long t = begin; t < end; t++) {
    const long first = column * TILE, ox = max(min(first, out_w - TILE), 0L), at = (((n * blocks + b) * out_h + oy) * out_w + ox) * 16;
    const int valid = (int)min((long)TILE, out_w - ox);
    float16 acc[TILE];
    if (!whole)
      rows_any(&s, plane, wb, oy, ox, valid, acc, start);
    else if (kernel_w == 3 && stride_w == 1)
      rows3_1(&s, plane, wb, oy, ox, acc, start);
    else if (kernel_w == 3)
      rows3_2(&s, plane, wb, oy, ox, acc, start);
    else if (stride_w == 1)
      rows5_1(&s, plane, wb, oy, ox, acc, start);
    else
      rows5_2(&s, plane, wb, oy, ox, acc, start);
    store_pixels(acc, (int)(first - ox), valid, lanes, POST_ARGUMENTS, y + y_offset, at);
    if (++column == tiles) {
      column = 0;
      oy++;
    }
  }
}

// Transposed. An item makes a row of outputs: it adds up in y what each tap brings, then applies what follows. global: (output rows, blocks, batch)
kernel void conv_transpose_depthwise(global const float16 *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                                     ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long channels, long in_h, long in_w,
                                     long out_h, long out_w, long kernel_h, long kernel_w, long stride_h, long stride_w, long dilation_h,
                                     long dilation_w, long pad_h, long pad_w, long batch) {
  const long oy = get_global_id(0), block = get_global_id(1), n = get_global_id(2), blocks = (channels + 15) / 16, lanes = min(channels - block * 16, 16L);
  if (oy >= out_h || block >= blocks || n >= batch) return;
  const long row = ((n * blocks + block) * out_h + oy) * out_w;
  global float16 *to = (global float16 *)(y + y_offset) + row;
  const float16 start = load_if(bias, bias_offset + block * 16, lanes);
  for (long ox = 0; ox < out_w; ox++) to[ox] = start;
  for (long ky = 0; ky < kernel_h; ky++) {
    const long at = oy + pad_h - ky * dilation_h, sy = at / stride_h;
    if (at < 0 || sy * stride_h != at || sy >= in_h) continue;
    global const float16 *line = x + x_offset / 16 + ((n * blocks + block) * in_h + sy) * in_w;
    for (long kx = 0; kx < kernel_w; kx++) {
      const float16 weight = w[w_offset / 16 + (block * kernel_h + ky) * kernel_w + kx];
      const long first = kx * dilation_w - pad_w, low = first < 0 ? (-first + stride_w - 1) / stride_w : 0;
      const long high = first >= out_w ? 0 : min((out_w - 1 - first) / stride_w + 1, in_w);
      for (long sx = low; sx < high; sx++) to[sx * stride_w + first] = fma(line[sx], weight, to[sx * stride_w + first]);
    }
  }
  for (long ox = 0; ox < out_w; ox++) {
    const float16 v = to[ox];
    store_pixels(&v, 0, 1, lanes, POST_ARGUMENTS, y + y_offset, (row + ox) * 16);
  }
}

// SPDX-License-Identifier: Apache-2.0
// conv_depthwise.cl: 1-D and 2-D convolution of each channel by itself (group = channels in = channels out), NCHWc16 to NCHWc16. Weights
// [block][kh][kw][16], zero where padded. Tile: 7 pixels of a row; a work-item makes `per_item` tiles of one row. Taps in the pad are skipped,
// never multiplied.
// global: (rows x items a row, blocks, batch)
#include "post.cl"
#include "pack_lanes.cl"

#define TILE 7

kernel void conv_depthwise(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                           ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long channels, long in_h, long in_w, long out_h,
                           long out_w, long kernel_h, long kernel_w, long stride_h, long stride_w, long dilation_h, long dilation_w, long pad_h,
                           long pad_w, long batch, long per_item) {
  const long tiles = (out_w + TILE - 1) / TILE, items = (tiles + per_item - 1) / per_item, blocks = (channels + 15) / 16;
  const long j = get_global_id(0), b = get_global_id(1), n = get_global_id(2), oy = j / items, begin = (j - oy * items) * per_item;
  if (oy >= out_h || b >= blocks || n >= batch) return;
  const long iy = oy * stride_h - pad_h, lanes = channels - b * 16;
  global const float16 *plane = (global const float16 *)(x + x_offset) + (n * blocks + b) * in_h * in_w;
  global const float16 *wb = w + w_offset / 16 + b * kernel_h * kernel_w;
  const long row = (((n * blocks + b) * out_h + oy) * out_w) * 16;
  const float16 start = bias ? load_lanes(bias + bias_offset + b * 16, lanes) : (float16)(0.0f);
  for (long first = begin * TILE; first < min((begin + per_item) * TILE, out_w); first += TILE) {
    const long ox = max(min(first, out_w - TILE), 0L), ix = ox * stride_w - pad_w;
    const int valid = (int)min((long)TILE, out_w - ox);
    float16 acc[TILE];
#pragma unroll
    for (int p = 0; p < TILE; p++) acc[p] = start;
    for (long ky = 0; ky < kernel_h; ky++) {
      const long sy = iy + ky * dilation_h;
      if (sy < 0 || sy >= in_h) continue;
      for (long kx = 0; kx < kernel_w; kx++) {
        const long sx = ix + kx * dilation_w;
        const float16 weight = wb[ky * kernel_w + kx];
        global const float16 *xp = plane + sy * in_w + sx;
        if (sx >= 0 && sx + (TILE - 1) * stride_w < in_w && valid == TILE) {
#pragma unroll
          for (int p = 0; p < TILE; p++) acc[p] = fma(xp[p * stride_w], weight, acc[p]);
        } else {
#pragma unroll
          for (int p = 0; p < TILE; p++) {
            const long s = sx + p * stride_w;
            if (p < valid && s >= 0 && s < in_w) acc[p] = fma(xp[p * stride_w], weight, acc[p]);
          }
        }
      }
    }
    float16 result[TILE];
#pragma unroll
    for (int p = 0; p < TILE; p++) result[p] = acc[p];
    const long at = row + ox * 16;
    for (int p = (int)(first - ox); p < valid; p++) {
      const float16 other = add ? vload16(0, add + add_offset + at + p * 16) : (float16)(0.0f);
      vstore16(keep_lanes(POST16(result[p], other), lanes), 0, y + y_offset + at + p * 16);
    }
  }
}

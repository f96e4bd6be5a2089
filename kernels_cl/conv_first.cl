// SPDX-License-Identifier: Apache-2.0
// conv_first.cl: direct 1-D and 2-D convolution of few channels, plain NCHW to NCHWc16, one group. Weights [output block][channel][kh][kw][16],
// zero where padded. Tile: 7 pixels of a row by BLOCKS output blocks (1 or 2), one work-item; taps in the pad are skipped, never multiplied.
// global: (rows x tiles a row, output blocks / BLOCKS rounded up, batch)
#include "post.cl"
#include "pack_lanes.cl"

#ifndef BLOCKS
#define BLOCKS 2
#endif
#define TILE 7
#define EACH(O) _Pragma("unroll") for (int O = 0; O < BLOCKS; O++)
#define EACH_PIXEL(P) _Pragma("unroll") for (int P = 0; P < TILE; P++)

kernel void conv_first(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias, ulong bias_offset,
                       POST_PARAMETERS, global float *y, ulong y_offset, long channels_in, long channels_out, long in_h, long in_w, long out_h,
                       long out_w, long kernel_h, long kernel_w, long stride_h, long stride_w, long dilation_h, long dilation_w, long pad_h,
                       long pad_w, long batch, long chunk) {
  const long tiles = (out_w + TILE - 1) / TILE, blocks = (channels_out + 15) / 16, t = get_global_id(0), b0 = (long)get_global_id(1) * BLOCKS;
  const long n = get_global_id(2), last = min(b0 + BLOCKS, blocks) - b0 - 1, oy = t / tiles, first = t % tiles * TILE;
  if (oy >= out_h || b0 >= blocks || n >= batch) return;
  const long ox = max(min(first, out_w - TILE), 0L), iy = oy * stride_h - pad_h, ix = ox * stride_w - pad_w, depth = channels_in * kernel_h * kernel_w;
  const int valid = (int)min((long)TILE, out_w - ox);
  const float16 zero = (float16)(0.0f);
  float16 acc[BLOCKS][TILE], sum[BLOCKS][TILE];
  long away[BLOCKS]; // an odd last block is computed twice and stored once
  EACH(o) {
    const long b = b0 + min((long)o, last);
    away[o] = (b - b0) * depth;
    const float16 start = load_if(bias, bias_offset + b * 16, channels_out - b * 16);
    EACH_PIXEL(p) {
      sum[o][p] = start;
      acc[o][p] = zero;
    }
  }
  global const float *plane = x + x_offset + n * channels_in * in_h * in_w;
  long left = chunk;
  for (long c = 0; c < channels_in; c++, plane += in_h * in_w) {
    for (long ky = 0; ky < kernel_h; ky++) {
      const long sy = iy + ky * dilation_h;
      if (sy < 0 || sy >= in_h) continue;
      global const float16 *wp = w + w_offset / 16 + b0 * depth + (c * kernel_h + ky) * kernel_w;
      for (long kx = 0; kx < kernel_w; kx++, wp++) {
        const long sx = ix + kx * dilation_w;
        float16 tap[BLOCKS];
        EACH(o) tap[o] = wp[away[o]];
        global const float *xp = plane + sy * in_w + sx;
        if (sx >= 0 && sx + (TILE - 1) * stride_w < in_w && valid == TILE) {
          EACH_PIXEL(p) {
            const float16 v = (float16)(xp[p * stride_w]);
            EACH(o) acc[o][p] = fma(v, tap[o], acc[o][p]);
          }
        } else {
          EACH_PIXEL(p) {
            const long s = sx + p * stride_w;
            if (p < valid && s >= 0 && s < in_w) {
              const float16 v = (float16)(xp[p * stride_w]);
              EACH(o) acc[o][p] = fma(v, tap[o], acc[o][p]);
            }
          }
        }
        if (--left == 0) {
          EACH(o) EACH_PIXEL(p) {
            sum[o][p] += acc[o][p];
            acc[o][p] = zero;
          }
          left = chunk;
        }
      }
    }
  }
  float16 result[BLOCKS * TILE];
  EACH(o) EACH_PIXEL(p) result[o * TILE + p] = sum[o][p] + acc[o][p];
  for (int o = 0; o <= (int)last; o++) {
    const long at = (((n * blocks + b0 + o) * out_h + oy) * out_w + ox) * 16, lanes = channels_out - (b0 + o) * 16;
    store_pixels(result + o * TILE, (int)(first - ox), valid, lanes, POST_ARGUMENTS, y + y_offset, at);
  }
}

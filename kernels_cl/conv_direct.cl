// SPDX-License-Identifier: Apache-2.0
// conv_direct.cl: direct 1-D and 2-D convolution, NCHWc16 to NCHWc16, any kernel, stride, dilation and pads; groups of whole blocks.
// Weights [group x output block][input block][kh][kw][16 in][16 out], zero where padded. Tile: 7 pixels of a row by 2 output blocks, 14
// accumulators, one work-item. Taps in the pad are skipped, never multiplied. The last tile of a row is moved left to be full; the pixels
// it shares are stored once. Products are summed over `chunk` taps before they join the total: that keeps the rounding error small.
// global: (rows x tiles a row, groups x pairs of output blocks, batch)
#include "post.cl"

#define TILE 7

#define CONV_PARAMETERS                                                                                                      \
  long blocks_in, long blocks_out, long groups, long channels_out, long in_h, long in_w, long out_h, long out_w, long kernel_h, \
      long kernel_w, long stride_h, long stride_w, long dilation_h, long dilation_w, long pad_h, long pad_w, long batch, long chunk

// One tap of pixels FROM..TO-1 over 16 input channels.
#define TAP(FROM, TO)                                                                                                        \
  _Pragma("unroll 4") for (int i = 0; i < 16; i++) {                                                                           \
    const float16 w0 = wp0[i], w1 = wp1[i];                                                                                  \
    _Pragma("unroll") for (int p = (FROM); p < (TO); p++) {                                                                  \
      const float16 v = (float16)(xp[p * step + i]);                                                                         \
      acc0[p] = fma(v, w0, acc0[p]);                                                                                         \
      acc1[p] = fma(v, w1, acc1[p]);                                                                                         \
    }                                                                                                                        \
  }

#define JOIN                                                                                                                 \
  _Pragma("unroll") for (int p = 0; p < TILE; p++) {                                                                         \
    sum0[p] += acc0[p];                                                                                                      \
    sum1[p] += acc1[p];                                                                                                      \
    acc0[p] = acc1[p] = (float16)(0.0f);                                                                                     \
  }

// blocks_in, blocks_out: of one group. channels_out: of all groups.
#define CONV_DIRECT(NAME, STRIDE_W)                                                                                          \
  kernel void NAME(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias, \
                   ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, CONV_PARAMETERS) {                   \
    const long tiles = (out_w + TILE - 1) / TILE, pairs = (blocks_out + 1) / 2;                                              \
    const long t = get_global_id(0), j = get_global_id(1), n = get_global_id(2);                                             \
    if (t >= tiles * out_h || j >= pairs * groups || n >= batch) return;                                                     \
    const long oy = t / tiles, first = t % tiles * TILE, ox = max(min(first, out_w - TILE), 0L);                             \
    const long g = j / pairs, b0 = g * blocks_out + j % pairs * 2, b1 = min(b0 + 1, (g + 1) * blocks_out - 1);               \
    const long iy = oy * stride_h - pad_h, ix = ox * (STRIDE_W)-pad_w, step = (STRIDE_W)*16;                                 \
    const int valid = (int)min((long)TILE, out_w - ox);                                                                      \
    const long taps = kernel_h * kernel_w;                                                                                   \
    float16 acc0[TILE], acc1[TILE], sum0[TILE], sum1[TILE];                                                                  \
    long left = chunk;                                                                                                       \
    const float16 bias0 = bias ? load_lanes(bias + bias_offset + b0 * 16, channels_out - b0 * 16) : (float16)(0.0f);         \
    const float16 bias1 = bias ? load_lanes(bias + bias_offset + b1 * 16, channels_out - b1 * 16) : (float16)(0.0f);         \
    _Pragma("unroll") for (int p = 0; p < TILE; p++) {                                                                       \
      sum0[p] = bias0;                                                                                                       \
      sum1[p] = bias1;                                                                                                       \
      acc0[p] = acc1[p] = (float16)(0.0f);                                                                                   \
    }                                                                                                                        \
    global const float *plane = x + x_offset + (n * groups + g) * blocks_in * in_h * in_w * 16;                              \
    global const float16 *wb0 = w + w_offset / 16 + b0 * blocks_in * taps * 16;                                              \
    global const float16 *wb1 = w + w_offset / 16 + b1 * blocks_in * taps * 16;                                              \
    for (long b = 0; b < blocks_in; b++, plane += in_h * in_w * 16) {                                                        \
      for (long ky = 0; ky < kernel_h; ky++) {                                                                               \
        const long sy = iy + ky * dilation_h;                                                                                \
        if (sy < 0 || sy >= in_h) continue;                                                                                  \
        for (long kx = 0; kx < kernel_w; kx++) {                                                                             \
          const long sx = ix + kx * dilation_w, right = in_w - sx;                                                           \
          global const float *xp = plane + (sy * in_w + sx) * 16;                                                            \
          global const float16 *wp0 = wb0 + (b * taps + ky * kernel_w + kx) * 16;                                            \
          global const float16 *wp1 = wb1 + (b * taps + ky * kernel_w + kx) * 16;                                            \
          if (sx >= 0 && right > (TILE - 1) * (STRIDE_W) && valid == TILE) {                                                 \
            TAP(0, TILE)                                                                                                     \
          } else if (sx < 0 && sx >= -(STRIDE_W) && right > (TILE - 1) * (STRIDE_W) && valid == TILE) {                      \
            TAP(1, TILE)                                                                                                     \
          } else if (sx >= 0 && right > (TILE - 2) * (STRIDE_W) && valid >= TILE - 1) {                                      \
            TAP(0, TILE - 1)                                                                                                 \
          } else {                                                                                                           \
            _Pragma("unroll") for (int p = 0; p < TILE; p++) {                                                               \
              const long s = sx + p * (STRIDE_W);                                                                            \
              if (p >= valid || s < 0 || s >= in_w) continue;                                                                \
              for (int i = 0; i < 16; i++) {                                                                                 \
                const float16 v = (float16)(xp[p * step + i]);                                                               \
                acc0[p] = fma(v, wp0[i], acc0[p]);                                                                           \
                acc1[p] = fma(v, wp1[i], acc1[p]);                                                                           \
              }                                                                                                              \
            }                                                                                                                \
          }                                                                                                                  \
          if (--left == 0) {                                                                                                 \
            JOIN                                                                                                             \
            left = chunk;                                                                                                    \
          }                                                                                                                  \
        }                                                                                                                    \
      }                                                                                                                      \
    }                                                                                                                        \
    JOIN                                                                                                                     \
    float16 result[2 * TILE];                                                                                                \
    _Pragma("unroll") for (int p = 0; p < TILE; p++) {                                                                       \
      result[p] = sum0[p];                                                                                                   \
      result[TILE + p] = sum1[p];                                                                                            \
    }                                                                                                                        \
    for (int o = 0; o <= (b1 > b0); o++) {                                                                                   \
      const long at = (((n * groups * blocks_out + b0 + o) * out_h + oy) * out_w + ox) * 16;                                 \
      const long lanes = channels_out - (b0 + o) * 16;                                                                       \
      for (int p = (int)(first - ox); p < valid; p++) {                                                                      \
        const float16 other = add ? vload16(0, add + add_offset + at + p * 16) : (float16)(0.0f);                            \
        vstore16(keep_lanes(POST16(result[o * TILE + p], other), lanes), 0, y + y_offset + at + p * 16);                     \
      }                                                                                                                      \
    }                                                                                                                        \
  }

CONV_DIRECT(conv_direct_s1, 1)
CONV_DIRECT(conv_direct_any, stride_w)

// Plain weights [out][in of a group][taps] into the layout above; one work-item a vector of 16 outputs.
kernel void conv_direct_pack(global const float *w, ulong w_offset, global float16 *packed, ulong packed_offset, long groups, long outs,
                             long ins, long taps) {
  const long blocks_in = (ins + 15) / 16, blocks_out = (outs + 15) / 16, item = get_global_id(0);
  if (item >= groups * blocks_out * blocks_in * taps * 16) return;
  const long i = item % 16, tap = item / 16 % taps, b = item / 16 / taps % blocks_in, o = item / 16 / taps / blocks_in;
  const long g = o / blocks_out, in = b * 16 + i;
  float v[16];
  for (int lane = 0; lane < 16; lane++) {
    const long out = o % blocks_out * 16 + lane;
    v[lane] = out < outs && in < ins ? w[w_offset + ((g * outs + out) * ins + in) * taps + tap] : 0.0f;
  }
  packed[packed_offset / 16 + item] = vload16(0, v);
}

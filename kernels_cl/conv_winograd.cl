// SPDX-License-Identifier: Apache-2.0
// conv_winograd.cl: 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), NCHWc16 to NCHWc16, one group. Three kernels over a band of
// 4x4 output tiles, numbered through batch, rows and columns: input transform to V [36][input block][tile][16], product with U [36][output
// block][input block][16 in][16 out] to S [36][output block][tile][16], output transform. Finite weights only. A tile that comes out with an
// Inf or NaN is computed again directly, from W in the layout of conv_direct, so that one bad input spoils no neighbour.
#include "post.cl"

#define TILES 8 /* tiles of one work-item of the product */

// The tile's image and its first output row and column.
static inline void locate(long tile, long tiles_y, long tiles_x, long *n, long *oy, long *ox) {
  *ox = tile % tiles_x * 4;
  *oy = tile / tiles_x % tiles_y * 4;
  *n = tile / tiles_x / tiles_y;
}

// One side of the input transform: six values in place, `step` apart.
static inline void transform6(float16 *d, int step) {
  const float16 d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const float16 even4 = fma((float16)(-4.0f), d2, d4), odd4 = fma((float16)(-4.0f), d1, d3), even1 = d4 - d2, odd1 = 2.0f * (d3 - d1);
  d[0] = fma((float16)(4.0f), d0, fma((float16)(-5.0f), d2, d4));
  d[step] = even4 + odd4;
  d[2 * step] = even4 - odd4;
  d[3 * step] = even1 + odd1;
  d[4 * step] = even1 - odd1;
  d[5 * step] = fma((float16)(4.0f), d1, fma((float16)(-5.0f), d3, d5));
}

// global: (tiles of the band, input blocks)
kernel void winograd_input(global const float16 *x, ulong x_offset, global float16 *v, ulong v_offset, long blocks_in, long in_h, long in_w,
                           long tiles_y, long tiles_x, long pad_h, long pad_w, long first, long count) {
  const long t = get_global_id(0), b = get_global_id(1);
  if (t >= count || b >= blocks_in) return;
  long n, oy, ox;
  locate(first + t, tiles_y, tiles_x, &n, &oy, &ox);
  const long iy = oy - pad_h, ix = ox - pad_w;
  global const float16 *plane = x + x_offset / 16 + (n * blocks_in + b) * in_h * in_w;
  float16 d[36];
  for (int y = 0; y < 6; y++) {
    const long sy = iy + y;
    for (int i = 0; i < 6; i++) d[y * 6 + i] = sy >= 0 && sy < in_h && ix + i >= 0 && ix + i < in_w ? plane[sy * in_w + ix + i] : (float16)(0.0f);
    transform6(d + y * 6, 1);
  }
  v += v_offset / 16 + b * count + t;
  for (int i = 0; i < 6; i++) {
    transform6(d + i, 6);
    for (int y = 0; y < 6; y++) v[(y * 6 + i) * blocks_in * count] = d[y * 6 + i];
  }
}

// global: (groups of TILES tiles, pairs of output blocks, 36)
kernel void winograd_product(global const float *v, ulong v_offset, global const float16 *u, ulong u_offset, global float16 *s, ulong s_offset,
                             long blocks_in, long blocks_out, long count) {
  const long begin = (long)get_global_id(0) * TILES, b0 = (long)get_global_id(1) * 2, k = get_global_id(2);
  if (begin >= count || b0 >= blocks_out || k >= 36) return;
  const long b1 = min(b0 + 1, blocks_out - 1), t0 = max(min(begin, count - TILES), 0L);
  global const float *vp = v + v_offset + (k * blocks_in * count + t0) * 16;
  global const float16 *u0 = u + u_offset / 16 + (k * blocks_out + b0) * blocks_in * 16, *u1 = u0 + (b1 - b0) * blocks_in * 16;
  float16 acc0[TILES], acc1[TILES];
#pragma unroll
  for (int p = 0; p < TILES; p++) acc0[p] = acc1[p] = (float16)(0.0f);
  if (count >= TILES) {
    for (long b = 0; b < blocks_in; b++, vp += count * 16, u0 += 16, u1 += 16) {
#pragma unroll 4
      for (int i = 0; i < 16; i++) {
        const float16 w0 = u0[i], w1 = u1[i];
#pragma unroll
        for (int p = 0; p < TILES; p++) {
          const float16 value = (float16)(vp[p * 16 + i]);
          acc0[p] = fma(value, w0, acc0[p]);
          acc1[p] = fma(value, w1, acc1[p]);
        }
      }
    }
  } else { // a band of few tiles: those past the last repeat it
    for (long b = 0; b < blocks_in; b++, vp += count * 16, u0 += 16, u1 += 16) {
      for (int i = 0; i < 16; i++) {
#pragma unroll
        for (int p = 0; p < TILES; p++) {
          const float16 value = (float16)(vp[min((long)p, count - 1) * 16 + i]);
          acc0[p] = fma(value, u0[i], acc0[p]);
          acc1[p] = fma(value, u1[i], acc1[p]);
        }
      }
    }
  }
  s += s_offset / 16 + k * blocks_out * count + t0;
#pragma unroll
  for (int p = 0; p < TILES; p++) {
    if (t0 + p < begin || t0 + p >= count) continue;
    s[b0 * count + p] = acc0[p];
    if (b1 > b0) s[b1 * count + p] = acc1[p];
  }
}

// One output, 16 channels, by the definition.
static inline float16 direct(global const float *x, global const float16 *w, long blocks_in, long in_h, long in_w, long iy, long ix) {
  float16 sum = (float16)(0.0f);
  for (long b = 0; b < blocks_in; b++)
    for (long y = max(-iy, 0L); y < min(3L, in_h - iy); y++)
      for (long i = max(-ix, 0L); i < min(3L, in_w - ix); i++)
        for (int c = 0; c < 16; c++)
          sum = fma((float16)(x[((b * in_h + iy + y) * in_w + ix + i) * 16 + c]), w[((b * 3 + y) * 3 + i) * 16 + c], sum);
  return sum;
}

// global: (tiles of the band, output blocks)
kernel void winograd_output(global const float *x, ulong x_offset, global const float16 *u, ulong u_offset, global const float16 *s, ulong s_offset,
                            global const float *bias, ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long blocks_in,
                            long channels_out, long in_h, long in_w, long out_h, long out_w, long tiles_y, long tiles_x, long pad_h, long pad_w,
                            long first, long count) {
  const long t = get_global_id(0), b = get_global_id(1), blocks = (channels_out + 15) / 16, lanes = channels_out - b * 16;
  if (t >= count || b >= blocks) return;
  long n, oy, ox;
  locate(first + t, tiles_y, tiles_x, &n, &oy, &ox);
  float16 r[24], out[16];
  s += s_offset / 16 + b * count + t;
  for (int i = 0; i < 6; i++) {
    const long step = blocks * count;
    const float16 a = s[i * step], p = s[(6 + i) * step], q = s[(12 + i) * step], c = s[(18 + i) * step], d = s[(24 + i) * step], e = s[(30 + i) * step];
    r[i] = a + (p + q) + (c + d);
    r[6 + i] = fma((float16)(2.0f), c - d, p - q);
    r[12 + i] = fma((float16)(4.0f), c + d, p + q);
    r[18 + i] = fma((float16)(8.0f), c - d, p - q) + e;
  }
  float16 poison = (float16)(0.0f); // NaN in the lanes where any output is not finite
  for (int j = 0; j < 4; j++) {
    const float16 *row = r + j * 6;
    const float16 sum12 = row[1] + row[2], difference12 = row[1] - row[2], sum34 = row[3] + row[4], difference34 = row[3] - row[4];
    out[j * 4] = row[0] + sum12 + sum34;
    out[j * 4 + 1] = fma((float16)(2.0f), difference34, difference12);
    out[j * 4 + 2] = fma((float16)(4.0f), sum34, sum12);
    out[j * 4 + 3] = fma((float16)(8.0f), difference34, difference12) + row[5];
    for (int i = 0; i < 4; i++) poison += out[j * 4 + i] - out[j * 4 + i];
  }
  const int again = any(isnan(poison));
  const float16 start = bias ? load_lanes(bias + bias_offset + b * 16, lanes) : (float16)(0.0f);
  for (int j = 0; j < 4 && oy + j < out_h; j++)
    for (int i = 0; i < 4 && ox + i < out_w; i++) {
      const long at = (((n * blocks + b) * out_h + oy + j) * out_w + ox + i) * 16;
      float16 v = out[j * 4 + i];
      if (again)
        v = direct(x + x_offset + n * blocks_in * in_h * in_w * 16, u + u_offset / 16 + (36 * blocks * 16 + b * 9 * 16) * blocks_in, blocks_in, in_h,
                   in_w, oy + j - pad_h, ox + i - pad_w);
      const float16 other = add ? vload16(0, add + add_offset + at) : (float16)(0.0f);
      vstore16(keep_lanes(POST16(v + start, other), lanes), 0, y + y_offset + at);
    }
}

// SPDX-License-Identifier: Apache-2.0
// conv_generic.cl: any convolution of 1 to 3 spatial axes, plain in, weights and out; the row of last resort. A work-item makes up to 16
// pixels of one row of OUTS output channels of a group. Taps in the pad are skipped, never multiplied.
// global: (segments of 16 pixels x rows x planes, OUTS output channels of each group, batch)
#include "post.cl"

#ifndef OUTS
#define OUTS 4 // 1 where groups have one
#endif
#define EACH(O) _Pragma("unroll") for (int O = 0; O < OUTS; O++)

kernel void conv_generic(global const float *x, ulong x_offset, global const float *w, ulong w_offset, global const float *bias, ulong bias_offset,
                         POST_PARAMETERS, global float *y, ulong y_offset, long in_group, long out_group, long groups, long in_d, long in_h,
                         long in_w, long out_d, long out_h, long out_w, long kernel_d, long kernel_h, long kernel_w, long stride_d, long stride_h,
                         long stride_w, long dilation_d, long dilation_h, long dilation_w, long pad_d, long pad_h, long pad_w, long batch,
                         long chunk) {
  const long segments = (out_w + 15) / 16, t = get_global_id(0), quads = (out_group + OUTS - 1) / OUTS, quad = get_global_id(1), n = get_global_id(2);
  const long ox = t % segments * 16, oy = t / segments % out_h, oz = t / segments / out_h;
  if (oz >= out_d || quad >= quads * groups || n >= batch) return;
  const long group = quad / quads, o0 = group * out_group + quad % quads * OUTS, last = min((long)OUTS, (group + 1) * out_group - o0) - 1;
  const long iz = oz * stride_d - pad_d, iy = oy * stride_h - pad_h, ix = ox * stride_w - pad_w, pixels = in_d * in_h * in_w;
  const long depth = in_group * kernel_d * kernel_h * kernel_w;
  const int valid = (int)min(16L, out_w - ox);
  global const float *plane = x + x_offset + (n * groups + group) * in_group * pixels;
  global const float *wp = w + w_offset + o0 * depth;
  float16 sum[OUTS], acc[OUTS];
  long away[OUTS]; // the last one is computed again where the group has no more, and stored once
  EACH(o) {
    const long at = min((long)o, last);
    away[o] = at * depth;
    sum[o] = (float16)(bias ? bias[bias_offset + o0 + at] : 0.0f);
    acc[o] = (float16)(0.0f);
  }
  long left = chunk;
  for (long c = 0; c < in_group; c++, plane += pixels, wp += kernel_d * kernel_h * kernel_w) {
    for (long kz = 0; kz < kernel_d; kz++) {
      const long sz = iz + kz * dilation_d;
      if (sz < 0 || sz >= in_d) continue;
      for (long ky = 0; ky < kernel_h; ky++) {
        const long sy = iy + ky * dilation_h;
        if (sy < 0 || sy >= in_h) continue;
        for (long kx = 0; kx < kernel_w; kx++) {
          const long sx = ix + kx * dilation_w;
          global const float *weight = wp + (kz * kernel_h + ky) * kernel_w + kx, *xp = plane + (sz * in_h + sy) * in_w;
          if (stride_w == 1 && sx >= 0 && sx + valid <= in_w) {
            const float16 cells = load_if(xp, sx, valid);
            EACH(o) acc[o] = fma(cells, (float16)(weight[away[o]]), acc[o]);
          } else {
            EACH(o) {
              float part[16];
              vstore16(acc[o], 0, part);
              for (int p = 0; p < valid; p++) {
                const long s = sx + p * stride_w;
                if (s >= 0 && s < in_w) part[p] = fma(xp[s], weight[away[o]], part[p]);
              }
              acc[o] = vload16(0, part);
            }
          }
          if (--left == 0) {
            EACH(o) {
              sum[o] += acc[o];
              acc[o] = (float16)(0.0f);
            }
            left = chunk;
          }
        }
      }
    }
  }
  for (int o = 0; o <= (int)last; o++) {
    const long at = (((n * groups * out_group + o0 + o) * out_d + oz) * out_h + oy) * out_w + ox;
    const float16 other = load_if(add, add_offset + at, valid);
    store_lanes(y + y_offset + at, POST16(sum[o] + acc[o], other), valid);
  }
}

// An output an item, for devices that are no CPU. global: (pixels, output channels, batch)
kernel void conv_generic_each(global const float *x, ulong x_offset, global const float *w, ulong w_offset, global const float *bias,
                              ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long in_group, long out_group, long groups,
                              long in_d, long in_h, long in_w, long out_d, long out_h, long out_w, long kernel_d, long kernel_h, long kernel_w,
                              long stride_d, long stride_h, long stride_w, long dilation_d, long dilation_h, long dilation_w, long pad_d, long pad_h,
                              long pad_w, long batch, long chunk) {
  const long t = get_global_id(0), o = get_global_id(1), n = get_global_id(2), ox = t % out_w, oy = t / out_w % out_h, oz = t / out_w / out_h;
  if (oz >= out_d || o >= out_group * groups || n >= batch) return;
  const long iz = oz * stride_d - pad_d, iy = oy * stride_h - pad_h, ix = ox * stride_w - pad_w, pixels = in_d * in_h * in_w;
  global const float *plane = x + x_offset + (n * groups + o / out_group) * in_group * pixels;
  global const float *weight = w + w_offset + o * in_group * kernel_d * kernel_h * kernel_w;
  float sum = bias ? bias[bias_offset + o] : 0.0f, acc = 0.0f;
  long left = chunk;
  for (long c = 0; c < in_group; c++, plane += pixels)
    for (long kz = 0; kz < kernel_d; kz++)
      for (long ky = 0; ky < kernel_h; ky++)
        for (long kx = 0; kx < kernel_w; kx++, weight++) {
          const long sz = iz + kz * dilation_d, sy = iy + ky * dilation_h, sx = ix + kx * dilation_w;
          if (sz >= 0 && sz < in_d && sy >= 0 && sy < in_h && sx >= 0 && sx < in_w) acc = fma(plane[(sz * in_h + sy) * in_w + sx], *weight, acc);
          if (--left == 0) {
            sum += acc;
            acc = 0.0f;
            left = chunk;
          }
        }
  const long at = ((n * groups * out_group + o) * out_d + oz) * out_h * out_w + oy * out_w + ox;
  y[y_offset + at] = POST1(sum + acc, add ? add[add_offset + at] : 0.0f);
}

// SPDX-License-Identifier: Apache-2.0
// conv_transpose.cl: transposed convolution of 1 to 3 spatial axes and groups, plain in and out. Weights [group][block of 16 outputs][channel of the
// group][taps][16], zero where padded. A work-item gathers one output pixel of 16 channels from the input pixels that reach it.
// global: (output pixels, groups x output blocks, batch)
#include "post.cl"
#include "pack_lanes.cl"

// The input position that tap k moves to output position `at`, or -1.
static inline long source(long at, long k, long stride, long dilation, long pad, long in) {
  const long v = at + pad - k * dilation;
  return v < 0 || v % stride != 0 || v / stride >= in ? -1 : v / stride;
}

kernel void conv_transpose(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                           ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long in_group, long out_group, long groups,
                           long in_d, long in_h, long in_w, long out_d, long out_h, long out_w, long kernel_d, long kernel_h, long kernel_w,
                           long stride_d, long stride_h, long stride_w, long dilation_d, long dilation_h, long dilation_w, long pad_d, long pad_h,
                           long pad_w, long batch, long chunk) {
  const long p = get_global_id(0), j = get_global_id(1), n = get_global_id(2), blocks = (out_group + 15) / 16;
  const long out_pixels = out_d * out_h * out_w, in_pixels = in_d * in_h * in_w, taps = kernel_d * kernel_h * kernel_w;
  if (p >= out_pixels || j >= groups * blocks || n >= batch) return;
  const long g = j / blocks, first = j % blocks * 16, lanes = min(16L, out_group - first), o = g * out_group + first;
  const long ox = p % out_w, oy = p / out_w % out_h, oz = p / out_w / out_h;
  global const float *plane = x + x_offset + (n * groups + g) * in_group * in_pixels;
  global const float16 *wb = w + w_offset / 16 + j * in_group * taps;
  float16 sum = load_if(bias, bias_offset + o, lanes);
  for (long kz = 0; kz < kernel_d; kz++) {
    const long sz = source(oz, kz, stride_d, dilation_d, pad_d, in_d);
    if (sz < 0) continue;
    for (long ky = 0; ky < kernel_h; ky++) {
      const long sy = source(oy, ky, stride_h, dilation_h, pad_h, in_h);
      if (sy < 0) continue;
      for (long kx = 0; kx < kernel_w; kx++) {
        const long sx = source(ox, kx, stride_w, dilation_w, pad_w, in_w);
        if (sx < 0) continue;
        global const float *xp = plane + (sz * in_h + sy) * in_w + sx;
        global const float16 *wp = wb + (kz * kernel_h + ky) * kernel_w + kx;
        for (long c = 0; c < in_group;) {
          float16 acc = (float16)(0.0f);
          for (const long end = min(c + chunk, in_group); c < end; c++) acc = fma((float16)(xp[c * in_pixels]), wp[c * taps], acc);
          sum += acc;
        }
      }
    }
  }
  float v[16] = {0};
  const long at = (n * groups * out_group + o) * out_pixels + p;
  if (add)
    for (int lane = 0; lane < lanes; lane++) v[lane] = add[add_offset + at + lane * out_pixels];
  vstore16(POST16(sum, vload16(0, v)), 0, v);
  for (int lane = 0; lane < lanes; lane++) y[y_offset + at + lane * out_pixels] = v[lane];
}

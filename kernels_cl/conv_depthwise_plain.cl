// SPDX-License-Identifier: Apache-2.0
// conv_depthwise_plain.cl: 1-D and 2-D convolution of each channel by itself, with any number of outputs a channel, plain NCHW, an output an
// item; for GPUs. Taps in the pad are skipped, never multiplied.
// global: (out_h out_w, batch x output channels)
#include "post.cl"

kernel void conv_depthwise_plain(global const float *x, ulong x_offset, global const float *w, ulong w_offset, global const float *bias,
                                 ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, int channels, int outs, int in_h, int in_w,
                                 int out_h, int out_w, int kernel_h, int kernel_w, int stride_h, int stride_w, int dilation_h, int dilation_w, int pad_h,
                                 int pad_w, int planes) {
  const int pixel = get_global_id(0), plane = get_global_id(1), pixels = out_h * out_w;
  if (pixel >= pixels || plane >= planes) return;
  const int n = plane / outs, m = plane - n * outs, c = m / (outs / channels), oy = pixel / out_w, ox = pixel - oy * out_w;
  const int iy = oy * stride_h - pad_h, ix = ox * stride_w - pad_w;
  global const float *from = x + x_offset + ((size_t)n * channels + c) * in_h * in_w, *weights = w + w_offset + (size_t)m * kernel_h * kernel_w;
  float sum = bias ? bias[bias_offset + m] : 0.0f;
  for (int ky = 0; ky < kernel_h; ky++) {
    const int sy = iy + ky * dilation_h;
    if (sy < 0 || sy >= in_h) continue;
    for (int kx = 0; kx < kernel_w; kx++) {
      const int sx = ix + kx * dilation_w;
      if (sx >= 0 && sx < in_w) sum = fma(from[sy * in_w + sx], weights[ky * kernel_w + kx], sum);
    }
  }
  const size_t at = (size_t)plane * pixels + pixel;
  y[y_offset + at] = POST1(sum, add ? add[add_offset + at] : 0.0f);
}

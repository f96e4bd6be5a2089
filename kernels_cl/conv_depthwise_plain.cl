// SPDX-License-Identifier: Apache-2.0
// conv_depthwise_plain.cl: 1-D and 2-D convolution of each channel by itself, with any number of outputs a channel, plain NCHW; for GPUs. An item
// makes four pixels side by side. Taps in the pad are skipped, never multiplied.
// global: (ceil(out_w / 4), out_h, batch x output channels)
#include "post.cl"

kernel void conv_depthwise_plain(global const float *x, ulong x_offset, global const float *w, ulong w_offset, global const float *bias,
                                 ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, int channels, int outs, int in_h, int in_w,
                                 int out_h, int out_w, int kernel_h, int kernel_w, int stride_h, int stride_w, int dilation_h, int dilation_w, int pad_h,
                                 int pad_w, int planes) {
  const int ox = get_global_id(0) * 4, oy = get_global_id(1), plane = get_global_id(2);
  if (ox >= out_w || oy >= out_h || plane >= planes) return;
  const int n = plane / outs, m = plane - n * outs, c = m / (outs / channels), iy = oy * stride_h - pad_h, ix = ox * stride_w - pad_w;
  global const float *from = x + x_offset + ((size_t)n * channels + c) * in_h * in_w, *weights = w + w_offset + (size_t)m * kernel_h * kernel_w;
  const float start = bias ? bias[bias_offset + m] : 0.0f;
  float sum[4] = {start, start, start, start};
  for (int ky = 0; ky < kernel_h; ky++) {
    const int sy = iy + ky * dilation_h;
    if (sy < 0 || sy >= in_h) continue;
    for (int kx = 0; kx < kernel_w; kx++) {
      const float weight = weights[ky * kernel_w + kx];
#pragma unroll
      for (int p = 0; p < 4; p++) {
        const int sx = ix + kx * dilation_w + p * stride_w;
        if (sx >= 0 && sx < in_w) sum[p] = fma(from[sy * in_w + sx], weight, sum[p]);
      }
    }
  }
  const size_t at = ((size_t)plane * out_h + oy) * out_w + ox;
#pragma unroll
  for (int p = 0; p < 4; p++)
    if (ox + p < out_w) y[y_offset + at + p] = POST1(sum[p], add ? add[add_offset + at + p] : 0.0f);
}

// SPDX-License-Identifier: Apache-2.0
// conv_winograd_plain.cl: the transforms of F(2x2, 3x3), plain NCHW; for GPUs, where the product between them is conv_implicit with a group for each
// of the 16 planes. V [16][channel][tile], S [16][output channel][tile], tiles numbered through the batch: neighbours in memory are neighbouring
// items. Finite weights only; a tile that comes out with an Inf or NaN is computed again from the weights as they were.
#include "post.cl"

// global: (tiles, channels)
kernel void winograd_input_plain(global const float *x, ulong x_offset, global float *v, ulong v_offset, int channels, int in_h, int in_w, int pad_h,
                                 int pad_w, int tiles_y, int tiles_x, int tiles) {
  const int t = get_global_id(0), c = get_global_id(1);
  if (t >= tiles || c >= channels) return;
  const int n = t / (tiles_y * tiles_x), r = t - n * tiles_y * tiles_x, ty = r / tiles_x, y0 = ty * 2 - pad_h, x0 = (r - ty * tiles_x) * 2 - pad_w;
  global const float *from = x + x_offset + ((size_t)n * channels + c) * in_h * in_w;
  float d[4][4], u[4][4];
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
      d[i][j] = (uint)(y0 + i) < (uint)in_h && (uint)(x0 + j) < (uint)in_w ? from[(y0 + i) * in_w + x0 + j] : 0.0f;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    u[0][j] = d[0][j] - d[2][j];
    u[1][j] = d[1][j] + d[2][j];
    u[2][j] = d[2][j] - d[1][j];
    u[3][j] = d[3][j] - d[1][j];
  }
  global float *to = v + v_offset + (size_t)c * tiles + t;
  const size_t plane = (size_t)channels * tiles;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    to[(4 * i) * plane] = u[i][0] - u[i][2];
    to[(4 * i + 1) * plane] = u[i][1] + u[i][2];
    to[(4 * i + 2) * plane] = u[i][2] - u[i][1];
    to[(4 * i + 3) * plane] = u[i][3] - u[i][1];
  }
}

// w: the weights as they were, [output channel][channel][9]. global: (tiles, output channels)
kernel void winograd_output_plain(global const float *s, ulong s_offset, global const float *x, ulong x_offset, global const float *w, ulong w_offset,
                                  global const float *bias, ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, int channels, int outs,
                                  int in_h, int in_w, int out_h, int out_w, int pad_h, int pad_w, int tiles_y, int tiles_x, int tiles) {
  const int t = get_global_id(0), m = get_global_id(1);
  if (t >= tiles || m >= outs) return;
  const int n = t / (tiles_y * tiles_x), r = t - n * tiles_y * tiles_x, ty = r / tiles_x, oy = ty * 2, ox = (r - ty * tiles_x) * 2;
  const size_t plane = (size_t)outs * tiles;
  global const float *from = s + s_offset + (size_t)m * tiles + t;
  float a[4][4], half_way[2][4], result[4];
#pragma unroll
  for (int i = 0; i < 16; i++) a[i / 4][i % 4] = from[i * plane];
#pragma unroll
  for (int j = 0; j < 4; j++) {
    half_way[0][j] = a[0][j] + (a[1][j] + a[2][j]);
    half_way[1][j] = (a[1][j] - a[2][j]) + a[3][j];
  }
#pragma unroll
  for (int i = 0; i < 2; i++) {
    result[i * 2] = half_way[i][0] + (half_way[i][1] + half_way[i][2]);
    result[i * 2 + 1] = (half_way[i][1] - half_way[i][2]) + half_way[i][3];
  }
  const int again = !(isfinite(result[0]) && isfinite(result[1]) && isfinite(result[2]) && isfinite(result[3]));
  for (int i = 0; i < 4; i++) {
    const int py = oy + i / 2, px = ox + i % 2;
    if (py >= out_h || px >= out_w) continue;
    float sum = result[i];
    if (again) {
      sum = 0.0f;
      for (int c = 0; c < channels; c++)
        for (int tap = 0; tap < 9; tap++) {
          const int sy = py - pad_h + tap / 3, sx = px - pad_w + tap % 3;
          if ((uint)sy < (uint)in_h && (uint)sx < (uint)in_w)
            sum = fma(x[x_offset + (((size_t)n * channels + c) * in_h + sy) * in_w + sx], w[w_offset + ((size_t)m * channels + c) * 9 + tap], sum);
        }
    }
    const size_t at = (((size_t)n * outs + m) * out_h + py) * out_w + px;
    sum += bias ? bias[bias_offset + m] : 0.0f;
    y[y_offset + at] = POST1(sum, add ? add[add_offset + at] : 0.0f);
  }
}

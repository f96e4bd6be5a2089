// SPDX-License-Identifier: Apache-2.0
// conv_implicit.cl: convolution as an implicit matrix product, plain NCHW in and out, any kernel, stride, dilation, pads and groups; for GPUs.
// Rows are output channels, columns the pixels of the whole batch, depth (channel, kh, kw). Weights packed [group][depth][rows], zero padded to
// whole tiles; `table` has for each depth {offset into the image, dy, dx, 0}, and dy = 2^30 where padded, so that no cell is read. A work-group
// makes WM x WN outputs, an item RM x RN; WK steps of depth are staged in local memory where LA (weights) and LB (image) say so. Every item
// reaches every barrier. Products are summed over CHUNK steps before they join the total: that keeps the rounding error small.
// global: (ceil(columns / WN) * LX, ceil(rows / WM) * LY, groups), local (LX, LY, 1)
#include "post.cl"

#define LX (WN / RN)
#define LY (WM / RM)
#define ITEMS (LX * LY)
#define CHUNK 128

typedef struct {
  int y, x, base; // of the first tap: input row, column, and offset in the tensor
} column;

static inline column column_of(int c, int columns, int out_pixels, int out_w, int stride_h, int stride_w, int pad_h, int pad_w, int in_w, int image) {
  column r;
  const int inside = c < columns, at = inside ? c : 0, n = at / out_pixels, q = at - n * out_pixels, oy = q / out_w;
  r.y = inside ? oy * stride_h - pad_h : -(1 << 29);
  r.x = (q - oy * out_w) * stride_w - pad_w;
  r.base = n * image + (oy * stride_h - pad_h) * in_w + r.x;
  return r;
}

static inline float cell(global const float *x, column c, int4 tap, int in_h, int in_w) {
  const int y = c.y + tap.y, at = c.x + tap.z;
  return (uint)y < (uint)in_h && (uint)at < (uint)in_w ? x[c.base + tap.x] : 0.0f;
}

kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void conv_implicit(
    global const float *x, ulong x_offset, global const float *w, ulong w_offset, global const float *bias, ulong bias_offset, POST_PARAMETERS,
    global float *y, ulong y_offset, global const int4 *table, ulong table_offset, int rows, int rows_padded, int depth_padded, int columns, int in_h,
    int in_w, int image, int group_image, int out_pixels, int out_w, int out_image, int stride_h, int stride_w, int pad_h, int pad_w) {
  const int tx = get_local_id(0), ty = get_local_id(1), g = get_group_id(2);
  const int c0 = get_group_id(0) * WN, r0 = get_group_id(1) * WM;
  x += x_offset + (size_t)g * group_image;
  w += w_offset + (size_t)g * depth_padded * rows_padded;
  table += table_offset;
#if LA || LB
  const int id = ty * LX + tx;
#endif
#if LA
  local float4 weights[WK][WM / 4];
#endif
#if LB
  local float cells[WK][WN];
  column mine[WN > ITEMS ? WN / ITEMS : 1];
#pragma unroll
  for (int i = 0; i < (WN > ITEMS ? WN / ITEMS : 1); i++)
    mine[i] = column_of(c0 + (id + i * ITEMS) % WN, columns, out_pixels, out_w, stride_h, stride_w, pad_h, pad_w, in_w, image);
#else
  column mine[RN];
#pragma unroll
  for (int j = 0; j < RN; j++) mine[j] = column_of(c0 + tx + j * LX, columns, out_pixels, out_w, stride_h, stride_w, pad_h, pad_w, in_w, image);
#endif
  float4 total[RM / 4][RN], acc[RM / 4][RN];
#pragma unroll
  for (int i = 0; i < RM / 4; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) total[i][j] = acc[i][j] = (float4)(0.0f);
  for (int k0 = 0; k0 < depth_padded; k0 += WK) {
#if LA
#pragma unroll
    for (int i = 0; i < WK * WM / 4 / ITEMS; i++) {
      const int e = id + i * ITEMS, k = e / (WM / 4), r = e % (WM / 4);
      weights[k][r] = vload4(0, w + (size_t)(k0 + k) * rows_padded + r0 + 4 * r);
    }
#endif
#if LB
#pragma unroll
    for (int i = 0; i < WK * WN / ITEMS; i++) {
      const int e = id + i * ITEMS;
      cells[e / WN][e % WN] = cell(x, mine[i % (WN > ITEMS ? WN / ITEMS : 1)], table[k0 + e / WN], in_h, in_w);
    }
#endif
#if LA || LB
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    for (int k = 0; k < WK; k++) {
      float4 a[RM / 4];
      float b[RN];
#if !LB
      const int4 tap = table[k0 + k];
#endif
#pragma unroll
      for (int i = 0; i < RM / 4; i++)
#if LA
        a[i] = weights[k][ty * (RM / 4) + i];
#else
        a[i] = vload4(0, w + (size_t)(k0 + k) * rows_padded + r0 + ty * RM + 4 * i);
#endif
#pragma unroll
      for (int j = 0; j < RN; j++)
#if LB
        b[j] = cells[k][tx + j * LX];
#else
        b[j] = cell(x, mine[j], tap, in_h, in_w);
#endif
#pragma unroll
      for (int i = 0; i < RM / 4; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) acc[i][j] = fma(a[i], (float4)(b[j]), acc[i][j]);
    }
#if LA || LB
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    if ((k0 + WK) % CHUNK == 0) {
#pragma unroll
      for (int i = 0; i < RM / 4; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) {
          total[i][j] += acc[i][j];
          acc[i][j] = (float4)(0.0f);
        }
    }
  }
#pragma unroll
  for (int j = 0; j < RN; j++) {
    const int c = c0 + tx + j * LX, n = c / out_pixels, q = c - n * out_pixels;
    if (c >= columns) continue;
#pragma unroll
    for (int i = 0; i < RM / 4; i++) {
      const float4 v = total[i][j] + acc[i][j];
      const float four[4] = {v.s0, v.s1, v.s2, v.s3};
#pragma unroll
      for (int m = 0; m < 4; m++) {
        const int r = r0 + ty * RM + 4 * i + m;
        if (r >= rows) continue;
        const size_t at = (size_t)n * out_image + ((size_t)g * rows + r) * out_pixels + q;
        const float sum = four[m] + (bias ? bias[bias_offset + g * rows + r] : 0.0f);
        y[y_offset + at] = POST1(sum, add ? add[add_offset + at] : 0.0f);
      }
    }
  }
}

// Plain weights [group][rows][depth] into the layout above. global: (rows_padded, depth_padded, groups)
kernel void conv_implicit_pack(global const float *w, ulong w_offset, global float *packed, ulong packed_offset, int rows, int rows_padded, int depth,
                               int depth_padded, int groups) {
  const int r = get_global_id(0), k = get_global_id(1), g = get_global_id(2);
  if (r >= rows_padded || k >= depth_padded || g >= groups) return;
  packed[packed_offset + ((size_t)g * depth_padded + k) * rows_padded + r] =
      r < rows && k < depth ? w[w_offset + ((size_t)g * rows + r) * depth + k] : 0.0f;
}

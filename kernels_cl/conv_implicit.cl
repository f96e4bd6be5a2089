// SPDX-License-Identifier: Apache-2.0
// conv_implicit.cl: convolution as an implicit matrix product, plain NCHW in and out, any kernel, stride, dilation, pads and groups; for GPUs.
// Rows are output channels, columns the pixels of the whole batch. Depth is (tap, channel), channels padded to whole steps of WK, so that all of a
// step belongs to one tap; with TABLE, for few channels, it is (channel, tap) and each depth has a tap of its own. `table` has for each tap {offset
// into the image, dy | dx << 16}; dy = 32767 where padded, so that no cell is
// read; before the first stand two zeros. Weights packed [group][depth][rows], zero padded to whole tiles. A work-group makes WM x WN outputs, an
// item RM x RN. With LOCAL, WK steps of depth at a time stand in local memory while those after them are on
// their way; one barrier a step, since two steps have room. Every item reaches every barrier.
// Products are summed over CHUNK steps before they join the total: that keeps the rounding error small.
// Where outputs are too few to fill a device the depth is split: each part writes its sums, conv_implicit_join adds them up.
// global: (ceil(columns / WN) * LX, ceil(rows / WM) * LY, groups * splits), local (LX, LY, 1)
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
  r.base = n * image + (UP > 1 ? 0 : (oy * stride_h - pad_h) * in_w + r.x);
  return r;
}

#if UP > 1 // the rows and columns of x stand UP apart, zeros between them
static inline int reads(column c, int2 tap, int in_h, int in_w) {
  const int y = c.y + (tap.y & 0xffff), x = c.x + (tap.y >> 16);
  return (uint)y < (uint)(in_h * UP) && (uint)x < (uint)(in_w * UP) && y % UP == 0 && x % UP == 0;
}
static inline int cell_at(column c, int2 tap, int in_w) {
  return c.base + tap.x + (c.y + (tap.y & 0xffff)) / UP * in_w + (c.x + (tap.y >> 16)) / UP;
}
#else
static inline int reads(column c, int2 tap, int in_h, int in_w) {
  return (uint)(c.y + (tap.y & 0xffff)) < (uint)in_h && (uint)(c.x + (tap.y >> 16)) < (uint)in_w;
}
static inline int cell_at(column c, int2 tap, int in_w) {
  return c.base + tap.x;
}
#endif

// A cell, or a zero in memory: what is loaded is not looked at before it is used, so that the loads run ahead of the products.
static inline global const float *cell(global const float *x, global const float *zero, int inside, int at) {
  return inside ? x + at : zero;
}

typedef struct { // where a step stands: its depth; without TABLE also its tap and its first channel
  int k, tap, channel;
} place;

static inline place place_of(int k, int channels_padded) {
  place p = {k, k / channels_padded, 0};
  p.channel = k - p.tap * channels_padded;
  return p;
}

static inline place after(place p, int channels_padded) {
  place r = {p.k + WK, p.tap, p.channel + WK};
  if (r.channel < channels_padded) return r;
  r.channel = 0;
  r.tap++;
  return r;
}

#if LOCAL
#define WEIGHTS (WK * WM / 4 / ITEMS) // float4s that an item brings in
#define CELLS (WK * WN / ITEMS)
#define OWN_COLUMN(J) (((J) / 4 * LX + tx) * 4 + (J) % 4)

typedef struct {
  float4 weights[WEIGHTS];
  float cells[CELLS];
} operands;

static inline void fetch(operands *s, int id, place p, global const float *x, global const float *zero, global const float4 *w, global const int2 *table,
                         column mine, int rows_padded, int in_h, int in_w, int channels) {
#pragma unroll
  for (int i = 0; i < WEIGHTS; i++) {
    const int e = id + i * ITEMS;
    s->weights[i] = w[(size_t)(p.k + e / (WM / 4)) * (rows_padded / 4) + e % (WM / 4)];
  }
#if TABLE
  int2 tap[CELLS];
#pragma unroll
  for (int i = 0; i < CELLS; i++) tap[i] = table[p.k + id / WN + i * (ITEMS / WN)];
#pragma unroll
  for (int i = 0; i < CELLS; i++) s->cells[i] = *cell(x, zero, reads(mine, tap[i], in_h, in_w), cell_at(mine, tap[i], in_w));
#else
  const int2 tap = table[p.tap];
  const int inside = reads(mine, tap, in_h, in_w), plane = in_h * in_w, channel = p.channel + id / WN, at = cell_at(mine, tap, in_w) + channel * plane;
#pragma unroll
  for (int i = 0; i < CELLS; i++)
    s->cells[i] = *cell(x, zero, inside && channel + i * (ITEMS / WN) < channels, at + i * (ITEMS / WN) * plane);
#endif
}

static inline void put(const operands *s, int id, local float4 *weights, local float *cells) {
#pragma unroll
  for (int i = 0; i < WEIGHTS; i++) weights[id + i * ITEMS] = s->weights[i];
#pragma unroll
  for (int i = 0; i < CELLS; i++) cells[id + i * ITEMS] = s->cells[i];
}
#else
#define OWN_COLUMN(J) (tx + (J) * LX)
#endif

#if REPAIR // the weights may be infinite or NaN: what they make of zeros in the pad is NaN, where there should be nothing
static inline float without_pads(float made, global const float *x, global const float *w, global const int2 *table, column c, int first, int end,
                                 int rows_padded, int in_h, int in_w, int channels, int channels_padded) {
  if (!isnan(made)) return made;
  made = 0.0f;
  for (int k = first; k < end; k++) {
#if TABLE
    const int2 tap = table[k];
    const int away = 0, exists = 1;
#else
    const int2 tap = table[k / channels_padded];
    const int away = k % channels_padded * in_h * in_w, exists = k % channels_padded < channels;
#endif
    if (exists && reads(c, tap, in_h, in_w)) made = fma(w[(size_t)k * rows_padded], x[cell_at(c, tap, in_w) + away], made);
  }
  return made;
}
#define REPAIRED(V, R, C)                                                                                                              \
  without_pads(V, x, (global const float *)weights_from + (R) - r0, table, column_of(C, columns, out_pixels, out_w, stride_h, stride_w, pad_h, pad_w, in_w, image), \
               first, end, rows_padded, in_h, in_w, channels, channels_padded)
#else
#define REPAIRED(V, R, C) (V)
#endif

kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void conv_implicit(
    global const float *x, ulong x_offset, global const float *w, ulong w_offset, global const float *bias, ulong bias_offset, POST_PARAMETERS,
    global float *y, ulong y_offset, global const int2 *table, ulong table_offset, int rows, int rows_padded, int depth_padded, int columns, int in_h,
    int in_w, int image, int group_image, int out_pixels, int out_w, int out_image, int stride_h, int stride_w, int pad_h, int pad_w, int channels,
    int channels_padded, int splits, ulong part) {
  const int tx = get_local_id(0), ty = get_local_id(1), g = get_group_id(2) / splits, split = get_group_id(2) % splits;
  const int c0 = get_group_id(0) * WN, r0 = get_group_id(1) * WM, steps = depth_padded / WK;
  const int first = (int)((long)steps * split / splits) * WK, end = (int)((long)steps * (split + 1) / splits) * WK;
  x += x_offset + (size_t)g * group_image;
  global const float4 *weights_from = (global const float4 *)(w + w_offset + (size_t)g * depth_padded * rows_padded + r0); // packs are aligned
  y += y_offset + split * part;
  table += table_offset + 1;
  global const float *zero = (global const float *)(table - 1);
  float4 total[RM / 4][RN], acc[RM / 4][RN];
#pragma unroll
  for (int i = 0; i < RM / 4; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) total[i][j] = acc[i][j] = (float4)(0.0f);
#if LOCAL
  local float4 weights[2][WK][WM / 4], cells[2][WK][WN / 4];
  const int id = ty * LX + tx;
  const column mine = column_of(c0 + id % WN, columns, out_pixels, out_w, stride_h, stride_w, pad_h, pad_w, in_w, image);
  operands next;
  place p = place_of(first, channels_padded);
  int side = 0;
  fetch(&next, id, p, x, zero, weights_from, table, mine, rows_padded, in_h, in_w, channels);
#else
  column mine[RN];
#pragma unroll
  for (int j = 0; j < RN; j++)
    mine[j] = column_of(c0 + OWN_COLUMN(j), columns, out_pixels, out_w, stride_h, stride_w, pad_h, pad_w, in_w, image);
  place p = place_of(first, channels_padded);
#endif
  for (int k0 = first; k0 < end; k0 += WK) {
#if LOCAL
    put(&next, id, weights[side][0], (local float *)cells[side][0]);
    if (k0 + WK < end) p = after(p, channels_padded); // at the end the step is brought in again: loads in a branch would not run ahead
    fetch(&next, id, p, x, zero, weights_from, table, mine, rows_padded, in_h, in_w, channels);
    barrier(CLK_LOCAL_MEM_FENCE); // of the loads, too: some compilers would move them down to where they are used
#endif
#pragma unroll
    for (int k = 0; k < WK; k++) {
      float4 a[RM / 4];
      float b[RN];
#if LOCAL
#pragma unroll
      for (int i = 0; i < RM / 4; i++) a[i] = weights[side][k][ty * (RM / 4) + i];
#pragma unroll
      for (int j = 0; j < RN / 4; j++) {
        const float4 v = cells[side][k][j * LX + tx];
        b[4 * j] = v.s0, b[4 * j + 1] = v.s1, b[4 * j + 2] = v.s2, b[4 * j + 3] = v.s3;
      }
#else
#if TABLE
      const int2 tap = table[k0 + k];
      const int away = 0, exists = 1;
#else
      const int2 tap = table[p.tap];
      const int away = (p.channel + k) * in_h * in_w, exists = p.channel + k < channels;
#endif
#pragma unroll
      for (int i = 0; i < RM / 4; i++) a[i] = weights_from[(size_t)(k0 + k) * (rows_padded / 4) + ty * (RM / 4) + i];
#pragma unroll
      for (int j = 0; j < RN; j++) b[j] = *cell(x, zero, exists && reads(mine[j], tap, in_h, in_w), cell_at(mine[j], tap, in_w) + away);
#endif
#pragma unroll
      for (int i = 0; i < RM / 4; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) acc[i][j] = fma(a[i], (float4)(b[j]), acc[i][j]);
    }
#if LOCAL
    side = 1 - side;
#else
    p = after(p, channels_padded);
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
  const int clamps = kind0 == 0 && kind1 == 0;
  size_t to[RN];
  int inside[RN];
#pragma unroll
  for (int j = 0; j < RN; j++) {
    const int c = c0 + OWN_COLUMN(j), n = c / out_pixels;
    inside[j] = c < columns;
    to[j] = (size_t)n * out_image + (size_t)g * rows * out_pixels + (c - n * out_pixels);
  }
#pragma unroll
  for (int i = 0; i < RM; i++) {
    const int r = r0 + ty * RM + i;
    const float start = bias && r < rows ? bias[bias_offset + g * rows + r] : 0.0f;
    float v[RN], other[RN];
#pragma unroll
    for (int j = 0; j < RN; j++) {
      const float4 four = total[i / 4][j] + acc[i / 4][j];
      v[j] = REPAIRED(i % 4 == 0 ? four.s0 : i % 4 == 1 ? four.s1 : i % 4 == 2 ? four.s2 : four.s3, r, c0 + OWN_COLUMN(j)) + start;
      other[j] = 0.0f;
    }
    if (add && clamps)
#pragma unroll
      for (int j = 0; j < RN; j++) other[j] = add[add_offset + (r < rows && inside[j] ? to[j] + (size_t)r * out_pixels : 0)];
#pragma unroll
    for (int j = 0; j < RN; j++) {
      if (clamps) v[j] = clamp1(clamp1(v[j], alpha0, beta0) + other[j], alpha1, beta1);
      if (r < rows && inside[j]) y[to[j] + (size_t)r * out_pixels] = v[j];
    }
  }
  if (clamps) return;
#pragma unroll 1
  for (int e = 0; e < RM * RN; e++) { // other activations: once in the program instead of RM x RN times
    const int j = e / RM, c = c0 + OWN_COLUMN(j), n = c / out_pixels, r = r0 + ty * RM + e % RM;
    if (c >= columns || r >= rows) continue;
    const size_t at = (size_t)n * out_image + ((size_t)g * rows + r) * out_pixels + (c - n * out_pixels);
    y[at] = POST1(y[at], add ? add[add_offset + at] : 0.0f);
  }
}

// The sum of all parts, then what the op does to it. global: (elements)
kernel void conv_implicit_join(global const float *parts, ulong parts_offset, global const float *bias, ulong bias_offset, POST_PARAMETERS,
                               global float *y, ulong y_offset, int splits, ulong part, int elements, int out_pixels, int channels) {
  const int at = get_global_id(0);
  if (at >= elements) return;
  float sum = 0.0f;
  parts += parts_offset + at;
  for (int s = 0; s < splits; s++) sum += parts[s * part];
  if (bias) sum += bias[bias_offset + at / out_pixels % channels];
  y[y_offset + at] = POST1(sum, add ? add[add_offset + at] : 0.0f);
}

// Plain weights, element (row, channel, tap) of a group at w_first + row * w_row + channel * w_channel + tap * w_tap, into the layout above.
// global: (rows_padded, depth_padded, groups)
kernel void conv_implicit_pack(global const float *w, ulong w_offset, global float *packed, ulong packed_offset, int rows, int rows_padded,
                               int channels, int depth_padded, int channels_padded, int taps, int groups, int w_first, int w_row, int w_channel,
                               int w_tap) {
  const int r = get_global_id(0), k = get_global_id(1), g = get_global_id(2);
#if TABLE
  const int channel = k / taps, tap = k - channel * taps;
#else
  const int tap = k / channels_padded, channel = k - tap * channels_padded;
#endif
  if (r >= rows_padded || k >= depth_padded || g >= groups) return;
  packed[packed_offset + ((size_t)g * depth_padded + k) * rows_padded + r] =
      r < rows && channel < channels
          ? w[w_offset + (size_t)g * rows * channels * taps + w_first + (size_t)r * w_row + (size_t)channel * w_channel + (size_t)tap * w_tap]
          : 0.0f;
}

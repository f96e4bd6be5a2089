// SPDX-License-Identifier: Apache-2.0
// reorder.cl: between plain, NHWC and NCHWc16, elements of 4 bytes. A format is given by strides: element (n, c, p) stands at
// n * batch + c / 16 * block + c % 16 * lane + p * pixel, and one of lane and pixel is 1. A work-item moves 16 channels of 16 pixels;
// lanes past the last channel are read as 0 and written only where `fill` says that the target has room for them.
// global: (groups of 16 pixels, channel blocks, batch)

#define CROSS(A, B, LOW, HIGH)                          \
  {                                                     \
    const float16 low = shuffle2(A, B, LOW);            \
    B = shuffle2(A, B, HIGH);                           \
    A = low;                                            \
  }

// 16 x 16 transposition: four rounds that swap halves, quarters, pairs, singles.
static inline void transpose16(float16 *r) {
  const uint16 low8 = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  const uint16 low4 = (uint16)(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
  const uint16 low2 = (uint16)(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
  const uint16 low1 = (uint16)(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
#pragma unroll
  for (int i = 0; i < 8; i++) CROSS(r[i], r[i + 8], low8, low8 + 8u)
#pragma unroll
  for (int i = 0; i < 16; i++)
    if ((i & 4) == 0) CROSS(r[i], r[i + 4], low4, low4 + 4u)
#pragma unroll
  for (int i = 0; i < 16; i++)
    if ((i & 2) == 0) CROSS(r[i], r[i + 2], low2, low2 + 2u)
#pragma unroll
  for (int i = 0; i < 16; i++)
    if ((i & 1) == 0) CROSS(r[i], r[i + 1], low1, low1 + 1u)
}

static inline float16 load_some(global const float *p, long n) {
  float v[16];
  if (n >= 16) return vload16(0, p);
  for (int i = 0; i < 16; i++) v[i] = i < n ? p[i] : 0.0f;
  return vload16(0, v);
}

static inline void store_some(global float *p, float16 value, long n) {
  float v[16];
  if (n >= 16) {
    vstore16(value, 0, p);
    return;
  }
  vstore16(value, 0, v);
  for (int i = 0; i < n; i++) p[i] = v[i];
}

kernel void reorder(global const float *x, ulong x_offset, global float *y, ulong y_offset, long batch, long channels, long pixels, long x_batch,
                    long x_block, long x_lane, long x_pixel, long y_batch, long y_block, long y_lane, long y_pixel, long fill) {
  const long p = (long)get_global_id(0) * 16, block = get_global_id(1), n = get_global_id(2);
  if (p >= pixels || block * 16 >= channels || n >= batch) return;
  const long lanes = min(16L, channels - block * 16), count = min(16L, pixels - p), written = fill ? 16 : lanes;
  float16 r[16];
  x += x_offset + n * x_batch + block * x_block + p * x_pixel;
  y += y_offset + n * y_batch + block * y_block + p * y_pixel;
  const int by_lane = x_lane == 1 && x_pixel != 1; // rows of r are pixels
#pragma unroll
  for (int i = 0; i < 16; i++) {
    if (by_lane)
      r[i] = i < count ? load_some(x + i * x_pixel, lanes) : (float16)(0.0f);
    else
      r[i] = i < lanes ? load_some(x + i * x_lane, count) : (float16)(0.0f);
  }
  const int to_lane = y_lane == 1 && y_pixel != 1;
  if (by_lane != to_lane) transpose16(r);
#pragma unroll
  for (int i = 0; i < 16; i++) {
    if (to_lane) {
      if (i < count) store_some(y + i * y_pixel, r[i], written);
    } else {
      if (i < written) store_some(y + i * y_lane, r[i], count);
    }
  }
}

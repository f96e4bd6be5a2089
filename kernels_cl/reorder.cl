// SPDX-License-Identifier: Apache-2.0
// reorder.cl: between plain, NHWC and NCHWc16, elements of 4 bytes. A format is given by strides: element (n, c, p) stands at
// n * batch + c / 16 * block + c % 16 * lane + p * pixel, and one of lane and pixel is 1. A work-item moves 16 channels of 16 pixels;
// lanes past the last channel are read as 0 and written only where `fill` says that the target has room for them.
// global: (groups of 16 pixels, channel blocks, batch)

// One round of four that make a 16 x 16 transposition: vectors 8 apart are interleaved.
static inline void interleave16(const float16 *from, float16 *to) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    to[2 * i].even = from[i].lo;
    to[2 * i].odd = from[i + 8].lo;
    to[2 * i + 1].even = from[i].hi;
    to[2 * i + 1].odd = from[i + 8].hi;
  }
}

static inline void transpose16(float16 *r) {
  float16 a[16], b[16];
  interleave16(r, a);
  interleave16(a, b);
  interleave16(b, a);
  interleave16(a, r);
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
  // A row of r is a pixel where lanes are next to each other, else a channel.
  const int by_lane = x_lane == 1 && x_pixel != 1, to_lane = y_lane == 1 && y_pixel != 1;
  const long rows = by_lane ? count : lanes, length = by_lane ? lanes : count, step = by_lane ? x_pixel : x_lane;
  for (int i = 0; i < 16; i++) r[i] = i < rows ? load_some(x + i * step, length) : (float16)(0.0f);
  if (by_lane != to_lane) transpose16(r);
  const long y_rows = to_lane ? count : written, y_length = to_lane ? written : count, y_step = to_lane ? y_pixel : y_lane;
  for (int i = 0; i < y_rows; i++) store_some(y + i * y_step, r[i], y_length);
}

// SPDX-License-Identifier: Apache-2.0
// conv_grad.cl: CONV_GRAD_WEIGHT, f32: element (filter, column) of gw is the sum of gy times the cell of x that this weight met, over all images and
// pixels; a column is (channel of the group, tap). With a bias there is one column more: the sum of gy alone. The batch is cut into parts of
// `share` images, whose number follows from the shape; each kernel writes its part's sums, a join adds the parts in their order. Products are
// summed over about CHUNK pixels before they join the total: that keeps the rounding error small. Plain parts: [part][filter][column].
// Parts of lanes: [part][block of 16 filters][column][16].
#include "lanes.cl"

#define CHUNK 128

// Outputs [*low, *high) along an axis whose cell for `tap` is inside; `first` is the cell of output 0.
static inline void span(long first, long in, long out, long stride, long *low, long *high) {
  *low = min(first < 0 ? (-first + stride - 1) / stride : 0, out);
  *high = first >= in ? *low : max(min((in - 1 - first) / stride + 1, out), *low);
}

#define SHAPE                                                                                                                    \
  long batch, long share, long groups, long in_group, long out_group, long in_d, long in_h, long in_w, long out_d, long out_h,  \
      long out_w, long kernel_d, long kernel_h, long kernel_w, long stride_d, long stride_h, long stride_w, long dilation_d,     \
      long dilation_h, long dilation_w, long pad_d, long pad_h, long pad_w

// Any convolution of 1 to 3 axes, plain x and gy, a sum an item. global: (columns, filters, parts)
kernel void conv_grad_each(global const float *x, ulong x_offset, global const float *gy, ulong gy_offset, global float *parts, ulong parts_offset,
                           SHAPE, long columns) {
  const long column = get_global_id(0), filter = get_global_id(1), part = get_global_id(2), filters = groups * out_group;
  if (column >= columns || filter >= filters || part * share >= batch) return;
  const long taps = kernel_d * kernel_h * kernel_w, tap = column % taps, c = column / taps, channel = filter / out_group * in_group + c;
  const int is_bias = c >= in_group;
  const long kx = tap % kernel_w, ky = tap / kernel_w % kernel_h, kz = tap / kernel_w / kernel_h;
  const long sx = kx * dilation_w - pad_w, sy = ky * dilation_h - pad_h, sz = kz * dilation_d - pad_d;
  const long in_pixels = in_d * in_h * in_w, out_pixels = out_d * out_h * out_w, end = min((part + 1) * share, batch);
  long x0 = 0, x1 = out_w, y0 = 0, y1 = out_h, z0 = 0, z1 = out_d;
  if (!is_bias) {
    span(sx, in_w, out_w, stride_w, &x0, &x1);
    span(sy, in_h, out_h, stride_h, &y0, &y1);
    span(sz, in_d, out_d, stride_d, &z0, &z1);
  }
  float sum = 0.0f, acc = 0.0f;
  long left = CHUNK;
  for (long n = part * share; n < end; n++) {
    global const float *grads = gy + gy_offset + (n * filters + filter) * out_pixels;
    global const float *cells = x + x_offset + (n * groups * in_group + channel) * in_pixels;
    for (long oz = z0; oz < z1; oz++)
      for (long oy = y0; oy < y1; oy++) {
        global const float *g = grads + (oz * out_h + oy) * out_w;
        if (is_bias)
          for (long ox = x0; ox < x1; ox++) acc += g[ox];
        else {
          global const float *cell = cells + ((oz * stride_d + sz) * in_h + oy * stride_h + sy) * in_w + sx;
          for (long ox = x0; ox < x1; ox++) acc = fma(g[ox], cell[ox * stride_w], acc);
        }
        left -= x1 - x0;
        if (left <= 0) {
          sum += acc;
          acc = 0.0f;
          left = CHUNK;
        }
      }
  }
  parts[parts_offset + (part * filters + filter) * columns + column] = sum + acc;
}

// gw and gb from plain parts. global: (columns, filters)
kernel void conv_grad_join(global const float *parts, ulong parts_offset, global float *gw, ulong gw_offset, global float *gb, ulong gb_offset,
                           long n_parts, long filters, long columns, long weights) {
  const long column = get_global_id(0), filter = get_global_id(1);
  if (column >= columns || filter >= filters) return;
  float sum = 0.0f;
  parts += parts_offset + filter * columns + column;
  for (long i = 0; i < n_parts; i++) sum += parts[i * filters * columns];
  if (column < weights) {
    if (gw) gw[gw_offset + filter * weights + column] = sum;
  } else {
    gb[gb_offset + filter] = sum;
  }
}

#ifdef VECTORS // for devices of class cpu

// The same from parts of lanes, `share` columns an item. global: (ceil(columns / share), blocks)
kernel void conv_grad_join_lanes(global const float *parts, ulong parts_offset, global float *gw, ulong gw_offset, global float *gb, ulong gb_offset,
                                 long n_parts, long filters, long columns, long weights, long share) {
  const long first = get_global_id(0) * share, end = min(first + share, columns), block = get_global_id(1), blocks = (filters + 15) / 16;
  const int lanes = (int)min(filters - block * 16, 16L);
  global const float16 *from = (global const float16 *)(parts + parts_offset) + block * columns;
  for (long column = first; column < end; column++) {
    float16 sum = from[column];
    float v[16];
    for (long i = 1; i < n_parts; i++) sum += from[i * blocks * columns + column];
    vstore16(sum, 0, v);
    global float *to = column < weights ? gw + gw_offset + block * 16 * weights + column : gb + gb_offset + block * 16;
    const long step = column < weights ? weights : 1;
    if (column >= weights || gw)
      for (int i = 0; i < lanes; i++) to[i * step] = v[i];
  }
}

// The column of the bias: gy's sums. gy: that of the part's first image, the next ones `image` vectors apart.
static inline float16 sum_gy(global const float16 *gy, long image, long images, long pixels) {
  float16 sum = (float16)(0.0f);
  for (long n = 0; n < images; n++, gy += image)
    for (long p = 0; p < pixels;) {
      float16 acc = (float16)(0.0f);
      for (const long end = min(p + CHUNK, pixels); p < end; p++) acc += gy[p];
      sum += acc;
    }
  return sum;
}

#define EACH(R, N) _Pragma("unroll") for (int R = 0; R < N; R++)

// NCHWc16 x and gy, one or two axes: OUTER channels of one tap by 16 filters. Groups, if more than one, have whole blocks.
// global: (taps x ceil(in_group / OUTER), tap fastest, then the bias; blocks of filters; parts)
#define BLOCKED(NAME, OUTER)                                                                                                     \
  kernel void NAME(global const float16 *x, ulong x_offset, global const float16 *gy, ulong gy_offset, global float16 *parts,    \
                   ulong parts_offset, SHAPE, long columns) {                                                                    \
    const long taps = kernel_h * kernel_w, item = get_global_id(0), block = get_global_id(1), part = get_global_id(2);           \
    const long blocks = groups * ((out_group + 15) / 16), in_blocks = groups * ((in_group + 15) / 16);                           \
    const long c0 = item / taps * OUTER, kx = item % taps % kernel_w, ky = item % taps / kernel_w;                               \
    const long out_pixels = out_h * out_w, n0 = part * share, n1 = min(n0 + share, batch);                                       \
    global const float16 *grads = gy + gy_offset / 16 + (n0 * blocks + block) * out_pixels;                                      \
    global float16 *to = parts + parts_offset / 16 + (part * blocks + block) * columns;                                          \
    if (c0 >= in_group) {                                                                                                        \
      to[columns - 1] = sum_gy(grads, blocks * out_pixels, n1 - n0, out_pixels);                                                 \
      return;                                                                                                                    \
    }                                                                                                                            \
    const long in_block = block / ((out_group + 15) / 16) * (in_group / 16) + c0 / 16;                                           \
    const long sx = kx * dilation_w - pad_w, sy = ky * dilation_h - pad_h;                                                       \
    long x0, x1, y0, y1, left = CHUNK;                                                                                           \
    span(sx, in_w, out_w, stride_w, &x0, &x1);                                                                                   \
    span(sy, in_h, out_h, stride_h, &y0, &y1);                                                                                   \
    float16 sum[OUTER], acc[OUTER];                                                                                              \
    EACH(r, OUTER) sum[r] = acc[r] = (float16)(0.0f);                                                                            \
    for (long n = n0; n < n1; n++, grads += blocks * out_pixels) {                                                               \
      global const float *cells = (global const float *)(x + x_offset / 16 + (n * in_blocks + in_block) * in_h * in_w) + c0 % 16; \
      for (long oy = y0; oy < y1; oy++) {                                                                                        \
        global const float16 *g = grads + oy * out_w;                                                                            \
        global const float *cell = cells + ((oy * stride_h + sy) * in_w + x0 * stride_w + sx) * 16;                              \
        for (long ox = x0; ox < x1; ox++, cell += stride_w * 16)                                                                 \
          EACH(r, OUTER) acc[r] = fma((float16)(cell[r]), g[ox], acc[r]);                                                        \
        left -= x1 - x0;                                                                                                         \
        if (left > 0) continue;                                                                                                  \
        left = CHUNK;                                                                                                            \
        EACH(r, OUTER) {                                                                                                         \
          sum[r] += acc[r];                                                                                                      \
          acc[r] = (float16)(0.0f);                                                                                              \
        }                                                                                                                        \
      }                                                                                                                          \
    }                                                                                                                            \
    EACH(r, OUTER) if (c0 + r < in_group) to[(c0 + r) * taps + item % taps] = sum[r] + acc[r];                                   \
  }
BLOCKED(conv_grad_blocked_4, 4)
BLOCKED(conv_grad_blocked_8, 8)
BLOCKED(conv_grad_blocked_16, 16)

// Plain x, NCHWc16 gy, one or two axes, one group: OUTER columns of one ky, which count (channel, kx), by 16 filters. Outputs that not all of the
// columns' taps have a cell for are taken column by column.
// global: (kernel_h x ceil(in_group kernel_w / OUTER), then the bias; blocks of filters; parts)
#define FIRST(NAME, OUTER)                                                                                                       \
  kernel void NAME(global const float *x, ulong x_offset, global const float16 *gy, ulong gy_offset, global float16 *parts,      \
                   ulong parts_offset, SHAPE, long columns) {                                                                    \
    const long wide = in_group * kernel_w, runs = (wide + OUTER - 1) / OUTER, ky = get_global_id(0) / runs, first = get_global_id(0) % runs * OUTER; \
    const long block = get_global_id(1), part = get_global_id(2), blocks = (out_group + 15) / 16, image = in_group * in_h * in_w; \
    const long out_pixels = out_h * out_w, n0 = part * share, n1 = min(n0 + share, batch), sy = ky * dilation_h - pad_h;         \
    global const float16 *grads = gy + gy_offset / 16 + (n0 * blocks + block) * out_pixels;                                      \
    global float16 *to = parts + parts_offset / 16 + (part * blocks + block) * columns;                                          \
    if (ky >= kernel_h) {                                                                                                        \
      to[columns - 1] = sum_gy(grads, blocks * out_pixels, n1 - n0, out_pixels);                                                 \
      return;                                                                                                                    \
    }                                                                                                                            \
    long away[OUTER], low[OUTER], high[OUTER], x0 = 0, x1 = out_w, y0, y1, left = CHUNK;                                         \
    float16 sum[OUTER], acc[OUTER];                                                                                              \
    span(sy, in_h, out_h, stride_h, &y0, &y1);                                                                                   \
    EACH(r, OUTER) {                                                                                                             \
      const long column = min(first + r, wide - 1), sx = column % kernel_w * dilation_w - pad_w; /* the last one again, stored once */ \
      away[r] = column / kernel_w * in_h * in_w + sx;                                                                            \
      span(sx, in_w, out_w, stride_w, &low[r], &high[r]);                                                                        \
      x0 = max(x0, low[r]);                                                                                                      \
      x1 = min(x1, high[r]);                                                                                                     \
      sum[r] = acc[r] = (float16)(0.0f);                                                                                         \
    }                                                                                                                            \
    x1 = max(x0, x1);                                                                                                            \
    for (long n = n0; n < n1; n++, grads += blocks * out_pixels)                                                                 \
      for (long oy = y0; oy < y1; oy++) {                                                                                        \
        global const float16 *g = grads + oy * out_w;                                                                            \
        global const float *line = x + x_offset + n * image + (oy * stride_h + sy) * in_w, *cell = line + x0 * stride_w;         \
        EACH(r, OUTER) {                                                                                                         \
          for (long ox = low[r]; ox < min(x0, high[r]); ox++) acc[r] = fma((float16)(line[ox * stride_w + away[r]]), g[ox], acc[r]); \
          for (long ox = max(x1, low[r]); ox < high[r]; ox++) acc[r] = fma((float16)(line[ox * stride_w + away[r]]), g[ox], acc[r]); \
        }                                                                                                                        \
        for (long ox = x0; ox < x1; ox++, cell += stride_w)                                                                      \
          EACH(r, OUTER) acc[r] = fma((float16)(cell[away[r]]), g[ox], acc[r]);                                                  \
        left -= out_w;                                                                                                           \
        if (left > 0) continue;                                                                                                  \
        left = CHUNK;                                                                                                            \
        EACH(r, OUTER) {                                                                                                         \
          sum[r] += acc[r];                                                                                                      \
          acc[r] = (float16)(0.0f);                                                                                              \
        }                                                                                                                        \
      }                                                                                                                          \
    EACH(r, OUTER) {                                                                                                             \
      const long column = first + r;                                                                                             \
      if (column < wide) to[(column / kernel_w * kernel_h + ky) * kernel_w + column % kernel_w] = sum[r] + acc[r];               \
    }                                                                                                                            \
  }
FIRST(conv_grad_first_5, 5)
FIRST(conv_grad_first_7, 7)
FIRST(conv_grad_first_9, 9)

// NCHWc16 x and gy, a filter a group of one channel. global: (taps, then the bias; blocks; parts)
kernel void conv_grad_depthwise(global const float16 *x, ulong x_offset, global const float16 *gy, ulong gy_offset, global float16 *parts,
                                ulong parts_offset, SHAPE, long columns) {
  const long taps = kernel_h * kernel_w, tap = get_global_id(0), block = get_global_id(1), part = get_global_id(2), blocks = (groups + 15) / 16;
  const long out_pixels = out_h * out_w, n0 = part * share, n1 = min(n0 + share, batch);
  global const float16 *grads = gy + gy_offset / 16 + (n0 * blocks + block) * out_pixels;
  global float16 *to = parts + parts_offset / 16 + (part * blocks + block) * columns;
  if (tap >= taps) {
    to[columns - 1] = sum_gy(grads, blocks * out_pixels, n1 - n0, out_pixels);
    return;
  }
  const long sx = tap % kernel_w * dilation_w - pad_w, sy = tap / kernel_w * dilation_h - pad_h;
  long x0, x1, y0, y1;
  span(sx, in_w, out_w, stride_w, &x0, &x1);
  span(sy, in_h, out_h, stride_h, &y0, &y1);
  float16 sum = (float16)(0.0f);
  for (long n = n0; n < n1; n++, grads += blocks * out_pixels)
    for (long oy = y0; oy < y1; oy++) {
      global const float16 *g = grads + oy * out_w, *cell = x + x_offset / 16 + ((n * blocks + block) * in_h + oy * stride_h + sy) * in_w + sx;
      for (long ox = x0; ox < x1;) {
        float16 even = (float16)(0.0f), odd = (float16)(0.0f);
        for (const long end = min(ox + CHUNK, x1); ox < end; ox++) {
          even = fma(cell[ox * stride_w], g[ox], even);
          if (++ox < end) odd = fma(cell[ox * stride_w], g[ox], odd);
        }
        sum += even + odd;
      }
    }
  to[tap] = sum;
}

#endif

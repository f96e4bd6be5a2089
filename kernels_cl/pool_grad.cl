/* SPDX-License-Identifier: Apache-2.0 */
/* pool_grad.cl: gradients of max and average pooling, f32; windows as in pool.cl. A window gives its gy to its first largest cell in row-major
 * order, NaN before all else, or shares it out by the divisor that the average had; cells of no window get 0.
 * `kind` is an op of convoke/plugin.h: 225 MAX_POOL_GRAD, 226 AVG_POOL_GRAD. */

#include "lane_math.cl"
#include "window.cl"

#define MAX_GRAD 225

/* Each cell is in one window, and each window is whole. */
static inline int covers(const window *w) {
  for (int d = 0; d < 3; d++)
    if (axis(w->size, d) != axis(w->stride, d) || axis(w->dilation, d) != 1 || axis(w->begin, d) != 0 || axis(w->out, d) * axis(w->size, d) != axis(w->in, d))
      return 0;
  return 1;
}

/* One window of 2x2 of a max pool: lines of X and of TO `LINE` cells apart. */
#define GIVE_TWO_BY_TWO(REALS, INTS, X, TO, LINE, G)                                                                                \
  const REALS v0 = (X)[0], v1 = (X)[1], v2 = (X)[LINE], v3 = (X)[LINE + 1], zero = (REALS)(0.0f), given = G;                         \
  const INTS b1 = ((v1 <= v0) == 0) & (v0 == v0), b3 = ((v3 <= v2) == 0) & (v2 == v2);                                              \
  const REALS upper = select(v0, v1, b1), lower = select(v2, v3, b3);                                                               \
  const INTS below = ((lower <= upper) == 0) & (upper == upper);                                                                    \
  const REALS to_upper = select(given, zero, below), to_lower = select(zero, given, below);                                         \
  (TO)[0] = select(to_upper, zero, b1);                                                                                             \
  (TO)[1] = select(zero, to_upper, b1);                                                                                             \
  (TO)[LINE] = select(to_lower, zero, b3);                                                                                          \
  (TO)[LINE + 1] = select(zero, to_lower, b3);

/* A plane an item: its windows one after another, each adding to its cells; windows that do not overlap and leave no cell out (`tiles`) write
 * them. INTS: what a comparison of REALS gives. */
#define PLANE(NAME, REALS, INTS, AS_REALS)                                                                                                            \
  kernel void NAME(global const float *x_from, ulong x0, global const float *gy_from, ulong gy0, global float *gx_to, ulong gx0, long4 in, long4 out, \
                   long4 size, long4 stride, long4 dilation, long4 begin, long4 end, long planes, int kind, int count_pads) {                         \
    const window w = {in, out, size, stride, dilation, begin, end};                                                                                   \
    const long plane = get_global_id(0), cells = in.x * in.y * in.z;                                                                                  \
    const int tiles = covers(&w), two_by_two = tiles && kind == MAX_GRAD && size.x == 1 && size.y == 2 && size.z == 2;                                \
    long low, high;                                                                                                                                   \
    if (plane >= planes) return;                                                                                                                      \
    inside(&w, &low, &high);                                                                                                                          \
    global const REALS *x = AS_REALS(const, x_from + x0) + plane * cells, *gy = AS_REALS(const, gy_from + gy0) + plane * out.x * out.y * out.z;       \
    global REALS *gx = AS_REALS(, gx_to + gx0) + plane * cells;                                                                                       \
    for (long i = 0; i < cells && !tiles; i++) gx[i] = (REALS)(0.0f);                                                                                 \
    for (long od = 0; od < out.x; od++)                                                                                                               \
      for (long oh = 0; oh < out.y; oh++) {                                                                                                           \
        long sd, d0, d1, sh, h0, h1;                                                                                                                  \
        taps(&w, 0, od, &sd, &d0, &d1);                                                                                                               \
        taps(&w, 1, oh, &sh, &h0, &h1);                                                                                                               \
        const float lines = (float)(counted(&w, 0, od, count_pads) * counted(&w, 1, oh, count_pads));                                                 \
        for (long ow = 0; ow < out.z; ow++, gy++) {                                                                                                   \
          long sw = ow * stride.z - begin.z, w0 = 0, w1 = size.z, count = size.z;                                                                     \
          if (ow < low || ow >= high) {                                                                                                               \
            taps(&w, 2, ow, &sw, &w0, &w1);                                                                                                           \
            count = counted(&w, 2, ow, count_pads);                                                                                                   \
          }                                                                                                                                           \
          if (two_by_two) {                                                                                                                           \
            const long at = (od * in.y + oh * 2) * in.z + ow * 2;                                                                                     \
            GIVE_TWO_BY_TWO(REALS, INTS, x + at, gx + at, in.z, *gy)                                                                                  \
            continue;                                                                                                                                 \
          }                                                                                                                                           \
          REALS g = *gy, most = (REALS)(-INFINITY);                                                                                                   \
          INTS best = (INTS)(0);                                                                                                                      \
          int tap = 0;                                                                                                                                \
          if (kind != MAX_GRAD) {                                                                                                                     \
            g /= lines * (float)count;                                                                                                                \
          } else {                                                                                                                                    \
            for (long d = d0; d < d1; d++)                                                                                                            \
              for (long h = h0; h < h1; h++) {                                                                                                        \
                global const REALS *line = x + ((sd + d * dilation.x) * in.y + sh + h * dilation.y) * in.z + sw;                                      \
                for (long k = w0; k < w1; k++, tap++) {                                                                                               \
                  const REALS v = line[k * dilation.z];                                                                                               \
                  const INTS better = ((v <= most) == 0) & (most == most); /* NaN is, and nothing is better than NaN */                               \
                  most = select(most, v, better);                                                                                                     \
                  best = select(best, (INTS)(tap), better);                                                                                           \
                }                                                                                                                                     \
              }                                                                                                                                       \
          }                                                                                                                                           \
          tap = 0;                                                                                                                                    \
          for (long d = d0; d < d1; d++)                                                                                                              \
            for (long h = h0; h < h1; h++) {                                                                                                          \
              global REALS *line = gx + ((sd + d * dilation.x) * in.y + sh + h * dilation.y) * in.z + sw;                                             \
              for (long k = w0; k < w1; k++, tap++) {                                                                                                 \
                REALS given = g;                                                                                                                      \
                if (kind == MAX_GRAD) given = select((REALS)(0.0f), g, best == tap);                                                                  \
                if (!tiles) given += line[k * dilation.z];                                                                                            \
                line[k * dilation.z] = given;                                                                                                         \
              }                                                                                                                                       \
            }                                                                                                                                         \
        }                                                                                                                                             \
      }                                                                                                                                               \
  }

#define AS_FLOATS(CONST, P) (P)
#define AS_VECTORS(CONST, P) ((global CONST float16 *)(P)) /* blocked tensors begin at multiples of 64 bytes */

/* global (planes): plain, [planes][D][H][W]; blocked, 16 channels a cell. */
PLANE(pool_grad_plain, float, int, AS_FLOATS)
PLANE(pool_grad_blocked, float16, int16, AS_VECTORS)

/* Whether the window from `first` on gives to the cell at `mine`. */
static inline int is_first_largest(global const float *x, int4 first, int4 mine, int4 in, int4 size, int4 dilation) {
  const float own = x[(mine.x * in.y + mine.y) * in.z + mine.z];
  int before = 1;
  for (int d = first.x, i = 0; i < size.x; i++, d += dilation.x) {
    if (d < 0 || d >= in.x) continue;
    for (int h = first.y, j = 0; j < size.y; j++, h += dilation.y) {
      if (h < 0 || h >= in.y) continue;
      for (int w = first.z, k = 0; k < size.z; k++, w += dilation.z) {
        if (w < 0 || w >= in.z) continue;
        const float v = x[(d * in.y + h) * in.z + w];
        if (d == mine.x && h == mine.y && w == mine.z)
          before = 0;
        else if (isnan(own) ? before && isnan(v) : isnan(v) || v > own || (before && v == own))
          return 0;
      }
    }
  }
  return 1;
}

/* The window along an axis whose tap k is cell i, or -1. */
static inline int window_at(int i, int k, int stride, int dilation, int begin, int out) {
  const int from = i + begin - k * dilation, o = from / stride;
  return from >= 0 && from == o * stride && o < out ? o : -1;
}

/* Plain tensors, an input cell an item, its windows in their order; for GPUs. slices: planes D. global (H W, slices) */
kernel void pool_grad_each(global const float *x, ulong x0, global const float *gy, ulong gy0, global float *gx, ulong gx0, int4 in, int4 out, int4 size,
                           int4 stride, int4 dilation, int4 begin, int4 end, int slices, int kind, int count_pads) {
  const int pixel = get_global_id(0), slice = get_global_id(1);
  if (pixel >= in.y * in.z || slice >= slices) return;
  const int plane = slice / in.x, row = pixel / in.z;
  const int4 mine = (int4)(slice - plane * in.x, row, pixel - row * in.z, 0);
  float sum = 0.0f;
  x += x0 + (size_t)plane * in.x * in.y * in.z;
  gy += gy0 + (size_t)plane * out.x * out.y * out.z;
  for (int i = size.x; i-- > 0;) {
    const int od = window_at(mine.x, i, stride.x, dilation.x, begin.x, out.x);
    if (od < 0) continue;
    for (int j = size.y; j-- > 0;) {
      const int oh = window_at(mine.y, j, stride.y, dilation.y, begin.y, out.y);
      if (oh < 0) continue;
      for (int k = size.z; k-- > 0;) {
        const int ow = window_at(mine.z, k, stride.z, dilation.z, begin.z, out.z);
        if (ow < 0) continue;
        const int4 first = (int4)(od, oh, ow, 0) * stride - begin;
        const float g = gy[(od * out.y + oh) * out.z + ow];
        if (kind != MAX_GRAD)
          sum += g / (float)counted_window(first, in, size, dilation, begin, end, count_pads);
        else if (is_first_largest(x, first, mine, in, size, dilation))
          sum += g;
      }
    }
  }
  gx[gx0 + (size_t)slice * in.y * in.z + pixel] = sum;
}

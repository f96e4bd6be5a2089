/* SPDX-License-Identifier: Apache-2.0 */
/* pool.cl: max, average and p-norm over windows and over whole planes, f32. One and two spatial axes come as three (D, H, W with leading
 * ones). Plain: [planes][D][H][W], planes = N C. Blocked: [planes][D][H][W][16], planes = N ceil(C/16). An item takes `rows_per_item`
 * output rows; nothing of the pad is ever read or enters a sum, and zero lanes give zero. Sums are compensated.
 * `kind` is an op of convoke/plugin.h: 3 MAX_POOL, 4 AVG_POOL, 5 LP_POOL. */

#include "lane_math.cl"
#include "window.cl"

static inline float16 powered(float16 x, float p) {
  return p == 1.0f ? fabs(x) : p == 2.0f ? x * x : pow(fabs(x), p);
}
static inline float16 root(float16 x, float p) {
  return p == 1.0f ? x : p == 2.0f ? sqrt(x) : pow(x, 1.0f / p);
}

static inline float powered1(float x, float p) {
  return p == 1.0f ? fabs(x) : p == 2.0f ? x * x : pow(fabs(x), p);
}
static inline float root1(float x, float p) {
  return p == 1.0f ? x : p == 2.0f ? sqrt(x) : pow(x, 1.0f / p);
}

#define CELL -1 /* the step inside a blocked cell, whose 16 lanes begin at a multiple of 64 bytes */

/* 16 cells, `step` apart (0: one cell for all lanes); reads nothing past the last one. */
static inline float16 load_apart(global const float *p, long step) {
  float v[16];
  if (step == CELL) return *(global const float16 *)p;
  if (step == 1) return vload16(0, p);
  if (step == 0) return (float16)(p[0]);
  if (step == 2) return (float16)(vload16(0, p).even, vload16(0, p + 15).odd);
  for (int i = 0; i < 16; i++) v[i] = p[i * step];
  return vload16(0, v);
}

/* The taps of an output row along D and H: the cell of the first (W = 0), their ranges and steps, and how many count in a mean. */
typedef struct {
  global const float *x;
  long d0, d1, h0, h1, d_step, h_step, counted;
} slab;

static inline slab slab_of(const window *w, global const float *x, long row, long lanes, int count_pads) {
  const long oh = row % w->out.y, od = row / w->out.y % w->out.x, plane = row / w->out.y / w->out.x, line = w->in.z * lanes;
  long sd, sh;
  slab s;
  taps(w, 0, od, &sd, &s.d0, &s.d1);
  taps(w, 1, oh, &sh, &s.h0, &s.h1);
  s.d_step = w->dilation.x * w->in.y * line;
  s.h_step = w->dilation.y * line;
  s.x = x + ((plane * w->in.x + sd) * w->in.y + sh) * line;
  s.counted = counted(w, 0, od, count_pads) * counted(w, 1, oh, count_pads);
  return s;
}

static inline float16 window_max(const slab *s, long from, long w0, long w1, long apart, long step) {
  float16 best = (float16)(-INFINITY);
  for (long d = s->d0; d < s->d1; d++)
    for (long h = s->h0; h < s->h1; h++) {
      global const float *p = s->x + d * s->d_step + h * s->h_step + from;
      for (long k = w0; k < w1; k++) best = max_lanes(best, load_apart(p + k * apart, step));
    }
  return best;
}

#define CHUNK 16 /* terms added plainly before the sum is compensated */

static inline float16 window_sum(const slab *s, long from, long w0, long w1, long apart, long step, int kind, float power) {
  sum16 total = {(float16)(0.0f), (float16)(0.0f)};
  for (long d = s->d0; d < s->d1; d++)
    for (long h = s->h0; h < s->h1; h++) {
      global const float *p = s->x + d * s->d_step + h * s->h_step + from;
      for (long k = w0; k < w1;) {
        const long stop = min(k + CHUNK, w1);
        float16 part = (float16)(0.0f);
        for (; k < stop; k++) {
          const float16 v = load_apart(p + k * apart, step);
          part += kind == 4 ? v : powered(v, power);
        }
        total = sum_add(total, part);
      }
    }
  return total.sum - total.rest;
}

/* 16 results: lane i has taps w0 .. w1 of each line, `apart` floats from tap to tap, the first at from + i * step. */
static inline float16 pooled(const slab *s, long from, long w0, long w1, long apart, long step, long count, int kind, float power) {
  float16 sum;
  if (kind == 3) return window_max(s, from, w0, w1, apart, step);
  sum = window_sum(s, from, w0, w1, apart, step, kind, power);
  return kind == 4 ? sum / (float)(s->counted * count) : root(sum, power);
}

/* global (outH outW, planes outD): plain tensors, an output an item; for GPUs. */
kernel void pool_each(global const float *x, ulong x0, global float *y, ulong y0, int4 in, int4 out, int4 size, int4 stride, int4 dilation, int4 begin,
                      int4 end, int slices, int kind, int count_pads, float power) {
  const int pixel = get_global_id(0), slice = get_global_id(1);
  if (pixel >= out.y * out.z || slice >= slices) return;
  const int oh = pixel / out.z, plane = slice / out.x;
  const int4 first = (int4)(slice - plane * out.x, oh, pixel - oh * out.z, 0) * stride - begin;
  global const float *cells = x + x0 + (size_t)plane * in.x * in.y * in.z;
  float best = -INFINITY;
  float2 total = (float2)(0.0f);
  for (int d = first.x, i = 0; i < size.x; i++, d += dilation.x) {
    if (d < 0 || d >= in.x) continue;
    for (int h = first.y, j = 0; j < size.y; j++, h += dilation.y) {
      if (h < 0 || h >= in.y) continue;
      for (int w = first.z, k = 0; k < size.z; k++, w += dilation.z) {
        if (w < 0 || w >= in.z) continue;
        const float v = cells[(d * in.y + h) * in.z + w];
        if (kind == 3)
          best = max_one(best, v);
        else
          total = added(total, kind == 4 ? v : powered1(v, power));
      }
    }
  }
  float sum = total.x + total.y;
  if (kind == 4) {
    sum /= (float)counted_window(first, in, size, dilation, begin, end, count_pads);
  } else if (kind == 5) {
    sum = root1(sum, power);
  }
  y[y0 + (size_t)slice * out.y * out.z + pixel] = kind == 3 ? best : sum;
}

/* global (ceil(planes * outD * outH / rows_per_item)): plain tensors. 16 outputs of a row at once where all their taps are inside (the last
 * 16 may overlap those before), else one by one. */
kernel void pool_plain(global const float *x, ulong x0, global float *y, ulong y0, long4 in, long4 out, long4 size, long4 stride,
                       long4 dilation, long4 begin, long4 end, long rows, long rows_per_item, int kind, int count_pads, float power) {
  const window w = {in, out, size, stride, dilation, begin, end};
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  long low, high;
  inside(&w, &low, &high);
  for (long row = row0; row < row1; row++) {
    const slab s = slab_of(&w, x + x0, row, 1, count_pads);
    global float *py = y + y0 + row * out.z;
    for (long ow = 0; ow < out.z;) {
      long start, w0, w1;
      if (ow >= low && ow < high && high - low >= 16) {
        const long o = min(ow, high - 16);
        vstore16(pooled(&s, o * stride.z - begin.z, 0, size.z, dilation.z, stride.z, size.z, kind, power), 0, py + o);
        ow = o + 16;
        continue;
      }
      taps(&w, 2, ow, &start, &w0, &w1);
      py[ow] = pooled(&s, start, w0, w1, dilation.z, 0, counted(&w, 2, ow, count_pads), kind, power).s0;
      ow++;
    }
  }
}

/* global (ceil(rows / rows_per_item)): plain MAX_POOL with the index of the first largest cell over the whole tensor; the first NaN wins.
 * column_major: the index runs along D fastest inside its plane. y may be absent (want_y 0). */
kernel void max_pool_index(global const float *x, ulong x0, global float *y, ulong y0, global long *index, ulong index0, long4 in,
                           long4 out, long4 size, long4 stride, long4 dilation, long4 begin, long4 end, long rows, long rows_per_item,
                           int column_major, int want_y) {
  const window w = {in, out, size, stride, dilation, begin, end};
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  for (long row = row0; row < row1; row++) {
    const long oh = row % out.y, od = row / out.y % out.x, plane = row / out.y / out.x, base = plane * in.x * in.y * in.z;
    long sd, d0, d1, sh, h0, h1, sw, w0, w1;
    taps(&w, 0, od, &sd, &d0, &d1);
    taps(&w, 1, oh, &sh, &h0, &h1);
    for (long ow = 0; ow < out.z; ow++) {
      float best = -INFINITY;
      long at_d = -1, at_h = 0, at_w = 0;
      taps(&w, 2, ow, &sw, &w0, &w1);
      for (long d = d0; d < d1; d++)
        for (long h = h0; h < h1; h++)
          for (long k = w0; k < w1; k++) {
            const long cd = sd + d * dilation.x, ch = sh + h * dilation.y, cw = sw + k * dilation.z;
            const float v = x[x0 + base + (cd * in.y + ch) * in.z + cw];
            if (at_d >= 0 && !(v > best) && !(isnan(v) && !isnan(best))) continue;
            best = v;
            at_d = cd;
            at_h = ch;
            at_w = cw;
          }
      at_d = max(at_d, 0L);
      index[index0 + row * out.z + ow] = base + (column_major ? (at_w * in.y + at_h) * in.x + at_d : (at_d * in.y + at_h) * in.z + at_w);
      if (want_y) y[y0 + row * out.z + ow] = best;
    }
  }
}

#define FOUR 4 /* outputs side by side that share their input cells */

/* Four blocked outputs, all their columns inside: WIDE taps, STRIDE apart, each cell of a line read once. from: the first cell. */
#define SIDE_BY_SIDE(NAME, WIDE, STRIDE, COMBINED, FIRST, FINISHED)                                                          \
  static inline void NAME(const slab *s, long from, global float16 *y, float scale) {                                        \
    float16 result[FOUR];                                                                                                    \
    _Pragma("unroll") for (int p = 0; p < FOUR; p++) result[p] = (float16)(FIRST);                                           \
    for (long d = s->d0; d < s->d1; d++)                                                                                     \
      for (long h = s->h0; h < s->h1; h++) {                                                                                 \
        global const float16 *line = (global const float16 *)(s->x + d * s->d_step + h * s->h_step) + from;                  \
        _Pragma("unroll") for (int k = 0; k < (FOUR - 1) * STRIDE + WIDE; k++) {                                             \
          const float16 v = line[k];                                                                                         \
          _Pragma("unroll") for (int i = 0; i < WIDE; i++) {                                                                 \
            const int p = (k - i) / STRIDE;                                                                                  \
            if (k >= i && (k - i) % STRIDE == 0 && p < FOUR) result[p] = COMBINED(result[p], v);                             \
          }                                                                                                                  \
        }                                                                                                                    \
      }                                                                                                                      \
    _Pragma("unroll") for (int p = 0; p < FOUR; p++) y[p] = FINISHED(result[p], scale);                                      \
  }
#define PLUS(A, B) ((A) + (B))
#define OVER(A, B) ((A) / (B))
#define AS_IS(A, B) (A)

SIDE_BY_SIDE(max2_2, 2, 2, max_lanes, -INFINITY, AS_IS)
SIDE_BY_SIDE(max3_2, 3, 2, max_lanes, -INFINITY, AS_IS)
SIDE_BY_SIDE(max3_1, 3, 1, max_lanes, -INFINITY, AS_IS)
SIDE_BY_SIDE(sum2_2, 2, 2, PLUS, 0.0f, OVER)
SIDE_BY_SIDE(sum3_2, 3, 2, PLUS, 0.0f, OVER)
SIDE_BY_SIDE(sum3_1, 3, 1, PLUS, 0.0f, OVER)

/* Whether there is such a function for the window; sums of few terms only, since they are not compensated. */
static inline int has_side_by_side(const window *w, int kind) {
  const int known = w->dilation.z == 1 && ((w->size.z == 3 && w->stride.z <= 2) || (w->size.z == 2 && w->stride.z == 2));
  return known && (kind == 3 || (kind == 4 && w->size.x * w->size.y * w->size.z <= CHUNK));
}

static inline void side_by_side(const window *w, const slab *s, long from, int kind, global float16 *y) {
  const float terms = (float)(s->counted * w->size.z);
  if (w->size.z == 2) {
    if (kind == 3)
      max2_2(s, from, y, terms);
    else
      sum2_2(s, from, y, terms);
  } else if (w->stride.z == 2) {
    if (kind == 3)
      max3_2(s, from, y, terms);
    else
      sum3_2(s, from, y, terms);
  } else {
    if (kind == 3)
      max3_1(s, from, y, terms);
    else
      sum3_1(s, from, y, terms);
  }
}

/* global (ceil(planes * outD * outH / rows_per_item)): blocked by 16 channels. */
kernel void pool_blocked(global const float *x, ulong x0, global float *y, ulong y0, long4 in, long4 out, long4 size, long4 stride,
                         long4 dilation, long4 begin, long4 end, long rows, long rows_per_item, int kind, int count_pads, float power) {
  const window w = {in, out, size, stride, dilation, begin, end};
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  long low, high;
  inside(&w, &low, &high);
  const int fours = high - low >= FOUR && has_side_by_side(&w, kind);
  for (long row = row0; row < row1; row++) {
    const slab s = slab_of(&w, x + x0, row, 16, count_pads);
    global float *py = y + y0 + row * out.z * 16;
    for (long ow = 0; ow < out.z; ow++) {
      if (fours && ow >= low && ow < high) {
        const long o = min(ow, high - FOUR);
        side_by_side(&w, &s, o * stride.z - begin.z, kind, (global float16 *)py + o);
        ow = o + FOUR - 1;
        continue;
      }
      long start = ow * stride.z - begin.z, w0 = 0, w1 = size.z, count = size.z;
      if (ow < low || ow >= high) {
        taps(&w, 2, ow, &start, &w0, &w1);
        count = counted(&w, 2, ow, count_pads);
      }
      ((global float16 *)py)[ow] = pooled(&s, start * 16, w0, w1, dilation.z * 16, CELL, count, kind, power);
    }
  }
}

/* global (planes): one number for each plane of `cells`; plain. Kinds 3, 4, 5. */
kernel void global_plain(global const float *x, ulong x0, global float *y, ulong y0, long planes, long cells, int kind, float p) {
  const long plane = get_global_id(0);
  float16 best = (float16)(-INFINITY);
  sum16 total[4];
  long i = 0;
  float result;
  if (plane >= planes) return;
  x += x0 + plane * cells;
  for (int j = 0; j < 4; j++) total[j].sum = total[j].rest = (float16)(0.0f);
  if (kind == 3) {
    for (; i + 16 <= cells; i += 16) best = max_lanes(best, vload16(0, x + i));
    result = max_across(best);
    for (; i < cells; i++) result = max_one(result, x[i]);
  } else {
    if (kind == 4 && cells >= 64) {
      for (; i + 64 <= cells; i += 64)
        for (int j = 0; j < 4; j++) total[j] = sum_add(total[j], vload16(j, x + i));
      for (int j = 1; j < 4; j++) total[0] = sum_add(sum_add(total[0], total[j].sum), -total[j].rest);
    }
    for (; i < cells; i += 16) {
      const float16 v = load_lanes(x + i, cells - i);
      total[0] = sum_add(total[0], kind == 4 ? v : powered(v, p));
    }
    result = sum_across(total[0]);
    result = kind == 4 ? result / (float)cells : root((float16)(result), p).s0;
  }
  y[y0 + plane] = result;
}

/* The same, a work-group a plane, of a power of two of items; for GPUs. part: local, an element an item. global (planes * items) */
kernel void global_group(global const float *x, ulong x0, global float *y, ulong y0, long cells, int kind, float p, local float2 *part) {
  const int id = get_local_id(0), items = get_local_size(0);
  float2 mine = (float2)(kind == 3 ? -INFINITY : 0.0f, 0.0f);
  x += x0 + get_group_id(0) * cells;
  for (long i = id; i < cells; i += items) {
    const float v = kind == 5 ? powered1(x[i], p) : x[i];
    if (kind == 3)
      mine.x = max_one(mine.x, v);
    else
      mine = added(mine, v);
  }
  part[id] = mine;
  for (int half_way = items / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (id >= half_way) continue;
    if (kind == 3)
      part[id].x = max_one(part[id].x, part[id + half_way].x);
    else
      part[id] = joined(part[id], part[id + half_way]);
  }
  if (id != 0) return;
  const float sum = part[0].x + part[0].y;
  y[y0 + get_group_id(0)] = kind == 3 ? part[0].x : kind == 4 ? sum / (float)cells : root1(sum, p);
}

/* global (planes): 16 numbers for each blocked plane of `cells`. Kinds 3, 4, 5. */
kernel void global_blocked(global const float *x, ulong x0, global float *y, ulong y0, long planes, long cells, int kind, float p) {
  const long plane = get_global_id(0);
  float16 best = (float16)(-INFINITY), sum;
  sum16 even = {(float16)(0.0f), (float16)(0.0f)}, odd = even;
  long i = 0;
  if (plane >= planes) return;
  x += x0 + plane * cells * 16;
  if (kind == 3) {
    for (; i < cells; i++) best = max_lanes(best, vload16(i, x));
    vstore16(best, plane, y + y0);
    return;
  }
  if (kind == 4)
    for (; i + 2 <= cells; i += 2) {
      even = sum_add(even, vload16(i, x));
      odd = sum_add(odd, vload16(i + 1, x));
    }
  for (; i < cells; i++) even = sum_add(even, kind == 4 ? vload16(i, x) : powered(vload16(i, x), p));
  even = sum_add(sum_add(even, odd.sum), -odd.rest);
  sum = even.sum - even.rest;
  vstore16(kind == 4 ? sum / (float)cells : root(sum, p), plane, y + y0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* pool.cl: max, average and p-norm over windows and over whole planes, f32. One and two spatial axes come as three (D, H, W with leading
 * ones). Plain: [planes][D][H][W], planes = N C. Blocked: [planes][D][H][W][16], planes = N ceil(C/16). An item takes `rows_per_item`
 * output rows; nothing of the pad is ever read or enters a sum, so zero lanes stay zero. Sums are compensated.
 * `kind` is an op of convoke/plugin.h: 3 MAX_POOL, 4 AVG_POOL, 5 LP_POOL. */

#include "lanes.cl"

/* What a window is, in D, H, W; .w is unused. */
typedef struct { long4 in, out, size, stride, dilation, begin, end; } window;

long axis(long4 v, int d) { return d == 0 ? v.x : d == 1 ? v.y : v.z; }

/* Taps [first, last) of output o that fall inside the input along axis d; *start is the cell of tap 0. */
void taps(const window *w, int d, long o, long *start, long *first, long *last) {
  const long s = o * axis(w->stride, d) - axis(w->begin, d), step = axis(w->dilation, d), extent = axis(w->in, d);
  *start = s;
  *first = s < 0 ? (-s + step - 1) / step : 0;
  *last = s >= extent ? 0 : min(axis(w->size, d), (extent - s + step - 1) / step);
  if (*first > *last) *first = *last;
}

/* Cells of output o's window along axis d that count in a mean: those of the input, with `pads` also those of the pad asked for. */
long counted(const window *w, int d, long o, int pads) {
  const long s = o * axis(w->stride, d) - axis(w->begin, d), step = axis(w->dilation, d);
  const long low = pads ? -axis(w->begin, d) : 0, high = axis(w->in, d) + (pads ? axis(w->end, d) : 0);
  const long first = s < low ? (low - s + step - 1) / step : 0, last = s >= high ? 0 : min(axis(w->size, d), (high - s + step - 1) / step);
  return max(last - first, 0L);
}

float16 powered(float16 x, float p) { return p == 1.0f ? fabs(x) : p == 2.0f ? x * x : pow(fabs(x), p); }
float16 root(float16 x, float p) { return p == 1.0f ? x : p == 2.0f ? sqrt(x) : pow(x, 1.0f / p); }

/* 16 cells, `step` apart; reads nothing past the last one. */
float16 load_apart(global const float *p, long step) {
  float v[16];
  if (step == 1) return vload16(0, p);
  if (step == 2) return (float16)(vload16(0, p).even, vload16(0, p + 15).odd);
  for (int i = 0; i < 16; i++) v[i] = p[i * step];
  return vload16(0, v);
}

/* A window's running result. */
typedef struct { float16 best; sum16 total; } pooled;

pooled pool_start(void) {
  pooled r;
  r.best = (float16)(-INFINITY);
  r.total.sum = r.total.rest = (float16)(0.0f);
  return r;
}

pooled pool_tap(pooled r, int kind, float p, float16 x) {
  if (kind == 3) r.best = max_lanes(r.best, x);
  else r.total = sum_add(r.total, kind == 4 ? x : powered(x, p));
  return r;
}

float16 pool_result(pooled r, int kind, float p, float count) {
  const float16 sum = r.total.sum - r.total.rest;
  return kind == 3 ? r.best : kind == 4 ? sum / count : root(sum, p);
}

/* global (ceil(planes * outD * outH / rows_per_item)): plain tensors. 16 outputs of a row at once where all their taps along W are inside. */
kernel void pool_plain(global const float *x, ulong x0, global float *y, ulong y0, long4 in, long4 out, long4 size, long4 stride, long4 dilation,
                       long4 begin, long4 end, long rows, long rows_per_item, int kind, int count_pads, float p) {
  const window w = {in, out, size, stride, dilation, begin, end};
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  for (long row = row0; row < row1; row++) {
    const long oh = row % out.y, od = row / out.y % out.x, plane = row / out.y / out.x;
    const long deep = counted(&w, 0, od, count_pads) * counted(&w, 1, oh, count_pads);
    global const float *px = x + x0 + plane * in.x * in.y * in.z;
    global float *py = y + y0 + row * out.z;
    long sd, d0, d1, sh, h0, h1, sw, w0, w1;
    taps(&w, 0, od, &sd, &d0, &d1);
    taps(&w, 1, oh, &sh, &h0, &h1);
    for (long ow = 0; ow < out.z;) {
      const long reach = ow + 15 < out.z ? (ow + 15) * stride.z - begin.z + (size.z - 1) * dilation.z : in.z;
      const int wide = ow * stride.z >= begin.z && reach < in.z;
      pooled r = pool_start();
      taps(&w, 2, ow, &sw, &w0, &w1);
      for (long d = d0; d < d1; d++)
        for (long h = h0; h < h1; h++) {
          global const float *line = px + ((sd + d * dilation.x) * in.y + sh + h * dilation.y) * in.z + sw;
          if (wide)
            for (long k = 0; k < size.z; k++) r = pool_tap(r, kind, p, load_apart(line + k * dilation.z, stride.z));
          else
            for (long k = w0; k < w1; k++) r = pool_tap(r, kind, p, (float16)(line[k * dilation.z]));
        }
      if (wide) {
        vstore16(pool_result(r, kind, p, (float)(deep * size.z)), 0, py + ow);
        ow += 16;
      } else {
        py[ow] = pool_result(r, kind, p, (float)(deep * counted(&w, 2, ow, count_pads))).s0;
        ow++;
      }
    }
  }
}

/* global (ceil(rows / rows_per_item)): plain MAX_POOL with the index of the first largest cell over the whole tensor; the first NaN wins.
 * column_major: the index runs along D fastest inside its plane. y may be absent (want_y 0). */
kernel void max_pool_index(global const float *x, ulong x0, global float *y, ulong y0, global long *index, ulong index0, long4 in, long4 out,
                           long4 size, long4 stride, long4 dilation, long4 begin, long4 end, long rows, long rows_per_item, int column_major,
                           int want_y) {
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

/* global (ceil(planes * outD * outH / rows_per_item)): blocked by 16 channels. Kinds 3 and 4. */
kernel void pool_blocked(global const float *x, ulong x0, global float *y, ulong y0, long4 in, long4 out, long4 size, long4 stride, long4 dilation,
                         long4 begin, long4 end, long rows, long rows_per_item, int kind, int count_pads) {
  const window w = {in, out, size, stride, dilation, begin, end};
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  for (long row = row0; row < row1; row++) {
    const long oh = row % out.y, od = row / out.y % out.x, plane = row / out.y / out.x;
    const long deep = counted(&w, 0, od, count_pads) * counted(&w, 1, oh, count_pads);
    global const float *px = x + x0 + plane * in.x * in.y * in.z * 16;
    global float *py = y + y0 + row * out.z * 16;
    long sd, d0, d1, sh, h0, h1, sw, w0, w1;
    taps(&w, 0, od, &sd, &d0, &d1);
    taps(&w, 1, oh, &sh, &h0, &h1);
    for (long ow = 0; ow < out.z; ow++) {
      taps(&w, 2, ow, &sw, &w0, &w1);
      if (kind == 3) {
        float16 best = (float16)(-INFINITY);
        for (long d = d0; d < d1; d++)
          for (long h = h0; h < h1; h++) {
            global const float *line = px + (((sd + d * dilation.x) * in.y + sh + h * dilation.y) * in.z + sw) * 16;
            for (long k = w0; k < w1; k++) best = max_lanes(best, vload16(k * dilation.z, line));
          }
        vstore16(best, ow, py);
      } else {
        sum16 total = {(float16)(0.0f), (float16)(0.0f)};
        for (long d = d0; d < d1; d++)
          for (long h = h0; h < h1; h++) {
            global const float *line = px + (((sd + d * dilation.x) * in.y + sh + h * dilation.y) * in.z + sw) * 16;
            for (long k = w0; k < w1; k++) total = sum_add(total, vload16(k * dilation.z, line));
          }
        vstore16((total.sum - total.rest) / (float)(deep * counted(&w, 2, ow, count_pads)), ow, py);
      }
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
  } else if (kind == 4) {
    for (; i + 64 <= cells; i += 64)
      for (int j = 0; j < 4; j++) total[j] = sum_add(total[j], vload16(j, x + i));
    for (; i < cells; i += 16) total[0] = sum_add(total[0], load_lanes(x + i, cells - i));
    for (int j = 1; j < 4; j++) total[0] = sum_add(sum_add(total[0], total[j].sum), -total[j].rest);
    result = sum_across(total[0]) / (float)cells;
  } else {
    for (; i < cells; i += 16) total[0] = sum_add(total[0], powered(load_lanes(x + i, cells - i), p));
    result = root((float16)(sum_across(total[0])), p).s0;
  }
  y[y0 + plane] = result;
}

/* global (planes): 16 numbers for each blocked plane of `cells`. Kinds 3 and 4. */
kernel void global_blocked(global const float *x, ulong x0, global float *y, ulong y0, long planes, long cells, int kind) {
  const long plane = get_global_id(0);
  float16 best = (float16)(-INFINITY);
  sum16 even = {(float16)(0.0f), (float16)(0.0f)}, odd = even;
  long i = 0;
  if (plane >= planes) return;
  x += x0 + plane * cells * 16;
  if (kind == 3) {
    for (; i < cells; i++) best = max_lanes(best, vload16(i, x));
    vstore16(best, plane, y + y0);
    return;
  }
  for (; i + 2 <= cells; i += 2) {
    even = sum_add(even, vload16(i, x));
    odd = sum_add(odd, vload16(i + 1, x));
  }
  if (i < cells) even = sum_add(even, vload16(i, x));
  even = sum_add(sum_add(even, odd.sum), -odd.rest);
  vstore16((even.sum - even.rest) / (float)cells, plane, y + y0);
}

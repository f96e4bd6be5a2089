/* SPDX-License-Identifier: Apache-2.0 */
/* arg.cl: the index of the largest or smallest element along an axis of `n` elements, f32, plain, into long. NaN is beyond every number; of equal
 * elements the first counts, or with `last` the last. */

#include "lanes.cl"

/* Lanes where x, which comes later, is chosen over best. */
int16 wins(float16 x, float16 best, int is_max, int last) {
  const int16 number = best == best, equal = x == best;
  int16 less = x < best;
  if (!is_max) less = x > best;
  if (last) return (~less & number) | isnan(x);
  return ~(less | equal) & number;
}

/* Whether element i, x, is chosen over element j, best. */
int beats(float x, int i, float best, int j, int is_max, int last) {
  if (x == best || (isnan(x) && isnan(best))) return last ? i > j : i < j;
  return isnan(x) || (!isnan(best) && (is_max ? x > best : x < best));
}

/* The axis is the innermost one; global (rows) */
kernel void arg_row(global const float *x, ulong x0, global long *y, ulong y0, int n, long rows, int is_max, int last) {
  const long row = get_global_id(0);
  if (row >= rows) return;
  global const float *p = x + x0 + row * n;
  int i = 0, at = 0;
  float value = p[0];
  if (n >= 16) {
    float value_of[16];
    int index_of[16];
    int16 now = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), index = now;
    float16 best = vload16(0, p);
    for (i = 16; i + 16 <= n; i += 16) {
      const float16 v = vload16(0, p + i);
      now += 16;
      const int16 m = wins(v, best, is_max, last);
      best = select(best, v, m);
      index = select(index, now, m);
    }
    vstore16(best, 0, value_of);
    vstore16(index, 0, index_of);
    at = index_of[0];
    value = value_of[0];
    for (int l = 1; l < 16; l++)
      if (beats(value_of[l], index_of[l], value, at, is_max, last)) {
        at = index_of[l];
        value = value_of[l];
      }
  }
  for (; i < n; i++)
    if (beats(p[i], i, value, at, is_max, last)) {
      at = i;
      value = p[i];
    }
  y[y0 + row] = at;
}

/* `after` elements lie behind each one of the axis; an item takes 16 of them. global (ceil(after / 16), extents before the axis) */
kernel void arg_across(global const float *x, ulong x0, global long *y, ulong y0, int n, long after, int is_max, int last) {
  const long first = get_global_id(0) * 16, lanes = min(after - first, 16L), row = get_global_id(1);
  if (lanes <= 0) return;
  global const float *p = x + x0 + row * n * after + first;
  int index_of[16];
  float16 best = load_lanes(p, lanes);
  int16 index = (int16)(0);
  for (int i = 1; i < n; i++) {
    const float16 v = load_lanes(p + i * after, lanes);
    const int16 m = wins(v, best, is_max, last);
    best = select(best, v, m);
    index = select(index, (int16)(i), m);
  }
  vstore16(index, 0, index_of);
  for (int l = 0; l < lanes; l++) y[y0 + row * after + first + l] = index_of[l];
}

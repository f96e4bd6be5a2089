/* SPDX-License-Identifier: Apache-2.0 */
/* softmax.cl: softmax and its logarithm over the middle of [outer][size][inner], f32. The largest element is taken off first; rows with
 * NaN, with +inf or of -inf only become NaN (inf - inf), as in numpy. Sums are compensated. An input may be its own output. */

#include "lane_math.cl"

/* inner = 1. global (ceil(outer / rows_per_item)) */
kernel void softmax_row(global const float *x, ulong x0, global float *y, ulong y0, long outer, long size, long rows_per_item,
                        int logarithm) {
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, outer);
  for (long row = row0; row < row1; row++) {
    global const float *px = x + x0 + row * size;
    global float *py = y + y0 + row * size;
    float16 best = (float16)(-INFINITY);
    sum16 total = {(float16)(0.0f), (float16)(0.0f)};
    float top, sum;
    long i = 0;
    for (; i + 16 <= size; i += 16) best = max_lanes(best, vload16(0, px + i));
    top = max_across(best);
    for (; i < size; i++) top = max_one(top, px[i]);
    for (i = 0; i < size; i += 16) {
      const long n = min(size - i, 16L);
      const float16 v = load_lanes(px + i, n) - top, e = keep_lanes(exp(v), (int)n);
      total = sum_add(total, e);
      store_lanes(py + i, logarithm ? v : e, n);
    }
    sum = sum_across(total);
    if (logarithm) sum = log(sum);
    for (i = 0; i < size; i += 16) {
      const float16 v = load_lanes(py + i, size - i);
      store_lanes(py + i, logarithm ? v - sum : v / sum, size - i);
    }
  }
}

/* inner = 1, a work-group a row, of a power of two of items; for GPUs. part: local, an element an item. global (outer * items) */
kernel void softmax_group(global const float *x, ulong x0, global float *y, ulong y0, long size, int logarithm, local float2 *part) {
  const int id = get_local_id(0), items = get_local_size(0);
  global const float *px = x + x0 + get_group_id(0) * size;
  global float *py = y + y0 + get_group_id(0) * size;
  float top = -INFINITY, sum;
  float2 total = (float2)(0.0f);
  for (long i = id; i < size; i += items) top = max_one(top, px[i]);
  part[id].x = top;
  for (int half_way = items / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (id < half_way) part[id].x = max_one(part[id].x, part[id + half_way].x);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  top = part[0].x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (long i = id; i < size; i += items) {
    const float v = px[i] - top, e = exp(v);
    total = added(total, e);
    py[i] = logarithm ? v : e;
  }
  part[id] = total;
  for (int half_way = items / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (id < half_way) part[id] = joined(part[id], part[id + half_way]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  sum = part[0].x + part[0].y;
  if (logarithm) sum = log(sum);
  for (long i = id; i < size; i += items) py[i] = logarithm ? py[i] - sum : py[i] / sum;
}

/* inner > 1: 16 neighbouring rows at once. global (ceil(inner / 16), outer) */
kernel void softmax_across(global const float *x, ulong x0, global float *y, ulong y0, long size, long inner, int logarithm) {
  const long first = get_global_id(0) * 16, n = min(inner - first, 16L);
  float16 best = (float16)(-INFINITY), sum;
  sum16 total = {(float16)(0.0f), (float16)(0.0f)};
  x += x0 + get_global_id(1) * size * inner + first;
  y += y0 + get_global_id(1) * size * inner + first;
  for (long k = 0; k < size; k++) best = max_lanes(best, load_lanes(x + k * inner, n));
  for (long k = 0; k < size; k++) {
    const float16 v = load_lanes(x + k * inner, n) - best, e = exp(v);
    total = sum_add(total, e);
    store_lanes(y + k * inner, logarithm ? v : e, n);
  }
  sum = total.sum - total.rest;
  if (logarithm) sum = log(sum);
  for (long k = 0; k < size; k++) {
    const float16 v = load_lanes(y + k * inner, n);
    store_lanes(y + k * inner, logarithm ? v - sum : v / sum, n);
  }
}

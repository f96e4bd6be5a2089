/* SPDX-License-Identifier: Apache-2.0 */
/* lrn.cl: y[c] = x[c] / (bias + alpha / size * sum of squares over channels c - low .. c + high)^beta, f32; low = (size - 1) / 2 and
 * high = size / 2, so an even window has its extra channel on the positive side. Plain [N][C][cells], blocked [N][ceil(C/16)][cells][16]
 * with low and high at most 16. An item takes `per_item` cells of one channel or block. */

#include "lanes.cl"

float16 norm_by(float16 x, float16 squares, float scale, float beta, float bias) {
  const float16 d = bias + scale * squares;
  if (beta == 0.75f) {
    const float16 s = sqrt(d);
    return x / (s * sqrt(s));
  }
  return x / pow(d, beta);
}

/* global (ceil(cells / per_item), N C) */
kernel void lrn_plain(global const float *x, ulong x0, global float *y, ulong y0, long channels, long cells, long per_item, long low, long high,
                      float scale, float beta, float bias) {
  const long row = get_global_id(1), c = row % channels, begin = get_global_id(0) * per_item, end = min(begin + per_item, cells);
  const long first = min(low, c), last = min(high, channels - 1 - c);
  x += x0 + row * cells;
  y += y0 + row * cells;
  for (long i = begin; i < end; i += 16) {
    sum16 total = {(float16)(0.0f), (float16)(0.0f)};
    for (long k = -first; k <= last; k++) {
      const float16 v = load_lanes(x + k * cells + i, end - i);
      total = sum_add(total, v * v);
    }
    store_lanes(norm_by(load_lanes(x + i, end - i), total.sum - total.rest, scale, beta, bias), y + i, end - i);
  }
}

/* global (ceil(cells / per_item), N ceil(C/16)). Squares of three neighbouring blocks lie in a row of 48; the window slides over it. */
kernel void lrn_blocked(global const float *x, ulong x0, global float *y, ulong y0, long channels, long cells, long per_item, long low, long high,
                        float scale, float beta, float bias) {
  const long row = get_global_id(1), blocks = (channels + 15) / 16, block = row % blocks;
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, cells);
  const int lanes = (int)min(channels - block * 16, 16L);
  float squares[48];
  vstore16((float16)(0.0f), 0, squares);
  vstore16((float16)(0.0f), 2, squares);
  x += x0 + row * cells * 16;
  y += y0 + row * cells * 16;
  for (long i = begin; i < end; i++) {
    const float16 v = vload16(i, x);
    float16 total = (float16)(0.0f);
    if (block > 0) {
      const float16 u = vload16(i - cells, x);
      vstore16(u * u, 0, squares);
    }
    vstore16(v * v, 1, squares);
    if (block + 1 < blocks) {
      const float16 u = vload16(i + cells, x);
      vstore16(u * u, 2, squares);
    }
    for (long k = -low; k <= high; k++) total += vload16(0, squares + 16 + k);
    vstore16(keep_lanes(norm_by(v, total, scale, beta, bias), lanes), i, y);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* lrn.cl: y[c] = x[c] / (bias + alpha / size * sum of squares over channels c - low .. c + high)^beta, f32; low = (size - 1) / 2 and
 * high = size / 2, so an even window has its extra channel on the positive side. Plain [N][C][cells], blocked [N][ceil(C/16)][cells][16]
 * with low and high at most 16. An item takes `per_item` cells of one channel or block. */

#include "lane_math.cl"

float16 norm_by(float16 x, float16 squares, float scale, float beta, float bias) {
  const float16 d = bias + scale * squares;
  if (beta == 0.75f) {
    const float16 s = sqrt(d);
    return x / (s * sqrt(s));
  }
  return x / pow(d, beta);
}

/* global (ceil(cells / per_item), N C) */
kernel void lrn_plain(global const float *x, ulong x0, global float *y, ulong y0, long channels, long cells, long per_item, long low,
                      long high, float scale, float beta, float bias) {
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
    store_lanes(y + i, norm_by(load_lanes(x + i, end - i), total.sum - total.rest, scale, beta, bias), end - i);
  }
}

/* global (ceil(cells / per_item), N ceil(C/16)). The squares of three neighbouring blocks lie in a row of 48 for each of BATCH cells; the
 * window slides over them. A batch, so that the loads across two stores do not wait for them. */
#define BATCH 8
kernel void lrn_blocked(global const float *x, ulong x0, global float *y, ulong y0, long channels, long cells, long per_item, long low,
                        long high, float scale, float beta, float bias) {
  const long row = get_global_id(1), blocks = (channels + 15) / 16, block = row % blocks;
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, cells);
  const int lanes = (int)min(channels - block * 16, 16L);
  float squares[BATCH][48];
  for (int j = 0; j < BATCH; j++) {
    vstore16((float16)(0.0f), 0, squares[j]);
    vstore16((float16)(0.0f), 2, squares[j]);
  }
  x += x0 + row * cells * 16;
  y += y0 + row * cells * 16;
  for (long i = begin; i < end; i += BATCH) {
    const int n = (int)min(end - i, (long)BATCH);
    for (int j = 0; j < n; j++) {
      const float16 v = vload16(i + j, x);
      vstore16(v * v, 1, squares[j]);
      if (block > 0) {
        const float16 u = vload16(i + j - cells, x);
        vstore16(u * u, 0, squares[j]);
      }
      if (block + 1 < blocks) {
        const float16 u = vload16(i + j + cells, x);
        vstore16(u * u, 2, squares[j]);
      }
    }
    for (int j = 0; j < n; j++) {
      float16 total = (float16)(0.0f);
      for (long k = -low; k <= high; k++) total += vload16(0, squares[j] + 16 + k);
      vstore16(keep_lanes(norm_by(vload16(i + j, x), total, scale, beta, bias), lanes), i + j, y);
    }
  }
}

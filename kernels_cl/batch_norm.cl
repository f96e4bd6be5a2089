/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm.cl: y = (x - mean) / sqrt(var + epsilon) * scale + bias for each channel, f32. The five inputs may all be run-time ones.
 * Plain: rows of `length` cells, row = n C + c. Blocked: rows of `length` 16-lane cells, row = n ceil(C/16) + c/16; the parameters are
 * plain [C]. post, alpha, beta: an activation of simple16 on the result. An item takes `per_item` cells of a row. The mean is taken off
 * first: folding it into the bias would cancel. */

#include "lane_math.cl"

/* global (ceil(length / per_item), rows) */
kernel void batch_norm_plain(global const float *x, ulong x0, global const float *scale, ulong scale0, global const float *bias,
                             ulong bias0, global const float *mean, ulong mean0, global const float *var, ulong var0, global float *y,
                             ulong y0, long length, long per_item, long channels, float epsilon, int post, float alpha, float beta) {
  const long row = get_global_id(1), c = row % channels, begin = get_global_id(0) * per_item, end = min(begin + per_item, length);
  const float m = mean[mean0 + c], b = bias[bias0 + c], s = scale[scale0 + c] / sqrt(var[var0 + c] + epsilon);
  long i = begin;
  x += x0 + row * length;
  y += y0 + row * length;
  for (; i + 16 <= end; i += 16) vstore16(simple16(post, (vload16(0, x + i) - m) * s + b, alpha, beta), 0, y + i);
  if (i < end) store_lanes(y + i, simple16(post, (load_lanes(x + i, end - i) - m) * s + b, alpha, beta), end - i);
}

/* global (ceil(length / per_item), rows) */
kernel void batch_norm_blocked(global const float *x, ulong x0, global const float *scale, ulong scale0, global const float *bias,
                               ulong bias0, global const float *mean, ulong mean0, global const float *var, ulong var0, global float *y,
                               ulong y0, long length, long per_item, long channels, float epsilon, int post, float alpha, float beta) {
  const long row = get_global_id(1), blocks = (channels + 15) / 16, c = row % blocks * 16;
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, length);
  const int lanes = (int)min(channels - c, 16L);
  const float16 m = load_lanes(mean + mean0 + c, lanes), b = load_lanes(bias + bias0 + c, lanes);
  const float16 s = keep_lanes(load_lanes(scale + scale0 + c, lanes) / sqrt(load_lanes(var + var0 + c, lanes) + epsilon), lanes);
  x += x0 + row * length * 16;
  y += y0 + row * length * 16;
  for (long i = begin; i < end; i++) vstore16(keep_lanes(simple16(post, (vload16(i, x) - m) * s + b, alpha, beta), lanes), i, y);
}

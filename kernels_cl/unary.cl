/* SPDX-License-Identifier: Apache-2.0 */
/* unary.cl: y = unary16(x), which the program that includes this has. */

/* global (ceil(length / per_item), rows): rows of `length` elements, one after another. */
kernel void unary(global const float *x, ulong x0, global float *y, ulong y0, long length, long per_item, int kind, float alpha, float beta,
                  long blocks, int tail) {
  const long row = get_global_id(1), begin = get_global_id(0) * per_item, end = min(begin + per_item, length);
  const int lanes = tail && row % blocks == blocks - 1 ? tail : 16;
  long i = begin;
  x += x0 + row * length;
  y += y0 + row * length;
  if (lanes < 16) {
    for (; i < end; i += 16) vstore16(keep_lanes(unary16(kind, vload16(0, x + i), alpha, beta), lanes), 0, y + i);
    return;
  }
  for (; i + 16 <= end; i += 16) vstore16(unary16(kind, vload16(0, x + i), alpha, beta), 0, y + i);
  if (i < end) store_lanes(y + i, unary16(kind, load_lanes(x + i, end - i), alpha, beta), end - i);
}

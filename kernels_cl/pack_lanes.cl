// SPDX-License-Identifier: Apache-2.0
// pack_lanes.cl: run-time weights as [batch][block of 16 outputs][depth][16], zero past the last output. Included by programs whose rows
// read weights so. Source element (batch, out, d) stands at
// batch_index[batch] + out * out_stride + d / inner * depth_stride + d % inner.
// An item makes `share` vectors. global: (ceil(depth / share), blocks, batch)
kernel void pack_lanes(global const float *w, ulong w_offset, global float *packed, ulong packed_offset, global const long *batch_index,
                       ulong batch_offset, long outs, long depth, long inner, long out_stride, long depth_stride, long batch, long share) {
  const long block = get_global_id(1), n = get_global_id(2), blocks = (outs + 15) / 16, d0 = get_global_id(0) * share, d1 = min(d0 + share, depth);
  if (d0 >= depth || block >= blocks || n >= batch) return;
  global const float *first = w + w_offset + batch_index[batch_offset + n] + block * 16 * out_stride;
  global float *to = packed + packed_offset + ((n * blocks + block) * depth + d0) * 16;
  const int lanes = (int)min(outs - block * 16, 16L);
  long row = d0 / inner, column = d0 % inner;
  for (long d = d0; d < d1; d++, to += 16) {
    global const float *from = first + row * depth_stride + column;
    for (int lane = 0; lane < 16; lane++) to[lane] = lane < lanes ? from[lane * out_stride] : 0.0f;
    if (++column == inner) {
      column = 0;
      row++;
    }
  }
}

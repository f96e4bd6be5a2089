// SPDX-License-Identifier: Apache-2.0
// pack_lanes.cl: run-time weights as [batch][block of 16 outputs][depth][16], zero past the last output. Included by programs whose rows
// read weights so. Source element (batch, out, d) stands at
// batch_index[batch] + out * out_stride + d / inner * depth_stride + d % inner.
// global: (depth, blocks, batch)
kernel void pack_lanes(global const float *w, ulong w_offset, global float *packed, ulong packed_offset, global const long *batch_index,
                       ulong batch_offset, long outs, long depth, long inner, long out_stride, long depth_stride, long batch) {
  const long d = get_global_id(0), block = get_global_id(1), n = get_global_id(2), blocks = (outs + 15) / 16;
  if (d >= depth || block >= blocks || n >= batch) return;
  global const float *from = w + w_offset + batch_index[batch_offset + n] + d / inner * depth_stride + d % inner;
  global float *to = packed + packed_offset + ((n * blocks + block) * depth + d) * 16;
  for (int lane = 0; lane < 16; lane++) to[lane] = block * 16 + lane < outs ? from[(block * 16 + lane) * out_stride] : 0.0f;
}

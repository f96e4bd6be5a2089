// SPDX-License-Identifier: Apache-2.0
// dense_vector.cl: y = post(alpha a b + beta c) for few rows of a and weights whose depth is contiguous (Gemm with transB = 1), plain; for GPUs. A
// work-group is LX items along the depth by LY columns; its sums meet in local memory, and every item reaches every barrier.
// global: (LX, ceil(columns / LY) * LY, rows), local (LX, LY, 1)
#include "post.cl"

kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void dense_vector(
    global const float *a, ulong a_offset, global const float *b, ulong b_offset, global const float *c, ulong c_offset, POST_PARAMETERS,
    global float *y, ulong y_offset, long columns, long depth, long a_row, long a_depth, long c_row, long c_column, float alpha, float beta) {
  const long row = get_global_id(2), column = get_global_id(1);
  const int lx = get_local_id(0), ly = get_local_id(1), inside = column < columns;
  local float part[LY][LX];
  global const float *weights = b + b_offset + (inside ? column : 0) * depth, *from = a + a_offset + row * a_row;
  float4 four = (float4)(0.0f);
  float sum = 0.0f;
  if (a_depth == 1) {
#pragma unroll 4
    for (long k = lx; k < depth / 4; k += LX) four = fma(vload4(k, from), vload4(k, weights), four);
  } else {
    for (long k = lx; k < depth / 4; k += LX) {
      const global float *p = from + 4 * k * a_depth;
      four = fma((float4)(p[0], p[a_depth], p[2 * a_depth], p[3 * a_depth]), vload4(k, weights), four);
    }
  }
  for (long k = depth / 4 * 4 + lx; k < depth; k += LX) sum = fma(from[k * a_depth], weights[k], sum);
  part[ly][lx] = sum + ((four.s0 + four.s1) + (four.s2 + four.s3));
  for (int half_way = LX / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lx < half_way) part[ly][lx] += part[ly][lx + half_way];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (lx != 0 || !inside) return;
  const long at = row * columns + column;
  const float other = c ? beta * c[c_offset + row * c_row + column * c_column] : 0.0f;
  y[y_offset + at] = POST1(fma(alpha, part[ly][0], other), add ? add[add_offset + at] : 0.0f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* group.cl: a maximum and a sum over a work-group of a power of two of items, which all get it; part: local, an element an item. The order of
 * the terms is fixed. Included after lane_math.cl. */

static inline float group_max(float v, local float2 *part) {
  const int id = get_local_id(0);
  barrier(CLK_LOCAL_MEM_FENCE);
  part[id].x = v;
  for (int half_way = get_local_size(0) / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (id < half_way) part[id].x = max_one(part[id].x, part[id + half_way].x);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  return part[0].x;
}

static inline float group_sum(float2 v, local float2 *part) {
  const int id = get_local_id(0);
  barrier(CLK_LOCAL_MEM_FENCE);
  part[id] = v;
  for (int half_way = get_local_size(0) / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (id < half_way) part[id] = joined(part[id], part[id + half_way]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  return part[0].x + part[0].y;
}

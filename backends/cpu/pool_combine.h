/* SPDX-License-Identifier: Apache-2.0 */
/* pool_combine.h: how a window's cells become one, over vec.h. */
#ifndef CVK_CPU_POOL_COMBINE_H
#define CVK_CPU_POOL_COMBINE_H

#include "pool.h"
#include "vec.h"

VI vf pool_combine(vf acc, vf x, int is_max) {
  return is_max ? v_max(acc, x) : v_add(acc, x);
}

/* What changes neither a maximum nor a sum. */
VI vf pool_nothing(int is_max) {
  return is_max ? v_set1(-__builtin_inff()) : v_zero();
}

VI vf pool_load(const float *p, int64_t lanes) {
  return lanes == VL ? v_load(p) : v_load_n(p, lanes);
}

/* `lanes` floats from r->base + i on, folded over HEIGHTS window rows (a constant; 0: as many as there are, at least one). */
VI vf pool_fold_down(const int HEIGHTS, const pool_row *r, int64_t i, int64_t lanes, int is_max) {
  const float *p = r->base + i;
  vf acc = pool_load(p, lanes);
  if (HEIGHTS) {
    for (int h = 1; h < HEIGHTS; h++) acc = pool_combine(acc, pool_load(p + h * r->height_step, lanes), is_max);
    return acc;
  }
  for (int64_t d = 0; d < r->depths; d++)
    for (int64_t h = d == 0; h < r->heights; h++)
      acc = pool_combine(acc, pool_load(p + d * r->depth_step + h * r->height_step, lanes), is_max);
  return acc;
}

#endif

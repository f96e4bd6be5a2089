/* SPDX-License-Identifier: Apache-2.0 */
/* pool_combine.h: how a window's cells become one, and sums averages, over vec.h. */
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

/* How sums become averages: taps that an output of a row counts along the width, and 1 / (that times `full`, the taps of a depth and height
 * window that no border cuts). Room for whole vectors; one block of memory. */
typedef struct pool_average {
  int64_t full;
  float *count, *share;
} pool_average;

static inline int32_t pool_average_make(const cpu_device *device, const pool_shape *s, pool_average *a) {
  const pool_axis *w = &s->axis[2];
  const int64_t width = cpu_ceil_div(w->out, VL) * VL;
  *a = (pool_average){.full = s->axis[0].kernel * s->axis[1].kernel,
                      .count = cpu_alloc(device, cpu_product(3, (int64_t[]){2, width, sizeof(float)}))};
  if (!a->count) return 0;
  a->share = a->count + width;
  for (int64_t o = 0; o < width; o++) {
    a->count[o] = o < w->out ? (float)pool_window_at(w, o, s->count_pad).count : 1;
    a->share[o] = 1.0f / (a->count[o] * (float)a->full);
  }
  return 1;
}

/* The averages of outputs o to o + VL - 1 of a row whose depth and height window counts `taps`. */
VI vf pool_averaged(const pool_average *a, vf sum, int64_t o, int64_t taps) {
  return taps == a->full ? v_mul(sum, v_load(a->share + o)) : v_div(sum, v_mul(v_load(a->count + o), v_set1((float)taps)));
}

#endif

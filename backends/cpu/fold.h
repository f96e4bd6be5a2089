/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h: sums and extremes of contiguous floats in a fixed order. Sums run in f32 over at most FOLD_BLOCK vectors and then in double, so
 * the error does not grow with the length (one f32 accumulator stalls at 2^24 ones). A NaN wins every extreme. */
#ifndef CVK_CPU_FOLD_H
#define CVK_CPU_FOLD_H

#include "vec.h"

enum { FOLD_BLOCK = 64 };

VI double fold_sum(const float *x, int64_t n) {
  double total = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = i + FOLD_BLOCK * VL < n ? i + FOLD_BLOCK * VL : n;
    vf a[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    for (; i + 4 * VL <= end; i += 4 * VL)
      for (int u = 0; u < 4; u++) a[u] = v_add(a[u], v_load(x + i + u * VL));
    for (; i + VL <= end; i += VL) a[0] = v_add(a[0], v_load(x + i));
    if (i < end) a[1] = v_add(a[1], v_load_n(x + i, end - i));
    i = end;
    total += v_sum(v_add(v_add(a[0], a[1]), v_add(a[2], a[3])));
  }
  return total;
}

VI float fold_better(float x, float best, int is_max) {
  return x != x || (is_max ? x > best : x < best) ? x : best;
}

VI float fold_extreme(const float *x, int64_t n, int is_max) {
  const float start = is_max ? -__builtin_inff() : __builtin_inff();
  vf a[4] = {v_set1(start), v_set1(start), v_set1(start), v_set1(start)};
  float lane[VL], best = start;
  int64_t i = 0;
  for (; i + 4 * VL <= n; i += 4 * VL)
    for (int u = 0; u < 4; u++) a[u] = is_max ? v_max(a[u], v_load(x + i + u * VL)) : v_min(a[u], v_load(x + i + u * VL));
  for (; i + VL <= n; i += VL) a[0] = is_max ? v_max(a[0], v_load(x + i)) : v_min(a[0], v_load(x + i));
  for (int u = 1; u < 4; u++) a[0] = is_max ? v_max(a[0], a[u]) : v_min(a[0], a[u]);
  v_store(lane, a[0]);
  for (int u = 0; u < VL; u++) best = fold_better(lane[u], best, is_max);
  for (; i < n; i++) best = fold_better(x[i], best, is_max);
  return best;
}

/* Sums or maxima of n cells of VL channels each, lane by lane, as floats. */
VI vf fold_cells(const float *x, int64_t n, int is_max, double divisor) {
  double total[VL] = {0};
  float lane[VL];
  vf best = v_set1(-__builtin_inff());
  for (int64_t i = 0; is_max && i < n; i++) best = v_max(best, v_load(x + i * VL));
  if (is_max) return best;
  for (int64_t i = 0; i < n;) {
    const int64_t end = i + FOLD_BLOCK < n ? i + FOLD_BLOCK : n;
    vf a[2] = {v_zero(), v_zero()};
    for (; i + 2 <= end; i += 2)
      for (int u = 0; u < 2; u++) a[u] = v_add(a[u], v_load(x + (i + u) * VL));
    for (; i < end; i++) a[0] = v_add(a[0], v_load(x + i * VL));
    v_store(lane, v_add(a[0], a[1]));
    for (int u = 0; u < VL; u++) total[u] += lane[u];
  }
  for (int u = 0; u < VL; u++) lane[u] = (float)(total[u] / divisor);
  return v_load(lane);
}

#endif

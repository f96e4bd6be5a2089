/* SPDX-License-Identifier: Apache-2.0 */
/* totals.h: sums of a few products move from registers to totals in memory, so that rounding errors grow with the few and not with all. The
 * compiler must not see which memory: it would keep a second copy of each total on the stack and move both around. */
#ifndef CVK_CPU_TOTALS_H
#define CVK_CPU_TOTALS_H

#include "vec.h"

/* Adds n sums (a constant) to the totals, or begins the totals with them, and begins new sums. */
VI void totals_add(const int n, vf *acc, float *total, int32_t first) {
  __asm__("" : "+r"(total));
  if (first) {
#pragma GCC unroll 32
    for (int i = 0; i < n; i++) v_store(total + i * VL, acc[i]);
  } else {
#pragma GCC unroll 32
    for (int i = 0; i < n; i++) v_store(total + i * VL, v_add(acc[i], v_load(total + i * VL)));
  }
#pragma GCC unroll 32
  for (int i = 0; i < n; i++) acc[i] = v_zero();
}

/* The totals join the last sums. */
VI void totals_join(const int n, vf *acc, const float *total) {
  __asm__("" : "+r"(total) : : "memory");
#pragma GCC unroll 32
  for (int i = 0; i < n; i++) acc[i] = v_add(acc[i], v_load(total + i * VL));
}

#endif

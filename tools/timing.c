/* SPDX-License-Identifier: Apache-2.0 */
/* timing.c: see timing.h. */
#include "timing.h"

#include <stdlib.h>
#include <time.h>

int64_t timing_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

double timing_quantile_ms(int64_t *ns, int64_t n, double q) {
  qsort(ns, (size_t)n, sizeof *ns, by_value);
  int64_t at = (int64_t)(q * (double)n);
  if (at >= n) at = n - 1;
  return (double)ns[at] / 1e6;
}

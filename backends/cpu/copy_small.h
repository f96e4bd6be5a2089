/* SPDX-License-Identifier: Apache-2.0 */
/* copy_small.h: copies of runs that are too short for the C library's memcpy to pay (rows of feature maps). Runs do not overlap. */
#ifndef CVK_CPU_COPY_SMALL_H
#define CVK_CPU_COPY_SMALL_H

#include <stdint.h>
#include <string.h>

/* Whole steps of a constant size, then one more that ends with the run; the compiler makes each a vector load and store. */
static inline __attribute__((always_inline)) void copy_steps(char *d, const char *s, int64_t n, int64_t step) {
  for (int64_t i = 0; i + step <= n; i += step) memcpy(d + i, s + i, (size_t)step);
  memcpy(d + n - step, s + n - step, (size_t)step);
}

static inline void copy_run(void *to, const void *from, int64_t n) {
  char *d = to;
  const char *s = from;
  if (n > 2048) {
    memcpy(d, s, (size_t)n);
  } else if (n >= 64) {
    copy_steps(d, s, n, 64);
  } else if (n >= 16) {
    copy_steps(d, s, n, 16);
  } else if (n >= 4) {
    copy_steps(d, s, n, 4);
  } else {
    for (int64_t i = 0; i < n; i++) d[i] = s[i];
  }
}

#endif

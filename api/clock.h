/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: the library's clock. */
#ifndef CVK_CLOCK_H
#define CVK_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Monotonic, in ns. */
static inline int64_t cvk_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif

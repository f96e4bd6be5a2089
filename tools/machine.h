/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h: what the processor reaches at best, measured: the scale that a kernel's time is held against. */
#ifndef CVK_MACHINE_H
#define CVK_MACHINE_H

#include <stdint.h>

typedef struct machine_rates {
  int32_t threads;
  double fma_gflops;        /* f32 multiply-adds from registers, two operations each, all threads together */
  double read_gbytes_per_s; /* a sum over memory larger than the caches, all threads together */
} machine_rates;

/* Measures for about 0.2 s with `threads` threads at once. 1, or 0: no memory or no threads. */
int machine_measure(int32_t threads, machine_rates *out);

#endif

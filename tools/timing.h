/* SPDX-License-Identifier: Apache-2.0 */
/* timing.h: the clock and the statistics that commands print. */
#ifndef CVK_TIMING_H
#define CVK_TIMING_H

#include <stdint.h>

int64_t timing_now_ns(void);
/* Sorts ns[0..n-1] and gives quantile q (0..1) by the nearest rank. n >= 1. */
double timing_quantile_ms(int64_t *ns, int64_t n, double q);

#endif

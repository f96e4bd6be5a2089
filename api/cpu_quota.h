/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_quota.h: how many CPUs this process may use. */
#ifndef CVK_CPU_QUOTA_H
#define CVK_CPU_QUOTA_H

#include <stdint.h>

/* CPUs in the affinity mask, at least 1. */
int32_t cvk_cpu_affinity(void);
/* Nonzero when the mask holds every CPU that is online. */
int cvk_cpu_affinity_is_full(void);
/* ceil(quota / period) of the tightest cgroup (v2, else v1) above this process; 0: no limit. root: a prefix of /proc and /sys. */
int32_t cvk_cpu_quota(const char *root);

#endif

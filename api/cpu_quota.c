/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_quota.c: the affinity mask, and the CPU limit of the cgroups this process is in. A container's quota shows at its mount's root even
 * where /proc/self/cgroup names a path of the host, so the folders from the named one up to the root are read: the tightest counts. */
#define _GNU_SOURCE
#include "cpu_quota.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASK_CPUS 8192 /* well above what Linux supports */

int32_t cvk_cpu_affinity(void) {
  cpu_set_t *mask = CPU_ALLOC(MASK_CPUS);
  const size_t bytes = CPU_ALLOC_SIZE(MASK_CPUS);
  int32_t n = 0;
  if (mask != NULL && sched_getaffinity(0, bytes, mask) == 0) n = CPU_COUNT_S(bytes, mask);
  if (mask != NULL) CPU_FREE(mask);
  if (n < 1) n = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n;
}

int cvk_cpu_affinity_is_full(void) {
  return cvk_cpu_affinity() >= (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

static int read_line(const char *path, char *line, int size) {
  FILE *f = fopen(path, "re");
  if (f == NULL) return 0;
  const int ok = fgets(line, size, f) != NULL;
  fclose(f);
  return ok;
}

static int32_t quotient(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return 0;
  const long long n = quota / period + (quota % period != 0);
  return n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

static int32_t limit_v2(const char *folder) {
  char path[PATH_MAX], line[128];
  long long quota, period;
  if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path || !read_line(path, line, sizeof line)) return 0;
  return sscanf(line, "%lld %lld", &quota, &period) == 2 ? quotient(quota, period) : 0; /* "max 100000" has no limit */
}

static int32_t limit_v1(const char *folder) {
  char path[PATH_MAX], quota[64], period[64];
  if (snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= (int)sizeof path || !read_line(path, quota, sizeof quota)) return 0;
  if (snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path || !read_line(path, period, sizeof period)) return 0;
  return quotient(atoll(quota), atoll(period));
}

/* The tightest limit of mount/group and every folder above it, down to the mount. */
static int32_t tightest(const char *mount, const char *group, int32_t (*limit)(const char *folder)) {
  char folder[PATH_MAX];
  const size_t base = strlen(mount);
  int32_t best = 0;
  if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder) folder[base] = '\0';
  for (;;) {
    const int32_t n = limit(folder);
    if (n > 0 && (best == 0 || n < best)) best = n;
    char *slash = strrchr(folder + base, '/');
    if (slash == NULL) return best;
    *slash = '\0';
  }
}

/* Nonzero when the comma-separated list holds "cpu". */
static int names_cpu(const char *list) {
  for (const char *p = list; p != NULL; p = strchr(p, ',')) {
    if (*p == ',') p++;
    if (strncmp(p, "cpu", 3) == 0 && (p[3] == ',' || p[3] == '\0')) return 1;
  }
  return 0;
}

int32_t cvk_cpu_quota(const char *root) {
  char path[PATH_MAX], mount[PATH_MAX], line[PATH_MAX];
  int32_t best = 0;
  if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path) return 0;
  FILE *f = fopen(path, "re");
  if (f == NULL) return 0;
  while (fgets(line, sizeof line, f) != NULL) { /* "ID:CONTROLLERS:/GROUP"; v2 has ID 0 and no controllers */
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL) continue;
    *controllers++ = '\0';
    *group++ = '\0';
    int32_t n = 0;
    if (*controllers == '\0') {
      if (snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root) < (int)sizeof mount) n = tightest(mount, group, limit_v2);
    } else if (names_cpu(controllers)) {
      if (snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controllers) < (int)sizeof mount) n = tightest(mount, group, limit_v1);
      if (n == 0 && snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/cpu", root) < (int)sizeof mount) n = tightest(mount, group, limit_v1);
    }
    if (n > 0 && (best == 0 || n < best)) best = n;
  }
  fclose(f);
  return best;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mini_host.h: the least host that the CPU plugin runs under, for tests of its rows: memory, an ISA cap, and a parallel_for that runs tasks
 * from last to first on one thread or spread over several. MINI_HOST_PLUGIN is the path of the built plugin. */
#ifndef CVK_TESTS_MINI_HOST_H
#define CVK_TESTS_MINI_HOST_H

#include <convoke/plugin.h>

typedef struct mini_host {
  cvk_host host;
  const char *isa;   /* the cap */
  int32_t threads;   /* 1: inline, in reverse order */
  char message[512]; /* of the last failure */
  int64_t allocated; /* blocks not yet freed */
  const cvk_backend *backend;
  cvk_instance *instance;
  cvk_backend_device *device;
} mini_host;

/* Loads the plugin and opens its device under the cap; 0 when the machine lacks that instruction set (the device has another one). */
int mini_host_open(mini_host *h, const char *isa, int32_t threads);
void mini_host_close(mini_host *h);

extern const char *const mini_host_caps[]; /* every cap that any machine has, ends with NULL */

#endif

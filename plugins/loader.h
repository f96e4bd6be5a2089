/* SPDX-License-Identifier: Apache-2.0 */
/* loader.h: turns a file into a checked backend table. What was opened stays open: a process calls each plugin's entry once and never
 * closes a library. */
#ifndef CVK_LOADER_H
#define CVK_LOADER_H

#include <convoke/plugin.h>

#define CVK_VERDICT_BYTES 1024

typedef struct cvk_plugin_result {
  cvk_status status;               /* CVK_OK: table may be used */
  const cvk_backend *table;        /* the host's copy, lives for ever; fields the plugin does not have are zero */
  char verdict[CVK_VERDICT_BYTES]; /* one line */
} cvk_plugin_result;

/* Opens path (absolute) and calls its entry unless this process already did. host: whose fail and log serve the entry. Any thread. */
void cvk_plugin_load(const char *path, const cvk_host *host, cvk_plugin_result *out);

/* Checks a table as a plugin handed it over and copies it into *table. CVK_OK, or a status with the reason in why. */
cvk_status cvk_plugin_check_table(const cvk_backend *from, cvk_backend *table, char why[CVK_VERDICT_BYTES]);

/* Drivers do not survive fork(). cvk_plugin_driver_claim notes that process pid has contacted the driver behind a table;
 * cvk_plugin_driver_owner tells which process did so first (0: none). */
void cvk_plugin_driver_claim(const cvk_backend *table, int32_t pid);
int32_t cvk_plugin_driver_owner(const cvk_backend *table);

/* Sets POCL_AFFINITY=1 where the affinity mask is full and the variable is not set, once a process; call before the first load. */
void cvk_plugin_prepare_environment(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h: may this process open a plugin? A file that is new, or has changed, is tried in a process of its own first; so is, behind one that
 * uses OpenCL, each driver, and then all that are left together. What came of it is kept in the cache folder (probe_cache.c), so that the next start
 * only reads a small file. What crashes or hangs there is not opened here. */
#ifndef CVK_PROBE_H
#define CVK_PROBE_H

#include <convoke/plugin.h>

#include "opencl_drivers.h"
#include "probe_protocol.h"

enum { CVK_PROBE_ON, CVK_PROBE_OFF, CVK_PROBE_FORCE /* as ON, whatever is kept */ };

typedef struct cvk_probe_request {
  int32_t mode;
  int32_t may_filter;          /* OCL_ICD_VENDORS may be set: drivers are tried one by one */
  const char *program;         /* convoke-probe; NULL: nothing is tried */
  const char *cache_dir;       /* NULL: nothing is kept */
  const char *vendors;         /* OCL_ICD_VENDORS as it is, or NULL */
  const char *const *settings; /* "NAME=VALUE", NULL-terminated: what the plugin may ask for; may be NULL */
} cvk_probe_request;

typedef struct cvk_probe_verdict {
  int32_t result;            /* CVK_PROBE_* */
  cvk_status status;
  int32_t opencl;            /* it uses OpenCL; drivers: those that were tried one by one */
  int32_t incomplete;        /* something that should have been tried was not: the verdict is not kept */
  char text[CVK_PROBE_TEXT]; /* a remark, or why not */
  cvk_opencl_drivers drivers;
} cvk_probe_verdict;

/* plugin: absolute. CVK_OK or NO_MEMORY; *out is empty then. Any thread. */
cvk_status cvk_probe(const char *plugin, const cvk_probe_request *q, cvk_probe_verdict *out);
void cvk_probe_verdict_free(cvk_probe_verdict *v);

/* probe_cache.c. Load: nonzero when there is a verdict that still holds; `out` is empty otherwise. */
int cvk_probe_cache_load(const char *plugin, const cvk_probe_request *q, cvk_probe_verdict *out);
void cvk_probe_cache_save(const char *plugin, const cvk_probe_request *q, const cvk_probe_verdict *v);

#endif

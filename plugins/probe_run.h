/* SPDX-License-Identifier: Apache-2.0 */
/* probe_run.h: one trial of a plugin in a process of its own (the program convoke-probe). */
#ifndef CVK_PROBE_RUN_H
#define CVK_PROBE_RUN_H

#include <convoke/plugin.h>

#include "probe_protocol.h"

typedef struct cvk_probe_answer {
  int32_t result;            /* CVK_PROBE_* */
  cvk_status status;
  int32_t opencl;            /* libOpenCL was loaded with the plugin */
  char text[CVK_PROBE_TEXT]; /* why not, or a remark */
} cvk_probe_answer;

/* Runs `program` with the plugin (absolute). mode: CVK_PROBE_MODE_*. settings: NULL-terminated "NAME=VALUE". vendors: OCL_ICD_VENDORS of the child; NULL: as
 * the caller's. Takes at most `seconds` and a few more. 0: the program could not be started, *out is untouched. Any thread. */
int cvk_probe_run(const char *program, int32_t seconds, const char *mode, const char *plugin, const char *const *settings, const char *vendors,
                  cvk_probe_answer *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* trial.h: what a plugin is put through in the probe's child: opened, asked for its devices, and one tiny op computed on each. */
#ifndef CVK_TRIAL_H
#define CVK_TRIAL_H

#include <convoke/plugin.h>

#include "../probe_protocol.h"

typedef struct trial {
  const char *plugin;
  int32_t load_only;      /* stop before the drivers where libOpenCL is loaded */
  int32_t n_settings;
  char *const *settings;  /* "name=value" */
  void (*stage)(const char *what); /* called before each step: "opening it" */
  cvk_status status;      /* out, as the rest: of the step that failed */
  int32_t opencl;         /* libOpenCL was loaded with it */
  char text[CVK_PROBE_TEXT];
} trial;

/* CVK_PROBE_*; t->text tells more. */
int32_t trial_run(trial *t);

/* Computes the first tiny op that the device supports, if any, and compares: *right 0: the result is wrong, and why says how. On failure why names
 * the op. */
cvk_status tiny_op_run(const cvk_backend *b, cvk_backend_device *dev, const cvk_device_info *info, int32_t *right, char *why, size_t why_bytes);

#endif

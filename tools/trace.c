/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c: Trace Event Format: one complete event ("X") an op, one lane a device; times in microseconds. */
#include "trace.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

static void add_event(cJSON *events, const cvk_op_report *op) {
  cJSON *e = cJSON_CreateObject(), *args;
  cJSON_AddStringToObject(e, "name", op->name);
  cJSON_AddStringToObject(e, "cat", op->op);
  cJSON_AddStringToObject(e, "ph", "X");
  cJSON_AddNumberToObject(e, "ts", (double)op->start_ns / 1e3);
  cJSON_AddNumberToObject(e, "dur", (double)op->ns / 1e3);
  cJSON_AddNumberToObject(e, "pid", 1);
  cJSON_AddStringToObject(e, "tid", op->device);
  args = cJSON_AddObjectToObject(e, "args");
  cJSON_AddStringToObject(args, "kernel", op->kernel);
  cJSON_AddNumberToObject(args, "multiply_adds", (double)op->multiply_adds);
  cJSON_AddNumberToObject(args, "bytes", (double)op->bytes);
  cJSON_AddItemToArray(events, e);
}

int trace_write(cvk_session *s, const char *path) {
  cvk_session_report r = {.struct_size = sizeof r};
  if (cvk_session_report_get(s, &r) != CVK_OK) return cli_library("trace");
  cJSON *root = cJSON_CreateObject(), *events = cJSON_AddArrayToObject(root, "traceEvents");
  for (int32_t i = 0; i < r.n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    if (cvk_session_op_report(s, i, &op) == CVK_OK) add_event(events, &op);
  }
  char *text = cJSON_PrintUnformatted(root);
  cJSON_Delete(root);
  if (text == NULL) return cli_fail(CLI_FAILED, "no memory for the trace");
  FILE *f = fopen(path, "w");
  int ok = f && fputs(text, f) >= 0;
  if (f && fclose(f) != 0) ok = 0;
  cJSON_free(text);
  return ok ? CLI_OK : cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c: Trace Event Format: complete events ("X"), times in microseconds, a lane for the host and one for each device. An op lies on its
 * device's lane; the host's lane has the run and, in it, the submission of each op to a device that works by itself, and all copies. */
#include "trace.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

enum { HOST = 1, DEVICES = 8 /* the session's, and its fallbacks */ };

typedef struct lanes {
  cJSON *events;
  int n;
  const char *device[DEVICES]; /* of lane HOST + 1 + i */
} lanes;

static void name_lane(const lanes *l, int lane, const char *name) {
  cJSON *e = cJSON_CreateObject();
  cJSON_AddStringToObject(e, "name", "thread_name");
  cJSON_AddStringToObject(e, "ph", "M");
  cJSON_AddNumberToObject(e, "pid", 1);
  cJSON_AddNumberToObject(e, "tid", lane);
  cJSON_AddStringToObject(cJSON_AddObjectToObject(e, "args"), "name", name);
  cJSON_AddItemToArray(l->events, e);
}

static int lane_of(lanes *l, const char *device) {
  int i = 0;
  while (i < l->n && strcmp(l->device[i], device) != 0) i++;
  if (i == l->n && l->n < DEVICES) {
    l->device[l->n++] = device;
    name_lane(l, HOST + 1 + i, device);
  }
  return HOST + 1 + i;
}

static cJSON *add_event(const lanes *l, int lane, const char *name, const char *category, int64_t start_ns, int64_t ns) {
  cJSON *e = cJSON_CreateObject();
  cJSON_AddStringToObject(e, "name", name);
  cJSON_AddStringToObject(e, "cat", category);
  cJSON_AddStringToObject(e, "ph", "X");
  cJSON_AddNumberToObject(e, "ts", (double)start_ns / 1e3);
  cJSON_AddNumberToObject(e, "dur", (double)ns / 1e3);
  cJSON_AddNumberToObject(e, "pid", 1);
  cJSON_AddNumberToObject(e, "tid", lane);
  cJSON_AddItemToArray(l->events, e);
  return e;
}

static void add_op(lanes *l, const cvk_op_report *op) {
  const int by_itself = op->host_start_ns != op->start_ns || op->host_ns != op->ns, copy = strcmp(op->kernel, "copy") == 0;
  if (by_itself || copy) add_event(l, HOST, op->name, copy ? "copy" : "submit", op->host_start_ns, op->host_ns);
  if (copy) return;
  cJSON *args = cJSON_AddObjectToObject(add_event(l, lane_of(l, op->device), op->name, op->op, op->start_ns, op->ns), "args");
  cJSON_AddStringToObject(args, "kernel", op->kernel);
  cJSON_AddNumberToObject(args, "multiply_adds", (double)op->multiply_adds);
  cJSON_AddNumberToObject(args, "bytes", (double)op->bytes);
}

int trace_write(cvk_session *s, const char *path) {
  cvk_session_report r = {.struct_size = sizeof r};
  if (cvk_session_report_get(s, &r) != CVK_OK) return cli_library("trace");
  cJSON *root = cJSON_CreateObject();
  lanes l = {.events = cJSON_AddArrayToObject(root, "traceEvents")};
  name_lane(&l, HOST, "host");
  add_event(&l, HOST, "run", "run", 0, r.run_ns);
  for (int32_t i = 0; i < r.n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    if (cvk_session_op_report(s, i, &op) == CVK_OK) add_op(&l, &op);
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

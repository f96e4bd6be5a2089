/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c: convoke run: runs a model, writes its outputs, and says how long it took and where each op ran. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "inputs.h"
#include "npy.h"
#include "timing.h"
#include "trace.h"

typedef struct job {
  cvk_graph *graph;
  cvk_session *session;
  int32_t n_in, n_out;
  cvk_tensor **in, **out;
  int64_t *ns; /* of each timed run */
  int64_t repeat;
  const char *output_dir;
  int profile;
} job;

static int run_all(job *j) {
  j->ns = calloc((size_t)j->repeat, sizeof *j->ns);
  if (j->ns == NULL) return cli_fail(CLI_FAILED, "no memory for %lld timings", (long long)j->repeat);
  if (cvk_session_run(j->session, j->n_in, j->in, j->n_out, j->out) != CVK_OK) return cli_library("run"); /* plans, warms up */
  for (int64_t i = 0; i < j->repeat; i++) {
    const int64_t start = timing_now_ns();
    if (cvk_session_run(j->session, j->n_in, j->in, j->n_out, j->out) != CVK_OK) return cli_library("run");
    j->ns[i] = timing_now_ns() - start;
  }
  return CLI_OK;
}

/* The most likely classes of a single row of scores. */
static void add_top(cJSON *output, const float *v, int64_t n) {
  cJSON *top = cJSON_AddArrayToObject(output, "top");
  int64_t shown[5];
  for (int k = 0; k < 5 && k < n; k++) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
      int taken = 0;
      for (int q = 0; q < k; q++) taken |= shown[q] == i;
      if (!taken && (best < 0 || v[i] > v[best])) best = i;
    }
    shown[k] = best;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "class", (double)best);
    cJSON_AddNumberToObject(o, "score", (double)v[best]);
    cJSON_AddItemToArray(top, o);
  }
}

static void add_statistics(cJSON *output, const cvk_tensor *t) {
  const int64_t n = cvk_tensor_count(t);
  if (cvk_tensor_dtype(t) != CVK_F32 || n == 0) return;
  float *v = malloc((size_t)n * sizeof *v);
  if (v && cvk_tensor_read(t, v, (uint64_t)n * sizeof *v) == CVK_OK) {
    double low = (double)v[0], high = (double)v[0], sum = 0;
    for (int64_t i = 0; i < n; i++) {
      if ((double)v[i] < low) low = (double)v[i];
      if ((double)v[i] > high) high = (double)v[i];
      sum += (double)v[i];
    }
    cJSON_AddNumberToObject(output, "min", low);
    cJSON_AddNumberToObject(output, "max", high);
    cJSON_AddNumberToObject(output, "mean", sum / (double)n);
    if (cvk_tensor_rank(t) >= 2 && cvk_tensor_dims(t)[0] == 1 && cvk_tensor_dims(t)[1] == n && n > 1) add_top(output, v, n); /* also [1,n,1,1] */
  }
  free(v);
}

static void add_outputs(const job *j, cJSON *root) {
  cJSON *outputs = cJSON_AddArrayToObject(root, "outputs");
  for (int32_t i = 0; i < j->n_out; i++) {
    cvk_value_info info = {.struct_size = sizeof info};
    if (cvk_graph_output_info(j->graph, i, &info) != CVK_OK) continue;
    cJSON *o = cJSON_CreateObject(), *shape;
    cJSON_AddStringToObject(o, "name", info.name);
    cJSON_AddNumberToObject(o, "type", cvk_tensor_dtype(j->out[i]));
    shape = cJSON_AddArrayToObject(o, "shape");
    for (int32_t d = 0; d < cvk_tensor_rank(j->out[i]); d++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)cvk_tensor_dims(j->out[i])[d]));
    add_statistics(o, j->out[i]);
    cJSON_AddItemToArray(outputs, o);
  }
}

/* A file name for an output: what a path can't hold becomes '_'. */
static void file_name(char *to, size_t size, const char *dir, const char *name) {
  const int at = snprintf(to, size, "%s/%s.npy", dir, name);
  if (at < 0 || (size_t)at >= size) return;
  for (char *c = to + strlen(dir) + 1; *c; c++) {
    if (*c == '/' || *c == ':' || *c == '\\') *c = '_';
  }
}

static int write_outputs(const job *j) {
  char error[TOOL_ERROR_BYTES], path[4096];
  if (j->output_dir == NULL) return CLI_OK;
  if (mkdir(j->output_dir, 0777) != 0 && errno != EEXIST) return cli_fail(CLI_FAILED, "%s: %s", j->output_dir, strerror(errno));
  for (int32_t i = 0; i < j->n_out; i++) {
    cvk_value_info info = {.struct_size = sizeof info};
    if (cvk_graph_output_info(j->graph, i, &info) != CVK_OK) return cli_library("run");
    file_name(path, sizeof path, j->output_dir, info.name);
    if (!npy_save(path, j->out[i], error)) return cli_fail(CLI_FAILED, "output '%s': %s", info.name, error);
  }
  return CLI_OK;
}

static void add_profile(const job *j, const cvk_session_report *r, cJSON *root) {
  cJSON *list = cJSON_AddArrayToObject(root, "profile");
  for (int32_t i = 0; i < r->n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    if (cvk_session_op_report(j->session, i, &op) != CVK_OK) continue;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "op", op.op);
    cJSON_AddStringToObject(o, "name", op.name);
    cJSON_AddStringToObject(o, "device", op.device);
    cJSON_AddStringToObject(o, "kernel", op.kernel);
    cJSON_AddNumberToObject(o, "ms", (double)op.ns / 1e6);
    cJSON_AddNumberToObject(o, "gflops", op.ns ? 2.0 * (double)op.multiply_adds / (double)op.ns : 0.0);
    cJSON_AddItemToArray(list, o);
  }
}

static cJSON *describe(job *j, const cvk_session_report *r) {
  cJSON *root = cJSON_CreateObject(), *latency;
  add_outputs(j, root);
  if (j->profile) add_profile(j, r, root);
  cJSON_AddStringToObject(root, "device", r->device);
  latency = cJSON_AddObjectToObject(root, "latency_ms");
  cJSON_AddNumberToObject(latency, "median", timing_quantile_ms(j->ns, j->repeat, 0.5));
  cJSON_AddNumberToObject(latency, "min", timing_quantile_ms(j->ns, j->repeat, 0));
  cJSON_AddNumberToObject(latency, "p90", timing_quantile_ms(j->ns, j->repeat, 0.9));
  cJSON_AddNumberToObject(latency, "runs", (double)j->repeat);
  cli_add_places(r, root);
  return root;
}

static double number(const cJSON *object, const char *name) { return cJSON_GetNumberValue(cJSON_GetObjectItem(object, name)); }
static const char *text(const cJSON *object, const char *name) { return cJSON_GetStringValue(cJSON_GetObjectItem(object, name)); }

static void print_output(const cJSON *o) {
  const cJSON *part;
  int n = 0;
  printf("output %s shape=", text(o, "name"));
  cJSON_ArrayForEach(part, cJSON_GetObjectItem(o, "shape")) printf("%s%.0f", n++ ? "x" : "", part->valuedouble);
  if (cJSON_GetObjectItem(o, "min")) printf("%s min=%.6g max=%.6g mean=%.6g\n", n ? "" : "scalar", number(o, "min"), number(o, "max"), number(o, "mean"));
  else printf("%s type=%.0f\n", n ? "" : "scalar", number(o, "type"));
  if (cJSON_GetObjectItem(o, "top") == NULL) return;
  printf("top %s", text(o, "name"));
  cJSON_ArrayForEach(part, cJSON_GetObjectItem(o, "top")) printf(" %.0f=%.4f", number(part, "class"), number(part, "score"));
  printf("\n");
}

static void print_profile(const cJSON *list) {
  const cJSON *o;
  double total = 0;
  cJSON_ArrayForEach(o, list) total += number(o, "ms");
  printf("%-28s %-28s %-10s %-30s %10s %9s %6s\n", "op", "name", "device", "kernel", "ms", "GFLOP/s", "share");
  cJSON_ArrayForEach(o, list) {
    printf("%-28.28s %-28.28s %-10s %-30s %10.4f %9.1f %5.1f%%\n", text(o, "op"), text(o, "name"), text(o, "device"), text(o, "kernel"),
           number(o, "ms"), number(o, "gflops"), total > 0 ? 100 * number(o, "ms") / total : 0.0);
  }
}

/* The document as lines; "ops reference=0 cpu=0 opencl:0=7 views=1 reorders=2" says where the ops ran. */
static void print_lines(const cJSON *root) {
  const cJSON *o, *latency = cJSON_GetObjectItem(root, "latency_ms");
  cJSON_ArrayForEach(o, cJSON_GetObjectItem(root, "outputs")) print_output(o);
  if (cJSON_GetObjectItem(root, "profile")) print_profile(cJSON_GetObjectItem(root, "profile"));
  printf("device %s\n", text(root, "device"));
  printf("latency_ms median=%.4f min=%.4f p90=%.4f runs=%.0f\nops", number(latency, "median"), number(latency, "min"), number(latency, "p90"),
         number(latency, "runs"));
  cJSON_ArrayForEach(o, cJSON_GetObjectItem(root, "ops")) printf(" %s=%.0f", o->string, o->valuedouble);
  printf("\ncopies=%.0f copied_bytes=%.0f\n", number(root, "copies"), number(root, "copied_bytes"));
}

static int print_results(job *j, int json) {
  cvk_session_report r = {.struct_size = sizeof r};
  if (cvk_session_report_get(j->session, &r) != CVK_OK) return cli_library("run");
  cJSON *root = describe(j, &r);
  if (json) {
    cli_print_json(root);
  } else {
    print_lines(root);
    cJSON_Delete(root);
  }
  return CLI_OK;
}

int cmd_run(int argc, char **argv) {
  cli_common common = {0};
  cli_list files = {0}, shapes = {0};
  job j = {.repeat = 1};
  const char *positional[2], *trace = NULL;
  int n;
  const cli_flag flags[] = {
      {"--input", FLAG_LIST, &files, NULL, "NAME=FILE: .npy, .png, .jpg, .ppm; NAME= may go where the model has one input"},
      {"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"},
      {"--output-dir", FLAG_TEXT, &j.output_dir, NULL, "folder for NAME.npy of each output"},
      {"--repeat", FLAG_INT, &j.repeat, NULL, "timed runs after the first"},
      {"--profile", FLAG_SWITCH, &j.profile, NULL, "a line an op"},
      {"--trace", FLAG_TEXT, &trace, NULL, "file for a Chrome/Perfetto trace"},
      CLI_COMMON_FLAGS(common),
  };
  int code = cli_parse("run", argc, argv, flags, sizeof flags / sizeof *flags, positional, 1, 2, &n);
  cvk_context *ctx = NULL;
  if (code >= 0) return code;
  if (j.repeat < 1 || j.repeat > 1000000) return cli_fail(CLI_USAGE, "--repeat: %lld is not in 1..1000000", (long long)j.repeat);
  if (n == 2 && files.n < CLI_LIST_MAX) files.item[files.n++] = positional[1]; /* convoke run MODEL IMAGE */
  code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_graph_load_onnx(ctx, positional[0], &j.graph) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK) {
    j.n_in = cvk_graph_input_count(j.graph);
    j.n_out = cvk_graph_output_count(j.graph);
    j.in = calloc((size_t)j.n_in + 1, sizeof *j.in);
    j.out = calloc((size_t)j.n_out + 1, sizeof *j.out);
    code = j.in && j.out ? inputs_make(j.graph, &files, &shapes, j.in) : cli_fail(CLI_FAILED, "no memory");
  }
  cvk_session_options options = cli_session_options(&common);
  options.profile = j.profile || trace;
  if (code == CLI_OK && cvk_session_create(j.graph, &options, &j.session) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK) code = run_all(&j);
  if (code == CLI_OK) code = write_outputs(&j);
  if (code == CLI_OK && trace) code = trace_write(j.session, trace);
  if (code == CLI_OK) code = print_results(&j, common.json);
  for (int32_t i = 0; j.in && i < j.n_in; i++) cvk_tensor_release(j.in[i]);
  for (int32_t i = 0; j.out && i < j.n_out; i++) cvk_tensor_release(j.out[i]);
  free(j.in);
  free(j.out);
  free(j.ns);
  cvk_session_release(j.session);
  cvk_graph_release(j.graph);
  cvk_context_release(ctx);
  return code;
}

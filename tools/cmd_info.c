/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_info.c: convoke info: what a model asks for, what it is made of, and the plan it gets on a device. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"

static void print_value(const char *what, const cvk_value_info *v) {
  printf("%s %s type=%d shape=", what, v->name, v->dtype);
  if (v->rank < 0) printf("?");
  for (int32_t i = 0; i < v->rank; i++) {
    if (v->dim[i] < 0) printf("%sN", i ? "x" : "");
    else printf("%s%lld", i ? "x" : "", (long long)v->dim[i]);
  }
  printf("%s\n", v->rank == 0 ? "scalar" : "");
}

static void print_ops(const cvk_graph *g) {
  int32_t n = cvk_graph_op_count(g);
  int counts[256] = {0};
  for (int32_t i = 0; i < n; i++) counts[cvk_graph_op_kind(g, i) & 255]++;
  printf("ops %d:", n);
  for (int kind = 0; kind < 256; kind++) {
    if (counts[kind]) printf(" %s=%d", cvk_op_name(kind), counts[kind]);
  }
  printf("\nparameters %lld\n", (long long)cvk_graph_parameter_count(g));
}

/* Plans and runs once with generated inputs: only then are all shapes, multiply-adds and memory known. */
static int print_plan(cvk_graph *g, const cli_common *common, const cli_list *shapes) {
  const cvk_session_options options = cli_session_options(common);
  const cli_list none = {0};
  const int32_t n_in = cvk_graph_input_count(g), n_out = cvk_graph_output_count(g);
  cvk_tensor **in = calloc((size_t)n_in + 1, sizeof *in), **out = calloc((size_t)n_out + 1, sizeof *out);
  cvk_session *s = NULL;
  int code = in && out ? inputs_make(g, &none, shapes, in) : cli_fail(CLI_FAILED, "no memory");
  if (code == CLI_OK && cvk_session_create(g, &options, &s) != CVK_OK) code = cli_library("plan");
  if (code == CLI_OK && cvk_session_run(s, n_in, in, n_out, out) != CVK_OK) code = cli_library("plan");
  if (code == CLI_OK) {
    cvk_session_report r = {.struct_size = sizeof r};
    int64_t multiply_adds = 0;
    cvk_session_report_get(s, &r);
    for (int32_t i = 0; i < r.n_ops; i++) {
      cvk_op_report op = {.struct_size = sizeof op};
      if (cvk_session_op_report(s, i, &op) == CVK_OK) multiply_adds += op.multiply_adds;
    }
    printf("multiply_adds %lld\n", (long long)multiply_adds);
    printf("plan device=%s ops=%d views=%d reorders=%d arena_bytes=%llu arena_bound_bytes=%llu workspace_bytes=%llu packed_weight_bytes=%llu\n",
           r.device, r.n_ops, r.views, r.reorders, (unsigned long long)r.arena_bytes, (unsigned long long)r.arena_bound_bytes,
           (unsigned long long)r.workspace_bytes, (unsigned long long)r.weight_bytes);
  }
  for (int32_t i = 0; in && i < n_in; i++) cvk_tensor_release(in[i]);
  for (int32_t i = 0; out && i < n_out; i++) cvk_tensor_release(out[i]);
  cvk_session_release(s);
  free(in);
  free(out);
  return code;
}

int cmd_info(int argc, char **argv) {
  cli_common common = {0};
  cli_list shapes = {0};
  const char *model;
  int n;
  const cli_flag flags[] = {{"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"}, CLI_COMMON_FLAGS(common)};
  int code = cli_parse("info", argc, argv, flags, sizeof flags / sizeof *flags, &model, 1, 1, &n);
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  if (code >= 0) return code;
  code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_graph_load_onnx(ctx, model, &g) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK) {
    cvk_value_info v = {.struct_size = sizeof v};
    for (int32_t i = 0; i < cvk_graph_input_count(g); i++) {
      if (cvk_graph_input_info(g, i, &v) == CVK_OK) print_value("input", &v);
    }
    for (int32_t i = 0; i < cvk_graph_output_count(g); i++) {
      if (cvk_graph_output_info(g, i, &v) == CVK_OK) printf("output %s\n", v.name);
    }
    print_ops(g);
    code = print_plan(g, &common, &shapes);
  }
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return code;
}

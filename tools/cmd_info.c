/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_info.c: convoke info: what a model asks for, what it is made of, and the plan it gets on a device. */
#include <stdlib.h>

#include "cli.h"
#include "inputs.h"

static void add_value(cJSON *list, const cvk_value_info *v) {
  cJSON *o = cJSON_CreateObject(), *shape = cJSON_AddArrayToObject(o, "shape");
  cJSON_AddStringToObject(o, "name", v->name);
  cJSON_AddNumberToObject(o, "type", v->dtype);
  for (int32_t i = 0; i < v->rank; i++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)v->dim[i]));
  cJSON_AddItemToArray(list, o);
}

/* What can be said without a device. -1 stands for an open extent. */
static void describe(const cvk_graph *g, cJSON *root) {
  cJSON *inputs = cJSON_AddArrayToObject(root, "inputs"), *outputs = cJSON_AddArrayToObject(root, "outputs"), *kinds = cJSON_AddObjectToObject(root, "ops");
  int counts[256] = {0};
  cvk_value_info v = {.struct_size = sizeof v};
  for (int32_t i = 0; i < cvk_graph_input_count(g); i++) {
    if (cvk_graph_input_info(g, i, &v) == CVK_OK) add_value(inputs, &v);
  }
  for (int32_t i = 0; i < cvk_graph_output_count(g); i++) {
    if (cvk_graph_output_info(g, i, &v) == CVK_OK) cJSON_AddItemToArray(outputs, cJSON_CreateString(v.name));
  }
  for (int32_t i = 0; i < cvk_graph_op_count(g); i++) counts[cvk_graph_op_kind(g, i) & 255]++;
  for (int kind = 0; kind < 256; kind++) {
    if (counts[kind]) cJSON_AddNumberToObject(kinds, cvk_op_name(kind), counts[kind]);
  }
  cJSON_AddNumberToObject(root, "parameters", (double)cvk_graph_parameter_count(g));
}

/* Whether an extent other than the batch is left open: no plan can be made without --shape. */
static int has_open_extents(const cvk_graph *g) {
  cvk_value_info v = {.struct_size = sizeof v};
  for (int32_t i = 0; i < cvk_graph_input_count(g); i++) {
    if (cvk_graph_input_info(g, i, &v) != CVK_OK || v.rank < 0) return 1;
    for (int32_t d = 1; d < v.rank; d++) {
      if (v.dim[d] < 0) return 1;
    }
  }
  return 0;
}

/* Plans and runs once with generated inputs: only then are all shapes, multiply-adds and memory known. */
static int describe_plan(cvk_graph *g, const cli_common *common, const cli_list *shapes, cJSON *root) {
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
    cJSON_AddNumberToObject(root, "multiply_adds", (double)multiply_adds);
    cJSON *plan = cJSON_AddObjectToObject(root, "plan");
    cJSON_AddStringToObject(plan, "device", r.device);
    cJSON_AddNumberToObject(plan, "ops", r.n_ops);
    cJSON_AddNumberToObject(plan, "views", r.views);
    cJSON_AddNumberToObject(plan, "reorders", r.reorders);
    cJSON_AddNumberToObject(plan, "arena_bytes", (double)r.arena_bytes);
    cJSON_AddNumberToObject(plan, "arena_bound_bytes", (double)r.arena_bound_bytes);
    cJSON_AddNumberToObject(plan, "workspace_bytes", (double)r.workspace_bytes);
    cJSON_AddNumberToObject(plan, "packed_weight_bytes", (double)r.weight_bytes);
    cJSON_AddNumberToObject(plan, "estimated_us", (double)(int64_t)(r.estimated_ns / 1e3));
    cJSON_AddNumberToObject(plan, "estimated_plain_us", (double)(int64_t)(r.runner_up_ns / 1e3)); /* the best plan without blocked layouts */
  }
  for (int32_t i = 0; in && i < n_in; i++) cvk_tensor_release(in[i]);
  for (int32_t i = 0; out && i < n_out; i++) cvk_tensor_release(out[i]);
  cvk_session_release(s);
  free(in);
  free(out);
  return code;
}

/* The document as lines: "input x type=1 shape=Nx3x224x224", "ops 54: conv=53 gemm=1", "multiply_adds 4089184256", "plan device=cpu ops=57 ..." */
static void print_lines(const cJSON *root) {
  const cJSON *item, *part;
  int n = 0;
  cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "inputs")) {
    printf("input %s type=%d shape=", cJSON_GetObjectItem(item, "name")->valuestring, cJSON_GetObjectItem(item, "type")->valueint);
    n = 0;
    cJSON_ArrayForEach(part, cJSON_GetObjectItem(item, "shape")) {
      if (part->valuedouble < 0) printf("%sN", n++ ? "x" : "");
      else printf("%s%.0f", n++ ? "x" : "", part->valuedouble);
    }
    printf("%s\n", n ? "" : "-");
  }
  cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "outputs")) printf("output %s\n", item->valuestring);
  n = 0;
  cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "ops")) n += item->valueint;
  printf("ops %d:", n);
  cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "ops")) printf(" %s=%d", item->string, item->valueint);
  printf("\nparameters %.0f\n", cJSON_GetObjectItem(root, "parameters")->valuedouble);
  item = cJSON_GetObjectItem(root, "multiply_adds");
  if (item) printf("multiply_adds %.0f\nplan", item->valuedouble);
  cJSON_ArrayForEach(part, cJSON_GetObjectItem(root, "plan")) {
    if (part->valuestring) printf(" %s=%s", part->string, part->valuestring);
    else printf(" %s=%.0f", part->string, part->valuedouble);
  }
  if (item) printf("\n");
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
    cJSON *root = cJSON_CreateObject();
    describe(g, root);
    const int planned = shapes.n > 0 || !has_open_extents(g);
    if (planned) code = describe_plan(g, &common, &shapes, root);
    if (common.json && code == CLI_OK) {
      cli_print_json(root);
    } else {
      if (!common.json && code == CLI_OK) print_lines(root);
      if (!planned) printf("multiply-adds and memory: give --shape for the open extents\n");
      cJSON_Delete(root);
    }
  }
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return code;
}

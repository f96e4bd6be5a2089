/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_info.c: convoke info: what a model asks for, what it is made of, and what planning for a device makes of it. */
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

/* The graph as the model has it: an op a line. */
static void add_before(const cvk_graph *g, cJSON *root) {
  cJSON *list = cJSON_AddArrayToObject(root, "before");
  for (int32_t i = 0; i < cvk_graph_op_count(g); i++) {
    const char *name = cvk_graph_op_name(g, i);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "node", i);
    cJSON_AddStringToObject(o, "op", cvk_op_name(cvk_graph_op_kind(g, i)));
    cJSON_AddStringToObject(o, "name", name ? name : "");
    cJSON_AddItemToArray(list, o);
  }
}

/* The graph as it is executed: what was folded or became a view is gone, what was fused is one op under the number of its first node. */
static void add_after(cvk_session *s, int32_t n_ops, int graph, cJSON *root) {
  cJSON *list = graph ? cJSON_AddArrayToObject(root, "after") : NULL, *kinds = cJSON_AddObjectToObject(root, "executed");
  for (int32_t i = 0; i < n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    if (cvk_session_op_report(s, i, &op) != CVK_OK) continue;
    cJSON *count = cJSON_GetObjectItem(kinds, op.op);
    if (count) cJSON_SetNumberValue(count, count->valuedouble + 1);
    else cJSON_AddNumberToObject(kinds, op.op, 1);
    if (!graph) continue;
    cJSON *o = cJSON_CreateObject(), *shape;
    cJSON_AddNumberToObject(o, "node", op.node);
    cJSON_AddStringToObject(o, "op", op.op);
    cJSON_AddStringToObject(o, "name", op.node < 0 ? "" : op.name);
    cJSON_AddStringToObject(o, "device", op.device);
    cJSON_AddStringToObject(o, "kernel", op.kernel);
    shape = cJSON_AddArrayToObject(o, "shape");
    for (int32_t d = 0; d < op.rank; d++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)op.dim[d]));
    cJSON_AddItemToArray(list, o);
  }
}

/* Plans and runs once with generated inputs: only then are all shapes, multiply-adds and memory known. */
static int describe_plan(cvk_graph *g, const cli_common *common, const cli_list *shapes, int graph, cJSON *root) {
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
    double multiply_adds = 0;
    cvk_session_report_get(s, &r);
    for (int32_t i = 0; i < r.n_ops; i++) {
      cvk_op_report op = {.struct_size = sizeof op};
      if (cvk_session_op_report(s, i, &op) == CVK_OK) multiply_adds += (double)op.multiply_adds;
    }
    add_after(s, r.n_ops, graph, root);
    cJSON_AddNumberToObject(root, "multiply_adds", multiply_adds);
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

static void print_counts(const char *what, const cJSON *kinds) {
  const cJSON *item;
  int n = 0;
  cJSON_ArrayForEach(item, kinds) n += item->valueint;
  printf("%s %d:", what, n);
  cJSON_ArrayForEach(item, kinds) printf(" %s=%d", item->string, item->valueint);
  printf("\n");
}

static const char *text(const cJSON *o, const char *name) { return cJSON_GetStringValue(cJSON_GetObjectItem(o, name)); }

/* "before 0 conv Conv_0", "after 0 conv+batch_norm+relu Conv_0 cpu conv_direct_avx512 1x64x112x112"; "-" where a field is empty. */
static void print_graph(const cJSON *root, const char *which) {
  const cJSON *o, *extent;
  cJSON_ArrayForEach(o, cJSON_GetObjectItem(root, which)) {
    const int node = cJSON_GetObjectItem(o, "node")->valueint;
    const cJSON *shape = cJSON_GetObjectItem(o, "shape");
    int n = 0;
    printf("%s ", which);
    if (node < 0) printf("- ");
    else printf("%d ", node);
    printf("%s %s", text(o, "op"), *text(o, "name") ? text(o, "name") : "-");
    if (shape) printf(" %s %s ", text(o, "device"), *text(o, "kernel") ? text(o, "kernel") : "-");
    cJSON_ArrayForEach(extent, shape) printf("%s%.0f", n++ ? "x" : "", extent->valuedouble);
    printf("%s\n", shape && n == 0 ? "scalar" : "");
  }
}

/* The document as lines: "input x type=1 shape=Nx3x224x224", "ops 54: conv=53 gemm=1", "executed 57: conv+relu=33 ...", "multiply_adds 4089184256",
 * "plan device=cpu ops=57 ..." */
static void print_lines(const cJSON *root) {
  const cJSON *item, *part;
  cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "inputs")) {
    int n = 0;
    printf("input %s type=%d shape=", text(item, "name"), cJSON_GetObjectItem(item, "type")->valueint);
    cJSON_ArrayForEach(part, cJSON_GetObjectItem(item, "shape")) {
      if (part->valuedouble < 0) printf("%sN", n++ ? "x" : "");
      else printf("%s%.0f", n++ ? "x" : "", part->valuedouble);
    }
    printf("%s\n", n ? "" : "-");
  }
  cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "outputs")) printf("output %s\n", item->valuestring);
  print_counts("ops", cJSON_GetObjectItem(root, "ops"));
  print_graph(root, "before");
  printf("parameters %.0f\n", cJSON_GetObjectItem(root, "parameters")->valuedouble);
  item = cJSON_GetObjectItem(root, "multiply_adds");
  if (item == NULL) return;
  print_counts("executed", cJSON_GetObjectItem(root, "executed"));
  print_graph(root, "after");
  printf("multiply_adds %.0f\nplan", item->valuedouble);
  cJSON_ArrayForEach(part, cJSON_GetObjectItem(root, "plan")) {
    if (part->valuestring) printf(" %s=%s", part->string, part->valuestring);
    else printf(" %s=%.0f", part->string, part->valuedouble);
  }
  printf("\n");
}

int cmd_info(int argc, char **argv) {
  cli_common common = {0};
  cli_list shapes = {0};
  const char *model;
  int n, graph = 0;
  const cli_flag flags[] = {{"--graph", FLAG_SWITCH, &graph, NULL, "the graph before and after planning, an op a line"},
                            {"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"}, CLI_COMMON_FLAGS(common)};
  int code = cli_parse("info", argc, argv, flags, sizeof flags / sizeof *flags, &model, 1, 1, &n);
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  if (code >= 0) return code;
  code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_graph_load_onnx(ctx, model, &g) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK) {
    cJSON *root = cJSON_CreateObject();
    describe(g, root);
    if (graph) add_before(g, root);
    const int planned = shapes.n > 0 || !has_open_extents(g);
    if (planned) code = describe_plan(g, &common, &shapes, graph, root);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_compare.c: convoke compare: runs a model on two devices with every value kept, and names the first op whose results differ by more than
 * the tolerance, and the worst. The measure is architecture.md's for networks: max|a - b| over max|a|, a tensor at a time. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "difference.h"
#include "inputs.h"

typedef struct side {
  char device[128];
  cvk_session *session;
  cvk_tensor **out;
} side;

static int split_devices(const char *text, side sides[2]) {
  const char *comma = text ? strchr(text, ',') : NULL;
  if (comma == NULL || comma == text || comma[1] == 0 || strchr(comma + 1, ',') || strlen(text) > 100) {
    return cli_fail(CLI_USAGE, "compare needs --devices A,B, got '%s'", text ? text : "");
  }
  snprintf(sides[0].device, sizeof sides[0].device, "%.*s", (int)(comma - text), text);
  snprintf(sides[1].device, sizeof sides[1].device, "%s", comma + 1);
  return CLI_OK;
}

static int run_side(cvk_graph *g, const cli_common *common, side *s, cvk_tensor **in) {
  cvk_session_options options = cli_session_options(common);
  options.device = s->device;
  options.no_fusion = options.keep_values = 1;
  s->out = calloc((size_t)cvk_graph_output_count(g) + 1, sizeof *s->out);
  if (s->out == NULL) return cli_fail(CLI_FAILED, "no memory");
  if (cvk_session_create(g, &options, &s->session) != CVK_OK) return cli_library(s->device);
  const cvk_status status = cvk_session_run(s->session, cvk_graph_input_count(g), in, cvk_graph_output_count(g), s->out);
  return status == CVK_OK ? CLI_OK : cli_library(s->device);
}

typedef struct finding { int32_t op; double relative; difference d; } finding; /* op -1: none */

static void print_finding(const char *what, const cvk_graph *g, const finding *f) {
  if (f->op < 0) return;
  printf("%s op %d %s '%s' relative=%.3g difference=%.3g of %.3g at %lld (%.9g against %.9g)\n", what, f->op, cvk_op_name(cvk_graph_op_kind(g, f->op)),
         cvk_graph_op_name(g, f->op), f->relative, f->d.most, f->d.largest, (long long)f->d.at, f->d.got, f->d.want);
}

static void add_finding(cJSON *root, const char *what, const cvk_graph *g, const finding *f) {
  if (f->op < 0) return;
  cJSON *o = cJSON_AddObjectToObject(root, what);
  cJSON_AddNumberToObject(o, "op", f->op);
  cJSON_AddStringToObject(o, "kind", cvk_op_name(cvk_graph_op_kind(g, f->op)));
  cJSON_AddStringToObject(o, "name", cvk_graph_op_name(g, f->op));
  cJSON_AddNumberToObject(o, "relative", f->relative);
  cJSON_AddNumberToObject(o, "difference", f->d.most);
  cJSON_AddNumberToObject(o, "largest", f->d.largest);
  cJSON_AddNumberToObject(o, "at", (double)f->d.at);
}

/* Compares op i's first output on both sides. 1: both have it, and *f says by how much they differ. */
static int look(int32_t i, const side sides[2], finding *f) {
  cvk_tensor *a = NULL, *b = NULL;
  const int have = cvk_session_value(sides[0].session, i, 0, &a) == CVK_OK && cvk_session_value(sides[1].session, i, 0, &b) == CVK_OK;
  if (have) {
    f->op = i;
    if (!difference_of(b, a, 0, 0, &f->d)) f->d.most = 1e300; /* not even the same shape */
    f->relative = f->d.largest > 0 ? f->d.most / f->d.largest : f->d.most;
  }
  cvk_tensor_release(a);
  cvk_tensor_release(b);
  return have;
}

static int walk(const cvk_graph *g, const side sides[2], double tolerance, int json) {
  finding first = {.op = -1}, worst = {.op = -1};
  const int32_t n = cvk_graph_op_count(g);
  int32_t compared = 0;
  for (int32_t i = 0; i < n; i++) {
    finding f;
    if (!look(i, sides, &f)) continue;
    compared++;
    if (f.relative > tolerance && first.op < 0) first = f;
    if (f.d.at >= 0 && (worst.op < 0 || f.relative > worst.relative)) worst = f;
  }
  if (json) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddBoolToObject(root, "equal", first.op < 0);
    cJSON_AddNumberToObject(root, "compared", compared);
    cJSON_AddNumberToObject(root, "ops", n);
    cJSON_AddNumberToObject(root, "tolerance", tolerance);
    add_finding(root, "first", g, &first);
    add_finding(root, "worst", g, &worst);
    cli_print_json(root);
  } else {
    print_finding("first", g, &first);
    print_finding("worst", g, &worst);
    printf("compared %d of %d ops on %s and %s, tolerance %g: %s\n", compared, n, sides[0].device, sides[1].device, tolerance,
           first.op < 0 ? "equal" : "different");
  }
  return first.op < 0 ? CLI_OK : CLI_FAILED;
}

int cmd_compare(int argc, char **argv) {
  cli_common common = {0};
  cli_list files = {0}, shapes = {0};
  const char *model, *devices = NULL;
  double tolerance = 1e-4;
  side sides[2] = {{{0}, NULL, NULL}, {{0}, NULL, NULL}};
  int n;
  const cli_flag flags[] = {
      {"--devices", FLAG_TEXT, &devices, NULL, "A,B: two devices as --device takes them"},
      {"--tolerance", FLAG_NUMBER, &tolerance, NULL, "largest difference over largest value, default 1e-4"},
      {"--input", FLAG_LIST, &files, NULL, "NAME=FILE: .npy, .png, .jpg, .ppm"},
      {"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"},
      CLI_COMMON_FLAGS(common),
  };
  int code = cli_parse("compare", argc, argv, flags, sizeof flags / sizeof *flags, &model, 1, 1, &n);
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  cvk_tensor **in = NULL;
  if (code >= 0) return code;
  code = split_devices(devices, sides);
  if (code == CLI_OK) code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_graph_load_onnx(ctx, model, &g) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK) {
    in = calloc((size_t)cvk_graph_input_count(g) + 1, sizeof *in);
    code = in ? inputs_make(g, &files, &shapes, in) : cli_fail(CLI_FAILED, "no memory");
  }
  for (int i = 0; i < 2 && code == CLI_OK; i++) code = run_side(g, &common, &sides[i], in);
  if (code == CLI_OK) code = walk(g, sides, tolerance, common.json);
  for (int i = 0; i < 2; i++) {
    for (int32_t o = 0; sides[i].out && o < cvk_graph_output_count(g); o++) cvk_tensor_release(sides[i].out[o]);
    free(sides[i].out);
    cvk_session_release(sides[i].session);
  }
  for (int32_t i = 0; in && i < cvk_graph_input_count(g); i++) cvk_tensor_release(in[i]);
  free(in);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return code;
}

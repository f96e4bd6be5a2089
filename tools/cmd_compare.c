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

static void print_line(const char *what, const cvk_graph *g, int32_t i, const difference *d) {
  printf("%s op %d %s '%s' difference=%.3g of %.3g at %lld (%.9g against %.9g)\n", what, i, cvk_op_name(cvk_graph_op_kind(g, i)), cvk_graph_op_name(g, i),
         d->most, d->largest, (long long)d->at, d->got, d->want);
}

static int walk(const cvk_graph *g, side sides[2], double tolerance) {
  int32_t first = -1, worst = -1, compared = 0;
  double worst_relative = 0;
  difference worst_d = {0};
  for (int32_t i = 0; i < cvk_graph_op_count(g); i++) {
    cvk_tensor *a = NULL, *b = NULL;
    difference d;
    if (cvk_session_value(sides[0].session, i, 0, &a) == CVK_OK && cvk_session_value(sides[1].session, i, 0, &b) == CVK_OK) {
      if (!difference_of(b, a, 0, 0, &d)) d.most = 1e300;
      const double relative = d.largest > 0 ? d.most / d.largest : d.most;
      compared++;
      if (relative > tolerance && first < 0) {
        first = i;
        print_line("first", g, i, &d);
      }
      if (d.at >= 0 && (worst < 0 || relative > worst_relative)) {
        worst = i;
        worst_relative = relative;
        worst_d = d;
      }
    }
    cvk_tensor_release(a);
    cvk_tensor_release(b);
  }
  if (worst >= 0) print_line("worst", g, worst, &worst_d);
  printf("compared %d of %d ops on %s and %s, tolerance %g: %s\n", compared, cvk_graph_op_count(g), sides[0].device, sides[1].device, tolerance,
         first < 0 ? "equal" : "different");
  return first < 0 ? CLI_OK : CLI_FAILED;
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
  if (code == CLI_OK) code = walk(g, sides, tolerance);
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

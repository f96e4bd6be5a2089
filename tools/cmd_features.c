/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_features.c: convoke features: a picture of what a layer makes of an input, one tile a feature map, or of a convolution's filters. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"
#include "picture.h"

enum { MOST_FILTERS = 64 }; /* of either side of a grid of filters and their channels */

/* The op of that name, or of that number; NULL: the first convolution. -1: none, told. */
static int32_t find_layer(const cvk_graph *g, const char *layer) {
  char *end = NULL;
  const long number = layer ? strtol(layer, &end, 10) : -1;
  const int32_t n = cvk_graph_op_count(g);
  if (layer && end != layer && *end == 0 && number >= 0 && number < n) return (int32_t)number;
  for (int32_t i = 0; i < n; i++) {
    const char *name = cvk_graph_op_name(g, i);
    if (layer ? name && strcmp(name, layer) == 0 : cvk_graph_op_kind(g, i) == CVK_OP_CONV) return i;
  }
  if (layer) cli_fail(CLI_FAILED, "--layer: no op is named '%s', and the numbers go from 0 to %d; convoke info --graph lists them", layer, n - 1);
  else cli_fail(CLI_FAILED, "the model has no convolution; name a layer with --layer");
  return -1;
}

static float *values_of(const cvk_tensor *t) {
  float *v = malloc(cvk_tensor_bytes(t) + 1);
  if (v && cvk_tensor_read(t, v, cvk_tensor_bytes(t)) != CVK_OK) {
    free(v);
    v = NULL;
  }
  return v;
}

/* [1,C,H,W] as C tiles, [1,C,L] as C tiles of one row. */
static int draw_maps(const cvk_tensor *t, picture *p, char *what, size_t what_bytes) {
  char error[TOOL_ERROR_BYTES] = "";
  const int64_t *dim = cvk_tensor_dims(t);
  const int32_t rank = cvk_tensor_rank(t);
  if (cvk_tensor_dtype(t) != CVK_F32 || (rank != 3 && rank != 4) || cvk_tensor_count(t) == 0) {
    return cli_fail(CLI_FAILED, "the layer's result has rank %d and element type %d; float32 feature maps [N,C,H,W] and [N,C,L] are drawn", rank,
                    cvk_tensor_dtype(t));
  }
  const int64_t h = rank == 4 ? dim[2] : 1, w = dim[rank - 1];
  float *v = values_of(t);
  if (v == NULL) return cli_fail(CLI_FAILED, "no memory for the layer's result");
  const int ok = picture_make(dim[1], 0, w, h, p, error);
  for (int64_t c = 0; ok && c < dim[1]; c++) picture_draw(p, c, 1, v + c * h * w);
  snprintf(what, what_bytes, "%lld maps of %lldx%lld", (long long)dim[1], (long long)h, (long long)w);
  free(v);
  return ok ? CLI_OK : cli_fail(CLI_FAILED, "%s", error);
}

/* [M,3,H,W] as M coloured tiles; other [M,C,H,W] as a row of C tiles for each m, at most 64 of either. */
static int draw_filters(const cvk_tensor *t, picture *p, char *what, size_t what_bytes) {
  char error[TOOL_ERROR_BYTES] = "";
  const int64_t *dim = cvk_tensor_dims(t);
  const int32_t rank = cvk_tensor_rank(t);
  if (cvk_tensor_dtype(t) != CVK_F32 || (rank != 3 && rank != 4) || cvk_tensor_count(t) == 0) {
    return cli_fail(CLI_FAILED, "the layer's weights have rank %d and element type %d; float32 filters [M,C,H,W] and [M,C,L] are drawn", rank,
                    cvk_tensor_dtype(t));
  }
  const int64_t h = rank == 4 ? dim[2] : 1, w = dim[rank - 1], cells = h * w;
  const int coloured = dim[1] == 3;
  const int64_t c_shown = dim[1] < MOST_FILTERS ? dim[1] : MOST_FILTERS, m_shown = coloured || dim[1] == 1 || dim[0] < MOST_FILTERS ? dim[0] : MOST_FILTERS;
  float *v = values_of(t);
  if (v == NULL) return cli_fail(CLI_FAILED, "no memory for the layer's weights");
  const int ok = coloured || dim[1] == 1 ? picture_make(m_shown, 0, w, h, p, error) : picture_make(m_shown * c_shown, c_shown, w, h, p, error);
  for (int64_t m = 0; ok && m < m_shown; m++) {
    const float *filter = v + m * dim[1] * cells;
    if (coloured) picture_draw(p, m, 3, filter);
    for (int64_t c = 0; !coloured && c < c_shown; c++) picture_draw(p, m * c_shown + c, 1, filter + c * cells);
  }
  snprintf(what, what_bytes, "%lld of %lld filters, %lld of %lld channels, of %lldx%lld", (long long)m_shown, (long long)dim[0], (long long)c_shown,
           (long long)dim[1], (long long)h, (long long)w);
  free(v);
  return ok ? CLI_OK : cli_fail(CLI_FAILED, "%s", error);
}

/* What op `layer` gives for the input. */
static int run_layer(cvk_graph *g, const cli_common *common, const cli_list *files, const cli_list *shapes, int32_t layer, cvk_tensor **out) {
  cvk_session_options options = cli_session_options(common);
  const int32_t n_in = cvk_graph_input_count(g), n_out = cvk_graph_output_count(g);
  cvk_tensor **in = calloc((size_t)n_in + 1, sizeof *in), **results = calloc((size_t)n_out + 1, sizeof *results);
  cvk_session *s = NULL;
  options.no_fusion = options.keep_values = 1;
  int code = in && results ? inputs_make(g, files, shapes, in) : cli_fail(CLI_FAILED, "no memory");
  if (code == CLI_OK && cvk_session_create(g, &options, &s) != CVK_OK) code = cli_library("features");
  if (code == CLI_OK && cvk_session_run(s, n_in, in, n_out, results) != CVK_OK) code = cli_library("features");
  if (code == CLI_OK && cvk_session_value(s, layer, 0, out) != CVK_OK) code = cli_library("features");
  for (int32_t i = 0; in && i < n_in; i++) cvk_tensor_release(in[i]);
  for (int32_t i = 0; results && i < n_out; i++) cvk_tensor_release(results[i]);
  free(in);
  free(results);
  cvk_session_release(s);
  return code;
}

static int weights_of(const cvk_graph *g, int32_t layer, cvk_tensor **out) {
  const int32_t kind = cvk_graph_op_kind(g, layer);
  if (kind != CVK_OP_CONV && kind != CVK_OP_CONV_TRANSPOSE) return cli_fail(CLI_FAILED, "--filters: op %d is %s, no convolution", layer, cvk_op_name(kind));
  return cvk_graph_op_constant(g, layer, 1, out) == CVK_OK ? CLI_OK : cli_library("--filters");
}

static int report(const cvk_graph *g, int32_t layer, const picture *p, const char *what, const char *path, int json) {
  const char *name = cvk_graph_op_name(g, layer);
  if (json) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "layer", layer);
    cJSON_AddStringToObject(root, "name", name ? name : "");
    cJSON_AddStringToObject(root, "op", cvk_op_name(cvk_graph_op_kind(g, layer)));
    cJSON_AddStringToObject(root, "drawn", what);
    cJSON_AddNumberToObject(root, "width", (double)p->width);
    cJSON_AddNumberToObject(root, "height", (double)p->height);
    cJSON_AddStringToObject(root, "picture", path);
    cli_print_json(root);
  } else {
    printf("layer %d %s '%s': %s; %lldx%lld pixels in %s\n", layer, cvk_op_name(cvk_graph_op_kind(g, layer)), name ? name : "", what, (long long)p->width,
           (long long)p->height, path);
  }
  return CLI_OK;
}

int cmd_features(int argc, char **argv) {
  cli_common common = {0};
  cli_list files = {0}, shapes = {0};
  const char *positional[2], *layer = NULL, *path = NULL;
  char what[200] = "", error[TOOL_ERROR_BYTES];
  int n, filters = 0;
  const cli_flag flags[] = {
      {"--input", FLAG_LIST, &files, NULL, "NAME=FILE: .npy, .png, .jpg, .ppm; NAME= may go where the model has one input"},
      {"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"},
      {"--layer", FLAG_TEXT, &layer, NULL, "name or number of an op (convoke info --graph); else the first convolution"},
      {"--filters", FLAG_SWITCH, &filters, NULL, "the convolution's filters instead of its feature maps"},
      {"--output", FLAG_TEXT, &path, NULL, "the .png file to write"},
      CLI_COMMON_FLAGS(common),
  };
  int code = cli_parse("features", argc, argv, flags, sizeof flags / sizeof *flags, positional, 1, 2, &n);
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  cvk_tensor *t = NULL;
  picture p = {0};
  int32_t index = -1;
  if (code >= 0) return code;
  if (path == NULL) return cli_fail(CLI_USAGE, "--output: a .png file must be named");
  if (n == 2 && files.n < CLI_LIST_MAX) files.item[files.n++] = positional[1];
  code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_graph_load_onnx(ctx, positional[0], &g) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK && (index = find_layer(g, layer)) < 0) code = CLI_FAILED;
  if (code == CLI_OK) code = filters ? weights_of(g, index, &t) : run_layer(g, &common, &files, &shapes, index, &t);
  if (code == CLI_OK) code = filters ? draw_filters(t, &p, what, sizeof what) : draw_maps(t, &p, what, sizeof what);
  if (code == CLI_OK && !picture_save(&p, path, error)) code = cli_fail(CLI_FAILED, "%s", error);
  if (code == CLI_OK) code = report(g, index, &p, what, path, common.json);
  picture_free(&p);
  cvk_tensor_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eval.c: convoke eval: accuracy of a classifier on labelled images, IDX (plain or gzip) or .npy. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "idx.h"
#include "timing.h"

typedef struct evaluation {
  cvk_session *session;
  float *images; /* n x per_image, normalised */
  int64_t *labels, n, per_image, batch;
  int32_t rank;  /* of one batch */
  int64_t dim[CVK_MAX_RANK];
  int64_t right, ns;
} evaluation;

static int load_array(const char *path, cvk_tensor **out) {
  char error[TOOL_ERROR_BYTES];
  const size_t n = strlen(path);
  const int npy = n > 4 && strcmp(path + n - 4, ".npy") == 0;
  return (npy ? npy_load(path, out, error) : idx_load(path, out, error)) ? CLI_OK : cli_fail(CLI_FAILED, "%s", error);
}

/* Element i of a tensor of images or labels as a number; bytes of pixels count as v / 255. */
static double element(const cvk_tensor *t, const void *data, int64_t i, int pixels) {
  switch (cvk_tensor_dtype(t)) {
    case CVK_U8: return ((const uint8_t *)data)[i] / (pixels ? 255.0 : 1.0);
    case CVK_F32: return (double)((const float *)data)[i];
    case CVK_I32: return ((const int32_t *)data)[i];
    case CVK_I64: return (double)((const int64_t *)data)[i];
    default: return 0;
  }
}

/* 1: read and converted. */
static int convert(const cvk_tensor *t, int pixels, double mean, double std, float *to_float, int64_t *to_int) {
  const int64_t n = cvk_tensor_count(t);
  const int32_t type = cvk_tensor_dtype(t);
  if (type != CVK_U8 && type != CVK_F32 && type != CVK_I32 && type != CVK_I64) return 0;
  void *data = malloc(cvk_tensor_bytes(t) + 1);
  if (data == NULL || cvk_tensor_read(t, data, cvk_tensor_bytes(t)) != CVK_OK) {
    free(data);
    return 0;
  }
  for (int64_t i = 0; i < n; i++) {
    const double v = element(t, data, i, pixels);
    if (to_float) to_float[i] = (float)((v - mean) / std);
    else to_int[i] = (int64_t)v;
  }
  free(data);
  return 1;
}

static int load_data(evaluation *e, const char *images, const char *labels, double mean, double std) {
  cvk_tensor *x = NULL, *y = NULL;
  int code = load_array(images, &x);
  if (code == CLI_OK) code = load_array(labels, &y);
  if (code == CLI_OK) {
    e->n = cvk_tensor_rank(x) ? cvk_tensor_dims(x)[0] : 0;
    if (cvk_tensor_rank(y) != 1 || cvk_tensor_dims(y)[0] != e->n || e->n < 1) {
      code = cli_fail(CLI_FAILED, "%s has %lld images, %s has %lld labels", images, (long long)e->n, labels, (long long)cvk_tensor_count(y));
    }
  }
  if (code == CLI_OK) {
    e->per_image = cvk_tensor_count(x) / e->n;
    e->images = malloc((size_t)cvk_tensor_count(x) * sizeof *e->images + 1);
    e->labels = malloc((size_t)e->n * sizeof *e->labels);
    if (e->images == NULL || e->labels == NULL) code = cli_fail(CLI_FAILED, "no memory for %lld images", (long long)e->n);
    else if (!convert(x, 1, mean, std, e->images, NULL) || !convert(y, 0, 0, 1, NULL, e->labels)) {
      code = cli_fail(CLI_FAILED, "images and labels must be u8, i32, i64 or f32");
    }
  }
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  return code;
}

/* The shape of a batch: what the model declares, with the number of images in front. */
static int batch_shape(evaluation *e, const cvk_graph *g) {
  cvk_value_info in = {.struct_size = sizeof in};
  if (cvk_graph_input_count(g) != 1 || cvk_graph_output_count(g) < 1) return cli_fail(CLI_FAILED, "eval wants a model with one input, this one has %d", cvk_graph_input_count(g));
  if (cvk_graph_input_info(g, 0, &in) != CVK_OK) return cli_library("eval");
  if (in.rank < 2 || in.dtype != CVK_F32) return cli_fail(CLI_FAILED, "eval wants an f32 input [N, ...], '%s' has rank %d and type %d", in.name, in.rank, in.dtype);
  if (in.dim[0] > 0) e->batch = in.dim[0];
  if (e->batch > e->n) e->batch = e->n;
  int64_t per_image = 1;
  for (int32_t i = 1; i < in.rank; i++) per_image *= in.dim[i] < 0 ? 1 : in.dim[i];
  if (per_image != e->per_image) {
    return cli_fail(CLI_FAILED, "an image has %lld values, the model's input '%s' takes %lld", (long long)e->per_image, in.name, (long long)per_image);
  }
  e->rank = in.rank;
  for (int32_t i = 1; i < in.rank; i++) e->dim[i] = in.dim[i] < 0 ? 1 : in.dim[i];
  return CLI_OK;
}

/* Runs one batch that starts at image `from`; a fixed-batch model's last batch overlaps the one before. */
static int run_batch(evaluation *e, int64_t from, int64_t count_from, int64_t batch, int32_t n_out) {
  cvk_tensor *x = NULL, *out[CLI_LIST_MAX] = {NULL};
  e->dim[0] = batch;
  if (n_out > CLI_LIST_MAX) return cli_fail(CLI_FAILED, "the model has %d outputs, eval takes %d at most", n_out, CLI_LIST_MAX);
  if (cvk_tensor_wrap(CVK_F32, e->rank, e->dim, e->images + from * e->per_image, NULL, NULL, &x) != CVK_OK) return cli_library("eval");
  const int64_t start = timing_now_ns();
  const cvk_status status = cvk_session_run(e->session, 1, &x, n_out, out);
  e->ns += timing_now_ns() - start;
  cvk_tensor_release(x);
  if (status != CVK_OK) return cli_library("eval");
  int code = CLI_OK;
  const int64_t n = cvk_tensor_count(out[0]), classes = batch ? n / batch : 0;
  float *scores = malloc((size_t)n * sizeof *scores + 1);
  if (scores == NULL || classes < 1 || cvk_tensor_dtype(out[0]) != CVK_F32 || cvk_tensor_read(out[0], scores, (uint64_t)n * sizeof *scores) != CVK_OK) {
    code = cli_fail(CLI_FAILED, "the model's first output is no f32 row of scores an image");
  }
  for (int64_t i = count_from - from; i < batch && code == CLI_OK; i++) {
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++) {
      if (scores[i * classes + c] > scores[i * classes + best]) best = c;
    }
    e->right += best == e->labels[from + i];
  }
  free(scores);
  for (int32_t i = 0; i < n_out; i++) cvk_tensor_release(out[i]);
  return code;
}

int cmd_eval(int argc, char **argv) {
  cli_common common = {0};
  evaluation e = {.batch = 50};
  const char *model, *images = NULL, *labels = NULL;
  double mean = 0, std = 1;
  int n;
  const cli_flag flags[] = {
      {"--images", FLAG_TEXT, &images, NULL, "IDX (plain or .gz) or .npy, N first; bytes count as v/255"},
      {"--labels", FLAG_TEXT, &labels, NULL, "IDX or .npy, one number an image"},
      {"--mean", FLAG_NUMBER, &mean, NULL, "subtracted from each value"},
      {"--std", FLAG_NUMBER, &std, NULL, "divides each value"},
      {"--batch", FLAG_INT, &e.batch, NULL, "images a run, where the model leaves it open"},
      CLI_COMMON_FLAGS(common),
  };
  int code = cli_parse("eval", argc, argv, flags, sizeof flags / sizeof *flags, &model, 1, 1, &n);
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  if (code >= 0) return code;
  if (images == NULL || labels == NULL) return cli_fail(CLI_USAGE, "eval needs --images and --labels");
  if (e.batch < 1 || e.batch > 1000000 || std == 0) return cli_fail(CLI_USAGE, "--batch must be 1..1000000 and --std not 0 (got %lld and %g)", (long long)e.batch, std);
  code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_graph_load_onnx(ctx, model, &g) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  if (code == CLI_OK) code = load_data(&e, images, labels, mean, std);
  if (code == CLI_OK) code = batch_shape(&e, g);
  const cvk_session_options options = cli_session_options(&common);
  if (code == CLI_OK && cvk_session_create(g, &options, &e.session) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  cvk_value_info in = {.struct_size = sizeof in};
  const int fixed = code == CLI_OK && cvk_graph_input_info(g, 0, &in) == CVK_OK && in.dim[0] > 0;
  for (int64_t at = 0; at < e.n && code == CLI_OK; at += e.batch) {
    const int64_t left = e.n - at, overlap = fixed && left < e.batch ? e.batch - left : 0;
    if (overlap > at) code = cli_fail(CLI_FAILED, "the model runs %lld images at once, there are %lld", (long long)in.dim[0], (long long)e.n);
    else code = run_batch(&e, at - overlap, at, left < e.batch && !fixed ? left : e.batch, cvk_graph_output_count(g));
  }
  if (code == CLI_OK) {
    const double per_second = e.ns ? (double)e.n * 1e9 / (double)e.ns : 0.0;
    if (common.json) {
      cJSON *root = cJSON_CreateObject();
      cJSON_AddNumberToObject(root, "accuracy", (double)e.right / (double)e.n);
      cJSON_AddNumberToObject(root, "right", (double)e.right);
      cJSON_AddNumberToObject(root, "total", (double)e.n);
      cJSON_AddNumberToObject(root, "images_per_second", per_second);
      cli_print_json(root);
    } else {
      printf("accuracy %.4f (%lld/%lld)\nimages_per_second %.0f\n", (double)e.right / (double)e.n, (long long)e.right, (long long)e.n, per_second);
    }
  }
  free(e.images);
  free(e.labels);
  cvk_session_release(e.session);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* test_export.c: graphs written as ONNX files: every sample of selftest and the models at hand come back and give the same bits; names,
 * open extents, opsets, activations of convolutions, constants that are made when they are read, and what happens on failures. */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/sample_run.h"
#include "../api/net.h"
#include "fold.h"
#include "graph_internal.h"
#include "onnx/export.h"

static char folder[64];

static const char *file(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* In memory where that is a file system: each file is brought to the disk otherwise. */
static void make_folder(void) {
  snprintf(folder, sizeof folder, "%s/convoke_export_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Nothing is left beside the files that were asked for. */
static int32_t files_left(void) {
  int32_t n = 0;
  DIR *d = opendir(folder);
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

static void remove_folder(void) {
  char path[400];
  DIR *d = opendir(folder);
  for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (e->d_name[0] != '.') remove(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

static void same_bits(const char *what, const cvk_tensor *a, const cvk_tensor *b) {
  const size_t bytes = (size_t)cvk_tensor_bytes(a);
  void *x = malloc(bytes + 1), *y = malloc(bytes + 1);
  ck_assert_msg(cvk_tensor_dtype(a) == cvk_tensor_dtype(b) && cvk_tensor_rank(a) == cvk_tensor_rank(b), "%s: other type or rank", what);
  for (int32_t i = 0; i < cvk_tensor_rank(a); i++)
    ck_assert_msg(cvk_tensor_dims(a)[i] == cvk_tensor_dims(b)[i], "%s: extent %d is %lld, was %lld", what, i,
                  (long long)cvk_tensor_dims(b)[i], (long long)cvk_tensor_dims(a)[i]);
  ck_ok(cvk_tensor_read(a, x, bytes));
  ck_ok(cvk_tensor_read(b, y, bytes));
  ck_assert_msg(memcmp(x, y, bytes) == 0, "%s: other bits", what);
  free(x);
  free(y);
}

/* Runs both on the device; equal bits. */
static void compare(const char *what, const char *device, cvk_graph *a, cvk_graph *b, int32_t n_in, cvk_tensor *const *in) {
  cvk_graph *const g[] = {a, b};
  cvk_tensor *out[2][64] = {{NULL}};
  const int32_t n = cvk_graph_output_count(a);
  ck_assert_msg(n == cvk_graph_output_count(b), "%s: other outputs", what);
  for (int32_t k = 0; k < 2; k++) {
    const cvk_session_options options = {.device = device};
    cvk_session *s = NULL;
    cvk_status status = cvk_session_create(g[k], &options, &s);
    if (status == CVK_OK) status = cvk_session_run(s, n_in, in, n, out[k]);
    ck_assert_msg(status == CVK_OK, "%s (%s): %s", what, k ? "read back" : "as built", cvk_error_message());
    cvk_session_release(s);
  }
  for (int32_t i = 0; i < n; i++) {
    same_bits(what, out[0][i], out[1][i]);
    cvk_tensor_release(out[0][i]);
    cvk_tensor_release(out[1][i]);
  }
}

/* ---- every sample ---- */

/* Kinds that ONNX has no operator for. */
static const char *lacking(const op_sample *s) {
  for (int32_t k = 0; k < s->n_steps; k++)
    if (cvk_op_onnx_name(s->step[k].kind)[0] == 0) return cvk_op_name(s->step[k].kind);
  return NULL;
}

START_TEST(samples_come_back) {
  cvk_context *ctx = net_context(1);
  int32_t n = 0, written = 0;
  make_folder();
  for (const char *text; (text = op_samples_at(n)) != NULL; n++) {
    op_sample s;
    char why[256];
    ck_assert_msg(op_sample_parse(text, &s, why, sizeof why), "%s", why);
    for (int32_t way = 0; way < SAMPLE_WAYS && (way == SAMPLE_ALL_RUN_TIME || sample_has_constants(&s)); way++) {
      cvk_tensor *in[SAMPLE_TENSORS];
      cvk_graph *g = NULL, *back = NULL;
      int32_t n_in = 0;
      ck_ok(sample_graph(ctx, &s, way, &g, in, &n_in));
      const char *kind = lacking(&s);
      const cvk_status status = cvk_graph_save_onnx(g, file("model.onnx"), NULL);
      if (kind) {
        ck_assert_msg(status == CVK_UNSUPPORTED && strstr(cvk_error_message(), kind), "%s: %s", text, cvk_error_message());
      } else {
        ck_assert_msg(status == CVK_OK, "%s: %s", text, cvk_error_message());
        ck_assert_msg(cvk_graph_load_onnx(ctx, file("model.onnx"), &back) == CVK_OK, "%s: %s", text, cvk_error_message());
        compare(text, "reference", g, back, n_in, in);
        written++;
      }
      cvk_graph_release(back);
      cvk_graph_release(g);
      for (int32_t i = 0; i < n_in; i++) cvk_tensor_release(in[i]);
    }
  }
  ck_assert_int_gt(written, 2 * n / 3);
  ck_assert_int_le(files_left(), 1);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

SUITE("export", samples_come_back)

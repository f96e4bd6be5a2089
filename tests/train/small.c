/* SPDX-License-Identifier: Apache-2.0 */
/* small.c: see small.h. */
#include "small.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "graph_internal.h"

const char *small_device(int i) {
  static const char *const both[] = {"reference", "cpu", NULL};
  const char *one = getenv("CONVOKE_TEST_DEVICE");
  return one == NULL ? both[i] : i == 0 ? one : NULL;
}

cvk_context *small_context(int32_t threads) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.num_threads = threads}, &ctx));
  return ctx;
}

static uint32_t hash(uint32_t i, uint32_t seed) {
  i += seed * 0x9E3779B9u;
  i = (i ^ (i >> 16)) * 0x7feb352du;
  i = (i ^ (i >> 15)) * 0x846ca68bu;
  return i ^ (i >> 16);
}

cvk_tensor *small_tensor(int32_t rank, const int64_t *dim, uint32_t seed, float scale) {
  const int64_t n = cvk_count(rank, dim);
  float *v = calloc((size_t)n + 1, sizeof *v);
  cvk_tensor *t = NULL;
  for (int64_t i = 0; i < n; i++) v[i] = (float)((double)(hash((uint32_t)i, seed) >> 8) * 0x1p-23 - 1) * scale;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, rank, dim, v, &t));
  free(v);
  return t;
}

cvk_tensor *small_labels(int64_t n, const int64_t *label) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_I64, 1, &n, label, &t));
  return t;
}

cvk_tensor *small_x(int64_t n) {
  return small_tensor(DIMS(n, 1, 6, 6), 1, 1);
}

cvk_value small_constant(cvk_graph *g, const char *name, cvk_tensor *t) {
  cvk_value v;
  ck_ok(cvk_graph_constant(g, name, t, &v));
  cvk_tensor_release(t);
  return v;
}

cvk_value small_weight(cvk_graph *g, const char *name, int32_t rank, const int64_t *dim, uint32_t seed, float scale) {
  return small_constant(g, name, small_tensor(rank, dim, seed, scale));
}

cvk_value small_fill(cvk_graph *g, const char *name, int64_t n, float value) {
  float *v = malloc((size_t)n * sizeof *v);
  cvk_tensor *t = NULL;
  for (int64_t i = 0; i < n; i++) v[i] = value;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 1, &n, v, &t));
  free(v);
  return small_constant(g, name, t);
}

cvk_value small_op(cvk_graph *g, int32_t kind, const void *attr, int32_t n, const cvk_value *in) {
  cvk_value out;
  ck_ok(cvk_graph_op(g, kind, attr, n, in, 1, &out, NULL));
  return out;
}

cvk_graph *small_net(cvk_context *ctx, int batch_norm, int64_t batch) {
  const cvk_conv_attr conv = {.pad_begin = {1, 1}, .pad_end = {1, 1}};
  const cvk_pool_attr pool = {.kernel = {2, 2}, .stride = {2, 2}};
  const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
  cvk_graph *g = NULL;
  cvk_value v;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(batch, 1, 6, 6), &v));
  const cvk_value w = small_weight(g, "conv.weight", DIMS(4, 1, 3, 3), 2, 0.5f);
  if (batch_norm) {
    v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, w});
    v = small_op(g, CVK_OP_BATCH_NORM, NULL, 5,
                 (cvk_value[]){v, small_fill(g, "scale", 4, 1), small_fill(g, "bias", 4, 0), small_fill(g, "mean", 4, 0),
                               small_fill(g, "var", 4, 1)});
  } else {
    v = small_op(g, CVK_OP_CONV, &conv, 3, (cvk_value[]){v, w, small_weight(g, "conv.bias", DIMS(4), 3, 0.25f)});
  }
  v = small_op(g, CVK_OP_RELU, NULL, 1, &v);
  v = small_op(g, CVK_OP_MAX_POOL, &pool, 1, &v);
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  v = small_op(g, CVK_OP_GEMM, &gemm, 3,
               (cvk_value[]){v, small_weight(g, "dense.weight", DIMS(SMALL_CLASSES, 36), 4, 0.25f),
                             small_weight(g, "dense.bias", DIMS(SMALL_CLASSES), 5, 0.25f)});
  ck_ok(cvk_graph_output(g, v, "scores"));
  return g;
}

cvk_trainer *small_trainer(cvk_graph *g, const char *device, cvk_trainer_options o) {
  cvk_trainer *t = NULL;
  o.device = device;
  ck_ok(cvk_trainer_create(g, &o, &t));
  return t;
}

double small_step(cvk_trainer *t, cvk_tensor *x, cvk_tensor *target) {
  cvk_step_result r = {.struct_size = sizeof r};
  ck_ok(cvk_trainer_step(t, x, target, &r));
  return r.loss;
}

cvk_dataset *small_data(cvk_context *ctx, int64_t n, uint32_t seed, int noise) {
  unsigned char *x = malloc((size_t)n * 36);
  int32_t *label = malloc((size_t)n * sizeof *label);
  cvk_tensor *images = NULL, *labels = NULL;
  cvk_dataset *ds = NULL;
  for (int64_t i = 0; i < n; i++) {
    label[i] = (int32_t)(i % 3);
    for (int64_t c = 0; c < 36; c++)
      x[i * 36 + c] = (unsigned char)(hash((uint32_t)(i * 36 + c), seed) % 100 + (c / 12 == label[i] ? 100 : 0));
    if (noise && hash((uint32_t)i, seed + 1) % 4 == 0) label[i] = (label[i] + 1) % 3;
  }
  ck_ok(cvk_tensor_create(NULL, CVK_U8, DIMS(n, 1, 6, 6), x, &images));
  ck_ok(cvk_tensor_create(NULL, CVK_I32, 1, &n, label, &labels));
  ck_ok(cvk_dataset_create(ctx, images, labels, &(cvk_dataset_options){.threads = 1, .rotate_degrees = 5, .translate = 0.05f}, &ds));
  cvk_tensor_release(images);
  cvk_tensor_release(labels);
  free(x);
  free(label);
  return ds;
}

char *small_file(const char *path, size_t *bytes) {
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "%s", path);
  ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
  *bytes = (size_t)ftell(f);
  rewind(f);
  char *data = malloc(*bytes + 1);
  ck_assert_uint_eq(fread(data, 1, *bytes, f), *bytes);
  fclose(f);
  return data;
}

void small_write(const char *path, const char *data, size_t bytes) {
  FILE *f = fopen(path, "wb");
  ck_assert_msg(f != NULL, "%s", path);
  ck_assert_uint_eq(fwrite(data, 1, bytes, f), bytes);
  ck_assert_int_eq(fclose(f), 0);
}

static char folder[64];

static void remove_folder(void) {
  rmdir(folder);
}

const char *small_path(const char *name) {
  static char path[4][160];
  static int next;
  if (folder[0] == 0) {
    strcpy(folder, "/tmp/convoke-train-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(atexit(remove_folder), 0);
  }
  char *p = path[next++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

char *small_state(cvk_trainer *t, size_t *bytes) {
  const char *path = small_path("state");
  ck_ok(cvk_trainer_save(t, path));
  char *data = small_file(path, bytes);
  unlink(path);
  return data;
}

void small_same_epochs(const cvk_epoch_result *a, const cvk_epoch_result *b) {
  ck_assert_int_eq(a->epoch, b->epoch);
  ck_assert_mem_eq(&a->loss, &b->loss, sizeof a->loss);
  ck_assert_mem_eq(&a->accuracy, &b->accuracy, sizeof a->accuracy);
  ck_assert_mem_eq(&a->validation_loss, &b->validation_loss, sizeof a->validation_loss);
  ck_assert_mem_eq(&a->validation_accuracy, &b->validation_accuracy, sizeof a->validation_accuracy);
  ck_assert_mem_eq(&a->rate, &b->rate, sizeof a->rate);
  ck_assert_int_eq(a->improved, b->improved);
}

const cvk_trainer_options small_quick = {.learning_rate = 0.05f, .seed = 7};
const char *small_current;

void small_near(double got, double want, double relative, const char *what) {
  ck_assert_msg(fabs(got - want) <= relative * fabs(want) + 2e-7, "%s, %s: %.9g, wanted %.9g", small_current, what, got, want);
}

void small_read_weight(cvk_trainer *t, const char *name, int which, float *v, int64_t n) {
  cvk_graph *g = NULL;
  int found = 0;
  ck_ok(cvk_trainer_graph(t, &g));
  for (int32_t i = 0; i < g->n_values && found <= which; i++) {
    if (g->values[i].constant == NULL || g->values[i].name == NULL || strcmp(g->values[i].name, name) != 0 || found++ != which) continue;
    ck_assert_int_eq(cvk_tensor_count(g->values[i].constant), n);
    ck_ok(cvk_tensor_read(g->values[i].constant, v, (uint64_t)n * sizeof *v));
  }
  ck_assert_msg(found > which, "no constant %d of name %s", which, name);
  cvk_graph_release(g);
}

/* One batch as a dataset. */
cvk_dataset *small_dataset(cvk_context *ctx, cvk_tensor *x, cvk_tensor *target) {
  cvk_dataset *ds = NULL;
  ck_ok(cvk_dataset_create(ctx, x, target, &(cvk_dataset_options){.threads = 1}, &ds));
  return ds;
}

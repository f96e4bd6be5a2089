/* SPDX-License-Identifier: Apache-2.0 */
/* bench_layer.c: see bench_layer.h. */
#include "bench_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inputs.h"

typedef struct builder { /* a graph under construction; the first failure stays */
  cvk_graph *g;
  cvk_status status;
} builder;

cvk_status bench_tensor(int32_t rank, const int64_t *dim, uint32_t seed, cvk_tensor **out) {
  const cvk_status status = cvk_tensor_create(NULL, CVK_F32, rank, dim, NULL, out);
  if (status != CVK_OK) return status;
  const int64_t n = cvk_tensor_count(*out);
  float *v = malloc((size_t)n * sizeof *v + 1);
  for (int64_t i = 0; v && i < n; i++) v[i] = inputs_value((uint32_t)i, seed);
  const cvk_status written = v ? cvk_tensor_write(*out, v, (uint64_t)n * sizeof *v) : CVK_NO_MEMORY;
  free(v);
  if (written != CVK_OK) cvk_tensor_release(*out);
  return written;
}

static cvk_value constant(builder *b, int32_t rank, const int64_t *dim, uint32_t seed) {
  cvk_tensor *t = NULL;
  cvk_value v = CVK_NO_VALUE;
  if (b->status == CVK_OK) b->status = bench_tensor(rank, dim, seed, &t);
  if (b->status == CVK_OK) b->status = cvk_graph_constant(b->g, NULL, t, &v);
  cvk_tensor_release(t);
  return v;
}

static cvk_value op(builder *b, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in, const char *name) {
  cvk_value v = CVK_NO_VALUE;
  if (b->status == CVK_OK) b->status = cvk_graph_op(b->g, kind, attr, n_in, in, 1, &v, name);
  return v;
}

static cvk_value conv(builder *b, cvk_value x, const bench_layer *l, int32_t kind, const char *name) {
  const cvk_conv_attr attr = {.struct_size = sizeof attr,
                              .stride = {l->sh, l->sw},
                              .dilation = {1, 1},
                              .pad_begin = {l->ph, l->pw},
                              .pad_end = {l->ph, l->pw},
                              .group = l->groups};
  const cvk_value in[3] = {x, constant(b, 4, (int64_t[]){l->k, l->c / l->groups, l->kh, l->kw}, 2), constant(b, 1, &l->k, 3)};
  return op(b, kind, &attr, 3, in, name);
}

/* Of the layer's own forward result, which is there as a network's gradient is: in the layout that the planner chose. */
static cvk_value conv_grad_weight(builder *b, cvk_value x, const bench_layer *l, int32_t kind, const char *name) {
  const cvk_conv_attr attr = {.struct_size = sizeof attr,
                              .kernel = {l->kh, l->kw},
                              .stride = {l->sh, l->sw},
                              .dilation = {1, 1},
                              .pad_begin = {l->ph, l->pw},
                              .pad_end = {l->ph, l->pw},
                              .group = l->groups};
  const cvk_value in[2] = {x, conv(b, x, l, CVK_OP_CONV, "forward")};
  return op(b, kind, &attr, 2, in, name);
}

static cvk_value dense(builder *b, cvk_value x, const bench_layer *l, int32_t kind, const char *name) {
  const cvk_gemm_attr attr = {.struct_size = sizeof attr, .trans_b = 1, .alpha = 1, .beta = 1};
  const cvk_value in[3] = {x, constant(b, 2, (int64_t[]){l->k, l->c}, 2), constant(b, 1, &l->k, 3)};
  return op(b, kind, &attr, 3, in, name);
}

static cvk_value pool(builder *b, cvk_value x, const bench_layer *l, int32_t kind, const char *name) {
  const cvk_pool_attr attr = {.struct_size = sizeof attr,
                              .kernel = {l->kh, l->kw},
                              .stride = {l->sh, l->sw},
                              .dilation = {1, 1},
                              .pad_begin = {l->ph, l->pw},
                              .pad_end = {l->ph, l->pw}};
  return op(b, kind, &attr, 1, &x, name);
}

static cvk_value global_pool(builder *b, cvk_value x, const bench_layer *l, int32_t kind, const char *name) {
  (void)l;
  return op(b, kind, NULL, 1, &x, name);
}

static cvk_value pad(builder *b, cvk_value x, const bench_layer *l, int32_t mode, const char *name) {
  const cvk_pad_attr attr = {.struct_size = sizeof attr, .mode = mode, .begin = {0, 0, l->ph, l->pw}, .end = {0, 0, l->ph, l->pw}};
  return op(b, CVK_OP_PAD, &attr, 1, &x, name);
}

/* The words of the column `op`; whether the layer has neighbours under BENCH_BLOCKED: behind a global pool a network has a dense layer. */
static const struct op_word {
  const char *word;
  cvk_value (*add)(builder *b, cvk_value x, const bench_layer *l, int32_t kind_or_mode, const char *name);
  int32_t kind_or_mode;
  int before, after;
} words[] = {
    {"conv", conv, CVK_OP_CONV, 1, 1},
    {"conv_grad_weight", conv_grad_weight, CVK_OP_CONV_GRAD_WEIGHT, 1, 0},
    {"dense", dense, CVK_OP_GEMM, 0, 0},
    {"maxpool", pool, CVK_OP_MAX_POOL, 1, 1},
    {"avgpool", pool, CVK_OP_AVG_POOL, 1, 1},
    {"globalavgpool", global_pool, CVK_OP_GLOBAL_AVG_POOL, 1, 0},
    {"pad_constant", pad, CVK_PAD_CONSTANT, 1, 1},
    {"pad_reflect", pad, CVK_PAD_REFLECT, 1, 1},
    {"pad_edge", pad, CVK_PAD_EDGE, 1, 1},
};

static const struct op_word *word_of(const bench_layer *l) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(words[i].word, l->op) == 0) return &words[i];
  }
  return NULL;
}

int bench_layer_parse(const char *line, bench_layer *l, char *why, size_t why_bytes) {
  long long v[12];
  int end = 0;
  const int n = sscanf(line, " %63[^,],%23[^,],%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld %n", l->name, l->op, &v[0],
                       &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11], &end);
  if (n != 14 || line[end] != 0) {
    snprintf(why, why_bytes, "it is not the 14 columns " BENCH_LAYER_HEADER);
    return 0;
  }
  for (int i = 0; i < 12; i++) {
    const long long least = i == 9 || i == 10 ? 0 : 1; /* the pads */
    if (v[i] >= least && v[i] <= 1000000) continue;
    snprintf(why, why_bytes, "column %d is %lld, not in %lld..1000000", i + 3, v[i], least);
    return 0;
  }
  l->n = v[0], l->c = v[1], l->h = v[2], l->w = v[3], l->k = v[4], l->kh = v[5], l->kw = v[6];
  l->sh = v[7], l->sw = v[8], l->ph = v[9], l->pw = v[10], l->groups = v[11];
  if (word_of(l) == NULL) {
    size_t at = (size_t)snprintf(why, why_bytes, "op '%s' is none of", l->op);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) at += (size_t)snprintf(why + at, why_bytes - at, " %s", words[i].word);
    return 0;
  }
  if (strncmp(l->op, "conv", 4) == 0 && l->c % l->groups != 0) {
    snprintf(why, why_bytes, "%lld groups do not divide %lld channels", (long long)l->groups, (long long)l->c);
    return 0;
  }
  return 1;
}

/* A layer's neighbours are pointwise convolutions from and to one channel: they touch little else than the layer's own tensors, so that
 * these are as much in cache as after a run of the layer alone. */
static cvk_value neighbour(builder *b, cvk_value x, int64_t from, int64_t to, const char *name) {
  const bench_layer l = {.c = from, .k = to, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .groups = 1};
  return conv(b, x, &l, CVK_OP_CONV, name);
}

cvk_status bench_layer_graph(cvk_context *ctx, const bench_layer *l, int layout, cvk_graph **out) {
  enum { IMAGE_CHANNELS = 4 }; /* up to here a layer is a network's first, which reads the plain image */
  const struct op_word *word = word_of(l);
  const int rank = strcmp(l->op, "dense") == 0 ? 2 : 4, is_conv = strcmp(l->op, "conv") == 0;
  const int before = layout == BENCH_BLOCKED && word->before && l->c > IMAGE_CHANNELS, after = layout == BENCH_BLOCKED && word->after;
  const int64_t dim[] = {l->n, before ? 1 : l->c, l->h, l->w};
  builder b = {0};
  cvk_value v = CVK_NO_VALUE;
  b.status = cvk_graph_create(ctx, &b.g);
  if (b.status == CVK_OK) b.status = cvk_graph_input(b.g, "x", CVK_F32, rank, dim, &v);
  if (before) v = neighbour(&b, v, 1, l->c, "neighbour before");
  v = word->add(&b, v, l, word->kind_or_mode, l->name);
  if (after) v = neighbour(&b, v, is_conv ? l->k : l->c, 1, "neighbour after");
  if (b.status == CVK_OK) b.status = cvk_graph_output(b.g, v, "y");
  if (b.status == CVK_OK)
    *out = b.g;
  else
    cvk_graph_release(b.g);
  return b.status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* nets.c: LeNet-5 (LeCun et al. 1998, with ReLU and max pooling as it is built today) and a small network of four 3x3 convolutions with batch
 * normalisation. Weights begin as PyTorch's do; see cvk_tensor_initialize. */
#include "nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct builder {
  cvk_graph *g;
  cvk_status status; /* of the first call that failed */
  const net_wish *wish;
  int64_t drawn;     /* tensors so far: streams of the generator */
  cvk_value at;      /* what the net has come to */
  int64_t channels, height, width;
} builder;

static cvk_value constant(builder *b, const char *name, int32_t rank, const int64_t *dim, const float *data, float fill, int64_t fan_in) {
  const int64_t n = cvk_count(rank, dim);
  cvk_tensor *t = NULL;
  cvk_value v = CVK_NO_VALUE;
  float *filled = NULL;
  if (b->status == CVK_OK && data == NULL && fan_in == 0) {
    filled = calloc((size_t)n, sizeof *filled);
    if (filled == NULL) b->status = CVK_NO_MEMORY;
    for (int64_t i = 0; filled && i < n; i++) filled[i] = fill;
    data = filled;
  }
  if (b->status == CVK_OK) b->status = cvk_tensor_create(NULL, CVK_F32, rank, dim, data, &t);
  if (b->status == CVK_OK && fan_in > 0) b->status = cvk_tensor_initialize(t, CVK_INIT_LECUN_UNIFORM, fan_in, b->wish->seed, b->drawn++);
  if (b->status == CVK_OK) b->status = cvk_graph_constant(b->g, name, t, &v);
  cvk_tensor_release(t);
  free(filled);
  return v;
}

static void op(builder *b, int32_t kind, const void *attr, int32_t n, const cvk_value *in, const char *name) {
  if (b->status == CVK_OK) b->status = cvk_graph_op(b->g, kind, attr, n, in, 1, &b->at, name);
}

static void op1(builder *b, int32_t kind, const void *attr, const char *name) { op(b, kind, attr, 1, &b->at, name); }

static void begin(builder *b) {
  const net_wish *w = b->wish;
  const int64_t dim[4] = {-1, w->channels, w->height, w->width}, each[4] = {1, w->channels, 1, 1};
  b->channels = w->channels;
  b->height = w->height;
  b->width = w->width;
  if (b->status == CVK_OK) b->status = cvk_graph_input(b->g, "image", CVK_F32, 4, dim, &b->at);
  op(b, CVK_OP_SUB, NULL, 2, (const cvk_value[]){b->at, constant(b, "mean", 4, each, w->mean, 0, 0)}, "centre");
  op(b, CVK_OP_DIV, NULL, 2, (const cvk_value[]){b->at, constant(b, "deviation", 4, each, w->deviation, 0, 0)}, "scale");
}

static void conv(builder *b, const char *name, int64_t filters, int64_t kernel, int64_t pad, int bias) {
  const int64_t dim[4] = {filters, b->channels, kernel, kernel}, fan_in = b->channels * kernel * kernel;
  const cvk_conv_attr a = {.struct_size = sizeof a, .pad_begin = {pad, pad}, .pad_end = {pad, pad}};
  char text[64];
  snprintf(text, sizeof text, "%s.weight", name);
  const cvk_value w = constant(b, text, 4, dim, NULL, 0, fan_in);
  snprintf(text, sizeof text, "%s.bias", name);
  const cvk_value in[3] = {b->at, w, bias ? constant(b, text, 1, dim, NULL, 0, fan_in) : CVK_NO_VALUE};
  op(b, CVK_OP_CONV, &a, bias ? 3 : 2, in, name);
  b->channels = filters;
  b->height += 2 * pad + 1 - kernel;
  b->width += 2 * pad + 1 - kernel;
}

static void batch_norm(builder *b, const char *name) {
  static const struct { const char *part; float fill; } parts[] = {{"scale", 1}, {"bias", 0}, {"mean", 0}, {"var", 1}};
  cvk_value in[5] = {b->at};
  char text[64];
  for (int i = 0; i < 4; i++) {
    snprintf(text, sizeof text, "%s.%s", name, parts[i].part);
    in[1 + i] = constant(b, text, 1, &b->channels, NULL, parts[i].fill, 0);
  }
  op(b, CVK_OP_BATCH_NORM, NULL, 5, in, name);
}

static void pool(builder *b, const char *name) {
  const cvk_pool_attr a = {.struct_size = sizeof a, .kernel = {2, 2}, .stride = {2, 2}};
  op1(b, CVK_OP_MAX_POOL, &a, name);
  b->height /= 2;
  b->width /= 2;
}

static void flatten(builder *b) {
  op1(b, CVK_OP_FLATTEN, NULL, "flatten");
  b->channels *= b->height * b->width;
}

static void dense(builder *b, const char *name, int64_t units) {
  const cvk_gemm_attr a = {.struct_size = sizeof a, .trans_b = 1, .alpha = 1, .beta = 1};
  const int64_t dim[2] = {units, b->channels};
  char text[64];
  snprintf(text, sizeof text, "%s.weight", name);
  const cvk_value w = constant(b, text, 2, dim, NULL, 0, b->channels);
  snprintf(text, sizeof text, "%s.bias", name);
  op(b, CVK_OP_GEMM, &a, 3, (const cvk_value[]){b->at, w, constant(b, text, 1, dim, NULL, 0, b->channels)}, name);
  b->channels = units;
}

static void lenet5(builder *b) {
  conv(b, "conv1", 6, 5, 2, 1);
  op1(b, CVK_OP_RELU, NULL, "relu1");
  pool(b, "pool1");
  conv(b, "conv2", 16, 5, 0, 1);
  op1(b, CVK_OP_RELU, NULL, "relu2");
  pool(b, "pool2");
  flatten(b);
  dense(b, "dense1", 120);
  op1(b, CVK_OP_RELU, NULL, "relu3");
  dense(b, "dense2", 84);
  op1(b, CVK_OP_RELU, NULL, "relu4");
  dense(b, "dense3", b->wish->classes);
}

static void cnn(builder *b) {
  static const struct { int64_t filters; const char *pool; } layers[] = {{16, "pool1"}, {32, "pool2"}, {64, NULL}, {64, "pool3"}};
  char name[32];
  for (int i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "conv%d", i + 1);
    conv(b, name, layers[i].filters, 3, 1, 0);
    snprintf(name, sizeof name, "norm%d", i + 1);
    batch_norm(b, name);
    snprintf(name, sizeof name, "relu%d", i + 1);
    op1(b, CVK_OP_RELU, NULL, name);
    if (layers[i].pool) pool(b, layers[i].pool);
  }
  flatten(b);
  dense(b, "dense", b->wish->classes);
}

static const struct {
  const char *name;
  void (*build)(builder *b);
  net_recipe recipe;
} nets[] = {
    {"lenet5", lenet5, {CVK_ADAMW, CVK_SCHEDULE_ONE_CYCLE, 5e-3f, 0.05f, 0.1f, 10, 20, 64, 12, 10, 0.06f, 0.1f, 5}},
    {"cnn", cnn, {CVK_ADAMW, CVK_SCHEDULE_ONE_CYCLE, 5e-3f, 0.05f, 0.1f, 10, 15, 64, 8, 10, 0.1f, 0.1f, 0}},
};
enum { NETS = sizeof nets / sizeof *nets };
const char net_names[] = "lenet5|cnn";

int net_find(const char *name, net_recipe *recipe) {
  for (int i = 0; i < NETS; i++) {
    if (strcmp(nets[i].name, name) != 0) continue;
    *recipe = nets[i].recipe;
    return 1;
  }
  return 0;
}

cvk_status net_build(cvk_context *ctx, const char *name, const net_wish *wish, cvk_graph **out) {
  builder b = {.wish = wish};
  b.status = cvk_graph_create(ctx, &b.g);
  for (int i = 0; i < NETS; i++) {
    if (strcmp(nets[i].name, name) != 0) continue;
    begin(&b);
    nets[i].build(&b);
  }
  op1(&b, CVK_OP_SOFTMAX, NULL, "softmax");
  if (b.status == CVK_OK) b.status = cvk_graph_output(b.g, b.at, "probability");
  if (b.status == CVK_OK) *out = b.g;
  else cvk_graph_release(b.g);
  return b.status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* resnet18.h: ResNet-18 (He et al. 2015) with new weights, built op by op: input "x" [n, 3, 64, 64], output [n, 10]. For tests and benchmarks. */
#ifndef CVK_TESTS_RESNET18_H
#define CVK_TESTS_RESNET18_H

#include "harness.h"

typedef struct resnet_builder {
  cvk_graph *g;
  cvk_value at;
  int64_t channels, drawn;
} resnet_builder;

static cvk_value resnet_constant(resnet_builder *b, int32_t rank, const int64_t *dim, float fill, int64_t fan_in) {
  cvk_tensor *t = NULL;
  cvk_value v;
  float all[512];
  for (int i = 0; i < 512; i++) all[i] = fill;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, rank, dim, fan_in ? NULL : all, &t));
  if (fan_in) ck_ok(cvk_tensor_initialize(t, CVK_INIT_HE_NORMAL, fan_in, 1, b->drawn++));
  ck_ok(cvk_graph_constant(b->g, NULL, t, &v));
  cvk_tensor_release(t);
  return v;
}

static void resnet_conv(resnet_builder *b, int64_t filters, int64_t kernel, int64_t stride) {
  const int64_t dim[4] = {filters, b->channels, kernel, kernel}, pad = kernel / 2;
  const cvk_conv_attr a = {.stride = {stride, stride}, .pad_begin = {pad, pad}, .pad_end = {pad, pad}};
  ck_ok(cvk_graph_conv(b->g, b->at, resnet_constant(b, 4, dim, 0, b->channels * kernel * kernel), CVK_NO_VALUE, &a, &b->at));
  const cvk_value one = resnet_constant(b, 1, dim, 1, 0), zero = resnet_constant(b, 1, dim, 0, 0);
  ck_ok(cvk_graph_batch_norm(b->g, b->at, one, zero, resnet_constant(b, 1, dim, 0, 0), resnet_constant(b, 1, dim, 1, 0), NULL, &b->at));
  b->channels = filters;
}

static void resnet_block(resnet_builder *b, int64_t filters, int64_t stride) {
  resnet_builder skip = *b;
  resnet_conv(b, filters, 3, stride);
  ck_ok(cvk_graph_relu(b->g, b->at, &b->at));
  resnet_conv(b, filters, 3, 1);
  skip.drawn = b->drawn;
  if (stride != 1 || skip.channels != filters) resnet_conv(&skip, filters, 1, stride);
  b->drawn = skip.drawn;
  ck_ok(cvk_graph_add(b->g, b->at, skip.at, &b->at));
  ck_ok(cvk_graph_relu(b->g, b->at, &b->at));
}

static cvk_graph *resnet18(cvk_context *ctx, int64_t classes) {
  static const int64_t filters[] = {64, 128, 256, 512};
  const cvk_pool_attr pool = {.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
  const cvk_gemm_attr dense = {.trans_b = 1, .alpha = 1, .beta = 1};
  resnet_builder b = {.channels = 3};
  ck_ok(cvk_graph_create(ctx, &b.g));
  ck_ok(cvk_graph_input(b.g, "x", CVK_F32, 4, (int64_t[]){-1, 3, 64, 64}, &b.at));
  resnet_conv(&b, 64, 7, 2);
  ck_ok(cvk_graph_relu(b.g, b.at, &b.at));
  ck_ok(cvk_graph_max_pool(b.g, b.at, &pool, &b.at, NULL));
  for (int i = 0; i < 4; i++) {
    resnet_block(&b, filters[i], i ? 2 : 1);
    resnet_block(&b, filters[i], 1);
  }
  ck_ok(cvk_graph_global_avg_pool(b.g, b.at, &b.at));
  ck_ok(cvk_graph_flatten(b.g, b.at, NULL, &b.at));
  const cvk_value w = resnet_constant(&b, 2, (int64_t[]){classes, 512}, 0, 512), bias = resnet_constant(&b, 1, &classes, 0, 0);
  ck_ok(cvk_graph_gemm(b.g, b.at, w, bias, &dense, &b.at));
  ck_ok(cvk_graph_output(b.g, b.at, "scores"));
  return b.g;
}

#endif

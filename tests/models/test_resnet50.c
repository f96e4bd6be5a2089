/* SPDX-License-Identifier: Apache-2.0 */
/* test_resnet50.c: ResNet-50's topology with a quarter of the channels on a small image, built op by op through the public API: against the
 * reference by the network measure, all of it on the device, batch norms folded and residual sums fused, the same bits for any thread count. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"

enum { WIDTH = 16, IMAGE = 64, CLASSES = 10 };

static uint32_t seed;

static float next(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)((seed >> 8) * 0x1p-23 - 1);
}

static cvk_value parameter(cvk_graph *g, int32_t rank, const int64_t *dim, float scale, float offset) {
  cvk_tensor *t = NULL;
  cvk_value v;
  const int64_t n = cvk_count(rank, dim);
  float *data = n > 0 ? calloc((size_t)n, sizeof *data) : NULL;
  ck_assert_ptr_nonnull(data);
  for (int64_t i = 0; i < n; i++) data[i] = offset + scale * next();
  ck_ok(cvk_tensor_create(NULL, CVK_F32, rank, dim, data, &t));
  ck_ok(cvk_graph_constant(g, NULL, t, &v));
  cvk_tensor_release(t);
  free(data);
  return v;
}

static cvk_value conv_bn(cvk_graph *g, cvk_value x, int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  const int64_t pad = kernel / 2;
  const cvk_conv_attr attr = {.stride = {stride, stride}, .pad_begin = {pad, pad}, .pad_end = {pad, pad}};
  const float scale = sqrtf(3.0f / (float)(in * kernel * kernel));
  cvk_value y;
  const cvk_value w = parameter(g, 4, (int64_t[]){out, in, kernel, kernel}, scale, 0), q[4] = {
      parameter(g, 1, &out, 0.2f, 0.8f), parameter(g, 1, &out, 0.1f, 0), parameter(g, 1, &out, 0.1f, 0), parameter(g, 1, &out, 0.3f, 1)};
  ck_ok(cvk_graph_conv(g, x, w, CVK_NO_VALUE, &attr, &y));
  ck_ok(cvk_graph_batch_norm(g, y, q[0], q[1], q[2], q[3], NULL, &y));
  return y;
}

static cvk_value relu(cvk_graph *g, cvk_value x) {
  cvk_value y;
  ck_ok(cvk_graph_relu(g, x, &y));
  return y;
}

static cvk_value bottleneck(cvk_graph *g, cvk_value x, int64_t in, int64_t width, int64_t stride) {
  cvk_value y = relu(g, conv_bn(g, x, in, width, 1, 1)), shortcut = x;
  y = conv_bn(g, relu(g, conv_bn(g, y, width, width, 3, stride)), width, 4 * width, 1, 1);
  if (in != 4 * width || stride != 1) shortcut = conv_bn(g, x, in, 4 * width, 1, stride);
  ck_ok(cvk_graph_add(g, y, shortcut, &y));
  return relu(g, y);
}

static cvk_graph *build(cvk_context *ctx) {
  static const int64_t blocks[] = {3, 4, 6, 3};
  const cvk_pool_attr pool = {.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
  const cvk_gemm_attr dense = {.trans_b = 1, .alpha = 1, .beta = 1};
  int64_t in = WIDTH, width = WIDTH;
  cvk_graph *g = NULL;
  cvk_value x, y;
  seed = 1;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "image", CVK_F32, 4, (int64_t[]){-1, 3, IMAGE, IMAGE}, &x));
  y = relu(g, conv_bn(g, x, 3, WIDTH, 7, 2));
  ck_ok(cvk_graph_max_pool(g, y, &pool, &y, NULL));
  for (int stage = 0; stage < 4; stage++, width *= 2)
    for (int64_t k = 0; k < blocks[stage]; k++, in = 4 * width) y = bottleneck(g, y, in, width, k == 0 && stage > 0 ? 2 : 1);
  ck_ok(cvk_graph_global_avg_pool(g, y, &y));
  ck_ok(cvk_graph_flatten(g, y, NULL, &y));
  const cvk_value w = parameter(g, 2, (int64_t[]){CLASSES, in}, 0.1f, 0), b = parameter(g, 1, (int64_t[]){CLASSES}, 0.1f, 0);
  ck_ok(cvk_graph_gemm(g, y, w, b, &dense, &y));
  ck_ok(cvk_graph_output(g, y, "scores"));
  return g;
}

static cvk_tensor *image(int64_t batch) {
  const int64_t dim[] = {batch, 3, IMAGE, IMAGE}, n = cvk_count(4, dim);
  float *data = n > 0 ? calloc((size_t)n, sizeof *data) : NULL;
  ck_assert_ptr_nonnull(data);
  cvk_tensor *t = NULL;
  seed = 77;
  for (int64_t i = 0; i < n; i++) data[i] = next();
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 4, dim, data, &t));
  free(data);
  return t;
}

static cvk_context *context(int32_t threads) {
  cvk_context *ctx = NULL;
  const cvk_context_options options = {.num_threads = threads};
  ck_ok(cvk_context_create(&options, &ctx));
  return ctx;
}

/* Scores of `batch` images; *report where wanted. */
static void scores(cvk_context *ctx, const char *device, int32_t no_fusion, int64_t batch, float *out, cvk_session_report *report) {
  const cvk_session_options options = {.device = device, .fallback = CVK_FALLBACK_NONE, .no_fusion = no_fusion};
  cvk_graph *g = build(ctx);
  cvk_session *s = NULL;
  cvk_tensor *x = image(batch), *y = NULL;
  ck_ok(cvk_session_create(g, &options, &s));
  ck_ok(cvk_session_run(s, 1, &x, 1, &y));
  ck_ok(cvk_tensor_read(y, out, (uint64_t)batch * CLASSES * sizeof *out));
  if (report) ck_ok(cvk_session_report_get(s, report));
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  cvk_session_release(s);
  cvk_graph_release(g);
}

static const char *tested_device(void) {
  const char *device = getenv("CONVOKE_TEST_DEVICE");
  return device ? device : "cpu";
}

static void compare(const float *got, const float *want, int64_t n) {
  double largest = 0;
  for (int64_t i = 0; i < n; i++) {
    const double size = fabs((double)want[i]);
    if (size > largest) largest = size; /* with fmax, gcc 12 for aarch64 stops in its vectoriser */
  }
  ck_assert(largest > 0.01 && largest < 1e6);
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(fabs((double)got[i] - (double)want[i]) <= 1e-4 * largest, "score %d: %.9g, wanted %.9g", (int)i, (double)got[i], (double)want[i]);
}

START_TEST(agrees_with_the_reference) {
  cvk_session_report report = {.struct_size = sizeof report};
  float got[2 * CLASSES], plain[2 * CLASSES], want[2 * CLASSES];
  cvk_context *ctx = context(0);
  scores(ctx, "reference", 1, 2, want, NULL);
  scores(ctx, tested_device(), 0, 2, got, &report);
  compare(got, want, 2 * CLASSES);
  ck_assert_int_eq(report.ops_cpu + report.ops_reference, 0);
  ck_assert_msg(report.ops_device == 53 + 3, "%d ops: batch norms, sums and activations do not all run with their convolution", report.ops_device);
  scores(ctx, tested_device(), 1, 2, plain, &report);
  compare(plain, want, 2 * CLASSES);
  ck_assert_int_gt(report.ops_device, 53 + 3 + 53);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(same_bits_for_any_thread_count) {
  float one[3 * CLASSES], more[3 * CLASSES];
  cvk_context *ctx = context(1);
  scores(ctx, tested_device(), 0, 3, one, NULL);
  cvk_context_release(ctx);
  for (int32_t threads = 2; threads <= 3; threads++) {
    ctx = context(threads);
    scores(ctx, tested_device(), 0, 3, more, NULL);
    cvk_context_release(ctx);
    ck_assert_mem_eq(one, more, sizeof one);
  }
}
END_TEST

SUITE("resnet50", agrees_with_the_reference, same_bits_for_any_thread_count)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_template.c: the plugin of `convoke new-plugin` loads, is right, and leaves the rest to the CPU. (tests/install makes, builds and tests one as an
 * author does.)
 * Rules of docs/plugin-abi.md: H15, H16. */
#include <convoke/convoke.h>
#include <math.h>

#include "../harness.h"

static cvk_context *context(void) {
  static const char *const backends = TEMPLATE_PLUGIN ":" CPU_PLUGIN;
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.plugin_path = backends, .no_env = 1, .num_threads = 2}, &ctx));
  return ctx;
}

/* A 3x3 window over 4x4 with pads: sums by hand. An infinite weight over the pad leaves no NaN; relu passes NaN on. */
START_TEST(values) {
  static const int64_t x_dim[4] = {1, 1, 2, 2}, w_dim[4] = {1, 1, 3, 3}, b_dim[1] = {1};
  static const float image[4] = {1, 2, 3, 4}, bias[1] = {-9};
  float weights[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, got[4];
  const cvk_conv_attr attr = {.pad_begin = {1, 1}, .pad_end = {1, 1}, .activation = CVK_OP_RELU};
  cvk_context *ctx = context();
  cvk_device *dev = NULL;
  ck_ok(cvk_device_open(ctx, "example", &dev));
  for (int round = 0; round < 3; round++) {
    cvk_tensor *x = NULL, *w = NULL, *b = NULL, *y = NULL;
    if (round == 1) weights[0] = INFINITY; /* above the image's first row for all outputs but the last */
    if (round == 2) weights[4] = NAN;
    ck_ok(cvk_tensor_create(dev, CVK_F32, 4, x_dim, image, &x));
    ck_ok(cvk_tensor_create(dev, CVK_F32, 4, w_dim, weights, &w));
    ck_ok(cvk_tensor_create(dev, CVK_F32, 1, b_dim, bias, &b));
    ck_ok(cvk_conv(x, w, b, &attr, &y));
    ck_ok(cvk_tensor_read(y, got, sizeof got));
    for (int i = 0; i < 3; i++) ck_assert(round == 2 ? isnan(got[i]) : got[i] == 1); /* 10 - 9 */
    ck_assert(round == 0 ? got[3] == 1 : round == 1 ? isinf(got[3]) : isnan(got[3]));
    cvk_tensor_release(y);
    cvk_tensor_release(b);
    cvk_tensor_release(w);
    cvk_tensor_release(x);
  }
  cvk_device_release(dev);
  cvk_context_release(ctx);
}
END_TEST

/* Found first, and on a CPU too; `auto` still means the CPU backend. */
START_TEST(not_automatic) {
  cvk_context *ctx = context();
  cvk_device *dev = NULL;
  cvk_device_info info = {.struct_size = sizeof info};
  ck_ok(cvk_device_info_get(ctx, 0, &info));
  ck_assert_str_eq(info.id, "example");
  ck_ok(cvk_device_open(ctx, "auto", &dev));
  ck_ok(cvk_device_describe(dev, &info));
  ck_assert_str_eq(info.id, "cpu");
  cvk_device_release(dev);
  cvk_context_release(ctx);
}
END_TEST

/* A graph of three ops: the plugin has one of them, with the relu behind it, the CPU backend the other. */
START_TEST(fallback) {
  static const int64_t dim[4] = {1, 1, 2, 2}, one[4] = {1, 1, 1, 1};
  static const float in[4] = {-4, -1, 0, 3}, weight[1] = {2};
  float out[4];
  cvk_context *ctx = context();
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  cvk_value x, w, h, y;
  cvk_tensor *t = NULL, *weights = NULL, *result = NULL;
  cvk_session_report r = {.struct_size = sizeof r};
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, 4, dim, &x));
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 4, one, weight, &weights));
  ck_ok(cvk_graph_constant(g, "w", weights, &w));
  ck_ok(cvk_graph_conv(g, x, w, CVK_NO_VALUE, NULL, &h));
  ck_ok(cvk_graph_relu(g, h, &h));
  ck_ok(cvk_graph_neg(g, h, &y));
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = "example"}, &s));
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 4, dim, in, &t));
  ck_ok(cvk_session_run(s, 1, &t, 1, &result));
  ck_ok(cvk_tensor_read(result, out, sizeof out));
  for (int i = 0; i < 4; i++) ck_assert_float_eq(out[i], in[i] > 0 ? -2 * in[i] : 0);
  ck_ok(cvk_session_report_get(s, &r));
  ck_assert_int_eq(r.ops_device, 1);
  ck_assert_int_eq(r.ops_cpu, 1);
  ck_assert_int_eq(r.ops_reference, 0);
  cvk_session_release(s);
  ck_fails(cvk_session_create(g, &(cvk_session_options){.device = "example", .fallback = CVK_FALLBACK_NONE}, &s), CVK_UNSUPPORTED, "neg");
  cvk_tensor_release(result);
  cvk_tensor_release(t);
  cvk_tensor_release(weights);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

SUITE("template", values, not_automatic, fallback)

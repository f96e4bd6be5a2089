/* SPDX-License-Identifier: Apache-2.0 */
/* test_template.c: the plugin template that docs/plugin-guide.md walks through builds, loads, is right, and leaves the rest to the CPU. */
#include <convoke/convoke.h>
#include <math.h>
#include <stdlib.h>

#include "../harness.h"

static cvk_context *context(void) {
  static const char *const backends = TEMPLATE_PLUGIN ":" CPU_PLUGIN;
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.plugin_path = backends, .no_env = 1, .num_threads = 2}, &ctx));
  return ctx;
}

/* Lengths around one task of the pool's; every value against the definition. */
START_TEST(values) {
  static const int64_t lengths[] = {0, 1, 17, 16383, 16384, 16385, 50001};
  cvk_context *ctx = context();
  cvk_device *dev = NULL;
  ck_ok(cvk_device_open(ctx, "example", &dev));
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
    const int64_t n = lengths[k];
    float *v = malloc((size_t)n * sizeof *v + 1);
    cvk_tensor *x = NULL, *y = NULL;
    for (int64_t i = 0; i < n; i++) v[i] = i == 7 ? NAN : (float)(i % 23 - 11);
    ck_ok(cvk_tensor_create(dev, CVK_F32, 1, &n, v, &x));
    ck_ok(cvk_leaky_relu(x, &(cvk_unary_attr){.alpha = 0.25f}, &y));
    ck_ok(cvk_tensor_read(y, v, (uint64_t)n * sizeof *v));
    for (int64_t i = 0; i < n; i++) {
      const float in = (float)(i % 23 - 11), want = in < 0 ? 0.25f * in : in;
      ck_assert_msg(i == 7 ? isnan(v[i]) : v[i] == want, "%lld of %lld: got %g, want %g", (long long)i, (long long)n, (double)v[i], (double)want);
    }
    cvk_tensor_release(y);
    cvk_tensor_release(x);
    free(v);
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

/* A graph of two ops: the plugin has one of them, the CPU backend the other. */
START_TEST(fallback) {
  cvk_context *ctx = context();
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  cvk_value x, h, y;
  const int64_t n = 5;
  const float in[5] = {-4, -1, 0, 1, 9};
  float out[5];
  cvk_tensor *t = NULL, *result = NULL;
  cvk_session_report r = {.struct_size = sizeof r};
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, 1, &n, &x));
  ck_ok(cvk_graph_abs(g, x, &h));
  ck_ok(cvk_graph_sub(g, x, h, &h));
  ck_ok(cvk_graph_leaky_relu(g, h, &(cvk_unary_attr){.alpha = 0.5f}, &y));
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = "example"}, &s));
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 1, &n, in, &t));
  ck_ok(cvk_session_run(s, 1, &t, 1, &result));
  ck_ok(cvk_tensor_read(result, out, sizeof out));
  for (int i = 0; i < 5; i++) ck_assert_float_eq(out[i], 0.5f * (in[i] - fabsf(in[i])));
  ck_ok(cvk_session_report_get(s, &r));
  ck_assert_int_eq(r.ops_device, 1);
  ck_assert_int_eq(r.ops_cpu, 2);
  ck_assert_int_eq(r.ops_reference, 0);
  cvk_session_release(s);
  ck_fails(cvk_session_create(g, &(cvk_session_options){.device = "example", .fallback = CVK_FALLBACK_NONE}, &s), CVK_UNSUPPORTED, "abs");
  cvk_tensor_release(result);
  cvk_tensor_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

SUITE("template", values, not_automatic, fallback)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_widen.c: ops of float16 and bfloat16 on the cpu: in float32 between casts, within one rounding of the reference, which stays narrow.
 */
#include <math.h>
#include <stdlib.h>

#include "net.h"
#include "ops/element.h"

static const int32_t narrow[] = {CVK_F16, CVK_BF16};

/* net_tensor's values in this type. */
static cvk_tensor *made(int32_t dtype, int32_t rank, const int64_t *dim, uint32_t seed) {
  cvk_tensor *wide = net_tensor(rank, dim, seed), *t = NULL;
  const int64_t n = cvk_tensor_count(wide);
  float *v = malloc((size_t)n * sizeof *v);
  void *data = malloc((size_t)n * cvk_dtype_bytes(dtype));
  net_read(wide, v, n);
  for (int64_t i = 0; i < n; i++) cvk_store_real(dtype, data, i, (double)v[i]);
  ck_ok(cvk_tensor_create(NULL, dtype, rank, dim, data, &t));
  cvk_tensor_release(wide);
  free(v), free(data);
  return t;
}

/* In units of b's last place (of what is below 1/64 of the largest: of that). */
static double distance(const cvk_tensor *a, const cvk_tensor *b) {
  const int32_t dtype = cvk_tensor_dtype(b), mantissa = dtype == CVK_F16 ? 10 : 7;
  const int64_t n = cvk_tensor_count(b);
  uint16_t *x = malloc((size_t)n * 2), *y = malloc((size_t)n * 2);
  double worst = 0, largest = 0;
  ck_assert_int_eq(cvk_tensor_dtype(a), dtype);
  ck_ok(cvk_tensor_read(a, x, (uint64_t)n * 2));
  ck_ok(cvk_tensor_read(b, y, (uint64_t)n * 2));
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(cvk_load_real(dtype, y, i)));
  for (int64_t i = 0; i < n; i++) {
    const double w = cvk_load_real(dtype, y, i), place = ldexp(1, ilogb(fmax(fabs(w), largest / 64)) - mantissa);
    worst = fmax(worst, fabs(cvk_load_real(dtype, x, i) - w) / place);
  }
  free(x), free(y);
  return worst;
}

static cvk_tensor *run_on(cvk_graph *g, const char *device, cvk_tensor *x, const char *ops, int32_t on_reference) {
  cvk_session *s = net_session(g, device);
  cvk_tensor *y = NULL;
  ck_ok(cvk_session_run(s, 1, &x, 1, &y));
  if (ops) ck_assert_str_eq(net_ops(s), ops);
  ck_assert_int_eq(net_report(s).ops_reference > 0, on_reference);
  cvk_session_release(s);
  return y;
}

START_TEST(one_rounding_from_the_reference) {
  cvk_context *ctx = net_context(1);
  for (int k = 0; k < 2; k++) {
    const int32_t kinds[] = {CVK_OP_CONV, CVK_OP_MATMUL, CVK_OP_ADD, CVK_OP_SIGMOID, CVK_OP_SOFTMAX, CVK_OP_GLOBAL_AVG_POOL};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
      cvk_graph *g = net_graph(ctx);
      const int64_t dim[] = {2, 8, 9, 9};
      cvk_value in[2], y;
      ck_ok(cvk_graph_input(g, "x", narrow[k], 4, dim, &in[0]));
      const int64_t w[] = {16, 8, 3, 3}, square[] = {9, 9};
      in[1] = net_constant(g, kinds[i] == CVK_OP_CONV ? made(narrow[k], 4, w, 2) : made(narrow[k], 2, square, 2));
      y = net_op(g, kinds[i], i < 3 ? 2 : 1, in);
      ck_ok(cvk_graph_output(g, y, "y"));
      cvk_tensor *x = made(narrow[k], 4, dim, 1);
      cvk_tensor *want = run_on(g, "reference", x, NULL, 0), *got = run_on(g, "cpu", x, NULL, 0);
      ck_assert_msg(distance(got, want) <= 1, "op kind %d, type %d: %g places", kinds[i], narrow[k], distance(got, want));
      cvk_tensor_release(x), cvk_tensor_release(want), cvk_tensor_release(got);
      cvk_graph_release(g);
    }
  }
  cvk_context_release(ctx);
}
END_TEST

/* What keeps the order of numbers reads the convolution's float32: no casts between, and it fuses. The sum rounds first. */
START_TEST(casts_where_rounding_counts) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  const int64_t dim[] = {1, 16, 8, 8}, w[] = {16, 16, 1, 1};
  cvk_value in[2], conv, relu, sum;
  ck_ok(cvk_graph_input(g, "x", CVK_F16, 4, dim, &in[0]));
  in[1] = net_constant(g, made(CVK_F16, 4, w, 2));
  conv = net_op(g, CVK_OP_CONV, 2, in);
  relu = net_op(g, CVK_OP_RELU, 1, &conv);
  sum = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){relu, in[0]});
  ck_ok(cvk_graph_output(g, sum, "y"));
  cvk_tensor *x = made(CVK_F16, 4, dim, 1), *want = run_on(g, "reference", x, NULL, 0);
  cvk_session *s = net_session(g, "cpu");
  cvk_tensor *got = NULL;
  ck_ok(cvk_session_run(s, 1, &x, 1, &got));
  const char *ops = net_ops(s);
  int casts = 0;
  for (const char *at = ops; (at = strstr(at, "cast@cpu")); at++) casts++;
  ck_assert_msg(strstr(ops, "conv+relu@cpu") && casts == 4, "%s", ops); /* x; the rounded relu and back; the sum */
  ck_assert_double_le(distance(got, want), 1);
  cvk_session_release(s);
  cvk_tensor_release(x), cvk_tensor_release(want), cvk_tensor_release(got);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* The attribute's activation is an op of its own then. */
START_TEST(activation_of_a_convolution) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  const int64_t dim[] = {1, 16, 8, 8}, w[] = {16, 16, 1, 1};
  const cvk_conv_attr attr = {.activation = CVK_OP_LEAKY_RELU, .activation_alpha = 0.5f};
  cvk_value in[2], y;
  ck_ok(cvk_graph_input(g, "x", CVK_BF16, 4, dim, &in[0]));
  in[1] = net_constant(g, made(CVK_BF16, 4, w, 2));
  ck_ok(cvk_graph_op(g, CVK_OP_CONV, &attr, 2, in, 1, &y, NULL));
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_tensor *x = made(CVK_BF16, 4, dim, 1), *want = run_on(g, "reference", x, NULL, 0), *got = run_on(g, "cpu", x, NULL, 0);
  ck_assert_double_le(distance(got, want), 1);
  cvk_tensor_release(x), cvk_tensor_release(want), cvk_tensor_release(got);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* Weights are cast once for all plans; double is not computed in float32. */
START_TEST(constants_and_doubles) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  const int64_t any[] = {-1, 256}, w[] = {256, 200};
  cvk_value in[2], y;
  ck_ok(cvk_graph_input(g, "x", CVK_BF16, 2, any, &in[0]));
  in[1] = net_constant(g, made(CVK_BF16, 2, w, 2));
  y = net_op(g, CVK_OP_MATMUL, 2, in);
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_session *s = net_session(g, "cpu");
  uint64_t weights[2];
  for (int64_t n = 1; n <= 2; n++) {
    cvk_tensor *x = made(CVK_BF16, 2, (int64_t[]){n * 7, 256}, 1), *got = NULL;
    ck_ok(cvk_session_run(s, 1, &x, 1, &got));
    weights[n - 1] = net_report(s).weight_bytes;
    cvk_tensor *want = run_on(g, "reference", x, NULL, 0);
    ck_assert_double_le(distance(got, want), 1);
    cvk_tensor_release(x), cvk_tensor_release(got), cvk_tensor_release(want);
  }
  ck_assert_uint_eq(weights[0], weights[1]);
  cvk_session_release(s);
  cvk_graph_release(g);
  g = net_graph(ctx);
  ck_ok(cvk_graph_input(g, "x", CVK_F64, 2, w, &in[0]));
  y = net_op(g, CVK_OP_SIGMOID, 1, in);
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_tensor *x = made(CVK_F64, 2, w, 3), *got = run_on(g, "cpu", x, NULL, 1);
  double v[1], want;
  ck_assert_int_eq(cvk_tensor_dtype(got), CVK_F64);
  double *all = malloc(cvk_tensor_bytes(got)), *from = malloc(cvk_tensor_bytes(x));
  ck_ok(cvk_tensor_read(got, all, cvk_tensor_bytes(got)));
  ck_ok(cvk_tensor_read(x, from, cvk_tensor_bytes(x)));
  v[0] = all[77], want = 1 / (1 + exp(-from[77]));
  ck_assert_double_eq_tol(v[0], want, 1e-15);
  free(all), free(from);
  cvk_tensor_release(x), cvk_tensor_release(got);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

SUITE("widen", one_rounding_from_the_reference, casts_where_rounding_counts, activation_of_a_convolution, constants_and_doubles)

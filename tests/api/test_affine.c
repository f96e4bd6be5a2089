/* SPDX-License-Identifier: Apache-2.0 */
/* test_affine.c: scales and shifts of channels go into the constants of the op before them (api/affine.c). */
#include <math.h>

#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;

static cvk_value op1(int32_t kind, cvk_value a) {
  return net_op(g, kind, 1, &a);
}
static cvk_value op2(int32_t kind, cvk_value a, cvk_value b) {
  return net_op(g, kind, 2, (cvk_value[]){a, b});
}

/* ---- batch norm ---- */

static cvk_tensor *positive(int64_t n, uint32_t seed) {
  float v[64];
  cvk_tensor *t = net_tensor(1, &n, seed);
  net_read(t, v, 64);
  for (int64_t i = 0; i < n; i++) v[i] = 1.5f + v[i];
  ck_ok(cvk_tensor_write(t, v, (uint64_t)n * sizeof *v));
  return t;
}

static void check_batch_norm(cvk_tensor *weights, cvk_tensor *variance, const char *ops) {
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  ctx = net_context(1);
  g = net_graph(ctx);
  cvk_value x = net_input(g, "x", DIMS(1, 3, 6, 6)), y;
  const cvk_value w = net_constant(g, weights), scale = net_constant(g, net_tensor(DIMS(8), 2)),
                  bias = net_constant(g, net_tensor(DIMS(8), 3)), mean = net_constant(g, net_tensor(DIMS(8), 4)),
                  var = net_constant(g, variance);
  ck_ok(cvk_graph_conv(g, x, w, CVK_NO_VALUE, NULL, &y));
  ck_ok(cvk_graph_batch_norm(g, y, scale, bias, mean, var, NULL, &y));
  ck_ok(cvk_graph_output(g, op1(CVK_OP_RELU, y), "y"));
  cvk_session *s = net_session(g, "cpu"), *reference = NULL;
  cvk_tensor *in = net_tensor(DIMS(1, 3, 6, 6), 9), *got = NULL, *want = NULL;
  ck_ok(cvk_session_create(g, &plain, &reference));
  ck_ok(cvk_session_run(s, 1, &in, 1, &got));
  ck_ok(cvk_session_run(reference, 1, &in, 1, &want));
  float u[128], v[128];
  const int64_t n = net_read(got, u, 128);
  net_read(want, v, 128);
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(u[i] == v[i] || (isnan(u[i]) && isnan(v[i])) || fabsf(u[i] - v[i]) <= 1e-5f, "element %d: %g, wanted %g", (int)i,
                  (double)u[i], (double)v[i]);
  const char *ran = net_ops(s), *at = strstr(ran, ops);
  ck_assert_msg(at != NULL, "%s", ran);
  cvk_tensor_release(in);
  cvk_tensor_release(got);
  cvk_tensor_release(want);
  cvk_session_release(s);
  cvk_session_release(reference);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(batch_norm_goes_into_the_weights) {
  check_batch_norm(net_tensor(DIMS(8, 3, 3, 3), 1), positive(8, 5), "conv+batch_norm+relu@cpu");
}
END_TEST

/* Folding an infinite factor would turn 0 * inf into NaN where a channel is exactly zero. */
START_TEST(batch_norm_without_finite_weights_stays) {
  float v[8] = {1, 1, 1, 1, 1, 1, 1, -1e-5f}; /* variance + epsilon = 0 */
  cvk_tensor *variance = net_tensor(DIMS(8), 1);
  ck_ok(cvk_tensor_write(variance, v, sizeof v));
  check_batch_norm(net_tensor(DIMS(8, 3, 3, 3), 1), variance, "conv@cpu");
}
END_TEST

/* The folded weights were let go after the first plan; another shape may want them packed in another way. */
START_TEST(batch_norm_for_shape_after_shape) {
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  ctx = net_context(2);
  g = net_graph(ctx);
  cvk_value x = net_input(g, "x", DIMS(1, 32, -1, -1)), y;
  const cvk_value w = net_constant(g, net_tensor(DIMS(32, 32, 3, 3), 1)), scale = net_constant(g, net_tensor(DIMS(32), 2)),
                  bias = net_constant(g, net_tensor(DIMS(32), 3)), mean = net_constant(g, net_tensor(DIMS(32), 4)),
                  var = net_constant(g, positive(32, 5));
  ck_ok(cvk_graph_conv(g, x, w, CVK_NO_VALUE, NULL, &y));
  ck_ok(cvk_graph_batch_norm(g, y, scale, bias, mean, var, NULL, &y));
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_session *s = net_session(g, "cpu"), *reference = NULL;
  ck_ok(cvk_session_create(g, &plain, &reference));
  for (int64_t side = 3; side < 60; side += 14) {
    cvk_tensor *in = net_tensor(DIMS(1, 32, side, side), 9), *got = NULL, *want = NULL;
    ck_ok(cvk_session_run(s, 1, &in, 1, &got));
    ck_ok(cvk_session_run(reference, 1, &in, 1, &want));
    net_close(got, want);
    ck_assert_msg(strstr(net_ops(s), "conv+batch_norm@cpu") != NULL, "%s", net_ops(s));
    cvk_tensor_release(in);
    cvk_tensor_release(got);
    cvk_tensor_release(want);
  }
  cvk_session_release(s);
  cvk_session_release(reference);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* ---- multiplications, additions and what they follow ---- */

static cvk_value x;

static void begin(int32_t rank, const int64_t *dim) {
  ctx = net_context(1);
  g = net_graph(ctx);
  x = net_input(g, "x", rank, dim);
}

static void check(cvk_value y, const char *ops) {
  net_check(g, y, 1, ops);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

static cvk_value conv(int32_t kind, int64_t group, int32_t rank, const int64_t *weights, int64_t bias) {
  const cvk_value in[3] = {x, net_constant(g, net_tensor(rank, weights, 1)),
                           bias ? net_constant(g, net_tensor(DIMS(bias), 2)) : CVK_NO_VALUE};
  cvk_value y;
  ck_ok(cvk_graph_op(g, kind, &(cvk_conv_attr){.group = group}, bias ? 3 : 2, in, 1, &y, NULL));
  return y;
}

static cvk_value constant(int32_t rank, const int64_t *dim, uint32_t seed) {
  return net_constant(g, net_tensor(rank, dim, seed));
}

static cvk_value norm(cvk_value v, int64_t n) {
  cvk_value y;
  ck_ok(cvk_graph_batch_norm(g, v, constant(DIMS(n), 2), constant(DIMS(n), 3), constant(DIMS(n), 4), net_constant(g, positive(n, 5)), NULL,
                             &y));
  return y;
}

START_TEST(an_addition_is_a_bias) {
  begin(DIMS(1, 3, 6, 5));
  check(op1(CVK_OP_RELU, op2(CVK_OP_ADD, conv(CVK_OP_CONV, 1, DIMS(4, 3, 3, 3), 0), constant(DIMS(1, 4, 1, 1), 7))), "conv+relu@cpu");
  begin(DIMS(1, 3, 6, 5));
  check(op2(CVK_OP_SUB, conv(CVK_OP_CONV, 1, DIMS(4, 3, 3, 3), 4), constant(DIMS(4, 1, 1), 7)), "conv@cpu");
  begin(DIMS(1, 3, 6, 5));
  check(op2(CVK_OP_ADD, constant(DIMS(1), 7), conv(CVK_OP_CONV, 3, DIMS(6, 1, 3, 3), 6)), "reorder conv@cpu reorder");
}
END_TEST

START_TEST(a_chain_goes_into_one_convolution) {
  begin(DIMS(1, 3, 6, 5));
  cvk_value y = norm(conv(CVK_OP_CONV, 1, DIMS(8, 3, 3, 3), 8), 8);
  y = op2(CVK_OP_ADD, op2(CVK_OP_MUL, constant(DIMS(8, 1, 1), 6), y), constant(DIMS(1, 8, 1, 1), 7));
  check(op2(CVK_OP_DIV, y, constant(DIMS(1), 8)), "conv+batch_norm@cpu");
}
END_TEST

/* The weights are [C, M / group, ...] there. */
START_TEST(transposed_convolutions) {
  begin(DIMS(2, 4, 3, 5));
  check(norm(conv(CVK_OP_CONV_TRANSPOSE, 1, DIMS(4, 6, 2, 2), 6), 6), "conv_transpose+batch_norm@cpu");
  begin(DIMS(2, 4, 3, 5));
  check(op2(CVK_OP_MUL, conv(CVK_OP_CONV_TRANSPOSE, 2, DIMS(4, 3, 2, 2), 0), constant(DIMS(6, 1, 1), 7)), "conv_transpose@cpu");
}
END_TEST

/* Where no convolution comes first, as before each one of DenseNet. */
START_TEST(a_batch_norm_takes_what_follows) {
  begin(DIMS(2, 8, 3, 5));
  const cvk_value y = op2(CVK_OP_ADD, op2(CVK_OP_MUL, norm(x, 8), constant(DIMS(8, 1, 1), 6)), constant(DIMS(8, 1, 1), 7));
  check(op1(CVK_OP_RELU, y), "batch_norm+relu@cpu");
}
END_TEST

/* Behind an activation, where no convolution can take them. */
START_TEST(two_in_a_row_are_one) {
  begin(DIMS(2, 19, 5, 5));
  cvk_value y = op2(CVK_OP_ADD, op2(CVK_OP_MUL, constant(DIMS(1), 6), op1(CVK_OP_RELU, x)), constant(DIMS(1, 19, 1, 1), 7));
  check(op1(CVK_OP_SIGMOID, y), "relu@cpu batch_norm+sigmoid@cpu");
  begin(DIMS(2, 19, 5, 5));
  y = op2(CVK_OP_DIV, op2(CVK_OP_SUB, x, constant(DIMS(19, 1, 1), 6)), constant(DIMS(1), 7));
  check(norm(y, 19), "batch_norm@cpu");
  begin(DIMS(2, 19, 3, 5)); /* so few cells are not worth it */
  check(op2(CVK_OP_ADD, op2(CVK_OP_MUL, x, constant(DIMS(1), 6)), constant(DIMS(1), 7)), "mul@cpu add@cpu");
}
END_TEST

/* Along another axis, of a larger shape, the constant divided, not constant, a result that is read twice. */
START_TEST(other_operands_stay) {
  begin(DIMS(1, 3, 6, 6));
  check(op2(CVK_OP_ADD, conv(CVK_OP_CONV, 1, DIMS(4, 3, 3, 3), 0), constant(DIMS(4), 7)), "conv@cpu add@cpu");
  begin(DIMS(1, 3, 6, 6));
  check(op2(CVK_OP_ADD, conv(CVK_OP_CONV, 1, DIMS(4, 3, 3, 3), 0), constant(DIMS(2, 4, 1, 1), 7)), "conv@cpu add@cpu");
  begin(DIMS(1, 3, 6, 6));
  check(op2(CVK_OP_SUB, constant(DIMS(4, 1, 1), 7), conv(CVK_OP_CONV, 1, DIMS(4, 3, 3, 3), 0)), "conv@cpu sub@cpu");
  begin(DIMS(1, 4, 3, 3));
  const cvk_value y = conv(CVK_OP_CONV, 1, DIMS(4, 4, 1, 1), 0);
  check(op2(CVK_OP_MUL, op2(CVK_OP_MUL, y, constant(DIMS(4, 1, 1), 7)), op1(CVK_OP_NEG, y)), "conv@cpu neg@cpu mul@cpu mul@cpu");
}
END_TEST

SUITE("affine", batch_norm_goes_into_the_weights, batch_norm_without_finite_weights_stays, batch_norm_for_shape_after_shape,
      an_addition_is_a_bias, a_chain_goes_into_one_convolution, transposed_convolutions, a_batch_norm_takes_what_follows,
      two_in_a_row_are_one, other_operands_stay)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_simplify.c: the parts of activations, pads and renamings that become less (api/simplify.c), and what only looks like them and stays.
 */
#include <math.h>

#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;
static cvk_value x;

static void begin(int32_t rank, const int64_t *dim) {
  ctx = net_context(1);
  g = net_graph(ctx);
  x = net_input(g, "x", rank, dim);
}

static cvk_value number(float v) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 0, NULL, &v, &t));
  return net_constant(g, t);
}

static cvk_value op1(int32_t kind, cvk_value a) {
  return net_op(g, kind, 1, &a);
}
static cvk_value op2(int32_t kind, cvk_value a, cvk_value b) {
  return net_op(g, kind, 2, (cvk_value[]){a, b});
}

static cvk_value with(int32_t kind, const void *attr, int32_t n, const cvk_value *in) {
  cvk_value v;
  ck_ok(cvk_graph_op(g, kind, attr, n, in, 1, &v, NULL));
  return v;
}

static cvk_value clip(cvk_value a, float low, float high) {
  return with(CVK_OP_CLIP, &(cvk_unary_attr){.alpha = low, .beta = high}, 1, &a);
}

static cvk_value pad(cvk_value a, int64_t before, int64_t after, double value) {
  return with(CVK_OP_PAD, &(cvk_pad_attr){.begin = {0, 0, before, before}, .end = {0, 0, after, after}, .value = value}, 1, &a);
}

/* Six times as far as usual: both ends of the hard activations. */
static void check(cvk_value y, const char *ops) {
  net_check(g, y, 6, ops);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

/* ---- activations ---- */

static cvk_value relu6_of_x_plus_3(int32_t number_first) {
  return clip(number_first ? op2(CVK_OP_ADD, number(3), x) : op2(CVK_OP_ADD, x, number(3)), 0, 6);
}

START_TEST(gates) {
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, x, op1(CVK_OP_SIGMOID, x)), "swish@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, op1(CVK_OP_TANH, op1(CVK_OP_SOFTPLUS, x)), x), "mish@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, x, with(CVK_OP_HARD_SIGMOID, &(cvk_unary_attr){.alpha = 1.0f / 6, .beta = 0.5f}, 1, &x)), "hard_swish@cpu");
}
END_TEST

START_TEST(hard_activations) {
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_DIV, relu6_of_x_plus_3(0), number(6)), "hard_sigmoid@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, number(1.0f / 6), relu6_of_x_plus_3(1)), "hard_sigmoid@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_DIV, op2(CVK_OP_MUL, x, relu6_of_x_plus_3(0)), number(6)), "hard_swish@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, op2(CVK_OP_DIV, relu6_of_x_plus_3(1), number(6)), x), "hard_swish@cpu");
}
END_TEST

static cvk_value one_plus_erf(void) {
  return op2(CVK_OP_ADD, op1(CVK_OP_ERF, op2(CVK_OP_DIV, x, number(sqrtf(2)))), number(1));
}

START_TEST(gelus) {
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, op2(CVK_OP_MUL, x, one_plus_erf()), number(0.5f)), "gelu@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, op2(CVK_OP_MUL, number(0.5f), x), one_plus_erf()), "gelu@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_MUL, op2(CVK_OP_MUL, one_plus_erf(), number(0.5f)), x), "gelu@cpu");
}
END_TEST

START_TEST(reductions_of_channels) {
  begin(DIMS(2, 3, 5, 7));
  check(with(CVK_OP_REDUCE_MEAN, &(cvk_axes_attr){.n_axes = 2, .axis = {-1, 2}, .keep_dims = 1}, 1, &x), "global_avg_pool@cpu");
  begin(DIMS(2, 3, 5));
  check(with(CVK_OP_REDUCE_MAX, &(cvk_axes_attr){.n_axes = 1, .axis = {2}, .keep_dims = 1}, 1, &x), "global_max_pool@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(with(CVK_OP_REDUCE_MEAN, &(cvk_axes_attr){.n_axes = 2, .axis = {1, 2}, .keep_dims = 1}, 1, &x), "reduce_mean@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(with(CVK_OP_REDUCE_MEAN, &(cvk_axes_attr){.n_axes = 2, .axis = {2, 3}}, 1, &x), "reduce_mean@cpu");
}
END_TEST

START_TEST(reductions_of_nothing) {
  begin(DIMS(2, 3, 0, 7));
  check(op1(CVK_OP_NEG, with(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.n_axes = 2, .axis = {2, 3}, .keep_dims = 1}, 1, &x)),
        "reduce_sum@cpu neg@cpu");
  begin(DIMS(2, 0, 5, 7));
  check(with(CVK_OP_REDUCE_MEAN, &(cvk_axes_attr){.n_axes = 2, .axis = {2, 3}, .keep_dims = 1}, 1, &x), "reduce_mean@cpu");
}
END_TEST

START_TEST(sums_of_two) {
  begin(DIMS(2, 3, 5, 7));
  check(op2(CVK_OP_SUM, x, op1(CVK_OP_NEG, x)), "neg@cpu add@cpu");
  begin(DIMS(2, 3, 5, 7));
  check(net_op(g, CVK_OP_SUM, 3, (cvk_value[]){x, x, x}), "sum@cpu");
}
END_TEST

/* Other numbers, another x, a part that is read elsewhere too. */
START_TEST(what_only_looks_like_it_stays) {
  begin(DIMS(2, 3));
  check(op2(CVK_OP_DIV, clip(op2(CVK_OP_ADD, x, number(2)), 0, 6), number(6)), "add@cpu clip@cpu div@cpu");
  begin(DIMS(2, 3));
  check(op2(CVK_OP_MUL, x, op1(CVK_OP_SIGMOID, op1(CVK_OP_NEG, x))), "neg@cpu sigmoid@cpu mul@cpu");
  begin(DIMS(2, 3));
  const cvk_value gate = op1(CVK_OP_SIGMOID, x);
  check(op2(CVK_OP_SUB, op2(CVK_OP_MUL, x, gate), gate), "sigmoid@cpu mul@cpu sub@cpu");
  begin(DIMS(3, 1)); /* the sum has more elements than x */
  check(op2(CVK_OP_DIV, clip(op2(CVK_OP_ADD, x, net_constant(g, net_tensor(DIMS(1, 4), 3))), 0, 6), number(6)), "add@cpu clip@cpu div@cpu");
}
END_TEST

/* ---- pads ---- */

static cvk_value conv_of(cvk_value in, float first_weight, int64_t own) {
  float w[2 * 3 * 3 * 3];
  cvk_tensor *t = net_tensor(DIMS(2, 3, 3, 3), 4);
  net_read(t, w, 54);
  if (first_weight != 0) w[0] = first_weight;
  ck_ok(cvk_tensor_write(t, w, sizeof w));
  const cvk_value io[2] = {in, net_constant(g, t)};
  return with(CVK_OP_CONV, &(cvk_conv_attr){.pad_begin = {own, own}, .pad_end = {own, own}}, 2, io);
}

START_TEST(a_pad_goes_into_a_convolution) {
  begin(DIMS(1, 3, 6, 5));
  check(conv_of(pad(x, 1, 2, 0), 0, 0), "conv@cpu");
  begin(DIMS(1, 3, 6, 5));
  check(conv_of(pad(x, 2, 0, 0), 0, 1), "conv@cpu");
}
END_TEST

START_TEST(other_pads_before_a_convolution_stay) {
  begin(DIMS(1, 3, 6, 5));
  check(conv_of(pad(x, 1, 1, 0.5), 0, 0), "pad@cpu conv@cpu");
  begin(DIMS(1, 3, 6, 5));
  check(conv_of(pad(x, 2, -1, 0), 0, 0), "pad@cpu conv@cpu");
  begin(DIMS(1, 3, 6, 5));
  const cvk_pad_attr edge = {.mode = CVK_PAD_EDGE, .begin = {0, 0, 1, 1}, .end = {0, 0, 1, 1}};
  check(conv_of(with(CVK_OP_PAD, &edge, 1, &x), 0, 0), "pad@cpu conv@cpu");
}
END_TEST

/* Zero times an infinite weight is NaN where the zeros are elements, nothing where they are a convolution's own pad. */
START_TEST(a_pad_before_an_infinite_weight_stays) {
  begin(DIMS(1, 3, 3, 3));
  const cvk_value y = conv_of(pad(x, 1, 1, 0), INFINITY, 0);
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_session *s = net_session(g, "cpu");
  cvk_tensor *in = net_tensor(DIMS(1, 3, 3, 3), 9), *got = NULL;
  float v[18];
  ck_ok(cvk_session_run(s, 1, &in, 1, &got));
  net_read(got, v, 18);
  ck_assert(isnan(v[0]));
  ck_assert_msg(strncmp(net_ops(s), "pad@cpu conv@cpu", 16) == 0, "%s", net_ops(s));
  cvk_tensor_release(in);
  cvk_tensor_release(got);
  cvk_session_release(s);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

static cvk_value pool(int32_t kind, cvk_value in, int64_t own, int32_t counts) {
  const cvk_pool_attr attr = {
      .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {own, own}, .pad_end = {own, own}, .count_include_pad = counts};
  return with(kind, &attr, 1, &in);
}

START_TEST(pads_and_pools) {
  begin(DIMS(1, 3, 6, 5));
  check(pool(CVK_OP_MAX_POOL, pad(x, 1, 1, -INFINITY), 0, 0), "max_pool@cpu");
  begin(DIMS(1, 3, 6, 5));
  check(pool(CVK_OP_MAX_POOL, pad(op1(CVK_OP_RELU, x), 1, 1, 0), 0, 0), "relu@cpu max_pool@cpu");
  begin(DIMS(1, 3, 6, 5)); /* a zero wins against negative elements */
  check(pool(CVK_OP_MAX_POOL, pad(x, 1, 1, 0), 0, 0), "pad@cpu max_pool@cpu");
  begin(DIMS(1, 3, 6, 5));
  check(pool(CVK_OP_AVG_POOL, pad(x, 1, 2, 0), 0, 0), "avg_pool@cpu");
  begin(DIMS(1, 3, 6, 5)); /* the pad counts, the pool's own does not */
  check(pool(CVK_OP_AVG_POOL, pad(x, 1, 1, 0), 1, 0), "pad@cpu avg_pool@cpu");
  begin(DIMS(1, 3, 6, 5)); /* a window that sees the pad alone */
  check(pool(CVK_OP_AVG_POOL, pad(x, 3, 0, 0), 0, 0), "pad@cpu avg_pool@cpu");
}
END_TEST

/* ---- gradients ---- */

/* The gradient of a max pool in the relu before it, of 1 less the pool's result. other: the pool in the graph is another one. */
static cvk_value pooled_relu(int32_t other, cvk_value *spread) {
  const cvk_pool_attr a = {.kernel = {2, 2}, .stride = {2, 2}}, b = {.kernel = {2, 2}, .stride = {2, 2}, .pad_end = {1, 1}};
  const cvk_value y = op1(CVK_OP_RELU, x), p = with(CVK_OP_MAX_POOL, other ? &b : &a, 1, &y);
  const cvk_value in[] = {y, op2(CVK_OP_SUB, number(1), p)};
  *spread = with(CVK_OP_MAX_POOL_GRAD, &a, 2, in);
  return op2(CVK_OP_RELU_GRAD, y, *spread);
}

START_TEST(a_relus_gradient_goes_before_a_pools) {
  cvk_value spread;
  begin(DIMS(2, 3, 6, 9));
  check(pooled_relu(0, &spread), "relu@cpu max_pool@cpu sub@cpu relu_grad@cpu max_pool_grad@cpu");
  begin(DIMS(2, 3, 6, 8));
  check(pooled_relu(1, &spread), "relu@cpu max_pool@cpu sub@cpu max_pool_grad@cpu relu_grad@cpu");
  begin(DIMS(2, 3, 6, 9)); /* read by another op too */
  const cvk_value gx = pooled_relu(0, &spread);
  check(op2(CVK_OP_ADD, gx, spread), "relu@cpu max_pool@cpu sub@cpu max_pool_grad@cpu relu_grad@cpu add@cpu");
}
END_TEST

/* ---- renamings ---- */

/* A net between a relu and a neg; `kind` with `attr` does nothing to a tensor of this shape. */
static void check_view(int32_t kind, const void *attr) {
  begin(DIMS(1, 16, 6, 1));
  const cvk_value y = op1(CVK_OP_RELU, x);
  check(op1(CVK_OP_NEG, with(kind, attr, 1, &y)), "relu@cpu neg@cpu");
}

START_TEST(ops_that_do_nothing) {
  check_view(CVK_OP_IDENTITY, NULL);
  check_view(CVK_OP_DROPOUT, NULL);
  check_view(CVK_OP_TRANSPOSE, &(cvk_axes_attr){.n_axes = 4, .axis = {3, 1, 0, 2}});
  check_view(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 2, .axis = {1, 2}, .start = {0, 0}, .end = {99, 6}, .step = {1, 1}});
  check_view(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .axis = {3}, .start = {0}, .end = {-9}, .step = {-1}});
  check_view(CVK_OP_PAD, &(cvk_pad_attr){.value = 1});
  check_view(CVK_OP_CONCAT, &(cvk_axis_attr){.axis = 1});
  check_view(CVK_OP_EXPAND, &(cvk_shape_attr){.rank = 2, .dim = {6, 1}});
  check_view(CVK_OP_TILE, &(cvk_shape_attr){.rank = 4, .dim = {1, 1, 1, 1}});
  check_view(CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_F32});
}
END_TEST

START_TEST(ops_that_move_something_stay) {
  begin(DIMS(1, 4, 6, 1));
  check(with(CVK_OP_TRANSPOSE, &(cvk_axes_attr){.n_axes = 4, .axis = {0, 2, 1, 3}}, 1, &x), "transpose@cpu");
  begin(DIMS(1, 4, 6, 1));
  check(with(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .axis = {1}, .start = {3}, .end = {-9}, .step = {-1}}, 1, &x), "slice@cpu");
  begin(DIMS(1, 4, 6, 1)); /* as many elements, one of them a pad */
  check(with(CVK_OP_PAD, &(cvk_pad_attr){.begin = {0, 1}, .end = {0, -1}}, 1, &x), "pad@cpu");
}
END_TEST

SUITE("simplify", reductions_of_channels, reductions_of_nothing, gates, sums_of_two, hard_activations, gelus, what_only_looks_like_it_stays,
      a_pad_goes_into_a_convolution, other_pads_before_a_convolution_stay, a_pad_before_an_infinite_weight_stays, pads_and_pools,
      a_relus_gradient_goes_before_a_pools,
      ops_that_do_nothing, ops_that_move_something_stay)

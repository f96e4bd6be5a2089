/* SPDX-License-Identifier: Apache-2.0 */
/* test_autodiff.c: cvk_graph_gradients over graphs: chains, values used twice, views, gradients of gradients, values that do not count,
 * errors. */
#include <convoke/train.h>
#include <stdlib.h>

#include "grad_check.h"

#define DIMS(...)                                                              \
  (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { \
    __VA_ARGS__                                                                \
  }

static cvk_value op(cvk_graph *g, int32_t kind, const void *attr, int32_t n, const cvk_value *in) {
  cvk_value out;
  ck_ok(cvk_graph_op(g, kind, attr, n, in, 1, &out, NULL));
  return out;
}

static cvk_value op1(cvk_graph *g, int32_t kind, cvk_value a) {
  return op(g, kind, NULL, 1, &a);
}

static cvk_value op2(cvk_graph *g, int32_t kind, cvk_value a, cvk_value b) {
  return op(g, kind, NULL, 2, (cvk_value[]){a, b});
}

/* ---- graphs against differences ---- */

/* A small network as it is trained: x, filters, scale and bias of the norm, weights and bias of the last layer. */
static cvk_value network(cvk_graph *g, int32_t dtype, const cvk_value *in) {
  (void)dtype;
  const int64_t two = 2, targets[2] = {2, 0};
  cvk_value v, norm[5], target;
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_I64, 1, &two, targets, &t));
  ck_ok(cvk_graph_constant(g, NULL, t, &target));
  cvk_tensor_release(t);
  ck_ok(cvk_graph_conv(g, in[0], in[1], CVK_NO_VALUE, &(cvk_conv_attr){.pad_begin = {1, 1}, .pad_end = {1, 1}}, &v));
  ck_ok(cvk_graph_op(g, CVK_OP_BATCH_NORM_TRAIN, NULL, 3, (cvk_value[]){v, in[2], in[3]}, 5, norm, NULL));
  v = op1(g, CVK_OP_RELU, norm[0]);
  ck_ok(cvk_graph_max_pool(g, v, &(cvk_pool_attr){.kernel = {2, 2}, .stride = {2, 2}}, &v, NULL));
  v = op1(g, CVK_OP_FLATTEN, v);
  v = op(g, CVK_OP_GEMM, NULL, 3, (cvk_value[]){v, in[4], in[5]});
  return op(g, CVK_OP_SOFTMAX_CROSS_ENTROPY, NULL, 2, (cvk_value[]){v, target});
}

/* x x + sin(x) x, and x beside itself. */
static cvk_value used_often(cvk_graph *g, int32_t dtype, const cvk_value *in) {
  const cvk_value x = in[0], sum = op2(g, CVK_OP_ADD, op2(g, CVK_OP_MUL, x, x), op2(g, CVK_OP_MUL, op1(g, CVK_OP_SIN, x), x));
  const cvk_value both = op(g, CVK_OP_CONCAT, &(cvk_axis_attr){.axis = 0}, 3, (cvk_value[]){x, sum, x});
  return grad_weighted_sum(g, dtype, both, DIMS(6, 3), 1);
}

static cvk_value views(cvk_graph *g, int32_t dtype, const cvk_value *in) {
  cvk_value v = op1(g, CVK_OP_EXP, in[0]);
  v = op(g, CVK_OP_RESHAPE, &(cvk_shape_attr){.rank = 3, .dim = {2, 1, 6}}, 1, &v);
  v = op1(g, CVK_OP_IDENTITY, op1(g, CVK_OP_SQUEEZE, v));
  const cvk_value flat = op(g, CVK_OP_FLATTEN, &(cvk_axis_attr){.axis = 0}, 1, &v);
  v = op(g, CVK_OP_UNSQUEEZE, &(cvk_axes_attr){.n_axes = 1, .axis = {0}}, 1, &v);
  v = op(g, CVK_OP_RESHAPE, &(cvk_shape_attr){.rank = 2, .dim = {1, 12}}, 1, &v);
  return grad_weighted_sum(g, dtype, op2(g, CVK_OP_MUL, v, flat), DIMS(1, 12), 1);
}

/* The loss is a sum over the gradient of another loss. */
static cvk_value second(cvk_graph *g, int32_t dtype, const cvk_value *in) {
  cvk_value gradient[2];
  const cvk_value h = op1(g, CVK_OP_TANH, op(g, CVK_OP_GEMM, NULL, 3, (cvk_value[]){in[0], in[1], in[2]}));
  const cvk_value p = op1(g, CVK_OP_SOFTMAX, op2(g, CVK_OP_DIV, h, op1(g, CVK_OP_COSH, h)));
  ck_ok(cvk_graph_gradients(g, grad_weighted_sum(g, dtype, p, DIMS(2, 4), 1), 2, in, gradient));
  return op2(g, CVK_OP_ADD, grad_weighted_sum(g, dtype, gradient[0], DIMS(2, 3), 2),
             grad_weighted_sum(g, dtype, gradient[1], DIMS(3, 4), 3));
}

/* A penalty on the gradient's size, through relu and an average pool. */
static cvk_value penalty(cvk_graph *g, int32_t dtype, const cvk_value *in) {
  cvk_value v = op2(g, CVK_OP_MUL, op1(g, CVK_OP_RELU, in[0]), in[0]), gradient;
  ck_ok(cvk_graph_avg_pool(g, v, &(cvk_pool_attr){.kernel = {2, 2}}, &v));
  ck_ok(cvk_graph_gradients(g, grad_weighted_sum(g, dtype, op2(g, CVK_OP_MUL, v, v), DIMS(1, 1, 2, 2), 1), 1, in, &gradient));
  return op(g, CVK_OP_REDUCE_SUM, NULL, 1, (cvk_value[]){op2(g, CVK_OP_MUL, gradient, gradient)});
}

/* The same of a convolution with a bias, through its weights. */
static cvk_value penalty_on_weights(cvk_graph *g, int32_t dtype, const cvk_value *in) {
  cvk_value v, gradient[3], sum[3];
  ck_ok(cvk_graph_conv(g, in[0], in[1], in[2], &(cvk_conv_attr){.stride = {2}, .pad_begin = {1}}, &v));
  v = op1(g, CVK_OP_TANH, v);
  ck_ok(cvk_graph_gradients(g, grad_weighted_sum(g, dtype, v, DIMS(2, 2, 3), 1), 3, in, gradient));
  for (int32_t i = 0; i < 3; i++) sum[i] = op1(g, CVK_OP_REDUCE_SUM, op2(g, CVK_OP_MUL, gradient[i], gradient[i]));
  return op2(g, CVK_OP_ADD, sum[0], op2(g, CVK_OP_ADD, sum[1], sum[2]));
}

START_TEST(graphs_against_differences) {
  const grad_case cases[] = {
      {.name = "network", .build = network, .in = {{D(2, 1, 4, 4)}, {D(2, 1, 3, 3)}, {D(2), IN(0.5, 1.5)}, {D(2)}, {D(8, 3)}, {D(3)}}},
      {.name = "used often", .build = used_often, .in = {{D(2, 3)}}},
      {.name = "views", .build = views, .in = {{D(3, 4)}}},
      {.name = "second derivative", .build = second, .in = {{D(2, 3)}, {D(3, 4)}, {D(4)}}},
      {.name = "penalty on weights", .build = penalty_on_weights, .in = {{D(2, 2, 6)}, {D(2, 2, 3)}, {D(2)}}},
      {.name = "gradient penalty", .build = penalty, .in = {{D(1, 1, 3, 3)}}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) grad_check(&cases[i]);
}
END_TEST

/* ---- what is asked and what is refused ---- */

static cvk_context *ctx;
static cvk_graph *g;

static void setup(void) {
  ck_ok(cvk_context_create(&(cvk_context_options){.backends = "cpu", .num_threads = 1}, &ctx));
  ck_ok(cvk_graph_create(ctx, &g));
}

static void finish(void) {
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

static cvk_value input(const char *name, int32_t dtype, int32_t rank, const int64_t *dim) {
  cvk_value v;
  ck_ok(cvk_graph_input(g, name, dtype, rank, dim, &v));
  return v;
}

static cvk_value sum(cvk_value v) {
  return op1(g, CVK_OP_REDUCE_SUM, v);
}

START_TEST(what_does_not_count_has_none) {
  setup();
  const cvk_value x = input("x", CVK_F32, DIMS(2, 3)), other = input("other", CVK_F32, DIMS(2, 3)), i = input("i", CVK_I64, DIMS(2));
  const cvk_value y = op2(g, CVK_OP_MUL, op1(g, CVK_OP_FLOOR, other), op2(g, CVK_OP_GATHER, x, i)), dead = op1(g, CVK_OP_EXP, x);
  cvk_value gradient[4] = {0, 0, 0, 0};
  ck_ok(cvk_graph_gradients(g, sum(y), 4, (cvk_value[]){x, other, i, dead}, gradient));
  ck_assert_int_ge(gradient[0], 0);
  for (int k = 1; k < 4; k++) ck_assert_int_eq(gradient[k], CVK_NO_VALUE);
  finish();
}
END_TEST

/* Of a result on the way, of the loss itself, of a constant, and the same twice. */
START_TEST(any_value_may_be_asked_for) {
  setup();
  const cvk_value x = input("x", CVK_F32, DIMS(1, 2)), w = grad_constant(g, CVK_F32, DIMS(1, 2), 1), h = op2(g, CVK_OP_MUL, x, w);
  const cvk_value loss = sum(op2(g, CVK_OP_MUL, h, h));
  cvk_value gradient[5];
  ck_ok(cvk_graph_gradients(g, loss, 5, (cvk_value[]){h, loss, w, x, x}, gradient));
  ck_assert_int_eq(gradient[3], gradient[4]);
  for (int k = 0; k < 4; k++) ck_ok(cvk_graph_output(g, gradient[k], (const char *[]){"h", "loss", "w", "x"}[k]));
  cvk_session *s = NULL;
  cvk_tensor *in = NULL, *out[4] = {NULL};
  double wv[2];
  float v[2], want[4][2];
  grad_fill(wv, 2, -1, 1.25, 1);
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 2, (int64_t[]){1, 2}, (float[]){3, -5}, &in));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s));
  ck_ok(cvk_session_run(s, 1, &in, 4, out));
  for (int i = 0; i < 2; i++) {
    const float xi = i ? -5 : 3, wi = (float)wv[i];
    want[0][i] = 2 * xi * wi, want[1][i] = 1, want[2][i] = 2 * xi * xi * wi, want[3][i] = 2 * xi * wi * wi;
  }
  for (int k = 0; k < 4; k++) {
    ck_ok(cvk_tensor_read(out[k], v, cvk_tensor_bytes(out[k])));
    for (int i = 0; i < (k == 1 ? 1 : 2); i++)
      ck_assert_msg(v[i] > want[k][i] - 1e-4f && v[i] < want[k][i] + 1e-4f, "%d: %g, wanted %g", k, (double)v[i], (double)want[k][i]);
    cvk_tensor_release(out[k]);
  }
  cvk_tensor_release(in);
  cvk_session_release(s);
  finish();
}
END_TEST

/* From float to float the gradient is in the type of what was cast; by way of integers there is none. */
START_TEST(casts) {
  setup();
  const cvk_value x = input("x", CVK_F32, DIMS(2)), like = input("like", CVK_F64, 0, NULL);
  const cvk_value wide = op(g, CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_F64}, 1, &x),
                  whole = op(g, CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_I32}, 1, &x);
  const cvk_value back = op(g, CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_F64}, 1, &whole),
                  y = op2(g, CVK_OP_MUL, op2(g, CVK_OP_MUL, wide, back), op2(g, CVK_OP_CAST_LIKE, x, like));
  cvk_value gradient[2];
  cvk_session *s = NULL;
  cvk_tensor *in[2] = {NULL}, *out = NULL;
  float v[2];
  ck_ok(cvk_graph_gradients(g, sum(y), 2, (cvk_value[]){x, like}, gradient));
  ck_assert_int_eq(gradient[1], CVK_NO_VALUE);
  ck_ok(cvk_graph_output(g, gradient[0], "gradient"));
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 1, (int64_t[]){2}, (float[]){1.5f, -2.5f}, &in[0]));
  ck_ok(cvk_tensor_create(NULL, CVK_F64, 0, NULL, NULL, &in[1]));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s));
  ck_ok(cvk_session_run(s, 2, in, 1, &out));
  ck_assert_int_eq(cvk_tensor_dtype(out), CVK_F32);
  ck_ok(cvk_tensor_read(out, v, sizeof v));
  ck_assert(v[0] == 3 && v[1] == 10); /* 2 x trunc(x) */
  cvk_tensor_release(out);
  cvk_tensor_release(in[0]);
  cvk_tensor_release(in[1]);
  cvk_session_release(s);
  finish();
}
END_TEST

START_TEST(errors_are_named) {
  cvk_value gradient, none;
  setup();
  const cvk_value x = input("x", CVK_F32, DIMS(2, 3)), y = op1(g, CVK_OP_EXP, x), loss = sum(y);
  ck_fails(cvk_graph_gradients(g, y, 1, &x, &gradient), CVK_INVALID_ARGUMENT,
           "the loss has 6 elements of float32, it is one number of float32 or float64");
  ck_fails(cvk_graph_gradients(g, 99, 1, &x, &gradient), CVK_INVALID_ARGUMENT, "the loss is value 99");
  ck_fails(cvk_graph_gradients(g, loss, 1, (cvk_value[]){-3}, &gradient), CVK_INVALID_ARGUMENT, "value -3 is asked for");
  ck_fails(cvk_graph_gradients(NULL, loss, 1, &x, &gradient), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_graph_gradients(g, loss, 1, NULL, &gradient), CVK_INVALID_ARGUMENT, "NULL");
  ck_ok(cvk_graph_op(g, CVK_OP_DET, NULL, 1, (cvk_value[]){op2(g, CVK_OP_MATMUL, x, op1(g, CVK_OP_TRANSPOSE, x))}, 1, &none, "the_volume"));
  ck_fails(cvk_graph_gradients(g, none, 1, &x, &gradient), CVK_UNSUPPORTED, "det has no gradient");
  ck_fails(cvk_graph_gradients(g, none, 1, &x, &gradient), CVK_UNSUPPORTED, "node 'the_volume'");
  const cvk_value on_ints = sum(op(g, CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_I32}, 1, &x));
  ck_fails(cvk_graph_gradients(g, on_ints, 1, &x, &gradient), CVK_INVALID_ARGUMENT, "1 elements of int32");
  finish();

  setup();
  const cvk_value open = input("open", CVK_F32, DIMS(-1, 3));
  ck_fails(cvk_graph_gradients(g, sum(open), 1, &open, &gradient), CVK_INVALID_SHAPE,
           "input 'open' has no extent on axis 0: all shapes must be known");
  finish();
  setup();
  const cvk_value any = input("any", CVK_F32, -1, NULL);
  ck_fails(cvk_graph_gradients(g, sum(any), 1, &any, &gradient), CVK_INVALID_SHAPE, "input 'any' has no rank");
  finish();
}
END_TEST

/* What only some attributes or outputs allow, and what the gradients themselves lack. */
START_TEST(limits_are_named) {
  cvk_value gradient, v, out[5];
  setup();
  const cvk_value x = input("x", CVK_F32, DIMS(2, 3)), limit = grad_constant(g, CVK_F32, 0, NULL, 0);
  ck_ok(cvk_graph_op(g, CVK_OP_CLIP, NULL, 2, (cvk_value[]){x, limit}, 1, &v, NULL));
  ck_fails(cvk_graph_gradients(g, sum(v), 1, &limit, &gradient), CVK_UNSUPPORTED, "clip has no gradient in its limits");
  const cvk_value ones = grad_constant(g, CVK_F32, DIMS(3), 0);
  ck_ok(cvk_graph_op(g, CVK_OP_BATCH_NORM_TRAIN, NULL, 3, (cvk_value[]){x, ones, ones}, 5, out, "norm"));
  ck_fails(cvk_graph_gradients(g, sum(out[3]), 1, &x, &gradient), CVK_UNSUPPORTED, "batch_norm_train has a gradient in y alone");
  ck_ok(cvk_graph_gradients(g, sum(out[0]), 1, &x, &gradient));
  ck_fails(cvk_graph_gradients(g, sum(gradient), 1, &x, &gradient), CVK_UNSUPPORTED, "batch_norm_grad has no gradient");
  v = op(g, CVK_OP_RESIZE, &(cvk_resize_attr){.coordinates = CVK_TF_CROP_AND_RESIZE, .size = {4, 6}, .roi_end = {1, 1}}, 1, &x);
  ck_fails(cvk_graph_gradients(g, sum(v), 1, &x, &gradient), CVK_UNSUPPORTED, "resize has no gradient with tf_crop_and_resize");
  const cvk_value index = input("index", CVK_I64, DIMS(1, 3));
  v = op(g, CVK_OP_SCATTER_ELEMENTS, &(cvk_scatter_attr){.reduction = CVK_SCATTER_MUL}, 3,
         (cvk_value[]){x, index, grad_constant(g, CVK_F32, DIMS(1, 3), 1)});
  ck_fails(cvk_graph_gradients(g, sum(v), 1, &x, &gradient), CVK_UNSUPPORTED,
           "scatter_elements has a gradient with reductions none and add alone, it is 2");
  v = op(g, CVK_OP_GATHER_ND, &(cvk_gather_nd_attr){.batch_dims = 1}, 2, (cvk_value[]){x, input("tuples", CVK_I64, DIMS(2, 1))});
  ck_fails(cvk_graph_gradients(g, sum(v), 1, &x, &gradient), CVK_UNSUPPORTED, "gather_nd has a gradient with batch_dims 0 alone, it is 1");
  const cvk_value wide = op(g, CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_F64}, 1, &ones);
  v = op(g, CVK_OP_BATCH_NORM, NULL, 5, (cvk_value[]){x, wide, wide, wide, wide});
  ck_fails(cvk_graph_gradients(g, sum(v), 1, &x, &gradient), CVK_UNSUPPORTED,
           "batch_norm has a gradient where all inputs are of one type alone");
  const cvk_conv_attr hidden = {.activation = CVK_OP_TANH};
  const cvk_value image = input("image", CVK_F32, DIMS(1, 1, 4)), filter = grad_constant(g, CVK_F32, DIMS(1, 1, 2), 1);
  v = op(g, CVK_OP_CONV, &hidden, 2, (cvk_value[]){image, filter});
  ck_fails(cvk_graph_gradients(g, sum(v), 1, &image, &gradient), CVK_UNSUPPORTED, "tanh as an attribute of a convolution");
  finish();
}
END_TEST

START_TEST(a_graph_with_a_session_is_finished) {
  cvk_value gradient;
  cvk_session *s = NULL;
  setup();
  const cvk_value x = input("x", CVK_F32, DIMS(2)), loss = sum(op1(g, CVK_OP_EXP, x));
  ck_ok(cvk_graph_output(g, loss, "loss"));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s));
  ck_fails(cvk_graph_gradients(g, loss, 1, &x, &gradient), CVK_BUSY, "a session was made of this graph");
  cvk_session_release(s);
  finish();
}
END_TEST

SUITE("train", graphs_against_differences, what_does_not_count_has_none, any_value_may_be_asked_for, casts, errors_are_named,
      limits_are_named, a_graph_with_a_session_is_finished)

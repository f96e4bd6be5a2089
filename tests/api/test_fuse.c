/* SPDX-License-Identifier: Apache-2.0 */
/* test_fuse.c: post-ops on a backend whose answers are known (tests/plugins/modules/planner.c: ADD takes two of RELU, MUL, ADD): what is offered,
 * the tail that is dropped when it is refused, what may not be fused; and on the CPU backend batch norm folded into a convolution, a bias into a
 * product.
 * Rules of docs/plugin-abi.md: P9, H16. */
#include <math.h>
#include <stdlib.h>

#include "../plugins/sandbox.h"
#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;
static cvk_value a, b, r;

static void open_planner(void) {
  static int there; /* a test may open several */
  if (!there++) {
    sandbox_add(sandbox_folder(), "planner", "planner");
    atexit(sandbox_remove);
  }
  const cvk_context_options options = {.plugin_path = sandbox_folder(), .backends = "planner", .no_env = 1};
  ck_ok(cvk_context_create(&options, &ctx));
  g = net_graph(ctx);
  a = net_input(g, "a", DIMS(2, 5));
  b = net_input(g, "b", DIMS(2, 5));
  r = net_input(g, "r", DIMS(2, 5));
}

static void close_planner(void) {
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

static cvk_value op2(int32_t kind, cvk_value x, cvk_value y) { return net_op(g, kind, 2, (cvk_value[]){x, y}); }
static cvk_value op1(int32_t kind, cvk_value x) { return net_op(g, kind, 1, &x); }

/* Runs g on the planner and on the reference unfused, compares all outputs, and checks what ran: net_ops' text. */
static void check(const char *ops) {
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  cvk_session *s = net_session(g, "planner"), *reference = NULL;
  const int32_t n = cvk_graph_output_count(g);
  cvk_tensor *in[3], *got[8] = {NULL}, *want[8] = {NULL};
  ck_ok(cvk_session_create(g, &plain, &reference));
  for (uint32_t i = 0; i < 3; i++) in[i] = net_tensor(DIMS(2, 5), i + 1);
  for (int round = 0; round < 2; round++) {
    ck_ok(cvk_session_run(s, 3, in, n, got));
    ck_ok(cvk_session_run(reference, 3, in, n, want));
    for (int32_t i = 0; i < n; i++) {
      net_equal(got[i], want[i]);
      cvk_tensor_release(got[i]);
      cvk_tensor_release(want[i]);
      got[i] = want[i] = NULL;
    }
  }
  ck_assert_str_eq(net_ops(s), ops);
  for (int i = 0; i < 3; i++) cvk_tensor_release(in[i]);
  cvk_session_release(s);
  cvk_session_release(reference);
}

START_TEST(taken_in_order) {
  open_planner();
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, op1(CVK_OP_RELU, op2(CVK_OP_ADD, a, b)), r), "y"));
  check("add+relu+mul@planner");
  close_planner();
}
END_TEST

START_TEST(operand_on_either_side) {
  open_planner();
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, r, op2(CVK_OP_ADD, a, b)), "y"));
  check("add+mul@planner");
  close_planner();
}
END_TEST

START_TEST(tail_is_dropped_when_refused) {
  open_planner();
  cvk_value y = op2(CVK_OP_ADD, a, b);
  for (int i = 0; i < 4; i++) y = op2(CVK_OP_MUL, y, r);
  ck_ok(cvk_graph_output(g, y, "y"));
  check("add+mul+mul@planner mul@planner mul@planner"); /* the backend's MUL takes no post-op */
  close_planner();
}
END_TEST

START_TEST(what_the_device_lacks_falls_back) {
  open_planner();
  ck_ok(cvk_graph_output(g, op1(CVK_OP_SIGMOID, op1(CVK_OP_RELU, op2(CVK_OP_ADD, a, b))), "y"));
  check("add+relu@planner sigmoid@reference");
  cvk_session *s = NULL;
  const cvk_session_options none = {.device = "planner", .fallback = CVK_FALLBACK_NONE};
  ck_fails(cvk_session_create(g, &none, &s), CVK_UNSUPPORTED, "sigmoid");
  close_planner();
}
END_TEST

/* The sum is read twice, or is an output: it must exist. */
START_TEST(values_with_other_readers_stay) {
  open_planner();
  const cvk_value sum = op2(CVK_OP_ADD, a, b);
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, op1(CVK_OP_RELU, op2(CVK_OP_MUL, sum, r)), sum), "y"));
  check("add@planner mul@planner relu@reference mul@planner"); /* RELU of rank 2 is not the planner's */
  close_planner();
  open_planner();
  const cvk_value out = op2(CVK_OP_ADD, a, b);
  ck_ok(cvk_graph_output(g, out, "sum"));
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, out, r), "y"));
  check("add@planner mul@planner");
  close_planner();
}
END_TEST

/* x + x, and x times itself, are no post-ops of x's maker: both operands are the value. */
START_TEST(a_value_with_itself) {
  open_planner();
  const cvk_value sum = op2(CVK_OP_ADD, a, b);
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, sum, sum), "y"));
  check("add@planner mul@planner");
  close_planner();
}
END_TEST

/* Operands of post-ops that are made later than the head: it runs where the last of them stood. */
START_TEST(later_operands) {
  open_planner();
  const cvk_value sum = op2(CVK_OP_ADD, a, b), late = op2(CVK_OP_MUL, r, r);
  ck_ok(cvk_graph_output(g, op2(CVK_OP_ADD, sum, late), "y"));
  check("mul@planner add+add@planner");
  close_planner();
}
END_TEST

START_TEST(two_sums_that_meet) {
  open_planner();
  const cvk_value x = op2(CVK_OP_ADD, a, b), y = op2(CVK_OP_ADD, b, r);
  ck_ok(cvk_graph_output(g, op1(CVK_OP_RELU, op2(CVK_OP_ADD, x, y)), "y"));
  check("add@planner add+add+relu@planner");
  close_planner();
}
END_TEST

START_TEST(broadcast_operands_stay_ops) {
  open_planner();
  const cvk_value row = net_constant(g, net_tensor(DIMS(5), 9));
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, op2(CVK_OP_ADD, a, b), row), "y"));
  check("add@planner mul@reference");
  close_planner();
}
END_TEST

START_TEST(constant_operands) {
  open_planner();
  const cvk_value c = net_constant(g, net_tensor(DIMS(2, 5), 9));
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, op2(CVK_OP_ADD, a, b), c), "y"));
  check("add+mul@planner");
  close_planner();
}
END_TEST

START_TEST(nothing_with_no_fusion) {
  open_planner();
  const cvk_session_options options = {.device = "planner", .no_fusion = 1};
  cvk_session *s = NULL;
  ck_ok(cvk_graph_output(g, op2(CVK_OP_MUL, op2(CVK_OP_ADD, a, b), r), "y"));
  ck_ok(cvk_session_create(g, &options, &s));
  ck_assert_str_eq(net_ops(s), "add@planner mul@planner");
  cvk_session_release(s);
  close_planner();
}
END_TEST

/* x (2,5) times w (5,7), then a constant. */
static void check_bias(cvk_tensor *c, int32_t on_the_left, const char *ops) {
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  ctx = net_context(1);
  g = net_graph(ctx);
  const cvk_value x = net_input(g, "x", DIMS(2, 5)), w = net_constant(g, net_tensor(DIMS(5, 7), 1)), bias = net_constant(g, c);
  const cvk_value product = op2(CVK_OP_MATMUL, x, w);
  ck_ok(cvk_graph_output(g, op1(CVK_OP_RELU, on_the_left ? op2(CVK_OP_ADD, bias, product) : op2(CVK_OP_ADD, product, bias)), "y"));
  cvk_session *s = net_session(g, "cpu"), *reference = NULL;
  cvk_tensor *in = net_tensor(DIMS(2, 5), 9), *got = NULL, *want = NULL;
  ck_ok(cvk_session_create(g, &plain, &reference));
  ck_ok(cvk_session_run(s, 1, &in, 1, &got));
  ck_ok(cvk_session_run(reference, 1, &in, 1, &want));
  net_close(got, want);
  ck_assert_str_eq(net_ops(s), ops);
  cvk_tensor_release(in);
  cvk_tensor_release(got);
  cvk_tensor_release(want);
  cvk_session_release(s);
  cvk_session_release(reference);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(a_bias_goes_into_the_product) {
  check_bias(net_tensor(DIMS(7), 2), 0, "gemm+relu@cpu");
  check_bias(net_tensor(DIMS(1, 7), 2), 1, "gemm+relu@cpu");
  check_bias(net_tensor(DIMS(2, 1), 2), 1, "gemm+relu@cpu");
}
END_TEST

/* The sum has more rows than the product, or a rank of its own. */
START_TEST(a_larger_addend_stays) {
  check_bias(net_tensor(DIMS(3, 1, 7), 2), 0, "matmul@cpu add@cpu relu@cpu");
  check_bias(net_tensor(DIMS(1, 2, 7), 2), 0, "matmul@cpu add@cpu relu@cpu");
}
END_TEST

/* A batch norm in training takes activations after it; what reads its statistics may come before them. An addition stays an op. */
START_TEST(a_relu_goes_into_a_batch_norm_in_training) {
  for (int added = 0; added < 2; added++) {
    ctx = net_context(1);
    g = net_graph(ctx);
    cvk_value in[3] = {net_input(g, "x", DIMS(2, 3, 4, 5))}, out[5];
    for (uint32_t i = 1; i < 3; i++) in[i] = net_constant(g, net_tensor(DIMS(3), i));
    ck_ok(cvk_graph_op(g, CVK_OP_BATCH_NORM_TRAIN, NULL, 3, in, 5, out, NULL));
    const cvk_value mean = op1(CVK_OP_NEG, out[3]), y = op1(CVK_OP_RELU, added ? op2(CVK_OP_ADD, out[0], in[0]) : out[0]);
    cvk_value wide;
    ck_ok(cvk_graph_op(g, CVK_OP_RESHAPE, &(cvk_shape_attr){.rank = 3, .dim = {3, 1, 1}}, 1, &mean, 1, &wide, NULL));
    net_check(g, op2(CVK_OP_SUB, y, wide), 6,
              added ? "batch_norm_train@cpu neg@cpu add@cpu relu@cpu sub@cpu" : "batch_norm_train+relu@cpu neg@cpu sub@cpu");
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

SUITE("fuse", taken_in_order, operand_on_either_side, tail_is_dropped_when_refused, what_the_device_lacks_falls_back, values_with_other_readers_stay,
      a_value_with_itself, later_operands, two_sums_that_meet, broadcast_operands_stay_ops, constant_operands, nothing_with_no_fusion,
      a_bias_goes_into_the_product, a_larger_addend_stays, a_relu_goes_into_a_batch_norm_in_training)

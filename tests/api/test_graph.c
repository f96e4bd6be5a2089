/* SPDX-License-Identifier: Apache-2.0 */
/* test_graph.c: building graphs: what is checked, what is told of them, and that they are closed once a session was made. */
#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;

static void open_graph(void) {
  ctx = net_context(1);
  g = net_graph(ctx);
}

static void close_graph(void) {
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(facts) {
  open_graph();
  cvk_value x = net_input(g, "x", DIMS(-1, 3, 8, 8)), y;
  const cvk_value w = net_constant(g, net_tensor(DIMS(4, 3, 3, 3), 1)), b = net_constant(g, net_tensor(DIMS(4), 2));
  ck_ok(cvk_graph_op(g, CVK_OP_CONV, NULL, 3, (cvk_value[]){x, w, b}, 1, &y, "first"));
  y = net_op(g, CVK_OP_RELU, 1, &y);
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_assert_int_eq(cvk_graph_input_count(g), 1);
  ck_assert_int_eq(cvk_graph_output_count(g), 1);
  ck_assert_int_eq(cvk_graph_op_count(g), 2);
  ck_assert_int_eq(cvk_graph_op_kind(g, 0), CVK_OP_CONV);
  ck_assert_str_eq(cvk_graph_op_name(g, 0), "first");
  ck_assert_str_eq(cvk_graph_op_name(g, 1), "relu");
  ck_assert_int_eq(cvk_graph_op_kind(g, 2), 0);
  ck_assert_int_eq(cvk_graph_parameter_count(g), 4 * 27 + 4);
  cvk_value_info info = {.struct_size = sizeof info};
  ck_ok(cvk_graph_input_info(g, 0, &info));
  ck_assert_str_eq(info.name, "x");
  ck_assert_int_eq(info.rank, 4);
  ck_assert_int_eq(info.dim[0], -1);
  ck_ok(cvk_graph_output_info(g, 0, &info));
  ck_assert_str_eq(info.name, "y");
  ck_fails(cvk_graph_input_info(g, 1, &info), CVK_INVALID_ARGUMENT, "1");
  close_graph();
}
END_TEST

START_TEST(arguments_are_checked) {
  open_graph();
  cvk_value x = net_input(g, "x", DIMS(2, 3)), y;
  ck_fails(cvk_graph_input(g, "x", CVK_F32, 1, (int64_t[]){1}, &y), CVK_INVALID_ARGUMENT, "'x'");
  ck_fails(cvk_graph_input(g, "z", 99, 1, (int64_t[]){1}, &y), CVK_INVALID_ARGUMENT, "99");
  ck_fails(cvk_graph_input(g, "z", CVK_F32, 9, (int64_t[]){1}, &y), CVK_INVALID_ARGUMENT, "9");
  ck_fails(cvk_graph_input(g, "z", CVK_F32, 1, (int64_t[]){-2}, &y), CVK_INVALID_SHAPE, "-2");
  ck_fails(cvk_graph_op(g, 12345, NULL, 1, &x, 1, &y, NULL), CVK_INVALID_ARGUMENT, "12345");
  ck_fails(cvk_graph_op(g, CVK_OP_CONV, NULL, 1, &x, 1, &y, NULL), CVK_INVALID_ARGUMENT, "2 to 3");
  ck_fails(cvk_graph_op(g, CVK_OP_RELU, NULL, 1, &x, 2, &y, NULL), CVK_INVALID_ARGUMENT, "2 outputs");
  ck_fails(cvk_graph_op(g, CVK_OP_RELU, NULL, 1, (cvk_value[]){7}, 1, &y, NULL), CVK_INVALID_ARGUMENT, "7");
  ck_fails(cvk_graph_op(g, CVK_OP_ADD, NULL, 2, (cvk_value[]){x, CVK_NO_VALUE}, 1, &y, NULL), CVK_INVALID_ARGUMENT, "required");
  ck_fails(cvk_graph_op(g, CVK_OP_LEAKY_RELU, &(cvk_unary_attr){.struct_size = 1u << 30}, 1, &x, 1, &y, NULL), CVK_INVALID_ARGUMENT, "1073741824");
  ck_fails(cvk_graph_output(g, 5, "y"), CVK_INVALID_ARGUMENT, "5");
  ck_fails(cvk_graph_constant(g, "c", NULL, &y), CVK_INVALID_ARGUMENT, "NULL");
  ck_assert_int_eq(cvk_graph_op_count(g), 0);
  close_graph();
}
END_TEST

START_TEST(closed_by_a_session) {
  open_graph();
  cvk_value x = net_input(g, "x", DIMS(2, 3)), y = net_op(g, CVK_OP_RELU, 1, &x);
  ck_fails(cvk_session_create(g, NULL, &(cvk_session *){NULL}), CVK_INVALID_ARGUMENT, "no output");
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_session *s = net_session(g, "cpu");
  ck_fails(cvk_graph_op(g, CVK_OP_RELU, NULL, 1, &y, 1, &x, NULL), CVK_BUSY, "session");
  ck_fails(cvk_graph_output(g, y, "again"), CVK_BUSY, "session");
  cvk_session_release(s);
  close_graph();
}
END_TEST

START_TEST(shape_errors_name_node_and_numbers) {
  open_graph();
  cvk_value x = net_input(g, "x", DIMS(1, 4, 5, 5)), y;
  const cvk_value w = net_constant(g, net_tensor(DIMS(2, 3, 3, 3), 1));
  cvk_session *s = NULL;
  ck_ok(cvk_graph_op(g, CVK_OP_CONV, NULL, 2, (cvk_value[]){x, w}, 1, &y, "stem"));
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_fails(cvk_session_create(g, &(cvk_session_options){.device = "cpu"}, &s), CVK_INVALID_SHAPE, "stem");
  ck_assert_ptr_nonnull(strstr(cvk_error_message(), "4"));
  ck_assert_ptr_nonnull(strstr(cvk_error_message(), "3"));
  ck_assert_ptr_null(s);
  close_graph();
}
END_TEST

START_TEST(a_session_keeps_its_graph_and_constants) {
  open_graph();
  cvk_value x = net_input(g, "x", DIMS(3));
  const cvk_value c = net_constant(g, net_tensor(DIMS(3), 4));
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_ADD, 2, (cvk_value[]){x, c}), "y"));
  cvk_session *s = net_session(g, "cpu");
  close_graph();
  cvk_tensor *in = net_tensor(DIMS(3), 5), *out = NULL;
  ck_ok(cvk_session_run(s, 1, &in, 1, &out));
  ck_assert_int_eq(cvk_tensor_count(out), 3);
  cvk_tensor_release(in);
  cvk_tensor_release(out);
  cvk_session_release(s);
}
END_TEST

START_TEST(constants_of_ops) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(2));
  cvk_tensor *w = net_tensor(DIMS(2), 4), *got = NULL;
  cvk_value c;
  ck_ok(cvk_graph_constant(g, NULL, w, &c));
  net_op(g, CVK_OP_ADD, 2, (cvk_value[]){x, c});
  ck_ok(cvk_graph_op_constant(g, 0, 1, &got));
  net_equal(got, w);
  cvk_tensor_release(got);
  cvk_tensor_release(w);
  ck_fails(cvk_graph_op_constant(g, 0, 0, &got), CVK_INVALID_ARGUMENT, "input 0 of op 0 'add' is no constant");
  ck_fails(cvk_graph_op_constant(g, 0, 2, &got), CVK_INVALID_ARGUMENT, "input 2 of op 0");
  ck_fails(cvk_graph_op_constant(g, 1, 0, &got), CVK_INVALID_ARGUMENT, "op 1 is not in 0..0");
  ck_fails(cvk_graph_op_constant(NULL, 0, 0, &got), CVK_INVALID_ARGUMENT, "the graph is NULL");
  close_graph();
}
END_TEST

SUITE("graph", constants_of_ops, facts, arguments_are_checked, closed_by_a_session, shape_errors_name_node_and_numbers, a_session_keeps_its_graph_and_constants)

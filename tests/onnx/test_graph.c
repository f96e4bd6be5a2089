/* SPDX-License-Identifier: Apache-2.0 */
/* test_graph.c: what joins the nodes: order, names, absent and unused values, initialisers, opsets, and messages about what is lacking. */
#include <stdio.h>

#include "run_model.h"

static bytes graph_with_x(void) {
  bytes g = {0};
  declare(&g, "x", F32("2", 0));
  return g;
}

START_TEST(test_any_order_of_nodes) {
  bytes g = graph_with_x();
  node(&g, "Neg", "c", "y", NULL);
  node(&g, "Add", "b x", "c", NULL);
  node(&g, "Exp", "x", "b", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(graph), 3);
  ck_assert_int_eq(cvk_graph_op_kind(graph, 0), CVK_OP_EXP);
  ck_assert_int_eq(cvk_graph_op_kind(graph, 1), CVK_OP_ADD);
  ck_assert_str_eq(cvk_graph_op_name(graph, 2), "y");
  cvk_graph_release(graph);
  expect(&m, IN(F32("2", 0, 0)), 1, (const array[]){F32("2", -1, -1)});
}
END_TEST

START_TEST(test_a_sorted_file_keeps_its_order) {
  bytes g = graph_with_x();
  node(&g, "Exp", "x", "a", NULL);
  node(&g, "Neg", "x", "b", NULL);
  node(&g, "Abs", "b", "c", NULL);
  node(&g, "Add", "a c", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  static const int32_t kinds[] = {CVK_OP_EXP, CVK_OP_NEG, CVK_OP_ABS, CVK_OP_ADD};
  for (int32_t i = 0; i < 4; i++) ck_assert_int_eq(cvk_graph_op_kind(graph, i), kinds[i]);
  cvk_graph_release(graph);
  empty(&m);
}
END_TEST

/* A chain as long as any: neither the sort nor the file's order may cost a stack. */
START_TEST(test_a_long_chain_backwards) {
  enum { LENGTH = 20000 };
  char in[16], out[16];
  bytes g = graph_with_x();
  for (int i = LENGTH; i > 0; i--) {
    snprintf(in, sizeof in, i == 1 ? "x" : "v%d", i - 1);
    snprintf(out, sizeof out, "v%d", i);
    node(&g, "Relu", in, out, NULL);
  }
  output(&g, out);
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(graph), LENGTH);
  cvk_graph_release(graph);
  empty(&m);
}
END_TEST

static void refused(bytes *g, int64_t opset, cvk_status status, const char *text) {
  bytes m = model(g, opset);
  expect_failure(&m, NO_INPUTS, status, text);
}

START_TEST(test_wrong_names) {
  bytes g = graph_with_x();
  node(&g, "Relu", "b", "a", NULL);
  node(&g, "Relu", "a", "b", NULL);
  output(&g, "b");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "depends on itself through input 0");
  g = graph_with_x();
  node(&g, "Add", "x y", "y", NULL);
  output(&g, "y");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "node 'y' (Add): it depends on itself through input 1, 'y'");
  g = graph_with_x();
  node(&g, "Add", "x missing", "y", NULL);
  output(&g, "y");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "node 'y' (Add): input 1, 'missing', is not defined");
  g = graph_with_x();
  output(&g, "y");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "graph output 'y' is not defined");
  g = graph_with_x();
  refused(&g, 13, CVK_INVALID_ARGUMENT, "no outputs");
  g = graph_with_x();
  node(&g, "Relu", "x", "y", NULL);
  node(&g, "Abs", "x", "y", NULL);
  output(&g, "y");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "'y' is defined twice");
  g = graph_with_x();
  declare(&g, "x", F32("2", 0));
  output(&g, "x");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "'x' is defined twice");
  g = graph_with_x();
  node(&g, "Relu", "x", "w", NULL);
  constant(&g, "w", F32("1", 1));
  output(&g, "w");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "'w' is defined twice");
  g = graph_with_x();
  constant(&g, "w", F32("1", 1));
  constant(&g, "w", F32("1", 2));
  output(&g, "w");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "'w' is defined twice");
  g = graph_with_x();
  node(&g, "Relu", "x", "x", NULL);
  output(&g, "x");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "'x' is defined twice");
  g = graph_with_x();
  node(&g, "Relu", "x", "", NULL);
  output(&g, "x");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "(Relu): it has no outputs");
}
END_TEST

/* Before IR version 4 an initialiser was an input too; it is no input to the caller. */
START_TEST(test_initialisers_are_constants) {
  bytes g = graph_with_x();
  declare(&g, "w", F32("2", 0));
  constant(&g, "w", F32("2", 1, 2));
  constant(&g, "unused", F32("2", 1, 2));
  node(&g, "Add", "x w", "y", NULL);
  output(&g, "y");
  output(&g, "x");
  output(&g, "w");
  bytes m = model(&g, 8);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_input_count(graph), 1);
  cvk_value_info info = {.struct_size = sizeof info};
  ck_ok(cvk_graph_input_info(graph, 0, &info));
  ck_assert_str_eq(info.name, "x");
  cvk_graph_release(graph);
  expect(&m, IN(F32("2", 5, 6)), 3, (const array[]){F32("2", 6, 8), F32("2", 5, 6), F32("2", 1, 2)});
}
END_TEST

START_TEST(test_symbolic_and_open_extents) {
  bytes g = {0};
  value_info(&g, 11, "named", CVK_F32, 2, DIMS(-1, 3));
  value_info(&g, 11, "open", CVK_I64, -1, NULL);
  node(&g, "Relu", "named", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  cvk_value_info info = {.struct_size = sizeof info};
  ck_ok(cvk_graph_input_info(graph, 0, &info));
  ck_assert_int_eq(info.rank, 2);
  ck_assert_int_eq(info.dim[0], -1);
  ck_assert_int_eq(info.dim[1], 3);
  ck_ok(cvk_graph_input_info(graph, 1, &info));
  ck_assert_int_eq(info.rank, -1);
  ck_assert_int_eq(info.dtype, CVK_I64);
  cvk_graph_release(graph);
  expect(&m, IN(F32("1x3", -1, 0, 1), I64("1", 0)), 1, (const array[]){F32("1x3", 0, 0, 1)});
}
END_TEST

/* An output that nobody reads is not asked of the backend: fast pools have no indices. */
START_TEST(test_unused_outputs_are_absent) {
  bytes g = {0}, a = {0};
  declare(&g, "x", F32("1x1x2", 0));
  attr_ints(&a, "kernel_shape", 1, DIMS(2));
  node(&g, "MaxPool", "x", "y indices", &a);
  node(&g, "Dropout", "y", "z mask", NULL);
  output(&g, "z");
  bytes m = model(&g, 11);
  expect(&m, IN(F32("1x1x2", 3, 4)), 1, (const array[]){F32("1x1x1", 4)});
}
END_TEST

START_TEST(test_what_is_lacking_is_listed) {
  bytes g = graph_with_x(), then = {0}, a = {0}, custom = {0};
  node(&g, "StringConcat", "x x", "n1", NULL);
  node(&g, "StringConcat", "n1 n1", "n2", NULL);
  node(&g, "Relu", "x", "r", NULL);
  attr_start(&a, "then_branch", 5);
  put_message(&a, 6, &then);
  bytes attrs = {0};
  put_message(&attrs, 5, &a);
  node(&g, "If", "x", "chosen", &attrs);
  put_text(&custom, 1, "x");
  put_text(&custom, 2, "y");
  put_text(&custom, 3, "mine");
  put_text(&custom, 4, "Relu");
  put_text(&custom, 7, "com.mine");
  put_message(&g, 1, &custom);
  output(&g, "y");
  refused(&g, 13, CVK_UNSUPPORTED,
          "4 of 5 nodes are of operators that Convoke lacks at opset 13: StringConcat (nodes 'n1', 'n2'), If (node 'chosen', whose condition is computed from "
          "inputs), com.mine.Relu "
          "(node 'mine')");
  g = graph_with_x();
  for (int i = 0; i < 2000; i++) { /* the message stays bounded */
    char name[64];
    snprintf(name, sizeof name, "AnOperatorOfAnUnreasonablyLongNameNumber%d", i);
    node(&g, name, "x", "-", NULL);
  }
  refused(&g, 13, CVK_UNSUPPORTED, "2000 of 2000 nodes");
  ck_assert_uint_lt(strlen(cvk_error_message()), 2048);
  g = graph_with_x();
  node(&g, "Gelu", "x", "y", NULL); /* new in opset 20 */
  output(&g, "y");
  refused(&g, 19, CVK_UNSUPPORTED, "lacks at opset 19: Gelu");
}
END_TEST

START_TEST(test_opsets) {
  static const int64_t wrong[] = {0, -1, 29, 9223372036854775807};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    bytes g = graph_with_x();
    output(&g, "x");
    refused(&g, wrong[i], CVK_UNSUPPORTED, "Convoke reads 1 to 28");
  }
  bytes g = graph_with_x(), m = {0}, other = {0};
  node(&g, "Abs", "x", "y", NULL);
  output(&g, "y");
  put_text(&other, 1, "ai.onnx.ml");
  put_int(&other, 2, 99);
  put_message(&m, 8, &other);
  put_message(&m, 7, &g);
  expect(&m, IN(F32("2", -1, 2)), 1, (const array[]){F32("2", 1, 2)}); /* none said: opset 1 */
}
END_TEST

START_TEST(test_unknown_attributes_and_extra_inputs) {
  bytes g = graph_with_x(), a = {0};
  attr_int(&a, "axis", 0);
  node(&g, "Relu", "x", "y", &a);
  output(&g, "y");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "node 'y' (Relu): attribute 'axis' is unknown at opset 13");
  g = graph_with_x();
  attr_int(&a, "to", 1);
  attr_int(&a, "to", 7);
  node(&g, "Cast", "x", "y", &a);
  output(&g, "y");
  refused(&g, 13, CVK_IO_ERROR, "'to' is given twice");
  g = graph_with_x();
  node(&g, "Relu", "x x", "y", NULL);
  output(&g, "y");
  refused(&g, 13, CVK_INVALID_ARGUMENT, "2 inputs and 1 outputs, expected at most 1 and 1");
  g = graph_with_x();
  node(&g, "Relu", "x -", "y", NULL); /* a trailing absent input is none */
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, IN(F32("2", -1, 1)), 1, (const array[]){F32("2", 0, 1)});
}
END_TEST

START_TEST(test_a_graph_outlives_its_loading) {
  bytes g = graph_with_x();
  constant(&g, "w", F32("2", 1, 1));
  node(&g, "Add", "x w", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  char path[] = "/tmp/convoke-model-XXXXXX";
  const int fd = mkstemp(path);
  FILE *f = fdopen(fd, "wb");
  ck_assert_uint_eq(fwrite(m.data, 1, m.n, f), m.n);
  fclose(f);
  cvk_context *ctx = NULL;
  cvk_graph *graph = NULL;
  cvk_session *s = NULL;
  cvk_tensor *x = NULL, *y = NULL;
  float got[2];
  ck_ok(cvk_context_create(&(cvk_context_options){.backends = "none", .no_env = 1}, &ctx));
  ck_ok(cvk_graph_load_onnx(ctx, path, &graph));
  remove(path);
  ck_fails(cvk_graph_load_onnx(ctx, path, &graph), CVK_IO_ERROR, "No such file");
  ck_ok(cvk_session_create(graph, &(cvk_session_options){.device = "reference"}, &s));
  cvk_graph_release(graph);
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 1, DIMS(2), (const float[]){3, 4}, &x));
  ck_ok(cvk_session_run(s, 1, &x, 1, &y));
  ck_ok(cvk_tensor_read(y, got, sizeof got));
  ck_assert_float_eq(got[0], 4);
  ck_assert_float_eq(got[1], 5);
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  cvk_session_release(s);
  cvk_context_release(ctx);
  empty(&m);
}
END_TEST

START_TEST(test_null_arguments) {
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.no_env = 1}, &ctx));
  ck_fails(cvk_graph_load_onnx(NULL, "x", &g), CVK_INVALID_ARGUMENT, "ctx is NULL");
  ck_fails(cvk_graph_load_onnx(ctx, NULL, &g), CVK_INVALID_ARGUMENT, "path is NULL");
  ck_fails(cvk_graph_load_onnx(ctx, "x", NULL), CVK_INVALID_ARGUMENT, "out is NULL");
  ck_fails(cvk_graph_load_onnx_memory(ctx, NULL, 5, &g), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_graph_load_onnx_memory(ctx, "x", 0, &g), CVK_INVALID_ARGUMENT, "0 bytes");
  cvk_context_release(ctx);
}
END_TEST

SUITE("onnx graph", test_any_order_of_nodes, test_a_sorted_file_keeps_its_order, test_a_long_chain_backwards, test_wrong_names,
      test_initialisers_are_constants, test_symbolic_and_open_extents, test_unused_outputs_are_absent, test_what_is_lacking_is_listed,
      test_opsets, test_unknown_attributes_and_extra_inputs, test_a_graph_outlives_its_loading, test_null_arguments)

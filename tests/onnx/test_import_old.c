/* SPDX-License-Identifier: Apache-2.0 */
/* test_import_old.c: forms of old opsets that mean something else than today's, built from several ops: legacy broadcasting, Softmax over
 * flattened axes, BatchNormalization's `spatial`, Dropout's mask. Each also with a symbolic shape. */
#include <math.h>

#include "one_node.h"

/* Input a declared with symbolic extents, b as given, both run with these values. */
static void check_symbolic(int64_t opset, const char *op, bytes *attrs, int32_t n_in, const array *x, array want) {
  static const char *const names[] = {"a", "b", "c", "d", "e"};
  int64_t dim[CVK_MAX_RANK];
  int32_t rank = 1;
  char in[16] = "";
  bytes g = {0};
  for (const char *p = x[0].dims; *p; p++) rank += *p == 'x';
  for (int32_t i = 0; i < rank; i++) dim[i] = -1;
  value_info(&g, 11, "a", x[0].dtype, rank, dim);
  for (int32_t i = 0; i < n_in; i++) {
    if (i > 0) {
      declare(&g, names[i], x[i]);
      strcat(in, " ");
    }
    strcat(in, names[i]);
  }
  node(&g, op, in, "y", attrs);
  output(&g, "y");
  bytes m = model(&g, opset);
  expect(&m, n_in, x, 1, &want);
}

/* Input a of unknown rank. */
static void check_any_rank(int64_t opset, const char *op, bytes *attrs, array a, array b, array want) {
  bytes g = {0};
  value_info(&g, 11, "a", a.dtype, -1, NULL);
  value_info(&g, 11, "b", b.dtype, -1, NULL);
  node(&g, op, "a b", "y", attrs);
  output(&g, "y");
  bytes m = model(&g, opset);
  expect(&m, IN(a, b), 1, &want);
}

START_TEST(test_broadcast_axis) {
  const array a = F32("1x2x2", 1, 2, 3, 4), b = F32("2", 10, 20);
  static const struct {
    const char *op;
    float want[4];
  } ops[] = {{"Add", {11, 12, 23, 24}},
             {"Sub", {-9, -8, -17, -16}},
             {"Mul", {10, 20, 60, 80}},
             {"Div", {0.1f, 0.2f, 0.15f, 0.2f}},
             {"Pow", {1, 1024, 3486784401.f, 1099511627776.f}}};
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    bytes attrs = {0};
    attr_int(&attrs, "broadcast", 1);
    attr_int(&attrs, "axis", 1);
    check_op(6, ops[i].op, &attrs, "a b", IN(a, b), (array){CVK_F32, "1x2x2", ops[i].want});
    attr_int(&attrs, "broadcast", 1);
    attr_int(&attrs, "axis", -2);
    check_any_rank(6, ops[i].op, &attrs, a, b, (array){CVK_F32, "1x2x2", ops[i].want});
  }
  bytes attrs = {0};
  attr_int(&attrs, "broadcast", 1);
  attr_int(&attrs, "axis", 1);
  check_symbolic(6, "Less", &attrs, IN(a, F32("2", 2, 4)), BOOL("1x2x2", 1, 0, 1, 0));
  attr_int(&attrs, "broadcast", 1);
  attr_int(&attrs, "axis", 0);
  check_any_rank(6, "Add", &attrs, a, F32("", 1), F32("1x2x2", 2, 3, 4, 5));
  attr_int(&attrs, "broadcast", 1); /* no axis: the last axes match */
  check_op(6, "Add", &attrs, "a b", IN(a, b), F32("1x2x2", 11, 22, 13, 24));
  attr_int(&attrs, "axis", 1);
  check_refused(7, "Add", &attrs, "a b", IN(a, b), CVK_INVALID_ARGUMENT, "attribute 'axis' is unknown at opset 7");
}
END_TEST

START_TEST(test_broadcast_axis_of_logic) {
  const array a = BOOL("1x2x2", 0, 1, 0, 1), b = BOOL("2", 0, 1);
  static const struct {
    const char *op;
    uint8_t want[4];
  } ops[] = {{"And", {0, 0, 0, 1}}, {"Or", {0, 1, 1, 1}}, {"Xor", {0, 1, 1, 0}}};
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    bytes attrs = {0};
    attr_int(&attrs, "broadcast", 1);
    attr_int(&attrs, "axis", 1);
    check_op(1, ops[i].op, &attrs, "a b", IN(a, b), (array){CVK_BOOL, "1x2x2", ops[i].want});
    attr_int(&attrs, "broadcast", 1);
    check_refused(7, ops[i].op, &attrs, "a b", IN(a, b), CVK_INVALID_ARGUMENT, "attribute 'broadcast' is unknown at opset 7");
  }
}
END_TEST

/* Parameters that were attributes, or had other names. */
START_TEST(test_first_opset) {
  const array x = F32("2x3", -4, -1.5f, -0.5f, 0.25f, 0.75f, 3);
  bytes a = {0};
  attr_text(&a, "to", "INT64");
  check_op(1, "Cast", &a, "a", 1, &x, I64("2x3", -4, -1, 0, 0, 0, 3));
  attr_text(&a, "to", "STRING");
  check_refused(1, "Cast", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'to' is 'STRING'");
  attr_int(&a, "to", 7);
  check_refused(5, "Cast", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'to' has type 2, expected 3 (string)");
  attr_ints(&a, "paddings", 4, DIMS(0, 1, 0, 0));
  attr_float(&a, "value", 9);
  check_op(1, "Pad", &a, "a", 1, &x, F32("2x4", 9, -4, -1.5f, -0.5f, 9, 0.25f, 0.75f, 3));
  check_refused(1, "Pad", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'paddings' is missing");
  check_refused(2, "Pad", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'pads' is missing");
  attr_ints(&a, "shape", 3, DIMS(0, 1, -1));
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  check_op(1, "Reshape", &a, "a", 1, &x, F32("2x1x3", -4, -1.5f, -0.5f, 0.25f, 0.75f, 3));
  check_refused(4, "Reshape", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'shape' is missing");
  attr_float(&a, "alpha", 2);
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  check_op(1, "Selu", &a, "a", IN(F32("2", 0, 1)), F32("2", 0, 1.0507f));
  check_op(1, "Concat", NULL, "a a", IN(F32("1x2", 1, 2)), F32("1x4", 1, 2, 1, 2));
  attr_int(&a, "axis", 1);
  attr_ints(&a, "split", 2, DIMS(1, 2));
  bytes m = one(1, "Split", &a, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){F32("2x1", -4, 0.25f), F32("2x2", -1.5f, -0.5f, 0.75f, 3)});
  attr_float(&a, "min", -1);
  attr_float(&a, "max", 1);
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  check_op(1, "Clip", &a, "a", 1, &x, F32("2x3", -1, -1, -0.5f, 0.25f, 0.75f, 1));
  attr_ints(&a, "axes", 1, DIMS(1));
  attr_ints(&a, "starts", 1, DIMS(-2));
  attr_ints(&a, "ends", 1, DIMS(100));
  check_op(1, "Slice", &a, "a", 1, &x, F32("2x2", -1.5f, -0.5f, 0.75f, 3));
  attr_ints(&a, "axes", 1, DIMS(1));
  attr_int(&a, "keepdims", 0);
  check_op(1, "ReduceMax", &a, "a", 1, &x, F32("2", -0.5f, 3));
  attr_ints(&a, "axes", 1, DIMS(0));
  check_op(1, "Unsqueeze", &a, "a", IN(F32("2", 1, 2)), F32("1x2", 1, 2));
  attr_ints(&a, "axes", 1, DIMS(0));
  check_op(1, "Squeeze", &a, "a", IN(F32("1x2", 1, 2)), F32("2", 1, 2));
  attr_int(&a, "is_test", 1);
  attr_float(&a, "ratio", 0.5f);
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  check_op(1, "Dropout", &a, "a", 1, &x, x);
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  check_op(1, "PRelu", &a, "a b", IN(F32("1x2", -1, 2), F32("1", 0.5f)), F32("1x2", -0.5f, 2));
  attr_int(&a, "broadcast", 1);
  check_op(1, "Gemm", &a, "a b c", IN(F32("1x2", 1, 2), F32("2x2", 1, 2, 3, 4), F32("2", 10, 20)), F32("1x2", 17, 30));
  attr_int(&a, "is_test", 1);
  attr_float(&a, "epsilon", 0);
  attr_ints(&a, "consumed_inputs", 5, DIMS(0, 0, 0, 1, 1));
  check_op(1, "BatchNormalization", &a, "a b c d e", IN(F32("1x2", 1, 2), F32("2", 2, 1), F32("2", 0, 10), F32("2", 0, 1), F32("2", 4, 1)),
           F32("1x2", 1, 11));
  attr_ints(&a, "kernel_shape", 1, DIMS(2));
  attr_ints(&a, "pads", 2, DIMS(1, 0));
  check_op(1, "AveragePool", &a, "a", IN(F32("1x1x2", 4, 6)), F32("1x1x2", 4, 5));
}
END_TEST

/* Tiles, axes and sizes were numbers of the data's type. */
START_TEST(test_numbers_of_the_datas_type) {
  const array x = F32("2x3", 1, 2, 3, 4, 5, 6), tiles = F32("1", 2);
  check_op(1, "Tile", NULL, "a b c", IN(x, tiles, F32("1", 1)), F32("2x6", 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));
  check_op(5, "Tile", NULL, "a b c", IN(x, F32("", 2), F32("", 0)), F32("4x3", 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6));
  check_symbolic(1, "Tile", NULL, IN(x, tiles, F32("1", 1)), F32("2x6", 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));
  check_refused(1, "Tile", NULL, "a b c", IN(x, tiles, F32("1", 2)), CVK_INVALID_SHAPE, "-1");
  check_refused(1, "Tile", NULL, "a b", IN(x, tiles), CVK_INVALID_ARGUMENT, "it has 2 inputs, expected data, tiles and axis");
  check_refused(6, "Tile", NULL, "a b c", IN(x, tiles, F32("1", 1)), CVK_INVALID_ARGUMENT, "3 inputs");
  bytes a = {0};
  attr_int(&a, "axis", 1);
  bytes m = one(1, "Split", &a, "a b", "y z", IN(x, F32("2", 2, 1)));
  expect(&m, IN(x, F32("2", 2, 1)), 2, (const array[]){F32("2x2", 1, 2, 4, 5), F32("2x1", 3, 6)});
  m = one(1, "Split", NULL, "a", "y z", 1, &x); /* equal parts of axis 0 */
  expect(&m, 1, &x, 2, (const array[]){F32("1x3", 1, 2, 3), F32("1x3", 4, 5, 6)});
  attr_int(&a, "axis", 1);
  attr_ints(&a, "split", 2, DIMS(1, 2));
  m = one(2, "Split", &a, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){F32("2x1", 1, 4), F32("2x2", 2, 3, 5, 6)});
}
END_TEST

START_TEST(test_windows_of_the_first_opset) {
  const array x = F32("1x1x2x3", 1, 2, 3, 4, 5, 6);
  bytes a = {0};
  attr_ints(&a, "kernel_shape", 2, DIMS(2, 2));
  attr_ints(&a, "strides", 2, DIMS(1, 1));
  attr_ints(&a, "pads", 4, DIMS(0, 1, 0, 0));
  check_op(1, "MaxPool", &a, "a", 1, &x, F32("1x1x1x3", 4, 5, 6));
  attr_ints(&a, "kernel_shape", 2, DIMS(2, 2));
  attr_text(&a, "auto_pad", "SAME_UPPER");
  check_op(1, "AveragePool", &a, "a", 1, &x, F32("1x1x2x3", 3, 4, 4.5f, 4.5f, 5.5f, 6)); /* padding never counts */
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_float(&a, "p", 1);
  check_op(1, "LpPool", &a, "a", 1, &x, F32("1x1x2x2", 3, 5, 9, 11));
  attr_ints(&a, "kernel_shape", 2, DIMS(2, 1));
  check_op(1, "LpPool", &a, "a", IN(F32("1x1x2x1", 3, -4)), F32("1x1x1x1", 5));
  check_refused(1, "LpPool", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'kernel_shape' is missing");
  attr_float(&a, "p", 1);
  check_op(1, "GlobalLpPool", &a, "a", 1, &x, F32("1x1x1x1", 21));
  attr_float(&a, "p", 2.5f);
  check_refused(1, "GlobalLpPool", &a, "a", 1, &x, CVK_UNSUPPORTED, "'p' is 2.5");
  attr_int(&a, "p", 1);
  check_refused(1, "GlobalLpPool", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'p' has type 2, expected 1 (float)");
  attr_float(&a, "p", 1);
  check_refused(2, "GlobalLpPool", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'p' has type 1, expected 2 (int)");
}
END_TEST

START_TEST(test_attributes_that_became_inputs) {
  const array x = F32("1x3", 1, 2, 3);
  bytes a = {0};
  attr_ints(&a, "pads", 4, DIMS(0, 2, 0, 1));
  attr_text(&a, "mode", "reflect");
  check_op(2, "Pad", &a, "a", 1, &x, F32("1x6", 3, 2, 1, 2, 3, 2));
  attr_ints(&a, "pads", 4, DIMS(0, 2, 0, -1));
  attr_text(&a, "mode", "edge");
  check_op(10, "Pad", &a, "a", 1, &x, F32("1x4", 1, 1, 1, 2));
  attr_ints(&a, "starts", 2, DIMS(0, 1));
  attr_ints(&a, "ends", 2, DIMS(INT64_MAX, -1));
  check_op(9, "Slice", &a, "a", 1, &x, F32("1x1", 2)); /* no axes: the first ones */
  attr_float(&a, "max", 2);
  check_op(6, "Clip", &a, "a", 1, &x, F32("1x3", 1, 2, 2));
  attr_float(&a, "min", 2);
  check_op(10, "Clip", &a, "a", 1, &x, F32("1x3", 2, 2, 3));
  check_op(6, "Clip", NULL, "a", 1, &x, x);
  check_op(1, "Squeeze", NULL, "a", 1, &x, F32("3", 1, 2, 3)); /* no axes: all of one extent */
  check_refused(11, "Unsqueeze", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "the axes are missing");
  check_refused(4, "Concat", NULL, "a a", 1, &x, CVK_INVALID_ARGUMENT, "'axis' is missing");
  attr_int(&a, "is_test", 0); /* its mask is of the data's type */
  attr_float(&a, "ratio", 0.3f);
  bytes m = one(6, "Dropout", &a, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){x, F32("1x3", 1, 1, 1)});
  attr_int(&a, "seed", 7);
  m = one(12, "Dropout", &a, "a b", "y z", IN(x, F32("", 0.3f)));
  expect(&m, IN(x, F32("", 0.3f)), 2, (const array[]){x, BOOL("1x3", 1, 1, 1)});
  attr_int(&a, "broadcast", 1);
  attr_int(&a, "transA", 3); /* nonzero */
  check_op(6, "Gemm", &a, "a b c", IN(F32("2x1", 1, 2), F32("2x2", 1, 2, 3, 4), F32("1", 10)), F32("1x2", 17, 20));
  attr_int(&a, "broadcast", 1);
  check_refused(7, "Gemm", &a, "a b", IN(F32("1x1", 1), F32("1x1", 1)), CVK_INVALID_ARGUMENT, "'broadcast' is unknown at opset 7");
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  attr_float(&a, "epsilon", 0);
  check_op(1, "InstanceNormalization", &a, "a b c", IN(F32("1x1x2", 1, 3), F32("1", 2), F32("1", 1)), F32("1x1x2", -1, 3));
  attr_ints(&a, "consumed_inputs", 1, DIMS(0));
  check_refused(6, "Relu", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'consumed_inputs' is unknown at opset 6");
}
END_TEST

START_TEST(test_prelu_slope_along_channels) {
  const array x = F32("1x2x2", -1, -2, -3, 4);
  check_op(6, "PRelu", NULL, "a b", IN(x, F32("2", 0.5f, 2)), F32("1x2x2", -0.5f, -1, -6, 4));
  check_op(6, "PRelu", NULL, "a b", IN(x, F32("1", 3)), F32("1x2x2", -3, -6, -9, 4));
  check_op(6, "PRelu", NULL, "a b", IN(F32("1x2", -1, -2), F32("2", 0.5f, 2)), F32("1x2", -0.5f, -4));
  check_any_rank(6, "PRelu", NULL, x, F32("2", 0.5f, 2), F32("1x2x2", -0.5f, -1, -6, 4));
  check_op(7, "PRelu", NULL, "a b", IN(x, F32("2", 0.5f, 2)), F32("1x2x2", -0.5f, -4, -1.5f, 4)); /* today's: NumPy's rule */
}
END_TEST

START_TEST(test_softmax_over_flattened_axes) {
  const float e1 = 1 / (1 + expf(1)), e2 = expf(1) / (1 + expf(1)), quarter = 0.25f, l = logf(0.25f);
  const array equal = F32("2x2x2", 1, 1, 1, 1, 5, 5, 5, 5), pair = F32("1x1x2", 0, 1);
  bytes a = {0};
  check_op(1, "Softmax", NULL, "a", 1, &equal, F32("2x2x2", quarter, quarter, quarter, quarter, quarter, quarter, quarter, quarter));
  check_symbolic(11, "Softmax", NULL, 1, &equal, F32("2x2x2", quarter, quarter, quarter, quarter, quarter, quarter, quarter, quarter));
  check_op(11, "LogSoftmax", NULL, "a", 1, &equal, F32("2x2x2", l, l, l, l, l, l, l, l));
  attr_int(&a, "axis", -1);
  check_op(11, "Softmax", &a, "a", 1, &equal, F32("2x2x2", .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f));
  attr_int(&a, "axis", 0);
  check_symbolic(1, "Softmax", &a, 1, &pair, F32("1x1x2", e1, e2));
  check_op(13, "Softmax", NULL, "a", 1, &pair, F32("1x1x2", e1, e2));
  attr_int(&a, "axis", 1);
  check_op(13, "Softmax", &a, "a", 1, &pair, F32("1x1x2", 1, 1));
}
END_TEST

/* On the last axis the old meaning is today's: nothing is added. The rank comes through other ops. */
START_TEST(test_softmax_on_the_last_axis_is_one_op) {
  bytes g = {0}, a = {0};
  declare(&g, "x", F32("1x2x3", 0));
  constant(&g, "w", F32("6x2", 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1));
  constant(&g, "b", F32("2", 1, 2));
  node(&g, "Flatten", "x", "f", NULL);
  node(&g, "MatMul", "f w", "m", NULL);
  node(&g, "Add", "m b", "s", NULL);
  attr_int(&a, "axis", 1);
  node(&g, "Softmax", "s", "y", &a);
  output(&g, "y");
  bytes m = model(&g, 11);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(graph), 4);
  ck_assert_int_eq(cvk_graph_op_kind(graph, 3), CVK_OP_SOFTMAX);
  cvk_graph_release(graph);
  empty(&m);
}
END_TEST

START_TEST(test_batch_norm_of_every_activation) {
  const array in[] = {F32("2x1x2", 1, 2, 3, 4), F32("1x2", 2, 1), F32("1x2", 0, 10), F32("1x2", 1, 2), F32("1x2", 4, 1)};
  bytes a = {0};
  attr_int(&a, "spatial", 0);
  attr_float(&a, "epsilon", 0);
  check_op(7, "BatchNormalization", &a, "a b c d e", 5, in, F32("2x1x2", 0, 10, 2, 12));
  attr_int(&a, "spatial", 0);
  attr_int(&a, "is_test", 1);
  attr_float(&a, "epsilon", 0);
  check_symbolic(6, "BatchNormalization", &a, 5, in, F32("2x1x2", 0, 10, 2, 12));
}
END_TEST

START_TEST(test_training_is_refused) {
  const array in[] = {F32("1x1", 1), F32("1", 2), F32("1", 0), F32("1", 1), F32("1", 4)};
  bytes a = {0};
  attr_int(&a, "training_mode", 1);
  check_refused(14, "BatchNormalization", &a, "a b c d e", 5, in, CVK_UNSUPPORTED, "training mode");
  bytes m = one(9, "BatchNormalization", NULL, "a b c d e", "y m v", 5, in);
  expect_failure(&m, 5, in, CVK_UNSUPPORTED, "training mode");
  attr_int(&a, "training_mode", 0);
  attr_float(&a, "epsilon", 0);
  check_op(15, "BatchNormalization", &a, "a b c d e", 5, in, F32("1x1", 0));
  check_refused(13, "Dropout", NULL, "a - b", IN(F32("1", 1), BOOL("", 1)), CVK_UNSUPPORTED, "training_mode is not a constant");
  for (uint8_t on = 0; on < 2; on++) {
    bytes g = {0};
    declare(&g, "a", F32("2", 0));
    constant(&g, "mode", (array){CVK_BOOL, "", &on});
    node(&g, "Dropout", "a - mode", "y z", NULL);
    output(&g, "y");
    output(&g, "z");
    m = model(&g, 13);
    if (on)
      expect_failure(&m, IN(F32("2", 1, 2)), CVK_UNSUPPORTED, "training_mode is true");
    else
      expect(&m, IN(F32("2", 1, 2)), 2, (const array[]){F32("2", 1, 2), BOOL("2", 1, 1)});
  }
}
END_TEST

/* The mask was of the data's type before opset 10. */
START_TEST(test_dropout_mask) {
  const array x = F32("2", 1, 2);
  bytes m = one(7, "Dropout", NULL, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){x, F32("2", 1, 1)});
  m = one(10, "Dropout", NULL, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){x, BOOL("2", 1, 1)});
}
END_TEST

/* It says nothing at inference; a trainer reads it. */
static void check_ratio(bytes *m, float want) {
  cvk_graph *g = load(m);
  cvk_tensor *t = NULL;
  float ratio = 0;
  ck_ok(cvk_graph_op_constant(g, 0, 1, &t));
  ck_ok(cvk_tensor_read(t, &ratio, sizeof ratio));
  ck_assert_float_eq(ratio, want);
  ck_assert_int_eq(cvk_graph_parameter_count(g), 0);
  cvk_tensor_release(t);
  cvk_graph_release(g);
  free(m->data);
}

START_TEST(test_dropout_ratio_is_kept) {
  const array x = F32("2", 1, 2), quarter = F32("", 0.25f);
  bytes a = {0}, g = {0};
  attr_float(&a, "ratio", 0.3f);
  bytes m = one(7, "Dropout", &a, "a", "y", 1, &x);
  check_ratio(&m, 0.3f);
  declare(&g, "a", x);
  constant(&g, "ratio", quarter);
  node(&g, "Dropout", "a ratio", "y", NULL);
  output(&g, "y");
  m = model(&g, 13);
  check_ratio(&m, 0.25f);
}
END_TEST

SUITE("onnx import: old opsets", test_broadcast_axis, test_broadcast_axis_of_logic, test_first_opset, test_numbers_of_the_datas_type,
      test_windows_of_the_first_opset, test_attributes_that_became_inputs, test_prelu_slope_along_channels,
      test_softmax_over_flattened_axes, test_softmax_on_the_last_axis_is_one_op, test_batch_norm_of_every_activation,
      test_training_is_refused, test_dropout_mask, test_dropout_ratio_is_kept)

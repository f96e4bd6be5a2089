/* SPDX-License-Identifier: Apache-2.0 */
/* test_quantize.c: quantisation and quantised operators by small cases worked by hand, and what becomes of quantised constants. */
#include <math.h>
#include <stdio.h>

#include "graph_internal.h"
#include "one_node.h"
#include "tensor_internal.h"

#define I8(D, ...) ((array){CVK_I8, D, (const int8_t[]){__VA_ARGS__}})
#define I32(D, ...) ((array){CVK_I32, D, (const int32_t[]){__VA_ARGS__}})
#define BYTES(T, D, ...) ((array){T, D, (const uint8_t[]){__VA_ARGS__}})

/* Halves go to even before the zero point is added, ends saturate. */
START_TEST(test_quantize) {
  const array x = F32("2x3", 1, 3, -5, 7, 1000, -1000);
  bytes a = {0};
  check_op(10, "QuantizeLinear", NULL, "a b c", IN(x, F32("", 2), U8("", 128)), U8("2x3", 128, 130, 126, 132, 255, 0));
  check_op(13, "QuantizeLinear", NULL, "a b", IN(x, F32("", 2)), U8("2x3", 0, 2, 0, 4, 255, 0));
  check_op(13, "QuantizeLinear", NULL, "a b c", IN(x, F32("3", 1, 2, 5), I8("3", 0, 1, -1)), I8("2x3", 1, 3, -2, 7, 127, -128));
  attr_int(&a, "axis", 0);
  check_op(13, "QuantizeLinear", &a, "a b c", IN(x, F32("2", 1, 100), I8("2", 0, 0)), I8("2x3", 1, 3, -5, 0, 10, -10));
  attr_int(&a, "output_dtype", CVK_I4);
  check_op(21, "QuantizeLinear", &a, "a b", IN(x, F32("", 2)), BYTES(CVK_I4, "2x3", 0, 2, (uint8_t)-2, 4, 7, (uint8_t)-8));
  attr_int(&a, "block_size", 2); /* the last block is not full */
  check_op(21, "QuantizeLinear", &a, "a b c", IN(x, F32("2x2", 1, 5, 7, 1000), U8("2x2", 10, 10, 0, 1)), U8("2x3", 11, 13, 9, 1, 143, 0));
  attr_int(&a, "output_dtype", CVK_F8E5M2);
  attr_int(&a, "saturate", 0);
  check_op(21, "QuantizeLinear", &a, "a b", IN(F32("3", 2, 1e9f, -4), F32("", 2)), BYTES(CVK_F8E5M2, "3", 0x3c, 0x7c, 0xc0));
  check_op(13, "QuantizeLinear", NULL, "a b", IN(F32("2", NAN, INFINITY), F32("", 2)), U8("2", 0, 255));
  check_op(13, "QuantizeLinear", NULL, "a b", IN(F32("", 3), F32("1", 2)), U8("", 2));
}
END_TEST

START_TEST(test_quantize_refuses) {
  const array x = F32("2x3", 1, 3, -5, 7, 1000, -1000);
  bytes a = {0};
  attr_int(&a, "output_dtype", CVK_I8);
  check_refused(21, "QuantizeLinear", &a, "a b c", IN(x, F32("", 2), U8("", 1)), CVK_INVALID_ARGUMENT,
                "'output_dtype' is 3, the zero point has type 2");
  attr_int(&a, "output_dtype", CVK_I64);
  check_refused(21, "QuantizeLinear", &a, "a b", IN(x, F32("", 2)), CVK_INVALID_ARGUMENT, "7 (int64) is not one to quantise to");
  check_refused(13, "QuantizeLinear", NULL, "a b", IN(x, F32("2x3", 1, 1, 1, 1, 1, 1)), CVK_INVALID_ARGUMENT,
                "needs the attribute 'block_size'");
  check_refused(13, "QuantizeLinear", NULL, "a b", IN(x, F32("2", 1, 1)), CVK_INVALID_SHAPE, "div");
  attr_int(&a, "axis", 4);
  attr_int(&a, "block_size", 2);
  check_refused(21, "DequantizeLinear", &a, "a b", IN(U8("2x2", 1, 1, 1, 1), F32("2x1", 1, 1)), CVK_INVALID_ARGUMENT, "axis 4 is outside");
}
END_TEST

START_TEST(test_dequantize) {
  bytes a = {0};
  check_op(10, "DequantizeLinear", NULL, "a b c", IN(U8("3", 0, 128, 255), F32("", 0.5f), U8("", 128)), F32("3", -64, 0, 63.5f));
  check_op(13, "DequantizeLinear", NULL, "a b", IN(I32("2", -7, 1 << 24), F32("", 2)), F32("2", -14, 1 << 25));
  check_op(13, "DequantizeLinear", NULL, "a b c", IN(I8("2x2", 1, 2, 3, 4), F32("2", 1, 10), I8("2", 0, 1)), F32("2x2", 1, 10, 3, 30));
  attr_int(&a, "axis", -2);
  attr_int(&a, "block_size", 2);
  check_op(21, "DequantizeLinear", &a, "a b", IN(BYTES(CVK_I4, "3x1", 1, (uint8_t)-2, 7), F32("2x1", 10, 100)), F32("3x1", 10, -20, 700));
  check_op(21, "DequantizeLinear", NULL, "a b", IN(BYTES(CVK_F8E4M3FN, "2", 0x38, 0xfe), F32("", 2)), F32("2", 2, -896));
  const uint16_t half[] = {0x3800}, three_halves[] = {0x3e00};
  check_op(21, "DequantizeLinear", NULL, "a b", IN(U8("1", 3), ((array){CVK_F16, "", half})), (array){CVK_F16, "1", three_halves});
  attr_int(&a, "output_dtype", CVK_F32); /* a scale that is a power of two: code 129 is 4 */
  check_op(23, "DequantizeLinear", &a, "a b", IN(BYTES(CVK_F4E2M1, "2", 7, 9), BYTES(CVK_F8E8M0, "", 129)), F32("2", 24, -2));
}
END_TEST

START_TEST(test_dynamic_quantize) {
  const array x = F32("2x2", -1, 0, 1.55f, 4.1f); /* 5.1 / 255 = 0.02 */
  bytes m = one(11, "DynamicQuantizeLinear", NULL, "a", "y s z", 1, &x);
  expect(&m, 1, &x, 3, (const array[]){U8("2x2", 0, 50, 128, 255), F32("", 0.02f), U8("", 50)});
  const array up = F32("2", 1, 2.55f);
  m = one(11, "DynamicQuantizeLinear", NULL, "a", "y s z", 1, &up);
  expect(&m, 1, &up, 3, (const array[]){U8("2", 100, 255), F32("", 0.01f), U8("", 0)});
}
END_TEST

START_TEST(test_integer_products) {
  const array a = U8("2x2", 1, 2, 255, 0), b = I8("2x2", -1, 2, 3, -128);
  check_op(10, "MatMulInteger", NULL, "a b", IN(a, b), I32("2x2", 5, -254, -255, 510));
  check_op(10, "MatMulInteger", NULL, "a b c d", IN(a, b, U8("2", 1, 0), I8("2", 0, 2)), I32("2x2", 3, -130, -255, 0));
  const array x = U8("1x1x1x3", 1, 2, 3), w = U8("1x1x1x2", 10, 1);
  bytes at = {0}; /* the pad is what the zero point is */
  attr_ints(&at, "pads", 4, DIMS(0, 1, 0, 0));
  check_op(10, "ConvInteger", &at, "a b c d", IN(x, w, U8("", 1), U8("1", 1)), I32("1x1x1x3", 0, 0, 9));
  /* more than a float can hold exactly: 2 * 9000 * 65025 + 1 */
  static uint8_t big[18001];
  memset(big, 255, sizeof big - 1);
  big[18000] = 1;
  const array row = {CVK_U8, "1x18001", big}, column = {CVK_U8, "18001x1", big}, image = {CVK_U8, "1x18001x1", big},
              filter = {CVK_U8, "1x18001x1", big};
  check_op(10, "MatMulInteger", NULL, "a b", IN(row, column), I32("1x1", 1170450001));
  check_op(10, "ConvInteger", NULL, "a b", IN(image, filter), I32("1x1x1", 1170450001));
  static int8_t least[4096]; /* the deepest that is done in halves: 4096 * -128 * 255, and with the largest zero points * 255 * -255 */
  memset(least, -128, sizeof least);
  const array bytes_[] = {{CVK_I8, "1x4096", least}, {CVK_U8, "4096x1", big}, I8("", 127), U8("", 0)};
  check_op(10, "MatMulInteger", NULL, "a b", 2, bytes_, I32("1x1", -133693440));
  check_op(10, "MatMulInteger", NULL, "a b c d", 4, bytes_, I32("1x1", -266342400));
}
END_TEST

START_TEST(test_quantised_products) {
  /* (1 2; 3 4) 0.5 by (1 -1; 2 0) 2 is (5 -1; 11 -3); over 0.5, and 10 */
  const array in[] = {U8("2x2", 2, 3, 4, 5), F32("", 0.5f), U8("", 1), I8("2x2", 1, -1, 2, 0), F32("", 2), I8("", 0),
                      F32("", 0.5f),         U8("", 10)};
  check_op(10, "QLinearMatMul", NULL, "a b c d e f g h", 8, in, U8("2x2", 20, 8, 32, 4));
  const array rows[] = {in[0], F32("2", 0.5f, 5), U8("2", 1, 1), in[3], F32("2", 2, 20), I8("2", 0, 0), in[6], I8("", -10)};
  check_op(21, "QLinearMatMul", NULL, "a b c d e f g h", 8, rows, I8("2x2", 0, -30, 127, -128));
  /* two channels of filters, each with a scale; the bias is in units of x's and w's */
  const array conv[] = {U8("1x1x1x2", 3, 5), F32("", 0.5f), U8("", 1),      I8("2x1x1x2", 1, 2, -1, 0), F32("2", 1, 4), I8("2", 0, 0),
                        F32("", 0.5f),       U8("", 7),     I32("2", 5, -1)};
  check_op(10, "QLinearConv", NULL, "a b c d e f g h i", 9, conv, U8("1x2x1x1", 22, 0));
  check_op(10, "QLinearConv", NULL, "a b c d e f g h", 8, conv, U8("1x2x1x1", 17, 0));
}
END_TEST

/* ---- constants ---- */

enum { ROWS = 130, COLUMNS = 200 };

/* y = x DequantizeLinear(w) with w [ROWS, COLUMNS] of int8, 101 kB as float32: only made when it is read. */
static bytes matmul_of_int8(void) {
  static int8_t w[ROWS * COLUMNS];
  bytes g = {0};
  for (int i = 0; i < ROWS * COLUMNS; i++) w[i] = (int8_t)(i % 7 - 3);
  constant(&g, "w", (array){CVK_I8, "130x200", w});
  constant(&g, "s", F32("", 0.5f));
  constant(&g, "z", I8("", 1));
  input(&g, "x", 2, DIMS(-1, ROWS));
  node(&g, "DequantizeLinear", "w s z", "f", NULL);
  node(&g, "MatMul", "x f", "y", NULL);
  output(&g, "y");
  return model(&g, 13);
}

START_TEST(test_weights_are_converted_while_the_model_is_read) {
  static float x[ROWS], want[COLUMNS];
  for (int i = 0; i < ROWS; i++) x[i] = (float)(i % 3);
  for (int k = 0; k < COLUMNS; k++)
    for (int i = 0; i < ROWS; i++) want[k] += x[i] * 0.5f * (float)((i * COLUMNS + k) % 7 - 3 - 1);
  bytes m = matmul_of_int8();
  cvk_graph *g = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(g), 1);
  ck_assert_int_eq(cvk_graph_op_kind(g, 0), CVK_OP_MATMUL);
  cvk_tensor *w = g->values[g->nodes[0].in[1]].constant;
  ck_assert_int_eq(cvk_tensor_dtype(w), CVK_F32);
  ck_assert_ptr_null(w->storage->host); /* not in memory before it is read, */
  ck_ok(cvk_tensor_pin(w));
  ck_assert_float_eq(((const float *)w->storage->host)[8], -1.5f);
  cvk_tensor_unpin(w);
  ck_assert_ptr_null(w->storage->host); /* nor after */
  cvk_graph_release(g);
  expect(&m, 1, &(array){CVK_F32, "1x130", x}, 1, &(array){CVK_F32, "1x200", want});
}
END_TEST

START_TEST(test_other_ops_over_constants) {
  static const uint16_t halves[] = {0x3c00, 0x4000}; /* 1, 2 */
  bytes g = {0}, a = {0};
  constant(&g, "h", (array){CVK_F16, "2", halves});
  input(&g, "x", 1, DIMS(2));
  attr_int(&a, "to", CVK_F32);
  node(&g, "Cast", "h", "f", &a);
  node(&g, "Neg", "f", "n", NULL);
  node(&g, "Add", "x n", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(graph), 1);
  cvk_graph_release(graph);
  expect(&m, 1, (const array[]){F32("2", 10, 10)}, 1, (const array[]){F32("2", 9, 8)});
}
END_TEST

/* Deeper than recipes over recipes go; an op that fails does so when the graph is planned, with its node's name. */
START_TEST(test_chains_of_constants) {
  static float large[20000];
  bytes g = {0};
  char from[8] = "w", to[8];
  large[19999] = 3;
  constant(&g, "w", (array){CVK_F32, "20000", large});
  for (int i = 0; i < 15; i++) {
    snprintf(to, sizeof to, "n%d", i);
    node(&g, "Neg", from, to, NULL);
    memcpy(from, to, sizeof to);
  }
  constant(&g, "i", I64("1", 19999));
  node(&g, "Gather", "n14 i", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, NO_INPUTS, 1, (const array[]){F32("1", -3)});
  constant(&g, "w", F32("2", 1, 2));
  constant(&g, "i", I64("1", 7));
  node(&g, "Gather", "w i", "y", NULL);
  output(&g, "y");
  m = model(&g, 13);
  expect_failure(&m, NO_INPUTS, CVK_INVALID_ARGUMENT, "'y'");
}
END_TEST

/* A few bytes that ask for terabytes: nothing of that size is made while the model is read. */
START_TEST(test_constants_that_grow) {
  bytes g = {0};
  constant(&g, "one", F32("", 1));
  constant(&g, "shape", I64("2", INT64_C(1) << 20, INT64_C(1) << 21));
  node(&g, "Expand", "one shape", "huge", NULL);
  node(&g, "Neg", "huge", "n", NULL);
  node(&g, "ReduceSum", "n", "s", NULL);
  node(&g, "Shape", "huge", "y", NULL);
  output(&g, "s");
  output(&g, "y");
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  ck_assert_int_ge(cvk_graph_op_count(graph), 3);
  cvk_graph_release(graph);
  empty(&m);
}
END_TEST

SUITE("quantize", test_quantize, test_quantize_refuses, test_dequantize, test_dynamic_quantize, test_integer_products,
      test_quantised_products, test_weights_are_converted_while_the_model_is_read, test_other_ops_over_constants, test_chains_of_constants,
      test_constants_that_grow)

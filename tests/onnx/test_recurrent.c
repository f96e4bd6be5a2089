/* SPDX-License-Identifier: Apache-2.0 */
/* test_recurrent.c: attributes of ONNX RNN, GRU and LSTM, lists of names and of the values that some of the functions have, by one cell. */
#include <math.h>

#include "one_node.h"

static void attr_texts(bytes *node, const char *name, int32_t n, const char *const *v) {
  bytes a = {0};
  attr_start(&a, name, 8);
  for (int32_t i = 0; i < n; i++) put_text(&a, 9, v[i]);
  put_message(node, 5, &a);
}
#define TEXTS(...)                                                                           \
  (int32_t)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]) { \
    __VA_ARGS__                                                                              \
  }

static const float one_weight[] = {1}, no_weight[] = {0};

/* A plain recurrence of one cell without memory: y = f(x). */
static void expect_function(bytes *a, float x, float y) {
  const array in[] = {F32("1x1x1", x), {CVK_F32, "1x1x1", one_weight}, {CVK_F32, "1x1x1", no_weight}};
  check_op(7, "RNN", a, "a b c", 3, in, F32("1x1x1x1", y));
}

START_TEST(test_activations) {
  bytes a = {0};
  expect_function(NULL, 0.5f, tanhf(0.5f));
  attr_texts(&a, "activations", TEXTS("Relu"));
  expect_function(&a, -2, 0);
  attr_texts(&a, "activations", TEXTS("LeakyRelu"));
  expect_function(&a, -2, -0.02f);
  attr_texts(&a, "activations", TEXTS("HardSigmoid"));
  attr_floats(&a, "activation_alpha", 1, (const float[]){0.25f});
  expect_function(&a, 1, 0.75f);
  attr_texts(&a, "activations", TEXTS("Affine"));
  attr_floats(&a, "activation_alpha", 1, (const float[]){3});
  attr_floats(&a, "activation_beta", 1, (const float[]){-1});
  attr_float(&a, "clip", 1.5f);
  expect_function(&a, 2, 3.5f);
}
END_TEST

/* The only value of alpha is LeakyRelu's: Tanh before it has none. */
START_TEST(test_values_go_to_functions_that_have_them) {
  const array in[] = {F32("2x1x1", -1, -2), F32("2x1x1", 1, 1), F32("2x1x1", 0, 0)};
  bytes a = {0};
  attr_text(&a, "direction", "bidirectional");
  attr_int(&a, "hidden_size", 1);
  attr_texts(&a, "activations", TEXTS("Tanh", "LeakyRelu"));
  attr_floats(&a, "activation_alpha", 1, (const float[]){0.5f});
  check_op(14, "RNN", &a, "a b c", 3, in, F32("2x2x1x1", tanhf(-1), -0.5f, tanhf(-2), -1));
}
END_TEST

/* Gates of LSTM are sigmoid(0) = 1/2 where weights are 0; the cell's input is x. */
START_TEST(test_lstm_outputs) {
  const array in[] = {F32("1x1x1", 2), F32("1x4x1", 0, 0, 0, 1), F32("1x4x1", 0, 0, 0, 0)};
  const float c = 0.5f * tanhf(2), h = 0.5f * tanhf(c), g[] = {h}, cell[] = {c};
  bytes m = one(14, "LSTM", NULL, "a b c", "- p q", 3, in);
  expect(&m, 3, in, 2, (const array[]){{CVK_F32, "1x1x1", g}, {CVK_F32, "1x1x1", cell}});
  bytes a = {0};
  attr_int(&a, "layout", 1);
  attr_int(&a, "input_forget", 1);
  m = one(22, "LSTM", &a, "a b c", "y", 3, in);
  expect(&m, 3, in, 1, (const array[]){{CVK_F32, "1x1x1x1", g}});
}
END_TEST

START_TEST(test_refused) {
  const array in[] = {F32("1x1x1", 1), F32("1x3x1", 1, 1, 1), F32("1x3x1", 1, 1, 1)};
  bytes a = {0};
  attr_texts(&a, "activations", TEXTS("Sigmoid", "Mish"));
  check_refused(14, "GRU", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "'activations' has 'Mish' at entry 1");
  attr_texts(&a, "activations", TEXTS("Sigmoid"));
  check_refused(14, "GRU", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "'activations' has 1 entries, expected 2");
  attr_int(&a, "hidden_size", 2);
  check_refused(14, "GRU", &a, "a b c", 3, in, CVK_INVALID_SHAPE, "must have [1,6,1]");
  attr_int(&a, "layout", 1);
  check_refused(7, "GRU", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "'layout' is unknown at opset 7");
}
END_TEST

SUITE("onnx recurrent", test_activations, test_values_go_to_functions_that_have_them, test_lstm_outputs, test_refused)

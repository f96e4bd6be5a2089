/* SPDX-License-Identifier: Apache-2.0 */
/* test_import.c: every operator that maps to one op of Convoke, run with small values at the opsets where its form changed. */
#include <math.h>

#include "one_node.h"
#include "onnx/import.h"

START_TEST(test_rows_are_sorted_and_sound) {
  for (int32_t i = 0; cvk_onnx_row_at(i); i++) {
    const cvk_onnx_row *r = cvk_onnx_row_at(i), *next = cvk_onnx_row_at(i + 1);
    ck_assert_int_ge(r->since, 1);
    ck_assert_int_le(r->since, r->until);
    ck_assert_int_le(r->until, CVK_ONNX_NEWEST);
    ck_assert_msg(r->emit || cvk_op_def_find(r->kind), "%s has kind %d", r->op_type, r->kind);
    if (next) {
      const int order = strcmp(r->op_type, next->op_type);
      ck_assert_msg(order < 0 || (order == 0 && next->since == r->until + 1), "%s, %s", r->op_type, next->op_type);
    }
    const cvk_view name = {(const uint8_t *)r->op_type, strlen(r->op_type)}, none = {0};
    ck_assert_ptr_eq(cvk_onnx_row_find(none, name, r->since), r);
    ck_assert_ptr_eq(cvk_onnx_row_find((cvk_view){(const uint8_t *)"ai.onnx", 7}, name, r->until), r);
    ck_assert_ptr_ne(cvk_onnx_row_find(none, name, r->since - 1), r);
    ck_assert_ptr_null(cvk_onnx_row_find(none, name, CVK_ONNX_NEWEST + 1));
    ck_assert_ptr_null(cvk_onnx_row_find((cvk_view){(const uint8_t *)"com.other", 9}, name, r->since));
  }
}
END_TEST

/* Every op of ops.def that ONNX has can be reached by name. */
START_TEST(test_every_op_has_a_row) {
  for (int32_t i = 0; cvk_op_def_at(i); i++) {
    const char *onnx = cvk_op_def_at(i)->onnx;
    if (*onnx == '\0') continue;
    ck_assert_msg(cvk_onnx_row_find((cvk_view){0}, (cvk_view){(const uint8_t *)onnx, strlen(onnx)}, CVK_ONNX_NEWEST) != NULL, "%s", onnx);
  }
}
END_TEST

/* ---- one input, element by element ---- */

static double relu(double x) {
  return x > 0 ? x : 0;
}
static double leaky(double x) {
  return x < 0 ? 0.25 * x : x;
}
static double leaky_default(double x) {
  return x < 0 ? 0.01 * x : x;
}
static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}
static double elu(double x) {
  return x < 0 ? 2 * (exp(x) - 1) : x;
}
static double selu(double x) {
  return 3 * (x <= 0 ? 2 * (exp(x) - 1) : x);
}
static double selu_default(double x) {
  return 1.0507010221481323 * (x <= 0 ? 1.6732631921768188 * (exp(x) - 1) : x);
}
static double celu(double x) {
  return fmax(0, x) + fmin(0, 2 * (exp(x / 2) - 1));
}
static double hard_sigmoid(double x) {
  return fmax(0, fmin(1, 0.5 * x + 0.25));
}
static double hard_sigmoid_default(double x) {
  return fmax(0, fmin(1, 0.2 * x + 0.5));
}
static double hard_swish(double x) {
  return x * fmax(0, fmin(1, x / 6 + 0.5));
}
static double softplus(double x) {
  return log(1 + exp(x));
}
static double softsign(double x) {
  return x / (1 + fabs(x));
}
static double gelu(double x) {
  return 0.5 * x * (1 + erf(x / sqrt(2)));
}
static double gelu_tanh(double x) {
  return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}
static double swish(double x) {
  return x * sigmoid(2 * x);
}
static double mish(double x) {
  return x * tanh(softplus(x));
}
static double above_half(double x) {
  return x > 0.5 ? x : 0;
}
static double above_one(double x) {
  return x > 1 ? x : 0;
}
static double negate(double x) {
  return -x;
}
static double invert(double x) {
  return 1 / x;
}
static double same(double x) {
  return x;
}
static double clip(double x) {
  return fmin(fmax(x, -1), 0.75);
}
static double clip_below(double x) {
  return fmin(x, 0.75);
}
static double square_root(double x) {
  return sqrt(x);
}

START_TEST(test_elementwise) {
  static const struct {
    const char *op;
    int64_t opset;
    double (*f)(double);
    const char *alpha_name, *beta_name;
    float alpha, beta;
  } cases[] = {
      {"Relu", 1, relu, NULL, NULL, 0, 0},
      {"Relu", 6, relu, NULL, NULL, 0, 0},
      {"Relu", 14, relu, NULL, NULL, 0, 0},
      {"LeakyRelu", 6, leaky, "alpha", NULL, 0.25f, 0},
      {"LeakyRelu", 16, leaky_default, NULL, NULL, 0, 0},
      {"Sigmoid", 6, sigmoid, NULL, NULL, 0, 0},
      {"Sigmoid", 13, sigmoid, NULL, NULL, 0, 0},
      {"Tanh", 6, tanh, NULL, NULL, 0, 0},
      {"Elu", 6, elu, "alpha", NULL, 2, 0},
      {"Selu", 6, selu, "alpha", "gamma", 2, 3},
      {"Selu", 6, selu_default, NULL, NULL, 0, 0},
      {"Celu", 12, celu, "alpha", NULL, 2, 0},
      {"HardSigmoid", 6, hard_sigmoid, "alpha", "beta", 0.5f, 0.25f},
      {"HardSigmoid", 6, hard_sigmoid_default, NULL, NULL, 0, 0},
      {"HardSwish", 14, hard_swish, NULL, NULL, 0, 0},
      {"Softplus", 1, softplus, NULL, NULL, 0, 0},
      {"Softsign", 1, softsign, NULL, NULL, 0, 0},
      {"Gelu", 20, gelu, NULL, NULL, 0, 0},
      {"Swish", 24, swish, "alpha", NULL, 2, 0},
      {"Mish", 18, mish, NULL, NULL, 0, 0},
      {"ThresholdedRelu", 10, above_half, "alpha", NULL, 0.5f, 0},
      {"ThresholdedRelu", 10, above_one, NULL, NULL, 0, 0},
      {"Exp", 6, exp, NULL, NULL, 0, 0},
      {"Log", 6, log, NULL, NULL, 0, 0},
      {"Sqrt", 6, square_root, NULL, NULL, 0, 0},
      {"Abs", 6, fabs, NULL, NULL, 0, 0},
      {"Neg", 6, negate, NULL, NULL, 0, 0},
      {"Reciprocal", 6, invert, NULL, NULL, 0, 0},
      {"Erf", 9, erf, NULL, NULL, 0, 0},
      {"Floor", 6, floor, NULL, NULL, 0, 0},
      {"Ceil", 6, ceil, NULL, NULL, 0, 0},
      {"Identity", 1, same, NULL, NULL, 0, 0},
      {"Identity", 21, same, NULL, NULL, 0, 0},
      {"Dropout", 6, same, "ratio", NULL, 0.5f, 0},
      {"Dropout", 7, same, NULL, NULL, 0, 0},
      {"Dropout", 13, same, NULL, NULL, 0, 0},
      {"Clip", 6, clip, "min", "max", -1, 0.75f},
      {"Clip", 6, clip_below, "max", NULL, 0.75f, 0},
      {"Clip", 6, same, NULL, NULL, 0, 0},
      {"Clip", 11, same, NULL, NULL, 0, 0},
  };
  const array x = F32("2x3", -4, -1.5f, -0.5f, 0.25f, 0.75f, 3);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float want[6];
    bytes a = {0};
    for (int k = 0; k < 6; k++) want[k] = (float)cases[i].f((double)((const float *)x.data)[k]);
    if (cases[i].alpha_name) attr_float(&a, cases[i].alpha_name, cases[i].alpha);
    if (cases[i].beta_name) attr_float(&a, cases[i].beta_name, cases[i].beta);
    check_op(cases[i].opset, cases[i].op, &a, "a", 1, &x, (array){CVK_F32, "2x3", want});
  }
}
END_TEST

START_TEST(test_gelu_approximate) {
  bytes a = {0};
  attr_text(&a, "approximate", "tanh");
  check_op(20, "Gelu", &a, "a", IN(F32("2", 1, -2)), F32("2", (float)gelu_tanh(1), (float)gelu_tanh(-2)));
  attr_text(&a, "approximate", "sigmoid");
  check_refused(20, "Gelu", &a, "a", IN(F32("1", 1)), CVK_INVALID_ARGUMENT, "'approximate' is 'sigmoid'");
}
END_TEST

START_TEST(test_clip_by_inputs) {
  check_op(11, "Clip", NULL, "a b c", IN(F32("3", -2, 0, 2), F32("", -1), F32("", 1)), F32("3", -1, 0, 1));
  check_op(13, "Clip", NULL, "a - b", IN(F32("3", -2, 0, 2), F32("", 1)), F32("3", -2, 0, 1));
  bytes a = {0};
  attr_float(&a, "min", 0);
  check_refused(11, "Clip", &a, "a", IN(F32("1", 1)), CVK_INVALID_ARGUMENT, "attribute 'min' is unknown at opset 11");
}
END_TEST

START_TEST(test_binary_and_nary) {
  const array a = F32("2x2", 1, 2, 3, 4), b = F32("2", 2, 4);
  const array ab[] = {a, b};
  check_op(7, "Add", NULL, "a b", 2, ab, F32("2x2", 3, 6, 5, 8));
  check_op(13, "Sub", NULL, "a b", 2, ab, F32("2x2", -1, -2, 1, 0));
  check_op(14, "Mul", NULL, "a b", 2, ab, F32("2x2", 2, 8, 6, 16));
  check_op(7, "Div", NULL, "a b", 2, ab, F32("2x2", 0.5f, 0.5f, 1.5f, 1));
  check_op(7, "Pow", NULL, "a b", 2, ab, F32("2x2", 1, 16, 9, 256));
  check_op(12, "Pow", NULL, "a b", IN(F32("2", 2, 3), I64("", 3)), F32("2", 8, 27));
  check_op(8, "Max", NULL, "a b", 2, ab, F32("2x2", 2, 4, 3, 4));
  check_op(13, "Min", NULL, "a b", 2, ab, F32("2x2", 1, 2, 2, 4));
  check_op(6, "Sum", NULL, "a a a", 1, ab, F32("2x2", 3, 6, 9, 12));
  check_op(13, "Mean", NULL, "a b", 2, ab, F32("2x2", 1.5f, 3, 2.5f, 4));
  check_op(11, "Equal", NULL, "a b", 2, ab, BOOL("2x2", 0, 0, 0, 1));
  check_op(9, "Less", NULL, "a b", 2, ab, BOOL("2x2", 1, 1, 0, 0));
  check_op(7, "Greater", NULL, "a b", 2, ab, BOOL("2x2", 0, 0, 1, 0));
  check_op(1, "Not", NULL, "a", IN(BOOL("2", 0, 1)), BOOL("2", 1, 0));
  check_op(9, "Where", NULL, "a b c", IN(BOOL("2", 1, 0), F32("2", 1, 2), F32("2", 3, 4)), F32("2", 1, 4));
  check_op(7, "PRelu", NULL, "a b", IN(F32("2x2", -1, -2, 3, -4), F32("2", 0.5f, 0.25f)), F32("2x2", -0.5f, -0.5f, 3, -1));
}
END_TEST

/* ---- windows ---- */

START_TEST(test_conv) {
  const array x = F32("1x1x3x3", 1, 2, 3, 4, 5, 6, 7, 8, 9), w = F32("1x1x2x2", 1, 0, 0, 1), bias = F32("1", 100);
  const array xwb[] = {x, w, bias};
  bytes a = {0};
  check_op(1, "Conv", NULL, "a b", 2, xwb, F32("1x1x2x2", 6, 8, 12, 14));
  check_op(11, "Conv", NULL, "a b c", 3, xwb, F32("1x1x2x2", 106, 108, 112, 114));
  attr_ints(&a, "kernel_shape", 2, DIMS(2, 2));
  attr_ints(&a, "pads", 4, DIMS(0, 1, 0, 0));
  attr_ints(&a, "strides", 2, DIMS(1, 2));
  check_op(11, "Conv", &a, "a b", 2, xwb, F32("1x1x2x2", 4, 8, 7, 14));
  attr_text(&a, "auto_pad", "SAME_UPPER");
  attr_ints(&a, "dilations", 2, DIMS(1, 1));
  attr_int(&a, "group", 1);
  check_op(22, "Conv", &a, "a b", 2, xwb, F32("1x1x3x3", 6, 8, 3, 12, 14, 6, 7, 8, 9));
  attr_ints(&a, "strides", 2, DIMS(0, 1));
  check_refused(11, "Conv", &a, "a b", 2, xwb, CVK_INVALID_ARGUMENT,
                "node 'y' (Conv): attribute 'strides' has 0 at entry 0, expected 1 or more");
  attr_ints(&a, "pads", 2, DIMS(1, 1));
  check_refused(11, "Conv", &a, "a b", 2, xwb, CVK_INVALID_ARGUMENT, "'pads' has 1 entries for 2 spatial axes");
  attr_ints(&a, "pads", 3, DIMS(1, 1, 1));
  check_refused(11, "Conv", &a, "a b", 2, xwb, CVK_INVALID_ARGUMENT, "'pads' has 3 entries");
  attr_ints(&a, "strides", 7, DIMS(1, 1, 1, 1, 1, 1, 1));
  check_refused(11, "Conv", &a, "a b", 2, xwb, CVK_INVALID_ARGUMENT, "'strides' has more than 6 entries");
  attr_int(&a, "group", 0);
  check_refused(11, "Conv", &a, "a b", 2, xwb, CVK_INVALID_ARGUMENT, "'group' is 0");
  attr_float(&a, "group", 1);
  check_refused(11, "Conv", &a, "a b", 2, xwb, CVK_INVALID_ARGUMENT, "'group' has type 1, expected 2 (int)");
}
END_TEST

START_TEST(test_conv_transpose) {
  const array xw[] = {F32("1x1x2x2", 1, 2, 3, 4), F32("1x1x2x2", 1, 1, 1, 1)};
  bytes a = {0};
  attr_ints(&a, "strides", 2, DIMS(2, 2));
  check_op(11, "ConvTranspose", &a, "a b", 2, xw, F32("1x1x4x4", 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4));
  attr_ints(&a, "output_padding", 2, DIMS(0, 1));
  attr_ints(&a, "strides", 2, DIMS(2, 2));
  check_op(1, "ConvTranspose", &a, "a b", 2, xw, F32("1x1x4x5", 1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 3, 3, 4, 4, 0, 3, 3, 4, 4, 0));
  attr_ints(&a, "output_shape", 2, DIMS(3, 3));
  check_op(11, "ConvTranspose", &a, "a b", 2, xw, F32("1x1x3x3", 1, 3, 2, 4, 10, 6, 3, 7, 4));
  attr_ints(&a, "output_shape", 4, DIMS(1, 1, 3, 3));
  check_op(11, "ConvTranspose", &a, "a b", 2, xw, F32("1x1x3x3", 1, 3, 2, 4, 10, 6, 3, 7, 4));
}
END_TEST

START_TEST(test_pools) {
  const array x = F32("1x1x1x5", 1, 5, 2, 4, 3);
  bytes a = {0};
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  check_op(1, "MaxPool", &a, "a", 1, &x, F32("1x1x1x4", 5, 5, 4, 4));
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_ints(&a, "strides", 2, DIMS(1, 2));
  attr_int(&a, "ceil_mode", 1);
  check_op(10, "MaxPool", &a, "a", 1, &x, F32("1x1x1x3", 5, 4, 3));
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_ints(&a, "strides", 2, DIMS(1, 2));
  attr_int(&a, "storage_order", 0);
  bytes m = one(8, "MaxPool", &a, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){F32("1x1x1x2", 5, 4), I64("1x1x1x2", 1, 3)});
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 3));
  attr_ints(&a, "pads", 4, DIMS(0, 1, 0, 1));
  attr_int(&a, "count_include_pad", 1);
  check_op(7, "AveragePool", &a, "a", 1, &x, F32("1x1x1x5", 2, 8 / 3.f, 11 / 3.f, 3, 7 / 3.f));
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_ints(&a, "dilations", 2, DIMS(1, 2));
  check_op(19, "AveragePool", &a, "a", 1, &x, F32("1x1x1x3", 1.5f, 4.5f, 2.5f));
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_int(&a, "p", 1);
  check_op(2, "LpPool", &a, "a", 1, &x, F32("1x1x1x4", 6, 7, 6, 7));
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_float(&a, "p", 1);
  check_op(1, "LpPool", &a, "a", 1, &x, F32("1x1x1x4", 6, 7, 6, 7));
  check_op(1, "GlobalAveragePool", NULL, "a", 1, &x, F32("1x1x1x1", 3));
  check_op(1, "GlobalMaxPool", NULL, "a", 1, &x, F32("1x1x1x1", 5));
  check_op(2, "GlobalLpPool", NULL, "a", 1, &x, F32("1x1x1x1", sqrtf(55)));
  check_refused(11, "MaxPool", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'kernel_shape' is missing");
  attr_ints(&a, "kernel_shape", 1, DIMS(2));
  check_refused(11, "MaxPool", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'kernel_shape' has 1 entries for 2 spatial axes");
}
END_TEST

/* ---- normalisation and products ---- */

START_TEST(test_norms_and_products) {
  bytes a = {0};
  attr_float(&a, "epsilon", 0);
  attr_float(&a, "momentum", 0.5f);
  check_op(9, "BatchNormalization", &a, "a b c d e",
           IN(F32("1x2x2", 1, 2, 3, 4), F32("2", 2, 1), F32("2", 0, 10), F32("2", 1, 3), F32("2", 4, 1)), F32("1x2x2", 0, 1, 10, 11));
  attr_int(&a, "size", 1);
  attr_float(&a, "alpha", 1);
  attr_float(&a, "beta", 1);
  attr_float(&a, "bias", 1);
  check_op(1, "LRN", &a, "a", IN(F32("1x2x1", 1, 2)), F32("1x2x1", 0.5f, 0.4f));
  check_refused(13, "LRN", NULL, "a", IN(F32("1x2x1", 1, 2)), CVK_INVALID_ARGUMENT, "'size' is missing");
  const array abc[] = {F32("1x2", 1, 2), F32("2x2", 1, 2, 3, 4), F32("2", 10, 20)};
  check_op(9, "Gemm", NULL, "a b c", 3, abc, F32("1x2", 17, 30));
  check_op(11, "Gemm", NULL, "a b", 2, abc, F32("1x2", 7, 10));
  attr_int(&a, "transB", 1);
  attr_float(&a, "alpha", 2);
  attr_float(&a, "beta", 0.5f);
  attr_int(&a, "broadcast", 1);
  check_op(6, "Gemm", &a, "a b c", 3, abc, F32("1x2", 15, 32));
  check_op(9, "MatMul", NULL, "a b", 2, abc, F32("1x2", 7, 10));
}
END_TEST

SUITE("onnx import", test_rows_are_sorted_and_sound, test_every_op_has_a_row, test_elementwise, test_gelu_approximate, test_clip_by_inputs,
      test_binary_and_nary, test_conv, test_conv_transpose, test_pools, test_norms_and_products)

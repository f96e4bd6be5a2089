/* SPDX-License-Identifier: Apache-2.0 */
/* test_gradients.c: the gradient of each op against central differences (grad_check.h), a table a family. Inputs keep away from kinks and
 * ties, where a difference is no derivative; what holds there stands in a table of its own. */
#include "grad_check.h"

#include <convoke/train.h>
#include <math.h>

/* clang-format off: tables, a line a case */
#define CHECK_ALL(TABLE) \
  for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++) grad_check(&TABLE[i])

#define CASE(NAME, KIND, A, ...) \
  { .name = NAME, .kind = CVK_OP_##KIND, .attr = A, .in = { __VA_ARGS__ } }
/* Of several outputs, of which the loss reads the first LOSS (0: all floats). */
#define CASE_OUT(NAME, KIND, A, OUTS, LOSS, ...) \
  { .name = NAME, .kind = CVK_OP_##KIND, .attr = A, .n_out = OUTS, .n_loss = LOSS, .in = { __VA_ARGS__ } }
#define ATTR(TYPE, ...) &(const cvk_##TYPE##_attr){__VA_ARGS__}

START_TEST(convolutions) {
  const grad_case cases[] = {
      CASE("conv", CONV, NULL, {D(2, 3, 5, 4)}, {D(2, 3, 3, 2)}, {D(2)}),
      CASE("conv strided, padded", CONV, ATTR(conv, .stride = {2, 3}, .pad_begin = {1, 0}, .pad_end = {0, 2}), {D(1, 2, 6, 7)}, {D(3, 2, 3, 3)},
           {D(3)}),
      CASE("conv dilated, groups", CONV, ATTR(conv, .dilation = {2, 1}, .group = 2), {D(1, 4, 6, 4)}, {D(4, 2, 2, 2)}),
      CASE("conv same", CONV, ATTR(conv, .auto_pad = CVK_SAME_LOWER, .stride = {2, 2}), {D(1, 2, 5, 6)}, {D(2, 2, 3, 3)}, {D(2)}),
      CASE("conv stride above kernel", CONV, ATTR(conv, .stride = {4, 3}), {D(2, 1, 8, 7)}, {D(2, 1, 2, 2)}),
      CASE("conv 1-D", CONV, ATTR(conv, .stride = {2}), {D(2, 2, 8)}, {D(2, 2, 3)}, {D(2)}),
      CASE("conv 3-D", CONV, ATTR(conv, .pad_begin = {1, 0, 1}), {D(1, 1, 3, 3, 3)}, {D(2, 1, 2, 2, 2)}, {D(2)}),
      CASE("conv with relu", CONV, ATTR(conv, .activation = CVK_OP_RELU), {D(1, 2, 4, 4)}, {D(2, 2, 3, 3)}, {D(2)}),
      CASE("conv_transpose", CONV_TRANSPOSE, NULL, {D(2, 3, 3, 2)}, {D(3, 2, 2, 3)}, {D(2)}),
      CASE("conv_transpose strided", CONV_TRANSPOSE, ATTR(conv, .stride = {2, 3}, .pad_begin = {1, 0}, .pad_end = {0, 1}, .output_padding = {1, 2}),
           {D(1, 2, 3, 3)}, {D(2, 2, 3, 3)}, {D(2)}),
      CASE("conv_transpose groups", CONV_TRANSPOSE, ATTR(conv, .group = 2, .dilation = {2, 1}), {D(1, 4, 3, 3)}, {D(4, 1, 2, 2)}, {D(2)}),
      CASE("conv_transpose wide output padding", CONV_TRANSPOSE, ATTR(conv, .dilation = {3, 3}, .output_padding = {2, 1}),
           {D(1, 1, 3, 2)}, {D(1, 2, 2, 2)}),
      CASE("conv_transpose same", CONV_TRANSPOSE, ATTR(conv, .stride = {2, 2}, .auto_pad = CVK_SAME_UPPER), {D(1, 2, 3, 3)}, {D(2, 1, 3, 3)}, {D(1)}),
      CASE("conv_transpose output shape", CONV_TRANSPOSE, ATTR(conv, .stride = {2}, .output_shape = {9}), {D(1, 2, 3)}, {D(2, 1, 3)}, {D(1)}),
      CASE_OUT("conv_grad_weight", CONV_GRAD_WEIGHT, ATTR(conv, .kernel = {3, 2}, .stride = {2, 1}, .pad_begin = {1, 0}, .group = 2), 2, 0,
               {D(1, 2, 6, 3)}, {D(1, 2, 3, 2)}),
      CASE("conv_grad_weight alone", CONV_GRAD_WEIGHT, ATTR(conv, .kernel = {2}, .dilation = {2}), {D(2, 2, 5)}, {D(2, 3, 3)}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(pools) {
  const grad_case cases[] = {
      CASE("max_pool", MAX_POOL, ATTR(pool, .kernel = {2, 2}, .stride = {2, 2}), {D(2, 2, 4, 6)}),
      CASE("max_pool overlapping", MAX_POOL, ATTR(pool, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), {D(1, 2, 4, 5)}),
      CASE("max_pool dilated, ceil", MAX_POOL, ATTR(pool, .kernel = {2, 2}, .stride = {2, 2}, .dilation = {2, 1}, .ceil_mode = 1), {D(1, 1, 6, 5)}),
      CASE_OUT("max_pool with indices", MAX_POOL, ATTR(pool, .kernel = {2}, .stride = {2}), 2, 0, {D(1, 2, 6)}),
      CASE("avg_pool", AVG_POOL, ATTR(pool, .kernel = {2, 3}, .stride = {1, 2}), {D(2, 2, 4, 6)}),
      CASE("avg_pool pads left out", AVG_POOL, ATTR(pool, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), {D(1, 2, 4, 5)}),
      CASE("avg_pool pads counted, ceil", AVG_POOL, ATTR(pool, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1},
           .count_include_pad = 1, .ceil_mode = 1), {D(1, 1, 6, 4)}),
      CASE("global_max_pool", GLOBAL_MAX_POOL, NULL, {D(2, 3, 3, 2)}),
      CASE("global_avg_pool", GLOBAL_AVG_POOL, NULL, {D(2, 3, 3, 2)}),
      CASE("lp_pool", LP_POOL, ATTR(pool, .kernel = {2, 2}, .stride = {2, 1}, .pad_begin = {1, 0}), {D(1, 2, 4, 5)}),
      CASE("lp_pool p 1", LP_POOL, ATTR(pool, .kernel = {3}, .p = 1), {D(1, 2, 6)}),
      CASE("lp_pool p 3, ceil", LP_POOL, ATTR(pool, .kernel = {3}, .stride = {2}, .p = 3, .ceil_mode = 1), {D(1, 2, 6)}),
      CASE("global_max_pool of four axes", GLOBAL_MAX_POOL, NULL, {D(1, 2, 2, 3, 1, 2)}),
      CASE("global_avg_pool of four axes", GLOBAL_AVG_POOL, NULL, {D(1, 2, 2, 3, 1, 2)}),
      CASE("global_lp_pool of four axes", GLOBAL_LP_POOL, NULL, {D(1, 2, 2, 3, 1, 2)}),
      CASE("global_lp_pool", GLOBAL_LP_POOL, NULL, {D(2, 3, 3, 2)}),
      CASE("global_lp_pool p 3", GLOBAL_LP_POOL, ATTR(pool, .p = 3), {D(2, 3, 4)}),
      CASE("avg_pool_grad", AVG_POOL_GRAD, ATTR(pool, .kernel = {2, 2}), {D(1, 2, 3, 3)}, {D(1, 2, 2, 2)}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(normalisations_and_losses) {
  const grad_case cases[] = {
      CASE_OUT("batch_norm_train", BATCH_NORM_TRAIN, NULL, 5, 1, {D(3, 2, 2, 2)}, {D(2), IN(0.5, 1.5)}, {D(2)}),
      CASE_OUT("batch_norm_train of rows", BATCH_NORM_TRAIN, ATTR(norm, .epsilon = 0.1f), 5, 1, {D(5, 3)}, {D(3), IN(0.5, 1.5)}, {D(3)}),
      CASE("cross entropy, mean", SOFTMAX_CROSS_ENTROPY, NULL, {D(3, 4), IN(-2, 2)}, {D(3), INTS(1, 0, 3)}),
      CASE("cross entropy, sum, ignored", SOFTMAX_CROSS_ENTROPY, ATTR(cross_entropy, .reduction = CVK_LOSS_SUM, .has_ignore = 1,
           .ignore_index = -1), {D(3, 4), IN(-2, 2)}, {D(3), INTS(1, -1, 3)}),
      CASE("cross entropy, none, smoothed", SOFTMAX_CROSS_ENTROPY, ATTR(cross_entropy, .reduction = CVK_LOSS_NONE, .label_smoothing = 0.2f), {D(2,
           3, 2), IN(-2, 2)}, {D(2, 2), INTS(1, 0, 2, 2)}),
      CASE("dropout_train", DROPOUT_TRAIN, ATTR(dropout, .ratio = 0.4f, .stream = 3), {D(3, 5)}, {D(1), INTS(77)}),
      CASE("batch_norm", BATCH_NORM, ATTR(norm, .epsilon = 0.01f), {D(2, 3, 2, 2)}, {D(3), IN(0.5, 1.5)}, {D(3)}, {D(3)}, {D(3), IN(0.5, 2)}),
      CASE("batch_norm of rows", BATCH_NORM, NULL, {D(4, 3)}, {D(3), IN(0.5, 1.5)}, {D(3)}, {D(3)}, {D(3), IN(0.5, 2)}),
      CASE("lrn", LRN, ATTR(norm, .size = 3, .alpha = 0.5f, .beta = 0.75f, .bias = 1), {D(2, 5, 2, 2)}),
      CASE("lrn even size", LRN, ATTR(norm, .size = 4, .alpha = 0.5f, .beta = 0.6f, .bias = 1), {D(1, 5, 3)}),
      CASE("softmax", SOFTMAX, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("softmax over channels", SOFTMAX, ATTR(axis, .axis = 1), {D(2, 3, 2), IN(-2, 2)}),
      CASE("log_softmax", LOG_SOFTMAX, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("log_softmax over channels", LOG_SOFTMAX, ATTR(axis, .axis = 1), {D(2, 3, 2), IN(-2, 2)}),
      CASE_OUT("dropout", DROPOUT, NULL, 2, 0, {D(3, 4)}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(products) {
  const grad_case cases[] = {
      CASE("gemm", GEMM, NULL, {D(3, 4)}, {D(4, 2)}, {D(2)}),
      CASE("gemm a'", GEMM, ATTR(gemm, .trans_a = 1, .alpha = 0.5f, .beta = 2), {D(4, 3)}, {D(4, 2)}, {D(3, 1)}),
      CASE("gemm b'", GEMM, ATTR(gemm, .trans_b = 1, .alpha = 1, .beta = 1), {D(3, 4)}, {D(2, 4)}, {D(3, 2)}),
      CASE("gemm a' b'", GEMM, ATTR(gemm, .trans_a = 1, .trans_b = 1, .alpha = 3), {D(4, 3)}, {D(2, 4)}),
      CASE("matmul", MATMUL, NULL, {D(3, 4)}, {D(4, 2)}),
      CASE("matmul vectors", MATMUL, NULL, {D(4)}, {D(4)}),
      CASE("matmul vector, matrix", MATMUL, NULL, {D(4)}, {D(4, 3)}),
      CASE("matmul matrix, vector", MATMUL, NULL, {D(2, 3, 4)}, {D(4)}),
      CASE("matmul batches", MATMUL, NULL, {D(2, 3, 4)}, {D(2, 4, 2)}),
      CASE("matmul one b", MATMUL, NULL, {D(2, 3, 4)}, {D(4, 2)}),
      CASE("matmul one a", MATMUL, NULL, {D(3, 4)}, {D(2, 4, 2)}),
      CASE("matmul broadcast", MATMUL, NULL, {D(2, 1, 3, 4)}, {D(1, 3, 4, 2)}),
      CASE("matmul vector, batches", MATMUL, NULL, {D(4)}, {D(2, 4, 3)}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(unary) {
  const grad_case cases[] = {
      CASE("relu", RELU, NULL, {D(3, 4)}),
      CASE("sigmoid", SIGMOID, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("tanh", TANH, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("leaky_relu", LEAKY_RELU, ATTR(unary, .alpha = 0.2f), {D(3, 4)}),
      CASE("prelu", PRELU, NULL, {D(2, 3, 4)}, {D(3, 1)}),
      CASE("prelu one slope", PRELU, NULL, {D(2, 3)}, {D(1)}),
      CASE("elu", ELU, ATTR(unary, .alpha = 0.7f), {D(3, 4), IN(-2, 2)}),
      CASE("selu", SELU, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("celu", CELU, ATTR(unary, .alpha = 0.6f), {D(3, 4), IN(-2, 2)}),
      CASE("clip", CLIP, ATTR(unary, .alpha = -0.51f, .beta = 0.61f), {D(3, 4)}),
      CASE("hard_sigmoid", HARD_SIGMOID, NULL, {D(4, 4), IN(-4, 4)}),
      CASE("hard_swish", HARD_SWISH, NULL, {D(4, 4), IN(-4, 4)}),
      CASE("softplus", SOFTPLUS, NULL, {D(3, 4), IN(-4, 4)}),
      CASE("softsign", SOFTSIGN, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("gelu", GELU, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("gelu tanh", GELU, ATTR(unary, .alpha = 1), {D(3, 4), IN(-3, 3)}),
      CASE("swish", SWISH, ATTR(unary, .alpha = 1.5f), {D(3, 4), IN(-3, 3)}),
      CASE("mish", MISH, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("thresholded_relu", THRESHOLDED_RELU, ATTR(unary, .alpha = 0.51f), {D(3, 4)}),
      CASE("shrink", SHRINK, ATTR(unary, .alpha = 0.51f, .beta = 0.2f), {D(3, 4)}),
      CASE("exp", EXP, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("log", LOG, NULL, {D(3, 4), IN(0.2, 3)}),
      CASE("sqrt", SQRT, NULL, {D(3, 4), IN(0.2, 3)}),
      CASE("abs", ABS, NULL, {D(3, 4)}),
      CASE("neg", NEG, NULL, {D(3, 4)}),
      CASE("reciprocal", RECIPROCAL, NULL, {D(3, 4), IN(0.3, 2)}),
      CASE("erf", ERF, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("sin", SIN, NULL, {D(3, 4), IN(-4, 4)}),
      CASE("cos", COS, NULL, {D(3, 4), IN(-4, 4)}),
      CASE("tan", TAN, NULL, {D(3, 4), IN(-1.2, 1.2)}),
      CASE("asin", ASIN, NULL, {D(3, 4), IN(-0.95, 0.95)}),
      CASE("acos", ACOS, NULL, {D(3, 4), IN(-0.95, 0.95)}),
      CASE("atan", ATAN, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("sinh", SINH, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("cosh", COSH, NULL, {D(3, 4), IN(-2, 2)}),
      CASE("asinh", ASINH, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("acosh", ACOSH, NULL, {D(3, 4), IN(1.1, 3)}),
      CASE("atanh", ATANH, NULL, {D(3, 4), IN(-0.9, 0.9)}),
      CASE("floor", FLOOR, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("sign", SIGN, NULL, {D(3, 4)}),
  };
  CHECK_ALL(cases);
}
END_TEST

/* Broadcast both ways: to rows, to columns, from one number. */
#define BROADCAST(NAME, KIND, LO, HI)                                             \
  CASE(NAME, KIND, NULL, {D(2, 3, 4), IN(-1, 1)}, {D(2, 3, 4), IN(LO, HI)}),     \
  CASE(NAME " row", KIND, NULL, {D(2, 3, 4), IN(-1, 1)}, {D(3, 1), IN(LO, HI)}), \
  CASE(NAME " wider b", KIND, NULL, {D(4), IN(-1, 1)}, {D(2, 1, 4), IN(LO, HI)}), \
  CASE(NAME " scalar", KIND, NULL, {D(2, 3), IN(-1, 1)}, {.rank = 0, IN(LO, HI)})

START_TEST(binary_and_nary) {
  const grad_case cases[] = {
      BROADCAST("add", ADD, -1, 1),
      BROADCAST("sub", SUB, -1, 1),
      BROADCAST("mul", MUL, -1, 1),
      BROADCAST("div", DIV, 0.5, 2),
      CASE("pow", POW, NULL, {D(2, 3, 4), IN(0.3, 2)}, {D(2, 3, 4), IN(-2, 3)}),
      CASE("pow row", POW, NULL, {D(2, 3), IN(0.3, 2)}, {D(3), IN(-2, 3)}),
      CASE("pow of negatives", POW, NULL, {D(2, 3), IN(-2, 2)}, {.rank = 0, .ints = (const int64_t[]){3}}),
      CASE("pow of ints", POW, NULL, {D(2, 3), IN(-2, 2)}, {D(3), INTS(2, 0, 1)}),
      CASE("mod", MOD, NULL, {D(3, 4), IN(-3, 3)}, {D(3, 4), IN(0.6, 0.9)}),
      CASE("mod of C", MOD, ATTR(mod, .fmod = 1), {D(3, 4), IN(-3, 3)}, {D(4), IN(0.6, 0.9)}),
      CASE("min", MIN, NULL, {D(2, 3, 4)}, {D(4)}, {D(3, 1)}),
      CASE("max", MAX, NULL, {D(2, 3, 4)}, {D(4)}, {D(3, 1)}),
      CASE("max of one", MAX, NULL, {D(2, 3)}),
      CASE("sum", SUM, NULL, {D(2, 3, 4)}, {D(4)}, {D(3, 1)}),
      CASE("mean", MEAN, NULL, {D(2, 3, 4)}, {D(4)}, {D(3, 1)}),
      CASE("where", WHERE, NULL, {D(2, 3), INTS(1, 0, 1, 0, 0, 1), .dtype = CVK_BOOL}, {D(2, 3)}, {D(2, 1)}),
      CASE("where broadcast", WHERE, NULL, {D(3), INTS(1, 0, 1), .dtype = CVK_BOOL}, {D(2, 1)}, {D(2, 2, 3)}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(reductions) {
  const grad_case cases[] = {
      CASE("reduce_sum", REDUCE_SUM, NULL, {D(2, 3, 4)}),
      CASE("reduce_sum of axes", REDUCE_SUM, ATTR(axes, .n_axes = 2, .axis = {0, -1}), {D(2, 3, 4)}),
      CASE("reduce_mean", REDUCE_MEAN, ATTR(axes, .n_axes = 1, .axis = {1}, .keep_dims = 1), {D(2, 3, 4)}),
      CASE("reduce_mean of all", REDUCE_MEAN, NULL, {D(2, 3)}),
      CASE("reduce_sum of none", REDUCE_SUM, ATTR(axes, .noop_with_empty_axes = 1), {D(2, 3)}),
      CASE("reduce_max", REDUCE_MAX, NULL, {D(2, 3, 4)}),
      CASE("reduce_max of axes", REDUCE_MAX, ATTR(axes, .n_axes = 2, .axis = {0, 2}, .keep_dims = 1), {D(2, 3, 4)}),
      CASE("reduce_min", REDUCE_MIN, ATTR(axes, .n_axes = 1, .axis = {1}), {D(2, 3, 4)}),
      CASE("reduce_prod", REDUCE_PROD, ATTR(axes, .n_axes = 2, .axis = {1, 0}), {D(2, 3, 2), IN(-2, 2)}),
      CASE("reduce_prod of none", REDUCE_PROD, ATTR(axes, .noop_with_empty_axes = 1), {D(2, 3)}),
      CASE("cum_sum", CUM_SUM, ATTR(cumulative, .axis = 1), {D(2, 3, 2)}),
      CASE("cum_sum exclusive, reverse", CUM_SUM, NULL, {D(2, 3)}, {.rank = 0, .ints = (const int64_t[]){-1}}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(movement) {
  const grad_case cases[] = {
      CASE("reshape", RESHAPE, ATTR(shape, .rank = 2, .dim = {4, -1}), {D(2, 3, 2)}),
      CASE("flatten", FLATTEN, NULL, {D(2, 3, 2)}),
      CASE("squeeze", SQUEEZE, NULL, {D(2, 1, 2)}),
      CASE("unsqueeze", UNSQUEEZE, ATTR(axes, .n_axes = 1, .axis = {1}), {D(2, 3)}),
      CASE("identity", IDENTITY, NULL, {D(2, 3)}),
      CASE("concat", CONCAT, ATTR(axis, .axis = 1), {D(2, 3)}, {D(2, 1)}, {D(2, 2)}),
      CASE("transpose", TRANSPOSE, ATTR(axes, .n_axes = 3, .axis = {2, 0, 1}), {D(2, 3, 4)}),
      CASE("transpose reversed", TRANSPOSE, NULL, {D(2, 3, 4)}),
      CASE_OUT("split", SPLIT, ATTR(split, .axis = 1, .n_split = 2, .size = {1, 3}), 2, 0, {D(2, 4)}),
      CASE_OUT("split, one part read", SPLIT, ATTR(split, .axis = 0), 3, 1, {D(6, 2)}),
      CASE("slice", SLICE, ATTR(slice, .n_axes = 2, .axis = {0, 2}, .start = {1, -3}, .end = {3, -1}), {D(4, 2, 5)}),
      CASE("slice strided", SLICE, ATTR(slice, .n_axes = 2, .axis = {0, 1}, .start = {1, 0}, .end = {7, 5}, .step = {3, 2}), {D(7, 6)}),
      CASE("slice backwards", SLICE, ATTR(slice, .n_axes = 2, .axis = {0, 1}, .start = {-1, 4}, .end = {INT64_MIN, 0}, .step = {-1, -2}), {D(3, 6)}),
      CASE("slice of one", SLICE, ATTR(slice, .n_axes = 1, .start = {4}, .end = {0}, .step = {-9}), {D(6)}),
      CASE("gather", GATHER, ATTR(axis, .axis = 1), {D(2, 4, 3)}, {D(2, 2), INTS(0, 3, -1, 0)}),
      CASE("gather of rows", GATHER, NULL, {D(4, 2)}, {D(3), INTS(1, 1, 2)}),
      CASE("gather one", GATHER, ATTR(axis, .axis = 1), {D(2, 4)}, {.rank = 0, .ints = (const int64_t[]){2}}),
      CASE("gather_elements", GATHER_ELEMENTS, ATTR(axis, .axis = 1), {D(2, 4)}, {D(2, 3), INTS(0, 0, 3, 1, -1, 2)}),
      CASE("gather_nd", GATHER_ND, NULL, {D(3, 2, 2)}, {D(3, 2), INTS(0, 1, 2, 0, 0, 1)}),
      CASE("scatter_elements add", SCATTER_ELEMENTS, ATTR(scatter, .axis = 1, .reduction = CVK_SCATTER_ADD), {D(2, 4)},
           {D(2, 3), INTS(0, 0, 3, 1, -1, 2)}, {D(2, 3)}),
      CASE("scatter_elements", SCATTER_ELEMENTS, ATTR(scatter, .axis = 1), {D(2, 4)}, {D(2, 2), INTS(0, 3, 1, 2)}, {D(2, 2)}),
      CASE("scatter_nd", SCATTER_ND, NULL, {D(3, 2)}, {D(2, 1), INTS(2, 0)}, {D(2, 2)}),
      CASE("scatter_nd add", SCATTER_ND, ATTR(scatter, .reduction = CVK_SCATTER_ADD), {D(3, 2)}, {D(3, 1), INTS(2, 0, 2)}, {D(3, 2)}),
      CASE("expand", EXPAND, ATTR(shape, .rank = 3, .dim = {2, 3, 4}), {D(3, 1)}),
      CASE("tile", TILE, ATTR(shape, .rank = 3, .dim = {2, 1, 3}), {D(2, 3, 2)}),
      CASE("trilu upper", TRILU, ATTR(trilu, .upper = 1, .k = 1), {D(2, 3, 4)}),
      CASE("trilu lower", TRILU, ATTR(trilu, .k = 0), {D(4, 3)}),
      CASE_OUT("top_k", TOP_K, ATTR(top_k, .axis = 1, .k = 2, .largest = 1, .sorted = 1), 2, 0, {D(3, 5)}),
      CASE("top_k values only", TOP_K, ATTR(top_k, .axis = 0, .k = 2, .sorted = 1), {D(4, 3)}),
      CASE("reverse_sequence", REVERSE_SEQUENCE, ATTR(reverse_sequence, .batch_axis = 1, .time_axis = 0), {D(4, 2)}, {D(2), INTS(3, 2)}),
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(pads_and_resizes) {
  const grad_case cases[] = {
      CASE("pad", PAD, ATTR(pad, .begin = {1, 0, 2}, .end = {0, 3, 1}, .value = 4), {D(2, 2, 3)}),
      CASE("pad and crop", PAD, ATTR(pad, .begin = {-1, 2}, .end = {1, -2}), {D(4, 4)}),
      CASE("pad reflect", PAD, ATTR(pad, .mode = CVK_PAD_REFLECT, .begin = {2, 1}, .end = {0, 5}), {D(3, 3)}),
      CASE("pad edge", PAD, ATTR(pad, .mode = CVK_PAD_EDGE, .begin = {2, -1, 0}, .end = {1, 3, 0}), {D(2, 3, 2)}),
      CASE("pad wrap", PAD, ATTR(pad, .mode = CVK_PAD_WRAP, .begin = {4}, .end = {2}), {D(3, 2)}),
      CASE("resize nearest", RESIZE, ATTR(resize, .n_axes = 2, .axis = {2, 3}, .size = {5, 3}, .coordinates = CVK_ASYMMETRIC), {D(1, 2, 3, 4)}),
      CASE("resize linear", RESIZE, ATTR(resize, .mode = CVK_LINEAR, .n_axes = 2, .axis = {2, 3}, .size = {5, 2}), {D(1, 2, 3, 4)}),
      CASE("resize linear, corners", RESIZE,
           ATTR(resize, .mode = CVK_LINEAR, .coordinates = CVK_ALIGN_CORNERS, .n_axes = 2, .axis = {2, 3}, .size = {6, 7}), {D(1, 2, 3, 4)}),
      CASE("resize cubic", RESIZE, ATTR(resize, .mode = CVK_CUBIC, .cubic_a = -0.75f, .n_axes = 2, .axis = {2, 3}, .size = {5, 6}), {D(1, 1, 4, 4)}),
      CASE("resize linear, long", RESIZE, ATTR(resize, .mode = CVK_LINEAR, .n_axes = 1, .axis = {2}, .size = {30}), {D(1, 1, 70)}),
      CASE("resize antialias", RESIZE, ATTR(resize, .mode = CVK_LINEAR, .antialias = 1, .n_axes = 1, .axis = {2}, .size = {3}), {D(1, 2, 7)}),
  };
  CHECK_ALL(cases);
}
END_TEST

/* ---- at ties, kinks and what is not finite ---- */

#define MOST 8

/* The gradient of the sum of the results in x, a vector of n; [1, 1, n] for pools. */
typedef struct edge {
  const char *name;
  int32_t kind;
  const void *attr;
  int32_t n;
  float x[MOST], want[MOST];
  int32_t pool;
} edge;

#define EDGE(NAME, KIND, A, N, ...) { .name = NAME, .kind = CVK_OP_##KIND, .attr = A, .n = N, __VA_ARGS__ }
#define X(...) .x = {__VA_ARGS__}
#define G(...) .want = {__VA_ARGS__}

static void run_edges(const char *device, const edge *e, int32_t n_in, const float *second, float *got, float *got_second) {
  const int64_t dim[3] = {1, 1, e->n}, *d = e->pool ? dim : dim + 2;
  const int32_t rank = e->pool ? 3 : 1;
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  cvk_tensor *in[2] = {NULL}, *out[2] = {NULL};
  cvk_value x[2], y, loss, gradient[2];
  ck_ok(cvk_context_create(&(cvk_context_options){.backends = "cpu", .num_threads = 1}, &ctx));
  ck_ok(cvk_graph_create(ctx, &g));
  for (int32_t i = 0; i < n_in; i++) {
    ck_ok(cvk_tensor_create(NULL, CVK_F32, rank, d, i ? second : e->x, &in[i]));
    ck_ok(cvk_graph_input(g, i ? "b" : "a", CVK_F32, rank, d, &x[i]));
  }
  ck_ok(cvk_graph_op(g, e->kind, e->attr, n_in, x, 1, &y, NULL));
  ck_ok(cvk_graph_reduce_sum(g, y, NULL, &loss));
  ck_ok(cvk_graph_gradients(g, loss, n_in, x, gradient));
  for (int32_t i = 0; i < n_in; i++) ck_ok(cvk_graph_output(g, gradient[i], i ? "gb" : "ga"));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = device}, &s));
  ck_ok(cvk_session_run(s, n_in, in, n_in, out));
  for (int32_t i = 0; i < n_in; i++) {
    ck_ok(cvk_tensor_read(out[i], i ? got_second : got, (uint64_t)e->n * sizeof(float)));
    cvk_tensor_release(in[i]);
    cvk_tensor_release(out[i]);
  }
  cvk_session_release(s);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

static void expect(const char *device, const char *name, int32_t n, const float *got, const float *want) {
  for (int32_t i = 0; i < n; i++) {
    const int same = isnan(want[i]) ? isnan(got[i]) : isinf(want[i]) ? got[i] == want[i] : fabsf(got[i] - want[i]) <= 1e-6f;
    ck_assert_msg(same, "%s on %s: element %d: %g, wanted %g", name, device, i, (double)got[i], (double)want[i]);
  }
}

START_TEST(edges) {
  const edge cases[] = {
      EDGE("relu", RELU, NULL, 4, X(-1, 0, 1, NAN), G(0, 0, 1, 0)),
      EDGE("leaky_relu", LEAKY_RELU, ATTR(unary, .alpha = 0.25f), 3, X(-1, 0, 1), G(0.25f, 1, 1)),
      EDGE("elu", ELU, ATTR(unary, .alpha = 0.5f), 3, X(0, 1000, -INFINITY), G(1, 1, 0)),
      EDGE("selu", SELU, ATTR(unary, .alpha = 2, .beta = 3), 2, X(0, 1000), G(6, 3)),
      EDGE("celu", CELU, ATTR(unary, .alpha = 0.5f), 2, X(0, 1000), G(1, 1)),
      EDGE("clip", CLIP, ATTR(unary, .alpha = -1, .beta = 1), 6, X(-2, -1, 0, 1, 2, NAN), G(0, 1, 1, 1, 0, 1)),
      EDGE("clip, crossed", CLIP, ATTR(unary, .alpha = 1, .beta = -1), 3, X(-2, 0, 2), G(0, 0, 0)),
      EDGE("hard_sigmoid", HARD_SIGMOID, ATTR(unary, .alpha = 0.25f, .beta = 0.5f), 3, X(-2, 0, 2), G(0, 0.25f, 0)),
      EDGE("hard_swish", HARD_SWISH, NULL, 4, X(-3, 3, INFINITY, -INFINITY), G(-0.5f, 1.5f, 1, 0)),
      EDGE("thresholded_relu", THRESHOLDED_RELU, ATTR(unary, .alpha = 1), 3, X(1, 2, NAN), G(0, 1, 0)),
      EDGE("shrink", SHRINK, ATTR(unary, .alpha = 0.5f), 4, X(-0.5f, 0.5f, 0.75f, 0), G(0, 0, 1, 0)),
      EDGE("abs", ABS, NULL, 3, X(-2, 0, 3), G(-1, 0, 1)),
      EDGE("sqrt", SQRT, NULL, 2, X(0, 4), G(INFINITY, 0.25f)),
      EDGE("sigmoid", SIGMOID, NULL, 2, X(-1000, 1000), G(0, 0)),
      EDGE("softplus", SOFTPLUS, NULL, 2, X(-1000, 1000), G(0, 1)),
      EDGE("max_pool", MAX_POOL, ATTR(pool, .kernel = {4}), 4, X(1, 2, 2, 1), G(0, 1, 0, 0), .pool = 1),
      EDGE("max_pool of NaN", MAX_POOL, ATTR(pool, .kernel = {4}), 4, X(9, NAN, NAN, 2), G(0, 1, 0, 0), .pool = 1),
      EDGE("global_max_pool", GLOBAL_MAX_POOL, NULL, 4, X(3, 3, 3, 1), G(1, 0, 0, 0), .pool = 1),
      EDGE("lp_pool of zeros", LP_POOL, ATTR(pool, .kernel = {2}, .stride = {2}), 4, X(0, 0, 3, 4), G(0, 0, 0.6f, 0.8f), .pool = 1),
      EDGE("global_lp_pool of zeros", GLOBAL_LP_POOL, NULL, 2, X(0, 0), G(0, 0), .pool = 1),
      EDGE("reduce_max", REDUCE_MAX, NULL, 4, X(1, 3, 3, 2), G(0, 1, 0, 0)),
      EDGE("reduce_max of NaN", REDUCE_MAX, NULL, 4, X(1, 3, NAN, NAN), G(0, 0, 1, 0)),
      EDGE("reduce_min", REDUCE_MIN, NULL, 4, X(1, 3, 1, 2), G(1, 0, 0, 0)),
      EDGE("reduce_prod, a zero", REDUCE_PROD, NULL, 3, X(2, 0, 3), G(0, 6, 0)),
      EDGE("reduce_prod, two zeros", REDUCE_PROD, NULL, 3, X(0, 0, 3), G(0, 0, 0)),
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int32_t d = 0; d < 2; d++) {
      const char *device = d ? "cpu" : "reference";
      float got[MOST];
      run_edges(device, &cases[i], 1, NULL, got, NULL);
      expect(device, cases[i].name, cases[i].n, got, cases[i].want);
    }
  }
}
END_TEST

/* The first of two equal inputs; NaN gives to none. What a power is at 0. */
START_TEST(edges_of_two_inputs) {
  const struct { edge a; float b[MOST], want_b[MOST]; } cases[] = {
      {EDGE("max", MAX, NULL, 4, X(1, 2, 1, NAN), G(1, 1, 0, 0)), {1, 1, 2, 0}, {0, 0, 1, 0}},
      {EDGE("min", MIN, NULL, 4, X(1, 2, 1, 0), G(1, 0, 1, 0)), {1, 1, 2, NAN}, {0, 1, 0, 0}},
      {EDGE("pow", POW, NULL, 4, X(0, 0, 2, -2), G(0, 0, 1, -4)), {0, 2, 1, 2}, {0, 0, 1.3862944f, NAN}},
      {EDGE("prelu", PRELU, NULL, 3, X(-2, 0, NAN), G(0.5f, 1, 1)), {0.5f, 0.5f, 0.5f}, {-2, 0, 0}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int32_t d = 0; d < 2; d++) {
      const char *device = d ? "cpu" : "reference";
      float got[MOST], second[MOST];
      run_edges(device, &cases[i].a, 2, cases[i].b, got, second);
      expect(device, cases[i].a.name, cases[i].a.n, got, cases[i].a.want);
      expect(device, cases[i].a.name, cases[i].a.n, second, cases[i].want_b);
    }
  }
}
END_TEST

SUITE("train", convolutions, pools, normalisations_and_losses, products, unary, binary_and_nary, reductions, movement, pads_and_resizes,
      edges, edges_of_two_inputs)

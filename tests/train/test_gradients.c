/* SPDX-License-Identifier: Apache-2.0 */
/* test_gradients.c: the gradient of each op against central differences (grad_check.h), a table a family. Inputs keep away from kinks and
 * ties, where a difference is no derivative; what holds there is tested by hand below. */
#include "grad_check.h"

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
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(unary) {
  const grad_case cases[] = {
      CASE("relu", RELU, NULL, {D(3, 4)}),
      CASE("sigmoid", SIGMOID, NULL, {D(3, 4), IN(-3, 3)}),
      CASE("tanh", TANH, NULL, {D(3, 4), IN(-2, 2)}),
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
  };
  CHECK_ALL(cases);
}
END_TEST

SUITE("train", convolutions, pools, normalisations_and_losses, products, unary, binary_and_nary, reductions, movement)

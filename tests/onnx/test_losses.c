/* SPDX-License-Identifier: Apache-2.0 */
/* test_losses.c: the losses with each reduction, weights, ignored targets (also of infinite probability), further axes, targets outside. */
#include <math.h>

#include "one_node.h"

START_TEST(test_negative_log_likelihood) {
  const array x = F32("2x3", -1, -2, -4, -8, -16, -32), t = I64("2", 2, 0), w = F32("3", 0.5f, 1, 3);
  bytes a = {0};
  check_op(12, "NegativeLogLikelihoodLoss", NULL, "a b", IN(x, t), F32("", 6));
  attr_text(&a, "reduction", "sum");
  check_op(13, "NegativeLogLikelihoodLoss", &a, "a b", IN(x, t), F32("", 12));
  attr_text(&a, "reduction", "none");
  check_op(22, "NegativeLogLikelihoodLoss", &a, "a b c", IN(x, t, w), F32("2", 12, 4));
  check_op(13, "NegativeLogLikelihoodLoss", NULL, "a b c", IN(x, t, w), F32("", 16 / 3.5f));
  check_refused(13, "NegativeLogLikelihoodLoss", NULL, "a b", IN(x, I64("2", 0, 3)), CVK_INVALID_ARGUMENT, "index 3");
  check_refused(13, "NegativeLogLikelihoodLoss", NULL, "a b", IN(x, I64("3", 0, 0, 0)), CVK_INVALID_SHAPE, "reshape");
}
END_TEST

START_TEST(test_ignored_targets) {
  const array x = F32("3x2", -1, -2, -INFINITY, -4, -8, -16), t = I64("3", 0, -7, 1), zero = I64("3", 0, 0, 1), w = F32("2", 2, 1);
  bytes a = {0};
  attr_int(&a, "ignore_index", -7);
  check_op(13, "NegativeLogLikelihoodLoss", &a, "a b", IN(x, t), F32("", 8.5f));
  attr_int(&a, "ignore_index", -7);
  check_op(13, "NegativeLogLikelihoodLoss", &a, "a b c", IN(x, t, w), F32("", 6));
  attr_int(&a, "ignore_index", 0);
  attr_text(&a, "reduction", "none");
  check_op(13, "NegativeLogLikelihoodLoss", &a, "a b", IN(x, zero), F32("3", 0, 0, 16));
}
END_TEST

START_TEST(test_further_axes) {
  const array x = F32("1x2x2x1", -1, -2, -3, -4);
  bytes a = {0};
  attr_text(&a, "reduction", "none");
  check_op(13, "NegativeLogLikelihoodLoss", &a, "a b", IN(x, I64("1x2x1", 1, 0)), F32("1x2x1", 3, 2));
}
END_TEST

START_TEST(test_softmax_cross_entropy) {
  const array in[] = {F32("2x2", 0, 0, 1, 0), I64("2", 1, 1)};
  const float half = logf(2), far = logf(1 + expf(1)), log_p[] = {-half, -half, 1 - far, -far}, mean[] = {(half + far) / 2};
  const array both[] = {{CVK_F32, "", mean}, {CVK_F32, "2x2", log_p}};
  bytes m = one(13, "SoftmaxCrossEntropyLoss", NULL, "a b", "y z", 2, in), a = {0};
  expect(&m, 2, in, 2, both);
  attr_text(&a, "reduction", "sum");
  attr_int(&a, "ignore_index", 5);
  check_op(12, "SoftmaxCrossEntropyLoss", &a, "a b c", IN(in[0], I64("2", 5, 1), F32("2", 1, 3)), F32("", 3 * far));
  attr_text(&a, "reduction", "most");
  check_refused(12, "SoftmaxCrossEntropyLoss", &a, "a b", 2, in, CVK_INVALID_ARGUMENT, "'reduction' is 'most'");
}
END_TEST

SUITE("onnx losses", test_negative_log_likelihood, test_ignored_targets, test_further_axes, test_softmax_cross_entropy)

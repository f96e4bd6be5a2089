/* SPDX-License-Identifier: Apache-2.0 */
/* test_compose.c: ONNX operators that are built from several ops, with NaN and infinities, and with inputs of unknown shape. */
#include <math.h>

#include "one_node.h"

START_TEST(test_reductions_of_a_function) {
  const array x = F32("2x2", 3, -4, 1, 2);
  bytes a = {0};
  check_op(1, "ReduceL1", NULL, "a", 1, &x, F32("1x1", 10));
  check_op(18, "ReduceL2", NULL, "a b", IN(x, I64("1", 1)), F32("2x1", 5, sqrtf(5)));
  attr_ints(&a, "axes", 1, DIMS(0));
  attr_int(&a, "keepdims", 0);
  check_op(13, "ReduceSumSquare", &a, "a", 1, &x, F32("2", 10, 20));
  check_op(13, "ReduceLogSum", NULL, "a", IN(F32("2", 1, 3)), F32("1", logf(4)));
  attr_int(&a, "keepdims", 0);
  check_op(18, "ReduceLogSumExp", &a, "a b", IN(F32("3x2", 1000, 1000, -INFINITY, -INFINITY, INFINITY, 1), I64("1", 1)),
           F32("3", 1000 + logf(2), -INFINITY, INFINITY));
  check_op(18, "ReduceLogSumExp", NULL, "a", IN(F32("2", NAN, INFINITY)), F32("1", NAN));
  check_op(13, "Size", NULL, "a", 1, &x, I64("", 4));
  check_op(13, "Size", NULL, "a", IN(F32("", 1)), I64("", 1));
}
END_TEST

START_TEST(test_hardmax) {
  const array x = F32("2x3", 1, 3, 3, NAN, 0, NAN);
  bytes a = {0};
  check_op(13, "Hardmax", NULL, "a", 1, &x, F32("2x3", 0, 1, 0, 1, 0, 0));
  attr_int(&a, "axis", 0);
  check_op(13, "Hardmax", &a, "a", IN(F32("2x2x1", 1, 2, 3, 2)), F32("2x2x1", 0, 1, 1, 0));
  attr_int(&a, "axis", -2);
  check_op(13, "Hardmax", &a, "a", IN(F32("2x2x1", 1, 2, 3, 2)), F32("2x2x1", 0, 1, 1, 0));
  check_op(11, "Hardmax", NULL, "a", IN(F32("2x2x2", 1, 2, 3, 2, 4, 0, 4, 4)), F32("2x2x2", 0, 0, 1, 0, 1, 0, 0, 0));
}
END_TEST

START_TEST(test_logic) {
  const array ab[] = {BOOL("4", 0, 0, 1, 1), BOOL("4", 0, 1, 0, 1)};
  check_op(7, "And", NULL, "a b", 2, ab, BOOL("4", 0, 0, 0, 1));
  check_op(7, "Or", NULL, "a b", 2, ab, BOOL("4", 0, 1, 1, 1));
  check_op(7, "Xor", NULL, "a b", 2, ab, BOOL("4", 0, 1, 1, 0));
  check_op(7, "And", NULL, "a b", IN(BOOL("2x1", 0, 1), BOOL("2", 0, 1)), BOOL("2x2", 0, 0, 0, 1));
  const array nan[] = {F32("4", 1, 2, 3, NAN), F32("4", 2, 2, 2, 2)};
  check_op(12, "GreaterOrEqual", NULL, "a b", 2, nan, BOOL("4", 0, 1, 1, 0));
  check_op(16, "LessOrEqual", NULL, "a b", 2, nan, BOOL("4", 1, 1, 0, 0));
}
END_TEST

START_TEST(test_instance_norm) {
  const array in[] = {F32("2x2x1x2", 0, 2, 1, 3, 4, 8, 5, 5), F32("2", 1, 2), F32("2", 0, 10)};
  bytes a = {0};
  attr_float(&a, "epsilon", 1);
  const float r = sqrtf(0.5f), s = 2 / sqrtf(5);
  check_op(6, "InstanceNormalization", &a, "a b c", 3, in, F32("2x2x1x2", -r, r, 10 - 2 * r, 10 + 2 * r, -s, s, 10, 10));
}
END_TEST

START_TEST(test_layer_norm) {
  const array in[] = {F32("2x1x2", 0, 2, 4, 8), F32("2", 1, 2), F32("2", 0, 10)};
  bytes a = {0};
  attr_float(&a, "epsilon", 1);
  const float r = sqrtf(0.5f), s = 2 / sqrtf(5);
  check_op(17, "LayerNormalization", &a, "a b c", 3, in, F32("2x1x2", -r, 10 + 2 * r, -s, 10 + 2 * s));
  attr_float(&a, "epsilon", 1);
  attr_int(&a, "axis", 1);
  check_op(17, "LayerNormalization", &a, "a b", IN(in[0], F32("1x2", 1, 2)), F32("2x1x2", -r, 2 * r, -s, 2 * s));
  const float inverse[] = {r, 1 / sqrtf(5)};
  bytes m = one(17, "LayerNormalization", NULL, "a b c", "y p q", 3, in);
  expect(&m, 3, in, 3,
         (const array[]){F32("2x1x2", -1, 12, -1, 12), F32("2x1x1", 1, 6), F32("2x1x1", 1, 0.5f)});
  attr_float(&a, "epsilon", 1);
  attr_int(&a, "axis", 1);
  m = one(17, "LayerNormalization", &a, "a b c", "y - q", 3, in);
  expect(&m, 3, in, 2, (const array[]){F32("2x1x2", -r, 10 + 2 * r, -s, 10 + 2 * s), {CVK_F32, "2x1x1", inverse}});
  attr_int(&a, "stash_type", 8);
  m = one(17, "LayerNormalization", &a, "a b c", "y", 3, in);
  expect_failure(&m, 3, in, CVK_UNSUPPORTED, "'stash_type' is 8 (string)");
}
END_TEST

START_TEST(test_group_norm) {
  const array x = F32("2x4x1x1", 0, 2, 4, 8, 2, 2, 1, 3);
  const float r = sqrtf(0.5f), s = 2 / sqrtf(5);
  bytes a = {0};
  attr_float(&a, "epsilon", 1);
  attr_int(&a, "num_groups", 2);
  check_op(18, "GroupNormalization", &a, "a b c", IN(x, F32("2", 1, 2), F32("2", 0, 10)),
           F32("2x4x1x1", -r, r, 10 - 2 * s, 10 + 2 * s, 0, 0, 10 - 2 * r, 10 + 2 * r));
  attr_float(&a, "epsilon", 1);
  attr_int(&a, "num_groups", 2);
  attr_int(&a, "stash_type", 1);
  check_op(21, "GroupNormalization", &a, "a b c", IN(x, F32("4", 1, 2, 3, 4), F32("4", 0, 10, 20, 30)),
           F32("2x4x1x1", -r, 10 + 2 * r, 20 - 3 * s, 30 + 4 * s, 0, 10, 20 - 3 * r, 30 + 4 * r));
  const array wide = F32("1x2x2", 0, 2, 4, 8); /* one group over all: mean 3.5, variance 8.75 */
  const float t = 1 / sqrtf(9.75f);
  attr_float(&a, "epsilon", 1);
  attr_int(&a, "num_groups", 1);
  check_op(21, "GroupNormalization", &a, "a b c", IN(wide, F32("2", 1, 2), F32("2", 0, 1)),
           F32("1x2x2", -3.5f * t, -1.5f * t, 1 + t, 1 + 9 * t));
  const array per_channel[] = {x, F32("4", 1, 2, 3, 4), F32("4", 0, 0, 0, 0)};
  check_refused(21, "GroupNormalization", NULL, "a b c", 3, per_channel, CVK_INVALID_ARGUMENT, "'num_groups' is missing");
  attr_int(&a, "num_groups", 3);
  check_refused(21, "GroupNormalization", &a, "a b c", 3, per_channel, CVK_INVALID_SHAPE, "reshape");
  attr_int(&a, "num_groups", 2);
  check_refused(18, "GroupNormalization", &a, "a b c", 3, per_channel, CVK_INVALID_SHAPE, "expand");
}
END_TEST

START_TEST(test_rms_norm) {
  const array x = F32("2x1x2", 1, 7, 3, INFINITY);
  bytes a = {0};
  attr_float(&a, "epsilon", 11);
  check_op(23, "RMSNormalization", &a, "a b", IN(x, F32("2", 1, 2)), F32("2x1x2", 1 / 6.f, 14 / 6.f, 0, NAN));
  attr_int(&a, "axis", 0);
  attr_float(&a, "epsilon", 0);
  attr_int(&a, "stash_type", 1);
  check_op(23, "RMSNormalization", &a, "a b", IN(F32("2x2", 1, 1, -1, 5), F32("1", 2)),
           F32("2x2", 2 / sqrtf(7), 2 / sqrtf(7), -2 / sqrtf(7), 10 / sqrtf(7)));
}
END_TEST

START_TEST(test_lp_norm) {
  const array x = F32("2x2", 3, -4, 0, 0);
  bytes a = {0};
  check_op(1, "LpNormalization", NULL, "a", 1, &x, F32("2x2", 0.6f, -0.8f, 0, 0));
  attr_int(&a, "p", 1);
  attr_int(&a, "axis", 1);
  check_op(22, "LpNormalization", &a, "a", 1, &x, F32("2x2", 3 / 7.f, -4 / 7.f, 0, 0));
  attr_int(&a, "axis", 0);
  check_op(22, "LpNormalization", &a, "a", IN(F32("2x3", 3, NAN, 2, 4, 1, INFINITY)), F32("2x3", 0.6f, NAN, 0, 0.8f, NAN, NAN));
  attr_int(&a, "p", 3);
  check_refused(22, "LpNormalization", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'p' is 3, expected 1 to 2");
}
END_TEST

START_TEST(test_mean_variance_norm) {
  bytes a = {0};
  check_op(9, "MeanVarianceNormalization", NULL, "a", IN(F32("2x2x1x1", 1, 5, 3, 5)), F32("2x2x1x1", -1, 0, 1, 0));
  attr_ints(&a, "axes", 1, DIMS(-1));
  check_op(13, "MeanVarianceNormalization", &a, "a", IN(F32("2x2", 1, 5, 2, 2)), F32("2x2", -1, 1, 0, 0));
}
END_TEST

START_TEST(test_swiglu) {
  bytes a = {0};
  const array in[] = {F32("2", 1, -2), F32("2", 3, 5)};
  check_op(28, "SwiGLU", NULL, "a b", 2, in, F32("2", 3 / (1 + expf(-1)), -10 / (1 + expf(2))));
  attr_float(&a, "alpha", 0);
  check_op(28, "SwiGLU", &a, "a b", 2, in, F32("2", 1.5f, -5));
}
END_TEST

START_TEST(test_depth_and_space) {
  const array depth = F32("1x4x1x2", 0, 1, 2, 3, 4, 5, 6, 7), space = F32("1x1x2x4", 0, 2, 1, 3, 4, 6, 5, 7);
  bytes a = {0};
  attr_int(&a, "blocksize", 2);
  check_op(1, "DepthToSpace", &a, "a", 1, &depth, space);
  attr_int(&a, "blocksize", 2);
  check_op(13, "SpaceToDepth", &a, "a", 1, &space, depth);
  const array two = F32("1x8x1x1", 0, 1, 2, 3, 4, 5, 6, 7);
  attr_int(&a, "blocksize", 2);
  attr_text(&a, "mode", "CRD");
  check_op(11, "DepthToSpace", &a, "a", 1, &two, F32("1x2x2x2", 0, 1, 2, 3, 4, 5, 6, 7));
  attr_int(&a, "blocksize", 2);
  check_op(11, "DepthToSpace", &a, "a", 1, &two, F32("1x2x2x2", 0, 2, 4, 6, 1, 3, 5, 7));
  attr_int(&a, "blocksize", 2);
  attr_text(&a, "mode", "CRD");
  check_op(28, "SpaceToDepth", &a, "a", IN(F32("1x2x2x2", 0, 1, 2, 3, 4, 5, 6, 7)), two);
  check_refused(13, "SpaceToDepth", NULL, "a", 1, &space, CVK_INVALID_ARGUMENT, "'blocksize' is missing");
  attr_int(&a, "blocksize", 3);
  check_refused(13, "SpaceToDepth", &a, "a", 1, &space, CVK_INVALID_SHAPE, "reshape");
}
END_TEST

/* The shapes come from the run. */
START_TEST(test_symbolic_shapes) {
  bytes g = {0}, a = {0};
  value_info(&g, 11, "x", CVK_F32, -1, NULL);
  constant(&g, "s", F32("4", 1, 1, 1, 1));
  constant(&g, "b", F32("4", 0, 0, 0, 0));
  attr_float(&a, "epsilon", 1);
  node(&g, "InstanceNormalization", "x s b", "n", &a);
  attr_int(&a, "blocksize", 2);
  node(&g, "DepthToSpace", "n", "y", &a);
  output(&g, "y");
  bytes m = model(&g, 13);
  const float r = sqrtf(0.5f);
  expect(&m, IN(F32("1x4x1x2", 0, 2, 0, 2, 0, 2, 0, 2)), 1, (const array[]){F32("1x1x2x4", -r, -r, r, r, -r, -r, r, r)});
}
END_TEST

SUITE("onnx compose", test_reductions_of_a_function, test_hardmax, test_logic, test_instance_norm, test_layer_norm, test_group_norm, test_rms_norm,
      test_lp_norm, test_mean_variance_norm, test_swiglu, test_depth_and_space, test_symbolic_shapes)

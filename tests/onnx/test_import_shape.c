/* SPDX-License-Identifier: Apache-2.0 */
/* test_import_shape.c: operators that move data or make shapes, in their old form with attributes and their new one with inputs. */
#include <math.h>

#include "one_node.h"

START_TEST(test_reshape_flatten_transpose) {
  const array x = F32("2x3", 1, 2, 3, 4, 5, 6);
  bytes a = {0};
  check_op(5, "Reshape", NULL, "a b", IN(x, I64("2", -1, 2)), F32("3x2", 1, 2, 3, 4, 5, 6));
  check_op(13, "Reshape", NULL, "a b", IN(x, I64("2", 0, 3)), x);
  attr_int(&a, "allowzero", 1);
  check_refused(14, "Reshape", &a, "a b", IN(x, I64("2", 0, 3)), CVK_INVALID_SHAPE, "reshape");
  check_op(1, "Flatten", NULL, "a", IN(F32("1x2x3", 1, 2, 3, 4, 5, 6)), F32("1x6", 1, 2, 3, 4, 5, 6));
  attr_int(&a, "axis", -1);
  check_op(11, "Flatten", &a, "a", IN(F32("1x2x3", 1, 2, 3, 4, 5, 6)), x);
  check_op(1, "Transpose", NULL, "a", 1, &x, F32("3x2", 1, 4, 2, 5, 3, 6));
  attr_ints(&a, "perm", 2, DIMS(0, 1));
  check_op(13, "Transpose", &a, "a", 1, &x, x);
}
END_TEST

START_TEST(test_concat_split) {
  const array x = F32("2x3", 1, 2, 3, 4, 5, 6);
  bytes a = {0};
  attr_int(&a, "axis", 1);
  check_op(4, "Concat", &a, "a b", IN(x, F32("2x1", 7, 8)), F32("2x4", 1, 2, 3, 7, 4, 5, 6, 8));
  check_refused(11, "Concat", NULL, "a", IN(x), CVK_INVALID_ARGUMENT, "'axis' is missing");
  attr_int(&a, "axis", 1);
  attr_ints(&a, "split", 2, DIMS(1, 2));
  bytes m = one(2, "Split", &a, "a", "y z", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){F32("2x1", 1, 4), F32("2x2", 2, 3, 5, 6)});
  attr_int(&a, "axis", -1);
  m = one(13, "Split", &a, "a b", "y z", 2, (const array[]){x, I64("2", 2, 1)});
  expect(&m, IN(x, I64("2", 2, 1)), 2, (const array[]){F32("2x2", 1, 2, 4, 5), F32("2x1", 3, 6)});
  attr_int(&a, "axis", 1);
  attr_int(&a, "num_outputs", 2);
  m = one(18, "Split", &a, "a", "y z", 1, &x); /* the last part is the smaller one */
  expect(&m, 1, &x, 2, (const array[]){F32("2x2", 1, 2, 4, 5), F32("2x1", 3, 6)});
  attr_int(&a, "num_outputs", 3);
  m = one(18, "Split", &a, "a", "y z", 1, &x);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "'num_outputs' is 3, the node has 2 outputs");
  /* The number of parts counts outputs that nobody reads too. */
  attr_int(&a, "axis", 1);
  m = one(2, "Split", &a, "a", "y - -", 1, &x);
  expect(&m, 1, &x, 1, (const array[]){F32("2x1", 1, 4)});
}
END_TEST

START_TEST(test_slice) {
  const array x = F32("2x3", 1, 2, 3, 4, 5, 6);
  bytes a = {0};
  attr_ints(&a, "starts", 1, DIMS(1));
  attr_ints(&a, "ends", 1, DIMS(-1));
  attr_ints(&a, "axes", 1, DIMS(1));
  check_op(1, "Slice", &a, "a", 1, &x, F32("2x1", 2, 5));
  attr_ints(&a, "starts", 2, DIMS(0, 1));
  attr_ints(&a, "ends", 2, DIMS(1, 9223372036854775807));
  check_op(9, "Slice", &a, "a", 1, &x, F32("1x2", 2, 3));
  attr_ints(&a, "starts", 2, DIMS(0, 1));
  attr_ints(&a, "ends", 1, DIMS(1));
  check_refused(9, "Slice", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "2 starts, 1 ends and 2 axes");
  check_refused(9, "Slice", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "-1 starts");
  check_op(10, "Slice", NULL, "a b c", IN(x, I64("1", 1), I64("1", 2)), F32("1x3", 4, 5, 6));
  check_op(13, "Slice", NULL, "a b c d e", IN(x, I64("1", 2), I64("1", -9), I64("1", 1), I64("1", -2)), F32("2x2", 3, 1, 6, 4));
}
END_TEST

START_TEST(test_squeeze_unsqueeze) {
  const array x = F32("1x2x1", 1, 2);
  bytes a = {0};
  check_op(1, "Squeeze", NULL, "a", 1, &x, F32("2", 1, 2));
  attr_ints(&a, "axes", 1, DIMS(-1));
  check_op(11, "Squeeze", &a, "a", 1, &x, F32("1x2", 1, 2));
  check_op(13, "Squeeze", NULL, "a b", IN(x, I64("1", 0)), F32("2x1", 1, 2));
  attr_ints(&a, "axes", 2, DIMS(0, 4));
  check_op(1, "Unsqueeze", &a, "a", 1, &x, F32("1x1x2x1x1", 1, 2));
  check_op(13, "Unsqueeze", NULL, "a b", IN(x, I64("1", -1)), F32("1x2x1x1", 1, 2));
  check_refused(11, "Unsqueeze", NULL, "a", IN(x), CVK_INVALID_ARGUMENT, "the axes are missing");
}
END_TEST

START_TEST(test_reductions) {
  const array x = F32("2x2", 1, 2, 3, 6);
  bytes a = {0};
  check_op(1, "ReduceMean", NULL, "a", 1, &x, F32("1x1", 3));
  attr_ints(&a, "axes", 1, DIMS(1));
  attr_int(&a, "keepdims", 0);
  check_op(11, "ReduceSum", &a, "a", 1, &x, F32("2", 3, 9));
  attr_ints(&a, "axes", 1, DIMS(-2));
  check_op(13, "ReduceMax", &a, "a", 1, &x, F32("1x2", 3, 6));
  attr_ints(&a, "axes", 1, DIMS(0));
  check_op(12, "ReduceMin", &a, "a", 1, &x, F32("1x2", 1, 2));
  attr_int(&a, "keepdims", 0);
  check_op(13, "ReduceSum", &a, "a b", IN(x, I64("1", 0)), F32("2", 4, 8));
  check_op(18, "ReduceMean", NULL, "a b", IN(x, I64("1", 1)), F32("2x1", 1.5f, 4.5f));
  attr_int(&a, "noop_with_empty_axes", 1);
  check_op(20, "ReduceMax", &a, "a", 1, &x, x);
  attr_int(&a, "keepdims", 2);
  check_refused(18, "ReduceMin", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'keepdims' is 2, expected 0 to 1");
}
END_TEST

START_TEST(test_pad) {
  const array x = F32("1x2", 1, 2);
  bytes a = {0};
  attr_ints(&a, "pads", 4, DIMS(0, 1, 1, 0));
  attr_float(&a, "value", 9);
  check_op(2, "Pad", &a, "a", 1, &x, F32("2x3", 9, 1, 2, 9, 9, 9));
  attr_ints(&a, "pads", 4, DIMS(0, 1, 0, 1));
  attr_text(&a, "mode", "edge");
  check_op(10, "Pad", &a, "a", 1, &x, F32("1x4", 1, 1, 2, 2));
  attr_ints(&a, "pads", 2, DIMS(0, 1)); /* two entries where rank 2 wants four */
  check_refused(2, "Pad", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "pad");
  check_refused(2, "Pad", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'pads' is missing");
  check_op(11, "Pad", NULL, "a b c", IN(x, I64("4", 0, 1, 0, 0), F32("", 7)), F32("1x3", 7, 1, 2));
  check_op(18, "Pad", NULL, "a b - c", IN(x, I64("2", 0, 1), I64("1", 1)), F32("1x3", 1, 2, 0));
  attr_text(&a, "mode", "wrap");
  check_op(19, "Pad", &a, "a b", IN(x, I64("4", 0, 1, 0, 0)), F32("1x3", 2, 1, 2));
  attr_text(&a, "mode", "mirror");
  check_refused(11, "Pad", &a, "a b", IN(x, I64("4", 0, 1, 0, 0)), CVK_INVALID_ARGUMENT, "'mode' is 'mirror'");
}
END_TEST

START_TEST(test_gather_expand_tile) {
  const array x = F32("2x2", 1, 2, 3, 4);
  bytes a = {0};
  check_op(1, "Gather", NULL, "a b", IN(x, I64("1", -1)), F32("1x2", 3, 4));
  attr_int(&a, "axis", 1);
  check_op(13, "Gather", &a, "a b", IN(x, I64("", 0)), F32("2", 1, 3));
  check_op(8, "Expand", NULL, "a b", IN(F32("2x1", 1, 2), I64("3", 1, 2, 2)), F32("1x2x2", 1, 1, 2, 2));
  check_op(6, "Tile", NULL, "a b", IN(x, I64("2", 1, 2)), F32("2x4", 1, 2, 1, 2, 3, 4, 3, 4));
}
END_TEST

START_TEST(test_cast_shape) {
  bytes a = {0};
  attr_int(&a, "to", 7);
  check_op(6, "Cast", &a, "a", IN(F32("2", 1.5f, -2.5f)), I64("2", 1, -2));
  attr_int(&a, "to", 1);
  attr_int(&a, "saturate", 1);
  check_op(19, "Cast", &a, "a", IN(U8("2", 200, 3)), F32("2", 200, 3));
  attr_int(&a, "to", 8);
  check_refused(13, "Cast", &a, "a", IN(F32("1", 0)), CVK_UNSUPPORTED, "'to' is 8 (string)");
  attr_int(&a, "to", 99);
  check_refused(13, "Cast", &a, "a", IN(F32("1", 0)), CVK_UNSUPPORTED, "'to' is 99 (unknown)");
  check_refused(13, "Cast", NULL, "a", IN(F32("1", 0)), CVK_INVALID_ARGUMENT, "'to' is missing");
  const array x = F32("1x2x3", 0, 0, 0, 0, 0, 0);
  check_op(1, "Shape", NULL, "a", 1, &x, I64("3", 1, 2, 3));
  attr_int(&a, "start", 1);
  check_op(15, "Shape", &a, "a", 1, &x, I64("2", 2, 3));
  attr_int(&a, "end", -1);
  check_op(15, "Shape", &a, "a", 1, &x, I64("2", 1, 2));
  attr_int(&a, "start", -9223372036854775807);
  attr_int(&a, "end", 9223372036854775807);
  check_op(15, "Shape", &a, "a", 1, &x, I64("3", 1, 2, 3));
}
END_TEST

START_TEST(test_constants) {
  bytes a = {0}, t = int64s(NULL, 2, DIMS(3, 4));
  attr_tensor(&a, "value", &t);
  check_op(1, "Constant", &a, "", NO_INPUTS, I64("2", 3, 4));
  attr_float(&a, "value_float", 2.5f);
  check_op(12, "Constant", &a, "", NO_INPUTS, F32("", 2.5f));
  attr_int(&a, "value_int", -3);
  check_op(12, "Constant", &a, "", NO_INPUTS, I64("", -3));
  attr_floats(&a, "value_floats", 2, (const float[]){1, 2});
  check_op(13, "Constant", &a, "", NO_INPUTS, F32("2", 1, 2));
  attr_ints(&a, "value_ints", 3, DIMS(1, -2, 3));
  check_op(13, "Constant", &a, "", NO_INPUTS, I64("3", 1, -2, 3));
  attr_text(&a, "value_string", "x");
  check_refused(13, "Constant", &a, "", NO_INPUTS, CVK_UNSUPPORTED, "value_string is not supported");
  attr_text(&a, "sparse_value", "x");
  check_refused(13, "Constant", &a, "", NO_INPUTS, CVK_UNSUPPORTED, "sparse_value");
  check_refused(13, "Constant", NULL, "", NO_INPUTS, CVK_INVALID_ARGUMENT, "0 attributes");
  attr_int(&a, "value_int", 1);
  attr_int(&a, "value_other", 1);
  check_refused(13, "Constant", &a, "", NO_INPUTS, CVK_INVALID_ARGUMENT, "2 attributes");
  attr_int(&a, "value_other", 1);
  check_refused(13, "Constant", &a, "", NO_INPUTS, CVK_INVALID_ARGUMENT, "attribute 'value_other' is unknown");
}
END_TEST

START_TEST(test_constant_of_shape) {
  const int64_t large = 9007199254740993; /* 2^53 + 1: no double holds it */
  bytes a = {0}, t = tensor(NULL, CVK_F32, 1, DIMS(1), (const float[]){2.5f}, 4);
  check_op(9, "ConstantOfShape", NULL, "a", IN(I64("2", 1, 2)), F32("1x2", 0, 0));
  attr_tensor(&a, "value", &t);
  check_op(9, "ConstantOfShape", &a, "a", IN(I64("2", 2, 1)), F32("2x1", 2.5f, 2.5f));
  t = int64s(NULL, 1, &large);
  attr_tensor(&a, "value", &t);
  check_op(20, "ConstantOfShape", &a, "a", IN(I64("1", 2)), I64("2", large, large));
  t = int64s(NULL, 1, &large);
  attr_tensor(&a, "value", &t);
  check_op(20, "ConstantOfShape", &a, "a", IN(I64("0", 0)), I64("", large));
  t = int64s(NULL, 2, DIMS(1, 2));
  attr_tensor(&a, "value", &t);
  check_refused(20, "ConstantOfShape", &a, "a", IN(I64("1", 2)), CVK_INVALID_ARGUMENT, "'value' has 2 elements");
}
END_TEST

START_TEST(test_arg_range_mod) {
  const array x = F32("2x3", 1, 3, 3, 4, 0, 4);
  bytes a = {0};
  check_op(1, "ArgMax", NULL, "a", 1, &x, I64("1x3", 1, 0, 1));
  attr_int(&a, "axis", -1);
  attr_int(&a, "keepdims", 0);
  attr_int(&a, "select_last_index", 1);
  check_op(12, "ArgMax", &a, "a", 1, &x, I64("2", 2, 2));
  attr_int(&a, "axis", 1);
  check_op(13, "ArgMin", &a, "a", 1, &x, I64("2x1", 0, 1));
  check_op(11, "Range", NULL, "a b c", IN(F32("", 1), F32("", 5), F32("", 2)), F32("2", 1, 3));
  check_op(15, "CastLike", NULL, "a b", IN(F32("2", 1.5f, -2), I64("1", 0)), I64("2", 1, -2));
  check_op(10, "Mod", NULL, "a b", IN(I64("3", -4, 7, 5), I64("3", 3, -3, 8)), I64("3", 2, -2, 5));
  attr_int(&a, "fmod", 1);
  check_op(13, "Mod", &a, "a b", IN(F32("2", -4.25f, 5), F32("1", 2)), F32("2", -0.25f, 1));
  attr_float(&a, "lambd", 1.5f);
  attr_float(&a, "bias", 1);
  check_op(9, "Shrink", &a, "a", IN(F32("3", -2, 1, 2)), F32("3", -1, 0, 1));
  attr_ints(&a, "axes", 1, DIMS(1));
  check_op(13, "ReduceProd", &a, "a", 1, &x, F32("2x1", 9, 0));
  check_op(11, "Round", NULL, "a", IN(F32("3", 0.5f, 1.5f, -2.5f)), F32("3", 0, 2, -2));
}
END_TEST

START_TEST(test_bits_and_special_values) {
  bytes a = {0};
  attr_text(&a, "direction", "RIGHT");
  check_op(11, "BitShift", &a, "a b", IN(U8("3", 16, 4, 1), U8("", 1)), U8("3", 8, 2, 0));
  attr_text(&a, "direction", "LEFT");
  check_op(11, "BitShift", &a, "a b", IN(U8("2", 16, 200), U8("2", 1, 1)), U8("2", 32, 144));
  check_refused(11, "BitShift", NULL, "a b", IN(U8("1", 1), U8("1", 1)), CVK_INVALID_ARGUMENT, "'direction' is missing");
  check_op(18, "BitwiseAnd", NULL, "a b", IN(I64("2", 12, -1), I64("1", 10)), I64("2", 8, 10));
  check_op(18, "BitwiseOr", NULL, "a b", IN(I64("2", 12, -1), I64("1", 10)), I64("2", 14, -1));
  check_op(18, "BitwiseXor", NULL, "a b", IN(I64("2", 12, -1), I64("1", 10)), I64("2", 6, -11));
  check_op(18, "BitwiseNot", NULL, "a", IN(U8("2", 0, 5)), U8("2", 255, 250));
  const array x = F32("4", 1, NAN, INFINITY, -INFINITY);
  check_op(9, "IsNaN", NULL, "a", 1, &x, BOOL("4", 0, 1, 0, 0));
  check_op(20, "IsInf", NULL, "a", 1, &x, BOOL("4", 0, 0, 1, 1));
  attr_int(&a, "detect_positive", 0);
  check_op(10, "IsInf", &a, "a", 1, &x, BOOL("4", 0, 0, 0, 1));
}
END_TEST

START_TEST(test_einsum_det) {
  const array ab[] = {F32("2x2", 1, 2, 3, 4), F32("2x2", 1, 0, 1, 1)};
  bytes a = {0};
  attr_text(&a, "equation", "ij, jk -> ki");
  check_op(12, "Einsum", &a, "a b", 2, ab, F32("2x2", 3, 7, 2, 4));
  attr_text(&a, "equation", "...ii->...");
  check_op(28, "Einsum", &a, "a", 1, ab, F32("", 5));
  check_refused(12, "Einsum", NULL, "a", 1, ab, CVK_INVALID_ARGUMENT, "'equation' is missing");
  char text[300];
  memset(text, ' ', sizeof text);
  text[sizeof text - 1] = 0;
  attr_text(&a, "equation", text);
  check_refused(12, "Einsum", &a, "a", 1, ab, CVK_UNSUPPORTED, "has 299 characters, allowed at most 255");
  check_op(11, "Det", NULL, "a", 1, ab, F32("", -2));
}
END_TEST

SUITE("onnx import: shapes", test_reshape_flatten_transpose, test_concat_split, test_slice, test_squeeze_unsqueeze, test_reductions,
      test_pad, test_gather_expand_tile, test_cast_shape, test_constants, test_constant_of_shape, test_arg_range_mod,
      test_bits_and_special_values, test_einsum_det)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_indices.c: ONNX operators of indices and scans: every form that opsets have given them, attributes, several outputs, and outputs
 * whose shape depends on values that are computed in the model. */
#include "one_node.h"

START_TEST(test_gather_and_scatter) {
  const array x = F32("2x2", 1, 2, 3, 4);
  bytes a = {0};
  attr_int(&a, "axis", 1);
  check_op(11, "GatherElements", &a, "a b", IN(x, I64("2x2", 0, 0, 1, -2)), F32("2x2", 1, 1, 4, 3));
  check_op(11, "GatherND", NULL, "a b", IN(x, I64("2x2", 0, 0, 1, 1)), F32("2", 1, 4));
  attr_int(&a, "batch_dims", 1);
  check_op(13, "GatherND", &a, "a b", IN(x, I64("2x1", 1, 0)), F32("2", 2, 3));
  attr_int(&a, "batch_dims", 1);
  check_refused(11, "GatherND", &a, "a b", IN(x, I64("2x1", 1, 0)), CVK_INVALID_ARGUMENT, "'batch_dims' is unknown at opset 11");
  attr_int(&a, "axis", 1);
  check_op(9, "Scatter", &a, "a b c", IN(x, I64("2x1", 1, 0), F32("2x1", 5, 6)), F32("2x2", 1, 5, 6, 4));
  attr_text(&a, "reduction", "max");
  check_op(18, "ScatterElements", &a, "a b c", IN(x, I64("1x2", 0, -1), F32("1x2", 0, 9)), F32("2x2", 1, 2, 3, 9));
  attr_text(&a, "reduction", "max");
  check_refused(16, "ScatterElements", &a, "a b c", IN(x, I64("1x2", 0, -1), F32("1x2", 0, 9)), CVK_INVALID_ARGUMENT,
                "'reduction' is 'max'");
  attr_text(&a, "reduction", "add");
  check_op(16, "ScatterND", &a, "a b c", IN(x, I64("2x1", 1, 1), F32("2x2", 1, 1, 2, 3)), F32("2x2", 1, 2, 6, 8));
}
END_TEST

START_TEST(test_tensor_scatter) {
  const array past = F32("2x4x1", 1, 2, 3, 4, 5, 6, 7, 8), update = F32("2x2x1", 10, 20, 30, 40);
  bytes a = {0};
  check_op(24, "TensorScatter", NULL, "a b", IN(past, update), F32("2x4x1", 10, 20, 3, 4, 30, 40, 7, 8));
  check_op(24, "TensorScatter", NULL, "a b c", IN(past, update, I64("2", 1, 2)), F32("2x4x1", 1, 10, 20, 4, 5, 6, 30, 40));
  check_refused(24, "TensorScatter", NULL, "a b c", IN(past, update, I64("2", 1, 3)), CVK_INVALID_ARGUMENT, "index 4");
  attr_text(&a, "mode", "circular");
  attr_int(&a, "axis", 1);
  check_op(24, "TensorScatter", &a, "a b c", IN(past, update, I64("2", 3, 6)), F32("2x4x1", 20, 2, 3, 10, 5, 6, 30, 40));
}
END_TEST

START_TEST(test_scans) {
  bytes a = {0};
  check_op(11, "CumSum", NULL, "a b", IN(F32("2x2", 1, 2, 3, 4), I64("", -1)), F32("2x2", 1, 3, 3, 7));
  attr_int(&a, "reverse", 1);
  attr_int(&a, "exclusive", 1);
  check_op(26, "CumProd", &a, "a b", IN(F32("3", 1, 2, 3), I64("", 0)), F32("3", 6, 3, 1));
  attr_int(&a, "upper", 0);
  check_op(14, "Trilu", &a, "a b", IN(F32("2x2", 1, 2, 3, 4), I64("", -1)), F32("2x2", 0, 0, 3, 0));
  check_op(10, "ReverseSequence", NULL, "a b", IN(F32("2x2", 1, 2, 3, 4), I64("2", 1, 2)), F32("2x2", 1, 4, 3, 2));
}
END_TEST

START_TEST(test_top_k) {
  const array x = F32("2x3", 1, 3, 2, 6, 4, 5);
  bytes a = {0};
  attr_int(&a, "k", 2);
  check_op(1, "TopK", &a, "a", 1, &x, F32("2x2", 3, 2, 6, 5));
  check_refused(9, "TopK", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "k is missing");
  check_refused(11, "TopK", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "k is missing");
  const array in[] = {x, I64("1", 1)}, both[] = {F32("1x3", 1, 3, 2), I64("1x3", 0, 0, 0)};
  attr_int(&a, "axis", 0);
  attr_int(&a, "largest", 0);
  bytes m = one(11, "TopK", &a, "a b", "y z", 2, in);
  expect(&m, 2, in, 2, both);
}
END_TEST

START_TEST(test_shapes_from_values) {
  bytes a = {0};
  check_op(9, "NonZero", NULL, "a", IN(F32("2x2", 0, 1, 2, 0)), I64("2x2", 0, 1, 1, 0));
  check_op(9, "Compress", NULL, "a b", IN(F32("2x2", 1, 2, 3, 4), BOOL("3", 0, 1, 1)), F32("2", 2, 3));
  attr_int(&a, "axis", 1);
  check_op(11, "Compress", &a, "a b", IN(F32("2x2", 1, 2, 3, 4), BOOL("2", 0, 1)), F32("2x1", 2, 4));
  check_op(11, "OneHot", NULL, "a b c", IN(I64("2", 1, -1), I64("", 3), F32("2", 0, 1)), F32("2x3", 0, 1, 0, 0, 0, 1));
  const array x = F32("2x2", 2, 1, 1, 3), all[] = {F32("3", 1, 2, 3), I64("3", 1, 0, 3), I64("4", 1, 0, 0, 2), I64("3", 2, 1, 1)};
  bytes m = one(11, "Unique", NULL, "a", "p q r s", 1, &x);
  expect(&m, 1, &x, 4, all);
  attr_int(&a, "sorted", 0);
  attr_int(&a, "axis", 0);
  m = one(11, "Unique", &a, "a", "p - r", 1, &x);
  expect(&m, 1, &x, 2, (const array[]){F32("2x2", 2, 1, 1, 3), I64("2", 0, 1)});
}
END_TEST

/* The coordinates of what a comparison in the model finds. */
START_TEST(test_computed_values) {
  bytes g = {0};
  const array x = F32("4", 1, 5, 2, 7);
  declare(&g, "x", x);
  constant(&g, "four", F32("", 4));
  node(&g, "Greater", "x four", "hit", NULL);
  node(&g, "NonZero", "hit", "where", NULL);
  node(&g, "Compress", "x hit", "y", NULL);
  output(&g, "where");
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, 1, &x, 2, (const array[]){I64("1x2", 1, 3), F32("2", 5, 7)});
}
END_TEST

START_TEST(test_eye_like) {
  bytes a = {0};
  check_op(9, "EyeLike", NULL, "a", IN(F32("2x3", 1, 1, 1, 1, 1, 1)), F32("2x3", 1, 0, 0, 0, 1, 0));
  attr_int(&a, "k", -1);
  attr_int(&a, "dtype", CVK_I64);
  check_op(22, "EyeLike", &a, "a", IN(F32("3x2", 0, 0, 0, 0, 0, 0)), I64("3x2", 0, 0, 1, 0, 0, 1));
  attr_int(&a, "dtype", 8);
  check_refused(22, "EyeLike", &a, "a", IN(F32("1x1", 0)), CVK_UNSUPPORTED, "'dtype' is 8 (string)");
}
END_TEST

SUITE("onnx indices", test_gather_and_scatter, test_tensor_scatter, test_scans, test_top_k, test_shapes_from_values, test_computed_values,
      test_eye_like)

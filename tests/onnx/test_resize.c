/* SPDX-License-Identifier: Apache-2.0 */
/* test_resize.c: Resize and Upsample: how each version gives its scales or sizes, every attribute, sizes that the graph computes or that
 * are an input of the model, and what is refused. tests/ops/test_resize.c has the numbers. */
#include "one_node.h"

#define X F32("1x1x2x2", 1, 2, 3, 4)
#define TWICE_HIGH F32("1x1x4x2", 1, 2, 1, 2, 3, 4, 3, 4)

/* Resize of a with a constant named k at input `at`; b is an empty constant; a's rank is open where `open` says so. */
static bytes with_constant(int64_t opset, const char *op, bytes *attrs, const char *in, array x, array k, int32_t open) {
  bytes g = {0};
  if (open)
    value_info(&g, 11, "a", x.dtype, -1, NULL);
  else
    declare(&g, "a", x);
  constant(&g, "k", k);
  constant(&g, "b", (array){CVK_F32, "0", NULL});
  node(&g, op, in, "y", attrs);
  output(&g, "y");
  return model(&g, opset);
}

static void check_scaled(int64_t opset, bytes *attrs, array x, array k, array want) {
  for (int32_t open = 0; open < 2; open++) {
    bytes kept = {0};
    if (attrs && attrs->n) put(&kept, attrs->data, attrs->n);
    bytes m = with_constant(opset, "Resize", &kept, opset < 11 ? "a k" : open ? "a b k" : "a - k b", x, k, open);
    expect(&m, 1, &x, 1, &want);
  }
  if (attrs) empty(attrs);
}

static void check_sized(int64_t opset, bytes *attrs, array x, array k, array want) {
  bytes m = with_constant(opset, "Resize", attrs, "a b b k", x, k, 0);
  expect(&m, 1, &x, 1, &want);
}

START_TEST(test_upsample) {
  const array x = X, want = TWICE_HIGH, row = F32("1x1x1x2", 1, 2), half = F32("1x1x1x4", 1, 1.5f, 2, 2);
  bytes a = {0};
  attr_float(&a, "height_scale", 2);
  attr_float(&a, "width_scale", 1);
  check_op(1, "Upsample", &a, "a", 1, &x, want);
  attr_float(&a, "height_scale", 1);
  attr_float(&a, "width_scale", 2);
  attr_text(&a, "mode", "bilinear");
  check_op(1, "Upsample", &a, "a", 1, &row, half);
  attr_floats(&a, "scales", 4, (const float[]){1, 1, 2, 1});
  attr_text(&a, "mode", "nearest");
  check_op(7, "Upsample", &a, "a", 1, &x, want);
  attr_floats(&a, "scales", 4, (const float[]){1, 1, 1, 2.5f});
  check_op(7, "Upsample", &a, "a", 1, &row, F32("1x1x1x5", 1, 1, 1, 2, 2));
  attr_text(&a, "mode", "linear");
  attr_floats(&a, "scales", 4, (const float[]){1, 1, 1, 2});
  check_op(7, "Upsample", &a, "a", 1, &row, half);
  bytes m = with_constant(9, "Upsample", NULL, "a k", x, F32("4", 1, 1, 2, 1), 1);
  expect(&m, 1, &x, 1, &want);
  check_op(9, "Upsample", NULL, "a b", IN(x, F32("4", 1, 1, 2, 1)), want); /* scales that the caller gives */
  check_refused(1, "Upsample", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'height_scale' or 'width_scale' is missing");
  check_refused(7, "Upsample", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "'scales' is missing");
  attr_floats(&a, "scales", 3, (const float[]){1, 1, 2});
  check_refused(7, "Upsample", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "3 scales are given for 4 axes");
  check_refused(9, "Upsample", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "the scales are missing");
  attr_floats(&a, "scales", 4, (const float[]){1, 1, 2, 0});
  check_refused(7, "Upsample", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "scale 3 is 0, expected more than 0");
  attr_floats(&a, "scales", 9, (const float[9]){1});
  check_refused(7, "Upsample", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'scales' has more than 8 entries");
}
END_TEST

START_TEST(test_modes_that_repeat_cells) {
  static const char *const modes[][2] = {{"half_pixel", "round_prefer_floor"},
                                         {"half_pixel", "round_prefer_ceil"},
                                         {"pytorch_half_pixel", "round_prefer_floor"},
                                         {"half_pixel_symmetric", "round_prefer_floor"},
                                         {"asymmetric", "floor"},
                                         {"tf_half_pixel_for_nn", "floor"}};
  const array x = F32("1x2x2", 1, 2, 3, 4), scale = F32("3", 1, 2, 3);
  const array want = F32("1x4x6", 1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4);
  bytes a = {0};
  check_scaled(10, NULL, x, scale, want);
  check_scaled(13, NULL, x, scale, want);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    attr_text(&a, "coordinate_transformation_mode", modes[i][0]);
    attr_text(&a, "nearest_mode", modes[i][1]);
    attr_float(&a, "cubic_coeff_a", -0.75f);
    check_scaled(11, &a, x, scale, want);
  }
  attr_text(&a, "coordinate_transformation_mode", "asymmetric"); /* 1/2 rounds down */
  check_scaled(11, &a, F32("1x2", 1, 2), F32("2", 1, 2), F32("1x4", 1, 1, 2, 2));
  attr_text(&a, "coordinate_transformation_mode", "asymmetric");
  attr_text(&a, "nearest_mode", "ceil");
  check_scaled(11, &a, F32("1x2", 1, 2), F32("2", 1, 2), F32("1x4", 1, 2, 2, 2));
  check_scaled(11, NULL, F32("1x1x1x1x2", 1, 2), F32("5", 1, 1, 1, 2, 2), F32("1x1x1x2x4", 1, 1, 2, 2, 1, 1, 2, 2));
  check_scaled(11, NULL, (array){CVK_F32, "0x2", NULL}, F32("2", 1, 2), (array){CVK_F32, "0x4", NULL});
  attr_text(&a, "mode", "cubic");
  check_scaled(19, &a, x, F32("3", 1, 1, 1), x); /* the identity in any mode */
}
END_TEST

START_TEST(test_filters) {
  const array row = F32("1x5", 1, 2, 4, 8, 16), eight = I64("2", 1, 8), three = I64("2", 1, 3), two = I64("2", 1, 2);
  bytes a = {0};
  attr_text(&a, "mode", "linear");
  attr_text(&a, "coordinate_transformation_mode", "asymmetric");
  check_sized(11, &a, row, eight, F32("1x8", 1, 1.625f, 2.5f, 3.75f, 6, 9, 14, 16));
  attr_text(&a, "mode", "cubic");
  attr_float(&a, "cubic_coeff_a", -0.5f);
  attr_int(&a, "exclude_outside", 1);
  check_sized(13, &a, row, three, F32("1x3", 1.206896552f, 4, 13.93103448f));
  attr_text(&a, "mode", "linear");
  attr_int(&a, "antialias", 1);
  check_sized(18, &a, row, two, F32("1x2", 2.24f, 10.16f));
  attr_text(&a, "mode", "linear");
  attr_text(&a, "coordinate_transformation_mode", "tf_crop_and_resize");
  attr_float(&a, "extrapolation_value", -7);
  bytes g = {0};
  declare(&g, "a", row);
  constant(&g, "r", F32("4", 0, 0.25f, 1, 1.25f));
  constant(&g, "s", I64("2", 1, 4));
  node(&g, "Resize", "a r - s", "y", &a);
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, 1, &row, 1, &(array){CVK_F32, "1x4", (float[]){2, 5.333333333f, 13.33333333f, -7}});
}
END_TEST

START_TEST(test_axes) {
  const array x = X, want = TWICE_HIGH;
  bytes a = {0};
  attr_ints(&a, "axes", 2, DIMS(-1, 2));
  bytes m = with_constant(18, "Resize", &a, "a - k", x, F32("2", 1, 2), 0);
  expect(&m, 1, &x, 1, &want);
  attr_ints(&a, "axes", 1, DIMS(2));
  m = with_constant(18, "Resize", &a, "a - k", x, F32("1", 2), 1);
  expect(&m, 1, &x, 1, &want);
  attr_ints(&a, "axes", 2, DIMS(2, 3));
  attr_text(&a, "keep_aspect_ratio_policy", "not_larger");
  m = with_constant(18, "Resize", &a, "a - - k", x, I64("2", 4, 9), 0);
  expect(&m, 1, &x, 1, &(array){CVK_F32, "1x1x4x4", (float[]){1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}});
  attr_ints(&a, "axes", 1, DIMS(4));
  m = with_constant(18, "Resize", &a, "a - k", x, F32("1", 2), 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "an entry of axes is 4, allowed -4 to 3");
  m = with_constant(18, "Resize", NULL, "a - k", x, F32("2", 1, 2), 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "2 scales are given for 4 axes");
}
END_TEST

/* Sizes as a constant, as exporters write them (twice what Shape says), and from the caller. */
START_TEST(test_sizes) {
  const array x = X, want = TWICE_HIGH;
  for (int32_t open = 0; open < 2; open++) {
    bytes m = with_constant(13, "Resize", NULL, "a b b k", x, I64("4", 1, 1, 4, 2), open);
    expect(&m, 1, &x, 1, &want);
  }
  bytes g = {0};
  value_info(&g, 11, "x", CVK_F32, 4, (const int64_t[]){-1, -1, -1, -1});
  constant(&g, "k", I64("4", 1, 1, 2, 1));
  node(&g, "Relu", "x", "a", NULL);
  node(&g, "Shape", "a", "s", NULL);
  node(&g, "Mul", "s k", "t", NULL);
  node(&g, "Resize", "a - - t", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, 1, &x, 1, &want);
  check_op(13, "Resize", NULL, "a - - b", IN(x, I64("4", 1, 1, 4, 2)), want);
  m = with_constant(13, "Resize", NULL, "a - - k", x, I64("4", 1, 1, 4, 3), 0);
  expect(&m, 1, &x, 1, &(array){CVK_F32, "1x1x4x3", (float[]){1, 1, 2, 1, 1, 2, 3, 3, 4, 3, 3, 4}});
}
END_TEST

START_TEST(test_refused) {
  const array twice = F32("4", 1, 1, 2, 2), x = X;
  bytes a = {0};
  check_refused(11, "Resize", NULL, "a", 1, &x, CVK_INVALID_ARGUMENT, "expected either scales or sizes");
  bytes m = with_constant(11, "Resize", NULL, "a - k k", x, twice, 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "input 3 has type float32");
  m = with_constant(11, "Resize", NULL, "a - k", x, I64("4", 1, 1, 2, 2), 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "input 2 has type int64, allowed float32");
  attr_text(&a, "mode", "quadratic");
  m = with_constant(11, "Resize", &a, "a - k", x, twice, 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "attribute 'mode' is 'quadratic'");
  attr_text(&a, "coordinate_transformation_mode", "tf_crop_and_resize");
  m = with_constant(11, "Resize", &a, "a - k", x, twice, 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "the region (roi) to be cropped is missing");
  attr_int(&a, "antialias", 1);
  m = with_constant(13, "Resize", &a, "a - k", x, twice, 0);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "attribute 'antialias' is unknown at opset 13");
}
END_TEST

SUITE("onnx resize", test_upsample, test_modes_that_repeat_cells, test_filters, test_axes, test_sizes, test_refused)

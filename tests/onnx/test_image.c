/* SPDX-License-Identifier: Apache-2.0 */
/* test_image.c: operators of the geometry of images: how their attributes are read in each version. tests/ops has the numbers. */
#include "one_node.h"

#define ROW F32("1x1x1x3", 1, 3, 7)
#define PLACES F32("1x1x2x2", 0.5f, 0, 1.5f, 0)

START_TEST(test_grid_sample) {
  static const struct {
    int64_t opset;
    const char *linear, *cubic;
  } names[] = {{16, "bilinear", "bicubic"}, {20, "linear", "cubic"}};
  const array in[] = {ROW, PLACES};
  bytes a = {0};
  for (size_t i = 0; i < 2; i++) {
    attr_text(&a, "mode", names[i].linear);
    attr_int(&a, "align_corners", 1);
    check_op(names[i].opset, "GridSample", &a, "a b", 2, in, F32("1x1x1x2", 5, 3.5f));
    attr_text(&a, "mode", names[i].cubic);
    attr_int(&a, "align_corners", 1);
    attr_text(&a, "padding_mode", "border");
    check_op(names[i].opset, "GridSample", &a, "a b", 2, in, F32("1x1x1x2", 5.1875f, 7));
    attr_text(&a, "mode", names[1 - i].linear);
    check_refused(names[i].opset, "GridSample", &a, "a b", 2, in, CVK_INVALID_ARGUMENT, "attribute 'mode' is");
  }
  attr_text(&a, "mode", "nearest");
  attr_text(&a, "padding_mode", "reflection");
  check_op(22, "GridSample", &a, "a b", 2, in, F32("1x1x1x2", 7, 7));
}
END_TEST

START_TEST(test_affine_grid) {
  const array in[] = {F32("1x2x3", 1, 2, 3, 0, -1, 0.5f), I64("4", 1, 1, 1, 2)};
  bytes a = {0};
  check_op(20, "AffineGrid", NULL, "a b", 2, in, F32("1x1x2x2", 2.5f, 0.5f, 3.5f, 0.5f));
  attr_int(&a, "align_corners", 1);
  check_op(20, "AffineGrid", &a, "a b", 2, in, F32("1x1x2x2", 0, 1.5f, 2, 1.5f));
}
END_TEST

START_TEST(test_roi_align) {
  const array in[] = {F32("1x1x2x4", 0, 1, 2, 3, 4, 5, 6, 7), F32("1x4", 0, 0, 8, 4), I64("1", 0)};
  bytes a = {0};
  attr_int(&a, "output_width", 2);
  attr_float(&a, "spatial_scale", 0.5f);
  attr_int(&a, "sampling_ratio", 1);
  check_op(10, "RoiAlign", &a, "a b c", 3, in, F32("1x1x1x2", 5, 7)); /* samples at (1, 1) and (1, 3) */
  attr_int(&a, "output_width", 2);
  attr_float(&a, "spatial_scale", 0.5f);
  attr_int(&a, "sampling_ratio", 1);
  check_op(16, "RoiAlign", &a, "a b c", 3, in, F32("1x1x1x2", 2.5f, 4.5f)); /* half a cell less */
  attr_int(&a, "output_width", 2);
  attr_float(&a, "spatial_scale", 0.5f);
  attr_int(&a, "sampling_ratio", 1);
  attr_text(&a, "mode", "max");
  attr_text(&a, "coordinate_transformation_mode", "output_half_pixel");
  check_op(22, "RoiAlign", &a, "a b c", 3, in, F32("1x1x1x2", 5, 7));
  attr_text(&a, "coordinate_transformation_mode", "half_pixel");
  check_refused(10, "RoiAlign", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "is unknown at opset 10");
}
END_TEST

START_TEST(test_max_unpool) {
  const array in[] = {F32("1x1x2", 5, 6), I64("1x1x2", 1, 2), I64("3", 1, 1, 5)};
  bytes a = {0};
  attr_ints(&a, "kernel_shape", 1, DIMS(2));
  attr_ints(&a, "strides", 1, DIMS(2));
  check_op(9, "MaxUnpool", &a, "a b", 2, in, F32("1x1x4", 0, 5, 6, 0));
  attr_ints(&a, "kernel_shape", 1, DIMS(2));
  attr_ints(&a, "strides", 1, DIMS(2));
  check_op(22, "MaxUnpool", &a, "a b c", 3, in, F32("1x1x5", 0, 5, 6, 0, 0));
  attr_ints(&a, "kernel_shape", 1, DIMS(2));
  attr_ints(&a, "strides", 1, DIMS(2));
  attr_ints(&a, "pads", 2, DIMS(0, 1));
  check_op(11, "MaxUnpool", &a, "a b", 2, in, F32("1x1x3", 0, 5, 6));
  check_refused(11, "MaxUnpool", NULL, "a b", 2, in, CVK_INVALID_ARGUMENT, "'kernel_shape' is missing");
}
END_TEST

START_TEST(test_deform_conv) {
  const array in[] = {F32("1x1x2x3", 1, 2, 3, 4, 5, 6), F32("1x1x1x2", 1, 10),
                      F32("1x4x2x2", 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), F32("1", 100)};
  bytes a = {0};
  check_op(19, "DeformConv", NULL, "a b c d", 4, in, F32("1x1x2x2", 121, 132, 154, 166));
  attr_ints(&a, "kernel_shape", 2, DIMS(1, 2));
  attr_ints(&a, "strides", 2, DIMS(1, 1));
  attr_ints(&a, "pads", 4, DIMS(0, 0, 0, 0));
  attr_int(&a, "group", 1);
  attr_int(&a, "offset_group", 1);
  check_op(22, "DeformConv", &a, "a b c", 3, in, F32("1x1x2x2", 21, 32, 54, 66));
  attr_ints(&a, "strides", 3, DIMS(1, 1, 1));
  check_refused(22, "DeformConv", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "'strides' has 3 entries for 2 spatial axes");
}
END_TEST

START_TEST(test_non_max_suppression) {
  const array in[] = {F32("1x3x4", 0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 5, 1, 6), F32("1x1x3", 0.5f, 0.75f, 0.25f), I64("1", 3), F32("1", 0.5f),
                      F32("1", 0.3f)};
  bytes a = {0};
  check_op(10, "NonMaxSuppression", NULL, "a b", 2, in, (array){CVK_I64, "0x3", NULL});
  check_op(10, "NonMaxSuppression", NULL, "a b c d", 4, in, I64("2x3", 0, 0, 1, 0, 0, 2));
  check_op(11, "NonMaxSuppression", NULL, "a b c d e", 5, in, I64("1x3", 0, 0, 1));
  attr_int(&a, "center_point_box", 1);
  const array nested[] = {F32("1x2x4", 0, 0, 4, 4, 1, 1, 2, 2), F32("1x1x2", 1, 2), I64("", 3), F32("", 0.2f)}; /* share 1/16, or 1/4 */
  check_op(11, "NonMaxSuppression", &a, "a b c d", 4, nested, I64("1x3", 0, 0, 1));
  check_op(11, "NonMaxSuppression", NULL, "a b c d", 4, nested, I64("2x3", 0, 0, 1, 0, 0, 0));
}
END_TEST

START_TEST(test_col2im) {
  const array in[] = {F32("1x2x3", 1, 2, 3, 10, 20, 30), I64("1", 4), I64("1", 2)}, wide[] = {in[0], I64("1", 3), in[2]};
  bytes a = {0};
  check_op(18, "Col2Im", NULL, "a b c", 3, in, F32("1x1x4", 1, 12, 23, 30));
  attr_ints(&a, "strides", 1, DIMS(2));
  attr_ints(&a, "dilations", 1, DIMS(2));
  attr_ints(&a, "pads", 2, DIMS(2, 2));
  check_op(18, "Col2Im", &a, "a b c", 3, wide, F32("1x1x3", 12, 0, 23));
  attr_ints(&a, "strides", 2, DIMS(2, 2));
  attr_ints(&a, "pads", 2, DIMS(2, 2));
  check_refused(18, "Col2Im", &a, "a b c", 3, wide, CVK_INVALID_ARGUMENT, "attribute 'pads' has 1 entries for 2 spatial axes");
}
END_TEST

START_TEST(test_center_crop_pad) {
  const array x = F32("2x5", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const array crop[] = {x, I64("2", 1, 2)}, pad[] = {x, (array){CVK_I32, "2", (int32_t[]){5, 5}}}, last[] = {x, I64("1", 8)};
  bytes a = {0};
  check_op(18, "CenterCropPad", NULL, "a b", 2, crop, F32("1x2", 2, 3)); /* of 5 to 2: one before, two behind */
  check_op(18, "CenterCropPad", NULL, "a b", 2, pad,
           F32("5x5", 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  attr_ints(&a, "axes", 1, DIMS(-1));
  check_op(18, "CenterCropPad", &a, "a b", 2, last, F32("2x8", 0, 1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0));
  check_refused(18, "CenterCropPad", NULL, "a b", 2, last, CVK_INVALID_SHAPE, "reshape");
}
END_TEST

SUITE("onnx image", test_grid_sample, test_affine_grid, test_roi_align, test_max_unpool, test_deform_conv, test_non_max_suppression,
      test_col2im, test_center_crop_pad)

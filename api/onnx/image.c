/* SPDX-License-Identifier: Apache-2.0 */
/* image.c: the attributes of operators that sample images at computed places, and CenterCropPad, which is a pad computed from shapes. */
#include "fill.h"

#define COUNT(A) ((int32_t)(sizeof(A) / sizeof *(A)))

/* The modes had other names before opset 20. */
void cvk_onnx_fill_grid_sample(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const modes[] = {[CVK_NEAREST] = "nearest", [CVK_LINEAR] = "linear", [CVK_CUBIC] = "cubic"};
  static const char *const old[] = {[CVK_NEAREST] = "nearest", [CVK_LINEAR] = "bilinear", [CVK_CUBIC] = "bicubic"};
  static const char *const paddings[] = {[CVK_GRID_ZEROS] = "zeros", [CVK_GRID_BORDER] = "border", [CVK_GRID_REFLECTION] = "reflection"};
  cvk_onnx_take_choice(c, "mode", COUNT(modes), c->model->opset < 20 ? old : modes, &a->grid.mode);
  cvk_onnx_take_choice(c, "padding_mode", COUNT(paddings), paddings, &a->grid.padding);
  cvk_onnx_take_flag(c, "align_corners", &a->grid.align_corners);
}

void cvk_onnx_fill_affine_grid(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "align_corners", &a->grid.align_corners);
}

void cvk_onnx_fill_roi_align(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const modes[] = {"avg", "max"}, *const places[] = {"output_half_pixel", "half_pixel"};
  int64_t ratio = 0;
  cvk_onnx_take_choice(c, "mode", COUNT(modes), modes, &a->roi_align.is_max);
  cvk_onnx_take_i64(c, "output_height", 1, INT64_MAX, &a->roi_align.out[0]);
  cvk_onnx_take_i64(c, "output_width", 1, INT64_MAX, &a->roi_align.out[1]);
  cvk_onnx_take_i64(c, "sampling_ratio", 0, INT32_MAX, &ratio);
  cvk_onnx_take_f32(c, "spatial_scale", &a->roi_align.spatial_scale);
  a->roi_align.sampling_ratio = (int32_t)ratio;
  if (c->model->opset < 16)
    a->roi_align.half_pixel = 0;
  else
    cvk_onnx_take_choice(c, "coordinate_transformation_mode", COUNT(places), places, &a->roi_align.half_pixel);
}

void cvk_onnx_fill_nms(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "center_point_box", &a->nms.center_point_box);
}

/* Half of what is missing goes before x, rounded towards zero, the rest behind it; where there is too much, both are crops. */
void cvk_onnx_emit_center_crop_pad(cvk_onnx_call *c) {
  const cvk_axis_attr first = {.axis = 0};
  const cvk_onnx_name *name = cvk_onnx_input_name(c, 0);
  int64_t axes[CVK_MAX_RANK];
  int32_t n = 0;
  const cvk_value x = cvk_onnx_input(c, 0), two = cvk_onnx_int64s(c, 1, (const int64_t[]){2});
  const cvk_value listed = cvk_onnx_take_i64s(c, "axes", INT32_MIN, CVK_MAX_RANK, axes, &n) ? cvk_onnx_int64s(c, n, axes) : CVK_NO_VALUE;
  const cvk_value is = cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, x);
  const cvk_value of_axes = listed == CVK_NO_VALUE ? is : cvk_onnx_op2(c, CVK_OP_GATHER, &first, is, listed);
  const cvk_cast_attr long_type = {.dtype = CVK_I64};
  const cvk_value wanted = cvk_onnx_reshape_like(c, cvk_onnx_op1(c, CVK_OP_CAST, &long_type, cvk_onnx_input(c, 1)), of_axes);
  const cvk_value missing = cvk_onnx_op2(c, CVK_OP_SUB, NULL, wanted, of_axes), before = cvk_onnx_op2(c, CVK_OP_DIV, NULL, missing, two);
  const cvk_value pads = cvk_onnx_op2(c, CVK_OP_CONCAT, &first, before, cvk_onnx_op2(c, CVK_OP_SUB, NULL, missing, before));
  const cvk_value in[] = {x, pads, CVK_NO_VALUE, listed};
  cvk_onnx_define(c, 0, cvk_onnx_op(c, CVK_OP_PAD, NULL, listed == CVK_NO_VALUE ? 2 : 4, in), name ? name->rank : -1);
}

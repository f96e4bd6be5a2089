/* SPDX-License-Identifier: Apache-2.0 */
/* export_image.c: attributes of ops on the geometry of images. */
#include <string.h>

#include "export.h"
#include "resize_names.h"

/* ---- resize ---- */

/* Of an attribute without axes: all axes of x. -1: their number is not known. */
static int32_t listed_axes(cvk_onnx_written *n) {
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0);
  return n->attr.resize.n_axes ? n->attr.resize.n_axes : x ? x->rank : -1;
}

/* All axes in order say no more than none. */
static int32_t lists_all(cvk_onnx_written *n) {
  const cvk_resize_attr *a = &n->attr.resize;
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0);
  if (x == NULL || a->n_axes != x->rank) return a->n_axes == 0;
  for (int32_t i = 0; i < a->n_axes; i++)
    if (a->axis[i] != i) return 0;
  return 1;
}

/* Targets that the attribute holds, as inputs. */
static void put_targets(cvk_onnx_written *n) {
  const cvk_resize_attr *a = &n->attr.resize;
  const int32_t count = listed_axes(n);
  int32_t scales = 0;
  if (cvk_onnx_given_to(n, 2) || cvk_onnx_given_to(n, 3)) return;
  if (count < 0) {
    n->lacking = "the rank of its input is not known";
    return;
  }
  for (int32_t i = 0; i < count; i++) scales |= a->scale[i] != 0;
  if (scales)
    cvk_onnx_put_floats_in(n, 2, "scales", count, a->scale);
  else
    cvk_onnx_put_ints_in(n, 3, "sizes", count, a->size);
}

static void put_roi(cvk_onnx_written *n) {
  const cvk_resize_attr *a = &n->attr.resize;
  const int32_t count = listed_axes(n);
  float roi[2 * CVK_MAX_RANK];
  if (a->coordinates != CVK_TF_CROP_AND_RESIZE || cvk_onnx_given_to(n, 1)) return;
  if (count < 0) n->lacking = "the rank of its input is not known";
  for (int32_t i = 0; i < count; i++) {
    roi[i] = (float)a->roi_begin[i];
    roi[count + i] = (float)a->roi_end[i];
    if ((double)roi[i] != a->roi_begin[i] || (double)roi[count + i] != a->roi_end[i])
      n->lacking = "its region has more digits than a float";
  }
  if (n->lacking == NULL) cvk_onnx_put_floats_in(n, 1, "roi", 2 * count, roi);
}

void cvk_onnx_write_resize(cvk_onnx_written *n) {
  const cvk_resize_attr *a = &n->attr.resize;
  int64_t axes[CVK_MAX_RANK];
  if (a->n_axes != cvk_onnx_checked(n, a->n_axes, CVK_MAX_RANK)) return;
  cvk_onnx_put_choice(n, "mode", 3, cvk_resize_modes, a->mode);
  cvk_onnx_put_choice(n, "coordinate_transformation_mode", 7, cvk_resize_places, a->coordinates);
  if (a->mode == CVK_NEAREST) cvk_onnx_put_choice(n, "nearest_mode", 4, cvk_resize_roundings, a->rounding);
  if (a->mode == CVK_CUBIC) cvk_onnx_put_float(n, "cubic_coeff_a", a->cubic_a);
  if (a->coordinates == CVK_TF_CROP_AND_RESIZE) cvk_onnx_put_float(n, "extrapolation_value", a->extrapolation);
  if (a->exclude_outside) cvk_onnx_put_int(n, "exclude_outside", 1);
  if (a->antialias) cvk_onnx_put_int(n, "antialias", 1);
  if (a->keep_aspect != CVK_STRETCH) cvk_onnx_put_choice(n, "keep_aspect_ratio_policy", 3, cvk_resize_policies, a->keep_aspect);
  if (!lists_all(n)) {
    for (int32_t i = 0; i < a->n_axes; i++) axes[i] = a->axis[i];
    cvk_onnx_put_ints(n, "axes", a->n_axes, axes);
  }
  if (a->antialias || a->keep_aspect != CVK_STRETCH || !lists_all(n)) cvk_onnx_need(n, 18);
  if (a->coordinates == CVK_HALF_PIXEL_SYMMETRIC) cvk_onnx_need(n, 19);
  put_roi(n);
  put_targets(n);
}

/* ---- grids and regions ---- */

/* The modes have other names since opset 20, which brought volumes. */
void cvk_onnx_write_grid_sample(cvk_onnx_written *n) {
  static const char *const modes[] = {[CVK_NEAREST] = "nearest", [CVK_LINEAR] = "linear", [CVK_CUBIC] = "cubic"};
  static const char *const old[] = {[CVK_NEAREST] = "nearest", [CVK_LINEAR] = "bilinear", [CVK_CUBIC] = "bicubic"};
  static const char *const paddings[] = {[CVK_GRID_ZEROS] = "zeros", [CVK_GRID_BORDER] = "border", [CVK_GRID_REFLECTION] = "reflection"};
  const cvk_grid_attr *a = &n->attr.grid;
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0);
  if (x && x->rank != 4) cvk_onnx_need(n, 20);
  cvk_onnx_put_choice(n, "mode", 3, n->all->opset < 20 ? old : modes, a->mode);
  cvk_onnx_put_choice(n, "padding_mode", 3, paddings, a->padding);
  cvk_onnx_put_int(n, "align_corners", a->align_corners != 0);
}

void cvk_onnx_write_affine_grid(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "align_corners", n->attr.grid.align_corners != 0);
}

void cvk_onnx_write_roi_align(cvk_onnx_written *n) {
  const cvk_roi_align_attr *a = &n->attr.roi_align;
  cvk_onnx_put_text(n, "mode", a->is_max ? "max" : "avg");
  cvk_onnx_put_int(n, "output_height", a->out[0] ? a->out[0] : 1);
  cvk_onnx_put_int(n, "output_width", a->out[1] ? a->out[1] : 1);
  cvk_onnx_put_int(n, "sampling_ratio", a->sampling_ratio);
  cvk_onnx_put_float(n, "spatial_scale", a->spatial_scale);
  cvk_onnx_put_text(n, "coordinate_transformation_mode", a->half_pixel ? "half_pixel" : "output_half_pixel");
}

void cvk_onnx_write_nms(cvk_onnx_written *n) {
  const cvk_nms_attr *a = &n->attr.nms;
  cvk_onnx_put_int(n, "center_point_box", a->center_point_box);
  cvk_onnx_put_ints_in(n, 2, "most", 1, &a->most);
  cvk_onnx_put_floats_in(n, 3, "iou_threshold", 1, &a->iou_threshold);
  cvk_onnx_put_floats_in(n, 4, "score_threshold", 1, &a->score_threshold);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* resize.c: the attributes of Resize and Upsample. Before opset 11 an output cell lies at its number over the scale, and the nearest cell
 * is the one at or before it. */
#include "fill.h"
#include "resize_names.h"

#define COUNT(A) ((int32_t)(sizeof(A) / sizeof *(A)))

void cvk_onnx_fill_resize(cvk_onnx_call *c, cvk_any_attr *attr) {
  cvk_resize_attr *const a = &attr->resize;
  int64_t axes[CVK_MAX_RANK];
  cvk_onnx_take_choice(c, "mode", COUNT(cvk_resize_modes), cvk_resize_modes, &a->mode);
  cvk_onnx_take_choice(c, "nearest_mode", COUNT(cvk_resize_roundings), cvk_resize_roundings, &a->rounding);
  cvk_onnx_take_choice(c, "coordinate_transformation_mode", COUNT(cvk_resize_places), cvk_resize_places, &a->coordinates);
  cvk_onnx_take_f32(c, "cubic_coeff_a", &a->cubic_a);
  cvk_onnx_take_f32(c, "extrapolation_value", &a->extrapolation);
  cvk_onnx_take_flag(c, "exclude_outside", &a->exclude_outside);
  if (c->model->opset < 18) return;
  cvk_onnx_take_flag(c, "antialias", &a->antialias);
  cvk_onnx_take_choice(c, "keep_aspect_ratio_policy", COUNT(cvk_resize_policies), cvk_resize_policies, &a->keep_aspect);
  cvk_onnx_take_i64s(c, "axes", INT32_MIN, CVK_MAX_RANK, axes, &a->n_axes);
  for (int32_t i = 0; i < a->n_axes && c->status == CVK_OK; i++) {
    if (axes[i] > INT32_MAX) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'axes' has %lld at entry %d", (long long)axes[i], i);
    a->axis[i] = (int32_t)axes[i];
  }
}

/* x resized by `scales`, a vector, as all versions before opset 11 do it. */
static void emit_old(cvk_onnx_call *c, cvk_value scales) {
  static const char *const modes[] = {"nearest", "linear", "bilinear"};
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  int32_t mode = 0;
  cvk_onnx_take_choice(c, "mode", COUNT(modes), modes, &mode);
  const cvk_resize_attr attr = {.mode = mode ? CVK_LINEAR : CVK_NEAREST, .coordinates = CVK_ASYMMETRIC, .rounding = CVK_ROUND_FLOOR};
  const cvk_value in[] = {cvk_onnx_input(c, 0), CVK_NO_VALUE, scales};
  cvk_onnx_define(c, 0, cvk_onnx_op(c, CVK_OP_RESIZE, &attr, COUNT(in), in), x ? x->rank : -1);
}

static cvk_value constant_scales(cvk_onnx_call *c, int32_t n, const float *scale) {
  cvk_value out = CVK_NO_VALUE;
  cvk_tensor *t = NULL;
  if (c->status == CVK_OK) c->status = cvk_tensor_create(NULL, CVK_F32, 1, (const int64_t[]){n}, scale, &t);
  if (c->status == CVK_OK) c->status = cvk_graph_constant(c->graph, NULL, t, &out);
  cvk_tensor_release(t);
  return out;
}

/* The attribute `scales` of Upsample-7. */
static int32_t take_scales(cvk_onnx_call *c, float *scale) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, "scales", CVK_ONNX_FLOATS);
  uint64_t bits;
  int32_t n = 0, more;
  if (!a) {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'scales' is missing");
    return 0;
  }
  cvk_wire_list l = cvk_onnx_attr_list(c->model, a);
  while ((c->status = cvk_wire_list_next(&l, &bits, &more)) == CVK_OK && more) {
    if (n == CVK_MAX_RANK) {
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'scales' has more than %d entries", CVK_MAX_RANK);
      break;
    }
    scale[n++] = cvk_wire_f32(bits);
  }
  return n;
}

void cvk_onnx_emit_resize_by_input(cvk_onnx_call *c) {
  if (cvk_onnx_input(c, 1) == CVK_NO_VALUE) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the scales are missing");
  emit_old(c, cvk_onnx_input(c, 1));
}

void cvk_onnx_emit_upsample_7(cvk_onnx_call *c) {
  float scale[CVK_MAX_RANK];
  const int32_t n = take_scales(c, scale);
  emit_old(c, constant_scales(c, n, scale));
}

void cvk_onnx_emit_upsample_1(cvk_onnx_call *c) {
  float scale[4] = {1, 1, 1, 1};
  if (!cvk_onnx_take_f32(c, "height_scale", &scale[2]) || !cvk_onnx_take_f32(c, "width_scale", &scale[3]))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'height_scale' or 'width_scale' is missing");
  emit_old(c, constant_scales(c, 4, scale));
}

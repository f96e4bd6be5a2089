/* SPDX-License-Identifier: Apache-2.0 */
/* resize_names.h: ONNX's words for the attributes of Resize, by our numbers. */
#ifndef CVK_ONNX_RESIZE_NAMES_H
#define CVK_ONNX_RESIZE_NAMES_H

#include <convoke/plugin.h>

static const char *const cvk_resize_modes[] = {[CVK_NEAREST] = "nearest", [CVK_LINEAR] = "linear", [CVK_CUBIC] = "cubic"};
static const char *const cvk_resize_roundings[] = {[CVK_ROUND_PREFER_FLOOR] = "round_prefer_floor",
                                                   [CVK_ROUND_PREFER_CEIL] = "round_prefer_ceil",
                                                   [CVK_ROUND_FLOOR] = "floor",
                                                   [CVK_ROUND_CEIL] = "ceil"};
static const char *const cvk_resize_policies[] = {
    [CVK_STRETCH] = "stretch", [CVK_NOT_LARGER] = "not_larger", [CVK_NOT_SMALLER] = "not_smaller"};
static const char *const cvk_resize_places[] = {[CVK_HALF_PIXEL] = "half_pixel",
                                                [CVK_HALF_PIXEL_SYMMETRIC] = "half_pixel_symmetric",
                                                [CVK_PYTORCH_HALF_PIXEL] = "pytorch_half_pixel",
                                                [CVK_ALIGN_CORNERS] = "align_corners",
                                                [CVK_ASYMMETRIC] = "asymmetric",
                                                [CVK_TF_HALF_PIXEL_FOR_NN] = "tf_half_pixel_for_nn",
                                                [CVK_TF_CROP_AND_RESIZE] = "tf_crop_and_resize"};

#endif

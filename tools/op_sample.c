/* SPDX-License-Identifier: Apache-2.0 */
/* op_sample.c: reads a case's line, and makes its data; see op_sample.h. */
#include "op_sample.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static const struct { const char *name; int32_t dtype; } types[] = {
    {"f32", CVK_F32}, {"f64", CVK_F64}, {"f16", CVK_F16}, {"bf16", CVK_BF16}, {"i8", CVK_I8},   {"i16", CVK_I16}, {"i32", CVK_I32},
    {"i64", CVK_I64}, {"u8", CVK_U8},   {"u16", CVK_U16}, {"u32", CVK_U32},   {"u64", CVK_U64}, {"bool", CVK_BOOL},
    {"f8e4m3fn", CVK_F8E4M3FN}, {"f8e4m3fnuz", CVK_F8E4M3FNUZ}, {"f8e5m2", CVK_F8E5M2}, {"f8e5m2fnuz", CVK_F8E5M2FNUZ},
    {"f8e8m0", CVK_F8E8M0}, {"f4e2m1", CVK_F4E2M1}, {"u4", CVK_U4}, {"i4", CVK_I4}, {"u2", CVK_U2}, {"i2", CVK_I2},
};

static const struct { const char *name; double value; } words[] = {
    {"reflect", CVK_PAD_REFLECT}, {"edge", CVK_PAD_EDGE},   {"wrap", CVK_PAD_WRAP},
    {"upper", CVK_SAME_UPPER},    {"lower", CVK_SAME_LOWER}, {"valid", CVK_VALID},
    {"nearest", CVK_NEAREST},     {"linear", CVK_LINEAR},    {"cubic", CVK_CUBIC},
    {"half_pixel", CVK_HALF_PIXEL}, {"symmetric", CVK_HALF_PIXEL_SYMMETRIC}, {"pytorch", CVK_PYTORCH_HALF_PIXEL}, {"corners", CVK_ALIGN_CORNERS},
    {"asymmetric", CVK_ASYMMETRIC}, {"for_nn", CVK_TF_HALF_PIXEL_FOR_NN},    {"crop", CVK_TF_CROP_AND_RESIZE},
    {"border", CVK_GRID_BORDER},    {"reflection", CVK_GRID_REFLECTION},
    {"prefer_ceil", CVK_ROUND_PREFER_CEIL}, {"down", CVK_ROUND_FLOOR},        {"up", CVK_ROUND_CEIL},
};

/* ---- attributes: which struct a kind takes (from ops.def), which fields a struct has ---- */

enum { ATTR_cvk_no_attr, ATTR_cvk_conv_attr, ATTR_cvk_pool_attr, ATTR_cvk_pad_attr, ATTR_cvk_gemm_attr, ATTR_cvk_norm_attr, ATTR_cvk_axis_attr,
       ATTR_cvk_unary_attr, ATTR_cvk_axes_attr, ATTR_cvk_shape_attr, ATTR_cvk_slice_attr, ATTR_cvk_split_attr, ATTR_cvk_cast_attr, ATTR_cvk_mod_attr,
       ATTR_cvk_arg_attr, ATTR_cvk_resize_attr, ATTR_cvk_grid_attr, ATTR_cvk_roi_align_attr, ATTR_cvk_nms_attr, ATTR_cvk_deform_conv_attr,
       ATTR_cvk_gather_nd_attr, ATTR_cvk_scatter_attr, ATTR_cvk_cumulative_attr, ATTR_cvk_top_k_attr, ATTR_cvk_trilu_attr, ATTR_cvk_unique_attr,
       ATTR_cvk_reverse_sequence_attr, ATTR_cvk_bit_shift_attr, ATTR_cvk_is_inf_attr,
       ATTR_cvk_recurrent_attr, ATTR_cvk_einsum_attr, ATTR_cvk_dft_attr, ATTR_cvk_linear_attention_attr,
       ATTR_cvk_cross_entropy_attr, ATTR_cvk_dropout_attr, ATTR_cvk_sgd_attr, ATTR_cvk_adam_attr,
};

static const struct { const char *name; int32_t kind, attr; } ops[] = {
#define CVK_ROW(KIND, name, onnx, form, lo, hi, outs, A, d, i, r, grad, v, doc) {#name, CVK_OP_##KIND, ATTR_##A},
#include <convoke/ops.def>
#undef CVK_ROW
};

enum { I32, I64, F32, F64, I64_HALVES, F64_HALVES /* the first half goes to `at`, the second to `second` */, TEXT /* as it stands, of CVK_MAX_EQUATION bytes */ };

typedef struct field {
  int32_t attr;
  const char *key;
  int32_t type;
  size_t at, count, second; /* offsets; count: where the number of values goes (0: nowhere) */
} field;

#define AT(A, F) offsetof(A, F)
static const field fields[] = {
    {ATTR_cvk_conv_attr, "auto", I32, AT(cvk_conv_attr, auto_pad), 0, 0},
    {ATTR_cvk_conv_attr, "kernel", I64, AT(cvk_conv_attr, kernel), 0, 0},
    {ATTR_cvk_conv_attr, "stride", I64, AT(cvk_conv_attr, stride), 0, 0},
    {ATTR_cvk_conv_attr, "dilation", I64, AT(cvk_conv_attr, dilation), 0, 0},
    {ATTR_cvk_conv_attr, "pad", I64_HALVES, AT(cvk_conv_attr, pad_begin), 0, AT(cvk_conv_attr, pad_end)},
    {ATTR_cvk_conv_attr, "group", I64, AT(cvk_conv_attr, group), 0, 0},
    {ATTR_cvk_conv_attr, "output_padding", I64, AT(cvk_conv_attr, output_padding), 0, 0},
    {ATTR_cvk_conv_attr, "output_shape", I64, AT(cvk_conv_attr, output_shape), 0, 0},
    {ATTR_cvk_conv_attr, "activation", I32, AT(cvk_conv_attr, activation), 0, 0},
    {ATTR_cvk_conv_attr, "alpha", F32, AT(cvk_conv_attr, activation_alpha), 0, 0},
    {ATTR_cvk_conv_attr, "beta", F32, AT(cvk_conv_attr, activation_beta), 0, 0},
    {ATTR_cvk_pool_attr, "auto", I32, AT(cvk_pool_attr, auto_pad), 0, 0},
    {ATTR_cvk_pool_attr, "kernel", I64, AT(cvk_pool_attr, kernel), 0, 0},
    {ATTR_cvk_pool_attr, "stride", I64, AT(cvk_pool_attr, stride), 0, 0},
    {ATTR_cvk_pool_attr, "dilation", I64, AT(cvk_pool_attr, dilation), 0, 0},
    {ATTR_cvk_pool_attr, "pad", I64_HALVES, AT(cvk_pool_attr, pad_begin), 0, AT(cvk_pool_attr, pad_end)},
    {ATTR_cvk_pool_attr, "ceil", I32, AT(cvk_pool_attr, ceil_mode), 0, 0},
    {ATTR_cvk_pool_attr, "count_pad", I32, AT(cvk_pool_attr, count_include_pad), 0, 0},
    {ATTR_cvk_pool_attr, "order", I32, AT(cvk_pool_attr, storage_order), 0, 0},
    {ATTR_cvk_pool_attr, "p", I32, AT(cvk_pool_attr, p), 0, 0},
    {ATTR_cvk_pad_attr, "mode", I32, AT(cvk_pad_attr, mode), 0, 0},
    {ATTR_cvk_pad_attr, "pad", I64_HALVES, AT(cvk_pad_attr, begin), 0, AT(cvk_pad_attr, end)},
    {ATTR_cvk_pad_attr, "value", F64, AT(cvk_pad_attr, value), 0, 0},
    {ATTR_cvk_gemm_attr, "ta", I32, AT(cvk_gemm_attr, trans_a), 0, 0},
    {ATTR_cvk_gemm_attr, "tb", I32, AT(cvk_gemm_attr, trans_b), 0, 0},
    {ATTR_cvk_gemm_attr, "alpha", F32, AT(cvk_gemm_attr, alpha), 0, 0},
    {ATTR_cvk_gemm_attr, "beta", F32, AT(cvk_gemm_attr, beta), 0, 0},
    {ATTR_cvk_norm_attr, "epsilon", F32, AT(cvk_norm_attr, epsilon), 0, 0},
    {ATTR_cvk_norm_attr, "size", I64, AT(cvk_norm_attr, size), 0, 0},
    {ATTR_cvk_norm_attr, "alpha", F32, AT(cvk_norm_attr, alpha), 0, 0},
    {ATTR_cvk_norm_attr, "beta", F32, AT(cvk_norm_attr, beta), 0, 0},
    {ATTR_cvk_norm_attr, "bias", F32, AT(cvk_norm_attr, bias), 0, 0},
    {ATTR_cvk_axis_attr, "axis", I32, AT(cvk_axis_attr, axis), 0, 0},
    {ATTR_cvk_unary_attr, "alpha", F32, AT(cvk_unary_attr, alpha), 0, 0},
    {ATTR_cvk_unary_attr, "beta", F32, AT(cvk_unary_attr, beta), 0, 0},
    {ATTR_cvk_axes_attr, "axes", I32, AT(cvk_axes_attr, axis), AT(cvk_axes_attr, n_axes), 0},
    {ATTR_cvk_axes_attr, "keep", I32, AT(cvk_axes_attr, keep_dims), 0, 0},
    {ATTR_cvk_axes_attr, "noop", I32, AT(cvk_axes_attr, noop_with_empty_axes), 0, 0},
    {ATTR_cvk_shape_attr, "shape", I64, AT(cvk_shape_attr, dim), AT(cvk_shape_attr, rank), 0},
    {ATTR_cvk_shape_attr, "allow_zero", I32, AT(cvk_shape_attr, allow_zero), 0, 0},
    {ATTR_cvk_shape_attr, "type", I32, AT(cvk_shape_attr, dtype), 0, 0},
    {ATTR_cvk_shape_attr, "value", F64, AT(cvk_shape_attr, value), 0, 0},
    {ATTR_cvk_slice_attr, "axes", I32, AT(cvk_slice_attr, axis), AT(cvk_slice_attr, n_axes), 0},
    {ATTR_cvk_slice_attr, "start", I64, AT(cvk_slice_attr, start), 0, 0},
    {ATTR_cvk_slice_attr, "end", I64, AT(cvk_slice_attr, end), 0, 0},
    {ATTR_cvk_slice_attr, "step", I64, AT(cvk_slice_attr, step), 0, 0},
    {ATTR_cvk_split_attr, "axis", I32, AT(cvk_split_attr, axis), 0, 0},
    {ATTR_cvk_split_attr, "size", I64, AT(cvk_split_attr, size), AT(cvk_split_attr, n_split), 0},
    {ATTR_cvk_cast_attr, "to", I32, AT(cvk_cast_attr, dtype), 0, 0},
    {ATTR_cvk_cast_attr, "start", I32, AT(cvk_cast_attr, start), 0, 0},
    {ATTR_cvk_cast_attr, "end", I32, AT(cvk_cast_attr, end), 0, 0},
    {ATTR_cvk_cast_attr, "overflow", I32, AT(cvk_cast_attr, overflow), 0, 0},
    {ATTR_cvk_cast_attr, "rounding", I32, AT(cvk_cast_attr, rounding), 0, 0},
    {ATTR_cvk_mod_attr, "fmod", I32, AT(cvk_mod_attr, fmod), 0, 0},
    {ATTR_cvk_arg_attr, "axis", I32, AT(cvk_arg_attr, axis), 0, 0},
    {ATTR_cvk_arg_attr, "keep", I32, AT(cvk_arg_attr, keep_dims), 0, 0},
    {ATTR_cvk_arg_attr, "last", I32, AT(cvk_arg_attr, select_last_index), 0, 0},
    {ATTR_cvk_resize_attr, "mode", I32, AT(cvk_resize_attr, mode), 0, 0},
    {ATTR_cvk_resize_attr, "by", I32, AT(cvk_resize_attr, coordinates), 0, 0},
    {ATTR_cvk_resize_attr, "rounding", I32, AT(cvk_resize_attr, rounding), 0, 0},
    {ATTR_cvk_resize_attr, "antialias", I32, AT(cvk_resize_attr, antialias), 0, 0},
    {ATTR_cvk_resize_attr, "exclude", I32, AT(cvk_resize_attr, exclude_outside), 0, 0},
    {ATTR_cvk_resize_attr, "keep", I32, AT(cvk_resize_attr, keep_aspect), 0, 0},
    {ATTR_cvk_resize_attr, "a", F32, AT(cvk_resize_attr, cubic_a), 0, 0},
    {ATTR_cvk_resize_attr, "extrapolation", F32, AT(cvk_resize_attr, extrapolation), 0, 0},
    {ATTR_cvk_resize_attr, "axes", I32, AT(cvk_resize_attr, axis), AT(cvk_resize_attr, n_axes), 0},
    {ATTR_cvk_resize_attr, "scale", F32, AT(cvk_resize_attr, scale), 0, 0},
    {ATTR_cvk_resize_attr, "size", I64, AT(cvk_resize_attr, size), 0, 0},
    {ATTR_cvk_resize_attr, "roi", F64_HALVES, AT(cvk_resize_attr, roi_begin), 0, AT(cvk_resize_attr, roi_end)},
    {ATTR_cvk_gather_nd_attr, "batch", I32, AT(cvk_gather_nd_attr, batch_dims), 0, 0},
    {ATTR_cvk_scatter_attr, "axis", I32, AT(cvk_scatter_attr, axis), 0, 0},
    {ATTR_cvk_scatter_attr, "reduction", I32, AT(cvk_scatter_attr, reduction), 0, 0},
    {ATTR_cvk_cumulative_attr, "axis", I32, AT(cvk_cumulative_attr, axis), 0, 0},
    {ATTR_cvk_cumulative_attr, "exclusive", I32, AT(cvk_cumulative_attr, exclusive), 0, 0},
    {ATTR_cvk_cumulative_attr, "reverse", I32, AT(cvk_cumulative_attr, reverse), 0, 0},
    {ATTR_cvk_top_k_attr, "axis", I32, AT(cvk_top_k_attr, axis), 0, 0},
    {ATTR_cvk_top_k_attr, "k", I64, AT(cvk_top_k_attr, k), 0, 0},
    {ATTR_cvk_top_k_attr, "largest", I32, AT(cvk_top_k_attr, largest), 0, 0},
    {ATTR_cvk_top_k_attr, "sorted", I32, AT(cvk_top_k_attr, sorted), 0, 0},
    {ATTR_cvk_trilu_attr, "upper", I32, AT(cvk_trilu_attr, upper), 0, 0},
    {ATTR_cvk_trilu_attr, "k", I64, AT(cvk_trilu_attr, k), 0, 0},
    {ATTR_cvk_unique_attr, "axis", I32, AT(cvk_unique_attr, axis), 0, 0},
    {ATTR_cvk_unique_attr, "sorted", I32, AT(cvk_unique_attr, sorted), 0, 0},
    {ATTR_cvk_reverse_sequence_attr, "batch", I32, AT(cvk_reverse_sequence_attr, batch_axis), 0, 0},
    {ATTR_cvk_reverse_sequence_attr, "time", I32, AT(cvk_reverse_sequence_attr, time_axis), 0, 0},
    {ATTR_cvk_bit_shift_attr, "right", I32, AT(cvk_bit_shift_attr, right), 0, 0},
    {ATTR_cvk_is_inf_attr, "negative", I32, AT(cvk_is_inf_attr, negative), 0, 0},
    {ATTR_cvk_is_inf_attr, "positive", I32, AT(cvk_is_inf_attr, positive), 0, 0},
    {ATTR_cvk_recurrent_attr, "direction", I32, AT(cvk_recurrent_attr, direction), 0, 0},
    {ATTR_cvk_recurrent_attr, "layout", I32, AT(cvk_recurrent_attr, layout), 0, 0},
    {ATTR_cvk_recurrent_attr, "input_forget", I32, AT(cvk_recurrent_attr, input_forget), 0, 0},
    {ATTR_cvk_recurrent_attr, "linear_before_reset", I32, AT(cvk_recurrent_attr, linear_before_reset), 0, 0},
    {ATTR_cvk_recurrent_attr, "clip", F32, AT(cvk_recurrent_attr, clip), 0, 0},
    {ATTR_cvk_recurrent_attr, "activation", I32, AT(cvk_recurrent_attr, activation), 0, 0},
    {ATTR_cvk_recurrent_attr, "alpha", F32, AT(cvk_recurrent_attr, alpha), 0, 0},
    {ATTR_cvk_recurrent_attr, "beta", F32, AT(cvk_recurrent_attr, beta), 0, 0},
    {ATTR_cvk_grid_attr, "mode", I32, AT(cvk_grid_attr, mode), 0, 0},
    {ATTR_cvk_grid_attr, "padding", I32, AT(cvk_grid_attr, padding), 0, 0},
    {ATTR_cvk_grid_attr, "align", I32, AT(cvk_grid_attr, align_corners), 0, 0},
    {ATTR_cvk_roi_align_attr, "max", I32, AT(cvk_roi_align_attr, is_max), 0, 0},
    {ATTR_cvk_roi_align_attr, "half", I32, AT(cvk_roi_align_attr, half_pixel), 0, 0},
    {ATTR_cvk_roi_align_attr, "ratio", I32, AT(cvk_roi_align_attr, sampling_ratio), 0, 0},
    {ATTR_cvk_roi_align_attr, "out", I64, AT(cvk_roi_align_attr, out), 0, 0},
    {ATTR_cvk_roi_align_attr, "scale", F32, AT(cvk_roi_align_attr, spatial_scale), 0, 0},
    {ATTR_cvk_nms_attr, "center", I32, AT(cvk_nms_attr, center_point_box), 0, 0},
    {ATTR_cvk_nms_attr, "most", I64, AT(cvk_nms_attr, most), 0, 0},
    {ATTR_cvk_nms_attr, "iou", F32, AT(cvk_nms_attr, iou_threshold), 0, 0},
    {ATTR_cvk_nms_attr, "score", F32, AT(cvk_nms_attr, score_threshold), 0, 0},
    {ATTR_cvk_deform_conv_attr, "stride", I64, AT(cvk_deform_conv_attr, stride), 0, 0},
    {ATTR_cvk_deform_conv_attr, "dilation", I64, AT(cvk_deform_conv_attr, dilation), 0, 0},
    {ATTR_cvk_deform_conv_attr, "pad", I64_HALVES, AT(cvk_deform_conv_attr, pad_begin), 0, AT(cvk_deform_conv_attr, pad_end)},
    {ATTR_cvk_deform_conv_attr, "group", I64, AT(cvk_deform_conv_attr, group), 0, 0},
    {ATTR_cvk_deform_conv_attr, "offset_group", I64, AT(cvk_deform_conv_attr, offset_group), 0, 0},
    {ATTR_cvk_einsum_attr, "equation", TEXT, AT(cvk_einsum_attr, equation), 0, 0},
    {ATTR_cvk_dft_attr, "axis", I32, AT(cvk_dft_attr, axis), 0, 0},
    {ATTR_cvk_dft_attr, "length", I64, AT(cvk_dft_attr, length), 0, 0},
    {ATTR_cvk_dft_attr, "inverse", I32, AT(cvk_dft_attr, inverse), 0, 0},
    {ATTR_cvk_dft_attr, "onesided", I32, AT(cvk_dft_attr, onesided), 0, 0},
    {ATTR_cvk_linear_attention_attr, "rule", I32, AT(cvk_linear_attention_attr, rule), 0, 0},
    {ATTR_cvk_linear_attention_attr, "q_heads", I64, AT(cvk_linear_attention_attr, q_heads), 0, 0},
    {ATTR_cvk_linear_attention_attr, "kv_heads", I64, AT(cvk_linear_attention_attr, kv_heads), 0, 0},
    {ATTR_cvk_linear_attention_attr, "scale", F32, AT(cvk_linear_attention_attr, scale), 0, 0},
    {ATTR_cvk_cross_entropy_attr, "reduction", I32, AT(cvk_cross_entropy_attr, reduction), 0, 0},
    {ATTR_cvk_cross_entropy_attr, "ignore", I64, AT(cvk_cross_entropy_attr, ignore_index), 0, 0},
    {ATTR_cvk_cross_entropy_attr, "has_ignore", I32, AT(cvk_cross_entropy_attr, has_ignore), 0, 0},
    {ATTR_cvk_cross_entropy_attr, "smoothing", F32, AT(cvk_cross_entropy_attr, label_smoothing), 0, 0},
    {ATTR_cvk_dropout_attr, "ratio", F32, AT(cvk_dropout_attr, ratio), 0, 0},
    {ATTR_cvk_dropout_attr, "stream", I64, AT(cvk_dropout_attr, stream), 0, 0},
    {ATTR_cvk_sgd_attr, "momentum", F32, AT(cvk_sgd_attr, momentum), 0, 0},
    {ATTR_cvk_sgd_attr, "decay", F32, AT(cvk_sgd_attr, decay), 0, 0},
    {ATTR_cvk_sgd_attr, "nesterov", I32, AT(cvk_sgd_attr, nesterov), 0, 0},
    {ATTR_cvk_adam_attr, "beta1", F32, AT(cvk_adam_attr, beta1), 0, 0},
    {ATTR_cvk_adam_attr, "beta2", F32, AT(cvk_adam_attr, beta2), 0, 0},
    {ATTR_cvk_adam_attr, "epsilon", F32, AT(cvk_adam_attr, epsilon), 0, 0},
    {ATTR_cvk_adam_attr, "decay", F32, AT(cvk_adam_attr, decay), 0, 0},
    {ATTR_cvk_adam_attr, "decoupled", I32, AT(cvk_adam_attr, decoupled), 0, 0},
};

/* ---- reading ---- */

typedef struct reader {
  op_sample *s;
  char *why;
  size_t why_bytes;
} reader;

__attribute__((format(printf, 2, 3))) static int refuse(const reader *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int n = snprintf(r->why, r->why_bytes, "case '%.200s': ", r->s->text);
  vsnprintf(r->why + n, r->why_bytes - (size_t)n, format, args);
  va_end(args);
  return 0;
}

static int find_type(const char *name, size_t n, int32_t *out) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strlen(types[i].name) != n || strncmp(types[i].name, name, n) != 0) continue;
    *out = types[i].dtype;
    return 1;
  }
  return 0;
}

/* A number, or the name of a type, an op or a mode. */
static int read_value(const char *text, size_t n, double *out) {
  char word[40], *end;
  int32_t dtype;
  if (n == 0 || n >= sizeof word) return 0;
  memcpy(word, text, n);
  word[n] = 0;
  *out = strtod(word, &end);
  if (*end == 0) return 1;
  if (find_type(word, n, &dtype)) {
    *out = dtype;
    return 1;
  }
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    if (strcmp(ops[i].name, word) == 0) return *out = ops[i].kind, 1;
  }
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(words[i].name, word) == 0) return *out = words[i].value, 1;
  }
  return 0;
}

/* Values separated by ','; -1: one is not understood. */
static int32_t read_list(const char *text, size_t n, double *v, int32_t most) {
  int32_t count = 0;
  for (size_t at = 0; at < n;) {
    size_t length = strcspn(text + at, ",");
    if (length > n - at) length = n - at;
    if (count == most || !read_value(text + at, length, &v[count++])) return -1;
    at += length + 1;
  }
  return count;
}

static void store(void *attr, size_t at, int32_t type, int32_t i, double v) {
  char *to = (char *)attr + at;
  if (type == I32) ((int32_t *)to)[i] = (int32_t)v;
  else if (type == F32) ((float *)to)[i] = (float)v;
  else if (type == F64 || type == F64_HALVES) ((double *)to)[i] = v;
  else ((int64_t *)to)[i] = (int64_t)v;
}

static int read_attr(const reader *r, sample_step *step, int32_t attr, const char *key, size_t key_bytes, const char *text, size_t n) {
  double v[CVK_MAX_SPLIT];
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const field *f = &fields[i];
    if (f->attr != attr || f->type != TEXT || strlen(f->key) != key_bytes || strncmp(f->key, key, key_bytes) != 0 || n >= CVK_MAX_EQUATION) continue;
    memcpy((char *)&step->attr + f->at, text, n);
    step->has_attr = 1;
    return 1;
  }
  const int32_t count = read_list(text, n, v, CVK_MAX_SPLIT);
  if (count < 0) return refuse(r, "'%.*s' has a value that is not understood", (int)(key_bytes + n + 1), key);
  if (key_bytes == 7 && strncmp(key, "outputs", 7) == 0) return step->n_out = (int32_t)v[0], 1;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const field *f = &fields[i];
    if (f->attr != attr || f->type == TEXT || strlen(f->key) != key_bytes || strncmp(f->key, key, key_bytes) != 0) continue;
    const int32_t half = f->type == I64_HALVES || f->type == F64_HALVES ? count / 2 : count;
    for (int32_t k = 0; k < count; k++) store(&step->attr, k < half ? f->at : f->second, f->type, k < half ? k : k - half, v[k]);
    if (f->count) store(&step->attr, f->count, I32, 0, count);
    step->has_attr = 1;
    return 1;
  }
  return refuse(r, "the op has no attribute '%.*s'", (int)key_bytes, key);
}

static int read_shape(const char *text, size_t n, sample_tensor *t) {
  char *end;
  if (n == 6 && strncmp(text, "scalar", 6) == 0) return 1;
  for (const char *at = text; at < text + n;) {
    if (t->rank == CVK_MAX_RANK || !isdigit((unsigned char)*at)) return 0;
    t->dim[t->rank++] = strtoll(at, &end, 10);
    if (end < text + n && *end != 'x') return 0;
    at = end + 1;
  }
  return t->rank > 0;
}

static int read_tensor(const reader *r, const char *text, size_t n, int32_t *out) {
  op_sample *s = r->s;
  if (s->n_tensors == SAMPLE_TENSORS) return refuse(r, "more than %d tensors", SAMPLE_TENSORS);
  sample_tensor *t = &s->tensor[s->n_tensors];
  const size_t word = strcspn(text, ":[(@ ;");
  const char mark = word < n ? text[word] : 0;
  t->dtype = CVK_F32;
  if (mark == ':' || mark == '[' || mark == '(') {
    if (!find_type(text, word, &t->dtype)) return refuse(r, "no type '%.*s'", (int)word, text);
  }
  if (mark == '[' || mark == '(') {
    const int32_t count = read_list(text + word + 1, n - word - 2, t->value, SAMPLE_VALUES);
    if (count < 0 || (mark == '(' && count != 1)) return refuse(r, "'%.*s' is not understood", (int)n, text);
    t->n_values = count ? count : -1;
    if (mark == '[') t->rank = 1;
    t->dim[0] = mark == '[' ? count : 0;
  } else {
    const char *shape = mark == ':' ? text + word + 1 : text, *fill = memchr(text, '@', n);
    const char *end = fill ? fill : text + n;
    if (!read_shape(shape, (size_t)(end - shape), t)) return refuse(r, "'%.*s' is no shape", (int)n, text);
    if (fill && (size_t)(text + n - fill) <= sizeof t->fill) memcpy(t->fill, fill + 1, (size_t)(text + n - fill - 1));
  }
  *out = s->n_tensors++;
  return 1;
}

static int read_operand(const reader *r, sample_step *step, const char *text, size_t n) {
  if (step->n_in == SAMPLE_OPERANDS) return refuse(r, "more than %d operands", SAMPLE_OPERANDS);
  int32_t *in = &step->in[step->n_in++];
  if (n == 1 && *text == '-') return *in = OPERAND_ABSENT, 1;
  if (n == 1 && *text == '_') return *in = OPERAND_PREVIOUS, r->s->n_steps > 0 ? 1 : refuse(r, "'_' has no op before it");
  if (*text == '$') {
    *in = atoi(text + 1);
    return *in < r->s->n_tensors ? 1 : refuse(r, "'%.*s' is no tensor yet", (int)n, text);
  }
  return read_tensor(r, text, n, in);
}

/* One op, from `text` up to `;` or the end. */
static int read_step(const reader *r, const char *text, const char *end) {
  op_sample *s = r->s;
  int32_t attr = -1;
  if (s->n_steps == SAMPLE_STEPS) return refuse(r, "more than %d ops", SAMPLE_STEPS);
  sample_step *step = &s->step[s->n_steps];
  step->n_out = 1;
  for (const char *at = text; at < end;) {
    size_t n = strcspn(at, " ;");
    if (n > (size_t)(end - at)) n = (size_t)(end - at);
    const char *equals = memchr(at, '=', n);
    if (n == 0) {
      at++;
      continue;
    }
    if (attr < 0) {
      for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strlen(ops[i].name) == n && strncmp(ops[i].name, at, n) == 0) step->kind = ops[i].kind, attr = ops[i].attr;
      }
      if (attr < 0) return refuse(r, "no op '%.*s'", (int)n, at);
    } else if (equals) {
      if (!read_attr(r, step, attr, at, (size_t)(equals - at), equals + 1, n - (size_t)(equals - at) - 1)) return 0;
    } else if (!read_operand(r, step, at, n)) {
      return 0;
    }
    at += n;
  }
  if (attr < 0) return refuse(r, "an op is missing");
  if (step->n_out < 1 || step->n_out > SAMPLE_OUTPUTS) return refuse(r, "%d outputs, allowed 1 to %d", step->n_out, SAMPLE_OUTPUTS);
  s->n_steps++;
  return 1;
}

int op_sample_parse(const char *text, op_sample *out, char *why, size_t why_bytes) {
  const reader r = {out, why, why_bytes};
  memset(out, 0, sizeof *out);
  out->text = text;
  for (const char *at = text;;) {
    const size_t n = strcspn(at, ";");
    if (!read_step(&r, at, at + n)) return 0;
    if (at[n] == 0) return 1;
    at += n + 1;
  }
}

/* ---- data ---- */

static uint32_t hash(uint32_t i) {
  i ^= i >> 16;
  i *= 0x7feb352du;
  i ^= i >> 15;
  i *= 0x846ca68bu;
  return i ^ i >> 16;
}

/* Element k of tensor i before it is converted to its type. */
static double made_value(const sample_tensor *t, int32_t i, int64_t k) {
  static const double special[] = {NAN, (double)INFINITY, -(double)INFINITY, 0.0, -0.0, 1e-41, -1e-41, 1e30, -1e30, 1.0, -90.0, 100.0, 1e-20};
  static const double odd[] = {NAN, (double)INFINITY, 0.0, -(double)INFINITY, -0.0, 1e-41};
  const uint32_t h = hash((uint32_t)k * 2u + 77u * (uint32_t)i + 1u);
  const double unit = (h >> 8) * 0x1p-24;
  if (strcmp(t->fill, "special") == 0 && h % 4 == 0) return special[(uint64_t)k % (sizeof special / sizeof *special)];
  if (strcmp(t->fill, "odd") == 0 && h % 16 == 0) return odd[(uint64_t)k % (sizeof odd / sizeof *odd)];
  if (t->dtype == CVK_BOOL) return h >> 9 & 1;
  if (t->dtype != CVK_F32 && t->dtype != CVK_F64 && t->dtype != CVK_F16 && t->dtype != CVK_BF16) {
    const int is_signed = t->dtype == CVK_I8 || t->dtype == CVK_I16 || t->dtype == CVK_I32 || t->dtype == CVK_I64;
    if (strcmp(t->fill, "pos") == 0) return 1 + h % 9;
    return (double)(h % 31) - (is_signed ? 15 : 0);
  }
  if (strcmp(t->fill, "pos") == 0) return 0.1 + 2 * unit;
  if (strcmp(t->fill, "big") == 0) return 40 * unit - 20;
  if (strcmp(t->fill, "huge") == 0) return (2 * unit - 1) * 1e30;
  if (strcmp(t->fill, "few") == 0) return (double)(h % 5) - 2;
  return 2 * unit - 1;
}

static uint16_t half_bits(double v) {
  int e;
  if (isnan(v)) return 0x7e00;
  const uint16_t sign = signbit(v) ? 0x8000 : 0;
  v = fabs(v);
  if (v >= 65520) return sign | 0x7c00;
  if (v < 0x1p-14) return sign | (uint16_t)nearbyint(v * 0x1p24);
  const double f = frexp(v, &e);
  return sign | (uint16_t)(((e + 14) << 10) + (int)nearbyint((f * 2 - 1) * 1024));
}

static void put(int32_t dtype, void *data, int64_t k, double v) {
  const float f = (float)v;
  uint32_t bits;
  switch (dtype) {
    case CVK_F32: ((float *)data)[k] = f; break;
    case CVK_F64: ((double *)data)[k] = v; break;
    case CVK_F16: ((uint16_t *)data)[k] = half_bits(v); break;
    case CVK_BF16:
      memcpy(&bits, &f, sizeof bits);
      ((uint16_t *)data)[k] = (uint16_t)(bits >> 16);
      break;
    case CVK_I8: ((int8_t *)data)[k] = (int8_t)v; break;
    case CVK_I16: ((int16_t *)data)[k] = (int16_t)v; break;
    case CVK_I32: ((int32_t *)data)[k] = (int32_t)v; break;
    case CVK_I64: ((int64_t *)data)[k] = (int64_t)v; break;
    case CVK_U16: ((uint16_t *)data)[k] = (uint16_t)v; break;
    case CVK_U32: ((uint32_t *)data)[k] = (uint32_t)v; break;
    case CVK_U64: ((uint64_t *)data)[k] = (uint64_t)v; break;
    case CVK_I4: ((int8_t *)data)[k] = (int8_t)((((int)v & 15) ^ 8) - 8); break;
    case CVK_I2: ((int8_t *)data)[k] = (int8_t)((((int)v & 3) ^ 2) - 2); break;
    case CVK_U4: case CVK_F4E2M1: ((uint8_t *)data)[k] = (uint8_t)((int)v & 15); break;
    case CVK_U2: ((uint8_t *)data)[k] = (uint8_t)((int)v & 3); break;
    default: ((uint8_t *)data)[k] = (uint8_t)v; break; /* a float of 8 bits: its code */
  }
}

uint64_t op_sample_bytes(const op_sample *s, int32_t i) {
  return (uint64_t)cvk_count(s->tensor[i].rank, s->tensor[i].dim) * cvk_dtype_bytes(s->tensor[i].dtype);
}

void *op_sample_data(const op_sample *s, int32_t i) {
  const sample_tensor *t = &s->tensor[i];
  const int64_t n = cvk_count(t->rank, t->dim);
  void *data = malloc(op_sample_bytes(s, i) + 8);
  for (int64_t k = 0; data && k < n; k++) put(t->dtype, data, k, t->n_values > 0 ? t->value[k] : made_value(t, i, k));
  return data;
}

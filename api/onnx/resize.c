/* SPDX-License-Identifier: Apache-2.0 */
/* resize.c: Resize and Upsample by whole factors to the nearest cell: each resized axis is cut into cells of extent 1, which are repeated.
 * Factors of one are the identity in every mode. All else is refused: it needs an op of its own. */
#include <stdio.h>

#include "fill.h"

#define MOST_FACTOR 1e9f

typedef struct resize {
  int32_t rank;
  float scale[CVK_MAX_RANK]; /* of each axis, where the factors are known here */
  cvk_value sizes;           /* CVK_NO_VALUE: scales are given */
  float most;                /* output cell i is cell i / r of x, by the mode, for whole factors r up to this one */
  char mode[64];             /* for messages */
} resize;

static void set_scales(cvk_onnx_call *c, resize *r, int32_t n, const float *scale, int32_t n_axes, const int64_t *axes) {
  for (int32_t a = 0; a < CVK_MAX_RANK; a++) r->scale[a] = 1;
  if (c->status == CVK_OK && n != n_axes) {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "%d scales are given for %d axes", n, n_axes);
    return;
  }
  for (int32_t i = 0; c->status == CVK_OK && i < n; i++) {
    const int64_t axis = axes[i] < 0 ? axes[i] + r->rank : axes[i];
    if (axis < 0 || axis >= r->rank)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "axis %lld is outside x of rank %d", (long long)axes[i], r->rank);
    else if (!(scale[i] > 0))
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "scale %d is %g, expected more than 0", i, (double)scale[i]);
    else
      r->scale[axis] = scale[i];
  }
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

static int32_t read_scales(cvk_onnx_call *c, const cvk_onnx_name *name, float *scale) {
  cvk_tensor *t = name->constant;
  if (!t) {
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "the scales are not constant; only constant scales are supported");
    return 0;
  }
  if (cvk_tensor_dtype(t) != CVK_F32 || cvk_tensor_rank(t) != 1 || cvk_tensor_count(t) > CVK_MAX_RANK) {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the scales are not a float vector of at most %d entries", CVK_MAX_RANK);
    return 0;
  }
  if (c->status == CVK_OK) c->status = cvk_tensor_read(t, scale, cvk_tensor_bytes(t));
  return (int32_t)cvk_tensor_count(t);
}

/* Input i, unless it is an empty tensor, which stands for an absent one. */
static const cvk_onnx_name *given(const cvk_onnx_call *c, int32_t i) {
  const cvk_onnx_name *n = cvk_onnx_input_name(c, i);
  return n && n->constant && cvk_tensor_count(n->constant) == 0 ? NULL : n;
}

static void all_axes(int64_t *axes) {
  for (int32_t a = 0; a < CVK_MAX_RANK; a++) axes[a] = a;
}

/* ---- the graph ---- */

static cvk_value extent(cvk_onnx_call *c, int32_t axis) {
  const cvk_cast_attr one = {.start = axis, .end = axis + 1};
  return cvk_onnx_op1(c, CVK_OP_SHAPE, &one, cvk_onnx_input(c, 0));
}

static cvk_value join(cvk_onnx_call *c, int32_t n, const cvk_value *part) {
  const cvk_axis_attr first = {.axis = 0};
  return cvk_onnx_op(c, CVK_OP_CONCAT, &first, n, part);
}

/* x [.., d, ..] to [.., d, 1, ..] to [.., d, r, ..] to [.., d r, ..], for the axes that have a factor. */
static void repeat_cells(cvk_onnx_call *c, const resize *r, const cvk_value *factor) {
  const cvk_shape_attr as_given = {.allow_zero = 1};
  const cvk_value one = cvk_onnx_int64s(c, 1, (const int64_t[]){1});
  cvk_value cut[2 * CVK_MAX_RANK], wide[2 * CVK_MAX_RANK], joined[CVK_MAX_RANK];
  int32_t n = 0;
  for (int32_t a = 0; a < r->rank; a++) {
    cut[n] = wide[n] = joined[a] = extent(c, a);
    n++;
    if (factor[a] == CVK_NO_VALUE) continue;
    joined[a] = cvk_onnx_op2(c, CVK_OP_MUL, NULL, cut[n - 1], factor[a]);
    cut[n] = one;
    wide[n++] = factor[a];
  }
  const cvk_value x = cvk_onnx_op2(c, CVK_OP_RESHAPE, &as_given, cvk_onnx_input(c, 0), join(c, n, cut));
  const cvk_value cells = cvk_onnx_op2(c, CVK_OP_EXPAND, NULL, x, join(c, n, wide));
  const cvk_value shape = r->sizes == CVK_NO_VALUE ? join(c, r->rank, joined) : r->sizes;
  const char *label = c->label;
  char text[CVK_ONNX_LABEL_BYTES];
  if (r->sizes != CVK_NO_VALUE) { /* the reshape fails where an extent is no multiple: its name says why */
    snprintf(text, sizeof text, "%.45s, whose sizes must be multiples of x's extents", label);
    c->label = text;
  }
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_RESHAPE, &as_given, cells, shape), r->rank);
  c->label = label;
}

static void by_scales(cvk_onnx_call *c, const resize *r) {
  cvk_value factor[CVK_MAX_RANK];
  int32_t resized = 0;
  for (int32_t a = 0; a < r->rank && c->status == CVK_OK; a++) {
    const float s = r->scale[a];
    factor[a] = CVK_NO_VALUE;
    if (s == 1) continue;
    if (s > r->most || r->most == 1)
      cvk_onnx_fail(c, CVK_UNSUPPORTED, "resizing by %g in mode %s is not supported; whole factors to the nearest cell are", (double)s,
                    r->mode);
    else if (s < 1 || s != (float)(int32_t)s)
      cvk_onnx_fail(c, CVK_UNSUPPORTED, "scale %g of axis %d is not a whole number; only whole factors are supported", (double)s, a);
    else
      factor[a] = cvk_onnx_int64s(c, 1, (const int64_t[]){(int64_t)s});
    resized++;
  }
  if (r->rank + resized > CVK_MAX_RANK)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "%d of %d axes are resized, together more than %d", resized, r->rank, CVK_MAX_RANK);
  if (c->status != CVK_OK) return;
  if (resized == 0)
    cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_IDENTITY, NULL, cvk_onnx_input(c, 0)), r->rank);
  else
    repeat_cells(c, r, factor);
}

/* The factors are found when the graph is planned. Divisions truncate: the product of the extents tells whether all are whole. */
static void by_sizes(cvk_onnx_call *c, const resize *r) {
  cvk_value factor[CVK_MAX_RANK];
  if (r->most < MOST_FACTOR) cvk_onnx_fail(c, CVK_UNSUPPORTED, "resizing to sizes in mode %s is not supported", r->mode);
  if (2 * r->rank > CVK_MAX_RANK)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "resizing x of rank %d to sizes is not supported, only to rank %d", r->rank, CVK_MAX_RANK / 2);
  for (int32_t a = 0; a < r->rank && c->status == CVK_OK; a++) {
    const cvk_slice_attr one = {.n_axes = 1, .axis = {0}, .start = {a}, .end = {a + 1}, .step = {1}};
    factor[a] = cvk_onnx_op2(c, CVK_OP_DIV, NULL, cvk_onnx_op1(c, CVK_OP_SLICE, &one, r->sizes), extent(c, a));
  }
  if (c->status == CVK_OK) repeat_cells(c, r, factor);
}

/* ---- the operators ---- */

void cvk_onnx_emit_upsample(cvk_onnx_call *c) {
  static const char *const modes[] = {"nearest", "linear", "bilinear"};
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  resize r = {.sizes = CVK_NO_VALUE};
  float scale[CVK_MAX_RANK] = {1, 1, 1, 1};
  int64_t axes[CVK_MAX_RANK];
  int32_t mode = 0;
  all_axes(axes);
  cvk_onnx_take_choice(c, "mode", 3, modes, &mode);
  r.most = mode == 0 ? MOST_FACTOR : 1;
  snprintf(r.mode, sizeof r.mode, "%s", modes[mode]);
  if (c->model->opset < 7) {
    r.rank = 4;
    if (!cvk_onnx_take_f32(c, "height_scale", &scale[2]) || !cvk_onnx_take_f32(c, "width_scale", &scale[3]))
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'height_scale' or 'width_scale' is missing");
  } else if (c->model->opset < 9) {
    r.rank = take_scales(c, scale);
  } else if (given(c, 1)) {
    r.rank = read_scales(c, given(c, 1), scale);
  } else {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the scales are missing");
  }
  if (x && x->rank >= 0 && x->rank != r.rank)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "%d scales are given for x of rank %d", r.rank, x->rank);
  set_scales(c, &r, r.rank, scale, r.rank, axes);
  by_scales(c, &r);
}

/* Where the nearest cell to output cell q r + t, 0 <= t < r, is q for every whole r. */
static void take_mode(cvk_onnx_call *c, resize *r) {
  enum { HALF_PIXEL, PYTORCH_HALF_PIXEL, HALF_PIXEL_SYMMETRIC, ASYMMETRIC, TF_HALF_PIXEL_FOR_NN, ALIGN_CORNERS, CROP };
  enum { ROUND_DOWN, ROUND_UP, FLOOR };
  static const char *const modes[] = {"nearest", "linear", "cubic"};
  static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  static const char *const places[] = {
      [HALF_PIXEL] = "half_pixel",  [PYTORCH_HALF_PIXEL] = "pytorch_half_pixel",     [HALF_PIXEL_SYMMETRIC] = "half_pixel_symmetric",
      [ASYMMETRIC] = "asymmetric",  [TF_HALF_PIXEL_FOR_NN] = "tf_half_pixel_for_nn", [ALIGN_CORNERS] = "align_corners",
      [CROP] = "tf_crop_and_resize"};
  int32_t mode = 0, place = HALF_PIXEL, way = ROUND_DOWN;
  cvk_onnx_take_choice(c, "mode", 3, modes, &mode);
  if (c->model->opset >= 11) {
    cvk_onnx_take_choice(c, "nearest_mode", 4, nearest, &way);
    cvk_onnx_take_choice(c, "coordinate_transformation_mode", CROP + 1, places, &place);
    cvk_onnx_ignore(c, "cubic_coeff_a"); /* none of them counts where cells are repeated */
    cvk_onnx_ignore(c, "exclude_outside");
    cvk_onnx_ignore(c, "extrapolation_value");
    cvk_onnx_ignore(c, "antialias");
  } else {
    place = ASYMMETRIC;
    way = FLOOR;
  }
  if (place == CROP) cvk_onnx_fail(c, CVK_UNSUPPORTED, "coordinate_transformation_mode tf_crop_and_resize is not supported");
  const int32_t centred = place <= HALF_PIXEL_SYMMETRIC && way <= ROUND_UP;
  const int32_t begins = (place == ASYMMETRIC || place == TF_HALF_PIXEL_FOR_NN) && way == FLOOR;
  r->most = mode != 0 ? 1 : centred || begins ? MOST_FACTOR : place == ASYMMETRIC && way == ROUND_DOWN ? 2 : 1;
  if (mode != 0)
    snprintf(r->mode, sizeof r->mode, "%s", modes[mode]);
  else
    snprintf(r->mode, sizeof r->mode, "nearest, %s, %s", places[place], nearest[way]);
}

void cvk_onnx_emit_resize(cvk_onnx_call *c) {
  static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
  const int32_t at = c->model->opset >= 11 ? 2 : 1;
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0), *scales = given(c, at), *sizes = c->model->opset >= 11 ? given(c, 3) : NULL;
  resize r = {.sizes = CVK_NO_VALUE, .rank = x ? x->rank : -1};
  float scale[CVK_MAX_RANK];
  int64_t axes[CVK_MAX_RANK];
  int32_t n_axes = -1, policy = 0;
  take_mode(c, &r);
  if (c->model->opset >= 18) {
    cvk_onnx_take_i64s(c, "axes", INT32_MIN, CVK_MAX_RANK, axes, &n_axes);
    cvk_onnx_take_choice(c, "keep_aspect_ratio_policy", 3, policies, &policy);
  }
  if (!scales == !sizes) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "expected either scales or sizes");
  if (c->status != CVK_OK) return;
  if (scales) {
    const int32_t n = read_scales(c, scales, scale);
    if (r.rank < 0 && n_axes < 0) r.rank = n;
    if (n_axes < 0) {
      all_axes(axes);
      n_axes = r.rank;
    }
    if (r.rank < 0) cvk_onnx_fail(c, CVK_UNSUPPORTED, "the rank of x is not known, which 'axes' needs");
    set_scales(c, &r, n, scale, n_axes, axes);
    by_scales(c, &r);
    return;
  }
  r.sizes = sizes->value;
  if (r.rank < 0 && sizes->constant && n_axes < 0) r.rank = (int32_t)cvk_tensor_count(sizes->constant);
  if (policy != 0) cvk_onnx_fail(c, CVK_UNSUPPORTED, "keep_aspect_ratio_policy %s is not supported", policies[policy]);
  if (n_axes >= 0) cvk_onnx_fail(c, CVK_UNSUPPORTED, "sizes of some axes are not supported");
  if (r.rank < 0) cvk_onnx_fail(c, CVK_UNSUPPORTED, "the rank of x is not known, which sizes need");
  if (!sizes->constant && sizes->producer < 0)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "the sizes are an input of the model; only sizes that the model says are supported");
  by_sizes(c, &r);
}

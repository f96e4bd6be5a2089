/* SPDX-License-Identifier: Apache-2.0 */
/* fill.c: ONNX attributes to attribute structs, one function per operator or family. An attribute that is absent keeps the op's default,
 * which is ONNX's; a zero that would mean "default" in a struct but is written in the file is refused. */
#include "fill.h"

#include <string.h>

#include "parts.h"

#define COUNT(A) (int32_t)(sizeof(A) / sizeof *(A))

/* ---- windows: convolution and pooling ---- */

typedef struct window { /* arrays of CVK_MAX_SPATIAL */
  int64_t *kernel, *stride, *dilation, *pad_begin, *pad_end;
  int32_t *auto_pad;
} window;

/* All lists of a window are of one length; 0 so far: none was seen. */
static void match(cvk_onnx_call *c, const char *name, int32_t n, int32_t *length) {
  if (*length == 0) *length = n;
  if (c->status == CVK_OK && n != *length)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has %d entries for %d spatial axes", name, n, *length);
}

static void take_list(cvk_onnx_call *c, const char *name, int64_t low, int64_t *out, int32_t *length) {
  int32_t n = 0;
  if (cvk_onnx_take_i64s(c, name, low, CVK_MAX_SPATIAL, out, &n)) match(c, name, n, length);
}

static void take_pads(cvk_onnx_call *c, window w, int32_t *length) {
  int64_t pads[2 * CVK_MAX_SPATIAL];
  int32_t n = 0;
  if (!cvk_onnx_take_i64s(c, "pads", INT64_MIN, COUNT(pads), pads, &n) || c->status != CVK_OK) return;
  if (n % 2) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'pads' has %d entries, expected begins and as many ends", n);
  match(c, "pads", n / 2, length);
  if (c->status != CVK_OK || *w.auto_pad != CVK_PAD_EXPLICIT) return; /* auto_pad says the pads */
  memcpy(w.pad_begin, pads, (size_t)(n / 2) * sizeof *pads);
  memcpy(w.pad_end, pads + n / 2, (size_t)(n / 2) * sizeof *pads);
}

static void take_window(cvk_onnx_call *c, window w, int32_t *length) {
  static const char *const auto_pads[] = {
      [CVK_PAD_EXPLICIT] = "NOTSET", [CVK_SAME_UPPER] = "SAME_UPPER", [CVK_SAME_LOWER] = "SAME_LOWER", [CVK_VALID] = "VALID"};
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  *length = x && x->rank > 2 ? x->rank - 2 : 0;
  take_list(c, "kernel_shape", 1, w.kernel, length);
  take_list(c, "strides", 1, w.stride, length);
  take_list(c, "dilations", 1, w.dilation, length);
  cvk_onnx_take_choice(c, "auto_pad", COUNT(auto_pads), auto_pads, w.auto_pad);
  take_pads(c, w, length);
}

static void take_conv(cvk_onnx_call *c, cvk_conv_attr *a, int32_t *length) {
  take_window(c, (window){a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end, &a->auto_pad}, length);
  cvk_onnx_take_i64(c, "group", 1, INT64_MAX, &a->group);
}

void cvk_onnx_fill_conv(cvk_onnx_call *c, cvk_any_attr *a) {
  int32_t length;
  take_conv(c, &a->conv, &length);
}

void cvk_onnx_fill_conv_transpose(cvk_onnx_call *c, cvk_any_attr *a) {
  int64_t shape[CVK_MAX_RANK];
  int32_t length, n = 0;
  take_conv(c, &a->conv, &length);
  take_list(c, "output_padding", 0, a->conv.output_padding, &length);
  if (!cvk_onnx_take_i64s(c, "output_shape", 1, COUNT(shape), shape, &n) || c->status != CVK_OK) return;
  /* Some exporters write the batch and channel extents too. */
  const int32_t skip = length > 0 && n == length + 2 ? 2 : 0;
  match(c, "output_shape", n - skip, &length);
  if (c->status == CVK_OK && n - skip <= CVK_MAX_SPATIAL) memcpy(a->conv.output_shape, shape + skip, (size_t)(n - skip) * sizeof *shape);
}

static void take_pool(cvk_onnx_call *c, cvk_pool_attr *a) {
  int32_t length;
  take_window(c, (window){a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end, &a->auto_pad}, &length);
  cvk_onnx_take_flag(c, "ceil_mode", &a->ceil_mode);
  if (c->status == CVK_OK && a->kernel[0] == 0) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'kernel_shape' is missing");
}

void cvk_onnx_fill_max_pool(cvk_onnx_call *c, cvk_any_attr *a) {
  take_pool(c, &a->pool);
  cvk_onnx_take_flag(c, "storage_order", &a->pool.storage_order);
}

void cvk_onnx_fill_avg_pool(cvk_onnx_call *c, cvk_any_attr *a) {
  take_pool(c, &a->pool);
  cvk_onnx_take_flag(c, "count_include_pad", &a->pool.count_include_pad);
}

void cvk_onnx_fill_max_unpool(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_pool_attr *const p = &a->pool;
  int32_t length;
  take_window(c, (window){p->kernel, p->stride, p->dilation, p->pad_begin, p->pad_end, &p->auto_pad}, &length);
  if (c->status == CVK_OK && p->kernel[0] == 0) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'kernel_shape' is missing");
}

void cvk_onnx_fill_deform_conv(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_deform_conv_attr *const d = &a->deform_conv;
  cvk_conv_attr any = {.group = 1};
  int32_t length;
  take_conv(c, &any, &length);
  cvk_onnx_take_i64(c, "offset_group", 1, INT64_MAX, &d->offset_group);
  if (c->status == CVK_OK && (any.auto_pad != CVK_PAD_EXPLICIT || length > 2))
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "%d spatial axes, auto_pad %d: only two axes with explicit pads are supported", length, any.auto_pad);
  for (int32_t i = 0; i < 2; i++) {
    d->kernel[i] = any.kernel[i];
    d->stride[i] = any.stride[i];
    d->dilation[i] = any.dilation[i];
    d->pad_begin[i] = any.pad_begin[i];
    d->pad_end[i] = any.pad_end[i];
  }
  d->group = any.group;
}

/* The block and the image are inputs. */
void cvk_onnx_fill_col2im(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_conv_attr *const v = &a->conv;
  int32_t length = 0;
  take_list(c, "strides", 1, v->stride, &length);
  take_list(c, "dilations", 1, v->dilation, &length);
  take_pads(c, (window){v->kernel, v->stride, v->dilation, v->pad_begin, v->pad_end, &v->auto_pad}, &length);
}

/* LpPool-1 and GlobalLpPool-1 give p as a float. */
void cvk_onnx_fill_global_lp_pool(cvk_onnx_call *c, cvk_any_attr *a) {
  float p = 2;
  int64_t v = a->pool.p;
  if (c->model->opset == 1) {
    if (!cvk_onnx_take_f32(c, "p", &p)) return;
    if (!(p >= 1 && p < 1e9f) || p != (float)(int32_t)p)
      cvk_onnx_fail(c, CVK_UNSUPPORTED, "attribute 'p' is %g, expected a whole number from 1", (double)p);
    a->pool.p = c->status == CVK_OK ? (int32_t)p : 2;
  } else {
    cvk_onnx_take_i64(c, "p", 1, INT32_MAX, &v);
    a->pool.p = (int32_t)v;
  }
}

void cvk_onnx_fill_lp_pool(cvk_onnx_call *c, cvk_any_attr *a) {
  take_pool(c, &a->pool);
  cvk_onnx_fill_global_lp_pool(c, a);
}

void cvk_onnx_fill_pad(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const modes[] = {
      [CVK_PAD_CONSTANT] = "constant", [CVK_PAD_REFLECT] = "reflect", [CVK_PAD_EDGE] = "edge", [CVK_PAD_WRAP] = "wrap"};
  cvk_onnx_take_choice(c, "mode", COUNT(modes), modes, &a->pad.mode);
}

/* ---- normalisation and products ---- */

void cvk_onnx_fill_batch_norm(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_f32(c, "epsilon", &a->norm.epsilon);
  cvk_onnx_ignore(c, "momentum");
  cvk_onnx_ignore(c, "consumed_inputs");
}

void cvk_onnx_fill_lrn(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_f32(c, "alpha", &a->norm.alpha);
  cvk_onnx_take_f32(c, "beta", &a->norm.beta);
  cvk_onnx_take_f32(c, "bias", &a->norm.bias);
  if (!cvk_onnx_take_i64(c, "size", 1, INT64_MAX, &a->norm.size)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'size' is missing");
}

void cvk_onnx_fill_gemm(cvk_onnx_call *c, cvk_any_attr *a) {
  int32_t trans_a = a->gemm.trans_a, trans_b = a->gemm.trans_b;
  cvk_onnx_take_f32(c, "alpha", &a->gemm.alpha);
  cvk_onnx_take_f32(c, "beta", &a->gemm.beta);
  cvk_onnx_take_i32(c, "transA", &trans_a);
  cvk_onnx_take_i32(c, "transB", &trans_b);
  a->gemm.trans_a = trans_a != 0; /* "nonzero" */
  a->gemm.trans_b = trans_b != 0;
  if (c->model->opset < 7) cvk_onnx_ignore(c, "broadcast"); /* C broadcasts wherever it has to */
}

void cvk_onnx_fill_einsum(cvk_onnx_call *c, cvk_any_attr *a) {
  const cvk_onnx_attr *equation = cvk_onnx_take(c, "equation", CVK_ONNX_STRING);
  if (!equation)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'equation' is missing");
  else if (equation->s.bytes >= sizeof a->einsum.equation)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "attribute 'equation' has %llu characters, allowed at most %zu", (unsigned long long)equation->s.bytes,
                  sizeof a->einsum.equation - 1);
  else if (equation->s.bytes > 0)
    memcpy(a->einsum.equation, equation->s.data, equation->s.bytes);
}

void cvk_onnx_fill_axis(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_i32(c, "axis", &a->axis.axis);
}

void cvk_onnx_fill_concat(cvk_onnx_call *c, cvk_any_attr *a) {
  if (cvk_onnx_take_i32(c, "axis", &a->axis.axis)) return;
  if (c->model->opset >= 4) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'axis' is missing");
  a->axis.axis = 1;
}

/* ---- activations ---- */

void cvk_onnx_fill_alpha(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_f32(c, "alpha", &a->unary.alpha);
  cvk_onnx_ignore(c, "consumed_inputs");
}

void cvk_onnx_fill_hard_sigmoid(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_fill_alpha(c, a);
  cvk_onnx_take_f32(c, "beta", &a->unary.beta);
}

void cvk_onnx_fill_selu(cvk_onnx_call *c, cvk_any_attr *a) {
  if (c->model->opset < 6) { /* rounded then */
    a->unary.alpha = 1.6732f;
    a->unary.beta = 1.0507f;
  }
  cvk_onnx_fill_alpha(c, a);
  cvk_onnx_take_f32(c, "gamma", &a->unary.beta);
}

void cvk_onnx_fill_clip(cvk_onnx_call *c, cvk_any_attr *a) {
  if (c->model->opset >= 11) return; /* inputs */
  cvk_onnx_take_f32(c, "min", &a->unary.alpha);
  cvk_onnx_take_f32(c, "max", &a->unary.beta);
  cvk_onnx_ignore(c, "consumed_inputs");
}

void cvk_onnx_fill_gelu(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const ways[] = {"none", "tanh"};
  int32_t way = 0;
  cvk_onnx_take_choice(c, "approximate", COUNT(ways), ways, &way);
  a->unary.alpha = (float)way;
}

void cvk_onnx_fill_shrink(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_f32(c, "lambd", &a->unary.alpha);
  cvk_onnx_take_f32(c, "bias", &a->unary.beta);
}

void cvk_onnx_fill_mod(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "fmod", &a->mod.fmod);
}

void cvk_onnx_fill_bit_shift(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const directions[] = {"LEFT", "RIGHT"};
  if (!cvk_onnx_take_choice(c, "direction", COUNT(directions), directions, &a->bit_shift.right))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'direction' is missing");
}

void cvk_onnx_fill_is_inf(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "detect_negative", &a->is_inf.negative);
  cvk_onnx_take_flag(c, "detect_positive", &a->is_inf.positive);
}

/* ---- axes and shapes ---- */

static int32_t take_axes(cvk_onnx_call *c, const char *name, cvk_axes_attr *a) {
  int64_t axes[CVK_MAX_RANK];
  const int32_t present = cvk_onnx_take_i64s(c, name, INT32_MIN, COUNT(axes), axes, &a->n_axes);
  for (int32_t i = 0; present && c->status == CVK_OK && i < a->n_axes; i++) {
    if (axes[i] > INT32_MAX) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has %lld at entry %d", name, (long long)axes[i], i);
    a->axis[i] = (int32_t)axes[i];
  }
  return present;
}

void cvk_onnx_fill_reduce(cvk_onnx_call *c, cvk_any_attr *a) {
  take_axes(c, "axes", &a->axes);
  cvk_onnx_take_flag(c, "keepdims", &a->axes.keep_dims);
  cvk_onnx_take_flag(c, "noop_with_empty_axes", &a->axes.noop_with_empty_axes);
}

void cvk_onnx_fill_arg(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_i32(c, "axis", &a->arg.axis);
  cvk_onnx_take_flag(c, "keepdims", &a->arg.keep_dims);
  cvk_onnx_take_flag(c, "select_last_index", &a->arg.select_last_index);
}

void cvk_onnx_fill_squeeze(cvk_onnx_call *c, cvk_any_attr *a) {
  take_axes(c, "axes", &a->axes);
}

void cvk_onnx_fill_unsqueeze(cvk_onnx_call *c, cvk_any_attr *a) {
  if (!take_axes(c, "axes", &a->axes) && cvk_onnx_input(c, 1) == CVK_NO_VALUE)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the axes are missing");
}

void cvk_onnx_fill_transpose(cvk_onnx_call *c, cvk_any_attr *a) {
  take_axes(c, "perm", &a->axes);
}

void cvk_onnx_fill_reshape(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "allowzero", &a->shape.allow_zero);
  if (cvk_onnx_input(c, 1) == CVK_NO_VALUE) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the shape input is missing");
}

/* Slice-1; from opset 10 all is in inputs. */
void cvk_onnx_fill_slice(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_slice_attr *const s = &a->slice;
  int64_t axes[CVK_MAX_RANK];
  int32_t n_starts = -1, n_ends = -1, n_axes = -1;
  if (c->model->opset >= 10) return;
  cvk_onnx_take_i64s(c, "starts", INT64_MIN, CVK_MAX_RANK, s->start, &n_starts);
  cvk_onnx_take_i64s(c, "ends", INT64_MIN, CVK_MAX_RANK, s->end, &n_ends);
  if (!cvk_onnx_take_i64s(c, "axes", INT32_MIN, CVK_MAX_RANK, axes, &n_axes)) {
    n_axes = n_starts;
    for (int32_t i = 0; i < n_starts; i++) axes[i] = i;
  }
  if (c->status != CVK_OK) return;
  if (n_starts < 0 || n_starts != n_ends || n_starts != n_axes)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "%d starts, %d ends and %d axes are given, expected as many of each", n_starts, n_ends, n_axes);
  for (int32_t i = 0; c->status == CVK_OK && i < n_starts; i++) {
    if (axes[i] > INT32_MAX) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'axes' has %lld at entry %d", (long long)axes[i], i);
    s->axis[i] = (int32_t)axes[i];
    s->step[i] = 1;
  }
  s->n_axes = n_starts;
}

void cvk_onnx_fill_split(cvk_onnx_call *c, cvk_any_attr *a) {
  int64_t n = c->node->n_out;
  cvk_onnx_take_i32(c, "axis", &a->split.axis);
  cvk_onnx_take_i64s(c, "split", 0, CVK_MAX_SPLIT, a->split.size, &a->split.n_split);
  cvk_onnx_take_i64(c, "num_outputs", 1, INT64_MAX, &n);
  if (c->status == CVK_OK && n != c->node->n_out)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'num_outputs' is %lld, the node has %d outputs", (long long)n, c->node->n_out);
}

/* The type's name. */
void cvk_onnx_fill_cast_1(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const types[] = {"FLOAT", "UINT8", "INT8",    "UINT16", "INT16",  "INT32",
                                      "INT64", "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
  static const int32_t numbers[] = {CVK_F32, CVK_U8,   CVK_I8,  CVK_U16, CVK_I16, CVK_I32,
                                    CVK_I64, CVK_BOOL, CVK_F16, CVK_F64, CVK_U32, CVK_U64};
  int32_t to = 0;
  if (!cvk_onnx_take_choice(c, "to", COUNT(types), types, &to)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'to' is missing");
  a->cast.dtype = numbers[to];
}

/* What floats of 8 bits are made of; nothing else heeds it. */
static void take_float8(cvk_onnx_call *c, cvk_cast_attr *a) {
  static const char *const ways[] = {[CVK_ROUND_UP] = "up", [CVK_ROUND_DOWN] = "down", [CVK_ROUND_NEAREST] = "nearest"};
  int32_t saturate = 1;
  if (c->model->opset >= 19) cvk_onnx_take_flag(c, "saturate", &saturate);
  if (c->model->opset >= 24) cvk_onnx_take_choice(c, "round_mode", COUNT(ways), ways, &a->rounding);
  a->overflow = !saturate;
}

void cvk_onnx_fill_cast(cvk_onnx_call *c, cvk_any_attr *a) {
  if (!cvk_onnx_take_dtype(c, "to", &a->cast.dtype)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'to' is missing");
  take_float8(c, &a->cast);
}

void cvk_onnx_fill_bitcast(cvk_onnx_call *c, cvk_any_attr *a) {
  if (!cvk_onnx_take_dtype(c, "to", &a->cast.dtype)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'to' is missing");
}

/* A cast to a type that is known here. */
void cvk_onnx_emit_cast_like(cvk_onnx_call *c) {
  cvk_cast_attr to = {.dtype = cvk_onnx_dtype_of(c, cvk_onnx_input(c, 1))};
  take_float8(c, &to);
  if (!cvk_onnx_given(c, 1)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the input that gives the element type is missing");
  cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_CAST, &to, cvk_onnx_input(c, 0)), cvk_onnx_rank_of_input(c, 0));
}

void cvk_onnx_fill_range(cvk_onnx_call *c, cvk_any_attr *a) {
  (void)a;
  cvk_onnx_ignore(c, "stash_type"); /* computed in double, whatever it says */
}

void cvk_onnx_fill_shape(cvk_onnx_call *c, cvk_any_attr *a) {
  int64_t start = 0, end = INT32_MAX;
  cvk_onnx_take_i64(c, "start", INT64_MIN, INT64_MAX, &start);
  cvk_onnx_take_i64(c, "end", INT64_MIN, INT64_MAX, &end);
  /* Ranks are small: clamping far ends to int32 changes nothing. */
  a->cast.start = (int32_t)(start < INT32_MIN ? INT32_MIN : start > INT32_MAX ? INT32_MAX : start);
  a->cast.end = (int32_t)(end < INT32_MIN ? INT32_MIN : end > INT32_MAX ? INT32_MAX : end);
}

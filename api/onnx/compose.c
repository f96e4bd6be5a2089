/* SPDX-License-Identifier: Apache-2.0 */
/* compose.c: ONNX operators written as several of Convoke's, as their definitions have it: reductions of a function of x, hardmax, comparisons with
 * equality, logic, normalisations, moves between depth and space. They hold for symbolic shapes and for any rank. */
#include <float.h>

#include "fill.h"

#define INT64S(C, ...) cvk_onnx_int64s(C, (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / 8), (const int64_t[]){__VA_ARGS__})

static int32_t rank_of_input(const cvk_onnx_call *c) {
  return cvk_onnx_input_name(c, 0) ? cvk_onnx_input_name(c, 0)->rank : -1;
}

/* ---- reductions ---- */

/* The node's own reduction, by `kind`, of x instead of its input 0. */
static cvk_value reduce(cvk_onnx_call *c, int32_t kind, const cvk_any_attr *attr, cvk_value x) {
  return cvk_onnx_op(c, kind, attr, cvk_onnx_input(c, 1) == CVK_NO_VALUE ? 1 : 2, (const cvk_value[]){x, cvk_onnx_input(c, 1)});
}

static void take_reduce(cvk_onnx_call *c, cvk_any_attr *attr) {
  *attr = (cvk_any_attr){0};
  cvk_op_def_find(CVK_OP_REDUCE_SUM)->defaults(CVK_OP_REDUCE_SUM, attr);
  cvk_onnx_fill_reduce(c, attr);
  attr->struct_size = 0;
}

void cvk_onnx_emit_reduce_l1(cvk_onnx_call *c) {
  cvk_any_attr attr;
  take_reduce(c, &attr);
  cvk_onnx_define(c, 0, reduce(c, CVK_OP_REDUCE_SUM, &attr, cvk_onnx_op1(c, CVK_OP_ABS, NULL, cvk_onnx_input(c, 0))), -1);
}

static cvk_value sum_of_squares(cvk_onnx_call *c) {
  cvk_any_attr attr;
  take_reduce(c, &attr);
  const cvk_value x = cvk_onnx_input(c, 0);
  return reduce(c, CVK_OP_REDUCE_SUM, &attr, cvk_onnx_op2(c, CVK_OP_MUL, NULL, x, x));
}

void cvk_onnx_emit_reduce_sum_square(cvk_onnx_call *c) {
  cvk_onnx_define(c, 0, sum_of_squares(c), -1);
}

void cvk_onnx_emit_reduce_l2(cvk_onnx_call *c) {
  cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_SQRT, NULL, sum_of_squares(c)), -1);
}

void cvk_onnx_emit_reduce_log_sum(cvk_onnx_call *c) {
  cvk_any_attr attr;
  take_reduce(c, &attr);
  cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_LOG, NULL, reduce(c, CVK_OP_REDUCE_SUM, &attr, cvk_onnx_input(c, 0))), -1);
}

/* Less the largest element, so that no exponential overflows; an infinite one is brought into range, or inf - inf would make NaN. */
void cvk_onnx_emit_reduce_log_sum_exp(cvk_onnx_call *c) {
  const cvk_unary_attr finite = {.alpha = -FLT_MAX, .beta = FLT_MAX};
  cvk_any_attr attr, kept;
  take_reduce(c, &attr);
  kept = attr;
  kept.axes.keep_dims = 1;
  const cvk_value x = cvk_onnx_input(c, 0);
  const cvk_value largest = cvk_onnx_op1(c, CVK_OP_CLIP, &finite, reduce(c, CVK_OP_REDUCE_MAX, &kept, x));
  const cvk_value sum =
      reduce(c, CVK_OP_REDUCE_SUM, &attr, cvk_onnx_op1(c, CVK_OP_EXP, NULL, cvk_onnx_op2(c, CVK_OP_SUB, NULL, x, largest)));
  const cvk_value offset = cvk_onnx_op1(c, CVK_OP_CLIP, &finite, reduce(c, CVK_OP_REDUCE_MAX, &attr, x));
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_ADD, NULL, cvk_onnx_op1(c, CVK_OP_LOG, NULL, sum), offset), -1);
}

/* ---- hardmax ---- */

/* y is 1 at the first of the largest along axis 1 of x [before, n, after], 0 elsewhere. */
static cvk_value hardmax_middle(cvk_onnx_call *c, cvk_value x) {
  const cvk_arg_attr along = {.axis = 1, .keep_dims = 1};
  const cvk_cast_attr second = {.start = 1, .end = 2};
  const cvk_value n = cvk_onnx_op1(c, CVK_OP_SHAPE, &second, x);
  const cvk_value bounds[] = {INT64S(c, 0), n, INT64S(c, 1)};
  const cvk_value count = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op(c, CVK_OP_RANGE, NULL, 3, bounds), INT64S(c, 1, -1, 1));
  const cvk_value hit = cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, cvk_onnx_op1(c, CVK_OP_ARG_MAX, &along, x), count);
  return cvk_onnx_op2(c, CVK_OP_CAST_LIKE, NULL, hit, x);
}

void cvk_onnx_emit_hardmax_1(cvk_onnx_call *c) {
  const cvk_axes_attr last = {.n_axes = 1, .axis = {2}};
  cvk_axis_attr axis = {.axis = 1};
  cvk_onnx_take_i32(c, "axis", &axis.axis);
  const cvk_value x = cvk_onnx_input(c, 0), rows = cvk_onnx_op1(c, CVK_OP_FLATTEN, &axis, x);
  const cvk_value y = hardmax_middle(c, cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &last, rows));
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, y, x), rank_of_input(c));
}

void cvk_onnx_emit_hardmax(cvk_onnx_call *c) {
  const cvk_axis_attr first = {.axis = 0};
  const cvk_cast_attr one = {.start = 0, .end = 1};
  cvk_axis_attr axis = {.axis = -1};
  cvk_onnx_take_i32(c, "axis", &axis.axis);
  const cvk_cast_attr along = {.start = axis.axis, .end = axis.axis == -1 ? INT32_MAX : axis.axis + 1};
  const cvk_value x = cvk_onnx_input(c, 0), before = cvk_onnx_op1(c, CVK_OP_SHAPE, &one, cvk_onnx_op1(c, CVK_OP_FLATTEN, &axis, x));
  const cvk_value parts[] = {before, cvk_onnx_op1(c, CVK_OP_SHAPE, &along, x), INT64S(c, -1)};
  const cvk_value middle = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, x, cvk_onnx_op(c, CVK_OP_CONCAT, &first, 3, parts));
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, hardmax_middle(c, middle), x), rank_of_input(c));
}

void cvk_onnx_emit_size(cvk_onnx_call *c) {
  const cvk_value flat = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, 0), INT64S(c, -1));
  const cvk_axes_attr first = {.n_axes = 1};
  cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_SQUEEZE, &first, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, flat)), 0);
}

/* ---- logic ---- */

static void choose(cvk_onnx_call *c, cvk_value condition, cvk_value yes, cvk_value no) {
  cvk_onnx_define(c, 0, cvk_onnx_op(c, CVK_OP_WHERE, NULL, 3, (const cvk_value[]){condition, yes, no}), -1);
}

void cvk_onnx_emit_and(cvk_onnx_call *c) {
  choose(c, cvk_onnx_input(c, 0), cvk_onnx_second_operand(c), cvk_onnx_input(c, 0));
}

void cvk_onnx_emit_or(cvk_onnx_call *c) {
  choose(c, cvk_onnx_input(c, 0), cvk_onnx_input(c, 0), cvk_onnx_second_operand(c));
}

void cvk_onnx_emit_xor(cvk_onnx_call *c) {
  const cvk_value equal = cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, cvk_onnx_input(c, 0), cvk_onnx_second_operand(c));
  cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_NOT, NULL, equal), -1);
}

/* Not the negation of the opposite: with NaN both are false. */
static void or_equal(cvk_onnx_call *c, int32_t kind) {
  const cvk_value a = cvk_onnx_input(c, 0), b = cvk_onnx_input(c, 1), strict = cvk_onnx_op2(c, kind, NULL, a, b);
  choose(c, strict, strict, cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, a, b));
}

void cvk_onnx_emit_greater_or_equal(cvk_onnx_call *c) {
  or_equal(c, CVK_OP_GREATER);
}

void cvk_onnx_emit_less_or_equal(cvk_onnx_call *c) {
  or_equal(c, CVK_OP_LESS);
}

/* ---- normalisation over rows ---- */

typedef struct moments {    /* of each row of a matrix [rows, n] */
  cvk_value mean, variance; /* [rows] */
} moments;

static moments row_moments(cvk_onnx_call *c, cvk_value rows) {
  const cvk_axes_attr kept = {.n_axes = 1, .axis = {1}, .keep_dims = 1}, dropped = {.n_axes = 1, .axis = {1}};
  const cvk_value d = cvk_onnx_op2(c, CVK_OP_SUB, NULL, rows, cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &kept, rows));
  return (moments){cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &dropped, rows),
                   cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &dropped, cvk_onnx_op2(c, CVK_OP_MUL, NULL, d, d))};
}

/* A value in x's shape and element type, which are not known here; NaN where x is. */
static cvk_value fill_like(cvk_onnx_call *c, cvk_value x, float value) {
  const cvk_unary_attr both = {.alpha = value, .beta = value};
  return cvk_onnx_op1(c, CVK_OP_CLIP, &both, x);
}

/* Batch normalisation with the rows as channels: it knows epsilon in any element type. */
static cvk_value normalise_rows(cvk_onnx_call *c, cvk_value rows, moments m, cvk_value scale, cvk_value bias, float epsilon) {
  const cvk_norm_attr norm = {.epsilon = epsilon};
  const cvk_axes_attr front = {.n_axes = 1};
  return cvk_onnx_op(c, CVK_OP_BATCH_NORM, &norm, 5,
                     (const cvk_value[]){cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &front, rows), scale, bias, m.mean, m.variance});
}

void cvk_onnx_emit_instance_norm(cvk_onnx_call *c) {
  const cvk_axis_attr second = {.axis = 2};
  const cvk_cast_attr first_two = {.end = 2};
  float epsilon = 1e-5f;
  cvk_onnx_take_f32(c, "epsilon", &epsilon);
  cvk_onnx_ignore(c, "consumed_inputs");
  const cvk_value x = cvk_onnx_input(c, 0), images = cvk_onnx_op1(c, CVK_OP_SHAPE, &first_two, x);
  const cvk_value rows = cvk_onnx_op1(c, CVK_OP_FLATTEN, &second, cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, x, INT64S(c, 0, 0, -1)));
  cvk_value per_row[2];
  for (int32_t i = 0; i < 2; i++) /* one a channel to one an image and channel */
    per_row[i] =
        cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op2(c, CVK_OP_EXPAND, NULL, cvk_onnx_input(c, i + 1), images), INT64S(c, -1));
  const cvk_value y = normalise_rows(c, rows, row_moments(c, rows), per_row[0], per_row[1], epsilon);
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, y, x), rank_of_input(c));
}

/* Mean and InvStdDev, with extents of 1 in place of those that are normalised. */
static void define_statistics(cvk_onnx_call *c, int32_t axis, float epsilon, moments m) {
  const cvk_axis_attr join = {.axis = 0};
  const cvk_shape_attr zeros_count = {.allow_zero = 1};
  const cvk_cast_attr leading = {.end = axis};
  const cvk_value x = cvk_onnx_input(c, 0);
  const cvk_value parts[] = {cvk_onnx_op1(c, CVK_OP_SHAPE, &leading, x), cvk_onnx_ones(c, x, axis, INT32_MAX)};
  const cvk_value shape = cvk_onnx_op(c, CVK_OP_CONCAT, &join, 2, parts);
  const cvk_value variance = cvk_onnx_op2(c, CVK_OP_ADD, NULL, m.variance, fill_like(c, m.variance, epsilon));
  const cvk_value inverse = cvk_onnx_op1(c, CVK_OP_RECIPROCAL, NULL, cvk_onnx_op1(c, CVK_OP_SQRT, NULL, variance));
  cvk_onnx_define(c, 1, cvk_onnx_op2(c, CVK_OP_RESHAPE, &zeros_count, m.mean, shape), rank_of_input(c));
  cvk_onnx_define(c, 2, cvk_onnx_op2(c, CVK_OP_RESHAPE, &zeros_count, inverse, shape), rank_of_input(c));
}

void cvk_onnx_emit_layer_norm(cvk_onnx_call *c) {
  cvk_axis_attr axis = {.axis = -1};
  const cvk_axis_attr zero = {.axis = 0};
  float epsilon = 1e-5f;
  cvk_onnx_take_i32(c, "axis", &axis.axis);
  cvk_onnx_take_f32(c, "epsilon", &epsilon);
  cvk_any_attr stash = {.cast = {.dtype = CVK_F32}};
  cvk_onnx_take_dtype(c, "stash_type", &stash.cast.dtype); /* of the statistics as outputs; those that y needs accumulate in double */
  const cvk_value x = cvk_onnx_input(c, 0), rows = cvk_onnx_op1(c, CVK_OP_FLATTEN, &axis, x);
  if (cvk_onnx_output_used(c, 1) || cvk_onnx_output_used(c, 2))
    define_statistics(c, axis.axis, epsilon, row_moments(c, cvk_onnx_op1(c, CVK_OP_CAST, &stash, rows)));
  const moments m = row_moments(c, rows);
  cvk_value y = normalise_rows(c, rows, m, fill_like(c, m.variance, 1), fill_like(c, m.variance, 0), epsilon);
  y = cvk_onnx_op2(c, CVK_OP_MUL, NULL, y, cvk_onnx_op1(c, CVK_OP_FLATTEN, &zero, cvk_onnx_input(c, 1)));
  if (cvk_onnx_input(c, 2) != CVK_NO_VALUE)
    y = cvk_onnx_op2(c, CVK_OP_ADD, NULL, y, cvk_onnx_op1(c, CVK_OP_FLATTEN, &zero, cvk_onnx_input(c, 2)));
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, y, x), rank_of_input(c));
}

/* One number a group until opset 20, one a channel since. */
void cvk_onnx_emit_group_norm(cvk_onnx_call *c) {
  const cvk_axis_attr second = {.axis = 2};
  const cvk_cast_attr first = {.end = 1}, first_two = {.end = 2};
  const cvk_axis_attr join = {.axis = 0};
  const int32_t a_channel = c->model->opset >= 21;
  float epsilon = 1e-5f;
  int64_t groups = 1;
  if (!cvk_onnx_take_i64(c, "num_groups", 1, INT64_MAX, &groups))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'num_groups' is missing");
  cvk_onnx_take_f32(c, "epsilon", &epsilon);
  if (a_channel) cvk_onnx_ignore(c, "stash_type");
  const cvk_value x = cvk_onnx_input(c, 0), images = cvk_onnx_op1(c, CVK_OP_SHAPE, &first, x);
  const cvk_value rows = cvk_onnx_op1(c, CVK_OP_FLATTEN, &second, cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, x, INT64S(c, 0, groups, -1)));
  const moments m = row_moments(c, rows);
  cvk_value per_row[2], y;
  if (a_channel) {
    per_row[0] = fill_like(c, m.variance, 1);
    per_row[1] = fill_like(c, m.variance, 0);
  }
  for (int32_t i = 0; i < 2 && !a_channel; i++) { /* one a group to one an image and group */
    const cvk_value to = cvk_onnx_op(c, CVK_OP_CONCAT, &join, 2, (const cvk_value[]){images, INT64S(c, groups)});
    per_row[i] = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op2(c, CVK_OP_EXPAND, NULL, cvk_onnx_input(c, i + 1), to), INT64S(c, -1));
  }
  y = normalise_rows(c, rows, m, per_row[0], per_row[1], epsilon);
  if (a_channel) {
    const cvk_value planes =
        cvk_onnx_op(c, CVK_OP_CONCAT, &join, 2, (const cvk_value[]){cvk_onnx_op1(c, CVK_OP_SHAPE, &first_two, x), INT64S(c, -1)});
    y = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, y, planes);
    for (int32_t i = 0; i < 2; i++)
      y = cvk_onnx_op2(c, i == 0 ? CVK_OP_MUL : CVK_OP_ADD, NULL, y,
                       cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, i + 1), INT64S(c, -1, 1)));
  }
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, y, x), rank_of_input(c));
}

/* As layer normalisation about zero: the mean square for the variance. */
void cvk_onnx_emit_rms_norm(cvk_onnx_call *c) {
  const cvk_axes_attr dropped = {.n_axes = 1, .axis = {1}};
  cvk_axis_attr axis = {.axis = -1};
  float epsilon = 1e-5f;
  cvk_onnx_take_i32(c, "axis", &axis.axis);
  cvk_onnx_take_f32(c, "epsilon", &epsilon);
  cvk_onnx_ignore(c, "stash_type");
  const cvk_value x = cvk_onnx_input(c, 0), rows = cvk_onnx_op1(c, CVK_OP_FLATTEN, &axis, x);
  const cvk_value mean_square = cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &dropped, cvk_onnx_op2(c, CVK_OP_MUL, NULL, rows, rows));
  const cvk_value zeros = fill_like(c, mean_square, 0);
  const cvk_value y = normalise_rows(c, rows, (moments){zeros, mean_square}, fill_like(c, mean_square, 1), zeros, epsilon);
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_MUL, NULL, cvk_onnx_reshape_like(c, y, x), cvk_onnx_input(c, 1)), rank_of_input(c));
}

/* ---- normalisation along axes ---- */

/* Zeros stay zeros: their norm is taken as one. */
void cvk_onnx_emit_lp_norm(cvk_onnx_call *c) {
  cvk_axes_attr along = {.n_axes = 1, .axis = {-1}, .keep_dims = 1};
  int64_t p = 2;
  cvk_onnx_take_i32(c, "axis", &along.axis[0]);
  cvk_onnx_take_i64(c, "p", 1, 2, &p);
  const cvk_value x = cvk_onnx_input(c, 0);
  const cvk_value parts = p == 1 ? cvk_onnx_op1(c, CVK_OP_ABS, NULL, x) : cvk_onnx_op2(c, CVK_OP_MUL, NULL, x, x);
  cvk_value norm = cvk_onnx_op1(c, CVK_OP_REDUCE_SUM, &along, parts);
  if (p == 2) norm = cvk_onnx_op1(c, CVK_OP_SQRT, NULL, norm);
  const cvk_value is_zero = cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, norm, fill_like(c, norm, 0));
  norm = cvk_onnx_op(c, CVK_OP_WHERE, NULL, 3, (const cvk_value[]){is_zero, fill_like(c, norm, 1), norm});
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_DIV, NULL, x, norm), rank_of_input(c));
}

/* 1e-9 is added to the deviation, as ONNX's function has it. */
void cvk_onnx_emit_mean_variance_norm(cvk_onnx_call *c) {
  cvk_any_attr attr = {.axes = {.n_axes = 3, .axis = {0, 2, 3}}};
  cvk_onnx_fill_squeeze(c, &attr); /* takes axes and nothing else */
  attr.axes.keep_dims = 1;
  const cvk_value x = cvk_onnx_input(c, 0);
  const cvk_value d = cvk_onnx_op2(c, CVK_OP_SUB, NULL, x, cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &attr, x));
  const cvk_value variance = cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &attr, cvk_onnx_op2(c, CVK_OP_MUL, NULL, d, d));
  const cvk_value deviation =
      cvk_onnx_op2(c, CVK_OP_ADD, NULL, cvk_onnx_op1(c, CVK_OP_SQRT, NULL, variance), fill_like(c, variance, 1e-9f));
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_DIV, NULL, d, deviation), rank_of_input(c));
}

/* ---- gates ---- */

void cvk_onnx_emit_swiglu(cvk_onnx_call *c) {
  cvk_any_attr swish = {.unary = {.alpha = 1}};
  cvk_onnx_fill_alpha(c, &swish);
  const cvk_value gate = cvk_onnx_op1(c, CVK_OP_SWISH, &swish, cvk_onnx_input(c, 0));
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_MUL, NULL, gate, cvk_onnx_input(c, 1)), rank_of_input(c));
}

/* ---- depth and space ---- */

static cvk_value extents(cvk_onnx_call *c, int32_t start, int32_t end) {
  const cvk_cast_attr part = {.start = start, .end = end};
  return cvk_onnx_op1(c, CVK_OP_SHAPE, &part, cvk_onnx_input(c, 0));
}

static cvk_value concat(cvk_onnx_call *c, int32_t n, const cvk_value *parts) {
  const cvk_axis_attr first = {.axis = 0};
  return cvk_onnx_op(c, CVK_OP_CONCAT, &first, n, parts);
}

static int64_t take_block(cvk_onnx_call *c) {
  int64_t b = 1;
  if (!cvk_onnx_take_i64(c, "blocksize", 1, INT32_MAX, &b)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'blocksize' is missing");
  return b;
}

/* Which comes first among the depth's axes: 0 the block's (DCR), 1 the channels (CRD). */
static int32_t take_mode(cvk_onnx_call *c) {
  static const char *const modes[] = {"DCR", "CRD"};
  int32_t mode = 0;
  cvk_onnx_take_choice(c, "mode", 2, modes, &mode);
  return mode;
}

void cvk_onnx_emit_depth_to_space(cvk_onnx_call *c) {
  static const cvk_axes_attr orders[] = {{.n_axes = 6, .axis = {0, 3, 4, 1, 5, 2}}, {.n_axes = 6, .axis = {0, 1, 4, 2, 5, 3}}};
  const int64_t b = take_block(c);
  const int32_t mode = take_mode(c);
  const cvk_value n = extents(c, 0, 1), hw = extents(c, 2, 4), blocks = mode == 0 ? INT64S(c, b, b, -1) : INT64S(c, -1, b, b);
  const cvk_value split = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, 0), concat(c, 3, (const cvk_value[]){n, blocks, hw}));
  const cvk_value larger = cvk_onnx_op2(c, CVK_OP_MUL, NULL, hw, INT64S(c, b, b));
  const cvk_value shape = concat(c, 3, (const cvk_value[]){n, INT64S(c, -1), larger});
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op1(c, CVK_OP_TRANSPOSE, &orders[mode], split), shape), 4);
}

void cvk_onnx_emit_space_to_depth(cvk_onnx_call *c) {
  static const cvk_axes_attr orders[] = {{.n_axes = 6, .axis = {0, 3, 5, 1, 2, 4}}, {.n_axes = 6, .axis = {0, 1, 3, 5, 2, 4}}};
  const int64_t b = take_block(c);
  const int32_t mode = take_mode(c);
  const cvk_value n = extents(c, 0, 1), block = INT64S(c, b);
  const cvk_value h = cvk_onnx_op2(c, CVK_OP_DIV, NULL, extents(c, 2, 3), block),
                  w = cvk_onnx_op2(c, CVK_OP_DIV, NULL, extents(c, 3, 4), block);
  const cvk_value parts = concat(c, 5, (const cvk_value[]){extents(c, 0, 2), h, block, w, block});
  const cvk_value split = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, 0), parts);
  const cvk_value shape = concat(c, 4, (const cvk_value[]){n, INT64S(c, -1), h, w});
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op1(c, CVK_OP_TRANSPOSE, &orders[mode], split), shape), 4);
}

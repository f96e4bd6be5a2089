/* SPDX-License-Identifier: Apache-2.0 */
/* losses.c: ONNX NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss from several ops: the log-probability of each target's class is
 * gathered, negated and weighted. Targets equal to ignore_index weigh nothing, also where the log-probability is infinite. */
#include "fill.h"

enum { MEAN, SUM, NONE };

typedef struct options {
  int32_t reduction, ignores;
  int64_t ignored; /* a target that does not count */
} options;

static options take_options(cvk_onnx_call *c) {
  static const char *const reductions[] = {[MEAN] = "mean", [SUM] = "sum", [NONE] = "none"};
  options o = {.reduction = MEAN};
  cvk_onnx_take_choice(c, "reduction", 3, reductions, &o.reduction);
  o.ignores = cvk_onnx_take_i64(c, "ignore_index", INT64_MIN, INT64_MAX, &o.ignored);
  return o;
}

/* A number of the type of `like`. */
static cvk_value number_like(cvk_onnx_call *c, int64_t v, cvk_value like) {
  return cvk_onnx_op2(c, CVK_OP_CAST_LIKE, NULL, cvk_onnx_int64s(c, 1, &v), like);
}

static cvk_value where(cvk_onnx_call *c, cvk_value condition, cvk_value yes, cvk_value no) {
  return cvk_onnx_op(c, CVK_OP_WHERE, NULL, 3, (const cvk_value[]){condition, yes, no});
}

/* Of x [n, classes, ...] at each target [n, ...] the element of its class, in the target's shape. */
static cvk_value of_class(cvk_onnx_call *c, cvk_value x, cvk_value target) {
  const cvk_cast_attr first = {.end = 1}, rest = {.start = 2, .end = INT32_MAX};
  const cvk_axis_attr join = {.axis = 0}, classes = {.axis = 1};
  const cvk_shape_attr zeros_count = {.allow_zero = 1};
  const cvk_value shape[] = {cvk_onnx_op1(c, CVK_OP_SHAPE, &first, x), cvk_onnx_int64s(c, 1, (const int64_t[]){1}),
                             cvk_onnx_op1(c, CVK_OP_SHAPE, &rest, x)};
  const cvk_value index = cvk_onnx_op2(c, CVK_OP_RESHAPE, &zeros_count, target, cvk_onnx_op(c, CVK_OP_CONCAT, &join, 3, shape));
  return cvk_onnx_reshape_like(c, cvk_onnx_op2(c, CVK_OP_GATHER_ELEMENTS, &classes, x, index), target);
}

static void define_loss(cvk_onnx_call *c, options o, cvk_value log_probability) {
  const cvk_axes_attr all = {0};
  const cvk_value given = cvk_onnx_input(c, 1), weights = cvk_onnx_input(c, 2), zero = number_like(c, 0, log_probability);
  const cvk_value is_ignored = o.ignores ? cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, given, number_like(c, o.ignored, given)) : CVK_NO_VALUE;
  const cvk_value target = o.ignores ? where(c, is_ignored, number_like(c, 0, given), given) : given;
  cvk_value loss = cvk_onnx_op1(c, CVK_OP_NEG, NULL, of_class(c, log_probability, target));
  cvk_value weight = CVK_NO_VALUE;
  if (weights != CVK_NO_VALUE) {
    weight = cvk_onnx_op2(c, CVK_OP_GATHER, NULL, weights, target);
    loss = cvk_onnx_op2(c, CVK_OP_MUL, NULL, loss, weight);
  }
  if (o.ignores) {
    weight = where(c, is_ignored, zero, weight == CVK_NO_VALUE ? number_like(c, 1, log_probability) : weight);
    loss = where(c, is_ignored, zero, loss);
  }
  if (o.reduction == MEAN && weight == CVK_NO_VALUE) {
    loss = cvk_onnx_op1(c, CVK_OP_REDUCE_MEAN, &all, loss);
  } else if (o.reduction != NONE) {
    loss = cvk_onnx_op1(c, CVK_OP_REDUCE_SUM, &all, loss);
    if (o.reduction == MEAN) loss = cvk_onnx_op2(c, CVK_OP_DIV, NULL, loss, cvk_onnx_op1(c, CVK_OP_REDUCE_SUM, &all, weight));
  }
  const cvk_onnx_name *shape = cvk_onnx_input_name(c, 1);
  cvk_onnx_define(c, 0, loss, o.reduction != NONE ? 0 : shape ? shape->rank : -1);
}

void cvk_onnx_emit_negative_log_likelihood_loss(cvk_onnx_call *c) {
  define_loss(c, take_options(c), cvk_onnx_input(c, 0));
}

void cvk_onnx_emit_softmax_cross_entropy_loss(cvk_onnx_call *c) {
  const cvk_axis_attr classes = {.axis = 1};
  const cvk_onnx_name *scores = cvk_onnx_input_name(c, 0);
  const cvk_value log_probability = cvk_onnx_op1(c, CVK_OP_LOG_SOFTMAX, &classes, cvk_onnx_input(c, 0));
  define_loss(c, take_options(c), log_probability);
  cvk_onnx_define(c, 1, log_probability, scores ? scores->rank : -1);
}

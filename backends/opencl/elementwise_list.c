/* SPDX-License-Identifier: Apache-2.0 */
/* elementwise_list.c: rows of one-input ops (activations and unary functions): kernels_cl/elementwise.cl and angles.cl, kernel unary. Any
 * layout: a tensor is one run of floats, but for blocked ones where f(0) is not 0 and the lanes past the last channel must stay zero. */
#include "lists.h"
#include "view.h"

/* f(0) is +0 whatever the attributes, so zero lanes stay zero by themselves. */
static int32_t keeps_zero(int32_t kind) {
  static const int32_t kinds[] = {CVK_OP_RELU,     CVK_OP_LEAKY_RELU, CVK_OP_TANH,  CVK_OP_ELU,   CVK_OP_HARD_SWISH,
                                  CVK_OP_SOFTSIGN, CVK_OP_SQRT,       CVK_OP_ABS,   CVK_OP_ERF,   CVK_OP_FLOOR,
                                  CVK_OP_CEIL,     CVK_OP_SIN,        CVK_OP_TAN,   CVK_OP_ASIN,  CVK_OP_ATAN,
                                  CVK_OP_SINH,     CVK_OP_ASINH,      CVK_OP_ATANH, CVK_OP_ROUND, CVK_OP_SIGN};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i] == kind) return 1;
  return 0;
}

static int32_t accepts(ocl_query *q) {
  if (q->op->n_in < 1 || !q->op->in[0] || !q->op->out[0]) return ocl_refuse(q, "an input or the output is absent");
  const cvk_tensor_desc *x = q->op->in[0];
  if (x->dtype != CVK_F32) return ocl_refuse(q, "the input has type %d, this row works on f32", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (q->row->layout != CVK_PLAIN && x->rank < 3) return ocl_refuse(q, "rank %d has no channel layout worth keeping", x->rank);
  ocl_want_in(q, 0, q->row->layout);
  for (int32_t i = 1; i < q->op->n_in; i++) ocl_want_in(q, i, CVK_PLAIN);
  ocl_want_out(q, 0, q->row->layout);
  q->candidate->inplace = 0;
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, (double)ocl_elements(x) * (q->op->kind == CVK_OP_RELU ? 1 : 20), 8.0 * (double)ocl_elements(x), 0.3);
  return 1;
}

static cvk_status prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  const cvk_unary_attr *attr = b->op->attr;
  const int32_t blocked = b->row->layout == CVK_BLOCKED;
  const int64_t blocks = blocked ? (x->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : 1;
  const int32_t tail = blocked && !keeps_zero(b->op->kind) ? (int32_t)(x->dim[1] % OCL_BLOCK) : 0;
  const int64_t run = blocked ? ocl_pixels(x) * OCL_BLOCK : ocl_elements(x), lines = blocked ? x->dim[0] * blocks : 1;
  const int64_t length = tail ? run : run * lines, rows = tail ? lines : 1;
  ocl_split s = ocl_split_rows(b->dev, rows, length);
  s.items[1] = rows; /* the kernel takes one row an item */
  const int32_t is_angle = b->op->kind >= CVK_OP_SIN && b->op->kind <= CVK_OP_ATANH;
  ocl_launch *l = ocl_launch_begin(b, is_angle ? "angles" : "elementwise", "", "unary");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, length);
  ocl_arg_long(l, s.per_item);
  ocl_arg_int(l, b->op->kind);
  ocl_arg_float(l, attr ? attr->alpha : 0.0f);
  ocl_arg_float(l, attr ? attr->beta : 0.0f);
  ocl_arg_long(l, blocks);
  ocl_arg_int(l, tail);
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

static const int32_t kinds[] = {
    CVK_OP_RELU,         CVK_OP_LEAKY_RELU, CVK_OP_SIGMOID,  CVK_OP_TANH,
    CVK_OP_ELU,          CVK_OP_SELU,       CVK_OP_CELU,     CVK_OP_CLIP,
    CVK_OP_HARD_SIGMOID, CVK_OP_HARD_SWISH, CVK_OP_SOFTPLUS, CVK_OP_SOFTSIGN,
    CVK_OP_GELU,         CVK_OP_SWISH,      CVK_OP_MISH,     CVK_OP_THRESHOLDED_RELU,
    CVK_OP_EXP,          CVK_OP_LOG,        CVK_OP_SQRT,     CVK_OP_ABS,
    CVK_OP_NEG,          CVK_OP_RECIPROCAL, CVK_OP_ERF,      CVK_OP_FLOOR,
    CVK_OP_CEIL,         CVK_OP_SIN,        CVK_OP_COS,      CVK_OP_TAN,
    CVK_OP_ASIN,         CVK_OP_ACOS,       CVK_OP_ATAN,     CVK_OP_SINH,
    CVK_OP_COSH,         CVK_OP_ASINH,      CVK_OP_ACOSH,    CVK_OP_ATANH,
    CVK_OP_ROUND,        CVK_OP_SIGN,       CVK_OP_SHRINK,
};

static const ocl_row rows[] = {
    {.name = "elementwise_unary_blocked", .layout = CVK_BLOCKED, .accepts = accepts, .prepare = prepare},
    {.name = "elementwise_unary_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = prepare},
    {.name = "elementwise_unary_nhwc", .layout = CVK_NHWC, .accepts = accepts, .prepare = prepare},
};

const ocl_list ocl_elementwise_list = {kinds, sizeof kinds / sizeof *kinds, sizeof rows / sizeof *rows, rows};

static int32_t not_accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0];
  if (x->dtype != CVK_BOOL) return ocl_refuse(q, "the input has type %d, this row works on bool", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  q->candidate->inplace = 0;
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(x), 2.0 * (double)ocl_elements(x), 0.1);
  return 1;
}

static cvk_status not_prepare(ocl_build *b) {
  const int64_t count = ocl_elements(b->op->in[0]);
  const ocl_split s = ocl_split_rows(b->dev, 1, count);
  ocl_launch *l = ocl_launch_begin(b, "elementwise", "", "not_bool");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, count);
  ocl_arg_long(l, s.per_item);
  return ocl_launch_end(b, l, 1, s.items, ocl_line_local);
}

static const int32_t not_kinds[] = {CVK_OP_NOT};
static const ocl_row not_rows[] = {{.name = "elementwise_not", .layout = CVK_PLAIN, .accepts = not_accepts, .prepare = not_prepare}};
const ocl_list ocl_not_list = {not_kinds, 1, 1, not_rows};

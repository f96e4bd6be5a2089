/* SPDX-License-Identifier: Apache-2.0 */
/* indices.c: attributes of the ONNX operators of indices and scans, and those among them that are several of Convoke's ops. */
#include "fill.h"

void cvk_onnx_fill_gather_nd(cvk_onnx_call *c, cvk_any_attr *a) {
  if (c->model->opset >= 12) cvk_onnx_take_i32(c, "batch_dims", &a->gather_nd.batch_dims);
}

static void take_reduction(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const names[] = {[CVK_SCATTER_NONE] = "none",
                                      [CVK_SCATTER_ADD] = "add",
                                      [CVK_SCATTER_MUL] = "mul",
                                      [CVK_SCATTER_MAX] = "max",
                                      [CVK_SCATTER_MIN] = "min"};
  const int32_t known = c->model->opset >= 18 ? 5 : 3;
  if (c->model->opset >= 16) cvk_onnx_take_choice(c, "reduction", known, names, &a->scatter.reduction);
}

void cvk_onnx_fill_scatter_elements(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_i32(c, "axis", &a->scatter.axis);
  take_reduction(c, a);
}

void cvk_onnx_fill_scatter_nd(cvk_onnx_call *c, cvk_any_attr *a) {
  take_reduction(c, a);
}

void cvk_onnx_fill_cumulative(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "exclusive", &a->cumulative.exclusive);
  cvk_onnx_take_flag(c, "reverse", &a->cumulative.reverse);
  if (cvk_onnx_input(c, 1) == CVK_NO_VALUE) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the axis (input 1) is missing");
}

/* k is an attribute until opset 9; the smallest may be asked for from opset 11 on. */
void cvk_onnx_fill_top_k(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_i32(c, "axis", &a->top_k.axis);
  if (c->model->opset >= 11) {
    cvk_onnx_take_flag(c, "largest", &a->top_k.largest);
    cvk_onnx_take_flag(c, "sorted", &a->top_k.sorted);
  }
  if (c->model->opset < 10 ? !cvk_onnx_take_i64(c, "k", 0, INT64_MAX, &a->top_k.k) : cvk_onnx_input(c, 1) == CVK_NO_VALUE)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "k is missing");
}

void cvk_onnx_fill_trilu(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_flag(c, "upper", &a->trilu.upper);
}

void cvk_onnx_fill_reverse_sequence(cvk_onnx_call *c, cvk_any_attr *a) {
  cvk_onnx_take_i32(c, "batch_axis", &a->reverse_sequence.batch_axis);
  cvk_onnx_take_i32(c, "time_axis", &a->reverse_sequence.time_axis);
}

/* Input 0, or where no axis is given its elements in one row, of which axis 0 is taken. */
static cvk_value along_axis(cvk_onnx_call *c, int32_t *axis) {
  if (cvk_onnx_take_i32(c, "axis", axis)) return cvk_onnx_input(c, 0);
  return cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, 0), cvk_onnx_int64s(c, 1, (const int64_t[]){-1}));
}

void cvk_onnx_emit_compress(cvk_onnx_call *c) {
  cvk_axis_attr attr = {.axis = 0};
  const cvk_value x = along_axis(c, &attr.axis);
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_COMPRESS, &attr, x, cvk_onnx_input(c, 1)), -1);
}

void cvk_onnx_emit_unique(cvk_onnx_call *c) {
  cvk_unique_attr attr = {.axis = 0, .sorted = 1};
  cvk_value out[4];
  cvk_onnx_take_flag(c, "sorted", &attr.sorted);
  const cvk_value x = along_axis(c, &attr.axis);
  const int32_t n = c->node->n_out < 4 ? c->node->n_out : 4;
  if (c->status == CVK_OK) c->status = cvk_graph_op(c->graph, CVK_OP_UNIQUE, &attr, 1, &x, n, out, c->label);
  for (int32_t i = 0; i < n; i++) cvk_onnx_define(c, i, out[i], i == 0 ? -1 : 1);
}

/* Ones in the shape of x, with all but one diagonal taken away on either side. */
void cvk_onnx_emit_eye_like(cvk_onnx_call *c) {
  const cvk_shape_attr one = {.dtype = CVK_F32, .value = 1};
  cvk_any_attr type = {0};
  int64_t k = 0;
  cvk_onnx_take_i64(c, "k", INT64_MIN, INT64_MAX, &k);
  const cvk_trilu_attr upper = {.upper = 1, .k = k}, lower = {.k = k};
  const cvk_value x = cvk_onnx_input(c, 0);
  const cvk_value full = cvk_onnx_op1(c, CVK_OP_CONSTANT_OF_SHAPE, &one, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, x));
  const cvk_value y = cvk_onnx_op1(c, CVK_OP_TRILU, &lower, cvk_onnx_op1(c, CVK_OP_TRILU, &upper, full));
  if (cvk_onnx_take_dtype(c, "dtype", &type.cast.dtype))
    cvk_onnx_define(c, 0, cvk_onnx_op1(c, CVK_OP_CAST, &type, y), 2);
  else
    cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_CAST_LIKE, NULL, y, x), 2);
}

static cvk_value concat(cvk_onnx_call *c, int32_t n, const cvk_value *parts) {
  const cvk_axis_attr first = {.axis = 0};
  return cvk_onnx_op(c, CVK_OP_CONCAT, &first, n, parts);
}

/* The updates go where the batch's write index and the following ones are on the axis: scattered elements. */
void cvk_onnx_emit_tensor_scatter(cvk_onnx_call *c) {
  static const char *const modes[] = {"linear", "circular"};
  cvk_scatter_attr scatter = {.axis = -2};
  int32_t mode = 0;
  cvk_onnx_take_i32(c, "axis", &scatter.axis);
  cvk_onnx_take_choice(c, "mode", 2, modes, &mode);
  const int32_t next = scatter.axis == -1 ? INT32_MAX : scatter.axis + 1;
  const cvk_cast_attr along = {.start = scatter.axis, .end = next};
  const cvk_value past = cvk_onnx_input(c, 0), update = cvk_onnx_input(c, 1), minus_one = cvk_onnx_int64s(c, 1, (const int64_t[]){-1});
  const cvk_value bounds[] = {cvk_onnx_int64s(c, 1, (const int64_t[]){0}), cvk_onnx_op1(c, CVK_OP_SHAPE, &along, update),
                              cvk_onnx_int64s(c, 1, (const int64_t[]){1})};
  const cvk_value steps[] = {cvk_onnx_ones(c, past, 0, scatter.axis), minus_one, cvk_onnx_ones(c, past, next, INT32_MAX)};
  cvk_value index = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op(c, CVK_OP_RANGE, NULL, 3, bounds), concat(c, 3, steps));
  if (cvk_onnx_input(c, 2) != CVK_NO_VALUE) {
    const cvk_value batches[] = {minus_one, cvk_onnx_ones(c, past, 1, INT32_MAX)};
    index = cvk_onnx_op2(c, CVK_OP_ADD, NULL, index, cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, 2), concat(c, 2, batches)));
  }
  if (mode == 1) index = cvk_onnx_op2(c, CVK_OP_MOD, NULL, index, cvk_onnx_op1(c, CVK_OP_SHAPE, &along, past));
  index = cvk_onnx_op2(c, CVK_OP_EXPAND, NULL, index, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, update));
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  cvk_onnx_define(c, 0, cvk_onnx_op(c, CVK_OP_SCATTER_ELEMENTS, &scatter, 3, (const cvk_value[]){past, index, update}), x ? x->rank : -1);
}

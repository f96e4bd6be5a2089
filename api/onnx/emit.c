/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c: ONNX operators that are no single op of Convoke: old versions whose meaning has changed since, and constants. What they add to
 * find a shape is folded on the host, so that they hold for symbolic shapes too and cost nothing. */
#include <stdlib.h>

#include "fill.h"
#include "ops/element.h"
#include "parts.h"

#define EXACT_IN_DOUBLE ((int64_t)1 << 53)

static cvk_value to_int64s(cvk_onnx_call *c, int64_t v) {
  return cvk_onnx_int64s(c, 1, &v);
}

/* ---- legacy broadcasting ---- */

/* Input 1 with extents of 1 appended, so that its first axis falls on axis `axis` of input 0. */
static cvk_value align_to_axis(cvk_onnx_call *c, int64_t axis) {
  const cvk_value a = cvk_onnx_input(c, 0), b = cvk_onnx_input(c, 1);
  const cvk_value shape = cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, b);
  cvk_value ones = cvk_onnx_op2(c, CVK_OP_SUB, NULL, to_int64s(c, axis < 0 ? -axis : 0), cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, shape));
  if (axis >= 0)
    ones =
        cvk_onnx_op2(c, CVK_OP_SUB, NULL,
                     cvk_onnx_op2(c, CVK_OP_ADD, NULL, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, a)), ones),
                     to_int64s(c, axis));
  const cvk_shape_attr one = {.dtype = CVK_I64, .value = 1};
  const cvk_axis_attr first = {.axis = 0};
  const cvk_value padded = cvk_onnx_op2(c, CVK_OP_CONCAT, &first, shape, cvk_onnx_op1(c, CVK_OP_CONSTANT_OF_SHAPE, &one, ones));
  return cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, b, padded);
}

cvk_value cvk_onnx_second_operand(cvk_onnx_call *c) {
  int32_t broadcast = 0, axis = -1;
  if (c->model->opset >= 7) return cvk_onnx_input(c, 1);
  cvk_onnx_take_flag(c, "broadcast", &broadcast);
  const int32_t placed = cvk_onnx_take_i32(c, "axis", &axis);
  cvk_onnx_ignore(c, "consumed_inputs");
  const cvk_onnx_name *a = cvk_onnx_input_name(c, 0), *b = cvk_onnx_input_name(c, 1);
  /* Axis -1 stands for what no axis means too: the last axes match, as NumPy has it. */
  const int32_t matches_last = !broadcast || !placed || axis == -1 || (a && b && a->rank >= 0 && b->rank >= 0 && axis == a->rank - b->rank);
  return matches_last ? cvk_onnx_input(c, 1) : align_to_axis(c, axis);
}

void cvk_onnx_emit_broadcast_axis(cvk_onnx_call *c) {
  const cvk_onnx_name *a = cvk_onnx_input_name(c, 0);
  const cvk_value b = cvk_onnx_second_operand(c);
  if (b == cvk_onnx_input(c, 1))
    cvk_onnx_emit_op(c, NULL, c->node->n_in);
  else
    cvk_onnx_define(c, 0, cvk_onnx_op2(c, c->row->kind, NULL, cvk_onnx_input(c, 0), b), a ? a->rank : -1);
}

void cvk_onnx_emit_prelu_6(cvk_onnx_call *c) {
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0), *slope = cvk_onnx_input_name(c, 1);
  cvk_onnx_ignore(c, "consumed_inputs");
  if (!x || !slope || (slope->rank >= 0 && slope->rank != 1) || x->rank == 1 || x->rank == 2) {
    cvk_onnx_emit_op(c, NULL, c->node->n_in);
    return;
  }
  const cvk_value aligned = align_to_axis(c, 1);
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, c->row->kind, NULL, cvk_onnx_input(c, 0), aligned), x->rank);
}

/* ---- flattened forms ---- */

void cvk_onnx_emit_softmax_1(cvk_onnx_call *c) {
  int32_t axis = 1;
  cvk_onnx_take_i32(c, "axis", &axis);
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  const cvk_any_attr last = {.axis = {.struct_size = sizeof last.axis, .axis = -1}};
  if (!x || axis == -1 || (x->rank > 0 && axis == x->rank - 1)) {
    cvk_onnx_emit_op(c, &last, c->node->n_in);
    return;
  }
  const cvk_axis_attr at = {.axis = axis};
  const cvk_value y = cvk_onnx_op1(c, c->row->kind, &last, cvk_onnx_op1(c, CVK_OP_FLATTEN, &at, x->value));
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, y, x->value), x->rank);
}

void cvk_onnx_emit_batch_norm(cvk_onnx_call *c) {
  cvk_any_attr attr = {0};
  int32_t training = 0, spatial = 1, is_test = 0;
  cvk_op_def_find(CVK_OP_BATCH_NORM)->defaults(CVK_OP_BATCH_NORM, &attr);
  cvk_onnx_fill_batch_norm(c, &attr);
  if (c->model->opset >= 14) cvk_onnx_take_flag(c, "training_mode", &training);
  if (c->model->opset < 9) cvk_onnx_take_flag(c, "spatial", &spatial);
  if (c->model->opset < 7) cvk_onnx_take_flag(c, "is_test", &is_test);
  for (int32_t i = 1; i < c->node->n_out && !is_test; i++)
    if (cvk_onnx_output_used(c, i)) training = 1; /* before opset 14 the outputs alone told */
  if (training)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "training mode (running statistics as outputs) is not supported; export the model for inference");
  if (spatial) {
    cvk_onnx_emit_op(c, &attr, c->node->n_in);
    return;
  }
  /* Statistics of every single activation: channels and pixels as one axis. */
  const cvk_axis_attr first = {.axis = 1};
  const cvk_value x = cvk_onnx_input(c, 0);
  cvk_value in[5] = {cvk_onnx_op1(c, CVK_OP_FLATTEN, &first, x)};
  for (int32_t i = 1; i < 5; i++) in[i] = cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, i), to_int64s(c, -1));
  const cvk_onnx_name *name = cvk_onnx_input_name(c, 0);
  cvk_onnx_define(c, 0, cvk_onnx_reshape_like(c, cvk_onnx_op(c, CVK_OP_BATCH_NORM, &attr, 5, in), x), name ? name->rank : -1);
}

/* ---- dropout ---- */

static void check_training_input(cvk_onnx_call *c) {
  const cvk_onnx_name *mode = cvk_onnx_input_name(c, 2);
  uint8_t on = 0;
  if (!mode || c->status != CVK_OK) return;
  if (!mode->constant || cvk_tensor_dtype(mode->constant) != CVK_BOOL || cvk_tensor_count(mode->constant) != 1)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "input training_mode is not a constant bool; only inference is supported");
  else
    c->status = cvk_tensor_read(mode->constant, &on, sizeof on);
  if (on) cvk_onnx_fail(c, CVK_UNSUPPORTED, "input training_mode is true; only inference is supported");
}

void cvk_onnx_emit_dropout(cvk_onnx_call *c) {
  static const char *const ignored[] = {"seed", "is_test", "consumed_inputs"};
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0), *given = cvk_onnx_input_name(c, 1);
  float ratio = 0.5f; /* says nothing at inference, but a trainer reads it */
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) cvk_onnx_ignore(c, ignored[i]);
  cvk_onnx_take_f32(c, "ratio", &ratio);
  check_training_input(c);
  if (ratio != 0.5f && !cvk_onnx_output_used(c, 1)) {
    cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_DROPOUT, NULL, cvk_onnx_input(c, 0), cvk_onnx_scalar(c, CVK_F32, (double)ratio)), x ? x->rank : -1);
    return;
  }
  cvk_onnx_emit_op(c, NULL, c->node->n_in == 0 ? 0 : given && given->constant ? 2 : 1);
  if (c->model->opset >= 10 || !cvk_onnx_output_used(c, 1) || c->status != CVK_OK) return;
  /* The mask was of the data's type then, which is float in every file of that age that we know. */
  const cvk_cast_attr to = {.dtype = CVK_F32};
  cvk_onnx_name *mask = &c->name[c->model->value[c->node->first + c->node->n_in + 1]];
  mask->value = cvk_onnx_op1(c, CVK_OP_CAST, &to, mask->value);
}

/* ---- pad ---- */

/* The pads become an input, as from opset 11 on, so that one place checks them against the rank. */
void cvk_onnx_emit_pad_2(cvk_onnx_call *c) {
  cvk_any_attr attr = {0};
  int64_t pads[2 * CVK_MAX_RANK];
  float value = 0;
  int32_t n = 0;
  cvk_onnx_fill_pad(c, &attr);
  cvk_onnx_take_f32(c, "value", &value);
  attr.pad.value = (double)value;
  const char *const name = c->model->opset == 1 ? "paddings" : "pads";
  if (!cvk_onnx_take_i64s(c, name, INT64_MIN, 2 * CVK_MAX_RANK, pads, &n))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' is missing", name);
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_PAD, &attr, cvk_onnx_input(c, 0), cvk_onnx_int64s(c, n, pads)), x ? x->rank : -1);
}

/* ---- parameters that are inputs now ---- */

void cvk_onnx_emit_reshape_1(cvk_onnx_call *c) {
  int64_t shape[CVK_MAX_RANK];
  int32_t n = 0;
  if (!cvk_onnx_take_i64s(c, "shape", -1, CVK_MAX_RANK, shape, &n)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'shape' is missing");
  cvk_onnx_ignore(c, "consumed_inputs");
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_input(c, 0), cvk_onnx_int64s(c, n, shape)), n);
}

/* ---- numbers that were of the data's type ---- */

static cvk_value to_int64_list(cvk_onnx_call *c, cvk_value v) {
  const cvk_cast_attr to = {.dtype = CVK_I64};
  return cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, cvk_onnx_op1(c, CVK_OP_CAST, &to, v), to_int64s(c, -1));
}

/* Repeats of 1 for the axes before and behind the one that is repeated. */
void cvk_onnx_emit_tile_1(cvk_onnx_call *c) {
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  const cvk_axis_attr first = {.axis = 0};
  const cvk_shape_attr one = {.dtype = CVK_I64, .value = 1};
  if (c->node->n_in != 3 || !x || cvk_onnx_input(c, 1) == CVK_NO_VALUE || cvk_onnx_input(c, 2) == CVK_NO_VALUE) {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has %d inputs, expected data, tiles and axis", c->node->n_in);
    return;
  }
  const cvk_value axis = to_int64_list(c, cvk_onnx_input(c, 2));
  const cvk_value rank = cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, x->value));
  const cvk_value behind = cvk_onnx_op2(c, CVK_OP_SUB, NULL, cvk_onnx_op2(c, CVK_OP_SUB, NULL, rank, axis), to_int64s(c, 1));
  const cvk_value repeats[] = {cvk_onnx_op1(c, CVK_OP_CONSTANT_OF_SHAPE, &one, axis), to_int64_list(c, cvk_onnx_input(c, 1)),
                               cvk_onnx_op1(c, CVK_OP_CONSTANT_OF_SHAPE, &one, behind)};
  cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_TILE, NULL, x->value, cvk_onnx_op(c, CVK_OP_CONCAT, &first, 3, repeats)), x->rank);
}

void cvk_onnx_emit_split_1(cvk_onnx_call *c) {
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  cvk_any_attr attr = {0};
  cvk_value out[CVK_MAX_OUTPUTS];
  cvk_op_def_find(CVK_OP_SPLIT)->defaults(CVK_OP_SPLIT, &attr);
  cvk_onnx_fill_split(c, &attr);
  if (!x || cvk_onnx_input(c, 1) == CVK_NO_VALUE) {
    cvk_onnx_emit_op(c, &attr, c->node->n_in);
    return;
  }
  const cvk_value in[] = {x->value, to_int64_list(c, cvk_onnx_input(c, 1))};
  if (c->node->n_out > CVK_MAX_OUTPUTS)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has %d outputs, expected at most %d", c->node->n_out, CVK_MAX_OUTPUTS);
  if (c->status == CVK_OK) c->status = cvk_graph_op(c->graph, CVK_OP_SPLIT, &attr, 2, in, c->node->n_out, out, c->label);
  for (int32_t i = 0; i < c->node->n_out && c->status == CVK_OK; i++) cvk_onnx_define(c, i, out[i], x->rank);
}

/* ---- constants ---- */

static cvk_tensor *number_list(cvk_onnx_call *c, const char *name, int32_t type, int32_t dtype) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, type);
  cvk_tensor *t = NULL;
  uint64_t n, value;
  int32_t more;
  if (!a) return NULL;
  c->status = cvk_wire_list_count(cvk_onnx_attr_list(c->model, a), &n);
  if (c->status != CVK_OK) return NULL;
  const size_t bytes = dtype == CVK_I64 ? 8 : 4;
  uint8_t *data = calloc((size_t)n + 1, bytes); /* n is bounded by the bytes of the file */
  if (!data) {
    cvk_onnx_fail(c, CVK_NO_MEMORY, "no memory for %llu elements of attribute '%s'", (unsigned long long)n, name);
    return NULL;
  }
  cvk_wire_list l = cvk_onnx_attr_list(c->model, a);
  for (uint64_t i = 0; i < n && c->status == CVK_OK; i++) {
    c->status = cvk_wire_list_next(&l, &value, &more);
    for (size_t b = 0; b < bytes; b++) data[i * bytes + b] = (uint8_t)(value >> (8 * b));
  }
  if (c->status == CVK_OK) c->status = cvk_tensor_wrap(dtype, 1, (const int64_t[]){(int64_t)n}, data, free, data, &t);
  if (!t) free(data);
  return t;
}

void cvk_onnx_emit_constant(cvk_onnx_call *c) {
  static const char *const lacking[] = {"sparse_value", "value_string", "value_strings"};
  cvk_tensor *t = NULL;
  float f = 0;
  int64_t i = 0;
  for (size_t k = 0; k < sizeof lacking / sizeof *lacking; k++)
    for (int32_t j = 0; j < c->n_attrs; j++)
      if (cvk_view_is(c->attr[j].name, lacking[k]))
        cvk_onnx_fail(c, CVK_UNSUPPORTED, "a constant given as %s is not supported", lacking[k]);
  if (c->status == CVK_OK && c->n_attrs != 1)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has %d attributes, expected the value alone", c->n_attrs);
  cvk_onnx_take_tensor(c, "value", &t);
  if (!t && cvk_onnx_take_f32(c, "value_float", &f)) c->status = cvk_tensor_create(NULL, CVK_F32, 0, NULL, &f, &t);
  if (!t && cvk_onnx_take_i64(c, "value_int", INT64_MIN, INT64_MAX, &i)) c->status = cvk_tensor_create(NULL, CVK_I64, 0, NULL, &i, &t);
  if (!t) t = number_list(c, "value_floats", CVK_ONNX_FLOATS, CVK_F32);
  if (!t) t = number_list(c, "value_ints", CVK_ONNX_INTS, CVK_I64);
  if (!t && c->status == CVK_OK && c->taken) cvk_onnx_fail(c, CVK_INTERNAL, "the constant has no tensor");
  if (t) cvk_onnx_constant(c, t);
}

/* The attribute carries the value as a double; one that a double cannot hold is expanded from a scalar instead. */
static int32_t is_exact(cvk_tensor *t, uint64_t element) {
  int64_t v = 0;
  const int32_t dtype = cvk_tensor_dtype(t);
  if (dtype != CVK_I64 && dtype != CVK_U64) return 1;
  cvk_load_ints(dtype, &element, 0, 1, 1, &v);
  return v <= EXACT_IN_DOUBLE && v >= (dtype == CVK_I64 ? -EXACT_IN_DOUBLE : 0);
}

void cvk_onnx_emit_constant_of_shape(cvk_onnx_call *c) {
  cvk_any_attr attr = {.shape = {.struct_size = sizeof attr.shape, .dtype = CVK_F32}};
  cvk_tensor *t = NULL, *scalar = NULL;
  uint64_t element = 0;
  cvk_onnx_take_tensor(c, "value", &t);
  if (c->status == CVK_OK && t && cvk_tensor_count(t) != 1)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'value' has %lld elements, expected 1", (long long)cvk_tensor_count(t));
  if (c->status == CVK_OK && t) c->status = cvk_tensor_read(t, &element, cvk_tensor_bytes(t));
  if (c->status != CVK_OK || !t || is_exact(t, element)) {
    if (c->status == CVK_OK && t) {
      attr.shape.dtype = cvk_tensor_dtype(t);
      attr.shape.value = cvk_load_real(attr.shape.dtype, &element, 0);
    }
    cvk_onnx_emit_op(c, &attr, c->node->n_in);
  } else {
    cvk_value value = CVK_NO_VALUE;
    c->status = cvk_tensor_create(NULL, cvk_tensor_dtype(t), 0, NULL, &element, &scalar);
    if (c->status == CVK_OK) c->status = cvk_graph_constant(c->graph, NULL, scalar, &value);
    cvk_onnx_define(c, 0, cvk_onnx_op2(c, CVK_OP_EXPAND, NULL, value, cvk_onnx_input(c, 0)), -1);
  }
  cvk_tensor_release(scalar);
  cvk_tensor_release(t);
}

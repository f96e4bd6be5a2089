/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c: see parts.h. */
#include "parts.h"

#include "graph_internal.h"
#include "ops/element.h"

int32_t cvk_onnx_dtype_of(const cvk_onnx_call *c, cvk_value v) {
  return v >= 0 && v < c->graph->n_values ? c->graph->values[v].dtype : 0;
}

int32_t cvk_onnx_rank_of_input(const cvk_onnx_call *c, int32_t i) {
  const cvk_onnx_name *name = cvk_onnx_input_name(c, i);
  return name ? name->rank : -1;
}

int32_t cvk_onnx_given(const cvk_onnx_call *c, int32_t i) {
  return cvk_onnx_input_name(c, i) != NULL;
}

int64_t cvk_onnx_known_extent(const cvk_onnx_call *c, cvk_value v, int32_t axis) {
  if (v < 0 || v >= c->graph->n_values || axis >= c->graph->values[v].rank) return -1;
  return c->graph->values[v].dim[axis];
}

void cvk_onnx_check_dtype(cvk_onnx_call *c, const char *attribute, int64_t dtype) {
  if (c->status == CVK_OK && cvk_onnx_dtype_bytes(dtype) == 0)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "attribute '%s' is %lld (%s), an element type that is not supported", attribute, (long long)dtype,
                  cvk_onnx_dtype_name(dtype));
}

cvk_value cvk_onnx_scalar(cvk_onnx_call *c, int32_t dtype, double v) {
  cvk_value out = CVK_NO_VALUE;
  cvk_tensor *t = NULL;
  uint64_t element = 0;
  cvk_store_real(dtype, &element, 0, v);
  if (c->status == CVK_OK) c->status = cvk_tensor_create(NULL, dtype, 0, NULL, &element, &t);
  if (c->status == CVK_OK) c->status = cvk_graph_constant(c->graph, NULL, t, &out);
  cvk_tensor_release(t);
  return out;
}

cvk_value cvk_onnx_cast(cvk_onnx_call *c, cvk_value x, int32_t dtype) {
  const cvk_cast_attr to = {.dtype = dtype};
  return cvk_onnx_dtype_of(c, x) == dtype ? x : cvk_onnx_op1(c, CVK_OP_CAST, &to, x);
}

cvk_value cvk_onnx_extent(cvk_onnx_call *c, cvk_value x, int32_t axis) {
  return cvk_onnx_extents(c, x, axis, axis == -1 ? INT32_MAX : axis + 1);
}

cvk_value cvk_onnx_extents(cvk_onnx_call *c, cvk_value x, int32_t start, int32_t end) {
  const cvk_cast_attr part = {.start = start, .end = end};
  return cvk_onnx_op1(c, CVK_OP_SHAPE, &part, x);
}

cvk_value cvk_onnx_join(cvk_onnx_call *c, int32_t axis, int32_t n, const cvk_value *part) {
  const cvk_axis_attr along = {.axis = axis};
  return cvk_onnx_op(c, CVK_OP_CONCAT, &along, n, part);
}

cvk_value cvk_onnx_reshape(cvk_onnx_call *c, cvk_value x, cvk_value shape) {
  const cvk_shape_attr as_given = {.allow_zero = 1};
  return cvk_onnx_op2(c, CVK_OP_RESHAPE, &as_given, x, shape);
}

cvk_value cvk_onnx_reshape_to(cvk_onnx_call *c, cvk_value x, int32_t n, const int64_t *shape) {
  return cvk_onnx_op2(c, CVK_OP_RESHAPE, NULL, x, cvk_onnx_int64s(c, n, shape));
}

cvk_value cvk_onnx_transpose(cvk_onnx_call *c, cvk_value x, int32_t n, const int32_t *order) {
  cvk_axes_attr attr = {.n_axes = n};
  for (int32_t i = 0; i < n; i++) attr.axis[i] = order[i];
  return cvk_onnx_op1(c, CVK_OP_TRANSPOSE, &attr, x);
}

cvk_value cvk_onnx_slice(cvk_onnx_call *c, cvk_value x, int32_t axis, int64_t start, int64_t end) {
  const cvk_slice_attr part = {.n_axes = 1, .axis = {axis}, .start = {start}, .end = {end}, .step = {1}};
  return cvk_onnx_op1(c, CVK_OP_SLICE, &part, x);
}

cvk_value cvk_onnx_where(cvk_onnx_call *c, cvk_value condition, cvk_value yes, cvk_value no) {
  return cvk_onnx_op(c, CVK_OP_WHERE, NULL, 3, (const cvk_value[]){condition, yes, no});
}

cvk_value cvk_onnx_count_to(cvk_onnx_call *c, cvk_value n) {
  const cvk_value bounds[] = {cvk_onnx_scalar(c, CVK_I64, 0), cvk_onnx_op1(c, CVK_OP_SQUEEZE, NULL, n), cvk_onnx_scalar(c, CVK_I64, 1)};
  return cvk_onnx_op(c, CVK_OP_RANGE, NULL, 3, bounds);
}

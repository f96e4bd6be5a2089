/* SPDX-License-Identifier: Apache-2.0 */
/* export_put.c: parts for the functions of export_table.c: attributes, constants that the graph has as attributes, nodes. */
#include <stdio.h>
#include <string.h>

#include "export.h"
#include "ops/element.h"

enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_T = 5, ATTR_FLOATS = 7, ATTR_INTS = 8, ATTR_STRINGS = 9, ATTR_TYPE = 20 };
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_TENSOR = 4, TYPE_FLOATS = 6, TYPE_INTS = 7, TYPE_STRINGS = 8 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5 };

void cvk_onnx_need(cvk_onnx_written *n, int32_t opset) {
  if (opset > n->all->need) n->all->need = opset;
}

int32_t cvk_onnx_checked(cvk_onnx_written *n, int32_t count, int32_t most) {
  if (count >= 0 && count <= most) return count;
  n->lacking = "a list of its attribute has a length that is not allowed";
  return 0;
}

/* ---- attributes ---- */

static cvk_wire_out begin(const char *name, int64_t type) {
  cvk_wire_out a = {0};
  cvk_wire_put_text(&a, ATTR_NAME, name);
  cvk_wire_put_int(&a, ATTR_TYPE, type);
  return a;
}

static void end(cvk_onnx_written *n, cvk_wire_out *a) {
  cvk_wire_put_message(&n->attrs, NODE_ATTRIBUTE, a);
}

void cvk_onnx_put_int(cvk_onnx_written *n, const char *name, int64_t v) {
  cvk_wire_out a = begin(name, TYPE_INT);
  cvk_wire_put_int(&a, ATTR_I, v);
  end(n, &a);
}

void cvk_onnx_put_ints(cvk_onnx_written *n, const char *name, int32_t count, const int64_t *v) {
  cvk_wire_out a = begin(name, TYPE_INTS);
  for (int32_t i = 0; i < count; i++) cvk_wire_put_int(&a, ATTR_INTS, v[i]);
  end(n, &a);
}

void cvk_onnx_put_float(cvk_onnx_written *n, const char *name, float v) {
  cvk_wire_out a = begin(name, TYPE_FLOAT);
  cvk_wire_put_float(&a, ATTR_F, v);
  end(n, &a);
}

void cvk_onnx_put_floats(cvk_onnx_written *n, const char *name, int32_t count, const float *v) {
  cvk_wire_out a = begin(name, TYPE_FLOATS);
  for (int32_t i = 0; i < count; i++) cvk_wire_put_float(&a, ATTR_FLOATS, v[i]);
  end(n, &a);
}

void cvk_onnx_put_text(cvk_onnx_written *n, const char *name, const char *v) {
  cvk_wire_out a = begin(name, TYPE_STRING);
  cvk_wire_put_text(&a, ATTR_S, v);
  end(n, &a);
}

void cvk_onnx_put_texts(cvk_onnx_written *n, const char *name, int32_t count, const char *const *v) {
  cvk_wire_out a = begin(name, TYPE_STRINGS);
  for (int32_t i = 0; i < count; i++) cvk_wire_put_text(&a, ATTR_STRINGS, v[i]);
  end(n, &a);
}

void cvk_onnx_put_choice(cvk_onnx_written *n, const char *name, int32_t count, const char *const *choice, int32_t index) {
  if (index < 0 || index >= count)
    n->lacking = "an attribute is out of range";
  else
    cvk_onnx_put_text(n, name, choice[index]);
}

void cvk_onnx_put_scalar(cvk_onnx_written *n, const char *name, int32_t dtype, double v) {
  enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_RAW = 9 };
  cvk_wire_out a = begin(name, TYPE_TENSOR), t = {0};
  uint8_t element[8] __attribute__((aligned(8)));
  const size_t bytes = (size_t)cvk_dtype_bytes(dtype);
  cvk_store_real(dtype, element, 0, v);
  cvk_wire_put_int(&t, TENSOR_DIMS, 1);
  cvk_wire_put_int(&t, TENSOR_TYPE, dtype);
  cvk_wire_put_length(&t, TENSOR_RAW, bytes);
  cvk_wire_put(&t, element, bytes);
  cvk_wire_put_message(&a, ATTR_T, &t);
  end(n, &a);
}

/* ---- constants ---- */

void cvk_onnx_add_initialiser(cvk_onnx_export *all, const char *name, cvk_tensor *t) {
  if (all->status != CVK_OK) return;
  all->status = cvk_grow((void **)&all->initialiser, all->n_initialisers, &all->cap_initialisers, sizeof *all->initialiser);
  if (all->status == CVK_OK) all->initialiser[all->n_initialisers++] = (cvk_onnx_initialiser){name, cvk_tensor_retain(t)};
}

int32_t cvk_onnx_given_to(const cvk_onnx_written *n, int32_t i) {
  return i < n->n_in && n->in[i][0] != 0;
}

const char *cvk_onnx_put_name(cvk_onnx_written *n, const char *what) {
  char text[300];
  snprintf(text, sizeof text, "%.200s_%s", n->label, what);
  const char *name = cvk_onnx_name_take(&n->all->values, &n->all->memory, text);
  if (name == NULL && n->all->status == CVK_OK) n->all->status = cvk_fail(CVK_NO_MEMORY, "no memory for the names of a model");
  return name ? name : "";
}

static void put_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t dtype, int32_t rank, const int64_t *dim, const void *data) {
  cvk_tensor *t = NULL;
  if (cvk_onnx_given_to(n, i) || n->all->status != CVK_OK) return;
  n->all->status = cvk_tensor_create(NULL, dtype, rank, dim, data, &t);
  while (n->n_in <= i) {
    n->value[n->n_in] = CVK_NO_VALUE;
    n->in[n->n_in++] = "";
  }
  n->in[i] = cvk_onnx_put_name(n, what);
  if (t) cvk_onnx_add_initialiser(n->all, n->in[i], t);
  cvk_tensor_release(t);
}

void cvk_onnx_put_ints_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t count, const int64_t *v) {
  put_in(n, i, what, CVK_I64, 1, (const int64_t[]){count}, v);
}

void cvk_onnx_put_int_in(cvk_onnx_written *n, int32_t i, const char *what, int64_t v) {
  put_in(n, i, what, CVK_I64, 0, NULL, &v);
}

void cvk_onnx_put_floats_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t count, const float *v) {
  put_in(n, i, what, CVK_F32, 1, (const int64_t[]){count}, v);
}

void cvk_onnx_put_scalar_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t dtype, double v) {
  uint8_t element[8] __attribute__((aligned(8)));
  cvk_store_real(dtype, element, 0, v);
  put_in(n, i, what, dtype, 0, NULL, element);
}

/* ---- inputs and nodes ---- */

int32_t cvk_onnx_dtype_in(const cvk_onnx_written *n, int32_t i) {
  return i < n->n_in && n->value[i] != CVK_NO_VALUE ? n->all->graph->values[n->value[i]].dtype : 0;
}

const cvk_tensor_desc *cvk_onnx_shape_in(const cvk_onnx_written *n, int32_t i) {
  const cvk_tensor_desc *d = i < n->n_in && n->value[i] != CVK_NO_VALUE ? &n->all->shape[n->value[i]] : NULL;
  return d && d->rank >= 0 ? d : NULL;
}

void cvk_onnx_put_node(cvk_onnx_export *all, cvk_onnx_written *n) {
  cvk_wire_out node = {0};
  int32_t n_in = n->n_in;
  while (n_in > 0 && n->in[n_in - 1][0] == 0) n_in--;
  for (int32_t i = 0; i < n_in; i++) cvk_wire_put_text(&node, NODE_INPUT, n->in[i]);
  for (int32_t i = 0; i < n->n_out; i++) cvk_wire_put_text(&node, NODE_OUTPUT, n->out[i]);
  const char *name = cvk_onnx_name_take(&all->nodes, &all->memory, n->label);
  if (name == NULL && all->status == CVK_OK) all->status = cvk_fail(CVK_NO_MEMORY, "no memory for the names of a model");
  cvk_wire_put_text(&node, NODE_NAME, name ? name : "");
  cvk_wire_put_text(&node, NODE_OP_TYPE, n->op_type);
  if (n->attrs.failed) node.failed = 1;
  cvk_wire_put(&node, n->attrs.data, n->attrs.bytes);
  cvk_wire_out_free(&n->attrs);
  cvk_wire_put_message(&all->node, 1, &node);
}

const char *cvk_onnx_put_before(cvk_onnx_written *n, const char *op_type, int32_t n_in, const char *const *in, cvk_wire_out *attrs) {
  cvk_onnx_written before = {.all = n->all, .op_type = op_type, .label = n->label, .n_in = n_in, .n_out = 1};
  for (int32_t i = 0; i < n_in; i++) before.in[i] = in[i];
  before.out[0] = cvk_onnx_put_name(n, op_type);
  if (attrs) before.attrs = *attrs;
  cvk_onnx_put_node(n->all, &before);
  return before.out[0];
}

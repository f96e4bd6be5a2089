/* SPDX-License-Identifier: Apache-2.0 */
/* inner.c: the names that the branches of an If read; inner.h has the contract. */
#include "inner.h"

enum { GRAPH_NODE = 1, GRAPH_OUTPUT = 12, NODE_INPUT = 1, NODE_ATTRIBUTE = 5, ATTR_GRAPH = 6, VALUE_NAME = 1 };

static cvk_status inner_name(const cvk_onnx_inner *r, cvk_view name) {
  if (*r->n == CVK_ONNX_MOST_VALUES) return cvk_fail(CVK_UNSUPPORTED, "a node's branches read more than %d names", CVK_ONNX_MOST_VALUES);
  if (r->to) r->see(r->arg, name, &r->to[*r->n]);
  ++*r->n;
  return CVK_OK;
}

static cvk_status inner_node(const cvk_onnx_inner *r, cvk_view node, int32_t depth) {
  cvk_wire w = cvk_wire_open(r->base, node);
  cvk_wire_field f;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == NODE_INPUT) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == NODE_INPUT) s = inner_name(r, f.view);
    if (s != CVK_OK) return s;
  }
  return depth < CVK_ONNX_MOST_DEPTH ? cvk_onnx_inner_names(r, node, depth + 1) : CVK_OK;
}

static cvk_status inner_graph(const cvk_onnx_inner *r, cvk_view graph, int32_t depth) {
  cvk_wire w = cvk_wire_open(r->base, graph);
  cvk_wire_field f;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    const int32_t wanted = f.number == GRAPH_NODE || f.number == GRAPH_OUTPUT;
    if (s == CVK_OK && wanted) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == GRAPH_NODE) s = inner_node(r, f.view, depth);
    if (f.number != GRAPH_OUTPUT) {
      if (s != CVK_OK) return s;
      continue;
    }
    cvk_wire v = cvk_wire_open(r->base, f.view); /* a branch's output may be an outer value */
    cvk_wire_field field;
    do {
      s = cvk_wire_next(&v, &field);
      if (s == CVK_OK && field.number == VALUE_NAME) s = cvk_wire_want(&v, &field, CVK_WIRE_BYTES);
      if (s == CVK_OK && field.number == VALUE_NAME) s = inner_name(r, field.view);
      if (s != CVK_OK) return s;
    } while (field.number != 0);
  }
}

cvk_status cvk_onnx_inner_names(const cvk_onnx_inner *r, cvk_view node, int32_t depth) {
  cvk_wire w = cvk_wire_open(r->base, node);
  cvk_wire_field f;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == NODE_ATTRIBUTE) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number != NODE_ATTRIBUTE) continue;
    cvk_wire a = cvk_wire_open(r->base, f.view);
    do {
      s = cvk_wire_next(&a, &f);
      if (s == CVK_OK && f.number == ATTR_GRAPH) s = cvk_wire_want(&a, &f, CVK_WIRE_BYTES);
      if (s == CVK_OK && f.number == ATTR_GRAPH) s = inner_graph(r, f.view, depth);
      if (s != CVK_OK) return s;
    } while (f.number != 0);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* model.c: ModelProto to flat arrays in two passes: count and check, then fill. model.h has the contract. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_IR_VERSION = 1, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_INITIALISER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, GRAPH_SPARSE_INITIALISER = 15 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { VALUE_NAME = 1, TENSOR_NAME = 8 };

typedef struct occurrence { /* a name and the place that wants its number */
  cvk_view name;
  int32_t *number;
} occurrence;

typedef struct reader {
  cvk_onnx_model *m;
  const uint8_t *base;
  occurrence *seen;
  int64_t n_seen;
} reader;

/* ---- top level ---- */

static cvk_status read_opset(reader *r, cvk_view message) {
  cvk_wire w = cvk_wire_open(r->base, message);
  cvk_wire_field f;
  cvk_view domain = {0};
  int64_t version = 0;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == OPSET_DOMAIN) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s == CVK_OK && f.number == OPSET_VERSION) s = cvk_wire_want(&w, &f, CVK_WIRE_VARINT);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == OPSET_DOMAIN) domain = f.view;
    if (f.number == OPSET_VERSION) version = (int64_t)f.value;
  }
  if (cvk_view_is(domain, "") || cvk_view_is(domain, "ai.onnx")) r->m->opset = version;
  return CVK_OK;
}

static cvk_status read_top(reader *r, cvk_view bytes, cvk_view *graph) {
  cvk_wire w = cvk_wire_open(r->base, bytes);
  cvk_wire_field f;
  *graph = (cvk_view){0};
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == MODEL_IR_VERSION) {
      s = cvk_wire_want(&w, &f, CVK_WIRE_VARINT);
      r->m->ir_version = (int64_t)f.value;
    } else if (f.number == MODEL_OPSET) {
      s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
      if (s == CVK_OK) s = read_opset(r, f.view);
    } else if (f.number == MODEL_GRAPH) {
      s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
      if (s == CVK_OK && graph->data) s = cvk_fail(CVK_IO_ERROR, "damaged ONNX data: the model holds two graphs");
      *graph = f.view;
    }
    if (s != CVK_OK) return s;
  }
  if (!graph->data) return cvk_fail(CVK_IO_ERROR, "the %llu bytes hold no graph: not an ONNX model", (unsigned long long)bytes.bytes);
  return CVK_OK;
}

/* ---- first pass: how many of each ---- */

static cvk_status count_one(int32_t *n, int32_t most, const char *what) {
  if (*n == most) return cvk_fail(CVK_UNSUPPORTED, "the model has more than %d %s", most, what);
  ++*n;
  return CVK_OK;
}

static cvk_status count_node(reader *r, cvk_view message) {
  cvk_wire w = cvk_wire_open(r->base, message);
  cvk_wire_field f;
  int32_t named = 0;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number >= NODE_INPUT && f.number <= NODE_DOMAIN && f.number != 6) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s == CVK_OK && (f.number == NODE_INPUT || f.number == NODE_OUTPUT))
      s = count_one(&r->m->n_values, CVK_ONNX_MOST_VALUES, "node inputs and outputs");
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == NODE_OP_TYPE) named = f.view.bytes > 0;
  }
  if (!named) return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: node %d has no op_type", r->m->n_nodes - 1);
  return CVK_OK;
}

static cvk_status count_graph(reader *r, cvk_view graph) {
  cvk_onnx_model *m = r->m;
  cvk_wire w = cvk_wire_open(r->base, graph);
  cvk_wire_field f;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == GRAPH_SPARSE_INITIALISER)
      return cvk_fail(CVK_UNSUPPORTED, "the model has sparse initialisers, which Convoke does not read");
    int32_t *const n = f.number == GRAPH_NODE          ? &m->n_nodes
                       : f.number == GRAPH_INITIALISER ? &m->n_initialisers
                       : f.number == GRAPH_INPUT       ? &m->n_inputs
                       : f.number == GRAPH_OUTPUT      ? &m->n_outputs
                                                       : NULL;
    if (!n) continue;
    s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s == CVK_OK && f.number == GRAPH_NODE) {
      s = count_one(n, CVK_ONNX_MOST_NODES, "nodes");
      if (s == CVK_OK) s = count_node(r, f.view);
    } else if (s == CVK_OK) {
      s = count_one(n, CVK_ONNX_MOST_ITEMS,
                    f.number == GRAPH_INITIALISER ? "initialisers"
                    : f.number == GRAPH_INPUT     ? "inputs"
                                                  : "outputs");
    }
    if (s != CVK_OK) return s;
  }
}

/* ---- second pass: fill; wire types were checked by the first ---- */

static void see(reader *r, cvk_view name, int32_t *number) {
  *number = -1;
  if (name.bytes > 0) r->seen[r->n_seen++] = (occurrence){name, number};
}

static cvk_status fill_node(reader *r, cvk_view message, cvk_onnx_node *node, int32_t first) {
  *node = (cvk_onnx_node){.message = message, .first = first};
  cvk_wire_field f;
  cvk_status s = CVK_OK;
  for (cvk_wire w = cvk_wire_open(r->base, message); s == CVK_OK;) {
    s = cvk_wire_next(&w, &f);
    if (f.number == 0) break;
    node->n_in += f.number == NODE_INPUT;
  }
  int32_t in = first, out = first + node->n_in;
  for (cvk_wire w = cvk_wire_open(r->base, message); s == CVK_OK;) {
    s = cvk_wire_next(&w, &f);
    if (f.number == 0) break;
    switch (f.number) {
      case NODE_INPUT:
        see(r, f.view, &r->m->value[in++]);
        break;
      case NODE_OUTPUT:
        see(r, f.view, &r->m->value[out++]);
        break;
      case NODE_NAME:
        node->name = f.view;
        break;
      case NODE_OP_TYPE:
        node->op_type = f.view;
        break;
      case NODE_DOMAIN:
        node->domain = f.view;
        break;
      default:
        break;
    }
  }
  node->n_out = out - first - node->n_in;
  return s;
}

static cvk_status fill_item(reader *r, cvk_view message, uint32_t name_field, const char *what, int32_t index, cvk_onnx_item *item) {
  cvk_wire w = cvk_wire_open(r->base, message);
  cvk_wire_field f;
  cvk_view name = {0};
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == name_field) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == name_field) name = f.view;
  }
  if (name.bytes == 0) return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: %s %d has no name", what, index);
  item->message = message;
  see(r, name, &item->name);
  return CVK_OK;
}

static cvk_status fill_graph(reader *r, cvk_view graph) {
  cvk_onnx_model *m = r->m;
  cvk_wire w = cvk_wire_open(r->base, graph);
  cvk_wire_field f;
  int32_t node = 0, initialiser = 0, input = 0, output = 0, value = 0;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == GRAPH_NODE) {
      cvk_onnx_node *n = &m->node[node++];
      s = fill_node(r, f.view, n, value);
      value += n->n_in + n->n_out;
    } else if (f.number == GRAPH_INITIALISER) {
      s = fill_item(r, f.view, TENSOR_NAME, "initialiser", initialiser, &m->initialiser[initialiser]);
      initialiser++;
    } else if (f.number == GRAPH_INPUT) {
      s = fill_item(r, f.view, VALUE_NAME, "graph input", input, &m->input[input]);
      input++;
    } else if (f.number == GRAPH_OUTPUT) {
      s = fill_item(r, f.view, VALUE_NAME, "graph output", output, &m->output[output]);
      output++;
    }
    if (s != CVK_OK) return s;
  }
}

static int compare_occurrences(const void *a, const void *b) {
  return cvk_view_compare(((const occurrence *)a)->name, ((const occurrence *)b)->name);
}

/* Sorting numbers equal names alike in n log n whatever the names are; a hash table could be made slow by a hostile file. */
static cvk_status number_names(reader *r) {
  cvk_onnx_model *m = r->m;
  if (r->n_seen > 1) qsort(r->seen, (size_t)r->n_seen, sizeof *r->seen, compare_occurrences);
  for (int64_t i = 0; i < r->n_seen; i++) {
    if (i == 0 || compare_occurrences(&r->seen[i - 1], &r->seen[i]) != 0) m->n_names++;
    *r->seen[i].number = m->n_names - 1;
  }
  m->name = calloc((size_t)m->n_names + 1, sizeof *m->name);
  if (!m->name) return cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for %d names", m->n_names);
  for (int64_t i = 0; i < r->n_seen; i++) m->name[*r->seen[i].number] = r->seen[i].name;
  return CVK_OK;
}

static cvk_status allocate(reader *r) {
  cvk_onnx_model *m = r->m;
  const int64_t occurrences = (int64_t)m->n_values + m->n_initialisers + m->n_inputs + m->n_outputs;
  m->node = calloc((size_t)m->n_nodes + 1, sizeof *m->node);
  m->value = calloc((size_t)m->n_values + 1, sizeof *m->value);
  m->initialiser = calloc((size_t)m->n_initialisers + 1, sizeof *m->initialiser);
  m->input = calloc((size_t)m->n_inputs + 1, sizeof *m->input);
  m->output = calloc((size_t)m->n_outputs + 1, sizeof *m->output);
  r->seen = calloc((size_t)occurrences + 1, sizeof *r->seen);
  if (m->node && m->value && m->initialiser && m->input && m->output && r->seen) return CVK_OK;
  return cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for %d nodes and %d initialisers", m->n_nodes, m->n_initialisers);
}

cvk_status cvk_onnx_model_read(cvk_onnx_file *file, cvk_onnx_model **out) {
  cvk_onnx_model *m = calloc(1, sizeof *m);
  if (!m) return cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for %zu bytes", sizeof *m);
  cvk_onnx_file_retain(file);
  m->file = file;
  m->opset = 1; /* files older than IR version 3 do not say */
  reader r = {.m = m, .base = cvk_onnx_file_bytes(file).data};
  cvk_view graph;
  cvk_status s = read_top(&r, cvk_onnx_file_bytes(file), &graph);
  if (s == CVK_OK) s = count_graph(&r, graph);
  if (s == CVK_OK) s = allocate(&r);
  if (s == CVK_OK) s = fill_graph(&r, graph);
  if (s == CVK_OK) s = number_names(&r);
  free(r.seen);
  if (s == CVK_OK)
    *out = m;
  else
    cvk_onnx_model_free(m);
  return s;
}

void cvk_onnx_model_free(cvk_onnx_model *m) {
  if (!m) return;
  free(m->node);
  free(m->value);
  free(m->name);
  free(m->initialiser);
  free(m->input);
  free(m->output);
  cvk_onnx_file_release(m->file);
  free(m);
}

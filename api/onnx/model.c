/* SPDX-License-Identifier: Apache-2.0 */
/* model.c: ModelProto to flat arrays in two passes: count and check, then fill. model.h has the contract. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "inner.h"

enum { MODEL_IR_VERSION = 1, MODEL_GRAPH = 7, MODEL_OPSET = 8, MODEL_FUNCTION = 25 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { FUNCTION_NAME = 1, FUNCTION_OPSET = 9, FUNCTION_DOMAIN = 10 };

/* Field numbers of what holds nodes; 0: it has none of these. Item names are field `..._name` of the item, 0: the item is the name. */
typedef struct layout {
  uint32_t node, initialiser, input, output, sparse_initialiser;
  uint32_t initialiser_name, value_name;
} layout;
static const layout graph_layout = {1, 5, 11, 12, 15, 8, 1};
static const layout function_layout = {.node = 7, .input = 4, .output = 5};

typedef struct occurrence { /* a name and the place that wants its number */
  cvk_view name;
  int32_t *number;
} occurrence;

typedef struct reader {
  cvk_onnx_model *m;
  const uint8_t *base;
  const layout *at;
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

static cvk_view known_domain(cvk_view domain) {
  return cvk_view_is(domain, "ai.onnx") ? (cvk_view){0} : domain;
}

static int compare_functions(const void *a, const void *b) {
  const cvk_onnx_function *x = a, *y = b;
  const int c = cvk_view_compare(known_domain(x->domain), known_domain(y->domain));
  return c ? c : cvk_view_compare(x->name, y->name);
}

static cvk_status add_function(reader *r, cvk_view message) {
  cvk_onnx_model *m = r->m;
  if (m->n_functions == CVK_ONNX_MOST_FUNCTIONS)
    return cvk_fail(CVK_UNSUPPORTED, "the model has more than %d functions", CVK_ONNX_MOST_FUNCTIONS);
  if ((m->n_functions & (m->n_functions - 1)) == 0) { /* full: the room is the next power of two */
    cvk_onnx_function *more = realloc(m->function, (size_t)(m->n_functions ? 2 * m->n_functions : 1) * sizeof *more);
    if (!more) return cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for %d functions", m->n_functions + 1);
    m->function = more;
  }
  cvk_onnx_function *function = &m->function[m->n_functions++];
  *function = (cvk_onnx_function){.message = message};
  cvk_wire w = cvk_wire_open(r->base, message);
  cvk_wire_field f;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && (f.number == FUNCTION_NAME || f.number == FUNCTION_DOMAIN)) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == FUNCTION_NAME) function->name = f.view;
    if (f.number == FUNCTION_DOMAIN) function->domain = f.view;
  }
}

/* Sorted, so that a node finds its function in log n. */
static cvk_status sort_functions(cvk_onnx_model *m) {
  if (m->n_functions > 1) qsort(m->function, (size_t)m->n_functions, sizeof *m->function, compare_functions);
  for (int32_t i = 1; i < m->n_functions; i++)
    if (compare_functions(&m->function[i - 1], &m->function[i]) == 0)
      return cvk_fail(CVK_UNSUPPORTED, "the model has two functions named '%.*s' (overloads are not read)",
                      CVK_VIEW_TEXT(m->function[i].name));
  return CVK_OK;
}

int32_t cvk_onnx_function_find(const cvk_onnx_model *top, cvk_view domain, cvk_view op_type) {
  if (top->n_functions == 0) return -1;
  const cvk_onnx_function key = {.domain = domain, .name = op_type};
  const cvk_onnx_function *hit = bsearch(&key, top->function, (size_t)top->n_functions, sizeof *top->function, compare_functions);
  return hit ? (int32_t)(hit - top->function) : -1;
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
    } else if (f.number == MODEL_FUNCTION) {
      s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
      if (s == CVK_OK) s = add_function(r, f.view);
    } else if (f.number == MODEL_GRAPH) {
      s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
      if (s == CVK_OK && graph->data) s = cvk_fail(CVK_IO_ERROR, "damaged ONNX data: the model holds two graphs");
      *graph = f.view;
    }
    if (s != CVK_OK) return s;
  }
  if (!graph->data) return cvk_fail(CVK_IO_ERROR, "the %llu bytes hold no graph: not an ONNX model", (unsigned long long)bytes.bytes);
  return sort_functions(r->m);
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
  int32_t named = 0, is_if = 0;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number >= NODE_INPUT && f.number <= NODE_DOMAIN && f.number != 6) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s == CVK_OK && (f.number == NODE_INPUT || f.number == NODE_OUTPUT))
      s = count_one(&r->m->n_values, CVK_ONNX_MOST_VALUES, "node inputs and outputs");
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == NODE_OP_TYPE) {
      named = f.view.bytes > 0;
      is_if = cvk_view_is(f.view, "If");
    }
  }
  if (!named) return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: node %d has no op_type", r->m->n_nodes - 1);
  return is_if ? cvk_onnx_inner_names(&(cvk_onnx_inner){.base = r->base, .n = &r->m->n_values}, message, 1) : CVK_OK;
}

static cvk_status count_graph(reader *r, cvk_view graph) {
  cvk_onnx_model *m = r->m;
  cvk_wire w = cvk_wire_open(r->base, graph);
  cvk_wire_field f;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == r->at->sparse_initialiser)
      return cvk_fail(CVK_UNSUPPORTED, "the model has sparse initialisers, which Convoke does not read");
    int32_t *const n = f.number == r->at->node          ? &m->n_nodes
                       : f.number == r->at->initialiser ? &m->n_initialisers
                       : f.number == r->at->input       ? &m->n_inputs
                       : f.number == r->at->output      ? &m->n_outputs
                                                        : NULL;
    if (!n) continue;
    s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s == CVK_OK && f.number == r->at->node) {
      s = count_one(n, CVK_ONNX_MOST_NODES, "nodes");
      if (s == CVK_OK) s = count_node(r, f.view);
    } else if (s == CVK_OK) {
      s = count_one(n, CVK_ONNX_MOST_ITEMS,
                    f.number == r->at->initialiser ? "initialisers"
                    : f.number == r->at->input     ? "inputs"
                                                   : "outputs");
    }
    if (s != CVK_OK) return s;
  }
}

/* ---- second pass: fill; wire types were checked by the first ---- */

static void see(void *of, cvk_view name, int32_t *number) {
  reader *r = of;
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
  if (s == CVK_OK && cvk_view_is(node->op_type, "If"))
    s = cvk_onnx_inner_names(&(cvk_onnx_inner){.base = r->base, .n = &node->n_inner, .to = &r->m->value[out], .see = see, .arg = r},
                             message, 1);
  return s;
}

static cvk_status fill_item(reader *r, cvk_view message, uint32_t name_field, const char *what, int32_t index, cvk_onnx_item *item) {
  cvk_wire w = cvk_wire_open(r->base, message);
  cvk_wire_field f;
  cvk_view name = {0};
  if (name_field == 0) name = message;
  while (name_field != 0) {
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
    if (f.number == r->at->node) {
      cvk_onnx_node *n = &m->node[node++];
      s = fill_node(r, f.view, n, value);
      value += n->n_in + n->n_out + n->n_inner;
    } else if (f.number == r->at->initialiser) {
      s = fill_item(r, f.view, r->at->initialiser_name, "initialiser", initialiser, &m->initialiser[initialiser]);
      initialiser++;
    } else if (f.number == r->at->input) {
      s = fill_item(r, f.view, r->at->value_name, "graph input", input, &m->input[input]);
      input++;
    } else if (f.number == r->at->output) {
      s = fill_item(r, f.view, r->at->value_name, "graph output", output, &m->output[output]);
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

static cvk_status read_nodes(reader *r, cvk_view graph) {
  cvk_status s = count_graph(r, graph);
  if (s == CVK_OK) s = allocate(r);
  if (s == CVK_OK) s = fill_graph(r, graph);
  if (s == CVK_OK) s = number_names(r);
  free(r->seen);
  return s;
}

/* A model without nodes; opset 1: files older than IR version 3 do not say. */
static cvk_status begin(reader *r, cvk_onnx_file *file, const layout *at) {
  cvk_onnx_model *m = calloc(1, sizeof *m);
  if (!m) return cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for %zu bytes", sizeof *m);
  cvk_onnx_file_retain(file);
  m->file = file;
  m->opset = 1;
  *r = (reader){.m = m, .base = cvk_onnx_file_bytes(file).data, .at = at};
  return CVK_OK;
}

static cvk_status end(reader *r, cvk_status s, cvk_onnx_model **out) {
  if (s == CVK_OK)
    *out = r->m;
  else
    cvk_onnx_model_free(r->m);
  return s;
}

cvk_status cvk_onnx_model_read(cvk_onnx_file *file, cvk_onnx_model **out) {
  reader r;
  cvk_view graph;
  cvk_status s = begin(&r, file, &graph_layout);
  if (s != CVK_OK) return s;
  s = read_top(&r, cvk_onnx_file_bytes(file), &graph);
  if (s == CVK_OK) s = read_nodes(&r, graph);
  return end(&r, s, out);
}

cvk_status cvk_onnx_branch_read(const cvk_onnx_model *outer, cvk_view graph, cvk_onnx_model **out) {
  reader r;
  const cvk_status s = begin(&r, outer->file, &graph_layout);
  if (s != CVK_OK) return s;
  r.m->ir_version = outer->ir_version;
  r.m->opset = outer->opset;
  return end(&r, read_nodes(&r, graph), out);
}

cvk_status cvk_onnx_function_read(const cvk_onnx_model *outer, const cvk_onnx_function *function, cvk_onnx_model **out) {
  reader r;
  cvk_wire_field f = {.number = 1};
  cvk_status s = begin(&r, outer->file, &function_layout);
  if (s != CVK_OK) return s;
  r.m->ir_version = outer->ir_version;
  r.m->opset = outer->opset;
  for (cvk_wire w = cvk_wire_open(r.base, function->message); s == CVK_OK && f.number != 0;) {
    s = cvk_wire_next(&w, &f);
    if (s != CVK_OK || f.number != FUNCTION_OPSET) continue;
    s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s == CVK_OK) s = read_opset(&r, f.view);
  }
  if (s == CVK_OK) s = read_nodes(&r, function->message);
  return end(&r, s, out);
}

void cvk_onnx_model_free(cvk_onnx_model *m) {
  if (!m) return;
  free(m->function);
  free(m->node);
  free(m->value);
  free(m->name);
  free(m->initialiser);
  free(m->input);
  free(m->output);
  cvk_onnx_file_release(m->file);
  free(m);
}

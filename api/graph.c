/* SPDX-License-Identifier: Apache-2.0 */
/* graph.c: building and describing graphs (convoke/graph.h). */
#include <stdlib.h>
#include <string.h>

#include "context_internal.h"
#include "graph_internal.h"
#include "struct_copy.h"
#include "tensor_internal.h"

cvk_status cvk_grow(void **array, int32_t n, int32_t *cap, size_t element_bytes) {
  if (n < *cap) return CVK_OK;
  const int32_t want = *cap ? *cap * 2 : 16;
  void *p = *cap > INT32_MAX / 2 ? NULL : realloc(*array, (size_t)want * element_bytes);
  if (p == NULL) return cvk_fail(CVK_NO_MEMORY, "no memory for %d entries of %zu bytes", want, element_bytes);
  *array = p;
  *cap = want;
  return CVK_OK;
}

cvk_status cvk_graph_create(cvk_context *ctx, cvk_graph **out) {
  if (ctx == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_create: %s is NULL", ctx ? "out" : "ctx");
  cvk_graph *g = calloc(1, sizeof *g);
  if (g == NULL) return cvk_fail(CVK_NO_MEMORY, "graph_create: no memory for %zu bytes", sizeof *g);
  atomic_store(&g->refs, 1);
  g->ctx = cvk_context_retain(ctx);
  *out = g;
  return CVK_OK;
}

cvk_graph *cvk_graph_retain(cvk_graph *g) {
  atomic_fetch_add(&g->refs, 1);
  return g;
}

void cvk_graph_borrow_context(cvk_graph *g) {
  g->borrowed = 1;
  cvk_context_release(g->ctx);
}

void cvk_graph_release(cvk_graph *g) {
  if (g == NULL || atomic_fetch_sub(&g->refs, 1) != 1) return;
  for (int32_t i = 0; i < g->n_values; i++) {
    free(g->values[i].name);
    cvk_tensor_release(g->values[i].constant);
  }
  for (int32_t i = 0; i < g->n_nodes; i++) {
    free(g->nodes[i].in);
    free(g->nodes[i].name);
  }
  for (int32_t i = 0; i < g->n_outputs; i++) free(g->output_names[i]);
  free(g->values);
  free(g->nodes);
  free(g->inputs);
  free(g->outputs);
  free(g->output_names);
  if (!g->borrowed) cvk_context_release(g->ctx);
  free(g);
}

static cvk_status check_open(const char *fn, const cvk_graph *g) {
  if (g == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: the graph is NULL", fn);
  if (atomic_load(&g->frozen)) return cvk_fail(CVK_BUSY, "%s: a session was made of this graph; it can't change any more", fn);
  return CVK_OK;
}

static cvk_status copy_name(const char *name, char **out) {
  *out = name ? strdup(name) : NULL;
  return name && *out == NULL ? cvk_fail(CVK_NO_MEMORY, "no memory for the name '%.60s'", name) : CVK_OK;
}

/* Appends a value that belongs to nothing yet. */
static cvk_status add_value(cvk_graph *g, const char *name, cvk_value *out) {
  cvk_status status = cvk_grow((void **)&g->values, g->n_values, &g->cap_values, sizeof *g->values);
  if (status != CVK_OK) return status;
  cvk_graph_value *v = &g->values[g->n_values];
  memset(v, 0, sizeof *v);
  v->input = -1;
  v->rank = -1;
  status = copy_name(name, &v->name);
  if (status == CVK_OK) *out = g->n_values++;
  return status;
}

cvk_status cvk_graph_input(cvk_graph *g, const char *name, int32_t dtype, int32_t rank, const int64_t *dim, cvk_value *out) {
  cvk_value v = CVK_NO_VALUE;
  cvk_status status = check_open("graph_input", g);
  if (status != CVK_OK) return status;
  if (name == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_input: %s is NULL", name ? "out" : "name");
  if (cvk_dtype_bytes(dtype) == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_input '%s': element type %d is not supported", name, dtype);
  if (rank < -1 || rank > CVK_MAX_RANK) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "graph_input '%s': rank %d is not in -1..%d", name, rank, CVK_MAX_RANK);
  }
  for (int32_t i = 0; i < rank; i++) {
    if (dim[i] < -1) {
      return cvk_fail(CVK_INVALID_SHAPE, "graph_input '%s': extent %lld of axis %d is below -1", name, (long long)dim[i], i);
    }
  }
  for (int32_t i = 0; i < g->n_inputs; i++) {
    if (strcmp(g->values[g->inputs[i]].name, name) == 0) {
      return cvk_fail(CVK_INVALID_ARGUMENT, "graph_input '%s': the graph has an input of this name", name);
    }
  }
  status = cvk_grow((void **)&g->inputs, g->n_inputs, &g->cap_inputs, sizeof *g->inputs);
  if (status == CVK_OK) status = add_value(g, name, &v);
  if (status != CVK_OK) return status;
  g->values[v].dtype = dtype;
  g->values[v].rank = rank;
  for (int32_t i = 0; i < rank; i++) g->values[v].dim[i] = dim[i];
  g->values[v].input = g->n_inputs;
  g->inputs[g->n_inputs++] = v;
  *out = v;
  return CVK_OK;
}

cvk_status cvk_graph_constant(cvk_graph *g, const char *name, cvk_tensor *t, cvk_value *out) {
  cvk_value v = CVK_NO_VALUE;
  cvk_status status = check_open("graph_constant", g);
  if (status != CVK_OK) return status;
  if (t == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_constant: %s is NULL", t ? "out" : "the tensor");
  if (t->storage->buf) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "graph_constant '%s': the tensor is not in host memory", name ? name : "");
  }
  status = add_value(g, name, &v);
  if (status != CVK_OK) return status;
  g->values[v].dtype = t->desc.dtype;
  g->values[v].rank = t->desc.rank;
  memcpy(g->values[v].dim, t->desc.dim, sizeof t->desc.dim);
  g->values[v].constant = cvk_tensor_retain(t);
  *out = v;
  return CVK_OK;
}

cvk_status cvk_graph_op(cvk_graph *g, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in, int32_t n_out, cvk_value *out,
                        const char *node_name) {
  cvk_status status = check_open("graph_op", g);
  if (status != CVK_OK) return status;
  const cvk_op_def *def = cvk_op_def_find(kind);
  if (def == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_op: op kind %d is unknown", kind);
  if (n_in < def->min_in || n_in > def->max_in) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %d inputs given, it takes %d to %d", def->name, n_in, def->min_in, def->max_in);
  }
  if (n_out < 1 || n_out > def->max_out) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %d outputs asked for, it has 1 to %d", def->name, n_out, def->max_out);
  }
  for (int32_t i = 0; i < n_in; i++) {
    if (in[i] < CVK_NO_VALUE || in[i] >= g->n_values) {
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d is value %d, the graph has 0..%d", def->name, i, in[i], g->n_values - 1);
    }
    if (in[i] == CVK_NO_VALUE && i < def->min_in) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d is required", def->name, i);
  }
  status = cvk_grow((void **)&g->nodes, g->n_nodes, &g->cap_nodes, sizeof *g->nodes);
  if (status != CVK_OK) return status;
  cvk_graph_node node = {.kind = kind, .n_in = n_in, .n_out = n_out, .has_attr = attr != NULL && def->attr_bytes > 0};
  if (node.has_attr) status = cvk_attr_copy(def, attr, &node.attr);
  if (status == CVK_OK) status = copy_name(node_name, &node.name);
  if (status == CVK_OK) {
    node.in = malloc(((size_t)n_in + (size_t)n_out) * sizeof *node.in);
    if (node.in == NULL) status = cvk_fail(CVK_NO_MEMORY, "%s: no memory for a node", def->name);
  }
  const int32_t n_values = g->n_values;
  if (status == CVK_OK) {
    node.out = node.in + n_in;
    for (int32_t i = 0; i < n_in; i++) node.in[i] = in[i];
    for (int32_t i = 0; i < n_out && status == CVK_OK; i++) status = add_value(g, NULL, &node.out[i]);
  }
  if (status != CVK_OK) {
    g->n_values = n_values;
    free(node.in);
    free(node.name);
    return status;
  }
  for (int32_t i = 0; i < n_out; i++) {
    out[i] = node.out[i];
    g->values[out[i]].dtype = cvk_graph_output_dtype(g, &node, i);
  }
  g->nodes[g->n_nodes++] = node;
  return CVK_OK;
}

cvk_status cvk_graph_output(cvk_graph *g, cvk_value v, const char *name) {
  char *copy = NULL;
  cvk_status status = check_open("graph_output", g);
  if (status != CVK_OK) return status;
  if (name == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_output: name is NULL");
  if (v < 0 || v >= g->n_values) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "graph_output '%s': value %d is not in 0..%d", name, v, g->n_values - 1);
  }
  int32_t cap = g->cap_outputs;
  status = cvk_grow((void **)&g->outputs, g->n_outputs, &cap, sizeof *g->outputs);
  if (status == CVK_OK) status = cvk_grow((void **)&g->output_names, g->n_outputs, &g->cap_outputs, sizeof *g->output_names);
  if (status == CVK_OK) status = copy_name(name, &copy);
  if (status != CVK_OK) return status;
  g->outputs[g->n_outputs] = v;
  g->output_names[g->n_outputs++] = copy;
  return CVK_OK;
}

void cvk_graph_freeze(cvk_graph *g) {
  if (atomic_exchange(&g->frozen, 1)) return;
  for (int32_t n = g->n_nodes - 1; n >= 0; n--) {
    const cvk_graph_node *node = &g->nodes[n];
    uint32_t values = cvk_op_def_find(node->kind)->values;
    int32_t wanted = 0;
    for (int32_t i = 0; i < node->n_out; i++) wanted |= g->values[node->out[i]].by_value;
    if (wanted && node->kind != CVK_OP_SHAPE) values = UINT32_MAX;
    for (int32_t i = 0; i < node->n_in; i++) {
      if (node->in[i] != CVK_NO_VALUE && (i < 32 ? values >> i & 1 : values == UINT32_MAX)) g->values[node->in[i]].by_value = 1;
    }
  }
}

int32_t cvk_graph_input_count(const cvk_graph *g) { return g->n_inputs; }
int32_t cvk_graph_output_count(const cvk_graph *g) { return g->n_outputs; }
int32_t cvk_graph_op_count(const cvk_graph *g) { return g->n_nodes; }
int32_t cvk_graph_op_kind(const cvk_graph *g, int32_t index) { return index >= 0 && index < g->n_nodes ? g->nodes[index].kind : 0; }

const char *cvk_graph_op_name(const cvk_graph *g, int32_t index) {
  if (index < 0 || index >= g->n_nodes) return "";
  return g->nodes[index].name ? g->nodes[index].name : cvk_op_def_find(g->nodes[index].kind)->name;
}

cvk_status cvk_graph_op_constant(const cvk_graph *g, int32_t index, int32_t input, cvk_tensor **out) {
  if (g == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_op_constant: %s is NULL", g ? "out" : "the graph");
  if (index < 0 || index >= g->n_nodes) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_op_constant: op %d is not in 0..%d", index, g->n_nodes - 1);
  const cvk_graph_node *node = &g->nodes[index];
  const cvk_value v = input >= 0 && input < node->n_in ? node->in[input] : CVK_NO_VALUE;
  if (v == CVK_NO_VALUE || g->values[v].constant == NULL) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "graph_op_constant: input %d of op %d '%.60s' is no constant", input, index, cvk_graph_op_name(g, index));
  }
  *out = cvk_tensor_retain(g->values[v].constant);
  return CVK_OK;
}

static cvk_status value_info(const cvk_graph *g, cvk_value value, const char *name, cvk_value_info *out) {
  const cvk_graph_value *v = &g->values[value];
  cvk_value_info full = {.dtype = v->dtype, .rank = v->rank, .name = name};
  memcpy(full.dim, v->dim, sizeof full.dim);
  return cvk_copy_out(out, &full, sizeof full, "value_info");
}

cvk_status cvk_graph_input_info(const cvk_graph *g, int32_t index, cvk_value_info *out) {
  if (index < 0 || index >= g->n_inputs) return cvk_fail(CVK_INVALID_ARGUMENT, "graph input %d is not in 0..%d", index, g->n_inputs - 1);
  return value_info(g, g->inputs[index], g->values[g->inputs[index]].name, out);
}

cvk_status cvk_graph_output_info(const cvk_graph *g, int32_t index, cvk_value_info *out) {
  if (index < 0 || index >= g->n_outputs) return cvk_fail(CVK_INVALID_ARGUMENT, "graph output %d is not in 0..%d", index, g->n_outputs - 1);
  return value_info(g, g->outputs[index], g->output_names[index], out);
}

int64_t cvk_graph_parameter_count(const cvk_graph *g) {
  uint8_t *counted = calloc((size_t)g->n_values + 1, sizeof *counted);
  int64_t n = 0;
  for (int32_t k = 0; k < g->n_nodes && counted; k++) {
    const cvk_graph_node *node = &g->nodes[k];
    const uint32_t values = cvk_op_def_find(node->kind)->values;
    for (int32_t i = 0; i < node->n_in; i++) {
      const cvk_value v = node->in[i];
      if (v == CVK_NO_VALUE || counted[v] || (i < 32 && values >> i & 1)) continue;
      const cvk_graph_value *c = &g->values[v];
      if (c->constant == NULL || c->by_value || c->dtype != CVK_F32) continue;
      n += cvk_tensor_count(c->constant);
      counted[v] = 1;
    }
  }
  free(counted);
  return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* known.c: what a value will be, as far as it follows from constants and declared shapes: the ops that it depends on are copied into a
 * graph of their own, and that is lowered as for a plan. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "scope.h"

#define FOLD_MOST ((uint64_t)1 << 20) /* bytes, and work: conditions are about sizes and flags */

/* Marks the values and nodes that v depends on. */
static void mark(const cvk_graph *g, cvk_value v, uint8_t *value, uint8_t *node) {
  value[v] = 1;
  for (int32_t i = g->n_nodes - 1; i >= 0; i--) {
    const cvk_graph_node *n = &g->nodes[i];
    for (int32_t k = 0; k < n->n_out; k++) node[i] |= value[n->out[k]];
    for (int32_t k = 0; node[i] && k < n->n_in; k++)
      if (n->in[k] != CVK_NO_VALUE) value[n->in[k]] = 1;
  }
}

static int32_t is_open(const cvk_graph_value *v) {
  int32_t open = v->rank < 0;
  for (int32_t i = 0; i < v->rank; i++) open |= v->dim[i] < 0;
  return open;
}

/* Copies what is marked; `to` gives the new number of each value. *known 0: an input among it has an open shape. */
static cvk_status copy(const cvk_graph *g, const uint8_t *value, const uint8_t *node, cvk_graph *out, cvk_value *to, int32_t *known) {
  cvk_status s = CVK_OK;
  *known = 1;
  for (int32_t v = 0; v < g->n_values && s == CVK_OK; v++) {
    const cvk_graph_value *from = &g->values[v];
    to[v] = CVK_NO_VALUE;
    if (!value[v]) continue;
    if (from->constant) s = cvk_graph_constant(out, NULL, from->constant, &to[v]);
    if (from->input < 0) continue;
    if (is_open(from)) *known = 0;
    s = cvk_graph_input(out, from->name, from->dtype, from->rank, from->dim, &to[v]);
  }
  for (int32_t i = 0; i < g->n_nodes && s == CVK_OK; i++) {
    const cvk_graph_node *n = &g->nodes[i];
    cvk_value in[CVK_MAX_INPUTS], result[CVK_MAX_OUTPUTS];
    if (!node[i]) continue;
    for (int32_t k = 0; k < n->n_in; k++) in[k] = n->in[k] == CVK_NO_VALUE ? CVK_NO_VALUE : to[n->in[k]];
    s = cvk_graph_op(out, n->kind, n->has_attr ? &n->attr : NULL, n->n_in, in, n->n_out, result, n->name);
    for (int32_t k = 0; k < n->n_out && s == CVK_OK; k++) to[n->out[k]] = result[k];
  }
  return s;
}

/* A graph that can't be lowered has no known value here; it fails with its sentence when a plan is made. */
static cvk_status lower(cvk_graph *g, cvk_value v, cvk_tensor **out) {
  const cvk_session_options options = {.struct_size = sizeof options};
  cvk_plan *p = calloc(1, sizeof *p);
  if (!p) return cvk_plan_no_memory();
  cvk_graph_freeze(g);
  p->graph = g;
  p->options = &options;
  p->fold_bytes = p->fold_work = FOLD_MOST;
  p->inputs = cvk_arena_alloc(&p->memory, (size_t)g->n_inputs + 1, sizeof *p->inputs);
  cvk_status s = p->inputs ? CVK_OK : cvk_plan_no_memory();
  for (int32_t i = 0; s == CVK_OK && i < g->n_inputs; i++) {
    const cvk_graph_value *in = &g->values[g->inputs[i]];
    p->inputs[i] = (cvk_io_key){.dtype = in->dtype, .rank = in->rank};
    memcpy(p->inputs[i].dim, in->dim, sizeof in->dim);
  }
  if (s == CVK_OK && cvk_plan_lower(p) == CVK_OK && p->values[v].constant) *out = cvk_tensor_retain(p->values[v].constant);
  cvk_plan_free(p);
  return s;
}

cvk_status cvk_onnx_known(cvk_graph *g, cvk_value v, int64_t *looked_at, cvk_tensor **out) {
  *out = NULL;
  if (g->values[v].constant) {
    *out = cvk_tensor_retain(g->values[v].constant);
    return CVK_OK;
  }
  *looked_at += g->n_nodes;
  uint8_t *value = calloc((size_t)g->n_values + 1, 1), *node = calloc((size_t)g->n_nodes + 1, 1);
  cvk_value *to = calloc((size_t)g->n_values + 1, sizeof *to);
  cvk_graph *part = NULL;
  int32_t known = 0;
  cvk_status s = value && node && to ? cvk_graph_create(g->ctx, &part) : cvk_plan_no_memory();
  if (s == CVK_OK) {
    mark(g, v, value, node);
    s = copy(g, value, node, part, to, &known);
  }
  if (s == CVK_OK && known) s = cvk_graph_output(part, to[v], "condition");
  if (s == CVK_OK && known) s = lower(part, to[v], out);
  cvk_graph_release(part);
  free(value);
  free(node);
  free(to);
  return s;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c: a scope's names and the order of its nodes; scope.h has the contract. */
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>

cvk_status cvk_onnx_scope_create(cvk_onnx_import *all, const cvk_onnx_scope *around, const cvk_onnx_model *m, cvk_onnx_scope **out) {
  const int32_t depth = around ? around->depth + 1 : 0;
  if (depth > CVK_ONNX_MOST_DEPTH)
    return cvk_fail(CVK_UNSUPPORTED, "subgraphs and functions are nested deeper than %d", CVK_ONNX_MOST_DEPTH);
  cvk_onnx_scope *s = calloc(1, sizeof *s);
  if (s) s->name = calloc((size_t)m->n_names + 1, sizeof *s->name);
  if (!s || !s->name) {
    free(s);
    return cvk_fail(CVK_NO_MEMORY, "no memory for %d names", m->n_names);
  }
  s->call = (cvk_onnx_call){.scope = s, .model = m, .graph = all->graph, .name = s->name};
  s->all = all;
  s->m = m;
  s->depth = depth;
  s->n_args = around ? around->n_args : -1;
  s->arg = around ? around->arg : NULL;
  if (around) snprintf(s->prefix, sizeof s->prefix, "%.120s/", around->call.label);
  *out = s;
  return CVK_OK;
}

void cvk_onnx_scope_free(cvk_onnx_scope *s) {
  if (!s) return;
  for (int32_t i = 0; i < s->m->n_names; i++) cvk_tensor_release(s->name[i].constant);
  free(s->name);
  free(s->order);
  free(s->own_arg);
  free(s);
}

/* Who produces and how many read each value. */
cvk_status cvk_onnx_scope_link(cvk_onnx_scope *im) {
  const cvk_onnx_model *m = im->m;
  for (int32_t i = 0; i < m->n_names; i++) im->name[i] = (cvk_onnx_name){.value = CVK_NO_VALUE, .rank = -1, .producer = -1};
  for (int32_t i = 0; i < m->n_nodes; i++) {
    const cvk_onnx_node *node = &m->node[i];
    for (int32_t k = 0; k < node->n_in + node->n_out + node->n_inner; k++) {
      const int32_t number = m->value[node->first + k];
      if (number < 0) continue;
      if (k < node->n_in || k >= node->n_in + node->n_out) {
        im->name[number].uses++;
      } else {
        if (im->name[number].producer >= 0) return cvk_onnx_fail_twice(m->name[number]);
        im->name[number].producer = i;
      }
    }
  }
  for (int32_t i = 0; i < m->n_outputs; i++) im->name[m->output[i].name].uses++;
  return CVK_OK;
}

/* Depth-first from each node in the file's order, with a stack of our own: a sorted file keeps its order. */
static cvk_status sort_nodes(cvk_onnx_scope *im, int32_t *stack, int32_t *next_input, uint8_t *state) {
  enum { NEW = 0, OPEN = 1, DONE = 2 };
  const cvk_onnx_model *m = im->m;
  int32_t n = 0;
  for (int32_t root = 0; root < m->n_nodes; root++) {
    int32_t depth = 0;
    if (state[root] == NEW) stack[depth++] = root;
    while (depth > 0) {
      const int32_t at = stack[depth - 1];
      const cvk_onnx_node *node = &m->node[at];
      state[at] = OPEN;
      int32_t wanted = -1;
      while (wanted < 0 && next_input[at] < node->n_in + node->n_inner) {
        const int32_t i = next_input[at]++, inner = i >= node->n_in, number = m->value[node->first + i + (inner ? node->n_out : 0)];
        if (number < 0) continue;
        const cvk_onnx_name *name = &im->name[number];
        /* What a branch reads may be a name of its own, so that only nodes that stand before the If, as the standard has it, count. */
        if (inner && (name->producer < 0 || name->producer >= at || state[name->producer] != NEW)) continue;
        if (name->producer < 0 && name->value == CVK_NO_VALUE && !name->absent)
          return cvk_onnx_fail_at_node(im, at,
                                       cvk_fail(CVK_INVALID_ARGUMENT, "input %d, '%.*s', is not defined by any node, input or initialiser",
                                                i, CVK_VIEW_TEXT(m->name[number])));
        if (name->producer >= 0 && state[name->producer] == OPEN)
          return cvk_onnx_fail_at_node(
              im, at, cvk_fail(CVK_INVALID_ARGUMENT, "it depends on itself through input %d, '%.*s'", i, CVK_VIEW_TEXT(m->name[number])));
        if (name->producer >= 0 && state[name->producer] == NEW) wanted = name->producer;
      }
      if (wanted >= 0) {
        stack[depth++] = wanted;
        continue;
      }
      state[at] = DONE;
      im->order[n++] = at;
      depth--;
    }
  }
  return CVK_OK;
}

cvk_status cvk_onnx_scope_sort(cvk_onnx_scope *im) {
  const size_t n = (size_t)im->m->n_nodes + 1;
  int32_t *stack = calloc(n, sizeof *stack), *next_input = calloc(n, sizeof *next_input);
  uint8_t *state = calloc(n, 1);
  im->order = calloc(n, sizeof *im->order);
  const cvk_status s = stack && next_input && state && im->order ? sort_nodes(im, stack, next_input, state)
                                                                 : cvk_fail(CVK_NO_MEMORY, "no memory to sort %d nodes", im->m->n_nodes);
  free(stack);
  free(next_input);
  free(state);
  return s;
}

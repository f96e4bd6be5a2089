/* SPDX-License-Identifier: Apache-2.0 */
/* lacking.c: how nodes are named in messages, and the one message that lists all operators of a model that Convoke lacks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scope.h"

#define MOST_LISTED 24 /* operator types in one message */

void cvk_onnx_make_printable(char *text) {
  for (char *p = text; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 127) *p = '?';
}

const char *cvk_onnx_node_label(const cvk_onnx_model *m, const cvk_onnx_node *node, char label[CVK_ONNX_LABEL_BYTES]) {
  cvk_view v = node->name;
  for (int32_t i = 0; v.bytes == 0 && i < node->n_out; i++)
    if (m->value[node->first + node->n_in + i] >= 0) v = m->name[m->value[node->first + node->n_in + i]];
  snprintf(label, CVK_ONNX_LABEL_BYTES, "%.*s", CVK_VIEW_TEXT(v));
  cvk_onnx_make_printable(label);
  return label;
}

typedef struct lack {
  cvk_view domain, op_type;
  int32_t nodes;
  char first[160]; /* names of the first nodes */
} lack;

static void note_lack(lack *l, const cvk_onnx_model *m, const cvk_onnx_node *node) {
  char label[CVK_ONNX_LABEL_BYTES];
  const size_t used = strlen(l->first);
  if (l->nodes++ < 3 && used < sizeof l->first - 1)
    snprintf(l->first + used, sizeof l->first - used, "%s'%.40s'", used ? ", " : "", cvk_onnx_node_label(m, node, label));
}

static int32_t is_of_onnx(const cvk_onnx_node *node, const char *op_type) {
  return (cvk_view_is(node->domain, "") || cvk_view_is(node->domain, "ai.onnx")) && cvk_view_is(node->op_type, op_type);
}

/* open[number]: the value depends on the elements of a graph input. Nodes are taken in the file's order, which is that of execution. */
static void find_open_values(const cvk_onnx_model *m, uint8_t *open) {
  for (int32_t i = 0; i < m->n_inputs; i++) open[m->input[i].name] = 1;
  for (int32_t i = 0; i < m->n_initialisers; i++) open[m->initialiser[i].name] = 0;
  for (int32_t i = 0; i < m->n_nodes; i++) {
    const cvk_onnx_node *node = &m->node[i];
    const int32_t *value = m->value + node->first;
    uint8_t any = 0;
    if (is_of_onnx(node, "Shape") || is_of_onnx(node, "Size")) continue;
    for (int32_t k = 0; k < node->n_in; k++) any |= value[k] >= 0 && open[value[k]];
    for (int32_t k = 0; k < node->n_out; k++)
      if (value[node->n_in + k] >= 0) open[value[node->n_in + k]] = any;
  }
}

static int32_t is_lacking(const cvk_onnx_model *top, const cvk_onnx_model *m, const cvk_onnx_node *node, const uint8_t *open) {
  if (cvk_onnx_function_find(top, node->domain, node->op_type) >= 0) return 0;
  if (!cvk_onnx_row_find(node->domain, node->op_type, m->opset)) return 1;
  return m == top && is_of_onnx(node, "If") && node->n_in > 0 && m->value[node->first] >= 0 && open[m->value[node->first]];
}

static cvk_status check_operators(const cvk_onnx_model *top, const cvk_onnx_model *m, const uint8_t *open) {
  lack lacks[MOST_LISTED];
  int32_t n = 0, nodes = 0, more = 0;
  for (int32_t i = 0; i < m->n_nodes; i++) {
    const cvk_onnx_node *node = &m->node[i];
    if (!is_lacking(top, m, node, open)) continue;
    nodes++;
    int32_t k = 0;
    while (k < n && (cvk_view_compare(lacks[k].op_type, node->op_type) != 0 || cvk_view_compare(lacks[k].domain, node->domain) != 0)) k++;
    if (k == n && n == MOST_LISTED) {
      more++;
      continue;
    }
    if (k == n) lacks[n++] = (lack){.domain = node->domain, .op_type = node->op_type};
    note_lack(&lacks[k], m, node);
  }
  if (nodes == 0) return CVK_OK;
  char text[1800];
  size_t used = 0;
  for (int32_t k = 0; k < n && used < sizeof text; k++) {
    const lack *l = &lacks[k];
    const int got = snprintf(text + used, sizeof text - used, "%s%.*s%s%.*s (%s %s%s%s)", k ? ", " : "",
                             (int)(l->domain.bytes < 40 ? l->domain.bytes : 40), l->domain.data ? (const char *)l->domain.data : "",
                             l->domain.bytes ? "." : "", (int)(l->op_type.bytes < 60 ? l->op_type.bytes : 60),
                             (const char *)l->op_type.data, l->nodes == 1 ? "node" : "nodes", l->first, l->nodes > 3 ? " and more" : "",
                             cvk_view_is(l->op_type, "If") ? ", whose condition is computed from inputs" : "");
    used += got > 0 ? (size_t)got : 0;
  }
  return cvk_fail(CVK_UNSUPPORTED, "%d of %d nodes are of operators that Convoke lacks at opset %lld: %s%s", nodes, m->n_nodes,
                  (long long)m->opset, text, more ? " and others" : "");
}

cvk_status cvk_onnx_check_operators(const cvk_onnx_model *top, const cvk_onnx_model *m) {
  uint8_t *open = calloc((size_t)m->n_names + 1, 1);
  if (!open) return cvk_fail(CVK_NO_MEMORY, "no memory for %d names", m->n_names);
  if (m == top) find_open_values(m, open); /* inside others, names from around are not known here */
  const cvk_status s = check_operators(top, m, open);
  free(open);
  return s;
}

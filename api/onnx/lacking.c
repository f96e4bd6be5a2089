/* SPDX-License-Identifier: Apache-2.0 */
/* lacking.c: how nodes are named in messages, and the one message that lists all operators of a model that Convoke lacks. */
#include <stdio.h>
#include <string.h>

#include "import.h"

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

cvk_status cvk_onnx_check_operators(const cvk_onnx_model *m) {
  lack lacks[MOST_LISTED];
  int32_t n = 0, nodes = 0, more = 0;
  for (int32_t i = 0; i < m->n_nodes; i++) {
    const cvk_onnx_node *node = &m->node[i];
    if (cvk_onnx_row_find(node->domain, node->op_type, m->opset)) continue;
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
    const int got = snprintf(text + used, sizeof text - used, "%s%.*s%s%.*s (%s %s%s)", k ? ", " : "",
                             (int)(l->domain.bytes < 40 ? l->domain.bytes : 40), l->domain.data ? (const char *)l->domain.data : "",
                             l->domain.bytes ? "." : "", (int)(l->op_type.bytes < 60 ? l->op_type.bytes : 60),
                             (const char *)l->op_type.data, l->nodes == 1 ? "node" : "nodes", l->first, l->nodes > 3 ? " and more" : "");
    used += got > 0 ? (size_t)got : 0;
  }
  return cvk_fail(CVK_UNSUPPORTED, "%d of %d nodes are of operators that Convoke lacks at opset %lld: %s%s", nodes, m->n_nodes,
                  (long long)m->opset, text, more ? " and others" : "");
}

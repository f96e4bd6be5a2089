/* SPDX-License-Identifier: Apache-2.0 */
/* graph_internal.h: the graph as built: values and nodes in topological order (a node's inputs exist before it). */
#ifndef CVK_GRAPH_INTERNAL_H
#define CVK_GRAPH_INTERNAL_H

#include <convoke/graph.h>
#include <stdatomic.h>

#include "op_table.h"

typedef struct cvk_graph_value {
  char *name; /* or NULL */
  int32_t dtype;             /* of results as the ops' rules say it; 0: an op that planning will refuse */
  int32_t rank;              /* inputs: -1 any; others: unknown until planned */
  int64_t dim[CVK_MAX_RANK]; /* inputs: -1 symbolic */
  int32_t input;             /* index among the graph's inputs, or -1 */
  cvk_tensor *constant;      /* retained, or NULL */
  int32_t by_value;          /* its elements decide shapes: read on the host when a plan is made */
} cvk_graph_value;

typedef struct cvk_graph_node {
  int32_t kind;
  int32_t has_attr;
  cvk_any_attr attr;
  int32_t n_in, n_out;
  cvk_value *in, *out; /* one allocation */
  char *name;          /* or NULL */
} cvk_graph_node;

struct cvk_graph {
  _Atomic int32_t refs;
  cvk_context *ctx; /* retained unless borrowed */
  int32_t borrowed;
  _Atomic int32_t frozen;
  int32_t n_values, cap_values, n_nodes, cap_nodes, n_inputs, cap_inputs, n_outputs, cap_outputs;
  cvk_graph_value *values;
  cvk_graph_node *nodes;
  cvk_value *inputs, *outputs;
  char **output_names;
};

cvk_graph *cvk_graph_retain(cvk_graph *g);
/* The graph no longer holds its context: who calls this keeps the context alive until the graph is gone. */
void cvk_graph_borrow_context(cvk_graph *g);
/* Forbids further building and marks the values that planning reads (by_value). Idempotent. */
void cvk_graph_freeze(cvk_graph *g);
/* Element type of an output of a node whose inputs have theirs. */
int32_t cvk_graph_output_dtype(const cvk_graph *g, const cvk_graph_node *node, int32_t output);
/* Makes room for one more element in a growing array. */
cvk_status cvk_grow(void **array, int32_t n, int32_t *cap, size_t element_bytes);

#endif

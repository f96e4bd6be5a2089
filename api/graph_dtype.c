/* SPDX-License-Identifier: Apache-2.0 */
/* graph_dtype.c: the element types of an op's outputs, which need no shapes, so that a graph knows them while it is built. Most ops give
 * their first input's type; the rest stand in one table. The shape rules say the same (test_graph_dtype.c holds one against the other).
 */
#include "graph_internal.h"

enum { FROM_INPUT, FROM_ATTR, FIXED };

static const struct {
  int32_t kind, output, from, which; /* which: the input, or the type */
} others[] = {
    /* an input that is absent: the first one's type */
    {CVK_OP_NOT, 0, FIXED, CVK_BOOL},
    {CVK_OP_EQUAL, 0, FIXED, CVK_BOOL},
    {CVK_OP_LESS, 0, FIXED, CVK_BOOL},
    {CVK_OP_GREATER, 0, FIXED, CVK_BOOL},
    {CVK_OP_DROPOUT, 1, FIXED, CVK_BOOL},
    {CVK_OP_SHAPE, 0, FIXED, CVK_I64},
    {CVK_OP_MAX_POOL, 1, FIXED, CVK_I64},
    {CVK_OP_ARG_MAX, 0, FIXED, CVK_I64},
    {CVK_OP_ARG_MIN, 0, FIXED, CVK_I64},
    {CVK_OP_WHERE, 0, FROM_INPUT, 1},
    {CVK_OP_CAST_LIKE, 0, FROM_INPUT, 1},
    {CVK_OP_CAST, 0, FROM_ATTR, 0},
    {CVK_OP_LINEAR_ATTENTION, 1, FROM_INPUT, 3},
    {CVK_OP_BITCAST, 0, FROM_ATTR, 0},
    {CVK_OP_CONSTANT_OF_SHAPE, 0, FROM_ATTR, 0},
    {CVK_OP_IS_NAN, 0, FIXED, CVK_BOOL},
    {CVK_OP_IS_INF, 0, FIXED, CVK_BOOL},
    {CVK_OP_NON_ZERO, 0, FIXED, CVK_I64},
    {CVK_OP_NON_MAX_SUPPRESSION, 0, FIXED, CVK_I64},
    {CVK_OP_ONE_HOT, 0, FROM_INPUT, 2},
    {CVK_OP_TOP_K, 1, FIXED, CVK_I64},
    {CVK_OP_UNIQUE, 1, FIXED, CVK_I64},
    {CVK_OP_UNIQUE, 2, FIXED, CVK_I64},
    {CVK_OP_UNIQUE, 3, FIXED, CVK_I64},
};

int32_t cvk_graph_output_dtype(const cvk_graph *g, const cvk_graph_node *node, int32_t output) {
  int32_t from = FROM_INPUT, which = 0;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (others[i].kind != node->kind || others[i].output != output) continue;
    from = others[i].from;
    which = others[i].which;
  }
  if (from == FIXED) return which;
  if (from == FROM_INPUT && (which >= node->n_in || node->in[which] == CVK_NO_VALUE)) which = 0;
  if (from == FROM_INPUT) return which < node->n_in && node->in[which] != CVK_NO_VALUE ? g->values[node->in[which]].dtype : 0;
  if (node->kind != CVK_OP_CONSTANT_OF_SHAPE) return node->has_attr ? node->attr.cast.dtype : 0;
  return node->has_attr && node->attr.shape.dtype ? node->attr.shape.dtype : CVK_F32;
}

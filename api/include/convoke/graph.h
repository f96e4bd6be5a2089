/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/graph.h: ops connected by values. Build one op by op (ops.h has a typed function for each) or load an ONNX file (model.h). A
 * graph is immutable once a session was made of it. */
#ifndef CONVOKE_GRAPH_H
#define CONVOKE_GRAPH_H

#include <convoke/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cvk_graph cvk_graph;
typedef int32_t cvk_value; /* a value of one graph */
#define CVK_NO_VALUE (-1)  /* an absent optional input */

CVK_EXPORT cvk_status cvk_graph_create(cvk_context *ctx, cvk_graph **out);
CVK_EXPORT void cvk_graph_release(cvk_graph *g); /* sessions keep their graph alive; NULL is allowed */

/* Declares an input. An extent of -1 is symbolic: taken from the tensor of each run. rank -1: any rank. */
CVK_EXPORT cvk_status cvk_graph_input(cvk_graph *g, const char *name, int32_t dtype, int32_t rank, const int64_t *dim, cvk_value *out);
/* A constant; keeps a reference to `t`, which must be in host memory and not change any more. name may be NULL. */
CVK_EXPORT cvk_status cvk_graph_constant(cvk_graph *g, const char *name, cvk_tensor *t, cvk_value *out);
/* Adds an op. attr: the kind's attribute struct or NULL for ONNX's defaults (copied). in: values or CVK_NO_VALUE. out: n_out new values.
 * node_name (for messages and profiles) may be NULL. Argument counts are checked here, shapes when a session is planned. */
CVK_EXPORT cvk_status cvk_graph_op(cvk_graph *g, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in, int32_t n_out,
                                   cvk_value *out, const char *node_name);
/* Marks a value as an output, in order; it may be an input or a constant. */
CVK_EXPORT cvk_status cvk_graph_output(cvk_graph *g, cvk_value v, const char *name);

/* What a graph asks for and gives. Names live as long as the graph. */
typedef struct cvk_value_info {
  uint32_t struct_size; /* set by the caller */
  int32_t dtype;
  int32_t rank; /* -1: unknown before the first run */
  int32_t reserved;
  int64_t dim[CVK_MAX_RANK]; /* -1: symbolic */
  const char *name;
} cvk_value_info;
CVK_EXPORT int32_t cvk_graph_input_count(const cvk_graph *g);
CVK_EXPORT int32_t cvk_graph_output_count(const cvk_graph *g);
CVK_EXPORT cvk_status cvk_graph_input_info(const cvk_graph *g, int32_t index, cvk_value_info *out);
CVK_EXPORT cvk_status cvk_graph_output_info(const cvk_graph *g, int32_t index, cvk_value_info *out);
/* Number of ops, and op i: its kind, node name and multiply-adds are in the session's report. */
CVK_EXPORT int32_t cvk_graph_op_count(const cvk_graph *g);
CVK_EXPORT int32_t cvk_graph_op_kind(const cvk_graph *g, int32_t index);
CVK_EXPORT const char *cvk_graph_op_name(const cvk_graph *g, int32_t index);
/* A new reference to the constant that op `index` reads as input `input`: weights, for one. INVALID_ARGUMENT where it reads none there. */
CVK_EXPORT cvk_status cvk_graph_op_constant(const cvk_graph *g, int32_t index, int32_t input, cvk_tensor **out);
/* Elements in constants that enter ops as run-time data (weights). */
CVK_EXPORT int64_t cvk_graph_parameter_count(const cvk_graph *g);

#ifdef __cplusplus
}
#endif
#endif

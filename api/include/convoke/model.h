/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/model.h: ONNX files as graphs, and graphs as ONNX files. */
#ifndef CONVOKE_MODEL_H
#define CONVOKE_MODEL_H

#include <convoke/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads an ONNX model (opset 6 to 28, older ones as far as their operators have not changed since) by mapping the file; aligned weights are
 * not copied, external data must lie in the model's folder and not be reached through a symbolic link. The file must not change meanwhile.
 * UNSUPPORTED: the message lists the ops that Convoke does not have, with node names. IO_ERROR: the file is missing or damaged. */
CVK_EXPORT cvk_status cvk_graph_load_onnx(cvk_context *ctx, const char *path, cvk_graph **out);
/* The same from memory, which must stay valid and unchanged while the graph or a session of it lives. No external data. */
CVK_EXPORT cvk_status cvk_graph_load_onnx_memory(cvk_context *ctx, const void *data, uint64_t bytes, cvk_graph **out);

typedef struct cvk_onnx_save_options {
  uint32_t struct_size; /* 0: all that this library knows */
  int32_t opset;        /* 13 to 28, the least; 0: 13. An operator, attribute or element type that came later raises it */
  const char *producer_name; /* NULL: "Convoke" */
} cvk_onnx_save_options;

/* Writes the ops that the graph's outputs need as an ONNX model, for inference. Inputs and outputs keep their names, which must differ;
 * constants and ops keep theirs as far as they do, or get a number. An open extent of an input has a name: "N" is the first one of the only input
 * that has it open. Outputs have shapes where the ops' rules say them. Weights are in the file, at most 2 GiB in all; `options` may be NULL.
 * The file is written beside `path` and renamed when it is complete: after a failure what stood there stands there still. The graph may
 * have sessions, and be of a file that is replaced.
 * UNSUPPORTED: ops without an ONNX operator (REORDER, for one), or attributes that need a rank which is not known: the message lists them with
 * their names; or more than 2 GiB. INVALID_ARGUMENT: two inputs or outputs of one name, no outputs, an opset that is not known.
 * IO_ERROR: the file cannot be written. */
CVK_EXPORT cvk_status cvk_graph_save_onnx(const cvk_graph *g, const char *path, const cvk_onnx_save_options *options);

/* Reads a file that holds one TensorProto, as the input_0.pb of an ONNX test folder, into a new host tensor, the caller's. */
CVK_EXPORT cvk_status cvk_tensor_load_onnx(const char *path, cvk_tensor **out);

#ifdef __cplusplus
}
#endif
#endif

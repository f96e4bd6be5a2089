/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/model.h: ONNX files as graphs. */
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

/* Reads a file that holds one TensorProto, as the input_0.pb of an ONNX test folder, into a new host tensor, the caller's. */
CVK_EXPORT cvk_status cvk_tensor_load_onnx(const char *path, cvk_tensor **out);

#ifdef __cplusplus
}
#endif
#endif

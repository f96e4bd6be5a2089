/* SPDX-License-Identifier: Apache-2.0 */
/* inner.h: what the graphs in a node's attributes read, at any depth down to CVK_ONNX_MOST_DEPTH: inputs of nodes, and outputs of graphs,
 * which may be values from around. Names that they define themselves are among them. */
#ifndef CVK_ONNX_INNER_H
#define CVK_ONNX_INNER_H

#include "model.h"

typedef struct cvk_onnx_inner {
  const uint8_t *base; /* of the file */
  int32_t *n;          /* counts the names, up to CVK_ONNX_MOST_VALUES */
  int32_t *to;         /* NULL, or a place for the number of each: see(arg, name, place) */
  void (*see)(void *arg, cvk_view name, int32_t *number);
  void *arg;
} cvk_onnx_inner;

/* node: a NodeProto; depth: 1. */
cvk_status cvk_onnx_inner_names(const cvk_onnx_inner *r, cvk_view node, int32_t depth);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.h: TensorProto as a cvk_tensor in host memory: over the file's bytes where they lie aligned and as they are, else a copy. Little
 * endian hosts only, as the rest of Convoke. */
#ifndef CVK_ONNX_TENSOR_H
#define CVK_ONNX_TENSOR_H

#include "model.h"

typedef struct cvk_onnx_tensor { /* what a TensorProto says, its data found and its size checked */
  cvk_view name, message;
  int32_t dtype; /* one of CVK_F32 ... */
  int32_t rank;
  int64_t dim[CVK_MAX_RANK];
  int64_t count;  /* elements */
  uint32_t field; /* holds the elements: 9 raw_data or external; 4, 5, 7, 10, 11: a list of numbers */
  cvk_view data;  /* the elements' bytes, where they lie packed */
} cvk_onnx_tensor;

/* UNSUPPORTED: an element type that Convoke lacks (string, complex). IO_ERROR: the data does not fit the shape. */
cvk_status cvk_onnx_tensor_read(cvk_onnx_file *file, cvk_view message, cvk_onnx_tensor *out);
/* A new tensor. own 0: it may lie over the file's bytes and keep a reference on them; nonzero: it has memory of its own. */
cvk_status cvk_onnx_tensor_make(cvk_onnx_file *file, const cvk_onnx_tensor *t, int32_t own, cvk_tensor **out);
/* Reads a TensorProto by itself (an input_0.pb of the ONNX test suite) into a tensor with memory of its own. */
cvk_status cvk_onnx_tensor_parse(const void *data, uint64_t bytes, cvk_tensor **out);

/* Bytes of an element; 0: Convoke has no such element type. */
int32_t cvk_onnx_dtype_bytes(int64_t dtype);
const char *cvk_onnx_dtype_name(int64_t dtype); /* ONNX's name, also of types that Convoke lacks; "unknown" */

#endif

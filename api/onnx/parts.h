/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h: small pieces of graph for emit functions that compose operators. All hold for symbolic shapes; what they say about shapes is
 * folded on the host when a graph is planned. Each gives CVK_NO_VALUE after a failure. */
#ifndef CVK_ONNX_PARTS_H
#define CVK_ONNX_PARTS_H

#include "import.h"

/* A list of int64 as a constant. */
#define CVK_INT64S(C, ...) cvk_onnx_int64s(C, (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / 8), (const int64_t[]){__VA_ARGS__})

int32_t cvk_onnx_dtype_of(const cvk_onnx_call *c, cvk_value v);    /* its element type, known while importing; 0: no value */
int32_t cvk_onnx_rank_of_input(const cvk_onnx_call *c, int32_t i); /* -1: unknown or absent */
int32_t cvk_onnx_given(const cvk_onnx_call *c, int32_t i);         /* nonzero: the node has input i */
/* An extent that is known while importing: of a constant, or as an input declares it; -1: it is not. */
int64_t cvk_onnx_known_extent(const cvk_onnx_call *c, cvk_value v, int32_t axis);

/* UNSUPPORTED unless Convoke has the element type that an attribute says. */
void cvk_onnx_check_dtype(cvk_onnx_call *c, const char *attribute, int64_t dtype);

cvk_value cvk_onnx_scalar(cvk_onnx_call *c, int32_t dtype, double v);                  /* a constant of rank 0 */
cvk_value cvk_onnx_cast(cvk_onnx_call *c, cvk_value x, int32_t dtype);                 /* x where it is of this type */
cvk_value cvk_onnx_extent(cvk_onnx_call *c, cvk_value x, int32_t axis);                /* an int64 of shape [1]; axis may be negative */
cvk_value cvk_onnx_extents(cvk_onnx_call *c, cvk_value x, int32_t start, int32_t end); /* as the attributes of Shape */
cvk_value cvk_onnx_join(cvk_onnx_call *c, int32_t axis, int32_t n, const cvk_value *part);
cvk_value cvk_onnx_reshape(cvk_onnx_call *c, cvk_value x, cvk_value shape);
cvk_value cvk_onnx_reshape_to(cvk_onnx_call *c, cvk_value x, int32_t n, const int64_t *shape); /* 0 keeps, -1 is inferred */
cvk_value cvk_onnx_transpose(cvk_onnx_call *c, cvk_value x, int32_t n, const int32_t *order);
cvk_value cvk_onnx_slice(cvk_onnx_call *c, cvk_value x, int32_t axis, int64_t start, int64_t end);
cvk_value cvk_onnx_where(cvk_onnx_call *c, cvk_value condition, cvk_value yes, cvk_value no);
cvk_value cvk_onnx_count_to(cvk_onnx_call *c, cvk_value n); /* 0, 1 .. n - 1 as int64, n an int64 of one element */

#endif

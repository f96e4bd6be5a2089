/* SPDX-License-Identifier: Apache-2.0 */
/* dense.h: Gemm and MatMul as the dense rows see them: y [batch][rows][columns] = alpha a b + beta c. */
#ifndef CVK_OPENCL_DENSE_H
#define CVK_OPENCL_DENSE_H

#include "cl.h"

typedef struct ocl_dense {
  int64_t batch, rows, columns, depth;
  int64_t a_row, a_depth;    /* strides of a, elements */
  int64_t b_column, b_depth; /* of b */
  int64_t b_batch;           /* matrices in b */
  int64_t c_row, c_column;   /* of c, 0 where it broadcasts */
  int32_t has_c, a_transposed, b_transposed;
  float alpha, beta;
} ocl_dense;

/* 0, with the reason, when the op is not one that the dense rows know. */
int32_t ocl_dense_accept(ocl_query *q, ocl_dense *d);
void ocl_dense_read(const cvk_op *op, ocl_dense *d);
/* Element offsets of the matrix of a, and the number of the matrix of b, for output matrix n. */
void ocl_dense_matrix(const cvk_op *op, const ocl_dense *d, int64_t n, int64_t *a_offset, int64_t *b_index);

/* Rows, by file. */
int32_t dense_tile_accepts(ocl_query *q);
cvk_status dense_tile_prepare(ocl_build *b);
uint64_t dense_tile_pack_bytes(const ocl_build *b, int32_t input);
void dense_tile_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t dense_implicit_accepts(ocl_query *q);
cvk_status dense_implicit_prepare(ocl_build *b);
uint64_t dense_implicit_pack_bytes(const ocl_build *b, int32_t input);
void dense_implicit_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t dense_vector_accepts(ocl_query *q);
cvk_status dense_vector_prepare(ocl_build *b);

int32_t dense_clblast_accepts(ocl_query *q);
cvk_status dense_clblast_prepare(ocl_build *b);
cvk_status dense_clblast_execute(cvk_kernel *kernel, const ocl_call *call);
void dense_clblast_forget(ocl_shared *shared); /* before the context goes: CLBlast keeps programs by its handle */

#endif

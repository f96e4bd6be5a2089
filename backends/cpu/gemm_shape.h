/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_shape.h: GEMM and MATMUL as one thing, a batch of y[m][n] = alpha sum_k a[m][k] b[k][n] + beta c. Built for the baseline. */
#ifndef CVK_CPU_GEMM_SHAPE_H
#define CVK_CPU_GEMM_SHAPE_H

#include "cpu.h"

typedef struct gemm_shape {
  int64_t m, n, k;
  int32_t trans_a, trans_b, has_c;
  float alpha, beta;
  int64_t c_row, c_column; /* steps of c, 0 where it is broadcast */
  int64_t batch, n_a, n_b; /* products; distinct matrices of a and b */
  int32_t batch_rank;
  int64_t batch_dim[CVK_MAX_RANK], a_step[CVK_MAX_RANK], b_step[CVK_MAX_RANK]; /* in matrices */
} gemm_shape;

/* 0 and a reason when the op is not taken. */
int32_t gemm_shape_read(const cvk_op *op, gemm_shape *s, cpu_reason *why);
/* Which matrix of a and of b product `index` takes. */
void gemm_batch(const gemm_shape *s, int64_t index, int64_t *a, int64_t *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* product.h: y = alpha a b + beta c for one pair of matrices, the one product loop behind the references of GEMM and MATMUL. */
#ifndef CVK_PRODUCT_H
#define CVK_PRODUCT_H

#include <convoke/plugin.h>

typedef struct cvk_matrix {
  const void *data;
  int64_t offset;                    /* of element (0,0) */
  int64_t row_stride, column_stride; /* in elements; 0 broadcasts */
} cvk_matrix;

typedef struct cvk_product {
  int32_t dtype; /* of all; integers wrap */
  int64_t m, n, k;
  double alpha, beta; /* alpha 0: a and b are not read; beta 0: c is not read. Integers: only 1 and 0 */
  cvk_matrix a, b, c;
  void *y; /* dense, m rows of n, from y_offset */
  int64_t y_offset;
} cvk_product;

/* Sums in double, each over k in rising order; an empty sum is 0. */
void cvk_product_run(const cvk_product *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* blas.h: what the files of this plugin share. Every op is a stack of matrix products, y [rows, columns] = a [rows, depth] b [depth, columns],
 * cut into tiles that are computed apart (grid.c); conv.c and product.c say where the operands of a tile are and how its sums become y. */
#ifndef CONVOKE_BLAS_H
#define CONVOKE_BLAS_H

#include <convoke/plugin.h>

/* The largest tile. One never takes a size from the number of threads: results must not depend on it. */
enum { TILE_ROWS = 128, TILE_COLUMNS = 256 };

typedef struct grid {
  int64_t stacks, rows, columns, depth;
  int64_t tile_rows, tile_columns;
  int64_t row_tiles, column_tiles;
  int64_t step; /* products of one call of cblas_sgemm along the depth */
} grid;

typedef struct tile {
  int64_t stack, row, column; /* of its first cell */
  int64_t rows, columns;
} tile;

/* Of one thread. */
typedef struct scratch {
  double *sum;  /* [tile.rows, tile.columns] */
  float *part;  /* [tile.rows, tile.columns], of one step */
  float *panel; /* [step, tile.columns], gathered by conv */
} scratch;

/* An operand as cblas wants it: transposed, element (i, j) is data[j * stride + i]. */
typedef struct matrix {
  const float *data;
  int64_t stride;
  int32_t transposed;
} matrix;

grid grid_make(int64_t stacks, int64_t rows, int64_t columns, int64_t depth);
int64_t grid_tiles(const grid *g);
tile grid_tile(const grid *g, int64_t index);
uint64_t grid_scratch_bytes(const grid *g); /* of one thread, a multiple of 64 */
scratch grid_scratch(const grid *g, void *memory);
void sums_clear(const tile *t, const scratch *s);
void sums_add(const tile *t, int64_t depth, matrix a, matrix b, const scratch *s); /* sum += a b */
int32_t fits_cblas(int64_t extent);

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

typedef struct conv {
  grid grid;        /* a stack is a group of an image; rows are its output channels, columns output cells, depth channels x taps */
  int64_t group;
  int64_t channels; /* of one group */
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3]; /* filled up in front with axes of extent 1 */
  int64_t in_cells, taps;
  int32_t padded;    /* a window may reach past the input */
  int32_t pointwise; /* columns are the input's cells: nothing is gathered */
} conv;

typedef struct product {
  grid grid;
  int32_t trans_a, trans_b;
  int64_t stride_a, stride_b;
  float alpha, beta;
  int64_t c_row, c_column; /* steps in c, 0 where it broadcasts */
  int32_t batch_rank;      /* MATMUL */
  int64_t batch[CVK_MAX_RANK], batch_a[CVK_MAX_RANK], batch_b[CVK_MAX_RANK]; /* extents of the result, steps in a and b */
} product;

/* Each returns NULL, or why the op is not taken. */
const char *conv_read(const cvk_op *op, conv *out);
const char *gemm_read(const cvk_op *op, product *out);
const char *matmul_read(const cvk_op *op, product *out);

/* in[]: x, w, bias or NULL; a, b, c or NULL. */
void conv_tile(const conv *c, const float *const in[3], float *y, int32_t finite, const tile *t, const scratch *s);
void product_tile(const product *p, const float *const in[3], float *y, const tile *t, const scratch *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* product.c: see product.h. Works on tiles of ROWS by COLUMNS sums on the stack, so that each converted run of b serves several rows. */
#include "product.h"

#include "element.h"

enum { ROWS = 16, COLUMNS = 64 };

typedef struct tile {
  int64_t row, column; /* of its first cell */
  int64_t rows, columns;
} tile;

static void tile_of_reals(const cvk_product *p, tile t) {
  double sum[ROWS][COLUMNS] = {{0}}, a[ROWS], b[COLUMNS];
  for (int64_t k = 0; p->alpha != 0 && k < p->k; k++) {
    cvk_load_reals(p->dtype, p->a.data, p->a.offset + t.row * p->a.row_stride + k * p->a.column_stride, p->a.row_stride, t.rows, a);
    cvk_load_reals(p->dtype, p->b.data, p->b.offset + k * p->b.row_stride + t.column * p->b.column_stride, p->b.column_stride, t.columns,
                   b);
    for (int64_t i = 0; i < t.rows; i++)
      for (int64_t j = 0; j < t.columns; j++) sum[i][j] += a[i] * b[j];
  }
  for (int64_t i = 0; i < t.rows; i++) {
    for (int64_t j = 0; j < t.columns; j++) sum[i][j] *= p->alpha;
    if (p->beta != 0) {
      cvk_load_reals(p->dtype, p->c.data, p->c.offset + (t.row + i) * p->c.row_stride + t.column * p->c.column_stride, p->c.column_stride,
                     t.columns, b);
      for (int64_t j = 0; j < t.columns; j++) sum[i][j] += p->beta * b[j];
    }
    cvk_store_reals(p->dtype, p->y, p->y_offset + (t.row + i) * p->n + t.column, 1, t.columns, sum[i]);
  }
}

static void tile_of_ints(const cvk_product *p, tile t) {
  uint64_t sum[ROWS][COLUMNS] = {{0}}; /* unsigned: overflow wraps */
  int64_t a[ROWS], b[COLUMNS];
  for (int64_t k = 0; k < p->k; k++) {
    cvk_load_ints(p->dtype, p->a.data, p->a.offset + t.row * p->a.row_stride + k * p->a.column_stride, p->a.row_stride, t.rows, a);
    cvk_load_ints(p->dtype, p->b.data, p->b.offset + k * p->b.row_stride + t.column * p->b.column_stride, p->b.column_stride, t.columns, b);
    for (int64_t i = 0; i < t.rows; i++)
      for (int64_t j = 0; j < t.columns; j++) sum[i][j] += (uint64_t)a[i] * (uint64_t)b[j];
  }
  for (int64_t i = 0; i < t.rows; i++)
    cvk_store_ints(p->dtype, p->y, p->y_offset + (t.row + i) * p->n + t.column, 1, t.columns, (const int64_t *)sum[i]);
}

void cvk_product_run(const cvk_product *p) {
  void (*const run)(const cvk_product *, tile) = cvk_dtype_class(p->dtype) == CVK_CLASS_REAL ? tile_of_reals : tile_of_ints;
  if (p->n == 0) return;
  for (int64_t row = 0; row < p->m; row += ROWS)
    for (int64_t column = 0; column < p->n; column += COLUMNS) {
      const int64_t rows = p->m - row < ROWS ? p->m - row : ROWS, columns = p->n - column < COLUMNS ? p->n - column : COLUMNS;
      run(p, (tile){row, column, rows, columns});
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* grid.c: tiles of a stack of matrix products, and the sums of one. cblas_sgemm adds its products in float, one after the other, so its error
 * grows with the depth: 17 units of 2^-24 of sum |a||b| at depth 256 when all terms are positive, where CVK_ERROR_DIRECT promises 4. The
 * depth is therefore cut into steps, and the sums of the steps are added in double. */
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "blas.h"

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }

/* A step of n products has an error of about 0.25 sqrt(n) units of its own sum; depth / n steps even each other out. The step that keeps the
 * whole near 0.6 units (r.m.s.) is 2.5 sqrt(depth). */
static int64_t step_of(int64_t depth) {
  const int64_t step = (int64_t)(2.5 * sqrt((double)depth));
  return step < 8 ? 8 : step;
}

grid grid_make(int64_t stacks, int64_t rows, int64_t columns, int64_t depth) {
  grid g = {.stacks = stacks, .rows = rows, .columns = columns, .depth = depth, .step = step_of(depth)};
  g.tile_rows = min64(rows, TILE_ROWS);
  g.tile_columns = min64(columns, TILE_COLUMNS);
  g.row_tiles = rows > 0 ? ceil_div(rows, g.tile_rows) : 0;
  g.column_tiles = columns > 0 ? ceil_div(columns, g.tile_columns) : 0;
  return g;
}

int64_t grid_tiles(const grid *g) { return g->row_tiles == 0 || g->column_tiles == 0 ? 0 : g->stacks * g->row_tiles * g->column_tiles; }

tile grid_tile(const grid *g, int64_t index) {
  tile t = {.column = index % g->column_tiles * g->tile_columns};
  index /= g->column_tiles;
  t.row = index % g->row_tiles * g->tile_rows;
  t.stack = index / g->row_tiles;
  t.rows = min64(g->rows - t.row, g->tile_rows);
  t.columns = min64(g->columns - t.column, g->tile_columns);
  return t;
}

uint64_t grid_scratch_bytes(const grid *g) {
  const int64_t cells = g->tile_rows * g->tile_columns;
  const uint64_t bytes = (uint64_t)cells * (sizeof(double) + sizeof(float)) + (uint64_t)(g->step * g->tile_columns) * sizeof(float);
  return (bytes + 63) / 64 * 64;
}

scratch grid_scratch(const grid *g, void *memory) {
  const int64_t cells = g->tile_rows * g->tile_columns;
  scratch s = {.sum = memory};
  s.part = (float *)(s.sum + cells);
  s.panel = s.part + cells;
  return s;
}

void sums_clear(const tile *t, const scratch *s) { memset(s->sum, 0, (size_t)(t->rows * t->columns) * sizeof *s->sum); }

void sums_add(const tile *t, int64_t depth, matrix a, matrix b, const scratch *s) {
  cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans, (blasint)t->rows,
              (blasint)t->columns, (blasint)depth, 1, a.data, (blasint)a.stride, b.data, (blasint)b.stride, 0, s->part, (blasint)t->columns);
  for (int64_t i = 0; i < t->rows * t->columns; i++) s->sum[i] += (double)s->part[i];
}

int32_t fits_cblas(int64_t extent) { return extent <= (sizeof(blasint) == 4 ? (int64_t)INT_MAX : INT64_MAX); }

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight_tile.h: the register tile of a convolution's gradient in its weights: J neighbouring floats of x, and those of R kernel
 * rows, by MB blocks of VL filters, summed over cells. A cell of gy is MB vectors; each float of x goes to all lanes and is multiplied with
 * them. The sums join totals in memory, so that rounding errors grow with the cells of one call and not with all. */
#include "conv_grad_weight.h"

enum { MAX_J = V_REGISTERS == 32 ? 8 : 6, MAX_MB = 2, MAX_SUMS = V_REGISTERS == 32 ? 25 : 12 };

typedef struct tile_args {
  const float *x, *gy;
  int64_t images, rows, cells;
  int64_t x_image, x_row, x_cell, x_tap, gy_image, gy_row, gy_m; /* floats; x_tap: between kernel rows; cells of gy are VL apart */
  float *total;
  int64_t total_r, total_j, total_m, lost; /* lost: floats from a total to what rounding has lost of it; 0: that is not kept */
} tile_args;

typedef void (*tile_fn)(const tile_args *a);

VI void tile(const int R, const int J, const int MB, const tile_args *a) {
  const int64_t x_cell = a->x_cell, x_tap = a->x_tap, gy_m = a->gy_m, lost = a->lost;
  vf acc[MAX_SUMS];
#pragma GCC unroll 32
  for (int i = 0; i < R * J * MB; i++) acc[i] = v_zero();
  for (int64_t image = 0; image < a->images; image++)
    for (int64_t row = 0; row < a->rows; row++) {
      const float *x = a->x + image * a->x_image + row * a->x_row, *gy = a->gy + image * a->gy_image + row * a->gy_row;
      for (const float *end = gy + a->cells * VL; gy < end; gy += VL, x += x_cell) {
        vf g[MAX_MB];
#pragma GCC unroll 2
        for (int m = 0; m < MB; m++) g[m] = v_load(gy + m * gy_m);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++)
#pragma GCC unroll 8
          for (int j = 0; j < J; j++) {
            const vf xj = v_set1(x[r * x_tap + j]);
#pragma GCC unroll 2
            for (int m = 0; m < MB; m++) acc[(r * J + j) * MB + m] = v_fma(xj, g[m], acc[(r * J + j) * MB + m]);
          }
      }
    }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int j = 0; j < J; j++)
#pragma GCC unroll 2
      for (int m = 0; m < MB; m++) {
        float *to = a->total + r * a->total_r + j * a->total_j + m * a->total_m;
        if (lost)
          add_keeping(to, to + lost, acc[(r * J + j) * MB + m]);
        else
          v_store(to, v_add(v_load(to), acc[(r * J + j) * MB + m]));
      }
}

/* The cells of mb blocks of filters, each summed in four independent chains, or each addition would wait for the one before. X: every
 * lane's product with x, whose cells have as many lanes; else the cells themselves. */
VI void sum_lanes(const int X, int64_t mb, const tile_args *a) {
  for (int64_t m = 0; m < mb; m++) {
    vf acc[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    for (int64_t image = 0; image < a->images; image++)
      for (int64_t row = 0; row < a->rows; row++) {
        const float *gy = a->gy + m * a->gy_m + image * a->gy_image + row * a->gy_row, *x = a->x;
        int64_t i = 0;
        if (X) x += image * a->x_image + row * a->x_row;
        for (; i + 4 <= a->cells; i += 4)
#pragma GCC unroll 4
          for (int n = 0; n < 4; n++) {
            const vf g = v_load(gy + (i + n) * VL);
            acc[n] = X ? v_fma(v_load(x + (i + n) * a->x_cell), g, acc[n]) : v_add(acc[n], g);
          }
        for (; i < a->cells; i++) {
          const vf g = v_load(gy + i * VL);
          acc[0] = X ? v_fma(v_load(x + i * a->x_cell), g, acc[0]) : v_add(acc[0], g);
        }
      }
    const vf sum = v_add(v_add(acc[0], acc[1]), v_add(acc[2], acc[3]));
    float *to = a->total + m * a->total_m;
    if (a->lost)
      add_keeping(to, to + a->lost, sum);
    else
      v_store(to, v_add(v_load(to), sum));
  }
}
static void sum_cells(int64_t mb, const tile_args *a) {
  sum_lanes(0, mb, a);
}
static void sum_depthwise(const tile_args *a) {
  sum_lanes(1, 1, a);
}

#define TILE(R, J, MB)                                    \
  static void tile_##R##_##J##_##MB(const tile_args *a) { \
    tile(R, J, MB, a);                                    \
  }
#define EACH_J_OF_ALL(F, MB) F(1, 1, MB) F(1, 2, MB) F(1, 3, MB) F(1, 4, MB) F(1, 5, MB) F(1, 6, MB)
#if V_REGISTERS == 32
#define EACH_J(F, MB) EACH_J_OF_ALL(F, MB) F(1, 7, MB) F(1, 8, MB)
#define EACH_WINDOW(F) F(3, 3, 1) F(3, 3, 2) F(5, 5, 1) F(3, 7, 1)
#else
#define EACH_J(F, MB) EACH_J_OF_ALL(F, MB)
#define EACH_WINDOW(F) F(3, 3, 1)
#endif
EACH_J(TILE, 1)
EACH_J(TILE, 2)
EACH_WINDOW(TILE)
#define ENTRY(R, J, MB) [MB][J] = tile_##R##_##J##_##MB,
static const tile_fn tiles[MAX_MB + 1][MAX_J + 1] = {EACH_J(ENTRY, 1) EACH_J(ENTRY, 2)};
/* Tiles of several kernel rows, and how many these are. */
static const tile_fn windows[MAX_MB + 1][MAX_J + 1] = {EACH_WINDOW(ENTRY)};
#define ENTRY_ROWS(R, J, MB) [MB][J] = R,
static const int32_t window_rows[MAX_MB + 1][MAX_J + 1] = {EACH_WINDOW(ENTRY_ROWS)};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight_tile.h: the register tile of a convolution's gradient in its weights: J neighbouring floats of x by MB blocks of VL
 * filters, summed over cells. A cell of gy is MB vectors; each float of x goes to all lanes and is multiplied with them. The sums join
 * totals in memory, so that rounding errors grow with the cells of one call and not with all. */
#include "conv_grad_weight.h"

enum { MAX_J = V_REGISTERS == 32 ? 8 : 6, MAX_MB = 2 };

typedef struct tile_args {
  const float *x, *gy;
  int64_t images, rows, cells;
  int64_t x_image, x_row, x_cell, gy_image, gy_row, gy_m; /* floats; cells of gy are VL apart */
  float *total;
  int64_t total_j, total_m, lost; /* lost: floats from a total to what rounding has lost of it; 0: that is not kept */
} tile_args;

typedef void (*tile_fn)(const tile_args *a);

VI void tile(const int J, const int MB, const tile_args *a) {
  const int64_t x_cell = a->x_cell, gy_m = a->gy_m;
  vf acc[MAX_J * MAX_MB];
#pragma GCC unroll 16
  for (int i = 0; i < J * MB; i++) acc[i] = v_zero();
  for (int64_t image = 0; image < a->images; image++)
    for (int64_t row = 0; row < a->rows; row++) {
      const float *x = a->x + image * a->x_image + row * a->x_row, *gy = a->gy + image * a->gy_image + row * a->gy_row;
      for (const float *end = gy + a->cells * VL; gy < end; gy += VL, x += x_cell) {
        vf g[MAX_MB];
#pragma GCC unroll 2
        for (int m = 0; m < MB; m++) g[m] = v_load(gy + m * gy_m);
#pragma GCC unroll 8
        for (int j = 0; j < J; j++) {
          const vf xj = v_set1(x[j]);
#pragma GCC unroll 2
          for (int m = 0; m < MB; m++) acc[j * MB + m] = v_fma(xj, g[m], acc[j * MB + m]);
        }
      }
    }
#pragma GCC unroll 8
  for (int j = 0; j < J; j++)
#pragma GCC unroll 2
    for (int m = 0; m < MB; m++) {
      float *to = a->total + j * a->total_j + m * a->total_m;
      if (a->lost)
        add_keeping(to, to + a->lost, acc[j * MB + m]);
      else
        v_store(to, v_add(v_load(to), acc[j * MB + m]));
    }
}

#define TILE(J, MB)                                 \
  static void tile_##J##_##MB(const tile_args *a) { \
    tile(J, MB, a);                                 \
  }
#if V_REGISTERS == 32
#define EACH_J(F, MB) F(1, MB) F(2, MB) F(3, MB) F(4, MB) F(5, MB) F(6, MB) F(7, MB) F(8, MB)
#else
#define EACH_J(F, MB) F(1, MB) F(2, MB) F(3, MB) F(4, MB) F(5, MB) F(6, MB)
#endif
EACH_J(TILE, 1)
EACH_J(TILE, 2)
#define ENTRY(J, MB) [MB][J] = tile_##J##_##MB,
static const tile_fn tiles[MAX_MB + 1][MAX_J + 1] = {EACH_J(ENTRY, 1) EACH_J(ENTRY, 2)};

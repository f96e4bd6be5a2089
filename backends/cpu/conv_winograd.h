/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd.h: what the Winograd rows share. 3x3 convolution of stride 1 as F(out x out, 3x3): tiles of side x side input cells
 * (side = out + 2) become side^2 planes V, each a matrix of tiles by input channels; transformed weights U have as many; their products M
 * become tiles of out x out output cells. A row is a `winograd`, its two transforms over vec.h, and four functions that hand it on. */
#ifndef CVK_CPU_CONV_WINOGRAD_H
#define CVK_CPU_CONV_WINOGRAD_H

#include "conv_shape.h"
#include "post.h"
#include "vec.h"

enum { WINOGRAD_MAX_OUT = 4, WINOGRAD_MAX_SIDE = WINOGRAD_MAX_OUT + 2 };

/* Where one finished tile goes, and what happens to it on the way. */
typedef struct winograd_finish {
  float *y;              /* its first cell */
  const float *add;      /* like y, or NULL */
  int64_t row;           /* floats between its rows in y and add */
  int32_t rows, columns; /* those that lie in the output */
  int32_t clamp, lanes;  /* lanes: channels of the block */
  float lo, hi;
  vf bias;
} winograd_finish;

typedef struct winograd {
  const char *name;
  int32_t out;
  uint64_t pack_number;
  const double (*weight_rows)[3]; /* side rows of G: U = G g G^T. The first is (1, 0, 0), the last (0, 0, 1) */
  /* One tile of one block of channels: cells of VL floats, `row` floats between rows; value i of the tile goes to v + i * plane. */
  void (*input)(const float *x, int64_t row, float *v, int64_t plane);
  /* The inverse of one block of output channels, finished; 0, and nothing is written, when a result is not finite. */
  int32_t (*output)(const float *m, int64_t plane, const winograd_finish *f);
} winograd;

int32_t CVK_ISA_FN(winograd_accepts)(const winograd *f, const cpu_device *device, const cvk_op *op, cvk_candidate *c, cpu_reason *why);
cvk_status CVK_ISA_FN(winograd_pack)(const winograd *f, const cpu_device *device, const cvk_op *op, int32_t input, cvk_pack **out);
cvk_status CVK_ISA_FN(winograd_prepare)(const winograd *f, const cpu_device *device, const cvk_op *op, const cvk_candidate *c,
                                        cpu_kernel **out);
cvk_status CVK_ISA_FN(winograd_execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace);

VI void winograd_store_cell(const winograd_finish *f, vf v, int64_t at) {
  v = v_add(v, f->bias);
  if (f->add) v = v_add(v, v_load(f->add + at));
  if (f->clamp) v = v_clamp(v, v_set1(f->lo), v_set1(f->hi));
  if (f->lanes < VL) v = v_first(v, f->lanes);
  v_store(f->y + at, v);
}

/* y: out x out results. */
VI void winograd_store(const int OUT, const winograd_finish *f, const vf *y) {
  if (f->rows == OUT && f->columns == OUT) {
#pragma GCC unroll 4
    for (int i = 0; i < OUT; i++)
#pragma GCC unroll 4
      for (int j = 0; j < OUT; j++) winograd_store_cell(f, y[i * OUT + j], i * f->row + j * VL);
    return;
  }
  for (int i = 0; i < f->rows; i++)
    for (int j = 0; j < f->columns; j++) winograd_store_cell(f, y[i * OUT + j], i * f->row + j * VL);
}

VI int32_t winograd_finite(const int OUT, const vf *y) {
  vf poison = v_zero(); /* 0 times an infinity or a NaN is a NaN */
#pragma GCC unroll 16
  for (int i = 0; i < OUT * OUT; i++) poison = v_fma(y[i], v_zero(), poison);
  return !vm_any(v_isnan(poison));
}

/* The two-dimensional transforms from those of one side, which work in place on SIDE values. */
VI void winograd_input(const int SIDE, void (*side)(vf *d), const float *x, int64_t row, float *v, int64_t plane) {
  vf half[WINOGRAD_MAX_SIDE * WINOGRAD_MAX_SIDE];
#pragma GCC unroll 6
  for (int j = 0; j < SIDE; j++) {
    vf d[WINOGRAD_MAX_SIDE];
#pragma GCC unroll 6
    for (int i = 0; i < SIDE; i++) d[i] = v_load(x + i * row + j * VL);
    side(d);
#pragma GCC unroll 6
    for (int i = 0; i < SIDE; i++) half[i * SIDE + j] = d[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < SIDE; i++) {
    side(half + i * SIDE);
#pragma GCC unroll 6
    for (int j = 0; j < SIDE; j++) v_store(v + (i * SIDE + j) * plane, half[i * SIDE + j]);
  }
}

/* side: from SIDE products to OUT results. */
VI int32_t winograd_output(const int OUT, void (*side)(const vf *m, vf *y), const float *m, int64_t plane, const winograd_finish *f) {
  const int SIDE = OUT + 2;
  vf half[WINOGRAD_MAX_OUT * WINOGRAD_MAX_SIDE], y[WINOGRAD_MAX_OUT * WINOGRAD_MAX_OUT];
#pragma GCC unroll 6
  for (int j = 0; j < SIDE; j++) {
    vf column[WINOGRAD_MAX_SIDE], r[WINOGRAD_MAX_OUT];
#pragma GCC unroll 6
    for (int i = 0; i < SIDE; i++) column[i] = v_load(m + (i * SIDE + j) * plane);
    side(column, r);
#pragma GCC unroll 4
    for (int i = 0; i < OUT; i++) half[i * SIDE + j] = r[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < OUT; i++) side(half + i * SIDE, y + i * OUT);
  if (!winograd_finite(OUT, y)) return 0;
  winograd_store(OUT, f, y);
  return 1;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_shape.h: what all convolution rows share and no instruction set changes: the shape with three spatial axes (missing leading ones are
 * of extent 1), packed weights, and the plan that cuts an output row into register tiles so that padded taps are skipped, never multiplied.
 */
#ifndef CVK_CPU_CONV_SHAPE_H
#define CVK_CPU_CONV_SHAPE_H

#include "cpu.h"

typedef struct conv_shape {
  int64_t n, c, m, group, cg, mg;                                   /* batch, channels in and out, groups, channels a group in and out */
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3]; /* pad: before the first cell */
  int64_t taps;                                                     /* kernel cells */
  int32_t has_bias;
  int32_t spatial; /* axes that the op has, 1 to 3 */
} conv_shape;

/* Reads CONV or CONV_TRANSPOSE, f32, 1 to 3 spatial axes. 0 and a reason when it is none. */
int32_t conv_shape_read(const cvk_op *op, conv_shape *s, cpu_reason *why);
/* Reads CONV_GRAD_WEIGHT: the shape of the convolution; has_bias: the bias's gradient is wanted. */
int32_t conv_grad_shape_read(const cvk_op *op, conv_shape *s, cpu_reason *why);
double conv_multiply_adds(const conv_shape *s);

/* Taps along one axis whose input cell exists for output cell `o`: *begin <= tap < *end. */
void conv_valid_taps(const conv_shape *s, int32_t axis, int64_t o, int64_t *begin, int64_t *end);

/* Output cells along one axis whose input cell at `tap` exists: *begin <= cell < *end. */
void conv_valid_cells(const conv_shape *s, int32_t axis, int64_t tap, int64_t *begin, int64_t *end);

/* Weights [m][cg][taps] as [group][block of m][block of c][tap][channel in block][block]; zero where m or c run out. */
typedef struct conv_pack_shape {
  int64_t block, cin_block, n_m, n_c; /* n_m, n_c: blocks a group */
  int64_t tap_floats, c_floats, m_floats;
} conv_pack_shape;
int32_t conv_pack_shape_set(const conv_shape *s, int64_t block, int64_t cin_block, conv_pack_shape *p, uint64_t *bytes); /* 0: overflow */

/* `t` neighbouring output cells of a row from x on. Taps [begin,full_begin) miss the input for the first cell only, [full_end,end) for
 * the last only; outside [begin,end) for all. */
typedef struct conv_tile {
  int32_t x, t;
  int32_t begin, full_begin, full_end, end;
} conv_tile;

/* Cuts `out` cells into tiles of at most max_t. tiles: room for `out` entries. Returns how many. */
int64_t conv_tiles_plan(const conv_shape *s, int32_t axis, int64_t out, int64_t max_t, conv_tile *tiles);

#endif

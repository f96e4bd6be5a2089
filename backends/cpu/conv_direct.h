/* SPDX-License-Identifier: Apache-2.0 */
/* conv_direct.h: one convolution of a group's blocks, cut into tiles and chunks: all of conv_direct's work, and the phases of which
 * conv_transpose_blocked makes its own. */
#ifndef CVK_CPU_CONV_DIRECT_H
#define CVK_CPU_CONV_DIRECT_H

#include "conv_shape.h"
#include "post.h"
#include "vec.h"

/* The caller sets the first part, direct_plan the second. Steps are in floats. */
typedef struct direct_part {
  conv_shape s; /* as computed */
  conv_pack_shape pack;
  int64_t cell, channel, plane; /* between input cells, channels of a block, blocks */
  int64_t y_cell, y_row, y_plane;
  int64_t last_width;          /* cells of the last row */
  conv_tile *tile, *last_tile; /* room for s.out[2] each */

  int32_t mode, kb; /* kb: blocks of output channels a tile */
  int64_t chunk_blocks, chunk_rows, chunk_taps, chain;
  int64_t n_tiles, n_last_tiles;
} direct_part;

void CVK_ISA_FN(direct_plan)(direct_part *p);

/* Output rows row0..row1-1 of `blocks` neighbouring blocks of output channels, at most p->kb. x, w, bias, y, add: of the image, the group
 * and the blocks; y and add: of output row 0. lanes: channels of the last block. The folded part of `post` is applied. */
typedef struct direct_band {
  const float *x, *w, *bias, *add; /* bias, add: NULL for none */
  float *y;
  int64_t blocks, lanes, row0, row1;
} direct_band;

void CVK_ISA_FN(direct_run)(const direct_part *p, const cpu_post *post, const direct_band *b);

/* The chain that could not be folded, over n floats of whole cells at y, `lanes` of each in use; output: where the tensor begins. */
void CVK_ISA_FN(direct_finish)(const cpu_post *post, float *y, int64_t n, int64_t lanes, const float *output, const void *const *in);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* strided_copy.h: moves elements of 1, 2, 4 or 8 bytes between two strided views; the engine of transpose, slice, concat, expand, ...
 * A plan is made once from a space of two operands (0: destination, 1: source) and its units run on any thread in any order. */
#ifndef CVK_CPU_STRIDED_COPY_H
#define CVK_CPU_STRIDED_COPY_H

#include "strided.h"

typedef struct nd_copy {
  nd_space space;                /* all axes (inner loops) or the axes outside of a tile pair */
  int32_t size;                  /* bytes of an element */
  int32_t tiled;                 /* the source runs along another axis than the destination: square tiles keep both in cache */
  int64_t units;                 /* independent pieces of work */
  int64_t pieces;                /* units a row: a row is cut along its inner axis, or a tile pair along its outer one */
  int64_t piece;                 /* elements (or tile rows) a piece */
  int64_t along, across;         /* tiled: extent of the destination's inner axis and of the source's */
  int64_t dst_across, src_along; /* tiled: the two strides that are not 1 */
} nd_copy;

void nd_copy_plan(nd_copy *c, nd_space *space, int32_t size);
void nd_copy_run(const nd_copy *c, void *dst, const void *src, int64_t begin, int64_t end);

#endif

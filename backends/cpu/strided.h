/* SPDX-License-Identifier: Apache-2.0 */
/* strided.h: walking an index space in which every operand has its own stride per axis (0: broadcast). The one place for broadcasting and
 * for strided copies. A space is set up once (nd_init, nd_axis_*, nd_collapse) and then read by any number of threads, each with a cursor.
 * The last axis of a collapsed space is the inner loop of whoever walks; a "row" is one setting of all the other axes. */
#ifndef CVK_CPU_STRIDED_H
#define CVK_CPU_STRIDED_H

#include <convoke/plugin.h>

#define ND_RANK 18    /* twice a tensor's rank (TILE), and a blocked tensor's lanes */
#define ND_OPERANDS 9 /* one output and eight inputs */

typedef struct nd_space {
  int32_t rank; /* >= 1 once collapsed */
  int32_t n;    /* operands */
  int64_t dim[ND_RANK];
  int64_t stride[ND_OPERANDS][ND_RANK]; /* in elements */
  int64_t base[ND_OPERANDS];            /* offset of the first element */
} nd_space;

typedef struct nd_cursor {
  int64_t index[ND_RANK];
  int64_t offset[ND_OPERANDS]; /* of the row's first element */
} nd_cursor;

/* An empty space of n operands; axes are then added outermost first. */
void nd_init(nd_space *s, int32_t n);
/* Adds an axis with the given stride for each operand. */
void nd_axis(nd_space *s, int64_t extent, const int64_t *stride);
/* The space of a dense output (operand 0) and n inputs broadcast to it as NumPy does. */
void nd_broadcast(nd_space *s, const cvk_tensor_desc *out, int32_t n, const cvk_tensor_desc *const *in);
/* Drops axes of extent 1 and joins neighbours that every operand walks as one. */
void nd_collapse(nd_space *s);

int64_t nd_rows(const nd_space *s);  /* 0 in an empty space */
int64_t nd_inner(const nd_space *s); /* extent of the last axis */
void nd_seek(const nd_space *s, nd_cursor *c, int64_t row);
void nd_next(const nd_space *s, nd_cursor *c);

/* Dense row-major strides. */
void nd_dense(int32_t rank, const int64_t *dim, int64_t *stride);
/* The dense axes that a tensor has in memory, into dim[]; returns how many: a blocked tensor is N, blocks, spatial..., lanes. */
int32_t nd_memory_axes(const cvk_tensor_desc *d, int64_t dim[CVK_MAX_RANK + 1]);

#endif

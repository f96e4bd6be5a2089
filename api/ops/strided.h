/* SPDX-License-Identifier: Apache-2.0 */
/* strided.h: the one index iterator of the references. A walk visits every position of a shape in row-major order, as runs along the
 * innermost axis, and keeps for each operand the element offset of the run's start. Axes that all operands step through alike are merged,
 * so tensors of one shape are one run. Strides are in elements; 0 broadcasts; negative is allowed. */
#ifndef CVK_STRIDED_H
#define CVK_STRIDED_H

#include <convoke/plugin.h>

#define CVK_WALK_AXES (2 * CVK_MAX_RANK) /* TILE walks each axis twice */
#define CVK_WALK_OPERANDS 65             /* the output and 64 inputs of an n-ary op */

typedef struct cvk_walk {
  int32_t rank, operands;
  int64_t dim[CVK_WALK_AXES];
  int64_t stride[CVK_WALK_OPERANDS][CVK_WALK_AXES];
  int64_t base[CVK_WALK_OPERANDS]; /* offset of position 0 */
  int64_t index[CVK_WALK_AXES];
  int64_t offset[CVK_WALK_OPERANDS]; /* of the run in hand */
  int64_t run;                       /* its length; */
  int64_t step[CVK_WALK_OPERANDS];   /* ... and each operand's stride along it */
} cvk_walk;

/* Row-major strides of a dense shape. */
void cvk_dense_strides(int32_t rank, const int64_t *dim, int64_t *stride);
/* Strides that broadcast a dense shape of rank `from_rank` to one of rank `rank` (trailing axes aligned; extent 1 gives 0). */
void cvk_broadcast_strides(int32_t from_rank, const int64_t *from, int32_t rank, int64_t *stride);

void cvk_walk_begin(cvk_walk *w, int32_t rank, const int64_t *dim);
void cvk_walk_add(cvk_walk *w, const int64_t *stride, int64_t base);              /* an operand, in order */
void cvk_walk_add_broadcast(cvk_walk *w, int32_t from_rank, const int64_t *from); /* a dense one, broadcast to the walk's shape */
/* Starts (or restarts) at position 0: nonzero when there is a run. The first call merges axes; operands may not be added after it. */
int32_t cvk_walk_start(cvk_walk *w);
int32_t cvk_walk_next(cvk_walk *w); /* the next run; 0 at the end */

/* n elements of `bytes` each, strides in elements. dst and src do not overlap. */
void cvk_copy_run(uint64_t bytes, int64_t n, void *dst, int64_t dst_offset, int64_t dst_stride, const void *src, int64_t src_offset,
                  int64_t src_stride);
/* Every position of a shape from src to dst. */
void cvk_copy_strided(uint64_t bytes, int32_t rank, const int64_t *dim, void *dst, const int64_t *dst_stride, int64_t dst_base,
                      const void *src, const int64_t *src_stride, int64_t src_base);

#endif

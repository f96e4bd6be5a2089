/* SPDX-License-Identifier: Apache-2.0 */
/* strided.c: see strided.h. */
#include "strided.h"

#include <string.h>

void cvk_dense_strides(int32_t rank, const int64_t *dim, int64_t *stride) {
  int64_t step = 1;
  for (int32_t a = rank - 1; a >= 0; a--) {
    stride[a] = step;
    step *= dim[a] > 0 ? dim[a] : 1; /* of an empty shape no stride is used, but none may overflow */
  }
}

void cvk_broadcast_strides(int32_t from_rank, const int64_t *from, int32_t rank, int64_t *stride) {
  int64_t dense[CVK_MAX_RANK];
  cvk_dense_strides(from_rank, from, dense);
  for (int32_t a = 0; a < rank; a++) {
    const int32_t own = a - (rank - from_rank);
    stride[a] = own < 0 || from[own] == 1 ? 0 : dense[own];
  }
}

void cvk_walk_begin(cvk_walk *w, int32_t rank, const int64_t *dim) {
  w->rank = rank;
  w->operands = 0;
  w->run = -1; /* not started */
  for (int32_t a = 0; a < rank; a++) w->dim[a] = dim[a];
}

void cvk_walk_add(cvk_walk *w, const int64_t *stride, int64_t base) {
  for (int32_t a = 0; a < w->rank; a++) w->stride[w->operands][a] = stride[a];
  w->base[w->operands++] = base;
}

void cvk_walk_add_broadcast(cvk_walk *w, int32_t from_rank, const int64_t *from) {
  int64_t stride[CVK_WALK_AXES];
  cvk_broadcast_strides(from_rank, from, w->rank, stride);
  cvk_walk_add(w, stride, 0);
}

/* Whether axis a and the axis b inside it are one longer axis for every operand. */
static int32_t mergeable(const cvk_walk *w, int32_t a, int32_t b) {
  for (int32_t k = 0; k < w->operands; k++)
    if (w->stride[k][a] != w->stride[k][b] * w->dim[b]) return 0;
  return 1;
}

static void move_axis(cvk_walk *w, int32_t to, int32_t from) {
  w->dim[to] = w->dim[from];
  for (int32_t k = 0; k < w->operands; k++) w->stride[k][to] = w->stride[k][from];
}

static void merge_axes(cvk_walk *w) {
  int32_t kept = 0;
  for (int32_t a = 0; a < w->rank; a++) {
    if (w->dim[a] == 1) continue;
    if (kept > 0 && mergeable(w, kept - 1, a)) {
      const int64_t outer = w->dim[kept - 1];
      move_axis(w, kept - 1, a);
      w->dim[kept - 1] *= outer;
    } else {
      move_axis(w, kept++, a);
    }
  }
  w->rank = kept;
  w->run = kept > 0 ? w->dim[kept - 1] : 1;
  for (int32_t k = 0; k < w->operands; k++) w->step[k] = kept > 0 ? w->stride[k][kept - 1] : 0;
}

int32_t cvk_walk_start(cvk_walk *w) {
  if (w->run < 0) {
    for (int32_t a = 0; a < w->rank; a++)
      if (w->dim[a] == 0) return 0;
    merge_axes(w);
  }
  for (int32_t a = 0; a < w->rank; a++) w->index[a] = 0;
  for (int32_t k = 0; k < w->operands; k++) w->offset[k] = w->base[k];
  return 1;
}

int32_t cvk_walk_next(cvk_walk *w) {
  for (int32_t a = w->rank - 2; a >= 0; a--) {
    if (++w->index[a] < w->dim[a]) {
      for (int32_t k = 0; k < w->operands; k++) w->offset[k] += w->stride[k][a];
      return 1;
    }
    for (int32_t k = 0; k < w->operands; k++) w->offset[k] -= w->stride[k][a] * (w->dim[a] - 1);
    w->index[a] = 0;
  }
  return 0;
}

void cvk_copy_run(uint64_t bytes, int64_t n, void *dst, int64_t dst_offset, int64_t dst_stride, const void *src, int64_t src_offset,
                  int64_t src_stride) {
  const int64_t size = (int64_t)bytes;
  char *to = (char *)dst + dst_offset * size;
  const char *from = (const char *)src + src_offset * size;
  if (n <= 0) return;
  if (dst_stride == 1 && src_stride == 1) {
    memcpy(to, from, (size_t)(n * size));
    return;
  }
  const int64_t to_step = dst_stride * size, from_step = src_stride * size;
  /* The constant sizes let the compiler turn each memcpy into one move. */
  /* clang-format off */
  switch (bytes) {
    case 1: for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, 1); break;
    case 2: for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, 2); break;
    case 4: for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, 4); break;
    default: for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, 8); break;
  }
  /* clang-format on */
}

void cvk_copy_strided(uint64_t bytes, int32_t rank, const int64_t *dim, void *dst, const int64_t *dst_stride, int64_t dst_base,
                      const void *src, const int64_t *src_stride, int64_t src_base) {
  cvk_walk w;
  cvk_walk_begin(&w, rank, dim);
  cvk_walk_add(&w, dst_stride, dst_base);
  cvk_walk_add(&w, src_stride, src_base);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    cvk_copy_run(bytes, w.run, dst, w.offset[0], w.step[0], src, w.offset[1], w.step[1]);
}

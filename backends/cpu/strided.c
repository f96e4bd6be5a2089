/* SPDX-License-Identifier: Apache-2.0 */
/* strided.c: see strided.h. Baseline instruction set; nothing here is in an inner loop. */
#include "strided.h"

#include <string.h>

void nd_init(nd_space *s, int32_t n) {
  memset(s, 0, sizeof *s);
  s->n = n;
}

void nd_axis(nd_space *s, int64_t extent, const int64_t *stride) {
  s->dim[s->rank] = extent;
  for (int32_t k = 0; k < s->n; k++) s->stride[k][s->rank] = stride[k];
  s->rank++;
}

void nd_dense(int32_t rank, const int64_t *dim, int64_t *stride) {
  int64_t step = 1;
  for (int32_t i = rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= dim[i];
  }
}

int32_t nd_memory_axes(const cvk_tensor_desc *d, int64_t dim[CVK_MAX_RANK + 1]) {
  for (int32_t i = 0; i < d->rank; i++) dim[i] = d->dim[i];
  if (d->format.layout != CVK_BLOCKED) return d->rank;
  dim[1] = (dim[1] + d->format.block - 1) / d->format.block;
  dim[d->rank] = d->format.block;
  return d->rank + 1;
}

void nd_broadcast(nd_space *s, const cvk_tensor_desc *out, int32_t n, const cvk_tensor_desc *const *in) {
  int64_t dense[ND_OPERANDS][CVK_MAX_RANK], stride[ND_OPERANDS];
  nd_init(s, n + 1);
  nd_dense(out->rank, out->dim, dense[0]);
  for (int32_t k = 0; k < n; k++) nd_dense(in[k]->rank, in[k]->dim, dense[k + 1]);
  for (int32_t i = 0; i < out->rank; i++) {
    stride[0] = dense[0][i];
    for (int32_t k = 0; k < n; k++) {
      const int32_t j = i - (out->rank - in[k]->rank);
      stride[k + 1] = j < 0 || in[k]->dim[j] == 1 ? 0 : dense[k + 1][j];
    }
    nd_axis(s, out->dim[i], stride);
  }
  nd_collapse(s);
}

static int joins(const nd_space *s, int32_t outer, int32_t inner) {
  for (int32_t k = 0; k < s->n; k++)
    if (s->stride[k][outer] != s->stride[k][inner] * s->dim[inner]) return 0;
  return 1;
}

static void move_axis(nd_space *s, int32_t to, int32_t from) {
  s->dim[to] = s->dim[from];
  for (int32_t k = 0; k < s->n; k++) s->stride[k][to] = s->stride[k][from];
}

void nd_collapse(nd_space *s) {
  int32_t kept = 0;
  for (int32_t i = 0; i < s->rank; i++) {
    if (s->dim[i] == 1) continue;
    if (kept > 0 && joins(s, kept - 1, i)) {
      const int64_t outer = s->dim[kept - 1];
      move_axis(s, kept - 1, i);
      s->dim[kept - 1] *= outer;
    } else {
      move_axis(s, kept++, i);
    }
  }
  if (kept == 0) {
    s->dim[0] = 1;
    for (int32_t k = 0; k < s->n; k++) s->stride[k][0] = 1;
    kept = 1;
  }
  s->rank = kept;
}

int64_t nd_rows(const nd_space *s) {
  int64_t n = 1;
  for (int32_t i = 0; i + 1 < s->rank; i++) n *= s->dim[i];
  return s->dim[s->rank - 1] == 0 ? 0 : n;
}

int64_t nd_inner(const nd_space *s) {
  return s->dim[s->rank - 1];
}

void nd_seek(const nd_space *s, nd_cursor *c, int64_t row) {
  for (int32_t k = 0; k < s->n; k++) c->offset[k] = s->base[k];
  for (int32_t i = s->rank - 2; i >= 0; i--) {
    const int64_t extent = s->dim[i] > 0 ? s->dim[i] : 1; /* an empty space may be asked for its first row */
    c->index[i] = row % extent;
    row /= extent;
    for (int32_t k = 0; k < s->n; k++) c->offset[k] += c->index[i] * s->stride[k][i];
  }
}

void nd_next(const nd_space *s, nd_cursor *c) {
  for (int32_t i = s->rank - 2; i >= 0; i--) {
    for (int32_t k = 0; k < s->n; k++) c->offset[k] += s->stride[k][i];
    if (++c->index[i] < s->dim[i]) return;
    for (int32_t k = 0; k < s->n; k++) c->offset[k] -= s->dim[i] * s->stride[k][i];
    c->index[i] = 0;
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conv.c: CONV as a matrix product, the weights of a group [filters, channels x taps] by a panel of input cells (im2col). The panel is gathered
 * a step of the depth and a tile of output cells at a time, so it stays in the cache. Cells of the padding are zeros in it: right as long
 * as the weights are finite, and where they are not, plain loops that leave such cells out take over. */
#include <string.h>

#include "blas.h"

static int64_t product3(const int64_t v[3]) { return v[0] * v[1] * v[2]; }

static void read_axes(conv *c, const cvk_conv_attr *a, const cvk_tensor_desc *x, const cvk_tensor_desc *y) {
  const int32_t n = x->rank - 2;
  for (int32_t i = 0; i < 3; i++) c->in[i] = c->out[i] = c->kernel[i] = c->stride[i] = c->dilation[i] = 1;
  for (int32_t i = 0; i < n; i++) {
    const int32_t to = 3 - n + i;
    c->in[to] = x->dim[i + 2];
    c->out[to] = y->dim[i + 2];
    c->kernel[to] = a->kernel[i];
    c->stride[to] = a->stride[i];
    c->dilation[to] = a->dilation[i];
    c->pad[to] = a->pad_begin[i];
    c->padded |= a->pad_begin[i] > 0 || a->pad_end[i] > 0;
  }
}

const char *conv_read(const cvk_op *op, conv *out) {
  const cvk_tensor_desc *x = op->in[0], *w = op->in[1], *y = op->out[0];
  const cvk_conv_attr *a = op->attr;
  conv c = {.group = a->group};
  if (x->rank < 3 || x->rank > 5) return "blas: conv: takes one to three spatial axes";
  read_axes(&c, a, x, y);
  c.channels = x->dim[1] / c.group;
  if (cvk_count(y->rank, y->dim) > 0) { /* the shape of an empty tensor may be too large to count */
    c.in_cells = product3(c.in);
    c.taps = product3(c.kernel);
    c.grid = grid_make(x->dim[0] * c.group, w->dim[0] / c.group, product3(c.out), c.channels * c.taps);
  }
  c.pointwise = c.taps == 1 && product3(c.stride) == 1 && !c.padded;
  if (!fits_cblas(c.grid.depth) || !fits_cblas(c.in_cells)) return "blas: conv: an extent is past the integers of cblas";
  *out = c;
  return NULL;
}

/* Where window o of `axis` has tap k in the input; negative or >= in[axis]: in the padding. */
static int64_t place(const conv *c, int32_t axis, int64_t o, int64_t k) { return o * c->stride[axis] - c->pad[axis] + k * c->dilation[axis]; }
static int32_t inside(const conv *c, int32_t axis, int64_t at) { return at >= 0 && at < c->in[axis]; }

/* Cells ow .. ow + n - 1 of one output row at tap k of the innermost axis; row NULL: all in the padding. */
static void gather_row(const conv *c, const float *row, int64_t ow, int64_t n, int64_t k, float *to) {
  int64_t j = 0;
  if (row == NULL) {
    memset(to, 0, (size_t)n * sizeof *to);
    return;
  }
  while (j < n && place(c, 2, ow + j, k) < 0) to[j++] = 0;
  for (int64_t at = place(c, 2, ow + j, k); j < n && at < c->in[2]; j++, at += c->stride[2]) to[j] = row[at];
  while (j < n) to[j++] = 0;
}

/* Row `depth` of the panel: one tap of one channel, at output cells first .. first + n - 1. */
static void gather(const conv *c, const float *x, int64_t depth, int64_t first, int64_t n, float *to) {
  const int64_t tap = depth % c->taps, kw = tap % c->kernel[2], kh = tap / c->kernel[2] % c->kernel[1], kd = tap / c->kernel[2] / c->kernel[1];
  const float *plane = x + depth / c->taps * c->in_cells;
  for (int64_t cell = first, run; cell < first + n; cell += run, to += run) {
    const int64_t ow = cell % c->out[2], ih = place(c, 1, cell / c->out[2] % c->out[1], kh), id = place(c, 0, cell / c->out[2] / c->out[1], kd);
    run = min64(c->out[2] - ow, first + n - cell);
    gather_row(c, inside(c, 1, ih) && inside(c, 0, id) ? plane + (id * c->in[1] + ih) * c->in[2] : NULL, ow, run, kw, to);
  }
}

static void sum_steps(const conv *c, const float *x, const float *w, const tile *t, const scratch *s) {
  const int64_t depth = c->grid.depth;
  for (int64_t k = 0; k < depth; k += c->grid.step) {
    const int64_t n = min64(c->grid.step, depth - k);
    matrix panel = {s->panel, t->columns, 0};
    if (c->pointwise) panel = (matrix){x + k * c->in_cells + t->column, c->in_cells, 0};
    else
      for (int64_t i = 0; i < n; i++) gather(c, x, k + i, t->column, t->columns, s->panel + i * t->columns);
    sums_add(t, n, (matrix){w + t->row * depth + k, depth, 0}, panel, s);
  }
}

/* One filter at one output cell, over the taps inside the input. */
static double exact_sum(const conv *c, const float *x, const float *w, int64_t cell) {
  const int64_t ow = cell % c->out[2], oh = cell / c->out[2] % c->out[1], od = cell / c->out[2] / c->out[1];
  double sum = 0;
  for (int64_t k = 0; k < c->grid.depth; k++) {
    const int64_t tap = k % c->taps, iw = place(c, 2, ow, tap % c->kernel[2]), ih = place(c, 1, oh, tap / c->kernel[2] % c->kernel[1]);
    const int64_t id = place(c, 0, od, tap / c->kernel[2] / c->kernel[1]);
    if (inside(c, 0, id) && inside(c, 1, ih) && inside(c, 2, iw))
      sum += (double)w[k] * (double)x[k / c->taps * c->in_cells + (id * c->in[1] + ih) * c->in[2] + iw];
  }
  return sum;
}

void conv_tile(const conv *c, const float *const in[3], float *y, int32_t finite, const tile *t, const scratch *s) {
  const int64_t filters = c->grid.rows, first = t->stack % c->group * filters; /* of the group */
  const float *x = in[0] + t->stack * c->channels * c->in_cells, *w = in[1] + first * c->grid.depth;
  sums_clear(t, s);
  if (finite || !c->padded) sum_steps(c, x, w, t, s);
  else
    for (int64_t i = 0; i < t->rows * t->columns; i++)
      s->sum[i] = exact_sum(c, x, w + (t->row + i / t->columns) * c->grid.depth, t->column + i % t->columns);
  for (int64_t i = 0; i < t->rows; i++) {
    float *to = y + (t->stack * filters + t->row + i) * c->grid.columns + t->column;
    const double bias = in[2] ? (double)in[2][first + t->row + i] : 0;
    for (int64_t j = 0; j < t->columns; j++) to[j] = (float)(s->sum[i * t->columns + j] + bias);
  }
}

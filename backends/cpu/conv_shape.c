/* SPDX-License-Identifier: Apache-2.0 */
/* conv_shape.c: see conv_shape.h. Built for the baseline. */
#include "conv_shape.h"

#include <string.h>

enum { LINE = 96 };

static int32_t is_post_operand(const cvk_op *op, int32_t input) {
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->input == input) return 1;
  return 0;
}

/* The same convolution over fewer axes: rows run along the last one, so that it should be long. Trailing axes of extent 1 go to the front,
 * where missing ones are; a pointwise one joins rows until they have LINE cells. */
static void shorten(conv_shape *s) {
  for (int32_t i = 1; i < s->spatial; i++) {
    if (s->in[2] != 1 || s->out[2] != 1 || s->kernel[2] != 1 || s->pad[2] != 0) break;
    int64_t *axes[] = {s->in, s->out, s->kernel, s->stride, s->dilation, s->pad};
    for (size_t a = 0; a < sizeof axes / sizeof *axes; a++) {
      axes[a][2] = axes[a][1];
      axes[a][1] = axes[a][0];
      axes[a][0] = a == 5 ? 0 : 1;
    }
  }
  int32_t pointwise = s->taps == 1;
  for (int32_t i = 0; i < 3; i++) pointwise &= s->in[i] == s->out[i] && s->stride[i] == 1 && s->pad[i] == 0;
  if (!pointwise || s->in[0] * s->in[1] == 0) return;
  const int64_t rows = s->in[0] * s->in[1];
  int64_t join = 1;
  while (join < rows && (rows % join || join * s->in[2] < LINE)) join++;
  s->in[0] = s->out[0] = 1;
  s->in[1] = s->out[1] = rows / cpu_max(join, 1);
  s->in[2] = s->out[2] = join * s->in[2];
}

/* Of a convolution from x to y. */
static int32_t shape_read(const cvk_op *op, const cvk_tensor_desc *x, const cvk_tensor_desc *y, const int64_t *kernel, conv_shape *s,
                          cpu_reason *why) {
  const cvk_conv_attr *attr = op->attr;
  if (!cpu_all_f32(op, why)) return 0;
  const int32_t spatial = x->rank - 2;
  if (spatial < 1 || spatial > 3) return cpu_refuse(why, "%d spatial axes, 1 to 3 are taken", spatial);
  *s = (conv_shape){.n = x->dim[0], .c = x->dim[1], .m = y->dim[1], .group = attr->group, .spatial = spatial, .taps = 1};
  for (int32_t i = 0; i < 3; i++) s->in[i] = s->out[i] = s->kernel[i] = s->stride[i] = s->dilation[i] = 1;
  for (int32_t i = 0; i < spatial; i++) {
    const int32_t to = 3 - spatial + i;
    s->in[to] = x->dim[2 + i];
    s->out[to] = y->dim[2 + i];
    s->kernel[to] = kernel[i];
    s->stride[to] = attr->stride[i];
    s->dilation[to] = attr->dilation[i];
    s->pad[to] = attr->pad_begin[i];
    s->taps *= kernel[i];
  }
  if (s->group < 1 || s->c % s->group || s->m % s->group)
    return cpu_refuse(why, "group %lld does not divide the channels", (long long)s->group);
  shorten(s);
  s->cg = s->c / s->group;
  s->mg = s->m / s->group;
  return 1;
}

int32_t conv_shape_read(const cvk_op *op, conv_shape *s, cpu_reason *why) {
  if (!shape_read(op, op->in[0], op->out[0], op->in[1]->dim + 2, s, why)) return 0;
  s->has_bias = op->n_in > 2 && op->in[2] && !is_post_operand(op, 2);
  return 1;
}

int32_t conv_grad_shape_read(const cvk_op *op, conv_shape *s, cpu_reason *why) {
  if (!op->out[0]) return cpu_refuse(why, "output 0 is not wanted");
  if (!shape_read(op, op->in[0], op->in[1], op->out[0]->dim + 2, s, why)) return 0;
  s->has_bias = op->n_out > 1 && op->out[1];
  return 1;
}

void conv_valid_cells(const conv_shape *s, int32_t axis, int64_t tap, int64_t *begin, int64_t *end) {
  const int64_t first = tap * s->dilation[axis] - s->pad[axis], stride = s->stride[axis];
  *begin = first >= 0 ? 0 : cpu_min(s->out[axis], cpu_ceil_div(-first, stride));
  *end = first >= s->in[axis] ? 0 : cpu_min(s->out[axis], cpu_ceil_div(s->in[axis] - first, stride));
  if (*end < *begin) *end = *begin;
}

double conv_multiply_adds(const conv_shape *s) {
  const int64_t *cells = s->out;
  return (double)s->n * (double)s->m * (double)s->cg * (double)s->taps * (double)cells[0] * (double)cells[1] * (double)cells[2];
}

void conv_valid_taps(const conv_shape *s, int32_t axis, int64_t o, int64_t *begin, int64_t *end) {
  const int64_t first = o * s->stride[axis] - s->pad[axis], d = s->dilation[axis];
  *begin = first >= 0 ? 0 : cpu_min(s->kernel[axis], cpu_ceil_div(-first, d));
  *end = first >= s->in[axis] ? 0 : cpu_min(s->kernel[axis], cpu_ceil_div(s->in[axis] - first, d));
  if (*end < *begin) *end = *begin;
}

int32_t conv_pack_shape_set(const conv_shape *s, int64_t block, int64_t cin_block, conv_pack_shape *p, uint64_t *bytes) {
  *p = (conv_pack_shape){.block = block, .cin_block = cin_block, .n_m = cpu_ceil_div(s->mg, block), .n_c = cpu_ceil_div(s->cg, cin_block)};
  *bytes = cpu_product(7, (int64_t[]){s->group, p->n_m, p->n_c, s->taps, cin_block, block, sizeof(float)});
  if (*bytes == UINT64_MAX) return 0;
  p->tap_floats = cin_block * block;
  p->c_floats = s->taps * p->tap_floats;
  p->m_floats = p->n_c * p->c_floats;
  return 1;
}

/* Fills tile (x, t); 0 when some tap would miss the input for more than one of its cells but not for all. */
static int32_t fits(const conv_shape *s, int32_t axis, conv_tile *tile) {
  const int64_t k = s->kernel[axis], stride = s->stride[axis], t = tile->t;
  int32_t state = 0; /* 0: before begin, 1: the first cell misses, 2: full, 3: the last misses, 4: after end */
  tile->begin = tile->full_begin = tile->full_end = tile->end = (int32_t)k;
  for (int64_t tap = 0; tap < k; tap++) {
    const int64_t first = tile->x * stride - s->pad[axis] + tap * s->dilation[axis], last = first + (t - 1) * stride;
    const int64_t left = first >= 0 ? 0 : cpu_min(t, cpu_ceil_div(-first, stride));
    const int64_t right = last < s->in[axis] ? 0 : cpu_min(t, cpu_ceil_div(last - s->in[axis] + 1, stride));
    if (left + right >= t) { /* no cell */
      if (left < t && right < t) return 0;
      if (state > 0 && state < 4) {
        if (state == 1) tile->full_begin = (int32_t)tap;
        if (state <= 2) tile->full_end = (int32_t)tap;
        tile->end = (int32_t)tap;
        state = 4;
      }
      continue;
    }
    if (left > 1 || right > 1 || (left && right)) return 0;
    const int32_t now = left ? 1 : right ? 3 : 2;
    if (state == 0) tile->begin = (int32_t)tap;
    if (state < 2 && now >= 2) tile->full_begin = (int32_t)tap;
    if (state < 3 && now == 3) tile->full_end = (int32_t)tap;
    state = now;
  }
  return 1;
}

int64_t conv_tiles_plan(const conv_shape *s, int32_t axis, int64_t out, int64_t max_t, conv_tile *tiles) {
  int64_t n = 0;
  for (int64_t x = 0; x < out; n++) {
    const int64_t rest = out - x;
    conv_tile tile = {.x = (int32_t)x};
    tile.t = (int32_t)(rest <= max_t ? rest : rest < 2 * max_t ? cpu_ceil_div(rest, 2) : max_t);
    while (tile.t > 1 && !fits(s, axis, &tile)) tile.t--;
    fits(s, axis, &tile);
    tiles[n] = tile;
    x += tile.t;
  }
  return n;
}

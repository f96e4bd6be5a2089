/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: window arithmetic that the pool rows share. 1-D and 2-D pools are 3-D ones with leading axes of extent 1. */
#ifndef CVK_CPU_POOL_H
#define CVK_CPU_POOL_H

#include "cpu.h"

enum { POOL_AXES = 3 };

typedef struct pool_axis {
  int64_t in, out, kernel, stride, dilation, begin, end;
} pool_axis;

/* The taps first..last-1 of one window that lie in the input, where tap 0 would lie, and how many taps an average counts. */
typedef struct pool_window {
  int64_t start, first, last, count;
} pool_window;

typedef struct pool_shape {
  int64_t images, channels;
  pool_axis axis[POOL_AXES]; /* depth, height, width */
  int32_t is_max, count_pad;
} pool_shape;

/* 0 and a reason unless the op is f32 with one to three spatial axes. */
static inline int32_t pool_shape_of(const cvk_op *op, pool_shape *s, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const cvk_pool_attr *a = op->attr;
  if (x->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", x->dtype);
  if (x->rank < 3 || x->rank > 5) return cpu_refuse(why, "rank %d, takes 3 to 5", x->rank);
  if (!y) return cpu_refuse(why, "output 0 is not wanted");
  *s = (pool_shape){.images = x->dim[0], .channels = x->dim[1], .is_max = op->kind == CVK_OP_MAX_POOL, .count_pad = a->count_include_pad};
  for (int32_t i = 0; i < POOL_AXES; i++) {
    const int32_t j = i - (POOL_AXES - (x->rank - 2));
    s->axis[i] = j < 0 ? (pool_axis){1, 1, 1, 1, 1, 0, 0} : (pool_axis){x->dim[j + 2],  y->dim[j + 2],   a->kernel[j], a->stride[j],
                                                                        a->dilation[j], a->pad_begin[j], a->pad_end[j]};
  }
  return 1;
}

/* How many of a window's taps come before the cell `room` cells on from its start; no division in the common cases. */
static inline int64_t pool_taps_within(const pool_axis *a, int64_t room) {
  if (room <= 0) return 0;
  if ((a->kernel - 1) * a->dilation < room) return a->kernel;
  return a->dilation == 1 ? room : cpu_ceil_div(room, a->dilation);
}

static inline pool_window pool_window_at(const pool_axis *a, int64_t o, int32_t count_pad) {
  pool_window w = {.start = o * a->stride - a->begin};
  w.first = w.start >= 0 ? 0 : a->dilation == 1 ? -w.start : cpu_ceil_div(-w.start, a->dilation);
  w.last = pool_taps_within(a, a->in - w.start);
  w.count = count_pad ? pool_taps_within(a, a->in + a->end - w.start) : w.last - w.first;
  return w;
}

/* Outputs begin..end-1 of an axis are those whose whole window lies in the input. */
static inline void pool_inner_outputs(const pool_axis *a, int64_t *begin, int64_t *end) {
  const int64_t room =
      a->in + a->begin - (a->kernel - 1) * a->dilation; /* the last tap of output o lies in the input while o * stride < room */
  *begin = cpu_min(a->out, cpu_ceil_div(a->begin, a->stride));
  *end = room > 0 ? cpu_min(a->out, cpu_ceil_div(room, a->stride)) : 0;
  if (*end < *begin) *end = *begin;
}

/* The rows of the input that one output row sees: base + depth and height steps over the valid taps. */
typedef struct pool_row {
  int64_t first;     /* first valid depth and height tap, start of the line */
  const float *base; /* input + first */
  int64_t depths, heights, depth_step, height_step, count;
} pool_row;

/* Where an output row lies. */
typedef struct pool_place {
  int64_t plane, depth, height;
} pool_place;

static inline pool_place pool_place_of(const pool_shape *s, int64_t row) {
  const int64_t d = s->axis[0].out, h = s->axis[1].out;
  return (pool_place){row / (d * h), row / h % d, row % h};
}

static inline void pool_place_next(const pool_shape *s, pool_place *p) {
  if (++p->height < s->axis[1].out) return;
  p->height = 0;
  if (++p->depth < s->axis[0].out) return;
  p->depth = 0;
  p->plane++;
}

/* A cell of a line is `lanes` floats. The base is not set. */
static inline pool_row pool_row_of(const pool_shape *s, const pool_place *p, int64_t lanes) {
  const pool_axis *d = &s->axis[0], *h = &s->axis[1];
  const int64_t line = s->axis[2].in * lanes;
  const pool_window wd = pool_window_at(d, p->depth, s->count_pad), wh = pool_window_at(h, p->height, s->count_pad);
  const int64_t first = ((p->plane * d->in + wd.start + wd.first * d->dilation) * h->in + wh.start + wh.first * h->dilation) * line;
  return (pool_row){.first = first,
                    .depths = wd.last - wd.first,
                    .heights = wh.last - wh.first,
                    .depth_step = d->dilation * h->in * line,
                    .height_step = h->dilation * line,
                    .count = wd.count * wh.count};
}

static inline pool_row pool_row_at(const pool_shape *s, const float *x, const pool_place *p, int64_t lanes) {
  pool_row r = pool_row_of(s, p, lanes);
  r.base = x + r.first;
  return r;
}

static inline int64_t pool_cells_in(const pool_shape *s) {
  return s->axis[0].in * s->axis[1].in * s->axis[2].in;
}
static inline int64_t pool_cells_out(const pool_shape *s) {
  return s->axis[0].out * s->axis[1].out * s->axis[2].out;
}
static inline int64_t pool_taps(const pool_shape *s) {
  return s->axis[0].kernel * s->axis[1].kernel * s->axis[2].kernel;
}

#endif

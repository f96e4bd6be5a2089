/* SPDX-License-Identifier: Apache-2.0 */
/* resize_list.c: rows of RESIZE, f32, of the last two axes (blocked: of spatial ones), to the nearest cell or linear: kernels_cl/resize.cl.
 */
#include <math.h>

#include "lists.h"
#include "view.h"

typedef struct { /* an output cell: w0 times cell c0 plus w1 times cell c1; see resize.cl */
  int32_t c0, c1;
} pair;
typedef struct {
  float w0, w1;
} weights;

typedef struct {
  int64_t planes, in_h, in_w, out_h, out_w;
  int32_t down; /* the axis of the rows; -1: there is one row */
} view;

static view view_of(const cvk_op *op, int32_t blocked) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int32_t last = x->rank - 1, down = last - 1 < (blocked ? 2 : 0) ? -1 : last - 1;
  view v = {.planes = 1, .in_h = 1, .in_w = x->dim[last], .out_h = 1, .out_w = y->dim[last], .down = down};
  if (down >= 0) {
    v.in_h = x->dim[down];
    v.out_h = y->dim[down];
  }
  for (int32_t i = 0; i < (down < 0 ? last : down); i++)
    v.planes *= blocked && i == 1 ? (x->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : x->dim[i];
  return v;
}

static int32_t keeps(const cvk_resize_attr *a, int32_t axis, int64_t in) {
  return a->size[axis] == in && a->width[axis] == (double)in && a->roi_begin[axis] == 0 && a->roi_end[axis] == 1;
}

static int32_t accepts(ocl_query *q) {
  const cvk_resize_attr *a = q->op->attr;
  const cvk_tensor_desc *x = q->op->in[0], *y = q->op->out[0];
  const int32_t blocked = q->row->layout == CVK_BLOCKED;
  if (!y || x->dtype != CVK_F32) return ocl_refuse(q, "an input of type %d; this row works on f32", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (a->mode == CVK_CUBIC || a->antialias) return ocl_refuse(q, "mode %d, antialias %d", a->mode, a->antialias);
  if (x->rank < (blocked ? 3 : 1)) return ocl_refuse(q, "rank %d", x->rank);
  const view v = view_of(q->op, blocked);
  for (int32_t i = 0; i < x->rank - 1; i++)
    if (i != v.down && !keeps(a, i, x->dim[i])) return ocl_refuse(q, "axis %d is resized, not only the last two", i);
  const int64_t most = INT32_MAX / OCL_BLOCK;
  if (ocl_elements(x) > 0 && (v.in_h > most / v.in_w || (v.out_w > 0 && v.out_h > most / v.out_w)))
    return ocl_refuse(q, "planes of %lld x %lld and %lld x %lld cells", (long long)v.in_h, (long long)v.in_w, (long long)v.out_h,
                      (long long)v.out_w);
  if (blocked && a->coordinates == CVK_TF_CROP_AND_RESIZE && a->extrapolation != 0 && x->dim[1] % OCL_BLOCK != 0)
    return ocl_refuse(q, "the value would fill lanes past channel %lld", (long long)x->dim[1]);
  ocl_want_in(q, 0, q->row->layout);
  for (int32_t i = 1; i < q->op->n_in; i++) ocl_want_in(q, i, CVK_PLAIN);
  ocl_want_out(q, 0, q->row->layout);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(y) * 8, ocl_traffic(q->op),
                                            blocked             ? 0.3
                                            : q->dev->cpu_class ? 0.02
                                                                : 0.1);
  return 1;
}

static int32_t clamp(double cell, int64_t n) {
  return cell < 0 ? 0 : cell > (double)(n - 1) ? (int32_t)(n - 1) : (int32_t)cell;
}

/* Whether the nearest cell is the one after the source, not the one before. */
static int32_t rounds_up(int32_t rounding, double fraction) {
  switch (rounding) {
    case CVK_ROUND_PREFER_FLOOR:
      return fraction > 0.5;
    case CVK_ROUND_PREFER_CEIL:
      return fraction >= 0.5;
    case CVK_ROUND_CEIL:
      return fraction > 0;
    default:
      return 0;
  }
}

static void make_entry(const cvk_resize_attr *a, int32_t axis, int64_t n, int64_t o, pair *c, weights *w) {
  const double at = cvk_resize_source(a, axis, n, o), low = floor(at), fraction = at - low;
  *c = (pair){clamp(low, n), clamp(low + 1, n)};
  *w = (weights){(float)(1 - fraction), (float)fraction};
  if (a->mode == CVK_NEAREST) *w = rounds_up(a->rounding, fraction) ? (weights){0, 1} : (weights){1, 0};
  if (w->w0 == 0) c->c0 = c->c1;
  if (w->w0 == 0 || w->w1 == 0 || c->c0 == c->c1) {
    c->c1 = c->c0;
    *w = (weights){1, 0};
  }
  if (a->coordinates == CVK_TF_CROP_AND_RESIZE && (at < 0 || at > (double)(n - 1))) *w = (weights){0, 0};
}

/* The tables of both axes, as two arguments. */
static cvk_status add_tables(ocl_launch *l, ocl_build *b, const view *v) {
  const cvk_host *host = b->dev->host;
  const cvk_resize_attr *a = b->op->attr;
  const int32_t last = b->op->in[0]->rank - 1;
  const uint64_t entries = (uint64_t)(v->out_h + v->out_w);
  pair *c = host->alloc(host->ctx, entries * sizeof *c + 1, 64);
  weights *w = host->alloc(host->ctx, entries * sizeof *w + 1, 64);
  if (c && w) {
    for (int64_t o = 0; o < v->out_h; o++) {
      c[o] = (pair){0, 0};
      w[o] = (weights){1, 0};
      if (v->down >= 0) make_entry(a, v->down, v->in_h, o, &c[o], &w[o]);
    }
    for (int64_t o = 0; o < v->out_w; o++) make_entry(a, last, v->in_w, o, &c[v->out_h + o], &w[v->out_h + o]);
    ocl_arg_data(l, b, c, entries * sizeof *c);
    ocl_arg_data(l, b, w, entries * sizeof *w);
  }
  const cvk_status s =
      c && w ? CVK_OK
             : ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a table of %llu cells", b->dev->label, (unsigned long long)entries);
  host->free(host->ctx, c);
  host->free(host->ctx, w);
  return s;
}

static cvk_status prepare(ocl_build *b) {
  const int32_t blocked = b->row->layout == CVK_BLOCKED, each = !blocked && !b->dev->cpu_class;
  const cvk_resize_attr *a = b->op->attr;
  view v = view_of(b->op, blocked);
  if (ocl_elements(b->op->out[0]) == 0) v.planes = v.out_h = v.out_w = 0;
  ocl_launch *l = ocl_launch_begin(b, "resize", "", blocked ? "resize_blocked" : each ? "resize_each" : "resize_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  const cvk_status s = add_tables(l, b, &v);
  if (s != CVK_OK) return s;
  ocl_arg_ints(l, 4, (int64_t[]){v.in_h, v.in_w, v.out_h, v.out_w});
  if (each) {
    ocl_arg_long(l, v.planes);
    ocl_arg_float(l, a->extrapolation);
    return ocl_launch_end(b, l, 2, (int64_t[]){v.out_h * v.out_w, v.planes}, (size_t[]){64, 2});
  }
  const int64_t rows = v.planes * v.out_h, per_item = ocl_rows_per_item(b->dev, rows, 4 * v.out_w * (blocked ? OCL_BLOCK : 1));
  const int64_t items = rows > 0 ? (rows + per_item - 1) / per_item : 0;
  ocl_arg_long(l, rows);
  ocl_arg_long(l, per_item);
  ocl_arg_float(l, a->extrapolation);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

static const int32_t kinds[] = {CVK_OP_RESIZE};
static const ocl_row rows[] = {
    {.name = "resize_blocked", .layout = CVK_BLOCKED, .accepts = accepts, .prepare = prepare},
    {.name = "resize_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = prepare},
};
const ocl_list ocl_resize_list = {kinds, 1, sizeof rows / sizeof *rows, rows};

/* SPDX-License-Identifier: Apache-2.0 */
/* pool_list.c: rows of pooling over windows (one to three spatial axes) and over whole planes: kernels_cl/pool.cl. ReduceMean and ReduceMax
 * over all spatial axes, kept as extents of 1, are the same as global pooling and may stay blocked. */
#include "lists.h"
#include "view.h"

#define SPATIAL 3 /* axes the kernels know: D, H, W */

/* A window in the kernels' three axes; missing leading axes have extent 1. */
typedef struct {
  int64_t in[SPATIAL], out[SPATIAL], size[SPATIAL], stride[SPATIAL], dilation[SPATIAL], begin[SPATIAL], end[SPATIAL];
} window;

/* y: of the pool. */
static window make_window(const cvk_op *op, const cvk_tensor_desc *y) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_pool_attr *a = op->attr;
  const int32_t n = x->rank - 2;
  window w;
  for (int32_t d = 0; d < SPATIAL; d++) {
    const int32_t i = d - (SPATIAL - n);
    w.in[d] = i < 0 ? 1 : x->dim[2 + i];
    w.out[d] = i < 0 ? 1 : y->dim[2 + i];
    w.size[d] = i < 0 ? 1 : a->kernel[i];
    w.stride[d] = i < 0 ? 1 : a->stride[i];
    w.dilation[d] = i < 0 ? 1 : a->dilation[i];
    w.begin[d] = i < 0 ? 0 : a->pad_begin[i];
    w.end[d] = i < 0 ? 0 : a->pad_end[i];
  }
  return w;
}

static int64_t planes_of(const cvk_tensor_desc *t) {
  return t->dim[0] * (ocl_is_blocked16(&t->format) ? (t->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : t->dim[1]);
}

static int32_t window_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int32_t wants_index = op->n_out > 1 && op->out[1];
  if (x->dtype != CVK_F32) return ocl_refuse(q, "the input has type %d, this row works on f32", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (x->rank < 3 || x->rank > 2 + SPATIAL) return ocl_refuse(q, "rank %d; one to three spatial axes are taken", x->rank);
  if (wants_index != q->row->variant) return ocl_refuse(q, wants_index ? "this row gives no indices" : "nobody reads the indices");
  if (!wants_index && !y) return ocl_refuse(q, "nobody reads the output");
  ocl_want_in(q, 0, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  const cvk_pool_attr *a = op->attr;
  double taps = 1;
  for (int32_t i = 0; i < x->rank - 2; i++) taps *= (double)a->kernel[i];
  const double outputs = (double)ocl_elements(y ? y : op->out[1]);
  q->candidate->estimated_ns = ocl_estimate(q->dev, outputs * taps * 2, ocl_traffic(op),
                                            q->row->layout == CVK_BLOCKED ? 0.3
                                            : wants_index                 ? 0.02
                                                                          : 0.1);
  return 1;
}

/* add: ocl_arg_long4 or ocl_arg_int4. */
static void add_window(ocl_launch *l, const window *w, void (*add)(ocl_launch *, int32_t, const int64_t *, int64_t)) {
  add(l, SPATIAL, w->in, 1);
  add(l, SPATIAL, w->out, 1);
  add(l, SPATIAL, w->size, 1);
  add(l, SPATIAL, w->stride, 1);
  add(l, SPATIAL, w->dilation, 1);
  add(l, SPATIAL, w->begin, 0);
  add(l, SPATIAL, w->end, 0);
}

/* Output rows an item takes, from the taps of a row. */
static int64_t add_rows(ocl_launch *l, ocl_build *b, const window *w, int64_t rows, int64_t lanes) {
  const int64_t taps = w->size[0] * w->size[1] * w->size[2];
  const int64_t per_item = ocl_rows_per_item(b->dev, rows, w->out[2] * lanes * (taps < 16 ? taps : 16));
  ocl_arg_long(l, rows);
  ocl_arg_long(l, per_item);
  return (rows + per_item - 1) / per_item;
}

/* All that the kernel below computes of offsets fits 32 bits. */
static int32_t fits_ints(const cvk_op *op, const window *w) {
  const int64_t most = 1 << 20;
  for (int32_t d = 0; d < SPATIAL; d++)
    if (w->size[d] > most || w->stride[d] > most || w->dilation[d] > most || w->begin[d] > most || w->end[d] > most) return 0;
  return ocl_elements(op->in[0]) < 1 << 30 && ocl_elements(op->out[0]) < 1 << 30;
}

/* An output an item, for devices that are no CPU. */
static cvk_status each_prepare(ocl_build *b, const window *w) {
  const cvk_op *op = b->op;
  const cvk_pool_attr *a = op->attr;
  const int64_t items[2] = {w->out[1] * w->out[2], planes_of(op->out[0]) * w->out[0]};
  ocl_launch *l = ocl_launch_begin(b, "pool", "", "pool_each");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  add_window(l, w, ocl_arg_int4);
  ocl_arg_int(l, (int32_t)items[1]);
  ocl_arg_int(l, op->kind);
  ocl_arg_int(l, a->count_include_pad);
  ocl_arg_float(l, (float)a->p);
  return ocl_launch_end(b, l, 2, items, (size_t[]){64, 2});
}

static cvk_status window_prepare(ocl_build *b) {
  const cvk_op *op = b->op;
  const cvk_pool_attr *a = op->attr;
  const int32_t blocked = b->row->layout == CVK_BLOCKED;
  const window w = make_window(op, op->out[0]);
  if (!b->dev->cpu_class && !blocked && fits_ints(op, &w)) return each_prepare(b, &w);
  ocl_launch *l = ocl_launch_begin(b, "pool", "", blocked ? "pool_blocked" : "pool_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  add_window(l, &w, ocl_arg_long4);
  const int64_t items = add_rows(l, b, &w, planes_of(op->out[0]) * w.out[0] * w.out[1], blocked ? OCL_BLOCK : 1);
  ocl_arg_int(l, op->kind);
  ocl_arg_int(l, a->count_include_pad);
  ocl_arg_float(l, (float)a->p);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

static cvk_status index_prepare(ocl_build *b) {
  const cvk_op *op = b->op;
  const cvk_pool_attr *a = op->attr;
  const window w = make_window(op, op->out[1]);
  ocl_launch *l = ocl_launch_begin(b, "pool", "", "max_pool_index");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_out(l, b, 1);
  add_window(l, &w, ocl_arg_long4);
  const int64_t items = add_rows(l, b, &w, planes_of(op->out[1]) * w.out[0] * w.out[1], 1);
  ocl_arg_int(l, a->storage_order);
  ocl_arg_int(l, op->out[0] != NULL);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

/* The pooling kind that a global op or reduction is; 0: none. */
static int32_t global_kind(const cvk_op *op) {
  static const struct {
    int32_t kind, pool;
  } table[] = {{CVK_OP_GLOBAL_MAX_POOL, CVK_OP_MAX_POOL},
               {CVK_OP_GLOBAL_AVG_POOL, CVK_OP_AVG_POOL},
               {CVK_OP_GLOBAL_LP_POOL, CVK_OP_LP_POOL},
               {CVK_OP_REDUCE_MAX, CVK_OP_MAX_POOL},
               {CVK_OP_REDUCE_MEAN, CVK_OP_AVG_POOL}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].kind == op->kind) return table[i].pool;
  return 0;
}

/* Are the axes of a reduction all the spatial ones, each once, and kept? */
static int32_t reduces_planes(const cvk_op *op) {
  const cvk_axes_attr *a = op->attr;
  const int32_t rank = op->in[0]->rank;
  uint32_t seen = 0;
  for (int32_t i = 0; i < a->n_axes; i++) seen |= 1u << a->axis[i];
  return a->keep_dims && a->n_axes == rank - 2 && seen == ((1u << rank) - 1) - 3;
}

static int32_t global_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const cvk_tensor_desc *x = op->in[0];
  const int32_t reduction = op->kind == CVK_OP_REDUCE_MAX || op->kind == CVK_OP_REDUCE_MEAN;
  if (x->dtype != CVK_F32 || !op->out[0]) return ocl_refuse(q, "an input of type %d; this row works on f32", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (x->rank < 3) return ocl_refuse(q, "rank %d has no planes", x->rank);
  if (reduction && !reduces_planes(op)) return ocl_refuse(q, "the axes are not all the spatial ones, kept as 1");
  if (ocl_pixels(x) == 0) return ocl_refuse(q, "planes without cells");
  ocl_want_in(q, 0, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(x) * 2, ocl_traffic(op), 0.3);
  return 1;
}

/* A plane a work-group, for devices that are no CPU. */
static cvk_status global_group_prepare(ocl_build *b, int64_t planes, int64_t cells, float p) {
  ocl_launch *l = ocl_launch_begin(b, "pool", "", "global_group");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, cells);
  ocl_arg_int(l, global_kind(b->op));
  ocl_arg_float(l, p);
  return ocl_launch_lines(b, l, planes, cells);
}

static cvk_status global_prepare(ocl_build *b) {
  const cvk_op *op = b->op;
  const int32_t blocked = b->row->layout == CVK_BLOCKED;
  const int64_t planes = planes_of(op->in[0]);
  const float p = op->kind == CVK_OP_GLOBAL_LP_POOL ? (float)((const cvk_pool_attr *)op->attr)->p : 0.0f;
  if (!blocked && !b->dev->cpu_class) return global_group_prepare(b, planes, ocl_pixels(op->in[0]), p);
  ocl_launch *l = ocl_launch_begin(b, "pool", "", blocked ? "global_blocked" : "global_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, planes);
  ocl_arg_long(l, ocl_pixels(op->in[0]));
  ocl_arg_int(l, global_kind(op));
  ocl_arg_float(l, p);
  return ocl_launch_end(b, l, 1, &planes, ocl_line_local);
}

/* ---- gradients: x and gy of a pool -> gx ---- */

static int32_t grad_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const cvk_tensor_desc *x = op->in[0];
  const cvk_pool_attr *a = op->attr;
  const int32_t blocked = q->row->layout == CVK_BLOCKED;
  double taps = 1;
  if (!ocl_takes_f32(q) || !ocl_takes_no_post(q)) return 0;
  if (x->rank < 3 || x->rank > 2 + SPATIAL) return ocl_refuse(q, "rank %d; one to three spatial axes are taken", x->rank);
  if (blocked && !q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  for (int32_t i = 0; i < 2; i++) ocl_want_in(q, i, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  for (int32_t i = 0; i < x->rank - 2; i++) taps *= (double)a->kernel[i];
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, (double)ocl_elements(op->in[1]) * taps * 4, ocl_traffic(op), blocked ? 0.2 : q->dev->cpu_class ? 0.01 : 0.05);
  return 1;
}

static cvk_status grad_prepare(ocl_build *b) {
  const cvk_op *op = b->op;
  const cvk_pool_attr *a = op->attr;
  const int32_t blocked = b->row->layout == CVK_BLOCKED;
  const window w = make_window(op, op->in[1]);
  const int32_t each = !b->dev->cpu_class && fits_ints(op, &w);
  const int64_t planes = planes_of(op->in[0]);
  ocl_launch *l = ocl_launch_begin(b, "pool_grad", "", each ? "pool_grad_each" : blocked ? "pool_grad_blocked" : "pool_grad_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_out(l, b, 0);
  add_window(l, &w, each ? ocl_arg_int4 : ocl_arg_long4);
  if (each) ocl_arg_int(l, (int32_t)(planes * w.in[0]));
  else ocl_arg_long(l, planes);
  ocl_arg_int(l, op->kind);
  ocl_arg_int(l, a->count_include_pad);
  if (each) return ocl_launch_end(b, l, 2, (int64_t[]){w.in[1] * w.in[2], planes * w.in[0]}, (size_t[]){64, 2});
  return ocl_launch_end(b, l, 1, &planes, ocl_line_local);
}

static const int32_t max_kinds[] = {CVK_OP_MAX_POOL};
static const ocl_row max_rows[] = {
    {.name = "max_pool_blocked", .layout = CVK_BLOCKED, .accepts = window_accepts, .prepare = window_prepare},
    {.name = "max_pool_plain", .layout = CVK_PLAIN, .accepts = window_accepts, .prepare = window_prepare},
    {.name = "max_pool_index", .layout = CVK_PLAIN, .variant = 1, .accepts = window_accepts, .prepare = index_prepare},
};
const ocl_list ocl_max_pool_list = {max_kinds, 1, sizeof max_rows / sizeof *max_rows, max_rows};

static const int32_t avg_kinds[] = {CVK_OP_AVG_POOL, CVK_OP_LP_POOL};
static const ocl_row avg_rows[] = {
    {.name = "avg_pool_blocked", .layout = CVK_BLOCKED, .accepts = window_accepts, .prepare = window_prepare},
    {.name = "avg_pool_plain", .layout = CVK_PLAIN, .accepts = window_accepts, .prepare = window_prepare},
};
const ocl_list ocl_avg_pool_list = {avg_kinds, 2, sizeof avg_rows / sizeof *avg_rows, avg_rows};

static const int32_t global_kinds[] = {CVK_OP_GLOBAL_MAX_POOL, CVK_OP_GLOBAL_AVG_POOL, CVK_OP_GLOBAL_LP_POOL, CVK_OP_REDUCE_MEAN,
                                       CVK_OP_REDUCE_MAX};
static const ocl_row global_rows[] = {
    {.name = "global_pool_blocked", .layout = CVK_BLOCKED, .accepts = global_accepts, .prepare = global_prepare},
    {.name = "global_pool_plain", .layout = CVK_PLAIN, .accepts = global_accepts, .prepare = global_prepare},
};
const ocl_list ocl_global_pool_list = {global_kinds, sizeof global_kinds / sizeof *global_kinds, sizeof global_rows / sizeof *global_rows,
                                       global_rows};

static const int32_t grad_kinds[] = {CVK_OP_MAX_POOL_GRAD, CVK_OP_AVG_POOL_GRAD};
static const ocl_row grad_rows[] = {
    {.name = "pool_grad_blocked", .layout = CVK_BLOCKED, .accepts = grad_accepts, .prepare = grad_prepare},
    {.name = "pool_grad_plain", .layout = CVK_PLAIN, .accepts = grad_accepts, .prepare = grad_prepare},
};
const ocl_list ocl_pool_grad_list = {grad_kinds, 2, sizeof grad_rows / sizeof *grad_rows, grad_rows};

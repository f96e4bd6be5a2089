/* SPDX-License-Identifier: Apache-2.0 */
/* norm_list.c: rows of BATCH_NORM, LRN, SOFTMAX and LOG_SOFTMAX: kernels_cl/batch_norm.cl, lrn.cl, softmax.cl. */
#include "lists.h"
#include "view.h"

#define LRN_REACH 16 /* channels that the blocked kernel looks to each side */

static int64_t lines_of(const cvk_tensor_desc *t) {
  return t->dim[0] * (ocl_is_blocked16(&t->format) ? (t->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : t->dim[1]);
}

static int32_t takes_image(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0];
  const int32_t fuses = q->op->kind == CVK_OP_BATCH_NORM;
  if (!ocl_takes_f32(q) || !(fuses ? ocl_takes_simple_post(q) : ocl_takes_no_post(q))) return 0;
  if (!q->op->out[0]) return ocl_refuse(q, "nobody reads the output");
  if (x->rank < 2 || (q->row->layout == CVK_BLOCKED && x->rank < 3)) return ocl_refuse(q, "rank %d", x->rank);
  ocl_want_in(q, 0, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  return 1;
}

static int32_t batch_norm_accepts(ocl_query *q) {
  if (!takes_image(q)) return 0;
  q->candidate->inplace = 0;
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(q->op->in[0]) * 3, ocl_traffic(q->op), 0.3);
  return 1;
}

static cvk_status batch_norm_prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  const cvk_norm_attr *a = b->op->attr;
  const int32_t blocked = b->row->layout == CVK_BLOCKED;
  const int64_t cells = ocl_pixels(x), rows = lines_of(x);
  ocl_split s = ocl_split_rows(b->dev, rows, blocked ? cells * OCL_BLOCK : cells);
  s.items[1] = rows; /* a row an item: the channel's factors are made once */
  ocl_launch *l = ocl_launch_begin(b, "batch_norm", "", blocked ? "batch_norm_blocked" : "batch_norm_plain");
  for (int32_t i = 0; i < 5; i++) ocl_arg_in(l, b, i);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, cells);
  ocl_arg_long(l, blocked ? s.per_item / OCL_BLOCK : s.per_item);
  ocl_arg_long(l, x->dim[1]);
  ocl_arg_float(l, a->epsilon);
  ocl_arg_simple_post(l, ocl_post_of(b->op));
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

static int32_t lrn_accepts(ocl_query *q) {
  const cvk_norm_attr *a = q->op->attr;
  if (!takes_image(q)) return 0;
  if (q->row->layout == CVK_BLOCKED && a->size / 2 > LRN_REACH)
    return ocl_refuse(q, "a window of %lld channels; the blocked row reaches %d to each side", (long long)a->size, LRN_REACH);
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, (double)ocl_elements(q->op->in[0]) * (double)(2 * a->size + 20), ocl_traffic(q->op), 0.1);
  return 1;
}

static cvk_status lrn_prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  const cvk_norm_attr *a = b->op->attr;
  const int32_t blocked = b->row->layout == CVK_BLOCKED;
  const int64_t cells = ocl_pixels(x), rows = lines_of(x);
  ocl_split s = ocl_split_rows(b->dev, rows, blocked ? cells * OCL_BLOCK : cells);
  s.items[1] = rows;
  ocl_launch *l = ocl_launch_begin(b, "lrn", "", blocked ? "lrn_blocked" : "lrn_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, x->dim[1]);
  ocl_arg_long(l, cells);
  ocl_arg_long(l, blocked ? s.per_item / OCL_BLOCK : s.per_item);
  ocl_arg_long(l, (a->size - 1) / 2);
  ocl_arg_long(l, a->size / 2);
  ocl_arg_float(l, a->alpha / (float)a->size);
  ocl_arg_float(l, a->beta);
  ocl_arg_float(l, a->bias);
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

static int32_t softmax_accepts(ocl_query *q) {
  if (!ocl_takes_f32(q) || !ocl_takes_no_post(q)) return 0;
  if (!q->op->out[0]) return ocl_refuse(q, "nobody reads the output");
  q->candidate->inplace = 0;
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(q->op->in[0]) * 30, 2 * ocl_traffic(q->op), 0.3);
  return 1;
}

/* A row a work-group. */
static cvk_status softmax_group_prepare(ocl_build *b, int64_t outer, int64_t size, int32_t logarithm) {
  ocl_launch *l = ocl_launch_begin(b, "softmax", "", "softmax_group");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, size);
  ocl_arg_int(l, logarithm);
  return ocl_launch_lines(b, l, size > 0 ? outer : 0, size);
}

static cvk_status softmax_prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  const int32_t axis = ((const cvk_axis_attr *)b->op->attr)->axis, logarithm = b->op->kind == CVK_OP_LOG_SOFTMAX;
  const int64_t size = x->rank ? x->dim[axis] : 1, outer = cvk_count(axis, x->dim);
  const int64_t inner = x->rank ? cvk_count(x->rank - axis - 1, x->dim + axis + 1) : 1;
  const int64_t per_item = ocl_rows_per_item(b->dev, outer, size * 4); /* exp weighs more than a copy */
  const int64_t row_items[1] = {size > 0 ? (outer + per_item - 1) / per_item : 0};
  const int64_t across_items[2] = {size > 0 ? (inner + 15) / 16 : 0, outer};
  if (inner == 1 && !b->dev->cpu_class) return softmax_group_prepare(b, outer, size, logarithm);
  ocl_launch *l = ocl_launch_begin(b, "softmax", "", inner == 1 ? "softmax_row" : "softmax_across");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  if (inner == 1) ocl_arg_long(l, outer);
  ocl_arg_long(l, size);
  ocl_arg_long(l, inner == 1 ? per_item : inner);
  ocl_arg_int(l, logarithm);
  return inner == 1 ? ocl_launch_end(b, l, 1, row_items, ocl_line_local) : ocl_launch_end(b, l, 2, across_items, ocl_line_local);
}

static const int32_t batch_norm_kinds[] = {CVK_OP_BATCH_NORM};
static const ocl_row batch_norm_rows[] = {
    {.name = "batch_norm_blocked", .layout = CVK_BLOCKED, .accepts = batch_norm_accepts, .prepare = batch_norm_prepare},
    {.name = "batch_norm_plain", .layout = CVK_PLAIN, .accepts = batch_norm_accepts, .prepare = batch_norm_prepare},
};
const ocl_list ocl_batch_norm_list = {batch_norm_kinds, 1, sizeof batch_norm_rows / sizeof *batch_norm_rows, batch_norm_rows};

static const int32_t lrn_kinds[] = {CVK_OP_LRN};
static const ocl_row lrn_rows[] = {
    {.name = "lrn_blocked", .layout = CVK_BLOCKED, .accepts = lrn_accepts, .prepare = lrn_prepare},
    {.name = "lrn_plain", .layout = CVK_PLAIN, .accepts = lrn_accepts, .prepare = lrn_prepare},
};
const ocl_list ocl_lrn_list = {lrn_kinds, 1, sizeof lrn_rows / sizeof *lrn_rows, lrn_rows};

static const int32_t softmax_kinds[] = {CVK_OP_SOFTMAX, CVK_OP_LOG_SOFTMAX};
static const ocl_row softmax_rows[] = {
    {.name = "softmax_plain", .layout = CVK_PLAIN, .accepts = softmax_accepts, .prepare = softmax_prepare}};
const ocl_list ocl_softmax_list = {softmax_kinds, 2, 1, softmax_rows};

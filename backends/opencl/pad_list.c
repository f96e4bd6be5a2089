/* SPDX-License-Identifier: Apache-2.0 */
/* pad_list.c: rows of PAD for elements of 4 and 8 bytes: kernels_cl/pad.cl. Plain, and blocked where the channels are not padded. */
#include <string.h>

#include "lists.h"
#include "view.h"

/* The axes as the kernel sees them: cells of `unit` words, axes without pads joined. */
typedef struct {
  int32_t rank, block_axis, tail;
  int64_t in[CVK_MAX_RANK + 1], out[CVK_MAX_RANK + 1], from[CVK_MAX_RANK + 1], left[CVK_MAX_RANK + 1], begin[CVK_MAX_RANK + 1], unit;
} pad_view;

static void add_axis(pad_view *v, int64_t extent, int64_t begin, int64_t end) {
  const int32_t i = v->rank++;
  v->in[i] = extent;
  v->from[i] = begin < 0 ? -begin : 0;
  v->left[i] = extent - v->from[i] - (end < 0 ? -end : 0);
  v->begin[i] = begin > 0 ? begin : 0;
  v->out[i] = extent + begin + end;
}

static int32_t untouched(const pad_view *v, int32_t i) {
  return v->in[i] == v->out[i] && v->from[i] == 0 && v->begin[i] == 0;
}

/* Joins neighbouring axes without pads, except the one of channel blocks when its tail matters. */
static void join_axes(pad_view *v) {
  int32_t n = 0, block = -1;
  for (int32_t i = 0; i < v->rank; i++) {
    const int32_t fenced = v->tail && (i == v->block_axis || n - 1 == block);
    if (n > 0 && !fenced && untouched(v, n - 1) && untouched(v, i)) {
      v->in[n - 1] *= v->in[i];
      v->left[n - 1] = v->out[n - 1] = v->in[n - 1];
      continue;
    }
    v->in[n] = v->in[i];
    v->out[n] = v->out[i];
    v->from[n] = v->from[i];
    v->left[n] = v->left[i];
    v->begin[n] = v->begin[i];
    if (v->tail && i == v->block_axis) block = n;
    n++;
  }
  v->rank = n;
  v->block_axis = block < 0 ? 0 : block;
  if (n > 1 && untouched(v, n - 1) && n - 1 != block) { /* the innermost axes are one long cell */
    v->unit *= v->in[n - 1];
    v->rank--;
  }
}

static pad_view make_view(const cvk_op *op) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_pad_attr *a = op->attr;
  const int32_t blocked = ocl_is_blocked16(&x->format);
  pad_view v = {.unit = (int64_t)cvk_dtype_bytes(x->dtype) / 4 * (blocked ? OCL_BLOCK : 1), .block_axis = 1};
  v.tail = blocked && a->mode == CVK_PAD_CONSTANT && a->value != 0 ? (int32_t)(x->dim[1] % OCL_BLOCK) : 0;
  if (x->rank == 0) add_axis(&v, 1, 0, 0);
  for (int32_t i = 0; i < x->rank; i++)
    add_axis(&v, blocked && i == 1 ? (x->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : x->dim[i], a->begin[i], a->end[i]);
  join_axes(&v);
  return v;
}

static int32_t accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0], *y = q->op->out[0];
  const cvk_pad_attr *a = q->op->attr;
  const uint64_t size = cvk_dtype_bytes(x->dtype);
  if (!y || !ocl_takes_no_post(q)) return ocl_refuse(q, "no output, or post-ops");
  if (size != 4 && size != 8) return ocl_refuse(q, "elements of %d bytes; words of 4 are padded", (int)size);
  if (x->dtype != CVK_F32 && x->dtype != CVK_I32 && x->dtype != CVK_I64 && a->mode == CVK_PAD_CONSTANT && a->value != 0)
    return ocl_refuse(q, "a constant of type %d", x->dtype);
  if (q->row->layout == CVK_BLOCKED) {
    if (x->dtype != CVK_F32 || x->rank < 3) return ocl_refuse(q, "type %d of rank %d is not padded in blocks", x->dtype, x->rank);
    if (a->begin[1] != 0 || a->end[1] != 0)
      return ocl_refuse(q, "pads of %lld and %lld channels", (long long)a->begin[1], (long long)a->end[1]);
  }
  for (int32_t i = 0; i < x->rank; i++)
    if (a->mode != CVK_PAD_CONSTANT && y->dim[i] > 0 &&
        x->dim[i] + (a->begin[i] < 0 ? a->begin[i] : 0) + (a->end[i] < 0 ? a->end[i] : 0) <= 0)
      return ocl_refuse(q, "axis %d has no cell to fill its border from", i);
  ocl_want_in(q, 0, q->row->layout);
  for (int32_t i = 1; i < q->op->n_in; i++) ocl_want_in(q, i, CVK_PLAIN);
  ocl_want_out(q, 0, q->row->layout);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(y) * 2, ocl_traffic(q->op), 0.1);
  return 1;
}

/* The constant in x's type, as two words (twice the same for 4-byte types). */
static void value_words(int32_t dtype, double value, int32_t words[2]) {
  const float f = (float)value;
  const int32_t i = (int32_t)value;
  const int64_t l = (int64_t)value;
  if (dtype == CVK_F32)
    memcpy(words, &f, sizeof f);
  else if (dtype == CVK_I64)
    memcpy(words, &l, sizeof l);
  else
    words[0] = value == 0 ? 0 : i;
  if (cvk_dtype_bytes(dtype) == 4) words[1] = words[0];
}

static cvk_status prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  const cvk_pad_attr *a = b->op->attr;
  const pad_view v = make_view(b->op);
  int32_t words[2] = {0, 0};
  int64_t rows = 1;
  for (int32_t i = 0; i + 1 < v.rank; i++) rows *= v.out[i];
  const int64_t width = v.out[v.rank - 1] * v.unit, per_item = ocl_rows_per_item(b->dev, rows, width);
  const int64_t items = width > 0 ? (rows + per_item - 1) / per_item : 0;
  value_words(x->dtype, a->value, words);
  ocl_launch *l = ocl_launch_begin(b, "pad", "", "pad");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, (int32_t)cvk_dtype_bytes(x->dtype) / 4);
  ocl_arg_int(l, v.rank);
  ocl_arg_long8(l, v.rank, v.in, 1);
  ocl_arg_long8(l, v.rank, v.out, 1);
  ocl_arg_long8(l, v.rank, v.from, 0);
  ocl_arg_long8(l, v.rank, v.left, 1);
  ocl_arg_long8(l, v.rank, v.begin, 0);
  ocl_arg_long(l, v.unit);
  ocl_arg_long(l, rows);
  ocl_arg_long(l, per_item);
  ocl_arg_int(l, a->mode);
  ocl_arg_int(l, words[0]);
  ocl_arg_int(l, words[1]);
  ocl_arg_int(l, v.block_axis);
  ocl_arg_int(l, v.tail);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

static const int32_t kinds[] = {CVK_OP_PAD};
static const ocl_row rows[] = {
    {.name = "pad_blocked", .layout = CVK_BLOCKED, .accepts = accepts, .prepare = prepare},
    {.name = "pad_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = prepare},
};
const ocl_list ocl_pad_list = {kinds, 1, sizeof rows / sizeof *rows, rows};

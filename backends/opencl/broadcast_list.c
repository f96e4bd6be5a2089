/* SPDX-License-Identifier: Apache-2.0 */
/* broadcast_list.c: rows of ops on two or more tensors with NumPy broadcasting: kernels_cl/elementwise.cl, kernels binary, compare, where.
 * N-ary ops are a chain of binary launches onto the output. Blocked rows take operands of the output's channel count in the blocked
 * layout, and scalars, per-image, per-pixel and per-channel operands of lower rank ([C,1,1]) as plain ones. */
#include <string.h>

#include "lists.h"
#include "view.h"

/* Where an operand of a blocked row lies. */
enum { OPERAND_REFUSED, OPERAND_BLOCKED, OPERAND_PLAIN };

static int32_t operand_layout(const cvk_tensor_desc *t, const cvk_tensor_desc *y) {
  const int32_t channel = t->rank - y->rank + 1; /* the axis of t that meets y's channels */
  if (t->rank == y->rank && t->dim[1] == y->dim[1]) return OPERAND_BLOCKED;
  if (channel < 0 || t->dim[channel] == 1) return OPERAND_PLAIN;
  if (t->dim[channel] != ocl_elements(t)) return OPERAND_REFUSED; /* its lanes would not be neighbours */
  return OPERAND_PLAIN;
}

static int32_t accepts_layouts(ocl_query *q) {
  const cvk_op *op = q->op;
  const cvk_tensor_desc *y = op->out[0];
  int32_t blocked = 0;
  if (y->rank < 3 || y->rank > 6) return ocl_refuse(q, "an output of rank %d; blocked rows take 3 to 6", y->rank);
  for (int32_t i = 0; i < op->n_in; i++) {
    const int32_t layout = operand_layout(op->in[i], y);
    if (layout == OPERAND_REFUSED) return ocl_refuse(q, "input %d has channels and other axes, but not the output's rank", i);
    if (op->n_in > CVK_CANDIDATE_INPUTS && layout != OPERAND_BLOCKED) return ocl_refuse(q, "%d inputs that are not all blocked", op->n_in);
    ocl_want_in(q, i, layout == OPERAND_BLOCKED ? CVK_BLOCKED : CVK_PLAIN);
    blocked += layout == OPERAND_BLOCKED;
  }
  if (blocked == 0) return ocl_refuse(q, "no input has the output's channels and rank");
  ocl_want_out(q, 0, CVK_BLOCKED);
  return 1;
}

static int32_t same_shape(const cvk_tensor_desc *a, const cvk_tensor_desc *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static int32_t all_present(ocl_query *q) {
  for (int32_t i = 0; i < q->op->n_in; i++)
    if (!q->op->in[i]) return ocl_refuse(q, "input %d is absent", i);
  return q->op->out[0] ? 1 : ocl_refuse(q, "the output is absent");
}

static int32_t binary_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  if (!all_present(q) || !ocl_takes_f32(q) || !ocl_takes_simple_post(q)) return 0;
  if (op->kind == CVK_OP_MOD && !q->dev->denormals) return ocl_refuse(q, "the device flushes denormal numbers, a remainder may be one");
  if (q->row->layout == CVK_BLOCKED && !accepts_layouts(q)) return 0;
  if (q->row->layout == CVK_NHWC) {
    for (int32_t i = 0; i < op->n_in; i++) {
      if (op->out[0]->rank < 3 || !same_shape(op->in[i], op->out[0])) return ocl_refuse(q, "NHWC operands of different shapes");
      ocl_want_in(q, i, CVK_NHWC);
    }
    ocl_want_out(q, 0, CVK_NHWC);
  }
  if (same_shape(op->in[0], op->out[0]) && op->n_in <= 2) q->candidate->inplace = 0;
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, (double)ocl_elements(op->out[0]) * op->n_in, ocl_traffic(op), 0.3) + 2000.0 * (op->n_in > 2 ? op->n_in - 2 : 0);
  return 1;
}

/* Strides of a tensor in the axes N, blocks, spatial ..., lane of a blocked output y. */
static void blocked_strides(const cvk_tensor_desc *t, const cvk_tensor_desc *y, int64_t *stride) {
  if (ocl_is_blocked16(&t->format)) {
    int64_t dim[CVK_MAX_RANK + 1];
    for (int32_t i = 0; i < t->rank; i++) dim[i] = i == 1 ? (t->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : t->dim[i];
    dim[t->rank] = OCL_BLOCK;
    ocl_dense_strides(t->rank + 1, dim, stride);
    for (int32_t i = 0; i < t->rank; i++)
      if (i != 1 && t->dim[i] == 1) stride[i] = 0;
    return;
  }
  ocl_broadcast_strides(t, y->rank, stride);
  stride[y->rank] = stride[1];
  stride[1] *= OCL_BLOCK;
}

/* Operands a and b (NULL: the output itself) against output y. Returns the axis of channel blocks. */
static int32_t make_view(ocl_view *v, const cvk_tensor_desc *y, const cvk_tensor_desc *const *operand, int32_t n, int32_t tail) {
  const int32_t blocked = ocl_is_blocked16(&y->format), rank = y->rank + blocked;
  int64_t stride[OCL_VIEW_TENSORS][CVK_MAX_RANK + 1];
  *v = (ocl_view){.tensors = n};
  for (int32_t t = 0; t < n; t++) {
    if (blocked)
      blocked_strides(operand[t], y, stride[t]);
    else
      ocl_broadcast_strides(operand[t], y->rank, stride[t]);
  }
  for (int32_t i = 0; i < rank; i++) {
    int64_t s[OCL_VIEW_TENSORS];
    for (int32_t t = 0; t < n; t++) s[t] = stride[t][i];
    ocl_view_add(v, i == y->rank ? OCL_BLOCK : blocked && i == 1 ? (y->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : y->dim[i], s);
  }
  return ocl_view_merge(v, tail ? 1 : -1);
}

/* Does op(0, 0) of two blocked operands, a plain operand or the activation put something else than zero into unused lanes? */
static int32_t needs_tail(int32_t kind, const cvk_tensor_desc *a, const cvk_tensor_desc *b, ocl_simple_post post) {
  return !ocl_is_blocked16(&a->format) || !ocl_is_blocked16(&b->format) || kind == CVK_OP_DIV || kind == CVK_OP_POW || kind == CVK_OP_MOD ||
         ocl_post_moves_zero(post);
}

static cvk_status end_rows(ocl_build *b, ocl_launch *l, const ocl_view *v) {
  const int64_t rows = ocl_view_rows(v);
  const ocl_split s = ocl_split_rows(b->dev, rows, v->dim[v->rank - 1]);
  ocl_arg_long(l, rows);
  ocl_arg_long(l, s.rows_per_item);
  ocl_arg_long(l, s.per_item);
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

/* Kernel binary_lanes: the innermost axis is the 16 lanes; the one outside it, unless it counts the blocks, is the kernel's m. */
static cvk_status end_lanes(ocl_build *b, ocl_launch *l, const ocl_view *v, int32_t outer) {
  int64_t rows = 1;
  for (int32_t i = 0; i < outer; i++) rows *= v->dim[i];
  const int32_t has_middle = outer < v->rank - 1;
  const int64_t middle = has_middle ? v->dim[outer] : 1;
  ocl_split s = ocl_split_rows(b->dev, rows, middle * OCL_BLOCK);
  s.items[1] = rows; /* one a work-item */
  ocl_arg_long(l, middle);
  ocl_arg_long(l, s.per_item / OCL_BLOCK);
  for (int32_t t = 0; t < 2; t++) {
    ocl_arg_long(l, has_middle ? v->stride[t][outer] : 0);
    ocl_arg_int(l, v->stride[t][v->rank - 1] != 0);
  }
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

/* y = post(op(a, b)); a is input ia, or the output where ia < 0. */
static cvk_status add_binary(ocl_build *b, int32_t ia, int32_t ib, int32_t kind, float count, ocl_simple_post post) {
  const cvk_tensor_desc *y = b->op->out[0], *operand[2] = {ia < 0 ? y : b->op->in[ia], b->op->in[ib]};
  const int32_t blocked = ocl_is_blocked16(&y->format),
                tail = blocked && needs_tail(kind, operand[0], operand[1], post) ? (int32_t)(y->dim[1] % OCL_BLOCK) : 0;
  ocl_view v;
  const int32_t block_axis = make_view(&v, y, operand, 2, tail), lanes = blocked && v.dim[v.rank - 1] == OCL_BLOCK;
  const int32_t outer = !lanes ? v.rank : v.rank >= 2 && v.rank - 2 != block_axis ? v.rank - 2 : v.rank - 1;
  ocl_launch *l = ocl_launch_begin(b, "elementwise", "", lanes ? "binary_lanes" : "binary");
  if (ia < 0)
    ocl_arg_out(l, b, 0);
  else
    ocl_arg_in(l, b, ia);
  ocl_arg_in(l, b, ib);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, outer);
  ocl_arg_long8(l, outer, v.dim, 1);
  ocl_arg_long8(l, outer, v.stride[0], 0);
  ocl_arg_long8(l, outer, v.stride[1], 0);
  ocl_arg_int(l, kind);
  ocl_arg_float(l, count);
  ocl_arg_simple_post(l, post);
  ocl_arg_int(l, block_axis < 0 ? 0 : block_axis);
  ocl_arg_int(l, tail);
  return lanes ? end_lanes(b, l, &v, outer) : end_rows(b, l, &v);
}

static cvk_status binary_prepare(ocl_build *b) {
  const int32_t n = b->op->n_in, kind = b->op->kind;
  const ocl_simple_post none = {0, 0, 0}, post = ocl_post_of(b->op);
  if (n == 1) return add_binary(b, 0, 0, CVK_OP_IDENTITY, 1.0f, post);
  if (kind == CVK_OP_MOD) return add_binary(b, 0, 1, kind, ((const cvk_mod_attr *)b->op->attr)->fmod ? 1.0f : 0.0f, post);
  for (int32_t i = 1; i < n; i++) {
    const int32_t step = kind == CVK_OP_MEAN && i + 1 < n ? CVK_OP_ADD : kind;
    const cvk_status status = add_binary(b, i == 1 ? 0 : -1, i, step, (float)n, i + 1 < n ? none : post);
    if (status != CVK_OK) return status;
  }
  return CVK_OK;
}

static int32_t compare_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  if (!all_present(q) || !ocl_takes_no_post(q)) return 0;
  if (op->in[0]->dtype != CVK_F32 || op->in[1]->dtype != CVK_F32)
    return ocl_refuse(q, "comparisons of f32 only, not of type %d", op->in[0]->dtype);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(op->out[0]) * 4, ocl_traffic(op), 0.1);
  return 1;
}

static cvk_status compare_prepare(ocl_build *b) {
  const cvk_tensor_desc *y = b->op->out[0];
  ocl_view v;
  make_view(&v, y, b->op->in, 2, 0);
  ocl_launch *l = ocl_launch_begin(b, "elementwise", "", "compare");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, v.rank);
  ocl_arg_long8(l, v.rank, v.dim, 1);
  ocl_arg_long8(l, v.rank, v.stride[0], 0);
  ocl_arg_long8(l, v.rank, v.stride[1], 0);
  ocl_arg_int(l, b->op->kind);
  return end_rows(b, l, &v);
}

static int32_t where_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  if (!all_present(q) || !ocl_takes_no_post(q)) return 0;
  const uint64_t size = cvk_dtype_bytes(op->out[0]->dtype);
  if (size != 4 && size != 8) return ocl_refuse(q, "elements of %d bytes; this row chooses among words of 4", (int)size);
  if (size == 8 && op->out[0]->rank == CVK_MAX_RANK) return ocl_refuse(q, "elements of 8 bytes in %d axes", CVK_MAX_RANK);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(op->out[0]) * 4, ocl_traffic(op), 0.1);
  return 1;
}

static cvk_status where_prepare(ocl_build *b) {
  const cvk_tensor_desc *y = b->op->out[0];
  const int64_t words = (int64_t)cvk_dtype_bytes(y->dtype) / 4;
  ocl_view v;
  make_view(&v, y, b->op->in, 3, 0);
  if (words == 2) {
    for (int32_t i = 0; i < v.rank; i++)
      for (int32_t t = 1; t < 3; t++) v.stride[t][i] *= words;
    ocl_view_add(&v, words, (int64_t[]){0, 1, 1});
  }
  ocl_launch *l = ocl_launch_begin(b, "elementwise", "", "where");
  for (int32_t i = 0; i < 3; i++) ocl_arg_in(l, b, i);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, (int32_t)words);
  ocl_arg_int(l, v.rank);
  ocl_arg_long8(l, v.rank, v.dim, 1);
  for (int32_t t = 0; t < 3; t++) ocl_arg_long8(l, v.rank, v.stride[t], 0);
  return end_rows(b, l, &v);
}

static const int32_t binary_kinds[] = {CVK_OP_PRELU, CVK_OP_ADD, CVK_OP_SUB, CVK_OP_MUL,  CVK_OP_DIV, CVK_OP_POW,
                                       CVK_OP_MIN,   CVK_OP_MAX, CVK_OP_SUM, CVK_OP_MEAN, CVK_OP_MOD};
static const ocl_row binary_rows[] = {
    {.name = "elementwise_binary_blocked", .layout = CVK_BLOCKED, .accepts = binary_accepts, .prepare = binary_prepare},
    {.name = "elementwise_binary_plain", .layout = CVK_PLAIN, .accepts = binary_accepts, .prepare = binary_prepare},
    {.name = "elementwise_binary_nhwc", .layout = CVK_NHWC, .accepts = binary_accepts, .prepare = binary_prepare},
};
const ocl_list ocl_binary_list = {binary_kinds, sizeof binary_kinds / sizeof *binary_kinds, sizeof binary_rows / sizeof *binary_rows,
                                  binary_rows};

static const int32_t compare_kinds[] = {CVK_OP_EQUAL, CVK_OP_LESS, CVK_OP_GREATER};
static const ocl_row compare_rows[] = {
    {.name = "elementwise_compare", .layout = CVK_PLAIN, .accepts = compare_accepts, .prepare = compare_prepare}};
const ocl_list ocl_compare_list = {compare_kinds, sizeof compare_kinds / sizeof *compare_kinds, 1, compare_rows};

static const int32_t where_kinds[] = {CVK_OP_WHERE};
static const ocl_row where_rows[] = {
    {.name = "elementwise_where", .layout = CVK_PLAIN, .accepts = where_accepts, .prepare = where_prepare}};
const ocl_list ocl_where_list = {where_kinds, 1, 1, where_rows};

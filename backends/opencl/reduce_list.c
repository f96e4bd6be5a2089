/* SPDX-License-Identifier: Apache-2.0 */
/* reduce_list.c: rows of reductions over any axes of plain f32 tensors: kernels_cl/reduce.cl; of the index of an extreme: arg.cl. Axes are
 * sorted into kept and reduced ones, neighbours joined; which kernel runs depends on whether the innermost axis stays. */
#include "lists.h"
#include "view.h"

#define WIDTH 64 /* outputs of an item of reduce_across */
#define LEAST_LINE 256 /* elements that are worth a work-group */
#define PART 4096 /* elements of a line that a work-group takes where there are few lines */
#define MOST_PARTS 256

typedef struct {
  ocl_view kept, gone; /* one tensor each: x */
  int32_t row;         /* the innermost axis is reduced */
} reduction;

static uint32_t reduced_axes(const cvk_op *op) {
  const cvk_axes_attr *a = op->attr;
  const int32_t rank = op->in[0]->rank;
  uint32_t mask = 0;
  if (a->n_axes == 0) return a->noop_with_empty_axes ? 0 : (1u << rank) - 1;
  for (int32_t i = 0; i < a->n_axes; i++) mask |= 1u << a->axis[i];
  return mask;
}

static reduction sort_axes(const cvk_op *op) {
  const cvk_tensor_desc *x = op->in[0];
  const uint32_t mask = reduced_axes(op);
  reduction r = {.kept = {.tensors = 1}, .gone = {.tensors = 1}};
  int64_t stride[CVK_MAX_RANK];
  ocl_dense_strides(x->rank, x->dim, stride);
  for (int32_t i = 0; i < x->rank; i++) {
    if (x->dim[i] != 1) r.row = mask >> i & 1;
    ocl_view_add(mask >> i & 1 ? &r.gone : &r.kept, x->dim[i], &stride[i]);
  }
  ocl_view_merge(&r.kept, -1);
  ocl_view_merge(&r.gone, -1);
  return r;
}

/* How many work-groups sum a line; 0: the op is no sum of dense lines, or the device a CPU. */
static int64_t groups_a_line(const cvk_backend_device *dev, const cvk_op *op, const reduction *r) {
  const int64_t lines = ocl_elements(op->out[0]), length = r->gone.dim[r->gone.rank - 1];
  if (dev->cpu_class || (op->kind != CVK_OP_REDUCE_SUM && op->kind != CVK_OP_REDUCE_MEAN) || !r->row || lines < 1) return 0;
  if (r->gone.rank != 1 || r->kept.rank != 1 || (lines > 1 && r->kept.stride[0][0] != length) || length < LEAST_LINE) return 0;
  const int64_t by_length = (length + PART - 1) / PART, by_lines = (MOST_PARTS + lines - 1) / lines;
  return by_length < by_lines ? by_length : by_lines;
}

static int32_t accepts(ocl_query *q) {
  if (!q->op->out[0] || q->op->in[0]->dtype != CVK_F32)
    return ocl_refuse(q, "an input of type %d; this row works on f32", q->op->in[0]->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  const reduction r = sort_axes(q->op);
  const int64_t parts = groups_a_line(q->dev, q->op, &r);
  if (parts > 1) q->candidate->workspace_bytes = (uint64_t)(parts * ocl_elements(q->op->out[0])) * sizeof(float);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(q->op->in[0]) * 4, ocl_traffic(q->op), 0.2);
  return 1;
}

/* One launch of reduce_group: from the input, or from the workspace, to the workspace or, at last, the output. */
static cvk_status add_groups(ocl_build *b, int64_t lines, int64_t length, int64_t parts, int32_t first, int32_t last, float divisor) {
  const int64_t share = (length + parts - 1) / parts;
  ocl_launch *l = ocl_launch_begin(b, "reduce", "", "reduce_group");
  if (first) ocl_arg_in(l, b, 0);
  else ocl_arg_workspace(l, 0, sizeof(float));
  if (last) ocl_arg_out(l, b, 0);
  else ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_longs(l, 3, (int64_t[]){length, share, parts});
  ocl_arg_float(l, divisor);
  return ocl_launch_lines(b, l, lines * parts, share);
}

static cvk_status group_prepare(ocl_build *b, int64_t length, int64_t parts) {
  const int64_t lines = ocl_elements(b->op->out[0]);
  const float divisor = b->op->kind == CVK_OP_REDUCE_MEAN ? (float)length : 1.0f;
  const cvk_status status = add_groups(b, lines, length, parts, 1, parts == 1, parts == 1 ? divisor : 1.0f);
  return status == CVK_OK && parts > 1 ? add_groups(b, lines, parts, 1, 0, 1, divisor) : status;
}

static void add_view(ocl_launch *l, const ocl_view *v, int32_t axes) {
  ocl_arg_int(l, axes);
  ocl_arg_long8(l, axes, v->dim, 1);
  ocl_arg_long8(l, axes, v->stride[0], 0);
}

static cvk_status prepare(ocl_build *b) {
  const reduction r = sort_axes(b->op);
  const int64_t outputs = ocl_elements(b->op->out[0]), terms = cvk_count(r.gone.rank, r.gone.dim), parts = groups_a_line(b->dev, b->op, &r);
  if (parts) return group_prepare(b, terms, parts);
  ocl_launch *l = ocl_launch_begin(b, "reduce", "", r.row ? "reduce_row" : "reduce_across");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  if (r.row) {
    const int64_t length = r.gone.dim[r.gone.rank - 1], per_item = ocl_rows_per_item(b->dev, outputs, terms < 64 ? 64 : terms);
    const int64_t items = (outputs + per_item - 1) / per_item;
    add_view(l, &r.kept, r.kept.rank);
    add_view(l, &r.gone, r.gone.rank - 1);
    ocl_arg_long(l, outputs);
    ocl_arg_long(l, per_item);
    ocl_arg_long(l, ocl_view_rows(&r.gone));
    ocl_arg_long(l, length);
    ocl_arg_int(l, b->op->kind);
    return ocl_launch_end(b, l, 1, &items, ocl_line_local);
  }
  const int64_t inner = r.kept.dim[r.kept.rank - 1], items[2] = {(inner + WIDTH - 1) / WIDTH, ocl_view_rows(&r.kept)};
  add_view(l, &r.kept, r.kept.rank - 1);
  add_view(l, &r.gone, r.gone.rank);
  ocl_arg_long(l, inner);
  ocl_arg_long(l, terms);
  ocl_arg_int(l, b->op->kind);
  return ocl_launch_end(b, l, 2, items, ocl_line_local);
}

static const int32_t kinds[] = {CVK_OP_REDUCE_MEAN, CVK_OP_REDUCE_SUM, CVK_OP_REDUCE_MAX, CVK_OP_REDUCE_MIN, CVK_OP_REDUCE_PROD};
static const ocl_row rows[] = {{.name = "reduce_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = prepare}};
const ocl_list ocl_reduce_list = {kinds, sizeof kinds / sizeof *kinds, 1, rows};

static int32_t arg_accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0];
  if (!q->op->out[0] || x->dtype != CVK_F32) return ocl_refuse(q, "an input of type %d; this row works on f32", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (x->rank > 0 && x->dim[((const cvk_arg_attr *)q->op->attr)->axis] > INT32_MAX - 16)
    return ocl_refuse(q, "an axis of too many elements");
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(x) * 4, ocl_traffic(q->op), 0.2);
  return 1;
}

static cvk_status arg_prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  const cvk_arg_attr *attr = b->op->attr;
  int64_t before = 1, n = 1, after = 1;
  for (int32_t i = 0; i < x->rank; i++) *(i < attr->axis ? &before : i == attr->axis ? &n : &after) *= x->dim[i];
  const int64_t items[2] = {after == 1 ? before : (after + 15) / 16, before};
  ocl_launch *l = ocl_launch_begin(b, "arg", "", after == 1 ? "arg_row" : "arg_across");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, (int32_t)n);
  ocl_arg_long(l, after == 1 ? before : after);
  ocl_arg_int(l, b->op->kind == CVK_OP_ARG_MAX);
  ocl_arg_int(l, attr->select_last_index);
  return ocl_launch_end(b, l, after == 1 ? 1 : 2, items, ocl_line_local);
}

static const int32_t arg_kinds[] = {CVK_OP_ARG_MAX, CVK_OP_ARG_MIN};
static const ocl_row arg_rows[] = {{.name = "arg_plain", .layout = CVK_PLAIN, .accepts = arg_accepts, .prepare = arg_prepare}};
const ocl_list ocl_arg_list = {arg_kinds, sizeof arg_kinds / sizeof *arg_kinds, 1, arg_rows};

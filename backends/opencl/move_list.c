/* SPDX-License-Identifier: Apache-2.0 */
/* move_list.c: rows of data movement: kernels_cl/move.cl. Everything but gather and cast is a copy between two strided views, one launch
 * for each input of a concat and each output of a split; a 2-D swap of axes takes the tiled kernel. Any element type goes: types of 4 and 8
 * bytes move as words, the others as bytes. Blocked tensors are copied whole, and joined or cut where block edges meet. */
#include "lists.h"
#include "view.h"

#define TILE 16

/* How a tensor's elements move: `words` units of `unit_bytes` each. */
typedef struct {
  int32_t words, bytewise;
} units;

static units units_of(int32_t dtype) {
  const int32_t size = (int32_t)cvk_dtype_bytes(dtype), bytewise = size < 4;
  return (units){bytewise ? size : size / 4, bytewise};
}

/* The strides of both views count elements here and are turned into words, with an innermost axis for elements of more than one. */
static ocl_view in_words(const ocl_view *elements, int32_t words) {
  ocl_view v = *elements;
  for (int32_t i = 0; i < v.rank; i++)
    for (int32_t t = 0; t < 2; t++) v.stride[t][i] *= words;
  if (words > 1) ocl_view_add(&v, words, (int64_t[]){1, 1});
  ocl_view_merge(&v, -1);
  return v;
}

/* Tensor 0 of a view is x, tensor 1 is y. Are the two innermost axes swapped, and long enough for tiles? */
static int32_t is_swap(const ocl_view *v) {
  const int32_t in = v->rank - 1, out = v->rank - 2;
  return v->rank >= 2 && v->stride[1][in] == 1 && v->stride[0][out] == 1 && v->stride[0][in] > 1 && v->dim[in] >= TILE &&
         v->dim[out] >= TILE;
}

static cvk_status add_swap(ocl_build *b, int32_t in, int32_t out, const ocl_view *v) {
  const int32_t axes = v->rank - 2;
  int64_t outer = 1;
  for (int32_t i = 0; i < axes; i++) outer *= v->dim[i];
  const int64_t items[3] = {(v->dim[axes + 1] + TILE - 1) / TILE, (v->dim[axes] + TILE - 1) / TILE, outer};
  ocl_launch *l = ocl_launch_begin(b, "move", "", "transpose_words");
  ocl_arg_in(l, b, in);
  ocl_arg_out(l, b, out);
  ocl_arg_int(l, axes);
  ocl_arg_long8(l, axes, v->dim, 1);
  ocl_arg_long8(l, axes, v->stride[0], 0);
  ocl_arg_long8(l, axes, v->stride[1], 0);
  ocl_arg_long(l, v->dim[axes]);
  ocl_arg_long(l, v->stride[1][axes]);
  ocl_arg_long(l, v->dim[axes + 1]);
  ocl_arg_long(l, v->stride[0][axes + 1]);
  return ocl_launch_end(b, l, 3, items, (size_t[]){TILE, 1, 1});
}

/* Copies view 0 of input `in`, from element from_x, to view 1 of output `out`, from element from_y. */
static cvk_status add_copy(ocl_build *b, int32_t in, int64_t from_x, int32_t out, int64_t from_y, const ocl_view *elements) {
  const units u = units_of(b->op->in[in]->dtype);
  const ocl_view v = in_words(elements, u.words);
  if (!u.bytewise && u.words == 1 && from_x == 0 && from_y == 0 && is_swap(&v)) return add_swap(b, in, out, &v);
  const int64_t rows = ocl_view_rows(&v);
  const ocl_split s = ocl_split_rows(b->dev, rows, v.dim[v.rank - 1]);
  ocl_launch *l = ocl_launch_begin(b, "move", "", u.bytewise ? "copy_bytes" : "copy_words");
  ocl_arg_in(l, b, in);
  ocl_arg_out(l, b, out);
  ocl_arg_int(l, u.words);
  ocl_arg_long(l, from_x * u.words);
  ocl_arg_long(l, from_y * u.words);
  ocl_arg_int(l, v.rank);
  ocl_arg_long8(l, v.rank, v.dim, 1);
  ocl_arg_long8(l, v.rank, v.stride[0], 0);
  ocl_arg_long8(l, v.rank, v.stride[1], 0);
  ocl_arg_long(l, rows);
  ocl_arg_long(l, s.rows_per_item);
  ocl_arg_long(l, s.per_item);
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

/* A tensor's axes as they lie in memory: N, blocks, spatial ..., lanes where it is blocked. Returns how many. */
static int32_t memory_axes(const cvk_tensor_desc *t, int64_t *dim) {
  const int32_t blocked = ocl_is_blocked16(&t->format);
  for (int32_t i = 0; i < t->rank; i++) dim[i] = blocked && i == 1 ? (t->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : t->dim[i];
  if (blocked) dim[t->rank] = OCL_BLOCK;
  return t->rank + blocked;
}

/* The axes of `part` in memory, with strides of its own and of the tensor `whole` that it is a part of; part_first: it is tensor 0. */
static ocl_view part_view(const cvk_tensor_desc *part, const cvk_tensor_desc *whole, int32_t part_first) {
  int64_t small[CVK_MAX_RANK + 1], large[CVK_MAX_RANK + 1], ss[CVK_MAX_RANK + 1], ls[CVK_MAX_RANK + 1];
  const int32_t rank = memory_axes(part, small);
  ocl_view v = {.tensors = 2};
  memory_axes(whole, large);
  ocl_dense_strides(rank, small, ss);
  ocl_dense_strides(rank, large, ls);
  for (int32_t i = 0; i < rank; i++) ocl_view_add(&v, small[i], (int64_t[]){part_first ? ss[i] : ls[i], part_first ? ls[i] : ss[i]});
  return v;
}

/* Elements of `whole` in memory before cell 1 of an axis. */
static int64_t axis_step(const cvk_tensor_desc *whole, int32_t axis) {
  int64_t dim[CVK_MAX_RANK + 1], stride[CVK_MAX_RANK + 1];
  ocl_dense_strides(memory_axes(whole, dim), dim, stride);
  return stride[axis];
}

static int32_t takes(ocl_query *q, double traffic_factor) {
  if (!ocl_takes_no_post(q)) return 0;
  if (cvk_dtype_bytes(q->op->in[0]->dtype) == 0) return ocl_refuse(q, "unknown element type %d", q->op->in[0]->dtype);
  q->candidate->estimated_ns = ocl_estimate(q->dev, 0, ocl_traffic(q->op) * traffic_factor, 1);
  return 1;
}

static void want(ocl_query *q, int32_t n_in, int32_t n_out) {
  for (int32_t i = 0; i < n_in; i++) ocl_want_in(q, i, q->row->layout);
  for (int32_t i = 0; i < n_out; i++) ocl_want_out(q, i, q->row->layout);
}

/* ---- copies ---- */

static int32_t copy_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const int32_t same = op->kind == CVK_OP_IDENTITY || op->kind == CVK_OP_DROPOUT;
  if (!takes(q, 1)) return 0;
  if (!op->out[0] || (op->n_out > 1 && op->out[1])) return ocl_refuse(q, op->out[0] ? "this row gives no mask" : "nobody reads the output");
  if (q->row->layout != CVK_PLAIN && (!same || op->in[0]->rank < 3)) return ocl_refuse(q, "only plain tensors change their shape");
  want(q, 1, 1);
  q->candidate->inplace = 0;
  return 1;
}

static cvk_status copy_prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0];
  ocl_view v = {.tensors = 2};
  ocl_view_add(&v, (int64_t)(cvk_desc_bytes(x) / cvk_dtype_bytes(x->dtype)), (int64_t[]){1, 1});
  return add_copy(b, 0, 0, 0, 0, &v);
}

/* ---- concat and split ---- */

/* Blocked parts meet at block edges: all but the last fill their blocks; other axes always do. */
static int32_t blocks_meet(ocl_query *q, const cvk_tensor_desc *const *part, int32_t n, int32_t axis) {
  for (int32_t i = 0; axis == 1 && i + 1 < n; i++)
    if (part[i] && part[i]->dim[1] % OCL_BLOCK != 0)
      return ocl_refuse(q, "part %d has %lld channels, not whole blocks of %d", i, (long long)part[i]->dim[1], OCL_BLOCK);
  return 1;
}

static int32_t joint_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const int32_t split = op->kind == CVK_OP_SPLIT, n = split ? op->n_out : op->n_in;
  const int32_t axis = split ? ((const cvk_split_attr *)op->attr)->axis : ((const cvk_axis_attr *)op->attr)->axis;
  if (!takes(q, 1)) return 0;
  if (q->row->layout == CVK_BLOCKED) {
    if (op->in[0]->rank < 3 || op->in[0]->dtype != CVK_F32)
      return ocl_refuse(q, "type %d of rank %d is not moved in blocks", op->in[0]->dtype, op->in[0]->rank);
    if (!blocks_meet(q, split ? op->out : op->in, n, axis)) return 0;
  }
  want(q, split ? 1 : n, split ? n : 1);
  for (int32_t i = 1; split && i < op->n_in; i++) ocl_want_in(q, i, CVK_PLAIN); /* the sizes */
  return 1;
}

static cvk_status concat_prepare(ocl_build *b) {
  const cvk_op *op = b->op;
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  const int64_t step = axis_step(op->out[0], axis);
  int64_t from = 0;
  for (int32_t i = 0; i < op->n_in; i++) {
    int64_t dim[CVK_MAX_RANK + 1];
    const ocl_view v = part_view(op->in[i], op->out[0], 1);
    const cvk_status status = add_copy(b, i, 0, 0, from, &v);
    if (status != CVK_OK) return status;
    memory_axes(op->in[i], dim);
    from += dim[axis] * step;
  }
  return CVK_OK;
}

static cvk_status split_prepare(ocl_build *b) {
  const cvk_op *op = b->op;
  const cvk_split_attr *a = op->attr;
  const int32_t blocked = ocl_is_blocked16(&op->in[0]->format);
  const int64_t step = axis_step(op->in[0], a->axis);
  int64_t from = 0;
  for (int32_t i = 0; i < op->n_out; i++) {
    if (op->out[i]) {
      const ocl_view v = part_view(op->out[i], op->in[0], 0);
      const cvk_status status = add_copy(b, 0, from, i, 0, &v);
      if (status != CVK_OK) return status;
    }
    from += (blocked && a->axis == 1 ? a->size[i] / OCL_BLOCK : a->size[i]) * step;
  }
  return CVK_OK;
}

/* ---- slice, transpose, expand, tile: one view each, plain ---- */

static int32_t view_accepts(ocl_query *q) {
  if (!q->op->out[0]) return ocl_refuse(q, "nobody reads the output");
  return takes(q, q->op->kind == CVK_OP_TRANSPOSE ? 4 : 2);
}

static int64_t slice_view(const cvk_op *op, const int64_t *sx, const int64_t *sy, ocl_view *v) {
  const cvk_slice_attr *a = op->attr;
  int64_t step[CVK_MAX_RANK], from = 0;
  for (int32_t i = 0; i < op->in[0]->rank; i++) step[i] = sx[i];
  for (int32_t i = 0; i < a->n_axes; i++) {
    const int32_t axis = a->axis[i];
    from += a->start[i] * sx[axis];
    step[axis] = op->out[0]->dim[axis] > 1 ? sx[axis] * a->step[i] : 0; /* one entry: the step, of any size, is never taken */
  }
  for (int32_t i = 0; i < op->in[0]->rank; i++) ocl_view_add(v, op->out[0]->dim[i], (int64_t[]){step[i], sy[i]});
  return from;
}

static int64_t transpose_view(const cvk_op *op, const int64_t *sx, const int64_t *sy, ocl_view *v) {
  const cvk_axes_attr *a = op->attr;
  const int32_t rank = op->in[0]->rank;
  for (int32_t i = 0; i < rank; i++) ocl_view_add(v, op->out[0]->dim[i], (int64_t[]){sx[a->n_axes ? a->axis[i] : rank - 1 - i], sy[i]});
  return 0;
}

static int64_t expand_view(const cvk_op *op, const int64_t *sx, const int64_t *sy, ocl_view *v) {
  const cvk_tensor_desc *y = op->out[0];
  int64_t stride[CVK_MAX_RANK];
  (void)sx;
  ocl_broadcast_strides(op->in[0], y->rank, stride);
  for (int32_t i = 0; i < y->rank; i++) ocl_view_add(v, y->dim[i], (int64_t[]){stride[i], sy[i]});
  return 0;
}

static int64_t tile_view(const cvk_op *op, const int64_t *sx, const int64_t *sy, ocl_view *v) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  for (int32_t i = 0; i < x->rank; i++) {
    ocl_view_add(v, x->dim[i] ? y->dim[i] / x->dim[i] : 0, (int64_t[]){0, x->dim[i] * sy[i]});
    ocl_view_add(v, x->dim[i], (int64_t[]){sx[i], sy[i]});
  }
  return 0;
}

static int64_t make_view(const cvk_op *op, ocl_view *v) {
  static const struct {
    int32_t kind;
    int64_t (*view)(const cvk_op *op, const int64_t *sx, const int64_t *sy, ocl_view *v);
  } table[] = {{CVK_OP_SLICE, slice_view}, {CVK_OP_TRANSPOSE, transpose_view}, {CVK_OP_EXPAND, expand_view}, {CVK_OP_TILE, tile_view}};
  int64_t sx[CVK_MAX_RANK], sy[CVK_MAX_RANK], from = 0;
  ocl_dense_strides(op->in[0]->rank, op->in[0]->dim, sx);
  ocl_dense_strides(op->out[0]->rank, op->out[0]->dim, sy);
  *v = (ocl_view){.tensors = 2};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].kind == op->kind) from = table[i].view(op, sx, sy, v);
  return from;
}

static int32_t fits_accepts(ocl_query *q) {
  ocl_view v;
  if (!view_accepts(q)) return 0;
  make_view(q->op, &v);
  v = in_words(&v, units_of(q->op->in[0]->dtype).words);
  return v.rank <= OCL_KERNEL_AXES ? 1 : ocl_refuse(q, "%d axes after merging, the kernel takes %d", v.rank, OCL_KERNEL_AXES);
}

static cvk_status view_prepare(ocl_build *b) {
  ocl_view v;
  const int64_t from = make_view(b->op, &v);
  return ocl_elements(b->op->out[0]) == 0 ? CVK_OK : add_copy(b, 0, from, 0, 0, &v);
}

/* ---- gather ---- */

static int64_t index_at(const cvk_tensor_desc *t, int64_t i) {
  return t->dtype == CVK_I64 ? ((const int64_t *)t->const_data)[i] : ((const int32_t *)t->const_data)[i];
}

static int32_t gather_accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0], *index = q->op->in[1];
  const int64_t extent = x->dim[((const cvk_axis_attr *)q->op->attr)->axis], n = ocl_elements(index);
  if (!view_accepts(q)) return 0;
  if (cvk_dtype_bytes(x->dtype) < 4) return ocl_refuse(q, "elements of %d bytes; words of 4 are gathered", (int)cvk_dtype_bytes(x->dtype));
  /* An index out of range is an error, which a device kernel cannot report: only known indices, checked here. */
  if (!index->const_data && n > 0) return ocl_refuse(q, "the indices are known at run time only, so they cannot be checked");
  if (index->dtype != CVK_I64 && index->dtype != CVK_I32) return ocl_refuse(q, "indices of type %d", index->dtype);
  for (int64_t i = 0; i < n; i++)
    if (index_at(index, i) < -extent || index_at(index, i) >= extent)
      return ocl_refuse(q, "index %lld is outside an axis of %lld", (long long)index_at(index, i), (long long)extent);
  return 1;
}

static cvk_status gather_prepare(ocl_build *b) {
  const cvk_host *host = b->dev->host;
  const cvk_tensor_desc *x = b->op->in[0], *index = b->op->in[1];
  const int32_t axis = ((const cvk_axis_attr *)b->op->attr)->axis, words = units_of(x->dtype).words;
  const int64_t outer = cvk_count(axis, x->dim), n = ocl_elements(index), inner = cvk_count(x->rank - axis - 1, x->dim + axis + 1) * words;
  const int64_t rows = outer * n;
  const ocl_split s = ocl_split_rows(b->dev, rows, inner);
  if (rows == 0 || inner == 0) return CVK_OK;
  int64_t *table = host->alloc(host->ctx, (uint64_t)n * sizeof *table, sizeof *table);
  if (!table) return ocl_fail(host, CVK_NO_MEMORY, "gather: no memory for %lld indices", (long long)n);
  for (int64_t i = 0; i < n; i++) table[i] = index_at(index, i) < 0 ? index_at(index, i) + x->dim[axis] : index_at(index, i);
  ocl_launch *l = ocl_launch_begin(b, "move", "", "gather_words");
  ocl_arg_in(l, b, 0);
  ocl_arg_data(l, b, table, (uint64_t)n * sizeof *table);
  host->free(host->ctx, table);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, words);
  ocl_arg_long(l, x->dim[axis]);
  ocl_arg_long(l, n);
  ocl_arg_long(l, inner);
  ocl_arg_long(l, rows);
  ocl_arg_long(l, s.rows_per_item);
  ocl_arg_long(l, s.per_item);
  return ocl_launch_end(b, l, 2, s.items, ocl_line_local);
}

/* ---- cast ---- */

static int32_t castable(int32_t dtype) {
  return dtype == CVK_F32 || dtype == CVK_U8 || dtype == CVK_I32 || dtype == CVK_I64 || dtype == CVK_BOOL || dtype == CVK_F16;
}

static int32_t cast_accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0], *y = q->op->out[0];
  /* Through f32 a 64-bit number would be rounded twice; every other integer that f16 can hold is exact in f32. */
  if (y && x->dtype == CVK_I64 && y->dtype == CVK_F16) return ocl_refuse(q, "int64 to float16 would round twice");
  if (!y || !castable(x->dtype) || !castable(y->dtype)) return ocl_refuse(q, "from type %d to %d", x->dtype, y ? y->dtype : 0);
  return takes(q, 4);
}

static cvk_status cast_prepare(ocl_build *b) {
  const int64_t n = ocl_elements(b->op->in[0]);
  const ocl_split s = ocl_split_rows(b->dev, 1, n);
  ocl_launch *l = ocl_launch_begin(b, "move", "", "cast");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, n);
  ocl_arg_long(l, s.per_item);
  ocl_arg_int(l, b->op->in[0]->dtype);
  ocl_arg_int(l, b->op->out[0]->dtype);
  return ocl_launch_end(b, l, 1, s.items, ocl_line_local);
}

static const int32_t copy_kinds[] = {CVK_OP_RESHAPE, CVK_OP_FLATTEN, CVK_OP_SQUEEZE, CVK_OP_UNSQUEEZE, CVK_OP_IDENTITY, CVK_OP_DROPOUT};
static const ocl_row copy_rows[] = {
    {.name = "copy_plain", .layout = CVK_PLAIN, .accepts = copy_accepts, .prepare = copy_prepare},
    {.name = "copy_blocked", .layout = CVK_BLOCKED, .accepts = copy_accepts, .prepare = copy_prepare},
    {.name = "copy_nhwc", .layout = CVK_NHWC, .accepts = copy_accepts, .prepare = copy_prepare},
};
const ocl_list ocl_copy_list = {copy_kinds, sizeof copy_kinds / sizeof *copy_kinds, sizeof copy_rows / sizeof *copy_rows, copy_rows};

static const int32_t concat_kinds[] = {CVK_OP_CONCAT};
static const ocl_row concat_rows[] = {
    {.name = "concat_blocked", .layout = CVK_BLOCKED, .accepts = joint_accepts, .prepare = concat_prepare},
    {.name = "concat_plain", .layout = CVK_PLAIN, .accepts = joint_accepts, .prepare = concat_prepare},
};
const ocl_list ocl_concat_list = {concat_kinds, 1, sizeof concat_rows / sizeof *concat_rows, concat_rows};

static const int32_t split_kinds[] = {CVK_OP_SPLIT};
static const ocl_row split_rows[] = {
    {.name = "split_blocked", .layout = CVK_BLOCKED, .accepts = joint_accepts, .prepare = split_prepare},
    {.name = "split_plain", .layout = CVK_PLAIN, .accepts = joint_accepts, .prepare = split_prepare},
};
const ocl_list ocl_split_list = {split_kinds, 1, sizeof split_rows / sizeof *split_rows, split_rows};

static const int32_t view_kinds[] = {CVK_OP_SLICE, CVK_OP_TRANSPOSE, CVK_OP_EXPAND, CVK_OP_TILE};
static const ocl_row view_rows[] = {{.name = "move_plain", .layout = CVK_PLAIN, .accepts = fits_accepts, .prepare = view_prepare}};
const ocl_list ocl_move_list = {view_kinds, sizeof view_kinds / sizeof *view_kinds, 1, view_rows};

static const int32_t gather_kinds[] = {CVK_OP_GATHER};
static const ocl_row gather_rows[] = {{.name = "gather_plain", .layout = CVK_PLAIN, .accepts = gather_accepts, .prepare = gather_prepare}};
const ocl_list ocl_gather_list = {gather_kinds, 1, 1, gather_rows};

static const int32_t cast_kinds[] = {CVK_OP_CAST};
static const ocl_row cast_rows[] = {{.name = "cast_plain", .layout = CVK_PLAIN, .accepts = cast_accepts, .prepare = cast_prepare}};
const ocl_list ocl_cast_list = {cast_kinds, 1, 1, cast_rows};

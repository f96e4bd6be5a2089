/* SPDX-License-Identifier: Apache-2.0 */
/* move: the ops that only move elements (RESHAPE .. TILE but GATHER), any element type, as strided copies planned once (strided_copy.h).
 * Plain always; blocked (f32) where whole channel blocks move: IDENTITY, and CONCAT, SPLIT and SLICE along other axes or at block
 * boundaries. Ops that rename axes may run in place and then copy nothing. */
#include "move.h"

#include "strided_copy.h"

enum { BYTES_PER_TASK = 65536 };

typedef struct part {
  nd_copy copy;
  int32_t in, out;
  int64_t units_per_task, tasks;
} part;

typedef struct move_kernel {
  cpu_kernel base;
  int32_t n, renames; /* renames: the elements stay in order, so that in place nothing moves */
  int64_t tasks;
  double ns;
  part part[];
} move_kernel;

typedef struct move_job {
  const move_kernel *kernel;
  const void *const *in;
  void *const *out;
} move_job;

/* A tensor as its axes lie in memory. */
typedef struct view {
  int32_t rank;
  int64_t dim[CVK_MAX_RANK + 1], stride[CVK_MAX_RANK + 1];
} view;

static view view_of(const cvk_tensor_desc *d) {
  view v;
  v.rank = nd_memory_axes(d, v.dim);
  nd_dense(v.rank, v.dim, v.stride);
  return v;
}

static void add_part(move_kernel *k, const cvk_op *op, int32_t in, int32_t out, nd_space *space) {
  part *p = &k->part[k->n++];
  const int32_t size = (int32_t)cvk_dtype_bytes(op->in[in]->dtype);
  nd_copy_plan(&p->copy, space, size);
  p->in = in;
  p->out = out;
  const int64_t unit = p->copy.piece * (p->copy.tiled ? p->copy.along : 1) * size;
  p->units_per_task = cpu_max(1, BYTES_PER_TASK / cpu_max(1, unit));
  p->tasks = cpu_ceil_div(p->copy.units, p->units_per_task);
  k->tasks += p->tasks;
}

static void plan_rename(move_kernel *k, const cvk_op *op) {
  nd_space s;
  nd_init(&s, 2);
  nd_axis(&s, (int64_t)(cvk_desc_bytes(op->in[0]) / cvk_dtype_bytes(op->in[0]->dtype)), (int64_t[]){1, 1});
  add_part(k, op, 0, 0, &s);
}

static void plan_transpose(move_kernel *k, const cvk_op *op) {
  const cvk_axes_attr *a = op->attr;
  const view x = view_of(op->in[0]), y = view_of(op->out[0]);
  nd_space s;
  nd_init(&s, 2);
  for (int32_t i = 0; i < y.rank; i++) {
    const int32_t from = a->n_axes > 0 ? a->axis[i] : x.rank - 1 - i;
    nd_axis(&s, y.dim[i], (int64_t[]){y.stride[i], x.stride[from]});
  }
  add_part(k, op, 0, 0, &s);
}

/* Channels along a split or joined axis 1 count in blocks where the tensor is blocked. */
static int64_t in_blocks(const cvk_tensor_desc *d, int32_t axis, int64_t n) {
  return d->format.layout == CVK_BLOCKED && axis == 1 ? cpu_ceil_div(n, d->format.block) : n;
}

static void plan_concat(move_kernel *k, const cvk_op *op) {
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  const view y = view_of(op->out[0]);
  int64_t at = 0;
  for (int32_t i = 0; i < op->n_in; i++) {
    const view x = view_of(op->in[i]);
    nd_space s;
    nd_init(&s, 2);
    for (int32_t a = 0; a < x.rank; a++) nd_axis(&s, x.dim[a], (int64_t[]){y.stride[a], x.stride[a]});
    s.base[0] = at * y.stride[axis];
    at += x.dim[axis];
    add_part(k, op, i, 0, &s);
  }
}

static void plan_split(move_kernel *k, const cvk_op *op) {
  const cvk_split_attr *attr = op->attr;
  const view x = view_of(op->in[0]);
  int64_t at = 0;
  for (int32_t i = 0; i < op->n_out; i++) {
    const int64_t extent = in_blocks(op->in[0], attr->axis, attr->size[i]);
    if (op->out[i]) {
      const view y = view_of(op->out[i]);
      nd_space s;
      nd_init(&s, 2);
      for (int32_t a = 0; a < y.rank; a++) nd_axis(&s, y.dim[a], (int64_t[]){y.stride[a], x.stride[a]});
      s.base[1] = at * x.stride[attr->axis];
      add_part(k, op, 0, i, &s);
    }
    at += extent;
  }
}

static void plan_slice(move_kernel *k, const cvk_op *op) {
  const cvk_slice_attr *attr = op->attr;
  const view x = view_of(op->in[0]), y = view_of(op->out[0]);
  nd_space s;
  nd_init(&s, 2);
  for (int32_t a = 0; a < y.rank; a++) {
    const int32_t lanes = a == op->in[0]->rank; /* the axis of a blocked tensor that the op does not know */
    const int64_t start = lanes ? 0 : in_blocks(op->in[0], a, attr->start[a]), step = lanes ? 1 : attr->step[a];
    nd_axis(&s, y.dim[a], (int64_t[]){y.stride[a], y.dim[a] > 1 ? x.stride[a] * step : 0}); /* an untaken step might overflow */
    s.base[1] += cvk_count(y.rank, y.dim) > 0 ? start * x.stride[a] : 0;
  }
  add_part(k, op, 0, 0, &s);
}

static void plan_expand(move_kernel *k, const cvk_op *op) {
  nd_space s;
  nd_broadcast(&s, op->out[0], 1, op->in);
  add_part(k, op, 0, 0, &s);
}

/* Each axis becomes two: the repeat, on which the source stands still, and the axis itself. */
static void plan_tile(move_kernel *k, const cvk_op *op) {
  const cvk_shape_attr *attr = op->attr;
  const view x = view_of(op->in[0]), y = view_of(op->out[0]);
  nd_space s;
  nd_init(&s, 2);
  for (int32_t a = 0; a < x.rank; a++) {
    nd_axis(&s, attr->dim[a], (int64_t[]){y.stride[a] * x.dim[a], 0});
    nd_axis(&s, x.dim[a], (int64_t[]){y.stride[a], x.stride[a]});
  }
  add_part(k, op, 0, 0, &s);
}

typedef struct mover {
  int32_t kind, renames;
  void (*plan)(move_kernel *k, const cvk_op *op);
} mover;

static const mover movers[] = {
    {CVK_OP_RESHAPE, 1, plan_rename},      {CVK_OP_FLATTEN, 1, plan_rename},  {CVK_OP_SQUEEZE, 1, plan_rename},
    {CVK_OP_UNSQUEEZE, 1, plan_rename},    {CVK_OP_IDENTITY, 1, plan_rename}, {CVK_OP_DROPOUT, 1, plan_rename},
    {CVK_OP_TRANSPOSE, 0, plan_transpose}, {CVK_OP_CONCAT, 0, plan_concat},   {CVK_OP_SPLIT, 0, plan_split},
    {CVK_OP_SLICE, 0, plan_slice},         {CVK_OP_EXPAND, 0, plan_expand},   {CVK_OP_TILE, 0, plan_tile},
};

static const mover *find(int32_t kind) {
  for (size_t i = 0; i < sizeof movers / sizeof *movers; i++)
    if (movers[i].kind == kind) return &movers[i];
  return NULL;
}

/* Whether parts along the channel axis begin and end at block boundaries; the last may end with the tensor. */
static int32_t whole_blocks(const cvk_op *op, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[0];
  if (op->kind == CVK_OP_CONCAT && ((const cvk_axis_attr *)op->attr)->axis == 1) {
    for (int32_t i = 0; i + 1 < op->n_in; i++)
      if (op->in[i]->dim[1] % VL != 0)
        return cpu_refuse(why, "input %d has %lld channels, no multiple of %d", i, (long long)op->in[i]->dim[1], VL);
  }
  if (op->kind == CVK_OP_SPLIT && ((const cvk_split_attr *)op->attr)->axis == 1) {
    const cvk_split_attr *a = op->attr;
    for (int32_t i = 0; i + 1 < op->n_out; i++)
      if (a->size[i] % VL != 0) return cpu_refuse(why, "part %d has %lld channels, no multiple of %d", i, (long long)a->size[i], VL);
  }
  if (op->kind == CVK_OP_SLICE) {
    const cvk_slice_attr *a = op->attr;
    const int64_t end = a->start[1] + op->out[0]->dim[1];
    if (a->start[1] % VL != 0 || (a->step[1] != 1 && op->out[0]->dim[1] > 1) || (end % VL != 0 && end != x->dim[1]))
      return cpu_refuse(why, "channels %lld..%lld, step %lld, cut blocks of %d", (long long)a->start[1], (long long)end,
                        (long long)a->step[1], VL);
  }
  return 1;
}

static int32_t takes_blocked(const cvk_op *op, cpu_reason *why) {
  if (op->kind != CVK_OP_IDENTITY && op->kind != CVK_OP_DROPOUT && op->kind != CVK_OP_CONCAT && op->kind != CVK_OP_SPLIT &&
      op->kind != CVK_OP_SLICE)
    return cpu_refuse(why, "the result is no blocked tensor");
  if (op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", op->in[0]->rank);
  if (op->in[0]->dtype != CVK_F32) return cpu_refuse(why, "element type %d is not blocked", op->in[0]->dtype);
  return whole_blocks(op, why);
}

int32_t CVK_ISA_FN(move_accepts)(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const mover *m = find(op->kind);
  double bytes = 0;
  if (!m) return cpu_refuse(why, "op kind %d is not in its table", op->kind);
  if (op->kind == CVK_OP_DROPOUT && op->n_out > 1 && op->out[1]) return cpu_refuse(why, "the mask is wanted");
  if (op->kind != CVK_OP_SPLIT && !op->out[0]) return cpu_refuse(why, "output 0 is not wanted");
  if (variant == 1 && !takes_blocked(op, why)) return 0;
  const int32_t slots = op->kind == CVK_OP_CONCAT ? CVK_CANDIDATE_INPUTS : 1;
  for (int32_t i = 0; i < slots; i++) c->in[i] = cpu_format(variant ? VL : 0);
  for (int32_t i = 0; i < CVK_CANDIDATE_OUTPUTS; i++) c->out[i] = cpu_format(variant ? VL : 0);
  c->inplace = m->renames ? 0 : -1;
  for (int32_t i = 0; i < op->n_out; i++) {
    if (!op->out[i]) continue;
    cvk_tensor_desc d = *op->out[i];
    d.format = c->out[0];
    bytes += 2 * (double)cvk_desc_bytes(&d);
  }
  c->estimated_ns = cpu_ns_memory(device, bytes, op->kind == CVK_OP_TRANSPOSE ? 0.3 : 1);
  return 1;
}

cvk_status CVK_ISA_FN(move_prepare)(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const int32_t parts = op->kind == CVK_OP_CONCAT ? op->n_in : op->kind == CVK_OP_SPLIT ? op->n_out : 1;
  move_kernel *k = cpu_kernel_new(device, sizeof *k + (uint64_t)parts * sizeof(part));
  if (!k) return CVK_NO_MEMORY;
  find(op->kind)->plan(k, op);
  k->ns = c->estimated_ns;
  k->renames = c->inplace == 0;
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const move_job *j = arg;
  const part *p = j->kernel->part;
  (void)worker;
  for (; index >= p->tasks; p++) index -= p->tasks;
  nd_copy_run(&p->copy, j->out[p->out], j->in[p->in], index * p->units_per_task, cpu_min(p->copy.units, (index + 1) * p->units_per_task));
}

cvk_status CVK_ISA_FN(move_execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const move_kernel *k = (const move_kernel *)kernel;
  move_job job = {k, in, out};
  (void)workspace;
  if (!k->renames || in[0] != out[0]) cpu_parallel(kernel->device, k->tasks, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(move_row) = {.name = CVK_ISA_ROW("move"),
                                      .kind = CVK_OP_RESHAPE,
                                      .kind_last = CVK_OP_TILE,
                                      .variants = 2,
                                      .accepts = CVK_ISA_FN(move_accepts),
                                      .prepare = CVK_ISA_FN(move_prepare),
                                      .execute = CVK_ISA_FN(move_execute)};

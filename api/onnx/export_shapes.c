/* SPDX-License-Identifier: Apache-2.0 */
/* export_shapes.c: the shapes of a graph's values where inputs have open extents. The shape rules run twice with different numbers in the
 * place of these; an extent that is the same both times is fixed, one that follows the batch is the batch, any other stays open. */
#include <string.h>

#include "export.h"
#include "fold.h"

/* Networks for images halve extents often. The last run is a small one, which shows what was merely cut to a limit; it need not succeed. */
enum { RUNS = 3, SMALL = RUNS - 1 };
static const int64_t batch_extent[RUNS] = {7, 11, 2};
static const int64_t other_extent[RUNS] = {192, 384, 64};
#define FOLD_BYTES ((uint64_t)1 << 20)

typedef struct probe {
  const cvk_graph *g;
  cvk_tensor_desc *desc; /* rank -1: unknown */
  cvk_tensor **known;    /* references, or NULL */
  uint64_t budget;
} probe;

static void start(probe *p, int32_t run) {
  for (int32_t v = 0; v < p->g->n_values; v++) {
    const cvk_graph_value *value = &p->g->values[v];
    cvk_tensor_desc *d = &p->desc[v];
    d->struct_size = sizeof *d;
    d->dtype = value->dtype;
    d->rank = -1;
    if (value->constant == NULL && value->input < 0) continue;
    p->known[v] = cvk_tensor_retain(value->constant);
    d->rank = value->rank;
    for (int32_t a = 0; a < value->rank; a++)
      d->dim[a] = value->dim[a] >= 0 ? value->dim[a] : a == 0 ? batch_extent[run] : other_extent[run];
  }
}

/* The extents that a SHAPE gives. */
static cvk_tensor *shape_tensor(const cvk_tensor_desc *x, const cvk_cast_attr *a) {
  cvk_tensor *t = NULL;
  const int64_t n = a->end - a->start;
  return cvk_tensor_create(NULL, CVK_I64, 1, &n, x->dim + a->start, &t) == CVK_OK ? t : NULL;
}

/* What is known where the data decides the shape of the op or of what is before it: the rank is that of x (or not), and so many entries of
 * input `list` more or less.
 */
static const struct {
  int32_t kind, of_x, list, sign, more;
} ranks[] = {
    {CVK_OP_PAD, 1, -1, 0, 0},         {CVK_OP_CLIP, 1, -1, 0, 0},       {CVK_OP_SLICE, 1, -1, 0, 0},
    {CVK_OP_SPLIT, 1, -1, 0, 0},       {CVK_OP_TILE, 1, -1, 0, 0},       {CVK_OP_RESIZE, 1, -1, 0, 0},
    {CVK_OP_COMPRESS, 1, -1, 0, 0},    {CVK_OP_CUM_SUM, 1, -1, 0, 0},    {CVK_OP_CUM_PROD, 1, -1, 0, 0},
    {CVK_OP_TOP_K, 1, -1, 0, 0},       {CVK_OP_TRILU, 1, -1, 0, 0},      {CVK_OP_UNIQUE, 1, -1, 0, 0},
    {CVK_OP_MAX_UNPOOL, 1, -1, 0, 0},  {CVK_OP_DFT, 1, -1, 0, 0},        {CVK_OP_ONE_HOT, 1, -1, 0, 1},
    {CVK_OP_RANGE, 0, -1, 0, 1},       {CVK_OP_NON_ZERO, 0, -1, 0, 2},   {CVK_OP_NON_MAX_SUPPRESSION, 0, -1, 0, 2},
    {CVK_OP_RESHAPE, 0, 1, 1, 0},      {CVK_OP_SQUEEZE, 1, 1, -1, 0},    {CVK_OP_UNSQUEEZE, 1, 1, 1, 0},
    {CVK_OP_AFFINE_GRID, 0, 1, 1, 0},  {CVK_OP_COL2IM, 0, 1, 1, 2},      {CVK_OP_CONSTANT_OF_SHAPE, 0, 0, 1, 0},
    {CVK_OP_REDUCE_MEAN, 1, 1, -1, 0}, {CVK_OP_REDUCE_SUM, 1, 1, -1, 0}, {CVK_OP_REDUCE_MAX, 1, 1, -1, 0},
    {CVK_OP_EXPAND, 0, 1, 1, 0},       {CVK_OP_REDUCE_MIN, 1, 1, -1, 0}, {CVK_OP_REDUCE_PROD, 1, 1, -1, 0},
};

static int32_t keeps_dims(const cvk_graph_node *node) {
  const int32_t is_reduction = node->kind >= CVK_OP_REDUCE_MEAN && node->kind <= CVK_OP_REDUCE_PROD;
  return is_reduction && (!node->has_attr || node->attr.axes.keep_dims);
}

/* -1: not even that. */
static int32_t rank_without_data(const cvk_graph_node *node, const cvk_tensor_desc *const *in) {
  if (node->kind >= CVK_OP_ADD && node->kind <= CVK_OP_BITWISE_XOR) { /* they broadcast */
    int32_t most = 0;
    for (int32_t i = 0; i < node->n_in; i++)
      if (in[i] && in[i]->rank > most) most = in[i]->rank;
    return most;
  }
  for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
    if (ranks[i].kind != node->kind) continue;
    const int32_t list = ranks[i].list;
    int64_t rank = ranks[i].more + (ranks[i].of_x ? in[0]->rank : 0);
    if (list >= 0 && (list >= node->n_in || in[list] == NULL || in[list]->rank > 1)) return -1;
    if (list >= 0 && !keeps_dims(node)) rank += ranks[i].sign * cvk_count(in[list]->rank, in[list]->dim);
    if (node->kind == CVK_OP_EXPAND && rank < in[0]->rank) rank = in[0]->rank;
    return rank >= 0 && rank <= CVK_MAX_RANK ? (int32_t)rank : -1;
  }
  return -1;
}

static void set_open(probe *p, const cvk_graph_node *node, int32_t rank, int32_t run) {
  if (rank < 0) return;
  for (int32_t i = 0; i < node->n_out; i++) {
    p->desc[node->out[i]].rank = node->kind == CVK_OP_UNIQUE && i > 0 ? 1 : rank;
    for (int32_t a = 0; a < rank; a++) p->desc[node->out[i]].dim[a] = other_extent[run];
  }
}

static void run_node(probe *p, const cvk_graph_node *node, int32_t run) {
  const cvk_op_def *def = cvk_op_def_find(node->kind);
  const void *attr = node->has_attr ? &node->attr : NULL;
  cvk_tensor_desc in[CVK_MAX_INPUTS], out[CVK_MAX_OUTPUTS];
  const cvk_tensor_desc *ins[CVK_MAX_INPUTS];
  cvk_tensor *t[CVK_MAX_INPUTS] = {NULL};
  cvk_any_attr resolved;
  int32_t all_known = 1, pinned = 0;
  cvk_status s = CVK_OK;
  for (int32_t i = 0; i < node->n_in; i++) {
    const cvk_value v = node->in[i];
    ins[i] = v == CVK_NO_VALUE ? NULL : &in[i];
    if (v == CVK_NO_VALUE) continue;
    if (p->desc[v].rank < 0) return;
    in[i] = p->desc[v];
    t[i] = p->known[v];
    all_known &= t[i] != NULL;
  }
  for (; pinned < node->n_in && s == CVK_OK; pinned++) {
    if (t[pinned] == NULL || pinned >= 32 || !(def->values >> pinned & 1)) continue;
    s = cvk_tensor_pin(t[pinned]);
    if (s != CVK_OK) break;
    in[pinned].const_data = cvk_tensor_host(t[pinned]);
  }
  if (s == CVK_OK) s = cvk_op_resolve(node->kind, attr, node->n_in, ins, node->n_out, out, &resolved);
  for (int32_t i = 0; i < pinned; i++)
    if (t[i] && i < 32 && def->values >> i & 1) cvk_tensor_unpin(t[i]);
  if (s != CVK_OK) set_open(p, node, rank_without_data(node, ins), run);
  if (s != CVK_OK) return;
  for (int32_t i = 0; i < node->n_out; i++) p->desc[node->out[i]] = out[i];
  if (node->kind == CVK_OP_SHAPE)
    p->known[node->out[0]] = shape_tensor(ins[0], &resolved.cast);
  else if (all_known && node->n_out == 1)
    p->known[node->out[0]] = cvk_fold(node->kind, attr, node->n_in, t, &p->budget);
}

static int32_t run_all(probe *p, cvk_arena *memory, int32_t run) {
  p->desc = cvk_arena_alloc(memory, (size_t)p->g->n_values + 1, sizeof *p->desc);
  p->known = cvk_arena_alloc(memory, (size_t)p->g->n_values + 1, sizeof *p->known);
  if (p->desc == NULL || p->known == NULL) return 0;
  p->budget = FOLD_BYTES;
  start(p, run);
  for (int32_t n = 0; n < p->g->n_nodes; n++) run_node(p, &p->g->nodes[n], run);
  for (int32_t v = 0; v < p->g->n_values; v++) cvk_tensor_release(p->known[v]);
  return 1;
}

/* Whether one input alone has its first extent open: only then is it clear whose batch an extent is. */
static int32_t has_one_batch(const cvk_graph *g) {
  int32_t n = 0;
  for (int32_t i = 0; i < g->n_inputs; i++) {
    const cvk_graph_value *v = &g->values[g->inputs[i]];
    n += v->rank != 0 && (v->rank < 0 || v->dim[0] < 0);
  }
  return n == 1;
}

/* The shape of a value in all runs. */
static void join(cvk_tensor_desc *a, const cvk_tensor_desc *b, const cvk_tensor_desc *small, int32_t one_batch) {
  const int32_t use_small = small->rank == a->rank;
  if (a->rank != b->rank) a->rank = -1;
  for (int32_t i = 0; i < a->rank; i++) {
    const int32_t is_batch = one_batch && a->dim[i] == batch_extent[0] && b->dim[i] == batch_extent[1];
    if (is_batch)
      a->dim[i] = CVK_ONNX_BATCH_EXTENT;
    else if (a->dim[i] != b->dim[i] || (use_small && a->dim[i] != small->dim[i]))
      a->dim[i] = CVK_ONNX_ANY_EXTENT;
  }
}

cvk_tensor_desc *cvk_onnx_shapes(const cvk_graph *g, cvk_arena *memory) {
  probe p[RUNS] = {{.g = g}, {.g = g}, {.g = g}};
  const int32_t one_batch = has_one_batch(g);
  for (int32_t run = 0; run < RUNS; run++)
    if (!run_all(&p[run], memory, run)) return NULL;
  for (int32_t v = 0; v < g->n_values; v++) join(&p[0].desc[v], &p[1].desc[v], &p[SMALL].desc[v], one_batch);
  return p[0].desc;
}

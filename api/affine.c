/* SPDX-License-Identifier: Apache-2.0 */
/* affine.c: what scales and shifts each channel by constants - a batch norm, a multiplication, addition, subtraction or division - goes
 * into the weights and the bias of the convolution before it, or into the batch norm before it; two in a row by themselves become one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "context_internal.h"
#include "plan.h"
#include "weights.h"

/* y[c] = s[c] x[c] + t[c] over m channels, in double. */
typedef struct affine {
  int64_t m;
  int32_t scales; /* some s[c] is not 1 */
  double *s, *t;
} affine;

/* w' = w scaled for each output channel. It is made when it is wanted, and again when it is wanted once more: once packed it is in nobody's
 * way. The weights are rows of `each` elements that belong to one output channel: row r of CONV to r, of CONV_TRANSPOSE, whose rows are
 * [C,M/g], to channel r % (M/g) of the group that input channel r / (M/g) is in. */
typedef struct folded {
  cvk_context *ctx;                             /* borrowed: plans are made while a session holds it */
  cvk_tensor *w;                                /* retained */
  int64_t rows, each, per_group, rows_of_group; /* CONV: per_group is rows */
  double s[];
} folded;

typedef struct fold_job {
  const folded *f;
  const void *w; /* floats at any alignment */
  float *y;
} fold_job;

static void fold_row(void *arg, int64_t r, int32_t worker) {
  const fold_job *j = arg;
  const folded *f = j->f;
  const double s = f->s[r / f->rows_of_group * f->per_group + r % f->per_group];
  const char *restrict w = (const char *)j->w + r * f->each * (int64_t)sizeof(float);
  float *restrict y = j->y + r * f->each;
  (void)worker;
  for (int64_t i = 0; i < f->each; i++) {
    float x;
    memcpy(&x, w + i * (int64_t)sizeof x, sizeof x);
    y[i] = (float)(x * s);
  }
}

static cvk_status load_folded(void *arg, void *to) {
  const folded *f = arg;
  const void *raw = cvk_tensor_raw(f->w);
  const cvk_status status = raw ? CVK_OK : cvk_tensor_pin(f->w);
  if (status != CVK_OK) return status;
  cvk_context_parallel_for(f->ctx, f->rows, fold_row, &(fold_job){f, raw ? raw : cvk_tensor_host(f->w), to});
  if (raw)
    cvk_tensor_forget(f->w);
  else
    cvk_tensor_unpin(f->w);
  return CVK_OK;
}

static void release_folded(void *arg) {
  cvk_tensor_release(((folded *)arg)->w);
  free(arg);
}

static int64_t channels(const cvk_plan *p, int32_t v) {
  const cvk_tensor_desc *d = &p->values[v].desc;
  return d->rank >= 2 ? d->dim[1] : -1;
}

/* ---- reading the op behind ---- */

/* Whether d spreads along axis 1 of x at most, and leaves x's shape as it is. */
static int32_t is_per_channel(const cvk_tensor_desc *d, const cvk_tensor_desc *x) {
  if (d->dtype != CVK_F32 || d->rank > x->rank) return 0;
  for (int32_t i = 0; i < d->rank; i++) {
    const int32_t axis = x->rank - d->rank + i;
    if (d->dim[i] != 1 && (axis != 1 || d->dim[i] != x->dim[1])) return 0;
  }
  return 1;
}

/* The constants of `op`, which reads value v, or NULL where it is no affine op. The kind says what is done with them. */
static const cvk_tensor_desc *constant_of(cvk_plan *p, const cvk_plan_op *op, int32_t v) {
  const int32_t commutes = op->kind == CVK_OP_ADD || op->kind == CVK_OP_MUL;
  if (!commutes && op->kind != CVK_OP_SUB && op->kind != CVK_OP_DIV) return NULL;
  const int32_t c = op->in[0] == v ? op->in[1] : commutes ? op->in[0] : -1;
  if (c < 0 || c == v || p->values[c].constant == NULL || !is_per_channel(&p->values[c].desc, &p->values[v].desc)) return NULL;
  return cvk_plan_pin(p, c) == CVK_OK ? &p->values[c].desc : NULL;
}

static cvk_status read_batch_norm(cvk_plan *p, const cvk_plan_op *op, affine *a) {
  const float *q[4];
  for (int32_t i = 0; i < 4; i++) {
    const cvk_status status = cvk_plan_pin(p, op->in[i + 1]);
    if (status != CVK_OK) return status;
    q[i] = p->values[op->in[i + 1]].desc.const_data;
  }
  a->scales = 1;
  for (int64_t c = 0; c < a->m; c++) {
    a->s[c] = q[0][c] / sqrt((double)q[3][c] + op->attr.norm.epsilon);
    a->t[c] = q[1][c] - q[2][c] * a->s[c];
  }
  return CVK_OK;
}

static void read_binary(int32_t kind, const cvk_tensor_desc *constant, affine *a) {
  const float *c = constant->const_data;
  const int64_t step = cvk_count(constant->rank, constant->dim) > 1;
  a->scales = kind == CVK_OP_MUL || kind == CVK_OP_DIV;
  for (int64_t i = 0; i < a->m; i++) {
    const double x = (double)c[i * step];
    a->s[i] = kind == CVK_OP_MUL ? x : kind == CVK_OP_DIV ? 1 / x : 1;
    a->t[i] = kind == CVK_OP_ADD ? x : kind == CVK_OP_SUB ? -x : 0;
  }
}

/* What `op`, which reads value v, does to each channel. UNSUPPORTED: something else. */
static cvk_status read_affine(cvk_plan *p, cvk_arena *scratch, const cvk_plan_op *op, int32_t v, affine *a) {
  const int32_t is_norm = op->kind == CVK_OP_BATCH_NORM && op->n_out == 1 && op->in[0] == v && cvk_plan_constants(p, op, 1);
  const cvk_tensor_desc *constant = is_norm ? NULL : constant_of(p, op, v);
  if (!is_norm && constant == NULL) return CVK_UNSUPPORTED;
  *a = (affine){.m = channels(p, v)};
  a->s = cvk_arena_alloc(scratch, (size_t)a->m * 2 + 1, sizeof *a->s);
  if (a->s == NULL) return cvk_plan_no_memory();
  a->t = a->s + a->m;
  if (is_norm) return read_batch_norm(p, op, a);
  read_binary(op->kind, constant, a);
  return CVK_OK;
}

/* ---- making the constants ---- */

/* One float a channel: x[c] s[c] + t[c], x absent: 0, without t: 0. *finite as below. */
static cvk_status make_vector(cvk_plan *p, int32_t x, const affine *a, const double *t, cvk_tensor **out, int32_t *finite) {
  cvk_status status = cvk_tensor_create(NULL, CVK_F32, 1, &a->m, NULL, out);
  if (status == CVK_OK && x >= 0) status = cvk_plan_pin(p, x);
  if (status != CVK_OK) return status;
  const float *from = x >= 0 ? p->values[x].desc.const_data : NULL;
  float *y = cvk_tensor_host(*out);
  for (int64_t c = 0; c < a->m; c++) y[c] = (float)((from ? (double)from[c] : 0.0) * a->s[c] + (t ? t[c] : 0.0));
  *finite &= cvk_all_finite(y, a->m);
  return CVK_OK;
}

/* The weights of `conv`, scaled; pinned. */
static cvk_status make_weights(cvk_plan *p, const cvk_plan_op *conv, const affine *a, cvk_tensor **out, int32_t *finite) {
  const cvk_tensor_desc *wd = &p->values[conv->in[1]].desc;
  const int64_t count = cvk_count(wd->rank, wd->dim), group = conv->attr.conv.group;
  folded *f = malloc(sizeof *f + (size_t)a->m * sizeof f->s[0]);
  if (f == NULL) return cvk_plan_no_memory();
  *f = (folded){.ctx = p->devices[0]->ctx, .w = cvk_tensor_retain(p->values[conv->in[1]].constant)};
  f->rows = conv->kind == CVK_OP_CONV ? a->m : wd->dim[0] * wd->dim[1];
  f->each = f->rows ? count / f->rows : 0;
  f->per_group = conv->kind == CVK_OP_CONV ? (a->m ? a->m : 1) : wd->dim[1] ? wd->dim[1] : 1;
  f->rows_of_group = conv->kind == CVK_OP_CONV ? f->per_group : wd->dim[0] / group * wd->dim[1];
  if (f->rows_of_group == 0) f->rows_of_group = 1;
  memcpy(f->s, a->s, (size_t)a->m * sizeof f->s[0]);
  cvk_status status = cvk_tensor_create_loaded(CVK_F32, wd->rank, wd->dim, load_folded, release_folded, f, out);
  if (status != CVK_OK) {
    release_folded(f);
    return status;
  }
  status = cvk_tensor_pin(*out);
  if (status != CVK_OK) {
    cvk_tensor_release(*out);
    *out = NULL;
    return status;
  }
  *finite &= cvk_all_finite(cvk_tensor_host(*out), count);
  return CVK_OK;
}

/* A convolution's constants behind the affine op; a batch norm's: scale and bias. made[0]: NULL where nothing is scaled. */
static cvk_status make_constants(cvk_plan *p, const cvk_plan_op *head, const affine *a, cvk_tensor *made[2], int32_t *finite) {
  cvk_status status = CVK_OK;
  if (a->scales) {
    status = head->kind == CVK_OP_BATCH_NORM ? make_vector(p, head->in[1], a, NULL, &made[0], finite)
                                             : make_weights(p, head, a, &made[0], finite);
  }
  if (status == CVK_OK) status = make_vector(p, head->n_in > 2 ? head->in[2] : -1, a, a->t, &made[1], finite);
  return status;
}

/* ---- folding ---- */

static void drop_use(cvk_plan *p, int32_t v) {
  if (v >= 0 && --p->values[v].uses == 0) cvk_plan_unpin(p, v);
}

/* `head` reads the constants made for op `behind` and gives its result. */
static cvk_status take_constants(cvk_plan *p, cvk_plan_op *head, int32_t behind, cvk_tensor *const made[2]) {
  int32_t id[2] = {-1, -1}, n_in = head->n_in > 3 ? head->n_in : 3;
  int32_t *in = cvk_arena_alloc(&p->memory, (size_t)n_in, sizeof *in);
  if (in == NULL) return cvk_plan_no_memory();
  memcpy(in, head->in, (size_t)head->n_in * sizeof *in);
  if (head->n_in < 3) in[2] = -1;
  for (int32_t k = 0; k < 2; k++) {
    if (made[k] == NULL) continue;
    const cvk_status status = cvk_plan_add_value(p, &made[k]->desc, made[k], &id[k]);
    if (status != CVK_OK) return status;
    p->values[id[k]].uses = 1;
    drop_use(p, in[k + 1]);
    in[k + 1] = id[k];
  }
  head->in = in;
  head->n_in = n_in;
  head->out[0] = p->ops[behind].out[0];
  head->with_bn |= p->ops[behind].kind == CVK_OP_BATCH_NORM && head->kind != CVK_OP_BATCH_NORM;
  cvk_plan_retire(p, behind);
  return CVK_OK;
}

/* Folds op `behind` into `head`; *done stays 0 where a constant would not be finite: folding would spread it differently. What was made is
 * kept for the session's other plans. */
static cvk_status fold_into(cvk_plan *p, cvk_plan_op *head, int32_t behind, const affine *a, int32_t *done) {
  const int32_t node = p->ops[behind].node;
  cvk_tensor *made[2] = {cvk_tensor_retain(cvk_weights_derived(p->weights, node, 0)),
                         cvk_tensor_retain(cvk_weights_derived(p->weights, node, 1))};
  const int32_t fresh = made[1] == NULL;
  int32_t finite = 1;
  cvk_status status = fresh ? make_constants(p, head, a, made, &finite) : CVK_OK;
  for (int32_t k = 0; k < 2 && fresh && finite && status == CVK_OK; k++) {
    if (made[k]) status = cvk_weights_keep_derived(p->weights, node, k, made[k]);
  }
  if (status == CVK_OK && finite) status = take_constants(p, head, behind, made);
  *done = status == CVK_OK && finite;
  if (fresh && made[0] && head->kind != CVK_OP_BATCH_NORM) cvk_tensor_unpin(made[0]); /* the plan's value has a pin of its own */
  for (int32_t k = 0; k < 2; k++) cvk_tensor_release(made[k]);
  return status;
}

/* ---- two products or sums in a row, as behind the learned activations of PP-LCNet ---- */

#define LEAST_CELLS 16 /* of a channel: fewer are not worth a batch norm's start */

static int64_t cells_of_channel(const cvk_tensor_desc *d) {
  return d->rank < 3 || d->dim[0] == 0 || d->dim[1] == 0 ? 0 : cvk_count(d->rank, d->dim) / (d->dim[0] * d->dim[1]);
}

/* The constants of a batch norm that does what a does; kept for other plans. */
static cvk_status make_norm(cvk_plan *p, int32_t node, const affine *a, cvk_tensor *made[4]) {
  const double *const v[4] = {a->s, a->t, NULL, NULL};
  cvk_status status = CVK_OK;
  for (int32_t k = 0; k < 4 && status == CVK_OK; k++) {
    made[k] = cvk_tensor_retain(cvk_weights_derived(p->weights, node, k));
    if (made[k]) continue;
    status = cvk_tensor_create(NULL, CVK_F32, 1, &a->m, NULL, &made[k]);
    if (status != CVK_OK) break;
    float *y = cvk_tensor_host(made[k]);
    for (int64_t c = 0; c < a->m; c++) y[c] = v[k] ? (float)v[k][c] : k == 3 ? 1.0f : 0.0f; /* scale, bias, mean, variance */
    status = cvk_weights_keep_derived(p->weights, node, k, made[k]);
  }
  return status;
}

/* `op`, a product or sum with constants of channels that another follows, becomes a batch norm: a head for what comes behind it. */
static cvk_status start_norm(cvk_plan *p, cvk_arena *scratch, cvk_plan_op *op) {
  const int32_t commutes = op->kind == CVK_OP_ADD || op->kind == CVK_OP_MUL;
  if (!commutes && op->kind != CVK_OP_SUB && op->kind != CVK_OP_DIV) return CVK_OK;
  const int32_t x = commutes && p->values[op->in[0]].constant ? op->in[1] : op->in[0], next = cvk_plan_only_reader(p, op->out[0]);
  cvk_tensor *made[4] = {NULL};
  affine a, behind;
  if (next < 0 || p->values[x].constant || p->values[x].desc.dtype != CVK_F32 || cells_of_channel(&p->values[x].desc) < LEAST_CELLS)
    return CVK_OK;
  cvk_status status = read_affine(p, scratch, op, x, &a);
  if (status == CVK_OK) status = read_affine(p, scratch, &p->ops[next], op->out[0], &behind);
  if (status != CVK_OK) return status == CVK_UNSUPPORTED ? CVK_OK : status;
  int32_t *in = cvk_arena_alloc(&p->memory, 5, sizeof *in);
  status = in ? make_norm(p, op->node, &a, made) : cvk_plan_no_memory();
  if (status == CVK_OK && cvk_all_finite(cvk_tensor_host(made[0]), a.m) && cvk_all_finite(cvk_tensor_host(made[1]), a.m)) {
    in[0] = x;
    for (int32_t k = 0; k < 4 && status == CVK_OK; k++) {
      status = cvk_plan_add_value(p, &made[k]->desc, made[k], &in[k + 1]);
      if (status == CVK_OK) p->values[in[k + 1]].uses = 1;
    }
    drop_use(p, op->in[0] == x ? op->in[1] : op->in[0]);
    *op = (cvk_plan_op){.kind = CVK_OP_BATCH_NORM, .node = op->node, .n_in = 5, .n_out = 1, .in = in, .out = op->out, .has_attr = 1};
    op->attr.norm = (cvk_norm_attr){.struct_size = sizeof op->attr.norm};
  }
  for (int32_t k = 0; k < 4; k++) cvk_tensor_release(made[k]);
  return status;
}

static int32_t is_head(const cvk_plan *p, const cvk_plan_op *op) {
  const int32_t conv = op->kind == CVK_OP_CONV || op->kind == CVK_OP_CONV_TRANSPOSE;
  return (conv || op->kind == CVK_OP_BATCH_NORM) && op->n_out == 1 && cvk_plan_constants(p, op, 1) && channels(p, op->out[0]) > 0;
}

cvk_status cvk_plan_fold_affine(cvk_plan *p) {
  cvk_arena scratch = {NULL};
  cvk_status status = CVK_OK;
  cvk_plan_find_readers(p);
  for (int32_t at = 0; at < p->n_ops && status == CVK_OK; at++) {
    cvk_plan_op *head = p->order[at] < 0 ? NULL : &p->ops[p->order[at]];
    if (head == NULL) continue;
    status = start_norm(p, &scratch, head);
    if (status != CVK_OK || !is_head(p, head)) continue;
    for (int32_t done = 1; done && status == CVK_OK;) {
      const int32_t v = head->out[0], next = cvk_plan_only_reader(p, v);
      affine a;
      if (next < 0 || p->ops[next].dead) break;
      status = read_affine(p, &scratch, &p->ops[next], v, &a);
      if (status == CVK_UNSUPPORTED) {
        status = CVK_OK;
        break;
      }
      if (status == CVK_OK) status = fold_into(p, head, next, &a, &done);
    }
  }
  cvk_arena_free(&scratch);
  return status;
}

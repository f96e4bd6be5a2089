/* SPDX-License-Identifier: Apache-2.0 */
/* planner.c: a backend whose answers the planner's tests know. ADD takes RELU, MUL and ADD as post-ops, at most two, plain only. MUL runs alone.
 * RELU (rank 4) comes in two rows: one of blocks of 8 channels, cheap, and a plain one, ten times as dear. Nothing else. */
#define NAME "planner"
#include "base.h"

enum { MOST_POST = 2, MOST_IN = 4 };

typedef struct planner_kernel { /* behind cvk_kernel, whose count is the elements of the output, lanes past the last channel included */
  cvk_kernel base;
  int32_t kind, n_post, post[MOST_POST], operand[MOST_POST];
} planner_kernel;

static int32_t offered(const cvk_op *op) {
  const int32_t post_ok = op->kind == CVK_OP_ADD ? MOST_POST : 0;
  if (op->in[0]->dtype != CVK_F32 || op->n_in > MOST_IN || op->n_post > post_ok) return 0;
  for (int32_t i = 0; i < op->n_post; i++) {
    const int32_t k = op->post[i]->kind;
    if (k != CVK_OP_RELU && k != CVK_OP_MUL && k != CVK_OP_ADD) return 0;
  }
  if (op->kind == CVK_OP_RELU) return op->in[0]->rank == 4;
  if (op->kind != CVK_OP_ADD && op->kind != CVK_OP_MUL) return 0;
  return op->in[0]->rank == op->in[1]->rank && memcmp(op->in[0]->dim, op->in[1]->dim, sizeof op->in[0]->dim) == 0;
}

static cvk_candidate *fill(cvk_candidate *c, const char *row, double ns) {
  const uint32_t size = c->struct_size;
  memset(c, 0, sizeof *c);
  c->struct_size = size;
  c->row = row;
  c->estimated_ns = ns;
  c->inplace = -1;
  return c;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const double count = (double)cvk_count(op->out[0]->rank, op->out[0]->dim);
  if (!offered(op) || *n < 2) return dev->host->fail(dev->host->ctx, CVK_UNSUPPORTED, "planner: not this one");
  *n = 1;
  if (op->kind != CVK_OP_RELU) {
    fill(candidates[0], op->kind == CVK_OP_ADD ? "planner_add" : "planner_mul", count);
    return CVK_OK;
  }
  cvk_candidate *c = fill(candidates[0], "planner_relu_blocked", count / 10);
  for (int32_t i = 0; i < CVK_CANDIDATE_INPUTS; i++) c->in[i] = (cvk_format){CVK_BLOCKED, 8, 0};
  for (int32_t i = 0; i < CVK_CANDIDATE_OUTPUTS; i++) c->out[i] = (cvk_format){CVK_BLOCKED, 8, 0};
  fill(candidates[1], "planner_relu_plain", count);
  *n = 2;
  return CVK_OK;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  (void)dev, (void)candidate, (void)packs;
  planner_kernel *k = calloc(1, sizeof *k);
  if (k == NULL) return CVK_NO_MEMORY;
  k->base.count = (int64_t)(cvk_desc_bytes(op->out[0]) / sizeof(float));
  k->kind = op->kind;
  k->n_post = op->n_post;
  for (int32_t i = 0; i < op->n_post; i++) {
    k->post[i] = op->post[i]->kind;
    k->operand[i] = op->post[i]->input;
  }
  *out = &k->base;
  return CVK_OK;
}

static float apply(int32_t kind, float a, float b) {
  if (kind == CVK_OP_RELU) return a < 0 ? 0 : a;
  return kind == CVK_OP_ADD ? a + b : a * b;
}

static const float *at(const cvk_arg *arg) { return (const float *)((const char *)arg->buffer + arg->offset_bytes); }

static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  const planner_kernel *k = (const planner_kernel *)kernel;
  float *y = (float *)((char *)out[0].buffer + out[0].offset_bytes);
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  for (int64_t i = 0; i < kernel->count; i++) {
    float v = apply(k->kind, at(&in[0])[i], k->kind == CVK_OP_RELU ? 0 : at(&in[1])[i]);
    for (int32_t p = 0; p < k->n_post; p++) v = apply(k->post[p], v, k->operand[p] < 0 ? 0 : at(&in[k->operand[p]])[i]);
    y[i] = v;
  }
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static void kernel_free(cvk_kernel *kernel) { free(kernel); }

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  static cvk_backend table = BASE_TABLE;
  (void)host;
  table.supports = supports;
  table.prepare = prepare;
  table.execute = execute;
  table.kernel_free = kernel_free;
  *out = &table;
  return CVK_OK;
}

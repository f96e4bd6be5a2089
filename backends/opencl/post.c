/* SPDX-License-Identifier: Apache-2.0 */
/* post.c: which post-ops fit, and their kernel arguments. */
#include "post.h"

#include <math.h>

#define CLAMP 0 /* post.cl's own kind: to alpha .. beta */

typedef struct post_kind { /* an activation that post.cl computes; alpha and beta where the kind has no attribute */
  int32_t kind, as, has_attr;
  float alpha, beta;
} post_kind;

static const post_kind activations[] = {
    {CVK_OP_RELU, CLAMP, 0, 0, INFINITY},
    {CVK_OP_LEAKY_RELU, CVK_OP_LEAKY_RELU, 1, 0, 0},
    {CVK_OP_SIGMOID, CVK_OP_SIGMOID, 0, 0, 0},
    {CVK_OP_TANH, CVK_OP_TANH, 0, 0, 0},
    {CVK_OP_ELU, CVK_OP_ELU, 1, 0, 0},
    {CVK_OP_CLIP, CLAMP, 1, 0, 0},
    {CVK_OP_HARD_SIGMOID, CVK_OP_HARD_SIGMOID, 1, 0, 0},
    {CVK_OP_HARD_SWISH, CVK_OP_HARD_SWISH, 0, 1.0f / 6.0f, 0.5f},
    {CVK_OP_SWISH, CVK_OP_SWISH, 1, 0, 0},
};

typedef struct post_plan {
  int32_t kind[2], add; /* add: input index or -1 */
  float alpha[2], beta[2];
} post_plan;

static const post_kind *find(int32_t kind) {
  for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
    if (activations[i].kind == kind) return &activations[i];
  return NULL;
}

/* 0 when a post-op does not fit; *bad is its position. */
static int32_t plan(const cvk_op *op, post_plan *p, int32_t *bad) {
  *p = (post_plan){.kind = {CLAMP, CLAMP}, .add = -1, .alpha = {-INFINITY, -INFINITY}, .beta = {INFINITY, INFINITY}};
  int32_t slot = 0; /* of the next activation */
  for (int32_t i = 0; i < op->n_post; i++) {
    const cvk_post_op *post = op->post[i];
    const post_kind *act = find(post->kind);
    *bad = i;
    if (post->kind == CVK_OP_ADD) {
      if (p->add >= 0 || post->input < 0 || post->input >= op->n_in || !op->in[post->input]) return 0;
      p->add = post->input;
      slot = 1;
    } else {
      const cvk_unary_attr *attr = post->attr;
      if (!act || slot > 1 || (act->has_attr && !attr)) return 0;
      p->kind[slot] = act->as;
      p->alpha[slot] = act->has_attr ? attr->alpha : act->alpha;
      p->beta[slot] = act->has_attr ? attr->beta : act->beta;
      slot++;
    }
  }
  return 1;
}

int32_t ocl_post_accept(ocl_query *q, int32_t layout) {
  post_plan p;
  int32_t bad = 0;
  if (!plan(q->op, &p, &bad))
    return ocl_refuse(q, "post-op %d (kind %d) does not fit [activation] [add] [activation]", (int)bad, (int)q->op->post[bad]->kind);
  if (p.add >= 0) ocl_want_in(q, p.add, layout);
  return 1;
}

void ocl_arg_post(ocl_launch *l, ocl_build *b) {
  post_plan p;
  int32_t bad;
  plan(b->op, &p, &bad);
  for (int32_t slot = 0; slot < 2; slot++) {
    ocl_arg_int(l, p.kind[slot]);
    ocl_arg_float(l, p.alpha[slot]);
    ocl_arg_float(l, p.beta[slot]);
    if (slot == 0) ocl_arg_in(l, b, p.add < 0 ? b->op->n_in : p.add);
  }
}

void ocl_arg_no_post(ocl_launch *l) {
  for (int32_t slot = 0; slot < 2; slot++) {
    ocl_arg_int(l, CLAMP);
    ocl_arg_float(l, -INFINITY);
    ocl_arg_float(l, INFINITY);
    if (slot == 0) ocl_arg_none(l);
  }
}

int32_t ocl_own_inputs(const cvk_op *op) {
  int32_t n = op->n_in;
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->input >= 0 && op->post[i]->input < n) n = op->post[i]->input;
  return n;
}

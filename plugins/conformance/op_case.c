/* SPDX-License-Identifier: Apache-2.0 */
/* op_case.c: a line of the list of cases as the op that a backend is shown: shapes inferred, attribute resolved, and what follows it as post-ops
 * where that can be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "op_table.h"

_Static_assert(sizeof(cvk_any_attr) <= sizeof(((op_case *)0)->attr), "room for any attribute");
_Static_assert(sizeof(cvk_unary_attr) <= sizeof(((op_case *)0)->post_attr[0]), "room for an activation's");

static int32_t given_activation(const op_sample *s) {
  const int32_t kind = s->step[0].kind;
  return (kind == CVK_OP_CONV || kind == CVK_OP_CONV_TRANSPOSE) && s->step[0].has_attr ? s->step[0].attr.conv.activation : 0;
}

static int is_activation(int32_t kind) { return kind >= CVK_OP_RELU && kind <= CVK_OP_THRESHOLDED_RELU && kind != CVK_OP_PRELU; }

/* The other operand of a step that can be a post-op; -1: it has none; -2: it cannot be one. */
static int32_t other_operand(const op_sample *s, const sample_step *step) {
  if (is_activation(step->kind)) return step->n_in == 1 && step->in[0] == OPERAND_PREVIOUS && step->n_out == 1 ? -1 : -2;
  if ((step->kind != CVK_OP_ADD && step->kind != CVK_OP_MUL) || step->n_in != 2) return -2;
  const int32_t other = step->in[0] == OPERAND_PREVIOUS ? step->in[1] : step->in[1] == OPERAND_PREVIOUS ? step->in[0] : -2;
  return other >= 0 && other < s->n_tensors ? other : -2;
}

int32_t op_case_posts(const op_sample *s) {
  int32_t n = given_activation(s) != 0;
  if (s->step[0].n_out != 1) return n;
  for (int32_t k = 1; k < s->n_steps && other_operand(s, &s->step[k]) > -2; k++) n++;
  return n;
}

static int run_time(const op_sample *s, int way, int32_t tensor) {
  if (way == SAMPLE_ALL_RUN_TIME || tensor == 0) return 1;
  for (int32_t k = 1; k < s->n_steps; k++) {
    if (other_operand(s, &s->step[k]) == tensor) return 1;
  }
  return 0;
}

static int add_operand(op_case *c, int32_t tensor, int constant) {
  const int32_t i = c->op.n_in++;
  c->tensor[i] = tensor;
  c->in[i] = NULL;
  if (tensor < 0) return 1;
  const sample_tensor *t = &c->sample.tensor[tensor];
  c->data[i] = op_sample_data(&c->sample, tensor);
  c->in_desc[i] = (cvk_tensor_desc){.struct_size = sizeof c->in_desc[i], .dtype = t->dtype, .rank = t->rank, .const_data = constant ? c->data[i] : NULL};
  memcpy(c->in_desc[i].dim, t->dim, sizeof t->dim);
  c->in[i] = &c->in_desc[i];
  return c->data[i] != NULL;
}

/* Post-op k of the op, of kind `kind`. */
static int add_post(op_case *c, int32_t kind, const void *attr, int32_t operand) {
  cvk_any_attr resolved;
  const cvk_op_def *def = cvk_op_def_find(kind);
  cvk_post_op *post = &c->post[c->op.n_post];
  if (def == NULL || cvk_attr_copy(def, attr, &resolved) != CVK_OK) return 0;
  *post = (cvk_post_op){.struct_size = sizeof *post, .kind = kind, .input = -1};
  if (def->attr_bytes) {
    memcpy(c->post_attr[c->op.n_post], &resolved, def->attr_bytes);
    post->attr = c->post_attr[c->op.n_post];
  }
  c->posts[c->op.n_post++] = post;
  if (operand < 0) return 1;
  post->input = c->op.n_in;
  if (!add_operand(c, operand, 0)) return 0;
  const cvk_tensor_desc *d = &c->in_desc[post->input], *y = &c->out_desc[0];
  return d->dtype == y->dtype && d->rank == y->rank && memcmp(d->dim, y->dim, sizeof d->dim) == 0;
}

static int add_posts(op_case *c, int32_t n_post) {
  const int32_t activation = given_activation(&c->sample);
  sample_step *step = &c->sample.step[0];
  int32_t left = n_post;
  if (activation) {
    const cvk_unary_attr a = {.struct_size = sizeof a, .alpha = step->attr.conv.activation_alpha, .beta = step->attr.conv.activation_beta};
    ((cvk_conv_attr *)c->attr)->activation = 0;
    if (left > 0 && !add_post(c, activation, &a, -1)) return 0;
    if (left == 0) step->attr.conv.activation = 0;
    left -= left > 0;
  }
  for (int32_t k = 1; k <= left; k++) {
    const sample_step *next = &c->sample.step[k];
    if (!add_post(c, next->kind, next->has_attr ? &next->attr : NULL, other_operand(&c->sample, next))) return 0;
  }
  c->sample.n_steps = 1 + left;
  return 1;
}

int op_case_make(const op_sample *s, int way, int32_t n_post, op_case *c, char *why, size_t why_bytes) {
  const sample_step *step = &s->step[0];
  const cvk_op_def *def = cvk_op_def_find(step->kind);
  cvk_any_attr resolved;
  memset(c, 0, sizeof *c);
  c->sample = *s;
  c->op = (cvk_op){.struct_size = sizeof c->op, .kind = step->kind, .n_out = step->n_out, .in = c->in, .out = c->out, .post = c->posts};
  int ok = 1;
  for (int32_t i = 0; i < step->n_in && ok; i++) {
    const int by_value = i < 32 && (def->values >> i & 1u);
    ok = add_operand(c, step->in[i], by_value || (step->in[i] >= 0 && !run_time(s, way, step->in[i])));
  }
  c->n_own = c->op.n_in;
  snprintf(why, why_bytes, "no memory");
  if (!ok) return 0;
  if (cvk_op_resolve(step->kind, step->has_attr ? &step->attr : NULL, c->op.n_in, c->in, step->n_out, c->out_desc, &resolved) != CVK_OK) {
    snprintf(why, why_bytes, "%.400s", cvk_error_message());
    return 0;
  }
  for (int32_t i = 0; i < step->n_out; i++) c->out[i] = &c->out_desc[i];
  memcpy(c->attr, &resolved, sizeof resolved);
  c->op.attr = def->attr_bytes ? c->attr : NULL;
  snprintf(why, why_bytes, "the post-op's operand has another shape");
  return add_posts(c, n_post);
}

void op_case_free(op_case *c) {
  for (int32_t i = 0; i < c->op.n_in; i++) free(c->data[i]);
  memset(c, 0, sizeof *c);
}

void op_case_format(op_case *c, const cvk_candidate *candidate) {
  for (int32_t i = 0; i < c->op.n_in; i++) {
    const int32_t slot = i < CVK_CANDIDATE_INPUTS ? i : CVK_CANDIDATE_INPUTS - 1;
    c->in_desc[i].format = i >= c->n_own ? candidate->out[0] : candidate->in[slot];
    if (i < CVK_CANDIDATE_INPUTS && candidate->pack[i]) c->in_desc[i].format = (cvk_format){0};
  }
  for (int32_t i = 0; i < c->op.n_out; i++) c->out_desc[i].format = candidate->out[i < CVK_CANDIDATE_OUTPUTS ? i : CVK_CANDIDATE_OUTPUTS - 1];
}

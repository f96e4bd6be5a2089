/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c: how a plan speaks to a backend about one of its ops: the cvk_op it shows, the candidates it gets. */
#include <stdio.h>
#include <string.h>

#include "context_internal.h"
#include "plan.h"
#include "tuned.h"

int32_t cvk_format_equal(const cvk_format *a, const cvk_format *b) {
  return a->layout == b->layout && a->block == b->block && a->private_layout == b->private_layout;
}

int32_t cvk_plan_space_of(const cvk_plan *p, int32_t device) {
  return cvk_device_host_memory(p->devices[device]) ? 0 : device + 1;
}

cvk_format cvk_candidate_in(const cvk_plan_op *op, const cvk_candidate *c, int32_t i) {
  if (i >= op->n_in) return c->out[0]; /* an operand of a post-op */
  return c->in[i < CVK_CANDIDATE_INPUTS ? i : CVK_CANDIDATE_INPUTS - 1];
}

static cvk_format candidate_out(const cvk_candidate *c, int32_t i) {
  return c->out[i < CVK_CANDIDATE_OUTPUTS ? i : CVK_CANDIDATE_OUTPUTS - 1];
}

void cvk_op_view_fill(const cvk_plan *p, const cvk_plan_op *op, int32_t n_post, const cvk_candidate *c, cvk_op_view *h) {
  int32_t n = op->n_in;
  for (int32_t i = 0; i < op->n_in; i++) {
    h->in[i] = NULL;
    if (op->in[i] < 0) continue;
    h->in_desc[i] = p->values[op->in[i]].desc;
    if (c) h->in_desc[i].format = cvk_candidate_in(op, c, i);
    h->in[i] = &h->in_desc[i];
  }
  for (int32_t k = 0; k < n_post; k++) {
    const cvk_plan_post *post = &op->post[k];
    h->post[k] = (cvk_post_op){.struct_size = sizeof h->post[k], .kind = post->kind, .input = -1, .attr = post->has_attr ? &post->attr : NULL};
    h->posts[k] = &h->post[k];
    if (post->operand < 0) continue;
    h->post[k].input = n;
    h->in_desc[n] = p->values[post->operand].desc;
    if (c) h->in_desc[n].format = c->out[0];
    h->in[n] = &h->in_desc[n];
    n++;
  }
  for (int32_t i = 0; i < op->n_out; i++) {
    h->out[i] = NULL;
    if (p->values[op->out[i]].uses == 0 && i > 0) continue;
    h->out_desc[i] = p->values[op->out[i]].desc;
    if (c) h->out_desc[i].format = candidate_out(c, i);
    h->out[i] = &h->out_desc[i];
  }
  h->op = (cvk_op){.struct_size = sizeof h->op, .kind = op->kind, .n_in = n, .n_out = op->n_out, .in = h->in, .out = h->out,
                   .attr = op->has_attr ? &op->attr : NULL, .n_post = n_post, .flags = p->options->flags, .post = h->posts};
}

/* Whether `name` is one of the rows of the comma-separated list. */
static int32_t listed(const char *list, const char *name) {
  const size_t n = strlen(name);
  for (const char *at = list; at; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, name, n) == 0 && (at[n] == 0 || at[n] == ',')) return 1;
  }
  return 0;
}

/* 1: a forced row is among the candidates and now the first of them. */
static int32_t chosen_by_user(const char *forced, int32_t n, cvk_candidate *list) {
  for (int32_t i = 0; i < n && forced; i++) {
    if (!listed(forced, list[i].row)) continue;
    list[0] = list[i];
    return 1;
  }
  return 0;
}

/* Measured times in place of estimates, where the op's shape class was tuned. */
static int32_t known_times(const cvk_device *dev, const cvk_op *op, int32_t n, cvk_candidate *list) {
  char key[CVK_TUNED_KEY];
  int32_t own = op->n_in;
  for (int32_t k = 0; k < op->n_post; k++) {
    if (op->post[k]->input >= 0 && op->post[k]->input < own) own = op->post[k]->input;
  }
  if (dev->tuned == NULL || cvk_tuned_empty(dev->tuned) || !cvk_tuned_key(op, own, key)) return n;
  return cvk_tuned_apply(dev->tuned, key, n, list);
}

cvk_status cvk_plan_ask(const cvk_plan *p, int32_t device, const cvk_op *op, cvk_plan_option *options, int32_t *n) {
  cvk_device *dev = p->devices[device];
  cvk_candidate room[CVK_MAX_OPTIONS], *list[CVK_MAX_OPTIONS];
  int32_t got = CVK_MAX_OPTIONS, kept = 0;
  for (int32_t i = 0; i < CVK_MAX_OPTIONS; i++) {
    room[i] = (cvk_candidate){.struct_size = sizeof room[i], .inplace = -1};
    list[i] = &room[i];
  }
  cvk_error_clear();
  const cvk_status status = dev->backend->supports(dev->handle, op, list, &got);
  if (status == CVK_UNSUPPORTED) return status;
  if (status != CVK_OK) {
    char what[80];
    snprintf(what, sizeof what, "supports(%s)", cvk_op_def_find(op->kind)->name);
    return cvk_device_result(dev, status, what);
  }
  if (got > CVK_MAX_OPTIONS) got = CVK_MAX_OPTIONS;
  for (int32_t i = 0; i < got; i++) {
    if (room[i].row == NULL) room[i].row = "?";
    if (!(op->flags & CVK_EXACT) || room[i].error_class == CVK_ERROR_DIRECT) room[kept++] = room[i];
  }
  if (chosen_by_user(cvk_context_option(dev->ctx, "kernel"), kept, room)) kept = 1;
  else if (!p->options->untuned && !(op->flags & CVK_DETERMINISTIC)) kept = known_times(dev, op, kept, room);
  for (int32_t i = 0; i < kept; i++) options[i] = (cvk_plan_option){.device = device, .candidate = room[i]};
  *n = kept;
  return kept ? CVK_OK : CVK_UNSUPPORTED;
}

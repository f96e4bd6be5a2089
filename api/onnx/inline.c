/* SPDX-License-Identifier: Apache-2.0 */
/* inline.c: graphs inside a model that become part of the whole: the branch that an If takes, where that is known when the model is loaded,
 * and the functions that a model defines. */
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "scope.h"

#define MOST_REPEATED (1 << 15) /* nodes, or KiB of them: what functions add that are called again; the file pays for the first call */
#define MOST_LOOKED_AT ((int64_t)1 << 28)

/* The scope's outputs are the node's. */
static void give_outputs(cvk_onnx_call *c, const cvk_onnx_scope *s) {
  if (c->node->n_out > s->m->n_outputs)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has %d outputs, what it stands for has %d", c->node->n_out, s->m->n_outputs);
  for (int32_t i = 0; i < s->m->n_outputs; i++) {
    const cvk_onnx_name *from = &s->name[s->m->output[i].name];
    if (from->value == CVK_NO_VALUE) {
      if (cvk_onnx_output_used(c, i))
        cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "output '%.*s' inside is not defined", CVK_VIEW_TEXT(s->m->name[s->m->output[i].name]));
      continue;
    }
    cvk_onnx_define(c, i, from->value, from->rank);
    cvk_onnx_name *to = cvk_onnx_output_name(c, i);
    if (to && c->status == CVK_OK) cvk_onnx_name_copy(from, to);
  }
}

/* ---- If ---- */

static int32_t find_name(const cvk_onnx_model *m, cvk_view name) {
  int32_t low = 0, high = m->n_names - 1;
  while (low <= high) {
    const int32_t middle = low + (high - low) / 2, c = cvk_view_compare(name, m->name[middle]);
    if (c == 0) return middle;
    if (c < 0)
      high = middle - 1;
    else
      low = middle + 1;
  }
  return -1;
}

/* Names that the branch does not define are those around it. */
static void see_outer_names(cvk_onnx_scope *s) {
  for (int32_t i = 0; i < s->m->n_names; i++) {
    cvk_onnx_name *n = &s->name[i];
    if (n->value != CVK_NO_VALUE || n->producer >= 0) continue;
    for (const cvk_onnx_scope *o = s->outer; o; o = o->outer) {
      const int32_t at = find_name(o->m, s->m->name[i]);
      if (at < 0 || (o->name[at].value == CVK_NO_VALUE && !o->name[at].absent)) continue;
      cvk_onnx_name_copy(&o->name[at], n);
      break;
    }
  }
}

static void inline_branch(cvk_onnx_call *c, cvk_view graph) {
  cvk_onnx_model *m = NULL;
  cvk_onnx_scope *s = NULL;
  c->status = cvk_onnx_branch_read(c->model, graph, &m);
  if (c->status == CVK_OK) c->status = cvk_onnx_scope_create(c->scope->all, c->scope, m, &s);
  if (c->status == CVK_OK) {
    s->outer = c->scope;
    if (m->n_inputs) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the branch has %d inputs, expected none", m->n_inputs);
  }
  if (c->status == CVK_OK) c->status = cvk_onnx_check_operators(s->all->top, m);
  if (c->status == CVK_OK) c->status = cvk_onnx_scope_link(s);
  if (c->status == CVK_OK) c->status = cvk_onnx_scope_initialisers(s);
  if (c->status == CVK_OK) {
    see_outer_names(s);
    c->status = cvk_onnx_scope_nodes(s);
  }
  if (c->status == CVK_OK) give_outputs(c, s);
  cvk_onnx_scope_free(s);
  cvk_onnx_model_free(m);
}

void cvk_onnx_emit_if(cvk_onnx_call *c) {
  static const char *const names[] = {"else_branch", "then_branch"};
  const cvk_onnx_attr *branch[2];
  cvk_tensor *condition = NULL;
  uint8_t taken = 0;
  for (int32_t i = 0; i < 2; i++) {
    branch[i] = cvk_onnx_take(c, names[i], CVK_ONNX_GRAPH);
    if (!branch[i]) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' is missing", names[i]);
  }
  if (cvk_onnx_input(c, 0) == CVK_NO_VALUE) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the condition is missing");
  if (c->scope->all->looked_at > MOST_LOOKED_AT) cvk_onnx_fail(c, CVK_UNSUPPORTED, "the model has too many conditions for its size");
  if (c->status == CVK_OK) c->status = cvk_onnx_known(c->graph, cvk_onnx_input(c, 0), &c->scope->all->looked_at, &condition);
  if (c->status == CVK_OK && !condition)
    cvk_onnx_fail(c, CVK_UNSUPPORTED,
                  "its condition is not known when the model is loaded, from constants and declared shapes; only then is a "
                  "branch taken");
  if (c->status == CVK_OK && (cvk_tensor_dtype(condition) != CVK_BOOL || cvk_tensor_count(condition) != 1))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the condition has element type %d and %lld elements, expected one bool",
                  cvk_tensor_dtype(condition), (long long)cvk_tensor_count(condition));
  if (c->status == CVK_OK) c->status = cvk_tensor_read(condition, &taken, 1);
  cvk_tensor_release(condition);
  if (c->status == CVK_OK) inline_branch(c, branch[taken != 0]->g);
}

/* ---- functions ---- */

/* Inputs that the call leaves out are absent inside too. */
static cvk_status give_inputs(const cvk_onnx_call *c, cvk_onnx_scope *s) {
  for (int32_t i = 0; i < s->m->n_inputs; i++) {
    const int32_t number = s->m->input[i].name;
    cvk_onnx_name *to = &s->name[number];
    const cvk_onnx_name *from = i < c->node->n_in ? cvk_onnx_input_name(c, i) : NULL;
    if (to->producer >= 0 || to->value != CVK_NO_VALUE || to->absent)
      return cvk_fail(CVK_INVALID_ARGUMENT, "the value '%.*s' is defined twice", CVK_VIEW_TEXT(s->m->name[number]));
    to->absent = !from;
    if (from) cvk_onnx_name_copy(from, to);
  }
  return CVK_OK;
}

/* The call's attributes, then the function's defaults for those that it leaves out. */
static cvk_status give_attributes(const cvk_onnx_call *c, const cvk_onnx_function *function, cvk_onnx_scope *s) {
  cvk_onnx_attr defaults[CVK_ONNX_MOST_ATTRS];
  int32_t n = 0;
  cvk_onnx_attr *arg = s->own_arg = calloc(2 * CVK_ONNX_MOST_ATTRS, sizeof *arg);
  if (!arg) return cvk_fail(CVK_NO_MEMORY, "no memory for %d attributes", 2 * CVK_ONNX_MOST_ATTRS);
  const cvk_status status = cvk_onnx_defaults_read(s->m, function, defaults, &n);
  memcpy(arg, c->attr, (size_t)c->n_attrs * sizeof *arg);
  memcpy(arg + c->n_attrs, defaults, (size_t)n * sizeof *arg);
  s->arg = arg;
  s->n_args = c->n_attrs + n;
  return status;
}

static void inline_function(cvk_onnx_call *c, const cvk_onnx_function *function, const cvk_onnx_model *m) {
  cvk_onnx_scope *s = NULL;
  c->status = cvk_onnx_scope_create(c->scope->all, c->scope, m, &s);
  if (c->status == CVK_OK) c->status = give_attributes(c, function, s);
  if (c->status == CVK_OK) c->status = cvk_onnx_check_operators(s->all->top, m);
  if (c->status == CVK_OK) c->status = cvk_onnx_scope_link(s);
  if (c->status == CVK_OK) c->status = give_inputs(c, s);
  if (c->status == CVK_OK) c->status = cvk_onnx_scope_nodes(s);
  if (c->status == CVK_OK) give_outputs(c, s);
  cvk_onnx_scope_free(s);
}

void cvk_onnx_call_function(cvk_onnx_call *c, int32_t index) {
  cvk_onnx_import *all = c->scope->all;
  const cvk_onnx_function *function = &all->top->function[index];
  cvk_onnx_body *body = &all->body[index];
  c->taken = UINT64_MAX; /* a function may leave an attribute unread */
  if (c->status != CVK_OK) return;
  if (body->open) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "the function calls itself");
  if (c->status == CVK_OK && !body->model) c->status = cvk_onnx_function_read(all->top, function, &body->model);
  if (c->status == CVK_OK && body->inlined++) all->repeated += 1 + body->model->n_nodes + (int64_t)(function->message.bytes >> 10);
  if (all->repeated > MOST_REPEATED)
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "functions that are called again add more than %d nodes or KiB to the model", MOST_REPEATED);
  if (c->status == CVK_OK && c->node->n_in > body->model->n_inputs)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has %d inputs, the function %d", c->node->n_in, body->model->n_inputs);
  if (c->status == CVK_OK && (body->model->opset < 1 || body->model->opset > CVK_ONNX_NEWEST))
    cvk_onnx_fail(c, CVK_UNSUPPORTED, "the function is of opset %lld, Convoke reads 1 to %d", (long long)body->model->opset,
                  CVK_ONNX_NEWEST);
  if (c->status != CVK_OK) return;
  body->open = 1;
  inline_function(c, function, body->model);
  body->open = 0;
}

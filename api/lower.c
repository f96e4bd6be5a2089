/* SPDX-License-Identifier: Apache-2.0 */
/* lower.c: from the graph to a plan's values and ops for known input shapes: every shape is inferred, ops over constants are computed here by the
 * reference, ops that only rename a shape become views. */
#include <stdio.h>
#include <string.h>

#include "plan.h"

#define FOLD_LIMIT_BYTES (64u << 20) /* a larger result stays a run-time op: it would cost more memory than it saves */
/* A plan folds as long as all of it stays in proportion to the graph's constants, so that a small file costs little memory and time. */
#define FOLD_PLAN_BYTES ((uint64_t)64 << 20)
#define FOLD_PLAN_WORK ((uint64_t)1 << 26) /* multiply-adds, or elements read and written */
#define FOLD_TIMES_CONSTANTS 16            /* more of both for each byte of the graph's constants */

cvk_status cvk_plan_no_memory(void) { return cvk_fail(CVK_NO_MEMORY, "no host memory left for planning the graph"); }

cvk_status cvk_plan_pin(cvk_plan *p, int32_t value) {
  cvk_plan_value *v = &p->values[value];
  if (v->constant == NULL || v->pinned) return CVK_OK;
  const cvk_status status = cvk_tensor_pin(v->constant);
  if (status != CVK_OK) return status;
  v->pinned = 1;
  v->desc.const_data = cvk_tensor_host(v->constant);
  return CVK_OK;
}

/* Gives a value its desc and constant. Data that would have to be loaded waits until someone reads it. */
static cvk_status set_value(cvk_plan *p, int32_t id, const cvk_tensor_desc *desc, cvk_tensor *constant) {
  cvk_plan_value *v = &p->values[id];
  v->desc = *desc;
  v->desc.struct_size = sizeof v->desc;
  v->desc.const_data = NULL;
  v->constant = cvk_tensor_retain(constant);
  return constant && constant->storage->source == NULL ? cvk_plan_pin(p, id) : CVK_OK;
}

cvk_status cvk_plan_add_value(cvk_plan *p, const cvk_tensor_desc *desc, cvk_tensor *constant, int32_t *out) {
  if (p->n_values == p->cap_values) {
    const int32_t cap = p->cap_values * 2 + 16;
    cvk_plan_value *v = cvk_arena_alloc(&p->memory, (size_t)cap, sizeof *v);
    if (v == NULL) return cvk_plan_no_memory();
    if (p->n_values) memcpy(v, p->values, (size_t)p->n_values * sizeof *v);
    p->values = v;
    p->cap_values = cap;
  }
  p->values[p->n_values] = (cvk_plan_value){.view_of = -1, .input = -1, .reader = -1, .maker = -1};
  *out = p->n_values++;
  return set_value(p, *out, desc, constant);
}

void cvk_plan_unpin(cvk_plan *p, int32_t value) {
  cvk_plan_value *v = &p->values[value];
  if (!v->pinned) return;
  v->pinned = 0;
  v->desc.const_data = NULL;
  cvk_tensor_unpin(v->constant);
}

static cvk_status lower_inputs(cvk_plan *p) {
  const cvk_graph *g = p->graph;
  for (int32_t v = 0; v < g->n_values; v++) {
    const cvk_tensor_desc none = {.struct_size = sizeof none};
    int32_t id;
    cvk_status status = cvk_plan_add_value(p, &none, NULL, &id);
    if (status == CVK_OK && g->values[v].constant) status = set_value(p, v, &g->values[v].constant->desc, g->values[v].constant);
    if (status != CVK_OK) return status;
  }
  for (int32_t i = 0; i < g->n_inputs; i++) {
    cvk_tensor_desc desc;
    const cvk_io_key *key = &p->inputs[i];
    cvk_status status = cvk_desc_set(&desc, g->values[g->inputs[i]].name, key->dtype, key->rank, key->dim);
    if (status == CVK_OK) status = set_value(p, g->inputs[i], &desc, key->value);
    if (status != CVK_OK) return status;
    p->values[g->inputs[i]].input = i;
  }
  return CVK_OK;
}

/* Of constants that are there; those made of others when they are read are not counted twice. */
static void set_fold_limits(cvk_plan *p) {
  uint64_t bytes = 0;
  for (int32_t v = 0; v < p->graph->n_values; v++) {
    const cvk_tensor *t = p->graph->values[v].constant;
    if (t && cvk_tensor_raw(t)) bytes += cvk_tensor_bytes(t);
  }
  p->fold_bytes = FOLD_PLAN_BYTES + FOLD_TIMES_CONSTANTS * bytes;
  p->fold_work = FOLD_PLAN_WORK + FOLD_TIMES_CONSTANTS * bytes;
}

/* Where every input is known the reference computes the outputs now. *done says whether it did. */
static cvk_status fold(cvk_plan *p, const cvk_graph_node *node, const cvk_op_def *def, const cvk_tensor_desc *const *in,
                       cvk_tensor_desc *out, const cvk_any_attr *attr, int32_t *done) {
  const void *data[CVK_MAX_INPUTS];
  void *results[CVK_MAX_OUTPUTS];
  const cvk_tensor_desc *outs[CVK_MAX_OUTPUTS];
  cvk_tensor *tensors[CVK_MAX_OUTPUTS] = {NULL};
  uint64_t bytes = 0;
  cvk_status status = CVK_OK;
  *done = 0;
  for (int32_t i = 0; i < node->n_in; i++) {
    if (in[i] && !p->values[node->in[i]].constant && node->kind != CVK_OP_SHAPE) return CVK_OK;
  }
  for (int32_t i = 0; i < node->n_out; i++) {
    const uint64_t b = cvk_desc_bytes(&out[i]);
    if (b > FOLD_LIMIT_BYTES || (bytes += b) > FOLD_LIMIT_BYTES) return CVK_OK;
  }
  const uint64_t work = cvk_op_work(node->kind, attr, node->n_in, in, node->n_out, out);
  if (bytes > p->fold_bytes || work > p->fold_work) return CVK_OK;
  p->fold_bytes -= bytes;
  p->fold_work -= work;
  for (int32_t i = 0; i < node->n_in && status == CVK_OK; i++) {
    if (in[i]) status = cvk_plan_pin(p, node->in[i]);
    data[i] = in[i] ? in[i]->const_data : NULL;
  }
  for (int32_t i = 0; i < node->n_out && status == CVK_OK; i++) {
    status = cvk_tensor_create(NULL, out[i].dtype, out[i].rank, out[i].dim, NULL, &tensors[i]);
    if (status == CVK_OK) results[i] = cvk_tensor_host(tensors[i]);
    outs[i] = &out[i];
  }
  const cvk_op op = {.struct_size = sizeof op, .kind = node->kind, .n_in = node->n_in, .n_out = node->n_out, .in = in, .out = outs,
                     .attr = def->attr_bytes ? attr : NULL};
  if (status == CVK_OK) status = def->reference(&op, data, results);
  for (int32_t i = 0; i < node->n_out; i++) {
    if (status == CVK_OK) status = set_value(p, node->out[i], &tensors[i]->desc, tensors[i]);
    cvk_tensor_release(tensors[i]);
  }
  *done = status == CVK_OK;
  return status;
}

static int32_t keeps_order(const cvk_tensor_desc *x, const cvk_axes_attr *t) {
  int32_t last = -1; /* axes of extent 1 may go anywhere */
  for (int32_t i = 0; i < x->rank; i++) {
    const int32_t axis = t->axis[i];
    if (x->dim[axis] == 1) continue;
    if (axis < last) return 0;
    last = axis;
  }
  return 1;
}

static int32_t goes_backwards(const cvk_tensor_desc *y, const cvk_slice_attr *t) {
  for (int32_t i = 0; i < t->n_axes; i++) {
    if (t->step[i] < 0 && y->dim[t->axis[i]] > 1) return 1;
  }
  return 0;
}

/* Whether output 0 has the elements of input 0 in their order. */
static int32_t is_view(const cvk_plan *p, const cvk_graph_node *node, const cvk_any_attr *attr, const cvk_tensor_desc *x, const cvk_tensor_desc *y) {
  const int32_t same_count = x && x->dtype == y->dtype && cvk_count(x->rank, x->dim) == cvk_count(y->rank, y->dim) && cvk_count(x->rank, x->dim) > 0;
  switch (node->kind) {
    case CVK_OP_RESHAPE: case CVK_OP_FLATTEN: case CVK_OP_SQUEEZE: case CVK_OP_UNSQUEEZE: case CVK_OP_IDENTITY: return 1;
    case CVK_OP_DROPOUT: return node->n_out == 1 || p->values[node->out[1]].uses == 0;
    case CVK_OP_TRANSPOSE: return same_count && keeps_order(x, &attr->axes);
    case CVK_OP_SLICE: return same_count && !goes_backwards(y, &attr->slice);
    case CVK_OP_CONCAT: return node->n_in == 1;
    case CVK_OP_EXPAND: case CVK_OP_TILE: case CVK_OP_CAST: case CVK_OP_CAST_LIKE: return same_count;
    case CVK_OP_PAD: { /* one that pads here and crops there may leave the count */
      int32_t pads = 0;
      for (int32_t i = 0; i < x->rank; i++) pads |= attr->pad.begin[i] != 0 || attr->pad.end[i] != 0;
      return same_count && !pads;
    }
    default: return 0;
  }
}

cvk_status cvk_plan_split_activation(cvk_plan *p, cvk_plan_op *op) {
  if ((op->kind != CVK_OP_CONV && op->kind != CVK_OP_CONV_TRANSPOSE) || op->attr.conv.activation == 0) return CVK_OK;
  const int32_t kind = op->attr.conv.activation;
  const cvk_op_def *def = cvk_op_def_find(kind);
  if (def == NULL || kind < CVK_OP_RELU || kind > CVK_OP_THRESHOLDED_RELU || kind == CVK_OP_PRELU) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "conv: activation %d is not the kind of a one-input activation", kind);
  }
  int32_t between;
  cvk_plan_op *act = &p->ops[p->n_ops];
  const cvk_tensor_desc desc = p->values[op->out[0]].desc;
  cvk_status status = cvk_plan_add_value(p, &desc, NULL, &between);
  int32_t *io = cvk_arena_alloc(&p->memory, 2, sizeof *io);
  if (status != CVK_OK || io == NULL) return status != CVK_OK ? status : cvk_plan_no_memory();
  *act = (cvk_plan_op){.kind = kind, .node = op->node, .n_in = 1, .n_out = 1, .in = io, .out = io + 1, .has_attr = def->attr_bytes > 0};
  if (act->has_attr) {
    act->attr.unary = (cvk_unary_attr){.struct_size = sizeof act->attr.unary, .alpha = op->attr.conv.activation_alpha, .beta = op->attr.conv.activation_beta};
  }
  io[0] = between;
  io[1] = op->out[0];
  op->out[0] = between;
  op->attr.conv.activation = 0;
  p->n_ops++;
  return CVK_OK;
}

static cvk_status lower_node(cvk_plan *p, int32_t index) {
  const cvk_graph_node *node = &p->graph->nodes[index];
  const cvk_op_def *def = cvk_op_def_find(node->kind);
  const cvk_tensor_desc *in[CVK_MAX_INPUTS];
  cvk_tensor_desc out[CVK_MAX_OUTPUTS];
  cvk_plan_op *op = &p->ops[p->n_ops];
  int32_t done = 0;
  for (int32_t i = 0; i < node->n_in; i++) in[i] = node->in[i] == CVK_NO_VALUE ? NULL : &p->values[node->in[i]].desc;
  *op = (cvk_plan_op){.kind = node->kind, .node = index, .n_in = node->n_in, .n_out = node->n_out};
  cvk_status status = cvk_op_resolve(node->kind, node->has_attr ? &node->attr : NULL, node->n_in, in, node->n_out, out, &op->attr);
  if (status == CVK_OK) status = fold(p, node, def, in, out, &op->attr, &done);
  if (status != CVK_OK) return node->name ? cvk_fail_within(status, "node '%.100s'", node->name) : status;
  if (done) return CVK_OK;
  for (int32_t i = 0; i < node->n_out && status == CVK_OK; i++) status = set_value(p, node->out[i], &out[i], NULL);
  if (status != CVK_OK) return status;
  if (is_view(p, node, &op->attr, in[0], &out[0])) {
    p->values[node->out[0]].view_of = node->in[0];
    p->views++;
    return CVK_OK;
  }
  op->has_attr = def->attr_bytes > 0;
  op->in = cvk_arena_alloc(&p->memory, (size_t)(node->n_in + node->n_out), sizeof *op->in);
  if (op->in == NULL) return cvk_plan_no_memory();
  op->out = op->in + node->n_in;
  memcpy(op->in, node->in, (size_t)(node->n_in + node->n_out) * sizeof *op->in); /* in and out lie together there too */
  if (cvk_plan_is_widened(p, op)) {
    const cvk_plan_op narrow = *op; /* it is where the first cast goes */
    return cvk_plan_widen(p, &narrow);
  }
  p->n_ops++;
  return cvk_plan_split_activation(p, op);
}

static void count_graph_uses(cvk_plan *p) {
  for (int32_t n = 0; n < p->graph->n_nodes; n++) {
    const cvk_graph_node *node = &p->graph->nodes[n];
    for (int32_t i = 0; i < node->n_in; i++) {
      if (node->in[i] != CVK_NO_VALUE) p->values[node->in[i]].uses++;
    }
  }
  for (int32_t i = 0; i < p->graph->n_outputs; i++) p->values[p->graph->outputs[i]].uses++;
}

/* Uses as the ops that are left see them; ops whose results nobody reads go. Walks backwards so that a dead op frees its inputs. */
void cvk_plan_count_uses(cvk_plan *p) {
  for (int32_t v = 0; v < p->n_values; v++) p->values[v].uses = 0;
  for (int32_t i = 0; i < p->graph->n_outputs; i++) p->values[p->graph->outputs[i]].uses++;
  int32_t view = p->graph->n_values - 1; /* a view's id is above its base's, and between the ids of the ops around it */
  for (int32_t o = p->n_ops - 1; o >= 0; o--) {
    cvk_plan_op *op = &p->ops[o];
    int32_t alive = 0;
    if (op->dead) continue;
    const int32_t first_out = p->graph->nodes[op->node].out[0];
    for (; view >= first_out; view--) {
      if (p->values[view].view_of >= 0 && p->values[view].uses) p->values[p->values[view].view_of].uses++;
    }
    for (int32_t i = 0; i < op->n_out; i++) alive |= p->values[op->out[i]].uses > 0;
    if (!alive && !p->options->keep_values) {
      op->dead = 1;
      continue;
    }
    for (int32_t i = 0; i < op->n_in; i++) {
      if (op->in[i] >= 0) p->values[op->in[i]].uses++;
    }
  }
  for (; view >= 0; view--) {
    if (p->values[view].view_of >= 0 && p->values[view].uses) p->values[p->values[view].view_of].uses++;
  }
  for (int32_t o = 0; o < p->n_ops; o++) p->order[o] = p->ops[o].dead ? -1 : o;
}

cvk_status cvk_plan_lower(cvk_plan *p) {
  size_t room = 1;
  for (int32_t n = 0; n < p->graph->n_nodes; n++) { /* an activation attribute doubles a node, widening adds a cast for each value */
    room += 2 + (size_t)p->graph->nodes[n].n_in + (size_t)p->graph->nodes[n].n_out;
  }
  p->ops = cvk_arena_alloc(&p->memory, room, sizeof *p->ops);
  p->order = cvk_arena_alloc(&p->memory, room, sizeof *p->order);
  if (p->ops == NULL || p->order == NULL) return cvk_plan_no_memory();
  cvk_status status = lower_inputs(p);
  if (status != CVK_OK) return status;
  count_graph_uses(p);
  if (p->fold_work == 0) set_fold_limits(p);
  for (int32_t n = 0; n < p->graph->n_nodes && status == CVK_OK; n++) status = lower_node(p, n);
  if (status == CVK_OK) cvk_plan_count_uses(p);
  return status;
}

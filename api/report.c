/* SPDX-License-Identifier: Apache-2.0 */
/* report.c: what a session says of its last plan and run, and the values that it kept (convoke/session.h). */
#include <stdlib.h>
#include <string.h>

#include "session_internal.h"
#include "struct_copy.h"
#include "weights.h"

static cvk_status need_plan(const cvk_session *s, const char *fn) {
  if (s == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: the session is NULL", fn);
  return s->last ? CVK_OK : cvk_fail(CVK_INVALID_ARGUMENT, "%s: the session has no plan before its first run", fn);
}

cvk_status cvk_session_report_get(cvk_session *s, cvk_session_report *out) {
  cvk_status status = need_plan(s, "session_report");
  if (status != CVK_OK) return status;
  const cvk_plan *p = s->last;
  cvk_session_report r = {.n_ops = p->n_steps, .views = p->views, .copies = p->copies, .copied_bytes = p->copied_bytes,
                          .estimated_ns = p->cost_ns, .runner_up_ns = p->runner_up_ns, .device = p->devices[0]->info.id,
                          .weight_bytes = cvk_weights_bytes(s->weights), .run_ns = p->run_ns};
  for (int32_t i = 0; i < p->n_steps; i++) {
    const cvk_plan_step *step = &p->steps[i];
    if (step->op < 0) r.reorders += step->type == CVK_STEP_RUN;
    else if (step->device == 0) r.ops_device++;
    else if (p->devices[step->device]->info.type == CVK_DEVICE_REFERENCE) r.ops_reference++;
    else r.ops_cpu++;
  }
  for (int32_t i = 0; i <= CVK_PLAN_DEVICES; i++) {
    r.arena_bytes += p->spaces[i].arena_bytes;
    r.arena_bound_bytes += p->spaces[i].bound_bytes;
    r.workspace_bytes += p->spaces[i].workspace_bytes;
  }
  return cvk_copy_out(out, &r, sizeof r, "session_report");
}

cvk_status cvk_session_op_report(cvk_session *s, int32_t index, cvk_op_report *out) {
  cvk_status status = need_plan(s, "session_op_report");
  if (status != CVK_OK) return status;
  const cvk_plan *p = s->last;
  if (index < 0 || index >= p->n_steps) return cvk_fail(CVK_INVALID_ARGUMENT, "session_op_report: op %d is not in 0..%d", index, p->n_steps - 1);
  const cvk_plan_step *step = &p->steps[index];
  const int32_t kind = step->op >= 0 ? p->ops[step->op].kind : CVK_OP_REORDER;
  cvk_op_report r = {.kind = kind, .name = step->op >= 0 ? cvk_graph_op_name(s->graph, p->ops[step->op].node) : step->label, .op = step->label,
                     .device = p->devices[step->device]->info.id, .kernel = step->type == CVK_STEP_COPY ? "copy" : step->candidate.row,
                     .multiply_adds = step->multiply_adds, .bytes = step->bytes, .ns = step->ns, .start_ns = step->start_ns, .host_ns = step->host_ns, .host_start_ns = step->host_start_ns,
                     .error_class = step->candidate.error_class, .node = step->op >= 0 ? p->ops[step->op].node : -1};
  if (step->n_out && step->out[0] >= 0) {
    const cvk_tensor_desc *d = &p->slots[step->out[0]].desc;
    r.rank = d->rank;
    memcpy(r.dim, d->dim, sizeof r.dim);
  }
  return cvk_copy_out(out, &r, sizeof r, "session_op_report");
}

const char *cvk_session_op_row(cvk_session *s, int32_t index, int32_t k) {
  if (need_plan(s, "session_op_row") != CVK_OK || index < 0 || index >= s->last->n_steps || k < 0) return NULL;
  const cvk_plan *p = s->last;
  const int32_t op = p->steps[index].op;
  return op >= 0 && k < p->ops[op].n_options ? p->ops[op].options[k].candidate.row : NULL;
}

/* A host copy of what lies in a slot, plain. */
static cvk_status read_slot(const cvk_plan *p, const cvk_plan_slot *slot, cvk_tensor **out) {
  const cvk_plan_storage *st = &p->storages[slot->storage];
  const cvk_plan_space *space = &p->spaces[st->space];
  const cvk_tensor_desc *plain = &p->values[slot->value].desc;
  cvk_tensor *t = NULL;
  char *raw = cvk_memory_alloc(st->bytes, 64, 0);
  cvk_status status = raw ? cvk_tensor_create(NULL, plain->dtype, plain->rank, plain->dim, NULL, &t) : cvk_plan_no_memory();
  if (status == CVK_OK && st->space && st->bytes) {
    pthread_mutex_lock(&space->dev->lock);
    status = space->dev->backend->buffer_read(space->dev->queue, space->arena, st->offset, st->bytes, raw);
    if (status == CVK_OK) status = cvk_device_finish(space->dev, -1);
    pthread_mutex_unlock(&space->dev->lock);
  } else if (status == CVK_OK && st->bytes) {
    memcpy(raw, (const char *)space->arena + st->offset, st->bytes);
  }
  if (status == CVK_OK) {
    const cvk_tensor_desc *in[1] = {&slot->desc}, *to[1] = {plain};
    const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = in, .out = to};
    status = cvk_op_def_find(CVK_OP_REORDER)->reference(&op, (const void *const[]){raw}, (void *const[]){cvk_tensor_host(t)});
  }
  cvk_memory_free(raw);
  if (status == CVK_OK) *out = t;
  else cvk_tensor_release(t);
  return status;
}

cvk_status cvk_session_value(cvk_session *s, int32_t op_index, int32_t output, cvk_tensor **out) {
  cvk_status status = need_plan(s, "session_value");
  if (status != CVK_OK) return status;
  if (!s->options.keep_values || !s->options.no_fusion) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "session_value: the session was made without keep_values and no_fusion");
  }
  if (op_index < 0 || op_index >= s->graph->n_nodes || output < 0 || output >= s->graph->nodes[op_index].n_out) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "session_value: op %d output %d does not exist", op_index, output);
  }
  const cvk_plan *p = s->last;
  int32_t v = s->graph->nodes[op_index].out[output];
  const cvk_tensor_desc *desc = &p->values[v].desc;
  if (p->values[v].constant) {
    *out = cvk_tensor_retain(p->values[v].constant);
    return CVK_OK;
  }
  while (p->values[v].view_of >= 0) v = p->values[v].view_of;
  for (int32_t i = 0; i < p->n_slots; i++) {
    const cvk_plan_slot *slot = &p->slots[i];
    if (slot->value != v || p->storages[slot->storage].type != CVK_STORAGE_ARENA || slot->desc.format.layout == CVK_PRIVATE) continue;
    cvk_tensor *t = NULL;
    status = read_slot(p, slot, &t);
    if (status == CVK_OK) status = cvk_tensor_view(t, desc->rank, desc->dim, out);
    cvk_tensor_release(t);
    return status;
  }
  return cvk_fail(CVK_UNSUPPORTED, "session_value: op %d output %d has no memory of its own in this plan", op_index, output);
}

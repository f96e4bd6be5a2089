/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.c: a planned schedule becomes executable: weights packed, kernels prepared, memory allocated, every argument filled in,
 * constants in private layouts laid out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context_internal.h"
#include "plan.h"
#include "weights.h"

/* The backend's view of a step; lives in *hold. */
static void view_of_step(const cvk_plan *p, const cvk_plan_step *s, cvk_op_view *hold) {
  if (s->op >= 0) {
    cvk_op_view_fill(p, &p->ops[s->op], p->ops[s->op].n_post, &s->candidate, hold);
    for (int32_t i = 0; i < s->n_out; i++) hold->out[i] = s->out[i] >= 0 ? &hold->out_desc[i] : NULL; /* uses have been spent by now */
    for (int32_t i = 0; i < s->n_out; i++) {
      if (s->out[i] >= 0) hold->out_desc[i] = p->slots[s->out[i]].desc;
    }
    return;
  }
  hold->in[0] = &p->slots[s->in[0]].desc;
  hold->out[0] = &p->slots[s->out[0]].desc;
  hold->op = (cvk_op){.struct_size = sizeof hold->op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = hold->in, .out = hold->out};
}

/* The value behind a step's input that its row takes as a pack; -1: it takes none. */
static int32_t packed_value(const cvk_plan *p, const cvk_plan_step *s, int32_t i) {
  if (s->type != CVK_STEP_RUN || s->op < 0 || i >= p->ops[s->op].n_in || i >= CVK_CANDIDATE_INPUTS) return -1;
  return s->in[i] < 0 && s->candidate.pack[i] ? p->ops[s->op].in[i] : -1;
}

/* Counts in readers[] who still reads each constant's data: the steps that will pack it, and whoever has it as a buffer, for good. */
static void count_readers(cvk_plan *p, int32_t *readers) {
  for (int32_t s = 0; s < p->n_slots; s++) readers[p->slots[s].value]++;
  for (int32_t i = 0; i < p->n_steps; i++) {
    for (int32_t k = 0; k < p->steps[i].n_in; k++) {
      const int32_t v = packed_value(p, &p->steps[i], k);
      if (v >= 0) readers[v]++;
    }
  }
  for (int32_t v = 0; v < p->n_values; v++) {
    if (readers[v] == 0) cvk_plan_unpin(p, v);
  }
}

static cvk_status prepare_step(cvk_plan *p, cvk_plan_step *s, int32_t *readers) {
  cvk_op_view view;
  cvk_pack *packs[CVK_MAX_INPUTS + CVK_MAX_POST] = {NULL};
  cvk_device *dev = p->devices[s->device];
  cvk_status status = CVK_OK;
  view_of_step(p, s, &view);
  cvk_error_clear();
  for (int32_t i = 0; i < s->n_in && status == CVK_OK; i++) {
    const int32_t v = packed_value(p, s, i);
    if (v < 0) continue;
    view.in_desc[i].format = (cvk_format){CVK_PLAIN, 0, 0};
    status = cvk_weights_pack(p->weights, dev, &view.op, &s->candidate, i, p->values[v].constant->storage->id, &packs[i]);
  }
  if (status == CVK_OK) status = dev->backend->prepare(dev->handle, &view.op, &s->candidate, packs, &s->kernel);
  for (int32_t i = 0; i < s->n_in && status == CVK_OK; i++) {
    const int32_t v = packed_value(p, s, i);
    if (v >= 0 && --readers[v] == 0) cvk_plan_unpin(p, v);
  }
  if (status == CVK_OK) return CVK_OK;
  status = cvk_device_result(dev, status, s->candidate.row);
  return cvk_fail_within(status, "%s on %s", s->label, dev->info.id);
}

static cvk_status allocate(cvk_plan *p) {
  for (int32_t i = 0; i <= CVK_PLAN_DEVICES; i++) {
    cvk_plan_space *space = &p->spaces[i];
    const uint64_t bytes = space->workspace_offset + space->workspace_bytes;
    if (bytes == 0) continue;
    if (space->dev == NULL) {
      space->arena = cvk_memory_alloc(bytes, 64, 1);
      if (space->arena == NULL) return cvk_fail(CVK_NO_MEMORY, "no host memory for the graph's %llu bytes of values", (unsigned long long)bytes);
      continue;
    }
    cvk_error_clear();
    cvk_buffer *buffer = NULL;
    const cvk_status status = space->dev->backend->buffer_alloc(space->dev->handle, bytes, &buffer);
    if (status != CVK_OK) return cvk_fail_within(cvk_device_result(space->dev, status, "buffer_alloc"), "memory of the graph's values");
    space->arena = buffer;
  }
  return CVK_OK;
}

/* Memory for a constant that a step lays out in host memory. */
static cvk_status allocate_constant(cvk_plan_storage *s) {
  s->buffer = cvk_memory_alloc(s->bytes, 64, 0);
  s->owned = 1;
  return s->buffer ? CVK_OK : cvk_plan_no_memory();
}

/* Constants that a device reads from its own memory are uploaded once; those without a buffer yet get one. */
static cvk_status upload(cvk_plan *p) {
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < p->n_storages && status == CVK_OK; i++) {
    cvk_plan_storage *s = &p->storages[i];
    if (s->type != CVK_STORAGE_CONSTANT) continue;
    if (s->space == 0) {
      if (s->buffer == NULL && s->bytes) status = allocate_constant(s);
      continue;
    }
    cvk_device *dev = p->spaces[s->space].dev;
    void *host = s->buffer;
    cvk_buffer *buffer = NULL;
    cvk_error_clear();
    status = dev->backend->buffer_alloc(dev->handle, s->bytes ? s->bytes : 1, &buffer);
    if (status == CVK_OK && s->bytes && host) {
      pthread_mutex_lock(&dev->lock);
      status = dev->backend->buffer_write(dev->queue, buffer, 0, s->bytes, host);
      if (status == CVK_OK) status = cvk_device_finish(dev, -1);
      pthread_mutex_unlock(&dev->lock);
    }
    if (s->owned) cvk_memory_free(host);
    s->buffer = buffer;
    s->owned = buffer ? 2 : 0;
    if (status != CVK_OK) status = cvk_device_result(dev, status, "upload of a constant");
  }
  return status;
}

static cvk_status fill_arg(cvk_plan *p, cvk_arg *arg, int32_t slot) {
  if (slot < 0) return CVK_OK;
  const cvk_plan_storage *s = &p->storages[p->slots[slot].storage];
  *arg = (cvk_arg){.bytes = s->bytes, .offset_bytes = s->offset};
  if (s->type == CVK_STORAGE_CONSTANT) {
    arg->buffer = s->buffer;
  } else if (s->type == CVK_STORAGE_ARENA) {
    arg->buffer = p->spaces[s->space].arena;
  } else {
    if (p->n_patches == p->cap_patches) {
      cvk_plan_patch *more = cvk_arena_alloc(&p->memory, (size_t)p->cap_patches * 2 + 16, sizeof *more);
      if (more == NULL) return cvk_plan_no_memory();
      if (p->n_patches) memcpy(more, p->patches, (size_t)p->n_patches * sizeof *more);
      p->patches = more;
      p->cap_patches = p->cap_patches * 2 + 16;
    }
    p->patches[p->n_patches++] = (cvk_plan_patch){arg, p->slots[slot].storage};
  }
  return CVK_OK;
}

static cvk_status fill_args(cvk_plan *p) {
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < p->n_steps && status == CVK_OK; i++) {
    cvk_plan_step *s = &p->steps[i];
    for (int32_t k = 0; k < s->n_in && status == CVK_OK; k++) status = fill_arg(p, &s->in_args[k], s->in[k]);
    for (int32_t k = 0; k < s->n_out && status == CVK_OK; k++) status = fill_arg(p, &s->out_args[k], s->out[k]);
    if (s->type != CVK_STEP_RUN || s->candidate.workspace_bytes == 0) continue;
    const cvk_plan_space *space = &p->spaces[cvk_plan_space_of(p, s->device)];
    s->workspace = (cvk_arg){space->arena, space->workspace_offset, s->candidate.workspace_bytes};
  }
  return status;
}

static cvk_status run_now(const cvk_plan *p, const cvk_plan_step *s) {
  cvk_device *dev = p->devices[s->device];
  cvk_error_clear();
  pthread_mutex_lock(&dev->lock);
  cvk_status status = dev->backend->execute(s->kernel, dev->queue, s->in_args, s->out_args, &s->workspace, NULL, 0, NULL);
  if (status == CVK_OK) status = cvk_device_finish(dev, -1);
  pthread_mutex_unlock(&dev->lock);
  return status == CVK_OK ? CVK_OK : cvk_fail_within(cvk_device_result(dev, status, s->candidate.row), "layout of a constant on %s", dev->info.id);
}

/* The steps that lay constants out run now, and go. */
static cvk_status run_once(cvk_plan *p) {
  cvk_status status = CVK_OK;
  int32_t n = 0;
  for (int32_t i = 0; i < p->n_steps && status == CVK_OK; i++) {
    if (p->steps[i].once) status = run_now(p, &p->steps[i]);
  }
  for (int32_t i = 0; i < p->n_steps; i++) {
    if (p->steps[i].once) p->devices[p->steps[i].device]->backend->kernel_free(p->steps[i].kernel);
    else p->steps[n++] = p->steps[i];
  }
  p->n_steps = n;
  return status;
}

cvk_status cvk_plan_prepare(cvk_plan *p) {
  int32_t *readers = cvk_arena_alloc(&p->memory, (size_t)p->n_values + 1, sizeof *readers);
  cvk_status status = readers ? CVK_OK : cvk_plan_no_memory();
  if (readers) count_readers(p, readers);
  for (int32_t i = 0; i < p->graph->n_inputs; i++) p->host_io |= !p->inputs[i].on_device;
  for (int32_t i = 0; i < p->graph->n_outputs; i++) p->host_io |= !p->output_on_device[i];
  for (int32_t i = 0; i < p->n_steps && status == CVK_OK; i++) {
    if (p->steps[i].type == CVK_STEP_RUN) status = prepare_step(p, &p->steps[i], readers);
  }
  if (status == CVK_OK) status = allocate(p);
  if (status == CVK_OK) status = upload(p);
  if (status == CVK_OK) status = fill_args(p);
  if (status == CVK_OK) status = run_once(p);
  return status;
}

void cvk_plan_free(cvk_plan *p) {
  if (p == NULL) return;
  for (int32_t d = 0; d < CVK_PLAN_DEVICES; d++) { /* nothing of it may be in flight */
    cvk_device *dev = p->devices[d];
    if (dev == NULL || dev->queue == NULL || cvk_device_check(dev) != CVK_OK) continue;
    pthread_mutex_lock(&dev->lock);
    cvk_device_finish(dev, -1);
    pthread_mutex_unlock(&dev->lock);
  }
  for (int32_t i = 0; i < p->n_steps; i++) {
    if (p->steps[i].kernel) p->devices[p->steps[i].device]->backend->kernel_free(p->steps[i].kernel);
  }
  for (int32_t i = 0; i < p->n_storages; i++) {
    const cvk_plan_storage *s = &p->storages[i];
    if (s->type != CVK_STORAGE_CONSTANT || !s->owned) continue;
    if (s->owned == 2) p->spaces[s->space].dev->backend->buffer_free(s->buffer);
    else cvk_memory_free(s->buffer);
  }
  for (int32_t i = 0; i <= CVK_PLAN_DEVICES; i++) {
    const cvk_plan_space *space = &p->spaces[i];
    if (space->arena == NULL) continue;
    if (space->dev) space->dev->backend->buffer_free(space->arena);
    else cvk_memory_free(space->arena);
  }
  for (int32_t v = 0; v < p->n_values; v++) {
    cvk_plan_unpin(p, v);
    cvk_tensor_release(p->values[v].constant);
  }
  for (int32_t i = 0; p->inputs && i < p->graph->n_inputs; i++) cvk_tensor_release(p->inputs[i].value);
  cvk_arena_free(&p->memory);
  free(p);
}

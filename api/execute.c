/* SPDX-License-Identifier: Apache-2.0 */
/* execute.c: one run of a prepared plan: bind the tensors of this run, walk the steps, bring the outputs home. Allocates nothing, looks
 * nothing up. The caller holds the session's lock; this takes the lock of each device that has a queue. */
#include <string.h>

#include "clock.h"
#include "context_internal.h"
#include "plan.h"

static void *memory_of(const cvk_tensor *t) { return t->storage->buf ? (void *)t->storage->buf : t->storage->host; }

static void bind(cvk_plan *p, cvk_tensor *const *inputs, cvk_tensor *const *outputs) {
  for (int32_t i = 0; i < p->n_patches; i++) {
    const cvk_plan_storage *s = &p->storages[p->patches[i].storage];
    p->patches[i].arg->buffer = memory_of(s->type == CVK_STORAGE_INPUT ? inputs[s->io] : outputs[s->io]);
  }
}

/* Moves bytes between host memory and a device's buffer; waits where the host side may be used again during this run. */
static cvk_status transfer(cvk_plan *p, cvk_device *dev, int32_t to_device, void *host, cvk_buffer *buffer, uint64_t offset, uint64_t bytes,
                           int32_t wait) {
  cvk_status status = CVK_OK;
  p->copies++;
  p->copied_bytes += (int64_t)bytes;
  if (bytes == 0) return CVK_OK;
  if (to_device) status = dev->backend->buffer_write(dev->queue, buffer, offset, bytes, host);
  else status = dev->backend->buffer_read(dev->queue, buffer, offset, bytes, host);
  if (status == CVK_OK && wait) status = cvk_device_finish(dev, -1);
  return status;
}

static cvk_status run_copy(cvk_plan *p, cvk_plan_step *s) {
  cvk_device *dev = p->devices[s->device];
  const int32_t to_device = p->slots[s->out[0]].space != 0;
  const cvk_arg *host = to_device ? &s->in_args[0] : &s->out_args[0], *away = to_device ? &s->out_args[0] : &s->in_args[0];
  const int32_t users = p->storages[p->slots[s->in[0]].storage].type == CVK_STORAGE_INPUT; /* its memory is not touched before the end */
  return transfer(p, dev, to_device, (char *)host->buffer + host->offset_bytes, away->buffer, away->offset_bytes, (uint64_t)s->bytes,
                  !(to_device && users));
}

/* An asynchronous device in host memory: who reads or overwrites that memory next, another device or the caller, does not know its queue. */
static cvk_status wait_in_host_memory(const cvk_plan *p, const cvk_plan_step *s) {
  cvk_device *dev = p->devices[s->device];
  const int32_t last = s == &p->steps[p->n_steps - 1];
  if (dev->queue == NULL || !cvk_device_host_memory(dev) || (!last && s[1].device == s->device)) return CVK_OK;
  return cvk_device_finish(dev, -1);
}

static cvk_status run_step(cvk_plan *p, cvk_plan_step *s, int64_t start) {
  cvk_device *dev = p->devices[s->device];
  const int32_t profile = p->options->profile, events = profile && dev->queue && dev->backend->event_time;
  s->start_ns = profile ? cvk_now_ns() - start : 0;
  s->event = NULL;
  const cvk_status status = s->type == CVK_STEP_COPY ? run_copy(p, s)
                                                     : dev->backend->execute(s->kernel, dev->queue, s->in_args, s->out_args, &s->workspace, NULL, 0,
                                                                             events ? &s->event : NULL);
  if (profile) s->ns = cvk_now_ns() - start - s->start_ns;
  s->host_start_ns = s->start_ns;
  s->host_ns = s->ns;
  if (status == CVK_OK) return CVK_OK;
  return cvk_fail_within(cvk_device_result(dev, status, s->type == CVK_STEP_COPY ? "copy" : s->candidate.row), "%s on %s", s->label, dev->info.id);
}

/* Device times of the run's events replace the host's. A device has a clock of its own: its zero is put where the device begins what it was
 * given as early as it can, that is, no command before its submission. */
static void read_events(cvk_plan *p, int32_t d) {
  int64_t zero = INT64_MAX;
  for (int32_t i = 0; i < p->n_steps; i++) {
    cvk_plan_step *s = &p->steps[i];
    int64_t start, end;
    if (s->event == NULL || s->device != d) continue;
    const cvk_backend *backend = p->devices[d]->backend;
    if (backend->event_time(s->event, &start, &end) == CVK_OK) {
      if (start - s->host_start_ns < zero) zero = start - s->host_start_ns;
      s->start_ns = start;
      s->ns = end - start;
      s->timed = 1;
    }
    backend->event_free(s->event);
    s->event = NULL;
  }
  for (int32_t i = 0; i < p->n_steps; i++) {
    cvk_plan_step *s = &p->steps[i];
    if (s->timed && s->device == d) s->start_ns -= zero;
    if (s->device == d) s->timed = 0;
  }
}

static cvk_status finish_outputs(cvk_plan *p, cvk_tensor *const *inputs, cvk_tensor *const *outputs) {
  cvk_status status = CVK_OK;
  for (int32_t o = 0; o < p->graph->n_outputs && status == CVK_OK; o++) {
    if (p->outputs[o].direct) continue;
    const cvk_plan_slot *slot = &p->slots[p->outputs[o].slot];
    const cvk_plan_storage *s = &p->storages[slot->storage];
    const uint64_t bytes = cvk_desc_bytes(&slot->desc);
    cvk_arg from = {.buffer = s->type == CVK_STORAGE_ARENA ? p->spaces[s->space].arena : s->buffer, .offset_bytes = s->offset};
    if (s->type == CVK_STORAGE_INPUT) from.buffer = memory_of(inputs[s->io]);
    if (s->type == CVK_STORAGE_OUTPUT) from.buffer = memory_of(outputs[s->io]);
    cvk_storage *to = outputs[o]->storage;
    cvk_device *dev = s->space ? p->spaces[s->space].dev : to->dev;
    if (s->space == 0 && to->host) {
      if (bytes) memcpy(to->host, (char *)from.buffer + from.offset_bytes, bytes);
    } else if (s->space && to->host) {
      status = transfer(p, dev, 0, to->host, from.buffer, from.offset_bytes, bytes, 0);
    } else if (s->space == 0) {
      status = transfer(p, dev, 1, (char *)from.buffer + from.offset_bytes, to->buf, 0, bytes, 1);
    } else if (bytes) {
      status = dev->backend->buffer_copy(dev->queue, from.buffer, from.offset_bytes, to->buf, 0, bytes);
    }
  }
  return status;
}

static void lock_devices(cvk_plan *p, int32_t lock) {
  for (int32_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d] == NULL || p->devices[d]->queue == NULL) continue;
    if (lock) pthread_mutex_lock(&p->devices[d]->lock);
    else pthread_mutex_unlock(&p->devices[d]->lock);
  }
}

/* Waits where host memory of the caller's takes part; tensors of the device may stay in flight. */
static cvk_status finish_devices(cvk_plan *p, int32_t wait) {
  cvk_status status = CVK_OK;
  for (int32_t d = 0; d < p->n_devices && wait; d++) {
    if (p->devices[d] == NULL || p->devices[d]->queue == NULL) continue;
    const cvk_status s = cvk_device_finish(p->devices[d], -1);
    if (status == CVK_OK) status = s;
  }
  return status;
}

/* A device with threads of its own finds the cores free of workers that spin after an earlier run. Within a run they spin between steps as ever:
 * sending them to sleep before each such step cost MobileNetV2 on oneDNN 2 % and won nothing; where it crowds the cores, threadpool.c stops it. */
static void make_room(const cvk_plan *p) {
  for (int32_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d] && (p->devices[d]->info.flags & CVK_DEVICE_OWN_THREADS)) cvk_threadpool_rest(p->devices[d]->ctx->pool);
  }
}

cvk_status cvk_plan_execute(cvk_plan *p, cvk_tensor *const *inputs, cvk_tensor *const *outputs) {
  cvk_context *ctx = p->devices[0]->ctx;
  const int64_t start = p->options->profile ? cvk_now_ns() : 0;
  cvk_status status = CVK_OK;
  for (int32_t d = 0; d < p->n_devices && status == CVK_OK; d++) status = p->devices[d] ? cvk_device_check(p->devices[d]) : CVK_OK;
  if (status != CVK_OK) return status;
  p->copies = p->copied_bytes = 0;
  bind(p, inputs, outputs);
  cvk_error_clear();
  lock_devices(p, 1);
  make_room(p);
  cvk_context_keep_hot(ctx, 1);
  for (int32_t i = 0; i < p->n_steps && status == CVK_OK; i++) {
    status = run_step(p, &p->steps[i], start);
    if (status == CVK_OK) status = wait_in_host_memory(p, &p->steps[i]);
  }
  if (status == CVK_OK) status = finish_outputs(p, inputs, outputs);
  const cvk_status finished = finish_devices(p, p->host_io || p->options->profile || status != CVK_OK);
  if (status == CVK_OK) status = finished;
  cvk_context_keep_hot(ctx, 0);
  for (int32_t d = 0; d < p->n_devices && p->options->profile; d++) read_events(p, d);
  p->run_ns = p->options->profile ? cvk_now_ns() - start : 0;
  lock_devices(p, 0);
  return status;
}

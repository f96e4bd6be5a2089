/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.c: from an accepted row to a kernel and its execution. All arguments but run-time buffers are set at prepare; execute sets those
 * and enqueues, allocating nothing and waiting for nothing. */
#include <string.h>

#include "cl.h"
#include "process.h"

#define WAIT_CHUNK 32 /* events a barrier */

cvk_status ocl_prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *c, cvk_pack *const *packs, cvk_kernel **out) {
  const cvk_host *host = dev->host;
  cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  const ocl_row *row = ocl_row_find(c->row);
  if (!row) return ocl_fail(host, CVK_INVALID_ARGUMENT, "%s: no kernel row is named %s", dev->label, c->row ? c->row : "(null)");
  cvk_kernel *k = host->alloc(host->ctx, sizeof *k, sizeof(void *));
  if (!k) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a kernel of row %s", dev->label, row->name);
  memset(k, 0, sizeof *k);
  k->dev = dev;
  k->row = row;
  ocl_build b = {.dev = dev, .row = row, .op = op, .candidate = c, .packs = packs, .kernel = k};
  status = row->prepare(&b);
  if (status != CVK_OK)
    ocl_kernel_free(k);
  else
    *out = k;
  return status;
}

void ocl_kernel_free(cvk_kernel *k) {
  if (!k) return;
  const cvk_host *host = k->dev->host;
  const int32_t ours = k->dev->pid == cvk_process_id();
  for (int32_t i = 0; i < k->n_launches; i++) {
    if (ours && k->launches[i]->kernel) clReleaseKernel(k->launches[i]->kernel);
    host->free(host->ctx, k->launches[i]);
  }
  if (k->launches) host->free(host->ctx, k->launches);
  while (k->owned) {
    ocl_owned *o = k->owned;
    k->owned = o->next;
    ocl_mem_release(k->dev, o->mem, o->bytes);
    host->free(host->ctx, o);
  }
  if (k->state) host->free(host->ctx, k->state);
  host->free(host->ctx, k);
}

/* Orders what follows in the queue after the events. */
static cvk_status wait_for(cvk_queue *q, cvk_event *const *wait, int32_t n) {
  cl_event list[WAIT_CHUNK];
  for (int32_t done = 0; done < n; done += WAIT_CHUNK) {
    const int32_t take = n - done < WAIT_CHUNK ? n - done : WAIT_CHUNK;
    for (int32_t i = 0; i < take; i++) list[i] = wait[done + i]->last;
    const cvk_status status =
        ocl_check(q->dev, clEnqueueBarrierWithWaitList(q->queue, (cl_uint)take, list, NULL), "clEnqueueBarrierWithWaitList");
    if (status != CVK_OK) return status;
  }
  return CVK_OK;
}

static const cvk_arg *binding_arg(const ocl_binding *b, const ocl_call *call) {
  if (b->source == OCL_WORKSPACE) return call->workspace;
  return b->source == OCL_IN ? &call->in[b->index] : &call->out[b->index];
}

static cl_int bind(const ocl_launch *l, const ocl_call *call) {
  for (int32_t i = 0; i < l->n_bindings; i++) {
    const ocl_binding *b = &l->binding[i];
    const cvk_arg *arg = binding_arg(b, call);
    const cvk_buffer *buf = arg->buffer;
    const cl_mem mem = buf ? buf->mem : NULL;
    const cl_ulong offset = (arg->offset_bytes + b->add_bytes) / b->element_bytes;
    cl_int error = clSetKernelArg(l->kernel, b->arg, sizeof mem, &mem);
    if (error == CL_SUCCESS) error = clSetKernelArg(l->kernel, b->arg + 1, sizeof offset, &offset);
    if (error != CL_SUCCESS) return error;
  }
  return CL_SUCCESS;
}

cvk_status ocl_enqueue_launches(const cvk_kernel *k, const ocl_call *call, cl_event events[2]) {
  for (int32_t i = 0; i < k->n_launches; i++) {
    const ocl_launch *l = k->launches[i];
    cl_int error = bind(l, call);
    if (error != CL_SUCCESS)
      return ocl_fail(k->dev->host, ocl_error_status(error), "%s: %s: clSetKernelArg: %s", k->dev->label, k->row->name,
                      ocl_error_name(error));
    const int32_t last = i + 1 == k->n_launches;
    cl_event *event = !events ? NULL : i == 0 ? &events[0] : last ? &events[1] : NULL;
    error = clEnqueueNDRangeKernel(call->queue->queue, l->kernel, l->dims, NULL, l->global, l->local, 0, NULL, event);
    if (error == CL_SUCCESS && events && i == 0 && last) error = clRetainEvent(events[1] = events[0]);
    if (error != CL_SUCCESS) {
      if (ocl_error_status(error) == CVK_DEVICE_LOST) ocl_device_lose(k->dev);
      return ocl_fail(k->dev->host, ocl_error_status(error), "%s: launch %d of %s failed with %s", k->dev->label, (int)i, k->row->name,
                      ocl_error_name(error));
    }
  }
  return CVK_OK;
}

static cvk_status mark(cvk_queue *q, cl_event *event) {
  return ocl_check(q->dev, clEnqueueMarkerWithWaitList(q->queue, 0, NULL, event), "clEnqueueMarkerWithWaitList");
}

cvk_status ocl_execute(cvk_kernel *k, cvk_queue *q, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                       int32_t n_wait, cvk_event **event) {
  cvk_status status = ocl_device_ready(k->dev);
  if (status != CVK_OK) return status;
  if (!q)
    return ocl_fail(k->dev->host, CVK_INVALID_ARGUMENT, "%s: execute needs a queue: this device does not work in host memory",
                    k->dev->label);
  if (q->dev != k->dev) return ocl_fail(k->dev->host, CVK_DEVICE_MISMATCH, "a kernel of %s on a queue of %s", k->dev->label, q->dev->label);
  const ocl_call call = {q, in, out, workspace};
  cl_event events[2] = {NULL, NULL};
  status = ocl_queue_enter(q);
  if (status == CVK_OK) status = wait_for(q, wait, n_wait);
  if (status == CVK_OK && event && k->row->execute) status = mark(q, &events[0]);
  if (status == CVK_OK) status = k->row->execute ? k->row->execute(k, &call) : ocl_enqueue_launches(k, &call, event ? events : NULL);
  if (status == CVK_OK && event && !events[1]) status = mark(q, &events[1]);
  if (status == CVK_OK && event && !events[0]) status = ocl_check(k->dev, clRetainEvent(events[0] = events[1]), "clRetainEvent");
  if (status == CVK_OK && event) return ocl_event_wrap(k->dev, events[0], events[1], event);
  for (int32_t i = 0; i < 2; i++)
    if (events[i]) clReleaseEvent(events[i]);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c: in-order queues. finish with a limit polls a marker, since clFinish has none and may never return; a device whose queue
 * does not complete is lost. */
#include <string.h>
#include <unistd.h>

#include "cl.h"
#include "process.h"

cvk_status ocl_queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  const cvk_host *host = dev->host;
  const cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  cvk_queue *q = host->alloc(host->ctx, sizeof *q, sizeof(void *));
  if (!q) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a queue", dev->label);
  cl_int error;
  *q = (cvk_queue){.dev = dev, .idle = 1};
  q->queue = clCreateCommandQueue(dev->context, dev->id, profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &error);
  if (error != CL_SUCCESS) {
    host->free(host->ctx, q);
    return ocl_check(dev, error, "clCreateCommandQueue");
  }
  *out = q;
  return CVK_OK;
}

/* The reads that wait: by commands; by the host, when all commands are over; or not at all, after a failure. */
enum { BY_COMMAND, BY_HOST, DROPPED };
static cvk_status settle_reads(cvk_queue *q, int32_t how) {
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < q->n_reads; i++) {
    const ocl_read *r = &q->reads[i];
    if (how == BY_HOST)
      memcpy(r->to, r->shared, r->bytes);
    else if (how == BY_COMMAND && status == CVK_OK)
      status = ocl_check(q->dev, clEnqueueReadBuffer(q->queue, r->mem, CL_FALSE, r->offset, r->bytes, r->to, 0, NULL, NULL),
                         "clEnqueueReadBuffer");
    clReleaseMemObject(r->mem);
  }
  q->n_reads = 0;
  return status;
}

cvk_status ocl_queue_enter(cvk_queue *q) {
  q->idle = 0;
  return settle_reads(q, BY_COMMAND);
}

static cvk_status finish_within(cvk_queue *q, int64_t timeout_ns) {
  cl_event marker;
  cvk_status status = ocl_check(q->dev, clEnqueueMarkerWithWaitList(q->queue, 0, NULL, &marker), "clEnqueueMarkerWithWaitList");
  if (status != CVK_OK) return status;
  status = ocl_check(q->dev, clFlush(q->queue), "clFlush");
  if (status == CVK_OK) status = ocl_event_poll(q->dev, marker, timeout_ns);
  clReleaseEvent(marker);
  return status;
}

cvk_status ocl_queue_finish(cvk_queue *q, int64_t timeout_ns) {
  cvk_backend_device *dev = q->dev;
  cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  if (!q->idle) status = timeout_ns < 0 ? ocl_check(dev, clFinish(q->queue), "clFinish") : finish_within(q, timeout_ns);
  if (status == CVK_TIMEOUT) ocl_device_lose(dev);
  settle_reads(q, status == CVK_OK ? BY_HOST : DROPPED);
  q->idle = status == CVK_OK;
  return status;
}

/* Releasing a queue flushes and may wait: not for a lost device, nor for one that the parent process opened. */
void ocl_queue_close(cvk_queue *q) {
  if (!q) return;
  const cvk_host *host = q->dev->host;
  if (q->dev->pid == cvk_process_id() && !atomic_load(&q->dev->lost)) {
    settle_reads(q, DROPPED);
    clReleaseCommandQueue(q->queue);
  }
  host->free(host->ctx, q);
}

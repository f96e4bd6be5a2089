/* SPDX-License-Identifier: Apache-2.0 */
/* event.c: completion of one execution: waited for with a limit, timed on profiling queues. */
#include <sched.h>
#include <time.h>

#include "cl.h"
#include "process.h"

#define SPINS 2000                 /* polls before the first sleep: a LeNet finishes within them */
#define LONGEST_SLEEP_NS 1000000LL /* doubling from 10 us */

int64_t ocl_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

cvk_status ocl_event_wrap(cvk_backend_device *dev, cl_event first, cl_event last, cvk_event **out) {
  cvk_event *e = dev->host->alloc(dev->host->ctx, sizeof *e, sizeof(void *));
  if (!e) {
    clReleaseEvent(first);
    clReleaseEvent(last);
    return ocl_fail(dev->host, CVK_NO_MEMORY, "%s: no memory for an event", dev->label);
  }
  *e = (cvk_event){dev, first, last};
  *out = e;
  return CVK_OK;
}

cvk_status ocl_event_poll(cvk_backend_device *dev, cl_event ev, int64_t timeout_ns) {
  const int64_t start = ocl_now_ns();
  int64_t sleep_ns = 10000;
  for (int64_t polls = 0;; polls++) {
    cl_int state = CL_QUEUED;
    const cl_int error = clGetEventInfo(ev, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (error != CL_SUCCESS) return ocl_check(dev, error, "clGetEventInfo");
    if (state == CL_COMPLETE) return CVK_OK;
    if (state < 0) {
      ocl_device_lose(dev);
      return ocl_fail(dev->host, CVK_DEVICE_LOST, "%s: a command ended with %s (%d)", dev->label, ocl_error_name(state), (int)state);
    }
    if (ocl_now_ns() - start >= timeout_ns)
      return ocl_fail(dev->host, CVK_TIMEOUT, "%s: not done after %lld ms", dev->label, (long long)(timeout_ns / 1000000));
    if (polls < SPINS) {
      sched_yield();
      continue;
    }
    nanosleep(&(struct timespec){.tv_nsec = sleep_ns}, NULL);
    sleep_ns = sleep_ns * 2 < LONGEST_SLEEP_NS ? sleep_ns * 2 : LONGEST_SLEEP_NS;
  }
}

cvk_status ocl_event_wait(cvk_event *e, int64_t timeout_ns) {
  const cvk_status status = ocl_device_ready(e->dev);
  if (status != CVK_OK) return status;
  if (timeout_ns < 0) return ocl_check(e->dev, clWaitForEvents(1, &e->last), "clWaitForEvents");
  return ocl_event_poll(e->dev, e->last, timeout_ns);
}

cvk_status ocl_event_time(cvk_event *e, int64_t *start_ns, int64_t *end_ns) {
  cl_ulong start = 0, end = 0;
  cvk_status status = ocl_device_ready(e->dev);
  if (status != CVK_OK) return status;
  status = ocl_check(e->dev, clGetEventProfilingInfo(e->first, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL),
                     "clGetEventProfilingInfo");
  if (status == CVK_OK)
    status =
        ocl_check(e->dev, clGetEventProfilingInfo(e->last, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL), "clGetEventProfilingInfo");
  *start_ns = (int64_t)start;
  *end_ns = (int64_t)end;
  return status;
}

void ocl_event_free(cvk_event *e) {
  if (!e) return;
  const cvk_host *host = e->dev->host;
  if (e->dev->pid == cvk_process_id()) {
    clReleaseEvent(e->first);
    clReleaseEvent(e->last);
  }
  host->free(host->ctx, e);
}

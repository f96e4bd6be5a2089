/* SPDX-License-Identifier: Apache-2.0 */
/* device_internal.h: an open device as the library's own files see it, and the backend side of a context.
 *
 * One cvk_device exists per (backend, index) and context; a second open returns another reference. */
#ifndef CVK_DEVICE_INTERNAL_H
#define CVK_DEVICE_INTERNAL_H

#include <convoke/device.h>
#include <pthread.h>
#include <stdatomic.h>

#include "context_internal.h"

struct cvk_device {
  _Atomic int32_t refs;
  cvk_context *ctx; /* retained */
  const cvk_backend *backend;
  cvk_instance *instance;
  cvk_backend_device *handle;
  cvk_device_info info;
  cvk_queue *queue; /* opened with the device (profiling where it can); NULL: the backend has no queues */
  _Atomic int lost;
  int32_t pid;          /* of the process that opened it */
  pthread_mutex_t lock; /* serialises the use of queue: hold it from the first queued call to the finish */
  void *eager;          /* eager.c's kernels on this device, made on first use; freed before the device is closed */
  void (*eager_free)(void *eager);
  struct cvk_tuned *tuned; /* what convoke tune measured; NULL: no memory for it */
  struct cvk_device_entry *entry; /* its line in the registry */
};

/* Nonzero when the device's buffers are plain host pointers. */
static inline int cvk_device_host_memory(const cvk_device *dev) {
  return (dev->info.flags & CVK_DEVICE_HOST_MEMORY) != 0;
}

/* OK, DEVICE_LOST, or AFTER_FORK (opened by the parent process and not in host memory). Ask before an operation's first driver call. */
cvk_status cvk_device_check(cvk_device *dev);

/* Waits for the device's queue, with dev->lock held. timeout_ns < 0: no limit. TIMEOUT marks the device lost. OK where it has none. */
cvk_status cvk_device_finish(cvk_device *dev, int64_t timeout_ns);

/* Passes on the result of a backend's call: DEVICE_LOST and TIMEOUT mark the device, and a failure without a sentence of the backend's
 * gets one from `what` ("conv: execute"). Call cvk_error_clear before the backend. */
cvk_status cvk_device_result(cvk_device *dev, cvk_status status, const char *what);

/* Opens the first device of the backend with this name ("cpu", "reference") without touching any other backend. */
cvk_status cvk_device_open_backend(cvk_context *ctx, const char *backend, cvk_device **out);

/* Closes instances and forgets devices; for cvk_context_release. */
struct cvk_registry;
void cvk_registry_free(struct cvk_registry *registry);

/* The built-in plain-C backend (reference.c). */
extern const cvk_backend cvk_reference_backend;

#endif

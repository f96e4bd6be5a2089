/* SPDX-License-Identifier: Apache-2.0 */
/* device.c: listing, opening and closing devices, and the checks that stand before each use of one. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "device_internal.h"
#include "device_spec.h"
#include "fp_mode.h"
#include "process.h"
#include "registry.h"
#include "struct_copy.h"
#include "tuned.h"

/* ---- the list ---- */

cvk_status cvk_device_count(cvk_context *ctx, int32_t *n) {
  if (ctx == NULL || n == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "device_count: %s is NULL", ctx == NULL ? "ctx" : "n");
  pthread_mutex_lock(&ctx->lock);
  const cvk_status status = cvk_registry_start_all(ctx);
  if (status == CVK_OK) {
    *n = 0;
    for (int32_t i = 0; i < ctx->registry->n_backends; i++) *n += ctx->registry->backend[i].n_devices;
  }
  pthread_mutex_unlock(&ctx->lock);
  return status;
}

cvk_status cvk_device_info_get(cvk_context *ctx, int32_t index, cvk_device_info *info) {
  if (ctx == NULL || info == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "device_info_get: %s is NULL", ctx == NULL ? "ctx" : "info");
  pthread_mutex_lock(&ctx->lock);
  cvk_status status = cvk_registry_start_all(ctx);
  int32_t n = 0;
  if (status != CVK_OK) goto done;
  for (int32_t i = 0; i < ctx->registry->n_backends; i++) {
    const cvk_backend_entry *b = &ctx->registry->backend[i];
    if (index >= n && index - n < b->n_devices) {
      status = cvk_copy_out(info, &b->device[index - n].info, sizeof *info, "device_info_get");
      goto done;
    }
    n += b->n_devices;
  }
  status = cvk_fail(CVK_INVALID_ARGUMENT, "device_info_get: index is %d, there are %d devices", (int)index, (int)n);
done:
  pthread_mutex_unlock(&ctx->lock);
  return status;
}

cvk_status cvk_device_describe(cvk_device *dev, cvk_device_info *info) {
  if (dev == NULL || info == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "device_describe: %s is NULL", dev == NULL ? "dev" : "info");
  return cvk_copy_out(info, &dev->info, sizeof *info, "device_describe");
}

/* ---- opening ---- */

typedef struct request {
  cvk_context *ctx;
  cvk_device *opened;
} request;

static cvk_status open_handle(cvk_device *dev, int32_t index) {
  const uint64_t mode = cvk_fp_mode_get();
  cvk_error_clear();
  cvk_status status = dev->backend->device_open(dev->instance, index, &dev->handle);
  if (status == CVK_OK && dev->backend->queue_open != NULL) {
    status = dev->backend->queue_open(dev->handle, (dev->info.flags & CVK_DEVICE_PROFILING) != 0, &dev->queue);
    if (status != CVK_OK) dev->backend->device_close(dev->handle);
  }
  cvk_fp_mode_set(mode);
  if (status == CVK_OK) return CVK_OK;
  return *cvk_error_message() != '\0' ? cvk_fail_within(status, "device %s", dev->info.id)
                                      : cvk_fail(status, "device %s cannot be opened (%s)", dev->info.id, cvk_status_name(status));
}

static cvk_status open_entry(void *arg, cvk_backend_entry *b, cvk_device_entry *e) {
  request *r = arg;
  if (e->lost) return cvk_fail(CVK_DEVICE_LOST, "device %s was lost; it can be opened in a new context", e->info.id);
  if (b->pid != cvk_process_id() && !cvk_info_host_memory(&e->info))
    return cvk_fail(CVK_AFTER_FORK, "device %s belongs to the parent process; a child of fork() can use host-memory devices only",
                    e->info.id);
  if (e->open != NULL) {
    r->opened = cvk_device_retain(e->open);
    return CVK_OK;
  }
  cvk_device *dev = calloc(1, sizeof *dev);
  if (dev == NULL) return cvk_fail(CVK_NO_MEMORY, "device %s: no memory for %zu bytes", e->info.id, sizeof *dev);
  atomic_init(&dev->refs, 1);
  dev->backend = b->table;
  dev->instance = b->instance;
  dev->info = e->info;
  dev->pid = cvk_process_id();
  dev->entry = e;
  const cvk_status status = open_handle(dev, e->index);
  if (status != CVK_OK) {
    free(dev);
    return status;
  }
  pthread_mutex_init(&dev->lock, NULL);
  dev->ctx = cvk_context_retain(r->ctx);
  dev->tuned = cvk_tuned_open(r->ctx, &dev->info);
  e->open = dev;
  r->opened = dev;
  return CVK_OK;
}

static cvk_status open_spec(cvk_context *ctx, const char *spec, cvk_device **out) {
  request r = {.ctx = ctx};
  pthread_mutex_lock(&ctx->lock);
  cvk_status status = cvk_registry_load(ctx);
  if (status == CVK_OK) status = cvk_device_spec_resolve(ctx, spec, open_entry, &r);
  pthread_mutex_unlock(&ctx->lock);
  if (status == CVK_OK) *out = r.opened;
  return status;
}

cvk_status cvk_device_open(cvk_context *ctx, const char *spec, cvk_device **out) {
  if (ctx == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "device_open: %s is NULL", ctx == NULL ? "ctx" : "out");
  const char *wished = ctx->option[CVK_OPTION_DEVICE];
  if (spec == NULL || strcmp(spec, "auto") == 0) spec = wished != NULL ? wished : "auto";
  return open_spec(ctx, spec, out);
}

cvk_status cvk_device_open_backend(cvk_context *ctx, const char *backend, cvk_device **out) {
  return open_spec(ctx, backend, out);
}

/* ---- references ---- */

cvk_device *cvk_device_retain(cvk_device *dev) {
  atomic_fetch_add_explicit(&dev->refs, 1, memory_order_relaxed);
  return dev;
}

/* A lost device may hang its driver for ever, and one of the parent process has no threads here: both are left behind. */
static void close_handle(cvk_device *dev) {
  if (atomic_load(&dev->lost)) return;
  if (dev->pid != cvk_process_id() && !cvk_device_host_memory(dev)) return;
  if (dev->queue != NULL) dev->backend->queue_close(dev->queue);
  dev->backend->device_close(dev->handle);
}

void cvk_device_release(cvk_device *dev) {
  if (dev == NULL) return;
  int32_t refs = atomic_load(&dev->refs);
  while (refs > 1)
    if (atomic_compare_exchange_weak(&dev->refs, &refs, refs - 1)) return;
  /* Perhaps the last: under the lock nobody can open it again meanwhile. */
  cvk_context *ctx = dev->ctx;
  pthread_mutex_lock(&ctx->lock);
  const int last = atomic_fetch_sub(&dev->refs, 1) == 1;
  if (last) dev->entry->open = NULL;
  pthread_mutex_unlock(&ctx->lock);
  if (!last) return;
  if (dev->eager_free != NULL) dev->eager_free(dev->eager); /* may close fallback devices, so not under the lock */
  pthread_mutex_lock(&ctx->lock);
  close_handle(dev);
  pthread_mutex_unlock(&ctx->lock);
  pthread_mutex_destroy(&dev->lock);
  cvk_tuned_close(dev->tuned);
  free(dev);
  cvk_context_release(ctx);
}

/* ---- use ---- */

static void mark_lost(cvk_device *dev) {
  atomic_store(&dev->lost, 1);
  atomic_store(&dev->entry->lost, 1);
}

cvk_status cvk_device_check(cvk_device *dev) {
  if (atomic_load_explicit(&dev->lost, memory_order_relaxed)) return cvk_fail(CVK_DEVICE_LOST, "device %s was lost", dev->info.id);
  if (!cvk_device_host_memory(dev) && dev->pid != cvk_process_id())
    return cvk_fail(CVK_AFTER_FORK, "device %s was opened by the parent process (%d) and does not survive fork()", dev->info.id,
                    (int)dev->pid);
  return CVK_OK;
}

cvk_status cvk_device_result(cvk_device *dev, cvk_status status, const char *what) {
  if (status == CVK_OK) return CVK_OK;
  if (status == CVK_DEVICE_LOST || status == CVK_TIMEOUT) mark_lost(dev);
  if (*cvk_error_message() == '\0') return cvk_fail(status, "%s on device %s failed (%s)", what, dev->info.id, cvk_status_name(status));
  return status;
}

cvk_status cvk_device_finish(cvk_device *dev, int64_t timeout_ns) {
  if (dev->queue == NULL) return CVK_OK;
  const cvk_status status = dev->backend->queue_finish(dev->queue, timeout_ns);
  if (status == CVK_TIMEOUT) {
    mark_lost(dev);
    return cvk_fail(CVK_TIMEOUT, "device %s did not finish within %lld ms and counts as lost", dev->info.id,
                    (long long)(timeout_ns / 1000000));
  }
  return cvk_device_result(dev, status, "waiting");
}

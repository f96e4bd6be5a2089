/* SPDX-License-Identifier: Apache-2.0 */
/* stuck.c: a device with memory and a queue of its own; the queue never finishes and hangs when it is closed. The host leaves such a device
 * behind, so its objects are static. */
#define _GNU_SOURCE
#define NAME "stuck"
#include <time.h>

#include "base.h"

struct cvk_queue {
  int unused;
};
struct cvk_buffer {
  int unused;
};

static struct cvk_queue the_queue;
static struct cvk_instance the_instance;
static struct cvk_backend_device the_device;

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  the_instance.host = host;
  *out = &the_instance;
  return CVK_OK;
}

static void instance_destroy(cvk_instance *inst) {
  (void)inst;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  (void)index;
  the_device.host = inst->host;
  *out = &the_device;
  return CVK_OK;
}

static cvk_status queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  (void)dev, (void)profiling;
  *out = &the_queue;
  return CVK_OK;
}

static cvk_status queue_finish(cvk_queue *q, int64_t timeout_ns) {
  (void)q;
  if (timeout_ns < 0) return CVK_INTERNAL;
  const struct timespec t = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
  nanosleep(&t, NULL);
  return CVK_TIMEOUT;
}

static void queue_close(cvk_queue *q) {
  (void)q;
  for (;;) nanosleep(&(const struct timespec){.tv_sec = 1000}, NULL);
}

static cvk_status buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  (void)dev, (void)bytes, (void)out;
  return CVK_OUT_OF_DEVICE_MEMORY;
}
static void buffer_free(cvk_buffer *buf) {
  (void)buf;
}
static cvk_status buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src) {
  (void)q, (void)dst, (void)offset, (void)bytes, (void)src;
  return CVK_DEVICE_LOST;
}
static cvk_status buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst) {
  (void)q, (void)src, (void)offset, (void)bytes, (void)dst;
  return CVK_DEVICE_LOST;
}
static cvk_status buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  (void)q, (void)src, (void)src_offset, (void)dst, (void)dst_offset, (void)bytes;
  return CVK_DEVICE_LOST;
}
static cvk_status buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p) {
  (void)q, (void)buf, (void)offset, (void)bytes, (void)p;
  return CVK_UNSUPPORTED;
}
static cvk_status buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p) {
  (void)q, (void)buf, (void)p;
  return CVK_UNSUPPORTED;
}
static cvk_status buffer_import(cvk_backend_device *dev, void *host, uint64_t bytes, cvk_buffer **out) {
  (void)dev, (void)host, (void)bytes, (void)out;
  return CVK_UNSUPPORTED;
}
static cvk_status buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  (void)q, (void)buf, (void)offset, (void)bytes, (void)byte_value;
  return CVK_DEVICE_LOST;
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.instance_create = instance_create;
  table.instance_destroy = instance_destroy;
  table.device_open = device_open;
  table.queue_open = queue_open;
  table.queue_finish = queue_finish;
  table.queue_close = queue_close;
  table.buffer_alloc = buffer_alloc;
  table.buffer_free = buffer_free;
  table.buffer_write = buffer_write;
  table.buffer_read = buffer_read;
  table.buffer_copy = buffer_copy;
  table.buffer_map = buffer_map;
  table.buffer_unmap = buffer_unmap;
  table.buffer_import = buffer_import;
  table.buffer_fill = buffer_fill;
  *out = &table;
  return CVK_OK;
}

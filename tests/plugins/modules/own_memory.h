/* SPDX-License-Identifier: Apache-2.0 */
/* own_memory.h: for modules that play a device with memory of its own: buffers on the heap, and a queue that does everything at once. */
#include <stdlib.h>
#include <string.h>

struct cvk_queue {
  int unused;
};
struct cvk_buffer {
  char *memory;
};

static cvk_status queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  (void)dev, (void)profiling;
  *out = calloc(1, sizeof **out);
  return *out ? CVK_OK : CVK_NO_MEMORY;
}
static cvk_status queue_finish(cvk_queue *q, int64_t timeout_ns) {
  (void)q, (void)timeout_ns;
  return CVK_OK;
}
static void queue_close(cvk_queue *q) { free(q); }

static cvk_status buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  (void)dev;
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->memory = malloc(bytes + 1);
  if ((*out)->memory) return CVK_OK;
  free(*out);
  return CVK_OUT_OF_DEVICE_MEMORY;
}
static void buffer_free(cvk_buffer *buf) {
  free(buf->memory);
  free(buf);
}
static cvk_status buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src) {
  (void)q;
  memcpy(dst->memory + offset, src, bytes);
  return CVK_OK;
}
static cvk_status buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst) {
  (void)q;
  memcpy(dst, src->memory + offset, bytes);
  return CVK_OK;
}
static cvk_status buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  (void)q;
  memmove(dst->memory + dst_offset, src->memory + src_offset, bytes);
  return CVK_OK;
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
  (void)q;
  memset(buf->memory + offset, byte_value, bytes);
  return CVK_OK;
}

static void own_memory(cvk_backend *table) {
  table->queue_open = queue_open;
  table->queue_finish = queue_finish;
  table->queue_close = queue_close;
  table->buffer_alloc = buffer_alloc;
  table->buffer_free = buffer_free;
  table->buffer_write = buffer_write;
  table->buffer_read = buffer_read;
  table->buffer_copy = buffer_copy;
  table->buffer_map = buffer_map;
  table->buffer_unmap = buffer_unmap;
  table->buffer_import = buffer_import;
  table->buffer_fill = buffer_fill;
}

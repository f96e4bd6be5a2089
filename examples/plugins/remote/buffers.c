/* SPDX-License-Identifier: Apache-2.0 */
/* buffers.c: buffers, which are memory of the server, and the in-order queues. Writes, copies and fills are posted; a read waits for its bytes.
 * Ranges go in pieces of REMOTE_CHUNK bytes, so that no message is as large as a tensor. */
#include <string.h>
#include <unistd.h>

#include "client.h"

cvk_status remote_buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  cvk_status status;
  remote_call c;
  if (bytes > REMOTE_MAX_BYTES)
    return remote_fail(dev->o.inst, CVK_OUT_OF_DEVICE_MEMORY, "remote: a buffer of %llu bytes is wanted", (unsigned long long)bytes);
  remote_call_begin(&c, REMOTE_BUFFER_ALLOC);
  remote_put_int(&c.message, dev->o.id);
  remote_put_int(&c.message, (int64_t)bytes);
  cvk_buffer *buf = remote_create(&c, dev->o.inst, sizeof *buf, &status);
  if (status != CVK_OK) return status;
  buf->dev = dev;
  buf->bytes = bytes;
  *out = buf;
  return CVK_OK;
}

void remote_buffer_free(cvk_buffer *buf) {
  remote_release(&buf->o);
}

static cvk_status check_range(const cvk_queue *q, const cvk_buffer *buf, uint64_t offset, uint64_t bytes, const char *call) {
  const cvk_instance *inst = q->o.inst;
  if (buf->dev != q->dev) return remote_fail(inst, CVK_DEVICE_MISMATCH, "remote: %s: the buffer and the queue are of different devices", call);
  if (offset <= buf->bytes && bytes <= buf->bytes - offset) return CVK_OK;
  return remote_fail(inst, CVK_INVALID_ARGUMENT, "remote: %s: %llu bytes at %llu of a buffer of %llu", call, (unsigned long long)bytes,
                     (unsigned long long)offset, (unsigned long long)buf->bytes);
}

static uint64_t piece(uint64_t left) {
  return left < REMOTE_CHUNK ? left : REMOTE_CHUNK;
}

/* A message about a range of a buffer; the caller adds the rest. */
static void begin_range(remote_call *c, int32_t kind, const cvk_queue *q, const cvk_buffer *buf, uint64_t offset, uint64_t bytes) {
  remote_call_begin(c, kind);
  remote_put_int(&c->message, q->o.id);
  remote_put_int(&c->message, buf->o.id);
  remote_put_int(&c->message, (int64_t)offset);
  remote_put_int(&c->message, (int64_t)bytes);
}

static cvk_status post_end(cvk_queue *q, remote_call *c) {
  q->pending = 1;
  const cvk_status status = remote_post(q->o.inst, &c->message);
  remote_call_end(c);
  return status;
}

cvk_status remote_buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src) {
  cvk_status status = check_range(q, dst, offset, bytes, "buffer_write");
  for (uint64_t done = 0; done < bytes && status == CVK_OK; done += REMOTE_CHUNK) {
    const uint64_t n = piece(bytes - done);
    remote_call c;
    begin_range(&c, REMOTE_BUFFER_WRITE, q, dst, offset + done, n);
    remote_put_data(&c.message, (const char *)src + done, n);
    status = post_end(q, &c);
  }
  return status;
}

cvk_status remote_buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst) {
  cvk_instance *inst = q->o.inst;
  cvk_status status = check_range(q, src, offset, bytes, "buffer_read");
  for (uint64_t done = 0; done < bytes && status == CVK_OK; done += REMOTE_CHUNK) {
    const uint64_t n = piece(bytes - done);
    uint64_t got = 0;
    remote_call c;
    begin_range(&c, REMOTE_BUFFER_READ, q, src, offset + done, n);
    status = remote_call_ask(&c, inst, -1);
    const void *data = status == CVK_OK ? remote_get_data(&c.reply, &got) : NULL;
    if (status == CVK_OK && got != n) status = remote_damaged(inst);
    if (status == CVK_OK) memcpy((char *)dst + done, data, n);
    remote_call_end(&c);
  }
  return status;
}

cvk_status remote_buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  remote_call c;
  cvk_status status = check_range(q, src, src_offset, bytes, "buffer_copy");
  if (status == CVK_OK) status = check_range(q, dst, dst_offset, bytes, "buffer_copy");
  if (status != CVK_OK) return status;
  begin_range(&c, REMOTE_BUFFER_COPY, q, dst, dst_offset, bytes);
  remote_put_int(&c.message, src->o.id);
  remote_put_int(&c.message, (int64_t)src_offset);
  return post_end(q, &c);
}

cvk_status remote_buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  remote_call c;
  const cvk_status status = check_range(q, buf, offset, bytes, "buffer_fill");
  if (status != CVK_OK) return status;
  begin_range(&c, REMOTE_BUFFER_FILL, q, buf, offset, bytes);
  remote_put_int(&c.message, byte_value);
  return post_end(q, &c);
}

cvk_status remote_buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p) {
  (void)buf, (void)offset, (void)bytes, (void)p;
  return remote_fail(q->o.inst, CVK_UNSUPPORTED, "remote: buffers are memory of another process: use buffer_read and buffer_write");
}

cvk_status remote_buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p) {
  (void)buf, (void)p;
  return remote_fail(q->o.inst, CVK_INVALID_ARGUMENT, "remote: buffer_unmap of a buffer that cannot have been mapped");
}

cvk_status remote_buffer_import(cvk_backend_device *dev, void *host, uint64_t bytes, cvk_buffer **out) {
  (void)host, (void)bytes, (void)out;
  return remote_fail(dev->o.inst, CVK_UNSUPPORTED, "remote: memory of this process cannot be a buffer of another");
}

/* ---- queues ---- */

cvk_status remote_queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  cvk_status status;
  remote_call c;
  (void)profiling;
  remote_call_begin(&c, REMOTE_QUEUE_OPEN);
  cvk_queue *q = remote_create(&c, dev->o.inst, sizeof *q, &status);
  if (status != CVK_OK) return status;
  q->dev = dev;
  *out = q;
  return CVK_OK;
}

/* The server answers when it has come to this message, that is, when all before it is done. */
cvk_status remote_queue_finish(cvk_queue *q, int64_t timeout_ns) {
  cvk_instance *inst = q->o.inst;
  remote_call c;
  if (!q->pending && timeout_ns == 0 && !inst->lost && inst->owner == getpid()) return CVK_OK; /* no time for a question, and no need */
  remote_call_begin(&c, REMOTE_QUEUE_FINISH);
  remote_put_int(&c.message, q->o.id);
  const cvk_status status = remote_call_ask(&c, inst, timeout_ns);
  q->pending = 0;
  remote_call_end(&c);
  return status;
}

void remote_queue_close(cvk_queue *q) {
  remote_release(&q->o);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* server_buffers.c: buffers are memory of this process. Queues hold nothing but the first failure of what was posted to them: commands run as
 * they arrive. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

cvk_status server_buffer_alloc(server *s, remote_reader *r, remote_bytes *result) {
  const server_device *dev = server_take(s, r, OBJECT_DEVICE);
  const uint64_t bytes = (uint64_t)remote_get_int(r, 0, REMOTE_MAX_BYTES);
  if (r->failed) return server_damaged(s);
  server_buffer *buf = malloc(sizeof *buf);
  if (buf != NULL) *buf = (server_buffer){.p = server_alloc(bytes, dev->alignment), .bytes = bytes};
  if (buf == NULL || buf->p == NULL) {
    free(buf);
    return server_fail(s, CVK_OUT_OF_DEVICE_MEMORY, "remote: the server has no memory for a buffer of %llu bytes", (unsigned long long)bytes);
  }
  return server_add(s, OBJECT_BUFFER, buf, result);
}

/* Reads a buffer's id, an offset and, where *bytes is 0 so far, a size. NULL, and damage, where the range is not in the buffer. */
static unsigned char *take_range(server *s, remote_reader *r, uint64_t *bytes, int32_t sized) {
  const server_buffer *buf = server_take(s, r, OBJECT_BUFFER);
  const uint64_t offset = (uint64_t)remote_get_int(r, 0, INT64_MAX);
  if (sized) *bytes = (uint64_t)remote_get_int(r, 0, INT64_MAX);
  if (!r->failed && offset <= buf->bytes && *bytes <= buf->bytes - offset) return buf->p + offset;
  r->failed = 1;
  return NULL;
}

cvk_status server_buffer_read(server *s, remote_reader *r, remote_bytes *result) {
  uint64_t bytes;
  const server_queue *q = server_take(s, r, OBJECT_QUEUE);
  const unsigned char *p = take_range(s, r, &bytes, 1);
  if (r->failed || bytes > REMOTE_CHUNK) return server_damaged(s);
  if (q->status != CVK_OK) return server_fail(s, q->status, "%s", q->why);
  remote_put_data(result, p, bytes);
  return CVK_OK;
}

cvk_status server_buffer_write(server *s, remote_reader *r, remote_bytes *result) {
  uint64_t bytes, got;
  unsigned char *p = take_range(s, r, &bytes, 1);
  const void *data = remote_get_data(r, &got);
  (void)result;
  if (r->failed || got != bytes) return server_damaged(s);
  if (bytes > 0) memcpy(p, data, bytes);
  return CVK_OK;
}

cvk_status server_buffer_copy(server *s, remote_reader *r, remote_bytes *result) {
  uint64_t bytes;
  unsigned char *to = take_range(s, r, &bytes, 1);
  const unsigned char *from = take_range(s, r, &bytes, 0);
  (void)result;
  if (r->failed) return server_damaged(s);
  memmove(to, from, bytes);
  return CVK_OK;
}

cvk_status server_buffer_fill(server *s, remote_reader *r, remote_bytes *result) {
  uint64_t bytes;
  unsigned char *p = take_range(s, r, &bytes, 1);
  const int32_t value = (int32_t)remote_get_int(r, INT32_MIN, INT32_MAX);
  (void)result;
  if (r->failed) return server_damaged(s);
  memset(p, value, bytes);
  return CVK_OK;
}

cvk_status server_queue_open(server *s, remote_reader *r, remote_bytes *result) {
  server_queue *q = calloc(1, sizeof *q);
  (void)r;
  return q != NULL ? server_add(s, OBJECT_QUEUE, q, result) : server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for a queue");
}

cvk_status server_queue_finish(server *s, remote_reader *r, remote_bytes *result) {
  server_queue *q = server_take(s, r, OBJECT_QUEUE);
  (void)result;
  if (r->failed) return server_damaged(s);
  const cvk_status status = q->status;
  if (status != CVK_OK) server_fail(s, status, "%s", q->why);
  q->status = CVK_OK;
  return status;
}

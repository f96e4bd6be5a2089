/* SPDX-License-Identifier: Apache-2.0 */
/* buffers.c: a device with memory of its own. A cvk_buffer is a private struct; the host never sees where the memory is and moves bytes with
 * write, read, copy and fill. Without CVK_DEVICE_HOST_MEMORY every cvk_arg holds a cvk_buffer. Buffers come with queues: this one
 * does each command at once (queue.c has one that does not). The op is Add of two f32 tensors of one shape. */
#include "base.h"

struct cvk_kernel {
  const cvk_host *host;
  int64_t count;
};

/* ---- the memory ---- */

/* [chapter] */
struct cvk_buffer {
  const cvk_host *host;
  char *memory; /* stands for the device's; only this file reads and writes it */
};

static cvk_status buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  cvk_buffer *buf = guide_alloc(dev->host, sizeof *buf, "a buffer's record");
  if (buf == NULL) return CVK_NO_MEMORY;
  buf->host = dev->host;
  buf->memory = dev->host->alloc(dev->host->ctx, bytes > 0 ? bytes : 1, 64);
  if (buf->memory == NULL) {
    dev->host->free(dev->host->ctx, buf);
    return guide_fail(dev->host, CVK_OUT_OF_DEVICE_MEMORY, "no memory for a buffer of %llu bytes", (unsigned long long)bytes);
  }
  *out = buf;
  return CVK_OK;
}

static void buffer_free(cvk_buffer *buf) {
  buf->host->free(buf->host->ctx, buf->memory);
  buf->host->free(buf->host->ctx, buf);
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
/* [end] */

static cvk_status buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  (void)q;
  memmove(dst->memory + dst_offset, src->memory + src_offset, bytes); /* src may be dst */
  return CVK_OK;
}

static cvk_status buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  (void)q;
  memset(buf->memory + offset, byte_value, bytes);
  return CVK_OK;
}

/* The group comes as a whole; what the device can't do answers UNSUPPORTED, and the host reads and writes instead. */
static cvk_status buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p) {
  (void)q, (void)buf, (void)offset, (void)bytes, (void)p;
  return CVK_UNSUPPORTED;
}
static cvk_status buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p) {
  (void)q, (void)buf, (void)p;
  return CVK_UNSUPPORTED;
}
static cvk_status buffer_import(cvk_backend_device *dev, void *memory, uint64_t bytes, cvk_buffer **out) {
  (void)dev, (void)memory, (void)bytes, (void)out;
  return CVK_UNSUPPORTED;
}

/* ---- the queue: nothing is ever left to wait for ---- */

struct cvk_queue {
  const cvk_host *host;
};

static cvk_status queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  (void)profiling;
  cvk_queue *q = guide_alloc(dev->host, sizeof *q, "a queue");
  if (q == NULL) return CVK_NO_MEMORY;
  q->host = dev->host;
  *out = q;
  return CVK_OK;
}
static cvk_status queue_finish(cvk_queue *q, int64_t timeout_ns) {
  (void)q, (void)timeout_ns;
  return CVK_OK;
}
static void queue_close(cvk_queue *q) { q->host->free(q->host->ctx, q); }

/* ---- the op ---- */

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (op->kind != CVK_OP_ADD) return CVK_UNSUPPORTED;
  if (!guide_all_f32(op)) return guide_refuse(dev, "add_buffers: takes f32 only");
  if (op->n_post != 0) return guide_refuse(dev, "add_buffers: takes no post-ops");
  if (!guide_same_shape(op->in[0], op->in[1])) return guide_refuse(dev, "add_buffers: does not broadcast");
  guide_candidate(candidates[0], "add_buffers", 0.5 * (double)cvk_count(op->in[0]->rank, op->in[0]->dim));
  candidates[0]->inplace = 0;
  *n = 1;
  return CVK_OK;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  (void)candidate, (void)packs;
  cvk_kernel *k = guide_alloc(dev->host, sizeof *k, "a kernel");
  if (k == NULL) return CVK_NO_MEMORY;
  *k = (cvk_kernel){dev->host, cvk_count(op->in[0]->rank, op->in[0]->dim)};
  *out = k;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { k->host->free(k->host->ctx, k); }

/* [chapter] */
/* An argument is a buffer and an offset into it: many tensors lie in one buffer. Without a queue it is in host memory. */
static float *elements(const cvk_arg *a, const cvk_queue *q) {
  return q == NULL ? guide_floats(a) : (float *)(((cvk_buffer *)a->buffer)->memory + a->offset_bytes);
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  (void)workspace, (void)wait, (void)n_wait;
  if (event != NULL) *event = NULL;
  if (k->count == 0) return CVK_OK; /* a tensor without elements may come without a buffer */
  const float *a = elements(&in[0], queue), *b = elements(&in[1], queue);
  float *y = elements(&out[0], queue);
  for (int64_t i = 0; i < k->count; i++) y[i] = a[i] + b[i];
  return CVK_OK;
}
/* [end] */

static const guide_record guide_device = {"buffers", "guide: memory of its own", 0};
static const cvk_backend guide_backend = {
    GUIDE_REQUIRED("buffers"), .buffer_alloc = buffer_alloc, .buffer_free = buffer_free, .buffer_write = buffer_write,
    .buffer_read = buffer_read, .buffer_copy = buffer_copy, .buffer_map = buffer_map, .buffer_unmap = buffer_unmap,
    .buffer_import = buffer_import, .buffer_fill = buffer_fill, .queue_open = queue_open, .queue_finish = queue_finish,
    .queue_close = queue_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h: what queue.c and events.c share: an in-order queue with a thread that carries its commands out, and buffers (as in buffers.c) whose
 * writes, reads, copies and fills are such commands. The commands lie in a ring of fixed size, so that queueing one allocates nothing;
 * who finds the ring full waits for a place. One lock and one condition serve all; both sides announce every change. */
#ifndef GUIDE_WORKER_H
#define GUIDE_WORKER_H

#include <pthread.h>
#include <time.h>

#include "base.h"

enum { RING = 64 };

typedef struct command {
  void (*run)(const struct command *c); /* called by the worker, without the lock. None of these can fail; one that could would leave its
                                           status in the queue, for queue_finish to return */
  char *to;
  const char *from;
  uint64_t bytes;
  int32_t value;           /* of a fill */
  const cvk_kernel *kernel; /* of an execution */
  cvk_event *event;         /* events.c: of an execution, or NULL */
} command;

struct cvk_queue {
  const cvk_host *host;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* pushed, done or closing */
  int64_t pushed, done;   /* how many so far: command number i, from 1, lies in ring[(i - 1) % RING] */
  int32_t closing;
  command ring[RING];
  cvk_event *events; /* events.c: its pool */
};

/* [chapter] */
static void *work(void *arg) {
  cvk_queue *q = arg;
  pthread_mutex_lock(&q->lock);
  for (;;) {
    while (q->done == q->pushed && !q->closing) pthread_cond_wait(&q->changed, &q->lock);
    if (q->done == q->pushed) break;
    const command *c = &q->ring[q->done % RING]; /* its place is taken again only once it counts as done */
    pthread_mutex_unlock(&q->lock);
    c->run(c);
    pthread_mutex_lock(&q->lock);
    q->done++;
    pthread_cond_broadcast(&q->changed);
  }
  pthread_mutex_unlock(&q->lock);
  return NULL;
}

/* Queues a copy of *c; its number goes to *number, where wanted. */
static void push(cvk_queue *q, const command *c, int64_t *number) {
  pthread_mutex_lock(&q->lock);
  while (q->pushed - q->done == RING) pthread_cond_wait(&q->changed, &q->lock);
  q->ring[q->pushed++ % RING] = *c;
  if (number != NULL) *number = q->pushed;
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->lock);
}
/* [end] */

/* [chapter] */
/* Waits, with the lock held, until command `number` is done. A limit is a moment of the monotonic clock: the wall clock may be set. */
static cvk_status wait_done(cvk_queue *q, int64_t number, int64_t timeout_ns) {
  struct timespec until;
  int expired = 0;
  clock_gettime(CLOCK_MONOTONIC, &until);
  if (timeout_ns > 0) {
    const int64_t ns = until.tv_nsec + timeout_ns % 1000000000;
    until.tv_sec += (time_t)(timeout_ns / 1000000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
  }
  while (q->done < number && !expired) {
    if (timeout_ns < 0) pthread_cond_wait(&q->changed, &q->lock);
    else expired = pthread_cond_timedwait(&q->changed, &q->lock, &until) != 0;
  }
  if (q->done >= number) return CVK_OK;
  return guide_fail(q->host, CVK_TIMEOUT, "%lld of %lld commands are done after %lld ns", (long long)q->done, (long long)number,
                    (long long)timeout_ns);
}

static cvk_status queue_finish(cvk_queue *q, int64_t timeout_ns) {
  pthread_mutex_lock(&q->lock);
  const cvk_status status = wait_done(q, q->pushed, timeout_ns);
  pthread_mutex_unlock(&q->lock);
  return status;
}
/* [end] */

static cvk_status queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  (void)profiling; /* events.c notes the times always: it costs two readings of a clock */
  cvk_queue *q = guide_alloc(dev->host, sizeof *q, "a queue");
  if (q == NULL) return CVK_NO_MEMORY;
  *q = (cvk_queue){.host = dev->host};
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&q->lock, NULL);
  pthread_cond_init(&q->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  const int error = pthread_create(&q->thread, NULL, work, q);
  if (error == 0) {
    *out = q;
    return CVK_OK;
  }
  pthread_cond_destroy(&q->changed);
  pthread_mutex_destroy(&q->lock);
  dev->host->free(dev->host->ctx, q);
  return guide_fail(dev->host, CVK_NO_MEMORY, "no thread for a queue (error %d)", error);
}

/* What has been queued is still done; then the thread ends. */
static void queue_close(cvk_queue *q) {
  pthread_mutex_lock(&q->lock);
  q->closing = 1;
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->lock);
  pthread_join(q->thread, NULL);
  pthread_cond_destroy(&q->changed);
  pthread_mutex_destroy(&q->lock);
  q->host->free(q->host->ctx, q);
}

/* ---- buffers ---- */

struct cvk_buffer {
  const cvk_host *host;
  char *memory;
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

static void run_copy(const command *c) { memmove(c->to, c->from, c->bytes); }
static void run_fill(const command *c) { memset(c->to, c->value, c->bytes); }

static cvk_status buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src) {
  push(q, &(command){.run = run_copy, .to = dst->memory + offset, .from = src, .bytes = bytes}, NULL);
  return CVK_OK;
}
static cvk_status buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst) {
  push(q, &(command){.run = run_copy, .to = dst, .from = src->memory + offset, .bytes = bytes}, NULL);
  return CVK_OK;
}
static cvk_status buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  push(q, &(command){.run = run_copy, .to = dst->memory + dst_offset, .from = src->memory + src_offset, .bytes = bytes}, NULL);
  return CVK_OK;
}
static cvk_status buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  push(q, &(command){.run = run_fill, .to = buf->memory + offset, .bytes = bytes, .value = byte_value}, NULL);
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
static cvk_status buffer_import(cvk_backend_device *dev, void *memory, uint64_t bytes, cvk_buffer **out) {
  (void)dev, (void)memory, (void)bytes, (void)out;
  return CVK_UNSUPPORTED;
}

/* The memory behind an argument; without a queue the host's. */
static char *memory_of(const cvk_arg *a, const cvk_queue *q) {
  return a->buffer == NULL ? NULL : (q == NULL ? (char *)a->buffer : ((cvk_buffer *)a->buffer)->memory) + a->offset_bytes;
}

#define GUIDE_BUFFERS                                                                                                            \
  .buffer_alloc = buffer_alloc, .buffer_free = buffer_free, .buffer_write = buffer_write, .buffer_read = buffer_read,            \
  .buffer_copy = buffer_copy, .buffer_map = buffer_map, .buffer_unmap = buffer_unmap, .buffer_import = buffer_import,            \
  .buffer_fill = buffer_fill

#endif

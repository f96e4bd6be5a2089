/* SPDX-License-Identifier: Apache-2.0 */
/* faulty_device.c: as faulty.c, for a device with memory of its own: relu and add of f32, in a queue that does its work when it is waited for or
 * read from, with events. */
#define _GNU_SOURCE
#include <convoke/plugin.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  NONE, FINISH_TIMES_OUT, FINISH_IS_LATE, COPY_SWAPPED, WRITES_ROUNDED, FILL_NOTHING, FORK_HANGS, FORK_CRASHES, ALLOC_ANY, EVENT_NEVER, OFFSET_IGNORED,
  READ_EARLY, BUFFER_LEAKS, QUEUE_LEAKS, EVENT_LEAKS,
};
#define IS(NAME) (FAULT == (NAME))

enum { ROUND = 64 /* buffers are multiples of it */ };
#define MOST_BYTES ((uint64_t)1 << 40)

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
  pid_t owner;
};
struct cvk_buffer {
  const cvk_host *host;
  char data[];
};
struct cvk_kernel {
  const cvk_host *host;
  cvk_backend_device *dev;
  int64_t count;
  int32_t kind;
};
struct cvk_event {
  const cvk_host *host;
  cvk_queue *queue;
};
struct cvk_queue { /* room for one op that was not run yet */
  const cvk_host *host;
  const cvk_kernel *pending;
  const float *x, *x2;
  float *y;
};

static void *make(const cvk_host *host, uint64_t bytes) {
  void *p = host->alloc(host->ctx, bytes, sizeof(void *));
  if (p == NULL) host->fail(host->ctx, CVK_NO_MEMORY, "faultydevice: no memory for what was asked");
  else memset(p, 0, (size_t)bytes);
  return p;
}
static void give_back(const cvk_host *host, void *p) { host->free(host->ctx, p); }

/* ---- what there is ---- */

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  *out = make(host, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->host = host;
  return CVK_OK;
}
static void instance_destroy(cvk_instance *inst) { give_back(inst->host, inst); }

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (index != 0) return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, "faultydevice: there is one device, 0");
  info->type = CVK_DEVICE_ACCELERATOR;
  info->flags = CVK_DEVICE_ASYNC;
  info->units = 1;
  info->alignment = ROUND;
  strcpy(info->id, "faultydevice");
  strcpy(info->name, "faulty device");
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0) return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, "faultydevice: there is one device, 0");
  *out = make(inst->host, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->host = inst->host;
  (*out)->owner = getpid();
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { give_back(dev->host, dev); }

/* ---- kernels ---- */

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const cvk_tensor_desc *a = op->n_in > 0 ? op->in[0] : NULL, *b = op->n_in > 1 ? op->in[1] : a;
  const int takes = (op->kind == CVK_OP_RELU || op->kind == CVK_OP_ADD) && op->n_post == 0 && a->dtype == CVK_F32 && b->dtype == CVK_F32 &&
                    a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
  if (!takes) {
    dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, "faultydevice: takes relu and add of f32 and equal shapes");
    return CVK_UNSUPPORTED;
  }
  candidates[0]->row = op->kind == CVK_OP_RELU ? "relu_faultydevice" : "add_faultydevice";
  candidates[0]->inplace = 0;
  *n = 1;
  return CVK_OK;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  (void)candidate, (void)packs;
  *out = make(dev->host, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  **out = (cvk_kernel){.host = dev->host, .dev = dev, .count = cvk_count(op->out[0]->rank, op->out[0]->dim), .kind = op->kind};
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { give_back(k->host, k); }

/* ---- queues ---- */

static void flush_queue(cvk_queue *q) {
  const cvk_kernel *k = q->pending;
  q->pending = NULL;
  for (int64_t i = 0; k != NULL && i < k->count; i++) q->y[i] = k->kind == CVK_OP_ADD ? q->x[i] + q->x2[i] : q->x[i] < 0 ? 0 : q->x[i];
}

static cvk_status queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  (void)profiling;
  *out = make(dev->host, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->host = dev->host;
  return CVK_OK;
}

static cvk_status queue_finish(cvk_queue *q, int64_t timeout_ns) {
  flush_queue(q);
  if (IS(FINISH_IS_LATE) && timeout_ns > 0 && timeout_ns < 2000000000) nanosleep(&(const struct timespec){.tv_sec = 3}, NULL);
  return IS(FINISH_TIMES_OUT) && timeout_ns < 0 ? CVK_TIMEOUT : CVK_OK;
}

static void queue_close(cvk_queue *q) {
  if (!IS(QUEUE_LEAKS)) give_back(q->host, q);
}

static void *address(const cvk_arg *a) { return ((cvk_buffer *)a->buffer)->data + (IS(OFFSET_IGNORED) ? 0 : a->offset_bytes); }

static cvk_status execute(cvk_kernel *k, cvk_queue *q, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  (void)workspace, (void)wait, (void)n_wait;
  if (getpid() != k->dev->owner && !IS(FORK_HANGS) && !IS(FORK_CRASHES))
    return k->host->fail(k->host->ctx, CVK_AFTER_FORK, "faultydevice: it was opened by the parent process");
  if (getpid() != k->dev->owner && IS(FORK_CRASHES)) raise(SIGSEGV);
  while (getpid() != k->dev->owner && IS(FORK_HANGS)) nanosleep(&(const struct timespec){.tv_sec = 1000}, NULL);
  if (event != NULL) {
    *event = make(k->host, sizeof **event);
    if (*event == NULL) return CVK_NO_MEMORY;
    **event = (cvk_event){k->host, q};
  }
  flush_queue(q);
  q->x = address(&in[0]);
  q->x2 = k->kind == CVK_OP_ADD ? address(&in[1]) : NULL;
  q->y = address(&out[0]);
  q->pending = k;
  return CVK_OK;
}

static cvk_status event_wait(cvk_event *e, int64_t timeout_ns) {
  (void)timeout_ns;
  if (IS(EVENT_NEVER)) return e->host->fail(e->host->ctx, CVK_TIMEOUT, "faultydevice: the op did not end in time");
  flush_queue(e->queue);
  return CVK_OK;
}
static cvk_status event_time(cvk_event *e, int64_t *start_ns, int64_t *end_ns) {
  (void)start_ns, (void)end_ns;
  return e->host->fail(e->host->ctx, CVK_UNSUPPORTED, "faultydevice: measures no times");
}
static void event_free(cvk_event *e) {
  if (!IS(EVENT_LEAKS)) give_back(e->host, e);
}

/* ---- buffers ---- */

static cvk_status buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  if (bytes > MOST_BYTES && !IS(ALLOC_ANY)) return dev->host->fail(dev->host->ctx, CVK_OUT_OF_DEVICE_MEMORY, "faultydevice: a buffer has 2^40 bytes at most");
  if (bytes > MOST_BYTES) bytes = 0; /* "when it is used" */
  *out = make(dev->host, sizeof **out + (bytes + ROUND - 1) / ROUND * ROUND);
  if (*out == NULL) return CVK_OUT_OF_DEVICE_MEMORY;
  (*out)->host = dev->host;
  return CVK_OK;
}
static void buffer_free(cvk_buffer *b) {
  if (!IS(BUFFER_LEAKS)) give_back(b->host, b);
}

static cvk_status buffer_write(cvk_queue *q, cvk_buffer *to, uint64_t offset, uint64_t bytes, const void *src) {
  flush_queue(q);
  memcpy(to->data + offset, src, (size_t)bytes);
  if (IS(WRITES_ROUNDED)) memset(to->data + offset + bytes, 0, (size_t)((ROUND - (offset + bytes) % ROUND) % ROUND));
  return CVK_OK;
}
static cvk_status buffer_read(cvk_queue *q, cvk_buffer *from, uint64_t offset, uint64_t bytes, void *dst) {
  if (!IS(READ_EARLY)) flush_queue(q);
  memcpy(dst, from->data + offset, (size_t)bytes);
  return CVK_OK;
}
static cvk_status buffer_copy(cvk_queue *q, cvk_buffer *from, uint64_t from_offset, cvk_buffer *to, uint64_t to_offset, uint64_t bytes) {
  flush_queue(q);
  if (IS(COPY_SWAPPED)) memcpy(to->data + from_offset, from->data + to_offset, (size_t)bytes);
  else memcpy(to->data + to_offset, from->data + from_offset, (size_t)bytes);
  return CVK_OK;
}
static cvk_status buffer_map(cvk_queue *q, cvk_buffer *b, uint64_t offset, uint64_t bytes, void **p) {
  (void)b, (void)offset, (void)bytes, (void)p;
  return q->host->fail(q->host->ctx, CVK_UNSUPPORTED, "faultydevice: maps no buffers");
}
static cvk_status buffer_unmap(cvk_queue *q, cvk_buffer *b, void *p) { return buffer_map(q, b, 0, 0, &p); }
static cvk_status buffer_import(cvk_backend_device *dev, void *host, uint64_t bytes, cvk_buffer **out) {
  (void)host, (void)bytes, (void)out;
  return dev->host->fail(dev->host->ctx, CVK_UNSUPPORTED, "faultydevice: takes no memory of the host's");
}
static cvk_status buffer_fill(cvk_queue *q, cvk_buffer *b, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  flush_queue(q);
  memset(b->data + offset, IS(FILL_NOTHING) ? 0 : byte_value, (size_t)bytes);
  return CVK_OK;
}

/* ---- the entry ---- */

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = "faultydevice", .version = "0.1",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free, .buffer_alloc = buffer_alloc, .buffer_free = buffer_free, .buffer_write = buffer_write, .buffer_read = buffer_read,
    .buffer_copy = buffer_copy, .buffer_map = buffer_map, .buffer_unmap = buffer_unmap, .buffer_import = buffer_import, .buffer_fill = buffer_fill,
    .queue_open = queue_open, .queue_finish = queue_finish, .queue_close = queue_close, .event_wait = event_wait, .event_time = event_time,
    .event_free = event_free,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend;
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* events.c: queue.c with events: what stands for one execution, to wait for it, to let another wait for it, and to ask when it ran
 * (CVK_DEVICE_PROFILING). An event is the number of its command in its queue: it has happened once the queue has done as many. The events
 * of a queue come from a pool of its own, since execute allocates nothing; they are freed before their queue is closed. The op is Relu of f32. */
#include "worker.h"

enum { EVENTS = 1024 };

struct cvk_kernel {
  const cvk_host *host;
  int64_t count;
};

/* [chapter] */
struct cvk_event {
  cvk_queue *queue;
  int32_t held;   /* between execute and event_free */
  int64_t number; /* of the command in the queue */
  int64_t start_ns, end_ns;
};

static cvk_status event_wait(cvk_event *e, int64_t timeout_ns) {
  pthread_mutex_lock(&e->queue->lock);
  const cvk_status status = wait_done(e->queue, e->number, timeout_ns);
  pthread_mutex_unlock(&e->queue->lock);
  return status;
}

static cvk_status event_time(cvk_event *e, int64_t *start_ns, int64_t *end_ns) {
  pthread_mutex_lock(&e->queue->lock);
  const int32_t done = e->queue->done >= e->number;
  pthread_mutex_unlock(&e->queue->lock);
  if (!done) return guide_fail(e->queue->host, CVK_BUSY, "command %lld is not done yet and has no times", (long long)e->number);
  *start_ns = e->start_ns; /* the worker wrote them before it counted the command as done */
  *end_ns = e->end_ns;
  return CVK_OK;
}

/* Its place in the pool is free again once its command is done as well. */
static void event_free(cvk_event *e) {
  pthread_mutex_lock(&e->queue->lock);
  e->held = 0;
  pthread_mutex_unlock(&e->queue->lock);
}
/* [end] */

static cvk_event *event_take(cvk_queue *q) {
  cvk_event *e = NULL;
  pthread_mutex_lock(&q->lock);
  for (int32_t i = 0; i < EVENTS && e == NULL; i++) {
    if (!q->events[i].held && q->events[i].number <= q->done) e = &q->events[i];
  }
  if (e != NULL) e->held = 1;
  pthread_mutex_unlock(&q->lock);
  return e;
}

static cvk_status event_queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  cvk_event *pool = guide_alloc(dev->host, EVENTS * sizeof *pool, "events");
  if (pool == NULL) return CVK_NO_MEMORY;
  const cvk_status status = queue_open(dev, profiling, out);
  if (status != CVK_OK) {
    dev->host->free(dev->host->ctx, pool);
    return status;
  }
  for (int32_t i = 0; i < EVENTS; i++) pool[i] = (cvk_event){.queue = *out};
  (*out)->events = pool;
  return CVK_OK;
}

static void event_queue_close(cvk_queue *q) {
  const cvk_host *host = q->host;
  cvk_event *pool = q->events;
  queue_close(q); /* its last commands still write times */
  host->free(host->ctx, pool);
}

/* ---- the op ---- */

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (op->kind != CVK_OP_RELU) return CVK_UNSUPPORTED;
  if (!guide_all_f32(op)) return guide_refuse(dev, "relu_events: takes f32 only");
  if (op->n_post != 0) return guide_refuse(dev, "relu_events: takes no post-ops");
  guide_candidate(candidates[0], "relu_events", 0.5 * (double)cvk_count(op->in[0]->rank, op->in[0]->dim));
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

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* [chapter] */
static void run_relu(const command *c) {
  const float *x = (const float *)c->from;
  float *y = (float *)c->to;
  if (c->event != NULL) c->event->start_ns = now_ns();
  for (int64_t i = 0; i < c->kernel->count; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays: the test is false */
  if (c->event != NULL) c->event->end_ns = now_ns();
}

/* What this queue was given earlier is done earlier: only events of other queues have to be waited for. */
static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  command c = {.run = run_relu, .kernel = k, .from = memory_of(&in[0], queue), .to = memory_of(&out[0], queue)};
  cvk_status status = CVK_OK;
  (void)workspace;
  if (event != NULL) *event = NULL;
  for (int32_t i = 0; i < n_wait && status == CVK_OK; i++) {
    if (wait[i]->queue != queue) status = event_wait(wait[i], -1);
  }
  if (status != CVK_OK) return status;
  if (queue == NULL) {
    run_relu(&c);
    return CVK_OK;
  }
  if (event != NULL) c.event = event_take(queue);
  if (event != NULL && c.event == NULL) return guide_fail(queue->host, CVK_BUSY, "all %d events of the queue are held", EVENTS);
  push(queue, &c, c.event != NULL ? &c.event->number : NULL);
  if (event != NULL) *event = c.event;
  return CVK_OK;
}
/* [end] */

static const guide_record guide_device = {"events", "guide: events and times", CVK_DEVICE_ASYNC | CVK_DEVICE_PROFILING};
static const cvk_backend guide_backend = {
    GUIDE_REQUIRED("events"), GUIDE_BUFFERS, .queue_open = event_queue_open, .queue_finish = queue_finish, .queue_close = event_queue_close,
    .event_wait = event_wait, .event_time = event_time, .event_free = event_free,
};

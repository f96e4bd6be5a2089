/* SPDX-License-Identifier: Apache-2.0 */
/* async.c: relu in host memory whose queue is a thread that sleeps 20 ms before it computes: who does not wait for it reads what was there. Each
 * command has a thread of its own and waits for the one before it. */
#define _GNU_SOURCE
#define NAME "async"
#include <pthread.h>
#include <time.h>

#include "base.h"

struct cvk_queue {
  pthread_t thread;
  int running;
  cvk_kernel *kernel; /* the command in hand */
  cvk_arg in, out;
};

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  info->flags = CVK_DEVICE_HOST_MEMORY | CVK_DEVICE_ASYNC;
  return base_device_info(inst, index, info);
}

static void *work(void *arg) {
  cvk_queue *q = arg;
  nanosleep(&(const struct timespec){.tv_nsec = 20000000}, NULL);
  base_execute(q->kernel, NULL, &q->in, &q->out, NULL, NULL, 0, NULL);
  return NULL;
}

static cvk_status queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out) {
  (void)dev, (void)profiling;
  *out = calloc(1, sizeof **out);
  return *out ? CVK_OK : CVK_NO_MEMORY;
}

static cvk_status queue_finish(cvk_queue *q, int64_t timeout_ns) {
  (void)timeout_ns;
  if (q->running) pthread_join(q->thread, NULL);
  q->running = 0;
  return CVK_OK;
}

static void queue_close(cvk_queue *q) {
  queue_finish(q, -1);
  free(q);
}

static cvk_status execute(cvk_kernel *kernel, cvk_queue *q, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  if (q == NULL) return base_execute(kernel, q, in, out, workspace, wait, n_wait, event);
  queue_finish(q, -1);
  q->kernel = kernel;
  q->in = in[0];
  q->out = out[0];
  q->running = pthread_create(&q->thread, NULL, work, q) == 0;
  if (event != NULL) *event = NULL;
  return q->running ? CVK_OK : CVK_NO_MEMORY;
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.device_info = device_info;
  table.queue_open = queue_open;
  table.queue_finish = queue_finish;
  table.queue_close = queue_close;
  table.execute = execute;
  *out = &table;
  return CVK_OK;
}

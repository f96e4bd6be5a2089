/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c: an asynchronous device: execute puts a command into the queue and returns; a thread of the queue's own (worker.h) carries the
 * commands out in their order; queue_finish waits for them, with a limit. CVK_DEVICE_ASYNC tells the host that a return from execute
 * says nothing about the result. The op is Relu of f32. */
#include "worker.h"

struct cvk_kernel {
  const cvk_host *host;
  int64_t count;
};

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (op->kind != CVK_OP_RELU) return CVK_UNSUPPORTED;
  if (!guide_all_f32(op)) return guide_refuse(dev, "relu_queue: takes f32 only");
  if (op->n_post != 0) return guide_refuse(dev, "relu_queue: takes no post-ops");
  guide_candidate(candidates[0], "relu_queue", 0.5 * (double)cvk_count(op->in[0]->rank, op->in[0]->dim));
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
/* The host frees a kernel only after queue_finish: no command holds it any more. */
static void kernel_free(cvk_kernel *k) { k->host->free(k->host->ctx, k); }

/* [chapter] */
static void run_relu(const command *c) {
  const float *x = (const float *)c->from;
  float *y = (float *)c->to;
  for (int64_t i = 0; i < c->kernel->count; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays: the test is false */
}

/* The addresses are worked out now: in[] and out[] are the host's and may be gone when the worker comes to the command. */
static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const command c = {.run = run_relu, .kernel = k, .from = memory_of(&in[0], queue), .to = memory_of(&out[0], queue)};
  (void)workspace, (void)wait, (void)n_wait; /* a backend without events is given none to wait for */
  if (event != NULL) *event = NULL;
  if (queue != NULL) push(queue, &c, NULL);
  else run_relu(&c);
  return CVK_OK;
}
/* [end] */

static const guide_record guide_device = {"queue", "guide: an asynchronous queue", CVK_DEVICE_ASYNC};
static const cvk_backend guide_backend = {
    GUIDE_REQUIRED("queue"), GUIDE_BUFFERS, .queue_open = queue_open, .queue_finish = queue_finish, .queue_close = queue_close,
};

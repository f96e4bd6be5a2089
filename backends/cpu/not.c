/* SPDX-License-Identifier: Apache-2.0 */
/* not: NOT of bool, plain: 1 where x is 0. May run in place. */
#include "cpu.h"
#include "vec.h"

enum { CHUNK = 65536 };

typedef struct not_kernel {
  cpu_kernel base;
  int64_t count;
  double ns;
} not_kernel;

typedef struct not_job {
  const not_kernel *kernel;
  const uint8_t *x;
  uint8_t *y;
} not_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  if (op->in[0]->dtype != CVK_BOOL) return cpu_refuse(why, "element type %d, not bool", op->in[0]->dtype);
  c->inplace = 0;
  c->estimated_ns = cpu_ns_memory(device, 2.0 * (double)cvk_desc_bytes(op->in[0]), 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  not_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->count = cvk_count(op->in[0]->rank, op->in[0]->dim);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const not_job *j = arg;
  const int64_t end = cpu_min(j->kernel->count, (index + 1) * CHUNK);
  (void)worker;
  for (int64_t i = index * CHUNK; i < end; i++) j->y[i] = j->x[i] == 0;
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const not_kernel *k = (const not_kernel *)kernel;
  not_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->count, CHUNK), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(not_row) = {
    .name = CVK_ISA_ROW("not"), .kind = CVK_OP_NOT, .accepts = accepts, .prepare = prepare, .execute = execute};

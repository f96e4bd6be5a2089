/* SPDX-License-Identifier: Apache-2.0 */
/* global_pool: GLOBAL_AVG_POOL and GLOBAL_MAX_POOL, f32, plain to plain, blocked to blocked, or blocked to plain (before a dense layer). A
 * task is some planes; sums as fold.h says. */
#include "cpu.h"
#include "fold.h"

enum { CELLS_PER_TASK = 4096 };

typedef struct global_kernel {
  cpu_kernel base;
  int64_t channels, blocks, planes, cells; /* a plane is one channel or one channel block of one image */
  int64_t planes_per_task;
  int32_t is_max, blocked_in, blocked_out;
  double ns;
} global_kernel;

typedef struct global_job {
  const global_kernel *kernel;
  const float *x;
  float *y;
} global_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  if (!cpu_all_f32(op, why)) return 0;
  if (op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channels", op->in[0]->rank);
  c->in[0] = cpu_format(variant > 0 ? VL : 0);
  c->out[0] = cpu_format(variant == 1 ? VL : 0);
  cvk_tensor_desc d = *op->in[0];
  d.format = c->in[0];
  c->estimated_ns = cpu_ns_memory(device, (double)cvk_desc_bytes(&d), 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  global_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->is_max = op->kind == CVK_OP_GLOBAL_MAX_POOL;
  k->blocked_in = x->format.layout == CVK_BLOCKED;
  k->blocked_out = op->out[0]->format.layout == CVK_BLOCKED;
  k->channels = x->dim[1];
  k->blocks = cpu_ceil_div(x->dim[1], k->blocked_in ? VL : 1);
  k->planes = x->dim[0] * k->blocks;
  k->cells = cvk_count(x->rank - 2, x->dim + 2);
  k->planes_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, k->cells * (k->blocked_in ? VL : 1)));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const global_job *j = arg;
  const global_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->planes, (index + 1) * k->planes_per_task);
  (void)worker;
  for (int64_t i = index * k->planes_per_task; i < end; i++) {
    if (!k->blocked_in) {
      const float *x = j->x + i * k->cells;
      j->y[i] = k->is_max ? fold_extreme(x, k->cells, 1) : (float)(fold_sum(x, k->cells) / (double)k->cells);
      continue;
    }
    const int64_t channel = i % k->blocks * VL, lanes = cpu_min(VL, k->channels - channel);
    const float *x = j->x + i * k->cells * VL;
    const vf y = v_first(k->is_max ? fold_cells(x, k->cells, 1, 1) : fold_cells(x, k->cells, 0, (double)k->cells), lanes);
    if (k->blocked_out)
      v_store(j->y + i * VL, y);
    else
      v_store_n(j->y + i / k->blocks * k->channels + channel, y, lanes);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const global_kernel *k = (const global_kernel *)kernel;
  global_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->planes, k->planes_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(global_pool_row) = {.name = CVK_ISA_ROW("global_pool"),
                                             .kind = CVK_OP_GLOBAL_MAX_POOL,
                                             .kind_last = CVK_OP_GLOBAL_AVG_POOL,
                                             .variants = 3,
                                             .accepts = accepts,
                                             .prepare = prepare,
                                             .execute = execute};

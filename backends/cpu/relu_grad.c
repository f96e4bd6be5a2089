/* SPDX-License-Identifier: Apache-2.0 */
/* relu_grad: RELU_GRAD, f32, plain or blocked: y > 0 ? gy : 0. The lanes past the last channel are zero in y, so they stay zero. May run in
 * place of gy. */
#include "cpu.h"
#include "vec.h"

enum { CHUNK = 8192, UNROLL = 4 }; /* floats a task; a multiple of UNROLL VL */

typedef struct relu_kernel {
  cpu_kernel base;
  int64_t floats;
  double ns;
} relu_kernel;

typedef struct relu_job {
  int64_t floats;
  const float *y, *gy;
  float *gx;
} relu_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  if (!cpu_all_f32(op, why)) return 0;
  if (variant == 1 && op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", op->in[0]->rank);
  c->in[0] = c->in[1] = c->out[0] = cpu_format(variant ? VL : 0);
  c->inplace = 1;
  cvk_tensor_desc d = *op->in[0];
  d.format = c->in[0];
  c->estimated_ns = cpu_ns_memory(device, 3 * (double)cvk_desc_bytes(&d), 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  relu_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->floats = (int64_t)(cvk_desc_bytes(op->in[0]) / sizeof(float));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const relu_job *j = arg;
  const int64_t first = index * CHUNK, n = cpu_min(CHUNK, j->floats - first);
  const float *y = j->y + first, *gy = j->gy + first;
  float *gx = j->gx + first;
  const vf zero = v_zero();
  int64_t i = 0;
  (void)worker;
  for (; i + UNROLL * VL <= n; i += UNROLL * VL)
    for (int u = 0; u < UNROLL; u++) v_store(gx + i + u * VL, v_sel(v_lt(zero, v_load(y + i + u * VL)), v_load(gy + i + u * VL), zero));
  for (; i < n; i += VL) {
    const int64_t lanes = cpu_min(VL, n - i);
    v_store_n(gx + i, v_sel(v_lt(zero, v_load_n(y + i, lanes)), v_load_n(gy + i, lanes), zero), lanes);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const relu_kernel *k = (const relu_kernel *)kernel;
  relu_job job = {k->floats, in[0], in[1], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->floats, CHUNK), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(relu_grad_row) = {
    .name = CVK_ISA_ROW("relu_grad"), .kind = CVK_OP_RELU_GRAD, .variants = 2, .accepts = accepts, .prepare = prepare, .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* relu: max(x, 0) in any one format; NaN stays. Zero tail lanes of a blocked tensor stay zero. May run in place. */
#include "cpu.h"
#include "vec.h"

enum { CHUNK = 16384 }; /* floats a task */

typedef struct relu_kernel {
  cpu_kernel base;
  int64_t count; /* floats, tail lanes included */
} relu_kernel;

typedef struct relu_job {
  const float *x;
  float *y;
  int64_t count;
} relu_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  if (!cpu_all_f32(op, why)) return 0;
  if (variant == 1 && op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", op->in[0]->rank);
  c->in[0] = c->out[0] = cpu_format(variant ? VL : 0);
  c->inplace = 0;
  cvk_tensor_desc d = *op->in[0];
  d.format = c->in[0];
  c->estimated_ns = cpu_ns_memory(device, 2.0 * (double)cvk_desc_bytes(&d), 1.0);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  relu_kernel *k = cpu_kernel_new(device, sizeof *k);
  (void)c;
  if (!k) return CVK_NO_MEMORY;
  k->count = (int64_t)(cvk_desc_bytes(op->in[0]) / sizeof(float));
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const relu_job *j = arg;
  const int64_t end = cpu_min(j->count, (index + 1) * CHUNK);
  int64_t i = index * CHUNK;
  (void)worker;
  for (; i + VL <= end; i += VL) v_store(j->y + i, v_max_raw(v_zero(), v_load(j->x + i)));
  v_store_n(j->y + i, v_max_raw(v_zero(), v_load_n(j->x + i, end - i)), end - i);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const int64_t count = ((const relu_kernel *)kernel)->count;
  relu_job job = {in[0], out[0], count};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(count, CHUNK), cpu_ns_memory(kernel->device, 8.0 * (double)count, 1.0), run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(relu_row) = {
    .name = CVK_ISA_ROW("relu"), .kind = CVK_OP_RELU, .variants = 2, .accepts = accepts, .prepare = prepare, .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* gather: GATHER, any element type, plain: y [before, picks, after] from x [before, extent, after] and i32 or i64 indices, negative ones
 * counted from the end. Every index is checked before anything is copied; one outside the axis is INVALID_ARGUMENT. */
#include "copy_small.h"
#include "cpu.h"
#include "vec.h"

enum { BYTES_PER_TASK = 65536 };

typedef struct gather_kernel {
  cpu_kernel base;
  int64_t before, extent, picks, bytes; /* bytes of one pick: `after` elements */
  int64_t rows_per_task;
  int32_t wide; /* indices are i64 */
  double ns;
} gather_kernel;

typedef struct gather_job {
  const gather_kernel *kernel;
  const char *x;
  const void *indices;
  char *y;
} gather_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  if (op->in[1]->dtype != CVK_I64 && op->in[1]->dtype != CVK_I32) return cpu_refuse(why, "indices have element type %d", op->in[1]->dtype);
  c->estimated_ns = cpu_ns_memory(device, 2.0 * (double)cvk_desc_bytes(op->out[0]), 0.5);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  gather_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->before = cvk_count(axis, x->dim);
  k->extent = x->dim[axis];
  k->picks = cvk_count(op->in[1]->rank, op->in[1]->dim);
  k->bytes = cvk_count(x->rank - axis - 1, x->dim + axis + 1) * (int64_t)cvk_dtype_bytes(x->dtype);
  k->rows_per_task = cpu_max(1, BYTES_PER_TASK / cpu_max(1, k->bytes));
  k->wide = op->in[1]->dtype == CVK_I64;
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static int64_t index_at(const gather_kernel *k, const void *indices, int64_t i) {
  return k->wide ? ((const int64_t *)indices)[i] : ((const int32_t *)indices)[i];
}

static void run(void *arg, int64_t index, int32_t worker) {
  const gather_job *j = arg;
  const gather_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->before * k->picks, (index + 1) * k->rows_per_task);
  (void)worker;
  for (int64_t row = index * k->rows_per_task; row < end; row++) {
    const int64_t i = index_at(k, j->indices, row % k->picks), from = i < 0 ? i + k->extent : i;
    const char *x = j->x + (row / k->picks * k->extent + from) * k->bytes;
    copy_run(j->y + row * k->bytes, x, k->bytes);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const gather_kernel *k = (const gather_kernel *)kernel;
  gather_job job = {k, in[0], in[1], out[0]};
  (void)workspace;
  for (int64_t i = 0; i < k->picks; i++) {
    const int64_t at = index_at(k, in[1], i);
    if (at < -k->extent || at >= k->extent)
      return cpu_fail(kernel->device, CVK_INVALID_ARGUMENT,
                      "gather: index %lld (entry %lld of the indices) is outside the axis, allowed %lld to %lld", (long long)at,
                      (long long)i, (long long)-k->extent, (long long)k->extent - 1);
  }
  if (k->bytes > 0) cpu_parallel(kernel->device, cpu_ceil_div(k->before * k->picks, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(gather_row) = {
    .name = CVK_ISA_ROW("gather"), .kind = CVK_OP_GATHER, .accepts = accepts, .prepare = prepare, .execute = execute};

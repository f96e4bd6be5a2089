/* SPDX-License-Identifier: Apache-2.0 */
/* shape: SHAPE, extents start..end-1 of x as i64. x itself is not read. */
#include "cpu.h"
#include "vec.h"

typedef struct shape_kernel {
  cpu_kernel base;
  int32_t n;
  int64_t extent[CVK_MAX_RANK];
} shape_kernel;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)device;
  if (variant == 1 && op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", op->in[0]->rank);
  c->in[0] = cpu_format(variant ? VL : 0);
  c->estimated_ns = 10;
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_cast_attr *a = op->attr;
  shape_kernel *k = cpu_kernel_new(device, sizeof *k);
  (void)c;
  if (!k) return CVK_NO_MEMORY;
  k->n = a->end - a->start;
  for (int32_t i = 0; i < k->n; i++) k->extent[i] = op->in[0]->dim[a->start + i];
  *out = &k->base;
  return CVK_OK;
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const shape_kernel *k = (const shape_kernel *)kernel;
  int64_t *y = out[0];
  (void)in, (void)workspace;
  for (int32_t i = 0; i < k->n; i++) y[i] = k->extent[i];
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(shape_row) = {
    .name = CVK_ISA_ROW("shape"), .kind = CVK_OP_SHAPE, .variants = 2, .accepts = accepts, .prepare = prepare, .execute = execute};

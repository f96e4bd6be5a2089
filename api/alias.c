/* SPDX-License-Identifier: Apache-2.0 */
/* alias.c: concat and split without a step. Where the parts of a tensor lie in one piece each (nothing but extents of 1 before the axis, whole
 * channel blocks), the inputs of a concat are made where its output will be, and the outputs of a split stay where its input is: a part's storage
 * becomes a range of the whole's. Asked by schedule.c, which then adds no step. */
#include "plan.h"

int32_t cvk_plan_root(const cvk_plan *p, int32_t storage) {
  while (p->storages[storage].part_of >= 0) storage = p->storages[storage].part_of;
  return storage;
}

uint64_t cvk_plan_offset(const cvk_plan *p, int32_t storage) {
  uint64_t offset = p->storages[storage].offset;
  while ((storage = p->storages[storage].part_of) >= 0) offset += p->storages[storage].offset;
  return offset;
}

/* Whether parts along `axis` of a tensor of this desc are ranges of its memory. */
static int32_t parts_are_ranges(const cvk_tensor_desc *d, int32_t axis) {
  const int32_t blocked = d->format.layout == CVK_BLOCKED;
  if (d->format.layout != CVK_PLAIN && !blocked) return 0;
  for (int32_t i = 0; i < axis; i++) {
    const int64_t extent = blocked && i == 1 ? (d->dim[1] + d->format.block - 1) / d->format.block : d->dim[i];
    if (extent != 1) return 0;
  }
  return 1;
}

int32_t cvk_plan_parts(const cvk_plan *p, const cvk_plan_op *op, const cvk_candidate *c, uint64_t *at) {
  const int32_t joins = op->kind == CVK_OP_CONCAT;
  if ((!joins && op->kind != CVK_OP_SPLIT) || !cvk_format_equal(&c->in[0], &c->out[0])) return 0;
  const int32_t axis = joins ? op->attr.axis.axis : op->attr.split.axis, n = joins ? op->n_in : op->n_out;
  const int32_t *part = joins ? op->in : op->out;
  const cvk_device *dev = p->devices[op->options[op->chosen].device];
  const uint64_t alignment = cvk_device_host_memory(dev) ? 1 : dev->info.alignment;
  cvk_tensor_desc whole = p->values[joins ? op->out[0] : op->in[0]].desc;
  whole.format = c->out[0];
  if (!parts_are_ranges(&whole, axis)) return 0;
  uint64_t end = 0;
  for (int32_t i = 0; i < n; i++) {
    cvk_tensor_desc d = p->values[part[i]].desc;
    d.format = whole.format;
    if (joins) {
      const cvk_format wanted = cvk_candidate_in(op, c, i);
      if (!cvk_format_equal(&wanted, &whole.format)) return 0;
    }
    if (i + 1 < n && axis == 1 && whole.format.layout == CVK_BLOCKED && d.dim[1] % whole.format.block) return 0;
    if (alignment > 1 && end % alignment) return 0;
    at[i] = end;
    end += cvk_desc_bytes(&d);
  }
  return n;
}

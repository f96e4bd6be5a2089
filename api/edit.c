/* SPDX-License-Identifier: Apache-2.0 */
/* edit.c: what the passes that rewrite a plan's ops share: who reads and makes a value, and how an op leaves. */
#include <float.h>
#include <math.h>

#include "plan.h"

void cvk_plan_find_readers(cvk_plan *p) {
  for (int32_t v = 0; v < p->n_values; v++) p->values[v].reader = p->values[v].maker = -1;
  for (int32_t at = 0; at < p->n_ops; at++) {
    if (p->order[at] < 0) continue;
    const cvk_plan_op *op = &p->ops[p->order[at]];
    for (int32_t i = 0; i < op->n_in; i++) {
      if (op->in[i] >= 0) p->values[op->in[i]].reader = at;
    }
    for (int32_t i = 0; i < op->n_out; i++) p->values[op->out[i]].maker = p->order[at];
  }
}

int32_t cvk_plan_only_reader(const cvk_plan *p, int32_t v) {
  return p->values[v].uses == 1 && p->values[v].reader >= 0 ? p->order[p->values[v].reader] : -1;
}

void cvk_plan_retire(cvk_plan *p, int32_t op) {
  p->ops[op].dead = 1;
  for (int32_t at = 0; at < p->n_ops; at++) {
    if (p->order[at] == op) p->order[at] = -1;
  }
}

int32_t cvk_plan_constants(const cvk_plan *p, const cvk_plan_op *op, int32_t from) {
  for (int32_t i = from; i < op->n_in; i++) {
    if (op->in[i] >= 0 && (!p->values[op->in[i]].constant || p->values[op->in[i]].desc.dtype != CVK_F32)) return 0;
  }
  return 1;
}

int32_t cvk_all_finite(const float *x, int64_t n) {
  int32_t bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= !(fabsf(x[i]) <= FLT_MAX);
  return !bad;
}

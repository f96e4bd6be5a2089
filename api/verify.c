/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c: what must hold of a plan after each pass. It looks at what is there: ops as soon as there are any, steps and memory once they
 * are planned. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define FAIL(...) cvk_fail_within(cvk_fail(CVK_INTERNAL, __VA_ARGS__), "the plan is wrong after %s", pass)

static const char *name_of(const cvk_plan_op *op) {
  const cvk_op_def *def = cvk_op_def_find(op->kind);
  return def ? def->name : "unknown op";
}

static int32_t base_of(const cvk_plan *p, int32_t v) {
  while (p->values[v].view_of >= 0) v = p->values[v].view_of;
  return v;
}

/* Whether v exists before any op runs. */
static int32_t is_given(const cvk_plan *p, int32_t v) {
  return p->values[v].constant != NULL || p->values[v].input >= 0;
}

/* ---- ops ---- */

static cvk_status check_operand(const cvk_plan *p, const char *pass, const cvk_plan_op *op, int32_t v, const char *made, int32_t *reads) {
  if (v == -1) return CVK_OK;
  if (v < 0 || v >= p->n_values) return FAIL("%s reads value %d of %d", name_of(op), v, p->n_values);
  const int32_t base = base_of(p, v);
  if (!is_given(p, base) && !made[base]) return FAIL("%s reads value %d before an op has made it", name_of(op), base);
  reads[v]++;
  return CVK_OK;
}

/* The op's own rule gives its results the types and shapes that the plan has. Post-ops change neither. */
static cvk_status check_shapes(const cvk_plan *p, const char *pass, const cvk_plan_op *op) {
  const cvk_op_def *def = cvk_op_def_find(op->kind);
  const cvk_tensor_desc *in[CVK_MAX_INPUTS];
  cvk_tensor_desc out[CVK_MAX_OUTPUTS];
  cvk_any_attr attr;
  if (def == NULL) return FAIL("an op has the unknown kind %d", op->kind);
  if (def->values) return CVK_OK; /* its shape follows from elements that need not be in memory any more */
  for (int32_t i = 0; i < op->n_in; i++) in[i] = op->in[i] < 0 ? NULL : &p->values[op->in[i]].desc;
  const cvk_status status = cvk_op_resolve(op->kind, op->has_attr ? &op->attr : NULL, op->n_in, in, op->n_out, out, &attr);
  if (status != CVK_OK) return cvk_fail_within(CVK_INTERNAL, "the plan is wrong after %s", pass);
  for (int32_t i = 0; i < op->n_out; i++) {
    const cvk_tensor_desc *d = &p->values[op->out[i]].desc;
    if (d->dtype != out[i].dtype || d->rank != out[i].rank || memcmp(d->dim, out[i].dim, sizeof d->dim) != 0) {
      return FAIL("output %d of %s is not what the op's rule gives", i, name_of(op));
    }
  }
  return CVK_OK;
}

static cvk_status check_op(const cvk_plan *p, const char *pass, const cvk_plan_op *op, char *made, int32_t *reads) {
  cvk_status status = op->dead ? FAIL("%s is dead and in the order", name_of(op)) : CVK_OK;
  for (int32_t i = 0; i < op->n_in && status == CVK_OK; i++) status = check_operand(p, pass, op, op->in[i], made, reads);
  for (int32_t k = 0; k < op->n_post && op->n_options && status == CVK_OK; k++)
    status = check_operand(p, pass, op, op->post[k].operand, made, reads);
  if (status == CVK_OK) status = check_shapes(p, pass, op);
  for (int32_t i = 0; i < op->n_out && status == CVK_OK; i++) {
    if (made[op->out[i]]) return FAIL("value %d is made twice, by %s the second time", op->out[i], name_of(op));
    made[op->out[i]] = 1;
  }
  return status;
}

/* Counts only fall too low to do harm: memory that is still read would be used again. */
static cvk_status check_uses(const cvk_plan *p, const char *pass, const char *made, int32_t *reads) {
  for (int32_t v = p->n_values - 1; v >= 0; v--) {
    if (p->values[v].view_of >= 0 && reads[v]) reads[p->values[v].view_of]++;
  }
  for (int32_t i = 0; i < p->graph->n_outputs; i++) {
    const int32_t v = p->graph->outputs[i], base = base_of(p, v);
    if (!is_given(p, base) && !made[base]) return FAIL("no op makes output %d", i);
    reads[v]++;
  }
  for (int32_t v = 0; v < p->n_values && p->n_slots == 0; v++) { /* the schedule spends them */
    if (p->values[v].uses < reads[v]) return FAIL("value %d is read %d times and counted %d times", v, reads[v], p->values[v].uses);
  }
  return CVK_OK;
}

static cvk_status check_ops(const cvk_plan *p, const char *pass, cvk_arena *scratch) {
  char *made = cvk_arena_alloc(scratch, (size_t)p->n_values + 1, 1);
  int32_t *reads = cvk_arena_alloc(scratch, (size_t)p->n_values + 1, sizeof *reads);
  if (made == NULL || reads == NULL) return cvk_plan_no_memory();
  for (int32_t at = 0; at < p->n_ops; at++) {
    if (p->order[at] < 0) continue;
    const cvk_status status = check_op(p, pass, &p->ops[p->order[at]], made, reads);
    if (status != CVK_OK) return status;
  }
  return check_uses(p, pass, made, reads);
}

/* ---- steps and memory ---- */

static cvk_status check_steps(const cvk_plan *p, const char *pass) {
  for (int32_t i = 0; i < p->n_steps; i++) {
    const cvk_plan_step *s = &p->steps[i];
    for (int32_t k = 0; k < s->n_in + s->n_out; k++) {
      const int32_t slot = s->in[k]; /* outputs lie behind the inputs */
      if (slot < 0) continue;
      const cvk_plan_storage *st = &p->storages[cvk_plan_root(p, p->slots[slot].storage)];
      if (st->type == CVK_STORAGE_ARENA && (st->first > i || st->last < i)) {
        return FAIL("step %d uses memory that is kept from step %d to %d", i, st->first, st->last);
      }
    }
  }
  return CVK_OK;
}

static int by_first_step(const void *a, const void *b) {
  const cvk_plan_storage *x = *(const cvk_plan_storage *const *)a, *y = *(const cvk_plan_storage *const *)b;
  return (x->first > y->first) - (x->first < y->first);
}

/* Compares s with the n that began before it and leaves out those that have ended: *n are left. */
static cvk_status check_alive(const char *pass, const cvk_plan_storage *s, const cvk_plan_storage **alive, int32_t *n) {
  int32_t left = 0;
  for (int32_t i = 0; i < *n; i++) {
    const cvk_plan_storage *o = alive[i];
    if (o->last < s->first) continue;
    alive[left++] = o;
    if (o->space != s->space || s->offset >= o->offset + o->bytes || o->offset >= s->offset + s->bytes) continue;
    return FAIL("two values share memory in steps that need both: %llu bytes at %llu, %llu at %llu", (unsigned long long)s->bytes,
                (unsigned long long)s->offset, (unsigned long long)o->bytes, (unsigned long long)o->offset);
  }
  *n = left;
  return CVK_OK;
}

/* In the order in which values begin, each against those that are alive then: few, where there are many steps. */
static cvk_status check_memory(const cvk_plan *p, const char *pass, cvk_arena *scratch) {
  const cvk_plan_storage **list = cvk_arena_alloc(scratch, (size_t)p->n_storages + 1, sizeof *list);
  const cvk_plan_storage **alive = cvk_arena_alloc(scratch, (size_t)p->n_storages + 1, sizeof *alive);
  int32_t n = 0, n_alive = 0;
  cvk_status status = list && alive ? CVK_OK : cvk_plan_no_memory();
  for (int32_t i = 0; i < p->n_storages && status == CVK_OK; i++) {
    const cvk_plan_storage *s = &p->storages[i];
    if (s->type != CVK_STORAGE_ARENA || s->part_of >= 0 || s->bytes == 0) continue;
    list[n++] = s;
    if (s->offset <= p->spaces[s->space].arena_bytes && s->bytes <= p->spaces[s->space].arena_bytes - s->offset) continue;
    return FAIL("%llu bytes at %llu are outside the arena of %llu", (unsigned long long)s->bytes, (unsigned long long)s->offset,
                (unsigned long long)p->spaces[s->space].arena_bytes);
  }
  if (n > 1) qsort(list, (size_t)n, sizeof *list, by_first_step);
  for (int32_t i = 0; i < n && status == CVK_OK; i++) {
    status = check_alive(pass, list[i], alive, &n_alive);
    alive[n_alive++] = list[i];
  }
  return status;
}

cvk_status cvk_plan_verify(cvk_plan *p, const char *pass) {
  cvk_arena scratch = {NULL};
  int32_t planned = 0;
  cvk_status status = check_ops(p, pass, &scratch);
  for (int32_t i = 0; i <= CVK_PLAN_DEVICES; i++) planned |= p->spaces[i].arena_bytes > 0;
  if (status == CVK_OK && planned) status = check_steps(p, pass);
  if (status == CVK_OK && planned) status = check_memory(p, pass, &scratch);
  cvk_arena_free(&scratch);
  return status;
}

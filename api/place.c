/* SPDX-License-Identifier: Apache-2.0 */
/* place.c: chooses a kernel row, and with it the layouts, for every op: the least sum of kernel time, reorders and copies.
 *
 * Dynamic programming over the ops in order. A value's table holds, for each state (space, format) it could lie in, how much dearer that is than the
 * cheapest; differences, not sums, so that what several ops share is not counted twice. Then, from the outputs backwards, each op
 * takes the option that is cheapest for the formats that its readers have taken. Exact on chains, a good guess elsewhere. */
#include <string.h>

#include "plan.h"

#define MAX_STATES 12

typedef struct state {
  int32_t space;
  int32_t owner; /* the device whose private layout it is, or -1 */
  cvk_format format;
  double cost;
} state;

typedef struct table {
  int32_t n;          /* forward: ways it could lie */
  state s[MAX_STATES];
  int32_t n_wanted;   /* backward: what readers took */
  state wanted[MAX_STATES];
} table;

/* Rough, in one place: what a move of `bytes` costs. Only ratios to the backends' estimates matter. */
static double reorder_ns(double bytes, int32_t space) { return space ? 8000.0 + bytes * 2 / 8.0 : 800.0 + bytes * 2 / 24.0; }
static double copy_ns(double bytes) { return 20000.0 + bytes / 5.0; }

static const cvk_format plain = {CVK_PLAIN, 0, 0};

/* As `device` reads or writes `format`. */
static state state_at(const cvk_plan *p, int32_t device, const cvk_format *format) {
  return (state){.space = cvk_plan_space_of(p, device), .owner = cvk_format_owner(format, device), .format = *format};
}

static state plain_in(int32_t space) { return (state){.space = space, .owner = -1}; }

static int32_t same(const state *a, const state *b) {
  return a->space == b->space && a->owner == b->owner && cvk_format_equal(&a->format, &b->format);
}

static double move_ns(const cvk_plan *p, int32_t value, const state *from, const state *to) {
  const double bytes = (double)cvk_desc_bytes(&p->values[value].desc);
  if (same(from, to)) return 0;
  if (from->space == to->space) return reorder_ns(bytes, to->space) * (from->owner >= 0 && to->owner >= 0 ? 2 : 1);
  double ns = copy_ns(bytes);
  if (!cvk_format_equal(&from->format, &plain)) ns += reorder_ns(bytes, from->space);
  if (!cvk_format_equal(&to->format, &plain)) ns += reorder_ns(bytes, to->space);
  return ns;
}

static double option_ns(const cvk_plan_op *op, int32_t i) {
  const double ns = op->options[i].candidate.estimated_ns;
  return ns > 0 ? ns : 1000.0 * (i + 1); /* unknown: keep the backend's order */
}

/* The value behind views, and whether one had to be passed: a view needs its base plain. */
static int32_t base_of(const cvk_plan *p, int32_t v, int32_t *viewed) {
  for (*viewed = 0; p->values[v].view_of >= 0; v = p->values[v].view_of) *viewed = 1;
  return v;
}

/* Cheapest way for `op` under option i to get one operand. */
static double operand_ns(const cvk_plan *p, const table *tables, int32_t v, const state *wanted) {
  int32_t viewed;
  const int32_t base = base_of(p, v, &viewed);
  if (p->values[base].constant) return 0; /* laid out once, when the plan is made */
  const table *t = &tables[base];
  const state to = viewed ? plain_in(wanted->space) : *wanted;
  double best = -1;
  for (int32_t s = 0; s < t->n; s++) {
    double ns = t->s[s].cost + move_ns(p, base, &t->s[s], &to);
    if (viewed && !cvk_format_equal(&wanted->format, &plain)) ns += reorder_ns((double)cvk_desc_bytes(&p->values[v].desc), wanted->space);
    if (best < 0 || ns < best) best = ns;
  }
  return best < 0 ? 0 : best;
}

static int32_t operand_count(const cvk_plan_op *op) {
  return op->n_in + op->n_post;
}

/* Operand i of op under candidate c; -1: absent. */
static int32_t operand(const cvk_plan_op *op, const cvk_candidate *c, int32_t i, cvk_format *format) {
  if (i < op->n_in) {
    *format = cvk_candidate_in(op, c, i);
    return op->in[i];
  }
  *format = c->out[0];
  return op->post[i - op->n_in].operand;
}

static double inputs_ns(const cvk_plan *p, const table *tables, const cvk_plan_op *op, int32_t i) {
  double ns = option_ns(op, i);
  cvk_format format;
  for (int32_t k = 0; k < operand_count(op); k++) {
    const int32_t v = operand(op, &op->options[i].candidate, k, &format);
    if (v < 0) continue;
    const state wanted = state_at(p, op->options[i].device, &format);
    ns += operand_ns(p, tables, v, &wanted);
  }
  return ns;
}

static void add_state(state *list, int32_t *n, state new) {
  for (int32_t s = 0; s < *n; s++) {
    if (!same(&list[s], &new)) continue;
    if (new.cost < list[s].cost) list[s].cost = new.cost;
    return;
  }
  if (*n < MAX_STATES) list[(*n)++] = new;
}

/* Output k of `op` as option i makes it. */
static state made_by(const cvk_plan *p, const cvk_plan_op *op, int32_t i, int32_t k) {
  return state_at(p, op->options[i].device, &op->options[i].candidate.out[k < CVK_CANDIDATE_OUTPUTS ? k : CVK_CANDIDATE_OUTPUTS - 1]);
}

static void forward(const cvk_plan *p, table *tables, double *costs) {
  for (int32_t v = 0; v < p->n_values; v++) {
    if (p->values[v].input >= 0) {
      const int32_t here = p->inputs[p->values[v].input].on_device ? cvk_plan_space_of(p, 0) : 0;
      add_state(tables[v].s, &tables[v].n, plain_in(here));
    }
  }
  for (int32_t at = 0; at < p->n_ops; at++) {
    if (p->order[at] < 0) continue;
    const cvk_plan_op *op = &p->ops[p->order[at]];
    double least = -1;
    for (int32_t i = 0; i < op->n_options; i++) {
      costs[i] = inputs_ns(p, tables, op, i);
      if (least < 0 || costs[i] < least) least = costs[i];
    }
    for (int32_t k = 0; k < op->n_out; k++) {
      table *t = &tables[op->out[k]];
      for (int32_t i = 0; i < op->n_options; i++) {
        state made = made_by(p, op, i, k);
        made.cost = costs[i] - least;
        add_state(t->s, &t->n, made);
      }
    }
  }
}

static void want(const cvk_plan *p, table *tables, int32_t v, state wanted) {
  int32_t viewed;
  const int32_t base = base_of(p, v, &viewed);
  add_state(tables[base].wanted, &tables[base].n_wanted, viewed ? plain_in(wanted.space) : wanted);
}

static double readers_ns(const cvk_plan *p, const table *tables, const cvk_plan_op *op, int32_t i) {
  double ns = 0;
  for (int32_t k = 0; k < op->n_out; k++) {
    const state made = made_by(p, op, i, k);
    const table *t = &tables[op->out[k]];
    for (int32_t w = 0; w < t->n_wanted; w++) ns += move_ns(p, op->out[k], &made, &t->wanted[w]);
  }
  return ns;
}

/* Chooses backwards; `only_plain` keeps to options that read and write plain where an op has one. Returns the summed cost. */
static double backward(cvk_plan *p, table *tables, int32_t only_plain) {
  double total = 0;
  for (int32_t v = 0; v < p->n_values; v++) tables[v].n_wanted = 0;
  for (int32_t o = 0; o < p->graph->n_outputs; o++) {
    want(p, tables, p->graph->outputs[o], plain_in(p->output_on_device[o] ? cvk_plan_space_of(p, 0) : 0));
  }
  for (int32_t at = p->n_ops - 1; at >= 0; at--) {
    if (p->order[at] < 0) continue;
    cvk_plan_op *op = &p->ops[p->order[at]];
    double best = -1, best_own = 0;
    int32_t has_plain = 0;
    for (int32_t i = 0; i < op->n_options; i++) has_plain |= cvk_format_equal(&op->options[i].candidate.out[0], &plain);
    for (int32_t i = 0; i < op->n_options; i++) {
      if (only_plain && has_plain && !cvk_format_equal(&op->options[i].candidate.out[0], &plain)) continue;
      const double after = readers_ns(p, tables, op, i), ns = inputs_ns(p, tables, op, i) + after;
      if (best >= 0 && ns >= best) continue;
      best = ns;
      best_own = option_ns(op, i) + after;
      op->chosen = i;
    }
    total += best_own;
    cvk_format format;
    const cvk_plan_option *chosen = &op->options[op->chosen];
    for (int32_t k = 0; k < operand_count(op); k++) {
      const int32_t v = operand(op, &chosen->candidate, k, &format);
      if (v >= 0) want(p, tables, v, state_at(p, chosen->device, &format));
    }
  }
  return total;
}

cvk_status cvk_plan_place(cvk_plan *p) {
  cvk_arena scratch = {NULL};
  double costs[CVK_MAX_OPTIONS];
  table *tables = cvk_arena_alloc(&scratch, (size_t)p->n_values, sizeof *tables);
  if (tables == NULL) return cvk_plan_no_memory();
  forward(p, tables, costs);
  p->runner_up_ns = backward(p, tables, 1);
  p->cost_ns = backward(p, tables, 0);
  cvk_arena_free(&scratch);
  return CVK_OK;
}

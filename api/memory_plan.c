/* SPDX-License-Identifier: Apache-2.0 */
/* memory_plan.c: offsets for all values that live in a space's arena. Largest first, each at the lowest offset that is free during its life;
 * the workspace that the steps share lies behind them. */
#include "plan.h"

static uint64_t round_up(uint64_t bytes, uint64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

static int32_t alive_together(const cvk_plan_storage *a, const cvk_plan_storage *b) { return a->first <= b->last && b->first <= a->last; }

/* Lowest offset for storage s among the n already placed. They are in no order of offset: move past each conflict until there is none. */
static uint64_t lowest_offset(const cvk_plan *p, const int32_t *placed, int32_t n, const cvk_plan_storage *s, uint64_t alignment) {
  uint64_t at = 0;
  for (int32_t moved = 1; moved;) {
    moved = 0;
    for (int32_t i = 0; i < n; i++) {
      const cvk_plan_storage *o = &p->storages[placed[i]];
      if (!alive_together(s, o) || at >= o->offset + o->bytes || at + s->bytes <= o->offset) continue;
      at = round_up(o->offset + o->bytes, alignment);
      moved = 1;
    }
  }
  return at;
}

/* The arena's storages of one space, largest first. */
static int32_t collect(const cvk_plan *p, int32_t space, int32_t *list) {
  int32_t n = 0;
  for (int32_t s = 0; s < p->n_storages; s++) {
    if (p->storages[s].type != CVK_STORAGE_ARENA || p->storages[s].part_of >= 0 || p->storages[s].space != space || p->storages[s].bytes == 0) continue;
    int32_t at = n++;
    for (; at > 0 && p->storages[list[at - 1]].bytes < p->storages[s].bytes; at--) list[at] = list[at - 1];
    list[at] = s;
  }
  return n;
}

/* The most bytes alive at any step: no plan can be smaller. */
static uint64_t lower_bound(const cvk_plan *p, const int32_t *list, int32_t n) {
  uint64_t most = 0;
  for (int32_t step = 0; step < p->n_steps; step++) {
    uint64_t alive = 0;
    for (int32_t i = 0; i < n; i++) {
      const cvk_plan_storage *s = &p->storages[list[i]];
      if (s->first <= step && step <= s->last) alive += s->bytes;
    }
    if (alive > most) most = alive;
  }
  return most;
}

static void plan_space(cvk_plan *p, int32_t index, int32_t *list) {
  cvk_plan_space *space = &p->spaces[index];
  const uint64_t device = space->dev ? space->dev->info.alignment : 0;
  uint64_t alignment = device > 64 ? device : 64;
  const int32_t n = collect(p, index, list);
  for (int32_t i = 0; i < n; i++) {
    cvk_plan_storage *s = &p->storages[list[i]];
    if (p->options->keep_values) { /* every value stays readable: no memory is used twice */
      s->first = 0;
      s->last = INT32_MAX;
    }
    s->offset = lowest_offset(p, list, i, s, alignment);
    if (s->offset + s->bytes > space->arena_bytes) space->arena_bytes = s->offset + s->bytes;
  }
  space->bound_bytes = lower_bound(p, list, n);
  for (int32_t i = 0; i < p->n_steps; i++) {
    const cvk_plan_step *s = &p->steps[i];
    if (s->type != CVK_STEP_RUN || cvk_plan_space_of(p, s->device) != index) continue;
    if (s->candidate.workspace_bytes > space->workspace_bytes) space->workspace_bytes = s->candidate.workspace_bytes;
    if (s->candidate.workspace_alignment > alignment) alignment = s->candidate.workspace_alignment;
  }
  space->workspace_offset = round_up(space->arena_bytes, alignment);
}

/* Parts lie where their whole lies. */
static void place_parts(cvk_plan *p, uint64_t *at) {
  for (int32_t i = 0; i < p->n_storages; i++) at[i] = cvk_plan_offset(p, i); /* all before one is changed */
  for (int32_t i = 0; i < p->n_storages; i++) {
    const cvk_plan_storage *root = &p->storages[cvk_plan_root(p, i)];
    p->storages[i].offset = at[i];
    p->storages[i].type = root->type;
    p->storages[i].io = root->io;
  }
}

cvk_status cvk_plan_memory(cvk_plan *p) {
  int32_t *list = cvk_arena_alloc(&p->memory, (size_t)p->n_storages + 1, sizeof *list);
  uint64_t *at = cvk_arena_alloc(&p->memory, (size_t)p->n_storages + 1, sizeof *at);
  if (list == NULL || at == NULL) return cvk_plan_no_memory();
  for (int32_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d] && cvk_plan_space_of(p, d)) p->spaces[d + 1].dev = p->devices[d];
  }
  for (int32_t s = 0; s <= CVK_PLAN_DEVICES; s++) plan_space(p, s, list);
  place_parts(p, at);
  return CVK_OK;
}

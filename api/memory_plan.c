/* SPDX-License-Identifier: Apache-2.0 */
/* memory_plan.c: offsets for all values that live in a space's arena. Largest first, each at the lowest offset that is free during its life;
 * the workspace that the steps share lies behind them. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static uint64_t round_up(uint64_t bytes, uint64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

typedef struct sized { uint64_t bytes; int32_t storage; } sized;

/* The storages placed so far, by the steps of their lives: a tree over the steps, whose nodes list those that are alive throughout their
 * range (each life is covered by a few nodes). */
typedef struct listed { int32_t storage, next; } listed;
typedef struct range { uint64_t begin, end; int32_t first, last; } range; /* bytes and steps */
typedef struct lives {
  int32_t steps; /* leaves: a power of two */
  int32_t *head; /* by node, 1 the root: its first in `list`, or -1 */
  int32_t n, cap, n_taken, cap_taken;
  listed *list;
  range *taken; /* of the storage in hand: those that live at the same time */
  int32_t n_placed;
  range *placed; /* all, by offset, up to a few of the last; room for every one */
} lives;

static void lives_free(lives *l) {
  free(l->head);
  free(l->list);
  free(l->taken);
  free(l->placed);
}

static cvk_status lives_create(const cvk_plan *p, int32_t n, lives *l) {
  *l = (lives){.steps = 1};
  while (l->steps < p->n_steps) l->steps *= 2;
  l->head = malloc(2 * (size_t)l->steps * sizeof *l->head);
  l->placed = malloc((size_t)n * sizeof *l->placed);
  if (l->head == NULL || l->placed == NULL) return cvk_plan_no_memory();
  memset(l->head, -1, 2 * (size_t)l->steps * sizeof *l->head);
  return CVK_OK;
}

static int32_t clamp(int32_t step, int32_t steps) { return step < 0 ? 0 : step < steps ? step : steps - 1; }

static cvk_status list_at(lives *l, int32_t node, int32_t storage) {
  const cvk_status status = cvk_grow((void **)&l->list, l->n, &l->cap, sizeof *l->list);
  if (status != CVK_OK) return status;
  l->list[l->n] = (listed){storage, l->head[node]};
  l->head[node] = l->n++;
  return CVK_OK;
}

static cvk_status lives_add(const cvk_plan *p, lives *l, int32_t storage) {
  const cvk_plan_storage *s = &p->storages[storage];
  int32_t first = clamp(s->first, l->steps) + l->steps, end = clamp(s->last, l->steps) + l->steps + 1;
  cvk_status status = CVK_OK;
  for (; first < end && status == CVK_OK; first /= 2, end /= 2) {
    if (first & 1) status = list_at(l, first++, storage);
    if (status == CVK_OK && end & 1) status = list_at(l, --end, storage);
  }
  return status;
}

static int compare_begin(const void *a, const void *b) {
  const range *x = a, *y = b;
  return (x->begin > y->begin) - (x->begin < y->begin);
}

static range range_of(const cvk_plan_storage *s) { return (range){s->offset, s->offset + s->bytes, s->first, s->last}; }

/* Collects those that live at the same time as s, up to `most`; 1: these are all. */
static cvk_status find_taken(const cvk_plan *p, lives *l, const cvk_plan_storage *s, int32_t most, int32_t *all) {
  int32_t first = clamp(s->first, l->steps) + l->steps, last = clamp(s->last, l->steps) + l->steps;
  l->n_taken = 0;
  for (*all = 1; first > 0; first /= 2, last /= 2) { /* every node whose range meets the life */
    for (int32_t node = first; node <= last; node++) {
      if (node - first > most) *all = 0;
      for (int32_t i = l->head[node]; i >= 0 && *all; i = l->list[i].next) {
        const cvk_status status = cvk_grow((void **)&l->taken, l->n_taken, &l->cap_taken, sizeof *l->taken);
        if (status != CVK_OK) return status;
        l->taken[l->n_taken++] = range_of(&p->storages[l->list[i].storage]);
        *all = l->n_taken <= most;
      }
      if (!*all) return CVK_OK;
    }
  }
  if (l->n_taken > 1) qsort(l->taken, (size_t)l->n_taken, sizeof *l->taken, compare_begin);
  return CVK_OK;
}

/* Brings l->placed up to the first n of the list. */
static void sort_placed(const cvk_plan *p, lives *l, const sized *list, int32_t n) {
  if (n - l->n_placed > 16) {
    while (l->n_placed < n) l->placed[l->n_placed] = range_of(&p->storages[list[l->n_placed].storage]), l->n_placed++;
    qsort(l->placed, (size_t)n, sizeof *l->placed, compare_begin);
  }
  for (; l->n_placed < n; l->n_placed++) {
    const range r = range_of(&p->storages[list[l->n_placed].storage]);
    int32_t at = l->n_placed;
    for (; at > 0 && l->placed[at - 1].begin > r.begin; at--) l->placed[at] = l->placed[at - 1];
    l->placed[at] = r;
  }
}

/* Lowest offset that is free during the life of list[index], beside those before it. Few of them live then, as a rule, and are found by the
 * tree; else all are gone through. */
static cvk_status lowest_offset(const cvk_plan *p, lives *l, const sized *list, int32_t index, uint64_t alignment, uint64_t *out) {
  const cvk_plan_storage *s = &p->storages[list[index].storage];
  int32_t all = 0;
  const cvk_status status = find_taken(p, l, s, index / 16 + 64, &all);
  if (status != CVK_OK) return status;
  if (!all) sort_placed(p, l, list, index);
  const range *r = all ? l->taken : l->placed;
  const int32_t n = all ? l->n_taken : l->n_placed;
  uint64_t at = 0;
  for (int32_t i = 0; i < n && r[i].begin < at + s->bytes; i++) {
    if (r[i].end > at && r[i].first <= s->last && s->first <= r[i].last) at = round_up(r[i].end, alignment);
  }
  *out = at;
  return CVK_OK;
}

static int compare_size(const void *a, const void *b) {
  const sized *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  return (x->storage > y->storage) - (x->storage < y->storage);
}

/* The arena's storages of one space, largest first. */
static int32_t collect(const cvk_plan *p, int32_t space, sized *list) {
  int32_t n = 0;
  for (int32_t s = 0; s < p->n_storages; s++) {
    if (p->storages[s].type != CVK_STORAGE_ARENA || p->storages[s].part_of >= 0 || p->storages[s].space != space || p->storages[s].bytes == 0) continue;
    list[n++] = (sized){p->storages[s].bytes, s};
  }
  if (n > 1) qsort(list, (size_t)n, sizeof *list, compare_size);
  return n;
}

/* The most bytes alive at any step: no plan can be smaller. `change` has room for a number a step and one more. */
static uint64_t lower_bound(const cvk_plan *p, const sized *list, int32_t n, uint64_t *change) {
  uint64_t most = 0, alive = 0;
  if (p->n_steps == 0) return 0;
  memset(change, 0, ((size_t)p->n_steps + 1) * sizeof *change);
  for (int32_t i = 0; i < n; i++) {
    const cvk_plan_storage *s = &p->storages[list[i].storage];
    if (s->first >= p->n_steps) continue;
    change[clamp(s->first, p->n_steps)] += s->bytes;
    change[clamp(s->last, p->n_steps) + 1] -= s->bytes; /* sums of both are right modulo 2^64 */
  }
  for (int32_t step = 0; step < p->n_steps; step++) {
    alive += change[step];
    if (alive > most) most = alive;
  }
  return most;
}

static cvk_status place_values(cvk_plan *p, cvk_plan_space *space, const sized *list, int32_t n, uint64_t alignment) {
  lives l;
  cvk_status status = lives_create(p, n, &l);
  for (int32_t i = 0; i < n && status == CVK_OK; i++) {
    cvk_plan_storage *s = &p->storages[list[i].storage];
    if (p->options->keep_values) { /* every value stays readable: no memory is used twice */
      s->first = 0;
      s->last = INT32_MAX;
      s->offset = round_up(space->arena_bytes, alignment);
    } else {
      status = lowest_offset(p, &l, list, i, alignment, &s->offset);
      if (status == CVK_OK) status = lives_add(p, &l, list[i].storage);
    }
    if (s->offset + s->bytes > space->arena_bytes) space->arena_bytes = s->offset + s->bytes;
  }
  lives_free(&l);
  return status;
}

static cvk_status plan_space(cvk_plan *p, int32_t index, sized *list, uint64_t *change) {
  cvk_plan_space *space = &p->spaces[index];
  const uint64_t device = space->dev ? space->dev->info.alignment : 0;
  uint64_t alignment = device > 64 ? device : 64;
  const int32_t n = collect(p, index, list);
  const cvk_status status = n ? place_values(p, space, list, n, alignment) : CVK_OK;
  if (status != CVK_OK) return status;
  space->bound_bytes = lower_bound(p, list, n, change);
  for (int32_t i = 0; i < p->n_steps; i++) {
    const cvk_plan_step *s = &p->steps[i];
    if (s->type != CVK_STEP_RUN || cvk_plan_space_of(p, s->device) != index) continue;
    if (s->candidate.workspace_bytes > space->workspace_bytes) space->workspace_bytes = s->candidate.workspace_bytes;
    if (s->candidate.workspace_alignment > alignment) alignment = s->candidate.workspace_alignment;
  }
  space->workspace_offset = round_up(space->arena_bytes, alignment);
  return CVK_OK;
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
  sized *list = cvk_arena_alloc(&p->memory, (size_t)p->n_storages + 1, sizeof *list);
  uint64_t *at = cvk_arena_alloc(&p->memory, (size_t)p->n_storages + 1, sizeof *at);
  uint64_t *change = cvk_arena_alloc(&p->memory, (size_t)p->n_steps + 1, sizeof *change);
  cvk_status status = list && at && change ? CVK_OK : cvk_plan_no_memory();
  if (status != CVK_OK) return status;
  for (int32_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d] && cvk_plan_space_of(p, d)) p->spaces[d + 1].dev = p->devices[d];
  }
  for (int32_t s = 0; s <= CVK_PLAN_DEVICES && status == CVK_OK; s++) status = plan_space(p, s, list, change);
  if (status != CVK_OK) return status;
  place_parts(p, at);
  return CVK_OK;
}

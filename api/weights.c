/* SPDX-License-Identifier: Apache-2.0 */
/* weights.c: the shared cache of weights.h. A pack is found again by device, row, pack number, attribute, shape and the storage that the data
 * came from. */
#include "weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct pack_entry {
  cvk_device *dev; /* retained unless primary */
  const char *row;
  uint64_t number, source;
  int32_t input, kind;
  cvk_any_attr attr;
  cvk_tensor_desc desc;
  cvk_pack *pack;
  struct pack_entry *next;
} pack_entry;

typedef struct derived_entry {
  int32_t node, which;
  cvk_tensor *tensor;
  struct derived_entry *next;
} derived_entry;

struct cvk_weights {
  _Atomic int32_t refs;
  cvk_device *primary; /* borrowed */
  pthread_mutex_t lock;
  pack_entry *packs;
  derived_entry *derived;
  uint64_t bytes;
};

cvk_status cvk_weights_create(cvk_device *primary, cvk_weights **out) {
  cvk_weights *w = calloc(1, sizeof *w);
  if (w == NULL) return cvk_plan_no_memory();
  atomic_store(&w->refs, 1);
  pthread_mutex_init(&w->lock, NULL);
  w->primary = primary;
  *out = w;
  return CVK_OK;
}

cvk_weights *cvk_weights_retain(cvk_weights *w) {
  atomic_fetch_add(&w->refs, 1);
  return w;
}

void cvk_weights_release(cvk_weights *w) {
  if (w == NULL || atomic_fetch_sub(&w->refs, 1) != 1) return;
  while (w->packs) {
    pack_entry *e = w->packs;
    w->packs = e->next;
    e->dev->backend->pack_free(e->pack);
    if (e->dev != w->primary) cvk_device_release(e->dev);
    free(e);
  }
  while (w->derived) {
    derived_entry *e = w->derived;
    w->derived = e->next;
    cvk_tensor_release(e->tensor);
    free(e);
  }
  pthread_mutex_destroy(&w->lock);
  free(w);
}

static void attr_of(const cvk_op *op, cvk_any_attr *out) {
  const cvk_op_def *def = cvk_op_def_find(op->kind);
  memset(out, 0, sizeof *out);
  if (op->attr) memcpy(out, op->attr, def->attr_bytes);
}

static int32_t same(const pack_entry *a, const pack_entry *b) {
  return a->dev == b->dev && strcmp(a->row, b->row) == 0 && a->number == b->number && a->input == b->input && a->kind == b->kind &&
         a->source == b->source && a->desc.rank == b->desc.rank && memcmp(a->desc.dim, b->desc.dim, sizeof a->desc.dim) == 0 &&
         memcmp(&a->attr, &b->attr, sizeof a->attr) == 0;
}

cvk_status cvk_weights_pack(cvk_weights *w, cvk_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, uint64_t source,
                            cvk_pack **out) {
  pack_entry key = {.dev = dev, .row = candidate->row, .number = candidate->pack[input], .source = source, .input = input, .kind = op->kind,
                    .desc = *op->in[input]};
  cvk_status status = CVK_OK;
  attr_of(op, &key.attr);
  pthread_mutex_lock(&w->lock);
  pack_entry *e = w->packs;
  while (e && !same(e, &key)) e = e->next;
  if (e == NULL) {
    e = malloc(sizeof *e);
    status = e ? dev->backend->pack_create(dev->handle, op, candidate, input, &key.pack) : cvk_plan_no_memory();
    if (status == CVK_OK) {
      *e = key;
      if (dev != w->primary) cvk_device_retain(dev);
      e->next = w->packs;
      w->packs = e;
      w->bytes += cvk_desc_bytes(&key.desc);
    } else {
      free(e);
    }
  }
  if (status == CVK_OK) *out = e->pack;
  pthread_mutex_unlock(&w->lock);
  return status;
}

static derived_entry *find_derived(cvk_weights *w, int32_t node, int32_t which) {
  derived_entry *e = w->derived;
  while (e && (e->node != node || e->which != which)) e = e->next;
  return e;
}

cvk_tensor *cvk_weights_derived(cvk_weights *w, int32_t node, int32_t which) {
  pthread_mutex_lock(&w->lock);
  const derived_entry *e = find_derived(w, node, which);
  cvk_tensor *t = e ? e->tensor : NULL;
  pthread_mutex_unlock(&w->lock);
  return t;
}

cvk_status cvk_weights_keep_derived(cvk_weights *w, int32_t node, int32_t which, cvk_tensor *t) {
  derived_entry *e = malloc(sizeof *e);
  if (e == NULL) return cvk_plan_no_memory();
  pthread_mutex_lock(&w->lock);
  *e = (derived_entry){.node = node, .which = which, .tensor = cvk_tensor_retain(t), .next = w->derived};
  w->derived = e;
  pthread_mutex_unlock(&w->lock);
  return CVK_OK;
}

uint64_t cvk_weights_bytes(cvk_weights *w) {
  pthread_mutex_lock(&w->lock);
  const uint64_t bytes = w->bytes;
  pthread_mutex_unlock(&w->lock);
  return bytes;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* eager.c: cvk_op_run. An eager call is a session over a graph of one op; each device keeps the most recently used ones. On devices in host
 * memory the weights of convolutions and matrix products count as constants, packed once: storage id and write counter are part of the key. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <convoke/ops.h>

#include "device_internal.h"
#include "graph_internal.h"
#include "session_internal.h"
#include "tensor_internal.h"

#define MAX_ENTRIES 128

typedef struct input_key {
  int32_t present, dtype, rank, on_device;
  int64_t dim[CVK_MAX_RANK];
  uint64_t storage_id, writes; /* weights */
  cvk_tensor *value;           /* tensor-valued parameters: the elements themselves */
} input_key;

typedef struct entry {
  int32_t kind, n_in, n_out;
  cvk_any_attr attr;
  int32_t has_attr;
  input_key in[CVK_MAX_INPUTS];
  cvk_session *session;
  int32_t n_run, run[CVK_MAX_INPUTS]; /* which inputs are the session's */
  int32_t users;                      /* runs in hand: not to be dropped */
  uint64_t used;
  struct entry *next;
} entry;

typedef struct cache {
  pthread_mutex_t lock;
  entry *entries;
  int32_t n;
  uint64_t clock;
} cache;

static void entry_free(entry *e) {
  cvk_session_release(e->session);
  for (int32_t i = 0; i < e->n_in; i++) cvk_tensor_release(e->in[i].value);
  free(e);
}

static void cache_free(void *p) {
  cache *c = p;
  while (c->entries) {
    entry *e = c->entries;
    c->entries = e->next;
    entry_free(e);
  }
  pthread_mutex_destroy(&c->lock);
  free(c);
}

static cache *cache_of(cvk_device *dev) {
  pthread_mutex_lock(&dev->lock);
  if (dev->eager == NULL) {
    cache *c = calloc(1, sizeof *c);
    if (c) pthread_mutex_init(&c->lock, NULL);
    dev->eager_free = cache_free;
    dev->eager = c;
  }
  cache *c = dev->eager;
  pthread_mutex_unlock(&dev->lock);
  return c;
}

/* Inputs whose packing is worth keeping: w and b of convolutions, b and c of matrix products. */
static int32_t is_weight(int32_t kind, int32_t i) {
  return i > 0 && (kind == CVK_OP_CONV || kind == CVK_OP_CONV_TRANSPOSE || kind == CVK_OP_GEMM || kind == CVK_OP_MATMUL);
}

static int32_t is_value(const cvk_op_def *def, int32_t i) { return i < 32 && (def->values >> i & 1); }

static int32_t input_equal(const input_key *a, const input_key *b) {
  if (a->present != b->present || a->dtype != b->dtype || a->rank != b->rank || a->on_device != b->on_device || a->storage_id != b->storage_id ||
      a->writes != b->writes || memcmp(a->dim, b->dim, sizeof a->dim) != 0) {
    return 0;
  }
  if (a->value == NULL || b->value == NULL) return a->value == b->value;
  return memcmp(cvk_tensor_host(a->value), cvk_tensor_host(b->value), cvk_tensor_bytes(a->value)) == 0;
}

static int32_t entry_equal(const entry *a, const entry *b) {
  if (a->kind != b->kind || a->n_in != b->n_in || a->n_out != b->n_out || a->has_attr != b->has_attr) return 0;
  if (a->has_attr && memcmp(&a->attr, &b->attr, sizeof a->attr) != 0) return 0;
  for (int32_t i = 0; i < a->n_in; i++) {
    if (!input_equal(&a->in[i], &b->in[i])) return 0;
  }
  return 1;
}

/* Describes the call in *key; value inputs are borrowed or, from a device, fetched into *key (released with release_values). */
static cvk_status describe(cvk_device *dev, const cvk_op_def *def, cvk_tensor *const *inputs, entry *key) {
  for (int32_t i = 0; i < key->n_in; i++) {
    cvk_tensor *t = inputs[i];
    input_key *k = &key->in[i];
    if (t == NULL) continue;
    *k = (input_key){.present = 1, .dtype = t->desc.dtype, .rank = t->desc.rank, .on_device = t->storage->buf != NULL};
    memcpy(k->dim, t->desc.dim, sizeof k->dim);
    if (is_value(def, i)) {
      cvk_status status = cvk_tensor_create(NULL, k->dtype, k->rank, k->dim, NULL, &k->value);
      if (status == CVK_OK) status = cvk_tensor_read(t, cvk_tensor_host(k->value), cvk_tensor_bytes(t));
      if (status != CVK_OK) return status;
    } else if (is_weight(key->kind, i) && cvk_device_host_memory(dev)) {
      k->storage_id = t->storage->id;
      k->writes = cvk_tensor_write_count(t);
    }
  }
  return CVK_OK;
}

static void release_values(entry *key) {
  for (int32_t i = 0; i < key->n_in; i++) cvk_tensor_release(key->in[i].value);
}

/* A graph value for input i: a constant or an input of the session. */
static cvk_status add_input(cvk_graph *g, entry *e, int32_t i, cvk_tensor *t, cvk_value *v) {
  char name[24];
  const input_key *k = &e->in[i];
  *v = CVK_NO_VALUE;
  if (!k->present) return CVK_OK;
  if (k->value) return cvk_graph_constant(g, NULL, k->value, v);
  if (k->storage_id) { /* not held: the key finds this entry only while the tensor lives unchanged */
    cvk_tensor *alias = NULL;
    cvk_status status = cvk_tensor_wrap(k->dtype, k->rank, k->dim, cvk_tensor_host(t), NULL, NULL, &alias);
    if (status == CVK_OK) status = cvk_graph_constant(g, NULL, alias, v);
    cvk_tensor_release(alias);
    return status;
  }
  snprintf(name, sizeof name, "input %d", i);
  e->run[e->n_run++] = i;
  return cvk_graph_input(g, name, k->dtype, k->rank, k->dim, v);
}

static cvk_status build(cvk_device *dev, entry *e, cvk_tensor *const *inputs) {
  cvk_graph *g = NULL;
  cvk_value in[CVK_MAX_INPUTS], out[CVK_MAX_OUTPUTS];
  cvk_status status = cvk_graph_create(dev->ctx, &g);
  for (int32_t i = 0; i < e->n_in && status == CVK_OK; i++) status = add_input(g, e, i, inputs[i], &in[i]);
  if (status == CVK_OK) status = cvk_graph_op(g, e->kind, e->has_attr ? &e->attr : NULL, e->n_in, in, e->n_out, out, NULL);
  for (int32_t i = 0; i < e->n_out && status == CVK_OK; i++) {
    char name[24];
    snprintf(name, sizeof name, "output %d", i);
    status = cvk_graph_output(g, out[i], name);
  }
  if (status == CVK_OK) status = cvk_session_create_borrowing(g, dev, &e->session);
  cvk_graph_release(g);
  return status;
}

static void drop_oldest(cache *c) {
  entry **oldest = NULL;
  for (entry **at = &c->entries; *at; at = &(*at)->next) {
    if ((*at)->users == 0 && (oldest == NULL || (*at)->used < (*oldest)->used)) oldest = at;
  }
  if (oldest == NULL) return;
  entry *e = *oldest;
  *oldest = e->next;
  c->n--;
  entry_free(e);
}

/* The entry for *key, with one more user. Building happens under the lock: two threads never build the same. */
static cvk_status find_or_build(cache *c, cvk_device *dev, entry *key, cvk_tensor *const *inputs, entry **out) {
  cvk_status status = CVK_OK;
  pthread_mutex_lock(&c->lock);
  entry *e = c->entries;
  while (e && !entry_equal(e, key)) e = e->next;
  if (e == NULL) {
    e = malloc(sizeof *e);
    status = e ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "no memory for %zu bytes of a kept kernel", sizeof *e);
    if (e) {
      *e = *key;
      for (int32_t i = 0; i < e->n_in; i++) cvk_tensor_retain(e->in[i].value);
      status = build(dev, e, inputs);
      if (status != CVK_OK) entry_free(e);
    }
    if (status == CVK_OK) {
      if (c->n >= MAX_ENTRIES) drop_oldest(c);
      e->next = c->entries;
      c->entries = e;
      c->n++;
    }
  }
  if (status == CVK_OK) {
    e->users++;
    e->used = ++c->clock;
    *out = e;
  }
  pthread_mutex_unlock(&c->lock);
  return status;
}

static cvk_status find_device(int32_t kind, int32_t n_in, cvk_tensor *const *inputs, cvk_device **out) {
  const char *name = cvk_op_def_find(kind)->name;
  cvk_device *dev = NULL;
  for (int32_t i = 0; i < n_in; i++) {
    cvk_device *d = inputs[i] ? inputs[i]->storage->dev : NULL;
    if (d && dev && d != dev) return cvk_fail(CVK_DEVICE_MISMATCH, "%s: inputs are on %s and on %s", name, dev->info.id, d->info.id);
    if (d) dev = d;
  }
  if (dev == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: no input is a device's tensor, so nothing says where to run", name);
  *out = dev;
  return cvk_device_check(dev);
}

cvk_status cvk_op_run(int32_t kind, const void *attr, int32_t n_in, cvk_tensor *const *inputs, int32_t n_out, cvk_tensor **outputs) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  cvk_tensor *run_inputs[CVK_MAX_INPUTS], *results[CVK_MAX_OUTPUTS] = {NULL};
  cvk_device *dev = NULL;
  entry *key = NULL, *e = NULL;
  if (def == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "op_run: op kind %d is unknown", kind);
  if (n_in < def->min_in || n_in > def->max_in || n_out < 1 || n_out > def->max_out) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %d inputs and %d outputs given, it takes %d to %d and 1 to %d", def->name, n_in, n_out, def->min_in,
                    def->max_in, def->max_out);
  }
  for (int32_t i = 0; i < def->min_in; i++) {
    if (inputs[i] == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d is NULL", def->name, i);
  }
  cvk_status status = find_device(kind, n_in, inputs, &dev);
  cache *c = status == CVK_OK ? cache_of(dev) : NULL;
  if (status == CVK_OK && c == NULL) status = cvk_fail(CVK_NO_MEMORY, "%s: no memory for the cache of kernels", def->name);
  if (status != CVK_OK) return status;
  key = calloc(1, sizeof *key);
  if (key == NULL) return cvk_fail(CVK_NO_MEMORY, "%s: no memory for %zu bytes", def->name, sizeof *key);
  key->kind = kind;
  key->n_in = n_in;
  key->n_out = n_out;
  key->has_attr = attr != NULL && def->attr_bytes > 0;
  if (key->has_attr) status = cvk_attr_copy(def, attr, &key->attr);
  if (status == CVK_OK) status = describe(dev, def, inputs, key);
  if (status == CVK_OK) status = find_or_build(c, dev, key, inputs, &e);
  if (status == CVK_OK) {
    for (int32_t i = 0; i < e->n_run; i++) run_inputs[i] = inputs[e->run[i]];
    status = cvk_session_run(e->session, e->n_run, run_inputs, n_out, results);
    pthread_mutex_lock(&c->lock);
    e->users--;
    pthread_mutex_unlock(&c->lock);
  }
  for (int32_t i = 0; i < n_out && status == CVK_OK; i++) outputs[i] = results[i];
  release_values(key);
  free(key);
  return status;
}

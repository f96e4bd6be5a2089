/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c: see fold.h. */
#include "fold.h"

#include <stdlib.h>

#include "plan.h"

#define SMALL_BYTES (64 << 10)
#define MOST_TIMES 16 /* bytes and work of a result for each byte of the largest constant that it is made of */
#define MOST_DEPTH 6  /* a recipe may make its inputs twice: deep ones could take for ever */

typedef struct recipe {
  const cvk_op_def *def;
  cvk_any_attr attr;
  cvk_tensor_desc out;
  int32_t n_in, depth;
  uint64_t made_of; /* bytes of the largest constant that no op made */
  cvk_tensor *in[]; /* references, or NULL */
} recipe;

static void recipe_free(void *arg) {
  recipe *r = arg;
  for (int32_t i = 0; r && i < r->n_in; i++) cvk_tensor_release(r->in[i]);
  free(r);
}

/* Pins the inputs that `which` names and gives their descs with data; unpin() undoes it, also after a failure. */
static cvk_status pin(const recipe *r, uint32_t which, cvk_tensor_desc *desc, const cvk_tensor_desc **in, int32_t *pinned) {
  cvk_status status = CVK_OK;
  for (*pinned = 0; *pinned < r->n_in && status == CVK_OK; ++*pinned) {
    const int32_t i = *pinned;
    in[i] = r->in[i] ? &desc[i] : NULL;
    if (in[i] == NULL) continue;
    desc[i] = r->in[i]->desc;
    desc[i].const_data = NULL;
    if (!(which >> (i < 31 ? i : 31) & 1)) continue;
    status = cvk_tensor_pin(r->in[i]);
    if (status != CVK_OK) break;
    desc[i].const_data = cvk_tensor_host(r->in[i]);
  }
  return status;
}

static void unpin(const recipe *r, uint32_t which, int32_t pinned) {
  for (int32_t i = 0; i < pinned; i++)
    if (r->in[i] && which >> (i < 31 ? i : 31) & 1) cvk_tensor_unpin(r->in[i]);
}

static cvk_status compute(void *arg, void *to) {
  const recipe *r = arg;
  cvk_tensor_desc desc[CVK_MAX_INPUTS];
  const cvk_tensor_desc *in[CVK_MAX_INPUTS], *const out[] = {&r->out};
  const void *data[CVK_MAX_INPUTS];
  const uint32_t read = r->def->kind == CVK_OP_SHAPE ? 0 : UINT32_MAX;
  int32_t pinned;
  cvk_status status = pin(r, read, desc, in, &pinned);
  for (int32_t i = 0; i < pinned; i++) data[i] = in[i] ? in[i]->const_data : NULL;
  const cvk_op op = {.struct_size = sizeof op,
                     .kind = r->def->kind,
                     .n_in = r->n_in,
                     .n_out = 1,
                     .in = in,
                     .out = out,
                     .attr = r->def->attr_bytes ? &r->attr : NULL};
  if (status == CVK_OK) status = r->def->reference(&op, data, &to);
  unpin(r, read, pinned);
  return status;
}

static void look_at_input(recipe *r, const cvk_tensor *t) {
  const recipe *made = cvk_tensor_loaded_by(t, compute);
  const int32_t depth = made ? made->depth + 1 : 1;
  const uint64_t bytes = made ? made->made_of : cvk_tensor_bytes(t);
  if (depth > r->depth) r->depth = depth;
  if (bytes > r->made_of) r->made_of = bytes;
}

/* A small file may name huge shapes and endless products. */
static int32_t in_proportion(const recipe *r, const cvk_tensor_desc *const *in, uint64_t budget) {
  const uint64_t bytes = cvk_desc_bytes(&r->out), work = cvk_op_work(r->def->kind, &r->attr, r->n_in, in, 1, &r->out);
  if (bytes <= SMALL_BYTES) return bytes <= budget && work <= SMALL_BYTES;
  return bytes / MOST_TIMES <= r->made_of && work / MOST_TIMES <= r->made_of;
}

static recipe *recipe_make(const cvk_op_def *def, const void *attr, int32_t n_in, cvk_tensor *const *in, uint64_t budget) {
  recipe *r = calloc(1, sizeof *r + (size_t)n_in * sizeof *r->in);
  cvk_tensor_desc desc[CVK_MAX_INPUTS];
  const cvk_tensor_desc *descs[CVK_MAX_INPUTS];
  int32_t pinned;
  if (r == NULL) return NULL;
  r->def = def;
  r->n_in = n_in;
  for (int32_t i = 0; i < n_in; i++) {
    r->in[i] = in[i] ? cvk_tensor_retain(in[i]) : NULL;
    if (in[i]) look_at_input(r, in[i]);
  }
  cvk_status status = r->depth > MOST_DEPTH ? CVK_UNSUPPORTED : pin(r, def->values, desc, descs, &pinned);
  if (r->depth <= MOST_DEPTH) {
    if (status == CVK_OK) status = cvk_op_resolve(def->kind, attr, n_in, descs, 1, &r->out, &r->attr);
    if (status == CVK_OK && !in_proportion(r, descs, budget)) status = CVK_UNSUPPORTED;
    unpin(r, def->values, pinned);
  }
  if (status == CVK_OK) return r;
  recipe_free(r);
  return NULL;
}

cvk_tensor *cvk_fold(int32_t kind, const void *attr, int32_t n_in, cvk_tensor *const *in, uint64_t *budget) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  cvk_tensor *t = NULL;
  if (n_in < def->min_in || n_in > def->max_in) return NULL;
  recipe *r = recipe_make(def, attr, n_in, in, budget ? *budget : UINT64_MAX);
  if (r == NULL) return NULL;
  const cvk_tensor_desc *out = &r->out;
  if (cvk_desc_bytes(out) > SMALL_BYTES) {
    if (cvk_tensor_create_loaded(out->dtype, out->rank, out->dim, compute, recipe_free, r, &t) == CVK_OK) return t;
  } else if (cvk_tensor_create(NULL, out->dtype, out->rank, out->dim, NULL, &t) == CVK_OK && compute(r, cvk_tensor_host(t)) != CVK_OK) {
    cvk_tensor_release(t);
    t = NULL;
  }
  if (t && budget) *budget -= cvk_desc_bytes(out);
  recipe_free(r);
  return t;
}

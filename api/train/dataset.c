/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.c: datasets (convoke/dataset.h). Tensors in memory are a source like any other. */
#include <stdlib.h>
#include <string.h>

#include "context_internal.h"
#include "dataset_internal.h"
#include "op_table.h"
#include "struct_copy.h"
#include "tensor_internal.h"

#define CPUS_PER_THREAD 4
#define MOST_DEFAULT_THREADS 8

static const struct {
  int32_t dtype, handed_out;
} x_types[] = {{CVK_U8, CVK_F32}, {CVK_F32, CVK_F32}},
  target_types[] = {{CVK_U8, CVK_I64}, {CVK_I32, CVK_I64}, {CVK_I64, CVK_I64}, {CVK_F32, CVK_F32}};

/* `raw` is the sample's desc as the caller gives it. */
static cvk_status describe(const char *what, const cvk_tensor_desc *raw, int is_target, cvk_tensor_desc *kept,
                           cvk_tensor_desc *handed_out) {
  char text[CVK_DIMS_TEXT];
  int32_t dtype = 0;
  if (raw == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %s is NULL", what);
  for (size_t i = 0; !is_target && i < sizeof x_types / sizeof *x_types; i++)
    if (x_types[i].dtype == raw->dtype) dtype = x_types[i].handed_out;
  for (size_t i = 0; is_target && i < sizeof target_types / sizeof *target_types; i++)
    if (target_types[i].dtype == raw->dtype) dtype = target_types[i].handed_out;
  if (dtype == 0) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %s is %s, it must be %s", what, cvk_dtype_name(raw->dtype),
                    is_target ? "uint8, int32, int64 or float32" : "uint8 or float32");
  }
  if (raw->rank < 0 || raw->rank >= CVK_MAX_RANK) {
    return cvk_fail(CVK_INVALID_SHAPE, "dataset: a sample of %s has rank %d, the range is 0..%d", what, raw->rank, CVK_MAX_RANK - 1);
  }
  if (cvk_count(raw->rank, raw->dim) == 0) {
    return cvk_fail(CVK_INVALID_SHAPE, "dataset: a sample of %s has no elements: %s", what, cvk_dims_text(raw->rank, raw->dim, text));
  }
  cvk_status status = cvk_desc_set(kept, what, raw->dtype, raw->rank, raw->dim);
  if (status == CVK_OK) status = cvk_desc_set(handed_out, what, dtype, raw->rank, raw->dim);
  return status;
}

static cvk_status check_amount(const char *name, float v, float most) {
  if (v >= 0 && v <= most) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %s is %g, the range is 0..%g", name, (double)v, (double)most);
}

static cvk_status check_finite(const char *name, float v) {
  if (v - v == 0) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %s is %g, it must be finite", name, (double)v);
}

static cvk_status take_options(cvk_dataset *ds, const cvk_dataset_options *options) {
  cvk_dataset_options o;
  char text[CVK_DIMS_TEXT];
  cvk_status status = cvk_copy_in(&o, options, sizeof o, "dataset");
  if (status == CVK_OK) status = check_finite("scale", o.scale);
  if (status == CVK_OK) status = check_finite("offset", o.offset);
  if (status == CVK_OK) status = check_finite("fill", o.fill);
  if (status == CVK_OK) status = check_amount("rotate_degrees", o.rotate_degrees, 180);
  if (status == CVK_OK) status = check_amount("translate", o.translate, 1);
  if (status == CVK_OK) status = check_amount("zoom", o.zoom, 0.9f);
  if (status == CVK_OK) status = check_amount("shear_degrees", o.shear_degrees, 80);
  if (status == CVK_OK && (o.threads < 0 || o.threads > CVK_MAX_THREADS)) {
    status = cvk_fail(CVK_INVALID_ARGUMENT, "dataset: threads is %d, the range is 0..%d", o.threads, CVK_MAX_THREADS);
  }
  if (status != CVK_OK) return status;
  ds->scale = o.scale != 0 ? o.scale : ds->raw_x.dtype == CVK_U8 ? 1.0f / 255.0f : 1.0f;
  ds->offset = o.offset;
  ds->augment = (cvk_augment){o.rotate_degrees, o.translate, o.zoom, o.shear_degrees, o.fill, o.flip};
  ds->augments = o.rotate_degrees > 0 || o.translate > 0 || o.zoom > 0 || o.shear_degrees > 0 || o.flip;
  if (ds->augments && (ds->x.rank != 3 || ds->x.dim[1] > CVK_AUGMENT_MOST_SIDE || ds->x.dim[2] > CVK_AUGMENT_MOST_SIDE)) {
    return cvk_fail(CVK_INVALID_SHAPE, "dataset: augmentation needs samples [C,H,W] of at most %d rows and columns, x has %s",
                    CVK_AUGMENT_MOST_SIDE, cvk_dims_text(ds->x.rank, ds->x.dim, text));
  }
  ds->threads = o.threads;
  if (ds->threads == 0) {
    ds->threads = cvk_threadpool_default_size(NULL) / CPUS_PER_THREAD;
    if (ds->threads < 1) ds->threads = 1;
    if (ds->threads > MOST_DEFAULT_THREADS) ds->threads = MOST_DEFAULT_THREADS;
  }
  return CVK_OK;
}

cvk_status cvk_dataset_create_from(cvk_context *ctx, int64_t count, const cvk_tensor_desc *x, const cvk_tensor_desc *target,
                                   cvk_dataset_read_fn read, void (*release)(void *arg), void *arg, const cvk_dataset_options *options,
                                   cvk_dataset **out) {
  if (ctx == NULL || read == NULL || out == NULL) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %s is NULL", ctx == NULL ? "the context" : read == NULL ? "read" : "out");
  }
  if (count < 1) return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %lld samples, it needs at least 1", (long long)count);
  cvk_dataset *ds = calloc(1, sizeof *ds);
  if (ds == NULL) return cvk_fail(CVK_NO_MEMORY, "dataset: no memory for %zu bytes of bookkeeping", sizeof *ds);
  cvk_status status = describe("x", x, 0, &ds->raw_x, &ds->x);
  if (status == CVK_OK) status = describe("target", target, 1, &ds->raw_target, &ds->target);
  if (status == CVK_OK) status = take_options(ds, options);
  if (status != CVK_OK) {
    free(ds);
    return status;
  }
  atomic_store(&ds->refs, 1);
  ds->ctx = cvk_context_retain(ctx);
  ds->count = count;
  ds->read = read;
  ds->release = release;
  ds->arg = arg;
  *out = ds;
  return CVK_OK;
}

cvk_status cvk_dataset_read_failed(cvk_status status, const char *sentence) {
  return cvk_fail(status, "%s", sentence ? sentence : "");
}

cvk_dataset *cvk_dataset_retain(cvk_dataset *ds) {
  if (ds) atomic_fetch_add(&ds->refs, 1);
  return ds;
}

void cvk_dataset_release(cvk_dataset *ds) {
  if (ds == NULL || atomic_fetch_sub(&ds->refs, 1) != 1) return;
  if (ds->release) ds->release(ds->arg);
  cvk_context_release(ds->ctx);
  free(ds);
}

int64_t cvk_dataset_count(const cvk_dataset *ds) {
  return ds->count;
}
const cvk_tensor_desc *cvk_dataset_x(const cvk_dataset *ds) {
  return &ds->x;
}
const cvk_tensor_desc *cvk_dataset_target(const cvk_dataset *ds) {
  return &ds->target;
}

/* ---- tensors in memory ---- */

typedef struct pair {
  cvk_tensor *x, *target;         /* retained and pinned */
  uint64_t x_bytes, target_bytes; /* of a sample */
} pair;

static cvk_status pair_read(void *arg, int64_t index, void *x, void *target) {
  const pair *p = arg;
  memcpy(x, (const char *)p->x->storage->host + (uint64_t)index * p->x_bytes, p->x_bytes);
  memcpy(target, (const char *)p->target->storage->host + (uint64_t)index * p->target_bytes, p->target_bytes);
  return CVK_OK;
}

static void pair_release(void *arg) {
  pair *p = arg;
  cvk_tensor_unpin(p->x);
  cvk_tensor_unpin(p->target);
  cvk_tensor_release(p->x);
  cvk_tensor_release(p->target);
  free(p);
}

/* Pins t and gives the desc of one of its samples. */
static cvk_status open_tensor(const char *what, const cvk_tensor *t, cvk_tensor_desc *sample) {
  if (t->storage->buf != NULL) return cvk_fail(CVK_DEVICE_MISMATCH, "dataset: %s lies on a device, it must be in host memory", what);
  if (t->desc.rank < 1) return cvk_fail(CVK_INVALID_SHAPE, "dataset: %s has rank 0, its first extent must be the number of samples", what);
  *sample = (cvk_tensor_desc){.struct_size = sizeof *sample, .dtype = t->desc.dtype, .rank = t->desc.rank - 1};
  memcpy(sample->dim, t->desc.dim + 1, (size_t)sample->rank * sizeof *sample->dim);
  return cvk_tensor_pin(t);
}

cvk_status cvk_dataset_create(cvk_context *ctx, cvk_tensor *x, cvk_tensor *target, const cvk_dataset_options *options, cvk_dataset **out) {
  cvk_tensor_desc x_sample, target_sample;
  if (x == NULL || target == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "dataset: %s is NULL", x == NULL ? "x" : "target");
  cvk_status status = open_tensor("x", x, &x_sample);
  if (status != CVK_OK) return status;
  status = open_tensor("target", target, &target_sample);
  if (status != CVK_OK) {
    cvk_tensor_unpin(x);
    return status;
  }
  pair *p = malloc(sizeof *p);
  if (p == NULL) {
    cvk_tensor_unpin(x);
    cvk_tensor_unpin(target);
    return cvk_fail(CVK_NO_MEMORY, "dataset: no memory for %zu bytes of bookkeeping", sizeof *p);
  }
  *p = (pair){cvk_tensor_retain(x), cvk_tensor_retain(target), cvk_desc_bytes(&x_sample), cvk_desc_bytes(&target_sample)};
  if (x->desc.dim[0] != target->desc.dim[0]) {
    status =
        cvk_fail(CVK_INVALID_SHAPE, "dataset: x has %lld samples, target %lld", (long long)x->desc.dim[0], (long long)target->desc.dim[0]);
  }
  if (status == CVK_OK) {
    status = cvk_dataset_create_from(ctx, x->desc.dim[0], &x_sample, &target_sample, pair_read, pair_release, p, options, out);
  }
  if (status != CVK_OK) pair_release(p);
  return status;
}

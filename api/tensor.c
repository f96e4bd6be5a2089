/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.c: reference-counted tensors over shared storages (convoke/tensor.h). */
#include "tensor_internal.h"

#include <stdlib.h>
#include <string.h>

#include "device_internal.h"
#include "op_table.h"

static _Atomic uint64_t next_storage_id = 1;

/* Where a constant's data can be had again; its memory need not exist while no one has pinned it. */
struct cvk_source {
  pthread_mutex_t lock;
  int64_t pins;
  const void *raw; /* the data in a read-only mapping of a file, whose pages can be forgotten, at any alignment; NULL: `load` makes it */
  cvk_status (*load)(void *arg, void *to);
  void (*release)(void *arg);
  void *arg;
};

static void source_free(cvk_source *source) {
  if (source == NULL) return;
  if (source->release) source->release(source->arg);
  pthread_mutex_destroy(&source->lock);
  free(source);
}

static void storage_release(cvk_storage *s) {
  if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1) return;
  if (s->release_fn) s->release_fn(s->release_arg);
  if (s->owned) cvk_memory_free(s->host);
  source_free(s->source);
  if (s->buf) {
    if (s->dev->queue && cvk_device_check(s->dev) == CVK_OK) cvk_device_finish(s->dev, -1); /* work in flight may still use it */
    s->dev->backend->buffer_free(s->buf);
  }
  cvk_device_release(s->dev);
  free(s);
}

static cvk_status storage_create(cvk_device *dev, uint64_t bytes, cvk_storage **out) {
  cvk_storage *s = calloc(1, sizeof *s);
  if (s == NULL) return cvk_fail(CVK_NO_MEMORY, "tensor: no memory for %zu bytes of bookkeeping", sizeof *s);
  atomic_store(&s->refs, 1);
  s->id = atomic_fetch_add(&next_storage_id, 1);
  s->bytes = bytes;
  s->dev = dev ? cvk_device_retain(dev) : NULL;
  cvk_status status = CVK_OK;
  if (dev && !cvk_device_host_memory(dev)) {
    status = cvk_device_check(dev);
    if (status == CVK_OK) status = dev->backend->buffer_alloc(dev->handle, bytes ? bytes : 1, &s->buf);
  } else {
    s->host = cvk_memory_alloc(bytes, 64, 1);
    s->owned = 1;
    if (s->host == NULL) status = cvk_fail(CVK_NO_MEMORY, "tensor: no host memory for %llu bytes", (unsigned long long)bytes);
  }
  if (status != CVK_OK) {
    storage_release(s);
    return status;
  }
  *out = s;
  return CVK_OK;
}

static cvk_status tensor_over(cvk_storage *s, const cvk_tensor_desc *desc, cvk_tensor **out) {
  cvk_tensor *t = calloc(1, sizeof *t);
  if (t == NULL) {
    storage_release(s);
    return cvk_fail(CVK_NO_MEMORY, "tensor: no memory for %zu bytes of bookkeeping", sizeof *t);
  }
  atomic_store(&t->refs, 1);
  t->desc = *desc;
  t->storage = s;
  *out = t;
  return CVK_OK;
}

static cvk_status check_args(const char *fn, int32_t rank, const int64_t *dim, cvk_tensor **out) {
  if (out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: out is NULL", fn);
  if (rank > 0 && dim == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: dim is NULL with rank %d", fn, rank);
  return CVK_OK;
}

cvk_status cvk_tensor_create(cvk_device *dev, int32_t dtype, int32_t rank, const int64_t *dim, const void *data, cvk_tensor **out) {
  cvk_tensor_desc desc;
  cvk_storage *s = NULL;
  cvk_tensor *t = NULL;
  cvk_status status = check_args("tensor_create", rank, dim, out);
  if (status == CVK_OK) status = cvk_desc_set(&desc, "tensor", dtype, rank, dim);
  if (status == CVK_OK) status = storage_create(dev, cvk_desc_bytes(&desc), &s);
  if (status == CVK_OK) status = tensor_over(s, &desc, &t);
  if (status != CVK_OK) return status;
  if (s->bytes > 0 && data) status = cvk_tensor_write(t, data, s->bytes);
  else if (s->bytes > 0 && s->buf) {
    status = dev->backend->buffer_fill(dev->queue, s->buf, 0, s->bytes, 0);
  }
  atomic_store(&s->writes, 0);
  if (status == CVK_OK) *out = t;
  else cvk_tensor_release(t);
  return status;
}

cvk_status cvk_tensor_wrap(int32_t dtype, int32_t rank, const int64_t *dim, void *data, void (*release_fn)(void *), void *arg, cvk_tensor **out) {
  cvk_tensor_desc desc;
  cvk_status status = check_args("tensor_wrap", rank, dim, out);
  if (status == CVK_OK) status = cvk_desc_set(&desc, "tensor", dtype, rank, dim);
  if (status != CVK_OK) return status;
  const uint64_t element = cvk_dtype_bytes(dtype), bytes = cvk_desc_bytes(&desc);
  if (data == NULL && bytes > 0) return cvk_fail(CVK_INVALID_ARGUMENT, "tensor_wrap: data is NULL for %llu bytes", (unsigned long long)bytes);
  if ((uintptr_t)data % element != 0) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "tensor_wrap: data at %p is not aligned to the element's %llu bytes", data, (unsigned long long)element);
  }
  cvk_storage *s = calloc(1, sizeof *s);
  if (s == NULL) return cvk_fail(CVK_NO_MEMORY, "tensor: no memory for %zu bytes of bookkeeping", sizeof *s);
  atomic_store(&s->refs, 1);
  s->id = atomic_fetch_add(&next_storage_id, 1);
  s->bytes = bytes;
  s->host = data;
  status = tensor_over(s, &desc, out);
  if (status == CVK_OK) {
    s->release_fn = release_fn;
    s->release_arg = arg;
  }
  return status;
}

cvk_status cvk_tensor_view(cvk_tensor *base, int32_t rank, const int64_t *dim, cvk_tensor **out) {
  cvk_tensor_desc desc;
  cvk_status status = check_args("tensor_view", rank, dim, out);
  if (status == CVK_OK && base == NULL) status = cvk_fail(CVK_INVALID_ARGUMENT, "tensor_view: base is NULL");
  if (status == CVK_OK) status = cvk_desc_set(&desc, "tensor", base->desc.dtype, rank, dim);
  if (status != CVK_OK) return status;
  if (cvk_desc_bytes(&desc) != cvk_desc_bytes(&base->desc)) {
    return cvk_fail(CVK_INVALID_SHAPE, "tensor_view: the new shape has %lld elements, the tensor %lld", (long long)cvk_count(rank, dim),
                    (long long)cvk_tensor_count(base));
  }
  atomic_fetch_add(&base->storage->refs, 1);
  return tensor_over(base->storage, &desc, out);
}

cvk_tensor *cvk_tensor_retain(cvk_tensor *t) {
  if (t) atomic_fetch_add(&t->refs, 1);
  return t;
}

void cvk_tensor_release(cvk_tensor *t) {
  if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1) return;
  storage_release(t->storage);
  free(t);
}

int32_t cvk_tensor_dtype(const cvk_tensor *t) { return t->desc.dtype; }
int32_t cvk_tensor_rank(const cvk_tensor *t) { return t->desc.rank; }
const int64_t *cvk_tensor_dims(const cvk_tensor *t) { return t->desc.dim; }
int64_t cvk_tensor_count(const cvk_tensor *t) { return cvk_count(t->desc.rank, t->desc.dim); }
uint64_t cvk_tensor_bytes(const cvk_tensor *t) { return t->storage->bytes; }
cvk_device *cvk_tensor_device(const cvk_tensor *t) { return t->storage->dev; }
uint64_t cvk_tensor_write_count(const cvk_tensor *t) { return atomic_load(&t->storage->writes); }

void *cvk_tensor_host(const cvk_tensor *t) {
  const cvk_source *source = t->storage->source;
  if (source && t->storage->host == NULL) cvk_tensor_pin(t); /* asked for without a pin: it stays */
  return t->storage->host;
}

static cvk_status source_load(const cvk_storage *s, void *to) {
  const cvk_source *source = s->source;
  if (source->load) return source->load(source->arg, to);
  memcpy(to, source->raw, s->bytes);
  cvk_memory_forget(source->raw, s->bytes);
  return CVK_OK;
}

const void *cvk_tensor_raw(const cvk_tensor *t) {
  const cvk_storage *s = t->storage;
  return s->source ? s->source->raw : s->host;
}

void cvk_tensor_forget(const cvk_tensor *t) {
  const cvk_source *source = t->storage->source;
  if (source && source->raw) cvk_memory_forget(source->raw, t->storage->bytes);
}

cvk_status cvk_tensor_pin(const cvk_tensor *t) {
  cvk_storage *s = t->storage;
  cvk_source *source = s->source;
  cvk_status status = CVK_OK;
  if (source == NULL) return CVK_OK;
  pthread_mutex_lock(&source->lock);
  if (s->owned && source->pins == 0) {
    s->host = cvk_memory_alloc(s->bytes, 64, 0);
    status = s->host ? source_load(s, s->host)
                     : cvk_fail(CVK_NO_MEMORY, "no host memory for a constant of %llu bytes", (unsigned long long)s->bytes);
    if (status != CVK_OK) {
      cvk_memory_free(s->host);
      s->host = NULL;
    }
  }
  source->pins += status == CVK_OK;
  pthread_mutex_unlock(&source->lock);
  return status;
}

void cvk_tensor_unpin(const cvk_tensor *t) {
  cvk_storage *s = t->storage;
  cvk_source *source = s->source;
  if (source == NULL) return;
  pthread_mutex_lock(&source->lock);
  if (--source->pins == 0 && s->owned) {
    cvk_memory_free(s->host);
    s->host = NULL;
  } else if (source->pins == 0) {
    cvk_tensor_forget(t);
  }
  pthread_mutex_unlock(&source->lock);
}

static cvk_source *source_new(const void *raw, cvk_status (*load)(void *arg, void *to), void *arg) {
  cvk_source *source = malloc(sizeof *source);
  if (source == NULL) return NULL;
  *source = (cvk_source){.raw = raw, .load = load, .arg = arg};
  pthread_mutex_init(&source->lock, NULL);
  return source;
}

static cvk_status create_over(int32_t dtype, int32_t rank, const int64_t *dim, const void *raw, cvk_status (*load)(void *arg, void *to),
                              void (*release)(void *arg), void *arg, cvk_tensor **out) {
  cvk_tensor_desc desc;
  cvk_status status = cvk_desc_set(&desc, "tensor", dtype, rank, dim);
  if (status != CVK_OK) return status;
  cvk_storage *s = calloc(1, sizeof *s);
  cvk_source *source = source_new(raw, load, arg);
  if (s == NULL || source == NULL) {
    free(s);
    source_free(source);
    return cvk_fail(CVK_NO_MEMORY, "tensor: no memory for %zu bytes of bookkeeping", sizeof *s);
  }
  atomic_store(&s->refs, 1);
  s->id = atomic_fetch_add(&next_storage_id, 1);
  s->bytes = cvk_desc_bytes(&desc);
  s->owned = 1;
  s->source = source;
  status = tensor_over(s, &desc, out);
  if (status == CVK_OK) source->release = release; /* on failure arg stays the caller's */
  return status;
}

cvk_status cvk_tensor_create_loaded(int32_t dtype, int32_t rank, const int64_t *dim, cvk_status (*load)(void *arg, void *to),
                                    void (*release)(void *arg), void *arg, cvk_tensor **out) {
  return create_over(dtype, rank, dim, NULL, load, release, arg, out);
}

void *cvk_tensor_loaded_by(const cvk_tensor *t, cvk_status (*load)(void *arg, void *to)) {
  const cvk_source *source = t->storage->source;
  return source && source->load == load ? source->arg : NULL;
}

cvk_status cvk_tensor_create_mapped(int32_t dtype, int32_t rank, const int64_t *dim, const void *raw, void (*release)(void *arg), void *arg,
                                    cvk_tensor **out) {
  return create_over(dtype, rank, dim, raw, NULL, release, arg, out);
}

void cvk_tensor_is_file(cvk_tensor *t) {
  t->storage->source = source_new(t->storage->host, NULL, NULL); /* NULL: its pages stay */
}

static cvk_status check_transfer(const char *fn, const cvk_tensor *t, const void *p, uint64_t bytes) {
  if (t == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: the tensor is NULL", fn);
  if (bytes != t->storage->bytes) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %llu bytes asked for, the tensor has %llu", fn, (unsigned long long)bytes,
                    (unsigned long long)t->storage->bytes);
  }
  if (p == NULL && bytes > 0) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: the pointer is NULL for %llu bytes", fn, (unsigned long long)bytes);
  return t->storage->buf ? cvk_device_check(t->storage->dev) : CVK_OK;
}

cvk_status cvk_tensor_read(const cvk_tensor *t, void *out, uint64_t bytes) {
  cvk_status status = check_transfer("tensor_read", t, out, bytes);
  if (status != CVK_OK || bytes == 0) return status;
  const cvk_storage *s = t->storage;
  if (s->buf == NULL) {
    status = cvk_tensor_pin(t);
    if (status != CVK_OK) return status;
    memcpy(out, s->host, bytes);
    cvk_tensor_unpin(t);
    return CVK_OK;
  }
  pthread_mutex_lock(&s->dev->lock);
  status = s->dev->backend->buffer_read(s->dev->queue, s->buf, 0, bytes, out);
  if (status == CVK_OK) status = cvk_device_finish(s->dev, -1);
  pthread_mutex_unlock(&s->dev->lock);
  return status;
}

cvk_status cvk_tensor_write(cvk_tensor *t, const void *data, uint64_t bytes) {
  cvk_status status = check_transfer("tensor_write", t, data, bytes);
  if (status != CVK_OK || bytes == 0) return status;
  cvk_storage *s = t->storage;
  if (s->host) {
    memcpy(s->host, data, bytes);
  } else {
    pthread_mutex_lock(&s->dev->lock);
    status = s->dev->backend->buffer_write(s->dev->queue, s->buf, 0, bytes, data);
    if (status == CVK_OK) status = cvk_device_finish(s->dev, -1);
    pthread_mutex_unlock(&s->dev->lock);
  }
  if (status == CVK_OK) atomic_fetch_add(&s->writes, 1);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tensor_internal.h: a tensor is a desc over a shared storage; views share the storage. */
#ifndef CVK_TENSOR_INTERNAL_H
#define CVK_TENSOR_INTERNAL_H

#include <convoke/tensor.h>
#include <pthread.h>
#include <stdatomic.h>

#include "memory.h"

typedef struct cvk_source cvk_source;

typedef struct cvk_storage {
  _Atomic int32_t refs;
  cvk_device *dev;   /* retained; NULL: host memory of no device */
  void *host;        /* set where the memory is the host's (no device, or a host-memory device) */
  cvk_buffer *buf;   /* set elsewhere */
  uint64_t bytes;
  uint64_t id;       /* unique in the process */
  _Atomic uint64_t writes;
  void (*release_fn)(void *);
  void *release_arg;
  int32_t owned;     /* host was allocated here */
  cvk_source *source; /* NULL: the memory is all there is */
} cvk_storage;

struct cvk_tensor {
  _Atomic int32_t refs;
  cvk_tensor_desc desc; /* plain */
  cvk_storage *storage;
};

/* Data of a tensor in host memory; NULL when it lives on a device. Of one with a source: pin it first, or the data stays for good. */
void *cvk_tensor_host(const cvk_tensor *t);

/* A constant whose data can be made again: `load` writes it to `to` when it is pinned, and its memory goes with the last pin. `release(arg)` is
 * called with the tensor's end; on failure arg stays the caller's. */
cvk_status cvk_tensor_create_loaded(int32_t dtype, int32_t rank, const int64_t *dim, cvk_status (*load)(void *arg, void *to),
                                    void (*release)(void *arg), void *arg, cvk_tensor **out);
/* The `arg` of a tensor that this function loads; NULL: it is another one. */
void *cvk_tensor_loaded_by(const cvk_tensor *t, cvk_status (*load)(void *arg, void *to));
/* A constant of a read-only mapping of a file, at any alignment: a copy is in memory while it is pinned. Release and failure as above. */
cvk_status cvk_tensor_create_mapped(int32_t dtype, int32_t rank, const int64_t *dim, const void *raw, void (*release)(void *arg), void *arg,
                                    cvk_tensor **out);
/* The tensor lies in a read-only mapping of a file: its pages are forgotten with the last pin, and come back when they are read. */
void cvk_tensor_is_file(cvk_tensor *t);
/* Without a source both do nothing. Any thread. */
cvk_status cvk_tensor_pin(const cvk_tensor *t);
void cvk_tensor_unpin(const cvk_tensor *t);
/* The data without a pin, at any alignment, for as long as the tensor; NULL: only a pin makes it. cvk_tensor_forget when it was read: pages of a
 * file need not stay. */
const void *cvk_tensor_raw(const cvk_tensor *t);
void cvk_tensor_forget(const cvk_tensor *t);

#endif

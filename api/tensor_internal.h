/* SPDX-License-Identifier: Apache-2.0 */
/* tensor_internal.h: a tensor is a desc over a shared storage; views share the storage. */
#ifndef CVK_TENSOR_INTERNAL_H
#define CVK_TENSOR_INTERNAL_H

#include <convoke/tensor.h>
#include <stdatomic.h>

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
} cvk_storage;

struct cvk_tensor {
  _Atomic int32_t refs;
  cvk_tensor_desc desc; /* plain */
  cvk_storage *storage;
};

/* Host memory, zeroed, aligned to 64 bytes; free() frees it. NULL: out of memory. */
void *cvk_memory_alloc(uint64_t bytes);

/* Data of a tensor in host memory; NULL when it lives on a device. */
void *cvk_tensor_host(const cvk_tensor *t);

#endif

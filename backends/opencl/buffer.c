/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.c: device memory. Allocations are checked against the device's limits before the driver is asked, since some drivers accept
 * anything and fail at the first use. Writes, reads, copies and fills are queued, or done at once where nothing is under way; none waits.
 */
#define _DEFAULT_SOURCE /* madvise */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cl.h"
#include "process.h"

#define HUGE_PAGE (2u << 20)

cvk_status ocl_mem_create(cvk_backend_device *dev, cl_mem_flags flags, uint64_t bytes, const void *data, cl_mem *out) {
  const uint64_t used = atomic_load(&dev->used_bytes);
  if (dev->max_alloc_bytes && bytes > dev->max_alloc_bytes)
    return ocl_fail(dev->host, CVK_OUT_OF_DEVICE_MEMORY, "%s: a buffer of %llu bytes is wanted, the largest allowed is %llu (memory %llu)",
                    dev->label, (unsigned long long)bytes, (unsigned long long)dev->max_alloc_bytes, (unsigned long long)dev->memory_bytes);
  if (dev->memory_bytes && (used > dev->memory_bytes || bytes > dev->memory_bytes - used))
    return ocl_fail(dev->host, CVK_OUT_OF_DEVICE_MEMORY,
                    "%s: a buffer of %llu bytes is wanted, %llu of %llu are in use (largest buffer %llu)", dev->label,
                    (unsigned long long)bytes, (unsigned long long)used, (unsigned long long)dev->memory_bytes,
                    (unsigned long long)dev->max_alloc_bytes);
  const uint64_t size = bytes ? bytes : 1;
  cl_int error;
  cl_mem mem = clCreateBuffer(dev->context, flags | (data && !(flags & CL_MEM_USE_HOST_PTR) ? CL_MEM_COPY_HOST_PTR : 0), size,
                              (void *)(uintptr_t)data, &error);
  if (error != CL_SUCCESS)
    return ocl_fail(dev->host, ocl_error_status(error), "%s: clCreateBuffer of %llu bytes failed with %s (%llu of %llu in use)", dev->label,
                    (unsigned long long)bytes, ocl_error_name(error), (unsigned long long)used, (unsigned long long)dev->memory_bytes);
  atomic_fetch_add(&dev->used_bytes, bytes);
  *out = mem;
  return CVK_OK;
}

void ocl_mem_release(cvk_backend_device *dev, cl_mem mem, uint64_t bytes) {
  if (dev->pid == cvk_process_id()) clReleaseMemObject(mem);
  atomic_fetch_sub(&dev->used_bytes, bytes);
}

/* Where it can be had, memory that is the host's as well; in huge pages, where the kernel gives them: weights stream through it. */
static char *shared_alloc(cvk_backend_device *dev, uint64_t bytes) {
  if (!dev->shares || bytes == 0 || (dev->max_alloc_bytes && bytes > dev->max_alloc_bytes)) return NULL;
  char *p = clSVMAlloc(dev->context, CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER, bytes, 0);
#ifdef MADV_HUGEPAGE
  const uint64_t lead = p ? (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE : 0;
  if (p && lead < bytes) madvise(p + lead, (bytes - lead) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return p;
}

/* A program may end with buffers alive. Some drivers drop them while they are unloaded, and call back when the loader serves no call any more. */
static atomic_int ending;
static pthread_once_t ending_once = PTHREAD_ONCE_INIT;
static void note_end(void) {
  atomic_store(&ending, 1);
}
static void watch_end(void) {
  (void)atexit(note_end); /* runs before any library is unloaded; without it the callback does what it always did */
}

/* When the last command that uses the buffer is over. */
static void CL_CALLBACK shared_free(cl_mem mem, void *shared) {
  cl_context context;
  if (atomic_load(&ending)) return; /* the memory ends with the process */
  if (clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof context, &context, NULL) == CL_SUCCESS) clSVMFree(context, shared);
}

static cvk_status wrap(cvk_backend_device *dev, cl_mem_flags flags, uint64_t bytes, void *host_memory, cvk_buffer **out) {
  const cvk_host *host = dev->host;
  cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  cvk_buffer *buf = host->alloc(host->ctx, sizeof *buf, sizeof(void *));
  if (!buf) return ocl_fail(host, CVK_NO_MEMORY, "%s: no host memory for a buffer's handle", dev->label);
  *buf = (cvk_buffer){.dev = dev, .bytes = bytes};
  status = ocl_mem_create(dev, flags, bytes, host_memory, &buf->mem);
  if (status != CVK_OK)
    host->free(host->ctx, buf);
  else
    *out = buf;
  return status;
}

cvk_status ocl_buffer_of(cvk_backend_device *dev, uint64_t bytes, void *data, cvk_buffer **out) {
  return wrap(dev, CL_MEM_READ_WRITE, bytes, data, out);
}

cvk_status ocl_buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  char *shared = shared_alloc(dev, bytes);
  /* Else host-allocated memory is what can be mapped without a copy. */
  const cl_mem_flags flags = shared ? CL_MEM_USE_HOST_PTR : dev->unified ? CL_MEM_ALLOC_HOST_PTR : 0;
  status = wrap(dev, CL_MEM_READ_WRITE | flags, bytes, shared, out);
  if (!shared) return status;
  if (status != CVK_OK) {
    clSVMFree(dev->context, shared);
    return status;
  }
  (*out)->shared = shared;
  pthread_once(&ending_once, watch_end);
  status = ocl_check(dev, clSetMemObjectDestructorCallback((*out)->mem, shared_free, shared), "clSetMemObjectDestructorCallback");
  if (status != CVK_OK) {
    ocl_buffer_free(*out);
    clSVMFree(dev->context, shared);
  }
  return status;
}

/* Host memory is used in place only by CPU devices, and only where vectors would be aligned. */
cvk_status ocl_buffer_import(cvk_backend_device *dev, void *host_memory, uint64_t bytes, cvk_buffer **out) {
  if (!dev->cpu_class || !dev->unified || bytes == 0 || (uintptr_t)host_memory % dev->alignment != 0)
    return ocl_fail(dev->host, CVK_UNSUPPORTED, "%s: host memory is imported by CPU-class devices only, aligned to %llu bytes", dev->label,
                    (unsigned long long)dev->alignment);
  return wrap(dev, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, host_memory, out);
}

void ocl_buffer_free(cvk_buffer *buf) {
  if (!buf) return;
  const cvk_host *host = buf->dev->host;
  ocl_mem_release(buf->dev, buf->mem, buf->bytes);
  host->free(host->ctx, buf);
}

/* The range must lie in the buffer, which must be of the queue's device. */
static cvk_status check_range(const cvk_queue *q, const cvk_buffer *buf, uint64_t offset, uint64_t bytes, const char *call) {
  const cvk_status status = ocl_device_ready(q->dev);
  if (status != CVK_OK) return status;
  if (buf->dev != q->dev)
    return ocl_fail(q->dev->host, CVK_DEVICE_MISMATCH, "%s: a buffer of %s on a queue of %s", call, buf->dev->label, q->dev->label);
  if (offset > buf->bytes || bytes > buf->bytes - offset)
    return ocl_fail(q->dev->host, CVK_INVALID_ARGUMENT, "%s: bytes %llu to %llu of a buffer of %llu", call, (unsigned long long)offset,
                    (unsigned long long)(offset + bytes), (unsigned long long)buf->bytes);
  return CVK_OK;
}

cvk_status ocl_buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src) {
  cvk_status status = check_range(q, dst, offset, bytes, "buffer_write");
  if (status != CVK_OK || bytes == 0) return status;
  if (dst->shared && q->idle) {
    memcpy(dst->shared + offset, src, bytes);
    return CVK_OK;
  }
  status = ocl_queue_enter(q);
  if (status != CVK_OK) return status;
  return ocl_check(q->dev, clEnqueueWriteBuffer(q->queue, dst->mem, CL_FALSE, offset, bytes, src, 0, NULL, NULL), "clEnqueueWriteBuffer");
}

cvk_status ocl_buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst) {
  cvk_status status = check_range(q, src, offset, bytes, "buffer_read");
  if (status != CVK_OK || bytes == 0) return status;
  if (src->shared && q->idle) {
    memcpy(dst, src->shared + offset, bytes);
    return CVK_OK;
  }
  if (src->shared && q->n_reads < OCL_MAX_READS) {
    status = ocl_check(q->dev, clRetainMemObject(src->mem), "clRetainMemObject");
    if (status == CVK_OK) q->reads[q->n_reads++] = (ocl_read){src->mem, src->shared + offset, offset, bytes, dst};
    return status;
  }
  status = ocl_queue_enter(q);
  if (status != CVK_OK) return status;
  return ocl_check(q->dev, clEnqueueReadBuffer(q->queue, src->mem, CL_FALSE, offset, bytes, dst, 0, NULL, NULL), "clEnqueueReadBuffer");
}

cvk_status ocl_buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  cvk_status status = check_range(q, src, src_offset, bytes, "buffer_copy");
  if (status == CVK_OK) status = check_range(q, dst, dst_offset, bytes, "buffer_copy");
  if (status == CVK_OK && bytes) status = ocl_queue_enter(q);
  if (status != CVK_OK || bytes == 0) return status;
  return ocl_check(q->dev, clEnqueueCopyBuffer(q->queue, src->mem, dst->mem, src_offset, dst_offset, bytes, 0, NULL, NULL),
                   "clEnqueueCopyBuffer");
}

cvk_status ocl_buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p) {
  if (!q->dev->unified)
    return ocl_fail(q->dev->host, CVK_UNSUPPORTED, "%s: memory is not shared with the host: use buffer_read and buffer_write",
                    q->dev->label);
  cvk_status status = check_range(q, buf, offset, bytes, "buffer_map");
  if (status == CVK_OK) status = ocl_queue_enter(q);
  if (status != CVK_OK) return status;
  if (bytes == 0) return ocl_fail(q->dev->host, CVK_INVALID_ARGUMENT, "buffer_map: no bytes to map");
  cl_int error;
  *p = clEnqueueMapBuffer(q->queue, buf->mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, offset, bytes, 0, NULL, NULL, &error);
  return ocl_check(q->dev, error, "clEnqueueMapBuffer");
}

cvk_status ocl_buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p) {
  cvk_status status = ocl_device_ready(q->dev);
  if (status == CVK_OK) status = ocl_queue_enter(q);
  if (status != CVK_OK) return status;
  return ocl_check(q->dev, clEnqueueUnmapMemObject(q->queue, buf->mem, p, 0, NULL, NULL), "clEnqueueUnmapMemObject");
}

cvk_status ocl_buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  cvk_status status = check_range(q, buf, offset, bytes, "buffer_fill");
  if (status == CVK_OK && bytes) status = ocl_queue_enter(q);
  if (status != CVK_OK || bytes == 0) return status;
  unsigned char pattern[64];
  memset(pattern, byte_value, sizeof pattern);
  const size_t width = offset % sizeof pattern == 0 && bytes % sizeof pattern == 0 ? sizeof pattern : 1;
  return ocl_check(q->dev, clEnqueueFillBuffer(q->queue, buf->mem, pattern, width, offset, bytes, 0, NULL, NULL), "clEnqueueFillBuffer");
}

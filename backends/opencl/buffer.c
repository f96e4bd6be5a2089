/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.c: device memory. Allocations are checked against the device's limits before the driver is asked, since some drivers accept
 * anything and fail at the first use. Writes, reads, copies and fills are queued, never waited for. */
#include <string.h>
#include <unistd.h>

#include "cl.h"

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
  if (dev->pid == getpid()) clReleaseMemObject(mem);
  atomic_fetch_sub(&dev->used_bytes, bytes);
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

cvk_status ocl_buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out) {
  /* Where memory is shared, host-allocated memory is what can be mapped without a copy. */
  return wrap(dev, CL_MEM_READ_WRITE | (dev->unified ? CL_MEM_ALLOC_HOST_PTR : 0), bytes, NULL, out);
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
  const cvk_status status = check_range(q, dst, offset, bytes, "buffer_write");
  if (status != CVK_OK || bytes == 0) return status;
  return ocl_check(q->dev, clEnqueueWriteBuffer(q->queue, dst->mem, CL_FALSE, offset, bytes, src, 0, NULL, NULL), "clEnqueueWriteBuffer");
}

cvk_status ocl_buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst) {
  const cvk_status status = check_range(q, src, offset, bytes, "buffer_read");
  if (status != CVK_OK || bytes == 0) return status;
  return ocl_check(q->dev, clEnqueueReadBuffer(q->queue, src->mem, CL_FALSE, offset, bytes, dst, 0, NULL, NULL), "clEnqueueReadBuffer");
}

cvk_status ocl_buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes) {
  cvk_status status = check_range(q, src, src_offset, bytes, "buffer_copy");
  if (status == CVK_OK) status = check_range(q, dst, dst_offset, bytes, "buffer_copy");
  if (status != CVK_OK || bytes == 0) return status;
  return ocl_check(q->dev, clEnqueueCopyBuffer(q->queue, src->mem, dst->mem, src_offset, dst_offset, bytes, 0, NULL, NULL),
                   "clEnqueueCopyBuffer");
}

cvk_status ocl_buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p) {
  if (!q->dev->unified)
    return ocl_fail(q->dev->host, CVK_UNSUPPORTED, "%s: memory is not shared with the host: use buffer_read and buffer_write",
                    q->dev->label);
  const cvk_status status = check_range(q, buf, offset, bytes, "buffer_map");
  if (status != CVK_OK) return status;
  if (bytes == 0) return ocl_fail(q->dev->host, CVK_INVALID_ARGUMENT, "buffer_map: no bytes to map");
  cl_int error;
  *p = clEnqueueMapBuffer(q->queue, buf->mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, offset, bytes, 0, NULL, NULL, &error);
  return ocl_check(q->dev, error, "clEnqueueMapBuffer");
}

cvk_status ocl_buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p) {
  const cvk_status status = ocl_device_ready(q->dev);
  if (status != CVK_OK) return status;
  return ocl_check(q->dev, clEnqueueUnmapMemObject(q->queue, buf->mem, p, 0, NULL, NULL), "clEnqueueUnmapMemObject");
}

cvk_status ocl_buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value) {
  const cvk_status status = check_range(q, buf, offset, bytes, "buffer_fill");
  if (status != CVK_OK || bytes == 0) return status;
  unsigned char pattern[64];
  memset(pattern, byte_value, sizeof pattern);
  const size_t width = offset % sizeof pattern == 0 && bytes % sizeof pattern == 0 ? sizeof pattern : 1;
  return ocl_check(q->dev, clEnqueueFillBuffer(q->queue, buf->mem, pattern, width, offset, bytes, 0, NULL, NULL), "clEnqueueFillBuffer");
}

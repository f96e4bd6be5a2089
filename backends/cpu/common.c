/* SPDX-License-Identifier: Apache-2.0 */
/* common.c: helpers that every row uses (cpu.h). Built for the baseline, never for a wide instruction set. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cpu.h"

enum { ALIGNMENT = 64 };
static const double wake_up_ns = 20e3; /* less work than this is done before the other threads would have begun */

int32_t cpu_refuse(cpu_reason *why, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof why->text, format, args);
  va_end(args);
  return 0;
}

cvk_status cpu_fail(const cpu_device *device, cvk_status status, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return device->host->fail(device->host->ctx, status, text);
}

int32_t cpu_all_f32(const cvk_op *op, cpu_reason *why) {
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] && op->in[i]->dtype != CVK_F32) return cpu_refuse(why, "input %d has element type %d, not f32", i, op->in[i]->dtype);
  for (int32_t i = 0; i < op->n_out; i++)
    if (op->out[i] && op->out[i]->dtype != CVK_F32) return cpu_refuse(why, "output %d has element type %d, not f32", i, op->out[i]->dtype);
  return 1;
}

cvk_format cpu_format(int32_t block) {
  return (cvk_format){.layout = block > 0 ? CVK_BLOCKED : CVK_PLAIN, .block = block};
}

double cpu_ns_compute(const cpu_device *device, double multiply_adds, double efficiency) {
  return 2 * multiply_adds / (device->isa->gflops * efficiency);
}

double cpu_ns_memory(const cpu_device *device, double bytes, double efficiency) {
  return bytes / (device->isa->gbytes * efficiency);
}

static void *allocate(const cpu_device *device, uint64_t bytes) {
  void *p = bytes == UINT64_MAX ? NULL : device->host->alloc(device->host->ctx, bytes ? bytes : 1, ALIGNMENT);
  if (!p) cpu_fail(device, CVK_NO_MEMORY, "cpu: no memory for %llu bytes", (unsigned long long)bytes);
  return p;
}

void *cpu_alloc(const cpu_device *device, uint64_t bytes) {
  void *p = allocate(device, bytes);
  return p ? memset(p, 0, bytes) : NULL;
}

void cpu_free(const cpu_device *device, void *p) {
  if (p) device->host->free(device->host->ctx, p);
}

void *cpu_kernel_new(const cpu_device *device, uint64_t bytes) {
  return cpu_alloc(device, bytes);
}

cvk_status cpu_pack_new(const cpu_device *device, uint64_t bytes, cvk_pack **out) {
  if (bytes > UINT64_MAX - ALIGNMENT)
    return cpu_fail(device, CVK_SIZE_OVERFLOW, "cpu: packed weights have more bytes than 64 bits can count");
  char *p = allocate(device, bytes + ALIGNMENT); /* the header takes the first line */
  if (!p) return CVK_NO_MEMORY;
  cvk_pack *pack = (cvk_pack *)p;
  pack->device = device;
  pack->bytes = bytes;
  pack->data = (float *)(p + ALIGNMENT);
  *out = pack;
  return CVK_OK;
}

int64_t cpu_workers(const cpu_device *device) {
  return device->host->workers(device->host->ctx);
}

void cpu_parallel(const cpu_device *device, int64_t n, double work_ns, cvk_task task, void *arg) {
  if (n > 1 && work_ns > wake_up_ns) {
    device->host->parallel_for(device->host->ctx, n, task, arg);
    return;
  }
  for (int64_t i = 0; i < n; i++) task(arg, i, 0);
}

uint64_t cpu_product(int32_t n, const int64_t *factor) {
  const int64_t p = cvk_count(n, factor);
  return p < 0 ? UINT64_MAX : (uint64_t)p;
}

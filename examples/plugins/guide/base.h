/* SPDX-License-Identifier: Apache-2.0 */
/* base.h: what every chapter would repeat: one instance, one device, the table's common fields, the entry, and small helpers. A chapter defines
 * guide_device, guide_backend and the functions supports, prepare, execute and kernel_free. The chapters compute on the calling thread in
 * plain loops, to stay short; plugins/template shows parallel_for. */
#ifndef GUIDE_BASE_H
#define GUIDE_BASE_H

#include <convoke/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the one device of a chapter says of itself. */
typedef struct guide_record {
  const char *id, *name;
  uint32_t flags;
} guide_record;

static const guide_record guide_device; /* both have their values in the chapter */
static const cvk_backend guide_backend;

struct cvk_instance { /* one a context */
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};

/* ---- messages and memory ---- */

static inline cvk_status guide_fail(const cvk_host *host, cvk_status status, const char *format, ...) {
  char why[256];
  const int n = snprintf(why, sizeof why, "%s: ", guide_device.id);
  va_list args;
  va_start(args, format);
  vsnprintf(why + n, sizeof why - (size_t)n, format, args);
  va_end(args);
  return host->fail(host->ctx, status, why);
}

/* An op that is not taken; CONVOKE_LOG=dispatch shows why. */
static inline cvk_status guide_refuse(const cvk_backend_device *dev, const char *why) {
  dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, why);
  return CVK_UNSUPPORTED;
}

/* Aligned to 64 bytes. NULL: out of memory, and the message is made. */
static inline void *guide_alloc(const cvk_host *host, uint64_t bytes, const char *what) {
  void *p = host->alloc(host->ctx, bytes > 0 ? bytes : 1, 64);
  if (p == NULL) guide_fail(host, CVK_NO_MEMORY, "no memory for %llu bytes of %s", (unsigned long long)bytes, what);
  return p;
}

/* ---- reading ops and arguments ---- */

/* All inputs and outputs that are there are f32. */
static inline int32_t guide_all_f32(const cvk_op *op) {
  for (int32_t i = 0; i < op->n_in; i++) {
    if (op->in[i] != NULL && op->in[i]->dtype != CVK_F32) return 0;
  }
  for (int32_t i = 0; i < op->n_out; i++) {
    if (op->out[i] != NULL && op->out[i]->dtype != CVK_F32) return 0;
  }
  return 1;
}

static inline int32_t guide_same_shape(const cvk_tensor_desc *a, const cvk_tensor_desc *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* One row in host memory, plain formats, not in place. */
static inline void guide_candidate(cvk_candidate *c, const char *row, double estimated_ns) {
  c->row = row;
  c->error_class = CVK_ERROR_DIRECT;
  c->estimated_ns = estimated_ns;
  c->inplace = -1;
}

/* The elements behind an argument on a host-memory device; NULL: absent, or taken as a pack. */
static inline float *guide_floats(const cvk_arg *a) { return a->buffer == NULL ? NULL : (float *)((char *)a->buffer + a->offset_bytes); }

/* ---- instance and device ---- */

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  cvk_instance *inst = guide_alloc(host, sizeof *inst, "an instance");
  if (inst == NULL) return CVK_NO_MEMORY;
  inst->host = host;
  *out = inst;
  return CVK_OK;
}
static void instance_destroy(cvk_instance *inst) { inst->host->free(inst->host->ctx, inst); }

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (index != 0) return guide_fail(inst->host, CVK_NO_DEVICE, "the only device is number 0, not %d", (int)index);
  info->type = CVK_DEVICE_CPU; /* true for all chapters, also those that play a device with memory of its own */
  info->flags = guide_device.flags;
  info->units = 1;
  info->alignment = guide_device.flags & CVK_DEVICE_HOST_MEMORY ? sizeof(float) : 64;
  snprintf(info->id, sizeof info->id, "%s", guide_device.id);
  snprintf(info->name, sizeof info->name, "%s", guide_device.name);
  snprintf(info->driver, sizeof info->driver, "none");
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0) return guide_fail(inst->host, CVK_NO_DEVICE, "the only device is number 0, not %d", (int)index);
  cvk_backend_device *dev = guide_alloc(inst->host, sizeof *dev, "a device");
  if (dev == NULL) return CVK_NO_MEMORY;
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { dev->host->free(dev->host->ctx, dev); }

/* ---- the table ---- */

#define GUIDE_REQUIRED(NAME)                                                                                                     \
  .struct_size = sizeof(cvk_backend), .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = NAME, .version = "0.1",    \
  .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count,                       \
  .device_info = device_info, .device_open = device_open, .device_close = device_close, .supports = supports,                   \
  .prepare = prepare, .execute = execute, .kernel_free = kernel_free

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &guide_backend;
  return CVK_OK;
}

#endif

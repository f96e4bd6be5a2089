/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: the CPU backend's table: one device, "cpu", in host memory, synchronous, on the host's threads. supports walks the rows of the
 * instruction set in use, logs each refusal, and answers what accepts in order of estimate; prepare and execute hand on to the row.
 * candidate.backend_data[0] is the row's place in the list; [1..3] are the row's own. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "isa.h"

enum { MAX_CANDIDATES = 32 };

struct cvk_instance {
  const cvk_host *host;
  struct cvk_backend_device device;
};

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  const char *cap = host->option(host->ctx, "cpu_isa");
  const cpu_isa *isa = cpu_isa_capped(cap);
  if (!isa) {
    char text[160];
    snprintf(text, sizeof text, "cpu: cpu_isa is '%.40s', want one of " CPU_ISA_NAMES, cap);
    return host->fail(host->ctx, CVK_INVALID_ARGUMENT, text);
  }
  cvk_instance *inst = host->alloc(host->ctx, sizeof *inst, _Alignof(cvk_instance));
  if (!inst) return host->fail(host->ctx, CVK_NO_MEMORY, "cpu: no memory for an instance");
  *inst = (cvk_instance){.host = host, .device = {.host = host, .isa = isa}};
  *out = inst;
  return CVK_OK;
}

static void instance_destroy(cvk_instance *inst) {
  inst->host->free(inst->host->ctx, inst);
}

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

/* Copies what both sides know of a growable struct; the rest of the receiver's is left zero. */
static void copy_out(void *to, uint32_t to_bytes, const void *from, uint32_t from_bytes) {
  const uint32_t bytes = to_bytes == 0 || to_bytes > from_bytes ? from_bytes : to_bytes;
  memcpy(to, from, bytes);
  memcpy(to, &bytes, sizeof bytes); /* struct_size comes first */
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (index != 0) return cpu_fail(&inst->device, CVK_NO_DEVICE, "cpu: device %d asked for, there is only device 0", index);
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  cvk_device_info d = {.struct_size = sizeof d,
                       .type = CVK_DEVICE_CPU,
                       .flags = CVK_DEVICE_HOST_MEMORY,
                       .id = "cpu",
                       .alignment = 64,
                       .units = inst->host->workers(inst->host->ctx)};
  struct utsname system;
  snprintf(d.name, sizeof d.name, "CPU, %s", inst->device.isa->name);
  snprintf(d.driver, sizeof d.driver, "convoke cpu %d.%d on %.60s", CVK_ABI_MAJOR, CVK_ABI_MINOR,
           uname(&system) == 0 ? system.machine : "unknown");
  snprintf(d.isa, sizeof d.isa, "%s", inst->device.isa->name);
  d.memory_bytes = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
  copy_out(info, info->struct_size, &d, sizeof d);
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0) return cpu_fail(&inst->device, CVK_NO_DEVICE, "cpu: device %d asked for, there is only device 0", index);
  *out = &inst->device;
  return CVK_OK;
}

static void device_close(cvk_backend_device *device) {
  (void)device;
}

/* Asks one row for one variant; 1 when it accepts. */
static int32_t ask(const cpu_device *device, const cvk_op *op, int32_t place, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cpu_row *row = device->isa->rows[place];
  *c = (cvk_candidate){.struct_size = sizeof *c, .row = row->name, .inplace = -1};
  why->text[0] = '\0';
  if (op->n_in > CPU_MAX_ARGS || op->n_out > CPU_MAX_ARGS)
    return cpu_refuse(why, "%d inputs, at most %d are taken", op->n_in, CPU_MAX_ARGS);
  if (op->n_post > 0 && !row->takes_post) return cpu_refuse(why, "takes no post-ops, %d given", op->n_post);
  if (!row->accepts(device, op, variant, c, why)) return 0;
  if ((op->flags & CVK_EXACT) && c->error_class != CVK_ERROR_DIRECT)
    return cpu_refuse(why, "error class %d, EXACT asked for", c->error_class);
  c->backend_data[0] = (uint64_t)place;
  return 1;
}

static void log_refusal(const cpu_device *device, const cpu_row *row, const cpu_reason *why) {
  char text[CPU_REASON_BYTES + 128];
  snprintf(text, sizeof text, "%s: %s", row->name, why->text);
  device->host->log(device->host->ctx, CVK_LOG_DISPATCH, text);
}

static cvk_status supports(cvk_backend_device *device, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  cvk_candidate found[MAX_CANDIDATES];
  int32_t n_found = 0, asked = 0;
  if (!cvk_op_types_known(op)) return cpu_fail(device, CVK_UNSUPPORTED, "cpu: op kind %d has an element type that is not known here", op->kind);
  for (int32_t place = 0; device->isa->rows[place]; place++) {
    const cpu_row *row = device->isa->rows[place];
    if (op->kind < row->kind || op->kind > (row->kind_last ? row->kind_last : row->kind)) continue;
    for (int32_t variant = 0; variant < (row->variants ? row->variants : 1); variant++) {
      cpu_reason why;
      cvk_candidate c;
      asked++;
      if (!ask(device, op, place, variant, &c, &why)) {
        log_refusal(device, row, &why);
        continue;
      }
      if (n_found == MAX_CANDIDATES) continue;
      int32_t at = n_found++; /* insertion keeps the list's order among equals */
      for (; at > 0 && c.estimated_ns < found[at - 1].estimated_ns; at--) found[at] = found[at - 1];
      found[at] = c;
    }
  }
  *n = n_found < *n ? n_found : *n;
  for (int32_t i = 0; i < *n; i++) copy_out(candidates[i], candidates[i]->struct_size, &found[i], sizeof found[i]);
  return *n > 0 ? CVK_OK : cpu_fail(device, CVK_UNSUPPORTED, "cpu: none of %d kernel rows takes op kind %d here", asked, op->kind);
}

/* The row that a candidate of ours names; NULL for one that is not ours. */
static const cpu_row *row_of(const cpu_device *device, const cvk_candidate *c) {
  uint64_t n = 0;
  while (device->isa->rows[n]) n++;
  if (!CVK_HAS(c, backend_data) || c->backend_data[0] >= n) return NULL;
  const cpu_row *row = device->isa->rows[c->backend_data[0]];
  return c->row && strcmp(row->name, c->row) == 0 ? row : NULL;
}

static cvk_status prepare(cvk_backend_device *device, const cvk_op *op, const cvk_candidate *c, cvk_pack *const *packs, cvk_kernel **out) {
  const cpu_row *row = row_of(device, c);
  cpu_kernel *kernel = NULL;
  if (!row) return cpu_fail(device, CVK_INVALID_ARGUMENT, "cpu: prepare with a candidate that names no row of this device");
  const cvk_status status = row->prepare(device, op, c, &kernel);
  if (status != CVK_OK) return status;
  kernel->row = row;
  kernel->device = device;
  kernel->n_in = op->n_in;
  kernel->n_out = op->n_out;
  for (int32_t i = 0; i < op->n_in && i < CVK_CANDIDATE_INPUTS; i++)
    if (packs && c->pack[i]) kernel->pack[i] = packs[i];
  *out = (cvk_kernel *)kernel;
  return CVK_OK;
}

static void kernel_free(cvk_kernel *k) {
  cpu_kernel *kernel = (cpu_kernel *)k;
  if (!kernel) return;
  if (kernel->row->release) kernel->row->release(kernel);
  cpu_free(kernel->device, kernel);
}

static void *pointer(const cvk_arg *arg) {
  return arg->buffer ? (char *)arg->buffer + arg->offset_bytes : NULL;
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  const cpu_kernel *kernel = (const cpu_kernel *)k;
  const void *inputs[CPU_MAX_ARGS];
  void *outputs[CPU_MAX_ARGS];
  (void)queue, (void)wait, (void)n_wait;
  for (int32_t i = 0; i < kernel->n_in; i++) inputs[i] = pointer(&in[i]);
  for (int32_t i = 0; i < kernel->n_out; i++) outputs[i] = pointer(&out[i]);
  if (event) *event = NULL;
  return kernel->row->execute(kernel, inputs, outputs, pointer(workspace));
}

static cvk_status pack_create(cvk_backend_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  const cpu_row *row = row_of(device, c);
  if (!row || !row->pack) return cpu_fail(device, CVK_INVALID_ARGUMENT, "cpu: pack_create with a candidate that packs nothing");
  if (input < 0 || input >= op->n_in || !op->in[input] || !op->in[input]->const_data)
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "cpu: pack_create of input %d, which is no constant", input);
  return row->pack(device, op, c, input, out);
}

static void pack_free(cvk_pack *pack) {
  if (pack) cpu_free(pack->device, pack);
}

static const cvk_backend backend = {
    .struct_size = sizeof backend,
    .abi_major = CVK_ABI_MAJOR,
    .abi_minor = CVK_ABI_MINOR,
    .name = "cpu",
    .version = "0.2.0",
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .supports = supports,
    .prepare = prepare,
    .execute = execute,
    .kernel_free = kernel_free,
    .pack_create = pack_create,
    .pack_free = pack_free,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend;
  return CVK_OK;
}

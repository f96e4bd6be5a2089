/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: the OpenCL backend's table and its one export. No driver is touched before device_count. */
#include <string.h>

#include "cl.h"

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  cvk_instance *inst = host->alloc(host->ctx, sizeof *inst, sizeof(void *));
  if (!inst) return ocl_fail(host, CVK_NO_MEMORY, "opencl: no memory for an instance");
  memset(inst, 0, sizeof *inst);
  inst->host = host;
  pthread_mutex_init(&inst->lock, NULL);
  *out = inst;
  return CVK_OK;
}

static void instance_destroy(cvk_instance *inst) {
  if (!inst) return;
  const cvk_host *host = inst->host;
  for (int32_t i = 0; i < inst->n_records; i++) ocl_shared_free(host, inst->records[i].shared);
  pthread_mutex_destroy(&inst->lock);
  if (inst->records) host->free(host->ctx, inst->records);
  host->free(host->ctx, inst);
}

static const cvk_backend backend = {
    .struct_size = sizeof(cvk_backend),
    .abi_major = CVK_ABI_MAJOR,
    .abi_minor = CVK_ABI_MINOR,
    .name = "opencl",
    .version = CVK_OPENCL_VERSION,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .device_count = ocl_device_count,
    .device_info = ocl_device_info,
    .device_open = ocl_device_open,
    .device_close = ocl_device_close,
    .supports = ocl_supports,
    .prepare = ocl_prepare,
    .execute = ocl_execute,
    .kernel_free = ocl_kernel_free,
    .pack_create = ocl_pack_create,
    .pack_free = ocl_pack_free,
    .buffer_alloc = ocl_buffer_alloc,
    .buffer_free = ocl_buffer_free,
    .buffer_write = ocl_buffer_write,
    .buffer_read = ocl_buffer_read,
    .buffer_copy = ocl_buffer_copy,
    .buffer_map = ocl_buffer_map,
    .buffer_unmap = ocl_buffer_unmap,
    .buffer_import = ocl_buffer_import,
    .buffer_fill = ocl_buffer_fill,
    .queue_open = ocl_queue_open,
    .queue_finish = ocl_queue_finish,
    .queue_close = ocl_queue_close,
    .event_wait = ocl_event_wait,
    .event_time = ocl_event_time,
    .event_free = ocl_event_free,
};

CVK_EXPORT cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  if (host->abi_major != CVK_ABI_MAJOR)
    return ocl_fail(host, CVK_UNSUPPORTED, "opencl: host ABI major %d, plugin %d", (int)host->abi_major, CVK_ABI_MAJOR);
  *out = &backend;
  return CVK_OK;
}

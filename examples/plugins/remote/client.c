/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: the plugin's table, its instance and its devices. All ops run in another process, which serves them with a backend of its own: the
 * setting "remote.backend" is the path of that backend, by default the CPU backend of the Convoke that this plugin was built for. */
#include <stdio.h>

#include "client.h"

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  const cvk_instance said = {.host = host};
  const char *backend = host->option(host->ctx, "remote.backend");
  cvk_instance *inst = remote_make(&said, sizeof *inst);
  if (inst == NULL) return CVK_NO_MEMORY;
  inst->host = host;
  pthread_mutex_init(&inst->lock, NULL);
  const cvk_status status = remote_start(inst, backend != NULL ? backend : REMOTE_DEFAULT_BACKEND);
  if (status == CVK_OK) {
    *out = inst;
    return CVK_OK;
  }
  pthread_mutex_destroy(&inst->lock);
  host->free(host->ctx, inst);
  return status;
}

static void instance_destroy(cvk_instance *inst) {
  remote_stop(inst);
  remote_names_free(&inst->rows);
  pthread_mutex_destroy(&inst->lock);
  inst->host->free(inst->host->ctx, inst);
}

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  *n = inst->n_devices;
  return CVK_OK;
}

static cvk_status no_device(const cvk_instance *inst, int32_t index) {
  return remote_fail(inst, CVK_NO_DEVICE, "remote: device %d asked for, there are %d", (int)index, (int)inst->n_devices);
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (index < 0 || index >= inst->n_devices) return no_device(inst, index);
  cvk_device_info d = inst->info[index];
  d.struct_size = sizeof d;
  d.flags = CVK_DEVICE_ASYNC; /* its memory is not the host's, and commands are posted */
  if (inst->n_devices == 1) snprintf(d.id, sizeof d.id, "remote");
  else snprintf(d.id, sizeof d.id, "remote:%d", (int)index);
  snprintf(d.name, sizeof d.name, "%s in a process of its own", inst->backend); /* the same each time: measured times are kept under it */
  remote_copy_struct(info, info->struct_size, &d);
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  remote_call c;
  cvk_status status;
  if (index < 0 || index >= inst->n_devices) return no_device(inst, index);
  remote_call_begin(&c, REMOTE_DEVICE_OPEN);
  remote_put_int(&c.message, index);
  cvk_backend_device *dev = remote_create(&c, inst, sizeof *dev, &status);
  if (status == CVK_OK) *out = dev;
  return status;
}

static void device_close(cvk_backend_device *dev) {
  remote_release(&dev->o);
}

static const cvk_backend backend_table = {
    .struct_size = sizeof backend_table,
    .abi_major = CVK_ABI_MAJOR,
    .abi_minor = CVK_ABI_MINOR,
    .name = "remote",
    .version = "0.1",
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .supports = remote_supports,
    .prepare = remote_prepare,
    .execute = remote_execute,
    .kernel_free = remote_kernel_free,
    .pack_create = remote_pack_create,
    .pack_free = remote_pack_free,
    .buffer_alloc = remote_buffer_alloc,
    .buffer_free = remote_buffer_free,
    .buffer_write = remote_buffer_write,
    .buffer_read = remote_buffer_read,
    .buffer_copy = remote_buffer_copy,
    .buffer_map = remote_buffer_map,
    .buffer_unmap = remote_buffer_unmap,
    .buffer_import = remote_buffer_import,
    .buffer_fill = remote_buffer_fill,
    .queue_open = remote_queue_open,
    .queue_finish = remote_queue_finish,
    .queue_close = remote_queue_close,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend_table;
  return CVK_OK;
}

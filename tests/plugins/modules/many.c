/* SPDX-License-Identifier: Apache-2.0 */
/* many.c: five devices of different types, one of which cannot be opened and one whose record makes no sense. */
#define NAME "many"
#include "base.h"

static const struct {
  int32_t type;
  const char *name;
  uint64_t alignment;
} devices[] = {
    {CVK_DEVICE_CPU, "Slow CPU", 64},   {CVK_DEVICE_INTEGRATED_GPU, "Fine GPU [gfx1]", 128}, {CVK_DEVICE_DISCRETE_GPU, "Broken GPU", 0},
    {CVK_DEVICE_ACCELERATOR, "Odd", 3}, {CVK_DEVICE_INTEGRATED_GPU, "Fine GPU [gfx2]", 256},
};

static cvk_status count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = sizeof devices / sizeof *devices;
  return CVK_OK;
}

static cvk_status describe(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  (void)inst;
  info->type = devices[index].type;
  info->alignment = devices[index].alignment;
  strcpy(info->name, devices[index].name);
  return CVK_OK; /* id left empty: the host makes "many:N" */
}

static cvk_status open_device(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index == 2) return inst->host->fail(inst->host->ctx, CVK_OUT_OF_DEVICE_MEMORY, "it is broken");
  return base_device_open(inst, index, out);
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.device_count = count;
  table.device_info = describe;
  table.device_open = open_device;
  *out = &table;
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* same_ids.c: three devices that all say that they are the first. */
#define NAME "same_ids"
#include "../modules/base.h"

static cvk_status count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 3;
  return CVK_OK;
}

static cvk_status info(cvk_instance *inst, int32_t index, cvk_device_info *i) {
  const cvk_status status = base_device_info(inst, index, i);
  strcpy(i->id, NAME ":0");
  i->units = index + 1;
  return status;
}

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  static cvk_backend table = BASE_TABLE;
  (void)host;
  table.device_count = count;
  table.device_info = info;
  *out = &table;
  return CVK_OK;
}

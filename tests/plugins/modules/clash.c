/* SPDX-License-Identifier: Apache-2.0 */
/* clash.c: two builds of this export the same function with different results; each must get its own. */
#include <convoke/plugin.h>

#define NAME CLASH_NAME
#include "base.h"

CVK_EXPORT int conv2d_impl(void);
int conv2d_impl(void) {
  return CLASH_RESULT;
}

static cvk_status units_of_impl(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  const cvk_status status = base_device_info(inst, index, info);
  info->units = conv2d_impl();
  return status;
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.device_info = units_of_impl;
  *out = &table;
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* bad_count.c: a backend with -5 devices. */
#define NAME "badcount"
#include "base.h"

static cvk_status count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = -5;
  return CVK_OK;
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.device_count = count;
  *out = &table;
  return CVK_OK;
}

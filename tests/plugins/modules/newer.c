/* SPDX-License-Identifier: Apache-2.0 */
/* newer.c: a plugin of a later minor: functions that this host does not know follow the table. */
#define NAME "newer"
#include "base.h"

static struct {
  cvk_backend table;
  cvk_status (*later[9])(void);
} big = {.table = BASE_TABLE};

static cvk_status never(void) {
  return CVK_INTERNAL;
}

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  big.table.struct_size = sizeof big;
  big.table.abi_minor = 99;
  for (int i = 0; i < 9; i++) big.later[i] = never;
  *out = &big.table;
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* table_major.c: the right entry, a table of major 3, minor 4. */
#define NAME "tablemajor"
#include "base.h"

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.abi_major = 3;
  table.abi_minor = 4;
  *out = &table;
  return CVK_OK;
}

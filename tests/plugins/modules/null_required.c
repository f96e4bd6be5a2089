/* SPDX-License-Identifier: Apache-2.0 */
/* null_required.c: a table without `execute`. */
#define NAME "nullrequired"
#include "base.h"

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.execute = NULL;
  *out = &table;
  return CVK_OK;
}

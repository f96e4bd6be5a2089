/* SPDX-License-Identifier: Apache-2.0 */
/* old.c: a plugin of an older minor: its table ends behind the required functions, at the end of its memory. */
#define NAME "old"
#include "base.h"

#define BYTES offsetof(cvk_backend, pack_create)

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  cvk_backend full = BASE_TABLE;
  void *table = malloc(BYTES);
  if (table == NULL) return host->fail(host->ctx, CVK_NO_MEMORY, "old: no memory for the table");
  full.struct_size = BYTES;
  full.abi_minor = 0;
  memcpy(table, &full, BYTES);
  *out = table;
  return CVK_OK;
}

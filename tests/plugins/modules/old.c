/* SPDX-License-Identifier: Apache-2.0 */
/* old.c: a plugin of an older minor: its table ends behind the required functions, at the end of its memory. */
#define NAME "old"
#include "base.h"

#define BYTES offsetof(cvk_backend, pack_create)

static union {
  max_align_t align;
  unsigned char bytes[BYTES];
} table;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  cvk_backend full = BASE_TABLE;
  (void)host;
  full.struct_size = BYTES;
  full.abi_minor = 0;
  memcpy(table.bytes, &full, BYTES);
  *out = (const void *)&table;
  return CVK_OK;
}

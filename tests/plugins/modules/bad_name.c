/* SPDX-License-Identifier: Apache-2.0 */
/* bad_name.c: a backend called "Bad Name". */
#define NAME "Bad Name"
#include "base.h"

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &table;
  return CVK_OK;
}

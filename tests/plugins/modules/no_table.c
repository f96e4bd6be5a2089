/* SPDX-License-Identifier: Apache-2.0 */
/* no_table.c: OK, and no table. */
#include <convoke/plugin.h>

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host, (void)out;
  return CVK_OK;
}

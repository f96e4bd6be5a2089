/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_major.c: built against plugin ABI 7. */
#include <convoke/plugin.h>

CVK_EXPORT cvk_status convoke_plugin_entry_7(const cvk_host *host, const cvk_backend **out);
cvk_status convoke_plugin_entry_7(const cvk_host *host, const cvk_backend **out) {
  (void)out;
  return host->fail(host->ctx, CVK_INTERNAL, "the entry of another ABI was called");
}

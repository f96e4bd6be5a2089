/* SPDX-License-Identifier: Apache-2.0 */
/* entry_fails.c: an entry that gives a reason. */
#include <convoke/plugin.h>

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)out;
  return host->fail(host->ctx, CVK_UNSUPPORTED, "this machine has 3 wheels, 4 are needed");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* without_library.c: its library (gone.c) is built elsewhere and not where the loader looks. */
#include <convoke/plugin.h>

extern int convoke_test_gone(void);

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host, (void)out;
  return convoke_test_gone();
}

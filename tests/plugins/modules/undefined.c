/* SPDX-License-Identifier: Apache-2.0 */
/* undefined.c: needs a function that nobody has. */
#include <convoke/plugin.h>

extern int convoke_test_function_that_nobody_has(void);

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host, (void)out;
  return convoke_test_function_that_nobody_has();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gone.c: the library that without_library.c needs. */
#include <convoke/plugin.h>

CVK_EXPORT int convoke_test_gone(void);
int convoke_test_gone(void) {
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* header_alone.c: convoke/plugin.h is all that a plugin author needs: it stands alone as strict C99 and as C++.
 * Rules of docs/plugin-abi.md: G5, G7. */
#include <convoke/plugin.h>

int convoke_header_alone(const cvk_host *host);
int convoke_header_alone(const cvk_host *host) {
  return CVK_HAS(host, extension) ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* good.c: a plugin as it should be. Its entry checks what the host promises there: fail and log, no more; one call a process. */
#define NAME "good"
#include "base.h"

static cvk_backend table = BASE_TABLE;
static int calls;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  if (!CVK_HAS(host, log) || CVK_HAS(host, alloc)) return host->fail(host->ctx, CVK_INTERNAL, "the entry's host serves fail and log only");
  if (calls++ != 0) return host->fail(host->ctx, CVK_INTERNAL, "the entry was called twice");
  host->log(host->ctx, CVK_LOG_INFO, "entry of good");
  *out = &table;
  return CVK_OK;
}

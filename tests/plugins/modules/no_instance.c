/* SPDX-License-Identifier: Apache-2.0 */
/* no_instance.c: a backend whose driver is missing. */
#define NAME "noinstance"
#include "base.h"

static cvk_status create(const cvk_host *host, cvk_instance **out) {
  (void)out;
  return host->fail(host->ctx, CVK_NO_DEVICE, "no driver in /etc/test/vendors");
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.instance_create = create;
  *out = &table;
  return CVK_OK;
}

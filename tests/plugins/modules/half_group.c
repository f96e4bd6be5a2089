/* SPDX-License-Identifier: Apache-2.0 */
/* half_group.c: pack_create without pack_free. */
#define NAME "halfgroup"
#include "base.h"

static cvk_status pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out) {
  (void)dev, (void)op, (void)candidate, (void)input, (void)out;
  return CVK_UNSUPPORTED;
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  table.pack_create = pack_create;
  *out = &table;
  return CVK_OK;
}

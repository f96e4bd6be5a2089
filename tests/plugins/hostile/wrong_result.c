/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_result.c: computes something else than it says. */
#define NAME "wrong_result"
#include "../modules/base.h"

static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  const cvk_status status = base_execute(kernel, queue, in, out, workspace, wait, n_wait, event);
  ((float *)out[0].buffer)[kernel->count - 1] += 1;
  return status;
}

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  static cvk_backend table = BASE_TABLE;
  (void)host;
  table.execute = execute;
  *out = &table;
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ftz.c: turns on flush to zero whenever it is called, as code linked with -ffast-math does when it is loaded. */
#define NAME "ftz"
#include "base.h"

#if defined(__SSE__)
#include <xmmintrin.h>
static void spoil(void) {
  _mm_setcsr(_mm_getcsr() | 0x8040u);
}
#else
static void spoil(void) {}
#endif

__attribute__((constructor)) static void at_load(void) {
  spoil();
}

static cvk_status create(const cvk_host *host, cvk_instance **out) {
  spoil();
  return base_instance_create(host, out);
}

static cvk_status open_device(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  spoil();
  return base_device_open(inst, index, out);
}

static cvk_backend table = BASE_TABLE;

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  spoil();
  table.instance_create = create;
  table.device_open = open_device;
  *out = &table;
  return CVK_OK;
}

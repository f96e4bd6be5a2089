/* SPDX-License-Identifier: Apache-2.0 */
/* test_skew_plugin.c: plugins of another minor in the library of today. "older" knows less of each struct than the library, "later" more;
 * what one side lacks is absent on the other, and both compute.
 * Rules of docs/plugin-abi.md: G3, G4, G6. */
#include "../harness.h"
#include "device_internal.h"
#include "skew_net.h"

static cvk_context *context(void) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.plugin_path = OLDER_PLUGIN ":" LATER_PLUGIN, .no_env = 1, .num_threads = 2}, &ctx));
  return ctx;
}

static cvk_device *open_one(cvk_context *ctx, const char *name, int32_t minor) {
  cvk_device *dev = NULL;
  ck_ok(cvk_device_open(ctx, name, &dev));
  ck_assert_int_eq(dev->backend->abi_minor, minor);
  ck_assert_uint_eq(dev->backend->struct_size, sizeof(cvk_backend));
  return dev;
}

START_TEST(older_table_and_info) {
  cvk_context *ctx = context();
  cvk_device *dev = open_one(ctx, "older", CVK_ABI_MINOR - 1);
  ck_assert(dev->backend->pack_create == NULL && dev->backend->buffer_alloc == NULL && dev->backend->extension == NULL);
  ck_assert(cvk_device_host_memory(dev));
  ck_assert_str_eq(dev->info.isa, "");
  ck_assert_uint_eq(dev->info.alignment, sizeof(float));
  cvk_device_release(dev);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(later_table_and_info) {
  cvk_context *ctx = context();
  cvk_device *dev = open_one(ctx, "later", CVK_ABI_MINOR + 1);
  ck_assert(dev->backend->extension == NULL);
  ck_assert_str_eq(dev->info.id, "later");
  ck_assert_uint_eq(dev->info.alignment, sizeof(float));
  cvk_device_release(dev);
  cvk_context_release(ctx);
}
END_TEST

/* A candidate keeps what the older side did not write, and nothing is written past one that the later side finds too short. */
static void check_candidate(cvk_device *dev, uint32_t size, int32_t inplace) {
  const cvk_tensor_desc desc = {.struct_size = sizeof desc, .dtype = CVK_F32, .rank = 1, .dim = {4}};
  const cvk_tensor_desc *const descs[1] = {&desc};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_RELU, .n_in = 1, .n_out = 1, .in = descs, .out = descs};
  struct {
    cvk_candidate c;
    uint64_t behind[4];
  } room = {.c = {.struct_size = sizeof room.c, .inplace = -1}, .behind = {0x5a5a, 0x5a5a, 0x5a5a, 0x5a5a}};
  cvk_candidate *const list[1] = {&room.c};
  int32_t n = 1;
  room.c.backend_data[3] = 0x5a5a;
  ck_ok(dev->backend->supports(dev->handle, &op, list, &n));
  ck_assert_uint_eq(room.c.struct_size, size);
  ck_assert_int_eq(room.c.inplace, inplace);
  ck_assert_uint_eq(room.c.backend_data[3], size < sizeof room.c ? 0x5a5a : 0);
  for (int i = 0; i < 4; i++) ck_assert_uint_eq(room.behind[i], 0x5a5a);
}

START_TEST(candidates) {
  cvk_context *ctx = context();
  cvk_device *older = open_one(ctx, "older", CVK_ABI_MINOR - 1), *later = open_one(ctx, "later", CVK_ABI_MINOR + 1);
  check_candidate(older, offsetof(cvk_candidate, workspace_alignment), -1);
  check_candidate(later, sizeof(cvk_candidate), 0);
  cvk_device_release(older);
  cvk_device_release(later);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(results) {
  cvk_context *ctx = context();
  skew_net_check(ctx, "older");
  skew_net_check(ctx, "later");
  cvk_context_release(ctx);
}
END_TEST

SUITE("skew_plugin", older_table_and_info, later_table_and_info, candidates, results)

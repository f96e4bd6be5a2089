/* SPDX-License-Identifier: Apache-2.0 */
/* test_kept.c: the binary plugins of all published minors, kept in tests/abi/kept, run in the library of today.
 * Rules of docs/plugin-abi.md: G8. */
#include <glob.h>
#include <stdio.h>

#include "../harness.h"
#include "../plugins/sandbox.h"
#include "skew_net.h"

/* abi0_1 of /some/where/convoke-abi0_1.so */
static void name_of(const char *path, char name[32]) {
  ck_assert_int_eq(sscanf(strrchr(path, '/'), "/convoke-%31[a-z0-9_]", name), 1);
}

/* Loaded from a folder of this user's: who runs the tests may be another than who owns the sources. */
static void check_one(const char *path, const char *name) {
  char file[64], end[66];
  cvk_device_info info = {.struct_size = sizeof info};
  const char *folder = sandbox_folder();
  cvk_device *dev = NULL;
  snprintf(file, sizeof file, "convoke-%s.so", name);
  snprintf(end, sizeof end, "/%s", file);
  sandbox_copy(path, folder, file);
  cvk_context *ctx = sandbox_context(folder);
  const cvk_plugin_verdict v = sandbox_verdict(ctx, end);
  ck_assert_msg(v.status == CVK_OK, "%s: %s", path, v.verdict);
  ck_ok(cvk_device_open(ctx, name, &dev));
  ck_ok(cvk_device_describe(dev, &info));
  ck_assert_str_eq(info.id, name);
  ck_assert_str_eq(info.isa, "x86-64");
  ck_assert_int_eq(info.type, CVK_DEVICE_ACCELERATOR);
  ck_assert_uint_eq(info.memory_bytes, 1u << 30);
  ck_assert_uint_eq(info.alignment, sizeof(float));
  cvk_device_release(dev);
  skew_net_check(ctx, name);
  cvk_context_release(ctx);
}

START_TEST(all) {
  char name[32];
  glob_t found;
  ck_assert_int_eq(glob(KEPT_PLUGINS "/convoke-*.so", 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    name_of(found.gl_pathv[i], name);
    check_one(found.gl_pathv[i], name);
  }
  globfree(&found);
  sandbox_remove();
}
END_TEST

SUITE("kept", all)

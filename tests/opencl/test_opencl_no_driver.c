/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_no_driver.c: a machine without a driver: NO_DEVICE with a sentence that names the folder, the .icd files and why each library
 * fails; no crash. Runs with OCL_ICD_VENDORS at a folder that has one .icd of a missing library (see meson.build). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mini_host.h"

static void refused(const char *text) {
  cvk_instance *inst;
  int32_t n = 77;
  const cvk_backend *be = mini_backend();
  ck_assert_int_eq(be->instance_create(mini_host(), &inst), CVK_OK);
  ck_assert_int_eq(be->device_count(inst, &n), CVK_NO_DEVICE);
  ck_assert_int_eq(n, 0);
  ck_assert_msg(strstr(mini_message(), text) != NULL, "no '%s' in: %s", text, mini_message());
  ck_assert_ptr_nonnull(strstr(mini_message(), "install a driver"));
  cvk_backend_device *dev;
  ck_assert_int_eq(be->device_open(inst, 0, &dev), CVK_NO_DEVICE);
  be->instance_destroy(inst);
}

START_TEST(no_device_and_why) {
  char folder[] = "/tmp/convoke-test-icd-XXXXXX", path[300];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  mini_option("icd_vendors", folder);
  refused("no .icd file");
  snprintf(path, sizeof path, "%s/broken.icd", folder);
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs("libno-such-driver.so.9\n", f);
  fclose(f);
  refused("libno-such-driver.so.9: cannot open");
  unlink(path);
  rmdir(folder);
  refused("not a folder");
}
END_TEST

SUITE("opencl_no_driver", no_device_and_why)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_discovery.c: which files are tried, in which order, and which are refused unopened.
 * Rules of docs/plugin-abi.md: H1, H2. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness.h"
#include "discovery.h"
#include "sandbox.h"

static int ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

/* Folders in the order of the list, files in the order of their bytes, only convoke-*.so; then the library's own folders. */
START_TEST(order) {
  const char *a = sandbox_folder(), *b = sandbox_second_folder();
  static const char *const wanted[] = {"/convoke-B.so", "/convoke-a.so", "/convoke-c.so", "/convoke-a.so", "/any-name.so"};
  char list[3 * PATH_MAX];
  cvk_discovery d;
  sandbox_write(b, "convoke-c.so", "");
  sandbox_write(b, "convoke-a.so", "");
  sandbox_write(b, "convoke-B.so", "");
  sandbox_write(b, "convoke-.so", "");
  sandbox_write(b, "convoke-d.txt", "");
  sandbox_write(b, "xconvoke-e.so", "");
  sandbox_write(a, "convoke-a.so", "");
  sandbox_write(a, "any-name.so", "");
  snprintf(list, sizeof list, "%s::%s:%s/any-name.so:%s", b, a, a, b);
  ck_ok(cvk_discovery_run(list, &d));
  ck_assert_int_ge(d.n_files, 5);
  for (int i = 0; i < 5; i++) ck_assert_msg(ends_with(d.file[i].path, wanted[i]), "%d: %s", i, d.file[i].path);
  for (int i = 0; i < 5; i++) ck_assert_int_eq(strncmp(d.file[i].path, i < 3 ? b : a, strlen(a)), 0);
  for (int i = 5; i < d.n_files; i++) ck_assert(strncmp(d.file[i].path, a, strlen(a)) != 0 && strncmp(d.file[i].path, b, strlen(b)) != 0);
  ck_assert_str_eq(d.file[1].stem, "a");
  ck_assert_ptr_null(d.file[4].stem);
  ck_assert_str_eq(d.folder[0], b);
  ck_assert_str_eq(d.folder[1], a);
  cvk_discovery_free(&d);
  sandbox_remove();
}
END_TEST

/* The working directory is not searched, whatever it holds, and the answer does not depend on it. */
START_TEST(working_directory) {
  const char *a = sandbox_folder(), *empty = sandbox_second_folder();
  char before[PATH_MAX];
  cvk_discovery here, there;
  sandbox_write(a, "convoke-a.so", "");
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  ck_assert_int_eq(chdir(a), 0);
  ck_ok(cvk_discovery_run(empty, &here));
  ck_assert_int_eq(chdir("/"), 0);
  ck_ok(cvk_discovery_run(empty, &there));
  ck_assert_int_eq(chdir(before), 0);
  ck_assert_int_eq(here.n_files, there.n_files);
  ck_assert_int_eq(here.n_folders, there.n_folders);
  for (int i = 0; i < here.n_folders; i++) {
    ck_assert_str_eq(here.folder[i], there.folder[i]);
    ck_assert_int_eq(here.folder[i][0], '/');
  }
  for (int i = 0; i < here.n_files; i++) ck_assert(!ends_with(here.file[i].path, "/convoke-a.so"));
  cvk_discovery_free(&here);
  cvk_discovery_free(&there);
  sandbox_remove();
}
END_TEST

START_TEST(refused_unopened) {
  const char *a = sandbox_folder();
  char path[PATH_MAX];
  cvk_discovery d;
  sandbox_write(a, "convoke-1open.so", "");
  snprintf(path, sizeof path, "%s/convoke-1open.so", a);
  ck_assert_int_eq(chmod(path, 0666), 0);
  snprintf(path, sizeof path, "%s/convoke-2folder.so", a);
  ck_assert_int_eq(mkdir(path, 0755), 0);
  snprintf(path, sizeof path, "%s/convoke-3dangling.so", a);
  ck_assert_int_eq(symlink("/nowhere/at/all", path), 0);
  snprintf(path, sizeof path, "%s/convoke-4pipe.so", a);
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  sandbox_write(a, "convoke-5good.so", "");
  ck_ok(cvk_discovery_run(a, &d));
  ck_assert_str_eq(d.file[0].refused, "refused: writable by everybody (mode 0666)");
  ck_assert_str_eq(d.file[1].refused, "refused: not a regular file");
  ck_assert_ptr_nonnull(strstr(d.file[2].refused, "cannot be opened: "));
  ck_assert_str_eq(d.file[3].refused, "refused: not a regular file");
  ck_assert_ptr_null(d.file[4].refused);
  cvk_discovery_free(&d);
  if (geteuid() == 0) { /* only root can give a file away */
    snprintf(path, sizeof path, "%s/convoke-5good.so", a);
    ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
    ck_ok(cvk_discovery_run(path, &d));
    ck_assert_ptr_nonnull(strstr(d.file[0].refused, "owned by user 12345"));
    cvk_discovery_free(&d);
  }
  sandbox_remove();
}
END_TEST

/* What is not there is named all the same: a folder among those searched, and each item with a verdict. */
START_TEST(missing) {
  cvk_discovery d;
  ck_ok(cvk_discovery_run("/no/such/folder:/no/such/convoke-x.so", &d));
  ck_assert_str_eq(d.folder[0], "/no/such/folder (missing)");
  ck_assert_int_ge(d.n_files, 2);
  ck_assert_str_eq(d.file[0].path, "/no/such/folder");
  ck_assert_ptr_nonnull(strstr(d.file[0].refused, "No such file"));
  ck_assert_str_eq(d.file[1].path, "/no/such/convoke-x.so");
  ck_assert_ptr_nonnull(strstr(d.file[1].refused, "No such file"));
  cvk_discovery_free(&d);
}
END_TEST

START_TEST(filter) {
  ck_assert(cvk_backend_is_wanted(NULL, "cpu"));
  ck_assert(cvk_backend_is_wanted("", "cpu"));
  ck_assert(cvk_backend_is_wanted("cpu,opencl", "opencl"));
  ck_assert(cvk_backend_is_wanted("cpu, opencl", "opencl"));
  ck_assert(!cvk_backend_is_wanted("cpu,opencl", "open"));
  ck_assert(!cvk_backend_is_wanted("cpu,opencl", "cpux"));
  ck_assert(!cvk_backend_is_wanted("^opencl", "opencl"));
  ck_assert(cvk_backend_is_wanted("^opencl", "cpu"));
  ck_assert(!cvk_backend_is_wanted("^opencl,cpu", "cpu"));
}
END_TEST

/* First of a name wins; a broken first one does not hide the second; CONVOKE_BACKENDS keeps a plugin from being opened at all. */
START_TEST(precedence) {
  const char *a = sandbox_folder(), *b = sandbox_second_folder();
  char list[2 * PATH_MAX];
  int32_t n = 0;
  cvk_context *ctx = NULL;
  sandbox_add(a, "good", "good");
  sandbox_add(b, "good", "good");
  sandbox_write(a, "convoke-late.so", "broken");
  sandbox_add(b, "many", "late");
  sandbox_add(b, "old", "old");
  snprintf(list, sizeof list, "%s:%s", a, b);
  const cvk_context_options o = {.plugin_path = list, .no_env = 1, .backends = "^old"};
  ck_ok(cvk_context_create(&o, &ctx));
  ck_ok(cvk_plugin_count(ctx, &n));
  for (int32_t i = 0; i < n; i++) {
    cvk_plugin_verdict v = {.struct_size = sizeof v};
    ck_ok(cvk_plugin_verdict_get(ctx, i, &v));
    const int first = strncmp(v.path, a, strlen(a)) == 0;
    if (ends_with(v.path, "-good.so") && first) ck_assert_str_eq(v.verdict, "loaded");
    if (ends_with(v.path, "-good.so") && !first) ck_assert_ptr_nonnull(strstr(v.verdict, "of the same name came first"));
    if (ends_with(v.path, "-late.so")) ck_assert_int_eq(v.status == CVK_OK, !first);
    if (ends_with(v.path, "-old.so")) ck_assert_str_eq(v.verdict, "left out by CONVOKE_BACKENDS=^old");
  }
  cvk_device *dev = NULL;
  ck_fails(cvk_device_open(ctx, "old", &dev), CVK_UNKNOWN_BACKEND, "left out by CONVOKE_BACKENDS=^old");
  ck_ok(cvk_device_open(ctx, "many", &dev));
  cvk_device_release(dev);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* Which file serves a backend does not depend on what was asked first: one that the list names, else one called after the backend. */
START_TEST(same_choice_in_any_order) {
  const char *a = sandbox_folder(), *b = sandbox_second_folder();
  char list[2 * PATH_MAX];
  sandbox_add(a, "good", "aaa");
  sandbox_add(a, "good", "good");
  sandbox_copy(TEST_MODULES "/good.so", b, "my-good.so");
  for (int named_file = 0; named_file < 2; named_file++) {
    for (int list_first = 0; list_first < 2; list_first++) {
      cvk_device *dev = NULL;
      int32_t n = 0;
      snprintf(list, sizeof list, named_file ? "%s/my-good.so:%s" : "%.0s%s", b, a);
      cvk_context *ctx = sandbox_context(list);
      if (list_first) ck_ok(cvk_device_count(ctx, &n));
      ck_ok(cvk_device_open(ctx, "good", &dev));
      cvk_device_release(dev);
      const char *winner = named_file ? "my-good.so" : "convoke-good.so";
      ck_assert_str_eq(sandbox_verdict(ctx, winner).verdict, "loaded");
      ck_assert_ptr_nonnull(strstr(sandbox_verdict(ctx, "convoke-aaa.so").verdict, winner));
      cvk_context_release(ctx);
    }
  }
  sandbox_remove();
}
END_TEST

SUITE("discovery", order, working_directory, refused_unopened, missing, filter, precedence, same_choice_in_any_order)

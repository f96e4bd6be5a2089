/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c: see sandbox.h. */
#define _GNU_SOURCE
#include "sandbox.h"

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folders[2][64];

static const char *make(int i) {
  if (folders[i][0] == '\0') {
    strcpy(folders[i], "/tmp/convoke-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folders[i]));
  }
  return folders[i];
}

const char *sandbox_folder(void) {
  return make(0);
}

const char *sandbox_second_folder(void) {
  return make(1);
}

void sandbox_copy(const char *from, const char *folder, const char *file) {
  char to[PATH_MAX], block[1 << 16];
  size_t n;
  snprintf(to, sizeof to, "%s/%s", folder, file);
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  ck_assert_msg(in != NULL && out != NULL, "copying %s to %s", from, to);
  while ((n = fread(block, 1, sizeof block, in)) > 0) ck_assert_uint_eq(fwrite(block, 1, n, out), n);
  fclose(in);
  ck_assert_int_eq(fclose(out), 0);
  chmod(to, 0755);
}

void sandbox_add(const char *folder, const char *module, const char *name) {
  char from[PATH_MAX], file[NAME_MAX];
  snprintf(from, sizeof from, "%s/%s.so", TEST_MODULES, module);
  snprintf(file, sizeof file, "convoke-%s.so", name);
  sandbox_copy(from, folder, file);
}

void sandbox_write(const char *folder, const char *file, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

void sandbox_remove(void) {
  for (int i = 0; i < 2; i++)
    if (folders[i][0] != '\0') nftw(folders[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

cvk_context *sandbox_context(const char *path) {
  cvk_context *ctx = NULL;
  const cvk_context_options o = {.plugin_path = path, .no_env = 1};
  ck_assert_int_eq(cvk_context_create(&o, &ctx), CVK_OK);
  return ctx;
}

cvk_plugin_verdict sandbox_verdict(cvk_context *ctx, const char *end) {
  int32_t n = 0;
  ck_assert_int_eq(cvk_plugin_count(ctx, &n), CVK_OK);
  for (int32_t i = 0; i < n; i++) {
    cvk_plugin_verdict v = {.struct_size = sizeof v};
    ck_assert_int_eq(cvk_plugin_verdict_get(ctx, i, &v), CVK_OK);
    const size_t path = strlen(v.path), wanted = strlen(end);
    if (path >= wanted && strcmp(v.path + path - wanted, end) == 0) return v;
  }
  ck_abort_msg("no verdict on %s", end);
}

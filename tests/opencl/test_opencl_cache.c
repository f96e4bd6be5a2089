/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_cache.c: the disk cache of programs: filled at close, used at the next open, and never trusted: whatever is wrong with an
 * entry costs one line in the log and a build. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mini_host.h"

static char folder[256];

static void make_folder(void) {
  snprintf(folder, sizeof folder, "/tmp/convoke-test-cache-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  mini_option("cache_dir", folder);
}

/* The path of the one entry, in a static buffer; NULL: none. `n` counts the files. */
static const char *entry(int *n) {
  static char path[600];
  const char *found = NULL;
  DIR *dir = opendir(folder);
  *n = 0;
  ck_assert_ptr_nonnull(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    found = path;
    ++*n;
  }
  closedir(dir);
  return found;
}

static void remove_folder(void) {
  int n;
  for (const char *path; (path = entry(&n)) != NULL;) ck_assert_int_eq(remove(path), 0);
  ck_assert_int_eq(rmdir(folder), 0);
}

/* Opens the device, reorders a small tensor rightly (one program), closes. 0: no device here. */
static int use_device(void) {
  float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {0};
  if (!mini_open()) return 0;
  mini_op op = {.kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1};
  op.in[0] = mini_f32(3, (int64_t[]){1, 2, 3}, x);
  op.out[0] = mini_f32(3, (int64_t[]){1, 2, 3}, y);
  op.out[0].layout = CVK_BLOCKED;
  mini_must_run("reorder_16x16", &op);
  ck_assert_mem_eq(x, y, sizeof x);
  mini_close();
  return 1;
}

static char *read_file(const char *path, long *bytes) {
  FILE *f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  fseek(f, 0, SEEK_END);
  *bytes = ftell(f);
  rewind(f);
  char *data = malloc((size_t)*bytes);
  ck_assert_uint_eq(fread(data, 1, (size_t)*bytes, f), (size_t)*bytes);
  fclose(f);
  return data;
}

static void write_file(const char *path, const char *data, long bytes) {
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_eq(fwrite(data, 1, (size_t)bytes, f), (size_t)bytes);
  fclose(f);
}

START_TEST(filled_at_close_and_used) {
  int n;
  struct stat before, after;
  make_folder();
  if (use_device()) {
    const char *path = entry(&n);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_gt(before.st_size, 100);
    ck_assert_int_eq(before.st_mode & 077, 0);
    use_device();
    ck_assert_int_eq(stat(entry(&n), &after), 0);
    ck_assert_msg(before.st_ino == after.st_ino && n == 1, "the entry was written again: it was not used");
    ck_assert_int_eq(mini_log_lines("building reorder.cl from source"), 0);
  }
  remove_folder();
}
END_TEST

/* Each damage to a good entry: one more line in the log, a right result, and a good entry again. */
START_TEST(damage_costs_a_build) {
  int n;
  long bytes;
  make_folder();
  if (!use_device()) return;
  char path[600];
  snprintf(path, sizeof path, "%s", entry(&n));
  char *good = read_file(path, &bytes);
  char *bad = malloc((size_t)bytes);
  for (int kind = 0; kind < 8; kind++) {
    const int lines = mini_log_lines("building reorder.cl from source");
    memcpy(bad, good, (size_t)bytes);
    long size = bytes;
    if (kind == 0) size = 0;
    if (kind == 1) size = 20;
    if (kind == 2) size = bytes - 1;
    if (kind == 3) bad[0] ^= 1;                /* magic */
    if (kind == 4) bad[8] ^= 1;                /* key */
    if (kind == 5) memset(bad + 24, 0xFF, 16); /* lengths */
    if (kind == 6) bad[bytes / 2] ^= 0x10;     /* binary */
    if (kind == 7) bad[6 * 8 + 3] ^= 1;        /* the driver's name */
    write_file(path, bad, size);
    use_device();
    ck_assert_msg(mini_log_lines("building reorder.cl from source") == lines + 1, "damage %d: no line in the log", kind);
    long again;
    char *now = read_file(path, &again);
    ck_assert_msg(again > 100 && memcmp(now, good, 24) == 0, "damage %d: the entry was not written again", kind);
    free(now);
  }
  free(good);
  free(bad);
  remove_folder();
}
END_TEST

START_TEST(an_unusable_folder_is_said_once) {
  mini_option("cache_dir", "/dev/null/x");
  const int lines = mini_log_lines("cannot be written");
  if (use_device()) ck_assert_int_eq(mini_log_lines("cannot be written"), lines + 1);
  mini_option("cache_dir", NULL);
  use_device();
  ck_assert_int_le(mini_log_lines("cannot be written"), lines + 1);
}
END_TEST

START_TEST(a_failed_build_says_all) {
  mini_option("cache_dir", NULL);
  mini_option("cl_build_options", "-Dreorder=");
  if (mini_open()) {
    float x[4] = {0}, y[4];
    mini_op op = {.kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1};
    op.in[0] = mini_f32(2, (int64_t[]){1, 4}, x);
    op.out[0] = mini_f32(2, (int64_t[]){1, 4}, y);
    ck_assert_int_ne(mini_run(NULL, &op), CVK_OK);
    const char *const parts[] = {"kernels_cl/reorder.cl", "-Dreorder=", "error", "opencl:0"};
    for (int i = 0; i < 4; i++) ck_assert_msg(strstr(mini_message(), parts[i]) != NULL, "no '%s' in: %s", parts[i], mini_message());
    mini_close();
  }
  mini_option("cl_build_options", NULL);
}
END_TEST

SUITE("opencl_cache", filled_at_close_and_used, damage_costs_a_build, an_unusable_folder_is_said_once, a_failed_build_says_all)

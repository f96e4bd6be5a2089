/* SPDX-License-Identifier: Apache-2.0 */
/* test_context.c: settings, logging, status text, the host table, and what creating a context does not do.
 * Rules of docs/plugin-abi.md: P5. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../harness.h"
#include "context_internal.h"

static int tasks(void) {
  int n = 0;
  DIR *d = opendir("/proc/self/task");
  for (const struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

static int mapped(const char *name) {
  char line[4096];
  int found = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  while (!found && fgets(line, sizeof line, f) != NULL) found = strstr(line, name) != NULL;
  fclose(f);
  return found;
}

/* Creating a context starts no thread, maps no plugin and no driver, and sets no variable. */
START_TEST(creation_is_lazy) {
  cvk_context *ctx = NULL;
  unsetenv("POCL_AFFINITY");
  const int before = tasks();
  ck_ok(cvk_context_create(NULL, &ctx));
  ck_assert_int_eq(tasks(), before);
  ck_assert(!mapped("libOpenCL") && !mapped("convoke-cpu"));
  ck_assert_ptr_null(getenv("POCL_AFFINITY"));
  cvk_context_release(ctx);
  cvk_context_release(NULL);
}
END_TEST

START_TEST(option_wins_over_variable) {
  cvk_context *ctx = NULL;
  setenv("CONVOKE_CPU_ISA", "avx2", 1);
  setenv("CONVOKE_KERNEL", "conv_direct", 1);
  setenv("CONVOKE_CACHE_DIR", "", 1);
  char isa[] = "scalar";
  const cvk_context_options o = {.cpu_isa = isa};
  ck_ok(cvk_context_create(&o, &ctx));
  memset(isa, 'x', sizeof isa - 1); /* strings are copied */
  setenv("CONVOKE_KERNEL", "changed", 1);
  ck_assert_str_eq(cvk_context_option(ctx, "cpu_isa"), "scalar");
  ck_assert_str_eq(cvk_context_option(ctx, "kernel"), "conv_direct");
  ck_assert_ptr_null(cvk_context_option(ctx, "cache_dir")); /* empty is not set */
  ck_assert_ptr_null(cvk_context_option(ctx, "no such setting"));
  ck_assert_ptr_null(cvk_context_option(ctx, NULL));
  ck_assert_str_eq(ctx->host.option(ctx->host.ctx, "kernel"), "conv_direct");
  cvk_context_release(ctx);
  const cvk_context_options blind = {.no_env = 1};
  ck_ok(cvk_context_create(&blind, &ctx));
  ck_assert_ptr_null(cvk_context_option(ctx, "cpu_isa"));
  cvk_context_release(ctx);
}
END_TEST

START_TEST(thread_count) {
  cvk_context *ctx = NULL;
  setenv("CONVOKE_NUM_THREADS", "3", 1);
  ck_ok(cvk_context_create(NULL, &ctx));
  ck_assert_int_eq(cvk_context_workers(ctx), 3);
  cvk_context_release(ctx);
  cvk_context_options o = {.num_threads = 64};
  ck_ok(cvk_context_create(&o, &ctx));
  ck_assert_int_eq(cvk_context_workers(ctx), 64);
  ck_assert_int_eq(ctx->host.workers(ctx->host.ctx), 64);
  cvk_context_release(ctx);
  static const char *const wrong[] = {"0", "-1", "two", "3x", "99999", "1e3"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    setenv("CONVOKE_NUM_THREADS", wrong[i], 1);
    ctx = NULL;
    ck_fails(cvk_context_create(NULL, &ctx), CVK_INVALID_ARGUMENT, wrong[i]);
    ck_assert_ptr_null(ctx);
  }
  o.num_threads = -2;
  ck_fails(cvk_context_create(&o, &ctx), CVK_INVALID_ARGUMENT, "num_threads is -2, allowed is 1 to 1024");
  ck_fails(cvk_context_create(&o, NULL), CVK_INVALID_ARGUMENT, "NULL");
}
END_TEST

static char log_text[4][200];
static int32_t log_level[4];
static int n_logged;
static void keep(void *arg, int32_t level, const char *text) {
  ck_assert_ptr_eq(arg, log_text);
  if (n_logged == 4) return;
  log_level[n_logged] = level;
  snprintf(log_text[n_logged++], sizeof log_text[0], "%s", text);
}

static void log_one_of_each(cvk_context *ctx) {
  n_logged = 0;
  for (int32_t level = CVK_LOG_ERROR; level <= CVK_LOG_DISPATCH; level++) cvk_context_log(ctx, level, "line %d", (int)level);
  cvk_context_log(ctx, 17, "no such level");
  cvk_context_log(ctx, -1, "no such level");
}

START_TEST(log_topics) {
  static const struct {
    const char *topics;
    int lines;
    int32_t last;
  } cases[] = {
      {NULL, 2, CVK_LOG_WARNING},
      {"error", 1, CVK_LOG_ERROR},
      {"info", 3, CVK_LOG_INFO},
      {"dispatch", 3, CVK_LOG_DISPATCH},
      {"all", 4, CVK_LOG_DISPATCH},
      {"info,dispatch", 4, CVK_LOG_DISPATCH},
      {"nonsense,warning", 2, CVK_LOG_WARNING},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cvk_context *ctx = NULL;
    const cvk_context_options o = {.no_env = 1, .log = keep, .log_arg = log_text, .log_topics = cases[i].topics};
    ck_ok(cvk_context_create(&o, &ctx));
    log_one_of_each(ctx);
    ck_assert_int_eq(n_logged, cases[i].lines);
    ck_assert_int_eq(log_level[n_logged - 1], cases[i].last);
    ck_assert_str_eq(log_text[0], "line 0");
    cvk_context_release(ctx);
  }
}
END_TEST

/* Bytes that log_one_of_each writes to stderr in a context with these options. */
static long stderr_bytes(const cvk_context_options *o) {
  cvk_context *ctx = NULL;
  const int saved = dup(STDERR_FILENO), file = fileno(tmpfile());
  ck_ok(cvk_context_create(o, &ctx));
  dup2(file, STDERR_FILENO);
  log_one_of_each(ctx);
  dup2(saved, STDERR_FILENO);
  close(saved);
  cvk_context_release(ctx);
  return (long)lseek(file, 0, SEEK_END);
}

/* Silence, unless the variable asked for text on stderr. */
START_TEST(stderr_only_when_asked) {
  const cvk_context_options none = {0}, blind = {.no_env = 1}, topics = {.log_topics = "all"};
  unsetenv("CONVOKE_LOG");
  ck_assert_int_eq(stderr_bytes(&none), 0);
  ck_assert_int_eq(stderr_bytes(&topics), 0);
  setenv("CONVOKE_LOG", "error", 1);
  ck_assert_int_eq(stderr_bytes(&none), (long)strlen("convoke error: line 0\n"));
  ck_assert_int_eq(stderr_bytes(&blind), 0);
}
END_TEST

START_TEST(status_text) {
  char dims[CVK_DIMS_TEXT], big[5000];
  ck_assert_str_eq(cvk_status_name(CVK_OK), "OK");
  ck_assert_str_eq(cvk_status_name(CVK_INVALID_SHAPE), "INVALID_SHAPE");
  ck_assert_str_eq(cvk_status_name(CVK_IO_ERROR), "IO_ERROR");
  ck_assert_str_eq(cvk_status_name(-1), "UNKNOWN_STATUS");
  ck_assert_str_eq(cvk_status_name(1000), "UNKNOWN_STATUS");
  ck_assert_str_eq(cvk_dtype_name(CVK_BF16), "bfloat16");
  ck_assert_str_eq(cvk_dtype_name(8), "?");
  ck_assert_str_eq(cvk_dtype_name(-3), "?");
  ck_assert_int_eq(cvk_fail(CVK_ALIAS, "conv: %s", "y overlaps x"), CVK_ALIAS);
  ck_assert_int_eq(cvk_fail_within(CVK_ALIAS, "node \"%s\"", "c1"), CVK_ALIAS);
  ck_assert_str_eq(cvk_error_message(), "node \"c1\": conv: y overlaps x");
  cvk_fail(CVK_INTERNAL, "again: %s", cvk_error_message()); /* an argument may be the message itself */
  ck_assert_str_eq(cvk_error_message(), "again: node \"c1\": conv: y overlaps x");
  memset(big, 'x', sizeof big - 1);
  big[sizeof big - 1] = '\0';
  cvk_fail(CVK_INTERNAL, "%s", big);
  ck_assert_uint_eq(strlen(cvk_error_message()), 2047);
  cvk_fail_within(CVK_INTERNAL, "outer");
  ck_assert_uint_eq(strlen(cvk_error_message()), 2047);
  ck_assert_int_eq(strncmp(cvk_error_message(), "outer: xxx", 10), 0);
  cvk_fail_within(CVK_INTERNAL, "%s", big);
  cvk_error_clear();
  ck_assert_str_eq(cvk_error_message(), "");
  const int64_t dim[8] = {1, 3, 224, 224, INT64_MIN, INT64_MAX, INT64_MIN, INT64_MIN};
  ck_assert_str_eq(cvk_dims_text(4, dim, dims), "[1,3,224,224]");
  ck_assert_str_eq(cvk_dims_text(0, dim, dims), "[]");
  ck_assert_uint_lt(strlen(cvk_dims_text(8, dim, dims)), sizeof dims);
  ck_assert_str_eq(cvk_version(), CVK_VERSION_STRING);
}
END_TEST

static void *fail_in_thread(void *arg) {
  cvk_fail(CVK_INTERNAL, "of the thread");
  return arg;
}

START_TEST(message_is_the_threads_own) {
  pthread_t t;
  cvk_fail(CVK_INTERNAL, "of the test");
  pthread_create(&t, NULL, fail_in_thread, NULL);
  pthread_join(t, NULL);
  ck_assert_str_eq(cvk_error_message(), "of the test");
}
END_TEST

START_TEST(host_table) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(NULL, &ctx));
  const cvk_host *h = &ctx->host;
  ck_assert_uint_eq(h->struct_size, sizeof *h);
  const cvk_status status = (h->fail)(h->ctx, CVK_NO_DEVICE, "100% literal %s"); /* Check has a macro of that name */
  ck_assert_int_eq(status, CVK_NO_DEVICE);
  ck_assert_str_eq(cvk_error_message(), "100% literal %s");
  for (uint64_t alignment = 1; alignment <= 4096; alignment *= 2) {
    void *p = h->alloc(h->ctx, 100, alignment);
    ck_assert(p != NULL && (uintptr_t)p % alignment == 0);
    h->free(h->ctx, p);
  }
  void *p = h->alloc(h->ctx, 0, 64);
  ck_assert_ptr_nonnull(p);
  h->free(h->ctx, p);
  h->free(h->ctx, NULL);
  ck_assert_ptr_null(h->alloc(h->ctx, UINT64_MAX, 64));
  ck_assert_ptr_null(h->alloc(h->ctx, 64, 48));
  ck_assert_ptr_null(h->extension(h->ctx, "convoke.graph/1"));
  h->log(h->ctx, CVK_LOG_INFO, NULL);
  cvk_context_release(ctx);
}
END_TEST

/* POCL_AFFINITY: set once before the first plugin, never over the user's value, never with no_env. */
START_TEST(environment_is_left_alone) {
  cvk_context *ctx = NULL;
  int32_t n;
  unsetenv("POCL_AFFINITY");
  const cvk_context_options blind = {.no_env = 1};
  ck_ok(cvk_context_create(&blind, &ctx));
  ck_ok(cvk_plugin_count(ctx, &n));
  ck_assert_ptr_null(getenv("POCL_AFFINITY"));
  cvk_context_release(ctx);
  setenv("POCL_AFFINITY", "0", 1);
  ck_ok(cvk_context_create(NULL, &ctx));
  ck_ok(cvk_plugin_count(ctx, &n));
  ck_assert_str_eq(getenv("POCL_AFFINITY"), "0");
  cvk_context_release(ctx);
}
END_TEST

START_TEST(plugin_options) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.no_env = 1, .plugin_options = "remote.backend=/a/b=c.so;;x=;kernel=not this one", .kernel = "k"}, &ctx));
  ck_assert_str_eq(ctx->host.option(ctx->host.ctx, "remote.backend"), "/a/b=c.so");
  ck_assert_str_eq(cvk_context_option(ctx, "x"), "");
  ck_assert_str_eq(cvk_context_option(ctx, "kernel"), "k"); /* ours come first */
  ck_assert_ptr_null(cvk_context_option(ctx, "remote"));
  ck_assert_ptr_null(cvk_context_option(ctx, "remote.back"));
  char **all = cvk_context_settings(ctx);
  int32_t n = 0, seen = 0;
  for (; all[n] != NULL; n++) seen += strcmp(all[n], "kernel=k") == 0 || strcmp(all[n], "remote.backend=/a/b=c.so") == 0;
  ck_assert(n == 5 && seen == 2); /* kernel, plugin_options and three items */
  cvk_context_settings_free(all);
  cvk_context_release(ctx);
  ck_fails(cvk_context_create(&(cvk_context_options){.no_env = 1, .plugin_options = "a=1;nothing"}, &ctx), CVK_INVALID_ARGUMENT, "has \"nothing\", items are");
  ck_fails(cvk_context_create(&(cvk_context_options){.no_env = 1, .plugin_options = "=1"}, &ctx), CVK_INVALID_ARGUMENT, "has \"=1\", items are");
  ck_fails(cvk_context_create(&(cvk_context_options){.no_env = 1, .probe = "yes"}, &ctx), CVK_INVALID_ARGUMENT, "allowed are on, off and force");
}
END_TEST

/* A caller built with fewer fields. */
START_TEST(short_options) {
  cvk_context *ctx = NULL;
  cvk_context_options o;
  memset(&o, 0xff, sizeof o);
  o.struct_size = offsetof(cvk_context_options, plugin_path);
  o.num_threads = 2;
  ck_ok(cvk_context_create(&o, &ctx));
  ck_assert_int_eq(cvk_context_workers(ctx), 2);
  cvk_context_release(ctx);
}
END_TEST

SUITE("context", plugin_options, creation_is_lazy, option_wins_over_variable, thread_count, log_topics, stderr_only_when_asked, status_text,
      message_is_the_threads_own, host_table, environment_is_left_alone, short_options)

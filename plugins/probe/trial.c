/* SPDX-License-Identifier: Apache-2.0 */
/* trial.c: the steps of a trial; see trial.h. Runs in a process of its own, which may die at any of them. */
#define _GNU_SOURCE
#include "trial.h"

#include <convoke/context.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader.h"
#include "status.h"

enum { MOST_DEVICES = 256 };

/* ---- the host that the plugin sees ---- */

static cvk_status host_fail(void *ctx, cvk_status status, const char *why) {
  (void)ctx;
  return cvk_fail(status, "%s", why != NULL ? why : "");
}

static void host_log(void *ctx, int32_t level, const char *text) {
  (void)ctx, (void)level, (void)text;
}

static void *host_alloc(void *ctx, uint64_t bytes, uint64_t alignment) {
  void *p = NULL;
  (void)ctx;
  return posix_memalign(&p, alignment < 64 ? 64 : alignment, bytes ? bytes : 1) == 0 ? p : NULL;
}

static void host_free(void *ctx, void *p) {
  (void)ctx;
  free(p);
}

static int32_t host_workers(void *ctx) {
  (void)ctx;
  return 1;
}

static void host_parallel_for(void *ctx, int64_t n, cvk_task task, void *arg) {
  (void)ctx;
  for (int64_t i = 0; i < n; i++) task(arg, i, 0);
}

static const char *host_option(void *ctx, const char *name) {
  const trial *t = ctx;
  const size_t n = strlen(name);
  if (strcmp(name, "icd_vendors") == 0) return getenv("OCL_ICD_VENDORS"); /* of this trial, not of the program that asked for it */
  for (int32_t i = 0; i < t->n_settings; i++) {
    if (strncmp(t->settings[i], name, n) == 0 && t->settings[i][n] == '=') return t->settings[i] + n + 1;
  }
  return NULL;
}

static const void *host_extension(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return NULL;
}

/* ---- steps ---- */

/* A step whose status says that it failed. */
static int32_t failed(trial *t, cvk_status status, const char *what) {
  const char *why = cvk_error_message();
  t->status = status;
  snprintf(t->text, sizeof t->text, "%s: %.900s", what, *why != '\0' ? why : cvk_status_name(status));
  return CVK_PROBE_FAILED;
}

static int32_t harmful(trial *t, cvk_status status, const char *device, const char *what) {
  t->status = status;
  snprintf(t->text, sizeof t->text, "device %s: %s", device, what);
  return CVK_PROBE_HARMFUL;
}

static int32_t try_device(trial *t, const cvk_backend *b, cvk_instance *inst, int32_t index, cvk_device_info *info) {
  cvk_backend_device *dev = NULL;
  char why[200] = "";
  int32_t right = 1;
  memset(info, 0, sizeof *info);
  info->struct_size = sizeof *info;
  cvk_error_clear();
  t->stage("device_info");
  cvk_status status = b->device_info(inst, index, info);
  info->id[sizeof info->id - 1] = '\0';
  if (status != CVK_OK) return failed(t, status, "device_info");
  t->stage("device_open");
  status = b->device_open(inst, index, &dev);
  if (status != CVK_OK) return failed(t, status, "device_open");
  t->stage("a tiny op");
  status = tiny_op_run(b, dev, info, &right, why, sizeof why);
  if (status == CVK_TIMEOUT) return harmful(t, status, info->id, "its queue does not end");
  if (!right) return harmful(t, CVK_INTERNAL, info->id, why);
  const int32_t result = status == CVK_OK ? CVK_PROBE_GOOD : failed(t, status, why);
  t->stage("device_close");
  b->device_close(dev);
  return result;
}

static int32_t threads(void) {
  DIR *dir = opendir("/proc/self/task");
  int32_t n = 0;
  if (dir == NULL) return 1;
  for (const struct dirent *e; (e = readdir(dir)) != NULL;) n += e->d_name[0] != '.';
  closedir(dir);
  return n;
}

/* Threads besides this one; one that was just joined may take a moment to go. */
static int32_t threads_left(void) {
  for (int i = 0; i < 20 && threads() > 1; i++) nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
  return threads() - 1;
}

static int32_t try_devices(trial *t, const cvk_backend *b, cvk_instance *inst, int32_t *may_have_threads) {
  int32_t n = 0, result = CVK_PROBE_GOOD;
  cvk_device_info info = {.struct_size = sizeof info};
  t->stage("device_count");
  const cvk_status status = b->device_count(inst, &n);
  if (status != CVK_OK) return failed(t, status, "device_count");
  for (int32_t i = 0; i < n && i < MOST_DEVICES && result == CVK_PROBE_GOOD; i++) {
    result = try_device(t, b, inst, i, &info);
    if (b->buffer_alloc != NULL || (info.flags & CVK_DEVICE_OWN_THREADS)) *may_have_threads = 1;
  }
  return result;
}

int32_t trial_run(trial *t) {
  const cvk_host host = {.struct_size = sizeof host, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .ctx = t, .fail = host_fail, .log = host_log,
                         .alloc = host_alloc, .free = host_free, .workers = host_workers, .parallel_for = host_parallel_for, .option = host_option,
                         .extension = host_extension};
  cvk_plugin_result loaded;
  cvk_instance *inst = NULL;
  int32_t may_have_threads = 0;
  t->stage("opening it");
  cvk_plugin_load(t->plugin, &host, &loaded);
  t->status = loaded.status;
  snprintf(t->text, sizeof t->text, "%s", loaded.status == CVK_OK ? "" : loaded.verdict);
  if (loaded.status != CVK_OK) return CVK_PROBE_NO_PLUGIN;
  t->opencl = dlopen("libOpenCL.so.1", RTLD_LAZY | RTLD_NOLOAD) != NULL;
  if (t->opencl && t->load_only) return CVK_PROBE_GOOD;
  t->stage("instance_create");
  cvk_error_clear();
  const cvk_status status = loaded.table->instance_create(&host, &inst);
  if (status != CVK_OK) return failed(t, status, "instance_create");
  const int32_t result = try_devices(t, loaded.table, inst, &may_have_threads);
  if (result == CVK_PROBE_HARMFUL) return result;
  t->stage("instance_destroy");
  loaded.table->instance_destroy(inst);
  const int32_t left = may_have_threads ? 0 : threads_left();
  if (result == CVK_PROBE_GOOD && left > 0) snprintf(t->text, sizeof t->text, "it leaves %d thread%s running", (int)left, left == 1 ? "" : "s");
  return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c: dlopen, the entry call and the process-wide list of what was loaded. One mutex covers it all: loading is rare.
 * Libraries are opened RTLD_NOW (a missing symbol shows here, not in a kernel), RTLD_LOCAL (two plugins may use the same names) and
 * RTLD_NODELETE (drivers leave threads and exit handlers behind). */
#define _GNU_SOURCE
#include "loader.h"

#include <convoke/context.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_quota.h"
#include "fp_mode.h"
#include "status.h"

#define ENTRY_PREFIX "convoke_plugin_entry_"
#define MAX_MAJOR 31 /* majors looked for, to tell another ABI from a library that is no plugin */

typedef cvk_status (*entry_fn)(const cvk_host *host, const cvk_backend **out);

/* A library whose entry was called. Never freed. */
typedef struct loaded {
  struct loaded *next;
  void *library;
  int32_t driver_pid;
  cvk_plugin_result result;
  cvk_backend table;
} loaded;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loaded *all_loaded;
static int environment_ready;

/* Where fail and log of the entry call go. A plugin may keep the table it got there past the context that loaded it. */
static _Thread_local const cvk_host *serving;

static cvk_status entry_fail(void *ctx, cvk_status status, const char *why) {
  (void)ctx;
  return cvk_fail(status, "%s", why != NULL ? why : "");
}

static void entry_log(void *ctx, int32_t level, const char *text) {
  (void)ctx;
  if (serving != NULL) serving->log(serving->ctx, level, text);
}

static const cvk_host entry_host = {
    .struct_size = offsetof(cvk_host, alloc),
    .abi_major = CVK_ABI_MAJOR,
    .abi_minor = CVK_ABI_MINOR,
    .fail = entry_fail,
    .log = entry_log,
};

/* The entry of another major, or -1. */
static int other_major(void *library) {
  char symbol[sizeof ENTRY_PREFIX + 12];
  for (int major = 0; major <= MAX_MAJOR; major++) {
    snprintf(symbol, sizeof symbol, ENTRY_PREFIX "%d", major);
    if (dlsym(library, symbol) != NULL) return major;
  }
  return -1;
}

static void no_entry(void *library, cvk_plugin_result *out) {
  const int major = other_major(library);
  out->status = CVK_UNSUPPORTED;
  if (major >= 0)
    snprintf(out->verdict, sizeof out->verdict, "refused: built for plugin ABI %d, this library speaks %d.%d", major, CVK_ABI_MAJOR,
             CVK_ABI_MINOR);
  else
    snprintf(out->verdict, sizeof out->verdict, "not a plugin: symbol " ENTRY_PREFIX "%d missing", CVK_ABI_MAJOR);
}

static void call_entry(entry_fn entry, const cvk_host *host, loaded *l) {
  const cvk_backend *table = NULL;
  cvk_plugin_result *r = &l->result;
  cvk_error_clear();
  serving = host;
  r->status = entry(&entry_host, &table);
  serving = NULL;
  if (r->status != CVK_OK) {
    const char *why = cvk_error_message();
    snprintf(r->verdict, sizeof r->verdict, "refused by itself: %s", *why != '\0' ? why : cvk_status_name(r->status));
    return;
  }
  r->status = cvk_plugin_check_table(table, &l->table, r->verdict);
  if (r->status != CVK_OK) return;
  r->table = &l->table;
  snprintf(r->verdict, sizeof r->verdict, "loaded");
}

static loaded *find_library(const void *library) {
  loaded *l = all_loaded;
  while (l != NULL && l->library != library) l = l->next;
  return l;
}

static loaded *find_table(const cvk_backend *table) {
  loaded *l = all_loaded;
  while (l != NULL && &l->table != table) l = l->next;
  return l;
}

static void load_locked(const char *path, const cvk_host *host, cvk_plugin_result *out) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == NULL) {
    const char *why = dlerror();
    out->status = CVK_IO_ERROR;
    snprintf(out->verdict, sizeof out->verdict, "cannot be opened: %s", why != NULL ? why : "no reason given");
    return;
  }
  loaded *l = find_library(library);
  if (l == NULL) {
    entry_fn entry;
    void *symbol = dlsym(library, ENTRY_PREFIX "0");
    if (symbol == NULL) {
      no_entry(library, out);
      return;
    }
    memcpy(&entry, &symbol, sizeof entry); /* POSIX: a function's address through an object pointer */
    l = calloc(1, sizeof *l);
    if (l == NULL) {
      out->status = CVK_NO_MEMORY;
      snprintf(out->verdict, sizeof out->verdict, "no memory for its table");
      return;
    }
    l->library = library;
    call_entry(entry, host, l);
    l->next = all_loaded;
    all_loaded = l;
  }
  *out = l->result;
}

_Static_assert(CVK_ABI_MAJOR == 0, "the entry's name in load_locked has the major in it");

void cvk_plugin_load(const char *path, const cvk_host *host, cvk_plugin_result *out) {
  memset(out, 0, sizeof *out);
  const uint64_t mode = cvk_fp_mode_get(); /* a library linked with -ffast-math turns on flush to zero in its constructor */
  pthread_mutex_lock(&lock);
  load_locked(path, host, out);
  pthread_mutex_unlock(&lock);
  cvk_fp_mode_set(mode);
}

void cvk_plugin_driver_claim(const cvk_backend *table, int32_t pid) {
  pthread_mutex_lock(&lock);
  loaded *l = find_table(table);
  if (l != NULL && l->driver_pid == 0) l->driver_pid = pid;
  pthread_mutex_unlock(&lock);
}

int32_t cvk_plugin_driver_owner(const cvk_backend *table) {
  pthread_mutex_lock(&lock);
  const loaded *l = find_table(table);
  const int32_t pid = l != NULL ? l->driver_pid : 0;
  pthread_mutex_unlock(&lock);
  return pid;
}

void cvk_plugin_prepare_environment(void) {
  pthread_mutex_lock(&lock);
  if (!environment_ready && all_loaded == NULL && cvk_cpu_affinity_is_full()) setenv("POCL_AFFINITY", "1", 0);
  environment_ready = 1;
  pthread_mutex_unlock(&lock);
}

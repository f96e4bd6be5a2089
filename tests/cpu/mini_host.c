/* SPDX-License-Identifier: Apache-2.0 */
/* mini_host.c: see mini_host.h. */
#include "mini_host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const mini_host_caps[] = {"scalar", "sse41", "avx2", "avx512", "neon", NULL};

static cvk_status fail(void *ctx, cvk_status status, const char *why) {
  mini_host *h = ctx;
  snprintf(h->message, sizeof h->message, "%s", why);
  return status;
}

static void log_text(void *ctx, int32_t level, const char *text) {
  (void)ctx, (void)level, (void)text;
}

static void *allocate(void *ctx, uint64_t bytes, uint64_t alignment) {
  void *p = NULL;
  if (posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes ? bytes : 1) != 0) return NULL;
  ((mini_host *)ctx)->allocated++;
  return memset(p, 0xa5, bytes);
}

static void release(void *ctx, void *p) {
  if (p) ((mini_host *)ctx)->allocated--;
  free(p);
}

static int32_t workers(void *ctx) {
  return ((mini_host *)ctx)->threads;
}

typedef struct batch {
  cvk_task task;
  void *arg;
  int64_t n;
  atomic_llong next;
  atomic_int worker;
} batch;

static void *work(void *arg) {
  batch *b = arg;
  const int32_t worker = atomic_fetch_add(&b->worker, 1);
  for (int64_t i; (i = atomic_fetch_add(&b->next, 1)) < b->n;) b->task(b->arg, i, worker);
  return NULL;
}

static void parallel_for(void *ctx, int64_t n, cvk_task task, void *arg) {
  enum { MAX = 8 };
  const int32_t threads = ((mini_host *)ctx)->threads;
  if (threads <= 1) {
    for (int64_t i = n; i-- > 0;) task(arg, i, 0);
    return;
  }
  batch b = {.task = task, .arg = arg, .n = n};
  pthread_t other[MAX];
  int32_t started = 0;
  while (started + 1 < threads && started < MAX && pthread_create(&other[started], NULL, work, &b) == 0) started++;
  work(&b);
  while (started-- > 0) pthread_join(other[started], NULL);
}

static const char *option(void *ctx, const char *name) {
  return strcmp(name, "cpu_isa") == 0 ? ((mini_host *)ctx)->isa : NULL;
}

static const void *extension(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return NULL;
}

int mini_host_open(mini_host *h, const char *isa, int32_t threads) {
  cvk_status (*entry)(const cvk_host *, const cvk_backend **);
  void *plugin = dlopen(MINI_HOST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  cvk_device_info info = {.struct_size = sizeof info};
  *h = (mini_host){.host = {.struct_size = sizeof(cvk_host),
                            .abi_major = CVK_ABI_MAJOR,
                            .abi_minor = CVK_ABI_MINOR,
                            .ctx = h,
                            .fail = fail,
                            .log = log_text,
                            .alloc = allocate,
                            .free = release,
                            .workers = workers,
                            .parallel_for = parallel_for,
                            .option = option,
                            .extension = extension},
                   .isa = isa,
                   .threads = threads};
  if (!plugin) return 0;
  *(void **)&entry = dlsym(plugin, "convoke_plugin_entry_0");
  if (!entry || entry(&h->host, &h->backend) != CVK_OK || h->backend->instance_create(&h->host, &h->instance) != CVK_OK) return 0;
  if (h->backend->device_open(h->instance, 0, &h->device) == CVK_OK && h->backend->device_info(h->instance, 0, &info) == CVK_OK &&
      strcmp(info.isa, isa) == 0)
    return 1;
  mini_host_close(h);
  return 0;
}

void mini_host_close(mini_host *h) {
  if (h->device) h->backend->device_close(h->device);
  if (h->instance) h->backend->instance_destroy(h->instance);
  h->device = NULL;
  h->instance = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* server_host.c: the host that the served backend sees: plain memory, one thread, no settings. Sentences and log lines are kept and go to the
 * client with the next reply. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

#define MAX_LOG_BYTES (64u << 10) /* kept until the next reply; more is dropped */

static cvk_status host_fail(void *ctx, cvk_status status, const char *why) {
  server_host *h = ctx;
  pthread_mutex_lock(&h->lock); /* a backend may have threads of its own */
  snprintf(h->why, sizeof h->why, "%s", why != NULL ? why : "");
  pthread_mutex_unlock(&h->lock);
  return status;
}

static void host_log(void *ctx, int32_t level, const char *text) {
  server_host *h = ctx;
  pthread_mutex_lock(&h->lock);
  if (text != NULL && h->lines.size + strlen(text) < MAX_LOG_BYTES) {
    const uint64_t before = h->lines.size;
    remote_put_int(&h->lines, level);
    remote_put_text(&h->lines, text);
    if (h->lines.failed) h->lines.size = before;
    else h->n_lines++;
    h->lines.failed = 0;
  }
  pthread_mutex_unlock(&h->lock);
}

void *server_alloc(uint64_t bytes, uint64_t alignment) {
  void *p = NULL;
  if (alignment < sizeof(void *)) alignment = sizeof(void *);
  return posix_memalign(&p, alignment, bytes ? bytes : 1) == 0 ? p : NULL;
}

static void *host_alloc(void *ctx, uint64_t bytes, uint64_t alignment) {
  (void)ctx;
  return server_alloc(bytes, alignment);
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
  (void)ctx, (void)name;
  return NULL;
}

static const void *host_extension(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return NULL;
}

void server_host_init(server_host *h) {
  pthread_mutex_init(&h->lock, NULL);
  h->table = (cvk_host){.struct_size = sizeof h->table,
                        .abi_major = CVK_ABI_MAJOR,
                        .abi_minor = CVK_ABI_MINOR,
                        .ctx = h,
                        .fail = host_fail,
                        .log = host_log,
                        .alloc = host_alloc,
                        .free = host_free,
                        .workers = host_workers,
                        .parallel_for = host_parallel_for,
                        .option = host_option,
                        .extension = host_extension};
}

void server_host_clear(server_host *h) {
  h->why[0] = '\0';
  h->lines.size = 0;
  h->n_lines = 0;
}

void server_host_free(server_host *h) {
  remote_free(&h->lines);
  pthread_mutex_destroy(&h->lock);
}

cvk_status server_fail(server *s, cvk_status status, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return host_fail(&s->host, status, text);
}

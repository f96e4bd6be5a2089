/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: a host that watches. Memory is aligned as asked and no more, and has marks behind its end; loops run in three ways, which give the same
 * bits where the work is split as it should be. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "context_internal.h"
#include "status.h"

enum { THREADS = 3, TAIL = 16, FILL = 0xff, MOST_COMPARED = 1 << 26 /* bytes, in one loop */ };
#define MAGIC 0x43564b414c4c4f43ull

typedef struct header { /* lies right before the block */
  void *base;
  uint64_t bytes, magic;
} header;

static cvk_status host_fail(void *ctx, cvk_status status, const char *why) {
  test_host *h = ctx;
  snprintf(h->said, sizeof h->said, "%s", why != NULL ? why : "");
  return cvk_fail(status, "%s", why != NULL ? why : "");
}

static void host_log(void *ctx, int32_t level, const char *text) {
  (void)ctx, (void)level, (void)text;
}

static void *host_alloc(void *ctx, uint64_t bytes, uint64_t alignment) {
  test_host *h = ctx;
  const int64_t call = atomic_fetch_add(&h->calls, 1);
  if (h->in_execute) atomic_fetch_add(&h->execute_calls, 1);
  if (call == h->fail_at || alignment == 0 || (alignment & (alignment - 1)) != 0 || bytes > SIZE_MAX / 2) return NULL;
  if (alignment < sizeof(void *)) alignment = sizeof(void *);
  char *base = malloc((size_t)(bytes + 3 * alignment + sizeof(header) + TAIL));
  if (base == NULL) return NULL;
  char *p = (char *)(((uintptr_t)base + sizeof(header) + 2 * alignment - 1) & ~(uintptr_t)(2 * alignment - 1)) + alignment;
  const header head = {base, bytes, MAGIC};
  memcpy(p - sizeof head, &head, sizeof head);
  memset(p, FILL, (size_t)bytes + TAIL);
  atomic_fetch_add(&h->live, 1);
  return p;
}

static void host_free(void *ctx, void *p) {
  test_host *h = ctx;
  header head;
  if (p == NULL) return;
  memcpy(&head, (char *)p - sizeof head, sizeof head);
  if (head.magic != MAGIC) {
    atomic_fetch_add(&h->strays, 1);
    return;
  }
  for (int i = 0; i < TAIL; i++) {
    if (((unsigned char *)p)[head.bytes + (uint64_t)i] != FILL) {
      atomic_fetch_add(&h->overruns, 1);
      break;
    }
  }
  atomic_fetch_sub(&h->live, 1);
  memset((char *)p - sizeof head, 0, sizeof head);
  free(head.base);
}

static int32_t host_workers(void *ctx) {
  const test_host *h = ctx;
  return h->mode == IN_ORDER ? 1 : THREADS;
}

typedef struct loop {
  _Atomic int64_t next;
  int64_t n;
  cvk_task task;
  void *arg;
  _Atomic int32_t worker, ready, go;
} loop;

static _Thread_local int in_loop;

static void run_tasks(loop *l) {
  const int32_t worker = atomic_fetch_add(&l->worker, 1);
  in_loop++;
  for (int64_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n;) l->task(l->arg, i, worker);
  in_loop--;
}

static void *run_worker(void *arg) {
  loop *l = arg;
  atomic_fetch_add(&l->ready, 1);
  while (!l->go) sched_yield();
  run_tasks(l);
  return NULL;
}

/* They begin together: else the first would be done before the last is there. */
static void on_threads(loop *l) {
  pthread_t thread[THREADS - 1];
  int made = 0;
  while (made < THREADS - 1 && made + 1 < l->n && pthread_create(&thread[made], NULL, run_worker, l) == 0) made++;
  while (l->ready < made) sched_yield();
  l->go = 1;
  run_tasks(l);
  for (int i = 0; i < made; i++) pthread_join(thread[i], NULL);
}

/* ---- races: a byte that tasks of two workers change ---- */

typedef struct shadow {
  const unsigned char *now;
  unsigned char *before, *owner; /* the worker that changed a byte last, + 1 */
  uint64_t bytes;
} shadow;

static void shadow_make(shadow *s, const watched *w, int64_t tasks) {
  *s = (shadow){.now = w->data, .bytes = w->bytes};
  if (w->data == NULL || w->bytes == 0 || w->bytes > (uint64_t)(MOST_COMPARED / tasks)) return;
  s->before = malloc((size_t)w->bytes);
  s->owner = calloc(1, (size_t)w->bytes);
  if (s->before != NULL) memcpy(s->before, s->now, (size_t)w->bytes);
}

static int shadow_clashes(shadow *s, int32_t worker) {
  int clash = 0;
  if (s->before == NULL || s->owner == NULL || memcmp(s->before, s->now, (size_t)s->bytes) == 0) return 0;
  for (uint64_t i = 0; i < s->bytes; i++) {
    if (s->before[i] == s->now[i]) continue;
    clash |= s->owner[i] && s->owner[i] != worker + 1;
    s->owner[i] = (unsigned char)(worker + 1);
    s->before[i] = s->now[i];
  }
  return clash;
}

static void in_turn(test_host *h, const loop *l) {
  shadow s[WATCHED];
  for (int32_t k = 0; k < WATCHED; k++) shadow_make(&s[k], &h->watch[k], l->n > 0 ? l->n : 1);
  for (int64_t i = l->n - 1; i >= 0; i--) {
    const int32_t worker = (int32_t)(i % THREADS);
    l->task(l->arg, i, worker);
    for (int32_t k = 0; k < WATCHED; k++) h->clashes += shadow_clashes(&s[k], worker);
  }
  for (int32_t k = 0; k < WATCHED; k++) {
    free(s[k].before);
    free(s[k].owner);
  }
}

static void host_parallel_for(void *ctx, int64_t n, cvk_task task, void *arg) {
  test_host *h = ctx;
  const int32_t mode = in_loop ? IN_ORDER : h->mode; /* nested loops run inline */
  loop l = {.n = n, .task = task, .arg = arg};
  in_loop++;
  if (mode == ON_THREADS) on_threads(&l);
  for (int64_t i = 0; i < n && mode == IN_ORDER; i++) task(arg, i, 0);
  if (mode == REVERSED) in_turn(h, &l);
  in_loop--;
}

static const char *host_option(void *ctx, const char *name) {
  const test_host *h = ctx;
  return h->settings != NULL ? cvk_context_option(h->settings, name) : NULL;
}

static const void *host_extension(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return NULL;
}

void test_host_init(test_host *h, cvk_context *settings) {
  memset(h, 0, sizeof *h);
  h->settings = settings;
  h->fail_at = -1;
  h->table = (cvk_host){.struct_size = sizeof h->table, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .ctx = h, .fail = host_fail, .log = host_log,
                        .alloc = host_alloc, .free = host_free, .workers = host_workers, .parallel_for = host_parallel_for, .option = host_option,
                        .extension = host_extension};
}

int test_host_is_clean(const test_host *h, char *why, size_t why_bytes) {
  if (h->live) snprintf(why, why_bytes, "P20: %lld blocks of the host's are not given back by instance_destroy", (long long)h->live);
  else if (h->strays) snprintf(why, why_bytes, "P17: it gave free what alloc did not give");
  else if (h->overruns) snprintf(why, why_bytes, "P11: it wrote past the end of memory that it had from alloc");
  else return 1;
  return 0;
}

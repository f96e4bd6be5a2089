/* SPDX-License-Identifier: Apache-2.0 */
/* test_threadpool.c: every index once, worker indices that never clash, nesting, concurrent callers, fork, floating-point mode, quotas.
 * Rules of docs/plugin-abi.md: H5, H9, H22. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"
#include "../plugins/sandbox.h"
#include "cpu_quota.h"
#include "fp_mode.h"
#include "threadpool.h"

#define MAX_N 5000

typedef struct count {
  cvk_threadpool *pool;
  _Atomic int32_t ran[MAX_N];
  _Atomic int32_t busy[CVK_MAX_THREADS]; /* tasks running under each worker index */
  _Atomic int32_t clashes;
  int32_t workers;
} count;

static void count_task(void *arg, int64_t i, int32_t worker) {
  count *c = arg;
  if (worker < 0 || worker >= c->workers) {
    atomic_fetch_add(&c->clashes, 1);
    return;
  }
  if (atomic_fetch_add(&c->busy[worker], 1) != 0) atomic_fetch_add(&c->clashes, 1);
  atomic_fetch_add(&c->ran[i], 1);
  if (i % 64 == 0) sched_yield();
  atomic_fetch_sub(&c->busy[worker], 1);
}

static void check(const count *c, int64_t n, int32_t times) {
  ck_assert_int_eq(c->clashes, 0);
  for (int64_t i = 0; i < n; i++) ck_assert_int_eq(c->ran[i], times);
  for (int64_t i = n; i < MAX_N; i++) ck_assert_int_eq(c->ran[i], 0);
}

static count *new_count(int32_t threads) {
  count *c = calloc(1, sizeof *c);
  c->pool = cvk_threadpool_create(threads);
  c->workers = cvk_threadpool_workers(c->pool);
  return c;
}

static void free_count(count *c) {
  cvk_threadpool_destroy(c->pool);
  free(c);
}

START_TEST(every_index_once) {
  static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 65, 1000, MAX_N};
  static const int32_t threads[] = {1, 2, 3, 8};
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
    count *c = new_count(threads[t]);
    ck_assert_int_eq(c->workers, threads[t]);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      memset(c->ran, 0, sizeof c->ran);
      for (int round = 0; round < 3; round++) cvk_threadpool_parallel_for(c->pool, sizes[s], count_task, c);
      check(c, sizes[s], 3);
    }
    free_count(c);
  }
}
END_TEST

static int tasks(void) {
  int n = 0;
  DIR *d = opendir("/proc/self/task");
  for (const struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

START_TEST(threads_start_when_needed) {
  count *c = new_count(4);
  const int before = tasks();
  cvk_threadpool_parallel_for(c->pool, 1, count_task, c);
  ck_assert_int_eq(tasks(), before);
  cvk_threadpool_parallel_for(c->pool, 2, count_task, c);
  ck_assert_int_eq(tasks(), before + 3);
  free_count(c);
  ck_assert_int_eq(tasks(), before);
  ck_assert_int_ge((c = new_count(0))->workers, 1);
  free_count(c);
}
END_TEST

/* Each outer task runs the same inner loop; inner tasks of different outer tasks run at once and must not share a worker index. */
typedef struct nest {
  count inner;
  _Atomic int32_t wrong_worker;
} nest;

typedef struct nest_step {
  nest *n;
  int32_t worker;
} nest_step;

static void inner_task(void *arg, int64_t i, int32_t worker) {
  const nest_step *s = arg;
  if (worker != s->worker) atomic_fetch_add(&s->n->wrong_worker, 1);
  count_task(&s->n->inner, i, worker);
}

static void outer_task(void *arg, int64_t i, int32_t worker) {
  nest *n = arg;
  nest_step s = {n, worker};
  (void)i;
  cvk_threadpool_parallel_for(n->inner.pool, 10, inner_task, &s);
}

START_TEST(nested) {
  nest *n = calloc(1, sizeof *n);
  n->inner.pool = cvk_threadpool_create(4);
  n->inner.workers = 4;
  cvk_threadpool_parallel_for(n->inner.pool, 200, outer_task, n);
  check(&n->inner, 10, 200);
  ck_assert_int_eq(n->wrong_worker, 0);
  cvk_threadpool_destroy(n->inner.pool);
  free(n);
}
END_TEST

typedef struct caller {
  cvk_threadpool *pool;
  count own;
} caller;

static void *call_often(void *arg) {
  caller *c = arg;
  for (int i = 0; i < 100; i++) cvk_threadpool_parallel_for(c->pool, 300, count_task, &c->own);
  return NULL;
}

START_TEST(concurrent_callers) {
  cvk_threadpool *pool = cvk_threadpool_create(3);
  caller *callers = calloc(4, sizeof *callers);
  pthread_t thread[4];
  for (int i = 0; i < 4; i++) {
    callers[i].pool = pool;
    callers[i].own.workers = 3;
    ck_assert_int_eq(pthread_create(&thread[i], NULL, call_often, &callers[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(thread[i], NULL);
    check(&callers[i].own, 300, 100);
  }
  free(callers);
  cvk_threadpool_destroy(pool);
}
END_TEST

/* A child rebuilds the pool, also when it was forked while another thread held it. */
static void fork_task(void *arg, int64_t i, int32_t worker) {
  _Atomic int32_t *status = arg;
  (void)worker;
  if (i != 0) return;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  int state = 0;
  if (waitpid(child, &state, 0) == child) atomic_store(status, WIFEXITED(state) && WEXITSTATUS(state) == 0);
}

START_TEST(after_fork) {
  count *c = new_count(3);
  _Atomic int32_t ok = 0;
  cvk_threadpool_parallel_for(c->pool, 300, count_task, c);
  const pid_t child = fork();
  if (child == 0) {
    cvk_threadpool_parallel_for(c->pool, 300, count_task, c);
    int wrong = tasks() != 3;
    for (int i = 0; i < 300; i++) wrong |= c->ran[i] != 2;
    cvk_threadpool_destroy(c->pool);
    _exit(wrong);
  }
  int state = 0;
  ck_assert_int_eq(waitpid(child, &state, 0), child);
  ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the child's state is 0x%x", (unsigned)state);
  cvk_threadpool_parallel_for(c->pool, 3, fork_task, (void *)&ok);
  ck_assert_int_eq(ok, 1);
  cvk_threadpool_parallel_for(c->pool, 300, count_task, c);
  check(c, 300, 2);
  free_count(c);
}
END_TEST

typedef struct modes {
  uint64_t wanted;
  _Atomic int32_t wrong;
} modes;

static void mode_task(void *arg, int64_t i, int32_t worker) {
  modes *m = arg;
  (void)i, (void)worker;
  if (cvk_fp_mode_get() != m->wanted) atomic_fetch_add(&m->wrong, 1);
}

/* Each loop computes in its caller's mode; the caller's is unchanged, and nothing of it stays in the workers. */
START_TEST(floating_point_mode) {
  cvk_threadpool *pool = cvk_threadpool_create(4);
  const uint64_t before = cvk_fp_mode_get();
  modes m = {.wanted = before};
  cvk_threadpool_parallel_for(pool, 1000, mode_task, &m);
#if defined(__SSE__)
  cvk_fp_mode_set(before | 0x8040u);
  m.wanted = before | 0x8040u;
  cvk_threadpool_parallel_for(pool, 1000, mode_task, &m);
  ck_assert_uint_eq(cvk_fp_mode_get(), m.wanted);
  cvk_fp_mode_set(before);
  m.wanted = before;
#endif
  cvk_threadpool_parallel_for(pool, 1000, mode_task, &m);
  ck_assert_int_eq(m.wrong, 0);
  ck_assert_uint_eq(cvk_fp_mode_get(), before);
  cvk_threadpool_destroy(pool);
}
END_TEST

START_TEST(hot) {
  count *c = new_count(2);
  cvk_threadpool_keep_hot(c->pool, 1);
  cvk_threadpool_keep_hot(c->pool, 1);
  for (int i = 0; i < 50; i++) cvk_threadpool_parallel_for(c->pool, 100, count_task, c);
  cvk_threadpool_keep_hot(c->pool, 0);
  cvk_threadpool_parallel_for(c->pool, 100, count_task, c);
  cvk_threadpool_keep_hot(c->pool, 0);
  check(c, 100, 51);
  free_count(c);
}
END_TEST

static void rest_task(void *arg, int64_t i, int32_t worker) {
  cvk_threadpool_rest(((count *)arg)->pool);
  count_task(arg, i, worker);
}

/* CPU time that the process takes in 20 ms in which its caller sleeps. */
static double idle_ms(void) {
  struct timespec begin, end;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
  nanosleep(&(const struct timespec){.tv_nsec = 20000000}, NULL);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  return (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) * 1e-6;
}

/* Hot workers spin, at rest they sleep, and the next loop finds them; a rest within a loop, or before the first one, is nothing. */
START_TEST(rest) {
  count *c = new_count(2);
  cvk_threadpool_rest(c->pool);
  cvk_threadpool_keep_hot(c->pool, 1);
  for (int i = 0; i < 50; i++) cvk_threadpool_parallel_for(c->pool, 100, count_task, c);
  cvk_threadpool_rest(c->pool);
  const double rested = idle_ms();
  ck_assert_msg(rested < 5, "%.1f ms of CPU time", rested);
  cvk_threadpool_rest(c->pool);
  cvk_threadpool_parallel_for(c->pool, 100, rest_task, c);
  cvk_threadpool_keep_hot(c->pool, 0);
  cvk_threadpool_rest(c->pool);
  check(c, 100, 51);
  free_count(c);
}
END_TEST

/* ---- quotas: a made-up /proc and /sys ---- */

static void put(const char *path, const char *text) {
  char full[4096];
  snprintf(full, sizeof full, "%s/%s", sandbox_folder(), path);
  for (char *p = full + strlen(sandbox_folder()) + 1; (p = strchr(p, '/')) != NULL; p++) {
    *p = '\0';
    ck_assert(mkdir(full, 0755) == 0 || errno == EEXIST);
    *p = '/';
  }
  FILE *f = fopen(full, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

START_TEST(quota_v2) {
  const char *root = sandbox_folder();
  ck_assert_int_eq(cvk_cpu_quota(root), 0); /* no files at all */
  put("proc/self/cgroup", "0::/\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 0);
  put("sys/fs/cgroup/cpu.max", "200000 100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 2);
  put("sys/fs/cgroup/cpu.max", "150000 100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 2);
  put("sys/fs/cgroup/cpu.max", "1000 100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 1);
  ck_assert_int_eq(cvk_threadpool_default_size(root), 1);
  put("sys/fs/cgroup/cpu.max", "max 100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 0);
  ck_assert_int_eq(cvk_threadpool_default_size(root), cvk_cpu_affinity());
  put("sys/fs/cgroup/cpu.max", "garbage");
  ck_assert_int_eq(cvk_cpu_quota(root), 0);
  /* the tightest on the way up, also where the named folder is not visible here */
  put("proc/self/cgroup", "0::/a/b/c\n");
  put("sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 3);
  put("sys/fs/cgroup/a/b/c/cpu.max", "9900000 100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 3);
  sandbox_remove();
}
END_TEST

START_TEST(quota_v1) {
  const char *root = sandbox_folder();
  put("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/y\n");
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 3);
  put("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 3);
  put("proc/self/cgroup", "4:cpuset:/z\n3:cpuacct,cpu:/\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 0);
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  ck_assert_int_eq(cvk_cpu_quota(root), 1);
  sandbox_remove();
}
END_TEST

START_TEST(affinity) {
  cpu_set_t one, all;
  ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
  const int n = CPU_COUNT(&all);
  ck_assert_int_eq(cvk_cpu_affinity(), n);
  if (n < 2) return;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
  ck_assert_int_eq(cvk_cpu_affinity(), 1);
  ck_assert(!cvk_cpu_affinity_is_full());
  ck_assert_int_eq(cvk_threadpool_default_size(sandbox_folder()), 1);
  ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
  sandbox_remove();
}
END_TEST

SUITE("threadpool", every_index_once, threads_start_when_needed, nested, concurrent_callers, after_fork, floating_point_mode, hot, rest, quota_v2,
      quota_v1, affinity)

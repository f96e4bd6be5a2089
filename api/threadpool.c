/* SPDX-License-Identifier: Apache-2.0 */
/* threadpool.c: parallel_for over pthreadpool. One pthreadpool item a worker. Each worker has a stretch of the index range of its own, always
 * the same for the same n, so that it finds in its caches what it wrote in the loop before; it takes chunks of it, and then what others have
 * left of theirs. An index runs exactly once, and the worker number is that of the item, whichever thread runs it.
 * pthreadpool (Debian's) deadlocks on nested calls and queues concurrent ones: both run inline here. See threadpool.h. */
#include "threadpool.h"

#include <pthreadpool.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "clock.h"
#include "cpu_quota.h"
#include "fp_mode.h"
#include "process.h"

#define CHUNKS_PER_WORKER 8 /* small enough to even out uneven tasks, large enough that the counters are cold */

/* A hot period (a session's run) was crowded when its threads were pushed off their cores this often: then spinning only takes time from the
 * threads that are waited for (measured: 424 ms against 128 ms on two cores with two other busy processes). */
#define CROWDED_SWITCHES 6
#define CROWDED_MS_PER_SWITCH 7
#define FEWEST_CALM_PERIODS 16 /* without spinning after a crowded one, before it is tried again; doubled each time */
#define MOST_CALM_PERIODS 256

typedef struct stretch { /* a worker's part of a loop's indices; a cache line of its own */
  _Alignas(64) _Atomic int64_t next;
  int64_t end;
} stretch;

struct cvk_threadpool {
  int32_t workers;
  stretch *stretches; /* one a worker; of the loop that has the pool */
  _Atomic int64_t
      owner;   /* 2 * pid + 1 while a loop of process pid runs, else 2 * (pid of the last loop): a child of fork() sees through it */
  int32_t pid; /* of the process whose threads `threads` has; written by the owner only */
  pthreadpool_t threads;
  _Atomic int32_t hot;
  /* Written by the owner only: */
  int spinning;         /* workers were left spinning */
  int in_period;        /* a loop has run since the pool became hot */
  int32_t calm_periods; /* still to come without spinning */
  int32_t backoff;      /* calm periods after the last crowded one; 0: the last period was not crowded */
  int64_t period_switches, period_ns; /* at its start */
};

typedef struct loop {
  cvk_threadpool *pool;
  cvk_task task;
  void *arg;
  int64_t chunk;
  int32_t workers;
  uint64_t fp_mode;
} loop;

/* The worker that this thread is at the moment, and of which pool. */
static _Thread_local struct {
  const cvk_threadpool *pool;
  int32_t worker;
} current;

cvk_threadpool *cvk_threadpool_create(int32_t threads) {
  cvk_threadpool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pool->workers = threads > 0 ? threads : cvk_threadpool_default_size(NULL);
  if (pool->workers > CVK_MAX_THREADS) pool->workers = CVK_MAX_THREADS;
  pool->stretches = aligned_alloc(_Alignof(stretch), (size_t)pool->workers * sizeof *pool->stretches);
  if (pool->stretches == NULL) {
    free(pool);
    return NULL;
  }
  return pool;
}

void cvk_threadpool_destroy(cvk_threadpool *pool) {
  if (pool == NULL) return;
  /* The threads of a parent process do not exist here and cannot be joined: their object is left behind. */
  if (pool->threads != NULL && pool->pid == cvk_process_id()) pthreadpool_destroy(pool->threads);
  free(pool->stretches);
  free(pool);
}

int32_t cvk_threadpool_workers(const cvk_threadpool *pool) {
  return pool->workers;
}

static void run_inline(int64_t n, cvk_task task, void *arg, int32_t worker) {
  for (int64_t i = 0; i < n; i++) task(arg, i, worker);
}

static void run_worker(void *arg, size_t worker) {
  loop *l = arg;
  const uint64_t mode = cvk_fp_mode_get();
  const cvk_threadpool *outer_pool = current.pool; /* a task of another pool may have started this loop */
  const int32_t outer_worker = current.worker;
  current.pool = l->pool;
  current.worker = (int32_t)worker;
  cvk_fp_mode_set(l->fp_mode);
  for (int32_t k = 0; k < l->workers; k++) {
    stretch *s = &l->pool->stretches[((int32_t)worker + k) % l->workers];
    for (;;) {
      const int64_t begin = atomic_fetch_add_explicit(&s->next, l->chunk, memory_order_relaxed);
      if (begin >= s->end) break;
      const int64_t end = s->end - begin < l->chunk ? s->end : begin + l->chunk;
      for (int64_t i = begin; i < end; i++) l->task(l->arg, i, (int32_t)worker);
    }
  }
  cvk_fp_mode_set(mode);
  current.pool = outer_pool;
  current.worker = outer_worker;
}

/* Takes the pool for one loop; 0: another caller of this process has it. */
static int acquire(cvk_threadpool *pool, int32_t pid) {
  const int64_t busy = (int64_t)pid * 2 + 1;
  int64_t owner = atomic_load_explicit(&pool->owner, memory_order_relaxed);
  return owner != busy && atomic_compare_exchange_strong(&pool->owner, &owner, busy);
}

static void release(cvk_threadpool *pool, int32_t pid) {
  atomic_store_explicit(&pool->owner, (int64_t)pid * 2, memory_order_release);
}

/* The owner makes sure that the threads are this process's. 0: none can be had, the loop runs on its caller. */
static int have_threads(cvk_threadpool *pool, int32_t pid) {
  if (pool->threads != NULL && pool->pid == pid) return 1;
  pool->threads = pthreadpool_create((size_t)pool->workers);
  pool->pid = pid;
  return pool->threads != NULL;
}

/* How often threads of this process were pushed off a core so far. */
static int64_t forced_switches(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

static void begin_period(cvk_threadpool *pool) {
  pool->in_period = 1;
  pool->period_switches = forced_switches();
  pool->period_ns = cvk_now_ns();
}

/* Decides from the period that ends whether the next ones spin. */
static void end_period(cvk_threadpool *pool) {
  pool->in_period = 0;
  if (pool->calm_periods > 0) {
    pool->calm_periods--;
    return;
  }
  const int64_t switches = forced_switches() - pool->period_switches, ms = (cvk_now_ns() - pool->period_ns) / 1000000;
  if (switches < CROWDED_SWITCHES || switches * CROWDED_MS_PER_SWITCH < ms) {
    pool->backoff = 0;
    return;
  }
  pool->backoff = pool->backoff == 0 ? FEWEST_CALM_PERIODS : pool->backoff * 2;
  if (pool->backoff > MOST_CALM_PERIODS) pool->backoff = MOST_CALM_PERIODS;
  pool->calm_periods = pool->backoff;
}

void cvk_threadpool_parallel_for(cvk_threadpool *pool, int64_t n, cvk_task task, void *arg) {
  if (n <= 0) return;
  if (current.pool == pool) {
    run_inline(n, task, arg, current.worker);
    return;
  }
  if (n == 1 || pool->workers == 1) {
    run_inline(n, task, arg, 0);
    return;
  }
  const int32_t pid = cvk_process_id();
  if (!acquire(pool, pid)) {
    run_inline(n, task, arg, 0);
    return;
  }
  if (have_threads(pool, pid)) {
    const int32_t workers = pool->workers < n ? pool->workers : (int32_t)n;
    const int64_t share = n / workers, extra = n % workers, chunk = share / CHUNKS_PER_WORKER;
    loop l = {.pool = pool, .task = task, .arg = arg, .workers = workers, .chunk = chunk > 1 ? chunk : 1, .fp_mode = cvk_fp_mode_get()};
    for (int32_t w = 0; w < workers; w++) {
      atomic_init(&pool->stretches[w].next, share * w + (w < extra ? w : extra));
      pool->stretches[w].end = share * (w + 1) + (w + 1 < extra ? w + 1 : extra);
    }
    const int hot = atomic_load_explicit(&pool->hot, memory_order_relaxed) > 0;
    if (hot && !pool->in_period) begin_period(pool);
    pool->spinning = hot && pool->calm_periods == 0;
    pthreadpool_parallelize_1d(pool->threads, run_worker, &l, (size_t)workers, pool->spinning ? 0 : PTHREADPOOL_FLAG_YIELD_WORKERS);
  } else {
    run_inline(n, task, arg, 0);
  }
  release(pool, pid);
}

static void do_nothing(void *arg, size_t worker) {
  (void)arg;
  (void)worker;
}

/* The owner sends spinning workers to sleep: by an empty loop, after which they don't spin. */
static void stop_spinning(cvk_threadpool *pool, int32_t pid) {
  if (!pool->spinning) return;
  if (pool->threads != NULL && pool->pid == pid)
    pthreadpool_parallelize_1d(pool->threads, do_nothing, NULL, (size_t)pool->workers, PTHREADPOOL_FLAG_YIELD_WORKERS);
  pool->spinning = 0;
}

void cvk_threadpool_rest(cvk_threadpool *pool) {
  const int32_t pid = cvk_process_id();
  if (current.pool == pool || !acquire(pool, pid)) return;
  stop_spinning(pool, pid);
  release(pool, pid);
}

void cvk_threadpool_keep_hot(cvk_threadpool *pool, int32_t on) {
  if (on) {
    atomic_fetch_add(&pool->hot, 1);
    return;
  }
  if (atomic_fetch_sub(&pool->hot, 1) != 1 || pool->workers == 1) return;
  const int32_t pid = cvk_process_id();
  if (!acquire(pool, pid)) return;
  if (pool->in_period) end_period(pool);
  /* The last run is over: workers go on spinning for pthreadpool's some 25 ms, as another run may come; not after a crowded period. */
  if (pool->calm_periods > 0) stop_spinning(pool, pid);
  release(pool, pid);
}

int32_t cvk_threadpool_default_size(const char *root) {
  const int32_t affinity = cvk_cpu_affinity(), quota = cvk_cpu_quota(root != NULL ? root : "");
  return quota > 0 && quota < affinity ? quota : affinity;
}

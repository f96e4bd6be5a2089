/* SPDX-License-Identifier: Apache-2.0 */
/* threadpool.h: the one thread pool of a context, over pthreadpool. Created without threads; they start at the first loop that needs them.
 *
 * Worker indices: 0 <= worker < workers. Within one loop two tasks that run at once have different workers, so scratch indexed by worker is
 * safe as long as it belongs to the loop (a kernel's execute call), never to the context: a loop started while another caller
 * holds the pool runs on its caller alone, as worker 0, at the same time as the other loop's worker 0. A loop started inside a task runs
 * inline under that task's worker, so tasks of one outer loop that enter the same inner loop still differ. */
#ifndef CVK_THREADPOOL_H
#define CVK_THREADPOOL_H

#include <convoke/plugin.h>

typedef struct cvk_threadpool cvk_threadpool;

#define CVK_MAX_THREADS 1024

/* threads: 1 .. CVK_MAX_THREADS, or 0 for cvk_threadpool_default_size(NULL). NULL: out of memory. */
cvk_threadpool *cvk_threadpool_create(int32_t threads);
void cvk_threadpool_destroy(cvk_threadpool *pool); /* NULL is allowed */
int32_t cvk_threadpool_workers(const cvk_threadpool *pool);

/* Runs task(arg, i, worker) once for each 0 <= i < n; returns when all are done. Floating-point control (rounding, flush to zero) is the
 * caller's in every worker for the time of the loop, so that results do not depend on which thread ran a task. */
void cvk_threadpool_parallel_for(cvk_threadpool *pool, int64_t n, cvk_task task, void *arg);

/* Between keep_hot(pool, 1) and keep_hot(pool, 0) idle workers spin instead of sleeping: a run has many short loops. They do so
 * for some 25 ms after it too, as another may follow and a worker takes 5 to 15 us to wake. Calls nest. While other work crowds the cores
 * (threads are pushed off them) the workers sleep all the same. */
void cvk_threadpool_keep_hot(cvk_threadpool *pool, int32_t on);
/* Workers that spin go to sleep now: other threads than the pool's are to have the cores. The next loop wakes them. Does nothing
 * while a loop runs. */
void cvk_threadpool_rest(cvk_threadpool *pool);

/* min(affinity mask, ceil(cgroup CPU quota)), at least 1. root: a prefix of /proc and /sys (tests); NULL: the system's. */
int32_t cvk_threadpool_default_size(const char *root);

#endif

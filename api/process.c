/* SPDX-License-Identifier: Apache-2.0 */
/* process.c: the process id, cached: kernels ask for it before each parallel loop, and a child of fork() must get its own. */
#include "process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic int32_t cached_pid; /* 0: unknown, or no fork handler could be registered */
static _Atomic int handler_ready;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget_pid(void) {
  atomic_store(&cached_pid, 0);
}

static void register_handler(void) {
  atomic_store(&handler_ready, pthread_atfork(NULL, NULL, forget_pid) == 0);
}

int32_t cvk_process_id(void) {
  int32_t pid = atomic_load_explicit(&cached_pid, memory_order_relaxed);
  if (pid != 0) return pid;
  pthread_once(&once, register_handler);
  pid = (int32_t)getpid();
  if (atomic_load(&handler_ready)) atomic_store(&cached_pid, pid);
  return pid;
}

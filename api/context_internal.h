/* SPDX-License-Identifier: Apache-2.0 */
/* context_internal.h: the context as the library's own files see it. */
#ifndef CVK_CONTEXT_INTERNAL_H
#define CVK_CONTEXT_INTERNAL_H

#include <convoke/context.h>
#include <pthread.h>
#include <stdatomic.h>

#include "status.h"
#include "threadpool.h"

enum { /* settings that cvk_context_option knows, in the order of the table in context.c */
       CVK_OPTION_PLUGIN_PATH,
       CVK_OPTION_BACKENDS,
       CVK_OPTION_CPU_ISA,
       CVK_OPTION_KERNEL,
       CVK_OPTION_CACHE_DIR,
       CVK_OPTION_LOG,
       CVK_OPTION_NUM_THREADS,
       CVK_OPTION_DEVICE,
       CVK_OPTION_CL_CLASS,
       CVK_OPTION_ICD_VENDORS,
       CVK_OPTION_PROBE,
       CVK_OPTION_PLUGIN_OPTIONS,
       CVK_OPTION_COUNT,
};

struct cvk_context {
  _Atomic int32_t refs;
  int32_t no_env;
  char *option[CVK_OPTION_COUNT]; /* copies, resolved at creation; NULL: not set */
  char **plugin_option;           /* "NAME=VALUE" of plugin_options, then NULL; NULL: none */
  uint32_t log_mask;              /* bit CVK_LOG_*: wanted */
  cvk_log_fn log;
  void *log_arg;
  cvk_threadpool *pool;          /* has no threads before the first parallel loop */
  cvk_host host;                 /* what backend instances of this context are given */
  pthread_mutex_t lock;          /* guards registry and the opening and closing of devices */
  struct cvk_registry *registry; /* plugins, instances and devices (device.c); NULL before the first device call */
};

cvk_context *cvk_context_retain(cvk_context *ctx);

/* A setting by name: "cpu_isa", "kernel", "cl_class", "cache_dir", "device", ...: the option field, else CONVOKE_<NAME> (unless no_env or
 * set-user-id), as it was when the context was created. NULL: not set or unknown. Lives as long as the context. */
const char *cvk_context_option(const cvk_context *ctx, const char *name);

/* All settings that a plugin may ask for, as "NAME=VALUE", then NULL. free() it and each entry. NULL: no memory. */
char **cvk_context_settings(const cvk_context *ctx);
void cvk_context_settings_free(char **list);

/* One line of text, without a newline. cvk_context_logs: nonzero when somebody listens (cheap: ask before building text). */
static inline int cvk_context_logs(const cvk_context *ctx, int32_t level) {
  return (int)(ctx->log_mask >> level & 1u);
}
void cvk_context_log(const cvk_context *ctx, int32_t level, const char *fmt, ...) CVK_PRINTF(3, 4);

/* The pool: see threadpool.h for the rules of worker indices. */
static inline void cvk_context_parallel_for(cvk_context *ctx, int64_t n, cvk_task task, void *arg) {
  cvk_threadpool_parallel_for(ctx->pool, n, task, arg);
}
static inline int32_t cvk_context_workers(const cvk_context *ctx) {
  return cvk_threadpool_workers(ctx->pool);
}
/* Around a run of many loops (session_run): workers spin between them. Calls nest. */
static inline void cvk_context_keep_hot(cvk_context *ctx, int32_t on) {
  cvk_threadpool_keep_hot(ctx->pool, on);
}

#endif

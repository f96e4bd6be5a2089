/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/context.h: the context (registry of plugins and devices, thread pool, logging), status and error text.
 *
 * Every function of the API returns a cvk_status unless its comment says otherwise; on failure nothing is changed and the out argument is
 * untouched. The library never prints, aborts or exits, and takes no ownership of memory it is passed unless said.
 * Thread rules: a context, its devices, tensors and graphs may be used from several threads; one session is run by one thread at a time
 * (a second caller waits). */
#ifndef CONVOKE_CONTEXT_H
#define CONVOKE_CONTEXT_H

#include <convoke/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CVK_VERSION_STRING "0.2.0"

typedef struct cvk_context cvk_context;

typedef void (*cvk_log_fn)(void *arg, int32_t level, const char *text); /* level: CVK_LOG_*; called from any thread, one line of text */

/* Zero-initialise, set what you need. Strings are copied. A field left 0/NULL takes its environment variable, then its default. */
typedef struct cvk_context_options {
  uint32_t struct_size;     /* 0: the size this library was built with */
  int32_t num_threads;      /* CONVOKE_NUM_THREADS; default min(affinity mask, cgroup CPU quota) */
  const char *plugin_path;  /* CONVOKE_PLUGIN_PATH: files or folders separated by ':', searched first */
  const char *backends;     /* CONVOKE_BACKENDS: "cpu,opencl" keeps those, "^opencl" leaves it out */
  const char *cpu_isa;      /* CONVOKE_CPU_ISA: scalar, sse41, avx2, avx512, neon: the highest to use */
  const char *kernel;       /* CONVOKE_KERNEL: the kernel row to force wherever it accepts; several separated by ',' */
  const char *cache_dir;    /* CONVOKE_CACHE_DIR: folder of compiled OpenCL programs and tuned times; default $XDG_CACHE_HOME/convoke, else ~/.cache/convoke;
                               empty: nothing is kept */
  const char *log_topics;   /* CONVOKE_LOG: "dispatch", "info", "warning" ...; text goes to log, or to stderr if the variable asked for it */
  cvk_log_fn log;           /* NULL: silence */
  void *log_arg;
  int32_t no_env;           /* nonzero: read and set no environment variable */
  int32_t reserved;
  const char *probe;        /* CONVOKE_PROBE: "on" (default): a plugin or driver that is new is tried in a process of its own before it is opened here;
                               "off": never; "force": each time, whatever is kept of earlier trials */
  const char *plugin_options; /* CONVOKE_PLUGIN_OPTIONS: "NAME=VALUE;NAME=VALUE": settings that plugins define, see their documents */
} cvk_context_options;

/* Creates a context. Starts no thread, opens no driver, loads no plugin: the first device call does. options may be NULL. */
CVK_EXPORT cvk_status cvk_context_create(const cvk_context_options *options, cvk_context **out);
/* Releases the caller's reference. Devices, tensors, graphs and sessions hold their own: the context lives until the last is released. */
CVK_EXPORT void cvk_context_release(cvk_context *ctx);

/* The sentence for this thread's last failure: op, argument, value, allowed range. Never NULL; valid until the thread's next API call. */
CVK_EXPORT const char *cvk_error_message(void);
/* "INVALID_SHAPE" for CVK_INVALID_SHAPE. Never NULL. */
CVK_EXPORT const char *cvk_status_name(cvk_status status);
CVK_EXPORT const char *cvk_version(void);

/* What became of each file that could be a plugin, and behind them of each OpenCL driver that was tried for one (backend: that one's name); strings live
 * as long as the context. Loads plugins if that has not happened yet. */
typedef struct cvk_plugin_verdict {
  uint32_t struct_size;  /* set by the caller */
  cvk_status status;     /* CVK_OK: loaded */
  const char *path;
  const char *backend;   /* its name, or NULL */
  const char *version;
  const char *verdict;   /* one line: "loaded", "not a plugin: ...", dlerror's text, "refused after a trial: ...", ... */
  int32_t driver;        /* nonzero: path is an OpenCL driver's .icd file */
  int32_t reserved;
} cvk_plugin_verdict;
CVK_EXPORT cvk_status cvk_plugin_count(cvk_context *ctx, int32_t *n);
CVK_EXPORT cvk_status cvk_plugin_verdict_get(cvk_context *ctx, int32_t index, cvk_plugin_verdict *out);

#ifdef __cplusplus
}
#endif
#endif

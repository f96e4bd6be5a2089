/* SPDX-License-Identifier: Apache-2.0 */
/* context.c: creation, settings, logging and the host table that backends see. Nothing here loads a plugin or starts a thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context_internal.h"
#include "memory.h"
#include "struct_copy.h"
#include "device_internal.h"

#define CACHE_PATH_BYTES 4096
#define LOG_BYTES 4096

/* Each setting: its name for plugins, its variable, and the option field that wins over the variable. */
static const struct {
  const char *name, *variable;
  size_t field; /* offset in cvk_context_options; 0: no such field (struct_size is there) */
} settings[CVK_OPTION_COUNT] = {
    [CVK_OPTION_PLUGIN_PATH] = {"plugin_path", "CONVOKE_PLUGIN_PATH", offsetof(cvk_context_options, plugin_path)},
    [CVK_OPTION_BACKENDS] = {"backends", "CONVOKE_BACKENDS", offsetof(cvk_context_options, backends)},
    [CVK_OPTION_CPU_ISA] = {"cpu_isa", "CONVOKE_CPU_ISA", offsetof(cvk_context_options, cpu_isa)},
    [CVK_OPTION_KERNEL] = {"kernel", "CONVOKE_KERNEL", offsetof(cvk_context_options, kernel)},
    [CVK_OPTION_CACHE_DIR] = {"cache_dir", "CONVOKE_CACHE_DIR", offsetof(cvk_context_options, cache_dir)},
    [CVK_OPTION_LOG] = {"log", "CONVOKE_LOG", offsetof(cvk_context_options, log_topics)},
    [CVK_OPTION_NUM_THREADS] = {"num_threads", "CONVOKE_NUM_THREADS", 0},
    [CVK_OPTION_DEVICE] = {"device", "CONVOKE_DEVICE", 0},
    [CVK_OPTION_CL_CLASS] = {"cl_class", "CONVOKE_CL_CLASS", 0},
    [CVK_OPTION_ICD_VENDORS] = {"icd_vendors", "OCL_ICD_VENDORS", 0}, /* the OpenCL loader's own */
    [CVK_OPTION_PROBE] = {"probe", "CONVOKE_PROBE", offsetof(cvk_context_options, probe)},
    [CVK_OPTION_PLUGIN_OPTIONS] = {"plugin_options", "CONVOKE_PLUGIN_OPTIONS", offsetof(cvk_context_options, plugin_options)},
};

/* A topic asks for its own lines and for those that matter more; "dispatch" is no severity and asks for errors and warnings. */
static const struct {
  const char *name;
  uint32_t mask;
} topics[] = {
    {"error", 1u << CVK_LOG_ERROR},
    {"warning", 1u << CVK_LOG_ERROR | 1u << CVK_LOG_WARNING},
    {"info", 1u << CVK_LOG_ERROR | 1u << CVK_LOG_WARNING | 1u << CVK_LOG_INFO},
    {"dispatch", 1u << CVK_LOG_ERROR | 1u << CVK_LOG_WARNING | 1u << CVK_LOG_DISPATCH},
    {"all", ~0u},
};

/* ---- logging ---- */

/* The user asked for text on stderr by setting CONVOKE_LOG; one write a line keeps lines of several threads whole. */
static void log_to_stderr(void *arg, int32_t level, const char *text) {
  static const char *const labels[] = {"error", "warning", "info", "dispatch"};
  char line[LOG_BYTES + 32];
  (void)arg;
  const int n = snprintf(line, sizeof line, "convoke %s: %s\n", level >= 0 && level <= CVK_LOG_DISPATCH ? labels[level] : "log", text);
  const size_t bytes = n < (int)sizeof line ? (size_t)n : sizeof line - 1;
  for (size_t done = 0; done < bytes;) {
    const ssize_t written = write(STDERR_FILENO, line + done, bytes - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    done += (size_t)written;
  }
}

void cvk_context_log(const cvk_context *ctx, int32_t level, const char *fmt, ...) {
  char text[LOG_BYTES];
  if (level < 0 || level > CVK_LOG_DISPATCH || !cvk_context_logs(ctx, level)) return;
  va_list args;
  va_start(args, fmt);
  const int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n >= 0) ctx->log(ctx->log_arg, level, text);
}

static uint32_t topic_mask(const char *list) {
  uint32_t mask = 0;
  while (*list != '\0') {
    const size_t n = strcspn(list, ",");
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
      if (strlen(topics[i].name) == n && strncmp(list, topics[i].name, n) == 0) mask |= topics[i].mask;
    list += n + (list[n] == ',');
  }
  return mask;
}

/* An application's callback without topics gets errors and warnings; topics from the variable without a callback go to stderr. */
static void set_up_log(cvk_context *ctx, const cvk_context_options *o) {
  const char *list = ctx->option[CVK_OPTION_LOG];
  ctx->log = o->log;
  ctx->log_arg = o->log_arg;
  if (ctx->log == NULL && list != NULL && o->log_topics == NULL) ctx->log = log_to_stderr;
  if (ctx->log != NULL) ctx->log_mask = topic_mask(list != NULL ? list : "warning");
}

/* ---- the host table ---- */

static cvk_status host_fail(void *ctx, cvk_status status, const char *why) {
  (void)ctx;
  return cvk_fail(status, "%s", why != NULL ? why : "");
}

static void host_log(void *ctx, int32_t level, const char *text) {
  cvk_context_log(ctx, level, "%s", text != NULL ? text : "");
}

static void *host_alloc(void *ctx, uint64_t bytes, uint64_t alignment) {
  (void)ctx;
  return cvk_memory_alloc(bytes, alignment, 0);
}

static void host_free(void *ctx, void *p) {
  (void)ctx;
  cvk_memory_free(p);
}

static int32_t host_workers(void *ctx) {
  return cvk_context_workers(ctx);
}

static void host_parallel_for(void *ctx, int64_t n, cvk_task task, void *arg) {
  cvk_context_parallel_for(ctx, n, task, arg);
}

static const char *host_option(void *ctx, const char *name) {
  return cvk_context_option(ctx, name);
}

static const void *host_extension(void *ctx, const char *name) {
  (void)ctx;
  (void)name;
  return NULL; /* none is defined yet */
}

/* ---- settings ---- */

const char *cvk_context_option(const cvk_context *ctx, const char *name) {
  if (name == NULL) return NULL;
  for (int i = 0; i < CVK_OPTION_COUNT; i++)
    if (strcmp(settings[i].name, name) == 0) return ctx->option[i];
  const size_t n = strlen(name);
  for (char *const *o = ctx->plugin_option; o != NULL && *o != NULL; o++)
    if (strncmp(*o, name, n) == 0 && (*o)[n] == '=') return *o + n + 1;
  return NULL;
}

void cvk_context_settings_free(char **list) {
  for (char **at = list; at != NULL && *at != NULL; at++) free(*at);
  free(list);
}

char **cvk_context_settings(const cvk_context *ctx) {
  size_t more = 0, n = 0;
  while (ctx->plugin_option != NULL && ctx->plugin_option[more] != NULL) more++;
  char **list = calloc(CVK_OPTION_COUNT + more + 1, sizeof *list);
  int ok = list != NULL;
  for (int i = 0; i < CVK_OPTION_COUNT && ok; i++) {
    if (ctx->option[i] == NULL) continue;
    if (asprintf(&list[n], "%s=%s", settings[i].name, ctx->option[i]) < 0) list[n] = NULL;
    ok = list[n++] != NULL;
  }
  for (size_t i = 0; i < more && ok; i++) {
    list[n] = strdup(ctx->plugin_option[i]);
    ok = list[n++] != NULL;
  }
  if (ok) return list;
  cvk_context_settings_free(list);
  return NULL;
}

/* Cuts "NAME=VALUE;NAME=VALUE" into its items. */
static cvk_status split_plugin_options(cvk_context *ctx) {
  const char *text = ctx->option[CVK_OPTION_PLUGIN_OPTIONS];
  size_t n = 1;
  if (text == NULL) return CVK_OK;
  for (const char *p = text; *p != '\0'; p++) n += *p == ';';
  ctx->plugin_option = calloc(n + 1, sizeof *ctx->plugin_option);
  if (ctx->plugin_option == NULL) return cvk_fail(CVK_NO_MEMORY, "context: no memory for %zu plugin options", n);
  n = 0;
  while (*text != '\0') {
    const size_t length = strcspn(text, ";"), name = strcspn(text, "=;");
    if (length > 0 && (name == 0 || name == length))
      return cvk_fail(CVK_INVALID_ARGUMENT, "context: CONVOKE_PLUGIN_OPTIONS has \"%.*s\", items are NAME=VALUE, separated by ';'", (int)length, text);
    if (length > 0 && (ctx->plugin_option[n++] = strndup(text, length)) == NULL) return cvk_fail(CVK_NO_MEMORY, "context: no memory for a plugin option");
    text += length + (text[length] == ';');
  }
  return CVK_OK;
}

static cvk_status check_probe(const cvk_context *ctx) {
  const char *text = ctx->option[CVK_OPTION_PROBE];
  if (text == NULL || strcmp(text, "on") == 0 || strcmp(text, "off") == 0 || strcmp(text, "force") == 0) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "context: CONVOKE_PROBE is \"%s\", allowed are on, off and force", text);
}

/* Where compiled programs are kept when nobody says where: the user's cache folder. NULL: nowhere. */
static const char *default_cache_dir(char path[CACHE_PATH_BYTES]) {
  const char *cache = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
  int n = 0;
  if (cache != NULL && cache[0] == '/') n = snprintf(path, CACHE_PATH_BYTES, "%s/convoke", cache);
  else if (home != NULL && home[0] == '/') n = snprintf(path, CACHE_PATH_BYTES, "%s/.cache/convoke", home);
  return n > 0 && n < CACHE_PATH_BYTES ? path : NULL;
}

/* Copies each setting: the option's field, else the variable. An empty one counts as not set (an empty cache_dir as none at all). */
static cvk_status read_settings(cvk_context *ctx, const cvk_context_options *o) {
  char cache[CACHE_PATH_BYTES];
  for (int i = 0; i < CVK_OPTION_COUNT; i++) {
    const char *value = NULL;
    if (settings[i].field != 0) memcpy(&value, (const char *)o + settings[i].field, sizeof value);
    if (value == NULL && !ctx->no_env) value = secure_getenv(settings[i].variable);
    if (value == NULL && !ctx->no_env && i == CVK_OPTION_CACHE_DIR) value = default_cache_dir(cache);
    if (value == NULL || *value == '\0') continue;
    ctx->option[i] = strdup(value);
    if (ctx->option[i] == NULL) return cvk_fail(CVK_NO_MEMORY, "context: no memory for the setting %s", settings[i].name);
  }
  return CVK_OK;
}

static cvk_status thread_count(const cvk_context *ctx, const cvk_context_options *o, int32_t *n) {
  const char *text = ctx->option[CVK_OPTION_NUM_THREADS];
  *n = o->num_threads;
  if (*n == 0 && text != NULL) {
    char *end;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > CVK_MAX_THREADS)
      return cvk_fail(CVK_INVALID_ARGUMENT, "context: CONVOKE_NUM_THREADS is \"%s\", allowed is 1 to %d", text, CVK_MAX_THREADS);
    *n = (int32_t)value;
  }
  if (*n < 0 || *n > CVK_MAX_THREADS)
    return cvk_fail(CVK_INVALID_ARGUMENT, "context: num_threads is %d, allowed is 1 to %d, or 0 for the default", (int)*n, CVK_MAX_THREADS);
  return CVK_OK;
}

/* ---- lifetime ---- */

static void destroy(cvk_context *ctx) {
  cvk_registry_free(ctx->registry);
  cvk_threadpool_destroy(ctx->pool);
  for (int i = 0; i < CVK_OPTION_COUNT; i++) free(ctx->option[i]);
  cvk_context_settings_free(ctx->plugin_option);
  pthread_mutex_destroy(&ctx->lock);
  free(ctx);
}

cvk_status cvk_context_create(const cvk_context_options *options, cvk_context **out) {
  cvk_context_options o;
  int32_t threads = 0;
  if (out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "context: the place for the new context is NULL");
  cvk_status status = cvk_copy_in(&o, options, sizeof o, "context");
  if (status != CVK_OK) return status;
  cvk_context *ctx = calloc(1, sizeof *ctx);
  if (ctx == NULL) return cvk_fail(CVK_NO_MEMORY, "context: no memory for %zu bytes", sizeof *ctx);
  atomic_init(&ctx->refs, 1);
  pthread_mutex_init(&ctx->lock, NULL);
  ctx->no_env = o.no_env;
  ctx->host = (cvk_host){
      .struct_size = sizeof ctx->host,
      .abi_major = CVK_ABI_MAJOR,
      .abi_minor = CVK_ABI_MINOR,
      .ctx = ctx,
      .fail = host_fail,
      .log = host_log,
      .alloc = host_alloc,
      .free = host_free,
      .workers = host_workers,
      .parallel_for = host_parallel_for,
      .option = host_option,
      .extension = host_extension,
  };
  status = read_settings(ctx, &o);
  if (status == CVK_OK) status = thread_count(ctx, &o, &threads);
  if (status == CVK_OK) status = check_probe(ctx);
  if (status == CVK_OK) status = split_plugin_options(ctx);
  if (status != CVK_OK) goto fail;
  set_up_log(ctx, &o);
  ctx->pool = cvk_threadpool_create(threads);
  if (ctx->pool == NULL) {
    status = cvk_fail(CVK_NO_MEMORY, "context: no memory for the thread pool");
    goto fail;
  }
  *out = ctx;
  return CVK_OK;
fail:
  destroy(ctx);
  return status;
}

cvk_context *cvk_context_retain(cvk_context *ctx) {
  atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
  return ctx;
}

void cvk_context_release(cvk_context *ctx) {
  if (ctx != NULL && atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) == 1) destroy(ctx);
}

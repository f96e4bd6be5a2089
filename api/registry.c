/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c: loads plugins into a context, starts their backends, lists their devices, and tells what became of each file. */
#define _GNU_SOURCE
#include "registry.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fp_mode.h"
#include "process.h"
#include "struct_copy.h"

#define MAX_DEVICES 256 /* of one backend; more is a bug of its */

/* ---- loading ---- */

static cvk_backend_entry *find_opened(const cvk_registry *r, const char *name, size_t name_bytes) {
  for (int32_t i = 0; i < r->n_backends; i++) {
    const cvk_backend *table = r->backend[i].table;
    if (table != NULL && strlen(table->name) == name_bytes && strncmp(table->name, name, name_bytes) == 0) return &r->backend[i];
  }
  return NULL;
}

/* The verdict on file i; 0: out of memory. */
static int set_verdict(cvk_context *ctx, cvk_registry *r, int32_t i, cvk_status status, const char *text) {
  cvk_plugin_entry *p = &r->plugin[i];
  p->status = status;
  p->verdict = strdup(text);
  p->tried = p->verdict != NULL; /* else tried again by the next call */
  cvk_context_log(ctx, CVK_LOG_INFO, "plugin %s: %s", r->found.file[i].path, text);
  return p->verdict != NULL;
}

/* An earlier file of the same name whose backend was taken. */
static const char *shadowed_by(const cvk_registry *r, int32_t i) {
  const char *stem = r->found.file[i].stem;
  for (int32_t k = 0; k < i && stem != NULL; k++)
    if (r->backend[k].table != NULL && r->found.file[k].stem != NULL && strcmp(r->found.file[k].stem, stem) == 0)
      return r->found.file[k].path;
  return NULL;
}

static int try_named(cvk_context *ctx, cvk_registry *r, const char *name, size_t name_bytes);

/* What is harmful dies in another process. 0: out of memory. */
static int try_elsewhere(cvk_context *ctx, const char *path, cvk_probe_verdict *out) {
  char program[PATH_MAX];
  const char *mode = ctx->option[CVK_OPTION_PROBE];
  char **settings = cvk_context_settings(ctx);
  cvk_probe_request q = {
      .mode = mode == NULL || strcmp(mode, "on") == 0 ? CVK_PROBE_ON : strcmp(mode, "off") == 0 ? CVK_PROBE_OFF : CVK_PROBE_FORCE,
      .may_filter = !ctx->no_env,
      .cache_dir = ctx->option[CVK_OPTION_CACHE_DIR],
      .vendors = ctx->option[CVK_OPTION_ICD_VENDORS],
      .settings = (const char *const *)settings,
  };
  if (settings == NULL) return 0;
  if (q.mode != CVK_PROBE_OFF) {
    if (cvk_discovery_probe(program)) q.program = program;
    else cvk_context_log(ctx, CVK_LOG_INFO, "plugin %s: opened without a trial: there is no convoke-probe beside the library", path);
  }
  const cvk_status status = cvk_probe(path, &q, out);
  cvk_context_settings_free(settings);
  return status == CVK_OK;
}

/* Opens file i unless that was done. 0: out of memory. */
static int try_file(cvk_context *ctx, cvk_registry *r, int32_t i) {
  const cvk_plugin_file *f = &r->found.file[i];
  const char *filter = ctx->option[CVK_OPTION_BACKENDS];
  cvk_plugin_result result;
  char text[CVK_VERDICT_BYTES];
  if (r->plugin[i].tried) return 1;
  r->plugin[i].tried = 1; /* also while it is under way: try_named below may come back here */
  if (f->refused != NULL) return set_verdict(ctx, r, i, CVK_IO_ERROR, f->refused);
  snprintf(text, sizeof text, "left out by CONVOKE_BACKENDS=%s", filter != NULL ? filter : "");
  if (f->stem != NULL && !cvk_backend_is_wanted(filter, f->stem)) return set_verdict(ctx, r, i, CVK_UNSUPPORTED, text);
  const char *earlier = shadowed_by(r, i);
  if (earlier != NULL) {
    snprintf(text, sizeof text, "not opened: %s of the same name came first", earlier);
    return set_verdict(ctx, r, i, CVK_UNSUPPORTED, text);
  }
  cvk_probe_verdict *trial = &r->plugin[i].trial;
  if (!try_elsewhere(ctx, f->path, trial)) return 0;
  if (trial->result >= CVK_PROBE_NO_PLUGIN) return set_verdict(ctx, r, i, trial->status, trial->text);
  cvk_plugin_load(f->path, &ctx->host, &result);
  if (result.status != CVK_OK) return set_verdict(ctx, r, i, result.status, result.verdict);
  const char *name = result.table->name;
  r->plugin[i].backend = name;
  r->plugin[i].version = result.table->version;
  if (!cvk_backend_is_wanted(filter, name)) return set_verdict(ctx, r, i, CVK_UNSUPPORTED, text);
  /* A file that is not called after its backend gives way to one that is. */
  if (f->stem != NULL && strcmp(f->stem, name) != 0 && !try_named(ctx, r, name, strlen(name))) return 0;
  const cvk_backend_entry *same = find_opened(r, name, strlen(name));
  if (same != NULL) {
    snprintf(text, sizeof text, "not used: the backend %s of %s came first", name, r->found.file[same->plugin].path);
    return set_verdict(ctx, r, i, CVK_UNSUPPORTED, text);
  }
  r->backend[i] = (cvk_backend_entry){.table = result.table, .plugin = i};
  const int remark = trial->result == CVK_PROBE_GOOD && trial->text[0] != '\0';
  snprintf(text, sizeof text, "%.200s%s%.800s", result.verdict, remark ? "; " : "", remark ? trial->text : "");
  return set_verdict(ctx, r, i, CVK_OK, text);
}

/* Opens the files that could be the backend of this name: those called after it, and those that the path list names by another name. */
static int try_named(cvk_context *ctx, cvk_registry *r, const char *name, size_t name_bytes) {
  for (int32_t i = 0; i < r->found.n_files; i++) {
    const char *stem = r->found.file[i].stem;
    if ((stem == NULL || (strlen(stem) == name_bytes && strncmp(stem, name, name_bytes) == 0)) && !try_file(ctx, r, i)) return 0;
  }
  return 1;
}

static cvk_status no_memory(void) {
  return cvk_fail(CVK_NO_MEMORY, "plugins: no memory for the registry");
}

cvk_status cvk_registry_load(cvk_context *ctx) {
  if (ctx->registry != NULL) return CVK_OK;
  cvk_registry *r = calloc(1, sizeof *r);
  if (r == NULL) return no_memory();
  if (!ctx->no_env) cvk_plugin_prepare_environment();
  cvk_status status = cvk_discovery_run(ctx->option[CVK_OPTION_PLUGIN_PATH], &r->found);
  if (status != CVK_OK) goto fail;
  r->plugin = calloc((size_t)r->found.n_files + 1, sizeof *r->plugin);
  r->backend = calloc((size_t)r->found.n_files + 1, sizeof *r->backend);
  if (r->plugin == NULL || r->backend == NULL) {
    status = no_memory();
    goto fail;
  }
  r->backend[r->found.n_files] = (cvk_backend_entry){.table = &cvk_reference_backend, .plugin = -1};
  r->n_backends = r->found.n_files + 1;
  ctx->registry = r;
  return CVK_OK;
fail:
  cvk_registry_free(r);
  return status;
}

cvk_status cvk_registry_load_all(cvk_context *ctx) {
  const cvk_status status = cvk_registry_load(ctx);
  if (status != CVK_OK) return status;
  for (int32_t i = 0; i < ctx->registry->found.n_files; i++)
    if (!try_file(ctx, ctx->registry, i)) return no_memory();
  return CVK_OK;
}

cvk_status cvk_registry_find(cvk_context *ctx, const char *name, size_t name_bytes, cvk_backend_entry **out) {
  cvk_status status = cvk_registry_load(ctx);
  if (status != CVK_OK) return status;
  if (!try_named(ctx, ctx->registry, name, name_bytes)) return no_memory();
  *out = find_opened(ctx->registry, name, name_bytes);
  if (*out != NULL) return CVK_OK;
  status = cvk_registry_load_all(ctx); /* a file called otherwise may have it */
  if (status == CVK_OK) *out = find_opened(ctx->registry, name, name_bytes);
  return status;
}

int cvk_registry_has_plugin(const cvk_registry *r) {
  for (int32_t i = 0; i < r->found.n_files; i++)
    if (r->backend[i].table != NULL) return 1;
  return 0;
}

/* ---- starting ---- */

static void start_failed(cvk_context *ctx, cvk_registry *r, cvk_backend_entry *b, cvk_status status, const char *what) {
  const char *why = cvk_error_message();
  char *text = NULL;
  b->status = status;
  if (asprintf(&text, "%s: %s", what, *why != '\0' ? why : cvk_status_name(status)) < 0) return;
  b->message = text;
  cvk_context_log(ctx, CVK_LOG_WARNING, "backend %s: %s", b->table->name, text);
  if (b->plugin < 0) return;
  r->plugin[b->plugin].status = status;
  if (asprintf(&r->plugin[b->plugin].start_verdict, "loaded, but %s", text) < 0) r->plugin[b->plugin].start_verdict = NULL;
}

static int has_id(const cvk_backend_entry *b, const char *id) {
  for (int32_t i = 0; i < b->n_devices; i++)
    if (strcmp(b->device[i].info.id, id) == 0) return 1;
  return 0;
}

/* What the rest of the host relies on, whatever the backend wrote. 0: the record makes no sense. */
static int tidy_info(const cvk_backend_entry *b, int32_t index, cvk_device_info *info) {
  const cvk_backend *table = b->table;
  const size_t n = strlen(table->name);
  info->id[sizeof info->id - 1] = info->name[sizeof info->name - 1] = '\0';
  info->driver[sizeof info->driver - 1] = info->isa[sizeof info->isa - 1] = '\0';
  if (strncmp(info->id, table->name, n) != 0 || (info->id[n] != '\0' && info->id[n] != ':') || has_id(b, info->id))
    snprintf(info->id, sizeof info->id, "%s:%d", table->name, (int)index);
  if (table->buffer_alloc == NULL) info->flags |= CVK_DEVICE_HOST_MEMORY;
  if (table->queue_open == NULL) info->flags &= ~(uint32_t)CVK_DEVICE_ASYNC;
  if (info->alignment == 0) info->alignment = 1;
  return !has_id(b, info->id) && (info->alignment & (info->alignment - 1)) == 0 && info->alignment <= 1u << 20;
}

static cvk_status list_devices(cvk_context *ctx, cvk_backend_entry *b) {
  int32_t count = 0;
  cvk_error_clear();
  const cvk_status status = b->table->device_count(b->instance, &count);
  if (status != CVK_OK) return status;
  if (count < 0 || count > MAX_DEVICES)
    return cvk_fail(CVK_INTERNAL, "it says that it has %d devices, allowed are 0 to %d", (int)count, MAX_DEVICES);
  b->device = calloc((size_t)count + 1, sizeof *b->device);
  if (b->device == NULL) return cvk_fail(CVK_NO_MEMORY, "no memory for the list of devices");
  for (int32_t i = 0; i < count; i++) {
    cvk_device_entry *e = &b->device[b->n_devices];
    *e = (cvk_device_entry){.index = i, .info.struct_size = sizeof e->info};
    cvk_error_clear();
    const cvk_status got = b->table->device_info(b->instance, i, &e->info);
    e->info.struct_size = sizeof e->info;
    if (got == CVK_OK && tidy_info(b, i, &e->info))
      b->n_devices++;
    else
      cvk_context_log(ctx, CVK_LOG_WARNING, "backend %s: device %d of %d is left out: %s", b->table->name, (int)i, (int)count,
                      got == CVK_OK ? "its id is another's, or its alignment no power of two up to 1 MiB" : cvk_error_message());
  }
  return CVK_OK;
}

static int drives_hardware(const cvk_backend_entry *b) {
  for (int32_t i = 0; i < b->n_devices; i++)
    if (!cvk_info_host_memory(&b->device[i].info)) return 1;
  return 0;
}

void cvk_registry_start(cvk_context *ctx, cvk_backend_entry *b) {
  if (b->started || b->table == NULL) return;
  b->started = 1;
  b->pid = cvk_process_id();
  const int32_t owner = cvk_plugin_driver_owner(b->table);
  if (owner != 0 && owner != b->pid) {
    cvk_fail(CVK_AFTER_FORK, "its driver was started by the parent process (%d) and does not survive fork()", (int)owner);
    start_failed(ctx, ctx->registry, b, CVK_AFTER_FORK, "not started");
    return;
  }
  cvk_opencl_filter filter;
  const cvk_opencl_drivers *drivers = b->plugin >= 0 ? &ctx->registry->plugin[b->plugin].trial.drivers : &(cvk_opencl_drivers){0};
  if (!cvk_opencl_filter_begin(drivers, &filter)) {
    cvk_fail(CVK_IO_ERROR, "drivers that crash cannot be left out: no folder can be made in TMPDIR or /tmp");
    start_failed(ctx, ctx->registry, b, CVK_IO_ERROR, "not started");
    return;
  }
  const uint64_t mode = cvk_fp_mode_get();
  cvk_error_clear();
  cvk_status status = b->table->instance_create(&ctx->host, &b->instance);
  if (status != CVK_OK) {
    b->instance = NULL;
    start_failed(ctx, ctx->registry, b, status, "it did not start");
  } else {
    status = list_devices(ctx, b);
    if (status != CVK_OK) start_failed(ctx, ctx->registry, b, status, "its devices cannot be listed");
  }
  cvk_fp_mode_set(mode);
  cvk_opencl_filter_end(drivers, &filter);
  if (drives_hardware(b)) cvk_plugin_driver_claim(b->table, b->pid);
}

cvk_status cvk_registry_start_all(cvk_context *ctx) {
  const cvk_status status = cvk_registry_load_all(ctx);
  for (int32_t i = 0; status == CVK_OK && i < ctx->registry->n_backends; i++) cvk_registry_start(ctx, &ctx->registry->backend[i]);
  return status;
}

/* A backend whose device was lost, or whose driver belongs to the parent process, may hang when it is torn down: it is left behind. */
static int may_destroy(const cvk_backend_entry *b) {
  for (int32_t i = 0; i < b->n_devices; i++)
    if (b->device[i].lost) return 0;
  return b->pid == cvk_process_id() || !drives_hardware(b);
}

void cvk_registry_free(cvk_registry *r) {
  if (r == NULL) return;
  for (int32_t i = 0; i < r->n_backends; i++) {
    cvk_backend_entry *b = &r->backend[i];
    if (b->instance != NULL && may_destroy(b)) b->table->instance_destroy(b->instance);
    free(b->message);
    free(b->device);
  }
  for (int32_t i = 0; i < r->found.n_files && r->plugin != NULL; i++) {
    free(r->plugin[i].verdict);
    free(r->plugin[i].start_verdict);
    cvk_probe_verdict_free(&r->plugin[i].trial);
  }
  free(r->backend);
  free(r->plugin);
  cvk_discovery_free(&r->found);
  free(r);
}

/* ---- reports ---- */

typedef struct text {
  char s[1800];
  size_t used;
} text;

static void CVK_PRINTF(2, 3) append(text *t, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const int n = vsnprintf(t->s + t->used, sizeof t->s - t->used, fmt, args);
  va_end(args);
  if (n > 0) t->used = t->used + (size_t)n < sizeof t->s ? t->used + (size_t)n : sizeof t->s - 1;
}

cvk_status cvk_registry_no_backend(const cvk_registry *r) {
  text t = {.used = 0};
  for (int32_t i = 0; i < r->found.n_folders; i++) append(&t, "%s%s", i == 0 ? "" : ", ", r->found.folder[i]);
  for (int32_t i = 0; i < r->found.n_files; i++) append(&t, "; %s: %s", r->found.file[i].path, r->plugin[i].verdict);
  return cvk_fail(CVK_NO_BACKEND, "device: no backend plugin was loaded; searched: %s", t.s);
}

static int32_t count_verdicts(const cvk_registry *r) {
  int32_t n = r->found.n_files;
  for (int32_t i = 0; i < r->found.n_files; i++) n += r->plugin[i].trial.drivers.n;
  return n;
}

static cvk_plugin_verdict verdict_on_file(const cvk_registry *r, int32_t i) {
  const cvk_plugin_entry *p = &r->plugin[i];
  return (cvk_plugin_verdict){.status = p->status, .path = r->found.file[i].path, .backend = p->backend, .version = p->version,
                              .verdict = p->start_verdict != NULL ? p->start_verdict : p->verdict};
}

/* k: among the drivers of all plugins. */
static cvk_plugin_verdict verdict_on_driver(const cvk_registry *r, int32_t k) {
  int32_t i = 0;
  for (; k >= r->plugin[i].trial.drivers.n; i++) k -= r->plugin[i].trial.drivers.n;
  const cvk_opencl_driver *d = &r->plugin[i].trial.drivers.item[k];
  return (cvk_plugin_verdict){.status = d->status, .path = d->path, .driver = 1, .backend = r->plugin[i].backend, .verdict = d->text != NULL ? d->text : "not tried"};
}

cvk_status cvk_plugin_count(cvk_context *ctx, int32_t *n) {
  if (ctx == NULL || n == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "plugin_count: %s is NULL", ctx == NULL ? "ctx" : "n");
  pthread_mutex_lock(&ctx->lock);
  const cvk_status status = cvk_registry_load_all(ctx);
  if (status == CVK_OK) *n = count_verdicts(ctx->registry);
  pthread_mutex_unlock(&ctx->lock);
  return status;
}

cvk_status cvk_plugin_verdict_get(cvk_context *ctx, int32_t index, cvk_plugin_verdict *out) {
  if (ctx == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "plugin_verdict_get: %s is NULL", ctx == NULL ? "ctx" : "out");
  pthread_mutex_lock(&ctx->lock);
  cvk_status status = cvk_registry_load_all(ctx);
  if (status != CVK_OK) goto done;
  const cvk_registry *r = ctx->registry;
  if (index < 0 || index >= count_verdicts(r)) {
    status = cvk_fail(CVK_INVALID_ARGUMENT, "plugin_verdict_get: index is %d, there are %d", (int)index, (int)count_verdicts(r));
    goto done;
  }
  const cvk_plugin_verdict v = index < r->found.n_files ? verdict_on_file(r, index) : verdict_on_driver(r, index - r->found.n_files);
  status = cvk_copy_out(out, &v, sizeof v, "plugin_verdict_get");
done:
  pthread_mutex_unlock(&ctx->lock);
  return status;
}

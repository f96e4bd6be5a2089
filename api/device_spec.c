/* SPDX-License-Identifier: Apache-2.0 */
/* device_spec.c: "auto", an index, BACKEND, BACKEND:INDEX, a device's id or name, a glob over ids and names. What is listed as N opens as
 * N. */
#define _GNU_SOURCE
#include "device_spec.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct pick {
  cvk_backend_entry *backend;
  cvk_device_entry *entry;
} pick;

int32_t cvk_device_rank(const cvk_device_info *info) {
  switch (info->type) {
    case CVK_DEVICE_DISCRETE_GPU:
      return 0;
    case CVK_DEVICE_INTEGRATED_GPU:
      return 1;
    case CVK_DEVICE_ACCELERATOR:
      return 2;
    case CVK_DEVICE_CPU:
      return cvk_info_host_memory(info) ? 3 : 4; /* a CPU behind a driver copies what the CPU backend reads in place */
    case CVK_DEVICE_REFERENCE:
      return 6;
    default:
      return 5; /* a type of a later minor */
  }
}

/* ---- lists for messages ---- */

#define LIST_BYTES 1024

static void append(char list[LIST_BYTES], const char *item) {
  const size_t used = strlen(list);
  snprintf(list + used, LIST_BYTES - used, "%s%s", used == 0 ? "" : ", ", item);
}

static const char *backend_names(const cvk_registry *r, char list[LIST_BYTES]) {
  list[0] = '\0';
  for (int32_t i = 0; i < r->n_backends; i++)
    if (r->backend[i].table != NULL) append(list, r->backend[i].table->name);
  return list;
}

/* "0 cpu (AMD ...)", of the backends that were started. */
static const char *device_names(const cvk_registry *r, char list[LIST_BYTES]) {
  char item[sizeof(cvk_device_info)];
  int32_t n = 0;
  list[0] = '\0';
  for (int32_t i = 0; i < r->n_backends; i++) {
    for (int32_t k = 0; k < r->backend[i].n_devices; k++) {
      const cvk_device_info *info = &r->backend[i].device[k].info;
      snprintf(item, sizeof item, "%d %s (%s)", (int)n++, info->id, info->name);
      append(list, item);
    }
  }
  return list;
}

/* ---- the forms of a spec ---- */

/* A whole number, or -1. */
static int32_t number(const char *text) {
  char *end;
  if (!isdigit((unsigned char)*text)) return -1;
  errno = 0;
  const long n = strtol(text, &end, 10);
  return *end != '\0' ? -1 : errno != 0 || n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

static cvk_status by_index(cvk_context *ctx, int32_t index, cvk_device_try try_open, void *arg) {
  const cvk_registry *r = ctx->registry;
  char list[LIST_BYTES];
  int32_t n = 0;
  const cvk_status status = cvk_registry_start_all(ctx);
  if (status != CVK_OK) return status;
  for (int32_t i = 0; i < r->n_backends; i++) {
    cvk_backend_entry *b = &r->backend[i];
    if (index - n < b->n_devices) return try_open(arg, b, &b->device[index - n]);
    n += b->n_devices;
  }
  return cvk_fail(CVK_NO_DEVICE, "device: index is %d, there are %d devices: %s", (int)index, (int)n, device_names(r, list));
}

static cvk_status no_device_of(const cvk_backend_entry *b) {
  if (b->status != CVK_OK)
    return cvk_fail(b->status, "device: backend %s has no device: %s", b->table->name, b->message != NULL ? b->message : "");
  return cvk_fail(CVK_NO_DEVICE, "device: backend %s has found 0 devices", b->table->name);
}

/* text: what follows "BACKEND:", or NULL. Sets *done unless it is no number (then it may be a glob or a name). */
static cvk_status of_backend(cvk_context *ctx, cvk_backend_entry *b, const char *text, cvk_device_try try_open, void *arg, int *done) {
  const int32_t index = text == NULL ? 0 : number(text);
  *done = index >= 0;
  cvk_registry_start(ctx, b);
  if (b->n_devices == 0) {
    *done = 1;
    return no_device_of(b);
  }
  if (index < 0) return CVK_OK;
  for (int32_t i = 0; i < b->n_devices; i++)
    if (b->device[i].index == index) return try_open(arg, b, &b->device[i]);
  return cvk_fail(CVK_NO_DEVICE, "device: \"%s:%d\": backend %s has %d device%s, allowed is %s:0 to %s:%d", b->table->name, (int)index,
                  b->table->name, (int)b->n_devices, b->n_devices == 1 ? "" : "s", b->table->name, b->table->name,
                  (int)b->device[b->n_devices - 1].index);
}

static int matches(const char *spec, const cvk_backend *table, const cvk_device_info *info) {
  char with_backend[sizeof info->name + 40];
  snprintf(with_backend, sizeof with_backend, "%s:%s", table->name, info->name);
  return fnmatch(spec, info->id, FNM_CASEFOLD) == 0 || fnmatch(spec, info->name, FNM_CASEFOLD) == 0 ||
         fnmatch(spec, with_backend, FNM_CASEFOLD) == 0;
}

/* only: the backend to look in, or NULL for all. Sets *done when a device was meant. A name may hold brackets, so it is compared as it is
 * first. */
static cvk_status by_pattern(cvk_context *ctx, const char *spec, const cvk_backend_entry *only, cvk_device_try try_open, void *arg,
                             int *done) {
  cvk_registry *r = ctx->registry;
  for (int pass = 0; pass < 2; pass++) {
    for (int32_t i = 0; i < r->n_backends; i++) {
      cvk_backend_entry *b = &r->backend[i];
      for (int32_t k = 0; k < b->n_devices && (only == NULL || b == only); k++) {
        const cvk_device_info *info = &b->device[k].info;
        const int same = strcmp(spec, info->id) == 0 || strcasecmp(spec, info->name) == 0;
        if (pass == 0 ? !same : !matches(spec, b->table, info)) continue;
        *done = 1;
        return try_open(arg, b, &b->device[k]);
      }
    }
  }
  *done = 0;
  return CVK_OK;
}

/* The CPU backend has the whole CPU; another engine there may have a few ops of it. */
static int is_cpu_backend(const pick *p) {
  return strcmp(p->backend->table->name, "cpu") == 0;
}

static int better(const void *a, const void *b) {
  const pick *x = a, *y = b;
  const int32_t rx = cvk_device_rank(&x->entry->info), ry = cvk_device_rank(&y->entry->info);
  if (rx != ry) return rx < ry ? -1 : 1;
  if (is_cpu_backend(x) != is_cpu_backend(y)) return is_cpu_backend(x) ? -1 : 1;
  if (x->backend != y->backend) return x->backend < y->backend ? -1 : 1; /* as listed */
  return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static cvk_status best(cvk_context *ctx, cvk_device_try try_open, void *arg) {
  cvk_registry *r = ctx->registry;
  int32_t n = 0, total = 0;
  cvk_status status = cvk_registry_load_all(ctx);
  if (status != CVK_OK) return status;
  /* With no plugin at all something is wrong with the installation; the reference would only be slow in silence. */
  if (!cvk_registry_has_plugin(r)) return cvk_registry_no_backend(r);
  status = cvk_registry_start_all(ctx);
  if (status != CVK_OK) return status;
  for (int32_t i = 0; i < r->n_backends; i++) total += r->backend[i].n_devices;
  pick *list = malloc(((size_t)total + 1) * sizeof *list);
  if (list == NULL) return cvk_fail(CVK_NO_MEMORY, "device: no memory for %d devices", (int)total);
  for (int32_t i = 0; i < r->n_backends; i++)
    for (int32_t k = 0; k < r->backend[i].n_devices; k++) list[n++] = (pick){&r->backend[i], &r->backend[i].device[k]};
  qsort(list, (size_t)n, sizeof *list, better);
  for (int32_t i = 0; i < n; i++) {
    status = try_open(arg, list[i].backend, list[i].entry);
    if (status == CVK_OK) break;
    cvk_context_log(ctx, CVK_LOG_WARNING, "device %s is passed over: %s", list[i].entry->info.id, cvk_error_message());
  }
  free(list);
  return status;
}

/* Nothing was meant: say what there is. A backend whose file was refused is told apart from one that nobody has. */
static cvk_status not_found(cvk_context *ctx, const char *spec, const cvk_backend_entry *b, size_t name_bytes) {
  const cvk_registry *r = ctx->registry;
  char list[LIST_BYTES];
  if (b != NULL || strpbrk(spec, "*?[") != NULL)
    return cvk_fail(CVK_NO_DEVICE, "device: nothing matches \"%.200s\"; found: %s", spec, device_names(r, list));
  for (int32_t i = 0; i < r->found.n_files; i++) {
    const char *stem = r->found.file[i].stem;
    if (r->plugin[i].status != CVK_OK && stem != NULL && strlen(stem) == name_bytes && strncmp(stem, spec, name_bytes) == 0)
      return cvk_fail(CVK_UNKNOWN_BACKEND, "device: backend %s is not available: %s: %s; found: %s", stem, r->found.file[i].path,
                      r->plugin[i].verdict, backend_names(r, list));
  }
  if (!cvk_registry_has_plugin(r)) return cvk_registry_no_backend(r);
  return cvk_fail(CVK_UNKNOWN_BACKEND, "device: no backend or device is called \"%.200s\"; backends found: %s", spec,
                  backend_names(r, list));
}

cvk_status cvk_device_spec_resolve(cvk_context *ctx, const char *spec, cvk_device_try try_open, void *arg) {
  char list[LIST_BYTES];
  cvk_backend_entry *b = NULL;
  int done = 0;
  if (strcmp(spec, "auto") == 0) return best(ctx, try_open, arg);
  if (number(spec) >= 0) return by_index(ctx, number(spec), try_open, arg);
  const size_t name_bytes = strcspn(spec, ":");
  cvk_status status = cvk_registry_find(ctx, spec, name_bytes, &b);
  if (status != CVK_OK) return status;
  if (*spec == '\0')
    return cvk_fail(CVK_UNKNOWN_BACKEND, "device: the name is empty; backends found: %s", backend_names(ctx->registry, list));
  if (b != NULL) {
    status = of_backend(ctx, b, spec[name_bytes] == ':' ? spec + name_bytes + 1 : NULL, try_open, arg, &done);
    if (done) return status;
  } else {
    status = cvk_registry_start_all(ctx);
    if (status != CVK_OK) return status;
  }
  status = by_pattern(ctx, spec, b, try_open, arg, &done);
  return done ? status : not_found(ctx, spec, b, name_bytes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h: the plugins, backends and devices that a context knows. Filled in steps, so that who wants the CPU opens no other plugin and
 * wakes no driver: cvk_registry_load lists the files, cvk_registry_find opens those that could be the named backend, cvk_registry_load_all
 * opens all, cvk_registry_start makes one backend's instance and lists its devices. What comes of it does not depend on the order of the
 * steps. All with ctx->lock held. */
#ifndef CVK_REGISTRY_H
#define CVK_REGISTRY_H

#include "device_internal.h"
#include "discovery.h"
#include "loader.h"
#include "probe.h"

typedef struct cvk_device_entry {
  cvk_device_info info;
  int32_t index;    /* the backend's number for it */
  _Atomic int lost; /* for the rest of the context's life */
  cvk_device *open; /* not a reference; NULL: not open */
} cvk_device_entry;

typedef struct cvk_backend_entry {
  const cvk_backend *table; /* NULL: the file is no backend, or not opened yet */
  int32_t plugin;           /* index in registry->plugin; -1: built in */
  int32_t started;
  int32_t pid;       /* of the process that started it */
  cvk_status status; /* after the start: why it has no device */
  char *message;
  cvk_instance *instance;
  cvk_device_entry *device;
  int32_t n_devices;
} cvk_backend_entry;

typedef struct cvk_plugin_entry { /* backend and version are NULL unless a table was read */
  int32_t tried;
  cvk_status status;
  char *verdict;       /* of the file */
  char *start_verdict; /* of the backend's instance, where that failed; replaces verdict */
  const char *backend, *version;
  cvk_probe_verdict trial; /* its drivers are those of the backend */
} cvk_plugin_entry;

typedef struct cvk_registry {
  cvk_discovery found;
  cvk_plugin_entry *plugin;   /* one a file */
  cvk_backend_entry *backend; /* one a file, then the reference */
  int32_t n_backends;
} cvk_registry;

/* Makes ctx->registry unless it is there; opens no file. */
cvk_status cvk_registry_load(cvk_context *ctx);
cvk_status cvk_registry_load_all(cvk_context *ctx);
/* *out: the backend of this name, or NULL: none has it. Opens the files that could be it. */
cvk_status cvk_registry_find(cvk_context *ctx, const char *name, size_t name_bytes, cvk_backend_entry **out);
/* Never fails as such: a backend that cannot start has status, message and no devices. */
void cvk_registry_start(cvk_context *ctx, cvk_backend_entry *backend);
/* Opens and starts everything. */
cvk_status cvk_registry_start_all(cvk_context *ctx);
/* Nonzero when a plugin's backend is there; after cvk_registry_load_all. */
int cvk_registry_has_plugin(const cvk_registry *r);

/* NO_BACKEND: the folders searched and what was wrong with each file. */
cvk_status cvk_registry_no_backend(const cvk_registry *r);

/* Nonzero when the device works in plain host memory, by its info. */
static inline int cvk_info_host_memory(const cvk_device_info *info) {
  return (info->flags & CVK_DEVICE_HOST_MEMORY) != 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h: the plugins, backends and devices that a context knows. Filled in two steps, so that who wants the CPU never wakes a GPU
 * driver: cvk_registry_load opens the plugin files, cvk_registry_start makes one backend's instance and lists its devices. All with
 * ctx->lock held. */
#ifndef CVK_REGISTRY_H
#define CVK_REGISTRY_H

#include "device_internal.h"
#include "discovery.h"
#include "loader.h"

typedef struct cvk_device_entry {
  cvk_device_info info;
  int32_t index;    /* the backend's number for it */
  _Atomic int lost; /* for the rest of the context's life */
  cvk_device *open; /* not a reference; NULL: not open */
} cvk_device_entry;

typedef struct cvk_backend_entry {
  const cvk_backend *table;
  int32_t plugin; /* index in registry->plugin; -1: built in */
  int32_t started;
  int32_t pid;       /* of the process that started it */
  cvk_status status; /* after the start: why it has no device */
  char *message;
  cvk_instance *instance;
  cvk_device_entry *device;
  int32_t n_devices;
} cvk_backend_entry;

typedef struct cvk_plugin_entry { /* one a file of `found`; backend and version are NULL unless a table was read */
  cvk_status status;
  char *verdict;       /* of the file */
  char *start_verdict; /* of the backend's instance, where that failed; replaces verdict */
  const char *backend, *version;
} cvk_plugin_entry;

typedef struct cvk_registry {
  cvk_discovery found;
  cvk_plugin_entry *plugin;
  cvk_backend_entry *backend; /* in the order of the files; the last is the reference */
  int32_t n_backends;
} cvk_registry;

/* Makes ctx->registry unless it is there. */
cvk_status cvk_registry_load(cvk_context *ctx);
/* Never fails as such: a backend that cannot start has status, message and no devices. */
void cvk_registry_start(cvk_context *ctx, cvk_backend_entry *backend);
void cvk_registry_start_all(cvk_context *ctx);
cvk_backend_entry *cvk_registry_find(cvk_registry *r, const char *name, size_t name_bytes); /* NULL: none */

/* NO_BACKEND: the folders searched and what was wrong with each file. */
cvk_status cvk_registry_no_backend(const cvk_registry *r);

/* Nonzero when the device works in plain host memory, by its info. */
static inline int cvk_info_host_memory(const cvk_device_info *info) {
  return (info->flags & CVK_DEVICE_HOST_MEMORY) != 0;
}

#endif

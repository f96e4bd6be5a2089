/* SPDX-License-Identifier: Apache-2.0 */
/* device_spec.h: which device does a text mean? With ctx->lock held and cvk_registry_load done. */
#ifndef CVK_DEVICE_SPEC_H
#define CVK_DEVICE_SPEC_H

#include "registry.h"

/* The place of a device in `auto`: less is better. By type and memory, never by a name. */
int32_t cvk_device_rank(const cvk_device_info *info);

/* Opens and starts the backends that the spec could mean, and no other. Calls try(arg, backend, entry) for the one meant or, for "auto",
 * for each, best first, until one returns OK; returns its status. spec: never NULL. */
typedef cvk_status (*cvk_device_try)(void *arg, cvk_backend_entry *backend, cvk_device_entry *entry);
cvk_status cvk_device_spec_resolve(cvk_context *ctx, const char *spec, cvk_device_try try_open, void *arg);

#endif

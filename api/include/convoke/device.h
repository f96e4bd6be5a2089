/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/device.h: finding and opening devices. cvk_device_info is plugin.h's. */
#ifndef CONVOKE_DEVICE_H
#define CONVOKE_DEVICE_H

#include <convoke/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cvk_device cvk_device;

/* Devices of all loaded plugins, then the built-in "reference" (plain C, slow, right). Loads plugins on the first call; a driver that fails
 * is a verdict, not an error. */
CVK_EXPORT cvk_status cvk_device_count(cvk_context *ctx, int32_t *n);
CVK_EXPORT cvk_status cvk_device_info_get(cvk_context *ctx, int32_t index, cvk_device_info *info); /* info->struct_size set by the caller */

/* Opens a device, or returns a new reference to it if it is open. spec: "auto" (or NULL, or what CONVOKE_DEVICE says), "cpu", "reference",
 * "opencl" (its first), "opencl:1", an index into the list, a device name or a glob over ids and names. `auto`: discrete GPU > integrated >
 * accelerator > CPU backend > OpenCL on a CPU > reference, by device type, never by vendor.
 * UNKNOWN_BACKEND: no such backend, the message lists what was found; NO_DEVICE: the backend has no such device; NO_BACKEND: no plugin at
 * all, the message lists the folders searched. */
CVK_EXPORT cvk_status cvk_device_open(cvk_context *ctx, const char *spec, cvk_device **out);
CVK_EXPORT cvk_device *cvk_device_retain(cvk_device *dev);
CVK_EXPORT void cvk_device_release(cvk_device *dev); /* NULL is allowed */
CVK_EXPORT cvk_status cvk_device_describe(cvk_device *dev, cvk_device_info *info); /* info->struct_size set by the caller */

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* struct_copy.h: the one way in which a growable struct (struct_size first) crosses to and from a caller who may know a shorter or longer one. */
#ifndef CVK_STRUCT_COPY_H
#define CVK_STRUCT_COPY_H

#include <string.h>

#include "status.h"

#define CVK_MAX_STRUCT_BYTES (1u << 16) /* above: the field was not set */

/* Copies `bytes` bytes of `from` to `to`, whose struct_size the caller set and keeps: the smaller size, the rest of `to` zeroed.
 * INVALID_ARGUMENT names `function` and the sizes. */
static inline cvk_status cvk_copy_out(void *to, const void *from, size_t bytes, const char *function) {
  uint32_t size;
  memcpy(&size, to, sizeof size);
  if (size < sizeof size || size > CVK_MAX_STRUCT_BYTES)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: struct_size is %u, set it to the struct's size (%zu)", function, (unsigned)size, bytes);
  memset((char *)to + sizeof size, 0, size - sizeof size);
  memcpy((char *)to + sizeof size, (const char *)from + sizeof size, (size < bytes ? size : bytes) - sizeof size);
  return CVK_OK;
}

/* Copies a caller's struct, whose struct_size 0 means all `bytes` that this library knows, to `to`; what it lacks is zero. NULL: all zero. */
static inline cvk_status cvk_copy_in(void *to, const void *from, size_t bytes, const char *function) {
  uint32_t size = 0;
  memset(to, 0, bytes);
  if (from != NULL) memcpy(&size, from, sizeof size);
  if (size != 0 && (size < sizeof size || size > CVK_MAX_STRUCT_BYTES))
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: options.struct_size is %u, set it to the struct's size (%zu) or 0", function, (unsigned)size, bytes);
  if (from != NULL) memcpy(to, from, size == 0 || size > bytes ? bytes : size);
  size = (uint32_t)bytes;
  memcpy(to, &size, sizeof size);
  return CVK_OK;
}

#endif

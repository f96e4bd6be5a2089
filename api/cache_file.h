/* SPDX-License-Identifier: Apache-2.0 */
/* cache_file.h: small text files in the user's cache folder: read only where nobody else can have written them, written whole or not at all, so that any
 * number of processes may do both. */
#ifndef CVK_CACHE_FILE_H
#define CVK_CACHE_FILE_H

#include <limits.h>
#include <stdint.h>

/* The text, free() it. NULL: there is none of this user or root, it has more than `most` bytes, or no memory. */
char *cvk_cache_file_read(const char *path, int64_t most);
/* Makes the folders of `path` and a temporary file beside it. Its descriptor, the caller's to close; -1: not possible. */
int cvk_cache_file_begin(const char *path, char temporary[PATH_MAX]);
/* After the descriptor was closed. written 0: the temporary file goes, `path` stays as it was. Nonzero: `path` is the new file. */
int32_t cvk_cache_file_end(const char *path, const char *temporary, int32_t written);

#endif

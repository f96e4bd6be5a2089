/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h: host memory for tensors, arenas and backends. Large blocks lie in huge pages where the system gives them on request: fewer page
 * faults when they are first written, fewer address translations when kernels stream them. */
#ifndef CVK_MEMORY_H
#define CVK_MEMORY_H

#include <stdint.h>

/* `alignment`: a power of two up to 2^30; less than 64 counts as 64. zeroed 0: the contents are undefined. NULL: out of memory. */
void *cvk_memory_alloc(uint64_t bytes, uint64_t alignment, int32_t zeroed);
void cvk_memory_free(void *p); /* NULL: nothing */
/* The pages that lie whole in a read-only mapping of a file need not stay in memory; the file still has them. */
void cvk_memory_forget(const void *p, uint64_t bytes);

#endif

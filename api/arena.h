/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h: zeroed memory that is freed all at once; what a plan's bookkeeping lives in. */
#ifndef CVK_ARENA_H
#define CVK_ARENA_H

#include <stddef.h>

typedef struct cvk_arena { struct cvk_arena_chunk *chunks; } cvk_arena;

void *cvk_arena_alloc(cvk_arena *a, size_t count, size_t element_bytes); /* NULL: out of memory or overflow */
char *cvk_arena_strdup(cvk_arena *a, const char *s);
void cvk_arena_free(cvk_arena *a);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c: chunks of 64 KiB or more in a list; see arena.h. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64u << 10)

struct cvk_arena_chunk {
  struct cvk_arena_chunk *next;
  size_t used, size;
  _Alignas(max_align_t) unsigned char data[];
};

void *cvk_arena_alloc(cvk_arena *a, size_t count, size_t element_bytes) {
  if (element_bytes && count > (SIZE_MAX / 2) / element_bytes) return NULL;
  const size_t align = _Alignof(max_align_t), bytes = (count * element_bytes + align - 1) / align * align;
  struct cvk_arena_chunk *c = a->chunks;
  if (c == NULL || c->size - c->used < bytes) {
    const size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    c = calloc(1, sizeof *c + size);
    if (c == NULL) return NULL;
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
  }
  void *p = c->data + c->used;
  c->used += bytes;
  return p;
}

char *cvk_arena_strdup(cvk_arena *a, const char *s) {
  const size_t n = strlen(s) + 1;
  char *p = cvk_arena_alloc(a, n, 1);
  return p ? memcpy(p, s, n) : NULL;
}

void cvk_arena_free(cvk_arena *a) {
  while (a->chunks) {
    struct cvk_arena_chunk *c = a->chunks;
    a->chunks = c->next;
    free(c);
  }
}

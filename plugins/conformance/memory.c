/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c: see conformance.h. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conformance.h"

enum { FILL = 0xff /* NaN, of all types of floats: it does not vanish in a sum */ };

int block_make(block *b, uint64_t bytes, uint64_t alignment, int where) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (size_t)(bytes + alignment + page - 1) / page * page;
  *b = (block){.bytes = bytes, .map_bytes = inner + 2 * page};
  b->map = mmap(NULL, b->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b->map == MAP_FAILED || mprotect(b->map + page, inner, PROT_READ | PROT_WRITE) != 0) return 0;
  memset(b->map + page, FILL, inner);
  const uint64_t at_end = (inner - bytes) / alignment * alignment;
  b->data = b->map + page + (where == AT_END ? at_end : 0);
  return 1;
}

void block_protect(block *b, int writable) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  mprotect(b->map + page, b->map_bytes - 2 * page, writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

int block_is_sound(const block *b) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const char *end = b->map + b->map_bytes - page;
  for (const char *p = b->map + page; p < end; p++) {
    if (p == b->data) p += b->bytes;
    if (p < end && (unsigned char)*p != FILL) return 0;
  }
  return 1;
}

void block_free(block *b) {
  if (b->map != NULL && b->map != MAP_FAILED) munmap(b->map, b->map_bytes);
  *b = (block){0};
}

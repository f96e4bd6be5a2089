/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c: see memory.h. A block begins with a header in the alignment's room before what the caller gets. */
#define _DEFAULT_SOURCE /* madvise */
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE ((uint64_t)2 << 20)
#define LARGE (HUGE_PAGE / 2) /* from here on a block is a mapping of its own: fresh, so zero, and given back whole */

typedef struct header {
  void *base;
  uint64_t mapped; /* bytes of the mapping; 0: from malloc's heap */
} header;

static void *begin(void *base, uint64_t mapped, uint64_t alignment, void *first) {
  char *p = (char *)first + alignment;
  memcpy(p - sizeof(header), &(header){base, mapped}, sizeof(header));
  return p;
}

/* Aligned to a huge page, less the header's room. */
static void *map(uint64_t bytes, uint64_t alignment) {
  const uint64_t step = alignment > HUGE_PAGE ? alignment : HUGE_PAGE;
  const uint64_t total = (bytes + alignment + step + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  void *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return NULL;
  char *first = (char *)(((uintptr_t)base + step - 1) / step * step);
  madvise(first, (bytes + alignment) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* the tail in small pages: it may be mostly empty */
  return begin(base, total, alignment, first);
}

void *cvk_memory_alloc(uint64_t bytes, uint64_t alignment, int32_t zeroed) {
  if (bytes > (uint64_t)1 << 62 || alignment > (uint64_t)1 << 30 || (alignment & (alignment - 1)) != 0) return NULL;
  if (alignment < 64) alignment = 64;
  if (bytes >= LARGE) return map(bytes, alignment);
  const uint64_t total = (bytes + alignment + alignment - 1) / alignment * alignment;
  void *base = aligned_alloc((size_t)alignment, (size_t)total);
  if (base == NULL) return NULL;
  void *p = begin(base, 0, alignment, base);
  return zeroed ? memset(p, 0, (size_t)bytes) : p;
}

void cvk_memory_free(void *p) {
  header h;
  if (p == NULL) return;
  memcpy(&h, (char *)p - sizeof h, sizeof h);
  if (h.mapped) munmap(h.base, h.mapped);
  else free(h.base);
}

void cvk_memory_forget(const void *p, uint64_t bytes) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t first = ((uintptr_t)p + page - 1) / page * page, end = ((uintptr_t)p + bytes) / page * page;
  if (end > first) madvise((void *)first, end - first, MADV_DONTNEED);
}

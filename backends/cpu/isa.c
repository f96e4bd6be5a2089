/* SPDX-License-Identifier: Apache-2.0 */
/* isa.c: detection and choice of the instruction set. Built for the baseline, so it runs anywhere; wide code is reached only through here.
 */
#include "isa.h"

#include <string.h>

extern const cpu_row *const cpu_rows_scalar[];
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
extern const cpu_row *const cpu_rows_sse41[];
extern const cpu_row *const cpu_rows_avx2[];
extern const cpu_row *const cpu_rows_avx512[];

typedef struct cpuid_regs {
  unsigned a, b, c, d;
} cpuid_regs;

static cpuid_regs cpuid(unsigned leaf, unsigned subleaf) {
  cpuid_regs r = {0, 0, 0, 0};
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}

/* Register state that the system saves at a context switch (XCR0); 0 where it manages none. */
static unsigned saved_state(void) {
  unsigned low, high;
  if (!(cpuid(1, 0).c & (1u << 27))) return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has_sse41(void) {
  return (cpuid(1, 0).c >> 19) & 1;
}

static int has_avx2(void) {
  const unsigned avx_fma = 1u << 28 | 1u << 12;
  return (cpuid(1, 0).c & avx_fma) == avx_fma && (saved_state() & 0x6) == 0x6 && (cpuid(7, 0).b & 1u << 5);
}

static int has_avx512(void) {
  const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  return has_avx2() && (saved_state() & 0xe6) == 0xe6 && (cpuid(7, 0).b & f_dq_bw_vl) == f_dq_bw_vl;
}
#elif defined(__aarch64__)
extern const cpu_row *const cpu_rows_neon[];
#endif

/* scalar, and neon on aarch64, which always has it. */
static int always(void) {
  return 1;
}

static const struct {
  cpu_isa isa;
  int (*available)(void);
} sets[] = {
    /* narrowest first */
    {{"scalar", 4, 12, 8, cpu_rows_scalar}, always},
#if defined(__x86_64__) || defined(__i386__)
    {{"sse41", 4, 25, 15, cpu_rows_sse41}, has_sse41},
    {{"avx2", 8, 110, 30, cpu_rows_avx2}, has_avx2},
    {{"avx512", 16, 200, 40, cpu_rows_avx512}, has_avx512},
#elif defined(__aarch64__)
    {{"neon", 4, 40, 20, cpu_rows_neon}, always},
#endif
};
enum { N_SETS = sizeof sets / sizeof *sets };

static const cpu_isa *best_up_to(int last) {
  while (last > 0 && !sets[last].available()) last--;
  return &sets[last].isa;
}

const cpu_isa *cpu_isa_best(void) {
  return best_up_to(N_SETS - 1);
}

const cpu_isa *cpu_isa_capped(const char *cap) {
  if (cap == NULL || *cap == '\0') return cpu_isa_best();
  for (int i = 0; i < N_SETS; i++)
    if (strcmp(sets[i].isa.name, cap) == 0) return best_up_to(i);
  return NULL;
}

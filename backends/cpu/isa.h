/* SPDX-License-Identifier: Apache-2.0 */
/* isa.h: which instruction set this process may use: what the processor has (CPUID), what the system saves (XGETBV), and the user's cap. */
#ifndef CVK_CPU_ISA_H
#define CVK_CPU_ISA_H

#include "cpu.h"

/* This processor family's instruction sets, narrowest first. */
#if defined(__aarch64__)
#define CPU_ISA_NAMES "scalar, neon"
#elif defined(__x86_64__) || defined(__i386__)
#define CPU_ISA_NAMES "scalar, sse41, avx2, avx512"
#else
#define CPU_ISA_NAMES "scalar"
#endif

/* The best instruction set that the machine runs. */
const cpu_isa *cpu_isa_best(void);
/* As the user's cap says (NULL or "": no cap), and never above cpu_isa_best. NULL: none of CPU_ISA_NAMES. */
const cpu_isa *cpu_isa_capped(const char *cap);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* isa.h: which instruction set this process may use: what the processor has (CPUID), what the system saves (XGETBV), and the user's cap. */
#ifndef CVK_CPU_ISA_H
#define CVK_CPU_ISA_H

#include "cpu.h"

/* The best instruction set that the machine runs. */
const cpu_isa *cpu_isa_best(void);
/* As the user's cap says ("scalar", "sse41", "avx2", "avx512"; NULL or "": no cap), and never above cpu_isa_best. NULL: an unknown cap. */
const cpu_isa *cpu_isa_capped(const char *cap);

#endif

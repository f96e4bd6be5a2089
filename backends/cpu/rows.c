/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c: the list of one instruction set's rows, from rows.def. */
#include "cpu.h"
#include "vec.h"

#define CVK_CPU_ROW(NAME) extern const cpu_row CVK_ISA_FN(NAME##_row);
#include "rows.def"
#undef CVK_CPU_ROW

extern const cpu_row *const CVK_ISA_FN(cpu_rows)[];
const cpu_row *const CVK_ISA_FN(cpu_rows)[] = {
#define CVK_CPU_ROW(NAME) &CVK_ISA_FN(NAME##_row),
#include "rows.def"
#undef CVK_CPU_ROW
    NULL};

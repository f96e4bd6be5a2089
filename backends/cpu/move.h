/* SPDX-License-Identifier: Apache-2.0 */
/* move.h: the functions of the move row that the dropout row shares (move.c). */
#ifndef CVK_CPU_MOVE_H
#define CVK_CPU_MOVE_H

#include "cpu.h"
#include "vec.h"

int32_t CVK_ISA_FN(move_accepts)(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why);
cvk_status CVK_ISA_FN(move_prepare)(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out);
cvk_status CVK_ISA_FN(move_execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace);

#endif

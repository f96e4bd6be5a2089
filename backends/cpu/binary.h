/* SPDX-License-Identifier: Apache-2.0 */
/* binary.h: the functions of the binary row that the prelu row shares (binary.c). */
#ifndef CVK_CPU_BINARY_H
#define CVK_CPU_BINARY_H

#include "cpu.h"
#include "vec.h"

int32_t CVK_ISA_FN(binary_accepts)(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why);
cvk_status CVK_ISA_FN(binary_prepare)(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out);
cvk_status CVK_ISA_FN(binary_execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace);

#endif

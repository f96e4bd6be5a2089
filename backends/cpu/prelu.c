/* SPDX-License-Identifier: Apache-2.0 */
/* prelu: x < 0 ? slope x : x, the slope broadcast to x: one more function of the binary rows. */
#include "binary.h"

const cpu_row CVK_ISA_FN(prelu_row) = {.name = CVK_ISA_ROW("prelu"),
                                       .kind = CVK_OP_PRELU,
                                       .variants = 2,
                                       .accepts = CVK_ISA_FN(binary_accepts),
                                       .prepare = CVK_ISA_FN(binary_prepare),
                                       .execute = CVK_ISA_FN(binary_execute)};

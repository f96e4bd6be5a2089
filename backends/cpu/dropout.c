/* SPDX-License-Identifier: Apache-2.0 */
/* dropout: at inference the identity, so one more op of the move rows; one whose mask is wanted is refused. */
#include "move.h"

const cpu_row CVK_ISA_FN(dropout_row) = {.name = CVK_ISA_ROW("dropout"),
                                         .kind = CVK_OP_DROPOUT,
                                         .variants = 2,
                                         .accepts = CVK_ISA_FN(move_accepts),
                                         .prepare = CVK_ISA_FN(move_prepare),
                                         .execute = CVK_ISA_FN(move_execute)};

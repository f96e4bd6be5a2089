/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h: an op over constants as a constant, for the importer and for planning. */
#ifndef CVK_FOLD_H
#define CVK_FOLD_H

#include "op_table.h"
#include "tensor_internal.h"

/* A new tensor that holds the one output of this op over constants. Small ones are computed here. Large ones are computed each time that they
 * are pinned and are in memory only meanwhile, so that weights stored as int8 or float16 are not kept twice; they keep references on the
 * inputs. in: NULL for absent ones. *budget: bytes that small ones may still take; NULL: no matter. NULL: the op does not say more here than
 * when the graph is planned (it fails, or its inputs are such tensors themselves, several deep), or it asks for much more than there is. */
cvk_tensor *cvk_fold(int32_t kind, const void *attr, int32_t n_in, cvk_tensor *const *in, uint64_t *budget);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* weights.h: weights made once and shared by all plans of a session and its clones: packs in a kernel's format, and constants that a
 * graph pass computed (a batch norm folded into a convolution). Thread-safe. */
#ifndef CVK_WEIGHTS_H
#define CVK_WEIGHTS_H

#include "plan.h"

/* `primary`: the device that every session sharing the cache runs on; not retained. Packs of fallback devices retain theirs. */
cvk_status cvk_weights_create(cvk_device *primary, cvk_weights **out);
cvk_weights *cvk_weights_retain(cvk_weights *w);
void cvk_weights_release(cvk_weights *w);

/* The pack of constant input `input` for `candidate` on dev; owned by the cache. `source`: the id of the constant's storage. */
cvk_status cvk_weights_pack(cvk_weights *w, cvk_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, uint64_t source,
                            cvk_pack **out);
/* Constants derived from graph node `node`, number `which`: NULL when none is kept yet; borrowed. */
cvk_tensor *cvk_weights_derived(cvk_weights *w, int32_t node, int32_t which);
cvk_status cvk_weights_keep_derived(cvk_weights *w, int32_t node, int32_t which, cvk_tensor *t); /* retains */
uint64_t cvk_weights_bytes(cvk_weights *w); /* host bytes of the constants that were packed */

#endif

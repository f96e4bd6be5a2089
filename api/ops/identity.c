/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c: the shape rule of IDENTITY and REORDER: the result is as the input, of any type. */
#include "ops_internal.h"

cvk_status cvk_infer_same(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  return cvk_desc_set(&call->out[0], call->def->name, x->dtype, x->rank, x->dim);
}

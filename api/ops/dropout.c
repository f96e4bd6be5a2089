/* SPDX-License-Identifier: Apache-2.0 */
/* dropout.c: DROPOUT at inference: y is x, and the mask (output 1, bool) is all true. The inputs ratio and training_mode change nothing. */
#include <string.h>

#include "ops_internal.h"

cvk_status cvk_infer_dropout(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_status s = cvk_desc_set(&call->out[0], "dropout: output", x->dtype, x->rank, x->dim);
  if (s == CVK_OK && call->n_out > 1) s = cvk_desc_set(&call->out[1], "dropout: mask", CVK_BOOL, x->rank, x->dim);
  return s;
}

cvk_status cvk_ref_dropout(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const size_t count = (size_t)cvk_count(x->rank, x->dim);
  if (count == 0) return CVK_OK;
  if (out[0]) memmove(out[0], in[0], count * (size_t)cvk_dtype_bytes(x->dtype));
  if (op->n_out > 1 && out[1]) memset(out[1], 1, count);
  return CVK_OK;
}

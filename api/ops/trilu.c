/* SPDX-License-Identifier: Apache-2.0 */
/* trilu.c: TRILU, the upper or lower triangle of each matrix of x [..., rows, columns], zero elsewhere (ONNX Trilu). k moves the diagonal
 * up; it is read when the op is prepared. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

void cvk_defaults_trilu(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->trilu.upper = 1;
}

cvk_status cvk_infer_trilu(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  int32_t n;
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "trilu: x has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  const cvk_status s = cvk_read_ints(call, 1, 1, &call->attr->trilu.k, &n);
  if (s == CVK_OK && n == 0) return cvk_fail(CVK_INVALID_SHAPE, "trilu: k (input 1) has no value");
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "trilu: output", x->dtype, x->rank, x->dim) : s;
}

/* v within 0 .. n. */
static int64_t clamp(int64_t v, int64_t n) {
  return v < 0 ? 0 : v > n ? n : v;
}

cvk_status cvk_ref_trilu(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_trilu_attr *attr = op->attr;
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  const int64_t rows = x->dim[x->rank - 2], columns = x->dim[x->rank - 1], matrices = cvk_count(x->rank - 2, x->dim);
  if (out[0] == NULL || cvk_count(x->rank, x->dim) == 0) return CVK_OK;
  memset(out[0], 0, (size_t)cvk_count(x->rank, x->dim) * bytes);
  const int64_t k = attr->k < -rows ? -rows : attr->k > columns ? columns : attr->k; /* farther off nothing changes */
  for (int64_t m = 0; m < matrices; m++)
    for (int64_t r = 0; r < rows; r++) {
      const int64_t begin = attr->upper ? clamp(r + k, columns) : 0, end = attr->upper ? columns : clamp(r + k + 1, columns);
      const int64_t at = (m * rows + r) * columns + begin;
      cvk_copy_run(bytes, end - begin, out[0], at, 1, in[0], at, 1);
    }
  return CVK_OK;
}

cvk_status cvk_grad_trilu(cvk_gradient *c) {
  c->gx[0] = cvk_grad_op(c, CVK_OP_TRILU, c->attr, 1, c->gy);
  return c->status;
}

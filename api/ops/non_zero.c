/* SPDX-License-Identifier: Apache-2.0 */
/* non_zero.c: NON_ZERO, the coordinates of the elements that are not zero, in row-major order, a row an axis (ONNX NonZero). x is read when
 * the op is prepared, since its values say the extent. A scalar has no coordinates: [0, 0] or [0, 1], as ONNX has it. */
#include "element.h"
#include "ops_internal.h"

/* NaN is not zero, and -0 is. */
static int64_t count_non_zero(const cvk_tensor_desc *x, const void *data) {
  const int64_t n = cvk_count(x->rank, x->dim);
  double v[CVK_RUN];
  int64_t found = 0;
  for (int64_t first = 0; first < n; first += CVK_RUN) {
    const int64_t run = n - first < CVK_RUN ? n - first : CVK_RUN;
    cvk_load_reals(x->dtype, data, first, 1, run, v);
    for (int64_t i = 0; i < run; i++) found += v[i] != 0;
  }
  return found;
}

cvk_status cvk_infer_non_zero(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  if (x->const_data == NULL && cvk_count(x->rank, x->dim) > 0)
    return cvk_fail(CVK_UNSUPPORTED, "non_zero: the value of input 0 must be known when the op is prepared");
  const int64_t dim[2] = {x->rank, count_non_zero(x, x->const_data)};
  return cvk_desc_set(&call->out[0], "non_zero: output", CVK_I64, 2, dim);
}

cvk_status cvk_ref_non_zero(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const void *data = in[0] != NULL ? in[0] : x->const_data;
  const int64_t n = cvk_count(x->rank, x->dim);
  int64_t index[CVK_MAX_RANK] = {0}, *y = out[0], found = 0;
  if (y == NULL) return CVK_OK;
  const int64_t most = op->out[0]->dim[1];
  for (int64_t i = 0; i < n && found < most; i++) {
    if (cvk_load_real(x->dtype, data, i) != 0) {
      for (int32_t a = 0; a < x->rank; a++) y[a * most + found] = index[a];
      found++;
    }
    for (int32_t a = x->rank - 1; a >= 0 && ++index[a] == x->dim[a]; a--) index[a] = 0;
  }
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* det.c: DET, the determinant of each matrix of x [..., n, n] (ONNX Det): elimination with the largest pivot of a column, in double. That
 * of no rows is 1; a NaN anywhere that is read makes NaN. */
#include <math.h>
#include <stdlib.h>

#include "element.h"
#include "ops_internal.h"

cvk_status cvk_infer_det(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[0];
  char text[CVK_DIMS_TEXT];
  const cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  if (s != CVK_OK) return s;
  if (x->rank < 2 || x->dim[x->rank - 1] != x->dim[x->rank - 2])
    return cvk_fail(CVK_INVALID_SHAPE, "det: x has shape %s, must end in two equal extents", cvk_dims_text(x->rank, x->dim, text));
  return cvk_desc_set(&call->out[0], "det: output", x->dtype, x->rank - 2, x->dim);
}

/* A NaN is taken as the largest, so that it is not lost behind a column of zeros. */
static int64_t find_pivot(const double *a, int64_t n, int64_t column) {
  int64_t best = column;
  for (int64_t r = column + 1; r < n; r++) {
    const double v = fabs(a[r * n + column]), so_far = fabs(a[best * n + column]);
    if (!isnan(so_far) && (isnan(v) || v > so_far)) best = r;
  }
  return best;
}

/* a [n, n] is used up. */
static double determinant(double *a, int64_t n) {
  double product = 1;
  for (int64_t k = 0; k < n; k++) {
    const int64_t p = find_pivot(a, n, k);
    if (p != k) {
      product = -product;
      for (int64_t j = k; j < n; j++) {
        const double kept = a[k * n + j];
        a[k * n + j] = a[p * n + j];
        a[p * n + j] = kept;
      }
    }
    const double pivot = a[k * n + k];
    product *= pivot;
    if (pivot == 0) return product;
    for (int64_t r = k + 1; r < n; r++) {
      const double factor = a[r * n + k] / pivot;
      for (int64_t j = k + 1; j < n; j++) a[r * n + j] -= factor * a[k * n + j];
    }
  }
  return product;
}

cvk_status cvk_ref_det(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const int64_t n = x->dim[x->rank - 1], matrices = cvk_count(x->rank - 2, x->dim);
  if (out[0] == NULL || matrices == 0) return CVK_OK;
  const int64_t elements = cvk_count(x->rank, x->dim) / matrices;
  double *a = calloc((size_t)elements + 1, sizeof *a);
  if (a == NULL) return cvk_fail(CVK_NO_MEMORY, "det: no memory for a matrix of %lld x %lld", (long long)n, (long long)n);
  for (int64_t m = 0; m < matrices; m++) {
    cvk_load_reals(x->dtype, in[0], m * elements, 1, elements, a);
    cvk_store_real(x->dtype, out[0], m, determinant(a, n));
  }
  free(a);
  return CVK_OK;
}

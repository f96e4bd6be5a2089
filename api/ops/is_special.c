/* SPDX-License-Identifier: Apache-2.0 */
/* is_special.c: IS_NAN and IS_INF, bool results of x's shape (ONNX IsNaN, IsInf). */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

void cvk_defaults_is_inf(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->is_inf.negative = a->is_inf.positive = 1;
}

cvk_status cvk_infer_is_special(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[0];
  const cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], call->def->name, CVK_BOOL, x->rank, x->dim) : s;
}

cvk_status cvk_ref_is_special(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_is_inf_attr *inf = op->kind == CVK_OP_IS_INF ? op->attr : NULL;
  const int64_t count = cvk_count(x->rank, x->dim);
  uint8_t *y = out[0];
  double v[CVK_RUN];
  if (y == NULL) return CVK_OK;
  for (int64_t first = 0; first < count; first += CVK_RUN) {
    const int64_t n = count - first < CVK_RUN ? count - first : CVK_RUN;
    cvk_load_reals(x->dtype, in[0], first, 1, n, v);
    for (int64_t i = 0; i < n; i++)
      y[first + i] = inf == NULL ? isnan(v[i]) != 0 : isinf(v[i]) && (v[i] < 0 ? inf->negative : inf->positive);
  }
  return CVK_OK;
}

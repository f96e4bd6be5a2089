/* SPDX-License-Identifier: Apache-2.0 */
/* ops_internal.h: declares each op's functions, as the rows of ops.def name them: cvk_defaults_X, cvk_infer_X, cvk_ref_X, cvk_grad_X. A function that
 * several rows share is declared once a row. Contracts: op_table.h. */
#ifndef CVK_OPS_INTERNAL_H
#define CVK_OPS_INTERNAL_H

#include "../op_table.h"

#define CVK_ROW(KIND, name, onnx, form, lo, hi, outs, attr, defaults, infer, reference, gradient, values, doc) \
  void cvk_defaults_##defaults(int32_t kind, cvk_any_attr *a);                                       \
  cvk_status cvk_infer_##infer(cvk_op_call *call);                                                   \
  cvk_status cvk_ref_##reference(const cvk_op *op, const void *const *in, void *const *out);          \
  cvk_status cvk_grad_##gradient(struct cvk_gradient *c);
#include <convoke/ops.def>
#undef CVK_ROW

#endif

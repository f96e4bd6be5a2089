/* SPDX-License-Identifier: Apache-2.0 */
/* constant_of_shape.c: CONSTANT_OF_SHAPE, a tensor of one value (ONNX ConstantOfShape); an empty shape gives a scalar. The value is held as
 * double and converted as CAST does. */
#include "element.h"
#include "ops_internal.h"
#include "strided.h"

cvk_status cvk_infer_constant_of_shape(cvk_op_call *call) {
  cvk_shape_attr *attr = &call->attr->shape;
  const cvk_status s = cvk_read_shape(call, 0);
  if (s != CVK_OK) return s;
  if (attr->dtype == 0) attr->dtype = CVK_F32;
  return cvk_desc_set(&call->out[0], "constant_of_shape: output", attr->dtype, attr->rank, attr->dim);
}

cvk_status cvk_ref_constant_of_shape(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const int64_t count = cvk_count(y->rank, y->dim);
  (void)in;
  if (out[0] == NULL || count == 0) return CVK_OK;
  cvk_store_real(y->dtype, out[0], 0, ((const cvk_shape_attr *)op->attr)->value);
  cvk_copy_run(cvk_dtype_bytes(y->dtype), count - 1, out[0], 1, 1, out[0], 0, 0);
  return CVK_OK;
}

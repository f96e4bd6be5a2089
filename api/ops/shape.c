/* SPDX-License-Identifier: Apache-2.0 */
/* shape.c: SHAPE, the extents start..end-1 of x as an int64 vector (ONNX Shape). Negative ones count from the end and both are clamped. */
#include "element.h"
#include "ops_internal.h"

void cvk_defaults_shape(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->cast.end = INT32_MAX; /* clamped to the rank */
}

static int32_t clamp(int32_t v, int32_t rank) {
  if (v < 0) v += rank;
  return v < 0 ? 0 : v > rank ? rank : v;
}

cvk_status cvk_infer_shape(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_cast_attr *attr = &call->attr->cast;
  attr->start = clamp(attr->start, x->rank);
  attr->end = clamp(attr->end, x->rank);
  if (attr->end < attr->start) attr->end = attr->start;
  const int64_t n = attr->end - attr->start;
  return cvk_desc_set(&call->out[0], "shape: output", CVK_I64, 1, &n);
}

cvk_status cvk_ref_shape(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_cast_attr *attr = op->attr;
  (void)in;
  if (out[0] != NULL) cvk_store_ints(CVK_I64, out[0], 0, 1, attr->end - attr->start, op->in[0]->dim + attr->start);
  return CVK_OK;
}

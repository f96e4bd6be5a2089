/* SPDX-License-Identifier: Apache-2.0 */
/* reverse_sequence.c: REVERSE_SEQUENCE, for each batch the first so many time steps backwards, the rest as they are (ONNX ReverseSequence).
 * A length outside 0 .. time steps is INVALID_ARGUMENT when the op runs. */
#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

void cvk_defaults_reverse_sequence(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->reverse_sequence.batch_axis = 1;
}

cvk_status cvk_infer_reverse_sequence(cvk_op_call *call) {
  static const int32_t types[] = {CVK_I64, CVK_I32};
  const cvk_tensor_desc *x = call->in[0], *lengths = call->in[1];
  const cvk_reverse_sequence_attr *attr = &call->attr->reverse_sequence;
  char text[CVK_DIMS_TEXT];
  const cvk_status s = cvk_require_dtype(call, 1, 2, types);
  if (s != CVK_OK) return s;
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "reverse_sequence: x has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  if (attr->batch_axis < 0 || attr->batch_axis > 1 || attr->time_axis != 1 - attr->batch_axis)
    return cvk_fail(CVK_INVALID_ARGUMENT, "reverse_sequence: batch_axis is %d and time_axis %d, must be 0 and 1 or 1 and 0",
                    attr->batch_axis, attr->time_axis);
  if (lengths->rank != 1 || lengths->dim[0] != x->dim[attr->batch_axis])
    return cvk_fail(CVK_INVALID_SHAPE, "reverse_sequence: the lengths have shape %s, must be [%lld]",
                    cvk_dims_text(lengths->rank, lengths->dim, text), (long long)x->dim[attr->batch_axis]);
  return cvk_desc_set(&call->out[0], "reverse_sequence: output", x->dtype, x->rank, x->dim);
}

cvk_status cvk_ref_reverse_sequence(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_reverse_sequence_attr *attr = op->attr;
  const int32_t empty = out[0] == NULL || cvk_count(x->rank, x->dim) == 0;
  const int64_t after = empty ? 0 : cvk_count(x->rank - 2, x->dim + 2), steps = x->dim[attr->time_axis];
  const int64_t batch_stride = attr->batch_axis == 0 ? steps * after : after;
  const int64_t time_stride = attr->time_axis == 0 ? x->dim[attr->batch_axis] * after : after;
  for (int64_t b = 0; b < x->dim[attr->batch_axis]; b++) {
    int64_t length;
    cvk_load_ints(op->in[1]->dtype, in[1], b, 1, 1, &length);
    if (length < 0 || length > steps)
      return cvk_fail(CVK_INVALID_ARGUMENT, "reverse_sequence: length %lld (batch %lld), allowed 0 to %lld", (long long)length,
                      (long long)b, (long long)steps);
    for (int64_t t = 0; !empty && t < steps; t++) {
      const int64_t from = t < length ? length - 1 - t : t;
      cvk_copy_run(cvk_dtype_bytes(x->dtype), after, out[0], b * batch_stride + t * time_stride, 1, in[0],
                   b * batch_stride + from * time_stride, 1);
    }
  }
  return CVK_OK;
}

/* Turning back is turning. */
cvk_status cvk_grad_reverse_sequence(cvk_gradient *c) {
  const cvk_value in[2] = {c->gy[0], c->x[1]};
  c->gx[0] = cvk_grad_op(c, CVK_OP_REVERSE_SEQUENCE, c->attr, 2, in);
  return c->status;
}

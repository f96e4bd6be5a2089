/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm.c: BATCH_NORM as at inference, https://onnx.ai/onnx/operators/onnx__BatchNormalization.html: x [N,C,...], scale, bias, mean,
 * var [C] -> y = (x - mean) / sqrt(var + epsilon) scale + bias. A variance slightly below zero is used as it is; where var + epsilon is
 * negative the channel is NaN. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
enum { FLOATS = sizeof floats / sizeof *floats, INPUTS = 5 };

void cvk_defaults_batch_norm(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->norm.epsilon = 1e-5f;
}

cvk_status cvk_infer_batch_norm(cvk_op_call *call) {
  static const char *const names[INPUTS] = {"x", "scale", "bias", "mean", "var"};
  const cvk_tensor_desc *x = call->in[0];
  char text[CVK_DIMS_TEXT];
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "batch_norm: input has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 0, FLOATS, floats);
  for (int32_t i = 1; i < INPUTS && s == CVK_OK; i++) {
    const cvk_tensor_desc *d = call->in[i];
    if (d->rank != 1 || d->dim[0] != x->dim[1])
      return cvk_fail(CVK_INVALID_SHAPE, "batch_norm: %s has shape %s, wanted [%lld], one for each channel", names[i],
                      cvk_dims_text(d->rank, d->dim, text), (long long)x->dim[1]);
    s = cvk_require_dtype(call, i, FLOATS, floats);
  }
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "batch_norm: output", x->dtype, x->rank, x->dim) : s;
}

cvk_status cvk_ref_batch_norm(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const double epsilon = (double)((const cvk_norm_attr *)op->attr)->epsilon;
  if (cvk_count(x->rank, x->dim) == 0) return CVK_OK;
  const int64_t planes = x->dim[0] * x->dim[1], cells = cvk_count(x->rank - 2, x->dim + 2);
  for (int64_t plane = 0; plane < planes; plane++) {
    const int64_t c = plane % x->dim[1];
    double p[INPUTS], v[CVK_RUN];
    for (int32_t i = 1; i < INPUTS; i++) p[i] = cvk_load_real(op->in[i]->dtype, in[i], c);
    const double scale = p[1], bias = p[2], mean = p[3], deviation = sqrt(p[4] + epsilon);
    for (int64_t done = 0; done < cells; done += CVK_RUN) {
      const int64_t n = cells - done < CVK_RUN ? cells - done : CVK_RUN, at = plane * cells + done;
      cvk_load_reals(x->dtype, in[0], at, 1, n, v);
      for (int64_t i = 0; i < n; i++) v[i] = (v[i] - mean) / deviation * scale + bias;
      cvk_store_reals(x->dtype, out[0], at, 1, n, v);
    }
  }
  return CVK_OK;
}

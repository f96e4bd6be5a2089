/* SPDX-License-Identifier: Apache-2.0 */
/* dropout.c: DROPOUT at inference: y is x, and the mask (output 1, bool) is all true. The inputs ratio and training_mode change nothing.
 * DROPOUT_TRAIN (Srivastava et al. 2014): y = x / (1 - ratio) where cvk_dropout_keeps says so, else 0. */
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

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

cvk_status cvk_infer_dropout_train(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64}, i64 = CVK_I64;
  const cvk_tensor_desc *x = call->in[0], *seed = call->in[1];
  const float ratio = call->attr->dropout.ratio;
  if (!(ratio >= 0 && ratio < 1)) return cvk_fail(CVK_INVALID_ARGUMENT, "dropout_train: ratio is %g, allowed from 0 to below 1", (double)ratio);
  if (cvk_count(seed->rank, seed->dim) != 1)
    return cvk_fail(CVK_INVALID_SHAPE, "dropout_train: the seed has %lld elements, it is one number", (long long)cvk_count(seed->rank, seed->dim));
  cvk_status s = cvk_require_dtype(call, 0, 2, floats);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 1, &i64);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "dropout_train: output", x->dtype, x->rank, x->dim) : s;
}

cvk_status cvk_ref_dropout_train(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_dropout_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0];
  const int64_t count = cvk_count(x->rank, x->dim);
  const double scale = 1 / (1 - (double)a->ratio);
  int64_t seed;
  memcpy(&seed, in[1], sizeof seed);
  for (int64_t done = 0; done < count; done += CVK_RUN) {
    const int64_t n = count - done < CVK_RUN ? count - done : CVK_RUN;
    double v[CVK_RUN];
    cvk_load_reals(x->dtype, in[0], done, 1, n, v);
    for (int64_t i = 0; i < n; i++) v[i] = cvk_dropout_keeps(seed, a->stream, a->ratio, done + i) ? v[i] * scale : 0;
    cvk_store_reals(x->dtype, out[0], done, 1, n, v);
  }
  return CVK_OK;
}

cvk_status cvk_grad_dropout_train(cvk_gradient *c) {
  const cvk_value in[2] = {c->gy[0], c->x[1]};
  c->gx[0] = cvk_grad_op(c, CVK_OP_DROPOUT_TRAIN, c->attr, 2, in);
  return c->status;
}

cvk_status cvk_grad_dropout(cvk_gradient *c) {
  c->gx[0] = c->gy[0];
  return c->status;
}

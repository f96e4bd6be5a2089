/* SPDX-License-Identifier: Apache-2.0 */
/* prelu.c: PRELU, y = x < 0 ? slope x : x (ONNX PRelu). The slope broadcasts to x's shape and never widens it. NaN stays. */
#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

cvk_status cvk_infer_prelu(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I32, CVK_I64, CVK_U32, CVK_U64};
  const cvk_tensor_desc *x = call->in[0], *slope = call->in[1];
  char tx[CVK_DIMS_TEXT], ts[CVK_DIMS_TEXT];
  const cvk_status s = cvk_require_dtype(call, 0, 8, types);
  if (s != CVK_OK) return s;
  if (slope->dtype != x->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "prelu: slope is %s, x is %s; both must be of one type", cvk_dtype_name(slope->dtype),
                    cvk_dtype_name(x->dtype));
  for (int32_t a = 0; a < slope->rank; a++) {
    const int32_t axis = x->rank - slope->rank + a;
    if (axis < 0 || (slope->dim[a] != 1 && slope->dim[a] != x->dim[axis]))
      return cvk_fail(CVK_INVALID_SHAPE, "prelu: slope of shape %s does not broadcast to x of shape %s",
                      cvk_dims_text(slope->rank, slope->dim, ts), cvk_dims_text(x->rank, x->dim, tx));
  }
  return cvk_desc_set(&call->out[0], "prelu: output", x->dtype, x->rank, x->dim);
}

static void run_reals(int32_t dtype, const cvk_walk *w, int64_t done, int64_t n, const void *const *in, void *y) {
  double x[CVK_RUN], slope[CVK_RUN];
  cvk_load_reals(dtype, in[0], w->offset[1] + done * w->step[1], w->step[1], n, x);
  cvk_load_reals(dtype, in[1], w->offset[2] + done * w->step[2], w->step[2], n, slope);
  for (int64_t i = 0; i < n; i++)
    if (x[i] < 0) x[i] *= slope[i];
  cvk_store_reals(dtype, y, w->offset[0] + done * w->step[0], w->step[0], n, x);
}

static void run_ints(int32_t dtype, const cvk_walk *w, int64_t done, int64_t n, const void *const *in, void *y) {
  int64_t x[CVK_RUN], slope[CVK_RUN];
  const int32_t is_signed = cvk_dtype_class(dtype) == CVK_CLASS_SIGNED;
  cvk_load_ints(dtype, in[0], w->offset[1] + done * w->step[1], w->step[1], n, x);
  cvk_load_ints(dtype, in[1], w->offset[2] + done * w->step[2], w->step[2], n, slope);
  for (int64_t i = 0; i < n; i++)
    if (is_signed && x[i] < 0) x[i] = (int64_t)((uint64_t)x[i] * (uint64_t)slope[i]);
  cvk_store_ints(dtype, y, w->offset[0] + done * w->step[0], w->step[0], n, x);
}

cvk_status cvk_ref_prelu(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *slope = op->in[1];
  cvk_walk w;
  if (out[0] == NULL) return CVK_OK;
  cvk_walk_begin(&w, x->rank, x->dim);
  cvk_walk_add_broadcast(&w, x->rank, x->dim);
  cvk_walk_add_broadcast(&w, x->rank, x->dim);
  cvk_walk_add_broadcast(&w, slope->rank, slope->dim);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    for (int64_t done = 0; done < w.run; done += CVK_RUN) {
      const int64_t n = w.run - done < CVK_RUN ? w.run - done : CVK_RUN;
      if (cvk_dtype_class(x->dtype) == CVK_CLASS_REAL)
        run_reals(x->dtype, &w, done, n, in, out[0]);
      else
        run_ints(x->dtype, &w, done, n, in, out[0]);
    }
  return CVK_OK;
}

/* The slope gets x where it counted, summed over what it was broadcast to. */
cvk_status cvk_grad_prelu(cvk_gradient *c) {
  const cvk_value x = c->x[0], gy = c->gy[0], zero = cvk_grad_scalar(c, c->in[0]->dtype, 0);
  const cvk_value below = cvk_grad_op2(c, CVK_OP_LESS, x, zero);
  if (c->wanted[0]) c->gx[0] = cvk_grad_where(c, below, cvk_grad_op2(c, CVK_OP_MUL, gy, c->x[1]), gy);
  if (c->wanted[1])
    c->gx[1] = cvk_grad_sum_to(c, cvk_grad_where(c, below, cvk_grad_op2(c, CVK_OP_MUL, gy, x), zero), &c->out[0], c->in[1]);
  return c->status;
}

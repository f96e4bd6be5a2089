/* SPDX-License-Identifier: Apache-2.0 */
/* cumulative.c: CUM_SUM and CUM_PROD, along one axis the sum or product of all elements up to each (ONNX CumSum, CumProd): without the
 * element itself where exclusive, from the end where reverse. Reals run in double, integers wrap. */
#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

cvk_status cvk_infer_cumulative(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16,
                                  CVK_I32, CVK_I64, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  const cvk_tensor_desc *x = call->in[0];
  cvk_cumulative_attr *attr = &call->attr->cumulative;
  int64_t axis = attr->axis;
  int32_t n;
  cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  if (s == CVK_OK) s = cvk_read_ints(call, 1, 1, &axis, &n);
  if (s == CVK_OK && n == 0) s = cvk_fail(CVK_INVALID_SHAPE, "%s: the axis (input 1) has no value", call->def->name);
  if (s == CVK_OK) s = cvk_axis_resolve(call->def->name, "axis", axis, x->rank, &attr->axis);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], call->def->name, x->dtype, x->rank, x->dim) : s;
}

/* n elements of x and y, `stride` apart, from `first` on. */
static void run_line(const cvk_op *op, const void *x, void *y, int64_t first, int64_t stride, int64_t n) {
  const int32_t dtype = op->in[0]->dtype, is_real = cvk_dtype_class(dtype) == CVK_CLASS_REAL, is_sum = op->kind == CVK_OP_CUM_SUM;
  const int32_t exclusive = ((const cvk_cumulative_attr *)op->attr)->exclusive != 0;
  double real[CVK_RUN], so_far = is_sum ? 0 : 1;
  int64_t whole[CVK_RUN];
  uint64_t int_so_far = is_sum ? 0 : 1;
  for (int64_t done = 0; done < n; done += CVK_RUN) {
    const int64_t run = n - done < CVK_RUN ? n - done : CVK_RUN, at = first + done * stride;
    if (is_real)
      cvk_load_reals(dtype, x, at, stride, run, real);
    else
      cvk_load_ints(dtype, x, at, stride, run, whole);
    for (int64_t i = 0; i < run && is_real; i++) {
      const double next = is_sum ? so_far + real[i] : so_far * real[i];
      real[i] = exclusive ? so_far : next;
      so_far = next;
    }
    for (int64_t i = 0; i < run && !is_real; i++) {
      const uint64_t next = is_sum ? int_so_far + (uint64_t)whole[i] : int_so_far * (uint64_t)whole[i];
      whole[i] = (int64_t)(exclusive ? int_so_far : next);
      int_so_far = next;
    }
    if (is_real)
      cvk_store_reals(dtype, y, at, stride, run, real);
    else
      cvk_store_ints(dtype, y, at, stride, run, whole);
  }
}

cvk_status cvk_ref_cumulative(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_cumulative_attr *attr = op->attr;
  if (out[0] == NULL || cvk_count(x->rank, x->dim) == 0) return CVK_OK;
  const int64_t n = x->rank > 0 ? x->dim[attr->axis] : 1, before = cvk_count(attr->axis, x->dim);
  const int64_t after = x->rank > 0 ? cvk_count(x->rank - attr->axis - 1, x->dim + attr->axis + 1) : 1;
  for (int64_t b = 0; b < before; b++)
    for (int64_t k = 0; k < after; k++) {
      const int64_t first = b * n * after + k;
      if (attr->reverse)
        run_line(op, in[0], out[0], first + (n - 1) * after, -after, n);
      else
        run_line(op, in[0], out[0], first, after, n);
    }
  return CVK_OK;
}

/* CUM_SUM: the sums from the other end. */
cvk_status cvk_grad_cum_sum(cvk_gradient *c) {
  cvk_cumulative_attr a = c->attr->cumulative;
  a.reverse = !a.reverse;
  c->gx[0] = cvk_grad_op(c, CVK_OP_CUM_SUM, &a, 1, c->gy);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* arg.c: ARG_MAX, ARG_MIN, the int64 index of the largest or smallest element along one axis (ONNX ArgMax, ArgMin). Of equal ones the
 * first, or the last where select_last_index says so; a NaN is beyond every number, as in NumPy. An axis without elements is INVALID_SHAPE,
 * unless the result has none either. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

void cvk_defaults_arg(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->arg.keep_dims = 1;
}

cvk_status cvk_infer_arg(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16,
                                  CVK_I32, CVK_I64, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  const cvk_tensor_desc *x = call->in[0];
  cvk_arg_attr *attr = &call->attr->arg;
  int64_t dim[CVK_MAX_RANK];
  int32_t rank = 0;
  cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  if (s == CVK_OK) s = cvk_axis_resolve(call->def->name, "axis", attr->axis, x->rank, &attr->axis);
  if (s != CVK_OK) return s;
  attr->keep_dims = attr->keep_dims != 0;
  attr->select_last_index = attr->select_last_index != 0;
  for (int32_t a = 0; a < x->rank; a++)
    if (a != attr->axis || attr->keep_dims) dim[rank++] = a == attr->axis ? 1 : x->dim[a];
  if (x->rank > 0 && x->dim[attr->axis] == 0 && cvk_count(rank, dim) != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: axis %d has no elements to choose from", call->def->name, attr->axis);
  return cvk_desc_set(&call->out[0], call->def->name, CVK_I64, rank, dim);
}

/* Whether b is chosen over the a before it. Equal ones are up to `last`. */
static int32_t real_wins(double a, double b, int32_t largest, int32_t last) {
  if (isnan(a)) return last && isnan(b);
  if (isnan(b) || (largest ? b > a : b < a)) return 1;
  return last && a == b;
}

static int32_t int_wins(int64_t a, int64_t b, int32_t is_unsigned, int32_t largest, int32_t last) {
  if (a == b) return last;
  const int32_t is_larger = is_unsigned ? (uint64_t)b > (uint64_t)a : b > a;
  return is_larger == largest;
}

/* Among n elements of x, `stride` apart, from `first` on. */
static int64_t choose(const cvk_op *op, const void *x, int64_t first, int64_t stride, int64_t n) {
  const int32_t dtype = op->in[0]->dtype, class = cvk_dtype_class(dtype);
  const int32_t largest = op->kind == CVK_OP_ARG_MAX, last = ((const cvk_arg_attr *)op->attr)->select_last_index;
  double real[CVK_RUN], best_real = 0;
  int64_t whole[CVK_RUN], best_whole = 0, index = 0;
  for (int64_t done = 0; done < n; done += CVK_RUN) {
    const int64_t run = n - done < CVK_RUN ? n - done : CVK_RUN;
    if (class == CVK_CLASS_REAL)
      cvk_load_reals(dtype, x, first + done * stride, stride, run, real);
    else
      cvk_load_ints(dtype, x, first + done * stride, stride, run, whole);
    for (int64_t i = 0; i < run; i++) {
      const int32_t wins =
          done + i == 0 || (class == CVK_CLASS_REAL ? real_wins(best_real, real[i], largest, last)
                                                    : int_wins(best_whole, whole[i], class == CVK_CLASS_UNSIGNED, largest, last));
      if (!wins) continue;
      index = done + i;
      if (class == CVK_CLASS_REAL)
        best_real = real[i];
      else
        best_whole = whole[i];
    }
  }
  return index;
}

cvk_status cvk_ref_arg(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const int32_t axis = ((const cvk_arg_attr *)op->attr)->axis;
  int64_t before = 1, after = 1;
  if (out[0] == NULL) return CVK_OK;
  for (int32_t a = 0; a < x->rank; a++) {
    if (a < axis) before *= x->dim[a];
    if (a > axis) after *= x->dim[a];
  }
  const int64_t n = x->rank > 0 ? x->dim[axis] : 1;
  int64_t *y = out[0];
  for (int64_t i = 0; i < before; i++)
    for (int64_t j = 0; j < after; j++) y[i * after + j] = choose(op, in[0], i * n * after + j, after, n);
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cast.c: CAST and CAST_LIKE between all element types (ONNX Cast, CastLike). To a float: to nearest even, once. Integer to integer keeps the
 * low bits. Float to integer, which ONNX leaves open beyond the type's range, truncates and saturates; NaN gives 0; integers of 4 and 2 bits
 * keep the low bits. To bool: v != 0. From bool: 0 or 1. Floats of 8 bits: by ONNX's tables, CAST_LIKE with their defaults. */
#include <math.h>

#include "element.h"
#include "float8.h"
#include "ops_internal.h"
#include "train/gradient.h"

cvk_status cvk_infer_cast(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  const int32_t dtype = call->attr->cast.dtype;
  if (cvk_dtype_bytes(dtype) == 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "cast: dtype is %d, allowed an element type (1 float32, 7 int64, ...: ONNX's numbers)", dtype);
  if (call->attr->cast.rounding < CVK_ROUND_UP || call->attr->cast.rounding > CVK_ROUND_NEAREST)
    return cvk_fail(CVK_INVALID_ARGUMENT, "cast: rounding is %d, allowed 0 (up), 1 (down) and 2 (nearest)", call->attr->cast.rounding);
  return cvk_desc_set(&call->out[0], "cast: output", dtype, x->rank, x->dim);
}

cvk_status cvk_infer_cast_like(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  return cvk_desc_set(&call->out[0], "cast_like: output", call->in[1]->dtype, x->rank, x->dim);
}

/* uint64 values with the top bit set, which the signed way cannot carry: the lowest kept bit stands for those cut, so that the narrowing
 * that follows still rounds rightly (53 bits are kept, more than twice a float's and two). */
static double wide_unsigned_to_real(uint64_t v) {
  return ldexp((double)(v >> 11 | (uint64_t)((v & 0x7ff) != 0)), 11);
}

static void from_reals(int32_t from, int32_t to, const void *x, void *y, int64_t first, int64_t n) {
  double v[CVK_RUN];
  cvk_load_reals(from, x, first, 1, n, v);
  cvk_store_reals(to, y, first, 1, n, v);
}

static void from_ints(int32_t from, int32_t to, const void *x, void *y, int64_t first, int64_t n) {
  int64_t v[CVK_RUN];
  cvk_load_ints(from, x, first, 1, n, v);
  cvk_store_ints(to, y, first, 1, n, v);
  if (from != CVK_U64 || cvk_dtype_class(to) != CVK_CLASS_REAL) return;
  for (int64_t i = 0; i < n; i++)
    if (v[i] < 0) cvk_store_real(to, y, first + i, to == CVK_F64 ? (double)(uint64_t)v[i] : wide_unsigned_to_real((uint64_t)v[i]));
}

/* From any type to a float of 8 or 4 bits. Of integers beyond 2^53 the lowest bits do not count, which CVK_F8E8M0 alone could notice. */
static void to_float8(const cvk_op *op, const void *x, uint8_t *y, int64_t first, int64_t n) {
  const cvk_cast_attr *attr = op->kind == CVK_OP_CAST ? op->attr : NULL;
  double v[CVK_RUN];
  cvk_load_reals(op->in[0]->dtype, x, first, 1, n, v);
  for (int64_t i = 0; i < n; i++)
    y[first + i] = cvk_double_to_float8(op->out[0]->dtype, v[i], attr ? attr->overflow : 0, attr ? attr->rounding : CVK_ROUND_UP);
}

cvk_status cvk_ref_cast(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int64_t count = cvk_count(x->rank, x->dim);
  if (x->dtype == y->dtype) return cvk_ref_copy(op, in, out); /* bit for bit, NaN payloads included */
  void (*const convert)(int32_t, int32_t, const void *, void *, int64_t, int64_t) =
      cvk_dtype_class(x->dtype) == CVK_CLASS_REAL ? from_reals : from_ints;
  for (int64_t first = 0; out[0] != NULL && first < count; first += CVK_RUN) {
    const int64_t n = count - first < CVK_RUN ? count - first : CVK_RUN;
    if (cvk_is_float8(y->dtype))
      to_float8(op, in[0], out[0], first, n);
    else
      convert(x->dtype, y->dtype, in[0], out[0], first, n);
  }
  return CVK_OK;
}

static int32_t is_float(int32_t dtype) {
  return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

/* From a float to a float: the gradient in x's type. All other casts jump. */
cvk_status cvk_grad_cast(cvk_gradient *c) {
  const cvk_cast_attr a = {.struct_size = sizeof a, .dtype = c->in[0]->dtype};
  if (c->wanted[0] && is_float(c->in[0]->dtype)) c->gx[0] = cvk_grad_op(c, CVK_OP_CAST, &a, 1, c->gy);
  return c->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* range.c: RANGE, the numbers start, start + delta, ... before limit (ONNX Range). The three are single values of one type, read when the
 * op is prepared, since they say the extent. Element i is start + i delta, integers exactly, reals in double and rounded once. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

enum { START, LIMIT, DELTA, VALUES };
static const char *const names[VALUES] = {"start", "limit", "delta"};

#define MOST 9223372036854775807.0 /* 2^63 as a double: the first count that is too large */

static cvk_status count_reals(const cvk_op_call *call, int64_t *n) {
  const int32_t dtype = call->in[START]->dtype;
  double v[VALUES];
  for (int32_t i = 0; i < VALUES; i++) {
    v[i] = cvk_load_real(dtype, call->in[i]->const_data, 0);
    if (!isfinite(v[i])) return cvk_fail(CVK_INVALID_ARGUMENT, "range: %s is %g, must be finite", names[i], v[i]);
  }
  if (v[DELTA] == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "range: delta is 0");
  const double count = ceil((v[LIMIT] - v[START]) / v[DELTA]);
  if (count >= MOST)
    return cvk_fail(CVK_SIZE_OVERFLOW, "range: %g to %g by %g has more than 2^63-1 elements", v[START], v[LIMIT], v[DELTA]);
  *n = count > 0 ? (int64_t)count : 0;
  return CVK_OK;
}

/* In unsigned numbers, which hold every difference of two int64. */
static cvk_status count_ints(const cvk_op_call *call, int64_t *n) {
  const int32_t dtype = call->in[START]->dtype;
  int64_t v[VALUES];
  for (int32_t i = 0; i < VALUES; i++) cvk_load_ints(dtype, call->in[i]->const_data, 0, 1, 1, &v[i]);
  if (v[DELTA] == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "range: delta is 0");
  const int32_t rises = v[DELTA] > 0;
  *n = 0;
  if (rises ? v[START] >= v[LIMIT] : v[START] <= v[LIMIT]) return CVK_OK;
  const uint64_t way = rises ? (uint64_t)v[LIMIT] - (uint64_t)v[START] : (uint64_t)v[START] - (uint64_t)v[LIMIT];
  const uint64_t step = rises ? (uint64_t)v[DELTA] : 0 - (uint64_t)v[DELTA];
  const uint64_t count = way / step + (way % step != 0);
  if (count > INT64_MAX)
    return cvk_fail(CVK_SIZE_OVERFLOW, "range: %lld to %lld by %lld has more than 2^63-1 elements", (long long)v[START],
                    (long long)v[LIMIT], (long long)v[DELTA]);
  *n = (int64_t)count;
  return CVK_OK;
}

cvk_status cvk_infer_range(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I16, CVK_I32, CVK_I64};
  const int32_t dtype = call->in[START]->dtype;
  char text[CVK_DIMS_TEXT];
  int64_t n = 0;
  cvk_status s = cvk_require_dtype(call, START, (int32_t)(sizeof types / sizeof *types), types);
  for (int32_t i = 0; s == CVK_OK && i < VALUES; i++) {
    const cvk_tensor_desc *d = call->in[i];
    if (d->dtype != dtype)
      s = cvk_fail(CVK_INVALID_ARGUMENT, "range: %s is %s, start is %s; all must be of one type", names[i], cvk_dtype_name(d->dtype),
                   cvk_dtype_name(dtype));
    else if (cvk_count(d->rank, d->dim) != 1)
      s = cvk_fail(CVK_INVALID_SHAPE, "range: %s has shape %s, must be one value", names[i], cvk_dims_text(d->rank, d->dim, text));
    else if (d->const_data == NULL)
      s = cvk_fail(CVK_UNSUPPORTED, "range: the value of %s (input %d) must be known when the op is prepared", names[i], i);
  }
  if (s == CVK_OK) s = cvk_dtype_class(dtype) == CVK_CLASS_REAL ? count_reals(call, &n) : count_ints(call, &n);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "range: output", dtype, 1, &n) : s;
}

static const void *value_of(const cvk_op *op, const void *const *in, int32_t i) {
  return in[i] != NULL ? in[i] : op->in[i]->const_data;
}

cvk_status cvk_ref_range(const cvk_op *op, const void *const *in, void *const *out) {
  const int32_t dtype = op->in[START]->dtype, is_real = cvk_dtype_class(dtype) == CVK_CLASS_REAL;
  const void *const start = value_of(op, in, START), *const delta = value_of(op, in, DELTA);
  const double first_real = cvk_load_real(dtype, start, 0), step_real = cvk_load_real(dtype, delta, 0);
  int64_t first_int, step_int, whole[CVK_RUN];
  double real[CVK_RUN];
  if (out[0] == NULL) return CVK_OK;
  cvk_load_ints(dtype, start, 0, 1, 1, &first_int);
  cvk_load_ints(dtype, delta, 0, 1, 1, &step_int);
  for (int64_t done = 0; done < op->out[0]->dim[0]; done += CVK_RUN) {
    const int64_t n = op->out[0]->dim[0] - done < CVK_RUN ? op->out[0]->dim[0] - done : CVK_RUN;
    for (int64_t i = 0; i < n; i++) {
      if (is_real)
        real[i] = first_real + (double)(done + i) * step_real;
      else
        whole[i] = (int64_t)((uint64_t)first_int + (uint64_t)(done + i) * (uint64_t)step_int);
    }
    if (is_real)
      cvk_store_reals(dtype, out[0], done, 1, n, real);
    else
      cvk_store_ints(dtype, out[0], done, 1, n, whole);
  }
  return CVK_OK;
}

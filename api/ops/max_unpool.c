/* SPDX-License-Identifier: Apache-2.0 */
/* max_unpool.c: MAX_UNPOOL (ONNX MaxUnpool): x's elements at the places that indices say, zeros elsewhere; of several for one place the
 * last. An index counts cells of the whole tensor that was pooled, (in - 1) stride + kernel - pads along each spatial axis; where input 2
 * asks for a larger output, that tensor is its beginning. Any element type; an index outside is INVALID_ARGUMENT when the op runs. */
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "window.h"

enum { OUTPUT_SHAPE = 2 }; /* input */

static cvk_window_params params_of(cvk_pool_attr *a) {
  return (cvk_window_params){&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
}

/* The extent along spatial axis i of the tensor that was pooled to x. */
static cvk_status pooled_extent(const cvk_tensor_desc *x, const cvk_pool_attr *a, int32_t i, int64_t *out) {
  int64_t last;
  if (__builtin_mul_overflow(x->dim[i + 2] - 1, a->stride[i], &last) || __builtin_add_overflow(last, a->kernel[i], out) ||
      __builtin_sub_overflow(*out, a->pad_begin[i], out) || __builtin_sub_overflow(*out, a->pad_end[i], out))
    return cvk_fail(CVK_SIZE_OVERFLOW, "max_unpool: axis %d of extent %lld with stride %lld and kernel %lld exceeds 2^63-1", i + 2,
                    (long long)x->dim[i + 2], (long long)a->stride[i], (long long)a->kernel[i]);
  if (*out < 0 || (*out == 0 && x->dim[i + 2] > 0))
    return cvk_fail(CVK_INVALID_SHAPE,
                    "max_unpool: axis %d of extent %lld with stride %lld, kernel %lld, pads %lld and %lld would be %lld long", i + 2,
                    (long long)x->dim[i + 2], (long long)a->stride[i], (long long)a->kernel[i], (long long)a->pad_begin[i],
                    (long long)a->pad_end[i], (long long)*out);
  return CVK_OK;
}

static cvk_status pooled_shape(const cvk_tensor_desc *x, const cvk_pool_attr *a, int64_t *dim) {
  cvk_status s = CVK_OK;
  dim[0] = x->dim[0];
  dim[1] = x->dim[1];
  for (int32_t i = 0; s == CVK_OK && i < x->rank - 2; i++)
    s = x->dim[i + 2] == 0 ? (dim[i + 2] = 0, CVK_OK) : pooled_extent(x, a, i, &dim[i + 2]);
  return s;
}

/* Input 2, where given, in place of the pooled shape, which it must hold. */
static cvk_status read_shape(const cvk_op_call *call, int64_t *dim) {
  const int32_t rank = call->in[0]->rank;
  int64_t given[CVK_MAX_RANK];
  int32_t n;
  const cvk_status s = cvk_read_ints(call, OUTPUT_SHAPE, CVK_MAX_RANK, given, &n);
  if (s != CVK_OK || n < 0) return s;
  if (n != rank) return cvk_fail(CVK_INVALID_SHAPE, "max_unpool: the output shape has %d extents, x has rank %d", n, rank);
  for (int32_t i = 0; i < rank; i++) {
    if (given[i] < dim[i] || (i < 2 && given[i] != dim[i]))
      return cvk_fail(CVK_INVALID_SHAPE, "max_unpool: the output shape asks for %lld on axis %d, where the pooled tensor has %lld",
                      (long long)given[i], i, (long long)dim[i]);
    dim[i] = given[i];
  }
  return CVK_OK;
}

cvk_status cvk_infer_max_unpool(cvk_op_call *call) {
  static const int32_t index_types[] = {CVK_I64};
  const cvk_tensor_desc *x = call->in[0], *indices = call->in[1];
  cvk_pool_attr *a = &call->attr->pool;
  const cvk_window_params p = params_of(a);
  int64_t dim[CVK_MAX_RANK], extent[CVK_MAX_SPATIAL];
  char tx[CVK_DIMS_TEXT], ti[CVK_DIMS_TEXT];
  if (x->rank < 3) return cvk_fail(CVK_INVALID_SHAPE, "max_unpool: x has rank %d, allowed 3 to %d", x->rank, CVK_MAX_RANK);
  if (indices->rank != x->rank || memcmp(indices->dim, x->dim, (size_t)x->rank * sizeof *x->dim) != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "max_unpool: x has shape %s, the indices %s", cvk_dims_text(x->rank, x->dim, tx),
                    cvk_dims_text(indices->rank, indices->dim, ti));
  cvk_status s = cvk_require_dtype(call, 1, 1, index_types);
  if (s == CVK_OK && a->auto_pad != CVK_PAD_EXPLICIT)
    s = cvk_fail(CVK_INVALID_ARGUMENT, "max_unpool: auto_pad is %d, allowed 0", a->auto_pad);
  if (s == CVK_OK) s = cvk_window_check("max_unpool", x->rank - 2, &p, extent);
  for (int32_t i = 0; s == CVK_OK && i < x->rank - 2; i++)
    if (a->dilation[i] != 1)
      s = cvk_fail(CVK_INVALID_ARGUMENT, "max_unpool: dilation %lld on axis %d, allowed 1", (long long)a->dilation[i], i + 2);
  if (s == CVK_OK) s = pooled_shape(x, a, dim);
  if (s == CVK_OK) s = read_shape(call, dim);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "max_unpool: output", x->dtype, x->rank, dim) : s;
}

cvk_status cvk_ref_max_unpool(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  const int64_t *indices = in[1], n = cvk_count(x->rank, x->dim);
  int64_t dim[CVK_MAX_RANK];
  if (out[0] == NULL) return CVK_OK;
  const cvk_status s = pooled_shape(x, op->attr, dim);
  const int64_t cells = cvk_count(x->rank, dim);
  if (s != CVK_OK) return s;
  memset(out[0], 0, (size_t)cvk_count(y->rank, y->dim) * bytes);
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = indices[i], to = 0, step = 1;
    if (rest < 0 || rest >= cells)
      return cvk_fail(CVK_INVALID_ARGUMENT, "max_unpool: index %lld (entry %lld) is outside the pooled tensor, allowed 0 to %lld",
                      (long long)rest, (long long)i, (long long)(cells - 1));
    for (int32_t a = x->rank - 1; a >= 0; step *= y->dim[a--]) {
      to += rest % dim[a] * step;
      rest /= dim[a];
    }
    memcpy((char *)out[0] + (uint64_t)to * bytes, (const char *)in[0] + (uint64_t)i * bytes, (size_t)bytes);
  }
  return CVK_OK;
}

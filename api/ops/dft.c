/* SPDX-License-Identifier: Apache-2.0 */
/* dft.c: DFT, the discrete Fourier transform of x along one axis, and back (ONNX DFT). The last axis holds real and imaginary parts, or
 * real ones alone. One-sided: of a real signal the first half of its spectrum and the point in the middle, and back from these. In double,
 * by the definition: length times points multiply-adds a line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "ops_internal.h"

#define PI 3.14159265358979323846

void cvk_defaults_dft(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->dft.axis = -2;
}

static int64_t half(int64_t length) {
  return length / 2 + 1;
}

cvk_status cvk_infer_dft(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[0];
  cvk_dft_attr *attr = &call->attr->dft;
  int64_t dim[CVK_MAX_RANK], axis = attr->axis;
  int32_t n_length, n_axis;
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "dft: x has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  if (s == CVK_OK) s = cvk_read_ints(call, 1, 1, &attr->length, &n_length);
  if (s == CVK_OK) s = cvk_read_ints(call, 2, 1, &axis, &n_axis);
  if (s == CVK_OK) s = cvk_axis_resolve("dft", "axis", axis, x->rank, &attr->axis);
  if (s != CVK_OK) return s;
  const int32_t last = x->rank - 1, to_real = attr->inverse && attr->onesided, from_real = !attr->inverse && attr->onesided;
  const int64_t parts = x->dim[last], extent = x->dim[attr->axis];
  if (attr->axis == last)
    return cvk_fail(CVK_INVALID_ARGUMENT, "dft: axis %d is the last one, which holds real and imaginary parts", attr->axis);
  if (n_length == 0 || n_axis == 0)
    return cvk_fail(CVK_INVALID_SHAPE, "dft: %s has no value", n_length == 0 ? "the length (input 1)" : "the axis (input 2)");
  if (parts != 1 && parts != 2)
    return cvk_fail(CVK_INVALID_SHAPE, "dft: x has extent %lld on its last axis, must be 1 or 2", (long long)parts);
  if ((from_real && parts != 1) || (to_real && parts != 2))
    return cvk_fail(CVK_INVALID_SHAPE, "dft: x has %lld parts on its last axis, one-sided %s takes %d", (long long)parts,
                    to_real ? "back from a spectrum" : "to a spectrum", to_real ? 2 : 1);
  if (attr->length == 0 && n_length < 0) attr->length = !to_real ? extent : extent > INT64_MAX / 2 ? INT64_MAX : 2 * (extent - 1);
  if (attr->length < 1) return cvk_fail(CVK_INVALID_ARGUMENT, "dft: length is %lld, must be at least 1", (long long)attr->length);
  memcpy(dim, x->dim, sizeof dim);
  dim[attr->axis] = from_real ? half(attr->length) : attr->length;
  dim[last] = to_real ? 1 : 2;
  return cvk_desc_set(&call->out[0], "dft: output", x->dtype, x->rank, dim);
}

/* All of a transform: its points, and the unit circle, `length` of each. */
typedef struct transform {
  int64_t length;
  double *real, *imaginary, *cosine, *sine;
} transform;

/* Of n points from element `first` on, `stride` apart, as many as the transform has; the rest is zero. */
static void load_line(const transform *t, const cvk_tensor_desc *x, const void *data, int64_t first, int64_t stride, int64_t n,
                      int32_t mirrored) {
  const int64_t most = mirrored ? half(t->length) : t->length, taken = n < most ? n : most;
  memset(t->real, 0, (size_t)t->length * sizeof *t->real);
  memset(t->imaginary, 0, (size_t)t->length * sizeof *t->imaginary);
  cvk_load_reals(x->dtype, data, first, stride, taken, t->real);
  if (x->dim[x->rank - 1] == 2) cvk_load_reals(x->dtype, data, first + 1, stride, taken, t->imaginary);
  for (int64_t k = 1; mirrored && t->length - k > t->length / 2; k++) { /* the other half of a real signal's spectrum */
    t->real[t->length - k] = t->real[k];
    t->imaginary[t->length - k] = -t->imaginary[k];
  }
}

/* Point k: the sum of all points times exp(sign 2 pi i k n / length). */
static void sum_point(const transform *t, int64_t k, double sign, double *real, double *imaginary) {
  int64_t at = 0; /* k n modulo length */
  *real = *imaginary = 0;
  for (int64_t n = 0; n < t->length; n++) {
    const double c = t->cosine[at], s = sign * t->sine[at];
    *real += t->real[n] * c - t->imaginary[n] * s;
    *imaginary += t->real[n] * s + t->imaginary[n] * c;
    at = at >= t->length - k ? at - (t->length - k) : at + k;
  }
}

cvk_status cvk_ref_dft(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const cvk_dft_attr *attr = op->attr;
  if (out[0] == NULL || cvk_count(y->rank, y->dim) == 0) return CVK_OK;
  const int32_t last = x->rank - 1, mirrored = attr->inverse && attr->onesided;
  const int64_t before = cvk_count(attr->axis, x->dim), between = cvk_count(last - attr->axis - 1, x->dim + attr->axis + 1);
  const int64_t from_points = x->dim[attr->axis], to_points = y->dim[attr->axis], from_parts = x->dim[last], to_parts = y->dim[last];
  const double scale = attr->inverse ? 1 / (double)attr->length : 1;
  double *memory = calloc((size_t)attr->length, 4 * sizeof *memory);
  if (memory == NULL) return cvk_fail(CVK_NO_MEMORY, "dft: no memory for %lld points", (long long)attr->length);
  const transform t = {attr->length, memory, memory + attr->length, memory + 2 * attr->length, memory + 3 * attr->length};
  for (int64_t n = 0; n < t.length; n++) {
    t.cosine[n] = cos(2 * PI * (double)n / (double)t.length);
    t.sine[n] = sin(2 * PI * (double)n / (double)t.length);
  }
  for (int64_t line = 0; line < before * between; line++) {
    const int64_t b = line / between, m = line % between;
    load_line(&t, x, in[0], (b * from_points * between + m) * from_parts, between * from_parts, from_points, mirrored);
    for (int64_t k = 0; k < to_points; k++) {
      double value[2];
      sum_point(&t, k, attr->inverse ? 1 : -1, &value[0], &value[1]);
      for (int64_t p = 0; p < to_parts; p++)
        cvk_store_real(y->dtype, out[0], ((b * to_points + k) * between + m) * to_parts + p, value[p] * scale);
    }
  }
  free(memory);
  return CVK_OK;
}

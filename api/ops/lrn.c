/* SPDX-License-Identifier: Apache-2.0 */
/* lrn.c: LRN, https://onnx.ai/onnx/operators/onnx__LRN.html: y = x / (bias + alpha / size * s)^beta, s the sum of squares over the channels
 * c - floor((size-1)/2) .. c + ceil((size-1)/2) that exist: of an even size the odd channel lies on the upper side. */
#include <math.h>
#include <stdlib.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

void cvk_defaults_lrn(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->norm.alpha = 1e-4f;
  a->norm.beta = 0.75f;
  a->norm.bias = 1.0f;
}

cvk_status cvk_infer_lrn(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[0];
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "lrn: input has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  if (call->attr->norm.size < 1) return cvk_fail(CVK_INVALID_ARGUMENT, "lrn: size is %lld, allowed >= 1", (long long)call->attr->norm.size);
  const cvk_status s = cvk_require_dtype(call, 0, sizeof floats / sizeof *floats, floats);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "lrn: output", x->dtype, x->rank, x->dim) : s;
}

/* n cells of channel c; x_at and stride: the cells' place in channel 0, elements from one channel to the next. */
static void run_cells(const cvk_op *op, const void *x, void *y, int64_t x_at, int64_t stride, int64_t c, int64_t n) {
  const cvk_norm_attr *a = op->attr;
  const int64_t channels = op->in[0]->dim[1], below = (a->size - 1) / 2, above = a->size - 1 - below;
  const int64_t first = c > below ? c - below : 0, last = channels - 1 - c > above ? c + above : channels - 1;
  const int32_t dtype = op->in[0]->dtype;
  double sum[CVK_RUN] = {0}, v[CVK_RUN];
  for (int64_t k = first; k <= last; k++) {
    cvk_load_reals(dtype, x, x_at + k * stride, 1, n, v);
    for (int64_t i = 0; i < n; i++) sum[i] += v[i] * v[i];
  }
  cvk_load_reals(dtype, x, x_at + c * stride, 1, n, v);
  for (int64_t i = 0; i < n; i++) v[i] /= pow((double)a->bias + (double)a->alpha / (double)a->size * sum[i], (double)a->beta);
  cvk_store_reals(dtype, y, x_at + c * stride, 1, n, v);
}

cvk_status cvk_ref_lrn(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  if (cvk_count(x->rank, x->dim) == 0) return CVK_OK;
  const int64_t channels = x->dim[1], cells = cvk_count(x->rank - 2, x->dim + 2);
  for (int64_t image = 0; image < x->dim[0]; image++)
    for (int64_t c = 0; c < channels; c++)
      for (int64_t done = 0; done < cells; done += CVK_RUN)
        run_cells(op, in[0], out[0], image * channels * cells + done, cells, c, cells - done < CVK_RUN ? cells - done : CVK_RUN);
  return CVK_OK;
}

/* The sums over windows are a band matrix B times the channels: u = bias + k B x^2, k = alpha / size, y = x u^-beta, and
 * gx = gy u^-beta - 2 k beta x B' (gy y / u). */
cvk_status cvk_grad_lrn(cvk_gradient *c) {
  const cvk_norm_attr *a = &c->attr->norm;
  const cvk_tensor_desc *x = c->in[0];
  const int64_t n = x->dim[1], below = (a->size - 1) / 2, above = a->size - 1 - below, square[2] = {n, n}, cells = cvk_count(2, square);
  const double k = (double)a->alpha / (double)a->size, beta = (double)a->beta;
  double *band = cells < 0 || cells > INT64_MAX / 32 ? NULL : calloc(2 * (size_t)cells + 1, sizeof *band);
  if (band == NULL) return cvk_fail(CVK_NO_MEMORY, "lrn: no memory for the windows of its gradient over %lld channels", (long long)n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) band[i * n + j] = band[cells + j * n + i] = j >= i - below && j - i <= above;
  const cvk_value m = cvk_grad_matrix(c, x->dtype, n, n, band), back = cvk_grad_matrix(c, x->dtype, n, n, band + cells);
  free(band);
  const cvk_value sums = cvk_grad_along(c, cvk_grad_op2(c, CVK_OP_MUL, c->x[0], c->x[0]), x, 1, m, n);
  const cvk_value u = cvk_grad_op2(c, CVK_OP_ADD, cvk_grad_times(c, sums, x->dtype, k), cvk_grad_scalar(c, x->dtype, (double)a->bias));
  const cvk_value power = cvk_grad_op2(c, CVK_OP_POW, u, cvk_grad_scalar(c, x->dtype, -beta));
  const cvk_value through = cvk_grad_along(c, cvk_grad_op2(c, CVK_OP_DIV, cvk_grad_op2(c, CVK_OP_MUL, c->gy[0], c->y[0]), u), x, 1, back, n);
  const cvk_value others = cvk_grad_times(c, cvk_grad_op2(c, CVK_OP_MUL, c->x[0], through), x->dtype, 2 * k * beta);
  c->gx[0] = cvk_grad_op2(c, CVK_OP_SUB, cvk_grad_op2(c, CVK_OP_MUL, c->gy[0], power), others);
  return c->status;
}

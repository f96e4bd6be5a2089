/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad.c: CONV_GRAD_WEIGHT: x [N,C,spatial] and gy [N,M,spatial] of a CONV -> gw [M,C/group,kernel], gb [M] or absent. An element of gw
 * is the sum of x gy over all pairs that the convolution multiplied with that weight; the attribute is the convolution's, kernel given. */
#include "conv_internal.h"
#include "element.h"
#include "train/gradient.h"
#include "window.h"

static cvk_window_params params_of(cvk_conv_attr *a) {
  return (cvk_window_params){&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
}

cvk_status cvk_infer_conv_grad_weight(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64};
  cvk_conv_attr *a = &call->attr->conv;
  const cvk_tensor_desc *x = call->in[0], *gy = call->in[1];
  const cvk_window_params p = params_of(a);
  int64_t out[CVK_MAX_SPATIAL], dim[CVK_MAX_RANK] = {gy->dim[1]};
  char text[CVK_DIMS_TEXT];
  if (a->group == 0) a->group = 1;
  if (x->rank < 3 || x->rank > 5 || gy->rank != x->rank)
    return cvk_fail(CVK_INVALID_SHAPE, "conv_grad_weight: x has rank %d and gy %d, allowed 3 to 5, both alike", x->rank, gy->rank);
  if (a->group < 1 || x->dim[1] % a->group != 0 || gy->dim[1] % a->group != 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "conv_grad_weight: %lld and %lld channels do not divide into %lld groups", (long long)x->dim[1],
                    (long long)gy->dim[1], (long long)a->group);
  if (a->activation != 0) return cvk_fail(CVK_INVALID_ARGUMENT, "conv_grad_weight: activation is %d, it takes none", a->activation);
  cvk_status s = cvk_require_dtype(call, 0, 2, floats);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 1, &x->dtype);
  if (s == CVK_OK) s = cvk_window_resolve("conv_grad_weight", x->rank - 2, x->dim + 2, &p, NULL, out);
  if (s != CVK_OK) return s;
  int32_t fits = gy->dim[0] == x->dim[0];
  for (int32_t i = 0; i < x->rank - 2; i++) fits &= gy->dim[i + 2] == out[i];
  if (!fits)
    return cvk_fail(CVK_INVALID_SHAPE, "conv_grad_weight: gy has shape %s, which this convolution does not give",
                    cvk_dims_text(gy->rank, gy->dim, text));
  dim[1] = x->dim[1] / a->group;
  for (int32_t i = 0; i < x->rank - 2; i++) dim[i + 2] = a->kernel[i];
  s = cvk_desc_set(&call->out[0], "conv_grad_weight: gw", x->dtype, x->rank, dim);
  return s == CVK_OK && call->n_out > 1 ? cvk_desc_set(&call->out[1], "conv_grad_weight: gb", x->dtype, 1, dim) : s;
}

typedef struct grad_run {
  cvk_window win;
  int32_t dtype;
  int64_t batch, channels, filters, group; /* channels of x, of gy */
  const void *x, *gy;
} grad_run;

/* The sums of the kernel columns k0 .. k0 + n of one (filter, channel, kd, kh). */
static void sum_columns(const grad_run *r, int64_t m, int64_t c, int64_t kd, int64_t kh, int64_t k0, int64_t n, double *sum) {
  const cvk_window *w = &r->win;
  double cells[CVK_RUN], grads[CVK_RUN];
  int64_t d0, d1, h0, h1;
  cvk_window_span(w, 0, kd, &d0, &d1);
  cvk_window_span(w, 1, kh, &h0, &h1);
  for (int64_t i = 0; i < r->batch; i++) {
    for (int64_t od = d0; od < d1; od++) {
      for (int64_t oh = h0; oh < h1; oh++) {
        const int64_t id = od * w->stride[0] - w->begin[0] + kd * w->dilation[0], ih = oh * w->stride[1] - w->begin[1] + kh * w->dilation[1];
        const int64_t x_row = (i * r->channels + c) * w->in_cells + (id * w->in[1] + ih) * w->in[2];
        const int64_t y_row = (i * r->filters + m) * w->out_cells + (od * w->out[1] + oh) * w->out[2];
        for (int64_t first = 0; first < w->out[2]; first += CVK_RUN) {
          const int64_t run = w->out[2] - first < CVK_RUN ? w->out[2] - first : CVK_RUN;
          cvk_load_reals(r->dtype, r->gy, y_row + first, 1, run, grads);
          for (int64_t k = k0; k < k0 + n; k++) {
            int64_t lo, hi;
            cvk_window_span(w, 2, k, &lo, &hi);
            lo = lo < first ? first : lo;
            hi = hi > first + run ? first + run : hi;
            if (lo >= hi) continue;
            cvk_load_reals(r->dtype, r->x, x_row + lo * w->stride[2] - w->begin[2] + k * w->dilation[2], w->stride[2], hi - lo, cells);
            for (int64_t j = 0; j < hi - lo; j++) sum[k - k0] += cells[j] * grads[lo - first + j];
          }
        }
      }
    }
  }
}

static double sum_filter(const grad_run *r, int64_t m) {
  double v[CVK_RUN], sum = 0;
  for (int64_t i = 0; i < r->batch; i++) {
    for (int64_t done = 0; done < r->win.out_cells; done += CVK_RUN) {
      const int64_t n = r->win.out_cells - done < CVK_RUN ? r->win.out_cells - done : CVK_RUN;
      cvk_load_reals(r->dtype, r->gy, (i * r->filters + m) * r->win.out_cells + done, 1, n, v);
      for (int64_t j = 0; j < n; j++) sum += v[j];
    }
  }
  return sum;
}

cvk_status cvk_ref_conv_grad_weight(const cvk_op *op, const void *const *in, void *const *out) {
  cvk_conv_attr a = *(const cvk_conv_attr *)op->attr;
  const cvk_tensor_desc *x = op->in[0], *gy = op->in[1];
  const cvk_window_params p = params_of(&a);
  const grad_run r = {cvk_window_of(x, gy, &p), x->dtype, x->dim[0], x->dim[1], gy->dim[1], a.group, in[0], in[1]};
  const int64_t channels = x->dim[1] / a.group, filters = gy->dim[1] / a.group, rows = r.win.kernel[0] * r.win.kernel[1];
  for (int64_t m = 0; out[0] && m < r.filters; m++) {
    for (int64_t c = 0; c < channels; c++) {
      for (int64_t row = 0; row < rows; row++) {
        for (int64_t k0 = 0; k0 < r.win.kernel[2]; k0 += CVK_RUN) {
          const int64_t n = r.win.kernel[2] - k0 < CVK_RUN ? r.win.kernel[2] - k0 : CVK_RUN;
          double sum[CVK_RUN] = {0};
          sum_columns(&r, m, m / filters * channels + c, row / r.win.kernel[1], row % r.win.kernel[1], k0, n, sum);
          cvk_store_reals(r.dtype, out[0], ((m * channels + c) * rows + row) * r.win.kernel[2] + k0, 1, n, sum);
        }
      }
    }
  }
  for (int64_t m = 0; op->n_out > 1 && out[1] && m < r.filters; m++) cvk_store_real(r.dtype, out[1], m, sum_filter(&r, m));
  return CVK_OK;
}

/* The weights' gradient is linear in x and in gy: with g in the place of the weights, gy's gradient is the convolution of x, and x's the transposed
 * one of gy. The bias' gradient adds each filter's g to gy's. */
cvk_status cvk_grad_conv_grad_weight(cvk_gradient *c) {
  const cvk_tensor_desc *gy = c->in[1];
  const cvk_value g = c->gy[0], g_bias = c->n_out > 1 ? c->gy[1] : CVK_NO_VALUE, in[3] = {c->x[0], g, g_bias};
  cvk_tensor_desc column = {.struct_size = sizeof column, .dtype = gy->dtype, .rank = gy->rank - 1, .dim = {gy->dim[1], 1, 1, 1}};
  if (c->wanted[0] && g != CVK_NO_VALUE) c->gx[0] = cvk_conv_back(c, &c->attr->conv, c->in[0], c->x[1], g);
  if (c->wanted[1] && g != CVK_NO_VALUE) c->gx[1] = cvk_grad_op(c, CVK_OP_CONV, &c->attr->conv, g_bias == CVK_NO_VALUE ? 2 : 3, in);
  else if (c->wanted[1]) c->gx[1] = cvk_grad_expand(c, cvk_grad_reshape(c, g_bias, &column), gy);
  return c->status;
}

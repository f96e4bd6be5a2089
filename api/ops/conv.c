/* SPDX-License-Identifier: Apache-2.0 */
/* conv.c: CONV, https://onnx.ai/onnx/operators/onnx__Conv.html: x [N,C,spatial], w [M,C/group,kernel], b [M] or absent -> y [N,M,spatial],
 * one to three spatial axes, any group, stride, dilation and pads. Cells of the padding are no data: they enter no product, so an infinite
 * weight makes no NaN at a border. */
#include "conv_internal.h"
#include "element.h"
#include "window.h"
#include "train/gradient.h"

static const int32_t float_types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
enum { FLOAT_TYPES = sizeof float_types / sizeof *float_types };

static cvk_window_params params_of(cvk_conv_attr *a) {
  return (cvk_window_params){&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
}

/* The kernel extents are the weights': an attribute that gives them must agree. */
static cvk_status take_kernel(const char *op, const cvk_tensor_desc *w, int64_t *kernel) {
  for (int32_t a = 0; a < w->rank - 2; a++) {
    if (kernel[a] != 0 && kernel[a] != w->dim[a + 2])
      return cvk_fail(CVK_INVALID_SHAPE, "%s: attribute says kernel extent %lld on axis %d, weights have %lld", op, (long long)kernel[a],
                      a + 2, (long long)w->dim[a + 2]);
    kernel[a] = w->dim[a + 2];
  }
  return CVK_OK;
}

static cvk_status check_bias(const cvk_op_call *call, int64_t channels) {
  const cvk_tensor_desc *b = call->n_in > 2 ? call->in[2] : NULL;
  char text[CVK_DIMS_TEXT];
  if (b == NULL) return CVK_OK;
  if (b->rank != 1 || b->dim[0] != channels)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: bias has shape %s, wanted [%lld], one for each output channel", call->def->name,
                    cvk_dims_text(b->rank, b->dim, text), (long long)channels);
  return cvk_require_dtype(call, 2, 1, &call->in[0]->dtype);
}

static int is_activation(int32_t kind) {
  return kind >= CVK_OP_RELU && kind <= CVK_OP_THRESHOLDED_RELU && kind != CVK_OP_PRELU;
}

cvk_status cvk_conv_check(cvk_op_call *call, cvk_conv_attr *a) {
  const char *op = call->def->name;
  const cvk_tensor_desc *x = call->in[0], *w = call->in[1];
  char text[CVK_DIMS_TEXT];
  if (a->group == 0) a->group = 1;
  if (x->rank < 3 || x->rank > 5) return cvk_fail(CVK_INVALID_SHAPE, "%s: input has rank %d, allowed 3 to 5", op, x->rank);
  if (w->rank != x->rank)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: weights %s have rank %d, the input has rank %d", op, cvk_dims_text(w->rank, w->dim, text),
                    w->rank, x->rank);
  if (a->group < 1) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: group is %lld, allowed >= 1", op, (long long)a->group);
  if (a->activation != 0 && !is_activation(a->activation))
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: op kind %d is no activation with one input", op, a->activation);
  cvk_status s = cvk_require_dtype(call, 0, FLOAT_TYPES, float_types);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 1, &x->dtype);
  return s == CVK_OK ? take_kernel(op, w, a->kernel) : s;
}

cvk_status cvk_conv_finish(cvk_op_call *call, int64_t channels, const int64_t *spatial) {
  const cvk_tensor_desc *x = call->in[0];
  int64_t dim[CVK_MAX_RANK] = {x->dim[0], channels};
  const cvk_status s = check_bias(call, channels);
  for (int32_t a = 0; a < x->rank - 2; a++) dim[a + 2] = spatial[a];
  return s == CVK_OK
             ? cvk_desc_set(&call->out[0], call->kind == CVK_OP_CONV ? "conv: output" : "conv_transpose: output", x->dtype, x->rank, dim)
             : s;
}

cvk_status cvk_infer_conv(cvk_op_call *call) {
  cvk_conv_attr *a = &call->attr->conv;
  const cvk_tensor_desc *x = call->in[0], *w = call->in[1];
  const cvk_window_params p = params_of(a);
  int64_t out[CVK_MAX_SPATIAL], want;
  cvk_status s = cvk_conv_check(call, a);
  if (s != CVK_OK) return s;
  if (__builtin_mul_overflow(w->dim[1], a->group, &want) || want != x->dim[1])
    return cvk_fail(CVK_INVALID_SHAPE, "conv: input has %lld channels, weights want %lld for each of %lld groups", (long long)x->dim[1],
                    (long long)w->dim[1], (long long)a->group);
  if (w->dim[0] % a->group != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "conv: %lld output channels do not divide into %lld groups", (long long)w->dim[0],
                    (long long)a->group);
  s = cvk_window_resolve("conv", x->rank - 2, x->dim + 2, &p, NULL, out);
  return s == CVK_OK ? cvk_conv_finish(call, w->dim[0], out) : s;
}

#define FILTERS 8 /* output channels summed together, so that an input row is converted once for all of them */

typedef struct conv_run {
  cvk_window win;
  int32_t dtype;
  int64_t channels; /* of one group */
  const void *x, *w;
} conv_run;

/* The sums under way: `filters` output channels (of one group) by the output columns first .. first + n of row (od, oh). */
typedef struct conv_tile {
  int64_t x_at, w_at; /* the first element of the group's input in this image, and of the first filter */
  int64_t od, oh, first, n;
  int64_t filters;
  double acc[FILTERS][CVK_RUN];
} conv_tile;

/* Adds the products of one channel and one row of the kernel. */
static void add_kernel_row(const conv_run *r, conv_tile *t, int64_t x_row, int64_t w_row) {
  double cells[CVK_RUN], weights[FILTERS];
  for (int64_t k = 0; k < r->win.kernel[2]; k++) {
    int64_t lo, hi;
    cvk_window_span(&r->win, 2, k, &lo, &hi);
    if (lo < t->first) lo = t->first;
    if (hi > t->first + t->n) hi = t->first + t->n;
    if (lo >= hi) continue;
    const int64_t at = x_row + lo * r->win.stride[2] - r->win.begin[2] + k * r->win.dilation[2];
    cvk_load_reals(r->dtype, r->x, at, r->win.stride[2], hi - lo, cells);
    cvk_load_reals(r->dtype, r->w, w_row + k, r->channels * r->win.taps, t->filters, weights);
    for (int64_t f = 0; f < t->filters; f++) {
      double *acc = t->acc[f] + lo - t->first;
      for (int64_t j = 0; j < hi - lo; j++) acc[j] += weights[f] * cells[j];
    }
  }
}

static void sum_tile(const conv_run *r, conv_tile *t) {
  const cvk_window *win = &r->win;
  int64_t d0, d1, h0, h1;
  cvk_window_taps(win, 0, t->od, &d0, &d1);
  cvk_window_taps(win, 1, t->oh, &h0, &h1);
  for (int64_t c = 0; c < r->channels; c++) {
    for (int64_t kd = d0; kd < d1; kd++) {
      const int64_t id = t->od * win->stride[0] - win->begin[0] + kd * win->dilation[0];
      for (int64_t kh = h0; kh < h1; kh++) {
        const int64_t ih = t->oh * win->stride[1] - win->begin[1] + kh * win->dilation[1];
        add_kernel_row(r, t, t->x_at + c * win->in_cells + (id * win->in[1] + ih) * win->in[2],
                       t->w_at + c * win->taps + (kd * win->kernel[1] + kh) * win->kernel[2]);
      }
    }
  }
}

/* All cells of output channels y_at .. y_at + t->filters - 1 (counted over the batch); bias: one for each. */
static void run_filters(const conv_run *r, conv_tile *t, int64_t y_at, const double *bias, void *y) {
  const int64_t rows = r->win.out[0] * r->win.out[1], columns = r->win.out[2];
  for (int64_t row = 0; row < rows; row++) {
    t->od = row / r->win.out[1];
    t->oh = row % r->win.out[1];
    for (t->first = 0; t->first < columns; t->first += CVK_RUN) {
      t->n = columns - t->first < CVK_RUN ? columns - t->first : CVK_RUN;
      for (int64_t f = 0; f < t->filters; f++)
        for (int64_t j = 0; j < t->n; j++) t->acc[f][j] = bias[f];
      sum_tile(r, t);
      for (int64_t f = 0; f < t->filters; f++)
        cvk_store_reals(r->dtype, y, (y_at + f) * r->win.out_cells + row * columns + t->first, 1, t->n, t->acc[f]);
    }
  }
}

cvk_status cvk_ref_conv(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  cvk_conv_attr a = *(const cvk_conv_attr *)op->attr;
  if (cvk_count(y->rank, y->dim) == 0) return CVK_OK;
  const cvk_window_params p = params_of(&a);
  const int64_t channels = x->dim[1] / a.group, filters = y->dim[1] / a.group;
  const conv_run r = {cvk_window_of(x, y, &p), x->dtype, channels, in[0], in[1]};
  const int has_bias = op->n_in > 2 && op->in[2] != NULL;
  for (int64_t n = 0; n < y->dim[0]; n++) {
    for (int64_t m = 0, step; m < y->dim[1]; m += step) {
      const int64_t left = filters - m % filters; /* a tile stays in its group */
      double bias[FILTERS] = {0};
      conv_tile t = {.x_at = (n * x->dim[1] + m / filters * channels) * r.win.in_cells, .w_at = m * channels * r.win.taps};
      step = t.filters = left < FILTERS ? left : FILTERS;
      if (has_bias) cvk_load_reals(r.dtype, in[2], m, 1, step, bias);
      run_filters(&r, &t, n * y->dim[1] + m, bias, out[0]);
    }
  }
  return CVK_OK;
}

/* Output padding fills what the last window did not reach. */
cvk_value cvk_conv_back(cvk_gradient *c, const cvk_conv_attr *attr, const cvk_tensor_desc *x, cvk_value gy, cvk_value w) {
  cvk_conv_attr a = *attr;
  const cvk_value in[2] = {gy, w};
  for (int32_t i = 0; i < x->rank - 2; i++) {
    const int64_t padded = x->dim[i + 2] + a.pad_begin[i] + a.pad_end[i], extent = (a.kernel[i] - 1) * a.dilation[i] + 1;
    a.output_padding[i] = (padded - extent) % a.stride[i];
  }
  return cvk_grad_op(c, CVK_OP_CONV_TRANSPOSE, &a, 2, in);
}

cvk_status cvk_grad_conv(cvk_gradient *c) {
  const cvk_conv_attr *a = &c->attr->conv;
  const int32_t has_bias = c->n_in > 2 && c->in[2] && c->wanted[2];
  const cvk_value pair[2] = {c->x[0], c->gy[0]};
  cvk_value out[2];
  if (c->wanted[1] || has_bias) {
    cvk_grad_op_all(c, CVK_OP_CONV_GRAD_WEIGHT, a, 2, pair, has_bias ? 2 : 1, out);
    if (c->wanted[1]) c->gx[1] = out[0];
    if (has_bias) c->gx[2] = out[1];
  }
  if (c->wanted[0]) c->gx[0] = cvk_conv_back(c, a, c->in[0], c->gy[0], c->x[1]);
  return c->status;
}

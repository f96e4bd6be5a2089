/* SPDX-License-Identifier: Apache-2.0 */
/* conv.c: CONV. With constant weights oneDNN's compiled direct kernels are offered, which want weights in an order of their own (a pack) and
 * blocked tensors; Convoke's CVK_BLOCKED is oneDNN's nChw16c to the byte. Else, or with few channels, its im2col on plain tensors. */
#include "onednn.h"

typedef struct variant {
  const char *row;
  int32_t x_block, y_block;
} variant;

static const variant variants[ONEDNN_VARIANTS] = {
    {"conv_onednn_blocked", 16, 16}, {"conv_onednn_blocked", 8, 8}, {"conv_onednn_first", 0, 16}, {"conv_onednn_first", 0, 8}, {"conv_onednn", 0, 0},
};

static int32_t is_padded(const cvk_conv_attr *a, int32_t n) {
  int32_t padded = 0;
  for (int32_t i = 0; i < n; i++) padded |= a->pad_begin[i] > 0 || a->pad_end[i] > 0;
  return padded;
}

/* oneDNN may multiply by zeros that stand for padding, or for channels that fill up a block: no harm when the weights are finite. Blocks are
 * taken full only: a lane past the last channel could come out as NaN where an input is infinite. */
static const char *check(const cvk_op *op, const variant *v) {
  const cvk_tensor_desc *x = op->in[0], *w = op->in[1];
  const cvk_conv_attr *a = op->attr;
  if (x->rank < 3 || x->rank > 5) return "onednn: conv: takes one to three spatial axes";
  const int32_t finite = w->const_data != NULL && all_finite(w->const_data, cvk_count(w->rank, w->dim));
  if (v->y_block != 0 && !finite) return "onednn: conv: blocked tensors need constant, finite weights";
  if (!finite && is_padded(a, x->rank - 2)) return "onednn: conv: with padding the weights must be constant and finite";
  if (v->x_block != 0 && x->dim[1] % v->x_block != 0) return "onednn: conv: the input channels do not fill the blocks";
  if (v->y_block != 0 && w->dim[0] % v->y_block != 0) return "onednn: conv: the output channels do not fill the blocks";
  return NULL;
}

const char *plan_conv(const cvk_backend_device *dev, const cvk_op *op, int32_t number, plan *p) {
  const variant *v = &variants[number];
  const cvk_tensor_desc *x = op->in[0], *w = op->in[1], *b = op->n_in > 2 ? op->in[2] : NULL, *y = op->out[0];
  const cvk_conv_attr *a = op->attr;
  const int32_t n = x->rank - 2, grouped = a->group > 1;
  dnnl_memory_desc_t mx, mw, mb, my;
  dnnl_convolution_desc_t desc;
  dnnl_dims_t stride, dilation, begin, end;
  int64_t weights[CVK_MAX_RANK + 1] = {a->group, w->dim[0] / a->group};
  const char *why = check(op, v);
  if (why != NULL) return why;
  for (int32_t i = 1; i < w->rank; i++) weights[i + 1] = w->dim[i];
  for (int32_t i = 0; i < n; i++) dilation[i] = a->dilation[i] - 1;
  dims_of(n, a->stride, stride);
  dims_of(n, a->pad_begin, begin);
  dims_of(n, a->pad_end, end);
  p->row = v->row;
  p->x_block = v->x_block;
  p->y_block = v->y_block;
  p->packs = v->y_block != 0;
  p->n_in = b ? 3 : 2;
  p->depth = cvk_count(w->rank - 1, w->dim + 1);
  p->work = (double)cvk_count(y->rank, y->dim) * (double)p->depth;
  const int64_t *dim = grouped ? weights : w->dim;
  const int32_t ok = md_blocked(&mx, x->rank, x->dim, v->x_block) && md_blocked(&my, y->rank, y->dim, v->y_block) &&
                     (p->packs ? md_any(&mw, w->rank + grouped, dim) : md_plain(&mw, w->rank + grouped, dim)) &&
                     (b == NULL || md_plain(&mb, 1, b->dim)) &&
                     dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct, &mx, &mw, b ? &mb : NULL,
                                                                &my, stride, dilation, begin, end) == dnnl_success;
  return ok ? plan_ask(dev, &desc, p) : "onednn: conv: oneDNN refuses this shape";
}

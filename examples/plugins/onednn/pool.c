/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: MAX_POOL and AVG_POOL. oneDNN's average divides by the taps in the input or by all taps of the window: ONNX's divisor, except where
 * cells of the pad count and a ceil_mode window reaches past it; that is refused. Its maximum is ONNX's for finite inputs alone; see onednn.h. */
#include <math.h>

#include "onednn.h"

static const int32_t blocks[ONEDNN_VARIANTS] = {16, 8, 0, -1, -1};
static const char *const rows[2][2] = {{"avg_pool_onednn", "avg_pool_onednn_blocked"}, {"max_pool_onednn", "max_pool_onednn_blocked"}};
static const int64_t most_taps = 2048; /* of an average: they are summed in one chain */

/* oneDNN derives no extent, it checks: pad_end is what makes the windows fit. NULL, or why not. */
static const char *fit(const cvk_op *op, dnnl_dims_t pad_end) {
  const cvk_pool_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  for (int32_t i = 0; i < x->rank - 2; i++) {
    const int64_t reach = (y->dim[i + 2] - 1) * a->stride[i] + a->kernel[i] - x->dim[i + 2] - a->pad_begin[i];
    if (a->dilation[i] != 1) return "onednn: pool: takes no dilation";
    if (op->kind == CVK_OP_AVG_POOL && a->count_include_pad && reach > a->pad_end[i])
      return "onednn: avg_pool: a window reaches past the pad, whose cells count: oneDNN has another divisor";
    pad_end[i] = reach > 0 ? reach : 0;
  }
  return NULL;
}

static max_window window_of(const cvk_op *op, int32_t block) {
  const cvk_pool_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0];
  const int32_t n = x->rank - 2;
  max_window w = {.block = block ? block : 1, .in = {1, 1, 1}, .out = {1, 1, 1}, .kernel = {1, 1, 1}, .stride = {1, 1, 1}};
  w.planes = x->dim[0] * x->dim[1] / w.block;
  for (int32_t i = 0; i < n; i++) {
    w.in[3 - n + i] = x->dim[i + 2];
    w.out[3 - n + i] = op->out[0]->dim[i + 2];
    w.kernel[3 - n + i] = a->kernel[i];
    w.stride[3 - n + i] = a->stride[i];
    w.pad[3 - n + i] = a->pad_begin[i];
  }
  return w;
}

const char *plan_pool(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p) {
  const cvk_pool_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int32_t block = blocks[variant];
  const int32_t max = op->kind == CVK_OP_MAX_POOL;
  const dnnl_alg_kind_t average = a->count_include_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
  dnnl_pooling_v2_desc_t desc;
  dnnl_memory_desc_t mx, my;
  dnnl_dims_t kernel, stride, begin, end, dilation = {0};
  if (block < 0) return "onednn: pool: no further variant";
  if (block > 0 && x->dim[1] % block != 0) return "onednn: pool: the channels do not fill the blocks";
  const char *why = fit(op, end);
  if (why != NULL) return why;
  dims_of(x->rank - 2, a->kernel, kernel);
  dims_of(x->rank - 2, a->stride, stride);
  dims_of(x->rank - 2, a->pad_begin, begin);
  const int64_t taps = cvk_count(x->rank - 2, a->kernel);
  if (!max && taps > most_taps) return "onednn: avg_pool: a window has more than 2048 cells";
  p->row = rows[max][block > 0];
  p->x_block = p->y_block = block;
  p->n_in = 1;
  p->depth = max ? 0 : taps;
  p->work = (double)cvk_count(y->rank, y->dim) * (double)taps;
  p->window = window_of(op, block);
  const int32_t ok = md_blocked(&mx, x->rank, x->dim, block) && md_blocked(&my, y->rank, y->dim, block) &&
                     dnnl_pooling_v2_forward_desc_init(&desc, dnnl_forward_inference, max ? dnnl_pooling_max : average, &mx, &my, stride, kernel,
                                                       dilation, begin, end) == dnnl_success;
  return ok ? plan_ask(dev, &desc, p) : "onednn: pool: oneDNN refuses this shape";
}

/* The maximum of one window; NaN wins. x: the first cell of the plane, in this lane of the block. */
static float window_max(const max_window *w, const float *x, const int64_t start[3]) {
  float best = -INFINITY;
  int64_t lo[3], hi[3];
  for (int i = 0; i < 3; i++) {
    lo[i] = start[i] < 0 ? 0 : start[i];
    hi[i] = start[i] + w->kernel[i] < w->in[i] ? start[i] + w->kernel[i] : w->in[i];
  }
  for (int64_t d = lo[0]; d < hi[0]; d++)
    for (int64_t h = lo[1]; h < hi[1]; h++)
      for (int64_t c = lo[2]; c < hi[2]; c++) {
        const float v = x[((d * w->in[1] + h) * w->in[2] + c) * w->block];
        if (v > best || isnan(v)) best = v; /* nothing compares greater than NaN */
      }
  return best;
}

void max_pool_plain(const max_window *w, const float *x, float *y) {
  const int64_t in_cells = w->in[0] * w->in[1] * w->in[2], out_cells = w->out[0] * w->out[1] * w->out[2];
  for (int64_t plane = 0; plane < w->planes; plane++)
    for (int64_t cell = 0; cell < out_cells; cell++) {
      const int64_t at[3] = {cell / w->out[2] / w->out[1], cell / w->out[2] % w->out[1], cell % w->out[2]};
      int64_t start[3];
      for (int i = 0; i < 3; i++) start[i] = at[i] * w->stride[i] - w->pad[i];
      for (int64_t lane = 0; lane < w->block; lane++)
        y[(plane * out_cells + cell) * w->block + lane] = window_max(w, x + plane * in_cells * w->block + lane, start);
    }
}

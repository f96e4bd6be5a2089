/* SPDX-License-Identifier: Apache-2.0 */
/* reorder_list.c: the row of REORDER (kernels_cl/reorder.cl): plain, NHWC and NCHWc16, elements of 4 bytes. */
#include "lists.h"

typedef struct strides { /* as kernels_cl/reorder.cl reads a format */
  int64_t batch, block, lane, pixel;
} strides;

static int64_t pixels_of(const cvk_tensor_desc *d) {
  return d->rank > 2 ? cvk_count(d->rank - 2, d->dim + 2) : 1;
}

static strides strides_of(const cvk_tensor_desc *d) {
  const int64_t pixels = pixels_of(d), channels = d->dim[1], blocks = (channels + OCL_BLOCK - 1) / OCL_BLOCK;
  if (d->format.layout == CVK_NHWC) return (strides){pixels * channels, OCL_BLOCK, 1, channels};
  if (d->format.layout == CVK_BLOCKED) return (strides){blocks * OCL_BLOCK * pixels, OCL_BLOCK * pixels, 1, OCL_BLOCK};
  return (strides){channels * pixels, OCL_BLOCK * pixels, pixels, 1};
}

static int32_t takes_format(const cvk_format *f) {
  return f->layout == CVK_PLAIN || f->layout == CVK_NHWC || ocl_is_blocked16(f);
}

static int32_t accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0], *y = q->op->out[0];
  if (cvk_dtype_bytes(x->dtype) != 4) return ocl_refuse(q, "elements of %d bytes, takes 4", (int)cvk_dtype_bytes(x->dtype));
  if (q->op->n_post != 0) return ocl_refuse(q, "takes no post-ops");
  if (x->rank < 2) return ocl_refuse(q, "rank %d, takes 2 or more", (int)x->rank);
  if (!takes_format(&x->format) || !takes_format(&y->format))
    return ocl_refuse(q, "layouts %d (block %d) and %d (block %d), takes plain, NHWC and blocks of 16", (int)x->format.layout,
                      (int)x->format.block, (int)y->format.layout, (int)y->format.block);
  q->candidate->in[0] = x->format;
  q->candidate->out[0] = y->format;
  q->candidate->estimated_ns = ocl_estimate(q->dev, 0, (double)cvk_desc_bytes(x) + (double)cvk_desc_bytes(y), 1);
  return 1;
}

static cvk_status prepare(ocl_build *b) {
  const cvk_tensor_desc *x = b->op->in[0], *y = b->op->out[0];
  const int64_t pixels = pixels_of(x), channels = x->dim[1];
  const strides from = strides_of(x), to = strides_of(y);
  ocl_launch *l = ocl_launch_begin(b, "reorder", "", "reorder");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 12,
                (int64_t[]){x->dim[0], channels, pixels, from.batch, from.block, from.lane, from.pixel, to.batch, to.block, to.lane,
                            to.pixel, y->format.layout == CVK_BLOCKED});
  return ocl_launch_end(b, l, 3, (int64_t[]){(pixels + 15) / 16, (channels + OCL_BLOCK - 1) / OCL_BLOCK, x->dim[0]}, (size_t[]){8, 4, 1});
}

static const int32_t kinds[] = {CVK_OP_REORDER};
static const ocl_row rows[] = {{.name = "reorder_16x16", .accepts = accepts, .prepare = prepare}};
const ocl_list ocl_reorder_list = {kinds, 1, sizeof rows / sizeof *rows, rows};

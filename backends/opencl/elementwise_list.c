/* SPDX-License-Identifier: Apache-2.0 */
/* elementwise_list.c: activations, element by element, in any format (kernels_cl/elementwise.cl). */
#include "lists.h"

#define ITEM_ELEMENTS 16 /* a work-item: one float16 */

static int32_t accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0];
  if (x->dtype != CVK_F32) return ocl_refuse(q, "element type %d, takes float32", (int)x->dtype);
  if (q->op->n_post) return ocl_refuse(q, "takes no post-op");
  if (q->row->layout == CVK_BLOCKED && (x->rank < 3 || x->dim[1] % OCL_BLOCK != 0))
    return ocl_refuse(q, "%lld channels are not whole blocks of %d", (long long)(x->rank > 1 ? x->dim[1] : 0), OCL_BLOCK);
  ocl_want_in(q, 0, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  q->candidate->inplace = 0;
  q->candidate->estimated_ns = ocl_estimate(q->dev, 0, 8.0 * (double)cvk_count(x->rank, x->dim), 1);
  return 1;
}

static cvk_status prepare(ocl_build *b) {
  const int64_t n = (int64_t)(cvk_desc_bytes(b->op->in[0]) / sizeof(float));
  const int64_t items = (n + ITEM_ELEMENTS - 1) / ITEM_ELEMENTS;
  ocl_launch *l = ocl_launch_begin(b, "elementwise", "", "relu");
  ocl_arg_in(l, b, 0);
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, n);
  return ocl_launch_end(b, l, 1, &items, &(size_t){64});
}

static const int32_t kinds[] = {CVK_OP_RELU};
static const ocl_row rows[] = {
    {.name = "relu_blocked16", .layout = CVK_BLOCKED, .accepts = accepts, .prepare = prepare},
    {.name = "relu_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = prepare},
};
const ocl_list ocl_elementwise_list = {kinds, 1, 2, rows};

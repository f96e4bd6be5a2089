/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose_implicit.c: the row of kernels_cl/conv_implicit.cl for CONV_TRANSPOSE, on devices that are no CPU: a convolution of stride 1
 * with the weights turned around, over cells that stand the stride apart. */
#include "implicit.h"
#include "post.h"

#define PACK_NUMBER 14

static ocl_implicit shape_of(const cvk_op *op, const ocl_conv *c) {
  return (ocl_implicit){.batch = c->batch,
                        .groups = c->group,
                        .rows = c->out_group,
                        .channels = c->in_group,
                        .in_h = c->in[1],
                        .in_w = c->in[2],
                        .out_h = c->out[1],
                        .out_w = c->out[2],
                        .kernel_h = c->kernel[1],
                        .kernel_w = c->kernel[2],
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = c->dilation[1],
                        .dilation_w = c->dilation[2],
                        .pad_h = (c->kernel[1] - 1) * c->dilation[1] - c->pad[1],
                        .pad_w = (c->kernel[2] - 1) * c->dilation[2] - c->pad[2],
                        .w_first = c->taps - 1,
                        .w_row = c->taps,
                        .w_channel = c->out_group * c->taps,
                        .w_tap = -1,
                        .up = c->stride[2],
                        .repairs = !ocl_conv_finite(op)};
}

int32_t conv_transpose_implicit_accepts(ocl_query *q) {
  ocl_conv c;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (c.stride[1] != c.stride[2] && c.in[1] * c.out[1] * c.kernel[1] != 1)
    return ocl_refuse(q, "strides %lld and %lld, takes equal ones", (long long)c.stride[1], (long long)c.stride[2]);
  if (cvk_count(q->op->in[0]->rank, q->op->in[0]->dim) == 0) return ocl_refuse(q, "an empty input"); /* the kernel loads before it tests */
  if (c.stride[2] * (c.in[1] > c.in[2] ? c.in[1] : c.in[2]) > 1 << 28) return ocl_refuse(q, "a stride of %lld", (long long)c.stride[2]);
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  const ocl_implicit s = shape_of(q->op, &c);
  const ocl_implicit_plan plan = ocl_implicit_accept(q, &s, PACK_NUMBER);
  if (!plan.tile) return 0;
  q->candidate->estimated_ns = plan.ns;
  return 1;
}

uint64_t conv_transpose_implicit_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const ocl_implicit s = shape_of(b->op, &c);
  return ocl_implicit_bytes(&s);
}

void conv_transpose_implicit_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_implicit s = shape_of(b->op, &c);
  ocl_implicit_fill(b->dev->host, &s, b->op->in[input]->const_data, dst);
}

cvk_status conv_transpose_implicit_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_implicit s = shape_of(b->op, &c);
  return ocl_implicit_prepare(b, &s);
}

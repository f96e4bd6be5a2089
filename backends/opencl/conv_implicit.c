/* SPDX-License-Identifier: Apache-2.0 */
/* conv_implicit.c: the row of kernels_cl/conv_implicit.cl: any 1-D or 2-D convolution, plain tensors, on devices that are no CPU. */
#include "implicit.h"
#include "lanes.h"
#include "post.h"

#define PACK_NUMBER 8
#define UNTUNED 4 /* a wanted tile counts so much dearer: the class's choice comes first until the tuner has timed them */

/* Some output has a tap in the pad: the kernel multiplies its weight by 0. */
static int32_t reaches_pad(const ocl_implicit *s) {
  return s->pad_h || s->pad_w || (s->out_h - 1) * s->stride_h + (s->kernel_h - 1) * s->dilation_h >= s->in_h ||
         (s->out_w - 1) * s->stride_w + (s->kernel_w - 1) * s->dilation_w >= s->in_w;
}

/* Variant 0 takes the best of the class's tiles, variant 1 + i takes tile i. */
static ocl_implicit shape_of(const cvk_op *op, const ocl_conv *c, const ocl_row *row) {
  ocl_implicit s = {.batch = c->batch,
                    .groups = c->group,
                    .rows = c->out_group,
                    .channels = c->in_group,
                    .in_h = c->in[1],
                    .in_w = c->in[2],
                    .out_h = c->out[1],
                    .out_w = c->out[2],
                    .kernel_h = c->kernel[1],
                    .kernel_w = c->kernel[2],
                    .stride_h = c->stride[1],
                    .stride_w = c->stride[2],
                    .dilation_h = c->dilation[1],
                    .dilation_w = c->dilation[2],
                    .pad_h = c->pad[1],
                    .pad_w = c->pad[2],
                    .w_row = c->in_group * c->taps,
                    .w_channel = c->taps,
                    .w_tap = 1,
                    .tile = row->variant ? &ocl_tiles[row->variant - 1] : NULL};
  s.repairs = reaches_pad(&s) && !ocl_conv_finite(op);
  return s;
}

int32_t conv_implicit_accepts(ocl_query *q) {
  ocl_conv c;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (cvk_count(q->op->in[0]->rank, q->op->in[0]->dim) == 0) return ocl_refuse(q, "an empty input"); /* the kernel loads before it tests */
  const ocl_implicit s = shape_of(q->op, &c, q->row);
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  const ocl_implicit_plan plan = ocl_implicit_accept(q, &s, PACK_NUMBER);
  if (!plan.tile) return 0;
  q->candidate->estimated_ns = s.tile ? UNTUNED * plan.ns : plan.ns;
  return 1;
}

uint64_t conv_implicit_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const ocl_implicit s = shape_of(b->op, &c, b->row);
  return ocl_implicit_bytes(&s);
}

void conv_implicit_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_implicit s = shape_of(b->op, &c, b->row);
  ocl_implicit_fill(b->dev->host, &s, b->op->in[input]->const_data, dst);
}

cvk_status conv_implicit_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_implicit s = shape_of(b->op, &c, b->row);
  return ocl_implicit_prepare(b, &s);
}

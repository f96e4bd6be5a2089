/* SPDX-License-Identifier: Apache-2.0 */
/* conv_generic.c: the row of kernels_cl/conv_generic.cl: any convolution, plain tensors, weights as they come. */
#include "conv.h"
#include "post.h"

/* Output channels that an item of conv_generic makes. */
static int64_t outs_of(const ocl_conv *c) { return c->out_group == 1 ? 1 : 4; }

static int64_t tiles_of(const ocl_conv *c) { return (c->out_group + outs_of(c) - 1) / outs_of(c); }

int32_t conv_generic_accepts(ocl_query *q) {
  ocl_conv c;
  if (!ocl_conv_accept(q, &c)) return 0;
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  const double full = (double)(tiles_of(&c) * outs_of(&c)) / (double)(c.out_group ? c.out_group : 1);
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, 2 * c.multiply_adds * full, (double)cvk_desc_bytes(q->op->in[0]) + (double)cvk_desc_bytes(q->op->out[0]),
                   ocl_vectors(q->dev, c.stride[2] != 1 ? 0.004 : outs_of(&c) == 1 ? 0.012 : 0.08));
  return 1;
}

cvk_status conv_generic_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const int32_t segments = b->dev->cpu_class; /* of 16 pixels; else an output an item */
  ocl_launch *l = ocl_launch_begin(b, "conv_generic", outs_of(&c) == 1 ? "-DOUTS=1" : "", segments ? "conv_generic" : "conv_generic_each");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_conv(l, &c);
  const int64_t pixels = c.out[0] * c.out[1] * (segments ? (c.out[2] + 15) / 16 : c.out[2]);
  const int64_t channels = segments ? c.group * tiles_of(&c) : c.channels_out;
  return ocl_launch_end(b, l, 3, (int64_t[]){pixels, channels, c.batch}, (size_t[]){32, 4, 1});
}

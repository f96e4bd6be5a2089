/* SPDX-License-Identifier: Apache-2.0 */
/* conv_generic.c: the row of kernels_cl/conv_generic.cl: any convolution, plain tensors, weights as they come. */
#include "conv.h"
#include "post.h"

int32_t conv_generic_accepts(ocl_query *q) {
  ocl_conv c;
  if (!ocl_conv_accept(q, &c)) return 0;
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, 2 * c.multiply_adds, (double)cvk_desc_bytes(q->op->in[0]) + (double)cvk_desc_bytes(q->op->out[0]),
                   ocl_vectors(q->dev, c.stride[2] == 1 ? 0.04 : 0.004));
  return 1;
}

cvk_status conv_generic_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const int32_t segments = b->dev->cpu_class; /* of 16 pixels; else an output an item */
  ocl_launch *l = ocl_launch_begin(b, "conv_generic", "", segments ? "conv_generic" : "conv_generic_each");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_conv(l, &c);
  const int64_t pixels = c.out[0] * c.out[1] * (segments ? (c.out[2] + 15) / 16 : c.out[2]);
  return ocl_launch_end(b, l, 3, (int64_t[]){pixels, c.channels_out, c.batch}, (size_t[]){32, 4, 1});
}

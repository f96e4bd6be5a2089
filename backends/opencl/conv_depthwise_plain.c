/* SPDX-License-Identifier: Apache-2.0 */
/* conv_depthwise_plain.c: the row of kernels_cl/conv_depthwise_plain.cl: one input channel a group, plain tensors, on devices that are no
 * CPU; weights as they come. */
#include "conv.h"
#include "post.h"

int32_t conv_depthwise_plain_accepts(ocl_query *q) {
  ocl_conv c;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (c.in_group != 1 || c.out_group < 1)
    return ocl_refuse(q, "groups of %lld to %lld channels, takes 1 input channel", (long long)c.in_group, (long long)c.out_group);
  if (cvk_count(q->op->in[0]->rank, q->op->in[0]->dim) > 1 << 30 || cvk_count(q->op->out[0]->rank, q->op->out[0]->dim) > 1 << 30)
    return ocl_refuse(q, "more than 2^30 elements");
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, 2 * c.multiply_adds, (double)cvk_desc_bytes(q->op->in[0]) + (double)cvk_desc_bytes(q->op->out[0]), 0.1);
  return 1;
}

cvk_status conv_depthwise_plain_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  ocl_launch *l = ocl_launch_begin(b, "conv_depthwise_plain", "", "conv_depthwise_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_ints(l, 15,
               (int64_t[]){c.channels_in, c.channels_out, c.in[1], c.in[2], c.out[1], c.out[2], c.kernel[1], c.kernel[2], c.stride[1],
                           c.stride[2], c.dilation[1], c.dilation[2], c.pad[1], c.pad[2], c.batch * c.channels_out});
  return ocl_launch_end(b, l, 2, (int64_t[]){c.out[1] * c.out[2], c.batch * c.channels_out}, (size_t[]){64, 2});
}

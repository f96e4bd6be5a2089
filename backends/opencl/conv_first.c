/* SPDX-License-Identifier: Apache-2.0 */
/* conv_first.c: the row of kernels_cl/conv_first.cl: few channels from plain NCHW to NCHWc16, as the first layer of a network has. */
#include "conv.h"
#include "lanes.h"
#include "post.h"

#define PACK_NUMBER 2
#define MOST_CHANNELS 16
#define TILE 7

static ocl_lanes lanes_of(const ocl_conv *c) {
  const int64_t depth = c->in_group * c->taps;
  return (ocl_lanes){.batch = 1, .outs = c->channels_out, .depth = depth, .inner = 1, .out_stride = depth, .depth_stride = 1};
}

int32_t conv_first_accepts(ocl_query *q) {
  ocl_conv c;
  if (!q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (c.group != 1) return ocl_refuse(q, "%lld groups, takes 1", (long long)c.group);
  if (c.channels_in > MOST_CHANNELS) return ocl_refuse(q, "%lld input channels, takes at most %d", (long long)c.channels_in, MOST_CHANNELS);
  if (!ocl_post_accept(q, CVK_BLOCKED)) return 0;
  const ocl_lanes lanes = lanes_of(&c);
  ocl_want_out(q, 0, CVK_BLOCKED);
  ocl_want_pack(q, 1, PACK_NUMBER);
  if (!q->op->in[1]->const_data) q->candidate->workspace_bytes = ocl_lanes_bytes(&lanes);
  const double full = (double)ocl_blocks(c.channels_out) * OCL_BLOCK / (double)c.channels_out;
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, 2 * c.multiply_adds * full, (double)cvk_desc_bytes(q->op->out[0]), 0.5);
  return 1;
}

uint64_t conv_first_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c);
  return ocl_lanes_bytes(&lanes);
}

void conv_first_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c);
  ocl_lanes_fill(b->dev->host, &lanes, b->op->in[input]->const_data, dst);
}

cvk_status conv_first_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  if (!b->candidate->pack[1]) {
    const ocl_lanes lanes = lanes_of(&c);
    const cvk_status status = ocl_lanes_launch(b, &lanes, "conv_first", 1);
    if (status != CVK_OK) return status;
  }
  const int64_t together = c.channels_out <= OCL_BLOCK ? 1 : 2; /* blocks an item */
  ocl_launch *l = ocl_launch_begin(b, "conv_first", together == 1 ? "-DBLOCKS=1" : "", "conv_first");
  ocl_arg_in(l, b, 0);
  ocl_arg_packed(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 16,
                (int64_t[]){c.channels_in, c.channels_out, c.in[1], c.in[2], c.out[1], c.out[2], c.kernel[1], c.kernel[2], c.stride[1],
                            c.stride[2], c.dilation[1], c.dilation[2], c.pad[1], c.pad[2], c.batch, ocl_conv_chunk(&c, 1)});
  return ocl_launch_end(b, l, 3, (int64_t[]){c.out[1] * ((c.out[2] + TILE - 1) / TILE), (ocl_blocks(c.channels_out) + together - 1) / together, c.batch},
                        (size_t[]){8, 4, 1});
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_depthwise.c: the rows of kernels_cl/conv_depthwise.cl: each channel by itself, NCHWc16 in and out; of CONV_TRANSPOSE too. */
#include "conv.h"
#include "lanes.h"
#include "post.h"

#define PACK_NUMBER 3
#define TILE 7
#define SLOWER 4 /* than the multiply-adds of other convolutions: memory takes the time */

static ocl_lanes lanes_of(const ocl_conv *c) {
  return (ocl_lanes){.batch = 1, .outs = c->channels_out, .depth = c->taps, .inner = 1, .out_stride = c->taps, .depth_stride = 1};
}

int32_t conv_depthwise_accepts(ocl_query *q) {
  ocl_conv c;
  if (!q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (c.group != c.channels_in || c.group != c.channels_out)
    return ocl_refuse(q, "%lld groups of %lld to %lld channels, takes one channel a group", (long long)c.group, (long long)c.in_group,
                      (long long)c.out_group);
  if (c.group == 1) return ocl_refuse(q, "a single channel");
  if (!ocl_post_accept(q, CVK_BLOCKED)) return 0;
  const ocl_lanes lanes = lanes_of(&c);
  ocl_want_in(q, 0, CVK_BLOCKED);
  ocl_want_out(q, 0, CVK_BLOCKED);
  ocl_want_pack(q, 1, PACK_NUMBER);
  if (!q->op->in[1]->const_data) q->candidate->workspace_bytes = ocl_lanes_bytes(&lanes);
  q->candidate->estimated_ns = ocl_estimate(
      q->dev, 2 * c.multiply_adds, (double)cvk_desc_bytes(q->op->in[0]) + (double)cvk_desc_bytes(q->op->out[0]), 0.25);
  return 1;
}

uint64_t conv_depthwise_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c);
  return ocl_lanes_bytes(&lanes);
}

void conv_depthwise_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c);
  ocl_lanes_fill(b->dev->host, &lanes, b->op->in[input]->const_data, dst);
}

static void arg_shape(ocl_launch *l, const ocl_conv *c) {
  ocl_arg_longs(l, 13, (int64_t[]){c->channels_out, c->in[1], c->in[2], c->out[1], c->out[2], c->kernel[1], c->kernel[2], c->stride[1], c->stride[2],
                                   c->dilation[1], c->dilation[2], c->pad[1], c->pad[2]});
}

cvk_status conv_depthwise_prepare(ocl_build *b) {
  const int32_t turned = b->op->kind == CVK_OP_CONV_TRANSPOSE;
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  if (!b->candidate->pack[1]) {
    const ocl_lanes lanes = lanes_of(&c);
    const cvk_status status = ocl_lanes_launch(b, &lanes, "conv_depthwise", 1);
    if (status != CVK_OK) return status;
  }
  ocl_launch *l = ocl_launch_begin(b, "conv_depthwise", "", turned ? "conv_transpose_depthwise" : "conv_depthwise");
  ocl_arg_in(l, b, 0);
  ocl_arg_packed(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  const int64_t tiles = c.out[1] * ((c.out[2] + TILE - 1) / TILE), blocks = ocl_blocks(c.channels_out);
  if (turned) {
    arg_shape(l, &c);
    ocl_arg_long(l, c.batch);
    return ocl_launch_end(b, l, 3, (int64_t[]){c.out[1], blocks, c.batch}, (size_t[]){8, 4, 1});
  }
  const int64_t per_item = ocl_conv_tiles_an_item(b->dev, tiles, blocks * c.batch, (double)(TILE * OCL_BLOCK * c.taps) * SLOWER);
  arg_shape(l, &c);
  ocl_arg_longs(l, 2, (int64_t[]){c.batch, per_item});
  return ocl_launch_end(b, l, 3, (int64_t[]){per_item ? (tiles + per_item - 1) / per_item : 0, blocks, c.batch}, (size_t[]){8, 4, 1});
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose_direct.c: the rows of kernels_cl/conv_transpose_direct.cl: NCHWc16 in and out, and for few output channels NCHWc16 in and
 * plain out. Run-time weights are packed into the workspace at each execution. */
#include "conv.h"
#include "lanes.h"
#include "post.h"

#define PACK_NUMBER 11
#define PACK_NUMBER_FEW 12
#define TILE 7     /* pixels */
#define WIDEST 2   /* output blocks of a tile */
#define MOST_FEW 4 /* outputs of conv_transpose_few */
#define SEGMENT 16 /* its pixels */

/* For the estimate, beside the products: floating-point operations that take the time of storing a float of a block, and of the sum of a
 * vector's lanes with its output. As measured. */
#define STORE_FLOPS 28.0
#define FEW_FLOPS 256.0

/* Weights [channel in][out of the group][taps] as [group][tap][output block][channel in][16 outputs], or as [tap][input block][output][16
 * inputs]. */
static ocl_lanes lanes_of(const ocl_conv *c, int32_t few) {
  const int64_t next_out = c->taps, next_in = c->out_group * c->taps;
  return (ocl_lanes){.batch = c->group * c->taps,
                     .batch_inner = c->taps,
                     .outs = few ? c->in_group : c->out_group,
                     .depth = few ? c->out_group : c->in_group,
                     .inner = 1,
                     .out_stride = few ? next_in : next_out,
                     .depth_stride = few ? next_out : next_in};
}

int32_t conv_transpose_direct_accepts(ocl_query *q) {
  const int32_t few = q->row->variant;
  ocl_conv c;
  if (!q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (few && (c.group != 1 || c.out_group > MOST_FEW))
    return ocl_refuse(q, "%lld groups of %lld output channels, takes one of at most %d", (long long)c.group, (long long)c.out_group,
                      MOST_FEW);
  if (c.group > 1 && (c.in_group % OCL_BLOCK || c.out_group % OCL_BLOCK))
    return ocl_refuse(q, "groups of %lld and %lld channels are not whole blocks of %d", (long long)c.in_group, (long long)c.out_group,
                      OCL_BLOCK);
  if (!ocl_post_accept(q, few ? CVK_PLAIN : CVK_BLOCKED)) return 0;
  const ocl_lanes lanes = lanes_of(&c, few);
  ocl_want_in(q, 0, CVK_BLOCKED);
  if (!few) ocl_want_out(q, 0, CVK_BLOCKED);
  ocl_want_pack(q, 1, few ? PACK_NUMBER_FEW : PACK_NUMBER);
  if (!q->op->in[1]->const_data) q->candidate->workspace_bytes = ocl_lanes_bytes(&lanes);
  const double cells = (double)(few ? c.out_group : c.group * ocl_blocks(c.out_group) * OCL_BLOCK) * (double)c.batch * (double)c.pixels_out;
  const double flops = 2 * (double)c.batch * (double)c.pixels_in * (double)ocl_lanes_bytes(&lanes) / sizeof(float);
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, flops + (few ? FEW_FLOPS : STORE_FLOPS) * cells, cells * sizeof(float), few ? 0.2 : 0.55);
  return 1;
}

uint64_t conv_transpose_direct_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c, b->row->variant);
  return ocl_lanes_bytes(&lanes);
}

void conv_transpose_direct_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c, b->row->variant);
  ocl_lanes_fill(b->dev->host, &lanes, b->op->in[input]->const_data, dst);
}

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* The shape of both axes, from their extents to the distance of a phase's taps and of the cells that these meet. */
static void arg_axes(ocl_launch *l, const ocl_conv *c) {
  int64_t step[3], back[3];
  for (int32_t i = 1; i < 3; i++) {
    const int64_t common = common_divisor(c->stride[i], c->dilation[i]);
    step[i] = c->stride[i] / common;
    back[i] = c->dilation[i] / common;
  }
  const int64_t *const pairs[] = {c->in, c->out, c->kernel, c->stride, c->dilation, c->pad, step, back};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) ocl_arg_longs(l, 2, pairs[i] + 1);
}

cvk_status conv_transpose_direct_prepare(ocl_build *b) {
  const int32_t few = b->row->variant;
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  if (!b->candidate->pack[1]) {
    const ocl_lanes lanes = lanes_of(&c, few);
    const cvk_status status = ocl_lanes_launch(b, &lanes, "conv_transpose_direct", 1);
    if (status != CVK_OK) return status;
  }
  const int64_t phases = c.stride[2] < c.out[2] ? c.stride[2] : c.out[2], cells = (c.out[2] + c.stride[2] - 1) / c.stride[2];
  ocl_launch *l = ocl_launch_begin(b, "conv_transpose_direct", "", few ? "conv_transpose_few" : "conv_transpose_direct");
  ocl_arg_in(l, b, 0);
  ocl_arg_packed(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  arg_axes(l, &c);
  ocl_arg_longs(l, 3, (int64_t[]){c.batch, ocl_conv_chunk(&c, OCL_BLOCK), ocl_blocks(c.in_group)});
  if (few) {
    ocl_arg_long(l, c.out_group);
    return ocl_launch_end(b, l, 3, (int64_t[]){c.out[1] * phases * ((cells + SEGMENT - 1) / SEGMENT), c.out_group, c.batch},
                          (size_t[]){8, 4, 1});
  }
  const int64_t blocks_out = ocl_blocks(c.out_group), parts = (blocks_out + WIDEST - 1) / WIDEST;
  const int64_t tiles = c.out[1] * phases * ((cells + TILE - 1) / TILE), others = c.batch * c.group * parts;
  const int64_t per_item = ocl_conv_tiles_an_item(b->dev, tiles, others, tiles > 0 && others > 0 ? c.multiply_adds / (double)(tiles * others) : 0);
  ocl_arg_longs(l, 6, (int64_t[]){blocks_out, c.group, c.in_group, c.channels_out, parts, per_item});
  return ocl_launch_end(b, l, 3, (int64_t[]){per_item ? (tiles + per_item - 1) / per_item : 0, c.group * parts, c.batch},
                        (size_t[]){8, 4, 1});
}

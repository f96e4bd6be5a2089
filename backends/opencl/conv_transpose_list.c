/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose_list.c: the rows of CONV_TRANSPOSE, best first, and of kernels_cl/conv_transpose.cl: plain tensors, 1 to 3 spatial
 * axes, groups. */
#include "conv.h"
#include "lanes.h"
#include "lists.h"
#include "post.h"

#define PACK_NUMBER 4

/* Weights [channel in][out of the group][taps]; the depth of a group is (channel, tap). */
static ocl_lanes lanes_of(const ocl_conv *c) {
  return (ocl_lanes){.batch = c->group,
                     .outs = c->out_group,
                     .depth = c->in_group * c->taps,
                     .inner = c->taps,
                     .out_stride = c->taps,
                     .depth_stride = c->out_group * c->taps};
}

static int32_t accepts(ocl_query *q) {
  ocl_conv c;
  if (!ocl_conv_accept(q, &c)) return 0;
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  const ocl_lanes lanes = lanes_of(&c);
  ocl_want_pack(q, 1, PACK_NUMBER);
  if (!q->op->in[1]->const_data) q->candidate->workspace_bytes = ocl_lanes_bytes(&lanes);
  const double full = (double)c.batch * (double)c.pixels_in * (double)ocl_lanes_bytes(&lanes) / sizeof(float);
  q->candidate->estimated_ns = ocl_estimate(q->dev, 2 * (q->dev->cpu_class ? full : c.multiply_adds), (double)cvk_desc_bytes(q->op->out[0]),
                                            q->dev->cpu_class ? 0.05 : 0.08);
  return 1;
}

static uint64_t pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c);
  return ocl_lanes_bytes(&lanes);
}

static void pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const ocl_lanes lanes = lanes_of(&c);
  ocl_lanes_fill(b->dev->host, &lanes, b->op->in[input]->const_data, dst);
}

static cvk_status prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  if (!b->candidate->pack[1]) {
    const ocl_lanes lanes = lanes_of(&c);
    const cvk_status status = ocl_lanes_launch(b, &lanes, "conv_transpose", 1);
    if (status != CVK_OK) return status;
  }
  ocl_launch *l = ocl_launch_begin(b, "conv_transpose", "", "conv_transpose");
  ocl_arg_in(l, b, 0);
  ocl_arg_packed(l, b, 1);
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_conv(l, &c);
  return ocl_launch_end(b, l, 3, (int64_t[]){c.pixels_out, c.group * ocl_blocks(c.out_group), c.batch}, (size_t[]){16, 4, 1});
}

static const int32_t kinds[] = {CVK_OP_CONV_TRANSPOSE};
static const ocl_row rows[] = {
    {.name = "conv_transpose_depthwise",
     .accepts = conv_depthwise_accepts,
     .prepare = conv_depthwise_prepare,
     .pack_bytes = conv_depthwise_pack_bytes,
     .pack_fill = conv_depthwise_pack_fill},
    {.name = "conv_transpose_few",
     .variant = 1,
     .accepts = conv_transpose_direct_accepts,
     .prepare = conv_transpose_direct_prepare,
     .pack_bytes = conv_transpose_direct_pack_bytes,
     .pack_fill = conv_transpose_direct_pack_fill},
    {.name = "conv_transpose_direct",
     .accepts = conv_transpose_direct_accepts,
     .prepare = conv_transpose_direct_prepare,
     .pack_bytes = conv_transpose_direct_pack_bytes,
     .pack_fill = conv_transpose_direct_pack_fill},
    {.name = "conv_transpose_implicit",
     .accepts = conv_transpose_implicit_accepts,
     .prepare = conv_transpose_implicit_prepare,
     .pack_bytes = conv_transpose_implicit_pack_bytes,
     .pack_fill = conv_transpose_implicit_pack_fill},
    {.name = "conv_transpose_gather", .accepts = accepts, .prepare = prepare, .pack_bytes = pack_bytes, .pack_fill = pack_fill},
};
const ocl_list ocl_conv_transpose_list = {kinds, 1, sizeof rows / sizeof *rows, rows};

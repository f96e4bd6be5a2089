/* SPDX-License-Identifier: Apache-2.0 */
/* conv_direct.c: the rows of kernels_cl/conv_direct.cl: NCHWc16 in and out. A 1x1 kernel of stride 1 without pads sees each image as one
 * row, so that its tiles are full. Run-time weights are packed into the workspace at each execution. */
#include <string.h>

#include "conv.h"
#include "post.h"

#define PACK_NUMBER 1
#define TILE 7   /* pixels */
#define WIDEST 3 /* output blocks of a tile, where its accumulators fit the registers */

static int32_t is_pointwise(const ocl_conv *c) {
  for (int32_t i = 0; i < 3; i++)
    if (c->kernel[i] != 1 || c->stride[i] != 1 || c->pad[i] != 0 || c->in[i] != c->out[i]) return 0;
  return 1;
}

static uint64_t packed_bytes(const ocl_conv *c) {
  return (uint64_t)(c->group * ocl_blocks(c->out_group) * ocl_blocks(c->in_group) * c->taps) * OCL_BLOCK * OCL_BLOCK * sizeof(float);
}

int32_t conv_direct_accepts(ocl_query *q) {
  ocl_conv c;
  if (!q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (c.in[0] != 1 || c.kernel[0] != 1 || c.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (c.group > 1 && (c.in_group % OCL_BLOCK || c.out_group % OCL_BLOCK))
    return ocl_refuse(q, "groups of %lld and %lld channels are not whole blocks of %d", (long long)c.in_group, (long long)c.out_group,
                      OCL_BLOCK);
  if (!ocl_post_accept(q, CVK_BLOCKED)) return 0;
  ocl_want_in(q, 0, CVK_BLOCKED);
  ocl_want_out(q, 0, CVK_BLOCKED);
  ocl_want_pack(q, 1, PACK_NUMBER);
  if (!q->op->in[1]->const_data) q->candidate->workspace_bytes = packed_bytes(&c);
  const double full =
      (double)(ocl_blocks(c.in_group) * ocl_blocks(c.out_group)) * OCL_BLOCK * OCL_BLOCK / ((double)c.in_group * (double)c.out_group);
  q->candidate->estimated_ns = ocl_estimate(q->dev, 2 * c.multiply_adds * full, (double)packed_bytes(&c), 0.7);
  return 1;
}

uint64_t conv_direct_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  return packed_bytes(&c);
}

typedef struct fill_task { /* a task is one output block */
  const ocl_conv *c;
  const float *weights;
  float *dst;
} fill_task;

static void fill_block(void *arg, int64_t index, int32_t worker) {
  const fill_task *task = arg;
  const ocl_conv *c = task->c;
  const int64_t blocks_in = ocl_blocks(c->in_group), blocks_out = ocl_blocks(c->out_group),
                block_floats = blocks_in * c->taps * OCL_BLOCK * OCL_BLOCK;
  const int64_t g = index / blocks_out, first = index % blocks_out * OCL_BLOCK;
  float *to = task->dst + index * block_floats;
  (void)worker;
  memset(to, 0, (size_t)block_floats * sizeof(float));
  for (int64_t o = 0; o < OCL_BLOCK && first + o < c->out_group; o++) {
    const float *from = task->weights + (g * c->out_group + first + o) * c->in_group * c->taps;
    for (int64_t i = 0; i < c->in_group; i++, from += c->taps) {
      float *lane = to + (i / OCL_BLOCK * c->taps * OCL_BLOCK + i % OCL_BLOCK) * OCL_BLOCK + o;
      for (int64_t t = 0; t < c->taps; t++) lane[t * OCL_BLOCK * OCL_BLOCK] = from[t];
    }
  }
}

void conv_direct_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  const cvk_host *host = b->dev->host;
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  fill_task task = {&c, b->op->in[input]->const_data, dst};
  host->parallel_for(host->ctx, c.group * ocl_blocks(c.out_group), fill_block, &task);
}

static cvk_status prepare_pack(ocl_build *b, const ocl_conv *c) {
  ocl_launch *l = ocl_launch_begin(b, "conv_direct", "", "conv_direct_pack");
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_longs(l, 4, (int64_t[]){c->group, c->out_group, c->in_group, c->taps});
  return ocl_launch_end(b, l, 1, (int64_t[]){c->group * ocl_blocks(c->out_group) * ocl_blocks(c->in_group)}, (size_t[]){64});
}

cvk_status conv_direct_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const int32_t packed = b->candidate->pack[1] != 0;
  if (!packed) {
    const cvk_status status = prepare_pack(b, &c);
    if (status != CVK_OK) return status;
  }
  if (is_pointwise(&c)) {
    c.in[2] = c.out[2] = c.pixels_out;
    c.in[1] = c.out[1] = 1;
  }
  const int64_t blocks_in = ocl_blocks(c.in_group), blocks_out = ocl_blocks(c.out_group), tiles = c.out[1] * ((c.out[2] + TILE - 1) / TILE);
  const int64_t widest = b->dev->vector_floats >= OCL_BLOCK ? WIDEST : 2, parts = (blocks_out + widest - 1) / widest;
  const int64_t per_item = ocl_conv_tiles_an_item(b->dev, tiles, c.batch * c.group * parts,
                                                  parts ? c.multiply_adds / (double)(tiles * parts * c.group * c.batch) : 0);
  ocl_launch *l = ocl_launch_begin(b, "conv_direct", "", "conv_direct");
  ocl_arg_in(l, b, 0);
  if (packed)
    ocl_arg_in(l, b, 1);
  else
    ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 21,
                (int64_t[]){blocks_in,
                            blocks_out,
                            c.group,
                            c.in_group,
                            c.channels_out,
                            c.in[1],
                            c.in[2],
                            c.out[1],
                            c.out[2],
                            c.kernel[1],
                            c.kernel[2],
                            c.stride[1],
                            c.stride[2],
                            c.dilation[1],
                            c.dilation[2],
                            c.pad[1],
                            c.pad[2],
                            c.batch,
                            ocl_conv_chunk(&c, OCL_BLOCK),
                            parts,
                            per_item});
  return ocl_launch_end(b, l, 3, (int64_t[]){per_item ? (tiles + per_item - 1) / per_item : 0, c.group * parts, c.batch},
                        (size_t[]){8, 4, 1});
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd_plain.c: the row of kernels_cl/conv_winograd_plain.cl: 3x3, stride 1, F(2x2, 3x3), plain tensors, on devices that are no
 * CPU. The product is conv_implicit's, with the 16 planes as groups. Pack: U for it, then the weights as they were. */
#include <string.h>

#include "implicit.h"
#include "post.h"

#define PACK_NUMBER 9
#define PLANES 16
#define TAPS 9
#define FEWEST_CHANNELS 32 /* below, the transforms cost more than they save */

typedef struct shape {
  int64_t tiles_y, tiles_x, tiles;
  ocl_implicit product;
  uint64_t v_bytes, s_bytes;
} shape;

static shape shape_of(const ocl_conv *c) {
  shape s = {.tiles_y = (c->out[1] + 1) / 2, .tiles_x = (c->out[2] + 1) / 2};
  s.tiles = c->batch * s.tiles_y * s.tiles_x;
  s.product = (ocl_implicit){.batch = 1,
                             .groups = PLANES,
                             .rows = c->channels_out,
                             .channels = c->channels_in,
                             .in_h = 1,
                             .in_w = s.tiles,
                             .out_h = 1,
                             .out_w = s.tiles,
                             .kernel_h = 1,
                             .kernel_w = 1,
                             .stride_h = 1,
                             .stride_w = 1,
                             .dilation_h = 1,
                             .dilation_w = 1,
                             .whole = 1};
  s.v_bytes = (uint64_t)(PLANES * c->channels_in * s.tiles) * sizeof(float);
  s.v_bytes = (s.v_bytes + 63) / 64 * 64;
  s.s_bytes = (uint64_t)(PLANES * c->channels_out * s.tiles) * sizeof(float);
  return s;
}

int32_t conv_winograd_plain_accepts(ocl_query *q) {
  ocl_conv c;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_winograd_accept(q, &c)) return 0;
  if (c.group != 1) return ocl_refuse(q, "%lld groups, takes 1", (long long)c.group);
  if (c.channels_in < FEWEST_CHANNELS || c.channels_out < FEWEST_CHANNELS)
    return ocl_refuse(q, "%lld to %lld channels, takes %d or more", (long long)c.channels_in, (long long)c.channels_out, FEWEST_CHANNELS);
  const shape s = shape_of(&c);
  if (!ocl_implicit_fits(&s.product) || s.tiles > 1 << 28) return ocl_refuse(q, "more than 2^30 elements");
  const ocl_implicit_plan plan = ocl_implicit_choose(q->dev, &s.product);
  if (!plan.tile) return ocl_refuse(q, "work-groups of %zu items are too small", q->dev->max_group);
  if (q->dev->max_alloc_bytes && s.v_bytes + s.s_bytes > q->dev->max_alloc_bytes / 4)
    return ocl_refuse(q, "a workspace of %llu bytes", (unsigned long long)(s.v_bytes + s.s_bytes));
  if (!ocl_post_accept(q, CVK_PLAIN)) return 0;
  ocl_want_pack(q, 1, PACK_NUMBER);
  q->candidate->error_class = CVK_ERROR_WINOGRAD;
  q->candidate->workspace_bytes = s.v_bytes + s.s_bytes;
  q->candidate->estimated_ns = plan.ns + 2 * ocl_estimate(q->dev, 0, (double)(s.v_bytes + s.s_bytes), 1);
  return 1;
}

uint64_t conv_winograd_plain_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  (void)input;
  ocl_conv_read(b->op, &c);
  const shape s = shape_of(&c);
  return ocl_implicit_bytes(&s.product) + (uint64_t)(c.channels_out * c.channels_in * TAPS) * sizeof(float);
}

typedef struct fill_task { /* a task is LINE output channels, a line of the cache in each plane */
  const float *from;
  float *to;
  int64_t channels_in, channels_out, rows, plane;
} fill_task;

#define LINE 16

static void fill_channels(void *arg, int64_t index, int32_t worker) {
  const fill_task *task = arg;
  const int64_t first = index * LINE, end = first + LINE < task->channels_out ? first + LINE : task->channels_out;
  float u[PLANES];
  (void)worker;
  for (int64_t i = 0; i < task->channels_in; i++)
    for (int64_t m = first; m < end; m++) {
      ocl_winograd_weights(4, ocl_winograd_rows2, task->from + (m * task->channels_in + i) * TAPS, u);
      for (int64_t k = 0; k < PLANES; k++) task->to[k * task->plane + i * task->rows + m] = u[k];
    }
}

void conv_winograd_plain_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  const cvk_host *host = b->dev->host;
  const float *from = b->op->in[input]->const_data;
  ocl_conv c;
  ocl_conv_read(b->op, &c);
  const shape s = shape_of(&c);
  const uint64_t u_bytes = ocl_implicit_bytes(&s.product);
  fill_task task = {.from = from,
                    .to = dst,
                    .channels_in = c.channels_in,
                    .channels_out = c.channels_out,
                    .rows = (c.channels_out + OCL_TILE_ROWS - 1) / OCL_TILE_ROWS * OCL_TILE_ROWS,
                    .plane = (int64_t)(u_bytes / PLANES / sizeof(float))};
  memset(dst, 0, u_bytes);
  host->parallel_for(host->ctx, (c.channels_out + LINE - 1) / LINE, fill_channels, &task);
  memcpy(task.to + u_bytes / sizeof(float), from, (size_t)(c.channels_out * c.channels_in * TAPS) * sizeof(float));
}

cvk_status conv_winograd_plain_prepare(ocl_build *b) {
  ocl_conv c;
  ocl_implicit_plan plan;
  ocl_conv_read(b->op, &c);
  const shape s = shape_of(&c);
  ocl_launch *l = ocl_launch_begin(b, "conv_winograd_plain", "", "winograd_input_plain");
  ocl_arg_in(l, b, 0);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_ints(l, 8, (int64_t[]){c.channels_in, c.in[1], c.in[2], c.pad[1], c.pad[2], s.tiles_y, s.tiles_x, s.tiles});
  cvk_status status = ocl_launch_end(b, l, 2, (int64_t[]){s.tiles, c.channels_in}, (size_t[]){32, 4});
  if (status != CVK_OK) return status;

  l = ocl_implicit_begin(b, &s.product, &plan);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_in(l, b, 1);
  ocl_arg_none(l);
  ocl_arg_no_post(l);
  ocl_arg_workspace(l, s.v_bytes, sizeof(float));
  status = ocl_implicit_end(b, l, &s.product, &plan);
  if (status != CVK_OK) return status;

  l = ocl_launch_begin(b, "conv_winograd_plain", "", "winograd_output_plain");
  ocl_arg_workspace(l, s.v_bytes, sizeof(float));
  ocl_arg_in(l, b, 0);
  ocl_arg_in_at(l, b, 1, ocl_implicit_bytes(&s.product) / sizeof(float));
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_ints(
      l, 11,
      (int64_t[]){c.channels_in, c.channels_out, c.in[1], c.in[2], c.out[1], c.out[2], c.pad[1], c.pad[2], s.tiles_y, s.tiles_x, s.tiles});
  return ocl_launch_end(b, l, 2, (int64_t[]){s.tiles, c.channels_out}, (size_t[]){32, 4});
}

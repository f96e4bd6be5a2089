/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd.c: the row of kernels_cl/conv_winograd.cl: 3x3, stride 1, F(4x4, 3x3), NCHWc16 in and out. The image is done in bands of
 * tiles whose transformed data stays in the cache. Pack: U, then the weights of conv_direct for tiles that are computed again. */
#include <math.h>
#include <string.h>

#include "conv.h"
#include "post.h"

#define PACK_NUMBER 6
#define PRODUCTS 36          /* of one tile */
#define TILES 8              /* of one work-item of the product */
#define BAND_BYTES (3 << 20) /* of V and S together */
#define FEWEST_CHANNELS 32
#define FEWEST_TILES 8

typedef struct winograd {
  int64_t blocks_in, blocks_out, tiles_y, tiles_x, tiles;
  int64_t band;              /* tiles a band */
  uint64_t u_floats;         /* transformed weights; the direct ones follow */
  uint64_t v_bytes, s_bytes; /* of one band */
} winograd;

static void read_winograd(const ocl_conv *c, winograd *w) {
  w->blocks_in = ocl_blocks(c->channels_in);
  w->blocks_out = ocl_blocks(c->channels_out);
  w->tiles_y = (c->out[1] + 3) / 4;
  w->tiles_x = (c->out[2] + 3) / 4;
  w->tiles = c->batch * w->tiles_y * w->tiles_x;
  const int64_t tile_bytes = PRODUCTS * (w->blocks_in + w->blocks_out) * OCL_BLOCK * (int64_t)sizeof(float);
  const int64_t fit = BAND_BYTES / tile_bytes / TILES * TILES, least = 4 * TILES;
  w->band = fit < least ? least : fit;
  if (w->band > w->tiles) w->band = w->tiles;
  w->u_floats = (uint64_t)(PRODUCTS * w->blocks_in * w->blocks_out) * OCL_BLOCK * OCL_BLOCK;
  w->v_bytes = (uint64_t)(PRODUCTS * w->blocks_in * w->band) * OCL_BLOCK * sizeof(float);
  w->s_bytes = (uint64_t)(PRODUCTS * w->blocks_out * w->band) * OCL_BLOCK * sizeof(float);
}

static int32_t all_finite(const float *w, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(w[i])) return 0;
  return 1;
}

int32_t conv_winograd_accepts(ocl_query *q) {
  ocl_conv c;
  winograd w;
  if (q->op->flags & CVK_EXACT) return ocl_refuse(q, "exact results were asked for");
  if (!ocl_conv_accept(q, &c)) return 0;
  if (q->op->in[0]->rank != 4 || c.kernel[1] != 3 || c.kernel[2] != 3)
    return ocl_refuse(q, "kernel %lldx%lld, takes 3x3", (long long)c.kernel[1], (long long)c.kernel[2]);
  if (c.stride[1] != 1 || c.stride[2] != 1 || c.dilation[1] != 1 || c.dilation[2] != 1)
    return ocl_refuse(q, "a stride or dilation above 1");
  if (c.group != 1) return ocl_refuse(q, "%lld groups, takes 1", (long long)c.group);
  if (c.channels_in < FEWEST_CHANNELS || c.channels_out < FEWEST_CHANNELS)
    return ocl_refuse(q, "%lld to %lld channels, takes %d or more", (long long)c.channels_in, (long long)c.channels_out, FEWEST_CHANNELS);
  read_winograd(&c, &w);
  if (w.tiles < FEWEST_TILES) return ocl_refuse(q, "%lld tiles of 4x4, takes %d or more", (long long)w.tiles, FEWEST_TILES);
  const float *weights = q->op->in[1]->const_data;
  if (!weights) return ocl_refuse(q, "weights that are not constant");
  if (!all_finite(weights, c.channels_out * c.channels_in * 9)) return ocl_refuse(q, "a weight is not finite");
  if (!ocl_post_accept(q, CVK_BLOCKED)) return 0;
  ocl_want_in(q, 0, CVK_BLOCKED);
  ocl_want_out(q, 0, CVK_BLOCKED);
  ocl_want_pack(q, 1, PACK_NUMBER);
  q->candidate->error_class = CVK_ERROR_WINOGRAD;
  q->candidate->workspace_bytes = w.v_bytes + w.s_bytes;
  const double tiles = (double)((w.tiles + TILES - 1) / TILES * TILES), vectors = (double)(w.blocks_in + w.blocks_out) * OCL_BLOCK;
  const double bands = (double)((w.tiles + w.band - 1) / w.band);
  q->candidate->estimated_ns = ocl_estimate(q->dev, 2.0 * PRODUCTS * tiles * (double)(w.blocks_in * w.blocks_out) * OCL_BLOCK * OCL_BLOCK,
                                            (double)w.u_floats * sizeof(float), 0.6) +
                               ocl_estimate(q->dev, 0, 2.0 * PRODUCTS * sizeof(float) * tiles * vectors, 1) / 4 + bands * 12000;
  return 1;
}

uint64_t conv_winograd_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  winograd w;
  ocl_conv_read(b->op, &c);
  read_winograd(&c, &w);
  return w.u_floats * sizeof(float) + conv_direct_pack_bytes(b, input);
}

/* One 3x3 kernel to its 36 values, in double. */
static void transform_weights(const float *g, double u[PRODUCTS]) {
  static const double rows[6][3] = {{1.0 / 4, 0, 0},
                                    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                    {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                    {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                    {0, 0, 1}};
  double half[6][3];
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 3; j++) half[i][j] = rows[i][0] * g[j] + rows[i][1] * g[3 + j] + rows[i][2] * g[6 + j];
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) u[i * 6 + j] = half[i][0] * rows[j][0] + half[i][1] * rows[j][1] + half[i][2] * rows[j][2];
}

typedef struct fill_task { /* a task is one output block */
  const ocl_conv *c;
  const winograd *w;
  const float *weights;
  float *u;
} fill_task;

/* A pair of blocks is made in a small buffer first: U's 36 planes lie far apart. */
static void fill_block(void *arg, int64_t block_out, int32_t worker) {
  const fill_task *task = arg;
  const ocl_conv *c = task->c;
  const int64_t plane = task->w->blocks_out * task->w->blocks_in * OCL_BLOCK * OCL_BLOCK;
  float pair[PRODUCTS][OCL_BLOCK][OCL_BLOCK];
  double values[PRODUCTS];
  (void)worker;
  for (int64_t block_in = 0; block_in < task->w->blocks_in; block_in++) {
    memset(pair, 0, sizeof pair);
    for (int64_t o = block_out * OCL_BLOCK; o < (block_out + 1) * OCL_BLOCK && o < c->channels_out; o++)
      for (int64_t i = block_in * OCL_BLOCK; i < (block_in + 1) * OCL_BLOCK && i < c->channels_in; i++) {
        transform_weights(task->weights + (o * c->channels_in + i) * 9, values);
        for (int k = 0; k < PRODUCTS; k++) pair[k][i % OCL_BLOCK][o % OCL_BLOCK] = (float)values[k];
      }
    float *to = task->u + (block_out * task->w->blocks_in + block_in) * OCL_BLOCK * OCL_BLOCK;
    for (int k = 0; k < PRODUCTS; k++) memcpy(to + k * plane, pair[k], sizeof pair[k]);
  }
}

void conv_winograd_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  const cvk_host *host = b->dev->host;
  ocl_conv c;
  winograd w;
  ocl_conv_read(b->op, &c);
  read_winograd(&c, &w);
  fill_task task = {&c, &w, b->op->in[input]->const_data, dst};
  host->parallel_for(host->ctx, w.blocks_out, fill_block, &task);
  conv_direct_pack_fill(b, input, task.u + w.u_floats);
}

static cvk_status prepare_band(ocl_build *b, const ocl_conv *c, const winograd *w, int64_t first, int64_t count) {
  ocl_launch *l = ocl_launch_begin(b, "conv_winograd", "", "winograd_input");
  ocl_arg_in(l, b, 0);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_longs(l, 9, (int64_t[]){w->blocks_in, c->in[1], c->in[2], w->tiles_y, w->tiles_x, c->pad[1], c->pad[2], first, count});
  cvk_status status = ocl_launch_end(b, l, 2, (int64_t[]){count, w->blocks_in}, (size_t[]){8, 4});
  if (status != CVK_OK) return status;

  l = ocl_launch_begin(b, "conv_winograd", "", "winograd_product");
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, w->v_bytes, sizeof(float));
  ocl_arg_longs(l, 3, (int64_t[]){w->blocks_in, w->blocks_out, count});
  status = ocl_launch_end(b, l, 3, (int64_t[]){(count + TILES - 1) / TILES, (w->blocks_out + 1) / 2, PRODUCTS}, (size_t[]){8, 4, 1});
  if (status != CVK_OK) return status;

  l = ocl_launch_begin(b, "conv_winograd", "", "winograd_output");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, w->v_bytes, sizeof(float));
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 12,
                (int64_t[]){w->blocks_in, c->channels_out, c->in[1], c->in[2], c->out[1], c->out[2], w->tiles_y, w->tiles_x, c->pad[1],
                            c->pad[2], first, count});
  return ocl_launch_end(b, l, 2, (int64_t[]){count, w->blocks_out}, (size_t[]){8, 4});
}

cvk_status conv_winograd_prepare(ocl_build *b) {
  ocl_conv c;
  winograd w;
  ocl_conv_read(b->op, &c);
  read_winograd(&c, &w);
  for (int64_t first = 0; first < w.tiles; first += w.band) {
    const int64_t rest = w.tiles - first, count = rest < w.band ? rest : w.band;
    const cvk_status status = prepare_band(b, &c, &w, first, count);
    if (status != CVK_OK) return status;
  }
  return CVK_OK;
}

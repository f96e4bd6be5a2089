/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd.c: the rows of kernels_cl/conv_winograd.cl: 3x3, stride 1, F(4x4, 3x3) and F(2x2, 3x3), NCHWc16 in and out, on CPU devices.
 * Images of few tiles: one launch makes V, a second shares the panels of output channels out. Larger ones: a launch whose items take blocks
 * of tiles through everything, each in a part of the workspace that stays in its core's cache. */
#include <string.h>

#include "conv.h"
#include "post.h"

#define MOST_OUT 4
#define MOST_SIDE (MOST_OUT + 2)
#define MOST_VALUES (MOST_SIDE * MOST_SIDE)
#define TAPS 9
#define KEPT_TAPS 5         /* behind U: those that are not its corners */
#define PANEL 2             /* output blocks */
#define TILES_SHARED 64     /* up to so many tiles are one block */
#define TILES_LEAST 14      /* a block: fewer would read the weights too often */
#define TILES_MOST 28       /* a block */
#define V_BYTES (640 << 10) /* of a block: V and S stay in the second-level cache */
#define ITEMS_A_UNIT 4      /* items that take blocks; each has a part of the workspace */
#define WORKSPACE_MOST (256u << 20)

typedef struct transform {
  int64_t out;
  uint64_t pack_number;
  const char *options;
  const double (*weight_rows)[3]; /* G: U = G g G^T. The first row is (1, 0, 0), the last (0, 0, 1) */
} transform;

#define P 0.70710678118654752440
#define Q 1.41421356237309504880
#define NP (-1 / 1.5) /* one over the product of a point's distances to the others */
#define NQ (1 / 6.0)

static const double rows4[6][3] = {{1, 0, 0},           {NP, NP *P, NP / 2},  {NP, -NP *P, NP / 2},
                                   {NQ, NQ *Q, NQ * 2}, {NQ, -NQ *Q, NQ * 2}, {0, 0, 1}};
static const transform transforms[] = {{4, 6, "-DOUT=4", rows4}, {2, 7, "-DOUT=2", ocl_winograd_rows2}};

typedef struct winograd {
  const transform *f;
  int64_t side, values;
  int64_t blocks_in, blocks_out; /* of a group */
  int64_t panels;                /* of all groups */
  int64_t tiles_y, tiles_x, tiles;
  int32_t own;                                 /* items make V themselves */
  int64_t per_item, block, items, panels_item; /* tiles of an item and of a block of it; items; panels an item */
  int64_t v_tiles, v_plane, s_plane;           /* vectors; planes of an odd number, so that they do not share cache sets */
  uint64_t v_bytes, s_bytes, pack_bytes;
} winograd;

/* Registers hold two output blocks of so many tiles. */
static int32_t most_tiles(const cvk_backend_device *dev) {
  return dev->vector_floats >= OCL_BLOCK ? 14 : 4;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

static void read_winograd(const cvk_backend_device *dev, const ocl_row *row, const ocl_conv *c, winograd *w) {
  const transform *f = &transforms[row->variant];
  *w = (winograd){.f = f, .side = f->out + 2, .values = (f->out + 2) * (f->out + 2)};
  w->blocks_in = ocl_blocks(c->in_group);
  w->blocks_out = ocl_blocks(c->out_group);
  w->panels = c->group * up(w->blocks_out, PANEL);
  w->tiles_y = up(c->out[1], f->out);
  w->tiles_x = up(c->out[2], f->out);
  w->tiles = c->batch * w->tiles_y * w->tiles_x;
  w->own = w->tiles > TILES_SHARED;
  w->block = w->per_item = w->tiles;
  w->items = 1;
  w->panels_item = 1;
  if (w->own) {
    const int64_t fit = V_BYTES / (w->values * c->group * w->blocks_in * OCL_BLOCK * (int64_t)sizeof(float)) / TILES_LEAST * TILES_LEAST;
    const int64_t block = fit < TILES_LEAST ? TILES_LEAST : least(fit, TILES_MOST), blocks = up(w->tiles, block);
    w->items = least(blocks, ITEMS_A_UNIT * dev->units);
    w->block = up(w->tiles, up(blocks, w->items) * w->items);
    w->per_item = up(w->tiles, w->items);
    w->items = up(w->tiles, w->per_item);
    w->panels_item = w->panels;
  } else if (w->tiles) { /* parts, where panels alone are too few for the units */
    const int64_t parts = least(up(w->tiles, TILES_LEAST), up(ITEMS_A_UNIT * dev->units, w->panels ? w->panels : 1));
    w->block = w->per_item = up(w->tiles, parts);
    w->items = up(w->tiles, w->per_item);
  }
  w->v_tiles = w->own ? w->block : w->tiles;
  w->v_plane = c->group * w->blocks_in * w->v_tiles | 1;
  w->s_plane = PANEL * w->block | 1;
  w->v_bytes = (uint64_t)((w->own ? w->items : 1) * w->values * w->v_plane * OCL_BLOCK) * sizeof(float);
  w->s_bytes = (uint64_t)(w->items * up(w->panels, w->panels_item) * w->values * w->s_plane * OCL_BLOCK) * sizeof(float);
  w->pack_bytes = (uint64_t)(c->group * w->blocks_out * (w->values + KEPT_TAPS) * w->blocks_in * OCL_BLOCK * OCL_BLOCK) * sizeof(float);
}

int32_t conv_winograd_accepts(ocl_query *q) {
  ocl_conv c;
  winograd w;
  if (!q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (!ocl_winograd_accept(q, &c)) return 0;
  if (c.group != 1 && (c.in_group % OCL_BLOCK || c.out_group % OCL_BLOCK))
    return ocl_refuse(q, "groups of %lld and %lld channels are not whole blocks of %d", (long long)c.in_group, (long long)c.out_group,
                      OCL_BLOCK);
  read_winograd(q->dev, q->row, &c, &w);
  if (w.v_bytes + w.s_bytes > WORKSPACE_MOST)
    return ocl_refuse(q, "a workspace of %llu bytes, takes at most %u", (unsigned long long)(w.v_bytes + w.s_bytes), WORKSPACE_MOST);
  if (!ocl_post_accept(q, CVK_BLOCKED)) return 0;
  ocl_want_in(q, 0, CVK_BLOCKED);
  ocl_want_out(q, 0, CVK_BLOCKED);
  ocl_want_pack(q, 1, w.f->pack_number);
  q->candidate->error_class = CVK_ERROR_WINOGRAD;
  q->candidate->workspace_bytes = w.v_bytes + w.s_bytes;
  const double values = (double)w.tiles * (double)w.values, in = (double)w.blocks_in * OCL_BLOCK,
               out = (double)(c.group * w.blocks_out) * OCL_BLOCK;
  q->candidate->estimated_ns = ocl_estimate(q->dev, 2.0 * values * in * out, (double)w.pack_bytes, 0.75) +
                               ocl_estimate(q->dev, 0, 8.0 * values * (in * (double)c.group + out), 1) / 4;
  return 1;
}

uint64_t conv_winograd_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_conv c;
  winograd w;
  (void)input;
  ocl_conv_read(b->op, &c);
  read_winograd(b->dev, b->row, &c, &w);
  return w.pack_bytes;
}

typedef struct fill_task { /* a task is one output block */
  const ocl_conv *c;
  const winograd *w;
  const float *weights;
  float *u;
} fill_task;

/* One 3x3 kernel to its planes. */
static void transform_weights(const transform *f, const float *g, float planes[MOST_VALUES + KEPT_TAPS]) {
  static const int32_t kept[KEPT_TAPS] = {1, 3, 4, 5, 7};
  const int64_t side = f->out + 2, values = side * side;
  ocl_winograd_weights(side, f->weight_rows, g, planes);
  for (int64_t t = 0; t < KEPT_TAPS; t++) planes[values + t] = g[kept[t]];
}

/* 16 by 16 channels are made in a small buffer first: the planes lie far apart. */
static void fill_block(void *arg, int64_t block_out, int32_t worker) {
  const fill_task *task = arg;
  const ocl_conv *c = task->c;
  const winograd *w = task->w;
  const int64_t n_planes = w->values + KEPT_TAPS, plane = w->blocks_in * OCL_BLOCK * OCL_BLOCK;
  float pair[MOST_VALUES + KEPT_TAPS][OCL_BLOCK][OCL_BLOCK], planes[MOST_VALUES + KEPT_TAPS];
  (void)worker;
  for (int64_t block_in = 0; block_in < w->blocks_in; block_in++) {
    memset(pair, 0, sizeof pair);
    for (int64_t o = block_out * OCL_BLOCK; o < least((block_out + 1) * OCL_BLOCK, c->channels_out); o++)
      for (int64_t i = block_in * OCL_BLOCK; i < least((block_in + 1) * OCL_BLOCK, c->in_group); i++) {
        transform_weights(w->f, task->weights + (o * c->in_group + i) * TAPS, planes);
        for (int64_t k = 0; k < n_planes; k++) pair[k][i % OCL_BLOCK][o % OCL_BLOCK] = planes[k];
      }
    float *to = task->u + block_out * n_planes * plane + block_in * OCL_BLOCK * OCL_BLOCK;
    for (int64_t k = 0; k < n_planes; k++) memcpy(to + k * plane, pair[k], sizeof pair[k]);
  }
}

void conv_winograd_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  const cvk_host *host = b->dev->host;
  ocl_conv c;
  winograd w;
  ocl_conv_read(b->op, &c);
  read_winograd(b->dev, b->row, &c, &w);
  fill_task task = {&c, &w, b->op->in[input]->const_data, dst};
  host->parallel_for(host->ctx, c.group * w.blocks_out, fill_block, &task);
}

static cvk_status prepare_input(ocl_build *b, const ocl_conv *c, const winograd *w) {
  ocl_launch *l = ocl_launch_begin(b, "conv_winograd", w->f->options, "winograd_input");
  ocl_arg_in(l, b, 0);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_longs(
      l, 9, (int64_t[]){c->group * w->blocks_in, c->in[1], c->in[2], w->tiles_y, w->tiles_x, c->pad[1], c->pad[2], w->tiles, w->v_plane});
  return ocl_launch_end(b, l, 2, (int64_t[]){w->tiles, c->group * w->blocks_in}, NULL);
}

cvk_status conv_winograd_prepare(ocl_build *b) {
  ocl_conv c;
  winograd w;
  ocl_conv_read(b->op, &c);
  read_winograd(b->dev, b->row, &c, &w);
  if (!w.own) {
    const cvk_status status = prepare_input(b, &c, &w);
    if (status != CVK_OK) return status;
  }
  ocl_launch *l = ocl_launch_begin(b, "conv_winograd", w.f->options, "winograd_tiles");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_workspace(l, w.v_bytes, sizeof(float));
  ocl_arg_in(l, b, ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 15,
                (int64_t[]){c.group, w.blocks_in, c.channels_out, c.in[1], c.in[2], c.out[1], c.out[2], w.tiles_y, w.tiles_x, c.pad[1],
                            c.pad[2], w.tiles, w.per_item, w.block, w.panels_item});
  ocl_arg_int(l, w.own);
  ocl_arg_int(l, most_tiles(b->dev));
  ocl_arg_longs(l, 3, (int64_t[]){w.v_tiles, w.v_plane, w.s_plane});
  return ocl_launch_end(b, l, 2, (int64_t[]){w.items, up(w.panels, w.panels_item)}, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_tile.c: the row of kernels_cl/conv_grad_tile.cl: CONV_GRAD_WEIGHT as a matrix product, on devices that are no CPU. */
#include <stdio.h>

#include "class.h"
#include "conv_grad.h"

#define GROUPS_A_UNIT 4
#define LEAST_DEPTH 128 /* of a part */
#define MOST_PARTS 64
#define STEP 16

static const ocl_tile tiles[] = {{64, 64, STEP, 4, 4, 1, 0.35}, {32, 32, STEP, 4, 4, 1, 0.25}, {16, 32, STEP, 4, 4, 1, 0.15}};
enum { TILES = sizeof tiles / sizeof *tiles };

typedef struct plan {
  int32_t tile; /* TILES: the device can run none */
  int64_t share, parts;
  double ns;
} plan;

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }

static plan plan_for(const cvk_backend_device *dev, const ocl_conv_grad *g, int32_t tile) {
  const ocl_tile *t = &tiles[tile];
  const int64_t depth = g->batch * g->pixels_out, groups = ceil_div(g->columns, t->wn) * ceil_div(g->out_group, t->wm) * g->groups;
  int64_t parts = ceil_div(GROUPS_A_UNIT * dev->units, groups > 0 ? groups : 1);
  if (parts > depth / LEAST_DEPTH) parts = depth / LEAST_DEPTH;
  if (parts > MOST_PARTS) parts = MOST_PARTS;
  if (parts < 1) parts = 1;
  plan p = {.tile = tile, .share = ceil_div(ceil_div(depth, parts), STEP) * STEP};
  p.parts = ceil_div(depth, p.share);
  const double several = (double)ceil_div(groups * p.parts, dev->units), flops = 2.0 * t->wm * t->wn * (double)p.share * several;
  p.ns = ocl_estimate(dev, flops * dev->units, 8.0 * (double)(p.parts * g->filters * g->columns), t->efficiency) + ocl_estimate(dev, 0, 0, 1);
  return p;
}

static plan plan_of(const cvk_backend_device *dev, const ocl_conv_grad *g) {
  plan best = {.tile = TILES};
  for (int32_t i = 0; i < TILES; i++) {
    const ocl_tile *t = &tiles[i];
    if (ocl_tile_items(t) > dev->max_group || (size_t)(t->wn / t->rn) > dev->max_item[0] || (size_t)(t->wm / t->rm) > dev->max_item[1]) continue;
    if (2 * STEP * (size_t)(t->wm + t->wn + 2) * sizeof(float) > dev->local_bytes) continue;
    const plan p = plan_for(dev, g, i);
    if (best.tile == TILES || p.ns < best.ns) best = p;
  }
  return best;
}

/* All offsets that count in 32 bits. */
static int32_t fits(const ocl_conv_grad *g) {
  const int64_t most = 1 << 30;
  int32_t near = 1;
  for (int32_t i = 0; i < 3; i++) near &= g->pad[i] < 1 << 20 && (g->kernel[i] - 1) * g->dilation[i] < 1 << 20 && g->out[i] * g->stride[i] < most;
  return near && g->batch * g->pixels_out < most && g->groups * g->in_group * g->pixels_in < most && g->filters * g->columns < most;
}

int32_t conv_grad_tile_accepts(ocl_query *q) {
  ocl_conv_grad g;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_conv_grad_accept(q, &g)) return 0;
  if (g.kernel[0] * g.in[0] * g.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (g.batch * g.pixels_out * g.weights == 0 || g.filters == 0) return ocl_refuse(q, "nothing to sum");
  if (!fits(&g)) return ocl_refuse(q, "more than 2^30 elements");
  const plan p = plan_of(q->dev, &g);
  if (p.tile == TILES) return ocl_refuse(q, "work-groups of %zu items are too small", q->dev->max_group);
  q->candidate->workspace_bytes = (uint64_t)(p.parts * g.filters * g.columns) * sizeof(float);
  q->candidate->estimated_ns = p.ns;
  return 1;
}

static ocl_launch *begin(ocl_build *b, int32_t tile, const char *name) {
  char options[64];
  const ocl_tile *t = &tiles[tile];
  snprintf(options, sizeof options, "-DWM=%d -DWN=%d -DRM=%d -DRN=%d", t->wm, t->wn, t->rm, t->rn);
  return ocl_launch_begin(b, "conv_grad_tile", options, name);
}

static void arg_shape(ocl_launch *l, const ocl_conv_grad *g, const plan *p) {
  ocl_arg_ints(l, 20, (int64_t[]){g->out_group, g->columns, g->weights, g->groups, g->in_group, g->in[1], g->in[2], g->out[2], g->pixels_out,
                                  g->kernel[1], g->kernel[2], g->stride[1], g->stride[2], g->dilation[1], g->dilation[2], g->pad[1], g->pad[2],
                                  g->batch * g->pixels_out, p->share, p->parts});
}

cvk_status conv_grad_tile_prepare(ocl_build *b) {
  ocl_conv_grad g;
  ocl_conv_grad_read(b->op, &g);
  const plan p = plan_of(b->dev, &g);
  int32_t tile = p.tile;
  ocl_launch *l = begin(b, tile, "conv_grad_tile");
  while (l && l->status == CVK_OK && ocl_launch_most_items(l) < ocl_tile_items(&tiles[tile]) && tile + 1 < TILES) { /* built, it may have fewer */
    ocl_launch_drop(b, l);
    l = begin(b, ++tile, "conv_grad_tile");
  }
  const ocl_tile *t = &tiles[tile];
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, 0, sizeof(float));
  arg_shape(l, &g, &p);
  const int64_t groups[3] = {ceil_div(g.columns, t->wn), ceil_div(g.out_group, t->wm), g.groups * p.parts};
  const cvk_status status = ocl_launch_groups(b, l, 3, groups, (size_t[]){(size_t)(t->wn / t->rn), (size_t)(t->wm / t->rm), 1});
  if (status != CVK_OK) return status;
  l = begin(b, tile, "conv_grad_tile_join");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_out(l, b, 0);
  ocl_arg_out(l, b, 1);
  arg_shape(l, &g, &p);
  return ocl_launch_end(b, l, 2, (int64_t[]){g.columns, g.filters}, (size_t[]){16, 4});
}

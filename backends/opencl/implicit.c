/* SPDX-License-Identifier: Apache-2.0 */
/* implicit.c: see implicit.h. */
#include "implicit.h"

#include <math.h>
#include <stdio.h>

#include "lanes.h"
#include "post.h"

#define STEP_NS 600.0 /* of a work-group by itself: the time of its loads */
#define MOST_SPLITS 32
#define LEAST_DEPTH 64 /* of a part */
#define PADDED_TAP 32767 /* dy of a depth that does not exist: no row is that far away */

static int64_t up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

static int64_t taps_of(const ocl_implicit *s) {
  return s->kernel_h * s->kernel_w;
}

static int32_t weights_of(const ocl_implicit *s) {
  return s->image || s->weights ? s->weights : 1;
}

static int64_t up_of(const ocl_implicit *s) {
  return s->up ? s->up : 1;
}

/* Few channels would waste most of each step: then every depth has a tap of its own. */
static int32_t has_table(const ocl_implicit *s) {
  const int64_t one_by_one = up(s->channels * taps_of(s), OCL_TILE_DEPTH), by_tap = taps_of(s) * up(s->channels, OCL_TILE_DEPTH);
  return 10 * by_tap > 16 * one_by_one;
}

typedef struct depth { /* what the kernel calls taps and channels */
  int64_t taps, channels, padded;
} depth;

static depth depth_of(const ocl_implicit *s) {
  const int32_t table = has_table(s);
  const int64_t channels = table ? s->channels * taps_of(s) : s->channels;
  return (depth){table ? 1 : taps_of(s), channels, up(channels, OCL_TILE_DEPTH)};
}

static int64_t padded_rows(const ocl_implicit *s) {
  return up(s->rows, OCL_TILE_ROWS);
}

static int64_t padded_depth(const ocl_implicit *s) {
  const depth d = depth_of(s);
  return d.taps * d.padded;
}

static int32_t device_can(const cvk_backend_device *dev, const ocl_tile *t) {
  return (size_t)(t->wn / t->rn) <= dev->max_item[0] && (size_t)(t->wm / t->rm) <= dev->max_item[1] &&
         ocl_tile_items(t) <= dev->max_group && ocl_tile_local_bytes(t) <= dev->local_bytes;
}

static int64_t columns_of(const ocl_implicit *s) {
  return s->batch * s->out_h * s->out_w;
}

static int64_t elements_of(const ocl_implicit *s) {
  return columns_of(s) * s->groups * s->rows;
}

/* A unit that has `several` work-groups takes their steps in turns; with few of them a step takes as long as its loads do. */
static double estimate(const cvk_backend_device *dev, const ocl_implicit *s, const ocl_tile *t, int32_t splits) {
  const double groups = (double)up(columns_of(s), t->wn) / t->wn * (double)up(s->rows, t->wm) / t->wm * (double)s->groups * splits;
  const double several = ceil(groups / dev->units), steps = ceil((double)padded_depth(s) / t->wk / splits) + 1;
  const double step_ns = 2.0 * t->wm * t->wn * t->wk / (dev->peak_gflops / dev->units * t->efficiency);
  const double out = 4.0 * (double)elements_of(s);
  const double ns = ocl_estimate(dev, 0, (double)ocl_implicit_bytes(s) + out * splits, 1) + steps * fmax(STEP_NS, several * step_ns);
  return splits > 1 ? ns + ocl_estimate(dev, 0, out * (splits + 1), 1) : ns;
}

static void consider(const cvk_backend_device *dev, const ocl_implicit *s, const ocl_tile *t, ocl_implicit_plan *best) {
  if (!device_can(dev, t) || padded_rows(s) % t->wm != 0) return;
  for (int32_t splits = 1; splits <= MOST_SPLITS; splits *= 2) {
    if (splits > 1 && (s->whole || padded_depth(s) / splits < LEAST_DEPTH || elements_of(s) * splits > 1 << 28)) return;
    const double ns = estimate(dev, s, t, splits);
    if (best->tile && best->ns <= ns) continue;
    *best = (ocl_implicit_plan){t, splits, splits > 1 ? (uint64_t)(elements_of(s) * splits) * sizeof(float) : 0, ns};
  }
}

static ocl_implicit_plan choose_from(const cvk_backend_device *dev, const ocl_implicit *s, const ocl_class *c) {
  ocl_implicit_plan best = {.splits = 1};
  if (s->tile) consider(dev, s, s->tile, &best);
  for (; !s->tile && c && !best.tile; c = ocl_class_next(c))
    for (int32_t i = 0; i < OCL_TILES; i++)
      if (c->tiles & 1u << i) consider(dev, s, &ocl_tiles[i], &best);
  return best;
}

ocl_implicit_plan ocl_implicit_choose(const cvk_backend_device *dev, const ocl_implicit *s) {
  return choose_from(dev, s, dev->class);
}

int32_t ocl_implicit_fits(const ocl_implicit *s) {
  const double most = 1 << 30; /* a tap's offset is added to that of a pixel */
  const double in = (double)s->batch * (double)(s->groups * s->channels) * (double)s->in_h * (double)s->in_w;
  const double out = (double)s->batch * (double)(s->groups * s->rows) * (double)s->out_h * (double)s->out_w;
  const double weights = (double)s->groups * (double)padded_rows(s) * (double)padded_depth(s);
  const double reach =
      (double)(s->kernel_h * s->dilation_h + s->pad_h) * (double)s->in_w + (double)(s->out_h * s->stride_h) * (double)s->in_w;
  const int32_t near = (s->kernel_h - 1) * s->dilation_h < PADDED_TAP && (s->kernel_w - 1) * s->dilation_w < PADDED_TAP &&
                       s->in_h + s->pad_h < PADDED_TAP;
  return near && in < most && out < most && weights < most && reach < most;
}

ocl_implicit_plan ocl_implicit_accept(ocl_query *q, const ocl_implicit *s, uint64_t pack_number) {
  ocl_implicit_plan plan = {.splits = 1};
  if (ocl_implicit_fits(s)) plan = ocl_implicit_choose(q->dev, s);
  if (!ocl_implicit_fits(s))
    ocl_refuse(q, "more than 2^30 elements, or 32767 lines");
  else if (!plan.tile && s->tile)
    ocl_refuse(q, "a tile that the device's limits or the shape do not allow");
  else if (!plan.tile)
    ocl_refuse(q, "work-groups of %zu items are too small", q->dev->max_group);
  if (!plan.tile) return plan;
  ocl_want_pack(q, weights_of(s), pack_number);
  q->candidate->workspace_bytes = (q->op->in[weights_of(s)]->const_data ? 0 : ocl_implicit_bytes(s)) + plan.parts_bytes;
  return plan;
}

uint64_t ocl_implicit_bytes(const ocl_implicit *s) {
  return (uint64_t)(s->groups * padded_rows(s) * padded_depth(s)) * sizeof(float);
}

typedef struct fill_task { /* a task is OCL_TILE_ROWS rows of one group */
  const ocl_implicit *s;
  const float *w;
  float *dst;
} fill_task;

static void fill_rows(void *arg, int64_t index, int32_t worker) {
  const fill_task *task = arg;
  const ocl_implicit *s = task->s;
  const depth d = depth_of(s);
  const int64_t to_rows = padded_rows(s), blocks = to_rows / OCL_TILE_ROWS, g = index / blocks, first = index % blocks * OCL_TILE_ROWS;
  const int64_t taps = taps_of(s);
  const float *from = task->w + (g * s->rows * s->channels * taps + s->w_first + first * s->w_row);
  float *to = task->dst + g * to_rows * d.taps * d.padded + first;
  (void)worker;
  for (int64_t c = 0; c < d.padded; c++)
    for (int64_t tap = 0; tap < d.taps; tap++)
      for (int64_t r = 0; r < OCL_TILE_ROWS; r++) {
        const int64_t channel = d.taps == taps ? c : c / taps, own_tap = d.taps == taps ? tap : c % taps;
        to[(tap * d.padded + c) * to_rows + r] =
            c < d.channels && first + r < s->rows ? from[r * s->w_row + channel * s->w_channel + own_tap * s->w_tap] : 0.0f;
      }
}

void ocl_implicit_fill(const cvk_host *host, const ocl_implicit *s, const float *w, float *dst) {
  fill_task task = {s, w, dst};
  host->parallel_for(host->ctx, s->groups * (padded_rows(s) / OCL_TILE_ROWS), fill_rows, &task);
}

/* The program for a tile has all three kernels. */
static ocl_launch *begin(ocl_build *b, const ocl_implicit *s, const ocl_tile *t, const char *name) {
  char options[160];
  snprintf(options, sizeof options, "-DWM=%d -DWN=%d -DWK=%d -DRM=%d -DRN=%d -DLOCAL=%d -DTABLE=%d -DUP=%d -DREPAIR=%d", (int)t->wm, (int)t->wn,
           (int)t->wk, (int)t->rm, (int)t->rn, (int)t->local, (int)has_table(s), (int)up_of(s), (int)s->repairs);
  return ocl_launch_begin(b, "conv_implicit", options, name);
}

ocl_launch *ocl_implicit_begin(ocl_build *b, const ocl_implicit *s, ocl_implicit_plan *plan) {
  const ocl_class *next = s->tile ? NULL : b->dev->class; /* NULL: not even the class's own tiles were looked at */
  ocl_implicit any = *s;
  *plan = ocl_implicit_choose(b->dev, s);
  any.tile = NULL;
  for (;;) {
    ocl_launch *l = begin(b, s, plan->tile, "conv_implicit");
    if (!l || l->status != CVK_OK || ocl_launch_most_items(l) >= ocl_tile_items(plan->tile)) return l;
    next = next ? ocl_class_next(next) : b->dev->class;
    const ocl_implicit_plan less = choose_from(b->dev, &any, next);
    if (!less.tile) return l; /* launching it says what is wrong */
    ocl_launch_drop(b, l);
    plan->tile = less.tile;
  }
}

/* Two zeros, then {offset, dy | dx << 16} for each tap or, with a table, each depth. */
static void make_table(const ocl_implicit *s, int64_t entries, int32_t *table) {
  const int64_t taps = taps_of(s), all = has_table(s) ? s->channels * taps : taps;
  table[0] = table[1] = 0;
  for (int64_t k = 0; k < entries; k++) {
    table += 2;
    const int64_t channel = k / taps, tap = k % taps, dy = tap / s->kernel_w * s->dilation_h, dx = tap % s->kernel_w * s->dilation_w;
    table[0] = k < all ? (int32_t)(channel * s->in_h * s->in_w + (up_of(s) > 1 ? 0 : dy * s->in_w + dx)) : 0;
    table[1] = k < all ? (int32_t)(dy | dx << 16) : PADDED_TAP;
  }
}

cvk_status ocl_implicit_end(ocl_build *b, ocl_launch *l, const ocl_implicit *s, const ocl_implicit_plan *plan) {
  const cvk_host *host = b->dev->host;
  const ocl_tile *t = plan->tile;
  const int64_t pixels = s->out_h * s->out_w, columns = columns_of(s), entries = has_table(s) ? padded_depth(s) : taps_of(s);
  const depth d = depth_of(s);
  const uint64_t bytes = (uint64_t)(entries + 1) * 2 * sizeof(int32_t);
  int32_t *table = host->alloc(host->ctx, bytes + 1, 16);
  if (!table) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a table of %lld taps", b->dev->label, (long long)entries);
  make_table(s, entries, table);
  ocl_arg_data(l, b, table, bytes);
  host->free(host->ctx, table);
  ocl_arg_ints(l, 18,
               (int64_t[]){s->rows, padded_rows(s), padded_depth(s), columns, s->in_h, s->in_w, s->groups * s->channels * s->in_h * s->in_w,
                           s->channels * s->in_h * s->in_w, pixels, s->out_w, s->groups * s->rows * pixels, s->stride_h, s->stride_w,
                           s->pad_h, s->pad_w, d.channels, d.padded, plan->splits});
  ocl_arg_long(l, elements_of(s));
  return ocl_launch_groups(b, l, 3, (int64_t[]){(columns + t->wn - 1) / t->wn, (s->rows + t->wm - 1) / t->wm, s->groups * plan->splits},
                           (size_t[]){(size_t)(t->wn / t->rn), (size_t)(t->wm / t->rm), 1});
}

static cvk_status pack_at_run_time(ocl_build *b, const ocl_implicit *s) {
  ocl_launch *l = begin(b, s, ocl_implicit_choose(b->dev, s).tile, "conv_implicit_pack");
  ocl_arg_in(l, b, weights_of(s));
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_ints(l, 7, (int64_t[]){s->rows, padded_rows(s), s->channels, padded_depth(s), depth_of(s).padded, taps_of(s), s->groups});
  ocl_arg_ints(l, 4, (int64_t[]){s->w_first, s->w_row, s->w_channel, s->w_tap});
  return ocl_launch_end(b, l, 3, (int64_t[]){padded_rows(s), padded_depth(s), s->groups}, (size_t[]){16, 4, 1});
}

/* The sums of all parts: bias, post-ops and y, which the product leaves out then. */
static cvk_status join(ocl_build *b, const ocl_implicit *s, const ocl_implicit_plan *plan, uint64_t parts_at, int32_t bias) {
  ocl_launch *l = begin(b, s, plan->tile, "conv_implicit_join");
  ocl_arg_workspace(l, parts_at, sizeof(float));
  ocl_arg_in(l, b, bias);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_int(l, plan->splits);
  ocl_arg_long(l, elements_of(s));
  ocl_arg_ints(l, 3, (int64_t[]){elements_of(s), s->out_h * s->out_w, s->groups * s->rows});
  return ocl_launch_end(b, l, 1, (int64_t[]){elements_of(s)}, (size_t[]){128});
}

cvk_status ocl_implicit_prepare(ocl_build *b, const ocl_implicit *s) {
  ocl_implicit_plan plan;
  const int32_t weights = weights_of(s), at_run_time = !b->candidate->pack[weights], bias = ocl_own_inputs(b->op) > 2 ? 2 : b->op->n_in;
  const uint64_t parts_at = at_run_time ? ocl_implicit_bytes(s) : 0;
  cvk_status status = at_run_time ? pack_at_run_time(b, s) : CVK_OK;
  if (status != CVK_OK) return status;
  ocl_launch *l = ocl_implicit_begin(b, s, &plan);
  ocl_arg_in(l, b, s->image);
  ocl_arg_packed(l, b, weights);
  if (plan.splits > 1) {
    ocl_arg_none(l);
    ocl_arg_no_post(l);
    ocl_arg_workspace(l, parts_at, sizeof(float));
  } else {
    ocl_arg_in(l, b, bias);
    ocl_arg_post(l, b);
    ocl_arg_out(l, b, 0);
  }
  status = ocl_implicit_end(b, l, s, &plan);
  return status == CVK_OK && plan.splits > 1 ? join(b, s, &plan, parts_at, bias) : status;
}

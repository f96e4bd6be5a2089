/* SPDX-License-Identifier: Apache-2.0 */
/* implicit.c: see implicit.h. */
#include "implicit.h"

#include <stdio.h>

#define PADDED_TAP (1 << 30) /* dy of a depth that does not exist: no row is that far away */

static int64_t up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

static int64_t depth_of(const ocl_implicit *s) {
  return s->channels * s->kernel_h * s->kernel_w;
}

static int64_t padded_rows(const ocl_implicit *s) {
  return up(s->rows, OCL_TILE_ROWS);
}

static int64_t padded_depth(const ocl_implicit *s) {
  return up(depth_of(s), OCL_TILE_DEPTH);
}

static int32_t device_can(const cvk_backend_device *dev, const ocl_tile *t) {
  return (size_t)(t->wn / t->rn) <= dev->max_item[0] && (size_t)(t->wm / t->rm) <= dev->max_item[1] &&
         ocl_tile_items(t) <= dev->max_group && ocl_tile_local_bytes(t) <= dev->local_bytes;
}

/* From c on, the first class whose tile the device can run; NULL: none. */
static const ocl_class *class_from(const cvk_backend_device *dev, const ocl_class *c) {
  while (c && !(c->tile && device_can(dev, c->tile))) c = ocl_class_next(c);
  return c;
}

const ocl_tile *ocl_implicit_tile(const cvk_backend_device *dev) {
  const ocl_class *c = class_from(dev, dev->class);
  return c ? c->tile : NULL;
}

int32_t ocl_implicit_can(const cvk_backend_device *dev, const ocl_implicit *s, const ocl_tile *t) {
  return device_can(dev, t) && padded_rows(s) % t->wm == 0 && padded_depth(s) % t->wk == 0;
}

int32_t ocl_implicit_fits(const ocl_implicit *s) {
  const double most = 1 << 30; /* a table's offsets are added to those of a pixel */
  const double in = (double)s->batch * (double)(s->groups * s->channels) * (double)s->in_h * (double)s->in_w;
  const double out = (double)s->batch * (double)(s->groups * s->rows) * (double)s->out_h * (double)s->out_w;
  const double weights = (double)s->groups * (double)padded_rows(s) * (double)padded_depth(s);
  const double reach =
      (double)(s->kernel_h * s->dilation_h + s->pad_h) * (double)s->in_w + (double)(s->out_h * s->stride_h) * (double)s->in_w;
  return in < most && out < most && weights < most && reach < most;
}

uint64_t ocl_implicit_bytes(const ocl_implicit *s) {
  return (uint64_t)(s->groups * padded_rows(s) * padded_depth(s)) * sizeof(float);
}

typedef struct fill_task { /* a task is one group */
  const ocl_implicit *s;
  const float *w;
  float *dst;
} fill_task;

static void fill_group(void *arg, int64_t g, int32_t worker) {
  const fill_task *task = arg;
  const int64_t rows = task->s->rows, depth = depth_of(task->s), to_rows = padded_rows(task->s), to_depth = padded_depth(task->s);
  const float *from = task->w + g * rows * depth;
  float *to = task->dst + g * to_rows * to_depth;
  (void)worker;
  for (int64_t k = 0; k < to_depth; k++)
    for (int64_t r = 0; r < to_rows; r++) to[k * to_rows + r] = k < depth && r < rows ? from[r * depth + k] : 0.0f;
}

void ocl_implicit_fill(const cvk_host *host, const ocl_implicit *s, const float *w, float *dst) {
  fill_task task = {s, w, dst};
  host->parallel_for(host->ctx, s->groups, fill_group, &task);
}

/* The program for a tile has both kernels. */
static ocl_launch *begin(ocl_build *b, const ocl_tile *t, const char *name) {
  char options[128];
  snprintf(options, sizeof options, "-DWM=%d -DWN=%d -DWK=%d -DRM=%d -DRN=%d -DLA=%d -DLB=%d", (int)t->wm, (int)t->wn, (int)t->wk,
           (int)t->rm, (int)t->rn, (int)t->local_weights, (int)t->local_cells);
  return ocl_launch_begin(b, "conv_implicit", options, name);
}

cvk_status ocl_implicit_pack(ocl_build *b, const ocl_implicit *s, int32_t input) {
  const int64_t rows = padded_rows(s), depth = padded_depth(s);
  ocl_launch *l = begin(b, s->tile ? s->tile : ocl_implicit_tile(b->dev), "conv_implicit_pack");
  ocl_arg_in(l, b, input);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_ints(l, 5, (int64_t[]){s->rows, rows, depth_of(s), depth, s->groups});
  return ocl_launch_end(b, l, 3, (int64_t[]){rows, depth, s->groups}, (size_t[]){16, 4, 1});
}

ocl_launch *ocl_implicit_begin(ocl_build *b, const ocl_implicit *s, const ocl_tile **chosen) {
  const ocl_class *next = class_from(b->dev, b->dev->class);
  *chosen = s->tile;
  for (;;) {
    if (!*chosen) {
      *chosen = next->tile;
      next = class_from(b->dev, ocl_class_next(next));
    }
    ocl_launch *l = begin(b, *chosen, "conv_implicit");
    if (!l || l->status != CVK_OK || !next || ocl_launch_most_items(l) >= ocl_tile_items(*chosen)) return l;
    ocl_launch_drop(b, l);
    *chosen = NULL;
  }
}

/* {offset, dy, dx, 0} for each depth. */
static void make_table(const ocl_implicit *s, int32_t *table) {
  const int64_t taps = s->kernel_h * s->kernel_w, depth = depth_of(s), all = padded_depth(s);
  for (int64_t k = 0; k < all; k++, table += 4) {
    const int64_t channel = k < depth ? k / taps : 0, tap = k < depth ? k % taps : 0;
    const int64_t dy = tap / s->kernel_w * s->dilation_h, dx = tap % s->kernel_w * s->dilation_w;
    table[0] = (int32_t)(channel * s->in_h * s->in_w + dy * s->in_w + dx);
    table[1] = k < depth ? (int32_t)dy : PADDED_TAP;
    table[2] = (int32_t)dx;
    table[3] = 0;
  }
}

cvk_status ocl_implicit_end(ocl_build *b, ocl_launch *l, const ocl_tile *t, const ocl_implicit *s) {
  const cvk_host *host = b->dev->host;
  const int64_t pixels = s->out_h * s->out_w, columns = s->batch * pixels, depth = padded_depth(s);
  const uint64_t bytes = (uint64_t)depth * 4 * sizeof(int32_t);
  int32_t *table = host->alloc(host->ctx, bytes + 1, 16);
  if (!table) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a table of %lld taps", b->dev->label, (long long)depth);
  make_table(s, table);
  ocl_arg_data(l, b, table, bytes);
  host->free(host->ctx, table);
  ocl_arg_ints(l, 15,
               (int64_t[]){s->rows, padded_rows(s), depth, columns, s->in_h, s->in_w, s->groups * s->channels * s->in_h * s->in_w,
                           s->channels * s->in_h * s->in_w, pixels, s->out_w, s->groups * s->rows * pixels, s->stride_h, s->stride_w,
                           s->pad_h, s->pad_w});
  return ocl_launch_groups(b, l, 3, (int64_t[]){(columns + t->wn - 1) / t->wn, (s->rows + t->wm - 1) / t->wm, s->groups},
                           (size_t[]){(size_t)(t->wn / t->rn), (size_t)(t->wm / t->rm), 1});
}

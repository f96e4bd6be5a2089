/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight_blocked: CONV_GRAD_WEIGHT of 1-D and 2-D convolutions from blocked gy and blocked x, or plain x of few channels;
 * depthwise ones from blocked x. A task has a tile of filters and a chunk of channels (a block, or all of a plain x) and goes over the
 * cells band by band. Of a blocked x each tap takes exactly the cells that it has input for. A plain x is copied band by band with its
 * padding as zeros; where that met an infinity or NaN a sum is NaN, and all is done again tap by tap. Sums of a band join those of its
 * part; parts are added with what rounding loses. Few tasks: the parts are cut into groups, whose sums lie in the workspace and are added
 * in order. All cuts follow from the shape alone. */
#include <string.h>

#include "conv_grad_weight_tile.h"

enum {
  ENOUGH_TASKS = 8,
  PLAIN_CHANNELS = 16,   /* most input channels read from plain format */
  MOST_BYTES = 64 << 20, /* of a worker's workspace, of the groups' sums: no limit counts workers, or the row would depend on them */
};

enum { BLOCKED, PLAIN, DEPTHWISE, MODES }; /* how x lies, and whether a filter has one channel, its own */

typedef struct blocked_geometry {
  int64_t images, rows, cells;            /* of gy a band */
  int64_t bands_h, bands_w, bands;        /* bands of an image's rows, of a row; of all images */
  int64_t m_blocks, tile_blocks, m_tiles; /* blocks of filters a group; blocks a tile */
  int64_t chunk, chunks;                  /* channels a chunk; chunks a group */
  int64_t part_bands;                     /* bands summed plainly; 1: the sums keep what each band's loses */
  int64_t tasks, split;                   /* tasks that make all outputs; groups of parts, each with as many tasks */
  int64_t bands_split;                    /* bands of a group of parts */
  int64_t row, channel, image;            /* floats of a copied row, of a channel's rows, of an image's channels; 0: x is not copied */
  int64_t slot;                           /* floats of a worker's workspace */
  int64_t sums, floats;                   /* vectors of sums for a block of filters, the bias's last; floats of a task's sums */
} blocked_geometry;

typedef struct blocked_kernel {
  cpu_kernel base;
  conv_shape s;
  blocked_geometry g;
  int64_t *valid; /* of each kernel row, then of each column: first and end of the output rows (cells) that have input for it */
  int64_t run;    /* kernel columns a tile of plain x */
  int32_t mode;
  double ns;
} blocked_kernel;

typedef struct blocked_job {
  const blocked_kernel *k;
  const float *x, *gy;
  float *gw, *gb, *slots, *split_sums; /* split_sums [task][split][floats] */
  int32_t exact;                       /* no padding in products */
} blocked_job;

/* Of gy, cells of images n0 .. n0 + images, and in each of them of rows h0..h1-1 the cells w0..w1-1. */
typedef struct band {
  int64_t n0, images, h0, h1, w0, w1;
} band;

/* One task's view: its filters and channels. */
typedef struct blocked_task {
  int64_t group, m_block, mb, c0, channels; /* m_block: of all filters; c0: of all channels */
} blocked_task;

static uint64_t workspace_bytes(const blocked_geometry *g, int64_t workers) {
  const uint64_t slot = cpu_product(2, (int64_t[]){g->slot, sizeof(float)});
  const uint64_t sums = g->split == 1 ? 0 : cpu_product(4, (int64_t[]){g->tasks, g->split, g->floats, sizeof(float)});
  return slot > MOST_BYTES || sums > MOST_BYTES ? UINT64_MAX : slot * (uint64_t)workers + sums;
}

/* 0: some size overflows or is too large. */
static int32_t geometry_set(const conv_shape *s, int32_t mode, blocked_geometry *g) {
  const int64_t plane = cpu_max(s->out[1] * s->out[2], 1), most = grad_band_products(s->n * plane);
  g->images = cpu_max(1, most / plane);
  g->cells = cpu_min(s->out[2], most);
  g->bands_w = cpu_ceil_div(s->out[2], cpu_max(g->cells, 1));
  g->rows = cpu_max(1, cpu_min(s->out[1], most / cpu_max(g->cells, 1)));
  g->bands_h = cpu_ceil_div(s->out[1], g->rows);
  g->bands = cpu_ceil_div(s->n, g->images) * g->bands_h * g->bands_w;
  g->m_blocks = cpu_ceil_div(s->mg, VL);
  g->tile_blocks = mode == DEPTHWISE ? 1 : MAX_MB;
  g->m_tiles = cpu_ceil_div(g->m_blocks, g->tile_blocks);
  g->chunk = mode == PLAIN ? s->cg : cpu_min(VL, s->cg);
  g->chunks = cpu_max(1, cpu_ceil_div(s->cg, cpu_max(g->chunk, 1)));
  g->tasks = s->group * g->m_tiles * g->chunks;
  g->part_bands = grad_part_bands(g->bands);
  const int64_t parts = cpu_max(1, cpu_ceil_div(g->bands, g->part_bands));
  g->split = g->tasks >= ENOUGH_TASKS ? 1 : cpu_min(parts, cpu_ceil_div(ENOUGH_TASKS, cpu_max(g->tasks, 1)));
  g->bands_split = cpu_ceil_div(parts, g->split) * g->part_bands;
  g->sums = g->chunk * s->taps + 1;
  g->floats = MAX_MB * g->sums * VL;
  g->row = g->channel = g->image = 0;
  if (mode == PLAIN) {
    const uint64_t width = cpu_product(2, (int64_t[]){s->kernel[2] - 1, s->dilation[2]}),
                   cells = cpu_product(2, (int64_t[]){g->cells, s->stride[2]});
    const uint64_t height = cpu_product(2, (int64_t[]){s->kernel[1] - 1, s->dilation[1]}),
                   rows = cpu_product(2, (int64_t[]){g->rows, s->stride[1]});
    if (width > MOST_BYTES || height > MOST_BYTES || cells > MOST_BYTES || rows > MOST_BYTES) return 0;
    g->row = (int64_t)(cells + width);
    const uint64_t bytes = cpu_product(5, (int64_t[]){g->images, s->cg, (int64_t)(rows + height), g->row, sizeof(float)});
    if (bytes > MOST_BYTES) return 0;
    g->channel = (int64_t)(rows + height) * g->row;
    g->image = s->cg * g->channel;
  }
  g->slot = 3 * g->floats + cpu_ceil_div(g->images * g->image, VL) * VL + VL;
  return 1;
}

/* Kernel columns whose input a tile of plain x takes together. */
static int64_t column_run(const conv_shape *s) {
  const int64_t kw = s->kernel[2], runs = s->dilation[2] == 1 ? cpu_ceil_div(kw, MAX_J) : kw;
  return cpu_ceil_div(kw, cpu_max(runs, 1));
}

/* In cycles of one vector of products: a cell takes as long as these, at least as one needs to be done; a depthwise product, of two loads,
 * takes three. */
static double estimate(const cpu_device *device, const conv_shape *s, const blocked_geometry *g, int32_t mode) {
  enum { LATENCY = 4, COPY_ROW = 25, JOIN = 3 };
  const int64_t mb = cpu_min(g->m_blocks, g->tile_blocks), most = cpu_ceil_div(g->chunk, cpu_max(1, cpu_ceil_div(g->chunk, MAX_J)));
  const int64_t j = mode == PLAIN ? column_run(s) : most;
  const int64_t rows = mode == PLAIN && j == s->kernel[2] && window_rows[mb][j] ? cpu_min(window_rows[mb][j], s->kernel[1]) : 1;
  const int64_t products = cpu_max(mb * j * rows, 1);
  const double cell = mode == DEPTHWISE ? 3 : products < LATENCY ? LATENCY : 0.5 + (double)products;
  const double vectors = (double)(s->group * g->m_blocks), weights = vectors * (double)(s->cg * s->taps);
  const double cells = (double)s->n * (double)s->out[1] * (double)s->out[2];
  const double copied = mode == PLAIN ? (double)g->tasks * (double)(g->bands * g->images) * (double)(s->c * g->channel) : 0;
  const double copies = copied / (double)cpu_max(g->row, 1) * COPY_ROW + 2 * copied / VL;
  return 1e3 + cpu_ns_compute(device, VL * (cells * weights * cell / (double)products + JOIN * (double)g->bands * weights + copies), 0.6) +
         cpu_ns_memory(device, 8.0 * (double)(s->m * s->cg * s->taps), 0.3) +
         (s->has_bias ? cpu_ns_compute(device, VL * cells * vectors, 0.6) : 0);
}

/* A depthwise convolution becomes one of a single group, of filters with one channel. */
static int32_t shape_read(const cvk_op *op, int32_t mode, conv_shape *s, cpu_reason *why) {
  if (!conv_grad_shape_read(op, s, why)) return 0;
  if (s->spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  const int32_t depthwise = s->group > 1 && s->group == s->c && s->m == s->c;
  if (depthwise != (mode == DEPTHWISE)) return cpu_refuse(why, "group %lld of %lld channels", (long long)s->group, (long long)s->c);
  if (mode == PLAIN && (s->group != 1 || s->c > PLAIN_CHANNELS))
    return cpu_refuse(why, "%lld channels of plain input in %lld groups, at most %d in one are taken", (long long)s->c, (long long)s->group,
                      PLAIN_CHANNELS);
  if (depthwise) {
    s->group = 1;
    s->mg = s->m;
  } else if (s->group != 1 && (s->cg % VL || s->mg % VL)) {
    return cpu_refuse(why, "groups of %lld to %lld channels do not fill blocks of %d", (long long)s->cg, (long long)s->mg, VL);
  }
  return 1;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const int32_t mode = variant;
  conv_shape s;
  blocked_geometry g;
  if (!shape_read(op, mode, &s, why)) return 0;
  if (s.taps > INT32_MAX / 64) return cpu_refuse(why, "%lld taps", (long long)s.taps);
  const uint64_t bytes = geometry_set(&s, mode, &g) ? workspace_bytes(&g, cpu_workers(device)) : UINT64_MAX;
  if (bytes == UINT64_MAX) return cpu_refuse(why, "its sums need more than %d bytes", MOST_BYTES);
  c->in[0] = cpu_format(mode == PLAIN ? 0 : VL);
  c->in[1] = cpu_format(VL);
  c->workspace_bytes = bytes;
  c->workspace_alignment = 64;
  c->backend_data[1] = (uint64_t)mode;
  c->estimated_ns = estimate(device, &s, &g, mode);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  blocked_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!shape_read(op, (int32_t)c->backend_data[1], &k->s, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_grad_weight_blocked: %s", why.text);
  }
  k->mode = (int32_t)c->backend_data[1];
  k->ns = c->estimated_ns;
  k->run = column_run(&k->s);
  geometry_set(&k->s, k->mode, &k->g);
  k->valid = cpu_alloc(device, cpu_product(3, (int64_t[]){k->s.kernel[1] + k->s.kernel[2], 2, sizeof *k->valid}));
  if (!k->valid) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  for (int64_t i = 0; i < k->s.kernel[1] + k->s.kernel[2]; i++) {
    const int32_t axis = i < k->s.kernel[1] ? 1 : 2;
    conv_valid_cells(&k->s, axis, axis == 1 ? i : i - k->s.kernel[1], &k->valid[2 * i], &k->valid[2 * i + 1]);
  }
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((blocked_kernel *)kernel)->valid);
}

static band band_of(const conv_shape *s, const blocked_geometry *g, int64_t index) {
  const int64_t w = index % g->bands_w, h = index / g->bands_w % g->bands_h, n = index / g->bands_w / g->bands_h;
  return (band){.n0 = n * g->images,
                .images = cpu_min(g->images, s->n - n * g->images),
                .h0 = h * g->rows,
                .h1 = cpu_min(s->out[1], (h + 1) * g->rows),
                .w0 = w * g->cells,
                .w1 = cpu_min(s->out[2], (w + 1) * g->cells)};
}

static blocked_task task_of(const blocked_kernel *k, int64_t index) {
  const blocked_geometry *g = &k->g;
  const conv_shape *s = &k->s;
  const int64_t chunk = index % g->chunks, tile_m = index / g->chunks % g->m_tiles, group = index / g->chunks / g->m_tiles;
  return (blocked_task){.group = group,
                        .m_block = group * g->m_blocks + tile_m * g->tile_blocks,
                        .mb = cpu_min(g->tile_blocks, g->m_blocks - tile_m * g->tile_blocks),
                        .c0 = group * s->cg + chunk * g->chunk,
                        .channels = cpu_min(g->chunk, s->cg - chunk * g->chunk)};
}

/* Where a band's products lie: the first image's planes of gy, and the sums. */
typedef struct blocked_view {
  const blocked_kernel *k;
  const band *b;
  const float *gy;
  float *sums;
  int64_t mb, channels;
} blocked_view;

/* Tap by tap, in runs of channels that lie together: exactly the cells that have input. x: the first image's plane of the first channel,
 * the others x_channel apart. */
static void by_taps(const blocked_view *v, tile_args *a, const float *x, int64_t x_channel, int64_t run) {
  const conv_shape *s = &v->k->s;
  const int64_t *valid_w = v->k->valid + 2 * s->kernel[1], lanes = v->k->mode == PLAIN ? 1 : VL;
  a->total_j = s->taps * VL;
  for (int64_t kh = 0; kh < s->kernel[1]; kh++) {
    const int64_t h0 = cpu_max(v->k->valid[2 * kh], v->b->h0), h1 = cpu_min(v->k->valid[2 * kh + 1], v->b->h1);
    const int64_t ih = h0 * s->stride[1] - s->pad[1] + kh * s->dilation[1];
    for (int64_t kw = 0; kw < s->kernel[2] && h0 < h1; kw++) {
      const int64_t w0 = cpu_max(valid_w[2 * kw], v->b->w0), w1 = cpu_min(valid_w[2 * kw + 1], v->b->w1);
      const int64_t iw = w0 * s->stride[2] - s->pad[2] + kw * s->dilation[2];
      if (w0 >= w1) continue;
      a->rows = h1 - h0;
      a->cells = w1 - w0;
      a->gy = v->gy + (h0 * s->out[2] + w0) * VL;
      for (int64_t c = 0; c < v->channels; c += run) {
        a->x = x + c * x_channel + (ih * s->in[2] + iw) * lanes;
        a->total = v->sums + (c * s->taps + kh * s->kernel[2] + kw) * VL;
        (v->k->mode == DEPTHWISE ? sum_depthwise : tiles[v->mb][cpu_min(run, v->channels - c)])(a);
      }
    }
  }
}

/* From copied rows: runs of kernel columns, and windows of several kernel rows where there is a tile of them. */
static void by_windows(const blocked_view *v, tile_args *a, const float *copied) {
  const conv_shape *s = &v->k->s;
  const blocked_geometry *g = &v->k->g;
  const int64_t run = v->k->run, several = run == s->kernel[2] ? window_rows[v->mb][run] : 0;
  a->rows = v->b->h1 - v->b->h0;
  a->cells = v->b->w1 - v->b->w0;
  a->gy = v->gy + (v->b->h0 * s->out[2] + v->b->w0) * VL;
  a->x_image = g->image;
  a->x_row = s->stride[1] * g->row;
  a->x_tap = s->dilation[1] * g->row;
  a->total_j = VL;
  a->total_r = s->kernel[2] * VL;
  for (int64_t c = 0; c < v->channels; c++)
    for (int64_t kh = 0, rows; kh < s->kernel[1]; kh += rows) {
      rows = several && kh + several <= s->kernel[1] ? several : 1;
      for (int64_t kw = 0; kw < s->kernel[2]; kw += run) {
        const int64_t n = cpu_min(run, s->kernel[2] - kw);
        a->x = copied + c * g->channel + kh * a->x_tap + kw * s->dilation[2];
        a->total = v->sums + ((c * s->kernel[1] + kh) * s->kernel[2] + kw) * VL;
        (rows > 1 ? windows : tiles)[v->mb][n](a);
      }
    }
}

/* The input of a band from plain x, rows and cells of padding too. */
static void copy_band(const blocked_job *j, const band *b, float *to) {
  const conv_shape *s = &j->k->s;
  const blocked_geometry *g = &j->k->g;
  const int64_t ih = b->h0 * s->stride[1] - s->pad[1], iw = b->w0 * s->stride[2] - s->pad[2];
  const int64_t rows = (b->h1 - b->h0 - 1) * s->stride[1] + (s->kernel[1] - 1) * s->dilation[1] + 1;
  for (int64_t image = 0; image < b->images; image++)
    for (int64_t c = 0; c < s->c; c++)
      for (int64_t row = 0; row < rows; row++) {
        const int64_t inside = ih + row >= 0 && ih + row < s->in[1];
        copy_cells(j->x + (((b->n0 + image) * s->c + c) * s->in[1] + (inside ? ih + row : 0)) * s->in[2], inside ? s->in[2] : 0, iw, 1,
                   g->row, to + image * g->image + c * g->channel + row * g->row);
      }
}

/* Adds the products of one band to sums [mb][channel][tap][VL], and its gy to the bias's; lost: see tile_args. */
static void run_band(const blocked_job *j, const blocked_task *t, const band *b, float *sums, int64_t lost, float *copied) {
  const blocked_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t plane_in = s->in[1] * s->in[2], plane_out = s->out[1] * s->out[2], lanes = k->mode == PLAIN ? 1 : VL;
  const int64_t out_blocks = s->group * k->g.m_blocks;
  const int64_t in_blocks = k->mode == PLAIN ? s->c : k->mode == DEPTHWISE ? out_blocks : s->group * cpu_ceil_div(s->cg, VL);
  const int64_t in_block = k->mode == DEPTHWISE ? t->m_block : t->c0 / lanes;
  const float *x = j->x + (b->n0 * in_blocks + in_block) * plane_in * lanes;
  const blocked_view v = {k, b, j->gy + (b->n0 * out_blocks + t->m_block) * plane_out * VL, sums, t->mb, t->channels};
  tile_args a = {.images = b->images,
                 .x_image = in_blocks * plane_in * lanes,
                 .x_row = s->stride[1] * s->in[2] * lanes,
                 .x_cell = s->stride[2] * lanes,
                 .gy_image = out_blocks * plane_out * VL,
                 .gy_row = s->out[2] * VL,
                 .gy_m = plane_out * VL,
                 .total_m = k->g.sums * VL,
                 .lost = lost};
  if (k->mode != PLAIN) {
    by_taps(&v, &a, x, 1, cpu_ceil_div(t->channels, cpu_max(1, cpu_ceil_div(t->channels, MAX_J))));
  } else if (j->exact) {
    by_taps(&v, &a, x, plane_in, 1);
  } else {
    copy_band(j, b, copied);
    by_windows(&v, &a, copied);
  }
  if (!s->has_bias || t->c0 != t->group * s->cg) return;
  a.rows = b->h1 - b->h0;
  a.cells = b->w1 - b->w0;
  a.gy = v.gy + (b->h0 * s->out[2] + b->w0) * VL;
  a.total = sums + (k->g.sums - 1) * VL;
  sum_cells(t->mb, &a);
}

/* The task's sums over bands begin..end-1 into slot[0..floats-1]; a slot has three times as many, then the copied rows. */
static void run_bands(const blocked_job *j, const blocked_task *t, int64_t begin, int64_t end, float *slot) {
  const blocked_geometry *g = &j->k->g;
  const int64_t floats = g->floats, bands = g->part_bands;
  float *sum = slot, *lost = slot + floats, *part = slot + 2 * floats;
  const int32_t keeps = bands == 1, alone = !keeps && end - begin <= bands; /* bands keep what is lost; one part is all */
  memset(slot, 0, (size_t)(alone ? floats : 2 * floats) * sizeof *slot);
  for (int64_t first = begin; first < end; first += bands) {
    float *to = alone || keeps ? sum : part;
    if (to == part) memset(part, 0, (size_t)floats * sizeof *part);
    for (int64_t i = first; i < cpu_min(end, first + bands); i++) {
      const band b = band_of(&j->k->s, g, i);
      run_band(j, t, &b, to, keeps ? floats : 0, slot + 3 * floats);
    }
    if (to == part) add_part(floats, sum, lost, part);
  }
  if (!alone) join_lost(floats, sum, lost);
}

/* Sums [mb][channel][tap][VL] to gw [m][cg][taps], the last vector of each block to gb. */
static void store_sums(const blocked_job *j, const blocked_task *t, const float *sums) {
  const blocked_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t filter = s->cg * s->taps, n = t->channels * s->taps, first = t->c0 - t->group * s->cg;
  for (int64_t b = 0; b < t->mb; b++) {
    const float *from = sums + b * k->g.sums * VL;
    const int64_t m0 = t->group * s->mg + (t->m_block - t->group * k->g.m_blocks + b) * VL;
    const int64_t lanes = cpu_min(VL, (t->group + 1) * s->mg - m0);
    for (int64_t i = 0; i < n; i += VL) {
      const int64_t width = cpu_min(VL, n - i);
      float *to = j->gw + m0 * filter + first * s->taps + i;
      vf r[VL];
      for (int64_t v = 0; v < VL; v++) r[v] = v < width ? v_load(from + (i + v) * VL) : v_zero();
      v_transpose(r);
      for (int64_t lane = 0; lane < lanes; lane++) v_store_n(to + lane * filter, r[lane], width);
    }
    if (s->has_bias && first == 0) v_store_n(j->gb + m0, v_load(from + (k->g.sums - 1) * VL), lanes);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const blocked_job *j = arg;
  const blocked_geometry *g = &j->k->g;
  const int64_t begin = index % g->split * g->bands_split, end = cpu_min(g->bands, begin + g->bands_split);
  const blocked_task t = task_of(j->k, index / g->split);
  float *slot = j->slots + worker * g->slot;
  run_bands(j, &t, begin, end, slot);
  if (g->split == 1)
    store_sums(j, &t, slot);
  else
    memcpy(j->split_sums + index * g->floats, slot, (size_t)g->floats * sizeof *slot);
}

static void join(void *arg, int64_t index, int32_t worker) {
  const blocked_job *j = arg;
  const blocked_geometry *g = &j->k->g;
  const blocked_task t = task_of(j->k, index);
  float *sum = j->slots + worker * g->slot, *lost = sum + g->floats;
  memset(sum, 0, (size_t)(2 * g->floats) * sizeof *sum);
  for (int64_t i = 0; i < g->split; i++) add_part(g->floats, sum, lost, j->split_sums + (index * g->split + i) * g->floats);
  join_lost(g->floats, sum, lost);
  store_sums(j, &t, sum);
}

static void run_all(blocked_job *j) {
  const blocked_geometry *g = &j->k->g;
  const cpu_device *device = j->k->base.device;
  cpu_parallel(device, g->tasks * g->split, j->k->ns, run, j);
  if (g->split > 1) cpu_parallel(device, g->tasks, 0, join, j);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const blocked_kernel *k = (const blocked_kernel *)kernel;
  blocked_job job = {k, in[0], in[1], out[0], k->s.has_bias ? out[1] : NULL, workspace, NULL, 0};
  job.split_sums = job.slots + cpu_workers(kernel->device) * k->g.slot;
  run_all(&job);
  job.exact = k->mode == PLAIN && !all_finite(job.gw, k->s.m * k->s.cg * k->s.taps);
  if (job.exact) run_all(&job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_grad_weight_blocked_row) = {.name = CVK_ISA_ROW("conv_grad_weight_blocked"),
                                                          .kind = CVK_OP_CONV_GRAD_WEIGHT,
                                                          .variants = MODES,
                                                          .accepts = accepts,
                                                          .prepare = prepare,
                                                          .execute = execute,
                                                          .release = release};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight_blocked: CONV_GRAD_WEIGHT of 1-D and 2-D convolutions from blocked gy and blocked x, or plain x of few channels. A task
 * has a tile of filters and a chunk of channels (a block, or all of a plain x) and goes over the cells band by band; in a band, which the
 * first-level cache holds, each tap takes exactly the cells that it has input for. Sums of a band join those of its part; parts are added
 * with what rounding loses. Few tasks: the parts are cut into SPLIT groups, whose sums lie in the workspace and are added in order. Bands,
 * parts and groups follow from the shape alone, so the bits do not depend on threads. */
#include <string.h>

#include "conv_grad_weight_tile.h"

enum {
  ENOUGH_TASKS = 8,
  PLAIN_CHANNELS = 16,   /* most input channels read from plain format */
  MOST_BYTES = 64 << 20, /* of workspace */
};

typedef struct blocked_geometry {
  int64_t images, rows, cells;     /* of gy a band */
  int64_t bands_h, bands_w, bands; /* bands of an image's rows, of a row; of all images */
  int64_t m_blocks, m_tiles;       /* a group */
  int64_t chunk, chunks;           /* channels a chunk; chunks a group */
  int64_t part_bands;              /* bands summed plainly; 1: the sums keep what each band's loses */
  int64_t tasks, split;            /* tasks that make all outputs; groups of parts, each with as many tasks */
  int64_t bands_split;             /* bands of a group of parts */
  int64_t sums, floats;            /* vectors of sums for a block of filters, the bias's last; floats of a task's sums */
} blocked_geometry;

typedef struct blocked_kernel {
  cpu_kernel base;
  conv_shape s;
  blocked_geometry g;
  int64_t *valid; /* of each kernel row, then of each column: first and end of the output rows (cells) that have input for it */
  int64_t run;    /* kernel columns a tile of plain x */
  int32_t plain;
  double ns;
} blocked_kernel;

typedef struct blocked_job {
  const blocked_kernel *k;
  const float *x, *gy;
  float *gw, *gb, *slots, *split_sums; /* split_sums [task][split][floats] */
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
  const uint64_t slots = cpu_product(4, (int64_t[]){workers, 3, g->floats, sizeof(float)});
  const uint64_t sums = g->split == 1 ? 0 : cpu_product(4, (int64_t[]){g->tasks, g->split, g->floats, sizeof(float)});
  return slots > MOST_BYTES || sums > MOST_BYTES ? UINT64_MAX : slots + sums;
}

static void geometry_set(const conv_shape *s, int32_t plain, blocked_geometry *g) {
  const int64_t plane = cpu_max(s->out[1] * s->out[2], 1), most = grad_band_products(s->n * plane);
  g->images = cpu_max(1, most / plane);
  g->cells = cpu_min(s->out[2], most);
  g->bands_w = cpu_ceil_div(s->out[2], cpu_max(g->cells, 1));
  g->rows = cpu_max(1, cpu_min(s->out[1], most / cpu_max(g->cells, 1)));
  g->bands_h = cpu_ceil_div(s->out[1], g->rows);
  g->bands = cpu_ceil_div(s->n, g->images) * g->bands_h * g->bands_w;
  g->m_blocks = cpu_ceil_div(s->mg, VL);
  g->m_tiles = cpu_ceil_div(g->m_blocks, MAX_MB);
  g->chunk = plain ? s->cg : cpu_min(VL, s->cg);
  g->chunks = cpu_max(1, cpu_ceil_div(s->cg, cpu_max(g->chunk, 1)));
  g->tasks = s->group * g->m_tiles * g->chunks;
  g->part_bands = grad_part_bands(g->bands);
  const int64_t parts = cpu_max(1, cpu_ceil_div(g->bands, g->part_bands));
  g->split = g->tasks >= ENOUGH_TASKS ? 1 : cpu_min(parts, cpu_ceil_div(ENOUGH_TASKS, cpu_max(g->tasks, 1)));
  g->bands_split = cpu_ceil_div(parts, g->split) * g->part_bands;
  g->sums = g->chunk * s->taps + 1;
  g->floats = MAX_MB * g->sums * VL;
}

/* Kernel columns whose input a tile of plain x takes together. */
static int64_t column_run(const conv_shape *s) {
  const int64_t kw = s->kernel[2], runs = s->dilation[2] == 1 ? cpu_ceil_div(kw, MAX_J) : kw;
  return cpu_ceil_div(kw, cpu_max(runs, 1));
}

/* A cell takes as long as its products, at least as the latency of one. */
static double estimate(const cpu_device *device, const conv_shape *s, const blocked_geometry *g, int32_t plain) {
  const int64_t mb = cpu_min(g->m_blocks, MAX_MB),
                j = plain ? column_run(s) : cpu_ceil_div(g->chunk, cpu_max(1, cpu_ceil_div(g->chunk, MAX_J)));
  const int64_t rows = plain && j == s->kernel[2] && window_rows[mb][j] ? cpu_min(window_rows[mb][j], s->kernel[1]) : 1;
  const double products = (double)cpu_max(mb * j * rows, 1), padded = (double)(g->m_blocks * VL) / (double)cpu_max(s->mg, 1);
  const double slower = cpu_max(4, mb * j * rows + 1) / products,
               joins = 3 * (double)g->bands * (double)(g->m_blocks * s->group * s->cg * s->taps);
  return 1e3 + cpu_ns_compute(device, conv_multiply_adds(s) * padded * slower + joins * VL, 0.6) +
         cpu_ns_memory(device, 8.0 * (double)(s->m * s->cg * s->taps), 0.3);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const int32_t plain = variant == 1;
  conv_shape s;
  blocked_geometry g;
  if (!conv_grad_shape_read(op, &s, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (plain && s.group != 1) return cpu_refuse(why, "group %lld with plain input", (long long)s.group);
  if (plain && s.c > PLAIN_CHANNELS)
    return cpu_refuse(why, "%lld channels of plain input, at most %d are taken", (long long)s.c, PLAIN_CHANNELS);
  if (s.group != 1 && (s.cg % VL || s.mg % VL))
    return cpu_refuse(why, "groups of %lld to %lld channels do not fill blocks of %d", (long long)s.cg, (long long)s.mg, VL);
  if (s.taps > INT32_MAX / 64) return cpu_refuse(why, "%lld taps", (long long)s.taps);
  geometry_set(&s, plain, &g);
  const uint64_t bytes = workspace_bytes(&g, cpu_workers(device));
  if (bytes == UINT64_MAX) return cpu_refuse(why, "its sums need more than %d bytes", MOST_BYTES);
  c->in[0] = cpu_format(plain ? 0 : VL);
  c->in[1] = cpu_format(VL);
  c->workspace_bytes = bytes;
  c->workspace_alignment = 64;
  c->backend_data[1] = (uint64_t)plain;
  c->estimated_ns = estimate(device, &s, &g, plain);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  blocked_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_grad_shape_read(op, &k->s, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_grad_weight_blocked: %s", why.text);
  }
  k->plain = c->backend_data[1] != 0;
  k->ns = c->estimated_ns;
  k->run = column_run(&k->s);
  geometry_set(&k->s, k->plain, &k->g);
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
                        .m_block = group * g->m_blocks + tile_m * MAX_MB,
                        .mb = cpu_min(MAX_MB, g->m_blocks - tile_m * MAX_MB),
                        .c0 = group * s->cg + chunk * g->chunk,
                        .channels = cpu_min(g->chunk, s->cg - chunk * g->chunk)};
}

/* Where a band's products lie: the first image's planes of x and gy, and the sums. */
typedef struct blocked_view {
  const blocked_kernel *k;
  const band *b;
  const float *x, *gy;
  float *sums;
  int64_t mb;
} blocked_view;

/* Output cells first..last-1 along one axis. */
typedef struct cells {
  int64_t first, last;
} cells;

/* Adds the products of cells w of rows h with the input of tap (kh, kw) and of those that the tile has beside it. */
static void run_tile(const blocked_view *v, tile_args *a, tile_fn fn, const float *x, int64_t kh, int64_t kw, cells h, cells w) {
  const conv_shape *s = &v->k->s;
  const int64_t lanes = v->k->plain ? 1 : VL;
  const int64_t ih = h.first * s->stride[1] - s->pad[1] + kh * s->dilation[1],
                iw = w.first * s->stride[2] - s->pad[2] + kw * s->dilation[2];
  if (h.first >= h.last || w.first >= w.last) return;
  a->rows = h.last - h.first;
  a->cells = w.last - w.first;
  a->x = x + (ih * s->in[2] + iw) * lanes;
  a->gy = v->gy + (h.first * s->out[2] + w.first) * VL;
  fn(a);
}

/* The band's rows and cells that kernel row kh and column kw have input for. */
static cells rows_of(const blocked_view *v, int64_t kh) {
  const int64_t *valid = v->k->valid + 2 * kh;
  return (cells){cpu_max(valid[0], v->b->h0), cpu_min(valid[1], v->b->h1)};
}
static cells cells_of(const blocked_view *v, int64_t kw) {
  const int64_t *valid = v->k->valid + 2 * (v->k->s.kernel[1] + kw);
  return (cells){cpu_max(valid[0], v->b->w0), cpu_min(valid[1], v->b->w1)};
}

/* What is left of `all` before and behind `inner`. */
static cells before(cells all, cells inner) {
  return (cells){all.first, cpu_min(all.last, inner.first)};
}
static cells behind(cells all, cells inner) {
  return (cells){cpu_max(all.first, inner.last), all.last};
}
/* What all of a run's taps have input for; first and last: of its first and last tap. */
static cells common(cells first, cells last) {
  return (cells){first.first, cpu_max(first.first, last.last)};
}

/* Blocked x: runs of channels, tap by tap. */
static void taps_of_block(const blocked_view *v, tile_args *a, int64_t channels) {
  const conv_shape *s = &v->k->s;
  const int64_t run = cpu_ceil_div(channels, cpu_max(1, cpu_ceil_div(channels, MAX_J)));
  a->total_j = s->taps * VL;
  for (int64_t kh = 0; kh < s->kernel[1]; kh++)
    for (int64_t kw = 0; kw < s->kernel[2]; kw++) {
      const cells h = rows_of(v, kh), w = cells_of(v, kw);
      for (int64_t c = 0; c < channels; c += run) {
        a->total = v->sums + (c * s->taps + kh * s->kernel[2] + kw) * VL;
        run_tile(v, a, tiles[v->mb][cpu_min(run, channels - c)], v->x + c, kh, kw, h, w);
      }
    }
}

/* Plain x, channel c, kernel rows kh .. kh + rows - 1 (one, or as many as the tile of several has): runs of kernel columns, whose input
 * lies together; cells that some of a run has no input for go tap by tap. */
static void runs_of_columns(const blocked_view *v, tile_args *a, int64_t c, int64_t kh, int64_t rows, cells h) {
  const conv_shape *s = &v->k->s;
  const int64_t kw_n = s->kernel[2], run = v->k->run;
  const float *x = v->x + c * s->in[1] * s->in[2];
  if (h.first >= h.last) return;
  for (int64_t kw = 0; kw < kw_n; kw += run) {
    const int64_t n = cpu_min(run, kw_n - kw);
    const cells inner = common(cells_of(v, kw), cells_of(v, kw + n - 1));
    float *total = v->sums + ((c * s->kernel[1] + kh) * kw_n + kw) * VL;
    a->total = total;
    run_tile(v, a, rows > 1 ? windows[v->mb][n] : tiles[v->mb][n], x, kh, kw, h, inner);
    for (int64_t i = 0; i < n; i++) {
      const cells all = cells_of(v, kw + i);
      if (all.first >= inner.first && all.last <= inner.last) continue;
      for (int64_t r = 0; r < rows; r++) {
        a->total = total + (r * kw_n + i) * VL;
        run_tile(v, a, tiles[v->mb][1], x, kh + r, kw + i, h, before(all, inner));
        run_tile(v, a, tiles[v->mb][1], x, kh + r, kw + i, h, behind(all, inner));
      }
    }
  }
}

/* Plain x, channel c: windows of several kernel rows where there is a tile of them; output rows that some of these have no input for go one
 * kernel row by one. */
static void taps_of_plane(const blocked_view *v, tile_args *a, int64_t c) {
  const conv_shape *s = &v->k->s;
  const int64_t several = v->k->run == s->kernel[2] ? window_rows[v->mb][v->k->run] : 0;
  int64_t kh = 0;
  a->total_j = VL;
  a->total_r = s->kernel[2] * VL;
  a->x_tap = s->dilation[1] * s->in[2];
  for (; several && kh + several <= s->kernel[1]; kh += several) {
    const cells inner = common(rows_of(v, kh), rows_of(v, kh + several - 1));
    runs_of_columns(v, a, c, kh, several, inner);
    for (int64_t r = kh; r < kh + several; r++) {
      const cells all = rows_of(v, r);
      runs_of_columns(v, a, c, r, 1, before(all, inner));
      runs_of_columns(v, a, c, r, 1, behind(all, inner));
    }
  }
  for (; kh < s->kernel[1]; kh++) runs_of_columns(v, a, c, kh, 1, rows_of(v, kh));
}

/* Adds the products of one band to sums [mb][channel][tap][VL], and its gy to the bias's; lost: see tile_args. */
static void run_band(const blocked_job *j, const blocked_task *t, const band *b, float *sums, int64_t lost) {
  static const float one = 1;
  const blocked_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t plane_in = s->in[1] * s->in[2], plane_out = s->out[1] * s->out[2], lanes = k->plain ? 1 : VL;
  const int64_t in_blocks = k->plain ? s->c : s->group * cpu_ceil_div(s->cg, VL), out_blocks = s->group * k->g.m_blocks;
  const float *gy = j->gy + (b->n0 * out_blocks + t->m_block) * plane_out * VL;
  const float *x = j->x + (b->n0 * in_blocks + t->c0 / lanes) * plane_in * lanes;
  tile_args a = {.images = b->images,
                 .x_image = in_blocks * plane_in * lanes,
                 .x_row = s->stride[1] * s->in[2] * lanes,
                 .x_cell = s->stride[2] * lanes,
                 .gy_image = out_blocks * plane_out * VL,
                 .gy_row = s->out[2] * VL,
                 .gy_m = plane_out * VL,
                 .total_m = k->g.sums * VL,
                 .lost = lost};
  const blocked_view v = {k, b, x, gy, sums, t->mb};
  if (k->plain)
    for (int64_t c = 0; c < t->channels; c++) taps_of_plane(&v, &a, c);
  else
    taps_of_block(&v, &a, t->channels);
  if (!s->has_bias || t->c0 != t->group * s->cg) return;
  a.x_image = a.x_row = a.x_cell = 0;
  a.rows = b->h1 - b->h0;
  a.cells = b->w1 - b->w0;
  a.x = &one;
  a.gy = gy + (b->h0 * s->out[2] + b->w0) * VL;
  a.total = sums + (k->g.sums - 1) * VL;
  tiles[t->mb][1](&a);
}

/* The task's sums over bands begin..end-1 into slot[0..floats-1]; a slot has three times as many. */
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
      run_band(j, t, &b, to, keeps ? floats : 0);
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
  float *slot = j->slots + worker * 3 * g->floats;
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
  float *sum = j->slots + worker * 3 * g->floats, *lost = sum + g->floats;
  memset(sum, 0, (size_t)(2 * g->floats) * sizeof *sum);
  for (int64_t i = 0; i < g->split; i++) add_part(g->floats, sum, lost, j->split_sums + (index * g->split + i) * g->floats);
  join_lost(g->floats, sum, lost);
  store_sums(j, &t, sum);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const blocked_kernel *k = (const blocked_kernel *)kernel;
  const blocked_geometry *g = &k->g;
  blocked_job job = {k, in[0], in[1], out[0], k->s.has_bias ? out[1] : NULL, workspace, NULL};
  job.split_sums = job.slots + cpu_workers(kernel->device) * 3 * g->floats;
  cpu_parallel(kernel->device, g->tasks * g->split, k->ns, run, &job);
  if (g->split > 1) cpu_parallel(kernel->device, g->tasks, 0, join, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_grad_weight_blocked_row) = {.name = CVK_ISA_ROW("conv_grad_weight_blocked"),
                                                          .kind = CVK_OP_CONV_GRAD_WEIGHT,
                                                          .variants = 2,
                                                          .accepts = accepts,
                                                          .prepare = prepare,
                                                          .execute = execute,
                                                          .release = release};

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
  const double padded = (double)(g.m_blocks * VL) / (double)cpu_max(s.mg, 1);
  c->estimated_ns =
      1e3 + cpu_ns_compute(device, conv_multiply_adds(&s) * padded, 0.45) + cpu_ns_memory(device, 8.0 * (double)(s.m * s.cg * s.taps), 0.3);
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
  geometry_set(&k->s, k->plain, &k->g);
  *out = &k->base;
  return CVK_OK;
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

/* Adds the products of cells w0..w1-1 of the band's rows h0..h1-1 with the input of tap (kh, kw): `j` floats of x from `x` on, where x is
 * the first image's input plane. */
static void run_tile(const blocked_kernel *k, tile_args *a, const blocked_task *t, int64_t j, const float *x, int64_t kh, int64_t kw,
                     int64_t h0, int64_t h1, int64_t w0, int64_t w1, const float *gy) {
  const conv_shape *s = &k->s;
  const int64_t lanes = k->plain ? 1 : VL;
  const int64_t ih = h0 * s->stride[1] - s->pad[1] + kh * s->dilation[1], iw = w0 * s->stride[2] - s->pad[2] + kw * s->dilation[2];
  if (h0 >= h1 || w0 >= w1) return;
  a->rows = h1 - h0;
  a->cells = w1 - w0;
  a->x = x + (ih * s->in[2] + iw) * lanes;
  a->gy = gy + (h0 * s->out[2] + w0) * VL;
  tiles[t->mb][j](a);
}

/* The cells of a band that tap (kh, kw) has input for. */
static void tap_cells(const conv_shape *s, const band *b, int64_t kh, int64_t kw, int64_t h[2], int64_t w[2]) {
  conv_valid_cells(s, 1, kh, &h[0], &h[1]);
  conv_valid_cells(s, 2, kw, &w[0], &w[1]);
  h[0] = cpu_max(h[0], b->h0), h[1] = cpu_min(h[1], b->h1);
  w[0] = cpu_max(w[0], b->w0), w[1] = cpu_min(w[1], b->w1);
}

/* Blocked x: runs of channels, tap by tap. */
static void taps_of_block(const blocked_kernel *k, tile_args *a, const blocked_task *t, const band *b, const float *x, const float *gy,
                          float *sums) {
  const conv_shape *s = &k->s;
  const int64_t run = cpu_ceil_div(t->channels, cpu_max(1, cpu_ceil_div(t->channels, MAX_J)));
  a->total_j = s->taps * VL;
  for (int64_t kh = 0; kh < s->kernel[1]; kh++)
    for (int64_t kw = 0; kw < s->kernel[2]; kw++) {
      int64_t h[2], w[2];
      tap_cells(s, b, kh, kw, h, w);
      for (int64_t c = 0; c < t->channels; c += run) {
        a->total = sums + (c * s->taps + kh * s->kernel[2] + kw) * VL;
        run_tile(k, a, t, cpu_min(run, t->channels - c), x + c, kh, kw, h[0], h[1], w[0], w[1], gy);
      }
    }
}

/* Plain x: runs of kernel columns, whose input lies together; cells that some of the run has no input for go column by column. */
static void taps_of_plane(const blocked_kernel *k, tile_args *a, const blocked_task *t, const band *b, const float *x, const float *gy,
                          float *sums) {
  const conv_shape *s = &k->s;
  const int64_t kw_n = s->kernel[2], runs = s->dilation[2] == 1 ? cpu_ceil_div(kw_n, MAX_J) : kw_n, run = cpu_ceil_div(kw_n, runs);
  a->total_j = VL;
  for (int64_t kh = 0; kh < s->kernel[1]; kh++)
    for (int64_t kw = 0; kw < kw_n; kw += run) {
      const int64_t n = cpu_min(run, kw_n - kw);
      float *total = sums + (kh * kw_n + kw) * VL;
      int64_t h[2], first[2], last[2];
      tap_cells(s, b, kh, kw, h, first);
      tap_cells(s, b, kh, kw + n - 1, h, last);
      const int64_t lo = first[0], hi = cpu_max(lo, last[1]); /* cells that the whole run has input for */
      a->total = total;
      run_tile(k, a, t, n, x, kh, kw, h[0], h[1], lo, hi, gy);
      for (int64_t i = 0; i < n; i++) {
        int64_t w[2];
        tap_cells(s, b, kh, kw + i, h, w);
        a->total = total + i * VL;
        run_tile(k, a, t, 1, x, kh, kw + i, h[0], h[1], w[0], cpu_min(w[1], lo), gy);
        run_tile(k, a, t, 1, x, kh, kw + i, h[0], h[1], cpu_max(w[0], hi), w[1], gy);
      }
    }
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
  if (k->plain)
    for (int64_t c = 0; c < t->channels; c++) taps_of_plane(k, &a, t, b, x + c * plane_in, gy, sums + c * s->taps * VL);
  else
    taps_of_block(k, &a, t, b, x, gy, sums);
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
                                                          .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight_plain: CONV_GRAD_WEIGHT of few channels a group on plain tensors, 1-D and 2-D: LeNet's first layer, depthwise ones.
 * Lanes are neighbouring cells of an output row, so a handful of filters wastes none of them. A task has FILTERS filters of a group and
 * goes over bands of rows; it copies the band's input with the padding of rows as zeros and the cells of each stride phase together, so
 * that a tap is one plain load; up to MAX_MB filters by MAX_K kernel columns are summed in registers over a band. Bands, parts and their
 * split follow from the shape alone. Where padding met an infinity or NaN a sum is NaN: then the general row's loops do it again. */
#include <string.h>

#include "conv_grad_weight.h"

enum {
  MAX_MB = 3,
  MAX_K = V_REGISTERS == 32 ? 7 : 3,
  FILTERS = 2 * MAX_MB,
  ENOUGH_TASKS = 8,
  BAND_BYTES = 16 << 10, /* of gy that a band reads: with its input, a share of the first-level cache */
  MOST_BYTES = 64 << 20, /* of a worker's workspace, of the groups' sums: no limit counts workers, or the row would depend on them */
};

typedef struct plain_geometry {
  int64_t images, rows, vectors; /* of gy a band */
  int64_t bands_h, bands_w, bands;
  int64_t part_bands;
  int64_t tiles, tasks, split, bands_split; /* tasks a group; tasks that make all outputs; groups of parts, and their bands */
  int64_t width, row, channel, image; /* floats of a stride phase of a copied row, of the row, a channel's rows, an image's channels */
  int64_t sums, floats, slot;         /* vectors of sums a filter, the bias's last; floats of a task's sums, of a worker's workspace */
} plain_geometry;

typedef struct plain_kernel {
  cpu_kernel base;
  conv_shape s;
  plain_geometry g;
  double ns;
} plain_kernel;

typedef struct plain_job {
  const plain_kernel *k;
  const float *x, *gy;
  float *gw, *gb, *slots, *split_sums; /* split_sums [task][split][floats] */
} plain_job;

/* Of gy, rows h0..h1-1 of images n0 .. n0 + images, the cells w0 .. w0 + cells of each; they read the rows in0..in1-1. */
typedef struct band {
  int64_t n0, images, h0, h1, w0, cells, in0, in1;
} band;

typedef struct tile_args {
  const float *x, *gy;
  int64_t images, rows, cells, x_image, x_row, gy_image, gy_row, gy_filter;
  const int64_t *at; /* where the taps lie in a copied row */
  float *total;
  int64_t total_m, lost; /* lost: floats from a total to what rounding has lost of it; 0: that is not kept */
} tile_args;

typedef void (*tile_fn)(const tile_args *a);

VI void join_total(float *to, int64_t lost, vf add) {
  if (lost)
    add_keeping(to, to + lost, add);
  else
    v_store(to, v_add(v_load(to), add));
}

/* UNIT: tap k lies at k. */
VI void step(const int MB, const int K, const int UNIT, const float *x, const int64_t *at, const vf *g, vf *acc) {
#pragma GCC unroll 8
  for (int k = 0; k < K; k++) {
    const vf cell = v_opaque(v_load(x + (UNIT ? k : at[k])));
#pragma GCC unroll 4
    for (int m = 0; m < MB; m++) acc[m * K + k] = v_fma(cell, g[m], acc[m * K + k]);
  }
}

VI void tile(const int MB, const int K, const int UNIT, const tile_args *a) {
  const int64_t gy_filter = a->gy_filter, total_m = a->total_m, lost = a->lost, whole = a->cells / VL * VL, rest = a->cells - whole;
  const int64_t x_row = a->x_row, gy_row = a->gy_row, rows = a->rows;
  int64_t at[MAX_K];
  float *total = a->total;
  vf acc[MAX_MB * MAX_K], g[MAX_MB];
#pragma GCC unroll 8
  for (int k = 0; k < K; k++) at[k] = a->at[k];
#pragma GCC unroll 32
  for (int i = 0; i < MB * K; i++) acc[i] = v_zero();
  for (int64_t image = 0; image < a->images; image++) {
    const float *x = a->x + image * a->x_image, *gy = a->gy + image * a->gy_image;
    for (int64_t row = 0; row < rows; row++, x += x_row, gy += gy_row) {
      for (int64_t i = 0; i < whole; i += VL) {
#pragma GCC unroll 4
        for (int m = 0; m < MB; m++) g[m] = v_load(gy + m * gy_filter + i);
        step(MB, K, UNIT, x + i, at, g, acc);
      }
      if (rest == 0) continue;
#pragma GCC unroll 4
      for (int m = 0; m < MB; m++) g[m] = v_load_n(gy + m * gy_filter + whole, rest);
      step(MB, K, UNIT, x + whole, at, g, acc);
    }
  }
#pragma GCC unroll 4
  for (int m = 0; m < MB; m++)
#pragma GCC unroll 8
    for (int k = 0; k < K; k++) join_total(total + m * total_m + k * VL, lost, acc[m * K + k]);
}

#if V_REGISTERS == 32
#define EACH_K(F, MB) F(MB, 1) F(MB, 2) F(MB, 3) F(MB, 4) F(MB, 5) F(MB, 6) F(MB, 7)
#else
#define EACH_K(F, MB) F(MB, 1) F(MB, 2) F(MB, 3)
#endif
#define TILE(MB, K)                                 \
  static void tile_##MB##_##K(const tile_args *a) { \
    tile(MB, K, 0, a);                              \
  }                                                 \
  static void unit_##MB##_##K(const tile_args *a) { \
    tile(MB, K, 1, a);                              \
  }
EACH_K(TILE, 1)
EACH_K(TILE, 2)
EACH_K(TILE, 3)
#define ENTRY(MB, K) [0][MB][K] = tile_##MB##_##K, [1][MB][K] = unit_##MB##_##K,
static const tile_fn tiles[2][MAX_MB + 1][MAX_K + 1] = {EACH_K(ENTRY, 1) EACH_K(ENTRY, 2) EACH_K(ENTRY, 3)}; /* [unit][filters][columns] */

/* Input rows that output rows h0..h1-1 read: *begin <= row < *end. */
static void rows_read(const conv_shape *s, int64_t h0, int64_t h1, int64_t *begin, int64_t *end) {
  *begin = cpu_max(0, h0 * s->stride[1] - s->pad[1]);
  *end = cpu_max(*begin, cpu_min(s->in[1], (h1 - 1) * s->stride[1] - s->pad[1] + (s->kernel[1] - 1) * s->dilation[1] + 1));
}

/* 0: some size overflows or is too large. */
static int32_t geometry_set(const conv_shape *s, plain_geometry *g) {
  const int64_t vectors = cpu_ceil_div(s->out[2], VL), most = grad_band_products(s->n * s->out[1] * vectors);
  const uint64_t reach = cpu_product(2, (int64_t[]){s->kernel[2] - 1, s->dilation[2]});
  const uint64_t reach_h = cpu_product(2, (int64_t[]){s->kernel[1] - 1, s->dilation[1]});
  if (reach > MOST_BYTES || reach_h > MOST_BYTES || s->stride[1] > MOST_BYTES || s->stride[2] > MOST_BYTES) return 0;
  const int64_t gy_bytes = s->out[1] * vectors * VL * cpu_min(s->mg, FILTERS) * (int64_t)sizeof(float);
  g->images = cpu_max(1, cpu_min(most / cpu_max(1, s->out[1] * vectors), BAND_BYTES / cpu_max(gy_bytes, 1)));
  g->vectors = cpu_max(1, cpu_min(vectors, most));
  g->rows = cpu_max(1, cpu_min(s->out[1], most / g->vectors));
  g->bands_h = cpu_ceil_div(s->out[1], g->rows);
  g->bands_w = cpu_ceil_div(vectors, g->vectors);
  g->bands = cpu_ceil_div(s->n, g->images) * g->bands_h * g->bands_w;
  g->part_bands = grad_part_bands(g->bands);
  g->tiles = cpu_ceil_div(s->mg, FILTERS);
  g->tasks = s->group * g->tiles;
  const int64_t parts = cpu_max(1, cpu_ceil_div(g->bands, g->part_bands));
  g->split = g->tasks >= ENOUGH_TASKS ? 1 : cpu_min(parts, cpu_ceil_div(ENOUGH_TASKS, cpu_max(g->tasks, 1)));
  g->bands_split = cpu_ceil_div(parts, g->split) * g->part_bands;
  g->width = cpu_ceil_div(g->vectors * VL + (int64_t)reach / s->stride[2], VL) * VL;
  g->row = g->width * s->stride[2];
  const int64_t rows_in = cpu_min(s->in[1], (g->rows - 1) * s->stride[1] + (int64_t)reach_h + 1);
  const uint64_t copied = cpu_product(5, (int64_t[]){g->images, s->cg, rows_in, g->row, sizeof(float)});
  const uint64_t sums = cpu_product(5, (int64_t[]){FILTERS, s->cg, s->taps, VL, 3 * sizeof(float)});
  if (copied > MOST_BYTES || sums > MOST_BYTES) return 0;
  g->channel = rows_in * g->row;
  g->image = s->cg * g->channel;
  g->sums = s->cg * s->taps + 1;
  g->floats = FILTERS * g->sums * VL;
  g->slot = 3 * g->floats + g->images * g->image + VL;
  const uint64_t split = g->split == 1 ? 0 : cpu_product(4, (int64_t[]){g->tasks, g->split, g->floats, sizeof(float)});
  return g->slot * (int64_t)sizeof(float) <= MOST_BYTES && split <= MOST_BYTES;
}

/* In cycles of one vector of products: what a row of a tile, a copied row and a join take. */
static double estimate(const cpu_device *device, const conv_shape *s, const plain_geometry *g) {
  enum { ROW = 8, COPY_ROW = 10, COPY = 4, COPY_STRIDED = 50, JOIN = 3 };
  const int64_t runs = cpu_ceil_div(s->kernel[2], MAX_K), k = cpu_ceil_div(s->kernel[2], cpu_max(runs, 1)), mb = cpu_min(s->mg, MAX_MB);
  const double rows = (double)s->n * (double)s->out[1], vectors = (double)cpu_ceil_div(s->out[2], VL);
  const double tiles_of_row = (double)(s->group * cpu_ceil_div(s->mg, MAX_MB)) * (double)(s->cg * s->kernel[1] * runs);
  const double tile_row = 1.2 * vectors * (double)cpu_max(mb * k, 2 * k + mb) + ROW;
  const double copy_row = (double)(g->width / VL) * (s->stride[2] == 1 ? COPY : COPY_STRIDED) + COPY_ROW;
  const double copies = (double)(g->tasks * s->cg) * (double)s->n * (double)s->in[1] * (double)s->stride[2];
  const double joins = (double)g->bands * (double)s->m * (double)(s->cg * s->taps);
  return 1e3 + cpu_ns_compute(device, VL * (rows * tiles_of_row * tile_row + copies * copy_row + JOIN * joins), 0.6);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  plain_geometry g;
  (void)variant;
  if (!conv_grad_shape_read(op, &s, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (s.cg == 0 || s.out[1] * s.out[2] == 0) return cpu_refuse(why, "there is nothing to sum");
  if (!geometry_set(&s, &g)) return cpu_refuse(why, "its rows and sums need more than %d bytes", MOST_BYTES);
  c->workspace_bytes = (uint64_t)(cpu_workers(device) * g.slot + (g.split > 1 ? g.tasks * g.split * g.floats : 0)) * sizeof(float);
  c->workspace_alignment = 64;
  c->estimated_ns = estimate(device, &s, &g);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  plain_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_grad_shape_read(op, &k->s, &why) || !geometry_set(&k->s, &k->g)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_grad_weight_plain: not as it was accepted");
  }
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static band band_of(const conv_shape *s, const plain_geometry *g, int64_t index) {
  const int64_t w = index % g->bands_w, h = index / g->bands_w % g->bands_h, n = index / g->bands_w / g->bands_h;
  band b = {.n0 = n * g->images,
            .images = cpu_min(g->images, s->n - n * g->images),
            .h0 = h * g->rows,
            .h1 = cpu_min(s->out[1], (h + 1) * g->rows),
            .w0 = w * g->vectors * VL};
  b.cells = cpu_min(g->vectors * VL, s->out[2] - b.w0);
  rows_read(s, b.h0, b.h1, &b.in0, &b.in1);
  return b;
}

static void copy_band(const plain_job *j, const band *b, int64_t c0, float *to) {
  const conv_shape *s = &j->k->s;
  const plain_geometry *g = &j->k->g;
  const int64_t first = b->w0 * s->stride[2] - s->pad[2];
  for (int64_t image = 0; image < b->images; image++)
    for (int64_t c = 0; c < s->cg; c++)
      for (int64_t row = b->in0; row < b->in1; row++)
        for (int64_t phase = 0; phase < s->stride[2]; phase++)
          copy_cells(j->x + (((b->n0 + image) * s->c + c0 + c) * s->in[1] + row) * s->in[2], s->in[2], first + phase, s->stride[2],
                     g->width, to + image * g->image + c * g->channel + (row - b->in0) * g->row + phase * g->width);
}

/* The vector sums of MB channels of gy from m0 on join the bias's. */
VI void sum_filters(const int MB, const plain_job *j, const band *b, int64_t m0, float *total, int64_t lost) {
  const conv_shape *s = &j->k->s;
  const int64_t plane = s->out[1] * s->out[2];
  vf acc[MAX_MB];
#pragma GCC unroll 4
  for (int m = 0; m < MB; m++) acc[m] = v_zero();
  for (int64_t image = 0; image < b->images; image++)
    for (int64_t row = b->h0; row < b->h1; row++) {
      const float *gy = j->gy + (((b->n0 + image) * s->m + m0) * s->out[1] + row) * s->out[2] + b->w0;
      for (int64_t i = 0; i < b->cells; i += VL)
#pragma GCC unroll 4
        for (int m = 0; m < MB; m++) acc[m] = v_add(acc[m], v_load_n(gy + m * plane + i, cpu_min(VL, b->cells - i)));
    }
#pragma GCC unroll 4
  for (int m = 0; m < MB; m++) join_total(total + m * j->k->g.sums * VL, lost, acc[m]);
}

static void sum_bias(const plain_job *j, const band *b, int64_t m0, int64_t filters, float *sums, int64_t lost) {
  const int64_t n = j->k->g.sums;
  float *total = sums + (n - 1) * VL;
  int64_t m = 0;
  for (; m + MAX_MB <= filters; m += MAX_MB) sum_filters(MAX_MB, j, b, m0 + m, total + m * n * VL, lost);
  for (; m < filters; m++) sum_filters(1, j, b, m0 + m, total + m * n * VL, lost);
}

/* Adds the products of one band to sums [filter][channel][tap][VL]. */
static void run_band(const plain_job *j, const band *b, int64_t m0, int64_t filters, float *copied, float *sums, int64_t lost) {
  const conv_shape *s = &j->k->s;
  const plain_geometry *g = &j->k->g;
  const int64_t runs = cpu_ceil_div(s->kernel[2], MAX_K), run = cpu_ceil_div(s->kernel[2], cpu_max(runs, 1)), plane = s->out[1] * s->out[2];
  const int64_t mb = cpu_ceil_div(filters, cpu_ceil_div(filters, MAX_MB));
  const int32_t unit = s->stride[2] == 1 && s->dilation[2] == 1;
  int64_t at[MAX_K];
  tile_args a = {.images = b->images,
                 .cells = b->cells,
                 .x_image = g->image,
                 .x_row = s->stride[1] * g->row,
                 .gy_image = s->m * plane,
                 .gy_row = s->out[2],
                 .gy_filter = plane,
                 .at = at,
                 .total_m = g->sums * VL,
                 .lost = lost};
  copy_band(j, b, m0 / s->mg * s->cg, copied);
  for (int64_t kh = 0; kh < s->kernel[1]; kh++) {
    int64_t h0, h1;
    conv_valid_cells(s, 1, kh, &h0, &h1);
    h0 = cpu_max(h0, b->h0), h1 = cpu_min(h1, b->h1);
    if (h0 >= h1) continue;
    a.rows = h1 - h0;
    for (int64_t kw = 0; kw < s->kernel[2]; kw += run) {
      const int64_t n = cpu_min(run, s->kernel[2] - kw);
      for (int64_t i = 0; i < n; i++) {
        const int64_t cell = (kw + i) * s->dilation[2];
        at[i] = cell % s->stride[2] * g->width + cell / s->stride[2];
      }
      const int64_t first = unit ? at[0] : 0;
      for (int64_t c = 0; c < s->cg; c++)
        for (int64_t m = 0; m < filters; m += mb) {
          a.x = copied + first + c * g->channel + (h0 * s->stride[1] - s->pad[1] + kh * s->dilation[1] - b->in0) * g->row;
          a.gy = j->gy + ((b->n0 * s->m + m0 + m) * s->out[1] + h0) * s->out[2] + b->w0;
          a.total = sums + (m * g->sums + c * s->taps + kh * s->kernel[2] + kw) * VL;
          tiles[unit][cpu_min(mb, filters - m)][n](&a);
        }
    }
  }
  if (s->has_bias) sum_bias(j, b, m0, filters, sums, lost);
}

/* The sums over bands begin..end-1 into slot[0..floats-1]. */
static void run_bands(const plain_job *j, int64_t m0, int64_t filters, int64_t begin, int64_t end, float *slot) {
  const plain_geometry *g = &j->k->g;
  const int64_t floats = g->floats, bands = g->part_bands;
  float *sum = slot, *lost = slot + floats, *part = slot + 2 * floats, *copied = slot + 3 * floats;
  const int32_t keeps = bands == 1, alone = !keeps && end - begin <= bands; /* bands keep what is lost; one part is all */
  memset(slot, 0, (size_t)(alone ? floats : 2 * floats) * sizeof *slot);
  for (int64_t first = begin; first < end; first += bands) {
    float *to = alone || keeps ? sum : part;
    if (to == part) memset(part, 0, (size_t)floats * sizeof *part);
    for (int64_t i = first; i < cpu_min(end, first + bands); i++) {
      const band b = band_of(&j->k->s, g, i);
      run_band(j, &b, m0, filters, copied, to, keeps ? floats : 0);
    }
    if (to == part) add_part(floats, sum, lost, part);
  }
  if (!alone) join_lost(floats, sum, lost);
}

static void store_sums(const plain_job *j, int64_t m0, int64_t filters, const float *sums) {
  const conv_shape *s = &j->k->s;
  const int64_t n = j->k->g.sums;
  for (int64_t m = 0; m < filters; m++) {
    for (int64_t i = 0; i < n - 1; i++) j->gw[(m0 + m) * (n - 1) + i] = v_sum(v_load(sums + (m * n + i) * VL));
    if (s->has_bias) j->gb[m0 + m] = v_sum(v_load(sums + (m * n + n - 1) * VL));
  }
}

/* The filters of a task: *filters of them from the result on. */
static int64_t filters_of(const plain_kernel *k, int64_t task, int64_t *filters) {
  const int64_t each = cpu_ceil_div(k->s.mg, k->g.tiles), first = task % k->g.tiles * each;
  *filters = cpu_max(0, cpu_min(each, k->s.mg - first));
  return task / k->g.tiles * k->s.mg + first;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const plain_job *j = arg;
  const plain_geometry *g = &j->k->g;
  const int64_t begin = index % g->split * g->bands_split, end = cpu_min(g->bands, begin + g->bands_split);
  float *slot = j->slots + worker * g->slot;
  int64_t filters;
  const int64_t m0 = filters_of(j->k, index / g->split, &filters);
  if (filters == 0) return;
  run_bands(j, m0, filters, begin, end, slot);
  if (g->split == 1)
    store_sums(j, m0, filters, slot);
  else
    memcpy(j->split_sums + index * g->floats, slot, (size_t)g->floats * sizeof *slot);
}

static void join(void *arg, int64_t index, int32_t worker) {
  const plain_job *j = arg;
  const plain_geometry *g = &j->k->g;
  float *sum = j->slots + worker * g->slot, *lost = sum + g->floats;
  int64_t filters;
  const int64_t m0 = filters_of(j->k, index, &filters);
  if (filters == 0) return;
  memset(sum, 0, (size_t)(2 * g->floats) * sizeof *sum);
  for (int64_t i = 0; i < g->split; i++) add_part(g->floats, sum, lost, j->split_sums + (index * g->split + i) * g->floats);
  join_lost(g->floats, sum, lost);
  store_sums(j, m0, filters, sum);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const plain_kernel *k = (const plain_kernel *)kernel;
  const plain_geometry *g = &k->g;
  plain_job job = {k, in[0], in[1], out[0], k->s.has_bias ? out[1] : NULL, workspace, NULL};
  job.split_sums = job.slots + cpu_workers(kernel->device) * g->slot;
  cpu_parallel(kernel->device, g->tasks * g->split, k->ns, run, &job);
  if (g->split > 1) cpu_parallel(kernel->device, g->tasks, 0, join, &job);
  if (!all_finite(job.gw, k->s.m * k->s.cg * k->s.taps))
    CVK_ISA_FN(conv_grad_weight_generic)(kernel->device, &k->s, k->ns, job.x, job.gy, job.gw, job.gb);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_grad_weight_plain_row) = {.name = CVK_ISA_ROW("conv_grad_weight_plain"),
                                                        .kind = CVK_OP_CONV_GRAD_WEIGHT,
                                                        .accepts = accepts,
                                                        .prepare = prepare,
                                                        .execute = execute};

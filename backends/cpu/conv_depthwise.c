/* SPDX-License-Identifier: Apache-2.0 */
/* conv_depthwise: convolution with as many groups as channels and one filter each, 1 or 2 axes, blocked input and output: lanes are
 * channels. conv_grouped: groups of few channels likewise; for each of a group's input channels the lanes of a cell are permuted, so that
 * each output channel has its own. A task is a band of rows of one channel block. A register tile sums T neighbouring cells of a row. For
 * kernel rows of 3, 5 or 7 taps without dilation each input cell is loaded once for all the output cells that it is part of; other kernels
 * go tap by tap. Cells that the input lacks are skipped. Weights [block][kernel row][input channel of the group][tap][VL], packed once when
 * constant, else into the workspace. */
#include "conv_shape.h"
#include "post_apply.h"
#include "totals.h"

#if V_REGISTERS == 32
#define MAX_T 14
#define EACH_T(F, G, K, S)                                                                                                        \
  F(G, K, S, 1)                                                                                                                   \
  F(G, K, S, 2)                                                                                                                   \
  F(G, K, S, 3) F(G, K, S, 4) F(G, K, S, 5) F(G, K, S, 6) F(G, K, S, 7) F(G, K, S, 8) F(G, K, S, 9) F(G, K, S, 10) F(G, K, S, 11) \
      F(G, K, S, 12) F(G, K, S, 13) F(G, K, S, 14)
#else
#define MAX_T 8
#define EACH_T(F, G, K, S) F(G, K, S, 1) F(G, K, S, 2) F(G, K, S, 3) F(G, K, S, 4) F(G, K, S, 5) F(G, K, S, 6) F(G, K, S, 7) F(G, K, S, 8)
#endif
enum { BAND_CELLS = 1024 }; /* output cells of a task */

typedef struct depthwise_args {
  const float *x, *w, *add; /* x: cell of the first output cell at tap 0 of the first valid row; add: NULL where there is none */
  float *y;
  int64_t x_row, x_tap, x_pix, w_run, rows; /* w_run: weights of a kernel row and input channel */
  int64_t runs;                             /* of a kernel row: input channels of a group */
  const int32_t *from; /* conv_grouped: [input channel of the group][VL], which lane of a cell each output channel sees */
  conv_tile tile;
  int32_t left, right; /* whole kernel rows: of the input cells that the tile's windows span, left..right-1 exist */
  int32_t clamp, lanes;
  vf bias, lo, hi;
} depthwise_args;

typedef void (*tile_fn)(const depthwise_args *a);

VI void store_cells(const int T, const depthwise_args *a, vf *acc) {
  float *y = a->y;
  if (a->add) {
    const float *add = a->add;
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) acc[t] = v_add(acc[t], v_load(add + t * VL));
  }
  if (a->clamp) {
    const vf lo = a->lo, hi = a->hi;
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) acc[t] = v_clamp(acc[t], lo, hi);
  }
  if (a->lanes < VL) {
    const int64_t lanes = a->lanes;
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) acc[t] = v_first(acc[t], lanes);
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) v_store(y + t * VL, acc[t]);
}

/* Kernel rows of K taps, side by side; the input lacks at most K / 2 of the cells at either end. */
VI void tile_whole_rows(const int GROUPED, const int K, const int STRIDE, const int T, const depthwise_args *a) {
  const int n = (T - 1) * STRIDE + K;
  const int64_t longest = (GROUPED ? V_CHAIN : V_SHORT_CHAIN) / K, runs = GROUPED ? a->runs : 1;
  const float *x = a->x, *w = a->w;
  const int32_t left = a->left, right = a->right;
  float total[MAX_T * VL];
  vf acc[MAX_T];
  int64_t fresh = longest, flushes = 0; /* fresh: runs until the sums join the totals */
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) acc[t] = a->bias;
  for (int64_t row = 0; row < a->rows; row++, x += a->x_row)
    for (int64_t run = 0; run < runs; run++, w += K * VL) {
      if (fresh-- == 0) {
        totals_add(T, acc, total, flushes++ == 0);
        fresh = longest - 1;
      }
      const vi from = GROUPED ? vi_load(a->from + run * VL) : vi_set1(0);
      vf tap[7];
#pragma GCC unroll 7
      for (int k = 0; k < K; k++) tap[k] = v_load(w + k * VL);
#pragma GCC unroll 64
      for (int i = 0; i < n; i++) {
        if ((i < K / 2 && i < left) || (i >= n - K / 2 && i >= right)) continue;
        const vf cell = GROUPED ? v_permute(v_load(x + i * VL), from) : v_opaque(v_load(x + i * VL));
#pragma GCC unroll 7
        for (int k = 0; k < K; k++)
          if (i >= k && (i - k) % STRIDE == 0 && (i - k) / STRIDE < T) acc[(i - k) / STRIDE] = v_fma(cell, tap[k], acc[(i - k) / STRIDE]);
      }
    }
  if (flushes) totals_join(T, acc, total);
  store_cells(T, a, acc);
}

VI void tap(const int GROUPED, const int T, const int LEFT, const int RIGHT, const int64_t pix, vf *acc, const float *x, vf w, vi from) {
#pragma GCC unroll 16
  for (int t = LEFT; t < T - RIGHT; t++) acc[t] = v_fma(GROUPED ? v_permute(v_load(x + t * pix), from) : v_load(x + t * pix), w, acc[t]);
}

/* Any kernel; a tap may miss the input for the first or the last cell (conv_shape.h's plan). */
VI void tile_by_taps(const int GROUPED, const int T, const depthwise_args *a) {
  const int64_t pix = a->x_pix;
  float total[MAX_T * VL];
  vf acc[MAX_T];
  int64_t products = 0, flushes = 0;
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) acc[t] = a->bias;
  const float *x = a->x, *w = a->w;
  for (int64_t row = 0; row < a->rows; row++, x += a->x_row)
    for (int64_t run = 0; run < a->runs; run++, w += a->w_run) {
      const vi from = GROUPED ? vi_load(a->from + run * VL) : vi_set1(0);
      for (int64_t i = a->tile.begin; i < a->tile.end; i++) {
        if (products++ == V_SHORT_CHAIN) {
          totals_add(T, acc, total, flushes++ == 0);
          products = 1;
        }
        const float *cell = x + i * a->x_tap;
        if (T == 1 || (i >= a->tile.full_begin && i < a->tile.full_end))
          tap(GROUPED, T, 0, 0, pix, acc, cell, v_load(w + i * VL), from);
        else if (i < a->tile.full_begin)
          tap(GROUPED, T, 1, 0, pix, acc, cell, v_load(w + i * VL), from);
        else
          tap(GROUPED, T, 0, 1, pix, acc, cell, v_load(w + i * VL), from);
      }
    }
  if (flushes) totals_join(T, acc, total);
  store_cells(T, a, acc);
}

/* The functions of a tile: G is 1 for conv_grouped. */
#define BY_TAPS(G, K, S, T)                                \
  static void by_taps_##G##_##T(const depthwise_args *a) { \
    tile_by_taps(G, T, a);                                 \
  }
#define BY_TAPS_ENTRY(G, K, S, T) [G][T] = by_taps_##G##_##T,
#define EACH_BY_TAPS(F) EACH_T(F, 0, 0, 0) EACH_T(F, 1, 0, 0)
EACH_BY_TAPS(BY_TAPS)
static const tile_fn by_taps[2][MAX_T + 1] = {EACH_BY_TAPS(BY_TAPS_ENTRY)};

#define WHOLE_ROWS(G, K, S, T)                                            \
  static void whole_rows_##G##_##K##_##S##_##T(const depthwise_args *a) { \
    tile_whole_rows(G, K, S, T, a);                                       \
  }
#define WHOLE_ROWS_ENTRY(G, K, S, T) [G][K / 2][S][T] = whole_rows_##G##_##K##_##S##_##T,
#define EACH_WHOLE(F) \
  EACH_T(F, 0, 3, 1)  \
  EACH_T(F, 0, 3, 2) EACH_T(F, 0, 5, 1) EACH_T(F, 0, 5, 2) EACH_T(F, 0, 7, 1) EACH_T(F, 0, 7, 2) EACH_T(F, 1, 3, 1) EACH_T(F, 1, 3, 2)
EACH_WHOLE(WHOLE_ROWS)
static const tile_fn whole_rows[2][4][3][MAX_T + 1] = {EACH_WHOLE(WHOLE_ROWS_ENTRY)};

static int32_t is_depthwise(const conv_shape *s) {
  return s->cg == 1 && s->mg == 1;
}

static int32_t has_whole_rows(const conv_shape *s) {
  const int64_t k = s->kernel[2], stride = s->stride[2], over = (s->out[2] - 1) * stride - s->pad[2] + k - s->in[2];
  return (k == 3 || (is_depthwise(s) && (k == 5 || k == 7))) && (stride == 1 || stride == 2) && s->dilation[2] == 1 && s->pad[2] <= k / 2 &&
         over <= k / 2;
}

/* Cuts a row of `out` cells into tiles of at most MAX_T, as even as can be. */
static int64_t whole_rows_plan(int64_t out, conv_tile *tile) {
  const int64_t n = cpu_ceil_div(out, MAX_T);
  for (int64_t i = 0; i < n; i++) {
    const int64_t x = i * out / n;
    tile[i] = (conv_tile){.x = (int32_t)x, .t = (int32_t)((i + 1) * out / n - x)};
  }
  return n;
}

typedef struct depthwise_kernel {
  cpu_kernel base;
  conv_shape s;
  cpu_post post;
  int64_t blocks, band, bands; /* channel blocks; rows a band; bands an image */
  int64_t n_tiles;
  conv_tile *tile;
  int32_t whole_rows; /* tiles by whole kernel rows */
  double ns;
} depthwise_kernel;

typedef struct depthwise_job {
  const depthwise_kernel *k;
  const void *const *in;
  const float *w;
  float *packed, *y;
} depthwise_job;

static double estimate(const cpu_device *device, const conv_shape *s) {
  const double in_floats = (double)s->n * (double)s->c * (double)s->in[1] * (double)s->in[2];
  const double out_floats = (double)s->n * (double)s->m * (double)s->out[1] * (double)s->out[2];
  return cpu_ns_compute(device, conv_multiply_adds(s), is_depthwise(s) ? 0.8 : 0.5) +
         cpu_ns_memory(device, 4 * (in_floats + out_floats), 1.5);
}

static int64_t block_floats(const conv_shape *s) {
  return s->cg * s->taps * VL;
}

static uint64_t packed_bytes(const conv_shape *s) {
  return cpu_product(5, (int64_t[]){cpu_ceil_div(s->m, VL), s->cg, s->taps, VL, sizeof(float)});
}

/* What both rows take, once the shape is known to be theirs. */
static int32_t accepts_shape(const cpu_device *device, const cvk_op *op, const conv_shape *s, cvk_candidate *c, cpu_reason *why) {
  if (s->spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  for (int32_t i = 0; i < 3; i++)
    if (s->out[i] > INT32_MAX / 4 || s->kernel[i] > INT32_MAX / 4) return cpu_refuse(why, "axis %d is too long", i);
  if (packed_bytes(s) == UINT64_MAX) return cpu_refuse(why, "packed weights overflow 64 bits");
  c->in[0] = c->out[0] = cpu_format(VL);
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->kind == CVK_OP_ADD && op->post[i]->input < CVK_CANDIDATE_INPUTS) c->in[op->post[i]->input] = c->out[0];
  if (op->in[1]->const_data)
    c->pack[1] = 0x4000 + VL;
  else
    c->workspace_bytes = packed_bytes(s);
  c->workspace_alignment = 64;
  c->estimated_ns = estimate(device, s);
  return 1;
}

static int32_t accepts_depthwise(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.group != s.c) return cpu_refuse(why, "group %lld is not the channel count %lld", (long long)s.group, (long long)s.c);
  if (s.m != s.c) return cpu_refuse(why, "%lld output channels of %lld", (long long)s.m, (long long)s.c);
  return accepts_shape(device, op, &s, c, why);
}

/* The input channels of a block of output channels lie in one block. */
static int32_t accepts_grouped(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.group == 1 || is_depthwise(&s)) return cpu_refuse(why, "group %lld of %lld channels", (long long)s.group, (long long)s.c);
  if (s.cg == 0 || s.mg == 0 || VL % s.cg || (VL % s.mg && s.mg % VL) || (s.mg < VL && s.cg > s.mg))
    return cpu_refuse(why, "groups of %lld to %lld channels do not part blocks of %d", (long long)s.cg, (long long)s.mg, VL);
  return accepts_shape(device, op, &s, c, why);
}

static void pack_block(const conv_shape *s, const float *w, float *to, int64_t block) {
  const int64_t lanes = cpu_min(VL, s->m - block * VL), each = s->cg * s->taps, kw = s->kernel[2];
  float *out = to + block * block_floats(s);
  w += block * VL * each;
  for (int64_t row = 0; row < s->kernel[1]; row++)
    for (int64_t c = 0; c < s->cg; c++)
      for (int64_t i = 0; i < kw; i++, out += VL) v_store(out, v_load_strided_n(w + c * s->taps + row * kw + i, each, lanes));
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  conv_shape s;
  cpu_reason why;
  (void)c;
  if (input != 1 || !conv_shape_read(op, &s, &why))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "conv_depthwise: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, packed_bytes(&s), out);
  for (int64_t i = 0; status == CVK_OK && i < cpu_ceil_div(s.m, VL); i++) pack_block(&s, op->in[1]->const_data, (*out)->data, i);
  return status;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  depthwise_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_depthwise: %s", why.text);
  }
  const conv_shape *s = &k->s;
  CVK_ISA_FN(post_bind)(&k->post);
  k->ns = c->estimated_ns;
  k->blocks = cpu_ceil_div(s->m, VL);
  k->band = cpu_max(1, cpu_min(s->out[1], BAND_CELLS / cpu_max(1, s->out[2])));
  k->bands = cpu_ceil_div(s->out[1], k->band);
  k->tile = cpu_alloc(device, cpu_product(2, (int64_t[]){cpu_max(s->out[2], 1), sizeof *k->tile}));
  if (!k->tile) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  k->whole_rows = has_whole_rows(s);
  k->n_tiles = k->whole_rows ? whole_rows_plan(s->out[2], k->tile) : conv_tiles_plan(s, 2, s->out[2], MAX_T, k->tile);
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((depthwise_kernel *)kernel)->tile);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const depthwise_job *j = arg;
  const depthwise_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t planes = s->n * k->blocks, band = index / planes, plane = index % planes, block = plane % k->blocks;
  const int64_t row0 = band * k->band, row1 = cpu_min(s->out[1], row0 + k->band), lanes = cpu_min(VL, s->m - block * VL);
  const int64_t in_block = block * VL / s->mg * s->cg / VL, in_plane = plane / k->blocks * cpu_ceil_div(s->c, VL) + in_block;
  const int64_t at = plane * s->out[1] * s->out[2] * VL;
  const float *x = (const float *)j->in[0] + in_plane * s->in[1] * s->in[2] * VL, *w = j->w + block * block_floats(s);
  const float *add = k->post.add_input >= 0 ? (const float *)j->in[k->post.add_input] + at : NULL;
  const int32_t grouped = !is_depthwise(s);
  int32_t from_lane[VL * VL];
  const int32_t lane = (int32_t)(block * VL / s->mg * s->cg % VL); /* lane of the first group's first channel */
  for (int64_t c = 0; grouped && c < s->cg; c++) {
    int64_t i = 0;
    for (int64_t g = 0; i < VL; g++)
      for (const int64_t end = cpu_min(VL, i + s->mg); i < end; i++) from_lane[c * VL + i] = lane + (int32_t)(g * s->cg + c);
  }
  depthwise_args a = {.x_row = s->dilation[1] * s->in[2] * VL,
                      .x_tap = s->dilation[2] * VL,
                      .x_pix = s->stride[2] * VL,
                      .w_run = s->kernel[2] * VL,
                      .runs = s->cg,
                      .from = from_lane,
                      .bias = s->has_bias ? v_load_n((const float *)j->in[2] + block * VL, lanes) : v_zero(),
                      .lo = v_set1(k->post.lo),
                      .hi = v_set1(k->post.hi),
                      .clamp = k->post.clamp,
                      .lanes = (int32_t)lanes};
  const tile_fn *fn = k->whole_rows ? whole_rows[grouped][s->kernel[2] / 2][s->stride[2]] : by_taps[grouped];
  (void)worker;
  for (int64_t row = row0; row < row1; row++) {
    int64_t begin, end;
    conv_valid_taps(s, 1, row, &begin, &end);
    const float *from = x + ((row * s->stride[1] - s->pad[1] + begin * s->dilation[1]) * s->in[2] - s->pad[2]) * VL;
    a.rows = end - begin;
    a.w = w + begin * a.runs * a.w_run;
    for (int64_t i = 0; i < k->n_tiles; i++) {
      const int64_t cell = (row * s->out[2] + k->tile[i].x) * VL, first = k->tile[i].x * s->stride[2] - s->pad[2];
      a.tile = k->tile[i];
      a.left = (int32_t)-first;
      a.right = (int32_t)(s->in[2] - first);
      a.x = from + k->tile[i].x * a.x_pix;
      a.y = j->y + at + cell;
      a.add = add ? add + cell : NULL;
      fn[a.tile.t](&a);
    }
  }
  if (k->post.n == 0) return;
  float *y = j->y + at + row0 * s->out[2] * VL;
  const int64_t n = (row1 - row0) * s->out[2] * VL;
  CVK_ISA_FN(post_apply)(&k->post, y, n, y - j->y, j->in);
  for (int64_t i = 0; lanes < VL && i < n; i += VL) v_store(y + i, v_first(v_load(y + i), lanes));
}

static void pack_task(void *arg, int64_t index, int32_t worker) {
  const depthwise_job *j = arg;
  (void)worker;
  pack_block(&j->k->s, j->in[1], j->packed, index);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const depthwise_kernel *k = (const depthwise_kernel *)kernel;
  depthwise_job job = {.k = k, .in = in, .w = kernel->pack[1] ? kernel->pack[1]->data : workspace, .packed = workspace, .y = out[0]};
  if (k->s.out[2] == 0) return CVK_OK;
  if (!kernel->pack[1]) cpu_parallel(kernel->device, k->blocks, 0, pack_task, &job);
  cpu_parallel(kernel->device, k->s.n * k->blocks * k->bands, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_depthwise_row) = {.name = CVK_ISA_ROW("conv_depthwise"),
                                                .kind = CVK_OP_CONV,
                                                .takes_post = 1,
                                                .accepts = accepts_depthwise,
                                                .prepare = prepare,
                                                .execute = execute,
                                                .pack = pack,
                                                .release = release};

const cpu_row CVK_ISA_FN(conv_grouped_row) = {.name = CVK_ISA_ROW("conv_grouped"),
                                              .kind = CVK_OP_CONV,
                                              .takes_post = 1,
                                              .accepts = accepts_grouped,
                                              .prepare = prepare,
                                              .execute = execute,
                                              .pack = pack,
                                              .release = release};

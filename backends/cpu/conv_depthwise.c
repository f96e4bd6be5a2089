/* SPDX-License-Identifier: Apache-2.0 */
/* conv_depthwise: convolution with as many groups as channels and one filter each, 1 or 2 axes, blocked input and output: lanes are
 * channels. A task is a band of rows of one channel block. A register tile sums T neighbouring cells; taps that miss the input for the
 * first or last cell have loops of their own (conv_shape.h's plan). Weights [block][tap][VL], packed once when constant, else into the
 * workspace. */
#include "conv_shape.h"
#include "post_apply.h"

#if V_REGISTERS == 32
#define MAX_T 14
#define EACH_T(F, S) F(S, 1) F(S, 2) F(S, 3) F(S, 4) F(S, 5) F(S, 6) F(S, 7) F(S, 8) F(S, 9) F(S, 10) F(S, 11) F(S, 12) F(S, 13) F(S, 14)
#else
#define MAX_T 8
#define EACH_T(F, S) F(S, 1) F(S, 2) F(S, 3) F(S, 4) F(S, 5) F(S, 6) F(S, 7) F(S, 8)
#endif
enum { BAND_CELLS = 1024, CHAIN = 64 }; /* output cells of a task; products summed before they join the totals */

typedef struct depthwise_args {
  const float *x, *w, *add; /* x: cell of the first output cell at tap 0 of the first valid row; add: NULL where there is none */
  float *y;
  int64_t x_row, x_tap, x_pix, w_row, rows;
  conv_tile tile;
  vf bias, lo, hi;
  int32_t clamp, lanes;
} depthwise_args;

typedef void (*tile_fn)(const depthwise_args *a);

VI void tap(const int T, const int LEFT, const int RIGHT, const int64_t pix, vf *acc, const float *x, vf w) {
#pragma GCC unroll 16
  for (int t = LEFT; t < T - RIGHT; t++) acc[t] = v_fma(v_load(x + t * pix), w, acc[t]);
}

VI void store_cell(const depthwise_args *a, int t, vf y) {
  if (a->add) y = v_add(y, v_load(a->add + t * VL));
  if (a->clamp) y = v_clamp(y, a->lo, a->hi);
  if (a->lanes < VL) y = v_first(y, a->lanes);
  v_store(a->y + t * VL, y);
}

/* A kernel row of three neighbouring taps: each input cell is loaded once for all the output cells that it is part of. LEFT, RIGHT: the
 * first cell's first tap, the last cell's last tap miss the input. */
VI void tile_of_3(const int T, const int STRIDE, const int LEFT, const int RIGHT, const depthwise_args *a) {
  vf acc[MAX_T];
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) acc[t] = v_zero();
  for (int64_t row = 0; row < a->rows; row++) {
    const float *x = a->x + row * a->x_row, *w = a->w + row * a->w_row;
    const vf tap[3] = {v_load(w), v_load(w + VL), v_load(w + 2 * VL)};
#pragma GCC unroll 32
    for (int i = LEFT; i < (T - 1) * STRIDE + 3 - RIGHT; i++) {
      const vf cell = v_load(x + i * VL);
#pragma GCC unroll 3
      for (int k = 0; k < 3; k++)
        if (i >= k && (i - k) % STRIDE == 0 && (i - k) / STRIDE < T) acc[(i - k) / STRIDE] = v_fma(cell, tap[k], acc[(i - k) / STRIDE]);
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) store_cell(a, t, v_add(acc[t], a->bias));
}

/* STRIDE 0: known at run time. */
VI void tile(const int T, const int64_t STRIDE, const depthwise_args *a) {
  const int64_t pix = STRIDE ? STRIDE * VL : a->x_pix;
  vf acc[MAX_T], total[MAX_T];
  int64_t products = 0, flushes = 0;
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) acc[t] = v_zero();
  for (int64_t row = 0; row < a->rows; row++) {
    const float *x = a->x + row * a->x_row, *w = a->w + row * a->w_row;
    int64_t i = a->tile.begin;
    if (T > 1)
      for (; i < a->tile.full_begin; i++) tap(T, 1, 0, pix, acc, x + i * a->x_tap, v_load(w + i * VL));
    for (; i < a->tile.full_end; i++) tap(T, 0, 0, pix, acc, x + i * a->x_tap, v_load(w + i * VL));
    if (T > 1)
      for (; i < a->tile.end; i++) tap(T, 0, 1, pix, acc, x + i * a->x_tap, v_load(w + i * VL));
    products += a->tile.end - a->tile.begin;
    if (products < CHAIN || row == a->rows - 1) continue;
    for (int t = 0; t < T; t++) {
      total[t] = flushes ? v_add(total[t], acc[t]) : acc[t];
      acc[t] = v_zero();
    }
    products = 0;
    flushes++;
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; t++) store_cell(a, t, v_add(flushes ? v_add(total[t], acc[t]) : acc[t], a->bias));
}

#define TILE(S, T)                                      \
  static void tile_##S##_##T(const depthwise_args *a) { \
    tile(T, S, a);                                      \
  }
#define ENTRY(S, T) [S][T] = tile_##S##_##T,
EACH_T(TILE, 0)
EACH_T(TILE, 1)
EACH_T(TILE, 2)
static const tile_fn tiles[3][MAX_T + 1] = {EACH_T(ENTRY, 0) EACH_T(ENTRY, 1) EACH_T(ENTRY, 2)};

#define TILE_OF_3(S, T)                                           \
  static void tile_of_3_##S##_##T##_00(const depthwise_args *a) { \
    tile_of_3(T, S, 0, 0, a);                                     \
  }                                                               \
  static void tile_of_3_##S##_##T##_01(const depthwise_args *a) { \
    tile_of_3(T, S, 0, 1, a);                                     \
  }                                                               \
  static void tile_of_3_##S##_##T##_10(const depthwise_args *a) { \
    tile_of_3(T, S, 1, 0, a);                                     \
  }                                                               \
  static void tile_of_3_##S##_##T##_11(const depthwise_args *a) { \
    tile_of_3(T, S, 1, 1, a);                                     \
  }
#define ENTRY_OF_3(S, T) \
  [S][T] = {{tile_of_3_##S##_##T##_00, tile_of_3_##S##_##T##_01}, {tile_of_3_##S##_##T##_10, tile_of_3_##S##_##T##_11}},
EACH_T(TILE_OF_3, 1)
EACH_T(TILE_OF_3, 2)
static const tile_fn tiles_of_3[3][MAX_T + 1][2][2] = {EACH_T(ENTRY_OF_3, 1) EACH_T(ENTRY_OF_3, 2)}; /* by LEFT and RIGHT */

/* The function of a planned tile; tiles too near both edges to have a first and a last miss of one tap each take the general one. */
static tile_fn choose(const conv_shape *s, const conv_tile *t) {
  const int64_t stride = s->stride[2];
  const int32_t left = t->full_begin - t->begin, right = t->end - t->full_end;
  if (s->kernel[2] == 3 && s->dilation[2] == 1 && s->kernel[1] * 3 <= CHAIN && (stride == 1 || stride == 2) && t->begin == 0 &&
      t->end == 3 && left <= 1 && right <= 1)
    return tiles_of_3[stride][t->t][left][right];
  return tiles[stride <= 2 ? stride : 0][t->t];
}

typedef struct depthwise_kernel {
  cpu_kernel base;
  conv_shape s;
  cpu_post post;
  int64_t blocks, band, bands; /* channel blocks; rows a band; bands an image */
  int64_t n_tiles;
  conv_tile *tile;
  tile_fn *fn; /* of each tile */
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
  const double out_floats = (double)s->n * (double)s->c * (double)s->out[1] * (double)s->out[2];
  return cpu_ns_compute(device, conv_multiply_adds(s), 0.4) + cpu_ns_memory(device, 4 * (in_floats + out_floats), 1.5);
}

static uint64_t packed_bytes(const conv_shape *s) {
  return cpu_product(4, (int64_t[]){cpu_ceil_div(s->c, VL), s->taps, VL, sizeof(float)});
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (s.group != s.c) return cpu_refuse(why, "group %lld is not the channel count %lld", (long long)s.group, (long long)s.c);
  if (s.m != s.c) return cpu_refuse(why, "%lld output channels of %lld", (long long)s.m, (long long)s.c);
  for (int32_t i = 0; i < 3; i++)
    if (s.out[i] > INT32_MAX / 4 || s.kernel[i] > INT32_MAX / 4) return cpu_refuse(why, "axis %d is too long", i);
  if (packed_bytes(&s) == UINT64_MAX) return cpu_refuse(why, "packed weights overflow 64 bits");
  c->in[0] = c->out[0] = cpu_format(VL);
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->kind == CVK_OP_ADD && op->post[i]->input < CVK_CANDIDATE_INPUTS) c->in[op->post[i]->input] = c->out[0];
  if (op->in[1]->const_data)
    c->pack[1] = 0x4000 + VL;
  else
    c->workspace_bytes = packed_bytes(&s);
  c->workspace_alignment = 64;
  c->estimated_ns = estimate(device, &s);
  return 1;
}

static void pack_block(const conv_shape *s, const float *w, float *to, int64_t block) {
  const int64_t lanes = cpu_min(VL, s->c - block * VL);
  for (int64_t i = 0; i < s->taps; i++)
    v_store(to + (block * s->taps + i) * VL, v_load_strided_n(w + block * VL * s->taps + i, s->taps, lanes));
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  conv_shape s;
  cpu_reason why;
  (void)c;
  if (input != 1 || !conv_shape_read(op, &s, &why))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "conv_depthwise: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, packed_bytes(&s), out);
  for (int64_t i = 0; status == CVK_OK && i < cpu_ceil_div(s.c, VL); i++) pack_block(&s, op->in[1]->const_data, (*out)->data, i);
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
  k->blocks = cpu_ceil_div(s->c, VL);
  k->band = cpu_max(1, cpu_min(s->out[1], BAND_CELLS / cpu_max(1, s->out[2])));
  k->bands = cpu_ceil_div(s->out[1], k->band);
  k->tile = cpu_alloc(device, cpu_product(2, (int64_t[]){cpu_max(s->out[2], 1), sizeof *k->tile + sizeof *k->fn}));
  if (!k->tile) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  k->fn = (tile_fn *)(k->tile + cpu_max(s->out[2], 1));
  k->n_tiles = conv_tiles_plan(s, 2, s->out[2], MAX_T, k->tile);
  for (int64_t i = 0; i < k->n_tiles; i++) k->fn[i] = choose(s, &k->tile[i]);
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
  const int64_t row0 = band * k->band, row1 = cpu_min(s->out[1], row0 + k->band), lanes = cpu_min(VL, s->c - block * VL);
  const int64_t at = plane * s->out[1] * s->out[2] * VL;
  const float *x = (const float *)j->in[0] + plane * s->in[1] * s->in[2] * VL, *w = j->w + block * s->taps * VL;
  const float *add = k->post.add_input >= 0 ? (const float *)j->in[k->post.add_input] + at : NULL;
  depthwise_args a = {.x_row = s->dilation[1] * s->in[2] * VL,
                      .x_tap = s->dilation[2] * VL,
                      .x_pix = s->stride[2] * VL,
                      .w_row = s->kernel[2] * VL,
                      .bias = s->has_bias ? v_load_n((const float *)j->in[2] + block * VL, lanes) : v_zero(),
                      .lo = v_set1(k->post.lo),
                      .hi = v_set1(k->post.hi),
                      .clamp = k->post.clamp,
                      .lanes = (int32_t)lanes};
  (void)worker;
  for (int64_t row = row0; row < row1; row++) {
    int64_t begin, end;
    conv_valid_taps(s, 1, row, &begin, &end);
    const float *from = x + ((row * s->stride[1] - s->pad[1] + begin * s->dilation[1]) * s->in[2] - s->pad[2]) * VL;
    a.rows = end - begin;
    a.w = w + begin * a.w_row;
    for (int64_t i = 0; i < k->n_tiles; i++) {
      const int64_t cell = (row * s->out[2] + k->tile[i].x) * VL;
      a.tile = k->tile[i];
      a.x = from + k->tile[i].x * a.x_pix;
      a.y = j->y + at + cell;
      a.add = add ? add + cell : NULL;
      k->fn[i](&a);
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
                                                .accepts = accepts,
                                                .prepare = prepare,
                                                .execute = execute,
                                                .pack = pack,
                                                .release = release};

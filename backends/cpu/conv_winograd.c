/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd.c: the driver of the Winograd rows (conv_winograd.h). Tiles are numbered through batch, rows and columns and taken in
 * blocks whose planes V stay in cache: V [plane][block of channels][tile][VL]. For each panel of KB blocks of output channels the products
 * go to M [plane][block of the panel][tile][VL] and from there, transformed, to the output. An image of few tiles is one block: then V is
 * made by all threads together, and they share the panels. A tile that comes out with an infinity or a NaN is computed again directly, so
 * that one bad input spoils no neighbour; non-finite weights need no other care. A transposed convolution is one whose weights have the
 * channels exchanged and the taps in reverse. Weights are transformed once when constant, else into the workspace. */
#include "conv_winograd.h"

#include <stdatomic.h>

#include "post_apply.h"

enum {
  KB = 2,                  /* blocks of output channels a panel */
  TAPS = 9,                /* of the kernel */
  CHAIN = 256,             /* channels summed in a register before the sum joins M: rounding errors, and the panel's part stays in cache */
  AHEAD = 448,             /* tiles times channels by which weights are fetched ahead: about the time that memory takes */
  PAD_MOST = 2,            /* an output cell that sees padding only must be exact, and its tile's neighbours would leave rounding errors */
  TRANSPOSED_PAD_MOST = 1, /* where corners see one tap only, what their tile's other taps round shows beside one product */
  KEPT_TAPS = 5,           /* planes of untransformed weights behind the transformed: those of the corners are among these as they are */
  TILES_SHARED = 64,       /* up to so many tiles are one block */
  TILES_LEAST = 14,        /* a block: fewer would read the weights too often */
  TILES_MOST = 28,         /* a block */
  V_BYTES = 640 << 10,     /* of a block: V and M stay in the second-level cache */
  TASKS_LEAST = 8,         /* of one block, while a part of it is more than a register tile: so many threads at least have work */
  SLOTS_BYTES = 64 << 20,  /* most workspace */
};

/* T tiles by K blocks: to[K][T] = (adds: +=) the sum over channels of V's tiles times the panel's weights. */
typedef void (*product_fn)(const float *v, int64_t v_block, const float *u, int64_t channels, float *to, int64_t to_block, int32_t adds);

VI void product(const int T, const int K, const float *v, int64_t v_block, const float *u, int64_t channels, float *to, int64_t to_block,
                int32_t adds) {
  vf sum[32];
#pragma GCC unroll 32
  for (int i = 0; i < T * K; i++) sum[i] = v_zero();
  for (int64_t c0 = 0; c0 < channels; c0 += VL, v += v_block) {
    const int64_t n = cpu_min(VL, channels - c0);
    for (int64_t c = 0; c < n; c++, u += K * VL) {
      vf w[KB];
#pragma GCC unroll 2
      for (int k = 0; k < K; k++) {
        w[k] = v_load(u + k * VL);
        __builtin_prefetch(u + k * VL + AHEAD / T * K * VL);
      }
#pragma GCC unroll 16
      for (int t = 0; t < T; t++) {
        const vf x = v_set1(v[t * VL + c]);
#pragma GCC unroll 2
        for (int k = 0; k < K; k++) sum[t * K + k] = v_fma(x, w[k], sum[t * K + k]);
      }
    }
  }
#pragma GCC unroll 2
  for (int k = 0; k < K; k++)
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) {
      float *at = to + k * to_block + t * VL;
      v_store(at, adds ? v_add(v_load(at), sum[t * K + k]) : sum[t * K + k]);
    }
}

#if V_REGISTERS == 32
#define MAX_T 14
#define EACH_T(F, K) F(1, K) F(2, K) F(3, K) F(4, K) F(5, K) F(6, K) F(7, K) F(8, K) F(9, K) F(10, K) F(11, K) F(12, K) F(13, K) F(14, K)
#else
#define MAX_T 6
#define EACH_T(F, K) F(1, K) F(2, K) F(3, K) F(4, K) F(5, K) F(6, K)
#endif
#define PRODUCT(T, K)                                                                                                           \
  static void product_##T##_##K(const float *v, int64_t v_block, const float *u, int64_t channels, float *to, int64_t to_block, \
                                int32_t adds) {                                                                                 \
    product(T, K, v, v_block, u, channels, to, to_block, adds);                                                                 \
  }
EACH_T(PRODUCT, 1)
EACH_T(PRODUCT, 2)
#define ENTRY(T, K) [K][T] = product_##T##_##K,
static const product_fn products[KB + 1][MAX_T + 1] = {EACH_T(ENTRY, 1) EACH_T(ENTRY, 2)};

/* Tiles and sizes, from the shape alone. */
typedef struct winograd_plan {
  int64_t side, values;                          /* values: side^2, planes of V and M */
  int64_t tiles_y, tiles_x, tiles;               /* tiles: of the batch */
  int64_t block, blocks;                         /* tiles a block */
  int64_t part, parts;                           /* tiles that a task takes through a panel, of a lone block */
  int64_t tasks;                                 /* parts by panels of a lone block, else blocks */
  int64_t n_c, n_m, in_blocks;                   /* blocks of channels: of a group, and of the whole input */
  int64_t panels;                                /* a group */
  int64_t v_plane, m_plane;                      /* floats; whole cache lines of an odd number, so that planes do not share cache sets */
  int64_t v_floats, m_floats;                    /* of one block */
  int64_t panel_floats;                          /* of U, for KB blocks */
  uint64_t pack_bytes, shared_bytes, slot_bytes; /* workspace: of all workers together, and of each */
} winograd_plan;

typedef struct winograd_kernel {
  cpu_kernel base;
  const winograd *f;
  conv_shape s;
  winograd_plan p;
  cpu_post post;
  int32_t transposed;
  int64_t slots;
  double ns;
} winograd_kernel;

typedef struct winograd_job {
  const winograd_kernel *k;
  const void *const *in;
  const float *u;
  float *y, *workspace;
  atomic_llong next;
} winograd_job;

/* 0: a size overflows. */
static int32_t plan(const winograd *f, const conv_shape *s, winograd_plan *p) {
  *p = (winograd_plan){.side = f->out + 2, .tiles_y = cpu_ceil_div(s->out[1], f->out), .tiles_x = cpu_ceil_div(s->out[2], f->out)};
  p->values = p->side * p->side;
  p->n_c = cpu_ceil_div(s->cg, VL);
  p->n_m = cpu_ceil_div(s->mg, VL);
  p->in_blocks = cpu_ceil_div(s->c, VL);
  p->panels = cpu_ceil_div(p->n_m, KB);
  const uint64_t tiles = cpu_product(3, (int64_t[]){s->n, p->tiles_y, p->tiles_x});
  p->pack_bytes = cpu_product(6, (int64_t[]){s->group, p->values + KEPT_TAPS, s->cg, p->n_m, VL, sizeof(float)});
  const uint64_t tile_bytes = cpu_product(4, (int64_t[]){p->values, p->in_blocks, VL, sizeof(float)});
  if (tiles > INT64_MAX || p->pack_bytes == UINT64_MAX || tile_bytes > SLOTS_BYTES / TILES_SHARED) return 0;
  p->tiles = (int64_t)tiles;
  p->panel_floats = (p->values + KEPT_TAPS) * s->cg * KB * VL;
  p->block = p->tiles;
  if (p->tiles > TILES_SHARED) {
    const int64_t fit = V_BYTES / (int64_t)cpu_max(1, (int64_t)tile_bytes) / MAX_T * MAX_T;
    p->block = cpu_max(TILES_LEAST, cpu_min(fit, TILES_MOST));
    const int64_t blocks = (cpu_ceil_div(p->tiles, p->block) + 1) / 2 * 2; /* even, for two threads */
    p->block = cpu_ceil_div(p->tiles, blocks);
  }
  p->blocks = p->block ? cpu_ceil_div(p->tiles, p->block) : 0;
  const int64_t panels = s->group * p->panels;
  p->part = p->block;
  if (p->blocks == 1 && panels > 0) {
    const int64_t parts = cpu_min(cpu_ceil_div(p->tiles, MAX_T), cpu_ceil_div(TASKS_LEAST, panels));
    p->part = cpu_ceil_div(p->tiles, parts);
  }
  p->parts = p->part ? cpu_ceil_div(p->block, p->part) : 0;
  p->tasks = p->blocks == 1 ? p->parts * panels : p->blocks;
  p->v_plane = (p->in_blocks * p->block | 1) * VL;
  p->m_plane = (KB * p->part | 1) * VL;
  p->v_floats = (p->values * p->v_plane + 15) / 16 * 16;
  p->m_floats = (p->values * p->m_plane + 15) / 16 * 16;
  const int32_t shared = p->blocks == 1;
  p->shared_bytes = shared ? (uint64_t)p->v_floats * sizeof(float) : 0;
  p->slot_bytes = (uint64_t)(p->m_floats + (shared ? 0 : p->v_floats)) * sizeof(float);
  return 1;
}

/* Workers that may run at once: as many as have tasks and fit the bound of the workspace. */
static int64_t count_slots(const cpu_device *device, const winograd_plan *p) {
  return cpu_max(1, cpu_min(cpu_min(p->tasks, cpu_workers(device)), (int64_t)((SLOTS_BYTES - p->shared_bytes) / p->slot_bytes)));
}

/* The transforms move each value in and out. The products wait for the weights where tiles are too few to hide them: of 512 channels on 7x7
 * cells F(4x4, 3x3) is a little faster than F(2x2, 3x3) on one thread and slower on two, which share the memory, and keeps twice the bytes.
 */
static double estimate(const cpu_device *device, const conv_shape *s, const winograd_plan *p) {
  const double values = (double)p->tiles * (double)p->values, out_channels = (double)(s->group * p->n_m * VL);
  const double multiply = cpu_ns_compute(device, values * out_channels * (double)s->cg, 0.8);
  const double read = cpu_ns_memory(device, (double)p->pack_bytes, 0.85);
  return (multiply > read ? multiply : read) + cpu_ns_memory(device, 8 * values * (out_channels + (double)(p->in_blocks * VL)), 1.4);
}

/* The convolution of stride 1 that the op is. 0 and a reason when it is none that is taken. */
static int32_t read_shape(const cvk_op *op, conv_shape *s, cpu_reason *why) {
  if (!conv_shape_read(op, s, why)) return 0;
  if (s->spatial != 2) return cpu_refuse(why, "%d spatial axes, 2 are taken", s->spatial);
  if (s->kernel[1] != 3 || s->kernel[2] != 3)
    return cpu_refuse(why, "kernel %lldx%lld, 3x3 is taken", (long long)s->kernel[1], (long long)s->kernel[2]);
  if (s->stride[1] != 1 || s->stride[2] != 1 || s->dilation[1] != 1 || s->dilation[2] != 1)
    return cpu_refuse(why, "a stride or dilation above 1");
  const int32_t transposed = op->kind == CVK_OP_CONV_TRANSPOSE;
  const int64_t most = transposed ? TRANSPOSED_PAD_MOST : PAD_MOST;
  for (int32_t i = 1; i < 3; i++) {
    if (transposed) s->pad[i] = 2 - s->pad[i];
    const int64_t pad_end = s->out[i] - s->in[i] - s->pad[i] + 2;
    if (s->pad[i] < 0 || pad_end < 0 || s->pad[i] > most || pad_end > most)
      return cpu_refuse(why, "pads %lld and %lld of the convolution, 0 to %lld are taken", (long long)s->pad[i], (long long)pad_end,
                        (long long)most);
  }
  return 1;
}

/* Of transformed weights in the workspace, in whole cache lines. */
static uint64_t weight_bytes(const winograd_plan *p) {
  return (p->pack_bytes + 63) / 64 * 64;
}

static double pack_ns(const cpu_device *device, const winograd_plan *p) {
  return cpu_ns_memory(device, 2 * (double)p->pack_bytes, 0.4);
}

int32_t CVK_ISA_FN(winograd_accepts)(const winograd *f, const cpu_device *device, const cvk_op *op, cvk_candidate *c, cpu_reason *why) {
  const int32_t constant = op->in[1]->const_data != NULL;
  conv_shape s;
  winograd_plan p;
  cpu_post post;
  if (!read_shape(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.group != 1 && (s.cg % VL || s.mg % VL))
    return cpu_refuse(why, "groups of %lld to %lld channels do not fill blocks of %d", (long long)s.cg, (long long)s.mg, VL);
  if (!plan(f, &s, &p)) return cpu_refuse(why, "%lld channels: the tiles of a block take too much memory", (long long)s.c);
  if (!constant && p.pack_bytes > SLOTS_BYTES)
    return cpu_refuse(why, "run-time weights of %llu bytes transformed, at most %d are taken", (unsigned long long)p.pack_bytes,
                      SLOTS_BYTES);
  c->in[0] = c->out[0] = cpu_format(VL);
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->kind == CVK_OP_ADD && op->post[i]->input < CVK_CANDIDATE_INPUTS) c->in[op->post[i]->input] = c->out[0];
  if (constant) c->pack[1] = f->pack_number + (op->kind == CVK_OP_CONV_TRANSPOSE ? 0x100 : 0);
  c->error_class = CVK_ERROR_WINOGRAD;
  const int64_t slots = p.slot_bytes ? count_slots(device, &p) : 0;
  c->workspace_bytes = (constant ? 0 : weight_bytes(&p)) + p.shared_bytes + (uint64_t)slots * p.slot_bytes;
  c->workspace_alignment = 64;
  c->backend_data[1] = (uint64_t)slots;
  c->estimated_ns = estimate(device, &s, &p) + (constant ? 0 : pack_ns(device, &p));
  return 1;
}

/* ---- the pack ------------------------------------------------------------------------------------------------------- */

typedef struct pack_job {
  const winograd *f;
  const conv_shape *s;
  const winograd_plan *p;
  int32_t transposed;
  const float *w;
  float *u;
} pack_job;

/* The plane of U's panel where the weights of a tap are as they were: the corners of U, or behind it. */
static int64_t plane_of_tap(const winograd_plan *p, int64_t tap) {
  const int64_t last = p->side - 1;
  const int64_t planes[TAPS] = {
      0, p->values, last, p->values + 1, p->values + 2, p->values + 3, last * p->side, p->values + 4, last * p->side + last};
  return planes[tap];
}

/* One panel. PACK channels at a time are made in a small buffer first: the planes of U lie too far apart to be written side by side. */
static void pack_panel(void *arg, int64_t index, int32_t worker) {
  enum { PACK = 8, PLANES = WINOGRAD_MAX_SIDE * WINOGRAD_MAX_SIDE + KEPT_TAPS };
  const pack_job *j = arg;
  const conv_shape *s = j->s;
  const winograd_plan *p = j->p;
  const int64_t g = index / p->panels, block = index % p->panels * KB, width = cpu_min(KB, p->n_m - block) * VL;
  const int64_t lanes = cpu_min(width, s->mg - block * VL);
  const int64_t c_step = (j->transposed ? s->mg : 1) * TAPS, lane_step = (j->transposed ? 1 : s->cg) * TAPS;
  const float *w = j->w + g * s->mg * s->cg * TAPS + block * VL * lane_step;
  float *u = j->u + (g * p->n_m + block) * (p->panel_floats / KB), made[PLANES][PACK * KB * VL];
  double tap[PACK][TAPS][KB * VL] = {{{0}}}, half[WINOGRAD_MAX_SIDE][3][VL];
  (void)worker;
  for (int64_t c0 = 0; c0 < s->cg; c0 += PACK) {
    const int64_t n = cpu_min(PACK, s->cg - c0);
    for (int64_t lane = 0; lane < lanes; lane++) {
      const float *from = w + lane * lane_step + c0 * c_step;
      for (int64_t i = 0; i < PACK * TAPS; i += 16) __builtin_prefetch(from + PACK * TAPS + i);
      for (int64_t c = 0; c < n; c++, from += c_step)
        for (int64_t t = 0; t < TAPS; t++) tap[c][t][lane] = (double)from[j->transposed ? TAPS - 1 - t : t];
    }
    for (int64_t at = 0; at < n * width; at += VL) {
      const double(*g3)[KB * VL] = tap[at / width];
      const int64_t b = at % width;
      for (int64_t i = 0; i < p->side; i++) {
        const double *row = j->f->weight_rows[i];
        for (int64_t t = 0; t < 3; t++)
          for (int64_t lane = 0; lane < VL; lane++)
            half[i][t][lane] = row[0] * g3[t][b + lane] + row[1] * g3[3 + t][b + lane] + row[2] * g3[6 + t][b + lane];
      }
      for (int64_t i = 0; i < p->values; i++) {
        const double *row = j->f->weight_rows[i % p->side], (*from)[VL] = half[i / p->side];
        for (int64_t lane = 0; lane < VL; lane++)
          made[i][at + lane] = (float)(row[0] * from[0][lane] + row[1] * from[1][lane] + row[2] * from[2][lane]);
      }
      for (int64_t t = 0; t < TAPS; t++) /* the corners again: where a weight is infinite the sums above made NaN of its zeros */
        for (int64_t lane = 0; lane < VL; lane++) made[plane_of_tap(p, t)][at + lane] = (float)g3[t][b + lane];
    }
    for (int64_t i = 0; i < p->values + KEPT_TAPS; i++) memcpy(u + (i * s->cg + c0) * width, made[i], (size_t)(n * width) * sizeof(float));
  }
}

cvk_status CVK_ISA_FN(winograd_pack)(const winograd *f, const cpu_device *device, const cvk_op *op, int32_t input, cvk_pack **out) {
  conv_shape s;
  winograd_plan p;
  cpu_reason why;
  if (input != 1 || !read_shape(op, &s, &why) || !plan(f, &s, &p))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "%s: input %d is not packed", f->name, input);
  const cvk_status status = cpu_pack_new(device, p.pack_bytes, out);
  if (status != CVK_OK) return status;
  pack_job job = {f, &s, &p, op->kind == CVK_OP_CONV_TRANSPOSE, op->in[1]->const_data, (*out)->data};
  cpu_parallel(device, s.group * p.panels, pack_ns(device, &p), pack_panel, &job);
  return CVK_OK;
}

/* ---- execution ------------------------------------------------------------------------------------------------------ */

cvk_status CVK_ISA_FN(winograd_prepare)(const winograd *f, const cpu_device *device, const cvk_op *op, const cvk_candidate *c,
                                        cpu_kernel **out) {
  winograd_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!read_shape(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why) || !plan(f, &k->s, &k->p)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "%s: the op is not the one that was accepted", f->name);
  }
  CVK_ISA_FN(post_bind)(&k->post);
  k->f = f;
  k->transposed = op->kind == CVK_OP_CONV_TRANSPOSE;
  k->slots = (int64_t)c->backend_data[1];
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* A tile's image and its first output cell. */
typedef struct tile_place {
  int64_t image, y, x;
} tile_place;

static tile_place place_of(const winograd_kernel *k, int64_t tile) {
  const winograd_plan *p = &k->p;
  return (tile_place){
      .image = tile / p->tiles_x / p->tiles_y, .y = tile / p->tiles_x % p->tiles_y * k->f->out, .x = tile % p->tiles_x * k->f->out};
}

static void to_next(const winograd_kernel *k, tile_place *at) {
  at->x += k->f->out;
  if (at->x < k->s.out[2]) return;
  at->x = 0;
  at->y += k->f->out;
  if (at->y < k->s.out[1]) return;
  at->y = 0;
  at->image++;
}

/* V of tiles first .. first + n - 1, one block of input channels. */
static void make_v(const winograd_job *j, int64_t first, int64_t n, int64_t block, float *v) {
  const winograd_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const winograd_plan *p = &k->p;
  const int64_t height = s->in[1], width = s->in[2];
  v += block * p->block * VL;
  tile_place at = place_of(k, first);
  for (int64_t t = 0; t < n; t++, v += VL, to_next(k, &at)) {
    const int64_t y = at.y - s->pad[1], x = at.x - s->pad[2];
    const float *plane = (const float *)j->in[0] + (at.image * p->in_blocks + block) * height * width * VL;
    if (y >= 0 && x >= 0 && y + p->side <= height && x + p->side <= width) {
      k->f->input(plane + (y * width + x) * VL, width * VL, v, p->v_plane);
      continue;
    }
    float patch[WINOGRAD_MAX_SIDE * WINOGRAD_MAX_SIDE * VL]; /* cells outside are zero */
    for (int64_t i = 0; i < p->side; i++)
      for (int64_t l = 0; l < p->side; l++) {
        const int32_t inside = y + i >= 0 && y + i < height && x + l >= 0 && x + l < width;
        v_store(patch + (i * p->side + l) * VL, inside ? v_load(plane + ((y + i) * width + x + l) * VL) : v_zero());
      }
    k->f->input(patch, p->side * VL, v, p->v_plane);
  }
}

/* The panel's part of a block of output channels that a tile's results need. */
typedef struct panel_place {
  int64_t g, block, width; /* first block of the group; blocks */
  const float *u;
} panel_place;

/* A tile by the definition. */
static void direct_tile(const winograd_job *j, const panel_place *panel, int64_t k_block, tile_place at, const winograd_finish *f) {
  const winograd_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const winograd_plan *p = &k->p;
  const int64_t cells = s->in[1] * s->in[2], w_step = panel->width * VL;
  const float *image = (const float *)j->in[0] + (at.image * p->in_blocks + panel->g * p->n_c) * cells * VL;
  for (int64_t i = 0; i < f->rows; i++)
    for (int64_t l = 0; l < f->columns; l++) {
      vf sum = v_zero();
      for (int64_t tap = 0; tap < TAPS; tap++) {
        const int64_t y = at.y + i - s->pad[1] + tap / 3, x = at.x + l - s->pad[2] + tap % 3;
        if (y < 0 || y >= s->in[1] || x < 0 || x >= s->in[2]) continue;
        const float *w = panel->u + plane_of_tap(p, tap) * s->cg * w_step + k_block * VL;
        for (int64_t b = 0; b < p->n_c; b++) {
          const float *cell = image + b * cells * VL + (y * s->in[2] + x) * VL;
          vf part = v_zero();
          for (int64_t c = 0; c < cpu_min(VL, s->cg - b * VL); c++, w += w_step) part = v_fma(v_set1(cell[c]), v_load(w), part);
          sum = v_add(sum, part);
        }
      }
      winograd_store_cell(f, sum, i * f->row + l * VL);
    }
}

/* Products and results of one panel for tiles first .. first + n - 1. */
static void run_panel(const winograd_job *j, int64_t index, int64_t first, int64_t n, const float *v, float *m) {
  const winograd_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const winograd_plan *p = &k->p;
  const int64_t g = index / p->panels, block = index % p->panels * KB;
  const panel_place panel = {g, block, cpu_min(KB, p->n_m - block), j->u + (g * p->n_m + block) * (p->panel_floats / KB)};
  const int64_t v_block = p->block * VL, m_block = p->part * VL, step = cpu_ceil_div(n, cpu_ceil_div(n, MAX_T));
  v += g * p->n_c * v_block;
  for (int64_t i = 0; i < p->values; i++)
    for (int64_t c = 0; c == 0 || c < s->cg; c += CHAIN) {
      const float *from = v + i * p->v_plane + c / VL * v_block, *u = panel.u + (i * s->cg + c) * panel.width * VL;
      for (int64_t t = 0; t < n; t += step)
        products[panel.width][cpu_min(step, n - t)](from + t * VL, v_block, u, cpu_min(CHAIN, s->cg - c), m + i * p->m_plane + t * VL,
                                                    m_block, c > 0);
    }
  winograd_finish f = {.row = s->out[2] * VL, .clamp = k->post.clamp, .lo = k->post.lo, .hi = k->post.hi};
  for (int64_t b = 0; b < panel.width; b++) {
    const int64_t out_block = g * p->n_m + block + b;
    f.lanes = (int32_t)cpu_min(VL, s->mg - (block + b) * VL);
    f.bias = s->has_bias ? v_load_n((const float *)j->in[2] + g * s->mg + (block + b) * VL, f.lanes) : v_zero();
    tile_place at = place_of(k, first);
    for (int64_t t = 0; t < n; t++, to_next(k, &at)) {
      const int64_t to = ((at.image * s->group * p->n_m + out_block) * s->out[1] + at.y) * f.row + at.x * VL;
      f.y = j->y + to;
      f.add = k->post.add_input >= 0 ? (const float *)j->in[k->post.add_input] + to : NULL;
      f.rows = (int32_t)cpu_min(k->f->out, s->out[1] - at.y);
      f.columns = (int32_t)cpu_min(k->f->out, s->out[2] - at.x);
      if (!k->f->output(m + b * m_block + t * VL, p->m_plane, &f)) direct_tile(j, &panel, b, at, &f);
      for (int64_t r = 0; k->post.n > 0 && r < f.rows; r++) {
        CVK_ISA_FN(post_apply)(&k->post, f.y + r * f.row, f.columns * VL, to + r * f.row, j->in);
        for (int64_t l = 0; f.lanes < VL && l < f.columns; l++)
          v_store(f.y + r * f.row + l * VL, v_first(v_load(f.y + r * f.row + l * VL), f.lanes));
      }
    }
  }
}

static void make_v_task(void *arg, int64_t index, int32_t worker) {
  const winograd_job *j = arg;
  (void)worker;
  make_v(j, 0, j->k->p.tiles, index, j->workspace);
}

/* A worker's share of the tasks: parts and panels of the one block, or blocks with all panels. */
static void run_slot(void *arg, int64_t slot, int32_t worker) {
  winograd_job *j = arg;
  const winograd_plan *p = &j->k->p;
  const int64_t panels = j->k->s.group * p->panels;
  const int32_t shared = p->blocks == 1;
  float *mine = j->workspace + (p->shared_bytes + (uint64_t)slot * p->slot_bytes) / sizeof(float),
        *v = shared ? j->workspace : mine + p->m_floats;
  (void)worker;
  for (int64_t task; (task = atomic_fetch_add(&j->next, 1)) < p->tasks;) {
    if (shared) {
      const int64_t begin = task % p->parts * p->part;
      run_panel(j, task / p->parts, begin, cpu_min(p->part, p->tiles - begin), v + begin * VL, mine);
      continue;
    }
    const int64_t first = task * p->block, n = cpu_min(p->block, p->tiles - first);
    for (int64_t b = 0; b < p->in_blocks; b++) make_v(j, first, n, b, v);
    for (int64_t i = 0; i < panels; i++) run_panel(j, i, first, n, v, mine);
  }
}

cvk_status CVK_ISA_FN(winograd_execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const winograd_kernel *k = (const winograd_kernel *)kernel;
  const winograd_plan *p = &k->p;
  winograd_job job = {.k = k, .in = in, .u = kernel->pack[1] ? kernel->pack[1]->data : workspace, .y = out[0], .workspace = workspace};
  if (p->tiles == 0 || k->s.m == 0) return CVK_OK;
  if (!kernel->pack[1]) {
    pack_job packing = {k->f, &k->s, p, k->transposed, in[1], workspace};
    cpu_parallel(kernel->device, k->s.group * p->panels, pack_ns(kernel->device, p), pack_panel, &packing);
    job.workspace += weight_bytes(p) / sizeof(float);
  }
  if (p->blocks == 1)
    cpu_parallel(kernel->device, p->in_blocks, cpu_ns_memory(kernel->device, 8.0 * (double)p->v_floats, 1), make_v_task, &job);
  cpu_parallel(kernel->device, k->slots, k->ns, run_slot, &job);
  return CVK_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_direct: 1-D and 2-D convolution into blocked (NCHWc) output from blocked input, or from plain input of few channels (the first
 * layer). Any kernel, stride, dilation, pads; groups whose channels fill blocks. The reduction is cut into chunks short enough for the
 * error bound; a task takes a band of output rows by KB blocks of output channels through all chunks. 1x1 convolutions of stride 1 see the
 * image as rows of LINE cells. Weights: packed once when constant, else into the workspace. */
#include <math.h>

#include "conv_direct.h"
#include "conv_direct_tile.h"
#include "conv_pack.h"
#include "post_apply.h"

enum {
  CHUNK = 288,      /* products of a chunk: summed apart before they join the output */
  LONG_CHUNK = 576, /* where more than MANY chunks would be summed */
  MANY = 9,
  MANY_PRODUCTS = 1024, /* from here on the sum of the chunks' totals has most of the rounding errors, and registers may sum longer */
  LONG_CHAIN = 64,
  LINE = 112,             /* cells of a 1x1 convolution's row */
  PLAIN_CHANNELS = 16,    /* most input channels read from plain format */
  BAND_BYTES = 384 << 10, /* of input that a band of rows may read: stays in the second-level cache */
  TASK_CELLS = 16,        /* output cells that cost as much as a task's weights */
};

/* How cells follow each other, in floats: SPREAD reads the step of output cells at run time, ANY_STEP those of input cells and channels. */
enum { BLOCKED_1, BLOCKED_2, PLAIN_1, PLAIN_2, PLAIN_4, SPREAD, ANY_STEP, MODES };

#define TILE(MODE, PIX, CS, KB, T)                           \
  static void tile_##MODE##_##KB##_##T(const tile_args *a) { \
    tile_run(T, KB, PIX, CS, MODE == SPREAD ? 0 : VL, a);    \
  }
#if V_REGISTERS == 32
#define MAX_T 14
#define MAX_KB 3
#define WIDE_T 8 /* most cells of a tile of 3 blocks */
#define EACH_T(F, MODE, PIX, CS, KB) \
  F(MODE, PIX, CS, KB, 1)            \
  F(MODE, PIX, CS, KB, 2)            \
  F(MODE, PIX, CS, KB, 3)            \
  F(MODE, PIX, CS, KB, 4)            \
  F(MODE, PIX, CS, KB, 5)            \
  F(MODE, PIX, CS, KB, 6)            \
  F(MODE, PIX, CS, KB, 7)            \
  F(MODE, PIX, CS, KB, 8)            \
  F(MODE, PIX, CS, KB, 9)            \
  F(MODE, PIX, CS, KB, 10) F(MODE, PIX, CS, KB, 11) F(MODE, PIX, CS, KB, 12) F(MODE, PIX, CS, KB, 13) F(MODE, PIX, CS, KB, 14)
#define EACH_WIDE_T(F, MODE, PIX, CS) \
  F(MODE, PIX, CS, 3, 1)              \
  F(MODE, PIX, CS, 3, 2)              \
  F(MODE, PIX, CS, 3, 3) F(MODE, PIX, CS, 3, 4) F(MODE, PIX, CS, 3, 5) F(MODE, PIX, CS, 3, 6) F(MODE, PIX, CS, 3, 7) F(MODE, PIX, CS, 3, 8)
#else
#define MAX_T 6
#define MAX_KB 2
#define EACH_T(F, MODE, PIX, CS, KB) \
  F(MODE, PIX, CS, KB, 1)            \
  F(MODE, PIX, CS, KB, 2) F(MODE, PIX, CS, KB, 3) F(MODE, PIX, CS, KB, 4) F(MODE, PIX, CS, KB, 5) F(MODE, PIX, CS, KB, 6)
#define EACH_WIDE_T(F, MODE, PIX, CS)
#endif
#define ANY_T 4 /* most cells of a tile whose steps are known at run time: more addresses than registers otherwise */
#define EACH_ANY_T(F, KB) F(ANY_STEP, 0, 0, KB, 1) F(ANY_STEP, 0, 0, KB, 2) F(ANY_STEP, 0, 0, KB, 3) F(ANY_STEP, 0, 0, KB, 4)

EACH_T(TILE, BLOCKED_1, VL, 1, 1)
EACH_T(TILE, BLOCKED_1, VL, 1, 2)
EACH_WIDE_T(TILE, BLOCKED_1, VL, 1)
EACH_T(TILE, BLOCKED_2, 2 * VL, 1, 1)
EACH_T(TILE, BLOCKED_2, 2 * VL, 1, 2)
EACH_WIDE_T(TILE, BLOCKED_2, 2 * VL, 1)
EACH_T(TILE, SPREAD, VL, 1, 1)
EACH_T(TILE, SPREAD, VL, 1, 2)
EACH_WIDE_T(TILE, SPREAD, VL, 1)
EACH_T(TILE, PLAIN_1, 1, 0, 1)
EACH_T(TILE, PLAIN_1, 1, 0, 2)
EACH_T(TILE, PLAIN_2, 2, 0, 1)
EACH_T(TILE, PLAIN_2, 2, 0, 2)
EACH_T(TILE, PLAIN_4, 4, 0, 1)
EACH_T(TILE, PLAIN_4, 4, 0, 2)
EACH_ANY_T(TILE, 1)
EACH_ANY_T(TILE, 2)

#define ENTRY(MODE, PIX, CS, KB, T) [MODE][KB][T] = tile_##MODE##_##KB##_##T,
static const tile_fn tiles[MODES][MAX_KB + 1][MAX_T + 1] = {
    EACH_T(ENTRY, BLOCKED_1, VL, 1, 1) EACH_T(ENTRY, BLOCKED_1, VL, 1, 2) EACH_WIDE_T(ENTRY, BLOCKED_1, VL, 1)
        EACH_T(ENTRY, BLOCKED_2, 2 * VL, 1, 1) EACH_T(ENTRY, BLOCKED_2, 2 * VL, 1, 2) EACH_WIDE_T(ENTRY, BLOCKED_2, 2 * VL, 1)
            EACH_T(ENTRY, PLAIN_1, 1, 0, 1) EACH_T(ENTRY, PLAIN_1, 1, 0, 2) EACH_T(ENTRY, PLAIN_2, 2, 0, 1) EACH_T(ENTRY, PLAIN_2, 2, 0, 2)
                EACH_T(ENTRY, PLAIN_4, 4, 0, 1) EACH_T(ENTRY, PLAIN_4, 4, 0, 2) EACH_T(ENTRY, SPREAD, VL, 1, 1) EACH_T(ENTRY, SPREAD, VL, 1, 2)
                    EACH_WIDE_T(ENTRY, SPREAD, VL, 1) EACH_ANY_T(ENTRY, 1) EACH_ANY_T(ENTRY, 2)};

typedef struct direct_kernel {
  cpu_kernel base;
  direct_part part; /* 1x1 convolutions are reshaped to LINE */
  cpu_post post;
  int64_t out_blocks; /* blocks of output channels */
  int64_t in_blocks;
  int64_t bands, groups_m; /* bands of rows an image; tiles of blocks a group */
  double ns;
} direct_kernel;

typedef struct direct_job {
  const direct_kernel *k;
  const void *const *in;
  const float *w;
  float *y;
} direct_job;

static int32_t is_pointwise(const conv_shape *s) {
  return s->taps == 1 && s->stride[1] == 1 && s->stride[2] == 1 && s->pad[1] == 0 && s->pad[2] == 0 && s->out[1] == s->in[1] &&
         s->out[2] == s->in[2];
}

static double pack_ns(const cpu_device *device, const conv_shape *s, const conv_pack_shape *p) {
  return cpu_ns_memory(device, 8.0 * (double)(s->group * p->n_m * p->m_floats), 0.8);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const int32_t plain = variant == 1;
  conv_shape s;
  conv_pack_shape p;
  cpu_post post;
  uint64_t bytes;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (plain && s.group != 1) return cpu_refuse(why, "group %lld with plain input", (long long)s.group);
  if (plain && s.c > PLAIN_CHANNELS)
    return cpu_refuse(why, "%lld channels of plain input, at most %d are taken", (long long)s.c, PLAIN_CHANNELS);
  if (s.group != 1 && (s.cg % VL || s.mg % VL))
    return cpu_refuse(why, "groups of %lld to %lld channels do not fill blocks of %d", (long long)s.cg, (long long)s.mg, VL);
  for (int32_t i = 0; i < 3; i++)
    if (s.out[i] > INT32_MAX / 4 || s.kernel[i] > INT32_MAX / 4) return cpu_refuse(why, "axis %d is too long", i);
  if (!conv_pack_shape_set(&s, VL, plain ? cpu_max(s.cg, 1) : VL, &p, &bytes)) return cpu_refuse(why, "packed weights overflow 64 bits");
  c->in[0] = cpu_format(plain ? 0 : VL);
  c->out[0] = cpu_format(VL);
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->kind == CVK_OP_ADD && op->post[i]->input < CVK_CANDIDATE_INPUTS) c->in[op->post[i]->input] = c->out[0];
  if (op->in[1]->const_data)
    c->pack[1] = plain ? 0x2000 + VL : 0x1000 + VL;
  else
    c->workspace_bytes = bytes;
  c->workspace_alignment = 64;
  c->backend_data[1] = (uint64_t)plain;
  const double padded = (double)(p.n_m * VL) / (double)cpu_max(s.mg, 1);
  c->estimated_ns = cpu_ns_compute(device, conv_multiply_adds(&s) * padded, 0.8) + (op->in[1]->const_data ? 0 : pack_ns(device, &s, &p));
  return 1;
}

typedef struct pack_job {
  const conv_shape *s;
  const conv_pack_shape *p;
  const float *w;
  float *packed;
} pack_job;

static void pack_task(void *arg, int64_t index, int32_t worker) {
  const pack_job *j = arg;
  (void)worker;
  conv_pack_block(j->s, j->p, j->w, j->packed, index);
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  conv_shape s;
  conv_pack_shape p;
  cpu_reason why;
  uint64_t bytes;
  if (input != 1 || !conv_shape_read(op, &s, &why))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "conv_direct: input %d is not packed", input);
  conv_pack_shape_set(&s, VL, c->backend_data[1] ? cpu_max(s.cg, 1) : VL, &p, &bytes);
  const cvk_status status = cpu_pack_new(device, bytes, out);
  if (status != CVK_OK) return status;
  pack_job job = {&s, &p, op->in[1]->const_data, (*out)->data};
  cpu_parallel(device, s.group * p.n_m, pack_ns(device, &s, &p), pack_task, &job);
  return CVK_OK;
}

static int32_t mode_of(const direct_part *p) {
  static const int32_t plain_modes[] = {ANY_STEP, PLAIN_1, PLAIN_2, ANY_STEP, PLAIN_4};
  const int64_t stride = p->s.stride[2];
  if (p->y_cell != VL) return SPREAD;
  if (p->cell == 1) return stride <= 4 ? plain_modes[stride] : ANY_STEP;
  return stride == 1 ? BLOCKED_1 : stride == 2 ? BLOCKED_2 : ANY_STEP;
}

void CVK_ISA_FN(direct_plan)(direct_part *p) {
  const conv_shape *s = &p->s;
  p->mode = mode_of(p);
  p->kb = (int32_t)cpu_min(2, p->pack.n_m);
  int64_t max_t = p->mode == ANY_STEP ? ANY_T : MAX_T;
#if MAX_KB > 2
  if ((p->mode == BLOCKED_1 || p->mode == BLOCKED_2 || p->mode == SPREAD) && s->out[2] <= WIDE_T && p->pack.n_m >= 3) {
    p->kb = 3;
    max_t = WIDE_T;
  }
#endif
  const int64_t per_row = p->pack.cin_block * s->kernel[2], per_block = per_row * s->kernel[1];
  const int64_t chunk = s->cg * s->taps > MANY * CHUNK ? LONG_CHUNK : CHUNK;
  p->chunk_blocks = cpu_max(1, chunk / cpu_max(per_block, 1));
  p->chunk_rows = cpu_max(1, cpu_min(s->kernel[1], chunk / cpu_max(per_row, 1)));
  p->chunk_taps = cpu_max(1, cpu_min(s->kernel[2], chunk / cpu_max(p->pack.cin_block, 1)));
  p->chain = s->cg * s->taps < MANY_PRODUCTS ? V_CHAIN : LONG_CHAIN;
  p->n_tiles = conv_tiles_plan(s, 2, s->out[2], max_t, p->tile);
  p->n_last_tiles = conv_tiles_plan(s, 2, p->last_width, max_t, p->last_tile);
}

/* The bands that an image's rows are cut into. A band's input stays in cache where it can; each task reads all its weights, which costs as
 * much as TASK_CELLS cells. Beyond that, the cut with which the workers end soonest: the last task keeps the others waiting, less than half as
 * long where all tasks are alike and each worker has as many. */
static int64_t count_bands(const conv_shape *s, int64_t groups_m, int64_t workers) {
  const int64_t row_bytes = cpu_max(s->in[2] * s->cg * 4, 1), reach = (s->kernel[1] - 1) * s->dilation[1] + 1, rows = s->out[1];
  const int64_t most_rows = cpu_max((BAND_BYTES / row_bytes - reach) / s->stride[1] + 1, cpu_min(s->taps == 1 ? 1 : 4, rows));
  const int64_t fewest = cpu_max(1, cpu_ceil_div(rows, cpu_max(most_rows, 1)));
  int64_t best = fewest;
  double least = INFINITY;
  for (int64_t bands = fewest; bands <= cpu_min(rows, fewest * 16 * workers); bands++) {
    const double tasks = (double)(s->n * groups_m * bands), cells = (double)rows * (double)s->out[2] / (double)bands + TASK_CELLS;
    const int32_t even = rows % bands == 0 && s->n * groups_m * bands % workers == 0;
    const double ends = tasks * cells / (double)workers + (even ? 0.4 : 1) * cells * (double)(workers - 1) / (double)workers;
    if (ends >= least) continue;
    least = ends;
    best = bands;
  }
  return best;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const int32_t plain = c->backend_data[1] != 0;
  direct_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  uint64_t bytes;
  if (!k) return CVK_NO_MEMORY;
  direct_part *p = &k->part;
  if (!conv_shape_read(op, &p->s, &why) || !cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_direct: %s", why.text);
  }
  conv_shape *s = &p->s;
  CVK_ISA_FN(post_bind)(&k->post);
  const int64_t moved = s->n * (s->c * s->in[1] * s->in[2] + s->m * s->out[1] * s->out[2]);
  k->ns = cpu_ns_compute(device, conv_multiply_adds(s), 0.8) + cpu_ns_memory(device, 4.0 * (double)moved, 2);
  p->cell = plain ? 1 : VL;
  p->plane = s->in[1] * s->in[2] * (plain ? s->c : VL);
  p->channel = !plain ? 1 : s->cg == 1 ? s->dilation[2] : s->in[1] * s->in[2]; /* of one channel, the taps of a row serve as channels */
  p->y_plane = s->out[1] * s->out[2] * VL;
  p->last_width = s->out[2];
  if (is_pointwise(s)) {
    const int64_t cells = s->in[1] * s->in[2];
    s->in[2] = s->out[2] = cpu_min(LINE, cells);
    s->in[1] = s->out[1] = cpu_ceil_div(cells, LINE);
    p->last_width = cells - (s->out[1] - 1) * LINE;
  }
  p->y_cell = VL;
  p->y_row = s->out[2] * VL;
  conv_pack_shape_set(s, VL, plain ? cpu_max(s->cg, 1) : VL, &p->pack, &bytes);
  p->tile = cpu_alloc(device, cpu_product(3, (int64_t[]){2, cpu_max(s->out[2], 1), sizeof *p->tile}));
  if (!p->tile) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  p->last_tile = p->tile + s->out[2];
  CVK_ISA_FN(direct_plan)(p);
  k->groups_m = cpu_ceil_div(p->pack.n_m, cpu_max(p->kb, 1));
  k->in_blocks = plain ? 1 : s->group == 1 ? p->pack.n_c : s->c / VL;
  k->out_blocks = s->group * p->pack.n_m;
  k->bands = count_bands(s, s->group * k->groups_m, cpu_workers(device));
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((direct_kernel *)kernel)->part.tile);
}

/* A part of the reduction: blocks of input channels, kernel rows and taps of a row, from .. to (not included). */
typedef struct chunk {
  int64_t block[2], row[2], tap[2];
} chunk;

/* The steps of a chunk for the tiles and rows that miss the same taps. Rows and tiles share few such lists, so a task keeps the last ones.
 */
enum { LISTS = 8 };
typedef struct step_list {
  conv_tile tile;
  int64_t begin, end, n; /* valid kernel rows; steps */
  tile_step step[LONG_CHUNK];
} step_list;
typedef struct step_cache {
  chunk part;
  int64_t n;
  step_list list[LISTS];
} step_cache;

static void make_steps(const direct_part *k, const chunk *part, step_list *list) {
  const conv_shape *s = &k->s;
  const conv_pack_shape *p = &k->pack;
  const conv_tile *tile = &list->tile;
  const int32_t merges = p->cin_block == 1; /* one channel: neighbouring taps make one step */
  list->n = 0;
  for (int64_t b = part->block[0]; b < part->block[1]; b++) {
    const int32_t channels = (int32_t)(b == p->n_c - 1 ? s->cg - b * p->cin_block : p->cin_block);
    for (int64_t kh = cpu_max(list->begin, part->row[0]); kh < cpu_min(list->end, part->row[1]); kh++) {
      const int64_t row_begins = list->n;
      for (int64_t kw = cpu_max(part->tap[0], tile->begin); kw < cpu_min(part->tap[1], tile->end); kw++) {
        const int32_t miss = kw < tile->full_begin ? MISS_FIRST : kw < tile->full_end ? MISS_NONE : MISS_LAST;
        tile_step *last = list->n > row_begins ? &list->step[list->n - 1] : NULL;
        if (merges && last && last->miss == miss && last->channels < V_CHAIN) {
          last->channels++;
          continue;
        }
        list->step[list->n++] = (tile_step){.x = b * k->plane + (kh * s->dilation[1] * s->in[2] + kw * s->dilation[2]) * k->cell,
                                            .w = b * p->c_floats + (kh * s->kernel[2] + kw) * p->tap_floats,
                                            .channels = channels,
                                            .miss = miss};
      }
    }
  }
}

static const step_list *steps_of(const direct_part *k, step_cache *cache, int64_t begin, int64_t end, const conv_tile *tile) {
  const int64_t kept = cpu_min(cache->n, LISTS);
  for (int64_t i = 0; i < kept; i++) {
    const step_list *l = &cache->list[i];
    if (l->begin == begin && l->end == end && l->tile.begin == tile->begin && l->tile.full_begin == tile->full_begin &&
        l->tile.full_end == tile->full_end && l->tile.end == tile->end)
      return l;
  }
  step_list *list = &cache->list[cache->n++ % LISTS];
  list->tile = *tile;
  list->begin = begin;
  list->end = end;
  make_steps(k, &cache->part, list);
  return list;
}

/* One output row of `blocks` blocks through one chunk; x, y, add: of the image and blocks. */
static void run_row(const direct_part *k, tile_args *a, int64_t blocks, int64_t row, step_cache *cache, const float *x, float *y,
                    const float *add) {
  const conv_shape *s = &k->s;
  const int32_t is_last_row = row == s->out[1] - 1;
  const int64_t n = is_last_row ? k->n_last_tiles : k->n_tiles;
  const conv_tile *plan = is_last_row ? k->last_tile : k->tile;
  const tile_fn *fn = tiles[k->mode][blocks];
  int64_t begin, end;
  conv_valid_taps(s, 1, row, &begin, &end);
  x += (row * s->stride[1] - s->pad[1]) * s->in[2] * k->cell - s->pad[2] * k->cell;
  y += row * k->y_row;
  if (add) add += row * k->y_row;
  for (int64_t i = 0; i < n; i++) {
    const step_list *list = steps_of(k, cache, begin, end, &plan[i]);
    a->step = list->step;
    a->steps = list->n;
    a->x = x + plan[i].x * a->x_pix;
    a->y = y + plan[i].x * k->y_cell;
    a->add = add ? add + plan[i].x * k->y_cell : NULL;
    fn[plan[i].t](a);
  }
}

void CVK_ISA_FN(direct_run)(const direct_part *k, const cpu_post *post, const direct_band *b) {
  const conv_shape *s = &k->s;
  const conv_pack_shape *p = &k->pack;
  tile_args a = {.w = b->w,
                 .x_channel = k->channel,
                 .x_pix = s->stride[2] * k->cell,
                 .w_m = p->m_floats,
                 .y_m = k->y_plane,
                 .y_pix = k->y_cell,
                 .chain = k->chain,
                 .first = 1,
                 .clamp = post->clamp,
                 .lo = post->lo,
                 .hi = post->hi,
                 .lanes = (int32_t)b->lanes,
                 .bias = b->bias};
  step_cache cache;
  for (int64_t c = 0; c == 0 || c < p->n_c; c += k->chunk_blocks)
    for (int64_t kh = 0; kh == 0 || kh < s->kernel[1]; kh += k->chunk_rows)
      for (int64_t kw = 0; kw == 0 || kw < s->kernel[2]; kw += k->chunk_taps) {
        const chunk part = {{c, cpu_min(p->n_c, c + k->chunk_blocks)},
                            {kh, cpu_min(s->kernel[1], kh + k->chunk_rows)},
                            {kw, cpu_min(s->kernel[2], kw + k->chunk_taps)}};
        cache.part = part;
        cache.n = 0;
        a.last = part.block[1] == p->n_c && part.row[1] == s->kernel[1] && part.tap[1] == s->kernel[2];
        for (int64_t row = b->row0; row < b->row1; row++) run_row(k, &a, b->blocks, row, &cache, b->x, b->y, b->add);
        a.first = 0;
      }
}

void CVK_ISA_FN(direct_finish)(const cpu_post *post, float *y, int64_t n, int64_t lanes, const float *output, const void *const *in) {
  CVK_ISA_FN(post_apply)(post, y, n, y - output, in);
  if (lanes == VL) return;
  for (int64_t i = 0; i < n; i += VL) v_store(y + i, v_first(v_load(y + i), lanes));
}

static void run(void *arg, int64_t index, int32_t worker) {
  const direct_job *j = arg;
  const direct_kernel *k = j->k;
  const conv_shape *s = &k->part.s;
  const conv_pack_shape *p = &k->part.pack;
  const int64_t gm = index % k->groups_m, g = index / k->groups_m % s->group, band = index / k->groups_m / s->group % k->bands;
  const int64_t image = index / k->groups_m / s->group / k->bands;
  const int64_t m0 = gm * k->part.kb, out_block = g * p->n_m + m0, at = (image * k->out_blocks + out_block) * k->part.y_plane;
  direct_band b = {.x = (const float *)j->in[0] + (image * k->in_blocks + (s->group == 1 ? 0 : g * p->n_c)) * k->part.plane,
                   .w = j->w + out_block * p->m_floats,
                   .bias = s->has_bias ? (const float *)j->in[2] + g * s->mg + m0 * VL : NULL,
                   .add = k->post.add_input >= 0 ? (const float *)j->in[k->post.add_input] + at : NULL,
                   .y = j->y + at,
                   .blocks = cpu_min(k->part.kb, p->n_m - m0),
                   .row0 = band * s->out[1] / k->bands,
                   .row1 = (band + 1) * s->out[1] / k->bands};
  (void)worker;
  b.lanes = cpu_min(VL, s->mg - (m0 + b.blocks - 1) * VL);
  CVK_ISA_FN(direct_run)(&k->part, &k->post, &b);
  const int64_t width = b.row1 == s->out[1] ? k->part.last_width : s->out[2], n = ((b.row1 - b.row0 - 1) * s->out[2] + width) * VL;
  for (int64_t i = 0; k->post.n > 0 && i < b.blocks; i++)
    CVK_ISA_FN(direct_finish)(&k->post, b.y + i * k->part.y_plane + b.row0 * k->part.y_row, n, i < b.blocks - 1 ? VL : b.lanes, j->y, j->in);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const direct_kernel *k = (const direct_kernel *)kernel;
  direct_job job = {.k = k, .in = in, .w = kernel->pack[1] ? kernel->pack[1]->data : workspace, .y = out[0]};
  const int64_t tasks = k->part.s.n * k->bands * k->out_blocks / cpu_max(k->part.pack.n_m, 1) * k->groups_m;
  if (tasks == 0 || k->part.y_plane == 0) return CVK_OK;
  if (!kernel->pack[1]) {
    pack_job packing = {&k->part.s, &k->part.pack, in[1], workspace};
    cpu_parallel(kernel->device, k->out_blocks, pack_ns(kernel->device, &k->part.s, &k->part.pack), pack_task, &packing);
  }
  cpu_parallel(kernel->device, tasks, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_direct_row) = {.name = CVK_ISA_ROW("conv_direct"),
                                             .kind = CVK_OP_CONV,
                                             .variants = 2,
                                             .takes_post = 1,
                                             .accepts = accepts,
                                             .prepare = prepare,
                                             .execute = execute,
                                             .pack = pack,
                                             .release = release};

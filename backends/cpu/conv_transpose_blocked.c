/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose_blocked: transposed convolution of 1 or 2 axes, blocked input and output. Each phase (conv_phase.h) is a convolution of
 * stride 1 on conv_direct's tiles, which store their cells a stride apart. A task is a band of cells of all phases by a tile of channel
 * blocks. Weights [phase], each as conv_shape.h packs a convolution's: packed once when constant, else into the workspace. */
#include "conv_direct.h"
#include "conv_pack.h"
#include "conv_phase.h"
#include "post_apply.h"

enum {
  MOST_PHASES = 256,
  BAND_BYTES = 256 << 10, /* of input and output of a band: about what the second-level cache keeps */
};

typedef struct blocked_phase {
  direct_part part;
  int64_t y, x; /* its first output cell */
  int64_t w;    /* where its packed weights begin */
} blocked_phase;

typedef struct blocked_kernel {
  cpu_kernel base;
  conv_shape s;
  cpu_post post;
  blocked_phase *phase; /* one allocation with the tiles */
  int64_t n_phases, n_m, n_c, kb, groups_m, band, bands;
  double ns;
} blocked_kernel;

typedef struct blocked_job {
  const blocked_kernel *k;
  const void *const *in;
  const float *w;
  float *y;
} blocked_job;

static uint64_t packed_bytes(const conv_shape *s) {
  return cpu_product(7, (int64_t[]){s->group, cpu_ceil_div(s->mg, VL), cpu_ceil_div(s->cg, VL), s->taps, VL, VL, sizeof(float)});
}

static double estimate(const cpu_device *device, const conv_shape *s) {
  const double products = (double)s->n * (double)s->c * (double)s->taps * (double)s->in[1] * (double)s->in[2];
  const double channels = (double)(cpu_ceil_div(s->mg, VL) * VL),
               in_cells = (double)s->n * (double)s->c * (double)s->in[1] * (double)s->in[2];
  const double out_cells = (double)s->n * (double)s->group * channels * (double)s->out[1] * (double)s->out[2];
  return cpu_ns_compute(device, products * channels, 0.8) + cpu_ns_memory(device, 4 * (in_cells + out_cells), 1.5);
}

static double pack_ns(const cpu_device *device, const conv_shape *s) {
  return cpu_ns_memory(device, 8.0 * (double)(s->c * s->mg * s->taps), s->stride[1] * s->stride[2] == 1 ? 0.6 : 0.1);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (s.group != 1 && (s.cg % VL || s.mg % VL))
    return cpu_refuse(why, "groups of %lld to %lld channels do not fill blocks of %d", (long long)s.cg, (long long)s.mg, VL);
  if (s.stride[1] > MOST_PHASES || s.stride[2] > MOST_PHASES || s.stride[1] * s.stride[2] > MOST_PHASES)
    return cpu_refuse(why, "strides %lld and %lld, of which at most %d phases are taken", (long long)s.stride[1], (long long)s.stride[2],
                      MOST_PHASES);
  for (int32_t i = 0; i < 3; i++)
    if (s.out[i] > INT32_MAX / 4 || s.kernel[i] > INT32_MAX / 4) return cpu_refuse(why, "axis %d is too long", i);
  const uint64_t bytes = packed_bytes(&s);
  if (bytes == UINT64_MAX) return cpu_refuse(why, "packed weights overflow 64 bits");
  c->in[0] = c->out[0] = cpu_format(VL);
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->kind == CVK_OP_ADD && op->post[i]->input < CVK_CANDIDATE_INPUTS) c->in[op->post[i]->input] = c->out[0];
  if (op->in[1]->const_data)
    c->pack[1] = 0x8000 + VL;
  else
    c->workspace_bytes = bytes;
  c->workspace_alignment = 64;
  c->estimated_ns = estimate(device, &s) + (op->in[1]->const_data ? 0 : pack_ns(device, &s));
  return 1;
}

/* Weights [c][mg][taps] of one phase and block of m (index: over groups and their blocks). */
static void pack_block(const conv_shape *s, int64_t y, int64_t x, const float *w, float *to, int64_t index) {
  const conv_shape p = conv_phase_shape(s, y, x);
  const int64_t n_m = cpu_ceil_div(s->mg, VL), g = index / n_m, m0 = index % n_m * VL, lanes = cpu_min(VL, s->mg - m0);
  to += index * cpu_ceil_div(s->cg, VL) * p.taps * VL * VL;
  for (int64_t c0 = 0; c0 < s->cg; c0 += VL)
    for (int64_t kh = 0; kh < p.kernel[1]; kh++)
      for (int64_t kw = 0; kw < p.kernel[2]; kw++) {
        const float *from = w + ((g * s->cg + c0) * s->mg + m0) * s->taps + conv_phase_tap(s, y, x, kh, kw);
        for (int64_t c = 0; c < VL; c++, to += VL)
          v_store(to, c0 + c < s->cg ? v_load_strided_n(from + c * s->mg * s->taps, s->taps, lanes) : v_zero());
      }
}

typedef struct pack_job {
  const conv_shape *s;
  const float *w;
  float *packed;
} pack_job;

/* All phases of a block of m; their weights follow each other. */
static void pack_task(void *arg, int64_t index, int32_t worker) {
  const pack_job *j = arg;
  const conv_shape *s = j->s;
  const int64_t tap_floats = s->group * cpu_ceil_div(s->mg, VL) * cpu_ceil_div(s->cg, VL) * VL * VL;
  float *to = j->packed;
  (void)worker;
  for (int64_t y = 0; y < s->stride[1]; y++)
    for (int64_t x = 0; x < s->stride[2]; x++) {
      pack_block(s, y, x, j->w, to, index);
      to += conv_phase_shape(s, y, x).taps * tap_floats;
    }
}

/* Of stride 1, where all taps are those of the one phase, in reverse: a block of input channels, as their weights follow each other. */
static void pack_reversed_task(void *arg, int64_t index, int32_t worker) {
  const pack_job *j = arg;
  const conv_shape *s = j->s;
  const int64_t n_m = cpu_ceil_div(s->mg, VL), n_c = cpu_ceil_div(s->cg, VL), g = index / n_c, c0 = index % n_c * VL,
                square_floats = VL * VL;
  (void)worker;
  for (int64_t m = 0; m < n_m; m++) {
    float *last = j->packed + (((g * n_m + m) * n_c + index % n_c + 1) * s->taps - 1) * square_floats;
    for (int64_t c = 0; c < VL; c++) {
      const float *from = j->w + ((g * s->cg + c0 + c) * s->mg + m * VL) * s->taps;
      const int64_t lanes = c0 + c < s->cg ? cpu_min(VL, s->mg - m * VL) : 0;
      for (int64_t t = 0; t < s->taps; t += VL) {
        const int64_t n = cpu_min(VL, s->taps - t);
        vf square[VL];
        conv_pack_square(from + t, lanes, s->taps, n, square);
        for (int64_t i = 0; i < n; i++) v_store(last - (t + i) * square_floats + c * VL, square[i]);
      }
    }
  }
}

static void pack_all(const cpu_device *device, const conv_shape *s, const float *w, float *packed) {
  const int32_t reversed = s->stride[1] == 1 && s->stride[2] == 1;
  pack_job job = {s, w, packed};
  cpu_parallel(device, s->group * cpu_ceil_div(reversed ? s->cg : s->mg, VL), pack_ns(device, s), reversed ? pack_reversed_task : pack_task,
               &job);
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  conv_shape s;
  cpu_reason why;
  (void)c;
  if (input != 1 || !conv_shape_read(op, &s, &why))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "conv_transpose_blocked: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, packed_bytes(&s), out);
  if (status == CVK_OK) pack_all(device, &s, op->in[1]->const_data, (*out)->data);
  return status;
}

static int32_t set_phases(const cpu_device *device, blocked_kernel *k) {
  const conv_shape *s = &k->s;
  const int64_t cells = cpu_ceil_div(s->out[2], s->stride[2]);
  k->n_phases = s->stride[1] * s->stride[2];
  const uint64_t tiles = cpu_product(3, (int64_t[]){k->n_phases, cpu_max(cells, 1), sizeof(conv_tile)});
  const uint64_t head = (uint64_t)k->n_phases * sizeof(blocked_phase);
  k->phase = cpu_alloc(device, tiles > UINT64_MAX - head ? UINT64_MAX : tiles + head);
  if (!k->phase) return 0;
  conv_tile *tile = (conv_tile *)(k->phase + k->n_phases);
  int64_t w = 0;
  for (int64_t i = 0; i < k->n_phases; i++, tile += cells) {
    blocked_phase *p = &k->phase[i];
    direct_part *d = &p->part;
    uint64_t bytes;
    p->y = i / s->stride[2];
    p->x = i % s->stride[2];
    *d = (direct_part){.s = conv_phase_shape(s, p->y, p->x),
                       .cell = VL,
                       .channel = 1,
                       .plane = s->in[1] * s->in[2] * VL,
                       .y_cell = s->stride[2] * VL,
                       .y_row = s->stride[1] * s->out[2] * VL,
                       .y_plane = s->out[1] * s->out[2] * VL,
                       .tile = tile,
                       .last_tile = tile};
    d->last_width = d->s.out[2];
    conv_pack_shape_set(&d->s, VL, VL, &d->pack, &bytes);
    CVK_ISA_FN(direct_plan)(d);
    p->w = w;
    w += (int64_t)(bytes / sizeof(float));
  }
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  blocked_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_transpose_blocked: %s", why.text);
  }
  const conv_shape *s = &k->s;
  CVK_ISA_FN(post_bind)(&k->post);
  k->ns = c->estimated_ns;
  if (!set_phases(device, k)) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  k->n_m = k->phase[0].part.pack.n_m;
  k->n_c = k->phase[0].part.pack.n_c;
  k->kb = k->phase[0].part.kb;
  for (int64_t i = 1; i < k->n_phases; i++) k->kb = cpu_min(k->kb, k->phase[i].part.kb);
  k->groups_m = cpu_ceil_div(k->n_m, cpu_max(k->kb, 1));
  const int64_t row_bytes = 4 * (s->in[2] * s->cg + k->kb * VL * s->stride[1] * s->out[2]), rows = cpu_ceil_div(s->out[1], s->stride[1]);
  k->band = cpu_max(1, cpu_min(rows, BAND_BYTES / cpu_max(1, row_bytes)));
  while (k->band > 4 && s->n * s->group * k->groups_m * cpu_ceil_div(rows, k->band) < 2 * cpu_workers(device))
    k->band = cpu_ceil_div(k->band, 2);
  k->bands = cpu_ceil_div(rows, k->band);
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((blocked_kernel *)kernel)->phase);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const blocked_job *j = arg;
  const blocked_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t gm = index % k->groups_m, g = index / k->groups_m % s->group, band = index / k->groups_m / s->group % k->bands;
  const int64_t image = index / k->groups_m / s->group / k->bands, m0 = gm * k->kb, block = g * k->n_m + m0;
  const int64_t in_block = image * (s->group == 1 ? k->n_c : s->c / VL) + (s->group == 1 ? 0 : g * k->n_c);
  const int64_t row = s->out[2] * VL, plane = s->out[1] * row, at = (image * s->group * k->n_m + block) * plane;
  const int64_t row0 = band * k->band, row1 = row0 + k->band;
  direct_band b = {.x = (const float *)j->in[0] + in_block * s->in[1] * s->in[2] * VL,
                   .bias = s->has_bias ? (const float *)j->in[2] + g * s->mg + m0 * VL : NULL,
                   .blocks = cpu_min(k->kb, k->n_m - m0),
                   .row0 = row0};
  (void)worker;
  b.lanes = cpu_min(VL, s->mg - (m0 + b.blocks - 1) * VL);
  for (int64_t i = 0; i < k->n_phases; i++) {
    const blocked_phase *p = &k->phase[i];
    const int64_t first = at + p->y * row + p->x * VL;
    b.row1 = cpu_min(row1, p->part.s.out[1]);
    b.w = j->w + p->w + block * p->part.pack.m_floats;
    b.y = j->y + first;
    b.add = k->post.add_input >= 0 ? (const float *)j->in[k->post.add_input] + first : NULL;
    CVK_ISA_FN(direct_run)(&p->part, &k->post, &b);
  }
  if (k->post.n == 0) return;
  const int64_t y0 = row0 * s->stride[1], y1 = cpu_min(s->out[1], row1 * s->stride[1]);
  for (int64_t i = 0; i < b.blocks; i++)
    CVK_ISA_FN(direct_finish)(&k->post, j->y + at + i * plane + y0 * row, (y1 - y0) * row, i < b.blocks - 1 ? VL : b.lanes, j->y, j->in);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const blocked_kernel *k = (const blocked_kernel *)kernel;
  const conv_shape *s = &k->s;
  blocked_job job = {.k = k, .in = in, .w = kernel->pack[1] ? kernel->pack[1]->data : workspace, .y = out[0]};
  const int64_t tasks = s->n * s->group * k->groups_m * k->bands;
  if (tasks == 0 || s->out[2] == 0) return CVK_OK;
  if (!kernel->pack[1]) pack_all(kernel->device, s, in[1], workspace);
  cpu_parallel(kernel->device, tasks, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_transpose_blocked_row) = {.name = CVK_ISA_ROW("conv_transpose_blocked"),
                                                        .kind = CVK_OP_CONV_TRANSPOSE,
                                                        .takes_post = 1,
                                                        .accepts = accepts,
                                                        .prepare = prepare,
                                                        .execute = execute,
                                                        .pack = pack,
                                                        .release = release};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose_plain: transposed convolution of 1 or 2 axes into a plain tensor, any groups: few output channels, and tensors that are
 * plain anyway. The input may be blocked. Each phase (conv_phase.h) is a convolution of stride 1 on conv_plain's tiles; an output row's
 * phases are made side by side in the workspace, then interleaved. A task copies the input rows of its band and group into its worker's
 * part of the workspace, plain, with zeros around them. Under weights with NaN or infinity those would show: constant ones are refused,
 * run-time ones are looked at in each execution, and then the outputs are summed one by one over the taps that exist. Weights are packed,
 * once when constant, else into the workspace: [phase][group][tile of output channels][channel][kernel row][tap][output channel of the
 * tile]. */
#include <string.h>

#include "conv_phase.h"
#include "conv_plain_tile.h"
#include "post_apply.h"

enum {
  MOST_PRODUCTS = 2048,    /* of an output */
  MANY_PRODUCTS = 4 << 20, /* are worth several threads */
  CHUNK = 288,             /* products summed apart before they join the output */
  MOST_STRIDE = 32,
  MOST_TAPS = 64,         /* of a kernel row */
  SLOT_BYTES = 128 << 10, /* of input that a band reads: a share of the second-level cache */
  MOST_BYTES = 2 << 20,   /* of workspace a worker: which row it is, and with it the bits, must not depend on their number */
};
static const double PACK_SPEED = 0.1; /* share of the bandwidth with which weights are packed, one float after the other */

typedef struct plain_geometry {
  int64_t low[3], reach[3]; /* per axis: the phases' first tap brings input cell q + low to cell q, the last q + low + reach */
  int64_t band, bands;      /* rows of the phases a band; bands an image */
  int64_t cells;            /* of a phase's row, in whole vectors */
  int64_t row, channel;     /* floats of a copied row, of a channel's rows */
  int64_t slot, floats;     /* floats of the copied rows, of a worker's workspace: the copied rows, then an output row's phases */
  int64_t mb;               /* output channels a tile; the last of a group may have fewer */
} plain_geometry;

typedef struct plain_kernel {
  cpu_kernel base;
  conv_shape s;
  plain_geometry g;
  cpu_post post;
  double ns;
  int32_t blocked;                                         /* the input is */
  conv_shape down[MOST_STRIDE];                            /* phases along the rows' axis; their kernels' columns mean nothing */
  conv_phase_axis along[MOST_STRIDE];                      /* within a row */
  int64_t taps_down[MOST_STRIDE], taps_along[MOST_STRIDE]; /* of the phases before */
  int32_t at[MOST_TAPS];                                   /* where the taps of a phase lie in a copied row; phase after phase */
} plain_kernel;

typedef struct plain_job {
  const plain_kernel *k;
  const void *const *in;
  const float *w; /* packed; NULL: not finite */
  float *y, *workspace;
} plain_job;

/* 0: some size overflows or is too large. */
static int32_t geometry_set(const conv_shape *s, plain_geometry *g) {
  const double products = (double)s->n * (double)s->c * (double)s->mg * (double)s->taps * (double)s->in[1] * (double)s->in[2];
  *g = (plain_geometry){0};
  for (int32_t i = 1; i < 3; i++) {
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (int64_t p = 0; p < s->stride[i]; p++) {
      const conv_phase_axis a = conv_phase_along(s, i, p);
      if (a.taps == 0) continue;
      low = cpu_min(low, -a.pad);
      high = cpu_max(high, -a.pad + (a.taps - 1) * a.dilation);
    }
    if (high < low) return 0;
    g->low[i] = low;
    g->reach[i] = high - low;
    if (s->out[i] > INT32_MAX / 8 || g->reach[i] > INT32_MAX / 8) return 0;
  }
  g->mb = cpu_ceil_div(s->mg, cpu_max(cpu_ceil_div(s->mg, MAX_MB), 1));
  g->cells = cpu_ceil_div(cpu_ceil_div(s->out[2], s->stride[2]), VL) * VL;
  g->row = cpu_ceil_div(g->cells + g->reach[2], VL) * VL;
  const uint64_t cut = cpu_product(3, (int64_t[]){g->row, s->cg, sizeof(float)});
  if (cut > MOST_BYTES) return 0;
  const int64_t rows = cpu_ceil_div(s->out[1], s->stride[1]);
  g->band = cpu_max(1, cpu_min(rows, SLOT_BYTES / cpu_max((int64_t)cut, 1) - g->reach[1]));
  while (g->band > 4 && products > MANY_PRODUCTS && s->n * s->group * cpu_ceil_div(rows, g->band) < 8) g->band = cpu_ceil_div(g->band, 2);
  g->bands = cpu_ceil_div(rows, g->band);
  const int64_t copied = cpu_min(s->in[1], g->band + g->reach[1]);
  const uint64_t slot = cpu_product(4, (int64_t[]){g->row, copied, s->cg, sizeof(float)});
  const uint64_t phases = cpu_product(4, (int64_t[]){g->cells, g->mb, s->stride[2], sizeof(float)});
  if (slot > MOST_BYTES || phases > MOST_BYTES || slot + phases > MOST_BYTES) return 0;
  g->channel = g->row * copied;
  g->slot = g->channel * s->cg;
  g->floats = g->slot + g->cells * g->mb * s->stride[2];
  return 1;
}

static double estimate(const cpu_device *device, const conv_shape *s, int32_t blocked) {
  const double cells = (double)s->n * (double)s->in[1] * (double)s->in[2],
               phase = (double)cpu_max(cpu_ceil_div(s->out[2], s->stride[2]), 1);
  const double lanes = (double)(cpu_ceil_div((int64_t)phase, VL) * VL) / phase;
  const double out_cells = (double)s->n * (double)s->m * (double)s->out[1] * (double)s->out[2];
  return cpu_ns_compute(device, cells * (double)s->c * (double)s->mg * (double)s->taps * lanes, 0.5) +
         cpu_ns_memory(device, 8 * (double)s->c * cells, blocked ? 0.4 : 0.8) + cpu_ns_memory(device, 8 * out_cells, 0.8);
}

/* Floats of the packed weights in the workspace, in whole cache lines. */
static int64_t packed_floats(const conv_shape *s) {
  return cpu_ceil_div(s->c * s->mg * s->taps, 16) * 16;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const int32_t blocked = variant == 1;
  conv_shape s;
  cpu_post post;
  plain_geometry g;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (blocked && s.group != 1) return cpu_refuse(why, "group %lld with blocked input", (long long)s.group);
  for (int32_t i = 1; i < 3; i++)
    if (s.stride[i] > MOST_STRIDE) return cpu_refuse(why, "stride %lld, at most %d is taken", (long long)s.stride[i], MOST_STRIDE);
  if (s.kernel[2] > MOST_TAPS) return cpu_refuse(why, "kernel rows of %lld taps, at most %d are taken", (long long)s.kernel[2], MOST_TAPS);
  if (s.cg * cpu_ceil_div(s.kernel[1], s.stride[1]) * cpu_ceil_div(s.kernel[2], s.stride[2]) > MOST_PRODUCTS)
    return cpu_refuse(why, "%lld channels of %lld taps: more than %d products an output", (long long)s.cg, (long long)s.taps,
                      MOST_PRODUCTS);
  const float *w = op->in[1]->const_data;
  if (w && !weights_finite(w, s.c * s.mg * s.taps)) return cpu_refuse(why, "a weight is not finite");
  c->estimated_ns = estimate(device, &s, blocked) + (w ? 0 : cpu_ns_memory(device, 4.0 * (double)packed_floats(&s), PACK_SPEED));
  if (!geometry_set(&s, &g)) return cpu_refuse(why, "its rows need more than %d bytes", MOST_BYTES);
  if (blocked) c->in[0] = cpu_format(VL);
  if (w) c->pack[1] = 0x9000 + VL;
  c->workspace_bytes = (uint64_t)(g.floats * cpu_workers(device) + (w ? 0 : packed_floats(&s))) * sizeof(float);
  c->workspace_alignment = 64;
  c->backend_data[1] = (uint64_t)blocked;
  return 1;
}

/* The weights of one phase from `to` on; returns what follows them. */
static float *pack_phase(const conv_shape *s, int64_t most, int64_t y, int64_t x, const float *w, float *to) {
  const conv_shape p = conv_phase_shape(s, y, x);
  for (int64_t g = 0; g < s->group; g++)
    for (int64_t m0 = 0, mb; m0 < s->mg; m0 += mb, to += mb * s->cg * p.taps) {
      mb = cpu_min(most, s->mg - m0);
      for (int64_t tap = 0; tap < p.taps; tap++) {
        const float *from = w + (g * s->cg * s->mg + m0) * s->taps + conv_phase_tap(s, y, x, tap / p.kernel[2], tap % p.kernel[2]);
        for (int64_t c = 0; c < s->cg; c++)
          for (int64_t m = 0; m < mb; m++) to[(c * p.taps + tap) * mb + m] = from[(c * s->mg + m) * s->taps];
      }
    }
  return to;
}

static void pack_weights(const conv_shape *s, int64_t most, const float *w, float *to) {
  for (int64_t y = 0; y < s->stride[1]; y++)
    for (int64_t x = 0; x < s->stride[2]; x++) to = pack_phase(s, most, y, x, w, to);
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  conv_shape s;
  plain_geometry g;
  cpu_reason why;
  (void)c;
  if (input != 1 || !conv_shape_read(op, &s, &why) || !geometry_set(&s, &g))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "conv_transpose_plain: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, (uint64_t)(s.c * s.mg * s.taps) * sizeof(float), out);
  if (status == CVK_OK) pack_weights(&s, g.mb, op->in[1]->const_data, (*out)->data);
  return status;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  plain_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why) || !geometry_set(&k->s, &k->g)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_transpose_plain: not as it was accepted");
  }
  const conv_shape *s = &k->s;
  CVK_ISA_FN(post_bind)(&k->post);
  k->ns = c->estimated_ns;
  k->blocked = c->backend_data[1] != 0;
  int64_t taps = 0;
  for (int64_t p = 0; p < s->stride[1]; p++) {
    k->down[p] = conv_phase_shape(s, p, 0);
    k->taps_down[p] = taps;
    taps += k->down[p].kernel[1];
  }
  taps = 0;
  for (int64_t p = 0; p < s->stride[2]; p++) {
    const conv_phase_axis *a = &k->along[p];
    k->along[p] = conv_phase_along(s, 2, p);
    k->taps_along[p] = taps;
    for (int64_t i = 0; i < a->taps; i++) k->at[taps++] = (int32_t)(i * a->dilation - a->pad - k->g.low[2]);
  }
  *out = &k->base;
  return CVK_OK;
}

/* Copied rows begin at input cell low[2]: of a row's cells `cells` go from x[from] to the copy's cell `first`. */
typedef struct row_copy {
  int64_t first, from, cells;
} row_copy;

static row_copy copy_of(const plain_kernel *k) {
  const int64_t low = k->g.low[2], first = cpu_max(0, -low), from = cpu_max(0, low);
  return (row_copy){cpu_min(first, k->g.row), from, cpu_max(0, cpu_min(k->s.in[2] - from, k->g.row - first))};
}

static void copy_plain(const plain_kernel *k, const float *x, float *to) {
  const row_copy r = copy_of(k);
  memset(to, 0, (size_t)r.first * sizeof *to);
  if (r.cells > 0) memcpy(to + r.first, x + r.from, (size_t)r.cells * sizeof *to);
  memset(to + r.first + r.cells, 0, (size_t)(k->g.row - r.first - r.cells) * sizeof *to);
}

/* One row of a block of channels, of which `lanes` exist. */
static void copy_blocked(const plain_kernel *k, const float *x, int64_t lanes, float *to) {
  const row_copy r = copy_of(k);
  for (int64_t i = 0; i < lanes; i++) {
    float *row = to + i * k->g.channel;
    memset(row, 0, (size_t)r.first * sizeof *row);
    memset(row + r.first + r.cells, 0, (size_t)(k->g.row - r.first - r.cells) * sizeof *row);
  }
  for (int64_t i = 0; i < r.cells; i += VL) {
    const int64_t n = cpu_min(VL, r.cells - i);
    vf square[VL];
    for (int64_t cell = 0; cell < VL; cell++) square[cell] = cell < n ? v_load(x + (r.from + i + cell) * VL) : v_zero();
    v_transpose(square);
    for (int64_t lane = 0; lane < lanes; lane++) {
      float *row = to + lane * k->g.channel + r.first + i;
      if (n == VL)
        v_store(row, square[lane]);
      else
        v_store_n(row, square[lane], n);
    }
  }
}

static void copy_rows(const plain_job *j, int64_t image, int64_t group, int64_t begin, int64_t end, float *slot) {
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t width = s->in[2], step = k->blocked ? VL : 1, channels = k->blocked ? cpu_ceil_div(s->c, VL) * VL : s->c;
  const float *x = (const float *)j->in[0] + (image * channels + group * s->cg) * s->in[1] * width;
  for (int64_t c = 0; c < s->cg; c += step)
    for (int64_t row = begin; row < end; row++) {
      const float *from = x + (c * s->in[1] + row * step) * width;
      float *to = slot + c * k->g.channel + (row - begin) * k->g.row;
      if (k->blocked)
        copy_blocked(k, from, cpu_min(VL, s->cg - c), to);
      else
        copy_plain(k, from, to);
    }
}

/* y[i * stride + p] = phase p's cell i, for the n cells of a row; phases lie `step` floats apart. */
static void interleave(const float *phases, int64_t step, int64_t stride, float *y, int64_t n) {
  if (stride == 2) {
    int64_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
      const vf even = v_load(phases + i / 2), odd = v_load(phases + step + i / 2);
      v_store(y + i, v_zip_low(even, odd));
      v_store(y + i + VL, v_zip_high(even, odd));
    }
    const vf even = v_load_n(phases + i / 2, (n - i + 1) / 2), odd = v_load_n(phases + step + i / 2, (n - i) / 2);
    v_store_n(y + i, v_zip_low(even, odd), cpu_min(VL, n - i));
    v_store_n(y + i + VL, v_zip_high(even, odd), cpu_max(0, n - i - VL));
    return;
  }
  for (int64_t p = 0; p < stride; p++)
    for (int64_t i = 0; i * stride + p < n; i++) y[i * stride + p] = phases[p * step + i];
}

/* A tile through all channels of a group, chunk by chunk; the later ones add what is there. */
static void run_tile(const plain_kernel *k, tile_fn fn, const tile_args *all) {
  const int64_t channels = k->s.cg, chunk = cpu_max(1, CHUNK / cpu_max(1, all->taps_h * all->taps_w));
  tile_args a = *all;
  for (int64_t c = 0; c == 0 || c < channels; c += chunk) {
    a.channels = cpu_min(chunk, channels - c);
    a.x = all->x + c * a.x_channel;
    a.w = all->w + c * a.w_channel;
    a.clamp = c + chunk >= channels && k->post.clamp && k->post.add_input < 0;
    fn(&a);
    a.bias = NULL;
    a.add = a.y;
  }
}

/* Cells of a tile of at most `most` vectors, such that all tiles of a row are about as wide. */
static int64_t tile_cells(int64_t n, int64_t most) {
  return cpu_ceil_div(n, cpu_max(1, cpu_ceil_div(n, most))) * VL;
}

/* Output row q * stride + y of a group; `slot` holds the group's input from row `in0` on. */
static void run_row(const plain_job *j, const float *slot, float *phases, int64_t image, int64_t group, int64_t q, int64_t y, int64_t in0) {
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s, *down = &k->down[y];
  const plain_geometry *g = &k->g;
  const int64_t plane = s->out[1] * s->out[2], spreads = s->stride[2] > 1, weights = s->c * s->mg;
  int64_t kh0, kh1;
  conv_valid_taps(down, 1, q, &kh0, &kh1);
  tile_args a = {.x_channel = g->channel,
                 .x_tap_row = down->dilation[1] * g->row,
                 .taps_h = kh1 - kh0,
                 .y_channel = spreads ? g->cells : plane,
                 .lo = k->post.lo,
                 .hi = k->post.hi};
  const float *x = slot + (q - down->pad[1] + kh0 * down->dilation[1] - in0) * g->row;
  for (int64_t m0 = 0; m0 < s->mg; m0 += g->mb) {
    const int64_t mb = cpu_min(g->mb, s->mg - m0), wide = tile_cells(g->cells / VL, vectors[mb]), m = group * s->mg + m0;
    const int64_t at = ((image * s->m + m) * s->out[1] + q * s->stride[1] + y) * s->out[2];
    a.bias = s->has_bias ? (const float *)j->in[2] + m : NULL;
    for (int64_t p = 0; p < s->stride[2]; p++) {
      const conv_phase_axis *along = &k->along[p];
      a.taps_w = along->taps;
      a.at = k->at + k->taps_along[p];
      a.w_row = along->taps * mb;
      a.w_channel = down->kernel[1] * a.w_row;
      a.w = j->w + weights * (k->taps_down[y] * s->kernel[2] + down->kernel[1] * k->taps_along[p]) +
            m * s->cg * down->kernel[1] * along->taps + kh0 * a.w_row;
      for (int64_t cell = 0; cell < along->out; cell += wide) {
        a.cells = spreads ? cpu_min(wide, g->cells - cell) : cpu_min(wide, along->out - cell);
        a.x = x + cell;
        a.y = spreads ? phases + p * g->mb * g->cells + cell : j->y + at + cell;
        run_tile(k, tiles[mb][cpu_ceil_div(a.cells, VL)], &a);
      }
    }
    for (int64_t i = 0; i < mb; i++) {
      float *to = j->y + at + i * plane;
      if (spreads) interleave(phases + i * g->cells, g->mb * g->cells, s->stride[2], to, s->out[2]);
      if (k->post.add_input >= 0) CVK_ISA_FN(post_fold)(&k->post, to, s->out[2], at + i * plane, j->in);
      if (k->post.n > 0) CVK_ISA_FN(post_apply)(&k->post, to, s->out[2], at + i * plane, j->in);
    }
  }
}

/* Output (m, oh, ox) of an image by the definition: no cell outside the input enters a product. In double, as an error of one rounding is
 * well within the bound. `slot` holds the group's input from row in0 on. */
static float exact_cell(const plain_job *j, const float *slot, int64_t m, int64_t oh, int64_t ox, int64_t in0) {
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const float *w = (const float *)j->in[1] + (m / s->mg * s->cg * s->mg + m % s->mg) * s->taps;
  double sum = 0;
  for (int64_t kh = 0; kh < s->kernel[1]; kh++)
    for (int64_t kw = 0; kw < s->kernel[2]; kw++) {
      const int64_t y = oh + s->pad[1] - kh * s->dilation[1], x = ox + s->pad[2] - kw * s->dilation[2];
      if (y < 0 || y % s->stride[1] || y / s->stride[1] >= s->in[1] || x < 0 || x % s->stride[2] || x / s->stride[2] >= s->in[2]) continue;
      const float *cell = slot + (y / s->stride[1] - in0) * k->g.row + x / s->stride[2] - k->g.low[2];
      for (int64_t c = 0; c < s->cg; c++)
        sum += (double)cell[c * k->g.channel] * (double)w[(c * s->mg * s->kernel[1] + kh) * s->kernel[2] + kw];
    }
  return (float)sum + (s->has_bias ? ((const float *)j->in[2])[m] : 0.0f);
}

static void exact_row(const plain_job *j, const float *slot, int64_t image, int64_t group, int64_t oh, int64_t in0) {
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s;
  for (int64_t m = group * s->mg; m < (group + 1) * s->mg; m++) {
    const int64_t at = ((image * s->m + m) * s->out[1] + oh) * s->out[2];
    for (int64_t ox = 0; ox < s->out[2]; ox++) j->y[at + ox] = exact_cell(j, slot, m, oh, ox, in0);
    if (k->post.n > 0)
      CVK_ISA_FN(post_apply)(&k->post, j->y + at, s->out[2], at, j->in);
    else
      CVK_ISA_FN(post_fold)(&k->post, j->y + at, s->out[2], at, j->in);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const plain_job *j = arg;
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const plain_geometry *g = &k->g;
  const int64_t band = index % g->bands, group = index / g->bands % s->group, image = index / g->bands / s->group;
  const int64_t q0 = band * g->band, q1 = q0 + g->band;
  const int64_t begin = cpu_max(0, q0 + g->low[1]), end = cpu_min(s->in[1], q1 + g->low[1] + g->reach[1]);
  float *slot = j->workspace + worker * g->floats;
  copy_rows(j, image, group, begin, end, slot);
  for (int64_t q = q0; q < q1; q++)
    for (int64_t y = 0; y < s->stride[1] && q < k->down[y].out[1]; y++)
      if (j->w)
        run_row(j, slot, slot + g->slot, image, group, q, y, begin);
      else
        exact_row(j, slot, image, group, q * s->stride[1] + y, begin);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const plain_kernel *k = (const plain_kernel *)kernel;
  const conv_shape *s = &k->s;
  plain_job job = {k, in, kernel->pack[1] ? kernel->pack[1]->data : NULL, out[0], workspace};
  if (!kernel->pack[1]) {
    job.workspace += packed_floats(s);
    if (weights_finite(in[1], s->c * s->mg * s->taps)) {
      pack_weights(s, k->g.mb, in[1], workspace);
      job.w = workspace;
    }
  }
  cpu_parallel(kernel->device, s->n * s->group * k->g.bands, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_transpose_plain_row) = {.name = CVK_ISA_ROW("conv_transpose_plain"),
                                                      .kind = CVK_OP_CONV_TRANSPOSE,
                                                      .variants = 2,
                                                      .takes_post = 1,
                                                      .accepts = accepts,
                                                      .prepare = prepare,
                                                      .execute = execute,
                                                      .pack = pack};

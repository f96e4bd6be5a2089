/* SPDX-License-Identifier: Apache-2.0 */
/* conv_plain: convolution of few channels a group on plain tensors: image filters, LeNet's first layer, ShuffleNet's groups. Lanes are
 * neighbouring output cells, so a handful of output channels wastes none of them. A task copies the input rows of its band into its
 * worker's part of the workspace, with the padding as zeros and the cells of each stride phase together; then every tap of MB output
 * channels by V vectors is one plain load. Zeros times finite weights add nothing. Under weights with NaN or infinity padding would show:
 * constant ones are refused, run-time ones are looked at in each execution, and then the outputs are summed one by one over the taps that
 * exist. Weights: packed once when constant, else into the workspace, before the workers' rows. */
#include <string.h>

#include "conv_plain_tile.h"
#include "post_apply.h"

enum {
  MOST_PRODUCTS = 288,    /* of an output: the totals are summed in one go */
  SLOT_BYTES = 128 << 10, /* of input that a band reads: a share of the second-level cache */
  MOST_BYTES = 64 << 20,  /* of workspace */
};
static const double PACK_SPEED = 0.1; /* share of the bandwidth with which weights are packed, one float after the other */

typedef struct plain_geometry {
  int64_t band, bands;        /* output rows a band; bands an image */
  int64_t width;              /* floats of one stride phase of a copied row */
  int64_t row, channel, slot; /* floats of a copied row, of a channel's rows, of a worker's workspace */
  int64_t mb;                 /* output channels a tile; the last of a group may have fewer */
} plain_geometry;

typedef struct plain_kernel {
  cpu_kernel base;
  conv_shape s;
  plain_geometry g;
  cpu_post post;
  double ns;
  int32_t at[V_CHAIN];
} plain_kernel;

typedef struct plain_job {
  const plain_kernel *k;
  const void *const *in;
  const float *w; /* packed; NULL: not finite */
  float *y, *workspace;
} plain_job;

/* Input rows that output rows r0..r1-1 read: *begin <= row < *end. */
static void rows_read(const conv_shape *s, int64_t r0, int64_t r1, int64_t *begin, int64_t *end) {
  *begin = cpu_max(0, r0 * s->stride[1] - s->pad[1]);
  *end = cpu_min(s->in[1], (r1 - 1) * s->stride[1] - s->pad[1] + (s->kernel[1] - 1) * s->dilation[1] + 1);
  if (*end < *begin) *end = *begin;
}

/* ns: the estimate, never a measured time in its place. 0: some size overflows or is too large. */
static int32_t geometry_set(const conv_shape *s, double ns, int64_t n_workers, plain_geometry *g) {
  const int64_t reach = (s->kernel[1] - 1) * s->dilation[1] + 1;
  const uint64_t phase = cpu_product(2, (int64_t[]){s->kernel[2] - 1, s->dilation[2]});
  if (s->out[2] > INT32_MAX / 8 || phase > INT32_MAX / 8 || reach > INT32_MAX / 8) return 0;
  g->width = cpu_ceil_div(cpu_ceil_div(s->out[2], VL) * VL + (int64_t)phase / s->stride[2], VL) * VL;
  const uint64_t row = cpu_product(2, (int64_t[]){g->width, s->stride[2]}),
                 cut = cpu_product(3, (int64_t[]){(int64_t)row, s->c, sizeof(float)});
  if (row > INT32_MAX || cut > MOST_BYTES) return 0;
  g->row = (int64_t)row;
  int64_t rows = cpu_max(1, (SLOT_BYTES / cpu_max((int64_t)cut, 1) - reach) / s->stride[1] + 1);
  rows = cpu_min(rows, cpu_max(s->out[1], 1));
  while (rows > 4 && ns > 40e3 && s->n * cpu_ceil_div(s->out[1], rows) < 8) rows = cpu_ceil_div(rows, 2);
  g->band = rows;
  g->bands = cpu_ceil_div(s->out[1], rows);
  const uint64_t bytes =
      cpu_product(5, (int64_t[]){g->row, cpu_min(s->in[1], (rows - 1) * s->stride[1] + reach), s->c, n_workers, sizeof(float)});
  if (bytes > MOST_BYTES) return 0;
  g->channel = g->row * cpu_min(s->in[1], (rows - 1) * s->stride[1] + reach);
  g->slot = g->channel * s->c;
  g->mb = cpu_ceil_div(s->mg, cpu_max(cpu_ceil_div(s->mg, MAX_MB), 1));
  return 1;
}

static double estimate(const cpu_device *device, const conv_shape *s) {
  const double lanes = (double)(cpu_ceil_div(s->out[2], VL) * VL) / (double)cpu_max(s->out[2], 1);
  const double copied = 8.0 * (double)s->n * (double)s->c * (double)s->in[1] * (double)s->in[2];
  return cpu_ns_compute(device, conv_multiply_adds(s) * lanes, 0.55) + cpu_ns_memory(device, copied, 0.8);
}

/* Floats of the packed weights in the workspace, in whole cache lines. */
static int64_t packed_floats(const conv_shape *s) {
  return cpu_ceil_div(s->m * s->cg * s->taps, 16) * 16;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  plain_geometry g;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  if (s.spatial == 3) return cpu_refuse(why, "3 spatial axes, 1 or 2 are taken");
  if (s.group > 1 && s.cg == 1) return cpu_refuse(why, "one channel a group: depthwise rows are for that");
  if (s.kernel[2] > V_CHAIN) return cpu_refuse(why, "kernel rows of %lld taps, at most %d are taken", (long long)s.kernel[2], V_CHAIN);
  if (s.cg * s.taps > MOST_PRODUCTS)
    return cpu_refuse(why, "%lld products an output, at most %d are taken", (long long)(s.cg * s.taps), MOST_PRODUCTS);
  const float *w = op->in[1]->const_data;
  if (w && !weights_finite(w, s.m * s.cg * s.taps)) return cpu_refuse(why, "a weight is not finite");
  c->estimated_ns = estimate(device, &s) + (w ? 0 : cpu_ns_memory(device, 4.0 * (double)packed_floats(&s), PACK_SPEED));
  if (!geometry_set(&s, estimate(device, &s), cpu_workers(device), &g))
    return cpu_refuse(why, "its rows need more than %d bytes", MOST_BYTES);
  if (w) c->pack[1] = 0x7000 + VL;
  c->workspace_bytes = (uint64_t)(g.slot * cpu_workers(device) + (w ? 0 : packed_floats(&s))) * sizeof(float);
  c->workspace_alignment = 64;
  return 1;
}

/* [tile of output channels][channel of the group][kernel row][tap][output channel in the tile] */
static void pack_weights(const conv_shape *s, int64_t most, const float *w, float *packed) {
  const int64_t products = s->cg * s->taps;
  for (int64_t m0 = 0, mb; m0 < s->m; m0 += mb, packed += mb * products) {
    mb = cpu_min(most, s->mg - m0 % s->mg);
    for (int64_t m = 0; m < mb; m++)
      for (int64_t i = 0; i < products; i++) packed[i * mb + m] = w[(m0 + m) * products + i];
  }
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  conv_shape s;
  plain_geometry g;
  cpu_reason why;
  (void)c;
  if (input != 1 || !conv_shape_read(op, &s, &why) || !geometry_set(&s, estimate(device, &s), cpu_workers(device), &g))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "conv_plain: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, (uint64_t)(s.m * s.cg * s.taps) * sizeof(float), out);
  if (status == CVK_OK) pack_weights(&s, g.mb, op->in[1]->const_data, (*out)->data);
  return status;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  plain_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why) ||
      !geometry_set(&k->s, estimate(device, &k->s), cpu_workers(device), &k->g)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_plain: not as it was accepted");
  }
  const conv_shape *s = &k->s;
  CVK_ISA_FN(post_bind)(&k->post);
  k->ns = c->estimated_ns;
  for (int64_t kw = 0; kw < s->kernel[2]; kw++) {
    const int64_t cell = kw * s->dilation[2];
    k->at[kw] = (int32_t)(cell % s->stride[2] * k->g.width + cell / s->stride[2]);
  }
  *out = &k->base;
  return CVK_OK;
}

/* One input row, zeros around it, the cells of each stride phase together. */
static void copy_row(const conv_shape *s, int64_t width, const float *x, float *to) {
  const int64_t stride = s->stride[2];
  for (int64_t phase = 0; phase < stride; phase++, to += width) {
    const int64_t missing = s->pad[2] - phase, first = missing > 0 ? cpu_min(width, cpu_ceil_div(missing, stride)) : 0;
    const int64_t rest = s->in[2] + missing, end = cpu_max(first, rest > 0 ? cpu_min(width, cpu_ceil_div(rest, stride)) : 0);
    const float *from = x + (first * stride - missing);
    memset(to, 0, (size_t)first * sizeof *to);
    if (stride == 1)
      memcpy(to + first, from, (size_t)(end - first) * sizeof *to);
    else
      for (int64_t i = 0; i < end - first; i++) to[first + i] = from[i * stride];
    memset(to + end, 0, (size_t)(width - end) * sizeof *to);
  }
}

/* All output channels of row `oh`; `rows` holds the input from row `in0` on. */
static void run_row(const plain_job *j, const float *rows, int64_t image, int64_t oh, int64_t in0) {
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const plain_geometry *g = &k->g;
  const int64_t plane = s->out[1] * s->out[2];
  int64_t kh0, kh1;
  conv_valid_taps(s, 1, oh, &kh0, &kh1);
  tile_args a = {.x_channel = g->channel,
                 .x_tap_row = s->dilation[1] * g->row,
                 .channels = s->cg,
                 .taps_h = kh1 - kh0,
                 .taps_w = s->kernel[2],
                 .at = k->at,
                 .y_channel = plane,
                 .clamp = k->post.clamp,
                 .lo = k->post.lo,
                 .hi = k->post.hi};
  const float *x = rows + (oh * s->stride[1] - s->pad[1] + kh0 * s->dilation[1] - in0) * g->row;
  for (int64_t m0 = 0, mb; m0 < s->m; m0 += mb) {
    mb = cpu_min(g->mb, s->mg - m0 % s->mg);
    const int64_t wide = vectors[mb] * VL;
    const float *x_group = x + m0 / s->mg * s->cg * g->channel;
    a.w_row = s->kernel[2] * mb;
    a.w_channel = s->kernel[1] * a.w_row;
    a.w = j->w + m0 * s->cg * s->taps + kh0 * a.w_row;
    a.bias = s->has_bias ? (const float *)j->in[2] + m0 : NULL;
    const int64_t at = ((image * s->m + m0) * s->out[1] + oh) * s->out[2];
    for (int64_t ox = 0; ox < s->out[2]; ox += wide) {
      a.cells = cpu_min(wide, s->out[2] - ox);
      a.x = x_group + ox;
      a.y = j->y + at + ox;
      a.add = k->post.add_input >= 0 ? (const float *)j->in[k->post.add_input] + at + ox : NULL;
      tiles[mb][cpu_ceil_div(a.cells, VL)](&a);
    }
    for (int64_t m = 0; k->post.n > 0 && m < mb; m++)
      CVK_ISA_FN(post_apply)(&k->post, j->y + at + m * plane, s->out[2], at + m * plane, j->in);
  }
}

/* Output (m, oh, ox) of an image by the definition: padding enters no product. In double, as an error of one rounding is well within the
 * bound.
 */
static float exact_cell(const plain_job *j, int64_t image, int64_t m, int64_t oh, int64_t ox) {
  const conv_shape *s = &j->k->s;
  const float *x = (const float *)j->in[0] + (image * s->c + m / s->mg * s->cg) * s->in[1] * s->in[2],
              *w = (const float *)j->in[1] + m * s->cg * s->taps;
  const int64_t y0 = oh * s->stride[1] - s->pad[1], x0 = ox * s->stride[2] - s->pad[2];
  int64_t kh0, kh1, kw0, kw1;
  double sum = 0;
  conv_valid_taps(s, 1, oh, &kh0, &kh1);
  conv_valid_taps(s, 2, ox, &kw0, &kw1);
  for (int64_t c = 0; c < s->cg; c++)
    for (int64_t kh = kh0; kh < kh1; kh++)
      for (int64_t kw = kw0; kw < kw1; kw++)
        sum += (double)x[(c * s->in[1] + y0 + kh * s->dilation[1]) * s->in[2] + x0 + kw * s->dilation[2]] *
               (double)w[(c * s->kernel[1] + kh) * s->kernel[2] + kw];
  return (float)sum + (s->has_bias ? ((const float *)j->in[2])[m] : 0.0f);
}

static void exact_row(const plain_job *j, int64_t image, int64_t oh) {
  const plain_kernel *k = j->k;
  const conv_shape *s = &k->s;
  for (int64_t m = 0; m < s->m; m++) {
    const int64_t at = ((image * s->m + m) * s->out[1] + oh) * s->out[2];
    for (int64_t ox = 0; ox < s->out[2]; ox++) j->y[at + ox] = exact_cell(j, image, m, oh, ox);
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
  const int64_t image = index / k->g.bands, r0 = index % k->g.bands * k->g.band, r1 = cpu_min(s->out[1], r0 + k->g.band);
  const float *x = (const float *)j->in[0] + image * s->c * s->in[1] * s->in[2];
  float *slot = j->workspace + worker * k->g.slot;
  int64_t in0, in1;
  if (!j->w) {
    for (int64_t oh = r0; oh < r1; oh++) exact_row(j, image, oh);
    return;
  }
  rows_read(s, r0, r1, &in0, &in1);
  for (int64_t c = 0; c < s->c; c++)
    for (int64_t row = in0; row < in1; row++)
      copy_row(s, k->g.width, x + (c * s->in[1] + row) * s->in[2], slot + c * k->g.channel + (row - in0) * k->g.row);
  for (int64_t oh = r0; oh < r1; oh++) run_row(j, slot, image, oh, in0);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const plain_kernel *k = (const plain_kernel *)kernel;
  const conv_shape *s = &k->s;
  plain_job job = {k, in, kernel->pack[1] ? kernel->pack[1]->data : NULL, out[0], workspace};
  if (!kernel->pack[1]) {
    job.workspace += packed_floats(s);
    if (weights_finite(in[1], s->m * s->cg * s->taps)) {
      pack_weights(s, k->g.mb, in[1], workspace);
      job.w = workspace;
    }
  }
  cpu_parallel(kernel->device, s->n * k->g.bands, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_plain_row) = {.name = CVK_ISA_ROW("conv_plain"),
                                            .kind = CVK_OP_CONV,
                                            .takes_post = 1,
                                            .accepts = accepts,
                                            .prepare = prepare,
                                            .execute = execute,
                                            .pack = pack};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_reference.c: see conv_reference.h. */
#include "conv_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"

static int64_t or_one(int64_t v) {
  return v ? v : 1;
}

static float *values(int64_t n, uint32_t seed, int positive) {
  float *p = malloc((size_t)n * sizeof *p + 1);
  run_fill(p, n, seed, positive);
  return p;
}

static int64_t out_extent(const conv_case *cc, int32_t i) {
  const int64_t reach = (cc->kernel[i] - 1) * cc->dilation[i] + 1;
  if (cc->transpose) return (cc->in[i] - 1) * cc->stride[i] + cc->output_padding[i] + reach - cc->pad_begin[i] - cc->pad_end[i];
  return (cc->in[i] + cc->pad_begin[i] + cc->pad_end[i] - reach) / cc->stride[i] + 1;
}

/* The case with three spatial axes. */
static conv_case three_axes(const conv_case *from) {
  const int32_t spatial = from->spatial ? from->spatial : 2;
  conv_case cc = *from;
  cc.group = or_one(cc.group);
  for (int32_t i = 0; i < 3; i++) {
    const int32_t f = i - (3 - spatial), has = f >= 0;
    cc.in[i] = has ? from->in[f] : 1;
    cc.kernel[i] = has ? from->kernel[f] : 1;
    cc.stride[i] = has ? or_one(from->stride[f]) : 1;
    cc.dilation[i] = has ? or_one(from->dilation[f]) : 1;
    cc.pad_begin[i] = has ? from->pad_begin[f] : 0;
    cc.pad_end[i] = has ? from->pad_end[f] : 0;
    cc.output_padding[i] = has ? from->output_padding[f] : 0;
  }
  cc.spatial = spatial;
  return cc;
}

static double post(const conv_data *d, double v, int64_t at) {
  const double r = d->residual ? (double)d->residual[at] : 0;
  switch (d->cc.chain) {
    case 1:
      return v < 0 ? 0 : v;
    case 2:
      return v + r < 0 ? 0 : v + r;
    case 3:
      return v < -0.25 ? -0.25 : v > 0.5 ? 0.5 : v;
    case 4:
      return (v < 0 ? 0 : v) + r;
    case 5:
      return 1 / (1 + exp(-v));
    case 6:
      return tanh((v < 0 ? (double)0.1f * v : v) + r);
    default:
      return v;
  }
}

/* Adds one product of the sum of output (n, m, o). */
static void add(double *sum, double *bound, double x, double w) {
  *sum += x * w;
  *bound += fabs(x * w);
}

static void reference(conv_data *d, const conv_case *cc, const int64_t *out) {
  const int64_t cg = cc->c / cc->group, mg = cc->m / cc->group, taps = cc->kernel[0] * cc->kernel[1] * cc->kernel[2];
  int64_t at = 0;
  for (int64_t n = 0; n < cc->n; n++)
    for (int64_t m = 0; m < cc->m; m++)
      for (int64_t o = 0; o < out[0] * out[1] * out[2]; o++, at++) {
        const int64_t cell[3] = {o / out[2] / out[1], o / out[2] % out[1], o % out[2]};
        double sum = d->b ? (double)d->b[m] : 0, bound = fabs(sum);
        for (int64_t c = 0; c < cg; c++)
          for (int64_t tap = 0; tap < taps; tap++) {
            const int64_t k[3] = {tap / cc->kernel[2] / cc->kernel[1], tap / cc->kernel[2] % cc->kernel[1], tap % cc->kernel[2]};
            int64_t in[3];
            int inside = 1;
            for (int i = 0; i < 3; i++) {
              const int64_t reach = k[i] * cc->dilation[i];
              const int64_t p = cc->transpose ? cell[i] + cc->pad_begin[i] - reach : cell[i] * cc->stride[i] - cc->pad_begin[i] + reach;
              in[i] = cc->transpose ? p / cc->stride[i] : p;
              if (p < 0 || in[i] >= cc->in[i] || (cc->transpose && p % cc->stride[i])) inside = 0;
            }
            if (!inside) continue;
            const int64_t channel = m / mg * cg + c;
            const double x = (double)d->x[(((n * cc->c + channel) * cc->in[0] + in[0]) * cc->in[1] + in[1]) * cc->in[2] + in[2]];
            const double w = (double)(cc->transpose ? d->w[(channel * mg + m % mg) * taps + tap] : d->w[(m * cg + c) * taps + tap]);
            add(&sum, &bound, x, w);
          }
        d->want[at] = post(d, sum, at);
        d->bound[at] = bound + fabs(d->residual ? (double)d->residual[at] : 0) + (cc->chain > 4 ? 1 : 0);
      }
}

static void chain(conv_data *d) {
  static const int32_t kinds[7][3] = {{0},
                                      {CVK_OP_RELU},
                                      {CVK_OP_ADD, CVK_OP_RELU},
                                      {CVK_OP_CLIP},
                                      {CVK_OP_RELU, CVK_OP_ADD},
                                      {CVK_OP_SIGMOID},
                                      {CVK_OP_LEAKY_RELU, CVK_OP_ADD, CVK_OP_TANH}};
  int32_t adds = 0;
  for (int i = 0; i < 3 && kinds[d->cc.chain][i]; i++) {
    const int32_t kind = kinds[d->cc.chain][i];
    d->post_attr[i] = (cvk_unary_attr){.struct_size = sizeof d->post_attr[i], .alpha = kind == CVK_OP_CLIP ? -0.25f : 0.1f, .beta = 0.5f};
    d->op.post[d->op.n_post++] =
        (cvk_post_op){.kind = kind, .input = kind == CVK_OP_ADD ? 3 : -1, .attr = kind == CVK_OP_ADD ? NULL : &d->post_attr[i]};
    adds |= kind == CVK_OP_ADD;
  }
  if (!adds) return;
  d->residual = values(d->y_count, 5, 0);
  d->op.n_in = 4;
  d->op.in[3] = d->op.out[0];
  d->op.in_data[3] = d->residual;
}

static int channel_scale(int64_t channel) {
  return (int)(channel * 41 % 121) - 60;
}

void conv_data_make(const conv_case *from, conv_data *d) {
  const conv_case cc = three_axes(from);
  const int32_t spatial = cc.spatial, rank = spatial + 2;
  const int64_t taps = cc.kernel[0] * cc.kernel[1] * cc.kernel[2], cells = cc.in[0] * cc.in[1] * cc.in[2];
  int64_t out[3], x_dim[5] = {cc.n, cc.c}, w_dim[5] = {cc.m, cc.c / cc.group}, y_dim[5] = {cc.n, cc.m};
  *d = (conv_data){.cc = cc, .attr = {.struct_size = sizeof d->attr, .group = cc.group}};
  if (cc.transpose) w_dim[0] = cc.c, w_dim[1] = cc.m / cc.group;
  for (int32_t i = 0; i < 3; i++) out[i] = out_extent(&cc, i);
  for (int32_t i = 0; i < spatial; i++) {
    const int32_t f = 3 - spatial + i;
    x_dim[2 + i] = cc.in[f];
    w_dim[2 + i] = d->attr.kernel[i] = cc.kernel[f];
    y_dim[2 + i] = out[f];
    d->attr.stride[i] = cc.stride[f];
    d->attr.dilation[i] = cc.dilation[f];
    d->attr.pad_begin[i] = cc.pad_begin[f];
    d->attr.pad_end[i] = cc.pad_end[f];
    d->attr.output_padding[i] = cc.output_padding[f];
  }
  d->y_count = cc.n * cc.m * out[0] * out[1] * out[2];
  d->x = values(cc.n * cc.c * cells, 1, cc.positive);
  d->w = values(cc.m * cc.c / cc.group * taps, 2, cc.positive);
  d->b = cc.bias ? values(cc.m, 3, 0) : NULL;
  d->y = values(d->y_count, 4, 0);
  d->want = malloc((size_t)d->y_count * sizeof *d->want + 1);
  d->bound = malloc((size_t)d->y_count * sizeof *d->bound + 1);
  for (int64_t i = 0; cc.scaled && i < cc.n * cc.c * cells; i++) d->x[i] = ldexpf(d->x[i], channel_scale(i / cells % cc.c));
  for (int64_t i = 0; cc.scaled && i < cc.m * (cc.c / cc.group) * taps; i++)
    d->w[i] = ldexpf(d->w[i], -channel_scale(i / taps % (cc.c / cc.group)));
  for (int64_t i = 0; cc.w_inf == 1 && i < cc.m * cc.c / cc.group; i++) d->w[i * taps] = INFINITY;
  if (cc.w_inf == 2) d->w[taps - 1] = NAN;
  if (cc.x_special) d->x[cells / 3] = NAN, d->x[cells * cc.c / 2] = INFINITY;
  d->op = (run_op){.kind = cc.transpose ? CVK_OP_CONV_TRANSPOSE : CVK_OP_CONV, .n_in = 3, .n_out = 1, .attr = &d->attr};
  d->op.in[0] = run_desc(CVK_F32, rank, x_dim);
  d->op.in[1] = run_desc(CVK_F32, rank, w_dim);
  d->op.in[2] = run_desc(CVK_F32, 1, &cc.m);
  if (!d->b) d->op.in[2].rank = -1;
  d->op.out[0] = run_desc(CVK_F32, rank, y_dim);
  d->op.in_data[0] = d->x;
  d->op.in_data[1] = d->w;
  d->op.in_data[2] = d->b;
  d->op.out_data[0] = d->y;
  chain(d);
  reference(d, &cc, out);
}

/* Adds the products of gw and gb that cell `o` of gy[n][m] takes part in. */
static void add_cell(conv_data *d, const conv_case *cc, const int64_t *out, int64_t n, int64_t m, int64_t o) {
  const int64_t cg = cc->c / cc->group, mg = cc->m / cc->group, taps = cc->kernel[0] * cc->kernel[1] * cc->kernel[2];
  const int64_t cell[3] = {o / out[2] / out[1], o / out[2] % out[1], o % out[2]};
  const double g = (double)d->w[(n * cc->m + m) * out[0] * out[1] * out[2] + o];
  if (cc->bias) add(&d->want[cc->m * cg * taps + m], &d->bound[cc->m * cg * taps + m], 1, g);
  for (int64_t tap = 0; tap < taps; tap++) {
    const int64_t k[3] = {tap / cc->kernel[2] / cc->kernel[1], tap / cc->kernel[2] % cc->kernel[1], tap % cc->kernel[2]};
    int64_t in[3];
    int inside = 1;
    for (int i = 0; i < 3; i++) {
      in[i] = cell[i] * cc->stride[i] - cc->pad_begin[i] + k[i] * cc->dilation[i];
      if (in[i] < 0 || in[i] >= cc->in[i]) inside = 0;
    }
    for (int64_t c = 0; inside && c < cg; c++) {
      const double x = (double)d->x[(((n * cc->c + m / mg * cg + c) * cc->in[0] + in[0]) * cc->in[1] + in[1]) * cc->in[2] + in[2]];
      add(&d->want[(m * cg + c) * taps + tap], &d->bound[(m * cg + c) * taps + tap], x, g);
    }
  }
}

void conv_grad_data_make(const conv_case *from, conv_data *d) {
  const conv_case cc = three_axes(from);
  const int32_t spatial = cc.spatial, rank = spatial + 2;
  const int64_t cells = cc.in[0] * cc.in[1] * cc.in[2];
  int64_t out[3], x_dim[5] = {cc.n, cc.c}, gw_dim[5] = {cc.m, cc.c / cc.group}, gy_dim[5] = {cc.n, cc.m}, weights = cc.m * (cc.c / cc.group);
  *d = (conv_data){.cc = cc, .attr = {.struct_size = sizeof d->attr, .group = cc.group}};
  for (int32_t i = 0; i < 3; i++) {
    out[i] = out_extent(&cc, i);
    weights *= cc.kernel[i];
  }
  for (int32_t i = 0; i < spatial; i++) {
    const int32_t f = 3 - spatial + i;
    x_dim[2 + i] = cc.in[f];
    gw_dim[2 + i] = d->attr.kernel[i] = cc.kernel[f];
    gy_dim[2 + i] = out[f];
    d->attr.stride[i] = cc.stride[f];
    d->attr.dilation[i] = cc.dilation[f];
    d->attr.pad_begin[i] = cc.pad_begin[f];
    d->attr.pad_end[i] = cc.pad_end[f];
  }
  const int64_t out_cells = out[0] * out[1] * out[2];
  d->y_count = weights + (cc.bias ? cc.m : 0);
  d->x = values(cc.n * cc.c * cells, 1, cc.positive);
  d->w = values(cc.n * cc.m * out_cells, 2, cc.positive);
  d->y = values(d->y_count, 4, 0);
  d->want = calloc((size_t)d->y_count + 1, sizeof *d->want);
  d->bound = calloc((size_t)d->y_count + 1, sizeof *d->bound);
  for (int64_t i = 0; cc.w_inf && i < cc.n * cc.m; i++) d->w[i * out_cells] = INFINITY;
  if (cc.x_special) d->x[cells / 3] = NAN, d->x[cells * cc.c / 2] = INFINITY;
  d->op = (run_op){.kind = CVK_OP_CONV_GRAD_WEIGHT, .n_in = 2, .n_out = cc.bias ? 2 : 1, .attr = &d->attr};
  d->op.in[0] = run_desc(CVK_F32, rank, x_dim);
  d->op.in[1] = run_desc(CVK_F32, rank, gy_dim);
  d->op.out[0] = run_desc(CVK_F32, rank, gw_dim);
  d->op.out[1] = run_desc(CVK_F32, 1, &cc.m);
  d->op.in_data[0] = d->x;
  d->op.in_data[1] = d->w;
  d->op.out_data[0] = d->y;
  d->op.out_data[1] = d->y + weights;
  for (int64_t i = 0; i < cc.n * cc.m * out_cells; i++) add_cell(d, &cc, out, i / out_cells / cc.m, i / out_cells % cc.m, i % out_cells);
}

static int64_t first_bad(const conv_data *d, double k) {
  for (int64_t i = 0; i < d->y_count; i++) {
    const double y = (double)d->y[i], want = d->want[i];
    if (isnan(want) ? !isnan(y) : isinf(want) ? y != want : !(fabs(y - want) <= k * 0x1p-24 * d->bound[i])) return i;
  }
  return -1;
}

void conv_data_free(conv_data *d) {
  free(d->x), free(d->w), free(d->b), free(d->residual), free(d->y), free(d->want), free(d->bound);
}

const char *conv_case_text(const conv_case *cc) {
  static char text[256];
  snprintf(text, sizeof text, "%dx %lld->%lld in %lldx%lldx%lld kernel %lldx%lldx%lld stride %lld,%lld pads %lld+%lld group %lld chain %d",
           (int)cc->n, (long long)cc->c, (long long)cc->m, (long long)cc->in[0], (long long)cc->in[1], (long long)cc->in[2],
           (long long)cc->kernel[0], (long long)cc->kernel[1], (long long)cc->kernel[2], (long long)cc->stride[0], (long long)cc->stride[1],
           (long long)cc->pad_begin[1], (long long)cc->pad_end[1], (long long)cc->group, cc->chain);
  return text;
}

void conv_data_expect(const conv_data *d, const char *row, double k) {
  const int64_t bad = first_bad(d, k);
  ck_assert_msg(bad < 0, "%s: %s: output %lld is %.9g, want %.9g, off by %.2f of the bound's unit", row, conv_case_text(&d->cc), (long long)bad,
                (double)d->y[bad], d->want[bad], fabs((double)d->y[bad] - d->want[bad]) / (0x1p-24 * d->bound[bad]));
}

void conv_check_cases(const conv_case *cases, size_t n, int (*check)(const conv_case *cc, const char *isa)) {
  int ran = 0;
  for (int i = 0; mini_host_caps[i]; i++)
    for (size_t k = 0; k < n; k++) ran += check(&cases[k], mini_host_caps[i]);
  ck_assert_int_gt(ran, 0);
}

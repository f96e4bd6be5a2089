/* SPDX-License-Identifier: Apache-2.0 */
/* conv_case.c: see conv_case.h. */
#include "conv_case.h"

#include <math.h>
#include <stdlib.h>

typedef struct shape { /* always three spatial axes, leading ones 1 */
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
  int64_t in_group, out_group, pixels_in, pixels_out, taps;
} shape;

typedef struct data {
  float *x, *w, *bias, *addend, *y;
  double *ref, *bound;
} data;

static double activate(double v, int32_t kind) {
  switch (kind) {
    case CVK_OP_RELU:
      return v < 0 ? 0 : v;
    case CVK_OP_LEAKY_RELU:
      return v < 0 ? 0.25 * v : v;
    case CVK_OP_SWISH:
      return v / (1 + exp(-v));
    case CVK_OP_CLIP:
      return fmin(fmax(v, -0.5), 0.5);
    case CVK_OP_TANH:
      return tanh(v);
    default:
      return v;
  }
}

static void read_shape(const conv_case *c, int transpose, shape *s, cvk_conv_attr *attr) {
  *s = (shape){.in_group = c->channels_in / c->group, .out_group = c->channels_out / c->group, .pixels_in = 1, .pixels_out = 1, .taps = 1};
  *attr = (cvk_conv_attr){.struct_size = sizeof *attr, .group = c->group};
  for (int32_t i = 0; i < 3; i++) {
    const int32_t d = i - (3 - c->spatial);
    s->in[i] = s->out[i] = s->kernel[i] = s->stride[i] = s->dilation[i] = 1;
    if (d >= 0) {
      const int64_t stride = c->stride[d] ? c->stride[d] : 1, dilation = c->dilation[d] ? c->dilation[d] : 1;
      const int64_t pads = c->pad_begin[d] + c->pad_end[d], reach = (c->kernel[d] - 1) * dilation;
      s->in[i] = c->in[d];
      s->kernel[i] = c->kernel[d];
      s->stride[i] = attr->stride[d] = stride;
      s->dilation[i] = attr->dilation[d] = dilation;
      s->pad[i] = attr->pad_begin[d] = c->pad_begin[d];
      attr->pad_end[d] = c->pad_end[d];
      attr->kernel[d] = c->kernel[d];
      attr->output_padding[d] = c->out_pad[d];
      s->out[i] = transpose ? (c->in[d] - 1) * stride + reach + 1 - pads + c->out_pad[d] : (c->in[d] + pads - reach - 1) / stride + 1;
    }
    s->pixels_in *= s->in[i];
    s->pixels_out *= s->out[i];
    s->taps *= s->kernel[i];
  }
}

/* Adds one product to its output, when the output pixel exists. */
static void meet(data *d, int64_t y_at, float x, float w) {
  d->ref[y_at] += (double)x * w;
  d->bound[y_at] += fabs((double)x * w);
}

/* Calls meet for each (output, input, tap). For a transposed convolution `in` and `out` of the spatial rule change places. */
static void reference(const conv_case *c, const shape *s, int transpose, data *d) {
  const int64_t *wide = transpose ? s->out : s->in, *narrow = transpose ? s->in : s->out;
  const int64_t narrow_pixels = narrow[0] * narrow[1] * narrow[2];
  for (int64_t p = 0; p < narrow_pixels * s->taps; p++) {
    const int64_t pixel = p / s->taps, tap = p % s->taps;
    const int64_t at[3] = {pixel / (narrow[1] * narrow[2]), pixel / narrow[2] % narrow[1], pixel % narrow[2]};
    const int64_t k[3] = {tap / (s->kernel[1] * s->kernel[2]), tap / s->kernel[2] % s->kernel[1], tap % s->kernel[2]};
    int64_t other = 0;
    int inside = 1;
    for (int32_t i = 0; i < 3; i++) {
      const int64_t v = at[i] * s->stride[i] - s->pad[i] + k[i] * s->dilation[i];
      inside = inside && v >= 0 && v < wide[i];
      other = other * wide[i] + v;
    }
    if (!inside) continue;
    const int64_t in_pixel = transpose ? pixel : other, out_pixel = transpose ? other : pixel;
    for (int64_t n = 0; n < c->batch; n++)
      for (int64_t o = 0; o < c->channels_out; o++)
        for (int64_t i = 0; i < s->in_group; i++) {
          const int64_t g = o / s->out_group, in = g * s->in_group + i;
          const float w =
              transpose ? d->w[(in * s->out_group + o % s->out_group) * s->taps + tap] : d->w[(o * s->in_group + i) * s->taps + tap];
          meet(d, (n * c->channels_out + o) * s->pixels_out + out_pixel, d->x[(n * c->channels_in + in) * s->pixels_in + in_pixel], w);
        }
  }
}

static float *fresh(int64_t n, uint32_t seed) {
  float *p = malloc((size_t)n * sizeof *p + 4);
  mini_random(p, n, seed);
  return p;
}

static mini_tensor tensor(const conv_case *c, int64_t n, int64_t channels, const int64_t *spatial, float *values) {
  mini_tensor t = {.dtype = CVK_F32, .rank = 2 + c->spatial, .dim = {n, channels}, .data = values};
  for (int32_t i = 0; i < c->spatial; i++) t.dim[2 + i] = spatial[3 - c->spatial + i];
  return t;
}

int32_t conv_transpose_offers(const char *row, const conv_case *c) {
  shape s;
  cvk_conv_attr attr;
  read_shape(c, 1, &s, &attr);
  float *w = fresh(c->channels_in * s.out_group * s.taps, 2);
  mini_op op = {.kind = CVK_OP_CONV_TRANSPOSE, .attr = &attr, .n_in = 2, .n_out = 1};
  op.in[0] = tensor(c, c->batch, c->channels_in, s.in, w); /* not read */
  op.in[1] = tensor(c, c->channels_in, s.out_group, s.kernel, w);
  op.in[1].constant = 1;
  op.out[0] = tensor(c, c->batch, c->channels_out, s.out, w);
  const int32_t yes = mini_offers(row, &op);
  free(w);
  return yes;
}

static void check(const char *row, const conv_case *c, int transpose) {
  shape s;
  cvk_conv_attr attr;
  read_shape(c, transpose, &s, &attr);
  const int64_t n_x = c->batch * c->channels_in * s.pixels_in, n_y = c->batch * c->channels_out * s.pixels_out;
  const int64_t n_w = (transpose ? c->channels_in * s.out_group : c->channels_out * s.in_group) * s.taps;
  data d = {fresh(n_x, 1),
            fresh(n_w, 2),
            fresh(c->channels_out, 3),
            fresh(n_y, 4),
            fresh(n_y, 5),
            calloc((size_t)n_y + 1, 8),
            calloc((size_t)n_y + 1, 8)};
  if (c->infinite_weights) /* the corner tap of each channel, which only meets the pad */
    for (int64_t i = 0; i < n_w; i += s.taps) d.w[i] = INFINITY;
  if (c->infinite_pixel) d.x[s.pixels_in / 2] = INFINITY;
  for (int64_t i = 0; i < n_y && !c->no_bias; i++) {
    const float bias = d.bias[i / s.pixels_out % c->channels_out];
    d.ref[i] = bias;
    d.bound[i] = fabs(bias);
  }
  reference(c, &s, transpose, &d);

  static const cvk_unary_attr clip = {.struct_size = sizeof clip, .alpha = -0.5f, .beta = 0.5f};
  static const cvk_unary_attr leaky = {.struct_size = sizeof leaky, .alpha = 0.25f};
  static const cvk_unary_attr swish = {.struct_size = sizeof swish, .alpha = 1};
  cvk_post_op post[3];
  mini_op op = {.kind = transpose ? CVK_OP_CONV_TRANSPOSE : CVK_OP_CONV, .attr = &attr, .n_in = 3, .n_out = 1};
  op.in[0] = tensor(c, c->batch, c->channels_in, s.in, d.x);
  op.in[1] = tensor(c, transpose ? c->channels_in : c->channels_out, transpose ? s.out_group : s.in_group, s.kernel, d.w);
  op.in[1].constant = !c->run_time_weights;
  op.in[2] = mini_f32(1, &c->channels_out, c->no_bias ? NULL : d.bias);
  op.in[2].constant = 1;
  op.out[0] = tensor(c, c->batch, c->channels_out, s.out, d.y);
  const int32_t chain[3] = {c->activation0, c->add ? CVK_OP_ADD : 0, c->activation1};
  for (int32_t i = 0; i < 3; i++) {
    if (!chain[i]) continue;
    post[op.n_post] = (cvk_post_op){.struct_size = sizeof post[0],
                                    .kind = chain[i],
                                    .input = -1,
                                    .attr = chain[i] == CVK_OP_SWISH  ? &swish
                                            : chain[i] == CVK_OP_CLIP ? &clip
                                                                      : &leaky};
    if (chain[i] == CVK_OP_ADD) {
      post[op.n_post].input = op.n_in;
      op.in[op.n_in] = op.out[0];
      op.in[op.n_in++].data = d.addend;
    }
    op.post[op.n_post] = &post[op.n_post];
    op.n_post++;
  }
  mini_must_run(row, &op);
  for (int64_t i = 0; i < n_y; i++) {
    double want = activate(d.ref[i], c->activation0), bound = (c->winograd ? 64 : 4) * MINI_EPS * d.bound[i];
    if (c->add) want += d.addend[i];
    want = activate(want, c->activation1);
    if (c->activation0 || c->add || c->activation1) bound += 4 * MINI_EPS * (fabs(want) + 1);
    if (isnan(want) ? isnan(d.y[i]) : isinf(want) && d.y[i] == want) continue;
    ck_assert_msg(fabs(d.y[i] - want) <= bound,
                  "%s: %lldx%lld->%lld channels, in %lldx%lld, kernel %lldx%lld: y[%lld] = %.9g, want %.9g +- %.2g", row,
                  (long long)c->batch, (long long)c->channels_in, (long long)c->channels_out, (long long)s.in[1], (long long)s.in[2],
                  (long long)s.kernel[1], (long long)s.kernel[2], (long long)i, d.y[i], want, bound);
  }
  free(d.x);
  free(d.w);
  free(d.bias);
  free(d.addend);
  free(d.y);
  free(d.ref);
  free(d.bound);
}

void conv_check(const char *row, const conv_case *c) {
  check(row, c, 0);
}
void conv_transpose_check(const char *row, const conv_case *c) {
  check(row, c, 1);
}

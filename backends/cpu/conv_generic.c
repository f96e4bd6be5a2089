/* SPDX-License-Identifier: Apache-2.0 */
/* conv_generic: the convolution of last resort: plain tensors, 1 to 3 axes, any groups, stride, dilation and pads, weights read as they
 * are. A task is one output row of up to MB output channels; it goes along the row in SPAN cells with all of their sums in registers. Taps
 * that miss the input for some lanes are blended in, so padding never enters a product. */
#include "conv_shape.h"
#include "post_apply.h"

enum { MB = V_REGISTERS == 32 ? 8 : 4, SPAN = 2 * VL };

typedef struct generic_kernel {
  cpu_kernel base;
  conv_shape s;
  cpu_post post;
  int64_t groups_m; /* tasks a group's channels make */
  double ns;
} generic_kernel;

typedef struct generic_job {
  const generic_kernel *k;
  const void *const *in;
  float *y;
} generic_job;

/* Channels left over from blocks of MB go one by one, and each waits for its own sums. */
static double estimate(const cpu_device *device, const conv_shape *s) {
  const double lanes = (double)s->out[2] / (double)(cpu_max(1, cpu_ceil_div(s->out[2], SPAN)) * SPAN), used = lanes > 0.05 ? lanes : 0.05;
  const double alone = s->mg ? (double)(s->mg % MB) / (double)s->mg : 0, products = conv_multiply_adds(s);
  return cpu_ns_compute(device, products * (1 - alone), 0.3 * used) + cpu_ns_compute(device, products * alone, 0.03 * used);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  c->estimated_ns = estimate(device, &s);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  generic_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_generic: %s", why.text);
  }
  CVK_ISA_FN(post_bind)(&k->post);
  k->groups_m = cpu_ceil_div(k->s.mg, MB);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* Cells [lo, hi) of a span from ox on whose input cell at tap kw exists. */
static void valid_lanes(const conv_shape *s, int64_t ox, int64_t n, int64_t kw, int64_t *lo, int64_t *hi) {
  const int64_t first = ox * s->stride[2] - s->pad[2] + kw * s->dilation[2];
  *lo = first >= 0 ? 0 : cpu_min(n, cpu_ceil_div(-first, s->stride[2]));
  *hi = first >= s->in[2] ? 0 : cpu_min(n, cpu_ceil_div(s->in[2] - first, s->stride[2]));
  if (*hi < *lo) *hi = *lo;
}

/* Lanes lo..hi-1 (as far as they are lanes) of row[at], row[at + stride], ...; cells of other lanes may lie outside the tensor. */
VI vf load_lanes(const float *row, int64_t at, int64_t stride, int64_t lo, int64_t hi) {
  const int64_t first = cpu_max(lo, 0), n = cpu_min(hi, VL) - first;
  if (n == VL) return stride == 1 ? v_load(row + at) : v_load_strided(row + at, stride);
  if (n <= 0) return v_zero();
  const vf x = stride == 1 ? v_load_n(row + at + first, n) : v_load_strided_n(row + at + first * stride, stride, n);
  if (first == 0) return x;
  float t[2 * VL] = {0};
  v_store(t + first, x);
  return v_load(t);
}

VI vm lane_range(int64_t lo, int64_t hi) {
  return vm_and(v_mask_n(cpu_max(0, cpu_min(hi, VL))), vm_not(v_mask_n(cpu_max(0, cpu_min(lo, VL)))));
}

/* Moves the sums in registers to sum. */
VI void add_sums(const int MBC, vf (*acc)[2], float (*sum)[SPAN]) {
#pragma GCC unroll 8
  for (int m = 0; m < MBC; m++)
#pragma GCC unroll 2
    for (int v = 0; v < 2; v++) {
      v_store(&sum[m][v * VL], v_add(v_load(&sum[m][v * VL]), acc[m][v]));
      acc[m][v] = v_zero();
    }
}

/* Adds input channels c0..c1-1 of n <= SPAN cells from (od, oh, ox) on, for MBC channels from w on, to sum[MBC][SPAN]. */
VI void span(const int MBC, const int UNIT, const conv_shape *s, const float *x, const float *w, int64_t od, int64_t oh, int64_t ox,
             int64_t n, int64_t c0, int64_t c1, float (*sum)[SPAN]) {
  const int64_t w_m = s->cg * s->taps, stride = UNIT ? 1 : s->stride[2];
  const int64_t chain = w_m <= 64    ? 8
                        : w_m <= 192 ? V_SHORT_CHAIN
                                     : V_CHAIN; /* near where the errors are least: the cube root of w_m^2 / 2 */
  int64_t d0, d1, h0, h1, products = 0;
  vf acc[MB][2];
  conv_valid_taps(s, 0, od, &d0, &d1);
  conv_valid_taps(s, 1, oh, &h0, &h1);
#pragma GCC unroll 8
  for (int m = 0; m < MBC; m++) acc[m][0] = acc[m][1] = v_zero();
  for (int64_t kw = 0; kw < s->kernel[2]; kw++) {
    const int64_t at = ox * stride - s->pad[2] + kw * s->dilation[2];
    int64_t lo, hi;
    valid_lanes(s, ox, n, kw, &lo, &hi);
    if (lo >= hi) continue;
    const int32_t full = lo == 0 && hi == SPAN;
    const vm m0 = lane_range(lo, hi), m1 = lane_range(lo - VL, hi - VL);
    for (int64_t c = c0; c < c1; c++)
      for (int64_t kd = d0; kd < d1; kd++) {
        const int64_t id = od * s->stride[0] - s->pad[0] + kd * s->dilation[0];
        for (int64_t kh = h0; kh < h1; kh++) {
          const int64_t ih = oh * s->stride[1] - s->pad[1] + kh * s->dilation[1];
          const float *row = x + ((c * s->in[0] + id) * s->in[1] + ih) * s->in[2];
          const float *tap = w + ((c * s->kernel[0] + kd) * s->kernel[1] + kh) * s->kernel[2] + kw;
          if (full) {
            const vf x0 = UNIT ? v_load(row + at) : v_load_strided(row + at, stride);
            const vf x1 = UNIT ? v_load(row + at + VL) : v_load_strided(row + at + VL * stride, stride);
#pragma GCC unroll 8
            for (int m = 0; m < MBC; m++) {
              const vf wm = v_set1(tap[m * w_m]);
              acc[m][0] = v_fma(x0, wm, acc[m][0]);
              acc[m][1] = v_fma(x1, wm, acc[m][1]);
            }
          } else {
            const vf x0 = load_lanes(row, at, stride, lo, hi), x1 = load_lanes(row, at + VL * stride, stride, lo - VL, hi - VL);
#pragma GCC unroll 8
            for (int m = 0; m < MBC; m++) {
              const vf wm = v_set1(tap[m * w_m]);
              acc[m][0] = v_sel(m0, v_fma(x0, wm, acc[m][0]), acc[m][0]);
              acc[m][1] = v_sel(m1, v_fma(x1, wm, acc[m][1]), acc[m][1]);
            }
          }
          if (++products < chain) continue;
          products = 0;
          add_sums(MBC, acc, sum);
        }
      }
  }
  add_sums(MBC, acc, sum);
}

static void span_of(int64_t mb, const conv_shape *s, const float *x, const float *w, int64_t od, int64_t oh, int64_t ox, int64_t n,
                    float (*sum)[SPAN]) {
  const int64_t part = cpu_max(1, CPU_PART / s->taps);
  float lost[MB][SPAN], sums[MB][SPAN];
  memset(sum, 0, sizeof *sum * (size_t)mb);
  memset(lost, 0, sizeof *lost * (size_t)mb);
  for (int64_t c = 0; c < s->cg; c += part) {
    const int64_t end = cpu_min(s->cg, c + part);
    memset(sums, 0, sizeof *sums * (size_t)mb);
    if (mb == MB && s->stride[2] == 1)
      span(MB, 1, s, x, w, od, oh, ox, n, c, end, sums);
    else if (mb == MB)
      span(MB, 0, s, x, w, od, oh, ox, n, c, end, sums);
    else if (s->stride[2] == 1)
      for (int64_t m = 0; m < mb; m++) span(1, 1, s, x, w + m * s->cg * s->taps, od, oh, ox, n, c, end, sums + m);
    else
      for (int64_t m = 0; m < mb; m++) span(1, 0, s, x, w + m * s->cg * s->taps, od, oh, ox, n, c, end, sums + m);
    for (int64_t m = 0; m < mb; m++)
      for (int64_t v = 0; v < SPAN; v += VL) {
        vf total = v_load(&sum[m][v]), e = v_load(&lost[m][v]);
        v_add_to(&total, &e, v_load(&sums[m][v]));
        v_store(&sum[m][v], total);
        v_store(&lost[m][v], e);
      }
  }
  for (int64_t m = 0; m < mb; m++)
    for (int64_t v = 0; v < SPAN; v += VL) v_store(&sum[m][v], v_joined(v_load(&sum[m][v]), v_load(&lost[m][v])));
}

static void run(void *arg, int64_t index, int32_t worker) {
  const generic_job *j = arg;
  const generic_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t oh = index % s->out[1], od = index / s->out[1] % s->out[0], gm = index / s->out[1] / s->out[0] % k->groups_m;
  const int64_t ng = index / s->out[1] / s->out[0] / k->groups_m, n = ng / s->group, g = ng % s->group;
  const int64_t m0 = g * s->mg + gm * MB, mb = cpu_min(MB, s->mg - gm * MB), in_cells = s->in[0] * s->in[1] * s->in[2];
  const float *x = (const float *)j->in[0] + (n * s->c + g * s->cg) * in_cells;
  const float *w = (const float *)j->in[1] + m0 * s->cg * s->taps, *bias = s->has_bias ? (const float *)j->in[2] + m0 : NULL;
  float sum[MB][SPAN];
  (void)worker;
  for (int64_t ox = 0; ox < s->out[2]; ox += SPAN) {
    const int64_t cells = cpu_min(SPAN, s->out[2] - ox);
    span_of(mb, s, x, w, od, oh, ox, cells, sum);
    for (int64_t m = 0; m < mb; m++) {
      const int64_t at = (((n * s->m + m0 + m) * s->out[0] + od) * s->out[1] + oh) * s->out[2] + ox;
      float *y = j->y + at;
      const vf b = v_set1(bias ? bias[m] : 0.0f);
      for (int64_t v = 0; v * VL < cells; v++) v_store_n(y + v * VL, v_add(v_load(&sum[m][v * VL]), b), cpu_min(VL, cells - v * VL));
      if (k->post.n > 0)
        CVK_ISA_FN(post_apply)(&k->post, y, cells, at, j->in);
      else
        CVK_ISA_FN(post_fold)(&k->post, y, cells, at, j->in);
    }
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const generic_kernel *k = (const generic_kernel *)kernel;
  generic_job job = {k, in, out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, k->s.n * k->s.group * k->groups_m * k->s.out[0] * k->s.out[1], k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_generic_row) = {
    .name = CVK_ISA_ROW("conv_generic"), .kind = CVK_OP_CONV, .takes_post = 1, .accepts = accepts, .prepare = prepare, .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_weight_generic: CONV_GRAD_WEIGHT of any f32 shape on plain tensors: x, gy -> gw [M][C/group][taps], gb [M]. Lanes are
 * neighbouring cells of an output row; a tap takes exactly the cells that it has input for, so padding never enters a product. A task has
 * MB filters of one input channel and one kernel row; after the last of these, tasks sum MB channels of gy for the bias. */
#include <string.h>

#include "conv_grad_weight.h"

enum {
  MB = 4,
  TAPS = 8,   /* kernel columns that share a pass over an image */
  CHAIN = 32, /* products that a lane sums before they join a total */
};

typedef struct generic_kernel {
  cpu_kernel base;
  conv_shape s;
  double ns;
} generic_kernel;

typedef struct generic_job {
  const conv_shape *s;
  int64_t tiles_m, weight_tasks; /* tiles of filters a group */
  const float *x, *gy;
  float *gw, *gb;
} generic_job;

/* Sums of MB filters and what rounding has lost of them, a lane each. */
typedef struct filter_sums {
  float sum[MB * VL], lost[MB * VL];
} filter_sums;

/* A pass over a plane costs some time however small it is. */
static double estimate(const cpu_device *device, const conv_shape *s) {
  const double wide = (double)(cpu_ceil_div(s->out[2], VL) * VL + VL) / (double)cpu_max(s->out[2], 1);
  const double tile = (double)(cpu_ceil_div(s->mg, MB) * MB) / (double)cpu_max(s->mg, 1);
  const double planes =
      (double)s->n * (double)s->out[0] * (double)s->group * (double)cpu_ceil_div(s->mg, MB) * (double)s->cg * (double)s->taps;
  return 1e3 + 200 * planes + cpu_ns_compute(device, conv_multiply_adds(s) * wide * tile, s->stride[2] == 1 ? 0.2 : 0.06);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  (void)variant;
  if (!conv_grad_shape_read(op, &s, why)) return 0;
  c->estimated_ns = estimate(device, &s);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  generic_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_grad_shape_read(op, &k->s, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_grad_weight_generic: %s", why.text);
  }
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI vf load_cells(const float *p, int64_t stride, int64_t n) {
  if (stride == 1) return n == VL ? v_load(p) : v_load_n(p, n);
  return n == VL ? v_load_strided(p, stride) : v_load_strided_n(p, stride, n);
}

VI void flush(const int MBC, vf *acc, filter_sums *to) {
#pragma GCC unroll 4
  for (int m = 0; m < MBC; m++) {
    add_keeping(to->sum + m * VL, to->lost + m * VL, acc[m]);
    acc[m] = v_zero();
  }
}

/* Where the products of one tap lie in a plane: rows of cells. x NULL: gy is summed itself. */
typedef struct plane_args {
  const float *x, *gy;
  int64_t rows, cells, x_row, x_cell, gy_row, gy_filter;
} plane_args;

VI void plane(const int MBC, const int X, const plane_args *a, filter_sums *to) {
  vf acc[MB];
  int64_t chain = 0;
#pragma GCC unroll 4
  for (int m = 0; m < MBC; m++) acc[m] = v_zero();
  for (int64_t row = 0; row < a->rows; row++)
    for (int64_t i = 0; i < a->cells; i += VL) {
      const int64_t n = cpu_min(VL, a->cells - i);
      const float *gy = a->gy + row * a->gy_row + i;
      const vf x = X ? load_cells(a->x + row * a->x_row + i * a->x_cell, a->x_cell, n) : v_zero();
#pragma GCC unroll 4
      for (int m = 0; m < MBC; m++) {
        const vf g = load_cells(gy + m * a->gy_filter, 1, n);
        acc[m] = X ? v_fma(x, g, acc[m]) : v_add(acc[m], g);
      }
      if (++chain < CHAIN) continue;
      chain = 0;
      flush(MBC, acc, to);
    }
  flush(MBC, acc, to);
}

static void sum_plane(int64_t mb, const plane_args *a, filter_sums *to) {
  if (a->rows <= 0 || a->cells <= 0) return;
  if (mb == MB)
    plane(MB, 1, a, to);
  else if (mb == 3)
    plane(3, 1, a, to);
  else if (mb == 2)
    plane(2, 1, a, to);
  else
    plane(1, 1, a, to);
}

static float total(const filter_sums *sums, int64_t m) {
  return v_sum(v_joined(v_load(sums->sum + m * VL), v_load(sums->lost + m * VL)));
}

/* Kernel columns kw0 .. kw0 + taps of filters m .. m + mb and channel c of their group, in kernel row (kd, kh). */
static void sum_taps(const generic_job *j, int64_t m, int64_t mb, int64_t c, int64_t kd, int64_t kh, int64_t kw0, int64_t taps) {
  const conv_shape *s = j->s;
  const int64_t in_cells = s->in[0] * s->in[1] * s->in[2], out_cells = s->out[0] * s->out[1] * s->out[2];
  const int64_t channel = m / s->mg * s->cg + c;
  int64_t d0, d1, h0, h1, w0, w1;
  filter_sums sums[TAPS];
  memset(sums, 0, sizeof *sums * (size_t)taps);
  conv_valid_cells(s, 0, kd, &d0, &d1);
  conv_valid_cells(s, 1, kh, &h0, &h1);
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t od = d0; od < d1; od++)
      for (int64_t i = 0; i < taps; i++) {
        conv_valid_cells(s, 2, kw0 + i, &w0, &w1);
        const int64_t id = od * s->stride[0] - s->pad[0] + kd * s->dilation[0], ih = h0 * s->stride[1] - s->pad[1] + kh * s->dilation[1],
                      iw = w0 * s->stride[2] - s->pad[2] + (kw0 + i) * s->dilation[2];
        const plane_args a = {.x = j->x + (n * s->c + channel) * in_cells + (id * s->in[1] + ih) * s->in[2] + iw,
                              .gy = j->gy + (n * s->m + m) * out_cells + (od * s->out[1] + h0) * s->out[2] + w0,
                              .rows = h1 - h0,
                              .cells = w1 - w0,
                              .x_row = s->stride[1] * s->in[2],
                              .x_cell = s->stride[2],
                              .gy_row = s->out[2],
                              .gy_filter = out_cells};
        sum_plane(mb, &a, &sums[i]);
      }
  float *gw = j->gw + ((m * s->cg + c) * s->kernel[0] * s->kernel[1] + kd * s->kernel[1] + kh) * s->kernel[2] + kw0;
  for (int64_t i = 0; i < mb; i++)
    for (int64_t tap = 0; tap < taps; tap++) gw[i * s->cg * s->taps + tap] = total(&sums[tap], i);
}

static void sum_bias(const generic_job *j, int64_t m0) {
  const conv_shape *s = j->s;
  const int64_t out_cells = s->out[0] * s->out[1] * s->out[2];
  for (int64_t m = m0; m < cpu_min(s->m, m0 + MB); m++) {
    filter_sums sums = {{0}, {0}};
    for (int64_t n = 0; n < s->n; n++) {
      const plane_args a = {.gy = j->gy + (n * s->m + m) * out_cells, .rows = 1, .cells = out_cells};
      plane(1, 0, &a, &sums);
    }
    j->gb[m] = total(&sums, 0);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const generic_job *j = arg;
  const conv_shape *s = j->s;
  (void)worker;
  if (index >= j->weight_tasks) {
    sum_bias(j, (index - j->weight_tasks) * MB);
    return;
  }
  const int64_t kh = index % s->kernel[1], kd = index / s->kernel[1] % s->kernel[0], tile = index / s->kernel[1] / s->kernel[0];
  const int64_t c = tile % s->cg, in_group = tile / s->cg % j->tiles_m * MB, g = tile / s->cg / j->tiles_m;
  const int64_t mb = cpu_min(MB, s->mg - in_group);
  for (int64_t kw = 0; kw < s->kernel[2]; kw += TAPS)
    sum_taps(j, g * s->mg + in_group, mb, c, kd, kh, kw, cpu_min(TAPS, s->kernel[2] - kw));
}

void CVK_ISA_FN(conv_grad_weight_generic)(const cpu_device *device, const conv_shape *s, double ns, const float *x, const float *gy,
                                          float *gw, float *gb) {
  generic_job job = {.s = s, .tiles_m = cpu_ceil_div(s->mg, MB), .x = x, .gy = gy, .gw = gw, .gb = gb};
  job.weight_tasks = s->group * job.tiles_m * s->cg * s->kernel[0] * s->kernel[1];
  cpu_parallel(device, job.weight_tasks + (gb ? cpu_ceil_div(s->m, MB) : 0), ns, run, &job);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const generic_kernel *k = (const generic_kernel *)kernel;
  (void)workspace;
  CVK_ISA_FN(conv_grad_weight_generic)(kernel->device, &k->s, k->ns, in[0], in[1], out[0], k->s.has_bias ? out[1] : NULL);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_grad_weight_generic_row) = {.name = CVK_ISA_ROW("conv_grad_weight_generic"),
                                                          .kind = CVK_OP_CONV_GRAD_WEIGHT,
                                                          .accepts = accepts,
                                                          .prepare = prepare,
                                                          .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* conv_transpose: transposed convolution of plain tensors, 1 to 3 axes, any groups, stride, dilation and pads: what the blocked and the plain
 * row do not take. A task is one output row of one channel; it gathers: for each tap the output cells that a stride reaches form an arithmetic
 * series whose input cells are neighbours, so a tap is a vector multiply-add over the input row into a phase of the output row. Phases (output
 * cells equal modulo the stride) are kept apart in the workspace of the worker, then interleaved. Cells outside the input never enter a
 * product. */
#include "conv_shape.h"
#include "post_apply.h"

typedef struct transpose_kernel {
  cpu_kernel base;
  conv_shape s;
  cpu_post post;
  int64_t phase; /* cells kept of a phase */
  int64_t part;  /* input channels summed before they join the total: V_CHAIN products */
  double ns;
} transpose_kernel;

typedef struct transpose_job {
  const transpose_kernel *k;
  const void *const *in;
  float *rows, *y; /* rows: a worker's phases, three times: part, total and what the total lost */
} transpose_job;

/* Of the longest, in whole vectors. */
static int64_t phase_cells(const conv_shape *s) {
  return cpu_ceil_div(cpu_ceil_div(s->out[2], s->stride[2]), VL) * VL;
}

/* Of a worker; UINT64_MAX: too many. */
static uint64_t row_bytes(const conv_shape *s) {
  return cpu_product(4, (int64_t[]){3, s->stride[2], phase_cells(s), sizeof(float)});
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  conv_shape s;
  cpu_post post;
  (void)variant;
  if (!conv_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  const int64_t workers = cpu_workers(device);
  const uint64_t bytes = row_bytes(&s);
  if (bytes > (uint64_t)INT64_MAX / (uint64_t)workers) return cpu_refuse(why, "a row of %lld cells is too long", (long long)s.out[2]);
  c->workspace_bytes = bytes * (uint64_t)workers;
  const double products = (double)s.n * (double)s.c * (double)s.mg * (double)s.taps * (double)s.in[0] * (double)s.in[1] * (double)s.in[2];
  c->estimated_ns = cpu_ns_compute(device, products, 0.01);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  transpose_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!conv_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "conv_transpose: %s", why.text);
  }
  CVK_ISA_FN(post_bind)(&k->post);
  k->phase = phase_cells(&k->s);
  k->part = V_CHAIN;
  for (int32_t i = 0; i < 3; i++) k->part = cpu_max(1, k->part / cpu_ceil_div(k->s.kernel[i], k->s.stride[i]));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* The input cell along `axis` that tap k brings to output cell o; -1: none. */
static int64_t source(const conv_shape *s, int32_t axis, int64_t o, int64_t k) {
  const int64_t at = o + s->pad[axis] - k * s->dilation[axis];
  return at >= 0 && at % s->stride[axis] == 0 && at / s->stride[axis] < s->in[axis] ? at / s->stride[axis] : -1;
}

/* y[0..n-1] += w x[0..n-1] */
static void multiply_add(float *y, const float *x, float w, int64_t n) {
  const vf vw = v_set1(w);
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_fma(vw, v_load(x + i), v_load(y + i)));
  if (i < n) v_store_n(y + i, v_fma(vw, v_load_n(x + i, n - i), v_load_n(y + i, n - i)), n - i);
}

/* total + lost += part, without loss; n is of whole vectors. */
static void add_part(const float *part, float *total, float *lost, int64_t n) {
  for (int64_t i = 0; i < n; i += VL) {
    vf s = v_load(total + i), e = v_load(lost + i);
    v_add_to(&s, &e, v_load(part + i));
    v_store(total + i, s);
    v_store(lost + i, e);
  }
}

/* One input row through the taps of one kernel row, into the phases. */
static void add_row(const transpose_kernel *k, const float *x, const float *w, float *phases) {
  const conv_shape *s = &k->s;
  for (int64_t kw = 0; kw < s->kernel[2]; kw++) {
    /* input cell i reaches output i * stride + shift: phase shift mod stride, place i + (shift div stride) */
    const int64_t shift = kw * s->dilation[2] - s->pad[2], stride = s->stride[2];
    const int64_t phase = (shift % stride + stride) % stride, move = (shift - phase) / stride;
    const int64_t cells = s->out[2] > phase ? cpu_ceil_div(s->out[2] - phase, stride) : 0;
    const int64_t first = cpu_max(0, -move), last = cpu_min(s->in[2], cells - move);
    if (first < last) multiply_add(phases + phase * k->phase + first + move, x + first, w[kw], last - first);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const transpose_job *j = arg;
  const transpose_kernel *k = j->k;
  const conv_shape *s = &k->s;
  const int64_t oh = index % s->out[1], od = index / s->out[1] % s->out[0], m = index / s->out[1] / s->out[0] % s->m;
  const int64_t n = index / s->out[1] / s->out[0] / s->m, g = m / s->mg, floats = k->phase * s->stride[2], at = index * s->out[2];
  const float *x = (const float *)j->in[0] + (n * s->c + g * s->cg) * s->in[0] * s->in[1] * s->in[2];
  const float *w = (const float *)j->in[1] + (g * s->cg * s->mg + m % s->mg) * s->taps;
  const float bias = s->has_bias ? ((const float *)j->in[2])[m] : 0.0f;
  float *part = j->rows + worker * 3 * floats, *total = part + floats, *lost = total + floats, *y = j->y + at;
  memset(total, 0, 2 * (size_t)floats * sizeof *total);
  for (int64_t c0 = 0; c0 < s->cg; c0 += k->part) {
    float *sum = s->cg > k->part ? part : total;
    memset(sum, 0, (size_t)floats * sizeof *sum);
    for (int64_t c = c0; c < cpu_min(s->cg, c0 + k->part); c++)
      for (int64_t kd = 0; kd < s->kernel[0]; kd++) {
        const int64_t id = source(s, 0, od, kd);
        for (int64_t kh = 0; id >= 0 && kh < s->kernel[1]; kh++) {
          const int64_t ih = source(s, 1, oh, kh);
          if (ih < 0) continue;
          add_row(k, x + ((c * s->in[0] + id) * s->in[1] + ih) * s->in[2],
                  w + c * s->mg * s->taps + (kd * s->kernel[1] + kh) * s->kernel[2], sum);
        }
      }
    if (sum == part) add_part(part, total, lost, floats);
  }
  for (int64_t i = 0; s->cg > k->part && i < floats; i += VL) v_store(total + i, v_joined(v_load(total + i), v_load(lost + i)));
  for (int64_t ox = 0; ox < s->out[2]; ox++) y[ox] = total[ox % s->stride[2] * k->phase + ox / s->stride[2]] + bias;
  if (k->post.n > 0)
    CVK_ISA_FN(post_apply)(&k->post, y, s->out[2], at, j->in);
  else
    CVK_ISA_FN(post_fold)(&k->post, y, s->out[2], at, j->in);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const transpose_kernel *k = (const transpose_kernel *)kernel;
  const conv_shape *s = &k->s;
  transpose_job job = {k, in, workspace, out[0]};
  if (s->out[2] == 0) return CVK_OK;
  cpu_parallel(kernel->device, s->n * s->m * s->out[0] * s->out[1], k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(conv_transpose_row) = {.name = CVK_ISA_ROW("conv_transpose"),
                                                .kind = CVK_OP_CONV_TRANSPOSE,
                                                .takes_post = 1,
                                                .accepts = accepts,
                                                .prepare = prepare,
                                                .execute = execute};

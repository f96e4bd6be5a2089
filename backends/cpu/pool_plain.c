/* SPDX-License-Identifier: Apache-2.0 */
/* pool_plain: MAX_POOL and AVG_POOL, 1-D to 3-D, f32, plain in and out. A task is some output rows. The window rows of an output row are
 * first folded into one line (a worker's, in the workspace), then the taps of the line: VL outputs at a time where their windows lie in the
 * input from side to side, strides of 1 and 2 on vector loads, the others one by one. Pads are skipped: they win no maximum. NaN wins every
 * one. */
#include "pool.h"
#include "vec.h"

enum { CELLS_PER_TASK = 2048 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t rows, rows_per_task;
  int64_t line;                   /* floats of a worker's line */
  int64_t inner_begin, inner_end; /* outputs of a row whose windows lie in the input from side to side */
  double ns;
} pool_kernel;

typedef struct pool_job {
  const pool_kernel *kernel;
  const float *x;
  float *y, *lines;
} pool_job;

static int64_t workers(const cpu_device *device) {
  return device->host->workers(device->host->ctx);
}

/* None where a window has one row; whole cache lines, so that workers share none. */
static int64_t line_floats(const pool_shape *s) {
  return s->axis[0].kernel * s->axis[1].kernel == 1 ? 0 : (s->axis[2].in + 15) / 16 * 16;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  pool_shape s = {0};
  (void)variant;
  if (!pool_shape_of(op, &s, why)) return 0;
  if (op->n_out > 1 && op->out[1]) return cpu_refuse(why, "indices are wanted");
  const double planes = (double)s.images * (double)s.channels;
  const double out = planes * (double)pool_cells_out(&s), in = planes * (double)pool_cells_in(&s);
  c->workspace_bytes = (uint64_t)workers(device) * (uint64_t)line_floats(&s) * sizeof(float);
  const double rows = planes * (double)(s.axis[0].out * s.axis[1].out), tap_cycles = s.axis[2].stride <= 2 ? 4 : 20;
  const double down = (double)(s.axis[0].kernel * s.axis[1].kernel * cpu_ceil_div(s.axis[2].in, VL)) * 2;
  const double cross = (double)(s.axis[2].kernel * (cpu_ceil_div(s.axis[2].out, VL) + 1)) * tap_cycles;
  c->estimated_ns = cpu_ns_memory(device, 4 * (in + out), 1) + cpu_ns_compute(device, rows * (down + cross + 20) * 2 * VL, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  pool_shape_of(op, &k->shape, &why);
  pool_inner_outputs(&k->shape.axis[2], &k->inner_begin, &k->inner_end);
  k->rows = k->shape.images * k->shape.channels * k->shape.axis[0].out * k->shape.axis[1].out;
  k->rows_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, k->shape.axis[2].out));
  k->line = line_floats(&k->shape);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI vf combine(vf acc, vf x, int is_max) {
  return is_max ? v_max(acc, x) : v_add(acc, x);
}

/* The line of column sums or maxima over the window rows of one output row. */
VI void fold_rows(const pool_row *r, int64_t n, float *line, int is_max) {
  for (int64_t i = 0; i < n; i += VL) {
    const int64_t lanes = cpu_min(VL, n - i);
    vf acc = v_load_n(r->base + i, lanes);
    for (int64_t d = 0; d < r->depths; d++)
      for (int64_t h = d == 0; h < r->heights; h++)
        acc = combine(acc, v_load_n(r->base + d * r->depth_step + h * r->height_step + i, lanes), is_max);
    v_store_n(line + i, acc, lanes);
  }
}

VI vf load_outputs(const float *p, int64_t stride, int64_t n) {
  if (stride == 1) return n == VL ? v_load(p) : v_load_n(p, n);
  if (stride == 2) return n == VL ? v_load_even(p) : v_load_even_n(p, n);
  return v_load_strided_n(p, stride, n);
}

/* n <= VL neighbouring inner outputs from the line; p: tap 0 of the first. */
VI vf fold_taps(const float *p, const pool_axis *w, int64_t stride, int64_t n, int is_max) {
  vf acc = load_outputs(p, stride, n);
  for (int64_t t = 1; t < w->kernel; t++) acc = combine(acc, load_outputs(p + t * w->dilation, stride, n), is_max);
  return acc;
}

/* Outputs begin..end-1, each with a window of its own. */
VI void edge(const pool_kernel *k, const float *line, int64_t count, float *y, int64_t begin, int64_t end, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  for (int64_t o = begin; o < end; o++) {
    const pool_window at = pool_window_at(w, o, k->shape.count_pad);
    float acc = is_max ? -__builtin_inff() : 0;
    for (int64_t t = at.first; t < at.last; t++) {
      const float x = line[at.start + t * w->dilation];
      acc = !is_max ? acc + x : x > acc || x != x ? x : acc;
    }
    y[o] = is_max ? acc : acc / (float)(count * at.count);
  }
}

VI void row(const pool_kernel *k, const float *line, int64_t count, float *y, int64_t stride, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  const vf divisor = v_set1((float)(count * w->kernel));
  edge(k, line, count, y, 0, k->inner_begin, is_max);
  for (int64_t o = k->inner_begin; o < k->inner_end; o += VL) {
    const int64_t n = cpu_min(VL, k->inner_end - o);
    const float *p = line + o * w->stride - w->begin;
    const vf v = n == VL ? fold_taps(p, w, stride, VL, is_max) : fold_taps(p, w, stride, n, is_max);
    v_store_n(y + o, is_max ? v : v_div(v, divisor), n);
  }
  edge(k, line, count, y, k->inner_end, w->out, is_max);
}

VI void any_row(const pool_kernel *k, const pool_row *r, float *line, float *y, int is_max) {
  const int64_t stride = k->shape.axis[2].stride;
  const float *from = line;
  if (r->depths * r->heights == 1)
    from = r->base;
  else
    fold_rows(r, k->shape.axis[2].in, line, is_max);
  if (stride == 1)
    row(k, from, r->count, y, 1, is_max);
  else if (stride == 2)
    row(k, from, r->count, y, 2, is_max);
  else
    row(k, from, r->count, y, stride, is_max);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->rows, (index + 1) * k->rows_per_task);
  float *line = j->lines + worker * k->line;
  pool_place at = pool_place_of(&k->shape, index * k->rows_per_task);
  for (int64_t i = index * k->rows_per_task; i < end; i++) {
    const pool_row r = pool_row_at(&k->shape, j->x, &at, 1);
    float *y = j->y + i * k->shape.axis[2].out;
    if (k->shape.is_max)
      any_row(k, &r, line, y, 1);
    else
      any_row(k, &r, line, y, 0);
    pool_place_next(&k->shape, &at);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pool_kernel *k = (const pool_kernel *)kernel;
  pool_job job = {k, in[0], out[0], workspace};
  cpu_parallel(kernel->device, cpu_ceil_div(k->rows, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_plain_row) = {.name = CVK_ISA_ROW("pool_plain"),
                                            .kind = CVK_OP_MAX_POOL,
                                            .kind_last = CVK_OP_AVG_POOL,
                                            .accepts = accepts,
                                            .prepare = prepare,
                                            .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* pool_plain: MAX_POOL and AVG_POOL, 1-D to 3-D, f32, plain in and out. A task is some output rows, in batches. For each row of a batch the
 * window rows are folded into one line of a worker's buffer, between pads that win no maximum and add nothing. The lines have a pitch that
 * is a multiple of the stride, so the taps are then folded in one sweep over all of them, whatever their width; the sweep's results
 * overtake none of the cells still to be read. Then each row's results are copied out. NaN wins every maximum. */
#include "pool_combine.h"

enum { CELLS_PER_TASK = 2048, LINE_CELLS = 3072, MAX_BATCH = 32 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t rows, rows_per_task;
  int64_t pitch, batch, buffer; /* floats of a line, lines of a batch, floats of a worker's buffer */
  int32_t uniform;              /* every window counts the same taps */
  pool_average average;
  double ns;
} pool_kernel;

typedef struct pool_job {
  const pool_kernel *kernel;
  const float *x;
  float *y, *buffers;
} pool_job;

/* The shape, where the stride of a single output says nothing. */
static int32_t shape_of(const cvk_op *op, pool_shape *s, cpu_reason *why) {
  if (!pool_shape_of(op, s, why)) return 0;
  if (s->axis[2].out == 1) s->axis[2].stride = 1;
  return 1;
}

static int64_t pitch_of(const pool_axis *w) {
  const int64_t span = (w->out - 1) * w->stride + (w->kernel - 1) * w->dilation + 1;
  return cpu_ceil_div(cpu_max(w->begin + w->in + w->end, span), w->stride) * w->stride;
}

static int64_t batch_of(const pool_axis *w) {
  return cpu_max(1, cpu_min(MAX_BATCH, LINE_CELLS / pitch_of(w)));
}

/* The sweep reads past the last line by up to a vector of outputs; whole cache lines, so that workers share none. */
static int64_t buffer_floats(const pool_axis *w) {
  return (batch_of(w) * pitch_of(w) + (VL + 1) * w->stride + (w->kernel - 1) * w->dilation + 2 * VL + 15) / 16 * 16;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  pool_shape s = {0};
  (void)variant;
  if (!shape_of(op, &s, why)) return 0;
  if (op->n_out > 1 && op->out[1]) return cpu_refuse(why, "indices are wanted");
  if (pitch_of(&s.axis[2]) > INT32_MAX) return cpu_refuse(why, "a padded line has %lld cells", (long long)pitch_of(&s.axis[2]));
  const double planes = (double)s.images * (double)s.channels;
  const double out = planes * (double)pool_cells_out(&s), in = planes * (double)pool_cells_in(&s);
  c->workspace_bytes = (uint64_t)cpu_workers(device) * (uint64_t)buffer_floats(&s.axis[2]) * sizeof(float);
  const double rows = planes * (double)(s.axis[0].out * s.axis[1].out), tap_cycles = s.axis[2].stride <= 2 ? 3 : 20;
  const double down = (double)(s.axis[0].kernel * s.axis[1].kernel * cpu_ceil_div(s.axis[2].in, VL)) * 2;
  const double cross = (double)s.axis[2].kernel * (double)pitch_of(&s.axis[2]) / (double)(s.axis[2].stride * VL) * tap_cycles;
  c->estimated_ns = cpu_ns_memory(device, 4 * (in + out), 1) + cpu_ns_compute(device, rows * (down + cross + 15) * 2 * VL, 1);
  return 1;
}

static int32_t is_uniform(const pool_shape *s) {
  for (int32_t i = 0; i < POOL_AXES; i++)
    for (int64_t o = 0; o < s->axis[i].out; o++)
      if (pool_window_at(&s->axis[i], o, s->count_pad).count != s->axis[i].kernel) return 0;
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  shape_of(op, &k->shape, &why);
  const pool_axis *a = k->shape.axis;
  k->rows = k->shape.images * k->shape.channels * a[0].out * a[1].out;
  k->rows_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, a[2].out));
  k->pitch = pitch_of(&a[2]);
  k->batch = batch_of(&a[2]);
  k->buffer = buffer_floats(&a[2]);
  k->uniform = k->shape.is_max || is_uniform(&k->shape);
  k->ns = c->estimated_ns;
  if (!pool_average_make(device, &k->shape, &k->average)) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((pool_kernel *)kernel)->average.count);
}

/* Whole vectors are stored: what the last one leaves past the row is overwritten by its pads and by the next line. */
VI void fold_rows(const pool_kernel *k, const pool_row *r, float *line, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  const float nothing = is_max ? -__builtin_inff() : 0;
  float *cells = line + w->begin;
  for (int64_t i = 0; i < w->begin; i++) line[i] = nothing;
  if (r->depths * r->heights == 0)
    for (int64_t i = 0; i < w->in; i++) cells[i] = nothing;
  else if (w->in < VL)
    v_store(cells, pool_fold_down(0, r, 0, w->in, is_max));
  else
    for (int64_t i = 0; i < w->in; i += VL) {
      const int64_t at = cpu_min(i, w->in - VL);
      v_store(cells + at, pool_fold_down(0, r, at, VL, is_max));
    }
  for (int64_t i = w->begin + w->in; i < k->pitch; i++) line[i] = nothing;
}

VI vf load_outputs(const float *p, int64_t stride) {
  return stride == 1 ? v_load(p) : stride == 2 ? v_load_even(p) : v_load_strided(p, stride);
}

/* n outputs from the lines to y, which may be the lines. */
VI void fold_taps(const float *lines, int64_t kernel, int64_t stride, int64_t dilation, float *y, int64_t n, int is_max, float share) {
  for (int64_t j = 0; j < n; j += VL) {
    vf acc = load_outputs(lines + j * stride, stride);
    for (int64_t t = 1; t < kernel; t++) acc = pool_combine(acc, load_outputs(lines + j * stride + t * dilation, stride), is_max);
    if (!is_max) acc = v_mul(acc, v_set1(share));
    if (n - j >= VL)
      v_store(y + j, acc);
    else
      v_store_n(y + j, acc, n - j);
  }
}

VI void any_taps(const pool_axis *w, const float *lines, float *y, int64_t n, int is_max, float share) {
  const int64_t kernel = w->kernel, stride = w->stride, dilation = w->dilation;
  if (kernel == 2 && stride == 2 && dilation == 1)
    fold_taps(lines, 2, 2, 1, y, n, is_max, share);
  else if (kernel == 3 && stride == 2 && dilation == 1)
    fold_taps(lines, 3, 2, 1, y, n, is_max, share);
  else if (kernel == 3 && stride == 1 && dilation == 1)
    fold_taps(lines, 3, 1, 1, y, n, is_max, share);
  else if (stride == 1)
    fold_taps(lines, kernel, 1, dilation, y, n, is_max, share);
  else if (stride == 2)
    fold_taps(lines, kernel, 2, dilation, y, n, is_max, share);
  else
    fold_taps(lines, kernel, stride, dilation, y, n, is_max, share);
}

/* One row out of the sweep's results. `room`: floats of y that are this batch's from here on, of which rows to come write their own. */
VI void copy_row(const pool_kernel *k, const float *from, float *y, int64_t room, int64_t taps, int is_max) {
  for (int64_t i = 0; i < k->shape.axis[2].out; i += VL) {
    const int64_t n = cpu_min(VL, k->shape.axis[2].out - i);
    vf v = v_load(from + i);
    if (!is_max) v = pool_averaged(&k->average, v, i, taps);
    if (room - i >= VL)
      v_store(y + i, v);
    else
      v_store_n(y + i, v, n);
  }
}

/* n rows from `at` on. */
VI void batch(const pool_kernel *k, const float *x, pool_place *at, float *lines, float *y, int64_t n, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  const int64_t wide = k->pitch / w->stride; /* results a line */
  int64_t taps[MAX_BATCH];
  for (int64_t i = 0; i < n; i++) {
    const pool_row r = pool_row_at(&k->shape, x, at, 1);
    fold_rows(k, &r, lines + i * k->pitch, is_max);
    taps[i] = r.count;
    pool_place_next(&k->shape, at);
  }
  if (wide == w->out && k->uniform) {
    any_taps(w, lines, y, n * wide, is_max, 1.0f / (float)pool_taps(&k->shape));
    return;
  }
  any_taps(w, lines, lines, n * wide, is_max, 1);
  for (int64_t i = 0; i < n; i++) copy_row(k, lines + i * wide, y + i * w->out, (n - i) * w->out, taps[i], is_max);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->rows, (index + 1) * k->rows_per_task);
  float *lines = j->buffers + worker * k->buffer;
  pool_place at = pool_place_of(&k->shape, index * k->rows_per_task);
  for (int64_t i = index * k->rows_per_task; i < end; i += k->batch) {
    const int64_t n = cpu_min(k->batch, end - i);
    float *y = j->y + i * k->shape.axis[2].out;
    if (k->shape.is_max)
      batch(k, j->x, &at, lines, y, n, 1);
    else
      batch(k, j->x, &at, lines, y, n, 0);
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
                                            .execute = execute,
                                            .release = release};

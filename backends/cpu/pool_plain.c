/* SPDX-License-Identifier: Apache-2.0 */
/* pool_plain: MAX_POOL and AVG_POOL, 1-D to 3-D, f32, plain in and out. A task is some output rows; a row is made CHUNK outputs at a time,
 * tap by tap over all outputs that see the tap, so strides of 1 and 2 run on vectors. Pads are skipped: they win no maximum; NaN wins every one. */
#include "pool.h"
#include "vec.h"

enum { CHUNK = 256, CELLS_PER_TASK = 2048 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t rows, rows_per_task;
  double ns;
} pool_kernel;

typedef struct pool_job {
  const pool_kernel *kernel;
  const float *x;
  float *y;
} pool_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  pool_shape s = {0};
  (void)variant;
  if (!pool_shape_of(op, &s, why)) return 0;
  if (op->n_out > 1 && op->out[1]) return cpu_refuse(why, "indices are wanted");
  const double planes = (double)s.images * (double)s.channels;
  const double out = planes * (double)pool_cells_out(&s), in = planes * (double)pool_cells_in(&s);
  const double slowness = s.axis[2].stride == 1 ? 2 : 8; /* cycles a vector and tap, against the blocked row's */
  c->estimated_ns = cpu_ns_memory(device, 4 * (in + out), 1) + cpu_ns_compute(device, out * (double)pool_taps(&s) * 2 * slowness, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  pool_shape_of(op, &k->shape, &why);
  k->rows = k->shape.images * k->shape.channels * k->shape.axis[0].out * k->shape.axis[1].out;
  k->rows_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, k->shape.axis[2].out));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI vf combine(vf acc, vf x, int is_max) { return is_max ? v_max(acc, x) : v_add(acc, x); }

/* acc[i] takes x[i * stride], 0 <= i < n. */
VI void take_tap(float *acc, const float *x, int64_t stride, int64_t n, int is_max) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL)
    v_store(acc + i, combine(v_load(acc + i), stride == 1 ? v_load(x + i) : v_load_strided(x + i * stride, stride), is_max));
  if (i < n)
    v_store_n(acc + i, combine(v_load_n(acc + i, n - i), v_load_strided_n(x + i * stride, stride, n - i), is_max), n - i);
}

VI void take_tap_any(float *acc, const float *x, int64_t stride, int64_t n, int is_max) {
  if (stride == 1) take_tap(acc, x, 1, n, is_max);
  else if (stride == 2) take_tap(acc, x, 2, n, is_max);
  else take_tap(acc, x, stride, n, is_max);
}

static void fill(float *p, int64_t n, float value) {
  for (int64_t i = 0; i < n; i++) p[i] = value;
}

/* Outputs first..first+n-1 of one row; the valid depth and height taps are a lattice of input rows. */
VI void chunk(const pool_kernel *k, const float *base, const pool_window *wd, const pool_window *wh, int64_t first, int64_t n, float *y,
              int is_max) {
  const pool_axis *d = &k->shape.axis[0], *h = &k->shape.axis[1], *w = &k->shape.axis[2];
  float part[CHUNK];
  fill(y, n, is_max ? -__builtin_inff() : 0);
  for (int64_t dt = wd->first; dt < wd->last; dt++)
    for (int64_t ht = wh->first; ht < wh->last; ht++) {
      const float *line = base + ((wd->start + dt * d->dilation) * h->in + wh->start + ht * h->dilation) * w->in;
      if (!is_max) fill(part, n, 0);
      for (int64_t t = 0; t < w->kernel; t++) {
        int64_t begin, end;
        pool_outputs_of(w, t, &begin, &end);
        begin = cpu_max(begin, first);
        end = cpu_min(end, first + n);
        if (begin < end)
          take_tap_any((is_max ? y : part) + begin - first, line + begin * w->stride - w->begin + t * w->dilation, w->stride, end - begin, is_max);
      }
      if (!is_max) take_tap(y, part, 1, n, 0);
    }
  if (is_max) return;
  for (int64_t i = 0; i < n; i++) y[i] /= (float)(wd->count * wh->count * pool_window_at(w, first + i, k->shape.count_pad).count);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const pool_axis *d = &k->shape.axis[0], *h = &k->shape.axis[1], *w = &k->shape.axis[2];
  const int64_t end = cpu_min(k->rows, (index + 1) * k->rows_per_task);
  (void)worker;
  for (int64_t i = index * k->rows_per_task; i < end; i++) {
    const float *base = j->x + i / (d->out * h->out) * d->in * h->in * w->in;
    const pool_window wd = pool_window_at(d, i / h->out % d->out, k->shape.count_pad), wh = pool_window_at(h, i % h->out, k->shape.count_pad);
    for (int64_t first = 0; first < w->out; first += CHUNK) {
      float *y = j->y + i * w->out + first;
      const int64_t n = cpu_min(CHUNK, w->out - first);
      if (k->shape.is_max) chunk(k, base, &wd, &wh, first, n, y, 1);
      else chunk(k, base, &wd, &wh, first, n, y, 0);
    }
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pool_kernel *k = (const pool_kernel *)kernel;
  pool_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->rows, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_plain_row) = {.name = CVK_ISA_ROW("pool_plain"),
                                            .kind = CVK_OP_MAX_POOL,
                                            .kind_last = CVK_OP_AVG_POOL,
                                            .accepts = accepts,
                                            .prepare = prepare,
                                            .execute = execute};

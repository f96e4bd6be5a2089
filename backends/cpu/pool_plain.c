/* SPDX-License-Identifier: Apache-2.0 */
/* pool_plain: MAX_POOL and AVG_POOL, 1-D to 3-D, f32, plain in and out. A task is some output rows. Outputs of a row whose windows lie in the
 * input from side to side are made VL at a time, strides of 1 and 2 on vector loads; the others one by one. Pads are skipped: they win no
 * maximum. A NaN wins every maximum. An average sums each window row by itself, which keeps the error of large windows small. */
#include "pool.h"
#include "vec.h"

enum { CELLS_PER_TASK = 2048 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t rows, rows_per_task;
  int64_t inner_begin, inner_end; /* outputs of a row whose windows lie in the input from side to side */
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
  const double cycles = s.axis[2].stride <= 2 ? 3 : 20; /* a vector and tap */
  const double vectors = planes * (double)(s.axis[0].out * s.axis[1].out) * (double)(cpu_ceil_div(s.axis[2].out, VL) + 2);
  c->estimated_ns = cpu_ns_memory(device, 4 * (in + out), 1) + cpu_ns_compute(device, vectors * VL * (double)pool_taps(&s) * 2 * cycles, 1);
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
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI vf load_outputs(const float *p, int64_t stride, int64_t n) {
  if (stride == 1) return n == VL ? v_load(p) : v_load_n(p, n);
  if (stride == 2) return n == VL ? v_load_even(p) : v_load_even_n(p, n);
  return v_load_strided_n(p, stride, n);
}

/* n <= VL neighbouring inner outputs; x0: cell of tap 0 of the first. The sum (not yet divided) or maximum. */
VI vf reduce(const pool_row *r, const pool_axis *w, int64_t stride, int is_max, int64_t x0, int64_t n) {
  vf acc = is_max ? v_set1(-__builtin_inff()) : v_zero();
  for (int64_t d = 0; d < r->depths; d++)
    for (int64_t h = 0; h < r->heights; h++) {
      const float *line = r->base + d * r->depth_step + h * r->height_step + x0;
      vf part = is_max ? acc : v_zero();
      for (int64_t t = 0; t < w->kernel; t++) {
        const vf x = load_outputs(line + t * w->dilation, stride, n);
        part = is_max ? v_max(part, x) : v_add(part, x);
      }
      acc = is_max ? part : v_add(acc, part);
    }
  return acc;
}

VI float reduce_one(const pool_row *r, const pool_axis *w, const pool_window *at, int is_max) {
  float acc = is_max ? -__builtin_inff() : 0;
  for (int64_t d = 0; d < r->depths; d++)
    for (int64_t h = 0; h < r->heights; h++) {
      const float *line = r->base + d * r->depth_step + h * r->height_step + at->start;
      float part = is_max ? acc : 0;
      for (int64_t t = at->first; t < at->last; t++) {
        const float x = line[t * w->dilation];
        part = is_max ? (x > part || x != x ? x : part) : part + x;
      }
      acc = is_max ? part : acc + part;
    }
  return acc;
}

/* Outputs begin..end-1, each with a window of its own. */
VI void edge(const pool_kernel *k, const pool_row *r, float *y, int64_t begin, int64_t end, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  for (int64_t o = begin; o < end; o++) {
    const pool_window at = pool_window_at(w, o, k->shape.count_pad);
    const float v = reduce_one(r, w, &at, is_max);
    y[o] = is_max ? v : v / (float)(r->count * at.count);
  }
}

VI void row(const pool_kernel *k, const pool_row *r, float *y, int64_t stride, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  const vf divisor = v_set1((float)(r->count * w->kernel));
  edge(k, r, y, 0, k->inner_begin, is_max);
  for (int64_t o = k->inner_begin; o < k->inner_end; o += VL) {
    const int64_t n = cpu_min(VL, k->inner_end - o), x0 = o * w->stride - w->begin;
    const vf v = n == VL ? reduce(r, w, stride, is_max, x0, VL) : reduce(r, w, stride, is_max, x0, n);
    v_store_n(y + o, is_max ? v : v_div(v, divisor), n);
  }
  edge(k, r, y, k->inner_end, w->out, is_max);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->rows, (index + 1) * k->rows_per_task), stride = k->shape.axis[2].stride;
  (void)worker;
  for (int64_t i = index * k->rows_per_task; i < end; i++) {
    const pool_row r = pool_row_at(&k->shape, j->x, i, 1);
    float *y = j->y + i * k->shape.axis[2].out;
    if (k->shape.is_max && stride == 1) row(k, &r, y, 1, 1);
    else if (k->shape.is_max && stride == 2) row(k, &r, y, 2, 1);
    else if (k->shape.is_max) row(k, &r, y, stride, 1);
    else if (stride == 1) row(k, &r, y, 1, 0);
    else if (stride == 2) row(k, &r, y, 2, 0);
    else row(k, &r, y, stride, 0);
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

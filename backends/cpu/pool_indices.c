/* SPDX-License-Identifier: Apache-2.0 */
/* pool_indices: MAX_POOL, 1-D to 3-D, f32, plain, with the index of each maximum (i64, over the whole tensor, pads not counted). The first
 * of equal elements in row-major order wins, and the first NaN wins over all numbers. storage_order 1 counts the plane column by column. */
#include "pool.h"
#include "vec.h"

enum { CELLS_PER_TASK = 512 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t step[POOL_AXES]; /* of the index along each axis */
  int64_t rows, rows_per_task;
  double ns;
} pool_kernel;

typedef struct pool_job {
  const pool_kernel *kernel;
  const float *x;
  float *y;
  int64_t *indices;
} pool_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  pool_shape s = {0};
  (void)variant;
  if (!pool_shape_of(op, &s, why)) return 0;
  if (op->n_out < 2 || !op->out[1]) return cpu_refuse(why, "no indices are wanted");
  c->estimated_ns =
      cpu_ns_compute(device, (double)(s.images * s.channels) * (double)pool_cells_out(&s) * (double)pool_taps(&s) * 2 * VL, 0.5);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  pool_shape_of(op, &k->shape, &why);
  const pool_axis *a = k->shape.axis;
  const int64_t row_major[POOL_AXES] = {a[1].in * a[2].in, a[2].in, 1}, column_major[POOL_AXES] = {1, a[0].in, a[0].in * a[1].in};
  for (int32_t i = 0; i < POOL_AXES; i++) k->step[i] = ((const cvk_pool_attr *)op->attr)->storage_order ? column_major[i] : row_major[i];
  k->rows = k->shape.images * k->shape.channels * a[0].out * a[1].out;
  k->rows_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, a[2].out));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* One window of one plane: its maximum, and the index of it inside the plane. */
static float window_maximum(const pool_kernel *k, const float *plane, const pool_window w[POOL_AXES], int64_t *index) {
  const pool_axis *a = k->shape.axis;
  float best = -__builtin_inff();
  *index = -1;
  for (int64_t dt = w[0].first; dt < w[0].last; dt++)
    for (int64_t ht = w[1].first; ht < w[1].last; ht++)
      for (int64_t t = w[2].first; t < w[2].last; t++) {
        const int64_t d = w[0].start + dt * a[0].dilation, h = w[1].start + ht * a[1].dilation, x = w[2].start + t * a[2].dilation;
        const float v = plane[(d * a[1].in + h) * a[2].in + x];
        if (*index >= 0 && !(v > best) && !(v != v && best == best)) continue;
        best = v;
        *index = d * k->step[0] + h * k->step[1] + x * k->step[2];
      }
  return best;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const pool_axis *a = k->shape.axis;
  const int64_t end = cpu_min(k->rows, (index + 1) * k->rows_per_task), cells = pool_cells_in(&k->shape);
  (void)worker;
  for (int64_t i = index * k->rows_per_task; i < end; i++) {
    const int64_t plane = i / (a[0].out * a[1].out);
    pool_window w[POOL_AXES] = {pool_window_at(&a[0], i / a[1].out % a[0].out, 0), pool_window_at(&a[1], i % a[1].out, 0)};
    for (int64_t o = 0; o < a[2].out; o++) {
      int64_t at;
      w[2] = pool_window_at(&a[2], o, 0);
      j->y[i * a[2].out + o] = window_maximum(k, j->x + plane * cells, w, &at);
      j->indices[i * a[2].out + o] = plane * cells + at;
    }
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pool_kernel *k = (const pool_kernel *)kernel;
  pool_job job = {k, in[0], out[0], out[1]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->rows, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_indices_row) = {
    .name = CVK_ISA_ROW("pool_indices"), .kind = CVK_OP_MAX_POOL, .accepts = accepts, .prepare = prepare, .execute = execute};

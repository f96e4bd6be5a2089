/* SPDX-License-Identifier: Apache-2.0 */
/* pool_blocked: MAX_POOL and AVG_POOL, 1-D to 3-D, f32, NCHWc in and out; one vector is one cell's channels, so any stride and dilation
 * runs at full width. A task is some output rows; away from the borders TILE outputs are computed together. Pads are skipped, never read:
 * they win no maximum. A NaN wins every maximum. An average sums each window row by itself, which keeps the error of large windows small.
 */
#include "pool_combine.h"

enum { TILE = 4, COLUMNS = (TILE - 1) * 2 + 3, CELLS_PER_TASK = 256 };

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
  c->in[0] = c->out[0] = cpu_format(VL);
  const double planes = (double)s.images * (double)cpu_ceil_div(s.channels, VL) * VL;
  const double out = planes * (double)pool_cells_out(&s), in = planes * (double)pool_cells_in(&s);
  c->estimated_ns = cpu_ns_memory(device, 4 * (in + out), 1) + cpu_ns_compute(device, out * (double)pool_taps(&s) * 2, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  pool_shape_of(op, &k->shape, &why);
  pool_inner_outputs(&k->shape.axis[2], &k->inner_begin, &k->inner_end);
  k->rows = k->shape.images * cpu_ceil_div(k->shape.channels, VL) * k->shape.axis[0].out * k->shape.axis[1].out;
  k->rows_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, k->shape.axis[2].out));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* The width axis as constants of the inlined code, where they are. */
typedef struct width {
  int64_t kernel, stride, dilation;
} width;

/* n (a constant) neighbouring outputs over width taps first..last-1; x0: cell of tap 0 of the first. The sum (not yet divided) or maximum.
 */
VI void reduce(const pool_row *r, width w, int is_max, int n, int64_t x0, int64_t first, int64_t last, vf *acc) {
  for (int u = 0; u < n; u++) acc[u] = is_max ? v_set1(-__builtin_inff()) : v_zero();
  for (int64_t d = 0; d < r->depths; d++) {
    for (int64_t h = 0; h < r->heights; h++) {
      const float *line = r->base + d * r->depth_step + h * r->height_step + x0 * VL;
      vf part[TILE];
      for (int u = 0; u < n; u++) part[u] = is_max ? acc[u] : v_zero();
      for (int64_t t = first; t < last; t++)
        for (int u = 0; u < n; u++) {
          const vf x = v_load(line + (t * w.dilation + u * w.stride) * VL);
          part[u] = pool_combine(part[u], x, is_max);
        }
      for (int u = 0; u < n; u++) acc[u] = is_max ? part[u] : v_add(acc[u], part[u]);
    }
  }
}

/* TILE neighbouring outputs of a width that is constant: first down the columns that they share, then across. At least one window row. */
VI void reduce_columns(const pool_row *r, width w, int is_max, int64_t x0, vf *acc) {
  const int64_t columns = (TILE - 1) * w.stride + w.kernel;
  vf column[COLUMNS];
  const float *line = r->base + x0 * VL;
  for (int64_t c = 0; c < columns; c++) column[c] = v_load(line + c * VL);
  for (int64_t d = 0; d < r->depths; d++)
    for (int64_t h = d == 0; h < r->heights; h++) {
      const float *next = line + d * r->depth_step + h * r->height_step;
      for (int64_t c = 0; c < columns; c++) column[c] = pool_combine(column[c], v_load(next + c * VL), is_max);
    }
  for (int64_t u = 0; u < TILE; u++) {
    acc[u] = column[u * w.stride];
    for (int64_t t = 1; t < w.kernel; t++) acc[u] = pool_combine(acc[u], column[u * w.stride + t], is_max);
  }
}

VI void finish(const vf *acc, int n, float *y, int is_max, vf share) {
  for (int u = 0; u < n; u++) v_store(y + u * VL, is_max ? acc[u] : v_mul(acc[u], share));
}

/* The last inner tile begins early rather than end late, so a few outputs are made twice. */
VI void row(const pool_kernel *k, const pool_row *r, width w, float *y, int is_max, int constant) {
  const pool_axis *axis = &k->shape.axis[2];
  const int64_t fresh = k->shape.axis[1].stride; /* lines that the next output row sees for the first time, fetched ahead */
  const float *after = r->base + r->heights * r->height_step;
  const int64_t tiles_end = k->inner_end - k->inner_begin >= TILE ? k->inner_end : k->inner_begin;
  const vf inner_share = v_set1(1.0f / (float)(r->count * w.kernel));
  vf acc[TILE];
  for (int64_t o = k->inner_begin; o < tiles_end; o += TILE) {
    const int64_t at = cpu_min(o, tiles_end - TILE);
    const int64_t x0 = at * w.stride - axis->begin;
    if (constant && r->depths * r->heights > 0) {
      for (int64_t i = 0; i < fresh; i++)
        for (int64_t c = 0; c < TILE * w.stride; c++) __builtin_prefetch(after + (i * axis->in + x0 + c) * VL);
      reduce_columns(r, w, is_max, x0, acc);
    } else {
      reduce(r, w, is_max, TILE, x0, 0, w.kernel, acc);
    }
    finish(acc, TILE, y + at * VL, is_max, inner_share);
  }
  for (int64_t o = 0; o < axis->out; o++) {
    if (o == k->inner_begin) o = tiles_end;
    if (o == axis->out) break;
    const pool_window at = pool_window_at(axis, o, k->shape.count_pad);
    reduce(r, w, is_max, 1, at.start, at.first, at.last, acc);
    finish(acc, 1, y + o * VL, is_max, v_set1(1.0f / (float)(r->count * at.count)));
  }
}

VI void any_row(const pool_kernel *k, const pool_row *r, float *y, int is_max) {
  const pool_axis *a = &k->shape.axis[2];
  if (a->dilation == 1 && a->kernel == 3 && a->stride == 2)
    row(k, r, (width){3, 2, 1}, y, is_max, 1);
  else if (a->dilation == 1 && a->kernel == 3 && a->stride == 1)
    row(k, r, (width){3, 1, 1}, y, is_max, 1);
  else if (a->dilation == 1 && a->kernel == 2 && a->stride == 2)
    row(k, r, (width){2, 2, 1}, y, is_max, 1);
  else
    row(k, r, (width){a->kernel, a->stride, a->dilation}, y, is_max, 0);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->rows, (index + 1) * k->rows_per_task);
  (void)worker;
  pool_place at = pool_place_of(&k->shape, index * k->rows_per_task);
  for (int64_t i = index * k->rows_per_task; i < end; i++) {
    const pool_row r = pool_row_at(&k->shape, j->x, &at, VL);
    float *y = j->y + i * k->shape.axis[2].out * VL;
    if (k->shape.is_max)
      any_row(k, &r, y, 1);
    else
      any_row(k, &r, y, 0);
    pool_place_next(&k->shape, &at);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pool_kernel *k = (const pool_kernel *)kernel;
  pool_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->rows, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_blocked_row) = {.name = CVK_ISA_ROW("pool_blocked"),
                                              .kind = CVK_OP_MAX_POOL,
                                              .kind_last = CVK_OP_AVG_POOL,
                                              .accepts = accepts,
                                              .prepare = prepare,
                                              .execute = execute};

/* SPDX-License-Identifier: Apache-2.0 */
/* pool_blocked: MAX_POOL and AVG_POOL, 1-D to 3-D, f32, NCHWc in and out; one vector is one cell's channels, so any stride and dilation
 * runs at full width. A task is a band of output rows of a channel block; bands come first, as in the convolutions, so that a worker finds
 * in its caches what it wrote. Small windows, away from the borders, are folded down their columns first, each once for all the windows
 * that share it; other windows TILE at a time, row by row, which keeps the error of large averages small. Pads are skipped, never read:
 * they win no maximum. A NaN wins every maximum. */
#include "pool_combine.h"

enum { TILE = 4, CELLS_PER_TASK = 256 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t planes, rows, band, bands; /* channel blocks of all images; output rows of a plane, of a band; bands a plane */
  int64_t inner_begin, inner_end;    /* outputs of a row whose windows lie in the input from side to side */
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
  const pool_axis *w = &s.axis[2];
  const double taps = (double)(s.axis[0].kernel * s.axis[1].kernel * cpu_min(w->kernel, w->stride) + w->kernel);
  c->estimated_ns = cpu_ns_memory(device, 4 * (in + out), 1) + cpu_ns_compute(device, out * taps, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  pool_shape_of(op, &k->shape, &why);
  pool_inner_outputs(&k->shape.axis[2], &k->inner_begin, &k->inner_end);
  const pool_axis *a = k->shape.axis;
  k->planes = k->shape.images * cpu_ceil_div(k->shape.channels, VL);
  k->rows = a[0].out * a[1].out;
  k->band = cpu_max(1, CELLS_PER_TASK / cpu_max(1, a[2].out));
  k->bands = cpu_ceil_div(k->rows, k->band);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* n (a constant) neighbouring outputs over width taps first..last-1; x0: cell of tap 0 of the first. The sum (not yet divided) or maximum.
 */
VI void reduce(const pool_row *r, const pool_axis *w, int is_max, int n, int64_t x0, int64_t first, int64_t last, vf *acc) {
  for (int u = 0; u < n; u++) acc[u] = pool_nothing(is_max);
  for (int64_t d = 0; d < r->depths; d++) {
    for (int64_t h = 0; h < r->heights; h++) {
      const float *line = r->base + d * r->depth_step + h * r->height_step + x0 * VL;
      vf part[TILE];
      for (int u = 0; u < n; u++) part[u] = is_max ? acc[u] : v_zero();
      for (int64_t t = first; t < last; t++)
        for (int u = 0; u < n; u++) part[u] = pool_combine(part[u], v_load(line + (t * w->dilation + u * w->stride) * VL), is_max);
      for (int u = 0; u < n; u++) acc[u] = is_max ? part[u] : v_add(acc[u], part[u]);
    }
  }
}

VI void finish(const vf *acc, int n, float *y, int is_max, vf share) {
  for (int u = 0; u < n; u++) v_store(y + u * VL, is_max ? acc[u] : v_mul(acc[u], share));
}

/* Inner outputs of any window; the last tile begins early rather than end late, so a few outputs are made twice. Returns how many. */
VI int64_t inner_tiles(const pool_row *r, const pool_axis *w, int is_max, int64_t x0, int64_t n, float *y, vf share) {
  vf acc[TILE];
  if (n < TILE) return 0;
  for (int64_t o = 0; o < n; o += TILE) {
    const int64_t at = cpu_min(o, n - TILE);
    reduce(r, w, is_max, TILE, x0 + at * w->stride, 0, w->kernel, acc);
    finish(acc, TILE, y + at * VL, is_max, share);
  }
  return n;
}

/* n inner outputs of windows KERNEL wide, STRIDE apart (constants); x0: cell of the first window. */
VI void inner_columns(const int KERNEL, const int STRIDE, const int HEIGHTS, const pool_row *row, int is_max, int64_t x0, int64_t n,
                      float *y, vf share) {
  const pool_row r = *row;
  int64_t x = x0 * VL;
  vf column[KERNEL];
  for (int c = STRIDE; c < KERNEL; c++) column[c] = pool_fold_down(HEIGHTS, &r, x + (c - STRIDE) * VL, VL, is_max);
  for (int64_t o = 0; o < n; o++, x += STRIDE * VL, y += VL) {
    for (int c = 0; c < KERNEL - STRIDE; c++) column[c] = column[c + STRIDE];
    for (int c = KERNEL - STRIDE; c < KERNEL; c++) column[c] = pool_fold_down(HEIGHTS, &r, x + c * VL, VL, is_max);
    vf acc = column[0];
    for (int c = 1; c < KERNEL; c++) acc = pool_combine(acc, column[c], is_max);
    v_store(y, is_max ? acc : v_mul(acc, share));
  }
}

VI int64_t inner_small(const int KERNEL, const int STRIDE, const pool_row *r, int is_max, int64_t x0, int64_t n, float *y, vf share) {
  if (r->depths == 1 && r->heights == KERNEL)
    inner_columns(KERNEL, STRIDE, KERNEL, r, is_max, x0, n, y, share);
  else
    inner_columns(KERNEL, STRIDE, 0, r, is_max, x0, n, y, share);
  return n;
}

VI void row(const pool_kernel *k, const pool_row *r, float *y, int is_max) {
  const pool_axis *w = &k->shape.axis[2];
  const int64_t n = k->inner_end - k->inner_begin, x0 = k->inner_begin * w->stride - w->begin;
  const int32_t small = w->dilation == 1 && n > 0 && r->depths * r->heights > 0;
  const vf share = v_set1(1.0f / (float)(r->count * w->kernel));
  float *inner = y + k->inner_begin * VL;
  int64_t done;
  if (small && w->kernel == 3 && w->stride == 2)
    done = inner_small(3, 2, r, is_max, x0, n, inner, share);
  else if (small && w->kernel == 3 && w->stride == 1)
    done = inner_small(3, 1, r, is_max, x0, n, inner, share);
  else if (small && w->kernel == 2 && w->stride == 2)
    done = inner_small(2, 2, r, is_max, x0, n, inner, share);
  else
    done = inner_tiles(r, w, is_max, x0, n, inner, share);
  for (int64_t o = 0; o < w->out; o++) {
    if (o == k->inner_begin) o += done;
    if (o == w->out) break;
    const pool_window at = pool_window_at(w, o, k->shape.count_pad);
    vf acc[1];
    reduce(r, w, is_max, 1, at.start, at.first, at.last, acc);
    finish(acc, 1, y + o * VL, is_max, v_set1(1.0f / (float)(r->count * at.count)));
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const int64_t plane = index % k->planes, begin = index / k->planes * k->band, end = cpu_min(k->rows, begin + k->band);
  (void)worker;
  pool_place at = pool_place_of(&k->shape, plane * k->rows + begin);
  for (int64_t i = begin; i < end; i++) {
    const pool_row r = pool_row_at(&k->shape, j->x, &at, VL);
    float *y = j->y + (plane * k->rows + i) * k->shape.axis[2].out * VL;
    if (k->shape.is_max)
      row(k, &r, y, 1);
    else
      row(k, &r, y, 0);
    pool_place_next(&k->shape, &at);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pool_kernel *k = (const pool_kernel *)kernel;
  pool_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, k->planes * k->bands, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_blocked_row) = {.name = CVK_ISA_ROW("pool_blocked"),
                                              .kind = CVK_OP_MAX_POOL,
                                              .kind_last = CVK_OP_AVG_POOL,
                                              .accepts = accepts,
                                              .prepare = prepare,
                                              .execute = execute};

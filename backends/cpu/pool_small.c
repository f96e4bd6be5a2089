/* SPDX-License-Identifier: Apache-2.0 */
/* pool_small: MAX_POOL and AVG_POOL of windows two or three cells wide, as networks use them, f32, plain in and out; any depth and height.
 * Vectors are neighbouring outputs of a row. Window rows are folded down first; of stride 2 the even and the odd cells then part, and the
 * neighbours that a window lacks come from the next or the previous vector. Where each output row's window rows lie is worked out once. A
 * task is some output rows. Pads are skipped: they win no maximum. A NaN wins every maximum. */
#include "pool_combine.h"

enum { CELLS_PER_TASK = 4096 };

typedef struct pool_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t plane_rows, rows, rows_per_task; /* output rows of a plane and in all */
  pool_row *row;                           /* of a plane */
  pool_average average;
  double ns;
} pool_kernel;

typedef struct pool_job {
  const pool_kernel *kernel;
  const float *x;
  float *y;
} pool_job;

static int32_t is_small(const pool_axis *w) {
  const int64_t k = w->kernel, s = w->stride, b = w->begin;
  return w->dilation == 1 && ((k == 3 && s == 1 && b == 1) || (k == 3 && s == 2 && b <= 1) || (k == 2 && s == 2 && b == 0));
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  pool_shape s = {0};
  (void)variant;
  if (!pool_shape_of(op, &s, why)) return 0;
  if (op->n_out > 1 && op->out[1]) return cpu_refuse(why, "indices are wanted");
  const pool_axis *w = &s.axis[2];
  if (!is_small(w))
    return cpu_refuse(why, "windows of %lld, stride %lld, dilation %lld, pad %lld", (long long)w->kernel, (long long)w->stride,
                      (long long)w->dilation, (long long)w->begin);
  const double rows = (double)s.images * (double)s.channels * (double)(s.axis[0].out * s.axis[1].out);
  const double vectors = (double)cpu_ceil_div(w->out, VL), loads = (double)(s.axis[0].kernel * s.axis[1].kernel * w->stride);
  const double cells = (double)s.images * (double)s.channels * (double)(pool_cells_in(&s) + pool_cells_out(&s));
  c->estimated_ns = cpu_ns_memory(device, 4 * cells, 1) + cpu_ns_compute(device, rows * (vectors * (loads * 2 + 6) + 6) * VL, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cpu_reason why;
  pool_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  pool_shape_of(op, &k->shape, &why);
  const pool_axis *a = k->shape.axis;
  k->plane_rows = a[0].out * a[1].out;
  k->rows = k->shape.images * k->shape.channels * k->plane_rows;
  k->rows_per_task = cpu_max(1, CELLS_PER_TASK / cpu_max(1, a[2].out));
  k->ns = c->estimated_ns;
  k->row = cpu_alloc(device, cpu_product(2, (int64_t[]){cpu_max(1, k->plane_rows), sizeof *k->row}));
  if (!k->row || !pool_average_make(device, &k->shape, &k->average)) {
    cpu_free(device, k->row);
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  pool_place at = {0};
  for (int64_t i = 0; i < k->plane_rows; i++, pool_place_next(&k->shape, &at)) k->row[i] = pool_row_of(&k->shape, &at, 1);
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((pool_kernel *)kernel)->average.count);
  cpu_free(kernel->device, ((pool_kernel *)kernel)->row);
}

/* VL cells of a row from cell i on, folded down; nothing where the row has no more. */
VI vf cells(const int HEIGHTS, const pool_row *r, int64_t i, int64_t in, int is_max) {
  const int64_t n = in - i;
  if (n >= VL) return pool_fold_down(HEIGHTS, r, i, VL, is_max);
  if (n <= 0) return pool_nothing(is_max);
  return v_sel(v_mask_n(n), pool_fold_down(HEIGHTS, r, i, n, is_max), pool_nothing(is_max));
}

/* What VL outputs see: of stride 1 the cells in their middles, of stride 2 the even and the odd ones. */
typedef struct seen {
  vf even, odd;
} seen;

VI seen look(const int STRIDE, const int HEIGHTS, const pool_row *r, int64_t o, int64_t in, int is_max) {
  const vf a = cells(HEIGHTS, r, o * STRIDE, in, is_max);
  if (STRIDE == 1) return (seen){a, a};
  const vf b = cells(HEIGHTS, r, o * STRIDE + VL, in, is_max);
  return (seen){v_even(a, b), v_odd(a, b)};
}

/* One output row; KERNEL, STRIDE, BEGIN (the pad), HEIGHTS are constants. `room`: floats of y that are the task's, of which rows to come
 * write their own. */
VI void row(const int KERNEL, const int STRIDE, const int BEGIN, const int HEIGHTS, const pool_kernel *k, const pool_row *r, float *y,
            int64_t room, int is_max) {
  const int64_t in = r->depths * r->heights > 0 ? k->shape.axis[2].in : 0, out = k->shape.axis[2].out;
  const vf nothing = pool_nothing(is_max);
  seen before = {nothing, nothing}, now = look(STRIDE, HEIGHTS, r, 0, in, is_max);
  for (int64_t o = 0; o < out; o += VL) {
    const seen after = (o + VL) * STRIDE < in ? look(STRIDE, HEIGHTS, r, o + VL, in, is_max) : (seen){nothing, nothing};
    vf acc = STRIDE == 1 ? now.even : pool_combine(now.even, now.odd, is_max);
    if (BEGIN) acc = pool_combine(acc, v_prev(before.odd, now.odd), is_max);
    if (KERNEL == 3 && (STRIDE == 1 || !BEGIN)) acc = pool_combine(acc, v_next(now.even, after.even), is_max);
    if (!is_max) acc = pool_averaged(&k->average, acc, o, r->count);
    if (room - o >= VL)
      v_store(y + o, acc);
    else
      v_store_n(y + o, acc, cpu_min(VL, out - o));
    before = now;
    now = after;
  }
}

VI void rows(const int KERNEL, const int STRIDE, const int BEGIN, const pool_job *j, int64_t begin, int64_t end, int is_max) {
  const pool_kernel *k = j->kernel;
  const int64_t out = k->shape.axis[2].out, plane_floats = pool_cells_in(&k->shape);
  const float *x = j->x + begin / k->plane_rows * plane_floats;
  int64_t at = begin % k->plane_rows;
  for (int64_t i = begin; i < end; i++) {
    pool_row r = k->row[at];
    r.base = x + r.first;
    if (r.depths == 1 && r.heights == KERNEL)
      row(KERNEL, STRIDE, BEGIN, KERNEL, k, &r, j->y + i * out, (end - i) * out, is_max);
    else
      row(KERNEL, STRIDE, BEGIN, 0, k, &r, j->y + i * out, (end - i) * out, is_max);
    if (++at < k->plane_rows) continue;
    at = 0;
    x += plane_floats;
  }
}

#define ROWS(K, S, B, MAX)                                                                  \
  static void rows_##K##_##S##_##B##_##MAX(const pool_job *j, int64_t begin, int64_t end) { \
    rows(K, S, B, j, begin, end, MAX);                                                      \
  }
#define EACH(F) F(3, 1, 1, 0) F(3, 1, 1, 1) F(3, 2, 0, 0) F(3, 2, 0, 1) F(3, 2, 1, 0) F(3, 2, 1, 1) F(2, 2, 0, 0) F(2, 2, 0, 1)
#define ENTRY(K, S, B, MAX) [K][S][B][MAX] = rows_##K##_##S##_##B##_##MAX,
EACH(ROWS)
static void (*const functions[4][3][2][2])(const pool_job *j, int64_t begin, int64_t end) = {EACH(ENTRY)};

static void run(void *arg, int64_t index, int32_t worker) {
  const pool_job *j = arg;
  const pool_kernel *k = j->kernel;
  const pool_axis *w = &k->shape.axis[2];
  const int64_t begin = index * k->rows_per_task;
  (void)worker;
  functions[w->kernel][w->stride][w->begin][k->shape.is_max](j, begin, cpu_min(k->rows, begin + k->rows_per_task));
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pool_kernel *k = (const pool_kernel *)kernel;
  pool_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->rows, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_small_row) = {.name = CVK_ISA_ROW("pool_small"),
                                            .kind = CVK_OP_MAX_POOL,
                                            .kind_last = CVK_OP_AVG_POOL,
                                            .accepts = accepts,
                                            .prepare = prepare,
                                            .execute = execute,
                                            .release = release};

/* SPDX-License-Identifier: Apache-2.0 */
/* resize: RESIZE of any axes (blocked: of spatial ones), f32, every mode, plain or NCHWc in and out. All axes from the first that is
 * resized to the last but one count as one, of rows. A task is some output rows of a plane (or channel block). The rows of x that an output
 * row is made of are summed into a line of the worker's, then the cells of the line into the cells of the row: by whole vectors where a
 * cell is a block, by gathering where it is one number. A row that copies what the row before it copied is copied from there. */
#include "resize_taps.h"
#include "vec.h"

enum { BYTES_PER_TASK = 64 << 10, MOST_CELLS = 1 << 23 /* of a table */ };

typedef struct resize_kernel {
  cpu_kernel base;
  resize_taps down, across; /* of the rows, of a row's cells */
  int64_t planes, lanes;    /* lanes: floats of a cell */
  int64_t rows_per_task, tasks, line_floats;
  int32_t *near; /* plain: of each vector of cells of `across`, where a load that holds them all begins; -1: there is none */
  float outside;
  double ns;
} resize_kernel;

typedef struct resize_job {
  const resize_kernel *kernel;
  const float *x;
  float *y, *lines;
} resize_job;

static int64_t line_floats_of(int64_t in, int64_t lanes) {
  return cpu_ceil_div(in * lanes + VL, 16) * 16;
}

/* The first of the axes that make the rows; the last axis: x is one row. */
static int32_t first_of_rows(const cvk_op *op, int32_t blocked) {
  const cvk_tensor_desc *x = op->in[0];
  const int32_t low = blocked ? 2 : 0, last = x->rank - 1;
  for (int32_t i = low; i < last; i++)
    if (i == last - 1 || !resize_keeps(op->attr, i, x->dim[i])) return i;
  return last;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_resize_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int32_t blocked = variant == 0, last = x->rank - 1;
  if (x->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", x->dtype);
  if (!y) return cpu_refuse(why, "output 0 is not wanted");
  if (x->rank < (blocked ? 3 : 1)) return cpu_refuse(why, "rank %d", x->rank);
  for (int32_t i = 0; blocked && i < 2; i++)
    if (!resize_keeps(a, i, x->dim[i])) return cpu_refuse(why, "axis %d is resized, not only spatial ones", i);
  int64_t in = 1, rows = 1, taps = 1;
  for (int32_t i = first_of_rows(op, blocked); i < last; i++) {
    if (x->dim[i] > MOST_CELLS || y->dim[i] > MOST_CELLS)
      return cpu_refuse(why, "extents %lld and %lld of axis %d", (long long)x->dim[i], (long long)y->dim[i], i);
    in *= x->dim[i];
    rows *= y->dim[i];
    taps *= resize_most_taps(a, i, x->dim[i]);
    if (in > MOST_CELLS || rows > MOST_CELLS || taps > MOST_CELLS / cpu_max(1, rows))
      return cpu_refuse(why, "%lld rows of x, %lld of y, %lld taps each", (long long)in, (long long)rows, (long long)taps);
  }
  if (x->dim[last] > MOST_CELLS || y->dim[last] > MOST_CELLS)
    return cpu_refuse(why, "rows of %lld and %lld cells", (long long)x->dim[last], (long long)y->dim[last]);
  if (blocked && a->coordinates == CVK_TF_CROP_AND_RESIZE && a->extrapolation != 0 && x->dim[1] % VL != 0)
    return cpu_refuse(why, "the value would fill lanes past channel %lld", (long long)x->dim[1]);
  const int64_t lanes = blocked ? VL : 1, workers = cpu_workers(device);
  c->in[0] = c->out[0] = cpu_format(blocked ? VL : 0);
  for (int32_t i = 1; i < CVK_CANDIDATE_INPUTS; i++) c->in[i] = cpu_format(0);
  c->workspace_bytes = cpu_product(3, (int64_t[]){workers, line_floats_of(x->dim[last], lanes), sizeof(float)});
  if (c->workspace_bytes == UINT64_MAX) return cpu_refuse(why, "a line of %lld cells", (long long)x->dim[last]);
  cvk_tensor_desc from = *x, to = *y;
  from.format = to.format = c->in[0];
  const double bytes = (double)cvk_desc_bytes(&from) + (double)cvk_desc_bytes(&to), cells = (double)cvk_desc_bytes(&to) / 4;
  const double sums = (double)taps + (double)resize_most_taps(a, last, x->dim[last]);
  c->estimated_ns = cpu_ns_memory(device, bytes, 1) + cpu_ns_compute(device, cells * sums * (blocked ? 1 : 4), 1);
  return 1;
}

static void release(cpu_kernel *kernel) {
  resize_kernel *k = (resize_kernel *)kernel;
  resize_taps_free(kernel->device, &k->down);
  resize_taps_free(kernel->device, &k->across);
  cpu_free(kernel->device, k->near);
}

/* The table of the rows; without axes, of one. */
static cvk_status make_rows(const cpu_device *device, const cvk_op *op, int32_t first, resize_taps *t) {
  const cvk_resize_attr *a = op->attr, none = {.size = {1}, .width = {1}, .roi_end = {1}};
  const int32_t last = op->in[0]->rank - 1;
  if (first == last) return resize_taps_make(device, &none, 0, 1, 1, t);
  cvk_status s = resize_taps_make(device, a, last - 1, op->in[0]->dim[last - 1], op->out[0]->dim[last - 1], t);
  for (int32_t i = last - 2; s == CVK_OK && i >= first; i--) {
    resize_taps outer;
    s = resize_taps_make(device, a, i, op->in[0]->dim[i], op->out[0]->dim[i], &outer);
    if (s == CVK_OK) s = resize_taps_nest(device, &outer, t);
  }
  return s;
}

/* Entries past the last output become like it, so that they ask for no other cells. */
static cvk_status find_near(const cpu_device *device, resize_kernel *k) {
  resize_taps *t = &k->across;
  k->near = cpu_alloc(device, cpu_product(3, (int64_t[]){t->pitch / VL, t->most, sizeof *k->near}));
  if (!k->near) return CVK_NO_MEMORY;
  for (int64_t i = 0; i < t->pitch * t->most; i += VL) {
    int32_t *cell = t->cell + i, low = INT32_MAX, high = 0;
    for (int64_t v = 0; v < VL; v++) {
      if (i % t->pitch + v >= t->out) cell[v] = cell[v > 0 ? v - 1 : 0];
      low = cell[v] < low ? cell[v] : low;
      high = cell[v] > high ? cell[v] : high;
    }
    const int64_t begin = cpu_min(low, t->in - VL);
    k->near[i / VL] = begin >= 0 && high - begin < VL ? (int32_t)begin : -1;
  }
  return CVK_OK;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_resize_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int32_t blocked = x->format.layout == CVK_BLOCKED, last = x->rank - 1, first = first_of_rows(op, blocked);
  resize_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->lanes = blocked ? VL : 1;
  k->planes = 1;
  for (int32_t i = 0; i < first; i++) k->planes *= blocked && i == 1 ? cpu_ceil_div(x->dim[1], VL) : x->dim[i];
  if (cvk_count(y->rank, y->dim) == 0) k->planes = 0;
  k->outside = a->extrapolation;
  k->line_floats = line_floats_of(x->dim[last], k->lanes);
  k->ns = c->estimated_ns;
  cvk_status s = CVK_OK;
  if (k->planes > 0) {
    s = resize_taps_make(device, a, last, x->dim[last], y->dim[last], &k->across);
    if (s == CVK_OK) s = make_rows(device, op, first, &k->down);
    if (s == CVK_OK && !blocked) s = find_near(device, k);
    k->rows_per_task = cpu_max(1, BYTES_PER_TASK / (4 * k->across.out * k->lanes));
    k->tasks = cpu_ceil_div(k->down.out, k->rows_per_task);
  }
  if (s == CVK_OK) {
    *out = &k->base;
    return CVK_OK;
  }
  release(&k->base);
  cpu_free(device, k);
  return s;
}

/* n floats of the rows that output row o is made of, summed. */
VI void sum_rows(const resize_taps *t, int64_t o, const float *plane, int64_t row_floats, float *to, int64_t n) {
  const int64_t taps = t->count[o];
  const float *first = plane + t->cell[o] * row_floats, *second = plane + t->cell[t->pitch * (t->most > 1) + o] * row_floats;
  const vf w0 = v_set1(t->weight[o]), w1 = v_set1(t->weight[t->pitch * (t->most > 1) + o]);
  for (int64_t i = 0; i < n; i += VL) {
    const int64_t left = n - i;
    vf acc = left >= VL ? v_fma(v_load(second + i), w1, v_mul(v_load(first + i), w0))
                        : v_fma(v_load_n(second + i, left), w1, v_mul(v_load_n(first + i, left), w0));
    for (int64_t k = 2; k < taps; k++) {
      const float *row = plane + t->cell[k * t->pitch + o] * row_floats + i;
      acc = v_fma(left >= VL ? v_load(row) : v_load_n(row, left), v_set1(t->weight[k * t->pitch + o]), acc);
    }
    if (left >= VL)
      v_store(to + i, acc);
    else
      v_store_n(to + i, acc, left);
  }
}

VI void across_blocked(const resize_taps *t, const float *line, float *y, float outside) {
  for (int64_t o = 0; o < t->out; o++) {
    const int64_t taps = t->count[o];
    vf acc = taps == 0 ? v_set1(outside) : v_load(line + t->cell[o] * VL);
    if (taps > 1) acc = v_mul(acc, v_set1(t->weight[o]));
    for (int64_t k = 1; k < taps; k++) acc = v_fma(v_load(line + t->cell[k * t->pitch + o] * VL), v_set1(t->weight[k * t->pitch + o]), acc);
    v_store(y + o * VL, acc);
  }
}

/* VL cells of a line; near: as in the kernel. */
VI vf pick(const float *line, const int32_t *cell, int32_t near) {
  return near < 0 ? v_gather(line, cell) : v_permute(v_load(line + near), vi_sub(vi_load(cell), vi_set1(near)));
}

VI void across_plain(const resize_taps *t, const int32_t *near, const float *line, float *y, float outside) {
  const int64_t vectors = t->pitch / VL;
  for (int64_t o = 0; o < t->out; o += VL, near++) {
    const vf w0 = v_load(t->weight + o);
    vf acc = v_mul(pick(line, t->cell + o, *near), w0);
    for (int64_t k = 1; k < t->most; k++) {
      const vf w = v_load(t->weight + k * t->pitch + o);
      acc = v_sel(v_eq(w, v_zero()), acc, v_fma(pick(line, t->cell + k * t->pitch + o, near[k * vectors]), w, acc));
    }
    acc = v_sel(v_eq(w0, v_zero()), v_set1(outside), acc);
    if (t->out - o >= VL)
      v_store(y + o, acc);
    else
      v_store_n(y + o, acc, t->out - o);
  }
}

static void fill(float *y, int64_t n, float value) {
  for (int64_t i = 0; i < n; i++) y[i] = value;
}

static void row(const resize_kernel *k, int64_t o, const float *plane, float *line, float *y) {
  const int64_t in = k->across.in * k->lanes, out = k->across.out * k->lanes;
  const int32_t taps = k->down.count[o], flat = k->across.is_identity;
  const float *from = plane + k->down.cell[o] * in;
  if (taps == 0) {
    fill(y, out, k->outside);
    return;
  }
  if (taps > 1) {
    sum_rows(&k->down, o, plane, in, flat ? y : line, in);
    from = line;
  } else if (flat) {
    memcpy(y, from, (size_t)out * sizeof *y);
  }
  if (flat) return;
  if (k->lanes == 1)
    across_plain(&k->across, k->near, from, y, k->outside);
  else
    across_blocked(&k->across, from, y, k->outside);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const resize_job *j = arg;
  const resize_kernel *k = j->kernel;
  const resize_taps *down = &k->down;
  const int64_t plane = index / k->tasks, begin = index % k->tasks * k->rows_per_task, end = cpu_min(down->out, begin + k->rows_per_task);
  const int64_t out = k->across.out * k->lanes;
  const float *x = j->x + plane * down->in * k->across.in * k->lanes;
  float *y = j->y + (plane * down->out + begin) * out;
  for (int64_t o = begin; o < end; o++, y += out) {
    if (o > begin && down->count[o] == 1 && down->count[o - 1] == 1 && down->cell[o] == down->cell[o - 1])
      memcpy(y, y - out, (size_t)out * sizeof *y);
    else
      row(k, o, x, j->lines + worker * k->line_floats, y);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const resize_kernel *k = (const resize_kernel *)kernel;
  resize_job job = {k, in[0], out[0], workspace};
  cpu_parallel(kernel->device, k->planes * k->tasks, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(resize_row) = {.name = CVK_ISA_ROW("resize"),
                                        .kind = CVK_OP_RESIZE,
                                        .variants = 2,
                                        .accepts = accepts,
                                        .prepare = prepare,
                                        .execute = execute,
                                        .release = release};

/* SPDX-License-Identifier: Apache-2.0 */
/* pool_grad: MAX_POOL_GRAD and AVG_POOL_GRAD, 1-D to 3-D, f32, plain or blocked. A task is some planes (channels, or channel blocks, of an
 * image): a plane of gx is set to zero and the windows add to it in their order, while it is in cache. A window's maximum is its first
 * one, and NaN comes before all else. Windows of 2x2 that do not overlap are read and written once, without sums. The values of an average
 * pool's x are not read, so that x may have either format. */
#include <string.h>

#include "pool_combine.h"

enum { FLOATS_PER_TASK = 8192, FREE_MASKS = VL == 16 }; /* FREE_MASKS: AVX-512 loads and stores parts of vectors as fast as whole ones */

struct grad_kernel;
/* One plane; line: a worker's buffer. */
typedef void (*plane_function)(const struct grad_kernel *k, const float *x, const float *gy, float *gx, float *line);

typedef struct grad_kernel {
  cpu_kernel base;
  pool_shape shape;
  int64_t planes, planes_per_task, cells_in, cells_out; /* floats of a plane of x, of gy */
  int64_t inner_begin, inner_end;                       /* outputs of a row whose windows lie in the input from side to side */
  int64_t buffer;                                       /* floats of a worker's buffer */
  pool_average average;
  plane_function plane;
  double ns;
} grad_kernel;

typedef struct grad_job {
  const grad_kernel *kernel;
  const float *x, *gy;
  float *gx, *buffers;
} grad_job;

/* Whether v comes before the maximum so far. */
VI vm beats(vf v, vf most) {
  return vm_and(vm_not(v_le(v, most)), v_eq(most, most));
}

/* ---- 2x2 without overlap ------------------------------------------------------------------------------------------ */

/* Cells a b over c d of VL windows: each window's g for its first maximum, zero for the others. */
VI void give(vf a, vf b, vf c, vf d, vf g, vf out[4]) {
  const vm right = beats(b, a), right2 = beats(d, c);
  const vm below = beats(v_sel(right2, d, c), v_sel(right, b, a));
  const vf zero = v_zero(), above = v_sel(below, zero, g), under = v_sel(below, g, zero);
  out[0] = v_sel(right, zero, above);
  out[1] = v_sel(right, above, zero);
  out[2] = v_sel(right2, zero, under);
  out[3] = v_sel(right2, under, zero);
}

/* Two rows of x, n <= VL windows (a constant where it is VL). */
VI void give_plain(const float *x0, const float *x1, const float *gy, float *g0, float *g1, int64_t n) {
  const int64_t first = cpu_min(2 * n, VL), second = 2 * n - first;
  const int whole = n == VL;
  const vf p = whole ? v_load(x0) : v_load_n(x0, first), q = whole ? v_load(x0 + VL) : v_load_n(x0 + first, second);
  const vf r = whole ? v_load(x1) : v_load_n(x1, first), s = whole ? v_load(x1 + VL) : v_load_n(x1 + first, second);
  vf out[4];
  give(v_even(p, q), v_odd(p, q), v_even(r, s), v_odd(r, s), whole ? v_load(gy) : v_load_n(gy, n), out);
  if (whole) {
    v_store(g0, v_zip_low(out[0], out[1]));
    v_store(g0 + VL, v_zip_high(out[0], out[1]));
    v_store(g1, v_zip_low(out[2], out[3]));
    v_store(g1 + VL, v_zip_high(out[2], out[3]));
  } else {
    v_store_n(g0, v_zip_low(out[0], out[1]), first);
    v_store_n(g1, v_zip_low(out[2], out[3]), first);
    if (second > 0) v_store_n(g0 + VL, v_zip_high(out[0], out[1]), second);
    if (second > 0) v_store_n(g1 + VL, v_zip_high(out[2], out[3]), second);
  }
}

/* Two pairs of rows, n <= VL / 2 windows each: a pair fills half of the vectors. place: lanes of gy for them. */
VI void give_two(const float *x, const float *gy, float *gx, int64_t in, int64_t n, vi place) {
  const vf p = v_load_n(x, 2 * n), q = v_load_n(x + 2 * in, 2 * n), r = v_load_n(x + in, 2 * n), s = v_load_n(x + 3 * in, 2 * n);
  vf out[4];
  give(v_even(p, q), v_odd(p, q), v_even(r, s), v_odd(r, s), v_permute(v_load_n(gy, 2 * n), place), out);
  v_store_n(gx, v_zip_low(out[0], out[1]), 2 * n);
  v_store_n(gx + in, v_zip_low(out[2], out[3]), 2 * n);
  v_store_n(gx + 2 * in, v_zip_high(out[0], out[1]), 2 * n);
  v_store_n(gx + 3 * in, v_zip_high(out[2], out[3]), 2 * n);
}

/* Lanes 0 to n-1 for the first half of a vector, n to 2n-1 for the second. */
static vi places_of_two(int64_t n) {
  int32_t place[VL];
  for (int i = 0; i < VL; i++) place[i] = (int32_t)cpu_min(VL - 1, i < VL / 2 ? i : n + i - VL / 2);
  return vi_load(place);
}

/* Where a row has less than VL windows, masks cost and the plane goes on for long enough, whole vectors are read and written all the same:
 * what they write past their row is written again with the rows to come. */
static void max_plain_2x2(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const int64_t in = k->shape.axis[2].in, out = k->shape.axis[2].out, rows = k->shape.axis[1].out;
  const int64_t whole = cpu_min((k->cells_in - in - 2 * VL) / cpu_max(1, 2 * in), (k->cells_out - VL) / cpu_max(1, out));
  const int64_t wide = FREE_MASKS || k->cells_in < in + 2 * VL || k->cells_out < VL ? 0 : whole + 1; /* rows that are written so */
  (void)line;
  for (int64_t r = 0; r < rows; r++, x += 2 * in, gx += 2 * in, gy += out) {
    if (out < VL && r < wide)
      give_plain(x, x + in, gy, gx, gx + in, VL);
    else if (out < VL)
      give_plain(x, x + in, gy, gx, gx + in, out);
    else
      for (int64_t i = 0; i < out; i += VL) {
        const int64_t o = cpu_min(i, out - VL); /* the last windows twice: they get the same again */
        give_plain(x + 2 * o, x + in + 2 * o, gy + o, gx + 2 * o, gx + in + 2 * o, VL);
      }
    for (int64_t i = 2 * out; i < in; i++) gx[i] = gx[in + i] = 0;
  }
  for (int64_t i = 0; i < (k->shape.axis[1].in - 2 * rows) * in; i++) gx[i] = 0;
}

static void max_plain_2x2_narrow(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const int64_t in = k->shape.axis[2].in, out = k->shape.axis[2].out, rows = k->shape.axis[1].out;
  const vi place = places_of_two(out);
  int64_t r = 0;
  (void)line;
  for (; r + 2 <= rows; r += 2) give_two(x + 2 * r * in, gy + r * out, gx + 2 * r * in, in, out, place);
  if (r < rows) give_plain(x + 2 * r * in, x + 2 * r * in + in, gy + r * out, gx + 2 * r * in, gx + 2 * r * in + in, out);
  for (r = 0; r < 2 * rows; r++)
    for (int64_t i = 2 * out; i < in; i++) gx[r * in + i] = 0;
  for (int64_t i = 2 * rows * in; i < k->cells_in; i++) gx[i] = 0;
}

static void max_blocked_2x2(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const int64_t in = k->shape.axis[2].in * VL, out = k->shape.axis[2].out, rows = k->shape.axis[1].out;
  (void)line;
  for (int64_t r = 0; r < rows; r++, x += 2 * in, gx += 2 * in, gy += out * VL) {
    for (int64_t o = 0; o < out; o++) {
      const float *p = x + 2 * o * VL;
      float *q = gx + 2 * o * VL;
      vf g[4];
      give(v_load(p), v_load(p + VL), v_load(p + in), v_load(p + in + VL), v_load(gy + o * VL), g);
      v_store(q, g[0]);
      v_store(q + VL, g[1]);
      v_store(q + in, g[2]);
      v_store(q + in + VL, g[3]);
    }
    for (int64_t i = 2 * out * VL; i < in; i++) gx[i] = gx[in + i] = 0;
  }
  for (int64_t i = 0; i < (k->shape.axis[1].in - 2 * rows) * in; i++) gx[i] = 0;
}

/* ---- maxima of any window ------------------------------------------------------------------------------------------ */

VI vf load_cells(const float *p, int64_t stride, int64_t n) {
  if (n == VL) return stride == 1 ? v_load(p) : stride == 2 ? v_load_even(p) : v_load_strided(p, stride);
  return stride == 1 ? v_load_n(p, n) : stride == 2 ? v_load_even_n(p, n) : v_load_strided_n(p, stride, n);
}

/* n <= VL neighbouring windows, of which width taps first..last-1 lie in the input; `start`: where tap 0 of the first lies in its row. */
VI void give_first(const pool_row *r, const pool_axis *w, int64_t stride, const float *x, const float *gy, float *gx, int64_t start,
                   int64_t first, int64_t last, int64_t n) {
  int32_t at[VL];
  vf most = v_zero(), place = v_zero(); /* place: bits of an int32 */
  int32_t any = 0;
  for (int64_t d = 0; d < r->depths; d++)
    for (int64_t h = 0; h < r->heights; h++)
      for (int64_t t = first; t < last; t++) {
        const int64_t cell = r->first + d * r->depth_step + h * r->height_step + start + t * w->dilation;
        const vf v = load_cells(x + cell, stride, n), here = v_from_bits(vi_set1((int32_t)cell));
        const vm m = beats(v, most);
        most = any ? v_sel(m, v, most) : v;
        place = any ? v_sel(m, here, place) : here;
        any = 1;
      }
  if (!any) return;
  vi_store(at, v_bits(place));
  for (int64_t i = 0; i < n; i++) gx[at[i] + i * stride] += gy[i];
}

VI void max_row(const grad_kernel *k, const pool_row *r, const float *x, const float *gy, float *gx, int64_t stride) {
  const pool_axis *w = &k->shape.axis[2];
  for (int64_t o = 0; o < w->out;) {
    if (o >= k->inner_begin && o < k->inner_end) {
      const int64_t n = cpu_min(VL, k->inner_end - o);
      if (n == VL)
        give_first(r, w, stride, x, gy + o, gx, o * stride - w->begin, 0, w->kernel, VL);
      else
        give_first(r, w, stride, x, gy + o, gx, o * stride - w->begin, 0, w->kernel, n);
      o += n;
    } else {
      const pool_window at = pool_window_at(w, o, 0);
      give_first(r, w, stride, x, gy + o, gx, at.start, at.first, at.last, 1);
      o++;
    }
  }
}

static void max_plain(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const pool_axis *w = &k->shape.axis[2];
  const int64_t rows = k->shape.axis[0].out * k->shape.axis[1].out;
  pool_place at = {0, 0, 0};
  (void)line;
  memset(gx, 0, (size_t)k->cells_in * sizeof *gx);
  for (int64_t i = 0; i < rows; i++, gy += w->out) {
    const pool_row r = pool_row_of(&k->shape, &at, 1);
    if (w->stride == 1)
      max_row(k, &r, x, gy, gx, 1);
    else if (w->stride == 2)
      max_row(k, &r, x, gy, gx, 2);
    else
      max_row(k, &r, x, gy, gx, w->stride);
    pool_place_next(&k->shape, &at);
  }
}

/* One window of depths x heights x taps cells (constants where that helps) from base on. Taps are numbered in floats, exact up to 2^24. */
VI void give_blocked(const pool_row *r, int64_t depths, int64_t heights, int64_t taps, int64_t step, const float *x, vf g, float *gx) {
  const vf zero = v_zero();
  vf most = v_load(x), tap = zero;
  int32_t number = 0;
  for (int64_t d = 0; d < depths; d++)
#pragma GCC unroll 3
    for (int64_t h = 0; h < heights; h++)
#pragma GCC unroll 3
      for (int64_t t = 0; t < taps; t++, number++) {
        const vf v = v_load(x + d * r->depth_step + h * r->height_step + t * step);
        const vm m = beats(v, most);
        most = v_sel(m, v, most);
        tap = v_sel(m, v_set1((float)number), tap);
      }
  number = 0;
  for (int64_t d = 0; d < depths; d++)
#pragma GCC unroll 3
    for (int64_t h = 0; h < heights; h++)
#pragma GCC unroll 3
      for (int64_t t = 0; t < taps; t++, number++) {
        float *q = gx + d * r->depth_step + h * r->height_step + t * step;
        v_store(q, v_add(v_load(q), v_sel(v_eq(v_set1((float)number), tap), g, zero)));
      }
}

static void max_blocked(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const pool_axis *w = &k->shape.axis[2];
  const int64_t rows = k->shape.axis[0].out * k->shape.axis[1].out, step = w->dilation * VL;
  pool_place at = {0, 0, 0};
  (void)line;
  memset(gx, 0, (size_t)k->cells_in * sizeof *gx);
  for (int64_t i = 0; i < rows; i++, pool_place_next(&k->shape, &at)) {
    const pool_row r = pool_row_of(&k->shape, &at, VL);
    for (int64_t o = 0; o < w->out; o++, gy += VL) {
      const pool_window win = pool_window_at(w, o, 0);
      const int64_t taps = win.last - win.first, base = r.first + (win.start + win.first * w->dilation) * VL;
      if (taps <= 0 || r.depths * r.heights == 0) continue;
      if (taps == 3 && r.heights == 3 && r.depths == 1)
        give_blocked(&r, 1, 3, 3, step, x + base, v_load(gy), gx + base);
      else
        give_blocked(&r, r.depths, r.heights, taps, step, x + base, v_load(gy), gx + base);
    }
  }
}

/* ---- averages -------------------------------------------------------------------------------------------------------- */

/* One row of gy, divided, spread along the width: line[0..in-1], written whole; behind it lies room for a vector of windows. */
static void spread(const grad_kernel *k, const float *gy, int64_t taps, float *share, float *line) {
  const pool_axis *w = &k->shape.axis[2];
  const int32_t pairs = w->stride == 2 && w->kernel == 2 && w->dilation == 1;
  for (int64_t o = 0; o < w->out; o += VL)
    v_store(share + o, pool_averaged(&k->average, v_load_n(gy + o, cpu_min(VL, w->out - o)), o, taps));
  memset(line, 0, (size_t)w->in * sizeof *line);
  for (int64_t o = 0; o < w->out;) {
    const int64_t n = o >= k->inner_begin ? cpu_min(VL, k->inner_end - o) : 0;
    if (2 * n >= VL && w->stride == 1) {
      const vf v = v_first(v_load(share + o), n);
      for (int64_t t = 0; t < w->kernel; t++) {
        float *p = line + o - w->begin + t * w->dilation;
        v_store(p, v_add(v_load(p), v));
      }
    } else if (2 * n >= VL && pairs) {
      const vf v = v_first(v_load(share + o), n);
      v_store(line + 2 * o - w->begin, v_zip_low(v, v));
      v_store(line + 2 * o - w->begin + VL, v_zip_high(v, v));
    } else {
      const pool_window at = pool_window_at(w, o, 0);
      int64_t t = at.first;
      for (; w->dilation == 1 && t + VL <= at.last; t += VL)
        v_store(line + at.start + t, v_add(v_load(line + at.start + t), v_set1(share[o])));
      for (; t < at.last; t++) line[at.start + t * w->dilation] += share[o];
      o++;
      continue;
    }
    o += n;
  }
}

static void avg_plain(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const int64_t rows = k->shape.axis[0].out * k->shape.axis[1].out, in = k->shape.axis[2].in;
  float *share = line + (cpu_ceil_div(in, VL) + 2) * VL;
  pool_place at = {0, 0, 0};
  (void)x;
  memset(gx, 0, (size_t)k->cells_in * sizeof *gx);
  for (int64_t i = 0; i < rows; i++, gy += k->shape.axis[2].out, pool_place_next(&k->shape, &at)) {
    const pool_row r = pool_row_of(&k->shape, &at, 1);
    if (r.depths * r.heights == 0) continue;
    spread(k, gy, r.count, share, line);
    for (int64_t d = 0; d < r.depths; d++)
      for (int64_t h = 0; h < r.heights; h++) {
        float *to = gx + r.first + d * r.depth_step + h * r.height_step;
        int64_t c = 0;
        for (; c + VL <= in; c += VL) v_store(to + c, v_add(v_load(to + c), v_load(line + c)));
        if (c < in) v_store_n(to + c, v_add(v_load_n(to + c, in - c), v_load(line + c)), in - c);
      }
  }
}

/* One window that holds the plane. */
static void avg_whole(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const pool_axis *a = k->shape.axis;
  float count = 1;
  int64_t i = 0;
  (void)x, (void)line;
  for (int32_t j = 0; j < POOL_AXES; j++) count *= (float)pool_window_at(&a[j], 0, k->shape.count_pad).count;
  const vf g = v_set1(*gy / count);
  for (; i + VL <= k->cells_in; i += VL) v_store(gx + i, g);
  if (i < k->cells_in) v_store_n(gx + i, g, k->cells_in - i);
}

static void avg_blocked(const grad_kernel *k, const float *x, const float *gy, float *gx, float *line) {
  const pool_axis *w = &k->shape.axis[2];
  const int64_t rows = k->shape.axis[0].out * k->shape.axis[1].out, step = w->dilation * VL;
  pool_place at = {0, 0, 0};
  (void)x, (void)line;
  memset(gx, 0, (size_t)k->cells_in * sizeof *gx);
  for (int64_t i = 0; i < rows; i++, pool_place_next(&k->shape, &at)) {
    const pool_row r = pool_row_of(&k->shape, &at, VL);
    for (int64_t o = 0; o < w->out; o++, gy += VL) {
      const pool_window win = pool_window_at(w, o, k->shape.count_pad);
      const vf g = v_div(v_load(gy), v_set1((float)(r.count * win.count)));
      const int64_t taps = win.last - win.first, base = r.first + (win.start + win.first * w->dilation) * VL;
      for (int64_t d = 0; d < r.depths; d++)
        for (int64_t h = 0; h < r.heights; h++) {
          float *q = gx + base + d * r.depth_step + h * r.height_step;
          for (int64_t t = 0; t < taps; t++) v_store(q + t * step, v_add(v_load(q + t * step), g));
        }
    }
  }
}

/* ---- the row ---------------------------------------------------------------------------------------------------------- */

/* The pool's shape: gy has its output's. */
static int32_t shape_of(const cvk_op *op, pool_shape *s, cpu_reason *why) {
  const cvk_tensor_desc *y[1] = {op->in[1]};
  cvk_op pool = *op;
  pool.kind = op->kind == CVK_OP_MAX_POOL_GRAD ? CVK_OP_MAX_POOL : CVK_OP_AVG_POOL;
  pool.out = y;
  return pool_shape_of(&pool, s, why);
}

static int32_t is_2x2(const pool_shape *s) {
  const pool_axis *a = s->axis;
  int32_t fits = s->is_max && a[0].in == 1 && a[0].kernel == 1;
  for (int32_t i = 1; i < POOL_AXES; i++)
    fits &= a[i].kernel == 2 && a[i].stride == 2 && a[i].dilation == 1 && a[i].begin == 0 && 2 * a[i].out <= a[i].in;
  return fits;
}

static int32_t is_whole(const pool_shape *s) {
  int32_t fits = 1;
  for (int32_t i = 0; i < POOL_AXES; i++) {
    const pool_window w = pool_window_at(&s->axis[i], 0, 0);
    fits &= s->axis[i].out == 1 && s->axis[i].dilation == 1 && w.last - w.first == s->axis[i].in;
  }
  return fits;
}

/* A line with room for a vector of windows behind it, and the shares of a row of gy with room for a vector. Whole cache lines: workers
 * share none. */
static int64_t buffer_floats(const pool_axis *w) {
  return cpu_ceil_div((cpu_ceil_div(w->in, VL) + 2 + cpu_ceil_div(w->out, VL) + 1) * VL, 16) * 16;
}

static plane_function function_of(const pool_shape *s, int32_t blocked) {
  if (is_2x2(s)) return blocked ? max_blocked_2x2 : FREE_MASKS && 2 * s->axis[2].out <= VL ? max_plain_2x2_narrow : max_plain_2x2;
  if (s->is_max) return blocked ? max_blocked : max_plain;
  return blocked ? avg_blocked : is_whole(s) ? avg_whole : avg_plain;
}

/* Of a plane of `lanes` channels, arithmetic only. */
static double cycles_of(const pool_shape *s, int32_t blocked) {
  const double vectors = blocked ? 1 : 1.0 / VL, in = (double)pool_cells_in(s) * vectors, out = (double)pool_cells_out(s) * vectors;
  const double taps = (double)pool_taps(s), strided = !blocked && s->axis[2].stride > 2 ? VL : 1;
  if (is_2x2(s)) return 5 * in;
  if (s->is_max) return in + out * (blocked ? 5 * taps : 5 * taps * strided + 3 * VL);
  if (!blocked && is_whole(s)) return in;
  return in + out * taps * (blocked || s->axis[2].stride == 1 ? 2 : VL);
}

/* Variant bit 0: gx and gy (and x, of a maximum) are blocked; bit 1, average alone: x is. */
static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  pool_shape s = {0};
  const int32_t blocked = variant & 1;
  if (!cpu_all_f32(op, why) || !shape_of(op, &s, why)) return 0;
  if (s.is_max && variant > 1) return cpu_refuse(why, "x is read in one format with gx");
  if (!blocked && pool_cells_in(&s) > INT32_MAX) return cpu_refuse(why, "a plane has %lld cells", (long long)pool_cells_in(&s));
  if (blocked && pool_taps(&s) > 1 << 24) return cpu_refuse(why, "a window has %lld taps", (long long)pool_taps(&s));
  c->in[0] = cpu_format((s.is_max ? blocked : variant >> 1) ? VL : 0);
  c->in[1] = c->out[0] = cpu_format(blocked ? VL : 0);
  if (!s.is_max && !blocked)
    c->workspace_bytes = cpu_product(3, (int64_t[]){cpu_workers(device), buffer_floats(&s.axis[2]), sizeof(float)});
  const double planes = (double)s.images * (double)(blocked ? cpu_ceil_div(s.channels, VL) : s.channels), lanes = blocked ? VL : 1;
  const double floats = planes * lanes * ((s.is_max ? 2 : 1) * (double)pool_cells_in(&s) + (double)pool_cells_out(&s));
  c->estimated_ns = cpu_ns_memory(device, 4 * floats, 1) + cpu_ns_compute(device, planes * (cycles_of(&s, blocked) + 10) * 2 * VL, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const int32_t blocked = c->out[0].layout == CVK_BLOCKED, lanes = blocked ? VL : 1;
  cpu_reason why;
  grad_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  shape_of(op, &k->shape, &why);
  pool_inner_outputs(&k->shape.axis[2], &k->inner_begin, &k->inner_end);
  k->planes = k->shape.images * cpu_ceil_div(k->shape.channels, lanes);
  k->cells_in = pool_cells_in(&k->shape) * lanes;
  k->cells_out = pool_cells_out(&k->shape) * lanes;
  k->planes_per_task = cpu_max(1, FLOATS_PER_TASK / cpu_max(1, k->cells_in));
  k->buffer = buffer_floats(&k->shape.axis[2]);
  k->plane = function_of(&k->shape, blocked);
  k->ns = c->estimated_ns;
  if (!k->shape.is_max && !blocked && !pool_average_make(device, &k->shape, &k->average)) {
    cpu_free(device, k);
    return CVK_NO_MEMORY;
  }
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((grad_kernel *)kernel)->average.count);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const grad_job *j = arg;
  const grad_kernel *k = j->kernel;
  const int64_t begin = index * k->planes_per_task, end = cpu_min(k->planes, begin + k->planes_per_task);
  for (int64_t i = begin; i < end; i++)
    k->plane(k, j->x + i * k->cells_in, j->gy + i * k->cells_out, j->gx + i * k->cells_in, j->buffers + worker * k->buffer);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const grad_kernel *k = (const grad_kernel *)kernel;
  grad_job job = {k, in[0], in[1], out[0], workspace};
  cpu_parallel(kernel->device, cpu_ceil_div(k->planes, k->planes_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pool_grad_row) = {.name = CVK_ISA_ROW("pool_grad"),
                                           .kind = CVK_OP_MAX_POOL_GRAD,
                                           .kind_last = CVK_OP_AVG_POOL_GRAD,
                                           .variants = 4,
                                           .accepts = accepts,
                                           .prepare = prepare,
                                           .execute = execute,
                                           .release = release};

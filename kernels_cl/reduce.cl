/* SPDX-License-Identifier: Apache-2.0 */
/* reduce.cl: sum, mean, maximum, minimum and product over any axes, f32, plain. The input is seen as kept axes (in the output's order) and reduced
 * axes, each with extents and strides; neighbours are merged by the host, unused ones have extent 1. Sums are compensated; NaN wins in
 * maxima and minima. Products keep exponents apart, so that only the whole product can overflow or vanish. An empty reduction gives 0, NaN
 * (mean), -inf (maximum), +inf (minimum), 1 (product).
 * `kind` is an op of convoke/plugin.h: 128 mean, 129 sum, 130 maximum, 131 minimum, 132 product. */

#include "lane_math.cl"
#include "group.cl"

typedef struct {
  float16 best; /* of a product: its mantissa */
  sum16 total;
  int16 exponent; /* of a product */
} reduced;

reduced reduce_start(int kind) {
  reduced r;
  r.best = (float16)(kind == 132 ? 1.0f : kind == 131 ? INFINITY : -INFINITY);
  r.exponent = (int16)(0);
  r.total.sum = r.total.rest = (float16)(0.0f);
  return r;
}

reduced reduce_one(reduced r, int kind, float16 x) {
  if (kind == 130)
    r.best = max_lanes(r.best, x);
  else if (kind == 131)
    r.best = min_lanes(r.best, x);
  else if (kind == 132) {
    int16 ex, ey;
    const float16 m = frexp(x, &ex);
    r.best = frexp(r.best * m, &ey);
    r.exponent += ex + ey;
  } else
    r.total = sum_add(r.total, x);
  return r;
}

/* The product of four products' lanes. */
float product_across(const reduced *r) {
  float m[16], product = 1.0f;
  int e[16], exponent = 0, over;
  for (int j = 0; j < 4; j++) {
    vstore16(r[j].best, 0, m);
    vstore16(r[j].exponent, 0, e);
    for (int i = 0; i < 16; i++) {
      product = frexp(product * m[i], &over);
      exponent += e[i] + over;
    }
  }
  return ldexp(product, exponent);
}

/* Where row `i` of up to 8 axes begins. */
long strided(long i, int rank, long8 dim, long8 stride) {
  long o = 0;
  if (rank == 1) return i * stride.s0;
  for (int d = rank - 1; d >= 0; d--) {
    o += i % at(dim, d) * at(stride, d);
    i /= at(dim, d);
  }
  return o;
}

/* The innermost axis is reduced and dense: `length` elements in each of `runs` runs. global (ceil(outputs / per_item)) */
kernel void reduce_row(global const float *x, ulong x0, global float *y, ulong y0, int kept, long8 kept_dim, long8 kept_stride, int gone,
                       long8 gone_dim, long8 gone_stride, long outputs, long per_item, long runs, long length, int kind) {
  const long first = get_global_id(0) * per_item, end = min(first + per_item, outputs);
  const float start = kind == 132 ? 1.0f : kind == 131 ? INFINITY : -INFINITY;
  for (long o = first; o < end; o++) {
    const long base = x0 + strided(o, kept, kept_dim, kept_stride);
    reduced r[4];
    float result;
    for (int j = 0; j < 4; j++) r[j] = reduce_start(kind);
    for (long run = 0; run < runs; run++) {
      global const float *p = x + base + strided(run, gone, gone_dim, gone_stride);
      long i = 0;
      for (; i + 64 <= length; i += 64)
        for (int j = 0; j < 4; j++) r[j] = reduce_one(r[j], kind, vload16(j, p + i));
      for (; i < length; i += 16) {
        const long n = min(length - i, 16L);
        const float16 v = load_lanes(p + i, n);
        r[0] = reduce_one(r[0], kind, kind >= 130 ? fill_lanes(v, n, start) : v);
      }
    }
    if (kind == 130)
      result = max_across(max_lanes(max_lanes(r[0].best, r[1].best), max_lanes(r[2].best, r[3].best)));
    else if (kind == 131)
      result = min_across(min_lanes(min_lanes(r[0].best, r[1].best), min_lanes(r[2].best, r[3].best)));
    else if (kind == 132)
      result = product_across(r);
    else {
      for (int j = 1; j < 4; j++) r[0].total = sum_add(sum_add(r[0].total, r[j].total.sum), -r[j].total.rest);
      result = sum_across(r[0].total);
      if (kind == 128) result /= (float)runs * (float)length;
    }
    y[y0 + o] = result;
  }
}

/* The innermost axis is kept and dense (`inner` elements): WIDTH outputs at once. kept: the axes outside it.
 * global (ceil(inner / WIDTH), outputs / inner) */
#define VECTORS 4
#define WIDTH (16 * VECTORS)
kernel void reduce_across(global const float *x, ulong x0, global float *y, ulong y0, int kept, long8 kept_dim, long8 kept_stride, int gone,
                          long8 gone_dim, long8 gone_stride, long inner, long runs, int kind) {
  const long first = get_global_id(0) * WIDTH, n = min(inner - first, (long)WIDTH), row = get_global_id(1);
  const int full = (int)(max(n, 0L) / 16);
  reduced r[VECTORS];
  for (int j = 0; j < VECTORS; j++) r[j] = reduce_start(kind);
  x += x0 + strided(row, kept, kept_dim, kept_stride) + first;
  y += y0 + row * inner + first;
  for (long run = 0; run < runs; run++) {
    global const float *p = x + strided(run, gone, gone_dim, gone_stride);
    if (full == VECTORS)
      for (int j = 0; j < VECTORS; j++) r[j] = reduce_one(r[j], kind, vload16(j, p));
    else {
      for (int j = 0; j < full; j++) r[j] = reduce_one(r[j], kind, vload16(j, p));
      if (n > full * 16) r[full] = reduce_one(r[full], kind, load_lanes(p + full * 16, n - full * 16));
    }
  }
  for (int j = 0; j < VECTORS && j * 16 < n; j++) {
    float16 result = r[j].total.sum - r[j].total.rest;
    if (kind == 128) result /= (float)runs;
    if (kind == 132) result = ldexp(r[j].best, r[j].exponent);
    if (kind == 130 || kind == 131) result = r[j].best;
    store_lanes(y + j * 16, result, n - j * 16);
  }
}

/* Dense lines of `length`, each in `parts` of `share` elements; a sum a work-group (group.cl), over `divisor`; for GPUs.
 * global (lines parts items) */
kernel void reduce_group(global const float *x, ulong x0, global float *y, ulong y0, long length, long share, long parts, float divisor,
                         local float2 *part) {
  const long group = get_group_id(0), first = group % parts * share, end = min(first + share, length);
  float2 sum = (float2)(0.0f);
  x += x0 + group / parts * length;
  for (long i = first + get_local_id(0); i < end; i += get_local_size(0)) sum = added(sum, x[i]);
  const float all = group_sum(sum, part);
  if (get_local_id(0) == 0) y[y0 + group] = all / divisor;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* move.cl: data movement without arithmetic, and casts. Transpose, concat, split, slice, expand, tile and copies are one thing: a copy
 * between two strided views of the same extents (up to 8 axes; a stride may be 0 or negative; `from` is the view's first word). Elements
 * are words of 4 bytes or single bytes; the host gives 2- and 8-byte types one more innermost axis. Buffer offsets count elements of
 * `words` words, all else counts words. */

#include "lane_math.cl"

/* Place `i` of `axes` axes in two views. */
void both_at(long i, int axes, long8 dim, long8 sx, long8 sy, long *ox, long *oy) {
  for (int d = axes - 1; d >= 0; d--) {
    const long k = i % at(dim, d);
    *ox += k * at(sx, d);
    *oy += k * at(sy, d);
    i /= at(dim, d);
  }
}

/* global (ceil(inner / per_item), ceil(rows / rows_per_item)) */
kernel void copy_words(global const uint *x, ulong x0, global uint *y, ulong y0, int words, long from_x, long from_y, int rank, long8 dim,
                       long8 sx, long8 sy, long rows, long rows_per_item, long per_item) {
  const long inner = at(dim, rank - 1), begin = get_global_id(0) * per_item, end = min(begin + per_item, inner);
  const long row0 = get_global_id(1) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  const long ix = at(sx, rank - 1), iy = at(sy, rank - 1);
  for (long row = row0; row < row1; row++) {
    long ox = x0 * words + from_x, oy = y0 * words + from_y, i = begin;
    both_at(row, rank - 1, dim, sx, sy, &ox, &oy);
    if (ix == 1 && iy == 1)
      for (; i + 16 <= end; i += 16) vstore16(vload16(0, x + ox + i), 0, y + oy + i);
    else if (ix == 0 && iy == 1)
      for (; i + 16 <= end; i += 16) vstore16((uint16)(x[ox]), 0, y + oy + i);
    for (; i < end; i++) y[oy + i * iy] = x[ox + i * ix];
  }
}

/* The same for bytes. */
kernel void copy_bytes(global const uchar *x, ulong x0, global uchar *y, ulong y0, int words, long from_x, long from_y, int rank, long8 dim,
                       long8 sx, long8 sy, long rows, long rows_per_item, long per_item) {
  const long inner = at(dim, rank - 1), begin = get_global_id(0) * per_item, end = min(begin + per_item, inner);
  const long row0 = get_global_id(1) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  const long ix = at(sx, rank - 1), iy = at(sy, rank - 1);
  for (long row = row0; row < row1; row++) {
    long ox = x0 * words + from_x, oy = y0 * words + from_y, i = begin;
    both_at(row, rank - 1, dim, sx, sy, &ox, &oy);
    if (ix == 1 && iy == 1)
      for (; i + 16 <= end; i += 16) vstore16(vload16(0, x + ox + i), 0, y + oy + i);
    for (; i < end; i++) y[oy + i * iy] = x[ox + i * ix];
  }
}

/* A plain transpose of words in 16 x 16 tiles: y[outer][a][b] = x[outer][b][a], where `a` is consecutive in x and `b` in y. The axes
 * outside both are the view. global (ceil(b / 16), ceil(a / 16), outer) */
kernel void transpose_words(global const uint *x, ulong x0, global uint *y, ulong y0, int axes, long8 dim, long8 sx, long8 sy, long a,
                            long ya, long b, long xb) {
  const long b0 = get_global_id(0) * 16, a0 = get_global_id(1) * 16, nb = min(b - b0, 16L), na = min(a - a0, 16L);
  long ox = x0 + b0 * xb + a0, oy = y0 + a0 * ya + b0;
  both_at(get_global_id(2), axes, dim, sx, sy, &ox, &oy);
  if (na == 16 && nb == 16) {
    uint tile[256];
    for (int j = 0; j < 16; j++) vstore16(vload16(0, x + ox + j * xb), j, tile);
    for (int i = 0; i < 16; i++)
      for (int j = 0; j < 16; j++) y[oy + i * ya + j] = tile[j * 16 + i];
    return;
  }
  for (long i = 0; i < na; i++)
    for (long j = 0; j < nb; j++) y[oy + i * ya + j] = x[ox + j * xb + i];
}

/* y[outer][j] = x[outer][index[j]], each a run of `inner` words; the host has checked the indices and made them non-negative.
 * global (ceil(inner / per_item), ceil(rows / rows_per_item)), rows = outer * n. */
kernel void gather_words(global const uint *x, ulong x0, global const long *index, ulong index0, global uint *y, ulong y0, int words,
                         long extent, long n, long inner, long rows, long rows_per_item, long per_item) {
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, inner);
  const long row0 = get_global_id(1) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  for (long row = row0; row < row1; row++) {
    global const uint *px = x + x0 * words + (row / n * extent + index[index0 + row % n]) * inner;
    global uint *py = y + y0 * words + row * inner;
    long i = begin;
    for (; i + 16 <= end; i += 16) vstore16(vload16(0, px + i), 0, py + i);
    for (; i < end; i++) py[i] = px[i];
  }
}

/* Types are the dtype numbers of convoke/plugin.h: 1 f32, 2 u8, 6 i32, 7 i64, 9 bool, 10 f16 (stored, never computed with). Reals to
 * integers: toward zero, saturating, NaN is 0; integers keep their low bits. global (ceil(n / per_item)) */
kernel void cast(global const uchar *x, ulong x0, global uchar *y, ulong y0, long n, long per_item, int from, int to) {
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, n);
  const int real = from == 1 || from == 10;
  for (long i = begin; i < end; i++) {
    const long source = x0 + i, target = y0 + i;
    const float f = from == 1 ? ((global const float *)x)[source] : from == 10 ? vload_half(source, (global const half *)x) : 0.0f;
    const int number = !isnan(f); /* drivers differ on what a saturating conversion makes of NaN */
    const long v = from == 6 ? ((global const int *)x)[source] : from == 7 ? ((global const long *)x)[source] : real ? 0 : x[source];
    if (to == 1)
      ((global float *)y)[target] = real ? f : convert_float_rte(v);
    else if (to == 10)
      vstore_half_rte(real ? f : convert_float_rte(v), target, (global half *)y);
    else if (to == 6)
      ((global int *)y)[target] = real ? number ? convert_int_sat(f) : 0 : (int)v;
    else if (to == 7)
      ((global long *)y)[target] = real ? number ? convert_long_sat(f) : 0 : v;
    else if (to == 2)
      y[target] = real ? number ? convert_uchar_sat(f) : 0 : (uchar)v;
    else
      y[target] = real ? f != 0.0f : v != 0;
  }
}

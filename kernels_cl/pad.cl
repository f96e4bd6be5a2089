/* SPDX-License-Identifier: Apache-2.0 */
/* pad.cl: grows or crops a tensor (constant, reflect, edge, wrap); crops come first, then the border is made of what is left. Up to 8
 * axes; a cell of the innermost one is `unit` 4-byte words: 1 for f32, 2 for i64, 16 in blocked tensors (whose lane axis has no pads). The
 * output is dense. Offsets count elements of `words` words. mode: 0 constant, 1 reflect, 2 edge, 3 wrap. */

#include "lane_math.cl"

/* The cell of an axis of `extent` cells that position i (of any sign) shows; -1: the constant. Reflection bounces as often as needed. */
long shown(long i, long extent, int mode) {
  long period, j;
  if (i >= 0 && i < extent) return i;
  if (mode == 0) return -1;
  if (mode == 2) return i < 0 ? 0 : extent - 1;
  if (extent == 1) return 0;
  period = mode == 3 ? extent : 2 * (extent - 1);
  j = ((i % period) + period) % period;
  return j < extent ? j : period - j;
}

/* A border cell: a copy of `from`, or the constant (NULL) with zeros from word `lanes` on. */
void border(global uint *y, global const uint *from, long unit, long lanes, uint value0, uint value1) {
  for (long k = 0; k < unit; k++) y[k] = from ? from[k] : k >= lanes ? 0 : k & 1 ? value1 : value0;
}

/* global (ceil(rows / rows_per_item)): rows of out_dim[rank - 1] cells. `left` cells stay of each axis after the crops, `from` is the first
 * of them, `begin` (>= 0) border cells come before them. value0, value1: the even and odd words of the constant. tail: lanes in use in the
 * last block of `block_axis` (0: not blocked, or the constant is zero). */
kernel void pad(global const uint *x, ulong x0, global uint *y, ulong y0, int words, int rank, long8 in_dim, long8 out_dim, long8 from,
                long8 left, long8 begin, long unit, long rows, long rows_per_item, int mode, uint value0, uint value1, int block_axis,
                int tail) {
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  const int last = rank - 1;
  const long width = at(out_dim, last), before = at(begin, last), middle = at(left, last);
  for (long row = row0; row < row1; row++) {
    global uint *py = y + y0 * words + row * width * unit;
    global const uint *px;
    long r = row, offset = 0, stride = at(in_dim, last), lanes = unit, i = 0;
    int constant_row = middle == 0;
    for (int d = last - 1; d >= 0; d--) {
      const long o = r % at(out_dim, d), cell = shown(o - at(begin, d), at(left, d), mode);
      if (tail && d == block_axis && o == at(out_dim, d) - 1) lanes = tail;
      constant_row |= cell < 0;
      offset += (at(from, d) + cell) * stride;
      stride *= at(in_dim, d);
      r /= at(out_dim, d);
    }
    if (constant_row) {
      for (; i < width; i++) border(py + i * unit, 0, unit, lanes, value0, value1);
      continue;
    }
    px = x + x0 * words + (offset + at(from, last)) * unit;
    for (; i < before; i++) {
      const long cell = shown(i - before, middle, mode);
      border(py + i * unit, cell < 0 ? 0 : px + cell * unit, unit, lanes, value0, value1);
    }
    for (i = 0; i + 16 <= middle * unit; i += 16) vstore16(vload16(0, px + i), 0, py + before * unit + i);
    for (; i < middle * unit; i++) py[before * unit + i] = px[i];
    for (i = before + middle; i < width; i++) {
      const long cell = shown(i - before, middle, mode);
      border(py + i * unit, cell < 0 ? 0 : px + cell * unit, unit, lanes, value0, value1);
    }
  }
}

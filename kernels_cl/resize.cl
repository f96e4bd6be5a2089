/* SPDX-License-Identifier: Apache-2.0 */
/* resize.cl: the last two axes of f32 tensors, to the nearest cell or linear. The host made the tables: output row o (column: entry out_h + o)
 * is w.x times cell c.x plus w.y times cell c.y; w.y 0: cell c.x as it is; w.x 0 too: the source lies outside x, the result is `outside`.
 * Plain: [planes][H][W]. Blocked: [planes][H][W][16], planes = N ceil(C/16), where `outside` is 0 unless the channels fill their blocks. */

/* Cells of type T beside each other, of a line; OUTSIDE is a T. */
#define MIXED(T, A, B, W, OUTSIDE) ((W).y != 0.0f ? (A) * (T)((W).x) + (B) * (T)((W).y) : (W).x != 0.0f ? (A) : (OUTSIDE))

static inline float across(global const float *line, int2 c, float2 w, float outside) {
  const float a = line[c.x], b = line[c.y];
  return MIXED(float, a, b, w, outside);
}

/* global (out_h out_w, planes): plain, an output an item; for devices that are no CPU. */
kernel void resize_each(global const float *x, ulong x0, global float *y, ulong y0, global const int2 *cells, ulong cells0,
                        global const float2 *weights, ulong weights0, int in_h, int in_w, int out_h, int out_w, long planes, float outside) {
  const int pixel = get_global_id(0);
  const long plane = get_global_id(1);
  if (pixel >= out_h * out_w || plane >= planes) return;
  const int row = pixel / out_w, column = out_h + pixel - row * out_w;
  const int2 down = cells[cells0 + row], c = cells[cells0 + column];
  const float2 w = weights[weights0 + row], v = weights[weights0 + column];
  global const float *from = x + x0 + plane * in_h * in_w;
  const float a = across(from + down.x * in_w, c, v, outside), b = across(from + down.y * in_w, c, v, outside);
  y[y0 + plane * out_h * out_w + pixel] = MIXED(float, a, b, w, outside);
}

/* global (ceil(rows / rows_per_item)): plain, whole rows; rows = planes out_h. */
kernel void resize_plain(global const float *x, ulong x0, global float *y, ulong y0, global const int2 *cells, ulong cells0,
                         global const float2 *weights, ulong weights0, int in_h, int in_w, int out_h, int out_w, long rows,
                         long rows_per_item, float outside) {
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  for (long row = row0; row < row1; row++) {
    const int2 down = cells[cells0 + row % out_h];
    const float2 w = weights[weights0 + row % out_h];
    global const float *top = x + x0 + (row / out_h * in_h + down.x) * in_w, *bottom = top + (long)(down.y - down.x) * in_w;
    global float *to = y + y0 + row * out_w;
    for (int o = 0; o < out_w; o++) {
      const int2 c = cells[cells0 + out_h + o];
      const float2 v = weights[weights0 + out_h + o];
      const float a = across(top, c, v, outside);
      if (w.y != 0.0f)
        to[o] = a * w.x + across(bottom, c, v, outside) * w.y;
      else
        to[o] = w.x != 0.0f ? a : outside;
    }
  }
}

static inline float16 across16(global const float16 *line, int2 c, float2 w, float outside) {
  float16 a = line[c.x];
  if (w.y != 0.0f)
    a = a * w.x + line[c.y] * w.y;
  else if (w.x == 0.0f)
    a = (float16)(outside);
  return a;
}

/* The same of blocked tensors. */
kernel void resize_blocked(global const float *x, ulong x0, global float *y, ulong y0, global const int2 *cells, ulong cells0,
                           global const float2 *weights, ulong weights0, int in_h, int in_w, int out_h, int out_w, long rows,
                           long rows_per_item, float outside) {
  const long row0 = get_global_id(0) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  for (long row = row0; row < row1; row++) {
    const int2 down = cells[cells0 + row % out_h];
    const float2 w = weights[weights0 + row % out_h];
    global const float16 *top = (global const float16 *)(x + x0) + (row / out_h * in_h + down.x) * in_w,
                         *bottom = top + (long)(down.y - down.x) * in_w;
    global float16 *to = (global float16 *)(y + y0) + row * out_w;
    for (int o = 0; o < out_w; o++) {
      const int2 c = cells[cells0 + out_h + o];
      const float2 v = weights[weights0 + out_h + o];
      float16 a = across16(top, c, v, outside);
      if (w.y != 0.0f)
        a = a * w.x + across16(bottom, c, v, outside) * w.y;
      else if (w.x == 0.0f)
        a = (float16)(outside);
      to[o] = a;
    }
  }
}

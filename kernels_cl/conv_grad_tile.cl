// SPDX-License-Identifier: Apache-2.0
// conv_grad_tile.cl: CONV_GRAD_WEIGHT of one or two axes as a matrix product, plain x and gy; for GPUs. Rows are filters of a group, columns
// (channel, tap) and behind them, where wanted, one for the bias; the depth is the pixels of the whole batch's gy. A work-group makes WM x WN sums,
// an item RM x RN of them, STEP of the depth at a time, both operands staged in local memory; the loads of the next step are under way meanwhile.
// The depth is cut into parts; conv_grad_tile_join adds them up in their order. Products are summed over CHUNK of the depth before they join the
// total: that keeps the rounding error small. Cells in the pad are multiplied as zeros: a sum that is NaN is made again without them.
// global: (ceil(columns / WN) * LX, ceil(rows / WM) * LY, groups * parts), local (LX, LY, 1)

#define LX (WN / RN)
#define LY (WM / RM)
#define ITEMS (LX * LY)
#define STEP 16
#define CHUNK 128
#define LINES (ITEMS / STEP) // of the tile, that the items bring in at once
#define GRADS (WM / LINES)
#define CELLS (WN / LINES)

#define SHAPE                                                                                                                           \
  int rows, int columns, int weights, int groups, int channels, int in_h, int in_w, int out_w, int out_pixels, int kernel_h, int kernel_w, \
      int stride_h, int stride_w, int dilation_h, int dilation_w, int pad_h, int pad_w, int depth, int share, int parts_count

typedef struct { // a column: its tap's distance from the cell of tap 0, and its channel's plane; a bias has none
  int dy, dx, plane, is_bias;
} column;

static inline column column_of(int c, int weights, int kernel_h, int kernel_w, int dilation_h, int dilation_w, int pad_h, int pad_w, int in_pixels) {
  const int taps = kernel_h * kernel_w, channel = c / taps, tap = c - channel * taps, ky = tap / kernel_w;
  column r = {ky * dilation_h - pad_h, (tap - ky * kernel_w) * dilation_w - pad_w, channel * in_pixels, c == weights};
  return r;
}

kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void conv_grad_tile(global const float *x, ulong x_offset, global const float *gy,
                                                                            ulong gy_offset, global float *parts, ulong parts_offset, SHAPE) {
  const int tx = get_local_id(0), ty = get_local_id(1), id = ty * LX + tx, g = get_group_id(2) % groups, part = get_group_id(2) / groups;
  const int c0 = get_group_id(0) * WN, r0 = get_group_id(1) * WM, line = id / STEP, in_pixels = in_h * in_w;
  const int first = part * share, end = min(first + share, depth);
  local float grads[2][STEP][WM + 1], cells[2][STEP][WN + 1];
  float total[RM][RN], acc[RM][RN], next_grads[GRADS], next_cells[CELLS];
  column mine[CELLS];
  x += x_offset + (size_t)g * channels * in_pixels;
  gy += gy_offset + (size_t)g * rows * out_pixels;
#pragma unroll
  for (int i = 0; i < CELLS; i++)
    mine[i] = column_of(c0 + line + i * LINES, weights, kernel_h, kernel_w, dilation_h, dilation_w, pad_h, pad_w, in_pixels);
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) total[i][j] = acc[i][j] = 0.0f;
  int side = 0;
  for (int k0 = first - STEP; k0 < end; k0 += STEP) {
    const int k = k0 + STEP + id % STEP, n = k / out_pixels, p = k - n * out_pixels, oy = p / out_w;
    const int y = oy * stride_h, at_x = (p - oy * out_w) * stride_w, exists = k < end;
#pragma unroll
    for (int i = 0; i < GRADS; i++) {
      const int r = r0 + line + i * LINES;
      next_grads[i] = exists && r < rows ? gy[((size_t)n * groups * rows + r) * out_pixels + p] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < CELLS; i++) {
      const int cy = y + mine[i].dy, cx = at_x + mine[i].dx, c = c0 + line + i * LINES;
      const int inside = exists && c < weights && (uint)cy < (uint)in_h && (uint)cx < (uint)in_w;
      next_cells[i] = inside ? x[(size_t)n * groups * channels * in_pixels + mine[i].plane + cy * in_w + cx] : exists && mine[i].is_bias ? 1.0f : 0.0f;
    }
    if (k0 >= first) {
#pragma unroll
      for (int k = 0; k < STEP; k++) {
        float a[RM], b[RN];
#pragma unroll
        for (int i = 0; i < RM; i++) a[i] = grads[side][k][ty + i * LY];
#pragma unroll
        for (int j = 0; j < RN; j++) b[j] = cells[side][k][tx + j * LX];
#pragma unroll
        for (int i = 0; i < RM; i++)
#pragma unroll
          for (int j = 0; j < RN; j++) acc[i][j] = fma(a[i], b[j], acc[i][j]);
      }
      if ((k0 - first) % CHUNK == CHUNK - STEP) {
#pragma unroll
        for (int i = 0; i < RM; i++)
#pragma unroll
          for (int j = 0; j < RN; j++) {
            total[i][j] += acc[i][j];
            acc[i][j] = 0.0f;
          }
      }
    }
    side = 1 - side;
#pragma unroll
    for (int i = 0; i < GRADS; i++) grads[side][id % STEP][line + i * LINES] = next_grads[i];
#pragma unroll
    for (int i = 0; i < CELLS; i++) cells[side][id % STEP][line + i * LINES] = next_cells[i];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  parts += parts_offset + ((size_t)part * groups + g) * rows * columns;
#pragma unroll
  for (int i = 0; i < RM; i++)
#pragma unroll
    for (int j = 0; j < RN; j++) {
      const int r = r0 + ty + i * LY, c = c0 + tx + j * LX;
      if (r < rows && c < columns) parts[(size_t)r * columns + c] = total[i][j] + acc[i][j];
    }
}

// gw and gb. global: (columns, groups * rows)
kernel void conv_grad_tile_join(global const float *x, ulong x_offset, global const float *gy, ulong gy_offset, global const float *parts,
                                ulong parts_offset, global float *gw, ulong gw_offset, global float *gb, ulong gb_offset, SHAPE) {
  const int c = get_global_id(0), filter = get_global_id(1), in_pixels = in_h * in_w, filters = groups * rows;
  if (c >= columns || filter >= filters) return;
  float sum = 0.0f;
  parts += parts_offset + (size_t)filter * columns + c;
  for (int i = 0; i < parts_count; i++) sum += parts[(size_t)i * filters * columns];
  if (isnan(sum) && c < weights) {
    const column mine = column_of(c, weights, kernel_h, kernel_w, dilation_h, dilation_w, pad_h, pad_w, in_pixels);
    sum = 0.0f;
    for (int k = 0; k < depth; k++) {
      const int n = k / out_pixels, p = k - n * out_pixels, oy = p / out_w;
      const int cy = oy * stride_h + mine.dy, cx = (p - oy * out_w) * stride_w + mine.dx;
      if ((uint)cy < (uint)in_h && (uint)cx < (uint)in_w)
        sum = fma(gy[gy_offset + ((size_t)n * filters + filter) * out_pixels + p],
                  x[x_offset + (size_t)(n * groups + filter / rows) * channels * in_pixels + mine.plane + cy * in_w + cx], sum);
    }
  }
  if (c == weights)
    gb[gb_offset + filter] = sum;
  else if (gw)
    gw[gw_offset + (size_t)filter * weights + c] = sum;
}

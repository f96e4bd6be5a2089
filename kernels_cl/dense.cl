// SPDX-License-Identifier: Apache-2.0
// dense.cl: y = post(alpha a b + beta c) for Gemm and MatMul, plain a and y. b is packed [batch][block of 16 columns][depth][16], zero past the
// last column. a: element (row, k) at row * a_row + k * a_depth. c: element (row, column) at row * c_row + column * c_column, strides of 0
// broadcast. Products are summed over `chunk` steps before they join the total: that keeps the rounding error small.
// global: (row tiles, groups of column blocks, batch)
#include "post.cl"
#include "pack_lanes.cl"

#define DENSE_PARAMETERS                                                                                                     \
  global const float *a, ulong a_offset, global const float16 *b, ulong b_offset, global const float *c, ulong c_offset, POST_PARAMETERS, \
      global float *y, ulong y_offset, global const long *a_index, ulong a_index_offset, global const long *b_index, ulong b_index_offset, \
      long rows, long columns, long depth, long a_row, long a_depth, long c_row, long c_column, long batch, long chunk, float alpha, float beta

// 16 columns of one row, as far as they exist.
static inline void finish(float16 sum, global const float *c, ulong c_offset, POST_PARAMETERS, global float *y, ulong y_offset, long n, long rows,
                          long columns, long row, long column, long c_row, long c_column, float alpha, float beta) {
  const long lanes = min(16L, columns - column), at = (n * rows + row) * columns + column;
  float16 v = alpha == 1.0f ? sum : alpha * sum;
  if (c) {
    global const float *from = c + c_offset + row * c_row + column * c_column;
    v = fma((float16)(beta), c_column ? load_lanes(from, lanes) : (float16)(from[0]), v);
  }
  const float16 other = load_if(add, add_offset + at, lanes);
  store_lanes(y + y_offset + at, POST16(v, other), lanes);
}

#define FINISH(SUM, ROW, COLUMN)                                                                                             \
  finish(SUM, c, c_offset, kind0, alpha0, beta0, add, add_offset, kind1, alpha1, beta1, y, y_offset, n, rows, columns, ROW, COLUMN, c_row, c_column, alpha, beta)

// One row by up to 4 blocks of columns, two sums each: several streams of weights at the speed of memory.
#define ROW(NAME, NB)                                                                                                        \
  static inline void NAME(global const float *ap, long a_depth, global const float16 *bp, long depth, long chunk, float16 *sum) { \
    long k = 0;                                                                                                              \
    _Pragma("unroll") for (int j = 0; j < NB; j++) sum[j] = (float16)(0.0f);                                                 \
    while (k + 2 <= depth) {                                                                                                 \
      const long end = min(k + 2 * chunk, depth - 1);                                                                        \
      float16 even[NB], odd[NB];                                                                                             \
      _Pragma("unroll") for (int j = 0; j < NB; j++) even[j] = odd[j] = (float16)(0.0f);                                     \
      for (; k < end; k += 2) {                                                                                              \
        const float16 v0 = (float16)(ap[k * a_depth]), v1 = (float16)(ap[(k + 1) * a_depth]);                                \
        _Pragma("unroll") for (int j = 0; j < NB; j++) {                                                                     \
          even[j] = fma(v0, bp[j * depth + k], even[j]);                                                                     \
          odd[j] = fma(v1, bp[j * depth + k + 1], odd[j]);                                                                   \
        }                                                                                                                    \
      }                                                                                                                      \
      _Pragma("unroll") for (int j = 0; j < NB; j++) sum[j] += even[j] + odd[j];                                             \
    }                                                                                                                        \
    if (k < depth)                                                                                                           \
      _Pragma("unroll") for (int j = 0; j < NB; j++) sum[j] = fma((float16)(ap[k * a_depth]), bp[j * depth + k], sum[j]);    \
  }

ROW(row1, 1)
ROW(row4, 4)

kernel void dense_1x4(DENSE_PARAMETERS) {
  const long row = get_global_id(0), blocks = (columns + 15) / 16, b0 = (long)get_global_id(1) * 4, n = get_global_id(2);
  if (row >= rows || b0 >= blocks || n >= batch) return;
  global const float *ap = a + a_offset + a_index[a_index_offset + n] + row * a_row;
  global const float16 *bp = b + b_offset / 16 + (b_index[b_index_offset + n] * blocks + b0) * depth;
  float16 sum[4];
  const int nb = (int)min(4L, blocks - b0);
  if (nb == 4)
    row4(ap, a_depth, bp, depth, chunk, sum);
  else
    for (int j = 0; j < nb; j++) row1(ap, a_depth, bp + j * depth, depth, chunk, sum + j);
  for (int j = 0; j < nb; j++) FINISH(sum[j], row, (b0 + j) * 16);
}

// ROWS rows by 32 columns. Rows past the last repeat it and are not stored.
#define DENSE(NAME, ROWS)                                                                                                    \
  kernel void NAME(DENSE_PARAMETERS) {                                                                                       \
    const long row = (long)get_global_id(0) * ROWS, blocks = (columns + 15) / 16, b0 = (long)get_global_id(1) * 2, n = get_global_id(2); \
    if (row >= rows || b0 >= blocks || n >= batch) return;                                                                   \
    const long b1 = min(b0 + 1, blocks - 1);                                                                                 \
    global const float *ap = a + a_offset + a_index[a_index_offset + n] + row * a_row;                                       \
    global const float16 *bp0 = b + b_offset / 16 + (b_index[b_index_offset + n] * blocks + b0) * depth;                     \
    global const float16 *bp1 = bp0 + (b1 - b0) * depth;                                                                     \
    float16 acc0[ROWS], acc1[ROWS], sum0[ROWS], sum1[ROWS];                                                                  \
    long at[ROWS];                                                                                                           \
    _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                                       \
      at[r] = min((long)r, rows - 1 - row) * a_row;                                                                          \
      sum0[r] = sum1[r] = (float16)(0.0f);                                                                                   \
    }                                                                                                                        \
    for (long k = 0; k < depth;) {                                                                                           \
      const long end = min(k + chunk, depth);                                                                                \
      _Pragma("unroll") for (int r = 0; r < ROWS; r++) acc0[r] = acc1[r] = (float16)(0.0f);                                  \
      for (; k < end; k++) {                                                                                                 \
        const float16 w0 = bp0[k], w1 = bp1[k];                                                                              \
        _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                                   \
          const float16 v = (float16)(ap[at[r] + k * a_depth]);                                                              \
          acc0[r] = fma(v, w0, acc0[r]);                                                                                     \
          acc1[r] = fma(v, w1, acc1[r]);                                                                                     \
        }                                                                                                                    \
      }                                                                                                                      \
      _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                                     \
        sum0[r] += acc0[r];                                                                                                  \
        sum1[r] += acc1[r];                                                                                                  \
      }                                                                                                                      \
    }                                                                                                                        \
    float16 result[2 * ROWS];                                                                                                \
    _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                                       \
      result[r] = sum0[r];                                                                                                   \
      result[ROWS + r] = sum1[r];                                                                                            \
    }                                                                                                                        \
    for (int i = 0; i < ROWS * (b1 > b0 ? 2 : 1); i++)                                                                       \
      if (row + i % ROWS < rows) FINISH(result[i], row + i % ROWS, (b0 + i / ROWS) * 16);                                    \
  }

DENSE(dense_4x2, 4)
DENSE(dense_8x2, 8)

// y = beta c, broadcast, before a library adds the product. global: (segments of 16 columns, rows)
kernel void dense_start(global const float *c, ulong c_offset, global float *y, ulong y_offset, long rows, long columns, long c_row, long c_column,
                        float beta) {
  const long column = (long)get_global_id(0) * 16, row = get_global_id(1);
  if (column >= columns || row >= rows) return;
  global const float *from = c + c_offset + row * c_row + column * c_column;
  const long lanes = min(16L, columns - column);
  store_lanes(y + y_offset + row * columns + column, beta * (c_column ? load_lanes(from, lanes) : (float16)(from[0])), lanes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* row_check.h: runs one op on every row of the CPU plugin that takes it, under every ISA cap of the machine, and compares with the op's
 * reference (api/ops). Tensors end at, then begin an element after, an inaccessible page; outputs are run with one thread (tasks in
 * reverse) and with three and must have the same bits; lanes past the last channel must stay zero; a row that may run in place is run so
 * too. Constants that a row wants packed come to it so. */
#ifndef CVK_TESTS_ROW_CHECK_H
#define CVK_TESTS_ROW_CHECK_H

#include "../harness.h"
#include "op_table.h"

enum { ROW_INPUTS = 10, ROW_OUTPUTS = 8 };

typedef struct row_tensor {
  int32_t dtype, rank;
  int64_t dim[CVK_MAX_RANK];
  void *data;    /* plain; owned by the case */
  int32_t value; /* 1: known at prepare (const_data) */
} row_tensor;

typedef struct row_case {
  int32_t kind, n_in, n_out;
  const void *attr;
  row_tensor in[ROW_INPUTS]; /* dtype 0: absent */
  double relative, absolute; /* |y - ref| <= absolute + relative |ref| for f32; other types: the same bits */
  uint32_t unwanted;         /* bit i: output i is not wanted */
  const char *row;           /* a row whose name begins so must take the case under every cap; NULL: none need */
  int32_t blocked;           /* a blocked candidate must be among those that take it */
} row_case;

/* A tensor of the case with data made by a rule: f32 values in about -4..4, small integers in others. */
row_tensor row_random(int32_t dtype, int32_t rank, const int64_t *dim, uint32_t seed);
row_tensor row_floats(int32_t rank, const int64_t *dim, const float *values);
row_tensor row_ints(int64_t n, const int64_t *values, int32_t value);
/* Puts NaN, infinities, zeros, subnormals and huge numbers at some places of an f32 tensor. */
void row_sprinkle(row_tensor *t);
/* Checks the case and frees its tensors. */
void row_check(row_case *c);

#define DIMS(...)                                       \
  (sizeof((int64_t[]){__VA_ARGS__}) / 8), (int64_t[]) { \
    __VA_ARGS__                                         \
  }

#endif

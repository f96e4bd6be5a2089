/* SPDX-License-Identifier: Apache-2.0 */
/* conv_reference.h: convolution cases for the tests of the CPU rows, with a double loop that also gives the error bound's sum|x||w|. */
#ifndef CVK_TESTS_CONV_REFERENCE_H
#define CVK_TESTS_CONV_REFERENCE_H

#include "run_op.h"

typedef struct conv_case {
  int32_t spatial; /* 0 counts as 2 */
  int64_t n, c, m, group;
  int64_t in[3], kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3], output_padding[3]; /* 0 in stride, dilation, group: 1 */
  int32_t bias, positive;
  int32_t transpose; /* CONV_TRANSPOSE */
  int32_t w_inf;     /* 1: the first tap of every filter is infinite; 2: the last of the first filter is NaN */
  int32_t scaled;    /* channels of x from 2^-60 to 2^60, weights the other way round */
  int32_t x_special; /* one cell is NaN, one is infinite */
  int32_t chain;     /* post-ops: 1 relu, 2 add relu, 3 clip, 4 relu add, 5 sigmoid, 6 leaky add tanh */
} conv_case;

typedef struct conv_data {
  conv_case cc;
  cvk_conv_attr attr;
  cvk_unary_attr post_attr[4];
  run_op op;
  float *x, *w, *b, *residual, *y;
  double *want, *bound; /* bound: sum|x||w| */
  int64_t y_count;
} conv_data;

void conv_data_make(const conv_case *cc, conv_data *d);
/* The gradient of the case's convolution in its weights: d->w is gy, d->y is gw and, with bias, gb behind it. w_inf: the first cell of each of
 * gy's channels is infinite. */
void conv_grad_data_make(const conv_case *cc, conv_data *d);
/* No output may be farther than k * 2^-24 * bound from the reference (or not the same NaN or Inf); the first that is fails the test, with the row, the
 * case and the numbers. */
void conv_data_expect(const conv_data *d, const char *row, double k);
void conv_data_free(conv_data *d);
const char *conv_case_text(const conv_case *cc);

/* check(case, isa) for every case and instruction set; it returns how many rows it ran, of which there must be some. */
void conv_check_cases(const conv_case *cases, size_t n, int (*check)(const conv_case *cc, const char *isa));

#endif

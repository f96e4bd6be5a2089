/* SPDX-License-Identifier: Apache-2.0 */
/* conv_case.h: one convolution on one row against double loops: |y - ref| <= 4 * 2^-24 * sum|x||w| per output. */
#ifndef CVK_TESTS_CONV_CASE_H
#define CVK_TESTS_CONV_CASE_H

#include "mini_host.h"

typedef struct conv_case {
  int64_t batch, channels_in, channels_out, group;
  int32_t spatial;                                                            /* 1 to 3 */
  int64_t in[3], kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3]; /* 0 in stride and dilation: 1 */
  int64_t out_pad[3]; /* of transposed ones: cells past the last that a tap reaches */
  int32_t no_bias, run_time_weights;
  int32_t activation0, add, activation1; /* post-ops: op kinds, 0: none */
  int32_t winograd;                      /* the bound is 64, not 4, times the unit */
  int32_t infinite_pixel;   /* one input pixel is Inf: outputs that it reaches are Inf or NaN as in the definition, all others finite */
  int32_t infinite_weights; /* weights that the pad alone would meet are infinite: the output stays finite if taps are skipped */
} conv_case;

void conv_check(const char *row, const conv_case *c);
void conv_transpose_check(const char *row, const conv_case *c);     /* weights [in, out/group, taps] */
int32_t conv_transpose_offers(const char *row, const conv_case *c); /* whether the row offers itself */

#endif

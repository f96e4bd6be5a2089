/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_conv_transpose.c: transposed convolution: strides, dilation, pads, groups, one to three axes, run-time weights. */
#include "conv_case.h"

#define ROW "conv_transpose_gather"

START_TEST(strides_dilations_pads) {
  if (!mini_open()) return;
  for (int64_t k = 1; k <= 4; k++)
    for (int64_t s = 1; s <= 3; s++)
      for (int64_t d = 1; d <= 2; d++)
        conv_transpose_check(ROW, &(conv_case){.batch = 1,
                                               .channels_in = 5,
                                               .channels_out = 19,
                                               .group = 1,
                                               .spatial = 2,
                                               .in = {4, 5},
                                               .kernel = {k, k},
                                               .stride = {s, s},
                                               .dilation = {d, d},
                                               .pad_begin = {0, k / 2},
                                               .pad_end = {k / 2, 0}});
  mini_close();
}
END_TEST

START_TEST(groups_axes_weights) {
  if (!mini_open()) return;
  for (int32_t r = 0; r < 2; r++) {
    conv_transpose_check(ROW, &(conv_case){.batch = 2,
                                           .channels_in = 6,
                                           .channels_out = 36,
                                           .group = 2,
                                           .spatial = 2,
                                           .in = {3, 4},
                                           .kernel = {3, 2},
                                           .stride = {2, 1},
                                           .run_time_weights = r,
                                           .activation0 = CVK_OP_RELU});
    conv_transpose_check(ROW, &(conv_case){.batch = 1,
                                           .channels_in = 140,
                                           .channels_out = 3,
                                           .group = 1,
                                           .spatial = 1,
                                           .in = {9},
                                           .kernel = {4},
                                           .stride = {2},
                                           .pad_begin = {1},
                                           .pad_end = {1},
                                           .run_time_weights = r,
                                           .add = 1});
    conv_transpose_check(ROW, &(conv_case){.batch = 1,
                                           .channels_in = 4,
                                           .channels_out = 5,
                                           .group = 1,
                                           .spatial = 3,
                                           .in = {2, 3, 4},
                                           .kernel = {2, 3, 3},
                                           .stride = {2, 2, 1},
                                           .run_time_weights = r,
                                           .no_bias = 1});
  }
  mini_close();
}
END_TEST

SUITE("opencl_conv_transpose", strides_dilations_pads, groups_axes_weights)

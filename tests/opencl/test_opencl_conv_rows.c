/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_conv_rows.c: conv_first, conv_depthwise (for CPU devices) and conv_generic (for all) at tile edges, in the pads, with post-ops and
 * run-time weights. */
#include "conv_case.h"

START_TEST(first_widths_and_channels) {
  if (!mini_cpu_class() || !mini_open()) return;
  for (int64_t w = 1; w <= 22; w++)
    conv_check("conv_first", &(conv_case){.batch = 1,
                                          .channels_in = 3,
                                          .channels_out = w + 14,
                                          .group = 1,
                                          .spatial = 2,
                                          .in = {4, w},
                                          .kernel = {3, 3},
                                          .pad_begin = {1, 1},
                                          .pad_end = {1, 1},
                                          .activation0 = CVK_OP_RELU});
  for (int64_t c = 1; c <= 16; c++)
    conv_check("conv_first", &(conv_case){.batch = 2,
                                          .channels_in = c,
                                          .channels_out = 6,
                                          .group = 1,
                                          .spatial = 2,
                                          .in = {9, 11},
                                          .kernel = {5, 5},
                                          .stride = {2, 2},
                                          .pad_begin = {2, 2},
                                          .pad_end = {2, 2},
                                          .run_time_weights = c % 2});
  mini_close();
}
END_TEST

START_TEST(first_large_kernels) {
  if (!mini_cpu_class() || !mini_open()) return;
  conv_check("conv_first", &(conv_case){.batch = 1,
                                        .channels_in = 3,
                                        .channels_out = 64,
                                        .group = 1,
                                        .spatial = 2,
                                        .in = {30, 33},
                                        .kernel = {7, 7},
                                        .stride = {2, 2},
                                        .pad_begin = {3, 3},
                                        .pad_end = {3, 3}});
  conv_check("conv_first", &(conv_case){.batch = 1,
                                        .channels_in = 3,
                                        .channels_out = 40,
                                        .group = 1,
                                        .spatial = 2,
                                        .in = {35, 35},
                                        .kernel = {11, 11},
                                        .stride = {4, 4},
                                        .add = 1,
                                        .activation1 = CVK_OP_RELU});
  conv_check("conv_first", &(conv_case){.batch = 1,
                                        .channels_in = 1,
                                        .channels_out = 33,
                                        .group = 1,
                                        .spatial = 1,
                                        .in = {200},
                                        .kernel = {31},
                                        .stride = {4},
                                        .dilation = {2},
                                        .pad_begin = {7},
                                        .pad_end = {30},
                                        .no_bias = 1});
  mini_close();
}
END_TEST

START_TEST(depthwise) {
  if (!mini_cpu_class() || !mini_open()) return;
  for (int64_t w = 1; w <= 22; w++)
    for (int64_t s = 1; s <= 2; s++)
      conv_check("conv_depthwise", &(conv_case){.batch = 1,
                                                .channels_in = w + 14,
                                                .channels_out = w + 14,
                                                .group = w + 14,
                                                .spatial = 2,
                                                .in = {5, w},
                                                .kernel = {3, 3},
                                                .stride = {s, s},
                                                .pad_begin = {1, 1},
                                                .pad_end = {1, 1},
                                                .activation0 = CVK_OP_CLIP,
                                                .run_time_weights = w % 2});
  conv_check("conv_depthwise", &(conv_case){.batch = 2,
                                            .channels_in = 48,
                                            .channels_out = 48,
                                            .group = 48,
                                            .spatial = 2,
                                            .in = {11, 19},
                                            .kernel = {5, 7},
                                            .dilation = {2, 1},
                                            .pad_begin = {4, 1},
                                            .pad_end = {3, 0},
                                            .activation0 = CVK_OP_SWISH,
                                            .add = 1});
  mini_close();
}
END_TEST

START_TEST(generic_axes_and_groups) {
  if (!mini_open()) return;
  for (int64_t w = 1; w <= 35; w++)
    conv_check("conv_generic", &(conv_case){.batch = 2,
                                            .channels_in = 4,
                                            .channels_out = 6,
                                            .group = 2,
                                            .spatial = 2,
                                            .in = {4, w},
                                            .kernel = {3, 3},
                                            .stride = {1, 1 + w % 3},
                                            .pad_begin = {1, 1},
                                            .pad_end = {1, 1}});
  conv_check("conv_generic", &(conv_case){.batch = 1,
                                          .channels_in = 5,
                                          .channels_out = 4,
                                          .group = 1,
                                          .spatial = 3,
                                          .in = {6, 7, 20},
                                          .kernel = {3, 2, 5},
                                          .stride = {2, 1, 1},
                                          .dilation = {1, 2, 1},
                                          .pad_begin = {1, 0, 2},
                                          .pad_end = {0, 1, 2},
                                          .activation0 = CVK_OP_TANH});
  conv_check("conv_generic", &(conv_case){.batch = 1,
                                          .channels_in = 7,
                                          .channels_out = 21,
                                          .group = 7,
                                          .spatial = 1,
                                          .in = {40},
                                          .kernel = {4},
                                          .add = 1,
                                          .run_time_weights = 1});
  mini_close();
}
END_TEST

START_TEST(pads_never_enter_a_product) {
  if (!mini_open()) return;
  static const char *const rows[] = {"conv_first", "conv_depthwise", "conv_generic"};
  for (int i = mini_cpu_class() ? 0 : 2; i < 3; i++)
    conv_check(rows[i], &(conv_case){.batch = 1,
                                     .channels_in = 3,
                                     .channels_out = 3,
                                     .group = i == 1 ? 3 : 1,
                                     .spatial = 2,
                                     .in = {2, 2},
                                     .kernel = {3, 3},
                                     .stride = {3, 3},
                                     .pad_begin = {1, 1},
                                     .infinite_weights = 1});
  mini_close();
}
END_TEST

SUITE("opencl_conv_rows", first_widths_and_channels, first_large_kernels, depthwise, generic_axes_and_groups, pads_never_enter_a_product)

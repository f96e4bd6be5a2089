/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_gpu_rows.c: the convolutions of devices that are no CPU, run with CONVOKE_CL_CLASS as each class: tile edges, kernels from
 * 1x1 to 11x11, strides, dilation, pads, groups, odd channels, post-ops, run-time weights, non-finite data. */
#include <stdlib.h>

#include "conv_case.h"

START_TEST(edges_of_the_tiles) {
  if (!mini_open()) return;
  static const int64_t sizes[][3] = {{1, 1, 1}, {15, 31, 16}, {16, 32, 17}, {33, 63, 31}, {63, 64, 5}, {64, 65, 16}, {65, 129, 33}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) /* output channels, pixels, input channels */
    conv_check("conv_implicit", &(conv_case){.batch = 1,
                                             .channels_in = sizes[i][2],
                                             .channels_out = sizes[i][0],
                                             .group = 1,
                                             .spatial = 2,
                                             .in = {1, sizes[i][1]},
                                             .kernel = {1, 1}});
  mini_close();
}
END_TEST

/* Each as a row of its own, in whole and in parts of the depth; they are the same in all classes. */
START_TEST(every_tile) {
  static const char *const rows[] = {"conv_implicit_128x128",    "conv_implicit_64x64",      "conv_implicit_64x32",      "conv_implicit_32x32",
                                     "conv_implicit_64x64_none", "conv_implicit_32x64_none", "conv_implicit_16x32_none"};
  const char *class = getenv("CONVOKE_CL_CLASS");
  if (!class || strcmp(class, "tiled") != 0 || !mini_open()) return;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const conv_case sides = {.batch = 1, .channels_in = 3, .channels_out = 127, .group = 1, .spatial = 2, .in = {3, 43}, .kernel = {1, 1}};
    const conv_case padded = {.batch = 2, .channels_in = 5, .channels_out = 65, .group = 1, .spatial = 2, .in = {5, 7}, .kernel = {3, 3},
                              .pad_begin = {1, 1}, .pad_end = {1, 1}, .activation0 = CVK_OP_RELU};
    const conv_case packed = {.batch = 1, .channels_in = 2, .channels_out = 66, .group = 1, .spatial = 2, .in = {4, 4}, .kernel = {3, 3},
                              .run_time_weights = 1};
    const conv_case parts = {.batch = 2, .channels_in = 400, .channels_out = 65, .group = 1, .spatial = 2, .in = {4, 3}, .kernel = {2, 1},
                             .activation0 = CVK_OP_TANH, .add = 1, .activation1 = CVK_OP_RELU,
                             .run_time_weights = i % 2 == 1};
    conv_check(rows[i], &sides);
    conv_check(rows[i], &padded);
    conv_check(rows[i], &packed);
    conv_check(rows[i], &parts);
  }
  mini_close();
}
END_TEST

START_TEST(kernels_strides_dilations) {
  if (!mini_open()) return;
  static const int64_t shapes[][4] = {{1, 2, 1, 0}, {2, 1, 1, 1}, {3, 1, 1, 1}, {3, 2, 1, 1},
                                      {3, 1, 2, 2}, {5, 1, 1, 4}, {7, 2, 1, 3}, {11, 4, 1, 2}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) /* kernel, stride, dilation, pad */
    conv_check("conv_implicit", &(conv_case){.batch = 1 + (int64_t)i % 3,
                                             .channels_in = 3 + (int64_t)i,
                                             .channels_out = 7,
                                             .group = 1,
                                             .spatial = 2,
                                             .in = {11, 13},
                                             .kernel = {shapes[i][0], shapes[i][0]},
                                             .stride = {shapes[i][1], shapes[i][1]},
                                             .dilation = {shapes[i][2], shapes[i][2]},
                                             .pad_begin = {shapes[i][3], shapes[i][3]},
                                             .pad_end = {shapes[i][3], shapes[i][3]},
                                             .activation0 = i == 3 ? CVK_OP_SWISH : 0,
                                             .add = i % 2 == 1,
                                             .activation1 = i % 2 ? CVK_OP_RELU : 0});
  mini_close();
}
END_TEST

START_TEST(groups_and_one_axis) {
  if (!mini_open()) return;
  conv_check("conv_implicit", &(conv_case){.batch = 2,
                                           .channels_in = 9,
                                           .channels_out = 6,
                                           .group = 3,
                                           .spatial = 2,
                                           .in = {6, 5},
                                           .kernel = {3, 2},
                                           .pad_begin = {1, 0},
                                           .pad_end = {1, 1}});
  conv_check(
      "conv_implicit",
      &(conv_case){.batch = 1, .channels_in = 4, .channels_out = 5, .group = 1, .spatial = 1, .in = {37}, .kernel = {3}, .no_bias = 1});
  conv_check("conv_implicit", &(conv_case){.batch = 1,
                                           .channels_in = 5,
                                           .channels_out = 18,
                                           .group = 1,
                                           .spatial = 2,
                                           .in = {7, 6},
                                           .kernel = {3, 3},
                                           .run_time_weights = 1});
  mini_close();
}
END_TEST

/* As they come in training: no plan knows them, and they may be infinite where they meet the pad alone. */
START_TEST(run_time_weights_and_pads) {
  if (!mini_open()) return;
  for (int32_t i = 0; i < 4; i++)
    conv_check("conv_implicit", &(conv_case){.batch = 2,
                                             .channels_in = i % 2 ? 18 : 3,
                                             .channels_out = 7,
                                             .group = 1,
                                             .spatial = 2,
                                             .in = {1, 6},
                                             .kernel = {3, 3},
                                             .pad_begin = {1, 1},
                                             .pad_end = {1, 1},
                                             .run_time_weights = 1,
                                             .infinite_weights = i >= 2,
                                             .infinite_pixel = i == 1,
                                             .activation0 = CVK_OP_RELU});
  mini_close();
}
END_TEST

START_TEST(transposed) {
  if (!mini_open()) return;
  for (int64_t stride = 1; stride <= 2; stride++)
    for (int32_t i = 0; i < 4; i++)
      conv_transpose_check("conv_transpose_implicit", &(conv_case){.batch = 2,
                                                                   .channels_in = i % 2 ? 18 : 3 * (1 + i),
                                                                   .channels_out = i == 2 ? 6 : 35,
                                                                   .group = i == 2 ? 3 : 1,
                                                                   .spatial = 2,
                                                                   .in = {5, 4},
                                                                   .kernel = {3, i == 3 ? 1 : 3},
                                                                   .stride = {stride, stride},
                                                                   .dilation = {1, i == 1 ? 2 : 1},
                                                                   .pad_begin = {1, i == 3 ? 0 : 1},
                                                                   .pad_end = {i == 0 ? 2 : 1, 0},
                                                                   .out_pad = {stride - 1, 0},
                                                                   .no_bias = i == 1,
                                                                   .run_time_weights = i != 0,
                                                                   .infinite_pixel = i == 1,
                                                                   .activation0 = i == 0 ? CVK_OP_RELU : 0});
  mini_close();
}
END_TEST

START_TEST(depthwise) {
  if (!mini_open()) return;
  for (int64_t stride = 1; stride <= 2; stride++)
    for (int64_t outs = 1; outs <= 3; outs++)
      conv_check("conv_depthwise_plain", &(conv_case){.batch = 2,
                                                      .channels_in = 5,
                                                      .channels_out = 5 * outs,
                                                      .group = 5,
                                                      .spatial = 2,
                                                      .in = {6, 4 + 3 * outs},
                                                      .kernel = {3, 1 + 2 * outs},
                                                      .stride = {stride, stride},
                                                      .pad_begin = {1, outs},
                                                      .pad_end = {1, outs},
                                                      .run_time_weights = outs == 2,
                                                      .infinite_weights = outs == 1,
                                                      .activation0 = CVK_OP_RELU});
  mini_close();
}
END_TEST

START_TEST(winograd) {
  if (!mini_open()) return;
  for (int64_t h = 4; h <= 7; h++)
    conv_check("conv_winograd_plain", &(conv_case){.batch = 1 + h % 2,
                                                   .channels_in = 32 + h % 4,
                                                   .channels_out = 40 - h,
                                                   .group = 1,
                                                   .spatial = 2,
                                                   .in = {h, 13 - h},
                                                   .kernel = {3, 3},
                                                   .pad_begin = {1, h % 2},
                                                   .pad_end = {1, 1},
                                                   .activation1 = CVK_OP_RELU,
                                                   .add = h == 5,
                                                   .infinite_pixel = h == 6,
                                                   .winograd = 1});
  mini_close();
}
END_TEST

SUITE("opencl_gpu_rows", edges_of_the_tiles, every_tile, kernels_strides_dilations, groups_and_one_axis, run_time_weights_and_pads, transposed,
      depthwise, winograd)

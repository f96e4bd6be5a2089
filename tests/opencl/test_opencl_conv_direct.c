/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_conv_direct.c: conv_direct at the edges of its tile (7 pixels by 2 blocks of 16), in the pads, with groups and post-ops. */
#include "conv_case.h"

START_TEST(widths_around_the_tile) {
  if (!mini_open()) return;
  for (int64_t w = 1; w <= 23; w++) {
    conv_check("conv_direct", &(conv_case){.batch = 1,
                                           .channels_in = 16,
                                           .channels_out = 16,
                                           .group = 1,
                                           .spatial = 2,
                                           .in = {3, w},
                                           .kernel = {3, 3},
                                           .pad_begin = {1, 1},
                                           .pad_end = {1, 1}});
    if (w >= 2)
      conv_check("conv_direct", &(conv_case){.batch = 1,
                                             .channels_in = 16,
                                             .channels_out = 32,
                                             .group = 1,
                                             .spatial = 2,
                                             .in = {4, w},
                                             .kernel = {2, 2},
                                             .stride = {1, 2}});
  }
  mini_close();
}
END_TEST

START_TEST(tail_channels) {
  if (!mini_open()) return;
  static const int64_t channels[] = {1, 6, 15, 17, 31, 33, 48};
  for (int i = 0; i < 7; i++)
    for (int j = 0; j < 7; j++)
      conv_check("conv_direct", &(conv_case){.batch = 2,
                                             .channels_in = channels[i],
                                             .channels_out = channels[j],
                                             .group = 1,
                                             .spatial = 2,
                                             .in = {5, 8},
                                             .kernel = {3, 3},
                                             .pad_begin = {1, 1},
                                             .pad_end = {1, 1},
                                             .activation0 = CVK_OP_SWISH});
  mini_close();
}
END_TEST

START_TEST(kernels_strides_dilations_pads) {
  if (!mini_open()) return;
  for (int64_t k = 1; k <= 7; k += 2)
    for (int64_t s = 1; s <= 3; s++)
      for (int64_t d = 1; d <= 2; d++)
        for (int64_t p = 0; p <= k * d / 2; p++)
          conv_check("conv_direct", &(conv_case){.batch = 1,
                                                 .channels_in = 20,
                                                 .channels_out = 32,
                                                 .group = 1,
                                                 .spatial = 2,
                                                 .in = {14, 17},
                                                 .kernel = {k, k},
                                                 .stride = {s, s},
                                                 .dilation = {d, d},
                                                 .pad_begin = {p, p},
                                                 .pad_end = {0, p}});
  mini_close();
}
END_TEST

START_TEST(one_axis_pointwise_groups) {
  if (!mini_open()) return;
  conv_check("conv_direct", &(conv_case){.batch = 2,
                                         .channels_in = 24,
                                         .channels_out = 40,
                                         .group = 1,
                                         .spatial = 1,
                                         .in = {50},
                                         .kernel = {9},
                                         .stride = {2},
                                         .pad_begin = {4},
                                         .pad_end = {3}});
  conv_check("conv_direct",
             &(conv_case){.batch = 2, .channels_in = 64, .channels_out = 80, .group = 1, .spatial = 2, .in = {7, 7}, .kernel = {1, 1}});
  conv_check(
      "conv_direct",
      &(conv_case){
          .batch = 1, .channels_in = 64, .channels_out = 32, .group = 1, .spatial = 2, .in = {7, 7}, .kernel = {1, 1}, .stride = {2, 2}});
  conv_check("conv_direct", &(conv_case){.batch = 1,
                                         .channels_in = 96,
                                         .channels_out = 48,
                                         .group = 3,
                                         .spatial = 2,
                                         .in = {9, 9},
                                         .kernel = {3, 3},
                                         .pad_begin = {1, 1},
                                         .pad_end = {1, 1}});
  conv_check("conv_direct", &(conv_case){.batch = 1,
                                         .channels_in = 64,
                                         .channels_out = 192,
                                         .group = 4,
                                         .spatial = 2,
                                         .in = {9, 15},
                                         .kernel = {5, 5},
                                         .pad_begin = {2, 2},
                                         .pad_end = {2, 2},
                                         .activation0 = CVK_OP_RELU});
  mini_close();
}
END_TEST

START_TEST(columns_of_one_pixel) {
  if (!mini_open()) return;
  conv_check("conv_direct", &(conv_case){.batch = 2,
                                         .channels_in = 20,
                                         .channels_out = 33,
                                         .group = 1,
                                         .spatial = 2,
                                         .in = {50, 1},
                                         .kernel = {9, 1},
                                         .stride = {2, 1},
                                         .pad_begin = {4, 0},
                                         .pad_end = {3, 0}});
  conv_check(
      "conv_first",
      &(conv_case){
          .batch = 1, .channels_in = 1, .channels_out = 33, .group = 1, .spatial = 2, .in = {90, 1}, .kernel = {31, 1}, .stride = {4, 3}});
  mini_close();
}
END_TEST

START_TEST(post_ops_in_order) {
  if (!mini_open()) return;
  static const int32_t kinds[] = {0, CVK_OP_RELU, CVK_OP_LEAKY_RELU, CVK_OP_CLIP, CVK_OP_TANH};
  for (int i = 0; i < 5; i++)
    for (int add = 0; add < 2; add++)
      conv_check("conv_direct", &(conv_case){.batch = 1,
                                             .channels_in = 16,
                                             .channels_out = 35,
                                             .group = 1,
                                             .spatial = 2,
                                             .in = {4, 9},
                                             .kernel = {3, 3},
                                             .pad_begin = {1, 1},
                                             .pad_end = {1, 1},
                                             .activation0 = kinds[i],
                                             .add = add,
                                             .activation1 = add ? kinds[(i + 1) % 5] : 0,
                                             .no_bias = i & 1});
  mini_close();
}
END_TEST

START_TEST(run_time_weights) {
  if (!mini_open()) return;
  conv_check("conv_direct", &(conv_case){.batch = 1,
                                         .channels_in = 19,
                                         .channels_out = 37,
                                         .group = 1,
                                         .spatial = 2,
                                         .in = {6, 9},
                                         .kernel = {3, 3},
                                         .pad_begin = {1, 1},
                                         .pad_end = {1, 1},
                                         .run_time_weights = 1});
  conv_check("conv_direct", &(conv_case){.batch = 1,
                                         .channels_in = 64,
                                         .channels_out = 64,
                                         .group = 2,
                                         .spatial = 2,
                                         .in = {6, 9},
                                         .kernel = {3, 3},
                                         .pad_begin = {1, 1},
                                         .pad_end = {1, 1},
                                         .run_time_weights = 1});
  mini_close();
}
END_TEST

/* A 3x3 image under a 3x3 kernel whose top row is all pad: stride 3 and one output, so tap (0,0) never meets a pixel. */
START_TEST(pads_never_enter_a_product) {
  if (!mini_open()) return;
  conv_check("conv_direct", &(conv_case){.batch = 1,
                                         .channels_in = 16,
                                         .channels_out = 16,
                                         .group = 1,
                                         .spatial = 2,
                                         .in = {2, 2},
                                         .kernel = {3, 3},
                                         .stride = {3, 3},
                                         .pad_begin = {1, 1},
                                         .infinite_weights = 1});
  mini_close();
}
END_TEST

START_TEST(an_empty_batch_is_no_work) {
  if (!mini_open()) return;
  conv_check("conv_direct",
             &(conv_case){.batch = 0, .channels_in = 16, .channels_out = 16, .group = 1, .spatial = 2, .in = {5, 5}, .kernel = {3, 3}});
  mini_close();
}
END_TEST

SUITE("opencl_conv_direct", widths_around_the_tile, tail_channels, kernels_strides_dilations_pads, one_axis_pointwise_groups,
      columns_of_one_pixel, post_ops_in_order, run_time_weights, pads_never_enter_a_product, an_empty_batch_is_no_work)

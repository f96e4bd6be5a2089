/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_conv_transpose.c: transposed convolution on each of its rows: strides, dilation, pads, output padding, tile edges, groups,
 * one to three axes, odd channels, post-ops, run-time weights, non-finite data. */
#include "conv_case.h"

#define GATHER "conv_transpose_gather"
#define DIRECT "conv_transpose_direct" /* the next two: for CPU devices only */
#define FEW "conv_transpose_few"

/* On every row that is to take it; the others refuse. */
static void check_rows(const conv_case *c) {
  const int32_t flat = mini_cpu_class() && c->spatial < 3;
  const int32_t direct = flat && (c->group == 1 || (c->channels_in / c->group % 16 == 0 && c->channels_out / c->group % 16 == 0));
  const int32_t few = flat && c->group == 1 && c->channels_out <= 4;
  ck_assert_int_eq(conv_transpose_offers(DIRECT, c), direct);
  ck_assert_int_eq(conv_transpose_offers(FEW, c), few);
  conv_transpose_check(GATHER, c);
  if (direct) conv_transpose_check(DIRECT, c);
  if (few) conv_transpose_check(FEW, c);
}

START_TEST(strides_dilations_pads) {
  if (!mini_open()) return;
  for (int64_t k = 1; k <= 4; k++)
    for (int64_t s = 1; s <= 3; s++)
      for (int64_t d = 1; d <= 2; d++)
        for (int64_t out = 3; out <= 19; out += 16)
          check_rows(&(conv_case){.batch = 1,
                                  .channels_in = 5,
                                  .channels_out = out,
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

/* A dilation that shares a factor with the stride, strides above the kernel, pads that cut whole cells, output padding past the taps. */
START_TEST(uneven_axes) {
  if (!mini_open()) return;
  static const conv_case shapes[] = {
      {.in = {5, 13}, .kernel = {4, 4}, .stride = {4, 6}, .dilation = {2, 4}},
      {.in = {5, 9}, .kernel = {3, 5}, .stride = {2, 3}, .dilation = {3, 2}, .pad_begin = {2, 5}, .pad_end = {3, 1}},
      {.in = {3, 4}, .kernel = {2, 2}, .stride = {5, 3}},
      {.in = {4, 4}, .kernel = {3, 3}, .stride = {3, 3}, .out_pad = {1, 2}},
      {.in = {6, 9}, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .out_pad = {1, 1}},
      {.in = {2, 3}, .kernel = {1, 1}, .stride = {1, 1}, .out_pad = {3, 40}},
      {.in = {2, 3}, .kernel = {1, 2}, .stride = {2, 9}, .pad_begin = {0, 4}, .pad_end = {0, 3}},
      {.in = {3, 5}, .kernel = {2, 9}, .stride = {1, 2}, .pad_begin = {0, 7}, .pad_end = {1, 6}},
      {.in = {11, 1}, .kernel = {3, 1}, .stride = {2, 1}, .pad_begin = {1, 0}},
      {.in = {4, 6}, .kernel = {1, 1}},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int64_t out = 2; out <= 20; out += 18) {
      conv_case c = shapes[i];
      c.batch = 2;
      c.channels_in = 6;
      c.channels_out = out;
      c.group = 1;
      c.spatial = 2;
      check_rows(&c);
    }
  mini_close();
}
END_TEST

START_TEST(widths_around_the_tile) {
  static const int64_t outs[] = {1, 16, 32};
  if (!mini_open()) return;
  for (int64_t w = 1; w <= 18; w++)
    for (int64_t k = 2; k <= 4; k++)
      check_rows(&(conv_case){.batch = 1,
                              .channels_in = 16,
                              .channels_out = outs[k - 2],
                              .group = 1,
                              .spatial = 2,
                              .in = {2, w},
                              .kernel = {k, k},
                              .stride = {2, 2},
                              .pad_begin = {0, (k - 1) / 2},
                              .pad_end = {0, (k - 1) / 2}});
  mini_close();
}
END_TEST

START_TEST(tail_channels_and_post_ops) {
  if (!mini_open()) return;
  static const int64_t ins[] = {1, 15, 16, 33}, outs[] = {1, 4, 16, 31, 33, 50};
  static const int32_t kinds[] = {0, CVK_OP_RELU, CVK_OP_LEAKY_RELU, CVK_OP_CLIP, CVK_OP_TANH, CVK_OP_SWISH};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 6; j++)
      check_rows(&(conv_case){.batch = 2,
                              .channels_in = ins[i],
                              .channels_out = outs[j],
                              .group = 1,
                              .spatial = 2,
                              .in = {2, 9},
                              .kernel = {2, 3},
                              .stride = {2, 2},
                              .no_bias = i & 1,
                              .run_time_weights = (i + j) & 1,
                              .activation0 = kinds[(i + j) % 6],
                              .add = j & 1,
                              .activation1 = j & 1 ? kinds[(i + j + 2) % 6] : 0});
  mini_close();
}
END_TEST

START_TEST(groups_axes_weights) {
  if (!mini_open()) return;
  for (int32_t r = 0; r < 2; r++) {
    check_rows(&(conv_case){.batch = 2,
                            .channels_in = 6,
                            .channels_out = 36,
                            .group = 2,
                            .spatial = 2,
                            .in = {3, 4},
                            .kernel = {3, 2},
                            .stride = {2, 1},
                            .run_time_weights = r,
                            .activation0 = CVK_OP_RELU});
    check_rows(&(conv_case){.batch = 2,
                            .channels_in = 32,
                            .channels_out = 96,
                            .group = 2,
                            .spatial = 2,
                            .in = {3, 8},
                            .kernel = {3, 2},
                            .stride = {2, 1},
                            .run_time_weights = r,
                            .activation0 = CVK_OP_RELU});
    check_rows(&(conv_case){.batch = 1,
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
    check_rows(&(conv_case){.batch = 1,
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

/* A row of its own for channels by themselves, on CPU devices. */
START_TEST(depthwise) {
  if (!mini_open()) return;
  for (int64_t stride = 1; stride <= 3; stride++)
    for (int64_t channels = 15; channels <= 33; channels += 9)
      for (int32_t i = 0; i < 3; i++) {
        const conv_case c = {.batch = 2,
                             .channels_in = channels,
                             .channels_out = channels,
                             .group = channels,
                             .spatial = i == 2 ? 1 : 2,
                             .in = {5, 4},
                             .kernel = {3, 2 + i},
                             .stride = {stride, 1 + stride % 2},
                             .dilation = {1, 1 + i},
                             .pad_begin = {1, i},
                             .pad_end = {0, 1},
                             .no_bias = i == 0,
                             .run_time_weights = i != 1,
                             .infinite_pixel = i == 0 && channels == 24,
                             .activation0 = i == 1 ? CVK_OP_RELU : 0,
                             .add = i == 1};
        conv_transpose_check(GATHER, &c);
        ck_assert_int_eq(conv_transpose_offers("conv_transpose_depthwise", &c), mini_cpu_class());
        if (mini_cpu_class()) conv_transpose_check("conv_transpose_depthwise", &c);
      }
  mini_close();
}
END_TEST

START_TEST(non_finite_data) {
  if (!mini_open()) return;
  for (int64_t out = 2; out <= 18; out += 16) {
    check_rows(&(conv_case){.batch = 1,
                            .channels_in = 17,
                            .channels_out = out,
                            .group = 1,
                            .spatial = 2,
                            .in = {4, 9},
                            .kernel = {3, 3},
                            .stride = {2, 2},
                            .pad_begin = {1, 1},
                            .pad_end = {1, 1},
                            .infinite_pixel = 1});
    for (int32_t turned = 0; turned < 2; turned++) /* tap (0, 0) only meets the pad */
      check_rows(&(conv_case){.batch = 1,
                              .channels_in = 17,
                              .channels_out = out,
                              .group = 1,
                              .spatial = 2,
                              .in = {turned ? 9 : 1, turned ? 1 : 9},
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .pad_begin = {1, 1},
                              .infinite_weights = 1});
  }
  mini_close();
}
END_TEST

START_TEST(an_empty_batch_is_no_work) {
  if (!mini_open()) return;
  check_rows(&(conv_case){.batch = 0, .channels_in = 16, .channels_out = 4, .group = 1, .spatial = 2, .in = {5, 5}, .kernel = {3, 3}});
  mini_close();
}
END_TEST

SUITE("opencl_conv_transpose", strides_dilations_pads, uneven_axes, widths_around_the_tile, tail_channels_and_post_ops, groups_axes_weights,
      depthwise, non_finite_data, an_empty_batch_is_no_work)

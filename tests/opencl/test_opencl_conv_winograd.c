/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_conv_winograd.c: conv_winograd_f4x3 and conv_winograd_f2x3: sizes around their tiles, tail channels, pads, images of one
 * block of tiles and of many, post-ops, non-finite data, and what they must refuse. */
#include <math.h>
#include <stdlib.h>

#include "conv_case.h"

static const char *const rows[] = {"conv_winograd_f4x3", "conv_winograd_f2x3"};
#define N_ROWS (int)(sizeof rows / sizeof *rows)

static void check(const conv_case *c) {
  for (int i = 0; i < N_ROWS; i++) conv_check(rows[i], c);
}

START_TEST(sizes_around_the_tile) {
  if (!mini_open()) return;
  for (int64_t h = 5; h <= 13; h++)
    check(&(conv_case){.batch = 1 + h % 2,
                       .channels_in = 32,
                       .channels_out = 48,
                       .group = 1,
                       .spatial = 2,
                       .in = {h, 34 - h},
                       .kernel = {3, 3},
                       .pad_begin = {1, h % 2},
                       .pad_end = {1, 1},
                       .winograd = 1});
  mini_close();
}
END_TEST

/* 1 to 20 tiles in a row, and some larger numbers: the tiles behind the last full step of registers. */
START_TEST(numbers_of_tiles) {
  if (!mini_open()) return;
  for (int64_t w = 1; w <= 64; w += w < 20 ? 1 : 11)
    check(&(conv_case){.batch = 1,
                       .channels_in = 17,
                       .channels_out = 33,
                       .group = 1,
                       .spatial = 2,
                       .in = {4, 4 * w},
                       .kernel = {3, 3},
                       .pad_begin = {1, 1},
                       .pad_end = {1, 1},
                       .winograd = 1});
  mini_close();
}
END_TEST

START_TEST(long_sums) { /* more channels than registers sum at once */
  if (!mini_open()) return;
  check(&(conv_case){.batch = 1,
                     .channels_in = 600,
                     .channels_out = 32,
                     .group = 1,
                     .spatial = 2,
                     .in = {7, 7},
                     .kernel = {3, 3},
                     .pad_begin = {1, 1},
                     .pad_end = {1, 1},
                     .winograd = 1});
  mini_close();
}
END_TEST

START_TEST(tail_channels_and_post_ops) {
  if (!mini_open()) return;
  for (int64_t c = 33; c <= 49; c += 8)
    check(&(conv_case){.batch = 1,
                       .channels_in = c,
                       .channels_out = 82 - c,
                       .group = 1,
                       .spatial = 2,
                       .in = {14, 14},
                       .kernel = {3, 3},
                       .pad_begin = {1, 1},
                       .pad_end = {1, 1},
                       .activation0 = c == 41 ? CVK_OP_SWISH : 0,
                       .add = c != 33,
                       .activation1 = CVK_OP_RELU,
                       .winograd = 1});
  mini_close();
}
END_TEST

START_TEST(several_bands) {
  if (!mini_open()) return;
  check(&(conv_case){.batch = 2,
                     .channels_in = 256,
                     .channels_out = 64,
                     .group = 1,
                     .spatial = 2,
                     .in = {29, 31},
                     .kernel = {3, 3},
                     .pad_begin = {1, 1},
                     .pad_end = {1, 1},
                     .winograd = 1});
  mini_close();
}
END_TEST

START_TEST(groups) {
  if (!mini_open()) return;
  for (int64_t side = 13; side <= 40; side += 27) /* one block of tiles, and many */
    check(&(conv_case){.batch = 1,
                       .channels_in = 64,
                       .channels_out = 96,
                       .group = 2,
                       .spatial = 2,
                       .in = {side, side},
                       .kernel = {3, 3},
                       .pad_begin = {1, 1},
                       .pad_end = {1, 1},
                       .infinite_pixel = side == 13,
                       .winograd = 1});
  mini_close();
}
END_TEST

START_TEST(one_infinite_pixel_spoils_no_neighbour) {
  if (!mini_open()) return;
  check(&(conv_case){.batch = 1,
                     .channels_in = 32,
                     .channels_out = 35,
                     .group = 1,
                     .spatial = 2,
                     .in = {14, 14},
                     .kernel = {3, 3},
                     .pad_begin = {1, 1},
                     .pad_end = {1, 1},
                     .infinite_pixel = 1,
                     .winograd = 1});
  mini_close();
}
END_TEST

/* 1: the row offers itself for a 14x14 image of 64 to 64 channels. */
static int32_t offered(const char *row, float odd_weight, int64_t stride, int32_t constant, uint32_t flags) {
  const int64_t n = 64 * 64 * 9, side = stride == 1 ? 14 : 7;
  float *w = malloc((size_t)n * sizeof *w), x[1], y[1];
  mini_random(w, n, 1);
  w[n / 2] = odd_weight;
  const cvk_conv_attr attr = {.struct_size = sizeof attr,
                              .kernel = {3, 3},
                              .stride = {stride, stride},
                              .dilation = {1, 1},
                              .pad_begin = {1, 1},
                              .pad_end = {1, 1},
                              .group = 1};
  mini_op op = {.kind = CVK_OP_CONV, .attr = &attr, .n_in = 2, .n_out = 1, .flags = flags};
  op.in[0] = mini_f32(4, (int64_t[]){1, 64, 14, 14}, x);
  op.in[1] = mini_f32(4, (int64_t[]){64, 64, 3, 3}, w);
  op.in[1].constant = constant;
  op.out[0] = mini_f32(4, (int64_t[]){1, 64, side, side}, y);
  const int32_t yes = mini_offers(row, &op);
  free(w);
  return yes;
}

START_TEST(what_it_refuses) {
  if (!mini_open()) return;
  for (int i = 0; i < N_ROWS; i++) {
    ck_assert_int_eq(offered(rows[i], 1, 1, 1, 0), 1);
    ck_assert_int_eq(offered(rows[i], NAN, 1, 1, 0), 0);
    ck_assert_int_eq(offered(rows[i], INFINITY, 1, 1, 0), 0);
    ck_assert_int_eq(offered(rows[i], 1, 2, 1, 0), 0);
    ck_assert_int_eq(offered(rows[i], 1, 1, 0, 0), 0);
    ck_assert_int_eq(offered(rows[i], 1, 1, 1, CVK_EXACT), 0);
  }
  mini_close();
}
END_TEST

SUITE("opencl_conv_winograd", sizes_around_the_tile, numbers_of_tiles, long_sums, tail_channels_and_post_ops, several_bands, groups,
      one_infinite_pixel_spoils_no_neighbour, what_it_refuses)

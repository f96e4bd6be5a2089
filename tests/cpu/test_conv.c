/* SPDX-License-Identifier: Apache-2.0 */
/* test_conv.c: every convolution row of every instruction set against a double loop, |y - ref| <= k * 2^-24 * sum|x||w| with the k of its
 * error class (4, Winograd 64), at tile edges, between pages that fault, with constant and run-time weights, with post-ops, NaN and Inf, and on 1 and 3 threads bit for bit.
 * Rules of docs/plugin-abi.md: P12, P13, P15. */
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"
#include "conv_reference.h"
#include "run_op.h"

/* Runs all candidates of one case and checks them; returns how many that sum directly take constant weights. */
static int check_case(const conv_case *cc, const char *isa) {
  mini_host one, three;
  cvk_candidate c[RUN_CANDIDATES], on_three[RUN_CANDIDATES]; /* a row's workspace may depend on the number of threads */
  conv_data d;
  int n = 0, offered = 0, direct = 0;
  if (!mini_host_open(&one, isa, 1)) return 0;
  ck_assert(mini_host_open(&three, isa, 3));
  conv_data_make(cc, &d);
  for (int run_time = 0; run_time < 2; run_time++) {
    d.op.constant[1] = !run_time;
    n = run_candidates(&one, &d.op, c);
    if (!run_time) offered = n;
    for (int i = 0; !run_time && i < n; i++) direct += c[i].error_class != CVK_ERROR_WINOGRAD;
    ck_assert_msg(n >= offered, "%s: %d of %d rows take %s with run-time weights", isa, n, offered, conv_case_text(cc));
    ck_assert_msg(n > 0, "%s: no row takes %s", isa, conv_case_text(cc));
    ck_assert_int_eq(run_candidates(&three, &d.op, on_three), n);
    for (int i = 0; i < n; i++) {
      const int placement = i % 2 ? RUN_BEGIN : RUN_END;
      const size_t bytes = (size_t)d.y_count * sizeof(float);
      float *again = malloc(bytes + 1);
      cvk_status status = run_row(&one, &d.op, &c[i], placement, 1, NULL);
      ck_assert_msg(status == CVK_OK, "%s: %s: status %d %s", c[i].row, conv_case_text(cc), status, one.message);
      conv_data_expect(&d, c[i].row, c[i].error_class == CVK_ERROR_WINOGRAD ? 64 : 4);
      memcpy(again, d.y, bytes);
      status = run_row(&three, &d.op, &on_three[i], RUN_END, 1, NULL);
      ck_assert_int_eq(status, CVK_OK);
      ck_assert_msg(memcmp(again, d.y, bytes) == 0, "%s: %s: other bits on 3 threads", c[i].row, conv_case_text(cc));
      free(again);
    }
  }
  conv_data_free(&d);
  mini_host_close(&one);
  mini_host_close(&three);
  return direct;
}

#define CHECK_ALL(CASES) conv_check_cases(CASES, sizeof(CASES) / sizeof *(CASES), check_case)

START_TEST(channels_at_block_edges) {
  static const int64_t channels[] = {1, 3, 4, 5, 8, 9, 15, 16, 17, 33, 50};
  conv_case cases[121];
  int n = 0;
  for (int i = 0; i < 11; i++)
    for (int j = 0; j < 11; j++)
      cases[n++] = (conv_case){.n = 1, .c = channels[i], .m = channels[j], .in = {5, 7}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1};
  CHECK_ALL(cases);
}
END_TEST

START_TEST(widths_strides_pads) {
  conv_case cases[31 * 3 * 4];
  int n = 0;
  for (int64_t width = 1; width <= 31; width++)
    for (int64_t stride = 1; stride <= 3; stride++)
      for (int64_t pad = 0; pad < 4; pad++) {
        const int64_t kernel = pad == 3 ? 7 : pad == 2 ? 5 : pad == 1 ? 3 : 1;
        cases[n++] = (conv_case){.n = 1, .c = 17, .m = 18, .in = {3, width}, .kernel = {3, kernel}, .stride = {1, stride}, .pad_begin = {1, pad},
                                 .pad_end = {2, (pad * 2 + width) % 4 + (kernel > width + pad ? kernel : 0)}, .bias = width % 2};
      }
  CHECK_ALL(cases);
}
END_TEST

/* Tiles of every width, both strides that have tiles of their own and one that has not, pads of every size up to the kernel's. */
START_TEST(depthwise_widths_kernels_strides_pads) {
  static conv_case cases[30 * 5 * 3 * 2];
  int n = 0;
  for (int64_t width = 1; width <= 30; width++)
    for (int64_t kernel = 1; kernel <= 9; kernel += 2)
      for (int64_t stride = 1; stride <= 3; stride++)
        for (int32_t special = 0; special < 2; special++) {
          const int64_t pad = (width + stride + kernel) % (kernel + 1), end = kernel > width + pad ? kernel - width - pad : (width * 3 + stride) % kernel;
          cases[n++] = (conv_case){.n = 1, .c = 17, .m = 17, .in = {4, width}, .kernel = {3, kernel}, .stride = {1, stride},
                                   .pad_begin = {1, special ? kernel / 2 : pad}, .pad_end = {1, special ? kernel / 2 : end}, .group = 17,
                                   .bias = special, .x_special = special};
        }
  CHECK_ALL(cases);
}
END_TEST

/* Groups of few channels, in and out, at every tile width. */
START_TEST(grouped) {
  static const int64_t groups[][3] = {{8, 2, 2}, {6, 4, 4}, {5, 8, 8}, {3, 16, 16}, {9, 1, 2}, {5, 1, 4}, {3, 1, 16}, {2, 1, 32}, {3, 2, 4}, {4, 4, 8}, {2, 3, 5}, {4, 2, 1}};
  static conv_case cases[12 * 20];
  int n = 0;
  for (int i = 0; i < 12; i++)
    for (int64_t width = 1; width <= 20; width++) {
      const int64_t kernel = width % 4 == 3 ? 5 : 3, stride = 1 + width % 3, special = width % 5 == 0;
      cases[n++] = (conv_case){.n = 1 + (width == 7), .c = groups[i][0] * groups[i][1], .m = groups[i][0] * groups[i][2], .in = {5, width},
                               .kernel = {3, kernel}, .stride = {stride, stride}, .dilation = {1, 1 + (width == 9)}, .pad_begin = {1, kernel / 2},
                               .pad_end = {1, kernel / 2 + (width == 9)}, .group = groups[i][0], .bias = width % 2, .x_special = (int)special,
                               .chain = (int)(width % 7)};
    }
  CHECK_ALL(cases);
}
END_TEST

START_TEST(many_shapes) {
  static const conv_case cases[] = {
      {.n = 2, .c = 3, .m = 20, .in = {23, 31}, .kernel = {7, 7}, .stride = {2, 2}, .pad_begin = {3, 3}, .pad_end = {3, 3}, .bias = 1},
      {.n = 1, .c = 3, .m = 33, .in = {27, 27}, .kernel = {11, 11}, .stride = {4, 4}, .bias = 1},
      {.n = 1, .c = 1, .m = 6, .in = {28, 28}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}},
      {.n = 3, .c = 2, .m = 5, .in = {9, 9}, .kernel = {3, 3}, .dilation = {2, 3}, .pad_begin = {2, 0}, .pad_end = {1, 4}},
      {.n = 1, .c = 40, .m = 70, .in = {13, 13}, .kernel = {3, 3}, .dilation = {2, 2}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .bias = 1},
      {.n = 1, .c = 100, .m = 50, .in = {14, 14}, .kernel = {1, 1}, .bias = 1},
      {.n = 2, .c = 20, .m = 49, .in = {7, 7}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1},
      {.n = 1, .c = 64, .m = 32, .in = {15, 17}, .kernel = {1, 1}, .stride = {2, 2}},
      {.n = 1, .c = 64, .m = 96, .in = {9, 13}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .group = 2, .bias = 1},
      {.n = 1, .c = 6, .m = 4, .in = {5, 3}, .kernel = {3, 2}, .group = 2, .bias = 1},
      /* columns, and rows that are joined */
      {.n = 2, .c = 20, .m = 33, .in = {29, 1}, .kernel = {5, 1}, .pad_begin = {2, 0}, .pad_end = {1, 0}, .bias = 1},
      {.n = 1, .c = 16, .m = 18, .in = {29, 1}, .kernel = {3, 1}, .stride = {2, 3}, .dilation = {2, 1}},
      {.n = 1, .c = 136, .m = 136, .in = {7, 7}, .kernel = {1, 1}, .group = 4, .bias = 1},
      {.n = 2, .c = 21, .m = 35, .in = {28, 12}, .kernel = {1, 1}, .group = 7},
      {.n = 1, .c = 4, .m = 8, .in = {4, 4}, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 4},
      {.n = 1, .c = 35, .m = 35, .in = {9, 29}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 35, .bias = 1},
      {.n = 2, .c = 16, .m = 16, .in = {15, 8}, .kernel = {5, 5}, .stride = {2, 2}, .pad_begin = {2, 1}, .pad_end = {1, 2}, .group = 16},
      {.n = 1, .c = 16, .m = 16, .in = {9, 23}, .kernel = {7, 7}, .pad_begin = {3, 3}, .pad_end = {3, 3}, .group = 16, .bias = 1, .positive = 1},
      {.n = 1, .c = 8, .m = 8, .in = {19, 9}, .kernel = {13, 5}, .pad_begin = {6, 2}, .pad_end = {6, 2}, .group = 8, .positive = 1},
      {.n = 1, .c = 19, .m = 19, .in = {11, 20}, .kernel = {3, 3}, .dilation = {2, 2}, .stride = {3, 3}, .pad_begin = {2, 2}, .group = 19, .bias = 1},
      {.n = 1, .c = 5, .m = 7, .in = {2, 2}, .kernel = {3, 3}, .pad_begin = {5, 4}, .pad_end = {4, 5}, .bias = 1},
      {.n = 1, .c = 5, .m = 7, .in = {4, 4}, .kernel = {3, 3}, .dilation = {1, 5}, .pad_begin = {1, 5}, .pad_end = {1, 5}, .bias = 1},
      {.n = 0, .c = 5, .m = 7, .in = {4, 4}, .kernel = {3, 3}},
      {.n = 2, .c = 1, .m = 1, .in = {90, 300}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.n = 1, .c = 1, .m = 2, .in = {37, 131}, .kernel = {5, 5}, .dilation = {2, 3}, .pad_begin = {4, 6}, .pad_end = {4, 6}, .bias = 1},
      {.n = 1, .c = 3, .m = 9, .in = {70, 150}, .kernel = {5, 5}, .stride = {2, 3}, .dilation = {1, 2}, .pad_begin = {2, 4}, .pad_end = {2, 4}, .chain = 3},
      {.n = 1, .c = 4, .m = 11, .in = {11, 67}, .kernel = {9, 9}, .pad_begin = {4, 4}, .pad_end = {4, 4}, .bias = 1, .positive = 1, .chain = 6},
      {.n = 1, .c = 300, .m = 17, .in = {3, 3}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1},
      {.n = 1, .c = 600, .m = 17, .in = {2, 3}, .kernel = {1, 1}, .positive = 1},
      {.n = 1, .c = 512, .m = 33, .in = {14, 14}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1},
      {.n = 1, .c = 512, .m = 64, .in = {14, 14}, .kernel = {1, 1}, .positive = 1},
      {.n = 1, .c = 2048, .m = 64, .in = {14, 14}, .kernel = {1, 1}, .positive = 1},
      {.n = 1, .c = 24, .m = 24, .in = {130, 5}, .kernel = {1, 1}, .bias = 1},
  };
  CHECK_ALL(cases);
}
END_TEST

/* Sums that only grow show rounding errors most. Shorter sums than these: docs/limits.md. */
START_TEST(products_of_one_sign) {
  static const int64_t channels[] = {288, 320, 400, 576, 1152, 2600};
  conv_case cases[6 + 3];
  int n = 0;
  for (int i = 0; i < 6; i++) cases[n++] = (conv_case){.n = 1, .c = channels[i], .m = 32, .in = {17, 19}, .kernel = {1, 1}, .positive = 1};
  for (int64_t kernel = 3; kernel <= 7; kernel += 2)
    cases[n++] = (conv_case){.n = 1, .c = 32, .m = 32, .in = {17, 19}, .kernel = {kernel, kernel}, .pad_begin = {kernel / 2, kernel / 2},
                             .pad_end = {kernel / 2, kernel / 2}, .group = 32, .positive = 1};
  CHECK_ALL(cases);
}
END_TEST

START_TEST(one_and_three_axes) {
  static const conv_case cases[] = {
      {.spatial = 1, .n = 2, .c = 3, .m = 2, .in = {7}, .kernel = {4}, .stride = {2}, .pad_begin = {2}, .pad_end = {1}, .bias = 1},
      {.spatial = 1, .n = 1, .c = 33, .m = 17, .in = {65}, .kernel = {9}, .dilation = {3}, .pad_begin = {4}, .pad_end = {8}},
      {.spatial = 1, .n = 1, .c = 1, .m = 20, .in = {700}, .kernel = {512}, .stride = {4}, .pad_begin = {254}, .pad_end = {254}, .bias = 1},
      {.spatial = 1, .n = 1, .c = 18, .m = 20, .in = {90}, .kernel = {64}, .pad_begin = {31}, .pad_end = {32}, .bias = 1, .chain = 1},
      {.spatial = 3, .n = 1, .c = 2, .m = 2, .in = {3, 4, 5}, .kernel = {2, 3, 1}, .stride = {2, 1, 2}, .pad_begin = {1, 0, 0}, .pad_end = {0, 2, 1}},
      {.spatial = 3, .n = 2, .c = 5, .m = 6, .in = {5, 6, 19}, .kernel = {3, 3, 3}, .pad_begin = {1, 1, 1}, .pad_end = {1, 1, 1}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 17, .m = 18, .in = {5, 6, 9}, .kernel = {1, 1, 1}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 17, .m = 18, .in = {7, 6, 1}, .kernel = {3, 2, 1}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 4, .m = 4, .in = {5, 6, 9}, .kernel = {3, 3, 3}, .dilation = {2, 1, 2}, .pad_begin = {1, 1, 1}, .pad_end = {1, 1, 1}, .group = 4},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(post_ops) {
  conv_case cases[24];
  int n = 0;
  for (int chain = 1; chain <= 6; chain++) {
    cases[n++] = (conv_case){.n = 1, .c = 17, .m = 33, .in = {6, 17}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1, .chain = chain};
    cases[n++] = (conv_case){.n = 2, .c = 20, .m = 21, .in = {7, 19}, .kernel = {1, 1}, .bias = 1, .chain = chain};
    cases[n++] = (conv_case){.n = 1, .c = 18, .m = 18, .in = {6, 17}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 18, .chain = chain};
    cases[n++] = (conv_case){.n = 1, .c = 3, .m = 18, .in = {6, 17}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1, .chain = chain};
  }
  CHECK_ALL(cases);
}
END_TEST

START_TEST(nan_and_inf_stay_where_they_belong) {
  static const conv_case cases[] = {
      {.n = 1, .c = 1, .m = 1, .in = {4, 4}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1, .positive = 1},
      {.n = 1, .c = 20, .m = 18, .in = {6, 17}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1, .positive = 1},
      {.n = 1, .c = 18, .m = 18, .in = {6, 17}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .group = 18, .w_inf = 1, .positive = 1},
      {.n = 2, .c = 1, .m = 7, .in = {9, 37}, .kernel = {5, 5}, .stride = {1, 2}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .bias = 1, .w_inf = 2},
      {.n = 2, .c = 6, .m = 16, .in = {8, 11}, .kernel = {3, 3}, .dilation = {2, 1}, .pad_begin = {2, 1}, .pad_end = {2, 1}, .group = 2, .w_inf = 2, .chain = 4},
      {.n = 1, .c = 20, .m = 35, .in = {9, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1, .w_inf = 2, .chain = 6},
      {.n = 1, .c = 5, .m = 9, .in = {9, 9}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1},
      {.n = 1, .c = 20, .m = 19, .in = {9, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1, .chain = 1},
      {.n = 1, .c = 19, .m = 19, .in = {9, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1, .group = 19},
      {.n = 1, .c = 19, .m = 19, .in = {9, 30}, .kernel = {1, 1}, .x_special = 1},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(transposed) {
  static const conv_case cases[] = {
      {.transpose = 1, .n = 1, .c = 2, .m = 1, .in = {3, 3}, .kernel = {3, 3}, .stride = {2, 2}, .output_padding = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.transpose = 1, .n = 2, .c = 5, .m = 7, .in = {4, 19}, .kernel = {3, 4}, .stride = {1, 3}, .pad_begin = {0, 2}, .pad_end = {1, 0}, .bias = 1},
      {.transpose = 1, .n = 1, .c = 6, .m = 4, .in = {5, 33}, .kernel = {2, 3}, .dilation = {2, 3}, .stride = {2, 2}, .group = 2, .bias = 1, .chain = 2},
      {.transpose = 1, .n = 1, .c = 150, .m = 3, .in = {2, 9}, .kernel = {3, 3}, .stride = {2, 1}, .bias = 1, .chain = 6},
      {.transpose = 1, .spatial = 1, .n = 1, .c = 3, .m = 2, .in = {9}, .kernel = {5}, .stride = {4}, .pad_begin = {1}, .pad_end = {2}},
      {.transpose = 1, .spatial = 3, .n = 1, .c = 2, .m = 2, .in = {2, 3, 4}, .kernel = {2, 3, 3}, .stride = {2, 1, 2}, .pad_begin = {0, 1, 1}, .bias = 1},
      {.transpose = 1, .n = 1, .c = 3, .m = 3, .in = {4, 7}, .kernel = {3, 3}, .stride = {2, 2}, .x_special = 1, .w_inf = 1},
      {.transpose = 1, .n = 1, .c = 3, .m = 3, .in = {4, 7}, .kernel = {1, 1}, .stride = {3, 3}},
  };
  CHECK_ALL(cases);
}
END_TEST

/* All rows take what has one or two axes, finite weights and one group: blocked, plain from plain and from blocked tensors, the general one. */
static void check_transposed(conv_case cc) {
  cc.transpose = 1;
  for (int i = 0; mini_host_caps[i]; i++) {
    const int n = check_case(&cc, mini_host_caps[i]);
    if (n > 0 && cc.spatial != 3 && !cc.w_inf && cc.group < 2) ck_assert_msg(n == 4, "%d rows take %s", n, conv_case_text(&cc));
  }
}

START_TEST(transposed_channels) {
  static const int64_t channels[] = {1, 3, 4, 5, 7, 8, 13, 16, 17, 33, 50};
  for (int i = 0; i < 11; i++)
    for (int j = 0; j < 11; j++)
      check_transposed((conv_case){.n = 1, .c = channels[i], .m = channels[j], .in = {2, 3}, .kernel = {2, 2}, .stride = {2, 2}, .bias = (i + j) % 2});
}
END_TEST

START_TEST(transposed_widths_kernels_strides_pads) {
  static const int64_t widths[] = {1, 2, 4, 7, 8, 9, 15, 16, 17, 31, 33, 100, 131};
  for (int i = 0; i < 13; i++)
    for (int64_t stride = 1; stride <= 4; stride++)
      for (int64_t kernel = 1; kernel <= 5; kernel += i % 2 + 1) {
        conv_case cc = {.n = 1, .c = 5, .m = 7, .in = {3, widths[i]}, .kernel = {kernel, kernel}, .stride = {stride, stride}, .bias = i % 2};
        check_transposed(cc);
        for (int axis = 0; axis < 2; axis++) {
          cc.pad_begin[axis] = kernel / 2;
          cc.pad_end[axis] = (kernel - 1) / 2;
          cc.output_padding[axis] = stride - 1;
        }
        check_transposed(cc);
      }
}
END_TEST

START_TEST(transposed_shapes) {
  static const conv_case cases[] = {
      {.n = 2, .c = 20, .m = 37, .in = {4, 19}, .kernel = {3, 4}, .stride = {1, 3}, .pad_begin = {0, 2}, .pad_end = {1, 0}, .bias = 1},
      {.n = 1, .c = 6, .m = 4, .in = {5, 33}, .kernel = {2, 3}, .dilation = {2, 3}, .stride = {2, 2}, .group = 2, .bias = 1},
      {.n = 1, .c = 6, .m = 4, .in = {5, 13}, .kernel = {4, 4}, .dilation = {2, 4}, .stride = {4, 6}, .bias = 1},
      {.n = 1, .c = 6, .m = 4, .in = {5, 13}, .kernel = {3, 5}, .dilation = {3, 2}, .stride = {2, 3}, .pad_begin = {2, 5}, .pad_end = {3, 1}, .bias = 1},
      {.n = 2, .c = 32, .m = 64, .in = {3, 5}, .kernel = {4, 4}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 2, .bias = 1},
      {.n = 1, .c = 19, .m = 19, .in = {9, 21}, .kernel = {4, 4}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 19},
      {.n = 1, .c = 6, .m = 18, .in = {4, 9}, .kernel = {3, 3}, .stride = {2, 2}, .group = 6, .bias = 1},
      {.n = 1, .c = 3, .m = 2, .in = {3, 3}, .kernel = {16, 16}, .stride = {8, 8}, .pad_begin = {4, 4}, .pad_end = {4, 4}},
      {.n = 1, .c = 3, .m = 2, .in = {3, 3}, .kernel = {2, 2}, .stride = {5, 7}, .output_padding = {4, 6}, .bias = 1},
      {.n = 1, .c = 3, .m = 2, .in = {9, 30}, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {5, 7}, .pad_end = {6, 8}, .bias = 1},
      {.n = 1, .c = 40, .m = 3, .in = {33, 40}, .kernel = {3, 2}, .stride = {2, 2}, .pad_begin = {1, 0}, .bias = 1},
      {.n = 1, .c = 100, .m = 40, .in = {8, 8}, .kernel = {4, 4}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1},
      {.n = 1, .c = 1, .m = 1, .in = {1, 1}, .kernel = {1, 1}},
      {.n = 1, .c = 0, .m = 5, .in = {3, 3}, .kernel = {2, 2}, .stride = {2, 2}, .bias = 1},
      {.n = 0, .c = 3, .m = 5, .in = {3, 3}, .kernel = {2, 2}, .stride = {2, 2}, .bias = 1},
      {.spatial = 1, .n = 2, .c = 18, .m = 20, .in = {29}, .kernel = {4}, .stride = {2}, .pad_begin = {1}, .pad_end = {1}, .bias = 1},
      {.spatial = 1, .n = 1, .c = 3, .m = 2, .in = {9}, .kernel = {5}, .stride = {4}, .dilation = {3}, .pad_begin = {1}, .pad_end = {2}},
      {.spatial = 3, .n = 1, .c = 17, .m = 5, .in = {2, 3, 9}, .kernel = {2, 2, 2}, .stride = {2, 2, 2}, .bias = 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_transposed(cases[i]);
}
END_TEST

START_TEST(transposed_post_ops) {
  for (int chain = 1; chain <= 6; chain++) {
    check_transposed((conv_case){.n = 1, .c = 17, .m = 33, .in = {3, 9}, .kernel = {2, 2}, .stride = {2, 2}, .bias = 1, .chain = chain});
    check_transposed((conv_case){.n = 2, .c = 5, .m = 8, .in = {3, 9}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1, .chain = chain});
    check_transposed((conv_case){.n = 1, .c = 18, .m = 18, .in = {3, 17}, .kernel = {3, 3}, .stride = {2, 3}, .group = 18, .chain = chain});
  }
}
END_TEST

START_TEST(transposed_products_of_one_sign) {
  check_transposed((conv_case){.n = 1, .c = 1000, .m = 18, .in = {3, 18}, .kernel = {2, 2}, .stride = {2, 2}, .positive = 1});
  check_transposed((conv_case){.n = 1, .c = 256, .m = 3, .in = {5, 30}, .kernel = {4, 4}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1});
}
END_TEST

START_TEST(transposed_nan_and_inf) {
  check_transposed((conv_case){.n = 1, .c = 19, .m = 20, .in = {5, 17}, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1});
  check_transposed((conv_case){.n = 2, .c = 16, .m = 6, .in = {6, 10}, .kernel = {5, 5}, .bias = 1, .w_inf = 2, .chain = 2});
  check_transposed((conv_case){.n = 2, .c = 18, .m = 20, .in = {6, 10}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1, .positive = 1});
  check_transposed((conv_case){.n = 1, .c = 9, .m = 6, .in = {5, 17}, .kernel = {3, 4}, .stride = {2, 3}, .dilation = {1, 2}, .pad_begin = {3, 2}, .group = 3, .w_inf = 2, .chain = 6});
  check_transposed((conv_case){.n = 1, .c = 19, .m = 20, .in = {5, 17}, .kernel = {3, 3}, .stride = {2, 2}, .x_special = 1, .chain = 1});
  check_transposed((conv_case){.n = 1, .c = 19, .m = 2, .in = {5, 17}, .kernel = {4, 4}, .stride = {2, 2}, .x_special = 1, .chain = 3});
}
END_TEST

/* A host that has measured a row puts the time in the estimate's place before it prepares: workspace and bits must be the same. */
START_TEST(measured_times_replace_estimates) {
  static const conv_case cases[] = {
      {.n = 1, .c = 3, .m = 6, .in = {64, 200}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .bias = 1},
      {.n = 1, .c = 32, .m = 20, .in = {30, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.transpose = 1, .n = 1, .c = 8, .m = 6, .in = {64, 100}, .kernel = {4, 4}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int i = 0; mini_host_caps[i]; i++) {
      mini_host m;
      cvk_candidate c[RUN_CANDIDATES];
      conv_data d;
      if (!mini_host_open(&m, mini_host_caps[i], 1)) continue;
      conv_data_make(&cases[k], &d);
      d.op.constant[1] = 1;
      const int n = run_candidates(&m, &d.op, c);
      ck_assert_int_gt(n, 0);
      for (int j = 0; j < n; j++) {
        const size_t bytes = (size_t)d.y_count * sizeof(float);
        float *again = malloc(bytes);
        ck_assert_int_eq(run_row(&m, &d.op, &c[j], RUN_END, 1, NULL), CVK_OK);
        memcpy(again, d.y, bytes);
        for (double ns = 1; ns < 1e10; ns *= 1e9) {
          c[j].estimated_ns = ns;
          ck_assert_int_eq(run_row(&m, &d.op, &c[j], RUN_END, 1, NULL), CVK_OK);
          ck_assert_msg(memcmp(again, d.y, bytes) == 0, "%s: %s: other bits", c[j].row, conv_case_text(&cases[k]));
        }
        free(again);
      }
      conv_data_free(&d);
      mini_host_close(&m);
    }
}
END_TEST

SUITE("cpu conv", channels_at_block_edges, widths_strides_pads, depthwise_widths_kernels_strides_pads, grouped, many_shapes, products_of_one_sign, one_and_three_axes,
      post_ops, nan_and_inf_stay_where_they_belong, transposed, transposed_channels, transposed_widths_kernels_strides_pads, transposed_shapes,
      transposed_post_ops, transposed_products_of_one_sign, transposed_nan_and_inf, measured_times_replace_estimates)

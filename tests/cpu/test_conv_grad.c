/* SPDX-License-Identifier: Apache-2.0 */
/* test_conv_grad.c: every CONV_GRAD_WEIGHT row of every instruction set against a double loop, |gw - ref| <= 4 * 2^-24 * sum|x||gy|, at tile edges,
 * between pages that fault, with and without the bias's gradient, NaN and Inf, and on 1 and 3 threads bit for bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "conv_reference.h"
#include "run_op.h"

static void check_row(mini_host *h, conv_data *d, const cvk_candidate *c, int placement) {
  memset(d->y, 0, (size_t)d->y_count * sizeof(float));
  const cvk_status status = run_row(h, &d->op, c, placement, placement == RUN_END ? 2 : 1, NULL);
  ck_assert_msg(status == CVK_OK, "%s: %s: status %d %s", c->row, conv_case_text(&d->cc), status, h->message);
  conv_data_expect(d, c->row, 4);
}

/* Runs all candidates of one case; returns how many there were. */
static int check_case(const conv_case *cc, const char *isa) {
  mini_host one, three;
  cvk_candidate c[RUN_CANDIDATES], on_three[RUN_CANDIDATES];
  conv_data d;
  if (!mini_host_open(&one, isa, 1)) return 0;
  ck_assert(mini_host_open(&three, isa, 3));
  conv_grad_data_make(cc, &d);
  const int n = run_candidates(&one, &d.op, c);
  const size_t bytes = (size_t)d.y_count * sizeof(float);
  float *first = malloc(bytes + 1);
  ck_assert_msg(n > 0, "%s: no row takes %s", isa, conv_case_text(cc));
  ck_assert_int_eq(run_candidates(&three, &d.op, on_three), n);
  for (int i = 0; i < n; i++) {
    ck_assert_str_eq(c[i].row, on_three[i].row);
    check_row(&one, &d, &c[i], RUN_END);
    memcpy(first, d.y, bytes);
    check_row(&one, &d, &c[i], RUN_BEGIN);
    ck_assert_msg(memcmp(first, d.y, bytes) == 0, "%s: %s: other bits elsewhere in memory", c[i].row, conv_case_text(cc));
    check_row(&three, &d, &on_three[i], RUN_END);
    ck_assert_msg(memcmp(first, d.y, bytes) == 0, "%s: %s: other bits on 3 threads", c[i].row, conv_case_text(cc));
  }
  free(first);
  conv_data_free(&d);
  mini_host_close(&one);
  mini_host_close(&three);
  return n;
}

#define CHECK_ALL(CASES) conv_check_cases(CASES, sizeof(CASES) / sizeof *(CASES), check_case)

START_TEST(channels_at_block_edges) {
  static const int64_t channels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 33, 50};
  conv_case cases[14 * 14];
  int n = 0;
  for (int i = 0; i < 14; i++)
    for (int j = 0; j < 14; j++)
      cases[n++] = (conv_case){.n = 2, .c = channels[i], .m = channels[j], .in = {4, 5}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = i % 2};
  CHECK_ALL(cases);
}
END_TEST

START_TEST(widths_strides_pads) {
  static conv_case cases[35 * 3 * 4];
  int n = 0;
  for (int64_t width = 1; width <= 35; width++)
    for (int64_t stride = 1; stride <= 3; stride++)
      for (int64_t pad = 0; pad < 4; pad++) {
        const int64_t kernel = pad == 3 ? 7 : pad == 2 ? 5 : pad == 1 ? 3 : 1;
        cases[n++] = (conv_case){.n = 2, .c = width % 2 ? 3 : 17, .m = width % 3 ? 6 : 18, .in = {3, width}, .kernel = {3, kernel}, .stride = {1, stride},
                                 .pad_begin = {1, pad}, .pad_end = {2, (pad * 2 + width) % 4 + (kernel > width + pad ? kernel : 0)}, .bias = width % 2};
      }
  CHECK_ALL(cases);
}
END_TEST

START_TEST(grouped) {
  static const int64_t groups[][3] = {{8, 2, 2}, {6, 4, 4}, {5, 8, 8}, {3, 16, 16}, {9, 1, 2}, {24, 1, 1}, {3, 1, 16}, {2, 1, 32}, {17, 1, 1}, {4, 16, 32}, {2, 3, 5}, {4, 2, 1}, {2, 24, 16}};
  static conv_case cases[13 * 6];
  int n = 0;
  for (int i = 0; i < 13; i++)
    for (int64_t width = 5; width <= 20; width += 3) {
      const int64_t kernel = width % 4 == 3 ? 5 : 3, stride = 1 + width % 3;
      cases[n++] = (conv_case){.n = 1 + (width == 8), .c = groups[i][0] * groups[i][1], .m = groups[i][0] * groups[i][2], .in = {5, width},
                               .kernel = {3, kernel}, .stride = {stride, stride}, .dilation = {1, 1 + (width == 11)}, .pad_begin = {1, kernel / 2},
                               .pad_end = {1, kernel / 2 + (width == 11)}, .group = groups[i][0], .bias = (int)(width % 2)};
    }
  CHECK_ALL(cases);
}
END_TEST

START_TEST(many_shapes) {
  static const conv_case cases[] = {
      {.n = 5, .c = 1, .m = 6, .in = {28, 28}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .bias = 1},
      {.n = 9, .c = 6, .m = 16, .in = {14, 14}, .kernel = {5, 5}, .bias = 1},
      {.n = 2, .c = 3, .m = 20, .in = {23, 31}, .kernel = {7, 7}, .stride = {2, 2}, .pad_begin = {3, 3}, .pad_end = {3, 3}, .bias = 1},
      {.n = 1, .c = 3, .m = 33, .in = {27, 27}, .kernel = {11, 11}, .stride = {4, 4}, .bias = 1},
      {.n = 3, .c = 2, .m = 5, .in = {9, 9}, .kernel = {3, 3}, .dilation = {2, 3}, .pad_begin = {2, 0}, .pad_end = {1, 4}},
      {.n = 2, .c = 40, .m = 70, .in = {13, 13}, .kernel = {3, 3}, .dilation = {2, 2}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .bias = 1},
      {.n = 7, .c = 20, .m = 49, .in = {2, 2}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1},
      {.n = 2, .c = 64, .m = 32, .in = {15, 17}, .kernel = {1, 1}, .stride = {2, 2}},
      {.n = 1, .c = 100, .m = 50, .in = {14, 14}, .kernel = {1, 1}, .bias = 1},
      {.n = 1, .c = 64, .m = 96, .in = {9, 13}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .group = 2, .bias = 1},
      {.n = 2, .c = 20, .m = 33, .in = {29, 1}, .kernel = {5, 1}, .pad_begin = {2, 0}, .pad_end = {1, 0}, .bias = 1},
      {.n = 1, .c = 16, .m = 18, .in = {29, 1}, .kernel = {3, 1}, .stride = {2, 3}, .dilation = {2, 1}},
      {.n = 2, .c = 21, .m = 35, .in = {28, 12}, .kernel = {1, 1}, .group = 7},
      {.n = 2, .c = 16, .m = 16, .in = {15, 8}, .kernel = {5, 5}, .stride = {2, 2}, .pad_begin = {2, 1}, .pad_end = {1, 2}, .group = 16},
      {.n = 1, .c = 19, .m = 19, .in = {11, 20}, .kernel = {3, 3}, .dilation = {2, 2}, .stride = {3, 3}, .pad_begin = {2, 2}, .group = 19, .bias = 1},
      {.n = 1, .c = 5, .m = 7, .in = {2, 2}, .kernel = {3, 3}, .pad_begin = {5, 4}, .pad_end = {4, 5}, .bias = 1},
      {.n = 1, .c = 5, .m = 7, .in = {4, 4}, .kernel = {3, 3}, .dilation = {1, 5}, .pad_begin = {1, 5}, .pad_end = {1, 5}, .bias = 1},
      {.n = 0, .c = 5, .m = 7, .in = {4, 4}, .kernel = {3, 3}, .bias = 1},
      {.n = 2, .c = 0, .m = 7, .in = {4, 4}, .kernel = {3, 3}, .bias = 1},
      {.n = 2, .c = 1, .m = 1, .in = {90, 300}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.n = 1, .c = 1, .m = 2, .in = {37, 131}, .kernel = {5, 5}, .dilation = {2, 3}, .pad_begin = {4, 6}, .pad_end = {4, 6}, .bias = 1},
      {.n = 1, .c = 4, .m = 11, .in = {11, 67}, .kernel = {9, 9}, .pad_begin = {4, 4}, .pad_end = {4, 4}, .bias = 1},
      {.n = 2, .c = 24, .m = 24, .in = {130, 5}, .kernel = {1, 1}, .bias = 1},
  };
  CHECK_ALL(cases);
}
END_TEST

/* Sums that only grow show rounding errors most: many cells, many images. */
START_TEST(products_of_one_sign) {
  static const conv_case cases[] = {
      {.n = 1, .c = 1, .m = 2, .in = {300, 301}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1, .positive = 1},
      {.n = 64, .c = 1, .m = 6, .in = {28, 28}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .bias = 1, .positive = 1},
      {.n = 64, .c = 6, .m = 16, .in = {14, 14}, .kernel = {5, 5}, .bias = 1, .positive = 1},
      {.n = 40, .c = 17, .m = 18, .in = {29, 30}, .kernel = {1, 1}, .bias = 1, .positive = 1},
      {.n = 3000, .c = 5, .m = 18, .in = {2, 2}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1, .positive = 1},
      {.n = 20, .c = 3, .m = 18, .in = {64, 66}, .kernel = {7, 7}, .stride = {2, 2}, .pad_begin = {3, 3}, .pad_end = {3, 3}, .bias = 1, .positive = 1},
      {.n = 20, .c = 18, .m = 18, .in = {40, 41}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 18, .bias = 1, .positive = 1},
      {.spatial = 1, .n = 1, .c = 2, .m = 5, .in = {40000}, .kernel = {3}, .bias = 1, .positive = 1},
      {.spatial = 1, .n = 1, .c = 2, .m = 5, .in = {40000}, .kernel = {3}, .stride = {2}, .bias = 1, .positive = 1},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(one_and_three_axes) {
  static const conv_case cases[] = {
      {.spatial = 1, .n = 2, .c = 3, .m = 2, .in = {7}, .kernel = {4}, .stride = {2}, .pad_begin = {2}, .pad_end = {1}, .bias = 1},
      {.spatial = 1, .n = 1, .c = 33, .m = 17, .in = {65}, .kernel = {9}, .dilation = {3}, .pad_begin = {4}, .pad_end = {8}},
      {.spatial = 1, .n = 1, .c = 1, .m = 20, .in = {700}, .kernel = {512}, .stride = {4}, .pad_begin = {254}, .pad_end = {254}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 2, .m = 2, .in = {3, 4, 5}, .kernel = {2, 3, 1}, .stride = {2, 1, 2}, .pad_begin = {1, 0, 0}, .pad_end = {0, 2, 1}},
      {.spatial = 3, .n = 2, .c = 5, .m = 6, .in = {5, 6, 19}, .kernel = {3, 3, 3}, .pad_begin = {1, 1, 1}, .pad_end = {1, 1, 1}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 17, .m = 18, .in = {5, 6, 9}, .kernel = {1, 1, 1}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 17, .m = 18, .in = {7, 6, 1}, .kernel = {3, 2, 1}, .bias = 1},
      {.spatial = 3, .n = 1, .c = 4, .m = 4, .in = {5, 6, 9}, .kernel = {3, 3, 3}, .dilation = {2, 1, 2}, .pad_begin = {1, 1, 1}, .pad_end = {1, 1, 1}, .group = 4},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(nan_and_inf_stay_where_they_belong) {
  static const conv_case cases[] = {
      {.n = 1, .c = 1, .m = 1, .in = {4, 4}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1, .positive = 1},
      {.n = 2, .c = 1, .m = 6, .in = {28, 28}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .w_inf = 1, .positive = 1, .bias = 1},
      {.n = 1, .c = 20, .m = 18, .in = {6, 17}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1, .positive = 1},
      {.n = 1, .c = 18, .m = 18, .in = {6, 17}, .kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}, .group = 18, .w_inf = 1, .positive = 1},
      {.n = 1, .c = 3, .m = 18, .in = {9, 17}, .kernel = {7, 7}, .stride = {2, 2}, .pad_begin = {3, 3}, .pad_end = {3, 3}, .w_inf = 1, .positive = 1},
      {.n = 1, .c = 5, .m = 9, .in = {9, 9}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1},
      {.n = 1, .c = 20, .m = 19, .in = {9, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1, .bias = 1},
      {.n = 1, .c = 19, .m = 19, .in = {9, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1, .group = 19},
      {.n = 1, .c = 19, .m = 19, .in = {9, 30}, .kernel = {1, 1}, .x_special = 1},
      {.n = 2, .c = 6, .m = 16, .in = {14, 14}, .kernel = {5, 5}, .x_special = 1, .w_inf = 1, .positive = 1, .bias = 1},
  };
  CHECK_ALL(cases);
}
END_TEST

/* A row that refuses what it is for would go untested: the general row takes all. */
START_TEST(rows_take_what_they_are_for) {
  static const struct {
    conv_case cc;
    int candidates;
  } cases[] = {
      {{.n = 2, .c = 6, .m = 16, .in = {14, 14}, .kernel = {5, 5}}, 4}, /* blocked, blocked from plain, plain, generic */
      {{.n = 2, .c = 64, .m = 16, .in = {5, 5}, .kernel = {3, 3}}, 3},  /* blocked, plain, generic */
      {{.n = 2, .c = 32, .m = 64, .in = {5, 5}, .kernel = {3, 3}, .group = 2}, 3},
      {{.n = 2, .c = 24, .m = 24, .in = {5, 5}, .kernel = {3, 3}, .group = 24, .bias = 1}, 3}, /* depthwise, plain, generic */
      {{.spatial = 3, .n = 2, .c = 4, .m = 4, .in = {5, 5, 5}, .kernel = {3, 3, 3}}, 1},
  };
  int ran = 0;
  for (int i = 0; mini_host_caps[i]; i++)
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
      const int n = check_case(&cases[k].cc, mini_host_caps[i]);
      if (n > 0) ck_assert_msg(n == cases[k].candidates, "%s: %d rows take %s", mini_host_caps[i], n, conv_case_text(&cases[k].cc));
      ran += n;
    }
  ck_assert_int_gt(ran, 0);
}
END_TEST

SUITE("cpu conv_grad", channels_at_block_edges, widths_strides_pads, grouped, many_shapes, products_of_one_sign, one_and_three_axes,
      nan_and_inf_stay_where_they_belong, rows_take_what_they_are_for)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_winograd.c: both Winograd rows of every instruction set against a double loop, |y - ref| <= 64 * 2^-24 * sum|x||w|: sizes around
 * their tiles, blocks of tiles, tails of channels, groups, post-ops, ill-scaled and non-finite data, transposed convolutions, constant and
 * run-time weights, and what they refuse. */
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"
#include "conv_reference.h"
#include "run_op.h"

static const char *const rows[] = {"conv_winograd4_", "conv_winograd2_"};

/* The candidate whose row's name begins so. */
static const cvk_candidate *find(const cvk_candidate *c, int n, const char *row) {
  for (int i = 0; i < n; i++)
    if (strncmp(c[i].row, row, strlen(row)) == 0) return &c[i];
  return NULL;
}

/* One case on one row: the bound, then the same bits on three threads. */
static void check_row(mini_host *one, mini_host *three, conv_data *d, const cvk_candidate *c, int placement) {
  const size_t bytes = (size_t)d->y_count * sizeof(float);
  float *again = malloc(bytes + 1);
  ck_assert_int_eq(c->error_class, CVK_ERROR_WINOGRAD);
  const cvk_status status = run_row(one, &d->op, c, placement, 1, NULL);
  ck_assert_msg(status == CVK_OK, "%s: %s: status %d %s", c->row, conv_case_text(&d->cc), status, one->message);
  conv_data_expect(d, c->row, 64);
  memcpy(again, d->y, bytes);
  cvk_candidate others[RUN_CANDIDATES]; /* the workspace depends on the threads */
  const cvk_candidate *other = find(others, run_candidates(three, &d->op, others), c->row);
  ck_assert(other && run_row(three, &d->op, other, RUN_END, 1, NULL) == CVK_OK);
  ck_assert_msg(memcmp(again, d->y, bytes) == 0, "%s: %s: other bits on 3 threads", c->row, conv_case_text(&d->cc));
  free(again);
}

static void check_all(const conv_case *cases, int n) {
  int ran = 0;
  for (int i = 0; mini_host_caps[i]; i++) {
    mini_host one, three;
    if (!mini_host_open(&one, mini_host_caps[i], 1)) continue;
    ck_assert(mini_host_open(&three, mini_host_caps[i], 3));
    for (int k = 0; k < n; k++) {
      cvk_candidate c[RUN_CANDIDATES];
      conv_data d;
      conv_data_make(&cases[k], &d);
      for (d.op.constant[1] = 0; d.op.constant[1] < 2; d.op.constant[1]++) {
        const int n_candidates = run_candidates(&one, &d.op, c);
        for (int r = 0; r < 2; r++, ran++) {
          const cvk_candidate *row = find(c, n_candidates, rows[r]);
          ck_assert_msg(row != NULL, "%s: %s refuses %s", mini_host_caps[i], rows[r], conv_case_text(&cases[k]));
          check_row(&one, &three, &d, row, (k + r) % 2 ? RUN_BEGIN : RUN_END);
        }
      }
      conv_data_free(&d);
    }
    mini_host_close(&one);
    mini_host_close(&three);
  }
  ck_assert_int_gt(ran, 0);
}
#define CHECK_ALL(CASES) check_all(CASES, (int)(sizeof(CASES) / sizeof *(CASES)))

START_TEST(sizes_around_the_tiles) {
  conv_case cases[12 * 3];
  int n = 0;
  for (int64_t size = 1; size <= 12; size++)
    for (int64_t pad = 0; pad < 3; pad++)
      cases[n++] = (conv_case){.n = 1 + size % 2, .c = 17, .m = 18, .in = {size + (pad == 0), 14 - size}, .kernel = {3, 3},
                               .pad_begin = {pad, (pad + size) % 3}, .pad_end = {1, 2}, .bias = size % 3 != 0};
  check_all(cases, n);
}
END_TEST

START_TEST(channels_at_block_edges) {
  static const int64_t channels[] = {1, 4, 5, 15, 16, 17, 32, 33, 50};
  conv_case cases[81];
  int n = 0;
  for (int i = 0; i < 9; i++)
    for (int j = 0; j < 9; j++)
      cases[n++] = (conv_case){.n = 1, .c = channels[i], .m = channels[j], .in = {5, 7}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1},
                               .bias = 1};
  check_all(cases, n);
}
END_TEST

START_TEST(one_block_and_several) {
  static const conv_case cases[] = {
      {.n = 1, .c = 20, .m = 40, .in = {31, 33}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1},
      {.n = 2, .c = 70, .m = 18, .in = {28, 28}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.n = 9, .c = 16, .m = 16, .in = {7, 7}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1},
      {.n = 1, .c = 3, .m = 9, .in = {3, 301}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.n = 1, .c = 64, .m = 96, .in = {9, 13}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 2, .bias = 1},
      {.n = 2, .c = 64, .m = 64, .in = {29, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 4, .chain = 2},
      {.n = 0, .c = 5, .m = 7, .in = {4, 4}, .kernel = {3, 3}},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(post_ops) {
  conv_case cases[12];
  int n = 0;
  for (int chain = 1; chain <= 6; chain++) {
    cases[n++] = (conv_case){.n = 1, .c = 17, .m = 35, .in = {6, 17}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .bias = 1,
                             .chain = chain};
    cases[n++] = (conv_case){.n = 1, .c = 5, .m = 16, .in = {33, 35}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .chain = chain};
  }
  check_all(cases, n);
}
END_TEST

START_TEST(data_of_one_sign_and_of_many_scales) {
  static const conv_case cases[] = {
      {.n = 1, .c = 1, .m = 40, .in = {32, 32}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.n = 1, .c = 1, .m = 40, .in = {32, 32}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1},
      {.n = 1, .c = 64, .m = 40, .in = {8, 8}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1},
      {.n = 1, .c = 512, .m = 20, .in = {8, 8}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1},
      {.n = 1, .c = 2048, .m = 17, .in = {4, 4}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .positive = 1},
      {.n = 1, .c = 2048, .m = 17, .in = {4, 4}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.n = 1, .c = 121, .m = 40, .in = {12, 12}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .scaled = 1},
      {.n = 1, .c = 121, .m = 40, .in = {12, 12}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .scaled = 1, .positive = 1},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(nan_and_inf_stay_where_they_belong) {
  static const conv_case cases[] = {
      {.n = 1, .c = 5, .m = 9, .in = {9, 9}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1},
      {.n = 1, .c = 20, .m = 35, .in = {9, 30}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1, .bias = 1, .chain = 1},
      {.n = 2, .c = 32, .m = 64, .in = {9, 9}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .group = 2, .x_special = 1, .chain = 4},
      {.n = 1, .c = 4, .m = 50, .in = {40, 40}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .x_special = 1},
      {.n = 1, .c = 20, .m = 35, .in = {9, 10}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 1, .positive = 1},
      {.n = 2, .c = 20, .m = 35, .in = {9, 10}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .w_inf = 2, .bias = 1, .chain = 2},
  };
  CHECK_ALL(cases);
}
END_TEST

START_TEST(transposed) {
  static const int64_t channels[] = {1, 5, 16, 17, 33};
  static const conv_case others[] = {
      {.n = 2, .c = 32, .m = 64, .in = {29, 30}, .group = 2, .chain = 2},
      {.n = 9, .c = 18, .m = 16, .in = {7, 7}, .bias = 1, .chain = 6},
      {.n = 1, .c = 512, .m = 20, .in = {8, 8}, .positive = 1},
      {.n = 1, .c = 20, .m = 35, .in = {9, 30}, .x_special = 1, .chain = 1},
      {.n = 1, .c = 20, .m = 35, .in = {9, 10}, .w_inf = 1, .positive = 1},
      {.n = 1, .c = 20, .m = 35, .in = {9, 10}, .w_inf = 2, .bias = 1},
  };
  enum { OTHERS = sizeof others / sizeof *others };
  conv_case cases[5 * 5 + OTHERS + 12 * 2];
  int n = 0;
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 5; j++) cases[n++] = (conv_case){.n = 1, .c = channels[i], .m = channels[j], .in = {5, 7}, .bias = 1};
  for (int i = 0; i < OTHERS; i++) cases[n++] = others[i];
  for (int i = 0; i < n; i++)
    for (int axis = 0; axis < 2; axis++) cases[i].pad_begin[axis] = cases[i].pad_end[axis] = 1;
  for (int64_t size = 1; size <= 12; size++)
    for (int64_t pad = 1; pad < 3; pad++)
      cases[n++] = (conv_case){.n = 1 + size % 2, .c = 17, .m = 18, .in = {size + 2 * (pad - 1), 15 - size}, .pad_begin = {pad, 1},
                               .pad_end = {1, pad}, .bias = size % 3 != 0};
  for (int i = 0; i < n; i++) {
    cases[i].transpose = 1;
    cases[i].kernel[0] = cases[i].kernel[1] = 3;
  }
  check_all(cases, n);
}
END_TEST

/* All x and w multiplied by powers of two: near the largest f32 the transforms overflow and the direct sums do not. */
START_TEST(extreme_magnitudes) {
  static const int exponents[][2] = {{125, -10}, {-10, 127}, {60, 60}, {-60, -60}, {-130, 0}, {0, -130}};
  for (int i = 0; mini_host_caps[i]; i++) {
    mini_host one, three;
    if (!mini_host_open(&one, mini_host_caps[i], 1)) continue;
    ck_assert(mini_host_open(&three, mini_host_caps[i], 3));
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++)
      for (int r = 0; r < 2; r++) {
        const conv_case cc = {.n = 1, .c = 3, .m = 18, .in = {9, 9}, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
        const int sum = exponents[e][0] + exponents[e][1];
        cvk_candidate c[RUN_CANDIDATES];
        conv_data d;
        conv_data_make(&cc, &d);
        d.op.constant[1] = 1;
        for (int64_t k = 0; k < 3 * 81; k++) d.x[k] = ldexpf(d.x[k], exponents[e][0]);
        for (int64_t k = 0; k < 18 * 27; k++) d.w[k] = ldexpf(d.w[k], exponents[e][1]);
        for (int64_t k = 0; k < d.y_count; k++) {
          d.want[k] = ldexp(d.want[k], sum);
          d.bound[k] = ldexp(d.bound[k], sum);
          if (sum < -126) d.bound[k] += 27 * 0x1p-126; /* subnormal numbers are rounded as if they were normal: 27 products */
        }
        check_row(&one, &three, &d, find(c, run_candidates(&one, &d.op, c), rows[r]), RUN_END);
        conv_data_free(&d);
      }
    mini_host_close(&one);
    mini_host_close(&three);
  }
}
END_TEST

/* Whether both rows offer themselves for a case. */
static int offered(const conv_case *cc, int constant, uint32_t flags) {
  cvk_candidate c[RUN_CANDIDATES];
  conv_data d;
  mini_host h;
  int found = 0;
  ck_assert(mini_host_open(&h, "scalar", 1));
  conv_data_make(cc, &d);
  d.op.constant[1] = constant;
  d.op.flags = flags;
  const int n = run_candidates(&h, &d.op, c);
  for (int r = 0; r < 2; r++) found += find(c, n, rows[r]) != NULL;
  conv_data_free(&d);
  mini_host_close(&h);
  ck_assert(found != 1);
  return found == 2;
}

START_TEST(what_they_refuse) {
  const conv_case taken = {.n = 1, .c = 8, .m = 8, .in = {9, 9}, .kernel = {3, 3}};
  conv_case cc = taken;
  ck_assert(offered(&cc, 1, 0));
  ck_assert(offered(&cc, 0, 0));
  ck_assert(!offered(&cc, 1, CVK_EXACT));
  cc.stride[1] = 2;
  ck_assert(!offered(&cc, 1, 0));
  cc = taken;
  cc.dilation[0] = 2;
  ck_assert(!offered(&cc, 1, 0));
  cc = taken;
  cc.kernel[0] = 1;
  ck_assert(!offered(&cc, 1, 0));
  cc = taken;
  cc.pad_end[1] = 3;
  ck_assert(!offered(&cc, 1, 0));
  cc.pad_end[1] = 2;
  ck_assert(offered(&cc, 1, 0));
  cc = taken;
  cc.group = 4;
  ck_assert(!offered(&cc, 1, 0));
  cc.group = 2;
  ck_assert(offered(&cc, 1, 0));
  cc = taken;
  cc.transpose = 1;
  ck_assert(!offered(&cc, 1, 0)); /* a convolution with pads of 2 */
  for (int i = 0; i < 2; i++) cc.pad_begin[i] = cc.pad_end[i] = 1;
  ck_assert(offered(&cc, 1, 0));
  cc.pad_begin[1] = 3;
  ck_assert(!offered(&cc, 1, 0)); /* with a pad of -1 */
  cc.pad_begin[1] = 1;
  cc.in[0] = cc.in[1] = 1;
  cc.m = 4096;
  cc.c = 512;
  ck_assert(offered(&cc, 1, 0));
  ck_assert(!offered(&cc, 0, 0)); /* too much to transform in each execution */
}
END_TEST

SUITE("cpu winograd", sizes_around_the_tiles, channels_at_block_edges, one_block_and_several, post_ops, data_of_one_sign_and_of_many_scales,
      nan_and_inf_stay_where_they_belong, transposed, extreme_magnitudes, what_they_refuse)

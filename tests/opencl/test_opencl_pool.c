/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_pool.c: pooling over windows and planes, plain and blocked, 1-D to 3-D. */
#include <math.h>
#include <stdlib.h>

#include "ref_case.h"

#define MAX_BLOCKED "max_pool_blocked"
#define MAX_PLAIN "max_pool_plain"
#define MAX_INDEX "max_pool_index"
#define AVG_BLOCKED "avg_pool_blocked"
#define AVG_PLAIN "avg_pool_plain"
#define GLOBAL_BLOCKED "global_pool_blocked"
#define GLOBAL_PLAIN "global_pool_plain"

static const case_options exact = {0}, rounded = {.relative = 4 * MINI_EPS, .absolute = 4 * MINI_EPS};

static void check_all(const cvk_pool_attr *attr, const case_tensor *x) {
  case_check(CVK_OP_MAX_POOL, attr, 1, &x, 1, ROWS(MAX_BLOCKED, MAX_PLAIN), &exact);
  case_check(CVK_OP_MAX_POOL, attr, 1, &x, 2, ROWS(MAX_INDEX), &exact);
  case_check(CVK_OP_MAX_POOL, attr, 1, &x, 2, ROWS(MAX_INDEX), &(case_options){.absent_outputs = 1});
  case_check(CVK_OP_AVG_POOL, attr, 1, &x, 1, ROWS(AVG_BLOCKED, AVG_PLAIN), &rounded);
}

START_TEST(windows_of_every_kind) {
  if (!mini_open()) return;
  static const struct {
    int64_t size, stride, dilation, begin, end;
    int32_t ceil_mode, count;
  } w[] = {
      {2, 2, 1, 0, 0, 0, 0}, {3, 2, 1, 1, 1, 0, 1}, {3, 1, 1, 1, 1, 1, 0}, {3, 2, 1, 0, 1, 1, 1}, {2, 1, 3, 1, 0, 0, 1},
      {1, 2, 1, 0, 0, 1, 0}, {5, 3, 1, 2, 2, 1, 1}, {3, 4, 2, 2, 1, 1, 1}, {2, 3, 1, 1, 1, 1, 0},
  };
  static const int64_t widths[] = {6, 7, 19, 40, 67};
  for (size_t i = 0; i < sizeof w / sizeof *w; i++)
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
      cvk_pool_attr attr = {.struct_size = sizeof attr, .ceil_mode = w[i].ceil_mode, .count_include_pad = w[i].count};
      for (int32_t d = 0; d < 3; d++) {
        attr.kernel[d] = w[i].size;
        attr.stride[d] = w[i].stride;
        attr.dilation[d] = w[i].dilation;
        attr.pad_begin[d] = w[i].begin;
        attr.pad_end[d] = w[i].end;
      }
      case_tensor one = case_random(DIMS(2, 5, widths[k]), 1), two = case_random(DIMS(1, 19, 9, widths[k]), 2),
                  three = case_random(DIMS(2, 3, 7, 6, widths[k]), 3);
      check_all(&attr, &one);
      check_all(&attr, &two);
      check_all(&attr, &three);
      case_free(&one);
      case_free(&two);
      case_free(&three);
    }
  mini_close();
}
END_TEST

START_TEST(windows_differ_by_axis) {
  if (!mini_open()) return;
  const cvk_pool_attr attr = {.struct_size = sizeof attr,
                              .kernel = {2, 2, 2},
                              .stride = {2, 1, 2},
                              .dilation = {2, 2, 1},
                              .pad_begin = {1, 0, 1},
                              .pad_end = {1, 0, 0},
                              .ceil_mode = 1,
                              .count_include_pad = 1,
                              .storage_order = 1};
  case_tensor x = case_random(DIMS(1, 33, 4, 5, 6), 8);
  check_all(&attr, &x);
  case_free(&x);
  mini_close();
}
END_TEST

START_TEST(nan_wins_and_pads_never_do) {
  if (!mini_open()) return;
  const float line[] = {1, NAN, 2, 4, 3, 5, 1, 0, NAN, NAN, -INFINITY, -INFINITY, -3, -2, -1, -7};
  const cvk_pool_attr two = {.struct_size = sizeof two, .kernel = {2}, .stride = {2}, .dilation = {1}};
  const cvk_pool_attr three = {
      .struct_size = sizeof three, .kernel = {3}, .stride = {1}, .dilation = {1}, .pad_begin = {1}, .pad_end = {1}};
  case_tensor x = case_floats(DIMS(1, 1, 16), line), wide = case_new(CVK_F32, DIMS(1, 2, 64)),
              negative = case_new(CVK_F32, DIMS(1, 17, 3, 3));
  float *p = wide.data, *q = negative.data;
  for (int64_t i = 0; i < 128; i++) p[i] = i % 7 == 3 ? NAN : (float)-i;
  for (int64_t i = 0; i < 17 * 9; i++) q[i] = (float)(-1 - i);
  check_all(&two, &x);
  check_all(&three, &x);
  check_all(&two, &wide);
  check_all(&three, &wide);
  const cvk_pool_attr square = {
      .struct_size = sizeof square, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
  check_all(&square, &negative);
  const case_tensor *in = &negative;
  case_check(CVK_OP_GLOBAL_MAX_POOL, NULL, 1, &in, 1, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), &exact);
  in = &wide;
  case_check(CVK_OP_GLOBAL_MAX_POOL, NULL, 1, &in, 1, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), &exact);
  case_free(&x);
  case_free(&wide);
  case_free(&negative);
  mini_close();
}
END_TEST

START_TEST(p_norms) {
  if (!mini_open()) return;
  for (int32_t p = 1; p <= 3; p++) {
    const cvk_pool_attr attr = {
        .struct_size = sizeof attr, .kernel = {3, 3}, .stride = {2, 1}, .dilation = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .p = p};
    case_tensor x = case_random(DIMS(2, 3, 9, 37), (uint32_t)p);
    case_check1(CVK_OP_LP_POOL, &attr, &x, ROWS(AVG_BLOCKED, AVG_PLAIN), 16 * MINI_EPS);
    case_check1(CVK_OP_GLOBAL_LP_POOL, &(cvk_pool_attr){.struct_size = sizeof(cvk_pool_attr), .p = p}, &x,
                ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 16 * MINI_EPS);
    case_free(&x);
  }
  mini_close();
}
END_TEST

START_TEST(whole_planes) {
  if (!mini_open()) return;
  static const int64_t channels[] = {1, 16, 35};
  for (size_t c = 0; c < 3; c++)
    for (int64_t side = 1; side < 20; side += 3) {
      case_tensor x = case_random(DIMS(2, channels[c], side, 7), (uint32_t)side);
      case_check1(CVK_OP_GLOBAL_AVG_POOL, NULL, &x, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 4 * MINI_EPS);
      case_check1(CVK_OP_GLOBAL_MAX_POOL, NULL, &x, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 0);
      const cvk_axes_attr axes = {.struct_size = sizeof axes, .n_axes = 2, .axis = {2, 3}, .keep_dims = 1};
      case_check1(CVK_OP_REDUCE_MEAN, &axes, &x, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 4 * MINI_EPS);
      case_check1(CVK_OP_REDUCE_MAX, &axes, &x, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 0);
      case_free(&x);
    }
  mini_close();
}
END_TEST

/* One f32 accumulator would stall at 2^24 ones. */
START_TEST(large_planes_keep_their_precision) {
  if (!mini_open()) return;
  const int64_t n = 4200 * 4200;
  float *x = malloc((size_t)n * sizeof *x), y = 0;
  for (int64_t i = 0; i < n; i++) x[i] = 1.1f;
  mini_op op = {.kind = CVK_OP_GLOBAL_AVG_POOL, .n_in = 1, .n_out = 1};
  op.in[0] = mini_f32(4, (int64_t[]){1, 1, 4200, 4200}, x);
  op.out[0] = mini_f32(4, (int64_t[]){1, 1, 1, 1}, &y);
  mini_must_run(GLOBAL_PLAIN, &op);
  ck_assert_float_eq_tol(y, 1.1f, 1.2e-7f);
  free(x);
  mini_close();
}
END_TEST

START_TEST(infinity_in_a_window_stays_infinite) {
  if (!mini_open()) return;
  const cvk_pool_attr attr = {
      .struct_size = sizeof attr, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
  case_tensor x = case_random(DIMS(1, 2, 5, 40), 1);
  ((float *)x.data)[50] = INFINITY;
  ((float *)x.data)[70] = -INFINITY;
  ((float *)x.data)[71] = INFINITY;
  check_all(&attr, &x);
  case_check1(CVK_OP_GLOBAL_AVG_POOL, NULL, &x, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 4 * MINI_EPS);
  case_free(&x);
  mini_close();
}
END_TEST

START_TEST(empty_batches) {
  if (!mini_open()) return;
  const cvk_pool_attr attr = {.struct_size = sizeof attr, .kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}};
  case_tensor x = case_new(CVK_F32, DIMS(0, 2, 4, 4));
  check_all(&attr, &x);
  case_check1(CVK_OP_GLOBAL_AVG_POOL, NULL, &x, ROWS(GLOBAL_BLOCKED, GLOBAL_PLAIN), 0);
  case_free(&x);
  mini_close();
}
END_TEST

SUITE("opencl_pool", windows_of_every_kind, windows_differ_by_axis, nan_wins_and_pads_never_do, p_norms, whole_planes,
      large_planes_keep_their_precision, infinity_in_a_window_stays_infinite, empty_batches)

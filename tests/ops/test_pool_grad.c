/* SPDX-License-Identifier: Apache-2.0 */
/* test_pool_grad.c: MAX_POOL_GRAD and AVG_POOL_GRAD: ties, NaN, dilation, windows that overlap or reach past the end, pads in the divisor;
 * errors. */
#include <math.h>

#include "ref_run.h"

static void expect(int32_t kind, const cvk_pool_attr *a, int64_t n, const float *x, int64_t ny, const float *gy, const float *want) {
  ref_tensor xt = ref_of(CVK_F32, SHAPE(1, 1, n), x), gt = ref_of(CVK_F32, SHAPE(1, 1, ny), gy), gx;
  ck_ok(ref_run2(kind, a, &xt, &gt, &gx));
  ref_expect(&gx, 0, SHAPE(1, 1, n), want);
  ref_free(&xt), ref_free(&gt), ref_free(&gx);
}

static void expect_max(const cvk_pool_attr *a, int64_t n, const float *x, int64_t ny, const float *want) {
  expect(CVK_OP_MAX_POOL_GRAD, a, n, x, ny, (float[]){1, 10, 100}, want);
}

START_TEST(the_first_of_equals_takes_all) {
  expect_max(&(cvk_pool_attr){.kernel = {2}}, 4, (float[]){5, 5, 1, 2}, 3, (float[]){1, 10, 0, 100});
  expect_max(&(cvk_pool_attr){.kernel = {3}}, 4, (float[]){2, 2, 2, 2}, 2, (float[]){1, 10, 0, 0});
}
END_TEST

START_TEST(nan_wins) {
  expect_max(&(cvk_pool_attr){.kernel = {3}}, 4, (float[]){1, NAN, 3, NAN}, 2, (float[]){0, 11, 0, 0});
  expect_max(&(cvk_pool_attr){.kernel = {2}}, 3, (float[]){-INFINITY, -INFINITY, 0}, 2, (float[]){1, 0, 10});
}
END_TEST

START_TEST(dilated_ceiled_padded) {
  expect_max(&(cvk_pool_attr){.kernel = {2}, .dilation = {2}}, 5, (float[]){1, 9, 3, 4, 5}, 3, (float[]){0, 10, 1, 0, 100});
  expect_max(&(cvk_pool_attr){.kernel = {2}, .stride = {2}, .ceil_mode = 1}, 5, (float[]){1, 2, 3, 4, 5}, 3, (float[]){0, 1, 0, 10, 100});
  expect_max(&(cvk_pool_attr){.kernel = {2}, .stride = {2}, .pad_begin = {1}}, 3, (float[]){-5, -2, -3}, 2, (float[]){1, 10, 0});
  expect_max(&(cvk_pool_attr){.kernel = {1}, .stride = {2}}, 4, (float[]){1, 2, 3, 4}, 2,
             (float[]){1, 0, 10, 0}); /* cells that no window holds */
}
END_TEST

START_TEST(averages_share_out_by_their_divisor) {
  const float x[5] = {NAN, 0, 0, 0, 0}; /* only its shape counts */
  const cvk_pool_attr pads = {.kernel = {3}, .pad_begin = {1}, .pad_end = {1}};
  cvk_pool_attr counted = pads;
  counted.count_include_pad = 1;
  expect(CVK_OP_AVG_POOL_GRAD, &(cvk_pool_attr){.kernel = {2}, .stride = {2}, .ceil_mode = 1}, 5, x, 3, (float[]){2, 4, 6},
         (float[]){1, 1, 2, 2, 6});
  expect(CVK_OP_AVG_POOL_GRAD, &pads, 3, x, 3, (float[]){2, 3, 4}, (float[]){2, 4, 3});
  expect(CVK_OP_AVG_POOL_GRAD, &counted, 3, x, 3, (float[]){3, 6, 9}, (float[]){3, 6, 5});
  /* Windows at -1, 1 and 3: the last one reaches a cell past the input, which is no pad. */
  const cvk_pool_attr past = {.kernel = {3}, .stride = {2}, .pad_begin = {1}, .ceil_mode = 1, .count_include_pad = 1};
  expect(CVK_OP_AVG_POOL_GRAD, &past, 5, x, 3, (float[]){3, 3, 2}, (float[]){1, 2, 1, 2, 1});
}
END_TEST

START_TEST(planes_keep_apart) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 2, 2), (float[]){1, 2, 3, 4, 8, 7, 6, 5}),
             gy = ref_of(CVK_F32, SHAPE(1, 2, 1, 1), (float[]){4, 8}), gx;
  const cvk_pool_attr whole = {.kernel = {2, 2}};
  ck_ok(ref_run2(CVK_OP_MAX_POOL_GRAD, &whole, &x, &gy, &gx));
  ref_expect(&gx, 0, SHAPE(1, 2, 2, 2), (float[]){0, 0, 0, 4, 8, 0, 0, 0});
  ref_free(&gx);
  ck_ok(ref_run2(CVK_OP_AVG_POOL_GRAD, &whole, &x, &gy, &gx));
  ref_expect(&gx, 0, SHAPE(1, 2, 2, 2), (float[]){1, 1, 1, 1, 2, 2, 2, 2});
  ref_free(&x), ref_free(&gy), ref_free(&gx);
}
END_TEST

START_TEST(empty_batch) {
  ref_tensor x = ref_new(CVK_F64, SHAPE(0, 2, 4)), gy = ref_new(CVK_F64, SHAPE(0, 2, 3)), gx;
  ck_ok(ref_run2(CVK_OP_MAX_POOL_GRAD, &(cvk_pool_attr){.kernel = {2}}, &x, &gy, &gx));
  ref_expect_shape(&gx.desc, SHAPE(0, 2, 4));
  ref_free(&x), ref_free(&gy), ref_free(&gx);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 1, 4)), gy = ref_new(CVK_F32, SHAPE(1, 1, 4)), wide = ref_new(CVK_F64, SHAPE(1, 1, 3)), gx;
  const cvk_pool_attr two = {.kernel = {2}};
  ck_fails(ref_run2(CVK_OP_MAX_POOL_GRAD, &two, &x, &gy, &gx), CVK_INVALID_SHAPE,
           "max_pool_grad: gy has shape [1,1,4], the pool gives [1,1,3]");
  ck_fails(ref_run2(CVK_OP_AVG_POOL_GRAD, &two, &x, &wide, &gx), CVK_INVALID_ARGUMENT, "float64");
  ref_free(&x), ref_free(&gy), ref_free(&wide);
}
END_TEST

SUITE("pool_grad", the_first_of_equals_takes_all, nan_wins, dilated_ceiled_padded, averages_share_out_by_their_divisor, planes_keep_apart,
      empty_batch, errors_are_named)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_reduce.c: reductions: every set of axes against a plain loop, empty sets, empty tensors, NaN, integers, errors. */
#include <math.h>

#include "ref_run.h"

/* x [2,3,4] over the axes whose bits are set. */
START_TEST(every_set_of_axes) {
  ref_tensor x = ref_ramp(7, 3, 23, 11, 8, SHAPE(2, 3, 4)), y;
  const float *v = x.data;
  for (uint32_t set = 1; set < 8; set++) {
    cvk_axes_attr attr = {.keep_dims = 1};
    int64_t dim[3], n = 1;
    double sum[24] = {0};
    float low[24], high[24];
    for (int32_t a = 0; a < 3; a++) {
      dim[a] = set >> a & 1 ? 1 : x.desc.dim[a];
      if (set >> a & 1) attr.axis[attr.n_axes++] = a - 3, n *= x.desc.dim[a];
    }
    for (int i = 0; i < 24; i++) low[i] = INFINITY, high[i] = -INFINITY;
    for (int64_t p = 0; p < 24; p++) {
      const int64_t at[] = {p / 12, p / 4 % 3, p % 4};
      int64_t to = 0;
      for (int32_t a = 0; a < 3; a++) to = to * dim[a] + (set >> a & 1 ? 0 : at[a]);
      sum[to] += (double)v[p];
      low[to] = fminf(low[to], v[p]);
      high[to] = fmaxf(high[to], v[p]);
    }
    float sums[24], means[24];
    for (int i = 0; i < 24; i++) sums[i] = (float)sum[i], means[i] = (float)(sum[i] / (double)n);
    const float *const want[] = {means, sums, high, low};
    for (int32_t k = 0; k < 4; k++) {
      ck_ok(ref_run1(CVK_OP_REDUCE_MEAN + k, &attr, &x, &y));
      ref_expect(&y, 0, 3, dim, want[k]);
      ref_free(&y);
    }
  }
  ref_free(&x);
}
END_TEST

START_TEST(defaults_reduce_all_and_keep_dims) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), y;
  ck_ok(ref_run1(CVK_OP_REDUCE_SUM, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(1, 1), (float[]){10});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.keep_dims = 0}, &x, &y));
  ref_expect(&y, 0, SCALAR, (float[]){10});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(axes_as_a_tensor) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), axes = ref_of(CVK_I64, SHAPE(1), (int64_t[]){-1}),
             none = ref_new(CVK_I64, SHAPE(0)), y;
  ck_ok(ref_run2(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.n_axes = 1, .axis = {0}}, &x, &axes, &y)); /* the tensor wins */
  ref_expect(&y, 0, SHAPE(2), (float[]){3, 7});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_REDUCE_SUM, NULL, &x, &none, &y));
  ref_expect(&y, 0, SHAPE(1, 1), (float[]){10});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.noop_with_empty_axes = 1}, &x, &none, &y));
  ref_expect(&y, 0, SHAPE(2, 2), x.data);
  ref_free(&y), ref_free(&x), ref_free(&axes), ref_free(&none);
}
END_TEST

START_TEST(over_nothing) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 0)), i = ref_new(CVK_I32, SHAPE(2, 0)), u = ref_new(CVK_U8, SHAPE(1, 0)), y;
  const cvk_axes_attr last = {.n_axes = 1, .axis = {1}};
  const float want[][2] = {{NAN, NAN}, {0, 0}, {-INFINITY, -INFINITY}, {INFINITY, INFINITY}};
  for (int32_t k = 0; k < 4; k++) {
    ck_ok(ref_run1(CVK_OP_REDUCE_MEAN + k, &last, &x, &y));
    ref_expect(&y, 0, SHAPE(2), want[k]);
    ref_free(&y);
  }
  ck_ok(ref_run1(CVK_OP_REDUCE_MAX, &last, &i, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(2), (int32_t[]){INT32_MIN, INT32_MIN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_MIN, &last, &u, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(1), (uint8_t[]){255});
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_REDUCE_MEAN, &last, &i, &y), CVK_INVALID_ARGUMENT, "int32 mean over no elements");
  ck_ok(ref_run1(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.n_axes = 1, .axis = {0}}, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&u);
}
END_TEST

START_TEST(nan_and_precision) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){1, NAN, 2}), ones = ref_new(CVK_F16, SHAPE(4096)), y;
  for (int i = 0; i < 4096; i++) ((uint16_t *)ones.data)[i] = 0x3c00;
  ck_ok(ref_run1(CVK_OP_REDUCE_MAX, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(1), (float[]){NAN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_MIN, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(1), (float[]){NAN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_MEAN, NULL, &ones, &y)); /* a running half sum would stall at 2048 */
  ref_expect_bytes(&y, CVK_F16, SHAPE(1), (uint16_t[]){0x3c00});
  ref_free(&y), ref_free(&x), ref_free(&ones);
}
END_TEST

START_TEST(integers_and_bool) {
  ref_tensor x = ref_of(CVK_I32, SHAPE(2), (int32_t[]){-4, -3}), b = ref_of(CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1}), y;
  ck_ok(ref_run1(CVK_OP_REDUCE_MEAN, NULL, &x, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(1), (int32_t[]){-3});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_MAX, NULL, &b, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(1), (uint8_t[]){1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_MIN, NULL, &b, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(1), (uint8_t[]){0});
  ref_free(&y), ref_free(&x), ref_free(&b);
}
END_TEST

START_TEST(products) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, -2, 3, 1e30f, 1e30f, 1e-30f}), i = ref_of(CVK_U8, SHAPE(3), (uint8_t[]){20, 20, 3}),
             none = ref_new(CVK_I64, SHAPE(2, 0)), y;
  const cvk_axes_attr last = {.n_axes = 1, .axis = {1}};
  ck_ok(ref_run1(CVK_OP_REDUCE_PROD, &last, &x, &y));
  ref_expect(&y, 1e-7, SHAPE(2), (float[]){-6, 1e30f}); /* 1e60 on the way is no infinity in double */
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_PROD, NULL, &i, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(1), (uint8_t[]){1200 % 256});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_REDUCE_PROD, &last, &none, &y));
  ref_expect_i64(&y, SHAPE(2), (int64_t[]){1, 1});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&none);
}
END_TEST

START_TEST(scalars) {
  ref_tensor x = ref_of(CVK_F32, SCALAR, (float[]){5}), y;
  ck_ok(ref_run1(CVK_OP_REDUCE_MEAN, NULL, &x, &y));
  ref_expect(&y, 0, SCALAR, (float[]){5});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 2)), b = ref_new(CVK_BOOL, SHAPE(2)), f = ref_new(CVK_F32, SHAPE(1)), y;
  ck_fails(ref_run1(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.n_axes = 1, .axis = {2}}, &x, &y), CVK_INVALID_ARGUMENT,
           "axis is 2, allowed -2 to 1");
  ck_fails(ref_run1(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.n_axes = 2, .axis = {1, -1}}, &x, &y), CVK_INVALID_ARGUMENT,
           "axis 1 is given twice");
  ck_fails(ref_run1(CVK_OP_REDUCE_SUM, &(cvk_axes_attr){.n_axes = 9}, &x, &y), CVK_INVALID_ARGUMENT, "9 axes");
  ck_fails(ref_run1(CVK_OP_REDUCE_SUM, NULL, &b, &y), CVK_INVALID_ARGUMENT, "bool");
  ck_fails(ref_run2(CVK_OP_REDUCE_SUM, NULL, &x, &f, &y), CVK_INVALID_ARGUMENT, "int64");
  ref_free(&x), ref_free(&b), ref_free(&f);
}
END_TEST

SUITE("reduce", every_set_of_axes, defaults_reduce_all_and_keep_dims, axes_as_a_tensor, over_nothing, nan_and_precision, integers_and_bool,
      products, scalars, bad_arguments)

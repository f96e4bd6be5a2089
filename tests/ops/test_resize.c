/* SPDX-License-Identifier: Apache-2.0 */
/* test_resize.c: RESIZE: every mode of finding the source against values of the onnx package's reference implementation (x = 1 2 4 8 16),
 * several axes at once, targets as tensors, element types, infinities, empty tensors and errors. */
#include <math.h>

#include "ref_run.h"

static const float steps[] = {1, 2, 4, 8, 16};

static void expect_1d(cvk_resize_attr attr, int64_t n, const float *want) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(5), steps), y;
  if (attr.scale[0] == 0) attr.size[0] = n;
  ck_ok(ref_run1(CVK_OP_RESIZE, &attr, &x, &y));
  ref_expect(&y, 1e-6, SHAPE(n), want);
  ref_free(&x), ref_free(&y);
}

#define LINEAR(BY) ((cvk_resize_attr){.mode = CVK_LINEAR, .coordinates = BY})
#define LINEAR_BY_1_5(BY) ((cvk_resize_attr){.mode = CVK_LINEAR, .coordinates = BY, .scale = {1.5f}})
#define CUBIC(BY) ((cvk_resize_attr){.mode = CVK_CUBIC, .cubic_a = -0.75f, .coordinates = BY})
#define NEAREST(BY, ROUNDING) ((cvk_resize_attr){.coordinates = BY, .rounding = ROUNDING})

START_TEST(linear) {
  const float half[] = {1, 1.4375f, 2.125f, 3.375f, 5.25f, 7.75f, 12.5f, 16};
  expect_1d(LINEAR(CVK_HALF_PIXEL), 8, half);
  expect_1d(LINEAR(CVK_HALF_PIXEL_SYMMETRIC), 8, half);
  expect_1d(LINEAR(CVK_PYTORCH_HALF_PIXEL), 8, half);
  expect_1d(LINEAR(CVK_ALIGN_CORNERS), 8, (float[]){1, 1.571429f, 2.285714f, 3.428571f, 5.142857f, 7.428571f, 11.428571f, 16});
  expect_1d(LINEAR(CVK_ASYMMETRIC), 8, (float[]){1, 1.625f, 2.5f, 3.75f, 6, 9, 14, 16});
  /* 7.5 cells: the width counts with its fraction */
  expect_1d(LINEAR_BY_1_5(CVK_HALF_PIXEL), 7, (float[]){1, 1.5f, 2.333333f, 3.666667f, 6, 9.333333f, 14.666667f});
  expect_1d(LINEAR_BY_1_5(CVK_HALF_PIXEL_SYMMETRIC), 7, (float[]){1, 1.666667f, 2.666667f, 4, 6.666667f, 10.666667f, 16});
  expect_1d(LINEAR_BY_1_5(CVK_ALIGN_CORNERS), 7, (float[]){1, 1.615385f, 2.461538f, 3.692308f, 5.846154f, 8.615385f, 13.538462f});
  expect_1d(LINEAR_BY_1_5(CVK_ASYMMETRIC), 7, (float[]){1, 1.666667f, 2.666667f, 4, 6.666667f, 10.666667f, 16});
  expect_1d(LINEAR(CVK_PYTORCH_HALF_PIXEL), 1, (float[]){1}); /* one cell is the first */
  expect_1d(LINEAR(CVK_ALIGN_CORNERS), 1, (float[]){1});
  expect_1d(LINEAR(CVK_HALF_PIXEL), 1, (float[]){4});
}
END_TEST

START_TEST(cubic) {
  cvk_resize_attr outside = {.mode = CVK_CUBIC, .cubic_a = -0.5f, .exclude_outside = 1};
  expect_1d(CUBIC(CVK_HALF_PIXEL), 3, (float[]){1.203704f, 4, 13.703704f});
  expect_1d(CUBIC(CVK_ALIGN_CORNERS), 3, (float[]){1, 4, 16});
  expect_1d(CUBIC(CVK_ASYMMETRIC), 3, (float[]){1, 2.981481f, 10.962963f});
  expect_1d(outside, 3, (float[]){1.206897f, 4, 13.931034f});
  outside.coordinates = CVK_ASYMMETRIC;
  expect_1d(outside, 3, (float[]){1, 3.148148f, 10.857143f});
}
END_TEST

START_TEST(antialias_widens_the_filter) {
  expect_1d((cvk_resize_attr){.mode = CVK_LINEAR, .antialias = 1}, 2, (float[]){2.24f, 10.16f});
  expect_1d((cvk_resize_attr){.mode = CVK_LINEAR, .antialias = 1, .exclude_outside = 1}, 2, (float[]){2.409091f, 9.363636f});
  expect_1d((cvk_resize_attr){.mode = CVK_CUBIC, .antialias = 1, .cubic_a = -0.75f}, 3, (float[]){1.1301205f, 3.9047619f, 13.1373494f});
  expect_1d((cvk_resize_attr){.mode = CVK_LINEAR, .antialias = 1}, 8,
            (float[]){1, 1.4375f, 2.125f, 3.375f, 5.25f, 7.75f, 12.5f, 16}); /* not where the axis grows */
}
END_TEST

START_TEST(nearest) {
  expect_1d(NEAREST(CVK_HALF_PIXEL, CVK_ROUND_PREFER_FLOOR), 7, (float[]){1, 2, 2, 4, 8, 8, 16});
  expect_1d(NEAREST(CVK_HALF_PIXEL, CVK_ROUND_CEIL), 7, (float[]){1, 2, 4, 4, 8, 16, 16});
  expect_1d(NEAREST(CVK_ALIGN_CORNERS, CVK_ROUND_PREFER_FLOOR), 7, (float[]){1, 2, 2, 4, 8, 8, 16});
  expect_1d(NEAREST(CVK_ASYMMETRIC, CVK_ROUND_PREFER_FLOOR), 7, (float[]){1, 2, 2, 4, 8, 16, 16});
  expect_1d(NEAREST(CVK_ASYMMETRIC, CVK_ROUND_CEIL), 7, (float[]){1, 2, 4, 8, 8, 16, 16});
  /* sources .5 2.5 4.5 ...: of ties the one asked for */
  expect_1d(NEAREST(CVK_ALIGN_CORNERS, CVK_ROUND_PREFER_FLOOR), 9, (float[]){1, 1, 2, 2, 4, 4, 8, 8, 16});
  expect_1d(NEAREST(CVK_ALIGN_CORNERS, CVK_ROUND_PREFER_CEIL), 9, (float[]){1, 2, 2, 4, 4, 8, 8, 16, 16});
  expect_1d(NEAREST(CVK_ALIGN_CORNERS, CVK_ROUND_FLOOR), 9, (float[]){1, 1, 2, 2, 4, 4, 8, 8, 16});
  expect_1d(NEAREST(CVK_TF_HALF_PIXEL_FOR_NN, CVK_ROUND_FLOOR), 2, (float[]){2, 8}); /* 1.25 and 3.75 */
  expect_1d(NEAREST(CVK_TF_HALF_PIXEL_FOR_NN, CVK_ROUND_CEIL), 5, steps);            /* no cells are made: the identity */
}
END_TEST

/* Cells at o / 49: products with a rounded 1/49 would miss some by one. */
START_TEST(whole_factors_repeat_cells) {
  for (int64_t factor = 1; factor < 60; factor++) {
    const cvk_resize_attr attr = {.coordinates = CVK_ASYMMETRIC, .rounding = CVK_ROUND_FLOOR, .scale = {(float)factor}};
    ref_tensor x = ref_of(CVK_F32, SHAPE(5), steps), y;
    ck_ok(ref_run1(CVK_OP_RESIZE, &attr, &x, &y));
    ref_expect_shape(&y.desc, SHAPE(5 * factor));
    for (int64_t i = 0; i < 5 * factor; i++) ck_assert(((float *)y.data)[i] == steps[i / factor]);
    ref_free(&x), ref_free(&y);
  }
}
END_TEST

START_TEST(crop) {
  const cvk_resize_attr four = {.mode = CVK_LINEAR, .coordinates = CVK_TF_CROP_AND_RESIZE, .extrapolation = -7, .size = {4}},
                        one = {
                            .mode = CVK_LINEAR, .coordinates = CVK_TF_CROP_AND_RESIZE, .size = {1}, .roi_begin = {0.25}, .roi_end = {0.75}};
  ref_tensor x = ref_of(CVK_F32, SHAPE(5), steps), roi = ref_of(CVK_F64, SHAPE(2), (double[]){0.25, 1.25}), y;
  ck_ok(ref_run2(CVK_OP_RESIZE, &four, &x, &roi, &y));
  ref_expect(&y, 1e-6, SHAPE(4), (float[]){2, 5.333333f, 13.333333f, -7});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_RESIZE, &one, &x, &y));
  ref_expect(&y, 0, SHAPE(1), (float[]){4});
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_RESIZE, &four, &x, &y), CVK_INVALID_ARGUMENT, "the region (roi) to be cropped is missing");
  ((double *)roi.data)[1] = (double)NAN;
  ck_fails(ref_run2(CVK_OP_RESIZE, &four, &x, &roi, &y), CVK_INVALID_ARGUMENT, "the region of entry 0 is 0.25 to nan");
  ref_free(&roi);
  roi = ref_new(CVK_F32, SHAPE(3));
  ck_fails(ref_run2(CVK_OP_RESIZE, &four, &x, &roi, &y), CVK_INVALID_ARGUMENT, "3 numbers of the region are given for 1 axes");
  ref_free(&roi), ref_free(&x);
  /* two axes: a cell outside along either is the value */
  const cvk_resize_attr square = {
      .coordinates = CVK_TF_CROP_AND_RESIZE, .size = {2, 3}, .roi_begin = {0, -1}, .roi_end = {2, 1}, .extrapolation = 9};
  x = ref_of(CVK_U8, SHAPE(2, 2), (uint8_t[]){1, 2, 3, 4});
  ck_ok(ref_run1(CVK_OP_RESIZE, &square, &x, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2, 3), (uint8_t[]){9, 1, 2, 9, 9, 9});
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(axes_and_targets_from_tensors) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 2), (float[]){1, 3, 5, 7}), scales = ref_of(CVK_F32, SHAPE(2), (float[]){2, 1}),
             sizes = ref_of(CVK_I64, SHAPE(2), (int64_t[]){3, 1}), none = ref_new(CVK_F32, SHAPE(0)), y;
  const cvk_resize_attr attr = {.mode = CVK_LINEAR, .n_axes = 2, .axis = {-1, 1}, .size = {5, 5}};
  const ref_tensor *const by_scales[] = {&x, &none, &scales}, *const by_sizes[] = {&x, NULL, &none, &sizes};
  const ref_tensor *const both[] = {&x, NULL, &scales, &sizes};
  ck_ok(ref_run(CVK_OP_RESIZE, &attr, 3, by_scales, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 4), (float[]){1, 1.5f, 2.5f, 3, 5, 5.5f, 6.5f, 7});
  ref_free(&y);
  ck_ok(ref_run(CVK_OP_RESIZE, &attr, 4, by_sizes, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 1, 3), (float[]){3, 4, 5});
  ref_free(&y);
  ck_fails(ref_run(CVK_OP_RESIZE, &attr, 4, both, 1, &y), CVK_INVALID_ARGUMENT, "expected either scales or sizes");
  ck_fails(ref_run(CVK_OP_RESIZE, &(cvk_resize_attr){.n_axes = 1, .axis = {1}}, 3, by_scales, 1, &y), CVK_INVALID_ARGUMENT,
           "2 scales are given for 1 axes");
  ck_fails(ref_run(CVK_OP_RESIZE, &(cvk_resize_attr){.n_axes = 1, .axis = {1}}, 4, by_sizes, 1, &y), CVK_INVALID_ARGUMENT,
           "2 sizes are given for 1 axes");
  ((float *)scales.data)[1] = -1;
  ck_fails(ref_run(CVK_OP_RESIZE, &attr, 3, by_scales, 1, &y), CVK_INVALID_ARGUMENT, "scale 1 is -1, expected more than 0");
  ((int64_t *)sizes.data)[0] = -3;
  ck_fails(ref_run(CVK_OP_RESIZE, &attr, 4, by_sizes, 1, &y), CVK_INVALID_ARGUMENT, "size 0 is -3, allowed >= 0");
  ref_free(&x), ref_free(&scales), ref_free(&sizes), ref_free(&none);
}
END_TEST

START_TEST(keep_aspect) {
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 3, .dim = {2, 40, 30}}, *const in[] = {&x};
  cvk_resize_attr attr = {.n_axes = 2, .axis = {1, 2}, .size = {70, 80}, .keep_aspect = CVK_NOT_LARGER};
  cvk_tensor_desc y;
  ck_ok(ref_infer(CVK_OP_RESIZE, &attr, 1, in, &y)); /* by 1.75: 52.5 is 53 */
  ref_expect_shape(&y, SHAPE(2, 70, 53));
  attr.keep_aspect = CVK_NOT_SMALLER;
  ck_ok(ref_infer(CVK_OP_RESIZE, &attr, 1, in, &y)); /* by 8/3: 106.7 is 107 */
  ref_expect_shape(&y, SHAPE(2, 107, 80));
  attr.keep_aspect = CVK_STRETCH;
  ck_ok(ref_infer(CVK_OP_RESIZE, &attr, 1, in, &y));
  ref_expect_shape(&y, SHAPE(2, 70, 80));
}
END_TEST

START_TEST(element_types) {
  const cvk_resize_attr twice = {.scale = {2}}, mean = {.mode = CVK_LINEAR, .size = {1}},
                        over = {.mode = CVK_CUBIC, .cubic_a = -0.75f, .scale = {2}, .coordinates = CVK_ASYMMETRIC};
  ref_tensor x = ref_of(CVK_BOOL, SHAPE(2), (uint8_t[]){1, 0}), y;
  ck_ok(ref_run1(CVK_OP_RESIZE, &twice, &x, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(4), (uint8_t[]){1, 1, 0, 0});
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_RESIZE, &mean, &x, &y), CVK_INVALID_ARGUMENT, "input 0 has type bool");
  ref_free(&x);
  x = ref_of(CVK_U64, SHAPE(2), (uint64_t[]){UINT64_MAX, 1});
  ck_ok(ref_run1(CVK_OP_RESIZE, &twice, &x, &y)); /* moved, not computed */
  ref_expect_bytes(&y, CVK_U64, SHAPE(4), (uint64_t[]){UINT64_MAX, UINT64_MAX, 1, 1});
  ref_free(&x), ref_free(&y);
  x = ref_of(CVK_I8, SHAPE(2), (int8_t[]){2, 5});
  ck_ok(ref_run1(CVK_OP_RESIZE, &mean, &x, &y));
  ref_expect_bytes(&y, CVK_I8, SHAPE(1), (int8_t[]){4}); /* 3.5 to even */
  ref_free(&x), ref_free(&y);
  x = ref_of(CVK_U8, SHAPE(4), (uint8_t[]){0, 255, 255, 0});
  ck_ok(ref_run1(CVK_OP_RESIZE, &over, &x, &y));
  ck_assert_int_eq(((uint8_t *)y.data)[3], 255); /* 303, saturated */
  ref_free(&x), ref_free(&y);
  x = ref_of(CVK_F64, SHAPE(2), (double[]){1, 2});
  ck_ok(ref_run1(CVK_OP_RESIZE, &mean, &x, &y));
  ref_expect_bytes(&y, CVK_F64, SHAPE(1), (double[]){1.5});
  ref_free(&x), ref_free(&y);
  x = ref_of(CVK_F16, SHAPE(2), (uint16_t[]){0x3c00, 0x4000});
  ck_ok(ref_run1(CVK_OP_RESIZE, &mean, &x, &y));
  ref_expect_bytes(&y, CVK_F16, SHAPE(1), (uint16_t[]){0x3e00});
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(infinities_stay_where_they_have_weight) {
  const cvk_resize_attr corners = {.mode = CVK_LINEAR, .coordinates = CVK_ALIGN_CORNERS, .size = {5}},
                        near = {.mode = CVK_CUBIC, .cubic_a = -0.75f, .coordinates = CVK_ASYMMETRIC, .scale = {2}};
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){INFINITY, 1, NAN}), y;
  ck_ok(ref_run1(CVK_OP_RESIZE, &corners, &x, &y));
  ref_expect(&y, 0, SHAPE(5), (float[]){INFINITY, INFINITY, 1, NAN, NAN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_RESIZE, &near, &x, &y));
  ck_assert(isinf(((float *)y.data)[0]) && ((float *)y.data)[2] == 1 && isnan(((float *)y.data)[4]));
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(empty_tensors_and_scalars) {
  const cvk_resize_attr twice = {.scale = {2, 2}}, none = {.size = {3, 0}}, some = {.size = {3, 2}};
  ref_tensor x = ref_new(CVK_F32, SHAPE(3, 0)), s = ref_of(CVK_F32, SCALAR, (float[]){5}), y;
  ck_ok(ref_run1(CVK_OP_RESIZE, &twice, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(6, 0));
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_RESIZE, &none, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(3, 0));
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_RESIZE, &some, &x, &y), CVK_INVALID_SHAPE, "axis 1 has no cells to make 2 of");
  ck_fails(ref_run1(CVK_OP_RESIZE, &(cvk_resize_attr){.size = {3, 2}, .keep_aspect = CVK_NOT_LARGER}, &x, &y), CVK_INVALID_SHAPE,
           "axis 1 has extent 0");
  ck_ok(ref_run1(CVK_OP_RESIZE, NULL, &s, &y));
  ref_expect(&y, 0, SCALAR, (float[]){5});
  ref_free(&y), ref_free(&s), ref_free(&x);
  x = ref_new(CVK_F32, SHAPE(2, 3)); /* so small that nothing is left */
  ck_ok(ref_run1(CVK_OP_RESIZE, &(cvk_resize_attr){.mode = CVK_LINEAR, .antialias = 1, .scale = {1, 1e-30f}}, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 0));
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 2)), y;
  const struct {
    cvk_resize_attr attr;
    cvk_status status;
    const char *text;
  } bad[] = {
      {{.scale = {1, 1}, .mode = 3}, CVK_INVALID_ARGUMENT, "mode is 3, allowed 0 to 2"},
      {{.scale = {1, 1}, .coordinates = 7}, CVK_INVALID_ARGUMENT, "coordinates is 7, allowed 0 to 6"},
      {{.scale = {1, 1}, .rounding = -1}, CVK_INVALID_ARGUMENT, "rounding is -1, allowed 0 to 3"},
      {{.scale = {1, 1}, .keep_aspect = 3}, CVK_INVALID_ARGUMENT, "keep_aspect is 3, allowed 0 to 2"},
      {{.scale = {1, 1}, .antialias = 1}, CVK_INVALID_ARGUMENT, "antialias goes with linear and cubic"},
      {{.scale = {1, NAN}}, CVK_INVALID_ARGUMENT, "scale 1 is nan, expected more than 0"},
      {{.scale = {1, 0}}, CVK_INVALID_ARGUMENT, "scale 1 is 0, expected more than 0"},
      {{.scale = {1, 1}, .size = {2, 2}}, CVK_INVALID_ARGUMENT, "expected either scales or sizes"},
      {{.mode = 0}, CVK_INVALID_ARGUMENT, "expected either scales or sizes"},
      {{.scale = {1, 1}, .n_axes = 2, .axis = {1, -1}}, CVK_INVALID_ARGUMENT, "axis 1 is listed twice"},
      {{.scale = {1, 1}, .n_axes = 1, .axis = {2}}, CVK_INVALID_ARGUMENT, "an entry of axes is 2, allowed -2 to 1"},
      {{.scale = {1, 1}, .n_axes = 9}, CVK_INVALID_ARGUMENT, "9 axes are listed, allowed 0 to 8"},
      {{.scale = {1, 1e30f}}, CVK_SIZE_OVERFLOW, "extent 2 of axis 1 times 1e+30 is more than 2^63-1"},
      {{.scale = {4e9f, 4e9f}}, CVK_SIZE_OVERFLOW, "more than 2^63-1 bytes"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_fails(ref_run1(CVK_OP_RESIZE, &bad[i].attr, &x, &y), bad[i].status, bad[i].text);
  const cvk_tensor_desc sizes = {.struct_size = sizeof sizes, .dtype = CVK_I64, .rank = 1, .dim = {2}}, *const in[] = {&x.desc, NULL, NULL,
                                                                                                                       &sizes};
  cvk_tensor_desc d;
  ck_fails(ref_infer(CVK_OP_RESIZE, NULL, 4, in, &d), CVK_UNSUPPORTED, "the value of input 3 must be known");
  ref_free(&x);
}
END_TEST

SUITE("resize", linear, cubic, antialias_widens_the_filter, nearest, whole_factors_repeat_cells, crop, axes_and_targets_from_tensors,
      keep_aspect, element_types, infinities_stay_where_they_have_weight, empty_tensors_and_scalars, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_grid_sample.c: GRID_SAMPLE: every mode, padding and way of counting corners against values of the onnx package's reference
 * implementation; one and three axes, element types, places that are no numbers, errors. */
#include <math.h>

#include "ref_run.h"

/* x = 1 4 9 / 16 25 36; two places inside and four that reach outside. */
static const float squares[] = {1, 4, 9, 16, 25, 36};
static const float places[] = {-1, -1, 0, 0, 0.5f, 0.25f, 1.5f, -0.4f, -3.2f, 0.9f, 0.9f, 2.7f};

START_TEST(every_mode) {
  static const struct {
    int32_t mode, padding, align_corners;
    float want[6];
  } cases[] = {
      {CVK_NEAREST, CVK_GRID_ZEROS, 0, {1, 4, 36, 0, 0, 0}},
      {CVK_NEAREST, CVK_GRID_ZEROS, 1, {1, 4, 36, 9, 0, 0}},
      {CVK_NEAREST, CVK_GRID_BORDER, 0, {1, 4, 36, 9, 16, 36}},
      {CVK_NEAREST, CVK_GRID_BORDER, 1, {1, 4, 36, 9, 16, 36}},
      {CVK_NEAREST, CVK_GRID_REFLECTION, 0, {1, 4, 36, 9, 36, 9}},
      {CVK_NEAREST, CVK_GRID_REFLECTION, 1, {1, 4, 36, 9, 36, 9}},
      {CVK_LINEAR, CVK_GRID_ZEROS, 0, {0.25f, 14.5f, 26.875f, 0, 0, 0}},
      {CVK_LINEAR, CVK_GRID_ZEROS, 1, {1, 14.5f, 21.5f, 8.55f, 0, 5.235f}},
      {CVK_LINEAR, CVK_GRID_BORDER, 0, {1, 14.5f, 26.875f, 11.7f, 16, 36}},
      {CVK_LINEAR, CVK_GRID_BORDER, 1, {1, 14.5f, 21.5f, 17.1f, 15.25f, 34.9f}},
      {CVK_LINEAR, CVK_GRID_REFLECTION, 0, {1, 14.5f, 26.875f, 10.3f, 36, 9}},
      {CVK_LINEAR, CVK_GRID_REFLECTION, 1, {1, 14.5f, 21.5f, 13.7f, 32.51f, 12.46f}},
      {CVK_CUBIC, CVK_GRID_ZEROS, 0, {-0.541015625f, 17.21875f, 35.4004364f, -1.26602049f, 0, 0}},
      {CVK_CUBIC, CVK_GRID_ZEROS, 1, {1, 17.21875f, 29.2724152f, 10.3392187f, 0, 5.17291691f}},
      {CVK_CUBIC, CVK_GRID_BORDER, 0, {-0.634765625f, 14.5f, 27.9672241f, 11.2139999f, 17.62f, 37.2199688f}},
      {CVK_CUBIC, CVK_GRID_BORDER, 1, {1, 14.5f, 22.4926147f, 16.5329999f, 15.4103124f, 35.1587498f}},
      {CVK_CUBIC, CVK_GRID_REFLECTION, 0, {-2.1640625f, 14.5f, 27.9672241f, 10.0924842f, 42.3095995f, 6.49027436f}},
      {CVK_CUBIC, CVK_GRID_REFLECTION, 1, {1, 14.5f, 24.425293f, 12.6769999f, 35.1426856f, 10.5489642f}},
  };
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 2, 3), squares), grid = ref_of(CVK_F32, SHAPE(1, 1, 6, 2), places), y;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const cvk_grid_attr attr = {.mode = cases[i].mode, .padding = cases[i].padding, .align_corners = cases[i].align_corners};
    ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &attr, &x, &grid, &y));
    ref_expect(&y, 1e-6, SHAPE(1, 1, 1, 6), cases[i].want);
    ref_free(&y);
  }
  ref_free(&x), ref_free(&grid);
}
END_TEST

START_TEST(one_axis_and_three) {
  const cvk_grid_attr corners = {.mode = CVK_LINEAR, .align_corners = 1};
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){1, 3, 7}), grid = ref_of(CVK_F64, SHAPE(1, 3, 1), (double[]){-0.5, 0.25, 1.2}),
             y;
  ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &corners, &x, &grid, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 1, 3), (float[]){2, 4, 5.6f});
  ref_free(&x), ref_free(&grid), ref_free(&y);
  x = ref_ramp(1, 0, 8, 0, 1, SHAPE(1, 1, 2, 2, 2));
  grid = ref_of(CVK_F32, SHAPE(1, 1, 1, 2, 3), (float[]){-0.5f, 0.25f, 0.75f, 1.5f, 0, -1});
  ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &corners, &x, &grid, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 1, 1, 1, 2), (float[]){5, 1.5f});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, NULL, &x, &grid, &y)); /* linear, zeros, outer edges */
  ref_expect(&y, 1e-6, SHAPE(1, 1, 1, 1, 2), (float[]){4.125f, 0});
  ref_free(&x), ref_free(&grid), ref_free(&y);
}
END_TEST

START_TEST(element_types_and_batches) {
  const cvk_grid_attr near = {.mode = CVK_NEAREST, .align_corners = 1};
  ref_tensor grid = ref_of(CVK_F32, SHAPE(2, 2, 1), (float[]){-1, 1, 1, 5}), y;
  ref_tensor x = ref_of(CVK_U64, SHAPE(2, 1, 2), (uint64_t[]){UINT64_MAX, 2, 3, 4});
  ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &near, &x, &grid, &y)); /* moved, not computed */
  ref_expect_bytes(&y, CVK_U64, SHAPE(2, 1, 2), (uint64_t[]){UINT64_MAX, 2, 4, 0});
  ref_free(&y), ref_free(&x);
  x = ref_of(CVK_I8, SHAPE(2, 1, 2), (int8_t[]){-4, 3, 0, 7});
  ((float *)grid.data)[0] = 0;
  ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, NULL, &x, &grid, &y)); /* -0.5, 3 / 2, 7 / 2, outside: truncated */
  ref_expect_bytes(&y, CVK_I8, SHAPE(2, 1, 2), (int8_t[]){0, 1, 3, 0});
  ref_free(&y), ref_free(&x), ref_free(&grid);
}
END_TEST

START_TEST(places_that_are_no_numbers) {
  const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f};
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){1, 3, INFINITY}), grid = ref_of(CVK_F32, SHAPE(1, 4, 1), odd), y;
  for (int32_t mode = CVK_NEAREST; mode <= CVK_CUBIC; mode++) {
    cvk_grid_attr attr = {.mode = mode};
    ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &attr, &x, &grid, &y));
    ref_expect(&y, 0, SHAPE(1, 1, 4), (float[]){NAN, 0, 0, 0});
    ref_free(&y);
    attr.padding = CVK_GRID_BORDER;
    ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &attr, &x, &grid, &y));
    ref_expect(&y, 0, SHAPE(1, 1, 4), (float[]){NAN, INFINITY, 1, INFINITY});
    ref_free(&y);
    attr.padding = CVK_GRID_REFLECTION;
    ck_ok(ref_run2(CVK_OP_GRID_SAMPLE, &attr, &x, &grid, &y));
    ck_assert(isnan(((float *)y.data)[0]) && isnan(((float *)y.data)[1]) && isnan(((float *)y.data)[2]));
    ref_free(&y);
  }
  ref_free(&grid), ref_free(&x);
}
END_TEST

START_TEST(bad_grids) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 1, 3, 3)), other = ref_new(CVK_F32, SHAPE(1, 4, 4, 2)),
             ints = ref_new(CVK_I32, SHAPE(2, 4, 4, 2)), flat = ref_new(CVK_F32, SHAPE(2, 4)), none = ref_new(CVK_F32, SHAPE(2, 1, 0, 3)),
             grid = ref_new(CVK_F32, SHAPE(2, 4, 4, 2)), y;
  ck_fails(ref_run2(CVK_OP_GRID_SAMPLE, NULL, &x, &other, &y), CVK_INVALID_SHAPE, "grid [1,4,4,2] does not fit x [2,1,3,3]");
  ck_fails(ref_run2(CVK_OP_GRID_SAMPLE, NULL, &x, &ints, &y), CVK_INVALID_ARGUMENT, "input 1 has type int32");
  ck_fails(ref_run2(CVK_OP_GRID_SAMPLE, NULL, &flat, &grid, &y), CVK_INVALID_SHAPE, "x has rank 2, allowed 3 to 5");
  ck_fails(ref_run2(CVK_OP_GRID_SAMPLE, NULL, &none, &grid, &y), CVK_INVALID_SHAPE, "axis 2 of x has no cells");
  ck_fails(ref_run2(CVK_OP_GRID_SAMPLE, &(cvk_grid_attr){.mode = 3}, &x, &grid, &y), CVK_INVALID_ARGUMENT, "mode is 3, allowed 0 to 2");
  ck_fails(ref_run2(CVK_OP_GRID_SAMPLE, &(cvk_grid_attr){.padding = -1}, &x, &grid, &y), CVK_INVALID_ARGUMENT,
           "padding is -1, allowed 0 to 2");
  ref_free(&x), ref_free(&other), ref_free(&ints), ref_free(&flat), ref_free(&none), ref_free(&grid);
}
END_TEST

SUITE("grid_sample", every_mode, one_axis_and_three, element_types_and_batches, places_that_are_no_numbers, bad_grids)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_resize.c: resizing to the nearest cell and linear, plain and blocked: every way of finding the source, infinities beside
 * samples, crops, other ranks, and what is left to others. */
#include <math.h>

#include "ref_case.h"

#define BLOCKED "resize_blocked"
#define PLAIN "resize_plain"

static cvk_resize_attr attr_of(int32_t mode, int32_t by, int64_t h, int64_t w) {
  return (cvk_resize_attr){
      .struct_size = sizeof(cvk_resize_attr), .mode = mode, .coordinates = by, .n_axes = 2, .axis = {-2, -1}, .size = {h, w}};
}

static void check(const case_tensor *x, const cvk_resize_attr *a, const char *const *rows) {
  const double bound = a->mode == CVK_NEAREST ? 0 : 8 * 0x1p-24;
  case_check(CVK_OP_RESIZE, a, 1, &x, 1, rows, &(case_options){.relative = bound, .absolute = bound});
}

START_TEST(every_way_at_any_size) {
  static const int64_t sizes[][4] = {{5, 7, 10, 14}, {9, 12, 4, 6},  {4, 33, 12, 40}, {1, 1, 3, 5},
                                     {6, 5, 1, 1},   {17, 3, 17, 5}, {7, 90, 19, 90}};
  if (!mini_open()) return;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    case_tensor x = case_random(DIMS(2, i % 2 ? 16 : 19, sizes[i][0], sizes[i][1]), (uint32_t)i);
    for (int32_t by = CVK_HALF_PIXEL; by <= CVK_TF_HALF_PIXEL_FOR_NN; by++) {
      cvk_resize_attr a = attr_of(CVK_NEAREST, by, sizes[i][2], sizes[i][3]);
      for (a.rounding = CVK_ROUND_PREFER_FLOOR; a.rounding <= CVK_ROUND_CEIL; a.rounding++) check(&x, &a, ROWS(BLOCKED, PLAIN));
      a = attr_of(CVK_LINEAR, by, sizes[i][2], sizes[i][3]);
      check(&x, &a, ROWS(BLOCKED, PLAIN));
    }
    case_free(&x);
  }
  mini_close();
}
END_TEST

START_TEST(infinities_beside_samples) {
  if (!mini_open()) return;
  case_tensor x = case_random(DIMS(1, 16, 5, 9), 3);
  for (int64_t i = 0; i < 16 * 5 * 9; i += 7) ((float *)x.data)[i] = i % 3 ? INFINITY : NAN;
  for (int32_t mode = CVK_NEAREST; mode <= CVK_LINEAR; mode++) {
    const cvk_resize_attr corners = attr_of(mode, CVK_ALIGN_CORNERS, 9, 17), thrice = attr_of(mode, CVK_ASYMMETRIC, 15, 27);
    check(&x, &corners, ROWS(BLOCKED, PLAIN));
    check(&x, &thrice, ROWS(BLOCKED, PLAIN));
  }
  case_free(&x);
  mini_close();
}
END_TEST

START_TEST(crops) {
  if (!mini_open()) return;
  case_tensor whole = case_random(DIMS(2, 32, 6, 8), 1), part = case_random(DIMS(2, 5, 6, 8), 2);
  for (int32_t mode = CVK_NEAREST; mode <= CVK_LINEAR; mode++) {
    cvk_resize_attr a = attr_of(mode, CVK_TF_CROP_AND_RESIZE, 5, 21);
    a.roi_begin[0] = 0.25;
    a.roi_end[0] = 1.5;
    a.roi_begin[1] = -0.5;
    a.roi_end[1] = 0.75;
    check(&part, &a, ROWS(BLOCKED, PLAIN));
    a.extrapolation = 2.5f;
    check(&whole, &a, ROWS(BLOCKED, PLAIN));
    check(&part, &a, ROWS(PLAIN));
  }
  case_free(&whole);
  case_free(&part);
  mini_close();
}
END_TEST

START_TEST(other_ranks) {
  if (!mini_open()) return;
  case_tensor line = case_random(DIMS(9), 1), lines = case_random(DIMS(2, 17, 9), 2), image = case_random(DIMS(4, 6), 3),
              volume = case_random(DIMS(1, 17, 3, 4, 5), 4), none = case_new(CVK_F32, DIMS(0, 16, 3, 4));
  const cvk_resize_attr last = {.struct_size = sizeof last, .mode = CVK_LINEAR, .n_axes = 1, .axis = {-1}, .scale = {2.5f}};
  const cvk_resize_attr both = attr_of(CVK_LINEAR, CVK_HALF_PIXEL, 7, 11);
  check(&line, &last, ROWS(PLAIN));
  check(&lines, &last, ROWS(BLOCKED, PLAIN));
  check(&lines, &both, ROWS(PLAIN));
  check(&image, &both, ROWS(PLAIN));
  check(&volume, &both, ROWS(BLOCKED, PLAIN));
  check(&none, &both, ROWS(BLOCKED, PLAIN));
  case_free(&line), case_free(&lines), case_free(&image), case_free(&volume), case_free(&none);
  mini_close();
}
END_TEST

START_TEST(refused) {
  if (!mini_open()) return;
  case_tensor x = case_random(DIMS(1, 3, 4, 5), 1), whole = case_typed(CVK_I32, DIMS(1, 3, 4, 5), 1);
  const case_tensor *const in = &x, *const ints = &whole;
  const cvk_resize_attr cubic = attr_of(CVK_CUBIC, CVK_HALF_PIXEL, 7, 11), near = attr_of(CVK_NEAREST, CVK_HALF_PIXEL, 7, 11);
  const cvk_resize_attr three = {.struct_size = sizeof three, .scale = {1, 2, 2, 2}};
  case_refused(CVK_OP_RESIZE, &cubic, 1, &in, 1, "mode 2");
  case_refused(CVK_OP_RESIZE, &three, 1, &in, 1, "axis 1 is resized");
  case_refused(CVK_OP_RESIZE, &near, 1, &ints, 1, "this row works on f32");
  case_free(&x), case_free(&whole);
  mini_close();
}
END_TEST

SUITE("opencl_resize", every_way_at_any_size, infinities_beside_samples, crops, other_ranks, refused)

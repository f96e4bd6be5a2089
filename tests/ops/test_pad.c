/* SPDX-License-Identifier: Apache-2.0 */
/* test_pad.c: PAD: modes, crops, tensor-valued pads, value and axes, element types, errors, and random shapes against a cell-by-cell walk.
 */
#include <math.h>

#include "ref_run.h"

static void expect_1d(const cvk_pad_attr *attr, int64_t nx, const float *xv, int64_t n, const float *want) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(nx), xv), y;
  ck_ok(ref_run1(CVK_OP_PAD, attr, &x, &y));
  ref_expect(&y, 0, SHAPE(n), want);
  ref_free(&x), ref_free(&y);
}

static const float count_up[] = {0, 1, 2, 3};

START_TEST(modes) {
  expect_1d(NULL, 4, count_up, 4, count_up);
  expect_1d(&(cvk_pad_attr){.begin = {1}, .end = {2}, .value = -1}, 4, count_up, 7, (float[]){-1, 0, 1, 2, 3, -1, -1});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_EDGE, .begin = {1}, .end = {2}}, 4, count_up, 7, (float[]){0, 0, 1, 2, 3, 3, 3});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_REFLECT, .begin = {2}, .end = {3}}, 4, count_up, 9, (float[]){2, 1, 0, 1, 2, 3, 2, 1, 0});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_WRAP, .begin = {5}, .end = {4}}, 3, (float[]){1, 2, 3}, 12,
            (float[]){2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1});
}
END_TEST

START_TEST(reflect_bounces_back_and_forth) {
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_REFLECT, .begin = {5}, .end = {4}}, 3, (float[]){1, 2, 3}, 12,
            (float[]){2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_REFLECT, .begin = {2}, .end = {1}}, 1, (float[]){9}, 4, (float[]){9, 9, 9, 9});
}
END_TEST

START_TEST(crops_come_before_pads) {
  expect_1d(&(cvk_pad_attr){.begin = {-1}, .end = {-2}}, 4, count_up, 1, (float[]){1});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_REFLECT, .begin = {-3}, .end = {3}}, 4, count_up, 4, (float[]){3, 3, 3, 3});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_REFLECT, .begin = {-1}, .end = {2}}, 4, count_up, 5, (float[]){1, 2, 3, 2, 1});
  expect_1d(&(cvk_pad_attr){.mode = CVK_PAD_WRAP, .begin = {2}, .end = {-2}}, 4, count_up, 4, (float[]){0, 1, 0, 1});
  expect_1d(&(cvk_pad_attr){.begin = {-4}, .end = {2}, .value = NAN}, 4, count_up, 2, (float[]){NAN, NAN});
}
END_TEST

START_TEST(pads_value_and_axes_from_tensors) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 2), count_up), pads = ref_of(CVK_I64, SHAPE(4), (int64_t[]){1, 0, 0, 1}),
             value = ref_of(CVK_F32, SCALAR, (float[]){7});
  ref_tensor axes = ref_of(CVK_I32, SHAPE(2), (int32_t[]){-1, 1}), y;
  const ref_tensor *const in[] = {&x, &pads, &value, &axes};
  ck_ok(ref_run(CVK_OP_PAD, &(cvk_pad_attr){.begin = {5, 5, 5}}, 4, in, 1, &y));
  ref_expect(&y, 0, SHAPE(1, 3, 3), (float[]){7, 0, 1, 7, 2, 3, 7, 7, 7});
  ref_free(&y);
  const ref_tensor *const without_axes[] = {&x, &pads, NULL, NULL};
  ck_fails(ref_run(CVK_OP_PAD, NULL, 4, without_axes, 1, &y), CVK_INVALID_ARGUMENT, "4 pads for 3 axes");
  ((int32_t *)axes.data)[0] = 1;
  ck_fails(ref_run(CVK_OP_PAD, NULL, 4, in, 1, &y), CVK_INVALID_ARGUMENT, "axis 1 is listed twice");
  ((int32_t *)axes.data)[0] = 3;
  ck_fails(ref_run(CVK_OP_PAD, NULL, 4, in, 1, &y), CVK_INVALID_ARGUMENT, "an entry of axes is 3, allowed -3 to 2");
  ref_free(&x), ref_free(&pads), ref_free(&value), ref_free(&axes);
}
END_TEST

START_TEST(unknown_values_are_not_supported) {
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 1, .dim = {3}},
                        pads = {.struct_size = sizeof pads, .dtype = CVK_I64, .rank = 1, .dim = {2}};
  const cvk_tensor_desc value = {.struct_size = sizeof value, .dtype = CVK_F32};
  cvk_tensor_desc y;
  ck_fails(ref_infer(CVK_OP_PAD, NULL, 2, (const cvk_tensor_desc *const[]){&x, &pads}, &y), CVK_UNSUPPORTED,
           "value of input 1 must be known");
  ck_fails(ref_infer(CVK_OP_PAD, NULL, 3, (const cvk_tensor_desc *const[]){&x, NULL, &value}, &y), CVK_UNSUPPORTED, "must be known");
}
END_TEST

START_TEST(any_element_type) {
  ref_tensor x = ref_of(CVK_I64, SHAPE(2), (int64_t[]){INT64_MAX, INT64_MIN}),
             value = ref_of(CVK_I64, SHAPE(1), (int64_t[]){INT64_MAX - 1}), y;
  ref_tensor pads = ref_of(CVK_I64, SHAPE(2), (int64_t[]){1, 0}), half = ref_of(CVK_F16, SHAPE(1), (uint16_t[]){0x4000}),
             flag = ref_of(CVK_BOOL, SHAPE(1), (uint8_t[]){0});
  const ref_tensor *const in[] = {&x, &pads, &value};
  ck_ok(ref_run(CVK_OP_PAD, NULL, 3, in, 1, &y));
  ref_expect_i64(&y, SHAPE(3), (int64_t[]){INT64_MAX - 1, INT64_MAX, INT64_MIN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.end = {1}, .value = 1.5}, &half, &y));
  ck_assert_mem_eq(y.data, ((uint16_t[]){0x4000, 0x3e00}), 4);
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.end = {1}, .value = 1}, &flag, &y));
  ck_assert_mem_eq(y.data, ((uint8_t[]){0, 1}), 2);
  ref_free(&y), ref_free(&x), ref_free(&value), ref_free(&pads), ref_free(&half), ref_free(&flag);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(3)), empty = ref_new(CVK_F32, SHAPE(0, 3)), y;
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.begin = {-4}}, &x, &y), CVK_INVALID_ARGUMENT,
           "pads -4 and 0 crop more than the extent 3 of axis 0");
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.begin = {-2}, .end = {-2}}, &x, &y), CVK_INVALID_ARGUMENT, "crop more than the extent 3");
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.begin = {INT64_MIN}, .end = {INT64_MIN}}, &x, &y), CVK_INVALID_ARGUMENT,
           "crop more than the extent 3");
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.mode = CVK_PAD_EDGE, .begin = {1}}, &empty, &y), CVK_INVALID_ARGUMENT,
           "axis 0 has no cell left");
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.begin = {INT64_MAX}, .end = {1}}, &x, &y), CVK_SIZE_OVERFLOW, "exceeds 2^63-1");
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.begin = {INT64_MAX / 2}}, &x, &y), CVK_SIZE_OVERFLOW, "pad: output");
  ck_fails(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.mode = 4}, &x, &y), CVK_INVALID_ARGUMENT, "mode is 4");
  ref_free(&x), ref_free(&empty);
}
END_TEST

START_TEST(empty_axis_takes_constants) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(0, 3)), y;
  ck_ok(ref_run1(CVK_OP_PAD, &(cvk_pad_attr){.begin = {1}, .value = 7}, &x, &y));
  ref_expect(&y, 0, SHAPE(1, 3), (float[]){7, 7, 7});
  ref_free(&x), ref_free(&y);
}
END_TEST

/* The source of a cell by walking there one step at a time from the cropped input's first cell. -1: the constant. */
static int64_t walk(int32_t mode, int64_t n, int64_t offset) {
  int64_t at = 0, direction = 1;
  if (mode == CVK_PAD_CONSTANT) return offset < 0 || offset >= n ? -1 : offset;
  const int64_t step = offset < 0 ? -1 : 1;
  direction = step;
  for (int64_t i = 0; i != offset; i += step) {
    if (mode == CVK_PAD_EDGE) at = at + step < 0 || at + step >= n ? at : at + step;
    if (mode == CVK_PAD_WRAP) at = (at + step + n) % n;
    if (mode == CVK_PAD_REFLECT && n > 1) {
      if (at + direction < 0 || at + direction >= n) direction = -direction;
      at += direction;
    }
  }
  return at;
}

START_TEST(random_shapes_agree_with_walking) {
  uint32_t seed = 5;
  for (int round = 0; round < 300; round++) {
    const int32_t rank = 1 + round % 4;
    int64_t xd[4];
    cvk_pad_attr a = {.mode = (int32_t)ref_next(&seed, 4), .value = 0.25};
    for (int32_t k = 0; k < rank; k++) {
      xd[k] = 2 + ref_next(&seed, 4);
      a.begin[k] = (int64_t)ref_next(&seed, 8) - 1;
      a.end[k] = (int64_t)ref_next(&seed, 8) - (xd[k] - 1) + 1;
      if (a.begin[k] < 0 && a.begin[k] + a.end[k] <= -xd[k]) a.end[k] = 0;
      if (a.end[k] <= -xd[k]) a.end[k] = 0;
    }
    ref_tensor x = ref_random(&seed, rank, xd), y;
    ck_ok(ref_run1(CVK_OP_PAD, &a, &x, &y));
    const int64_t n = cvk_count(rank, y.desc.dim);
    for (int64_t i = 0; i < n; i++) {
      int64_t rest = i, at = 0, scale = 1;
      int inside = 1;
      for (int32_t k = rank - 1; k >= 0; k--) {
        const int64_t crop = a.begin[k] < 0 ? -a.begin[k] : 0, kept = xd[k] - crop - (a.end[k] < 0 ? -a.end[k] : 0);
        const int64_t source = walk(a.mode, kept, rest % y.desc.dim[k] - (a.begin[k] > 0 ? a.begin[k] : 0));
        rest /= y.desc.dim[k];
        if (source < 0) inside = 0;
        at += (crop + source) * scale;
        scale *= xd[k];
      }
      const float want = inside ? ((const float *)x.data)[at] : 0.25f;
      ck_assert_msg(((const float *)y.data)[i] == want, "round %d mode %d element %lld", round, a.mode, (long long)i);
    }
    ref_free(&x), ref_free(&y);
  }
}
END_TEST

SUITE("pad", modes, reflect_bounces_back_and_forth, crops_come_before_pads, pads_value_and_axes_from_tensors,
      unknown_values_are_not_supported, any_element_type, errors_are_named, empty_axis_takes_constants, random_shapes_agree_with_walking)

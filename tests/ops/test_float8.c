/* SPDX-License-Identifier: Apache-2.0 */
/* test_float8.c: floats of 8 and 4 bits: every code goes there and back, rounding, both ways of overflowing, against codes that ml_dtypes
 * gives; CVK_F8E8M0 by ONNX's table; integers of 4 and 2 bits; what takes these types and what does not. */
#include <math.h>

#include "ops/element.h"
#include "ops/float8.h"
#include "ref_run.h"

static const int32_t with_sign[] = {CVK_F8E4M3FN, CVK_F8E4M3FNUZ, CVK_F8E5M2, CVK_F8E5M2FNUZ, CVK_F4E2M1};

START_TEST(every_code_survives) {
  for (size_t k = 0; k < sizeof with_sign / sizeof *with_sign; k++)
    for (uint32_t bits = 0; bits < (with_sign[k] == CVK_F4E2M1 ? 16u : 256u); bits++) {
      const double v = cvk_float8_to_double(with_sign[k], (uint8_t)bits);
      const uint8_t back = cvk_double_to_float8(with_sign[k], v, 1, CVK_ROUND_UP);
      if (isnan(v))
        ck_assert(isnan(cvk_float8_to_double(with_sign[k], back)));
      else
        ck_assert_msg(back == bits, "type %d: code %u is %g, which becomes %d", with_sign[k], bits, v, back);
    }
  for (uint32_t bits = 0; bits < 255; bits++)
    for (int32_t way = CVK_ROUND_UP; way <= CVK_ROUND_NEAREST; way++)
      ck_assert_uint_eq(cvk_double_to_float8(CVK_F8E8M0, cvk_float8_to_double(CVK_F8E8M0, (uint8_t)bits), 1, way), bits);
  ck_assert(isnan(cvk_float8_to_double(CVK_F8E8M0, 255)));
}
END_TEST

START_TEST(known_values) {
  const struct {
    int32_t dtype;
    uint8_t bits;
    double v;
  } known[] = {
      {CVK_F8E4M3FN, 0x7e, 448},       {CVK_F8E4M3FN, 0x01, 0x1p-9}, {CVK_F8E4M3FNUZ, 0x7f, 240},   {CVK_F8E4M3FNUZ, 0x01, 0x1p-10},
      {CVK_F8E5M2, 0x7b, 57344},       {CVK_F8E5M2, 0x01, 0x1p-16},  {CVK_F8E5M2, 0xfc, -INFINITY}, {CVK_F8E5M2FNUZ, 0x7f, 57344},
      {CVK_F8E5M2FNUZ, 0x01, 0x1p-17}, {CVK_F4E2M1, 0x7, 6},         {CVK_F4E2M1, 0x9, -0.5},       {CVK_F8E8M0, 0, 0x1p-127},
      {CVK_F8E8M0, 254, 0x1p127}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    ck_assert_msg(cvk_float8_to_double(known[i].dtype, known[i].bits) == known[i].v, "type %d: code %d is %g, want %g", known[i].dtype,
                  known[i].bits, cvk_float8_to_double(known[i].dtype, known[i].bits), known[i].v);
  ck_assert(isnan(cvk_float8_to_double(CVK_F8E4M3FN, 0xff)) && isnan(cvk_float8_to_double(CVK_F8E4M3FNUZ, 0x80)));
  ck_assert(isnan(cvk_float8_to_double(CVK_F8E5M2, 0x7d)) && isnan(cvk_float8_to_double(CVK_F8E5M2FNUZ, 0x80)));
}
END_TEST

/* Ties, numbers below the smallest, beside the largest and past it. */
START_TEST(rounding_and_overflow) {
  static const float x[] = {0.0,     1.0,     -1.0625f, 1.125,  1.1875f, 0.001f,  0x1p-10f, 0x1.8p-10f, 0x1.8p-9f,  1e-9f,
                            -1e-9f,  240.0,   248.0,    248.1f, 448.0,   464.0,   464.1f,   500.0,      -1000000.0, 57344.0,
                            61439.0, 61440.0, 61441.0,  5.0,    0.25,    0.2501f, 0.75,     2.5};
  enum { N = sizeof x / sizeof *x };
  static const struct {
    int32_t dtype, overflow;
    uint8_t code[N];
  } want[] = {
      {CVK_F8E4M3FN, 0, {0x0,  0x38, 0xb8, 0x39, 0x3a, 0x1,  0x0,  0x1,  0x2,  0x0,  0x80, 0x77, 0x78, 0x78,
                         0x7e, 0x7e, 0x7e, 0x7e, 0xfe, 0x7e, 0x7e, 0x7e, 0x7e, 0x4a, 0x28, 0x28, 0x34, 0x42}},
      {CVK_F8E4M3FN, 1, {0x0,  0x38, 0xb8, 0x39, 0x3a, 0x1,  0x0,  0x1,  0x2,  0x0,  0x80, 0x77, 0x78, 0x78,
                         0x7e, 0x7e, 0x7f, 0x7f, 0xff, 0x7f, 0x7f, 0x7f, 0x7f, 0x4a, 0x28, 0x28, 0x34, 0x42}},
      {CVK_F8E4M3FNUZ, 0, {0x0,  0x40, 0xc0, 0x41, 0x42, 0x1,  0x1,  0x2,  0x3,  0x0,  0x0,  0x7f, 0x7f, 0x7f,
                           0x7f, 0x7f, 0x7f, 0x7f, 0xff, 0x7f, 0x7f, 0x7f, 0x7f, 0x52, 0x30, 0x30, 0x3c, 0x4a}},
      {CVK_F8E4M3FNUZ, 1, {0x0,  0x40, 0xc0, 0x41, 0x42, 0x1,  0x1,  0x2,  0x3,  0x0,  0x0,  0x7f, 0x80, 0x80,
                           0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x52, 0x30, 0x30, 0x3c, 0x4a}},
      {CVK_F8E5M2, 0, {0x0,  0x3c, 0xbc, 0x3c, 0x3d, 0x14, 0x14, 0x16, 0x1a, 0x0,  0x80, 0x5c, 0x5c, 0x5c,
                       0x5f, 0x5f, 0x5f, 0x60, 0xfb, 0x7b, 0x7b, 0x7b, 0x7b, 0x45, 0x34, 0x34, 0x3a, 0x41}},
      {CVK_F8E5M2, 1, {0x0,  0x3c, 0xbc, 0x3c, 0x3d, 0x14, 0x14, 0x16, 0x1a, 0x0,  0x80, 0x5c, 0x5c, 0x5c,
                       0x5f, 0x5f, 0x5f, 0x60, 0xfc, 0x7b, 0x7b, 0x7c, 0x7c, 0x45, 0x34, 0x34, 0x3a, 0x41}},
      {CVK_F8E5M2FNUZ, 0, {0x0,  0x40, 0xc0, 0x40, 0x41, 0x18, 0x18, 0x1a, 0x1e, 0x0,  0x0,  0x60, 0x60, 0x60,
                           0x63, 0x63, 0x63, 0x64, 0xff, 0x7f, 0x7f, 0x7f, 0x7f, 0x49, 0x38, 0x38, 0x3e, 0x45}},
      {CVK_F8E5M2FNUZ, 1, {0x0,  0x40, 0xc0, 0x40, 0x41, 0x18, 0x18, 0x1a, 0x1e, 0x0,  0x0,  0x60, 0x60, 0x60,
                           0x63, 0x63, 0x63, 0x64, 0x80, 0x7f, 0x7f, 0x80, 0x80, 0x49, 0x38, 0x38, 0x3e, 0x45}},
      {CVK_F4E2M1, 0, {0x0, 0x2, 0xa, 0x2, 0x2, 0x0, 0x0, 0x0, 0x0, 0x0, 0x8, 0x7, 0x7, 0x7,
                       0x7, 0x7, 0x7, 0x7, 0xf, 0x7, 0x7, 0x7, 0x7, 0x6, 0x0, 0x1, 0x2, 0x4}},
      {CVK_F4E2M1, 1, {0x0, 0x2, 0xa, 0x2, 0x2, 0x0, 0x0, 0x0, 0x0, 0x0, 0x8, 0x7, 0x7, 0x7,
                       0x7, 0x7, 0x7, 0x7, 0xf, 0x7, 0x7, 0x7, 0x7, 0x6, 0x0, 0x1, 0x2, 0x4}},
  };
  for (size_t k = 0; k < sizeof want / sizeof *want; k++)
    for (int32_t i = 0; i < N; i++) {
      const uint8_t got = cvk_double_to_float8(want[k].dtype, (double)x[i], want[k].overflow, CVK_ROUND_UP);
      ck_assert_msg(got == want[k].code[i], "type %d, overflow %d: %g becomes %#x, want %#x", want[k].dtype, want[k].overflow, (double)x[i],
                    got, want[k].code[i]);
    }
}
END_TEST

START_TEST(infinities_and_nan) {
  static const uint8_t largest[] = {0x7e, 0x7f, 0x7b, 0x7f, 0x07}, over[] = {0x7f, 0x80, 0x7c, 0x80, 0x07},
                       minus[] = {0xff, 0x80, 0xfc, 0x80, 0x0f};
  for (size_t k = 0; k < 5; k++) {
    ck_assert_uint_eq(cvk_double_to_float8(with_sign[k], INFINITY, 0, 0), largest[k]);
    ck_assert_uint_eq(cvk_double_to_float8(with_sign[k], -1e300, 0, 0), largest[k] | (k == 4 ? 8 : 0x80));
    ck_assert_uint_eq(cvk_double_to_float8(with_sign[k], INFINITY, 1, 0), over[k]);
    ck_assert_uint_eq(cvk_double_to_float8(with_sign[k], -INFINITY, 1, 0), minus[k]);
    if (k < 4) ck_assert(isnan(cvk_float8_to_double(with_sign[k], cvk_double_to_float8(with_sign[k], NAN, 0, 0))));
    const int32_t has_minus_zero = k != 1 && k != 3;
    ck_assert_uint_eq(cvk_double_to_float8(with_sign[k], -0.0, 0, 0), has_minus_zero ? (k == 4 ? 8 : 0x80) : 0);
  }
  ck_assert_uint_eq(cvk_double_to_float8(CVK_F4E2M1, NAN, 1, 0), 0);
}
END_TEST

/* up (and saturated): the magnitude's next power of two; down: the one below; nearest: ties up. */
START_TEST(powers_of_two) {
  static const struct {
    double v;
    uint8_t up, down, nearest, open; /* open: nearest, not saturated */
  } want[] = {{1, 127, 127, 127, 127},
              {1.1, 128, 127, 127, 127},
              {1.5, 128, 127, 128, 128},
              {3, 129, 128, 129, 129},
              {-3, 129, 128, 129, 129},
              {0.124, 124, 123, 124, 124},
              {0, 0, 0, 0, 255},
              {0x1p-127, 0, 0, 0, 0},
              {0x1.2p-127, 1, 0, 0, 0},
              {0x1.9p-128, 0, 0, 0, 0},
              {1e-60, 0, 0, 0, 255},
              {0x1p127, 254, 254, 254, 254},
              {0x1.9p127, 254, 254, 254, 255},
              {1e60, 254, 254, 254, 255},
              {INFINITY, 254, 254, 254, 255},
              {NAN, 255, 255, 255, 255}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    const double v = want[i].v;
    ck_assert_msg(cvk_double_to_float8(CVK_F8E8M0, v, 0, CVK_ROUND_UP) == want[i].up, "up: %g", v);
    ck_assert_msg(cvk_double_to_float8(CVK_F8E8M0, v, 0, CVK_ROUND_DOWN) == want[i].down, "down: %g", v);
    ck_assert_msg(cvk_double_to_float8(CVK_F8E8M0, v, 0, CVK_ROUND_NEAREST) == want[i].nearest, "nearest: %g", v);
    ck_assert_msg(cvk_double_to_float8(CVK_F8E8M0, v, 1, CVK_ROUND_NEAREST) == want[i].open, "open: %g", v);
  }
}
END_TEST

static void expect_cast(const cvk_cast_attr *attr, int32_t from, int64_t n, const void *x, const void *want) {
  ref_tensor in = ref_of(from, 1, &n, x), y;
  ck_ok(ref_run1(CVK_OP_CAST, attr, &in, &y));
  ref_expect_bytes(&y, attr->dtype, 1, &n, want);
  ref_free(&in), ref_free(&y);
}

START_TEST(casts) {
  const cvk_cast_attr saturated = {.dtype = CVK_F8E5M2}, open = {.dtype = CVK_F8E5M2, .overflow = 1};
  expect_cast(&saturated, CVK_F32, 3, (float[]){1, 1e6f, -INFINITY}, (uint8_t[]){0x3c, 0x7b, 0xfb});
  expect_cast(&open, CVK_F32, 3, (float[]){1, 1e6f, -INFINITY}, (uint8_t[]){0x3c, 0x7c, 0xfc});
  expect_cast(&saturated, CVK_BOOL, 2, (uint8_t[]){0, 1}, (uint8_t[]){0, 0x3c});
  expect_cast(&open, CVK_I64, 2, (int64_t[]){-2, INT64_MAX}, (uint8_t[]){0xc0, 0x7c});
  const cvk_cast_attr nearest = {.dtype = CVK_F8E8M0, .rounding = CVK_ROUND_NEAREST};
  expect_cast(&nearest, CVK_F16, 2, (uint16_t[]){0x3c01, 0x3e00}, (uint8_t[]){127, 128});
  const cvk_cast_attr f32 = {.dtype = CVK_F32}, i4 = {.dtype = CVK_I4}, u4 = {.dtype = CVK_U4}, i2 = {.dtype = CVK_I2},
                      u2 = {.dtype = CVK_U2};
  const cvk_cast_attr i8 = {.dtype = CVK_I8}, e4 = {.dtype = CVK_F8E4M3FN};
  expect_cast(&f32, CVK_F8E4M3FN, 2, (uint8_t[]){0x38, 0xfe}, (float[]){1, -448});
  expect_cast(&e4, CVK_F8E5M2, 2, (uint8_t[]){0x3c, 0x7c}, (uint8_t[]){0x38, 0x7e});
  /* past the range the low bits are kept, of what is not finite nothing; a byte's high bits do not count when it is read */
  expect_cast(&i4, CVK_F32, 7, (float[]){7.9f, -7.9f, 8, -9, 100, INFINITY, NAN}, (int8_t[]){7, -7, -8, 7, 4, 0, 0});
  expect_cast(&u4, CVK_F32, 3, (float[]){15, -1, 16}, (uint8_t[]){15, 15, 0});
  expect_cast(&i2, CVK_I32, 4, (int32_t[]){1, 2, 3, -3}, (int8_t[]){1, -2, -1, 1});
  expect_cast(&u2, CVK_F32, 3, (float[]){3, 4, -3}, (uint8_t[]){3, 0, 1});
  expect_cast(&i8, CVK_I4, 3, (int8_t[]){-8, 7, 0x1f}, (int8_t[]){-8, 7, -1});
  expect_cast(&f32, CVK_U2, 2, (uint8_t[]){3, 0xfd}, (float[]){3, 1});
  ref_tensor x = ref_new(CVK_F32, SHAPE(1)), y;
  ck_fails(ref_run1(CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_F8E8M0, .rounding = 3}, &x, &y), CVK_INVALID_ARGUMENT, "rounding is 3");
  ref_free(&x);
}
END_TEST

START_TEST(moved_but_not_computed_with) {
  for (int32_t dtype = CVK_F8E4M3FN; dtype <= CVK_I2; dtype++) {
    ref_tensor x = ref_new(dtype, SHAPE(2, 3)), y;
    for (int i = 0; i < 6; i++) ((uint8_t *)x.data)[i] = (uint8_t)(i % 2);
    ck_ok(ref_run1(CVK_OP_TRANSPOSE, NULL, &x, &y));
    ref_expect_bytes(&y, dtype, SHAPE(3, 2), (uint8_t[]){0, 1, 1, 0, 0, 1});
    ref_free(&y);
    ck_fails(ref_run2(CVK_OP_ADD, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, cvk_dtype_name(dtype));
    ck_fails(ref_run1(CVK_OP_RELU, NULL, &x, &y), CVK_INVALID_ARGUMENT, cvk_dtype_name(dtype));
    ref_free(&x);
  }
}
END_TEST

SUITE("float8", every_code_survives, known_values, rounding_and_overflow, infinities_and_nan, powers_of_two, casts,
      moved_but_not_computed_with)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_cast.c: CAST: narrowing of floats, integers that wrap, saturation, bool, 64-bit integers to float without double rounding. */
#include <math.h>

#include "ref_run.h"

static void expect_cast(int32_t from, int32_t to, int64_t n, const void *x, const void *want) {
  ref_tensor in = ref_of(from, 1, &n, x), y;
  ck_ok(ref_run1(CVK_OP_CAST, &(cvk_cast_attr){.dtype = to}, &in, &y));
  ref_expect_bytes(&y, to, 1, &n, want);
  ref_free(&in), ref_free(&y);
}

START_TEST(float_to_half) {
  const float x[] = {65504, 65519, 65520, 1e6f, -1e6f, 6e-8f, 2.9e-8f, 1e-8f, INFINITY, 1.00098f, 1.00048828125f, 1.00146484375f, -0.0f};
  const uint16_t want[] = {0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 1, 0, 0, 0x7c00, 0x3c01, 0x3c00, 0x3c02, 0x8000};
  expect_cast(CVK_F32, CVK_F16, 13, x, want);
  ref_tensor nan = ref_of(CVK_F32, SHAPE(1), (float[]){NAN}), y;
  ck_ok(ref_run1(CVK_OP_CAST, &(cvk_cast_attr){.dtype = CVK_F16}, &nan, &y));
  const uint16_t bits = *(uint16_t *)y.data;
  ck_assert((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0);
  ref_free(&nan), ref_free(&y);
}
END_TEST

/* 1 + 2^-11 + 2^-30 as double: through float it would first become the halfway value and then round down. */
START_TEST(double_to_half_rounds_once) {
  expect_cast(CVK_F64, CVK_F16, 1, (double[]){1 + ldexp(1, -11) + ldexp(1, -30)}, (uint16_t[]){0x3c01});
  expect_cast(CVK_F64, CVK_BF16, 1, (double[]){1 + ldexp(1, -8) + ldexp(1, -30)}, (uint16_t[]){0x3f81});
}
END_TEST

START_TEST(float_to_bfloat16_and_back) {
  expect_cast(CVK_F32, CVK_BF16, 4, (float[]){1, -2.5f, 3.39e38f, 1.00390625f}, (uint16_t[]){0x3f80, 0xc020, 0x7f7f, 0x3f80});
  expect_cast(CVK_BF16, CVK_F32, 2, (uint16_t[]){0x3f80, 0xff80}, (float[]){1, -INFINITY});
}
END_TEST

START_TEST(float_to_integer_truncates_and_saturates) {
  const float x[] = {1.9f, -1.9f, NAN, INFINITY, -INFINITY, 3e9f};
  expect_cast(CVK_F32, CVK_I32, 6, x, (int32_t[]){1, -1, 0, INT32_MAX, INT32_MIN, INT32_MAX});
  expect_cast(CVK_F32, CVK_U8, 6, x, (uint8_t[]){1, 0, 0, 255, 0, 255});
  expect_cast(CVK_F32, CVK_I64, 6, x, (int64_t[]){1, -1, 0, INT64_MAX, INT64_MIN, 3000000000});
}
END_TEST

START_TEST(integers_keep_their_low_bits) {
  expect_cast(CVK_I32, CVK_U8, 3, (int32_t[]){256, -1, 511}, (uint8_t[]){0, 255, 255});
  expect_cast(CVK_I64, CVK_I32, 2, (int64_t[]){INT64_C(1) << 32, INT64_MIN + 5}, (int32_t[]){0, 5});
  expect_cast(CVK_U8, CVK_I8, 1, (uint8_t[]){200}, (int8_t[]){-56});
  expect_cast(CVK_U32, CVK_I64, 1, (uint32_t[]){UINT32_MAX}, (int64_t[]){UINT32_MAX});
}
END_TEST

START_TEST(bool_is_zero_or_one) {
  expect_cast(CVK_F32, CVK_BOOL, 5, (float[]){0, -0.0f, 0.5f, NAN, -3}, (uint8_t[]){0, 0, 1, 1, 1});
  expect_cast(CVK_I32, CVK_BOOL, 2, (int32_t[]){0, 256}, (uint8_t[]){0, 1});
  expect_cast(CVK_BOOL, CVK_F32, 2, (uint8_t[]){0, 1}, (float[]){0, 1});
}
END_TEST

/* Beside halfway points between floats, where going through double first would lose the deciding bit. */
START_TEST(wide_integers_round_once) {
  int64_t s[64];
  uint64_t u[64];
  float want_s[64], want_u[64];
  for (int i = 0; i < 64; i++) {
    s[i] = (i % 2 ? -1 : 1) * ((INT64_C(1) << 62) + (INT64_C(1) << 38) * (2 * i + 1) + i % 3 - 1);
    u[i] = (UINT64_C(1) << 63) + (UINT64_C(1) << 39) * (2 * (uint64_t)i + 1) + (uint64_t)(i % 3) - 1;
    want_s[i] = (float)s[i];
    want_u[i] = (float)u[i];
  }
  expect_cast(CVK_I64, CVK_F32, 64, s, want_s);
  expect_cast(CVK_U64, CVK_F32, 64, u, want_u);
  expect_cast(CVK_U64, CVK_F64, 1, (uint64_t[]){UINT64_MAX}, (double[]){18446744073709551616.0});
}
END_TEST

START_TEST(same_type_keeps_the_bits) {
  expect_cast(CVK_F32, CVK_F32, 2, (uint32_t[]){0x7fa12345, 0xffc00001}, (uint32_t[]){0x7fa12345, 0xffc00001});
}
END_TEST

START_TEST(types_that_are_none) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1)), y;
  ck_fails(ref_run1(CVK_OP_CAST, NULL, &x, &y), CVK_INVALID_ARGUMENT, "dtype is 0");
  ck_fails(ref_run1(CVK_OP_CAST, &(cvk_cast_attr){.dtype = 8}, &x, &y), CVK_INVALID_ARGUMENT, "dtype is 8");
  ref_free(&x);
}
END_TEST

START_TEST(like_another) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){-1.5f, 0, 300}), u = ref_new(CVK_U8, SHAPE(2, 2)), y;
  ck_ok(ref_run2(CVK_OP_CAST_LIKE, NULL, &x, &u, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(3), (uint8_t[]){0, 0, 255});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_CAST_LIKE, NULL, &x, &x, &y));
  ref_expect(&y, 0, SHAPE(3), x.data);
  ref_free(&y), ref_free(&x), ref_free(&u);
}
END_TEST

SUITE("cast", float_to_half, double_to_half_rounds_once, float_to_bfloat16_and_back, float_to_integer_truncates_and_saturates,
      integers_keep_their_low_bits, bool_is_zero_or_one, wide_integers_round_once, same_type_keeps_the_bits, types_that_are_none, like_another)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_bitcast.c: BITCAST: the same bits, of all widths; bools stay 0 or 1, the high bits of small elements do not count. */
#include "ref_run.h"

static void expect_bits(int32_t from, int32_t to, int64_t n, const void *x, const void *want) {
  ref_tensor in = ref_of(from, 1, &n, x), y;
  ck_ok(ref_run1(CVK_OP_BITCAST, &(cvk_cast_attr){.dtype = to}, &in, &y));
  ref_expect_bytes(&y, to, 1, &n, want);
  ref_free(&in), ref_free(&y);
}

START_TEST(bits_stay) {
  expect_bits(CVK_F32, CVK_U32, 3, (float[]){1, -0.0f, 2}, (uint32_t[]){0x3f800000, 0x80000000, 0x40000000});
  expect_bits(CVK_U32, CVK_F32, 2, (uint32_t[]){0x7fa12345, 0xffc00001}, (uint32_t[]){0x7fa12345, 0xffc00001}); /* NaN payloads */
  expect_bits(CVK_I64, CVK_F64, 1, (int64_t[]){INT64_C(0x3ff0000000000000)}, (double[]){1});
  expect_bits(CVK_BF16, CVK_F16, 1, (uint16_t[]){0x3f80}, (uint16_t[]){0x3f80});
  expect_bits(CVK_I8, CVK_U8, 2, (int8_t[]){-1, 5}, (uint8_t[]){255, 5});
  expect_bits(CVK_BOOL, CVK_U8, 2, (uint8_t[]){0, 1}, (uint8_t[]){0, 1});
  expect_bits(CVK_F32, CVK_I32, 0, NULL, NULL);
}
END_TEST

START_TEST(what_a_type_cannot_hold) {
  expect_bits(CVK_U8, CVK_BOOL, 3, (uint8_t[]){0, 1, 200}, (uint8_t[]){0, 1, 1});
  expect_bits(CVK_U4, CVK_I4, 3, (uint8_t[]){7, 15, 0x18}, (int8_t[]){7, -1, -8});
  expect_bits(CVK_I4, CVK_U4, 2, (int8_t[]){-1, 3}, (uint8_t[]){15, 3});
  expect_bits(CVK_U2, CVK_I2, 2, (uint8_t[]){2, 1}, (int8_t[]){-2, 1});
  expect_bits(CVK_I4, CVK_F4E2M1, 1, (int8_t[]){-1}, (uint8_t[]){15});
}
END_TEST

START_TEST(widths_must_match) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2)), u = ref_new(CVK_U4, SHAPE(2)), y;
  ck_fails(ref_run1(CVK_OP_BITCAST, &(cvk_cast_attr){.dtype = CVK_F64}, &x, &y), CVK_INVALID_ARGUMENT,
           "float32 has 32 bits, float64 has 64");
  ck_fails(ref_run1(CVK_OP_BITCAST, &(cvk_cast_attr){.dtype = CVK_U8}, &u, &y), CVK_INVALID_ARGUMENT, "uint4 has 4 bits, uint8 has 8");
  ck_fails(ref_run1(CVK_OP_BITCAST, &(cvk_cast_attr){.dtype = 8}, &x, &y), CVK_INVALID_ARGUMENT, "dtype is 8");
  ref_free(&x), ref_free(&u);
}
END_TEST

SUITE("bitcast", bits_stay, what_a_type_cannot_hold, widths_must_match)

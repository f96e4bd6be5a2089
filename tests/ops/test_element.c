/* SPDX-License-Identifier: Apache-2.0 */
/* test_element.c: conversions between element types: every half and bfloat16 value goes there and back, rounding, saturation, strides. */
#include <math.h>

#include "ops/element.h"
#include "ref_run.h"

START_TEST(every_half_and_bfloat16_survives) {
  for (uint32_t bits = 0; bits < 65536; bits++) {
    const double half = cvk_half_to_double((uint16_t)bits), brain = cvk_bfloat16_to_double((uint16_t)bits);
    const uint32_t float_bits = bits << 16;
    float f;
    memcpy(&f, &float_bits, sizeof f);
    if (isnan(half))
      ck_assert(isnan(cvk_half_to_double(cvk_double_to_half(half))));
    else
      ck_assert_uint_eq(cvk_double_to_half(half), bits);
    if (isnan(f)) {
      ck_assert(isnan(brain) && isnan(cvk_bfloat16_to_double(cvk_double_to_bfloat16(brain))));
    } else {
      ck_assert(brain == (double)f && !signbit(brain) == !signbit(f));
      ck_assert_uint_eq(cvk_double_to_bfloat16(brain), bits);
    }
  }
}
END_TEST

/* Halfway between two neighbours the even one is taken; a hair to either side decides. */
START_TEST(halves_round_to_nearest_even) {
  for (uint32_t bits = 0; bits < 0x7bff; bits++) {
    const double low = cvk_half_to_double((uint16_t)bits), high = cvk_half_to_double((uint16_t)(bits + 1)), middle = (low + high) / 2;
    ck_assert_uint_eq(cvk_double_to_half(middle), bits + (bits & 1));
    ck_assert_uint_eq(cvk_double_to_half(nextafter(middle, 0)), bits);
    ck_assert_uint_eq(cvk_double_to_half(nextafter(middle, INFINITY)), bits + 1);
    ck_assert_uint_eq(cvk_double_to_half(-middle), 0x8000 | (bits + (bits & 1)));
  }
  ck_assert_uint_eq(cvk_double_to_half(65519), 0x7bff);
  ck_assert_uint_eq(cvk_double_to_half(65520), 0x7c00);
  ck_assert_uint_eq(cvk_double_to_half(1e300), 0x7c00);
  ck_assert_uint_eq(cvk_double_to_half(-1e-300), 0x8000);
}
END_TEST

START_TEST(integers_saturate_and_nan_is_zero) {
  const double v[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30, -0.9, 127.9, -128.9};
  const int8_t want[] = {0, 127, -128, 127, -128, 0, 127, -128};
  int8_t narrow[8];
  int64_t wide[8];
  uint64_t natural[8];
  cvk_store_reals(CVK_I8, narrow, 0, 1, 8, v);
  ck_assert_mem_eq(narrow, want, sizeof want);
  cvk_store_reals(CVK_I64, wide, 0, 1, 8, v);
  ck_assert(wide[0] == 0 && wide[1] == INT64_MAX && wide[2] == INT64_MIN && wide[4] == INT64_MIN && wide[6] == 127);
  cvk_store_reals(CVK_U64, natural, 0, 1, 8, v);
  ck_assert(natural[0] == 0 && natural[1] == UINT64_MAX && natural[2] == 0 && natural[5] == 0 && natural[6] == 127);
}
END_TEST

START_TEST(strides_and_offsets) {
  const int32_t x[] = {1, 2, 3, 4, 5, 6};
  int16_t y[] = {0, 0, 0, 0, 0, 0};
  int64_t v[3];
  cvk_load_ints(CVK_I32, x, 5, -2, 3, v);
  ck_assert(v[0] == 6 && v[1] == 4 && v[2] == 2);
  cvk_store_ints(CVK_I16, y, 1, 2, 3, v);
  ck_assert_mem_eq(y, ((int16_t[]){0, 6, 0, 4, 0, 2}), sizeof y);
}
END_TEST

START_TEST(classes_know_every_type) {
  ck_assert_int_eq(cvk_dtype_class(CVK_BF16), CVK_CLASS_REAL);
  ck_assert_int_eq(cvk_dtype_class(CVK_I8), CVK_CLASS_SIGNED);
  ck_assert_int_eq(cvk_dtype_class(CVK_U64), CVK_CLASS_UNSIGNED);
  ck_assert_int_eq(cvk_dtype_class(CVK_BOOL), CVK_CLASS_BOOL);
  ck_assert_int_eq(cvk_dtype_class(8), CVK_CLASS_NONE);
  ck_assert_int_eq(cvk_dtype_class(-1), CVK_CLASS_NONE);
  ck_assert_int_eq(cvk_dtype_class(1000), CVK_CLASS_NONE);
}
END_TEST

SUITE("element", every_half_and_bfloat16_survives, halves_round_to_nearest_even, integers_saturate_and_nan_is_zero, strides_and_offsets,
      classes_know_every_type)

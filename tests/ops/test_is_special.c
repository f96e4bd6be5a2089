/* SPDX-License-Identifier: Apache-2.0 */
/* test_is_special.c: IS_NAN and IS_INF in every real type, each sign of infinity, empty tensors and scalars, bad input. */
#include <math.h>

#include "ref_run.h"

START_TEST(in_every_type) {
  const float f[] = {1, NAN, INFINITY, -INFINITY, -NAN, 3e38f};
  const double d[] = {1, NAN, (double)INFINITY, -(double)INFINITY, -NAN, 1e300};
  const uint16_t half[] = {0x3c00, 0x7e00, 0x7c00, 0xfc00, 0xfe01, 0x7bff}, brain[] = {0x3f80, 0x7fc0, 0x7f80, 0xff80, 0xffc1, 0x7f7f};
  const struct {
    int32_t dtype;
    const void *data;
  } rows[] = {{CVK_F32, f}, {CVK_F64, d}, {CVK_F16, half}, {CVK_BF16, brain}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ref_tensor x = ref_of(rows[i].dtype, SHAPE(2, 3), rows[i].data), y;
    ck_ok(ref_run1(CVK_OP_IS_NAN, NULL, &x, &y));
    ref_expect_bytes(&y, CVK_BOOL, SHAPE(2, 3), (uint8_t[]){0, 1, 0, 0, 1, 0});
    ref_free(&y);
    ck_ok(ref_run1(CVK_OP_IS_INF, NULL, &x, &y));
    ref_expect_bytes(&y, CVK_BOOL, SHAPE(2, 3), (uint8_t[]){0, 0, 1, 1, 0, 0});
    ref_free(&y);
    ck_ok(ref_run1(CVK_OP_IS_INF, &(cvk_is_inf_attr){.positive = 1}, &x, &y));
    ref_expect_bytes(&y, CVK_BOOL, SHAPE(2, 3), (uint8_t[]){0, 0, 1, 0, 0, 0});
    ref_free(&y);
    ck_ok(ref_run1(CVK_OP_IS_INF, &(cvk_is_inf_attr){.negative = 1}, &x, &y));
    ref_expect_bytes(&y, CVK_BOOL, SHAPE(2, 3), (uint8_t[]){0, 0, 0, 1, 0, 0});
    ref_free(&y), ref_free(&x);
  }
}
END_TEST

START_TEST(scalars_nothing_and_integers) {
  ref_tensor s = ref_of(CVK_F32, SCALAR, (float[]){NAN}), none = ref_new(CVK_F16, SHAPE(0, 2)), i = ref_new(CVK_I32, SHAPE(1)), y;
  ck_ok(ref_run1(CVK_OP_IS_NAN, NULL, &s, &y));
  ref_expect_bytes(&y, CVK_BOOL, SCALAR, (uint8_t[]){1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_IS_INF, NULL, &none, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 2));
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_IS_NAN, NULL, &i, &y), CVK_INVALID_ARGUMENT, "is_nan: input 0 has type int32");
  ref_free(&s), ref_free(&none), ref_free(&i);
}
END_TEST

SUITE("is special", in_every_type, scalars_nothing_and_integers)

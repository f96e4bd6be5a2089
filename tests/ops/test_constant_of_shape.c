/* SPDX-License-Identifier: Apache-2.0 */
/* test_constant_of_shape.c: CONSTANT_OF_SHAPE: shapes by attribute and tensor, values of several types, the scalar of an empty shape,
 * errors. */
#include "ref_run.h"

START_TEST(by_tensor) {
  ref_tensor shape = ref_of(CVK_I64, SHAPE(2), (int64_t[]){2, 2}), empty = ref_new(CVK_I64, SHAPE(0)), y;
  ck_ok(ref_run1(CVK_OP_CONSTANT_OF_SHAPE, NULL, &shape, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){0, 0, 0, 0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_CONSTANT_OF_SHAPE, &(cvk_shape_attr){.dtype = CVK_I64, .value = -7}, &shape, &y));
  ref_expect_i64(&y, SHAPE(2, 2), (int64_t[]){-7, -7, -7, -7});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_CONSTANT_OF_SHAPE, &(cvk_shape_attr){.value = 1.5}, &empty, &y));
  ref_expect(&y, 0, SCALAR, (float[]){1.5f});
  ref_free(&y), ref_free(&shape), ref_free(&empty);
}
END_TEST

START_TEST(by_attribute) {
  ref_tensor y;
  ck_ok(ref_run(CVK_OP_CONSTANT_OF_SHAPE, &(cvk_shape_attr){.rank = 1, .dim = {3}, .dtype = CVK_F16, .value = 1}, 0, NULL, 1, &y));
  ref_expect_bytes(&y, CVK_F16, SHAPE(3), (uint16_t[]){0x3c00, 0x3c00, 0x3c00});
  ref_free(&y);
  ck_ok(ref_run(CVK_OP_CONSTANT_OF_SHAPE, &(cvk_shape_attr){.rank = 2, .dim = {0, 3}}, 0, NULL, 1, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 3));
  ref_free(&y);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor negative = ref_of(CVK_I64, SHAPE(1), (int64_t[]){-1}), wide = ref_of(CVK_I64, SHAPE(2), (int64_t[]){INT64_MAX, 2}), y;
  ck_fails(ref_run1(CVK_OP_CONSTANT_OF_SHAPE, NULL, &negative, &y), CVK_INVALID_SHAPE, "extent -1 on axis 0");
  ck_fails(ref_run1(CVK_OP_CONSTANT_OF_SHAPE, NULL, &wide, &y), CVK_SIZE_OVERFLOW, "2^63-1");
  ck_fails(ref_run(CVK_OP_CONSTANT_OF_SHAPE, &(cvk_shape_attr){.dtype = 99}, 0, NULL, 1, &y), CVK_INVALID_ARGUMENT, "element type 99");
  ref_free(&negative), ref_free(&wide);
}
END_TEST

SUITE("constant_of_shape", by_tensor, by_attribute, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_concat.c: CONCAT along each axis, empty inputs, one input, errors. */
#include "ref_run.h"

START_TEST(along_each_axis) {
  ref_tensor a = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), b = ref_of(CVK_F32, SHAPE(2, 1), (float[]){5, 6}),
             c = ref_of(CVK_F32, SHAPE(1, 2), (float[]){7, 8}), y;
  ck_ok(ref_run2(CVK_OP_CONCAT, &(cvk_axis_attr){.axis = -1}, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){1, 2, 5, 3, 4, 6});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_CONCAT, NULL, &a, &c, &y));
  ref_expect(&y, 0, SHAPE(3, 2), (float[]){1, 2, 3, 4, 7, 8});
  ref_free(&y), ref_free(&a), ref_free(&b), ref_free(&c);
}
END_TEST

START_TEST(empty_and_single_inputs) {
  ref_tensor a = ref_of(CVK_U8, SHAPE(2), (uint8_t[]){1, 2}), e = ref_new(CVK_U8, SHAPE(0)), y;
  const ref_tensor *const in[] = {&e, &a, &e, &a};
  ck_ok(ref_run(CVK_OP_CONCAT, NULL, 4, in, 1, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(4), (uint8_t[]){1, 2, 1, 2});
  ref_free(&y);
  ck_ok(ref_run(CVK_OP_CONCAT, NULL, 1, in, 1, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y), ref_free(&a), ref_free(&e);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(2, 2)), b = ref_new(CVK_F32, SHAPE(3, 3)), c = ref_new(CVK_F32, SHAPE(4)),
             d = ref_new(CVK_I32, SHAPE(2, 2)), s = ref_new(CVK_F32, SCALAR), y;
  ck_fails(ref_run2(CVK_OP_CONCAT, NULL, &a, &b, &y), CVK_INVALID_SHAPE, "[2,2], input 1 has [3,3]; they may differ on axis 0 only");
  ck_fails(ref_run2(CVK_OP_CONCAT, NULL, &a, &c, &y), CVK_INVALID_SHAPE, "input 1 has [4]");
  ck_fails(ref_run2(CVK_OP_CONCAT, NULL, &a, &d, &y), CVK_INVALID_ARGUMENT, "input 1 is int32");
  ck_fails(ref_run2(CVK_OP_CONCAT, NULL, &s, &s, &y), CVK_INVALID_SHAPE, "rank 0");
  ck_fails(ref_run2(CVK_OP_CONCAT, &(cvk_axis_attr){.axis = 2}, &a, &a, &y), CVK_INVALID_ARGUMENT, "axis is 2, allowed -2 to 1");
  ref_free(&a), ref_free(&b), ref_free(&c), ref_free(&d), ref_free(&s);
}
END_TEST

START_TEST(extents_that_overflow) {
  const cvk_tensor_desc wide = {.struct_size = sizeof wide, .dtype = CVK_U8, .rank = 2, .dim = {INT64_MAX, 0}};
  const cvk_tensor_desc *const in[] = {&wide, &wide};
  cvk_tensor_desc out;
  ck_fails(ref_infer(CVK_OP_CONCAT, NULL, 2, in, &out), CVK_SIZE_OVERFLOW, "more than 2^63-1");
}
END_TEST

SUITE("concat", along_each_axis, empty_and_single_inputs, bad_arguments, extents_that_overflow)

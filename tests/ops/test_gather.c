/* SPDX-License-Identifier: Apache-2.0 */
/* test_gather.c: GATHER along each axis, scalar and empty indices, negative ones, those outside the axis, result ranks. */
#include "ref_run.h"

static const float six[] = {1, 2, 3, 4, 5, 6};

START_TEST(along_each_axis) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), i = ref_of(CVK_I64, SHAPE(2, 2), (int64_t[]){0, 2, -1, -3}),
             j = ref_of(CVK_I32, SHAPE(1), (int32_t[]){1}), y;
  ck_ok(ref_run2(CVK_OP_GATHER, NULL, &x, &i, &y));
  ref_expect(&y, 0, SHAPE(2, 2, 2), (float[]){1, 2, 5, 6, 5, 6, 1, 2});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GATHER, &(cvk_axis_attr){.axis = -1}, &x, &j, &y));
  ref_expect(&y, 0, SHAPE(3, 1), (float[]){2, 4, 6});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&j);
}
END_TEST

START_TEST(scalar_index_drops_the_axis) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), i = ref_of(CVK_I64, SCALAR, (int64_t[]){1}), none = ref_new(CVK_I64, SHAPE(0)), y;
  ck_ok(ref_run2(CVK_OP_GATHER, NULL, &x, &i, &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){3, 4});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GATHER, NULL, &x, &none, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 2));
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&none);
}
END_TEST

START_TEST(indices_outside_the_axis) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), high = ref_of(CVK_I64, SHAPE(2), (int64_t[]){0, 3}),
             low = ref_of(CVK_I32, SHAPE(1), (int32_t[]){-4}), empty = ref_new(CVK_F32, SHAPE(3, 0)), y;
  ck_fails(ref_run2(CVK_OP_GATHER, NULL, &x, &high, &y), CVK_INVALID_ARGUMENT,
           "index 3 (entry 1 of the indices) is outside axis 0, allowed -3 to 2");
  ck_fails(ref_run2(CVK_OP_GATHER, NULL, &x, &low, &y), CVK_INVALID_ARGUMENT, "index -4");
  ck_fails(ref_run2(CVK_OP_GATHER, NULL, &empty, &high, &y), CVK_INVALID_ARGUMENT, "index 3");
  ref_free(&x), ref_free(&high), ref_free(&low), ref_free(&empty);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), s = ref_new(CVK_F32, SCALAR), i = ref_new(CVK_I64, SHAPE(1)),
             deep = ref_new(CVK_I64, SHAPE(1, 1, 1, 1, 1, 1, 1, 1)), y;
  ck_fails(ref_run2(CVK_OP_GATHER, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "gather: input 1 has type float32");
  ck_fails(ref_run2(CVK_OP_GATHER, NULL, &s, &i, &y), CVK_INVALID_SHAPE, "x has rank 0");
  ck_fails(ref_run2(CVK_OP_GATHER, &(cvk_axis_attr){.axis = 2}, &x, &i, &y), CVK_INVALID_ARGUMENT, "axis is 2");
  ck_fails(ref_run2(CVK_OP_GATHER, NULL, &x, &deep, &y), CVK_INVALID_SHAPE, "rank 9");
  ref_free(&x), ref_free(&s), ref_free(&i), ref_free(&deep);
}
END_TEST

SUITE("gather", along_each_axis, scalar_index_drops_the_axis, indices_outside_the_axis, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_one_hot.c: ONE_HOT on every axis, negative indices and those outside, types of indices and values, bad input. */
#include <math.h>

#include "ref_run.h"

static cvk_status one_hot(int32_t axis, const ref_tensor *indices, const ref_tensor *depth, const ref_tensor *values, ref_tensor *y) {
  return ref_run(CVK_OP_ONE_HOT, &(cvk_axis_attr){.axis = axis}, 3, (const ref_tensor *const[]){indices, depth, values}, 1, y);
}

START_TEST(on_every_axis) {
  ref_tensor i = ref_of(CVK_I64, SHAPE(2), (int64_t[]){1, -3}), depth = ref_of(CVK_I64, SCALAR, (int64_t[]){3}),
             v = ref_of(CVK_F32, SHAPE(2), (float[]){-1, 5}), y;
  ck_ok(ref_run(CVK_OP_ONE_HOT, NULL, 3, (const ref_tensor *const[]){&i, &depth, &v}, 1, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){-1, 5, -1, 5, -1, -1});
  ref_free(&y);
  ck_ok(one_hot(0, &i, &depth, &v, &y));
  ref_expect(&y, 0, SHAPE(3, 2), (float[]){-1, 5, 5, -1, -1, -1});
  ref_free(&y);
  ck_ok(one_hot(-2, &i, &depth, &v, &y));
  ref_expect_shape(&y.desc, SHAPE(3, 2));
  ref_free(&y), ref_free(&i), ref_free(&depth), ref_free(&v);
}
END_TEST

START_TEST(outside_is_off) {
  ref_tensor i = ref_of(CVK_F32, SHAPE(4), (float[]){3, -4, 1.9f, -INFINITY}), depth = ref_of(CVK_F32, SHAPE(1), (float[]){3.5f}),
             v = ref_of(CVK_U8, SHAPE(2), (uint8_t[]){0, 9}), u = ref_of(CVK_U64, SHAPE(2), (uint64_t[]){UINT64_MAX, 2}), y;
  ck_ok(one_hot(-1, &i, &depth, &v, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(4, 3), (uint8_t[]){0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0});
  ref_free(&y);
  ck_ok(one_hot(-1, &u, &depth, &v, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2, 3), (uint8_t[]){0, 0, 0, 0, 0, 9});
  ref_free(&y), ref_free(&i), ref_free(&depth), ref_free(&v), ref_free(&u);
}
END_TEST

START_TEST(scalars_and_nothing) {
  ref_tensor i = ref_of(CVK_I32, SCALAR, (int32_t[]){1}), two = ref_of(CVK_I32, SCALAR, (int32_t[]){2}), zero = ref_new(CVK_I64, SHAPE(1)),
             v = ref_of(CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1}), y;
  ck_ok(one_hot(0, &i, &two, &v, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1});
  ref_free(&y);
  ck_ok(one_hot(0, &i, &zero, &v, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y), ref_free(&i), ref_free(&two), ref_free(&zero), ref_free(&v);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor i = ref_new(CVK_I64, SHAPE(2)), minus = ref_of(CVK_I64, SCALAR, (int64_t[]){-1}),
             three = ref_of(CVK_I64, SCALAR, (int64_t[]){3}), v = ref_new(CVK_F32, SHAPE(2)), b = ref_new(CVK_BOOL, SHAPE(2)), y;
  cvk_tensor_desc d;
  ck_fails(one_hot(-1, &i, &minus, &v, &y), CVK_INVALID_ARGUMENT, "depth is -1");
  ck_fails(one_hot(-1, &i, &i, &v, &y), CVK_INVALID_SHAPE, "depth has shape [2]");
  ck_fails(one_hot(-1, &i, &three, &three, &y), CVK_INVALID_SHAPE, "the values have shape []");
  ck_fails(one_hot(2, &i, &three, &v, &y), CVK_INVALID_ARGUMENT, "axis is 2, allowed -2 to 1");
  ck_fails(one_hot(0, &b, &three, &v, &y), CVK_INVALID_ARGUMENT, "input 0 has type bool");
  ck_fails(ref_infer(CVK_OP_ONE_HOT, NULL, 3, (const cvk_tensor_desc *const[]){&i.desc, &three.desc, &v.desc}, &d), CVK_UNSUPPORTED,
           "must be known");
  ref_free(&i), ref_free(&minus), ref_free(&three), ref_free(&v), ref_free(&b);
}
END_TEST

SUITE("one hot", on_every_axis, outside_is_off, scalars_and_nothing, bad_arguments)

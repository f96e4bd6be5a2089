/* SPDX-License-Identifier: Apache-2.0 */
/* test_non_zero.c: NON_ZERO: NaN and -0, scalars, empty tensors, every class of types, a value that is not known. */
#include <math.h>

#include "ref_run.h"

START_TEST(coordinates) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){0, -0.0f, NAN, 1e-42f, 0, -INFINITY}), y;
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &x, &y));
  ref_expect_i64(&y, SHAPE(2, 3), (int64_t[]){0, 1, 1, 2, 0, 2});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(integers_and_bool) {
  ref_tensor i = ref_of(CVK_I64, SHAPE(4), (int64_t[]){0, INT64_MIN, 1, 0}), u = ref_of(CVK_U64, SHAPE(2), (uint64_t[]){UINT64_MAX, 0}),
             b = ref_of(CVK_BOOL, SHAPE(1, 2, 2), (uint8_t[]){1, 0, 0, 1}), y;
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &i, &y));
  ref_expect_i64(&y, SHAPE(1, 2), (int64_t[]){1, 2});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &u, &y));
  ref_expect_i64(&y, SHAPE(1, 1), (int64_t[]){0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &b, &y));
  ref_expect_i64(&y, SHAPE(3, 2), (int64_t[]){0, 0, 0, 1, 0, 1});
  ref_free(&y), ref_free(&i), ref_free(&u), ref_free(&b);
}
END_TEST

START_TEST(scalars_and_nothing) {
  ref_tensor one = ref_of(CVK_F32, SCALAR, (float[]){2}), zero = ref_new(CVK_F32, SCALAR), empty = ref_new(CVK_I32, SHAPE(3, 0)), y;
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &one, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 1));
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &zero, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 0));
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_NON_ZERO, NULL, &empty, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 0));
  ref_free(&y), ref_free(&one), ref_free(&zero), ref_free(&empty);
}
END_TEST

START_TEST(value_must_be_known) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2));
  cvk_tensor_desc y;
  ck_fails(ref_infer(CVK_OP_NON_ZERO, NULL, 1, (const cvk_tensor_desc *const[]){&x.desc}, &y), CVK_UNSUPPORTED, "must be known");
  ref_free(&x);
}
END_TEST

SUITE("non zero", coordinates, integers_and_bool, scalars_and_nothing, value_must_be_known)

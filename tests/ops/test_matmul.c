/* SPDX-License-Identifier: Apache-2.0 */
/* test_matmul.c: MATMUL: batch broadcasting against a plain loop, 1-D operands, empty sums, integers that wrap, errors. */
#include "ref_run.h"

START_TEST(batches_broadcast) {
  ref_tensor a = ref_ramp(7, 3, 23, 11, 8, SHAPE(2, 1, 3, 4)), b = ref_ramp(5, 1, 17, 8, 4, SHAPE(5, 4, 2)), y;
  const float *av = a.data, *bv = b.data;
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &a, &b, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 5, 3, 2));
  for (int64_t p = 0; p < 60; p++) {
    const int64_t j = p % 2, i = p / 2 % 3, q = p / 6 % 5, r = p / 30;
    double want = 0;
    for (int64_t k = 0; k < 4; k++) want += (double)av[(r * 3 + i) * 4 + k] * (double)bv[(q * 4 + k) * 2 + j];
    ck_assert_float_eq(((const float *)y.data)[p], (float)want);
  }
  ref_free(&a), ref_free(&b), ref_free(&y);
}
END_TEST

START_TEST(vectors_lose_their_axis) {
  ref_tensor v = ref_of(CVK_F32, SHAPE(2), (float[]){1, 10}), m = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), y;
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &v, &m, &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){31, 42});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &m, &v, &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){21, 43});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &v, &v, &y));
  ref_expect(&y, 0, SCALAR, (float[]){101});
  ref_free(&y), ref_free(&v), ref_free(&m);
}
END_TEST

START_TEST(empty_sums_are_zero_and_empty_batches_nothing) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(2, 0)), b = ref_new(CVK_F32, SHAPE(0, 2)), e = ref_new(CVK_F32, SHAPE(0, 3, 2)), y;
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){0, 0, 0, 0});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &e, &a, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 3, 0));
  ref_free(&y), ref_free(&a), ref_free(&b), ref_free(&e);
}
END_TEST

START_TEST(integers_are_exact_and_wrap) {
  ref_tensor a = ref_of(CVK_I32, SHAPE(1, 2), (int32_t[]){INT32_MAX, 1}), b = ref_of(CVK_I32, SHAPE(2, 1), (int32_t[]){1, 1}), y;
  ck_ok(ref_run2(CVK_OP_MATMUL, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(1, 1), (int32_t[]){INT32_MIN});
  ref_free(&a), ref_free(&b), ref_free(&y);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(2, 3)), s = ref_new(CVK_F32, SCALAR), d = ref_new(CVK_F64, SHAPE(3, 2)),
             b2 = ref_new(CVK_F32, SHAPE(2, 2, 3)), b3 = ref_new(CVK_F32, SHAPE(3, 3, 2)), u = ref_new(CVK_U8, SHAPE(2, 2)), y;
  ck_fails(ref_run2(CVK_OP_MATMUL, NULL, &a, &a, &y), CVK_INVALID_SHAPE, "3 columns");
  ck_fails(ref_run2(CVK_OP_MATMUL, NULL, &a, &s, &y), CVK_INVALID_SHAPE, "b rank 0");
  ck_fails(ref_run2(CVK_OP_MATMUL, NULL, &a, &d, &y), CVK_INVALID_ARGUMENT, "b is float64");
  ck_fails(ref_run2(CVK_OP_MATMUL, NULL, &b2, &b3, &y), CVK_INVALID_SHAPE, "leading axes");
  ck_fails(ref_run2(CVK_OP_MATMUL, NULL, &u, &u, &y), CVK_INVALID_ARGUMENT, "uint8");
  ref_free(&a), ref_free(&s), ref_free(&d), ref_free(&b2), ref_free(&b3), ref_free(&u);
}
END_TEST

SUITE("matmul", batches_broadcast, vectors_lose_their_axis, empty_sums_are_zero_and_empty_batches_nothing, integers_are_exact_and_wrap,
      bad_arguments)

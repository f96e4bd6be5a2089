/* SPDX-License-Identifier: Apache-2.0 */
/* test_range.c: numbers up to a limit: directions, counts that round up, types, the ends of int64, errors. */
#include <math.h>

#include "ref_run.h"

static cvk_status range(int32_t dtype, const void *start, const void *limit, const void *delta, ref_tensor *y) {
  ref_tensor v[] = {ref_of(dtype, SCALAR, start), ref_of(dtype, SHAPE(1), limit), ref_of(dtype, SCALAR, delta)};
  const ref_tensor *const in[] = {&v[0], &v[1], &v[2]};
  const cvk_status s = ref_run(CVK_OP_RANGE, NULL, 3, in, 1, y);
  for (int32_t i = 0; i < 3; i++) ref_free(&v[i]);
  return s;
}

static cvk_status floats(float start, float limit, float delta, ref_tensor *y) {
  return range(CVK_F32, &start, &limit, &delta, y);
}

static cvk_status longs(int64_t start, int64_t limit, int64_t delta, ref_tensor *y) {
  return range(CVK_I64, &start, &limit, &delta, y);
}

START_TEST(reals) {
  ref_tensor y;
  ck_ok(floats(1, 5, 2, &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){1, 3});
  ref_free(&y);
  ck_ok(floats(2, 0.5f, -0.5f, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){2, 1.5f, 1});
  ref_free(&y);
  ck_ok(floats(0, 1, 0.3f, &y));
  ref_expect(&y, 0, SHAPE(4), (float[]){0, 0.3f, 0.6f, (float)(3 * (double)0.3f)});
  ref_free(&y);
  ck_ok(floats(1, 0, 1, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y);
  ck_ok(range(CVK_F64, (double[]){0}, (double[]){300}, (double[]){1}, &y)); /* over more than one run */
  ck_assert_int_eq(y.desc.dim[0], 300);
  for (int i = 0; i < 300; i++) ck_assert_double_eq(((double *)y.data)[i], i);
  ref_free(&y);
}
END_TEST

START_TEST(integers) {
  ref_tensor y;
  ck_ok(longs(10, 4, -4, &y));
  ref_expect_i64(&y, SHAPE(2), (int64_t[]){10, 6});
  ref_free(&y);
  ck_ok(longs(INT64_MIN, INT64_MAX, INT64_MAX, &y));
  ref_expect_i64(&y, SHAPE(3), (int64_t[]){INT64_MIN, -1, INT64_MAX - 1});
  ref_free(&y);
  ck_ok(longs(INT64_MAX, INT64_MIN, INT64_MIN, &y));
  ref_expect_i64(&y, SHAPE(2), (int64_t[]){INT64_MAX, -1});
  ref_free(&y);
  ck_ok(range(CVK_I16, (int16_t[]){-3}, (int16_t[]){3}, (int16_t[]){3}, &y));
  ref_expect_bytes(&y, CVK_I16, SHAPE(2), (int16_t[]){-3, 0});
  ref_free(&y);
  ck_ok(longs(3, 3, -1, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor y, three = ref_new(CVK_F32, SHAPE(3)), one = ref_new(CVK_F32, SCALAR), whole = ref_new(CVK_I64, SCALAR);
  ck_fails(floats(0, 1, 0, &y), CVK_INVALID_ARGUMENT, "range: delta is 0");
  ck_fails(longs(0, 1, 0, &y), CVK_INVALID_ARGUMENT, "range: delta is 0");
  ck_fails(floats(0, NAN, 1, &y), CVK_INVALID_ARGUMENT, "range: limit is nan, must be finite");
  ck_fails(floats(0, 1e30f, 1, &y), CVK_SIZE_OVERFLOW, "more than 2^63-1 elements");
  ck_fails(longs(INT64_MIN, INT64_MAX, 1, &y), CVK_SIZE_OVERFLOW, "more than 2^63-1 elements");
  ck_fails(ref_run(CVK_OP_RANGE, NULL, 3, (const ref_tensor *const[]){&one, &three, &one}, 1, &y), CVK_INVALID_SHAPE, "limit has shape [3]");
  ck_fails(ref_run(CVK_OP_RANGE, NULL, 3, (const ref_tensor *const[]){&one, &one, &whole}, 1, &y), CVK_INVALID_ARGUMENT,
           "delta is int64, start is float32");
  ref_free(&three), ref_free(&one), ref_free(&whole);
}
END_TEST

SUITE("range", reals, integers, bad_arguments)

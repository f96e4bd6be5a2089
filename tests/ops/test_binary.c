/* SPDX-License-Identifier: Apache-2.0 */
/* test_binary.c: arithmetic and comparisons: broadcasting against an independent loop, float and integer rules, errors. */
#include <math.h>

#include "ref_run.h"

/* Element offset of result position p in an operand, worked out axis by axis from the end. */
static int64_t offset_in(const cvk_tensor_desc *y, const cvk_tensor_desc *x, int64_t p) {
  int64_t offset = 0, stride = 1;
  for (int32_t back = 1; back <= y->rank; back++) {
    const int64_t at = p % y->dim[y->rank - back];
    p /= y->dim[y->rank - back];
    if (back > x->rank) continue;
    const int64_t extent = x->dim[x->rank - back];
    if (extent > 1) offset += at * stride;
    stride *= extent;
  }
  return offset;
}

START_TEST(broadcasting_agrees_with_a_plain_loop) {
  uint32_t seed = 3;
  for (int32_t round = 0; round < 300; round++) {
    int64_t full[5], a_dim[5], b_dim[5];
    const int32_t rank = (int32_t)ref_next(&seed, 6), a_rank = (int32_t)ref_next(&seed, (uint32_t)rank + 1);
    for (int32_t i = 0; i < rank; i++) full[i] = b_dim[i] = 1 + ref_next(&seed, 4);
    for (int32_t i = 0; i < rank; i++)
      if (ref_next(&seed, 3) == 0) b_dim[i] = 1;
    for (int32_t i = 0; i < a_rank; i++) a_dim[i] = ref_next(&seed, 3) == 0 ? 1 : full[rank - a_rank + i];
    ref_tensor a = ref_random(&seed, a_rank, a_dim), b = ref_random(&seed, rank, b_dim), y;
    ck_ok(ref_run2(CVK_OP_SUB, NULL, &a, &b, &y));
    for (int64_t p = 0; p < cvk_count(y.desc.rank, y.desc.dim); p++) {
      const float want = ((float *)a.data)[offset_in(&y.desc, &a.desc, p)] - ((float *)b.data)[offset_in(&y.desc, &b.desc, p)];
      ck_assert_float_eq(((float *)y.data)[p], want);
    }
    ref_free(&a), ref_free(&b), ref_free(&y);
  }
}
END_TEST

/* Double rounding would show: the result of double arithmetic, rounded, is float arithmetic. */
START_TEST(floats_are_float_arithmetic) {
  enum { N = 1000 };
  float a[N], b[N];
  uint32_t seed = 9;
  for (int i = 0; i < N; i++) {
    a[i] = ldexpf((float)ref_next(&seed, 1 << 24) + 1, (int)ref_next(&seed, 60) - 30);
    b[i] = -ldexpf((float)ref_next(&seed, 1 << 24) + 1, (int)ref_next(&seed, 60) - 30);
  }
  ref_tensor ta = ref_of(CVK_F32, SHAPE(N), a), tb = ref_of(CVK_F32, SHAPE(N), b), y[4];
  const int32_t kinds[] = {CVK_OP_ADD, CVK_OP_SUB, CVK_OP_MUL, CVK_OP_DIV};
  for (int k = 0; k < 4; k++) ck_ok(ref_run2(kinds[k], NULL, &ta, &tb, &y[k]));
  for (int i = 0; i < N; i++) {
    ck_assert_float_eq(((float *)y[0].data)[i], a[i] + b[i]);
    ck_assert_float_eq(((float *)y[1].data)[i], a[i] - b[i]);
    ck_assert_float_eq(((float *)y[2].data)[i], a[i] * b[i]);
    ck_assert_float_eq(((float *)y[3].data)[i], a[i] / b[i]);
  }
  for (int k = 0; k < 4; k++) ref_free(&y[k]);
  ref_free(&ta), ref_free(&tb);
}
END_TEST

START_TEST(integers_wrap_and_truncate) {
  ref_tensor a = ref_of(CVK_I32, SHAPE(4), (int32_t[]){INT32_MIN, -7, 7, INT32_MAX}),
             b = ref_of(CVK_I32, SHAPE(4), (int32_t[]){-1, 2, -2, 1}), y;
  const int32_t kinds[] = {CVK_OP_ADD, CVK_OP_SUB, CVK_OP_MUL, CVK_OP_DIV};
  const int32_t want[][4] = {
      {INT32_MAX, -5, 5, INT32_MIN}, {-INT32_MAX, -9, 9, INT32_MAX - 1}, {INT32_MIN, -14, -14, INT32_MAX}, {INT32_MIN, -3, -3, INT32_MAX}};
  for (int k = 0; k < 4; k++) {
    ck_ok(ref_run2(kinds[k], NULL, &a, &b, &y));
    ref_expect_bytes(&y, CVK_I32, SHAPE(4), want[k]);
    ref_free(&y);
  }
  ref_free(&a), ref_free(&b);
  ref_tensor u = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX}), v = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){2});
  ck_ok(ref_run2(CVK_OP_DIV, NULL, &u, &v, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX / 2});
  ref_free(&y), ref_free(&u), ref_free(&v);
}
END_TEST

START_TEST(division_by_zero) {
  ref_tensor a = ref_of(CVK_I64, SHAPE(2), (int64_t[]){5, 9}), zero = ref_of(CVK_I64, SHAPE(2), (int64_t[]){1, 0}),
             f = ref_of(CVK_F32, SHAPE(3), (float[]){1, -1, 0}), fz = ref_of(CVK_F32, SCALAR, (float[]){0}), y;
  ck_fails(ref_run2(CVK_OP_DIV, NULL, &a, &zero, &y), CVK_INVALID_ARGUMENT, "9 is divided by 0");
  ck_ok(ref_run2(CVK_OP_DIV, NULL, &f, &fz, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){INFINITY, -INFINITY, NAN});
  ref_free(&y), ref_free(&a), ref_free(&zero), ref_free(&f), ref_free(&fz);
}
END_TEST

START_TEST(powers) {
  ref_tensor f = ref_of(CVK_F32, SHAPE(3), (float[]){2, 9, -8}), half = ref_of(CVK_F32, SCALAR, (float[]){0.5f}),
             three = ref_of(CVK_I64, SCALAR, (int64_t[]){3}), i = ref_of(CVK_I32, SHAPE(4), (int32_t[]){-2, 0, 3, 46341}), y;
  ck_ok(ref_run2(CVK_OP_POW, NULL, &f, &half, &y));
  ref_expect(&y, 1e-7, SHAPE(3), (float[]){1.41421356f, 3, NAN});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_POW, NULL, &f, &three, &y)); /* the result has the base's type */
  ref_expect(&y, 0, SHAPE(3), (float[]){8, 729, -512});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_POW, NULL, &i, &three, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(4), (int32_t[]){-8, 0, 27, -1932785795 /* mod 2^32 */});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_POW, NULL, &i, &half, &y)); /* a fractional exponent: in double, truncated; NaN 0 */
  ref_expect_bytes(&y, CVK_I32, SHAPE(4), (int32_t[]){0, 0, 1, 215});
  ref_free(&y), ref_free(&f), ref_free(&half), ref_free(&three), ref_free(&i);
}
END_TEST

START_TEST(negative_integer_powers) {
  ref_tensor a = ref_of(CVK_I32, SHAPE(4), (int32_t[]){1, -1, 2, -1}), b = ref_of(CVK_I32, SHAPE(4), (int32_t[]){-5, -3, -1, -2}),
             zero = ref_of(CVK_I32, SCALAR, (int32_t[]){0}), y;
  ck_ok(ref_run2(CVK_OP_POW, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(4), (int32_t[]){1, -1, 0, 1});
  ref_free(&y);
  ck_fails(ref_run2(CVK_OP_POW, NULL, &zero, &b, &y), CVK_INVALID_ARGUMENT, "0 to the power -5");
  ref_free(&a), ref_free(&b), ref_free(&zero);
}
END_TEST

static void expect_mod(int32_t fmod_flag, const ref_tensor *a, const ref_tensor *b, int32_t dtype, const void *want) {
  const cvk_mod_attr attr = {.fmod = fmod_flag};
  ref_tensor y;
  ck_ok(ref_run2(CVK_OP_MOD, &attr, a, b, &y));
  ref_expect_bytes(&y, dtype, a->desc.rank, a->desc.dim, want);
  ref_free(&y);
}

START_TEST(remainders) {
  ref_tensor i = ref_of(CVK_I32, SHAPE(5), (int32_t[]){-4, 7, 5, INT32_MIN, -6}), j = ref_of(CVK_I32, SHAPE(5), (int32_t[]){3, -3, 8, -1, 3}),
             u = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX}), ten = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){10}),
             zero = ref_of(CVK_I32, SCALAR, (int32_t[]){0}), y;
  expect_mod(0, &i, &j, CVK_I32, (int32_t[]){2, -2, 5, 0, 0});
  expect_mod(1, &i, &j, CVK_I32, (int32_t[]){-1, 1, 5, 0, 0});
  expect_mod(0, &u, &ten, CVK_U64, (uint64_t[]){5});
  expect_mod(1, &u, &ten, CVK_U64, (uint64_t[]){5});
  ck_fails(ref_run2(CVK_OP_MOD, NULL, &i, &zero, &y), CVK_INVALID_ARGUMENT, "mod: -4 is divided by 0");
  ck_fails(ref_run2(CVK_OP_MOD, &(cvk_mod_attr){.fmod = 2}, &i, &j, &y), CVK_INVALID_ARGUMENT, "fmod is 2");
  ref_free(&i), ref_free(&j), ref_free(&u), ref_free(&ten), ref_free(&zero);
  ref_tensor a = ref_of(CVK_F32, SHAPE(7), (float[]){-4.25f, 5, 6, -0.0f, 1, INFINITY, -1}),
             b = ref_of(CVK_F32, SHAPE(7), (float[]){2, -3, 3, 2, INFINITY, 2, INFINITY});
  ck_ok(ref_run2(CVK_OP_MOD, &(cvk_mod_attr){.fmod = 1}, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(7), (float[]){-0.25f, 2, 0, 0, 1, NAN, -1});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_MOD, NULL, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(7), (float[]){1.75f, -1, 0, 0, 1, NAN, INFINITY});
  ck_assert(!signbit(((float *)y.data)[3]));
  ref_free(&y), ref_free(&a), ref_free(&b);
}
END_TEST

START_TEST(comparisons) {
  ref_tensor a = ref_of(CVK_F32, SHAPE(4), (float[]){1, NAN, 0, INFINITY}),
             b = ref_of(CVK_F32, SHAPE(4), (float[]){2, NAN, -0.0f, INFINITY}), y;
  ck_ok(ref_run2(CVK_OP_EQUAL, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(4), (uint8_t[]){0, 0, 1, 1});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_LESS, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(4), (uint8_t[]){1, 0, 0, 0});
  ref_free(&y), ref_free(&a), ref_free(&b);
  /* neighbours beyond 2^53 differ, and the top bit of a uint64 is no sign */
  ref_tensor i = ref_of(CVK_I64, SHAPE(1), (int64_t[]){INT64_MAX}), j = ref_of(CVK_I64, SHAPE(1), (int64_t[]){INT64_MAX - 1}),
             u = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX}), v = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){1}),
             t = ref_of(CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1});
  ck_ok(ref_run2(CVK_OP_GREATER, NULL, &i, &j, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(1), (uint8_t[]){1});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GREATER, NULL, &u, &v, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(1), (uint8_t[]){1});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_EQUAL, NULL, &t, &t, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(2), (uint8_t[]){1, 1});
  ref_free(&y);
  ck_fails(ref_run2(CVK_OP_LESS, NULL, &t, &t, &y), CVK_INVALID_ARGUMENT, "less: input 0 has type bool");
  ref_free(&i), ref_free(&j), ref_free(&u), ref_free(&v), ref_free(&t);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(2, 3)), b = ref_new(CVK_F32, SHAPE(2)), i = ref_new(CVK_I64, SHAPE(3)), y;
  ck_fails(ref_run2(CVK_OP_ADD, NULL, &a, &b, &y), CVK_INVALID_SHAPE, "add: shapes [2,3] and [2] do not broadcast");
  ck_fails(ref_run2(CVK_OP_MUL, NULL, &a, &i, &y), CVK_INVALID_ARGUMENT, "mul: a is float32, b is int64");
  ref_free(&a), ref_free(&b), ref_free(&i);
}
END_TEST

START_TEST(empty_against_one) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(0, 3)), b = ref_new(CVK_F32, SHAPE(1)), y;
  ck_ok(ref_run2(CVK_OP_ADD, NULL, &a, &b, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 3));
  ref_free(&y), ref_free(&a), ref_free(&b);
}
END_TEST

/* The sign fills what a shift to the right leaves, and is all that is left past the width and for a negative distance. */
START_TEST(signed_shifts) {
  ref_tensor a = ref_of(CVK_I8, SHAPE(6), (int8_t[]){-128, -128, 127, -1, 3, -3}), b = ref_of(CVK_I8, SHAPE(6), (int8_t[]){1, 8, 7, -1, -1, 1}), y;
  ck_ok(ref_run2(CVK_OP_BIT_SHIFT, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_I8, SHAPE(6), (int8_t[]){0, 0, -128, 0, 0, -6});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_BIT_SHIFT, &(cvk_bit_shift_attr){.right = 1}, &a, &b, &y));
  ref_expect_bytes(&y, CVK_I8, SHAPE(6), (int8_t[]){-64, -1, 0, -1, 0, -2});
  ref_free(&y), ref_free(&a), ref_free(&b);
}
END_TEST

START_TEST(shifts_and_bits) {
  ref_tensor a = ref_of(CVK_U8, SHAPE(3), (uint8_t[]){0x81, 0x0f, 0xff}), b = ref_of(CVK_U8, SHAPE(3), (uint8_t[]){1, 4, 8}),
             i = ref_of(CVK_I16, SHAPE(2, 1), (int16_t[]){-1, 6}), j = ref_of(CVK_I16, SHAPE(2), (int16_t[]){5, INT16_MIN}),
             u = ref_of(CVK_U64, SHAPE(2), (uint64_t[]){UINT64_MAX, UINT64_MAX}), far = ref_of(CVK_U64, SHAPE(2), (uint64_t[]){63, 64}),
             x = ref_new(CVK_F32, SHAPE(1)), y;
  const cvk_bit_shift_attr right = {.right = 1};
  const struct { int32_t kind; int16_t want[4]; } rows[] = {{CVK_OP_BITWISE_AND, {5, INT16_MIN, 4, 0}},
                                                            {CVK_OP_BITWISE_OR, {-1, -1, 7, INT16_MIN + 6}},
                                                            {CVK_OP_BITWISE_XOR, {-6, INT16_MAX, 3, INT16_MIN + 6}}};
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    ck_ok(ref_run2(rows[k].kind, NULL, &i, &j, &y));
    ref_expect_bytes(&y, CVK_I16, SHAPE(2, 2), rows[k].want);
    ref_free(&y);
    ck_fails(ref_run2(rows[k].kind, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "input 0 has type float32");
  }
  ck_ok(ref_run2(CVK_OP_BIT_SHIFT, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(3), (uint8_t[]){2, 0xf0, 0});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_BIT_SHIFT, &right, &a, &b, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(3), (uint8_t[]){0x40, 0, 0});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_BIT_SHIFT, NULL, &u, &far, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(2), (uint64_t[]){(uint64_t)1 << 63, 0});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_BIT_SHIFT, &right, &u, &far, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(2), (uint64_t[]){1, 0});
  ref_free(&y);
  ck_fails(ref_run2(CVK_OP_BIT_SHIFT, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "bit_shift: input 0 has type float32");
  ref_free(&a), ref_free(&b), ref_free(&i), ref_free(&j), ref_free(&u), ref_free(&far), ref_free(&x);
}
END_TEST

SUITE("binary", broadcasting_agrees_with_a_plain_loop, floats_are_float_arithmetic, integers_wrap_and_truncate, division_by_zero, powers,
      negative_integer_powers, remainders, comparisons, bad_arguments, empty_against_one, signed_shifts, shifts_and_bits)

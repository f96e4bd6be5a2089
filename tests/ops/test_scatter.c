/* SPDX-License-Identifier: Apache-2.0 */
/* test_scatter.c: SCATTER_ELEMENTS and SCATTER_ND: negative and repeated indices, every reduction on every class of types, NaN, bad input.
 */
#include <math.h>

#include "ref_run.h"

static cvk_status scatter(int32_t kind, int32_t axis, int32_t reduction, const ref_tensor *x, const ref_tensor *i, const ref_tensor *u,
                          ref_tensor *y) {
  return ref_run(kind, &(cvk_scatter_attr){.axis = axis, .reduction = reduction}, 3, (const ref_tensor *const[]){x, i, u}, 1, y);
}

START_TEST(elements_replaced) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6}), i = ref_of(CVK_I64, SHAPE(2, 2), (int64_t[]){0, -1, 1, 1}),
             u = ref_of(CVK_F32, SHAPE(2, 2), (float[]){10, 20, 30, 40}), none = ref_new(CVK_I64, SHAPE(0, 3)),
             nothing = ref_new(CVK_F32, SHAPE(0, 3)), y;
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 1, CVK_SCATTER_NONE, &x, &i, &u, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){10, 2, 20, 4, 40, 6}); /* of two updates the last */
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, CVK_SCATTER_NONE, &x, &i, &u, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){10, 2, 3, 30, 40, 6});
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, CVK_SCATTER_NONE, &x, &none, &nothing, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&u), ref_free(&none), ref_free(&nothing);
}
END_TEST

START_TEST(reductions_of_reals) {
  const float want[][3] = {{1, 5, 7}, {1, 14, -6}, {1, 70, 8}, {1, 7, -2}, {1, 2, -4}};
  const float nan_want[][3] = {{NAN, 2, 5}, {NAN, 2, NAN}, {NAN, 2, NAN}, {NAN, 2, NAN}, {NAN, 2, NAN}};
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){1, 2, -2}), i = ref_of(CVK_I64, SHAPE(3), (int64_t[]){1, 2, -2}),
             u = ref_of(CVK_F32, SHAPE(3), (float[]){7, -4, 5}), v = ref_of(CVK_F32, SHAPE(3), (float[]){NAN, 2, NAN}),
             j = ref_of(CVK_I64, SHAPE(2), (int64_t[]){0, 2}), w = ref_of(CVK_F32, SHAPE(2), (float[]){NAN, 5}), y;
  for (int32_t k = CVK_SCATTER_NONE; k <= CVK_SCATTER_MIN; k++) {
    ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, k, &x, &i, &u, &y));
    ref_expect(&y, 0, SHAPE(3), k == CVK_SCATTER_NONE ? (float[]){1, 5, -4} : want[k]);
    ref_free(&y);
    ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, k, &v, &j, &w, &y));
    ref_expect(&y, 0, SHAPE(3), nan_want[k]);
    ref_free(&y);
  }
  ref_free(&x), ref_free(&i), ref_free(&u), ref_free(&v), ref_free(&j), ref_free(&w);
}
END_TEST

START_TEST(reductions_of_integers_wrap) {
  ref_tensor x = ref_of(CVK_U8, SHAPE(2), (uint8_t[]){200, 3}), i = ref_of(CVK_I32, SHAPE(2), (int32_t[]){0, 0}),
             u = ref_of(CVK_U8, SHAPE(2), (uint8_t[]){100, 50}), s = ref_of(CVK_I64, SHAPE(1), (int64_t[]){INT64_MIN}),
             zero = ref_of(CVK_I32, SHAPE(1), (int32_t[]){0}), one = ref_of(CVK_I64, SHAPE(1), (int64_t[]){-1}),
             big = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX}), small = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){1}), y;
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, CVK_SCATTER_ADD, &x, &i, &u, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2), (uint8_t[]){350 % 256, 3});
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, CVK_SCATTER_MIN, &x, &i, &u, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2), (uint8_t[]){50, 3});
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, CVK_SCATTER_MUL, &s, &zero, &one, &y));
  ref_expect_i64(&y, SHAPE(1), (int64_t[]){INT64_MIN});
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ELEMENTS, 0, CVK_SCATTER_MAX, &big, &zero, &small, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&u), ref_free(&s), ref_free(&zero), ref_free(&one), ref_free(&big), ref_free(&small);
}
END_TEST

START_TEST(slices_by_tuple) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2, 2), (float[]){0, 1, 2, 3, 4, 5, 6, 7}), i = ref_of(CVK_I64, SHAPE(2, 1), (int64_t[]){1, -1}),
             u = ref_of(CVK_F32, SHAPE(2, 2, 2), (float[]){1, 1, 1, 1, 9, 0, 0, 0}), t = ref_of(CVK_I64, SHAPE(3), (int64_t[]){1, 0, -1}),
             one = ref_of(CVK_F32, SCALAR, (float[]){-5}), y;
  ck_ok(scatter(CVK_OP_SCATTER_ND, 0, CVK_SCATTER_ADD, &x, &i, &u, &y));
  ref_expect(&y, 0, SHAPE(2, 2, 2), (float[]){0, 1, 2, 3, 14, 6, 7, 8});
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ND, 0, CVK_SCATTER_NONE, &x, &i, &u, &y));
  ref_expect(&y, 0, SHAPE(2, 2, 2), (float[]){0, 1, 2, 3, 9, 0, 0, 0});
  ref_free(&y);
  ck_ok(scatter(CVK_OP_SCATTER_ND, 0, CVK_SCATTER_MIN, &x, &t, &one, &y));
  ref_expect(&y, 0, SHAPE(2, 2, 2), (float[]){0, 1, 2, 3, 4, -5, 6, 7});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&u), ref_free(&t), ref_free(&one);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), i = ref_of(CVK_I64, SHAPE(1, 1), (int64_t[]){3}), u = ref_new(CVK_F32, SHAPE(1, 1)),
             two = ref_new(CVK_F32, SHAPE(1, 2)), whole = ref_new(CVK_I64, SHAPE(1, 1)), b = ref_new(CVK_BOOL, SHAPE(1)),
             z = ref_new(CVK_I64, SHAPE(1)), row = ref_new(CVK_F32, SHAPE(1, 3)), s = ref_new(CVK_F32, SCALAR), y;
  ck_fails(scatter(CVK_OP_SCATTER_ELEMENTS, 1, 0, &x, &i, &u, &y), CVK_INVALID_ARGUMENT,
           "index 3 (entry 0 of the indices) is outside axis 1");
  ck_fails(scatter(CVK_OP_SCATTER_ND, 0, 0, &x, &i, &row, &y), CVK_INVALID_ARGUMENT, "scatter_nd: index 3 (entry 0");
  ck_fails(scatter(CVK_OP_SCATTER_ELEMENTS, 1, 0, &x, &i, &two, &y), CVK_INVALID_SHAPE, "the updates have shape [1,2], must have [1,1]");
  ck_fails(scatter(CVK_OP_SCATTER_ND, 0, 0, &x, &i, &two, &y), CVK_INVALID_SHAPE, "the updates have shape [1,2], must have [1,3]");
  ck_fails(scatter(CVK_OP_SCATTER_ELEMENTS, 1, 0, &x, &i, &whole, &y), CVK_INVALID_ARGUMENT, "x is float32, the updates are int64");
  ck_fails(scatter(CVK_OP_SCATTER_ELEMENTS, 0, 5, &x, &i, &u, &y), CVK_INVALID_ARGUMENT, "reduction is 5, allowed 0 to 4");
  ck_fails(scatter(CVK_OP_SCATTER_ELEMENTS, 0, 1, &b, &z, &b, &y), CVK_INVALID_ARGUMENT, "bool has no reduction");
  ck_fails(scatter(CVK_OP_SCATTER_ND, 0, 0, &s, &z, &s, &y), CVK_INVALID_SHAPE, "x has rank 0");
  ref_free(&x), ref_free(&i), ref_free(&u), ref_free(&two), ref_free(&whole), ref_free(&b), ref_free(&z), ref_free(&row), ref_free(&s);
}
END_TEST

SUITE("scatter", elements_replaced, reductions_of_reals, reductions_of_integers_wrap, slices_by_tuple, bad_arguments)

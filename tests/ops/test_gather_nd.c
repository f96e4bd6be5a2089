/* SPDX-License-Identifier: Apache-2.0 */
/* test_gather_nd.c: GATHER_ELEMENTS and GATHER_ND: negative indices, smaller indices, batch axes, empty ones, indices outside, bad shapes.
 */
#include "ref_run.h"

static const float six[] = {1, 2, 3, 4, 5, 6};
static const int64_t eight[] = {0, 1, 2, 3, 4, 5, 6, 7};

START_TEST(elements_along_each_axis) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), i = ref_of(CVK_I64, SHAPE(2, 2), (int64_t[]){0, 2, -1, -3}),
             j = ref_of(CVK_I32, SHAPE(3, 1), (int32_t[]){1, 0, -1}), none = ref_new(CVK_I64, SHAPE(0, 2)), y;
  ck_ok(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &i, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){1, 6, 5, 2});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GATHER_ELEMENTS, &(cvk_axis_attr){.axis = -1}, &x, &j, &y));
  ref_expect(&y, 0, SHAPE(3, 1), (float[]){2, 3, 6});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &none, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 2));
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&j), ref_free(&none);
}
END_TEST

START_TEST(every_element_size) {
  const int32_t types[] = {CVK_U8, CVK_BOOL, CVK_F16, CVK_BF16, CVK_I16, CVK_U32, CVK_F64, CVK_U64};
  const unsigned char bytes[24] = {1, 0, 1, 1, 0, 1, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
  ref_tensor i = ref_of(CVK_I64, SHAPE(3), (int64_t[]){2, 0, 1}), t = ref_of(CVK_I64, SHAPE(3, 1), (int64_t[]){2, 0, 1}), y;
  for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
    const size_t n = cvk_dtype_bytes(types[k]);
    unsigned char want[24];
    memcpy(want, bytes + 2 * n, n), memcpy(want + n, bytes, 2 * n);
    ref_tensor x = ref_of(types[k], SHAPE(3), bytes);
    ck_ok(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &i, &y));
    ref_expect_bytes(&y, types[k], SHAPE(3), want);
    ref_free(&y);
    ck_ok(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &t, &y));
    ref_expect_bytes(&y, types[k], SHAPE(3), want);
    ref_free(&y), ref_free(&x);
  }
  ref_free(&i), ref_free(&t);
}
END_TEST

START_TEST(slices_by_tuple) {
  ref_tensor x = ref_of(CVK_I64, SHAPE(2, 2, 2), eight), i = ref_of(CVK_I64, SHAPE(2, 2), (int64_t[]){0, 1, -1, 0}),
             one = ref_of(CVK_I64, SHAPE(3), (int64_t[]){1, -1, 0}), y;
  ck_ok(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &i, &y));
  ref_expect_i64(&y, SHAPE(2, 2), (int64_t[]){2, 3, 4, 5});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &one, &y));
  ref_expect_i64(&y, SCALAR, (int64_t[]){6});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&one);
}
END_TEST

START_TEST(slices_of_each_batch) {
  ref_tensor x = ref_of(CVK_I64, SHAPE(2, 2, 2), eight), i = ref_of(CVK_I32, SHAPE(2, 1), (int32_t[]){1, 0}),
             two = ref_of(CVK_I64, SHAPE(2, 2, 1), (int64_t[]){0, 1, 1, 1}), y;
  const cvk_gather_nd_attr batch = {.batch_dims = 1};
  ck_ok(ref_run2(CVK_OP_GATHER_ND, &batch, &x, &i, &y));
  ref_expect_i64(&y, SHAPE(2, 2), (int64_t[]){2, 3, 4, 5});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_GATHER_ND, &(cvk_gather_nd_attr){.batch_dims = 2}, &x, &two, &y));
  ref_expect_i64(&y, SHAPE(2, 2), (int64_t[]){0, 3, 5, 7});
  ref_free(&y), ref_free(&x), ref_free(&i), ref_free(&two);
}
END_TEST

START_TEST(indices_outside) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), high = ref_of(CVK_I64, SHAPE(1, 2), (int64_t[]){0, 3}),
             low = ref_of(CVK_I32, SHAPE(1, 1), (int32_t[]){-4}), pair = ref_of(CVK_I64, SHAPE(1, 2), (int64_t[]){2, -3}),
             empty = ref_new(CVK_F32, SHAPE(3, 0)), y;
  ck_fails(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &high, &y), CVK_INVALID_ARGUMENT,
           "gather_elements: index 3 (entry 1 of the indices) is outside axis 0, allowed -3 to 2");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &low, &y), CVK_INVALID_ARGUMENT, "gather_nd: index -4 (entry 0");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &pair, &y), CVK_INVALID_ARGUMENT, "outside axis 1, allowed -2 to 1");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, NULL, &empty, &low, &y), CVK_INVALID_ARGUMENT, "index -4");
  ref_free(&x), ref_free(&high), ref_free(&low), ref_free(&pair), ref_free(&empty);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), s = ref_new(CVK_F32, SCALAR), i = ref_new(CVK_I64, SHAPE(1)),
             wide = ref_new(CVK_I64, SHAPE(1, 3)), none = ref_new(CVK_I64, SHAPE(1, 0)), y;
  ck_fails(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "input 1 has type float32");
  ck_fails(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &i, &y), CVK_INVALID_SHAPE, "x has rank 2 and the indices 1");
  ck_fails(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &x, &wide, &y), CVK_INVALID_SHAPE, "the indices have extent 3 on axis 1, x has 2");
  ck_fails(ref_run2(CVK_OP_GATHER_ELEMENTS, NULL, &s, &s, &y), CVK_INVALID_ARGUMENT, "input 1 has type float32");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &wide, &y), CVK_INVALID_SHAPE, "index tuples have 3 entries, allowed 1 to 2");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, NULL, &x, &none, &y), CVK_INVALID_SHAPE, "index tuples have 0 entries");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, NULL, &s, &i, &y), CVK_INVALID_ARGUMENT, "batch_dims is 0");
  ck_fails(ref_run2(CVK_OP_GATHER_ND, &(cvk_gather_nd_attr){.batch_dims = 1}, &x, &wide, &y), CVK_INVALID_SHAPE, "extent 3 in x and 1");
  ref_free(&x), ref_free(&s), ref_free(&i), ref_free(&wide), ref_free(&none);
}
END_TEST

SUITE("gather nd", elements_along_each_axis, every_element_size, slices_by_tuple, slices_of_each_batch, indices_outside, bad_arguments)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_max_unpool.c: MAX_UNPOOL: it undoes MAX_POOL, larger outputs, element types, indices outside, errors. */
#include "ref_run.h"

START_TEST(undoes_a_pool) {
  uint32_t seed = 9;
  const cvk_pool_attr attr = {.kernel = {3, 2}, .stride = {2, 2}, .pad_begin = {1, 0}, .pad_end = {1, 0}};
  ref_tensor x = ref_random(&seed, SHAPE(2, 3, 5, 6)), pooled[2], y;
  ck_ok(ref_run(CVK_OP_MAX_POOL, &attr, 1, (const ref_tensor *const[]){&x}, 2, pooled));
  ck_ok(ref_run2(CVK_OP_MAX_UNPOOL, &attr, &pooled[0], &pooled[1], &y));
  ref_expect_shape(&y.desc, SHAPE(2, 3, 5, 6));
  int64_t kept = 0;
  for (int64_t i = 0; i < 2 * 3 * 5 * 6; i++) {
    int32_t is_chosen = 0;
    for (int64_t k = 0; k < 2 * 3 * 3 * 3; k++) is_chosen |= ((int64_t *)pooled[1].data)[k] == i;
    ck_assert(((float *)y.data)[i] == (is_chosen ? ((float *)x.data)[i] : 0));
    kept += is_chosen;
  }
  ck_assert_int_gt(kept, 20);
  ref_free(&x), ref_free(&y), ref_free(&pooled[0]), ref_free(&pooled[1]);
}
END_TEST

START_TEST(a_larger_output) {
  const cvk_pool_attr attr = {.kernel = {2, 2}, .stride = {2, 2}};
  ref_tensor x = ref_of(CVK_I16, SHAPE(1, 1, 2, 2), (int16_t[]){5, 6, 7, 8}),
             at = ref_of(CVK_I64, SHAPE(1, 1, 2, 2), (int64_t[]){5, 7, 13, 13}), shape = ref_of(CVK_I64, SHAPE(4), (int64_t[]){1, 1, 5, 4}),
             y;
  const ref_tensor *const in[] = {&x, &at, &shape};
  ck_ok(ref_run(CVK_OP_MAX_UNPOOL, &attr, 3, in, 1, &y)); /* indices count cells of 4 x 4; of two for one cell the last stays */
  ref_expect_bytes(&y, CVK_I16, SHAPE(1, 1, 5, 4), (int16_t[]){0, 0, 0, 0, 0, 5, 0, 6, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0});
  ref_free(&y);
  ((int64_t *)shape.data)[3] = 3;
  ck_fails(ref_run(CVK_OP_MAX_UNPOOL, &attr, 3, in, 1, &y), CVK_INVALID_SHAPE, "asks for 3 on axis 3, where the pooled tensor has 4");
  ((int64_t *)shape.data)[3] = 4;
  ((int64_t *)shape.data)[1] = 2;
  ck_fails(ref_run(CVK_OP_MAX_UNPOOL, &attr, 3, in, 1, &y), CVK_INVALID_SHAPE, "asks for 2 on axis 1, where the pooled tensor has 1");
  ref_free(&shape);
  ((int64_t *)at.data)[1] = 16;
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &attr, &x, &at, &y), CVK_INVALID_ARGUMENT,
           "index 16 (entry 1) is outside the pooled tensor, allowed 0 to 15");
  ((int64_t *)at.data)[1] = -1;
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &attr, &x, &at, &y), CVK_INVALID_ARGUMENT, "index -1 (entry 1)");
  ref_free(&x), ref_free(&at);
}
END_TEST

START_TEST(unpool_errors) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 1, 3)), at = ref_new(CVK_I64, SHAPE(1, 1, 3)), other = ref_new(CVK_I64, SHAPE(1, 3)),
             floats = ref_new(CVK_F32, SHAPE(1, 1, 3)), none = ref_new(CVK_F32, SHAPE(0, 1, 3)),
             no_index = ref_new(CVK_I64, SHAPE(0, 1, 3)), y;
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, NULL, &x, &at, &y), CVK_INVALID_SHAPE, "kernel extent 0 on axis 2");
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &(cvk_pool_attr){.kernel = {2}}, &x, &other, &y), CVK_INVALID_SHAPE,
           "x has shape [1,1,3], the indices [1,3]");
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &(cvk_pool_attr){.kernel = {2}}, &x, &floats, &y), CVK_INVALID_ARGUMENT, "input 1 has type float32");
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &(cvk_pool_attr){.kernel = {2}, .dilation = {2}}, &x, &at, &y), CVK_INVALID_ARGUMENT,
           "dilation 2 on axis 2");
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &(cvk_pool_attr){.kernel = {2}, .pad_begin = {9}}, &x, &at, &y), CVK_INVALID_SHAPE,
           "would be -5 long");
  ck_fails(ref_run2(CVK_OP_MAX_UNPOOL, &(cvk_pool_attr){.kernel = {2}, .stride = {INT64_MAX}}, &x, &at, &y), CVK_SIZE_OVERFLOW,
           "exceeds 2^63-1");
  ck_ok(ref_run2(CVK_OP_MAX_UNPOOL, &(cvk_pool_attr){.kernel = {2}, .stride = {2}}, &none, &no_index, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 1, 6));
  ref_free(&y);
  ref_free(&x), ref_free(&at), ref_free(&other), ref_free(&floats), ref_free(&none), ref_free(&no_index);
}
END_TEST

SUITE("max_unpool", undoes_a_pool, a_larger_output, unpool_errors)

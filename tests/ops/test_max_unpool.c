/* SPDX-License-Identifier: Apache-2.0 */
/* test_max_unpool.c: MAX_UNPOOL: it undoes MAX_POOL, larger outputs, element types, indices outside, errors. COL2IM: hand-worked sums. */
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

START_TEST(columns_to_images) {
  /* one channel, blocks of two cells: column k is block k, blocks overlap by one cell */
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 3), (float[]){1, 2, 3, 10, 20, 30}), image = ref_of(CVK_I64, SHAPE(1), (int64_t[]){4}),
             block = ref_of(CVK_I64, SHAPE(1), (int64_t[]){2}), y;
  const ref_tensor *const in[] = {&x, &image, &block};
  ck_ok(ref_run(CVK_OP_COL2IM, NULL, 3, in, 1, &y));
  ref_expect(&y, 0, SHAPE(1, 1, 4), (float[]){1, 12, 23, 30});
  ref_free(&y);
  const cvk_conv_attr padded = {.kernel = {2}, .output_shape = {3}, .stride = {2}, .dilation = {2}, .pad_begin = {2}, .pad_end = {2}};
  ck_ok(ref_run1(CVK_OP_COL2IM, &padded, &x, &y)); /* blocks at -2 0, 0 2 and 2 4 */
  ref_expect(&y, 0, SHAPE(1, 1, 3), (float[]){12, 0, 23});
  ref_free(&y);
  ((int64_t *)image.data)[0] = 5;
  ck_fails(ref_run(CVK_OP_COL2IM, NULL, 3, in, 1, &y), CVK_INVALID_SHAPE, "x has shape [1,2,3], wanted [N, a multiple of 2, 4]");
  ck_fails(ref_run1(CVK_OP_COL2IM, NULL, &x, &y), CVK_INVALID_ARGUMENT, "the image has 0 extents, the block 0");
  ((int64_t *)block.data)[0] = 6;
  ck_fails(ref_run(CVK_OP_COL2IM, NULL, 3, in, 1, &y), CVK_INVALID_SHAPE, "col2im");
  ref_free(&x), ref_free(&image), ref_free(&block);
  /* two axes, two images of two channels; integers wrap around */
  const cvk_conv_attr square = {.kernel = {1, 2}, .output_shape = {2, 3}};
  uint8_t v[2 * 4 * 4], want[2 * 2 * 6];
  for (int i = 0; i < 32; i++) v[i] = (uint8_t)(i * 9);
  for (int plane = 0; plane < 4; plane++)
    for (int r = 0; r < 2; r++) {
      const uint8_t *first = v + plane * 8 + r * 2, *second = first + 4;
      uint8_t *to = want + plane * 6 + r * 3;
      to[0] = first[0];
      to[1] = (uint8_t)(first[1] + second[0]);
      to[2] = second[1];
    }
  x = ref_of(CVK_U8, SHAPE(2, 4, 4), v);
  ck_ok(ref_run1(CVK_OP_COL2IM, &square, &x, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2, 2, 2, 3), want);
  ref_free(&x), ref_free(&y);
}
END_TEST

SUITE("max_unpool", undoes_a_pool, a_larger_output, unpool_errors, columns_to_images)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_col2im.c: COL2IM: hand-worked sums along one and two axes, strides, dilation, pads, integers that wrap, errors. */
#include "ref_run.h"

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

SUITE("col2im", columns_to_images)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_compress.c: COMPRESS along each axis, with conditions shorter and longer than it, nothing taken, bad input. */
#include "ref_run.h"

static const float six[] = {1, 2, 3, 4, 5, 6};

START_TEST(along_each_axis) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), some = ref_of(CVK_BOOL, SHAPE(3), (uint8_t[]){0, 1, 1}),
             one = ref_of(CVK_BOOL, SHAPE(1), (uint8_t[]){1}), longer = ref_of(CVK_BOOL, SHAPE(5), (uint8_t[]){1, 0, 1, 0, 0}), y;
  ck_ok(ref_run2(CVK_OP_COMPRESS, NULL, &x, &some, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){3, 4, 5, 6});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_COMPRESS, &(cvk_axis_attr){.axis = -1}, &x, &one, &y));
  ref_expect(&y, 0, SHAPE(3, 1), (float[]){1, 3, 5});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_COMPRESS, NULL, &x, &longer, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){1, 2, 5, 6});
  ref_free(&y), ref_free(&x), ref_free(&some), ref_free(&one), ref_free(&longer);
}
END_TEST

START_TEST(nothing_taken) {
  ref_tensor x = ref_of(CVK_U8, SHAPE(3), (uint8_t[]){1, 2, 3}), no = ref_new(CVK_BOOL, SHAPE(3)), none = ref_new(CVK_BOOL, SHAPE(0)), y;
  ck_ok(ref_run2(CVK_OP_COMPRESS, NULL, &x, &no, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_COMPRESS, NULL, &x, &none, &y));
  ref_expect_shape(&y.desc, SHAPE(0));
  ref_free(&y), ref_free(&x), ref_free(&no), ref_free(&none);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2), six), far = ref_of(CVK_BOOL, SHAPE(4), (uint8_t[]){0, 0, 0, 1}), s = ref_new(CVK_F32, SCALAR),
             flat = ref_new(CVK_BOOL, SHAPE(1, 3)), y;
  cvk_tensor_desc d;
  ck_fails(ref_run2(CVK_OP_COMPRESS, NULL, &x, &far, &y), CVK_INVALID_ARGUMENT, "the condition is true at 3, axis 0 has extent 3");
  ck_fails(ref_run2(CVK_OP_COMPRESS, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "input 1 has type float32, allowed bool");
  ck_fails(ref_run2(CVK_OP_COMPRESS, NULL, &s, &far, &y), CVK_INVALID_SHAPE, "x has rank 0");
  ck_fails(ref_run2(CVK_OP_COMPRESS, NULL, &x, &flat, &y), CVK_INVALID_SHAPE, "the condition has rank 2");
  ck_fails(ref_infer(CVK_OP_COMPRESS, NULL, 2, (const cvk_tensor_desc *const[]){&x.desc, &far.desc}, &d), CVK_UNSUPPORTED, "must be known");
  ref_free(&x), ref_free(&far), ref_free(&s), ref_free(&flat);
}
END_TEST

SUITE("compress", along_each_axis, nothing_taken, bad_arguments)

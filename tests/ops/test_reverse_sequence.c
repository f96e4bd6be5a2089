/* SPDX-License-Identifier: Apache-2.0 */
/* test_reverse_sequence.c: REVERSE_SEQUENCE with time first and batch first, lengths 0 and whole, empty tensors, bad input. */
#include "ref_run.h"

START_TEST(time_first) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3, 2, 1), (float[]){1, 10, 2, 20, 3, 30}), l = ref_of(CVK_I64, SHAPE(2), (int64_t[]){3, 2}), y;
  ck_ok(ref_run2(CVK_OP_REVERSE_SEQUENCE, NULL, &x, &l, &y));
  ref_expect(&y, 0, SHAPE(3, 2, 1), (float[]){3, 20, 2, 10, 1, 30});
  ref_free(&y), ref_free(&x), ref_free(&l);
}
END_TEST

START_TEST(batch_first) {
  ref_tensor x = ref_of(CVK_U8, SHAPE(2, 3), (uint8_t[]){1, 2, 3, 4, 5, 6}), l = ref_of(CVK_I32, SHAPE(2), (int32_t[]){0, 3}),
             none = ref_new(CVK_U8, SHAPE(2, 3, 0)), y;
  const cvk_reverse_sequence_attr attr = {.batch_axis = 0, .time_axis = 1};
  ck_ok(ref_run2(CVK_OP_REVERSE_SEQUENCE, &attr, &x, &l, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2, 3), (uint8_t[]){1, 2, 3, 6, 5, 4});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_REVERSE_SEQUENCE, &attr, &none, &l, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 3, 0));
  ref_free(&y), ref_free(&x), ref_free(&l), ref_free(&none);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(3, 2)), far = ref_of(CVK_I64, SHAPE(2), (int64_t[]){1, 4}),
             low = ref_of(CVK_I64, SHAPE(2), (int64_t[]){-1, 1}), three = ref_new(CVK_I64, SHAPE(3)), row = ref_new(CVK_F32, SHAPE(2)), y;
  ck_fails(ref_run2(CVK_OP_REVERSE_SEQUENCE, NULL, &x, &far, &y), CVK_INVALID_ARGUMENT, "length 4 (batch 1), allowed 0 to 3");
  ck_fails(ref_run2(CVK_OP_REVERSE_SEQUENCE, NULL, &x, &low, &y), CVK_INVALID_ARGUMENT, "length -1");
  ck_fails(ref_run2(CVK_OP_REVERSE_SEQUENCE, NULL, &x, &three, &y), CVK_INVALID_SHAPE, "the lengths have shape [3], must be [2]");
  ck_fails(ref_run2(CVK_OP_REVERSE_SEQUENCE, NULL, &row, &far, &y), CVK_INVALID_SHAPE, "x has rank 1");
  ck_fails(ref_run2(CVK_OP_REVERSE_SEQUENCE, &(cvk_reverse_sequence_attr){.batch_axis = 1, .time_axis = 1}, &x, &far, &y),
           CVK_INVALID_ARGUMENT, "batch_axis is 1 and time_axis 1");
  ck_fails(ref_run2(CVK_OP_REVERSE_SEQUENCE, NULL, &x, &x, &y), CVK_INVALID_ARGUMENT, "input 1 has type float32");
  ref_free(&x), ref_free(&far), ref_free(&low), ref_free(&three), ref_free(&row);
}
END_TEST

SUITE("reverse sequence", time_first, batch_first, bad_arguments)

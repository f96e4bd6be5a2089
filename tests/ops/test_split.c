/* SPDX-License-Identifier: Apache-2.0 */
/* test_split.c: SPLIT: equal parts and given sizes, outputs nobody reads, errors. */
#include "ref_run.h"

static cvk_status split(const ref_tensor *x, const ref_tensor *sizes, const cvk_split_attr *attr, int32_t n_out, ref_tensor *y) {
  const ref_tensor *const in[] = {x, sizes};
  return ref_run(CVK_OP_SPLIT, attr, 2, in, n_out, y);
}

START_TEST(equal_parts_with_a_smaller_last) {
  ref_tensor x = ref_ramp(1, 1, 1000, 0, 1, SHAPE(7)), y[4];
  ck_ok(split(&x, NULL, NULL, 4, y));
  for (int i = 0; i < 3; i++) ref_expect(&y[i], 0, SHAPE(2), (float[]){(float)(2 * i + 1), (float)(2 * i + 2)});
  ref_expect(&y[3], 0, SHAPE(1), (float[]){7});
  for (int i = 0; i < 4; i++) ref_free(&y[i]);
  ref_free(&x);
}
END_TEST

START_TEST(sizes_by_attribute_and_tensor) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6}), sizes = ref_of(CVK_I64, SHAPE(3), (int64_t[]){0, 2, 1}), y[3];
  ck_ok(split(&x, NULL, &(cvk_split_attr){.axis = -1, .n_split = 2, .size = {1, 2}}, 2, y));
  ref_expect(&y[0], 0, SHAPE(2, 1), (float[]){1, 4});
  ref_expect(&y[1], 0, SHAPE(2, 2), (float[]){2, 3, 5, 6});
  ref_free(&y[0]), ref_free(&y[1]);
  ck_ok(split(&x, &sizes, &(cvk_split_attr){.axis = 1}, 3, y));
  ref_expect_shape(&y[0].desc, SHAPE(2, 0));
  ref_expect(&y[1], 0, SHAPE(2, 2), (float[]){1, 2, 4, 5});
  ref_expect(&y[2], 0, SHAPE(2, 1), (float[]){3, 6});
  for (int i = 0; i < 3; i++) ref_free(&y[i]);
  ref_free(&x), ref_free(&sizes);
}
END_TEST

START_TEST(unread_outputs_are_skipped) {
  const float x[] = {1, 2, 3};
  float y[2] = {0, 0};
  const cvk_tensor_desc in = {.struct_size = sizeof in, .dtype = CVK_F32, .rank = 1, .dim = {3}}, *const ins[] = {&in};
  cvk_tensor_desc out[2];
  cvk_any_attr attr;
  ck_ok(cvk_op_resolve(CVK_OP_SPLIT, NULL, 1, ins, 2, out, &attr));
  const cvk_tensor_desc *const outs[] = {NULL, &out[1]};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_SPLIT, .n_in = 1, .n_out = 2, .in = ins, .out = outs, .attr = &attr};
  ck_ok(cvk_op_def_find(CVK_OP_SPLIT)->reference(&op, (const void *const[]){x}, (void *const[]){NULL, y}));
  ck_assert(y[0] == 3 && y[1] == 0);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(9)), s = ref_new(CVK_F32, SCALAR), y[8];
  ck_fails(split(&x, NULL, &(cvk_split_attr){.n_split = 2, .size = {4, 4}}, 2, y), CVK_INVALID_ARGUMENT,
           "add up to 8, axis 0 has extent 9");
  ck_fails(split(&x, NULL, &(cvk_split_attr){.n_split = 2, .size = {-1, 10}}, 2, y), CVK_INVALID_ARGUMENT, "size 0 is -1");
  ck_fails(split(&x, NULL, &(cvk_split_attr){.n_split = 2, .size = {4, 5}}, 3, y), CVK_INVALID_ARGUMENT, "2 sizes for 3 outputs");
  ck_fails(split(&x, NULL, NULL, 8, y), CVK_INVALID_ARGUMENT, "extent 9 cannot be cut into 8 parts of 2");
  ck_fails(split(&x, NULL, &(cvk_split_attr){.axis = 1}, 2, y), CVK_INVALID_ARGUMENT, "axis is 1");
  ck_fails(split(&s, NULL, NULL, 2, y), CVK_INVALID_SHAPE, "rank 0");
  ref_free(&x), ref_free(&s);
}
END_TEST

SUITE("split", equal_parts_with_a_smaller_last, sizes_by_attribute_and_tensor, unread_outputs_are_skipped, bad_arguments)

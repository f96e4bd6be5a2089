/* SPDX-License-Identifier: Apache-2.0 */
/* test_op_table.c: the table's rows, what cvk_op_resolve checks before any rule runs, and the helpers of the rules. */
#include <stdlib.h>

#include "ref_run.h"

START_TEST(rows_find_themselves) {
  int32_t n = 0;
  for (const cvk_op_def *def; (def = cvk_op_def_at(n)) != NULL; n++) {
    ck_assert_ptr_eq(cvk_op_def_find(def->kind), def);
    ck_assert_str_eq(cvk_op_name(def->kind), def->name);
    ck_assert_str_eq(cvk_op_onnx_name(def->kind), def->onnx);
    ck_assert(def->infer && def->reference && def->defaults && def->doc[0]);
    for (int32_t i = 0; i < n; i++) ck_assert_str_ne(cvk_op_def_at(i)->name, def->name);
  }
  ck_assert_int_gt(n, 70);
  ck_assert_str_eq(cvk_op_name(CVK_OP_CONV), "conv");
  ck_assert_uint_eq(cvk_op_def_find(CVK_OP_RELU)->attr_bytes, 0);
  ck_assert_uint_eq(cvk_op_def_find(CVK_OP_CONV)->attr_bytes, sizeof(cvk_conv_attr));
}
END_TEST

START_TEST(unknown_kinds_are_null) {
  const int32_t kinds[] = {0, -1, 18, 5000, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ck_assert_ptr_null(cvk_op_def_find(kinds[i]));
    ck_assert_ptr_null(cvk_op_name(kinds[i]));
    ck_assert_ptr_null(cvk_op_onnx_name(kinds[i]));
  }
  ck_assert_ptr_null(cvk_op_def_at(-1));
  ck_assert_ptr_null(cvk_op_def_at(10000));
}
END_TEST

static const cvk_tensor_desc vector = {.struct_size = sizeof vector, .dtype = CVK_F32, .rank = 2, .dim = {2, 3}};

static cvk_status resolve(int32_t kind, const void *attr, int32_t n_in, const cvk_tensor_desc *const *in, int32_t n_out, cvk_any_attr *a) {
  cvk_tensor_desc out[4];
  ck_assert_int_le(n_out, 4);
  return cvk_op_resolve(kind, attr, n_in, in, n_out, out, a);
}

START_TEST(counts_are_checked) {
  const cvk_tensor_desc *const in[] = {&vector, &vector, NULL};
  cvk_any_attr a;
  ck_fails(resolve(999, NULL, 1, in, 1, &a), CVK_INVALID_ARGUMENT, "unknown op kind 999");
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 0, in, 1, &a), CVK_INVALID_ARGUMENT, "softmax: got 0 inputs, takes 1 to 1");
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 2, in, 1, &a), CVK_INVALID_ARGUMENT, "softmax: got 2 inputs, takes 1 to 1");
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 2, &a), CVK_INVALID_ARGUMENT, "softmax: asked for 2 outputs, gives 1 to 1");
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 0, &a), CVK_INVALID_ARGUMENT, "asked for 0 outputs");
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, &in[2], 1, &a), CVK_INVALID_ARGUMENT, "input 0 is required but absent");
  ck_fails(resolve(CVK_OP_SUM, NULL, 3, in, 1, &a), CVK_INVALID_ARGUMENT, "sum: input 2 is required but absent");
}
END_TEST

START_TEST(inputs_are_checked) {
  cvk_tensor_desc x = vector;
  const cvk_tensor_desc *const in[] = {&x};
  cvk_any_attr a;
  x.rank = 9;
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &a), CVK_INVALID_SHAPE, "input 0 has rank 9, allowed 0 to 8");
  x = vector, x.dtype = 99;
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &a), CVK_INVALID_ARGUMENT, "unknown element type 99");
  x = vector, x.dim[1] = -3;
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &a), CVK_INVALID_SHAPE, "extent -3 on axis 1");
  x = vector, x.dim[0] = x.dim[1] = INT64_C(1) << 40;
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &a), CVK_SIZE_OVERFLOW, "more than 2^63-1 elements");
  x = vector, x.quant = (const cvk_quant *)&x;
  ck_fails(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &a), CVK_UNSUPPORTED, "quantised");
}
END_TEST

START_TEST(attributes_of_other_sizes) {
  const cvk_tensor_desc *const in[] = {&vector};
  struct {
    cvk_axis_attr known;
    int32_t later;
  } longer = {{sizeof longer, 1}, 0};
  cvk_any_attr a;
  ck_ok(resolve(CVK_OP_SOFTMAX, &longer, 1, in, 1, &a));
  ck_assert_int_eq(a.axis.axis, 1);
  ck_assert_uint_eq(a.struct_size, sizeof(cvk_axis_attr));
  longer.later = 1;
  ck_fails(resolve(CVK_OP_SOFTMAX, &longer, 1, in, 1, &a), CVK_UNSUPPORTED, "sets a field past the 8 bytes");
  ck_ok(resolve(CVK_OP_SOFTMAX, &(cvk_axis_attr){.struct_size = 4, .axis = 1}, 1, in, 1, &a)); /* axis lies past the 4 bytes: zero */
  ck_assert_int_eq(a.axis.axis, 0);
  ck_fails(resolve(CVK_OP_SOFTMAX, &(cvk_axis_attr){.struct_size = 3}, 1, in, 1, &a), CVK_INVALID_ARGUMENT, "struct_size 3, expected 8");
  ck_fails(resolve(CVK_OP_SOFTMAX, &(cvk_axis_attr){.struct_size = 1u << 30}, 1, in, 1, &a), CVK_INVALID_ARGUMENT,
           "struct_size 1073741824, expected 8");
  ck_ok(resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &a)); /* ONNX's default, -1, resolved */
  ck_assert_int_eq(a.axis.axis, 1);
}
END_TEST

START_TEST(outputs_come_clean) {
  const cvk_tensor_desc *const in[] = {&vector};
  cvk_tensor_desc out;
  cvk_any_attr a;
  memset(&out, 0x5a, sizeof out);
  ck_ok(cvk_op_resolve(CVK_OP_SOFTMAX, NULL, 1, in, 1, &out, &a));
  cvk_tensor_desc want = {.struct_size = sizeof want, .dtype = CVK_F32, .rank = 2, .dim = {2, 3}};
  ck_assert_mem_eq(&out, &want, sizeof want);
}
END_TEST

START_TEST(broadcast_helper) {
  int32_t rank;
  int64_t dim[CVK_MAX_RANK];
  ck_ok(cvk_broadcast("op", 3, (int64_t[]){2, 1, 4}, 2, (int64_t[]){3, 1}, &rank, dim));
  ck_assert_int_eq(rank, 3);
  ck_assert(dim[0] == 2 && dim[1] == 3 && dim[2] == 4);
  ck_ok(cvk_broadcast("op", 0, NULL, 1, (int64_t[]){0}, &rank, dim));
  ck_assert(rank == 1 && dim[0] == 0);
  ck_ok(cvk_broadcast("op", 1, (int64_t[]){1}, 1, (int64_t[]){0}, &rank, dim));
  ck_assert(dim[0] == 0);
  ck_fails(cvk_broadcast("op", 2, (int64_t[]){2, 3}, 2, (int64_t[]){2, 4}, &rank, dim), CVK_INVALID_SHAPE,
           "shapes [2,3] and [2,4] do not broadcast: extents 3 and 4 on axis 1");
}
END_TEST

START_TEST(desc_and_axis_helpers) {
  cvk_tensor_desc d;
  int32_t axis;
  ck_ok(cvk_desc_set(&d, "t", CVK_F64, 1, (int64_t[]){INT64_MAX / 8}));
  ck_fails(cvk_desc_set(&d, "t", CVK_F64, 1, (int64_t[]){INT64_MAX / 8 + 1}), CVK_SIZE_OVERFLOW,
           "t of shape [1152921504606846976] and type float64");
  ck_fails(cvk_desc_set(&d, "t", CVK_F32, 9, (int64_t[9]){0}), CVK_INVALID_SHAPE, "t has rank 9");
  ck_fails(cvk_desc_set(&d, "t", 77, 0, NULL), CVK_INVALID_ARGUMENT, "unknown element type 77");
  ck_ok(cvk_axis_resolve("op", "axis", -1, 3, &axis));
  ck_assert_int_eq(axis, 2);
  ck_ok(cvk_axis_resolve("op", "axis", 0, 0, &axis));
  ck_assert_int_eq(axis, 0);
  ck_fails(cvk_axis_resolve("op", "axis", 3, 3, &axis), CVK_INVALID_ARGUMENT, "op: axis is 3, allowed -3 to 2");
  ck_fails(cvk_axis_resolve("op", "axis", INT64_MIN, 3, &axis), CVK_INVALID_ARGUMENT, "allowed -3 to 2");
}
END_TEST

SUITE("op_table", rows_find_themselves, unknown_kinds_are_null, counts_are_checked, inputs_are_checked, attributes_of_other_sizes,
      outputs_come_clean, broadcast_helper, desc_and_axis_helpers)

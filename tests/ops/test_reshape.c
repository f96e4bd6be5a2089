/* SPDX-License-Identifier: Apache-2.0 */
/* test_reshape.c: RESHAPE, FLATTEN, SQUEEZE, UNSQUEEZE: shapes by attribute and by tensor, the elements that pass through, errors. */
#include "ref_run.h"

static const float six[] = {1, 2, 3, 4, 5, 6};

static void expect_reshape(const ref_tensor *x, const cvk_shape_attr *attr, int32_t rank, const int64_t *dim) {
  ref_tensor y;
  ck_ok(ref_run1(CVK_OP_RESHAPE, attr, x, &y));
  ref_expect_bytes(&y, x->desc.dtype, rank, dim, x->data);
  ref_free(&y);
}

START_TEST(reshape_copies_and_infers) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), six), one = ref_of(CVK_F32, SHAPE(1, 1), six);
  expect_reshape(&x, &(cvk_shape_attr){.rank = 2, .dim = {3, 2}}, SHAPE(3, 2));
  expect_reshape(&x, &(cvk_shape_attr){.rank = 1, .dim = {-1}}, SHAPE(6));
  expect_reshape(&x, &(cvk_shape_attr){.rank = 3, .dim = {0, -1, 1}}, SHAPE(2, 3, 1));
  expect_reshape(&x, &(cvk_shape_attr){.rank = 4, .dim = {1, -1, 2, 1}}, SHAPE(1, 3, 2, 1));
  expect_reshape(&one, NULL, SCALAR);
  ref_free(&x), ref_free(&one);
}
END_TEST

START_TEST(reshape_of_empty_tensors) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(0, 3));
  expect_reshape(&x, &(cvk_shape_attr){.rank = 2, .dim = {0, -1}}, SHAPE(0, 3)); /* the copied 0 cancels */
  expect_reshape(&x, &(cvk_shape_attr){.rank = 2, .dim = {3, 0}, .allow_zero = 1}, SHAPE(3, 0));
  expect_reshape(&x, &(cvk_shape_attr){.rank = 2, .dim = {5, -1}}, SHAPE(5, 0));
  ref_free(&x);
}
END_TEST

START_TEST(reshape_by_tensor) {
  ref_tensor x = ref_of(CVK_I64, SHAPE(2), (int64_t[]){7, 8}), shape = ref_of(CVK_I64, SHAPE(3), (int64_t[]){1, -1, 1}), y;
  ck_ok(ref_run2(CVK_OP_RESHAPE, &(cvk_shape_attr){.rank = 1, .dim = {99}}, &x, &shape, &y));
  ref_expect_i64(&y, SHAPE(1, 2, 1), x.data);
  ref_free(&y), ref_free(&x), ref_free(&shape);
}
END_TEST

START_TEST(reshape_errors) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), six), e = ref_new(CVK_F32, SHAPE(0, 3)), y;
  const cvk_tensor_desc unknown = {.struct_size = sizeof unknown, .dtype = CVK_I64, .rank = 1, .dim = {2}};
  const cvk_tensor_desc *const in[] = {&x.desc, &unknown};
  cvk_tensor_desc out;
  const struct {
    cvk_shape_attr attr;
    cvk_status status;
    const char *text;
  } rows[] = {
      {{.rank = 1, .dim = {5}}, CVK_INVALID_SHAPE, "[2,3] has 6 elements, [5] has 5"},
      {{.rank = 2, .dim = {4, -1}}, CVK_INVALID_SHAPE, "6 elements by 4"},
      {{.rank = 2, .dim = {-1, -1}}, CVK_INVALID_ARGUMENT, "two extents"},
      {{.rank = 1, .dim = {-2}}, CVK_INVALID_ARGUMENT, "extent -2"},
      {{.rank = 3, .dim = {2, 3, 0}}, CVK_INVALID_ARGUMENT, "copies an axis that x of shape [2,3] lacks"},
      {{.rank = 2, .dim = {0, -1}, .allow_zero = 1}, CVK_INVALID_SHAPE, "cannot be inferred"},
      {{.rank = 9}, CVK_INVALID_SHAPE, "rank 9"},
      {{.rank = 2, .dim = {INT64_MAX, 3}}, CVK_SIZE_OVERFLOW, "2^63-1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ck_fails(ref_run1(CVK_OP_RESHAPE, &rows[i].attr, &x, &y), rows[i].status, rows[i].text);
  ck_fails(ref_run1(CVK_OP_RESHAPE, &(cvk_shape_attr){.rank = 2, .dim = {0, -1}, .allow_zero = 1}, &e, &y), CVK_INVALID_SHAPE, "inferred");
  ck_fails(ref_infer(CVK_OP_RESHAPE, NULL, 2, in, &out), CVK_UNSUPPORTED, "input 1 must be known");
  ref_free(&x), ref_free(&e);
}
END_TEST

START_TEST(flatten) {
  ref_tensor x = ref_ramp(1, 0, 1000, 0, 1, SHAPE(2, 3, 4)), s = ref_of(CVK_F32, SCALAR, six), y;
  const int64_t want[][2] = {{1, 24}, {2, 12}, {6, 4}, {24, 1}};
  for (int32_t axis = -3; axis <= 3; axis++) {
    ck_ok(ref_run1(CVK_OP_FLATTEN, &(cvk_axis_attr){.axis = axis}, &x, &y));
    ref_expect(&y, 0, 2, want[axis < 0 ? axis + 3 : axis], x.data);
    ref_free(&y);
  }
  ck_ok(ref_run1(CVK_OP_FLATTEN, NULL, &x, &y));
  ref_expect_shape(&y.desc, SHAPE(2, 12));
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_FLATTEN, &(cvk_axis_attr){.axis = 0}, &s, &y));
  ref_expect(&y, 0, SHAPE(1, 1), six);
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_FLATTEN, &(cvk_axis_attr){.axis = 4}, &x, &y), CVK_INVALID_ARGUMENT, "axis is 4, allowed -3 to 3");
  ref_free(&x), ref_free(&s);
}
END_TEST

START_TEST(squeeze) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 6, 1), six), axes = ref_of(CVK_I64, SHAPE(1), (int64_t[]){-1}), none = ref_new(CVK_I64, SHAPE(0)),
             y;
  ck_ok(ref_run1(CVK_OP_SQUEEZE, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(6), six);
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SQUEEZE, &(cvk_axes_attr){.n_axes = 1, .axis = {0}}, &x, &y));
  ref_expect(&y, 0, SHAPE(6, 1), six);
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_SQUEEZE, NULL, &x, &axes, &y));
  ref_expect(&y, 0, SHAPE(1, 6), six);
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_SQUEEZE, NULL, &x, &none, &y)); /* an empty list names no axis */
  ref_expect(&y, 0, SHAPE(1, 6, 1), six);
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_SQUEEZE, &(cvk_axes_attr){.n_axes = 1, .axis = {1}}, &x, &y), CVK_INVALID_SHAPE, "axis 1 of x of shape [1,6,1]");
  ck_fails(ref_run1(CVK_OP_SQUEEZE, &(cvk_axes_attr){.n_axes = 1, .axis = {-4}}, &x, &y), CVK_INVALID_ARGUMENT, "axis is -4");
  ref_free(&x), ref_free(&axes), ref_free(&none);
}
END_TEST

START_TEST(unsqueeze) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 3), six), axes = ref_of(CVK_I64, SHAPE(2), (int64_t[]){0, -1}), y;
  ck_ok(ref_run1(CVK_OP_UNSQUEEZE, &(cvk_axes_attr){.n_axes = 2, .axis = {3, 0}}, &x, &y)); /* axes of the result, in any order */
  ref_expect(&y, 0, SHAPE(1, 2, 3, 1), six);
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_UNSQUEEZE, NULL, &x, &axes, &y));
  ref_expect(&y, 0, SHAPE(1, 2, 3, 1), six);
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_UNSQUEEZE, NULL, &x, &y), CVK_INVALID_ARGUMENT, "no axes");
  ck_fails(ref_run1(CVK_OP_UNSQUEEZE, &(cvk_axes_attr){.n_axes = 1, .axis = {3}}, &x, &y), CVK_INVALID_ARGUMENT,
           "axis is 3, allowed -3 to 2");
  ck_fails(ref_run1(CVK_OP_UNSQUEEZE, &(cvk_axes_attr){.n_axes = 2, .axis = {0, -4}}, &x, &y), CVK_INVALID_ARGUMENT, "given twice");
  ck_fails(ref_run1(CVK_OP_UNSQUEEZE, &(cvk_axes_attr){.n_axes = 7}, &x, &y), CVK_INVALID_SHAPE, "7 axes more than rank 2");
  ref_free(&x), ref_free(&axes);
}
END_TEST

SUITE("reshape", reshape_copies_and_infers, reshape_of_empty_tensors, reshape_by_tensor, reshape_errors, flatten, squeeze, unsqueeze)

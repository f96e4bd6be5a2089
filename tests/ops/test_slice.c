/* SPDX-License-Identifier: Apache-2.0 */
/* test_slice.c: SLICE: one axis over all small starts, ends and steps against a plain loop, extreme values, several axes, tensors, errors.
 */
#include "ref_run.h"

/* What a reader of the ONNX page would do: normalise, clamp, walk. */
static int64_t walk(int64_t extent, int64_t start, int64_t end, int64_t step, float *out) {
  int64_t n = 0;
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    if (start < 0) start = 0;
    for (int64_t i = start; i < end && i < extent; i += step) out[n++] = (float)i;
  } else {
    if (start < 0) start = 0;
    if (start > extent - 1) start = extent - 1;
    for (int64_t i = start; i > end && i >= 0; i += step) out[n++] = (float)i;
  }
  return n;
}

START_TEST(every_small_slice_of_one_axis) {
  for (int64_t extent = 0; extent <= 4; extent++) {
    ref_tensor x = ref_ramp(1, 0, 1000, 0, 1, SHAPE(extent)), y;
    for (int64_t start = -6; start <= 6; start++)
      for (int64_t end = -6; end <= 6; end++)
        for (int64_t step = -3; step <= 3; step++) {
          float want[8];
          if (step == 0) continue;
          const int64_t n = walk(extent, start, end, step, want);
          ck_ok(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .start = {start}, .end = {end}, .step = {step}}, &x, &y));
          ref_expect(&y, 0, SHAPE(n), want);
          ref_free(&y);
        }
    ref_free(&x);
  }
}
END_TEST

START_TEST(extreme_ends_and_steps) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){1, 2, 3}), y;
  ck_ok(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .start = {1}, .end = {INT64_MAX}}, &x, &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){2, 3});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .start = {INT64_MAX}, .end = {INT64_MIN}, .step = {-1}}, &x, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){3, 2, 1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .start = {INT64_MIN}, .end = {INT64_MAX}, .step = {INT64_MAX}}, &x, &y));
  ref_expect(&y, 0, SHAPE(1), (float[]){1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .start = {-1}, .end = {INT64_MIN}, .step = {INT64_MIN}}, &x, &y));
  ref_expect(&y, 0, SHAPE(1), (float[]){3});
  ref_free(&y), ref_free(&x);
}
END_TEST

START_TEST(several_axes_by_tensors) {
  ref_tensor x = ref_ramp(1, 0, 1000, 0, 1, SHAPE(2, 3, 4)), start = ref_of(CVK_I32, SHAPE(2), (int32_t[]){3, 1}),
             end = ref_of(CVK_I32, SHAPE(2), (int32_t[]){-100, 100}), axes = ref_of(CVK_I64, SHAPE(2), (int64_t[]){-1, 0}),
             step = ref_of(CVK_I64, SHAPE(2), (int64_t[]){-2, 1}), y;
  const ref_tensor *const in[] = {&x, &start, &end, &axes, &step};
  ck_ok(ref_run(CVK_OP_SLICE, NULL, 5, in, 1, &y));
  ref_expect(&y, 0, SHAPE(1, 3, 2), (float[]){15, 13, 19, 17, 23, 21});
  ref_free(&y);
  ck_ok(ref_run(CVK_OP_SLICE, NULL, 3, in, 1, &y)); /* axes 0 and 1, steps 1 */
  ref_expect_shape(&y.desc, SHAPE(0, 2, 4));
  ref_free(&y), ref_free(&x), ref_free(&start), ref_free(&end), ref_free(&axes), ref_free(&step);
}
END_TEST

START_TEST(resolved_attribute_names_every_axis) {
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 2, .dim = {4, 5}}, *const in[] = {&x};
  cvk_tensor_desc y;
  cvk_any_attr attr;
  ck_ok(cvk_op_resolve(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .axis = {-1}, .start = {-2}, .end = {INT64_MIN}, .step = {-2}}, 1, in,
                       1, &y, &attr));
  ck_assert_int_eq(attr.slice.n_axes, 2);
  ck_assert(attr.slice.axis[0] == 0 && attr.slice.start[0] == 0 && attr.slice.end[0] == 4 && attr.slice.step[0] == 1);
  ck_assert(attr.slice.axis[1] == 1 && attr.slice.start[1] == 3 && attr.slice.end[1] == -1 && attr.slice.step[1] == -2);
  ref_expect_shape(&y, SHAPE(4, 2));
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), one = ref_of(CVK_I64, SHAPE(1), (int64_t[]){1}), zero = ref_new(CVK_I64, SHAPE(1)),
             two = ref_new(CVK_I64, SHAPE(2)), far = ref_of(CVK_I64, SHAPE(1), (int64_t[]){INT64_MAX}), y;
  ck_fails(ref_run(CVK_OP_SLICE, NULL, 5, (const ref_tensor *const[]){&x, &one, &one, &zero, &zero}, 1, &y), CVK_INVALID_ARGUMENT,
           "step 0 is 0");
  ck_fails(ref_run(CVK_OP_SLICE, NULL, 3, (const ref_tensor *const[]){&x, &one, &two}, 1, &y), CVK_INVALID_ARGUMENT, "1 starts, 2 ends");
  ck_fails(ref_run(CVK_OP_SLICE, NULL, 2, (const ref_tensor *const[]){&x, &one}, 1, &y), CVK_INVALID_ARGUMENT, "-1 ends");
  ck_fails(ref_run(CVK_OP_SLICE, NULL, 4, (const ref_tensor *const[]){&x, &one, &one, &far}, 1, &y), CVK_INVALID_ARGUMENT, "axis is 9223");
  ck_fails(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 2, .axis = {0, -2}}, &x, &y), CVK_INVALID_ARGUMENT, "axis 0 is given twice");
  ck_fails(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 1, .axis = {2}}, &x, &y), CVK_INVALID_ARGUMENT, "axis is 2, allowed -2 to 1");
  ck_fails(ref_run1(CVK_OP_SLICE, &(cvk_slice_attr){.n_axes = 3}, &x, &y), CVK_INVALID_ARGUMENT, "3 axes, x has rank 2");
  ref_free(&x), ref_free(&one), ref_free(&zero), ref_free(&two), ref_free(&far);
}
END_TEST

SUITE("slice", every_small_slice_of_one_axis, extreme_ends_and_steps, several_axes_by_tensors, resolved_attribute_names_every_axis,
      bad_arguments)

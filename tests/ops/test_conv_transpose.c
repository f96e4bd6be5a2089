/* SPDX-License-Identifier: Apache-2.0 */
/* test_conv_transpose.c: CONV_TRANSPOSE: extents and pads as ONNX says, errors, and the adjoint identity with CONV over random shapes. */
#include <math.h>

#include "ref_run.h"

static cvk_status transpose(const ref_tensor *x, const ref_tensor *w, const ref_tensor *b, const cvk_conv_attr *attr, ref_tensor *y) {
  const ref_tensor *const in[] = {x, w, b};
  return ref_run(CVK_OP_CONV_TRANSPOSE, attr, 3, in, 1, y);
}

/* x = 1 2 3 by w = 1 10 100. */
static void expect_1d(const cvk_conv_attr *attr, int64_t n, const float *want) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){1, 2, 3}), w = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){1, 10, 100}), y;
  ck_ok(transpose(&x, &w, NULL, attr, &y));
  ref_expect(&y, 0, SHAPE(1, 1, n), want);
  ref_free(&x), ref_free(&w), ref_free(&y);
}

/* The values of this test and the next are ONNX Runtime's. */
START_TEST(explicit_pads) {
  expect_1d(NULL, 5, (float[]){1, 12, 123, 230, 300});
  expect_1d(&(cvk_conv_attr){.stride = {2}, .auto_pad = CVK_VALID}, 7, (float[]){1, 10, 102, 20, 203, 30, 300});
  expect_1d(&(cvk_conv_attr){.stride = {2}, .output_padding = {1}, .pad_begin = {1}, .pad_end = {1}}, 6,
            (float[]){10, 102, 20, 203, 30, 300});
  expect_1d(&(cvk_conv_attr){.stride = {3}, .output_padding = {2}, .pad_begin = {1}}, 10, (float[]){10, 100, 2, 20, 200, 3, 30, 300, 0, 0});
}
END_TEST

START_TEST(output_shape_chooses_the_pads) {
  expect_1d(&(cvk_conv_attr){.stride = {2}, .output_shape = {6}}, 6, (float[]){10, 102, 20, 203, 30, 300});
  expect_1d(&(cvk_conv_attr){.stride = {2}, .output_shape = {6}, .auto_pad = CVK_SAME_UPPER}, 6, (float[]){1, 10, 102, 20, 203, 30});
  expect_1d(&(cvk_conv_attr){.stride = {2}, .output_shape = {6}, .auto_pad = CVK_SAME_LOWER}, 6, (float[]){10, 102, 20, 203, 30, 300});
  expect_1d(&(cvk_conv_attr){.stride = {2}, .output_shape = {6}, .output_padding = {1}}, 6, (float[]){10, 102, 20, 203, 30, 300});
}
END_TEST

/* The extent is that of ONNX's text and shape inference; what no tap reaches lies at the end. */
START_TEST(same_keeps_in_times_stride) {
  expect_1d(&(cvk_conv_attr){.dilation = {2}, .auto_pad = CVK_SAME_UPPER}, 3, (float[]){13, 20, 130});
  expect_1d(&(cvk_conv_attr){.stride = {4}, .auto_pad = CVK_SAME_LOWER}, 12, (float[]){1, 10, 100, 0, 2, 20, 200, 0, 3, 30, 300, 0});
  expect_1d(&(cvk_conv_attr){.stride = {4}, .auto_pad = CVK_SAME_UPPER}, 12, (float[]){1, 10, 100, 0, 2, 20, 200, 0, 3, 30, 300, 0});
}
END_TEST

START_TEST(cells_nothing_reaches_hold_the_bias) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 1), (float[]){1}), w = ref_of(CVK_F32, SHAPE(1, 1, 1), (float[]){INFINITY}),
             b = ref_of(CVK_F32, SHAPE(1), (float[]){5}), y;
  ck_ok(transpose(&x, &w, &b, &(cvk_conv_attr){.output_padding = {2}}, &y));
  ref_expect(&y, 0, SHAPE(1, 1, 3), (float[]){INFINITY, 5, 5});
  ref_free(&x), ref_free(&w), ref_free(&b), ref_free(&y);
}
END_TEST

START_TEST(resolving_twice_changes_nothing) {
  const cvk_conv_attr attrs[] = {{.auto_pad = CVK_SAME_UPPER, .stride = {4, 2}},
                                 {.output_shape = {9, 20}, .stride = {2, 3}, .auto_pad = CVK_SAME_UPPER},
                                 {.output_shape = {30, 5}},
                                 {.auto_pad = CVK_VALID, .output_padding = {1, 0}}};
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 4, .dim = {1, 3, 5, 7}};
  const cvk_tensor_desc w = {.struct_size = sizeof w, .dtype = CVK_F32, .rank = 4, .dim = {3, 2, 3, 2}};
  const cvk_tensor_desc *const in[] = {&x, &w};
  for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
    cvk_tensor_desc y1, y2;
    cvk_any_attr a1, a2;
    ck_ok(cvk_op_resolve(CVK_OP_CONV_TRANSPOSE, &attrs[i], 2, in, 1, &y1, &a1));
    ck_ok(cvk_op_resolve(CVK_OP_CONV_TRANSPOSE, &a1, 2, in, 1, &y2, &a2));
    ck_assert_mem_eq(&a1, &a2, sizeof(cvk_conv_attr));
    ck_assert_mem_eq(&y1, &y2, sizeof y1);
  }
}
END_TEST

static cvk_status infer(int32_t xr, const int64_t *xd, int32_t wr, const int64_t *wd, const cvk_conv_attr *attr) {
  cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = xr}, w = x, y;
  const cvk_tensor_desc *const in[] = {&x, &w};
  w.rank = wr;
  memcpy(x.dim, xd, (size_t)xr * sizeof *xd);
  memcpy(w.dim, wd, (size_t)wr * sizeof *wd);
  return ref_infer(CVK_OP_CONV_TRANSPOSE, attr, 2, in, &y);
}

START_TEST(errors_are_named) {
  ck_fails(infer(SHAPE(1, 4, 5), SHAPE(3, 4, 3), NULL), CVK_INVALID_SHAPE, "input has 4 channels, weights want 3");
  ck_fails(infer(SHAPE(1, 3, 5), SHAPE(3, 4, 3), &(cvk_conv_attr){.group = 2}), CVK_INVALID_SHAPE,
           "3 input channels do not divide into 2 groups");
  ck_fails(infer(SHAPE(1, 3, 1), SHAPE(3, 4, 3), &(cvk_conv_attr){.pad_begin = {2}, .pad_end = {1}}), CVK_INVALID_SHAPE,
           "pads 2 and 1 leave nothing of the extent 3 on axis 2");
  ck_fails(infer(SHAPE(1, 3, 1), SHAPE(3, 4, 3), &(cvk_conv_attr){.output_shape = {-2}}), CVK_INVALID_ARGUMENT, "output_shape -2");
  ck_fails(infer(SHAPE(1, 3, 4), SHAPE(3, 4, 3), &(cvk_conv_attr){.stride = {INT64_MAX / 2}}), CVK_SIZE_OVERFLOW, "axis 2");
  ck_fails(infer(SHAPE(1, 3, 1), SHAPE(3, 4, 0), NULL), CVK_INVALID_SHAPE, "kernel extent 0");
}
END_TEST

static double dot(const ref_tensor *a, const ref_tensor *b, double *magnitude) {
  const int64_t n = cvk_count(a->desc.rank, a->desc.dim);
  double sum = 0;
  *magnitude = 0;
  for (int64_t i = 0; i < n; i++) {
    const double p = (double)((const float *)a->data)[i] * (double)((const float *)b->data)[i];
    sum += p;
    *magnitude += fabs(p);
  }
  return sum;
}

/* <conv(x, w), z> = <x, conv_transpose(z, w)>: the same weights, since CONV's [M,C/group,...] is CONV_TRANSPOSE's [C,M/group,...]. */
START_TEST(adjoint_of_conv) {
  uint32_t seed = 11;
  for (int round = 0; round < 200; round++) {
    const int32_t spatial = 1 + round % 3;
    const int64_t group = 1 + ref_next(&seed, 3), c = 1 + ref_next(&seed, 3), m = 1 + ref_next(&seed, 3);
    int64_t xd[5] = {1 + ref_next(&seed, 2), c * group}, wd[5] = {m * group, c};
    cvk_conv_attr a = {.group = group};
    for (int32_t k = 0; k < spatial; k++) {
      wd[k + 2] = 1 + ref_next(&seed, 3);
      a.stride[k] = 1 + ref_next(&seed, 3);
      a.dilation[k] = 1 + ref_next(&seed, 3);
      a.pad_begin[k] = ref_next(&seed, 3);
      a.pad_end[k] = ref_next(&seed, 3);
      xd[k + 2] = (wd[k + 2] - 1) * a.dilation[k] + 1 + ref_next(&seed, spatial == 1 ? 300 : 5);
    }
    ref_tensor x = ref_random(&seed, spatial + 2, xd), w = ref_random(&seed, spatial + 2, wd), y, back;
    const ref_tensor *const in[] = {&x, &w};
    ck_ok(ref_run(CVK_OP_CONV, &a, 2, in, 1, &y));
    ref_tensor z = ref_random(&seed, y.desc.rank, y.desc.dim);
    /* What CONV's floor cut off comes back as output padding. */
    for (int32_t k = 0; k < spatial; k++)
      a.output_padding[k] = (xd[k + 2] + a.pad_begin[k] + a.pad_end[k] - (wd[k + 2] - 1) * a.dilation[k] - 1) % a.stride[k];
    ck_ok(transpose(&z, &w, NULL, &a, &back));
    ref_expect_shape(&back.desc, spatial + 2, xd);
    double m1, m2;
    const double left = dot(&y, &z, &m1), right = dot(&x, &back, &m2);
    ck_assert_msg(fabs(left - right) <= 0x1p-22 * (m1 + m2), "round %d: %.12g and %.12g", round, left, right);
    ref_free(&x), ref_free(&w), ref_free(&y), ref_free(&z), ref_free(&back);
  }
}
END_TEST

SUITE("conv_transpose", explicit_pads, output_shape_chooses_the_pads, same_keeps_in_times_stride, cells_nothing_reaches_hold_the_bias,
      resolving_twice_changes_nothing, errors_are_named, adjoint_of_conv)

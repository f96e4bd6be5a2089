/* SPDX-License-Identifier: Apache-2.0 */
/* test_conv_grad.c: CONV_GRAD_WEIGHT: hand-checked values, pads, strides above the kernel, groups, no batch, random shapes against a plain
 * loop; errors. */
#include <math.h>

#include "ref_run.h"

static cvk_status grad(const ref_tensor *x, const ref_tensor *gy, const cvk_conv_attr *attr, int32_t n_out, ref_tensor *out) {
  const ref_tensor *const in[] = {x, gy};
  return ref_run(CVK_OP_CONV_GRAD_WEIGHT, attr, 2, in, n_out, out);
}

/* x is 1, 2, ... n. */
static void expect_1d(int64_t n, const float *gyv, int64_t ny, const cvk_conv_attr *attr, const float *want, float want_bias) {
  ref_tensor x = ref_ramp(1, 1, 1000, 0, 1, SHAPE(1, 1, n)), gy = ref_of(CVK_F32, SHAPE(1, 1, ny), gyv), out[2];
  ck_ok(grad(&x, &gy, attr, 2, out));
  ref_expect(&out[0], 0, SHAPE(1, 1, attr->kernel[0]), want);
  ref_expect(&out[1], 0, SHAPE(1), &want_bias);
  ref_free(&x), ref_free(&gy), ref_free(&out[0]), ref_free(&out[1]);
}

START_TEST(worked_by_hand) {
  const float decades[] = {1, 10, 100, 1000};
  expect_1d(6, decades, 4, &(cvk_conv_attr){.kernel = {3}}, (float[]){4321, 5432, 6543}, 1111);
  expect_1d(6, decades, 3, &(cvk_conv_attr){.kernel = {3}, .stride = {2}, .auto_pad = CVK_SAME_UPPER}, (float[]){531, 642, 53}, 111);
  expect_1d(6, decades, 3, &(cvk_conv_attr){.kernel = {3}, .stride = {2}, .auto_pad = CVK_SAME_LOWER}, (float[]){420, 531, 642}, 111);
  expect_1d(8, decades, 2, &(cvk_conv_attr){.kernel = {2}, .stride = {4}}, (float[]){51, 62}, 11);
  expect_1d(6, decades, 2, &(cvk_conv_attr){.kernel = {3}, .dilation = {2}}, (float[]){21, 43, 65}, 11);
}
END_TEST

START_TEST(groups_keep_apart) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 3), (float[]){1, 2, 3, 4, 5, 6}),
             gy = ref_of(CVK_F32, SHAPE(1, 2, 2), (float[]){1, 10, 100, 1000}), out[2];
  ck_ok(grad(&x, &gy, &(cvk_conv_attr){.kernel = {2}, .group = 2}, 2, out));
  ref_expect(&out[0], 0, SHAPE(2, 1, 2), (float[]){21, 32, 5400, 6500});
  ref_expect(&out[1], 0, SHAPE(2), (float[]){11, 1100});
  ref_free(&x), ref_free(&gy), ref_free(&out[0]), ref_free(&out[1]);
}
END_TEST

START_TEST(no_batch_gives_zeros) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(0, 1, 4)), gy = ref_new(CVK_F32, SHAPE(0, 2, 3)), out[2];
  ck_ok(grad(&x, &gy, &(cvk_conv_attr){.kernel = {2}}, 2, out));
  ref_expect(&out[0], 0, SHAPE(2, 1, 2), (float[]){0, 0, 0, 0});
  ref_expect(&out[1], 0, SHAPE(2), (float[]){0, 0});
  ref_free(&x), ref_free(&gy), ref_free(&out[0]), ref_free(&out[1]);
}
END_TEST

START_TEST(padding_makes_no_nan) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){1, 2, 3}), gy = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){INFINITY, 0, 0}),
             out[1];
  ck_ok(grad(&x, &gy, &(cvk_conv_attr){.kernel = {3}, .pad_begin = {1}, .pad_end = {1}}, 1, out));
  ref_expect(&out[0], 0, SHAPE(1, 1, 3), (float[]){0, INFINITY, INFINITY});
  ref_free(&x), ref_free(&gy), ref_free(&out[0]);
}
END_TEST

/* [N,C,H,W] with kernel 3x2 (one group), the sum as it is defined: over every product of the convolution. */
static void against_loop(int64_t n, int64_t c, int64_t m, int64_t h, int64_t w, const cvk_conv_attr *a, uint32_t seed) {
  const int64_t oh = (h + a->pad_begin[0] + a->pad_end[0] - (a->kernel[0] - 1) * a->dilation[0] - 1) / a->stride[0] + 1;
  const int64_t ow = (w + a->pad_begin[1] + a->pad_end[1] - (a->kernel[1] - 1) * a->dilation[1] - 1) / a->stride[1] + 1;
  ref_tensor x = ref_random(&seed, SHAPE(n, c, h, w)), gy = ref_random(&seed, SHAPE(n, m, oh, ow)), out[1],
             want = ref_new(CVK_F32, SHAPE(m, c, 3, 2));
  ck_ok(grad(&x, &gy, a, 1, out));
  for (int64_t i = 0; i < m * c * 6; i++) {
    const int64_t f = i / 6 / c, ch = i / 6 % c, kh = i / 2 % 3, kw = i % 2;
    double sum = 0;
    for (int64_t b = 0; b < n * oh * ow; b++) {
      const int64_t image = b / (oh * ow), y = b / ow % oh, at = b % ow;
      const int64_t ih = y * a->stride[0] + kh * a->dilation[0] - a->pad_begin[0],
                    iw = at * a->stride[1] + kw * a->dilation[1] - a->pad_begin[1];
      if (ih < 0 || ih >= h || iw < 0 || iw >= w) continue;
      sum += (double)((float *)x.data)[((image * c + ch) * h + ih) * w + iw] *
             (double)((float *)gy.data)[((image * m + f) * oh + y) * ow + at];
    }
    ((float *)want.data)[i] = (float)sum;
  }
  ref_expect(&out[0], 1e-6, SHAPE(m, c, 3, 2), want.data);
  ref_free(&x), ref_free(&gy), ref_free(&out[0]), ref_free(&want);
}

START_TEST(random_shapes) {
  against_loop(2, 3, 4, 7, 6, &(cvk_conv_attr){.kernel = {3, 2}, .stride = {1, 1}, .dilation = {1, 1}}, 1);
  against_loop(3, 1, 2, 9, 8,
               &(cvk_conv_attr){.kernel = {3, 2}, .stride = {2, 3}, .dilation = {1, 1}, .pad_begin = {1, 0}, .pad_end = {0, 2}}, 2);
  against_loop(1, 2, 1, 8, 9,
               &(cvk_conv_attr){.kernel = {3, 2}, .stride = {1, 2}, .dilation = {3, 2}, .pad_begin = {2, 2}, .pad_end = {2, 1}}, 3);
}
END_TEST

START_TEST(in_double) {
  ref_tensor x = ref_of(CVK_F64, SHAPE(1, 1, 2), (double[]){1, 0x1p-40}), gy = ref_of(CVK_F64, SHAPE(1, 1, 2), (double[]){1, 1}), out[1];
  ck_ok(grad(&x, &gy, &(cvk_conv_attr){.kernel = {1}}, 1, out));
  ref_expect_bytes(&out[0], CVK_F64, SHAPE(1, 1, 1), (double[]){1 + 0x1p-40});
  ref_free(&x), ref_free(&gy), ref_free(&out[0]);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 3, 5)), gy = ref_new(CVK_F32, SHAPE(1, 2, 3)), wide = ref_new(CVK_F32, SHAPE(1, 2, 4)),
             ints = ref_new(CVK_I32, SHAPE(1, 2, 3)), flat = ref_new(CVK_F32, SHAPE(1, 2)), out[2];
  const cvk_conv_attr three = {.kernel = {3}};
  ck_fails(grad(&x, &wide, &three, 2, out), CVK_INVALID_SHAPE, "gy has shape [1,2,4], which this convolution does not give");
  ck_fails(grad(&x, &flat, &three, 2, out), CVK_INVALID_SHAPE, "x has rank 3 and gy 2");
  ck_fails(grad(&x, &gy, &(cvk_conv_attr){.kernel = {3}, .group = 2}, 2, out), CVK_INVALID_ARGUMENT,
           "3 and 2 channels do not divide into 2 groups");
  ck_fails(grad(&x, &gy, &(cvk_conv_attr){.kernel = {3}, .activation = CVK_OP_RELU}, 2, out), CVK_INVALID_ARGUMENT, "it takes none");
  ck_fails(grad(&x, &ints, &three, 2, out), CVK_INVALID_ARGUMENT, "type int32");
  ref_free(&x), ref_free(&gy), ref_free(&wide), ref_free(&ints), ref_free(&flat);
}
END_TEST

SUITE("conv_grad", worked_by_hand, groups_keep_apart, no_batch_gives_zeros, padding_makes_no_nan, random_shapes, in_double,
      errors_are_named)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_conv.c: CONV: hand-checked values, padding rules, errors, and random shapes against a loop that scatters instead of gathering.
 * Rules of docs/plugin-abi.md: H7. */
#include <math.h>

#include "ref_run.h"

static cvk_status conv(const ref_tensor *x, const ref_tensor *w, const ref_tensor *b, const cvk_conv_attr *attr, ref_tensor *y) {
  const ref_tensor *const in[] = {x, w, b};
  return ref_run(CVK_OP_CONV, attr, 3, in, 1, y);
}

static void expect_1d(const float *xv, int64_t nx, const float *wv, int64_t nw, const cvk_conv_attr *attr, const float *want, int64_t n) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, nx), xv), w = ref_of(CVK_F32, SHAPE(1, 1, nw), wv), y;
  ck_ok(conv(&x, &w, NULL, attr, &y));
  ref_expect(&y, 0, SHAPE(1, 1, n), want);
  ref_free(&x);
  ref_free(&w);
  ref_free(&y);
}

static const float one_to_six[] = {1, 2, 3, 4, 5, 6}, digits[] = {1, 10, 100};

START_TEST(same_pads_go_where_onnx_says) {
  expect_1d(one_to_six, 6, digits, 3, &(cvk_conv_attr){.auto_pad = CVK_SAME_UPPER, .stride = {2}}, (float[]){321, 543, 65}, 3);
  expect_1d(one_to_six, 6, digits, 3, &(cvk_conv_attr){.auto_pad = CVK_SAME_LOWER, .stride = {2}}, (float[]){210, 432, 654}, 3);
  expect_1d(one_to_six, 6, digits, 3, &(cvk_conv_attr){.auto_pad = CVK_VALID}, (float[]){321, 432, 543, 654}, 4);
  expect_1d(one_to_six, 6, digits, 1, &(cvk_conv_attr){.auto_pad = CVK_SAME_UPPER, .stride = {3}}, (float[]){1, 4}, 2);
}
END_TEST

START_TEST(pads_may_exceed_the_kernel) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 3), one_to_six), w = ref_of(CVK_F32, SHAPE(1, 1, 3), digits),
             b = ref_of(CVK_F32, SHAPE(1), (float[]){0.5f}), y;
  ck_ok(conv(&x, &w, &b, &(cvk_conv_attr){.pad_begin = {4}, .pad_end = {4}}, &y));
  ref_expect(&y, 0, SHAPE(1, 1, 9), (float[]){0.5f, 0.5f, 100.5f, 210.5f, 321.5f, 32.5f, 3.5f, 0.5f, 0.5f});
  ref_free(&x), ref_free(&w), ref_free(&b), ref_free(&y);
}
END_TEST

START_TEST(null_attribute_means_onnx_defaults) {
  expect_1d(one_to_six, 6, digits, 3, NULL, (float[]){321, 432, 543, 654}, 4);
}
END_TEST

START_TEST(padding_makes_no_nan) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, 3), one_to_six), w = ref_of(CVK_F32, SHAPE(1, 1, 3), (float[]){INFINITY, 1, 1}), y;
  ck_ok(conv(&x, &w, NULL, &(cvk_conv_attr){.pad_begin = {1}, .pad_end = {1}}, &y));
  ref_expect(&y, 0, SHAPE(1, 1, 3), (float[]){3, INFINITY, INFINITY});
  ref_free(&x), ref_free(&w), ref_free(&y);
}
END_TEST

START_TEST(empty_batch_gives_empty_output) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(0, 2, 4, 4)), w = ref_new(CVK_F32, SHAPE(3, 2, 3, 3)), y;
  ck_ok(conv(&x, &w, NULL, NULL, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 3, 2, 2));
  ref_free(&x), ref_free(&w), ref_free(&y);
}
END_TEST

START_TEST(resolving_twice_changes_nothing) {
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 4, .dim = {1, 3, 7, 12}};
  const cvk_tensor_desc w = {.struct_size = sizeof w, .dtype = CVK_F32, .rank = 4, .dim = {8, 3, 2, 4}};
  const cvk_tensor_desc *const in[] = {&x, &w};
  cvk_tensor_desc y1, y2;
  cvk_any_attr a1, a2;
  ck_ok(cvk_op_resolve(CVK_OP_CONV, &(cvk_conv_attr){.auto_pad = CVK_SAME_LOWER, .stride = {3, 2}}, 2, in, 1, &y1, &a1));
  ck_ok(cvk_op_resolve(CVK_OP_CONV, &a1, 2, in, 1, &y2, &a2));
  ck_assert_mem_eq(&a1, &a2, sizeof(cvk_conv_attr));
  ck_assert_mem_eq(&y1, &y2, sizeof y1);
  ck_assert_int_eq(a1.conv.kernel[1], 4);
  ck_assert_int_eq(a1.conv.group, 1);
  ck_assert_int_eq(a1.conv.auto_pad, CVK_PAD_EXPLICIT);
  ck_assert_int_eq(a1.conv.pad_begin[1], 1);
  ck_assert_int_eq(a1.conv.pad_end[1], 1);
}
END_TEST

static cvk_status infer(int32_t xr, const int64_t *xd, int32_t wr, const int64_t *wd, const cvk_conv_attr *attr) {
  cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = xr}, w = x, y;
  const cvk_tensor_desc *const in[] = {&x, &w};
  w.rank = wr;
  memcpy(x.dim, xd, (size_t)xr * sizeof *xd);
  memcpy(w.dim, wd, (size_t)wr * sizeof *wd);
  return ref_infer(CVK_OP_CONV, attr, 2, in, &y);
}

START_TEST(bad_shapes_are_named) {
  ck_fails(infer(SHAPE(1, 1, 2, 2), SHAPE(1, 1, 3, 3), NULL), CVK_INVALID_SHAPE,
           "axis 2 the padded input extent 2 (0 + 2 + 0) is smaller than the kernel extent 3");
  ck_fails(infer(SHAPE(1, 1, 1, 1), SHAPE(1, 1, 0, 1), NULL), CVK_INVALID_SHAPE, "kernel extent 0 on axis 2");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 3, 3, 3), NULL), CVK_INVALID_SHAPE, "input has 4 channels, weights want 3");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(3, 2, 3, 3), &(cvk_conv_attr){.group = 2}), CVK_INVALID_SHAPE,
           "3 output channels do not divide into 2 groups");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3), NULL), CVK_INVALID_SHAPE, "rank 3");
  ck_fails(infer(SHAPE(4, 5), SHAPE(2, 4), NULL), CVK_INVALID_SHAPE, "rank 2, allowed 3 to 5");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.kernel = {3, 2}}), CVK_INVALID_SHAPE,
           "kernel extent 2 on axis 3, weights have 3");
}
END_TEST

START_TEST(bad_attributes_are_named) {
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.group = -1}), CVK_INVALID_ARGUMENT, "group is -1");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.stride = {1, -2}}), CVK_INVALID_ARGUMENT, "stride -2 on axis 3");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.dilation = {-2}}), CVK_INVALID_ARGUMENT, "dilation -2 on axis 2");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.pad_end = {-1}}), CVK_INVALID_ARGUMENT, "pads 0 and -1 on axis 2");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.auto_pad = 9}), CVK_INVALID_ARGUMENT, "auto_pad is 9");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.activation = CVK_OP_PRELU}), CVK_INVALID_ARGUMENT,
           "no activation");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.pad_begin = {INT64_MAX}}), CVK_SIZE_OVERFLOW,
           "axis 2 exceeds 2^63-1");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.dilation = {INT64_MAX}}), CVK_SIZE_OVERFLOW,
           "spans more than 2^63-1");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.pad_begin = {INT64_MAX / 8, INT64_MAX / 8}}), CVK_SIZE_OVERFLOW,
           "output");
  ck_fails(infer(SHAPE(1, 4, 5, 5), SHAPE(2, 4, 3, 3), &(cvk_conv_attr){.struct_size = 1u << 30}), CVK_INVALID_ARGUMENT,
           "struct_size 1073741824");
}
END_TEST

START_TEST(bias_and_types_are_checked) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 2, 3)), w = ref_new(CVK_F32, SHAPE(4, 2, 1)), b = ref_new(CVK_F32, SHAPE(3)), y;
  ref_tensor wd = ref_new(CVK_F64, SHAPE(4, 2, 1)), xi = ref_new(CVK_I32, SHAPE(1, 2, 3));
  ck_fails(conv(&x, &w, &b, NULL, &y), CVK_INVALID_SHAPE, "bias has shape [3], wanted [4]");
  ck_fails(conv(&x, &wd, NULL, NULL, &y), CVK_INVALID_ARGUMENT, "input 1 has type float64, allowed float32");
  ck_fails(conv(&xi, &w, NULL, NULL, &y), CVK_INVALID_ARGUMENT, "input 0 has type int32");
  ck_fails(conv(&x, NULL, NULL, NULL, &y), CVK_INVALID_ARGUMENT, "input 1 is required");
  ref_free(&x), ref_free(&w), ref_free(&b), ref_free(&wd), ref_free(&xi);
}
END_TEST

START_TEST(float64_keeps_its_precision) {
  const double xv[] = {1, 1e-12}, wv[] = {1, 1};
  ref_tensor x = ref_of(CVK_F64, SHAPE(1, 1, 2), xv), w = ref_of(CVK_F64, SHAPE(1, 1, 2), wv), y;
  ck_ok(conv(&x, &w, NULL, NULL, &y));
  ck_assert(*(const double *)y.data == 1 + 1e-12);
  ref_free(&x), ref_free(&w), ref_free(&y);
}
END_TEST

/* Adds every product to the output it belongs to: no window arithmetic shared with the reference. sum: of |x||w|. */
static void scatter(const ref_tensor *x, const ref_tensor *w, const cvk_conv_attr *a, const ref_tensor *y, double *value, double *sum) {
  const int64_t *xd = x->desc.dim, *wd = w->desc.dim, *yd = y->desc.dim;
  const int32_t spatial = x->desc.rank - 2;
  const int64_t nx = cvk_count(x->desc.rank, xd), nw = cvk_count(w->desc.rank, wd);
  for (int64_t i = 0; i < nx; i++) {
    int64_t xi[5], wi[5], rest = i;
    for (int32_t k = spatial + 1; k >= 0; k--) xi[k] = rest % xd[k], rest /= xd[k];
    for (int64_t j = 0; j < nw; j++) {
      rest = j;
      for (int32_t k = spatial + 1; k >= 0; k--) wi[k] = rest % wd[k], rest /= wd[k];
      if (wi[0] / (wd[0] / a->group) != xi[1] / wd[1] || xi[1] % wd[1] != wi[1]) continue;
      int64_t at = xi[0] * yd[1] + wi[0];
      int inside = 1;
      for (int32_t k = 0; k < spatial; k++) {
        const int64_t position = xi[k + 2] + a->pad_begin[k] - wi[k + 2] * a->dilation[k];
        if (position < 0 || position % a->stride[k] != 0 || position / a->stride[k] >= yd[k + 2]) inside = 0;
        at = at * yd[k + 2] + position / a->stride[k];
      }
      if (!inside) continue;
      const double product = (double)((const float *)x->data)[i] * (double)((const float *)w->data)[j];
      value[at] += product;
      sum[at] += fabs(product);
    }
  }
}

START_TEST(random_shapes_agree_with_scattering) {
  static double value[200000], sum[200000];
  uint32_t seed = 7;
  for (int round = 0; round < 300; round++) {
    const int32_t spatial = 1 + round % 3;
    const int64_t group = 1 + ref_next(&seed, 3), c = 1 + ref_next(&seed, 3), m = 1 + ref_next(&seed, 3);
    int64_t xd[5] = {1 + ref_next(&seed, 2), c * group}, wd[5] = {m * group, c};
    cvk_conv_attr a = {.group = group};
    for (int32_t k = 0; k < spatial; k++) {
      wd[k + 2] = 1 + ref_next(&seed, 3);
      a.stride[k] = 1 + ref_next(&seed, 3);
      a.dilation[k] = 1 + ref_next(&seed, 3);
      a.pad_begin[k] = ref_next(&seed, 4);
      a.pad_end[k] = ref_next(&seed, 4);
      xd[k + 2] = (wd[k + 2] - 1) * a.dilation[k] + 1 + ref_next(&seed, spatial == 1 ? 300 : 5);
    }
    ref_tensor x = ref_random(&seed, spatial + 2, xd), w = ref_random(&seed, spatial + 2, wd), y;
    ck_ok(conv(&x, &w, NULL, &a, &y));
    const int64_t n = cvk_count(y.desc.rank, y.desc.dim);
    ck_assert_int_le(n, 200000);
    memset(value, 0, (size_t)n * sizeof *value);
    memset(sum, 0, (size_t)n * sizeof *sum);
    scatter(&x, &w, &a, &y, value, sum);
    for (int64_t i = 0; i < n; i++) {
      const double got = ((const float *)y.data)[i];
      ck_assert_msg(fabs(got - value[i]) <= 0x1p-24 * sum[i], "round %d, element %lld: got %.9g, want %.9g", round, (long long)i, got,
                    value[i]);
    }
    ref_free(&x), ref_free(&w), ref_free(&y);
  }
}
END_TEST

SUITE("conv", same_pads_go_where_onnx_says, pads_may_exceed_the_kernel, null_attribute_means_onnx_defaults, padding_makes_no_nan,
      empty_batch_gives_empty_output, resolving_twice_changes_nothing, bad_shapes_are_named, bad_attributes_are_named,
      bias_and_types_are_checked, float64_keeps_its_precision, random_shapes_agree_with_scattering)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_unary.c: activations and unary functions: known values, defaults, the far ends and NaN of every kind, integers, CLIP's limits. */
#include <math.h>

#include "ref_run.h"

static void expect_row(int32_t kind, const cvk_unary_attr *attr, double tolerance, int64_t n, const float *x, const float *want) {
  ref_tensor in = ref_of(CVK_F32, 1, &n, x), y;
  ck_ok(ref_run1(kind, attr, &in, &y));
  ref_expect(&y, tolerance, 1, &n, want);
  ref_free(&in), ref_free(&y);
}

START_TEST(relu_keeps_nan_and_drops_the_sign_of_zero) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(5), (float[]){NAN, -2, -0.0f, INFINITY, -INFINITY}), y;
  ck_ok(ref_run1(CVK_OP_RELU, NULL, &x, &y));
  ref_expect(&y, 0, SHAPE(5), (float[]){NAN, 0, 0, INFINITY, 0});
  for (int i = 1; i < 5; i++) ck_assert(!signbit(((float *)y.data)[i]));
  ref_free(&x), ref_free(&y);
}
END_TEST

static const float far_x[] = {-100, -20, -10, -1, 0, 1, 10, 19.8f, 20, 50, 100, 1e30f, -1e30f, INFINITY, -INFINITY, NAN, 0.5f};

START_TEST(tanh_and_sigmoid_over_the_whole_range) {
  expect_row(CVK_OP_TANH, NULL, 2e-7, 17, far_x,
             (float[]){-1, -1, -1, -0.76159416f, 0, 0.76159416f, 1, 1, 1, 1, 1, 1, -1, 1, -1, NAN, 0.46211716f});
  expect_row(CVK_OP_SIGMOID, NULL, 2e-7, 17, far_x,
             (float[]){3.783506e-44f, 2.0611537e-9f, 4.5397868e-5f, 0.26894143f, 0.5f, 0.73105858f, 0.9999546f, 1, 1, 1, 1, 1, 0, 1, 0, NAN,
                       0.62245935f});
  expect_row(CVK_OP_SOFTPLUS, NULL, 2e-7, 17, far_x,
             (float[]){3.783506e-44f, 2.0611537e-9f, 4.5398900e-5f, 0.31326169f, 0.69314718f, 1.3132617f, 10.000045f, 19.8f, 20, 50, 100,
                       1e30f, 0, INFINITY, 0, NAN, 0.97407699f});
}
END_TEST

/* The small values on the left are right to the last digits, not just to an absolute bound. */
START_TEST(left_tails_keep_their_digits) {
  ref_tensor x = ref_of(CVK_F64, SHAPE(1), (double[]){-20}), y;
  const struct {
    int32_t kind;
    float alpha;
    double want;
  } rows[] = {{CVK_OP_SIGMOID, 0, 2.0611536181902037e-09},
              {CVK_OP_SOFTPLUS, 0, 2.061153620314381e-09},
              {CVK_OP_GELU, 0, -5.507248237212663e-88},
              {CVK_OP_MISH, 0, -4.122307240628762e-08},
              {CVK_OP_SWISH, 1, -4.122307236380407e-08}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ck_ok(ref_run1(rows[i].kind, &(cvk_unary_attr){.alpha = rows[i].alpha}, &x, &y));
    ck_assert_double_le(fabs(*(double *)y.data / rows[i].want - 1), 1e-12);
    ref_free(&y);
  }
  ref_free(&x);
}
END_TEST

START_TEST(defaults_are_onnx_s) {
  const float x[] = {-1, 2};
  expect_row(CVK_OP_LEAKY_RELU, NULL, 1e-7, 2, x, (float[]){-0.01f, 2});
  expect_row(CVK_OP_ELU, NULL, 1e-7, 2, x, (float[]){-0.63212056f, 2});
  expect_row(CVK_OP_SELU, NULL, 2e-7, 2, x, (float[]){-1.1113307f, 2.101402f});
  expect_row(CVK_OP_CELU, NULL, 1e-7, 2, x, (float[]){-0.63212056f, 2});
  expect_row(CVK_OP_CLIP, NULL, 0, 2, x, x);
  expect_row(CVK_OP_HARD_SIGMOID, NULL, 1e-7, 2, x, (float[]){0.3f, 0.9f});
  expect_row(CVK_OP_GELU, NULL, 1e-7, 2, x, (float[]){-0.15865525f, 1.9544997f});
  expect_row(CVK_OP_SWISH, NULL, 1e-7, 2, x, (float[]){-0.26894142f, 1.7615942f});
  expect_row(CVK_OP_THRESHOLDED_RELU, NULL, 0, 2, x, (float[]){0, 2});
}
END_TEST

START_TEST(attributes_and_plain_functions) {
  const float x[] = {-4, 0.25f, 1};
  expect_row(CVK_OP_LEAKY_RELU, &(cvk_unary_attr){.alpha = 0.5f}, 0, 3, x, (float[]){-2, 0.25f, 1});
  expect_row(CVK_OP_CELU, &(cvk_unary_attr){.alpha = 2}, 1e-7, 3, x, (float[]){-1.7293295f, 0.25f, 1});
  expect_row(CVK_OP_GELU, &(cvk_unary_attr){.alpha = 1}, 1e-7, 3, x, (float[]){-7.0245948e-5f, 0.14967535f, 0.84119199f});
  expect_row(CVK_OP_HARD_SWISH, NULL, 1e-7, 3, x, (float[]){0, 0.13541667f, 0.66666667f});
  expect_row(CVK_OP_SOFTSIGN, NULL, 1e-7, 3, x, (float[]){-0.8f, 0.2f, 0.5f});
  expect_row(CVK_OP_MISH, NULL, 1e-7, 3, x, (float[]){-0.072591741f, 0.16957241f, 0.86509839f});
  expect_row(CVK_OP_EXP, NULL, 1e-7, 3, x, (float[]){0.018315639f, 1.2840254f, 2.7182818f});
  expect_row(CVK_OP_LOG, NULL, 1e-7, 3, x, (float[]){NAN, -1.3862944f, 0});
  expect_row(CVK_OP_SQRT, NULL, 0, 3, x, (float[]){NAN, 0.5f, 1});
  expect_row(CVK_OP_ABS, NULL, 0, 3, x, (float[]){4, 0.25f, 1});
  expect_row(CVK_OP_NEG, NULL, 0, 3, x, (float[]){4, -0.25f, -1});
  expect_row(CVK_OP_RECIPROCAL, NULL, 0, 3, x, (float[]){-0.25f, 4, 1});
  expect_row(CVK_OP_ERF, NULL, 1e-7, 3, x, (float[]){-0.99999998f, 0.27632639f, 0.84270079f});
  expect_row(CVK_OP_FLOOR, NULL, 0, 3, (float[]){-1.5f, 1.5f, INFINITY}, (float[]){-2, 1, INFINITY});
  expect_row(CVK_OP_CEIL, NULL, 0, 3, (float[]){-1.5f, 1.5f, -INFINITY}, (float[]){-1, 2, -INFINITY});
  expect_row(CVK_OP_RECIPROCAL, NULL, 0, 2, (float[]){0, -0.0f}, (float[]){INFINITY, -INFINITY});
}
END_TEST

START_TEST(angles_and_hyperbolas) {
  const float x[] = {-0.5f, 0, 0.75f}, from_1[] = {1, 2, 0.5f};
  expect_row(CVK_OP_SIN, NULL, 1e-7, 3, x, (float[]){-0.47942554f, 0, 0.68163876f});
  expect_row(CVK_OP_COS, NULL, 1e-7, 3, x, (float[]){0.87758256f, 1, 0.73168887f});
  expect_row(CVK_OP_TAN, NULL, 1e-7, 3, x, (float[]){-0.54630249f, 0, 0.93159646f});
  expect_row(CVK_OP_ASIN, NULL, 1e-7, 3, x, (float[]){-0.52359878f, 0, 0.84806208f});
  expect_row(CVK_OP_ACOS, NULL, 1e-7, 3, x, (float[]){2.0943951f, 1.5707963f, 0.72273425f});
  expect_row(CVK_OP_ATAN, NULL, 1e-7, 3, x, (float[]){-0.46364761f, 0, 0.64350111f});
  expect_row(CVK_OP_SINH, NULL, 1e-7, 3, x, (float[]){-0.52109531f, 0, 0.82231673f});
  expect_row(CVK_OP_COSH, NULL, 1e-7, 3, x, (float[]){1.1276260f, 1, 1.2946833f});
  expect_row(CVK_OP_ASINH, NULL, 1e-7, 3, x, (float[]){-0.48121183f, 0, 0.69314718f});
  expect_row(CVK_OP_ACOSH, NULL, 1e-7, 3, from_1, (float[]){0, 1.3169579f, NAN});
  expect_row(CVK_OP_ATANH, NULL, 1e-7, 3, x, (float[]){-0.54930614f, 0, 0.97295507f});
  const float far[] = {INFINITY, -INFINITY, 1, -1, 2};
  expect_row(CVK_OP_SIN, NULL, 1e-7, 3, far, (float[]){NAN, NAN, 0.84147098f});
  expect_row(CVK_OP_ATAN, NULL, 1e-7, 2, far, (float[]){1.5707963f, -1.5707963f});
  expect_row(CVK_OP_ASIN, NULL, 1e-7, 5, far, (float[]){NAN, NAN, 1.5707963f, -1.5707963f, NAN});
  expect_row(CVK_OP_ATANH, NULL, 1e-7, 5, far, (float[]){NAN, NAN, INFINITY, -INFINITY, NAN});
  expect_row(CVK_OP_COSH, NULL, 0, 2, far, (float[]){INFINITY, INFINITY});
  expect_row(CVK_OP_SINH, NULL, 0, 2, far, far);
}
END_TEST

START_TEST(round_sign_shrink) {
  expect_row(CVK_OP_ROUND, NULL, 0, 8, (float[]){0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.25f, 1e30f, -INFINITY},
             (float[]){0, 2, 2, 0, -2, 2, 1e30f, -INFINITY});
  expect_row(CVK_OP_SIGN, NULL, 0, 6, (float[]){-3, -1e-42f, -0.0f, 0, 5, INFINITY}, (float[]){-1, -1, 0, 0, 1, 1});
  const float x[] = {-2, -1.5f, -0.5f, 0.5f, 1.75f, NAN};
  expect_row(CVK_OP_SHRINK, NULL, 0, 6, x, (float[]){-2, -1.5f, 0, 0, 1.75f, 0});
  expect_row(CVK_OP_SHRINK, &(cvk_unary_attr){.alpha = 1.5f, .beta = 1.5f}, 0, 6, x, (float[]){-0.5f, 0, 0, 0, 0.25f, 0});
  ref_tensor i = ref_of(CVK_I32, SHAPE(3), (int32_t[]){-5, 0, INT32_MAX}), u = ref_of(CVK_U8, SHAPE(2), (uint8_t[]){0, 200}), y;
  ck_ok(ref_run1(CVK_OP_SIGN, NULL, &i, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(3), (int32_t[]){-1, 0, 1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SIGN, NULL, &u, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(2), (uint8_t[]){0, 1});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_SHRINK, &(cvk_unary_attr){.alpha = 1, .beta = 2}, &i, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(3), (int32_t[]){-3, 0, INT32_MAX - 2});
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_ROUND, NULL, &i, &y), CVK_INVALID_ARGUMENT, "round: input 0 has type int32");
  ref_free(&i), ref_free(&u);
}
END_TEST

START_TEST(complement) {
  ref_tensor i = ref_of(CVK_I16, SHAPE(3), (int16_t[]){0, -1, INT16_MIN}), u = ref_of(CVK_U64, SHAPE(2), (uint64_t[]){0, 5}),
             x = ref_new(CVK_F32, SHAPE(1)), y;
  ck_ok(ref_run1(CVK_OP_BITWISE_NOT, NULL, &i, &y));
  ref_expect_bytes(&y, CVK_I16, SHAPE(3), (int16_t[]){-1, 0, INT16_MAX});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_BITWISE_NOT, NULL, &u, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(2), (uint64_t[]){UINT64_MAX, UINT64_MAX - 5});
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_BITWISE_NOT, NULL, &x, &y), CVK_INVALID_ARGUMENT, "bitwise_not: input 0 has type float32");
  ref_free(&i), ref_free(&u), ref_free(&x);
}
END_TEST

START_TEST(nan_stays_nan_in_every_kind) {
  const float quiet[] = {NAN};
  int32_t kinds = 0;
  for (int32_t i = 0; cvk_op_def_at(i) != NULL; i++) {
    const cvk_op_def *def = cvk_op_def_at(i);
    if (def->reference != cvk_op_def_find(CVK_OP_RELU)->reference || def->kind == CVK_OP_NOT ||
        def->kind == CVK_OP_BITWISE_NOT || def->kind == CVK_OP_SHRINK)
      continue;
    expect_row(def->kind, NULL, 0, 1, quiet, quiet);
    kinds++;
  }
  ck_assert_int_eq(kinds, 38);
}
END_TEST

START_TEST(halves_round_once) {
  ref_tensor x = ref_of(CVK_F16, SHAPE(2), (uint16_t[]){0x3c00, 0xbc00}), y; /* 1, -1 */
  ck_ok(ref_run1(CVK_OP_EXP, NULL, &x, &y));
  ref_expect_bytes(&y, CVK_F16, SHAPE(2), (uint16_t[]){0x4170, 0x35e3}); /* 2.71875, 0.367919921875 */
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(integers_and_bool) {
  ref_tensor x = ref_of(CVK_I32, SHAPE(3), (int32_t[]){-5, 7, INT32_MIN}), b = ref_of(CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1}), y;
  ck_ok(ref_run1(CVK_OP_RELU, NULL, &x, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(3), (int32_t[]){0, 7, 0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_ABS, NULL, &x, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(3), (int32_t[]){5, 7, INT32_MIN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_NEG, NULL, &x, &y));
  ref_expect_bytes(&y, CVK_I32, SHAPE(3), (int32_t[]){5, -7, INT32_MIN});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_NOT, NULL, &b, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(2), (uint8_t[]){1, 0});
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_EXP, NULL, &x, &y), CVK_INVALID_ARGUMENT, "exp: input 0 has type int32, allowed float32");
  ck_fails(ref_run1(CVK_OP_NOT, NULL, &x, &y), CVK_INVALID_ARGUMENT, "bool");
  ref_free(&x), ref_free(&b);
}
END_TEST

static cvk_status clip(const ref_tensor *x, const ref_tensor *low, const ref_tensor *high, const cvk_unary_attr *attr, ref_tensor *y) {
  const ref_tensor *const in[] = {x, low, high};
  return ref_run(CVK_OP_CLIP, attr, 3, in, 1, y);
}

START_TEST(clip_limits) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(4), (float[]){-5, 0, 5, NAN}), two = ref_of(CVK_F32, SCALAR, (float[]){2}),
             one = ref_of(CVK_F32, SCALAR, (float[]){1}), y;
  ck_ok(clip(&x, NULL, NULL, &(cvk_unary_attr){.alpha = -1, .beta = 1}, &y));
  ref_expect(&y, 0, SHAPE(4), (float[]){-1, 0, 1, NAN});
  ref_free(&y);
  ck_ok(clip(&x, NULL, &two, &(cvk_unary_attr){.alpha = -1, .beta = 1}, &y)); /* a tensor overrides its field only */
  ref_expect(&y, 0, SHAPE(4), (float[]){-1, 0, 2, NAN});
  ref_free(&y);
  ck_ok(clip(&x, &two, &one, NULL, &y)); /* crossed limits: the upper one wins */
  ref_expect(&y, 0, SHAPE(4), (float[]){1, 1, 1, NAN});
  ref_free(&y), ref_free(&x), ref_free(&two), ref_free(&one);
}
END_TEST

START_TEST(clip_of_integers_is_exact) {
  const int64_t big = (INT64_C(1) << 53) + 1;
  ref_tensor x = ref_of(CVK_I64, SHAPE(3), (int64_t[]){INT64_MAX, 0, INT64_MIN}), high = ref_of(CVK_I64, SCALAR, &big), y;
  ck_ok(clip(&x, NULL, &high, NULL, &y));
  ref_expect_i64(&y, SHAPE(3), (int64_t[]){big, 0, INT64_MIN});
  ref_free(&y), ref_free(&x), ref_free(&high);
  ref_tensor u = ref_of(CVK_U8, SHAPE(3), (uint8_t[]){0, 100, 255});
  ck_ok(clip(&u, NULL, NULL, &(cvk_unary_attr){.alpha = -7, .beta = 200.9f}, &y));
  ref_expect_bytes(&y, CVK_U8, SHAPE(3), (uint8_t[]){0, 100, 200});
  ref_free(&y), ref_free(&u);
}
END_TEST

START_TEST(clip_errors) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(4)), pair = ref_new(CVK_F32, SHAPE(2)), whole = ref_new(CVK_I32, SCALAR), y;
  const cvk_tensor_desc unknown = {.struct_size = sizeof unknown, .dtype = CVK_F32};
  const cvk_tensor_desc *const in[] = {&x.desc, &unknown};
  cvk_tensor_desc out;
  ck_fails(clip(&x, &pair, NULL, NULL, &y), CVK_INVALID_SHAPE, "min has shape [2]");
  ck_fails(clip(&x, NULL, &whole, NULL, &y), CVK_INVALID_ARGUMENT, "max is int32, x is float32");
  ck_fails(ref_infer(CVK_OP_CLIP, NULL, 2, in, &out), CVK_UNSUPPORTED, "min (input 1) must be known");
  ref_free(&x), ref_free(&pair), ref_free(&whole);
}
END_TEST

SUITE("unary", relu_keeps_nan_and_drops_the_sign_of_zero, tanh_and_sigmoid_over_the_whole_range, left_tails_keep_their_digits,
      defaults_are_onnx_s, attributes_and_plain_functions, angles_and_hyperbolas, round_sign_shrink, complement,
      nan_stays_nan_in_every_kind, halves_round_once, integers_and_bool, clip_limits,
      clip_of_integers_is_exact, clip_errors)

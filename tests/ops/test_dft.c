/* SPDX-License-Identifier: Apache-2.0 */
/* test_dft.c: DFT against values from numpy.fft: real and complex signals, longer and shorter lengths, one-sided both ways, other axes,
 * there and back, bad input. */
#include "ref_run.h"

#define TOLERANCE 1e-6

START_TEST(of_a_real_signal) {
  ref_tensor x = ref_ramp(7, 3, 13, 6, 4, SHAPE(5, 1)), seven = ref_of(CVK_I64, SCALAR, (int64_t[]){7}),
             three = ref_of(CVK_I32, SHAPE(1), (int32_t[]){3}), y;
  ck_ok(ref_run1(CVK_OP_DFT, NULL, &x, &y));
  ref_expect(&y, TOLERANCE, SHAPE(5, 2),
             (float[]){0.75f, 0, -1.125f, -0.16019645f, -1.125f, -2.3990805f, -1.125f, 2.3990805f, -1.125f, 0.16019645f});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_DFT, NULL, &x, &seven, &y));
  ref_expect(&y, TOLERANCE, SHAPE(7, 2),
             (float[]){0.75f, 0, -0.9162186f, -0.94519314f, 0.1014533f, -0.019122558f, -2.1852347f, -2.2871913f, -2.1852347f, 2.2871913f,
                       0.1014533f, 0.019122558f, -0.9162186f, 0.94519314f});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_DFT, NULL, &x, &three, &y));
  ref_expect(&y, TOLERANCE, SHAPE(3, 2), (float[]){-0.25f, 0, -1, -1.2990381f, -1, 1.2990381f});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = 0, .onesided = 1}, &x, &y));
  ref_expect(&y, TOLERANCE, SHAPE(3, 2), (float[]){0.75f, 0, -1.125f, -0.16019645f, -1.125f, -2.3990805f});
  ref_free(&y), ref_free(&x), ref_free(&seven), ref_free(&three);
}
END_TEST

START_TEST(back_from_a_spectrum) {
  ref_tensor z = ref_ramp(5, 1, 9, 4, 4, SHAPE(4, 2)), y;
  ck_ok(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = 0, .inverse = 1}, &z, &y));
  ref_expect(&y, TOLERANCE, SHAPE(4, 2), (float[]){-0.375f, 0.3125f, -0.5625f, -0.25f, -0.125f, 0.4375f, 0.3125f, 0});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = 0, .inverse = 1, .onesided = 1}, &z, &y));
  ref_expect(&y, TOLERANCE, SHAPE(6, 1), (float[]){-0.375f, -0.67184815f, 0.072168784f, -0.041666667f, -0.072168784f, 0.33851482f});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = 0, .length = 5, .inverse = 1, .onesided = 1}, &z, &y));
  ref_expect(&y, TOLERANCE, SHAPE(5, 1), (float[]){-0.45f, -0.65133276f, 0.18498873f, -0.22318533f, 0.38952936f});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = 0, .length = 9, .inverse = 1, .onesided = 1}, &z, &y));
  ref_expect(
      &y, TOLERANCE, SHAPE(9, 1),
      (float[]){-0.25f, -0.31162385f, -0.48301162f, 0.048112522f, 0.25680736f, -0.29976949f, -0.048112522f, 0.38216676f, -0.044569158f});
  ref_free(&y), ref_free(&z);
}
END_TEST

/* Along the first and a middle axis, the axis as attribute and as tensor, there and back. */
START_TEST(there_and_back) {
  ref_tensor x = ref_ramp(7, 3, 13, 6, 4, SHAPE(3, 4, 2, 2)), y, z;
  for (int64_t axis = 0; axis < 3; axis++) {
    ref_tensor at = ref_of(CVK_I64, SCALAR, &axis);
    ck_ok(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = (int32_t)axis}, &x, &y));
    ck_ok(ref_run(CVK_OP_DFT, &(cvk_dft_attr){.axis = -2, .inverse = 1}, 3, (const ref_tensor *const[]){&y, NULL, &at}, 1, &z));
    ref_expect(&z, TOLERANCE, SHAPE(3, 4, 2, 2), x.data);
    ref_free(&y), ref_free(&z), ref_free(&at);
  }
  ref_free(&x);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(4, 1)), z = ref_new(CVK_F32, SHAPE(4, 2)), w = ref_new(CVK_F32, SHAPE(4, 3)),
             row = ref_new(CVK_F32, SHAPE(4)), none = ref_new(CVK_F32, SHAPE(0, 2)), zero = ref_new(CVK_I64, SCALAR),
             i = ref_new(CVK_I64, SHAPE(4, 1)), y;
  ck_fails(ref_run1(CVK_OP_DFT, NULL, &row, &y), CVK_INVALID_SHAPE, "dft: x has rank 1");
  ck_fails(ref_run1(CVK_OP_DFT, NULL, &w, &y), CVK_INVALID_SHAPE, "extent 3 on its last axis, must be 1 or 2");
  ck_fails(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.axis = 1}, &x, &y), CVK_INVALID_ARGUMENT, "axis 1 is the last one");
  ck_fails(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.onesided = 1}, &z, &y), CVK_INVALID_SHAPE, "one-sided to a spectrum takes 1");
  ck_fails(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.onesided = 1, .inverse = 1}, &x, &y), CVK_INVALID_SHAPE, "back from a spectrum takes 2");
  ck_fails(ref_run2(CVK_OP_DFT, NULL, &x, &zero, &y), CVK_INVALID_ARGUMENT, "length is 0, must be at least 1");
  ck_fails(ref_run1(CVK_OP_DFT, NULL, &none, &y), CVK_INVALID_ARGUMENT, "length is 0");
  ck_fails(ref_run1(CVK_OP_DFT, &(cvk_dft_attr){.length = INT64_MAX}, &z, &y), CVK_SIZE_OVERFLOW, "dft: output");
  ck_fails(ref_run1(CVK_OP_DFT, NULL, &i, &y), CVK_INVALID_ARGUMENT, "input 0 has type int64");
  ref_free(&x), ref_free(&z), ref_free(&w), ref_free(&row), ref_free(&none), ref_free(&zero), ref_free(&i);
}
END_TEST

SUITE("dft", of_a_real_signal, back_from_a_spectrum, there_and_back, bad_arguments)

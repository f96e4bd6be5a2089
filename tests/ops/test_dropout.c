/* SPDX-License-Identifier: Apache-2.0 */
/* test_dropout.c: DROPOUT at inference; DROPOUT_TRAIN: how many elements stay and which, seeds, streams; errors. */
#include <math.h>

#include "ref_run.h"

START_TEST(identity_and_a_mask_of_ones) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), ratio = ref_of(CVK_F32, SCALAR, (float[]){0.9f}), y[2];
  const ref_tensor *const in[] = {&x, &ratio, NULL};
  ck_ok(ref_run(CVK_OP_DROPOUT, NULL, 3, in, 2, y));
  ref_expect(&y[0], 0, SHAPE(2, 2), (float[]){1, 2, 3, 4});
  ck_assert_int_eq(y[1].desc.dtype, CVK_BOOL);
  ck_assert_mem_eq(y[1].data, "\1\1\1\1", 4);
  ref_free(&x), ref_free(&ratio), ref_free(&y[0]), ref_free(&y[1]);
}
END_TEST

static ref_tensor train(const ref_tensor *x, float ratio, int64_t stream, int64_t seed) {
  ref_tensor s = ref_of(CVK_I64, SCALAR, &seed), y;
  ck_ok(ref_run2(CVK_OP_DROPOUT_TRAIN, &(cvk_dropout_attr){.ratio = ratio, .stream = stream}, x, &s, &y));
  ref_free(&s);
  return y;
}

/* The share that stays is that of n throws within five standard deviations; what stays is divided by it. */
START_TEST(as_many_stay_as_should) {
  enum { N = 100000 };
  const float ratios[] = {0.1f, 0.3f, 0.5f, 0.9f};
  ref_tensor x = ref_new(CVK_F32, SHAPE(N));
  for (int i = 0; i < N; i++) ((float *)x.data)[i] = (float)(i % 7 + 1);
  for (size_t r = 0; r < sizeof ratios / sizeof *ratios; r++) {
    ref_tensor y = train(&x, ratios[r], 0, 1234 + (int64_t)r);
    const double p = (double)ratios[r], sigma = sqrt(N * p * (1 - p));
    int gone = 0;
    for (int i = 0; i < N; i++) {
      const double got = (double)((const float *)y.data)[i], kept = (i % 7 + 1) / (1 - p);
      gone += got == 0;
      ck_assert_msg(got == 0 || fabs(got - kept) < 1e-5 * kept, "ratio %g, element %d: %g, wanted 0 or %g", p, i, got, kept);
    }
    ck_assert_msg(fabs(gone - N * p) < 5 * sigma, "ratio %g: %d of %d gone", p, gone, N);
    ref_free(&y);
  }
  ref_free(&x);
}
END_TEST

START_TEST(seeds_and_streams) {
  enum { N = 4096 };
  ref_tensor x = ref_new(CVK_F64, SHAPE(N)), y[4];
  for (int i = 0; i < N; i++) ((double *)x.data)[i] = 1;
  y[0] = train(&x, 0.5f, 2, -9);
  y[1] = train(&x, 0.5f, 2, -9);
  y[2] = train(&x, 0.5f, 3, -9);
  y[3] = train(&x, 0.5f, 2, -8);
  ck_assert_mem_eq(y[0].data, y[1].data, N * sizeof(double));
  for (int k = 2; k < 4; k++) { /* two fair coins agree half the time: 2048 within 5 sigma of 32 */
    int same = 0;
    for (int i = 0; i < N; i++) same += ((double *)y[0].data)[i] == ((double *)y[k].data)[i];
    ck_assert_msg(same > 2048 - 160 && same < 2048 + 160, "%d of 4096 alike", same);
  }
  for (int k = 0; k < 4; k++) ref_free(&y[k]);
  ref_free(&x);
}
END_TEST

START_TEST(nothing_goes_at_ratio_0) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(3), (float[]){1, NAN, -INFINITY}), y = train(&x, 0, 0, 5), empty = ref_new(CVK_F32, SHAPE(0)),
             none = train(&empty, 0.5f, 0, 5);
  ref_expect(&y, 0, SHAPE(3), (float[]){1, NAN, -INFINITY});
  ref_expect_shape(&none.desc, SHAPE(0));
  ref_free(&x), ref_free(&y), ref_free(&empty), ref_free(&none);
}
END_TEST

/* What goes is 0, whatever it was. */
START_TEST(what_goes_is_zero) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(64)), y;
  int gone = 0;
  for (int i = 0; i < 64; i++) ((float *)x.data)[i] = i % 2 ? NAN : INFINITY;
  y = train(&x, 0.5f, 0, 1);
  for (int i = 0; i < 64; i++) gone += ((float *)y.data)[i] == 0;
  ck_assert_int_gt(gone, 8);
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(3)), seed = ref_new(CVK_I64, SCALAR), two = ref_new(CVK_I64, SHAPE(2)),
             narrow = ref_new(CVK_I32, SCALAR), y;
  ck_fails(ref_run2(CVK_OP_DROPOUT_TRAIN, &(cvk_dropout_attr){.ratio = 1}, &x, &seed, &y), CVK_INVALID_ARGUMENT,
           "ratio is 1, allowed from 0 to below 1");
  ck_fails(ref_run2(CVK_OP_DROPOUT_TRAIN, &(cvk_dropout_attr){.ratio = NAN}, &x, &seed, &y), CVK_INVALID_ARGUMENT, "ratio is nan");
  ck_fails(ref_run2(CVK_OP_DROPOUT_TRAIN, NULL, &x, &two, &y), CVK_INVALID_SHAPE, "the seed has 2 elements");
  ck_fails(ref_run2(CVK_OP_DROPOUT_TRAIN, NULL, &x, &narrow, &y), CVK_INVALID_ARGUMENT, "int32");
  ref_free(&x), ref_free(&seed), ref_free(&two), ref_free(&narrow);
}
END_TEST

SUITE("dropout", identity_and_a_mask_of_ones, as_many_stay_as_should, seeds_and_streams, nothing_goes_at_ratio_0, what_goes_is_zero,
      errors_are_named)

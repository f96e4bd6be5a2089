/* SPDX-License-Identifier: Apache-2.0 */
/* test_nary.c: SUM MEAN MIN MAX of one, several and 64 inputs, with broadcasting, NaN and integers. */
#include <math.h>

#include "ref_run.h"

START_TEST(three_inputs_broadcast) {
  ref_tensor a = ref_of(CVK_F32, SHAPE(2, 1), (float[]){1, 2}), b = ref_of(CVK_F32, SHAPE(2), (float[]){10, 20}),
             c = ref_of(CVK_F32, SCALAR, (float[]){3}), y;
  const ref_tensor *const in[] = {&a, &b, &c};
  const struct {
    int32_t kind;
    float want[4];
  } rows[] = {{CVK_OP_SUM, {14, 24, 15, 25}},
              {CVK_OP_MEAN, {14.f / 3, 8, 5, 25.f / 3}},
              {CVK_OP_MIN, {1, 1, 2, 2}},
              {CVK_OP_MAX, {10, 20, 10, 20}}};
  for (size_t i = 0; i < 4; i++) {
    ck_ok(ref_run(rows[i].kind, NULL, 3, in, 1, &y));
    ref_expect(&y, 0, SHAPE(2, 2), rows[i].want);
    ref_free(&y);
  }
  ref_free(&a), ref_free(&b), ref_free(&c);
}
END_TEST

START_TEST(nan_wins_in_any_position) {
  ref_tensor a = ref_of(CVK_F32, SHAPE(3), (float[]){NAN, 1, 1}), b = ref_of(CVK_F32, SHAPE(3), (float[]){1, NAN, -INFINITY}), y;
  ck_ok(ref_run2(CVK_OP_MAX, NULL, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){NAN, NAN, 1});
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_MIN, NULL, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){NAN, NAN, -INFINITY});
  ref_free(&y), ref_free(&a), ref_free(&b);
}
END_TEST

/* 64 inputs, the most; a float sum in order would lose the ones beside 2^24. */
START_TEST(sixty_four_inputs_are_summed_in_double) {
  ref_tensor x[64], y;
  const ref_tensor *in[64];
  for (int i = 0; i < 64; i++) {
    x[i] = ref_of(CVK_F32, SHAPE(1), (float[]){i == 0 ? 16777216.f : 1});
    in[i] = &x[i];
  }
  ck_ok(ref_run(CVK_OP_SUM, NULL, 64, in, 1, &y));
  ref_expect(&y, 0, SHAPE(1), (float[]){16777280.f}); /* 2^24 + 63 lies between 2^24+62 and +64 and goes to the even one */
  ref_free(&y);
  for (int i = 0; i < 64; i++) ref_free(&x[i]);
}
END_TEST

START_TEST(one_input_and_integers) {
  ref_tensor a = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){UINT64_MAX}), b = ref_of(CVK_U64, SHAPE(1), (uint64_t[]){1}), y;
  const ref_tensor *const in[] = {&a};
  ck_ok(ref_run(CVK_OP_MAX, NULL, 1, in, 1, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(1), a.data);
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_MIN, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(1), b.data);
  ref_free(&y);
  ck_ok(ref_run2(CVK_OP_SUM, NULL, &a, &b, &y));
  ref_expect_bytes(&y, CVK_U64, SHAPE(1), (uint64_t[]){0});
  ref_free(&y);
  ck_fails(ref_run2(CVK_OP_MEAN, NULL, &a, &b, &y), CVK_INVALID_ARGUMENT, "mean: input 0 has type uint64");
  ref_free(&a), ref_free(&b);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(2, 3)), b = ref_new(CVK_F32, SHAPE(4)), d = ref_new(CVK_F64, SHAPE(3)), y;
  ck_fails(ref_run2(CVK_OP_MAX, NULL, &a, &b, &y), CVK_INVALID_SHAPE, "[2,3] and [4]");
  ck_fails(ref_run2(CVK_OP_SUM, NULL, &a, &d, &y), CVK_INVALID_ARGUMENT, "input 1 is float64");
  ref_free(&a), ref_free(&b), ref_free(&d);
}
END_TEST

SUITE("nary", three_inputs_broadcast, nan_wins_in_any_position, sixty_four_inputs_are_summed_in_double, one_input_and_integers,
      bad_arguments)

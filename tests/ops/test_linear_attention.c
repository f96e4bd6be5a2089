/* SPDX-License-Identifier: Apache-2.0 */
/* test_linear_attention.c: LINEAR_ATTENTION, every rule by hand on heads of one cell, shared heads, the state before and after. */
#include <math.h>

#include "ref_run.h"

#define LN2 0.69314718f

static cvk_status run(const cvk_linear_attention_attr *attr, int32_t n, const ref_tensor *const *in, ref_tensor *out) {
  return ref_run(CVK_OP_LINEAR_ATTENTION, attr, n, in, 2, out);
}

/* Two tokens: q 1, 2; k 2, 3; v 5, 7; a state of 1 before. */
START_TEST(rules) {
  ref_tensor q = ref_of(CVK_F32, SHAPE(1, 2, 1), (float[]){1, 2}), k = ref_of(CVK_F32, SHAPE(1, 2, 1), (float[]){2, 3}),
             v = ref_of(CVK_F32, SHAPE(1, 2, 1), (float[]){5, 7}), past = ref_of(CVK_F32, SHAPE(1, 1, 1, 1), (float[]){1}),
             decay = ref_of(CVK_F32, SHAPE(1, 2, 1), (float[]){LN2, -LN2}), beta = ref_of(CVK_F32, SHAPE(1, 2, 1), (float[]){1, 0.5f}),
             y[2];
  const ref_tensor *const in[] = {&q, &k, &v, &past, NULL, NULL};
  cvk_linear_attention_attr a = {.q_heads = 1, .kv_heads = 1, .scale = 10};
  ck_ok(run(&a, 4, in, y)); /* 1 + 10, 11 + 21 */
  ref_expect(&y[0], 1e-6, SHAPE(1, 2, 1), (float[]){110, 640});
  ref_expect(&y[1], 1e-6, SHAPE(1, 1, 1, 1), (float[]){32});
  ref_free(&y[0]), ref_free(&y[1]);
  ck_ok(run(&a, 3, in, y)); /* from nothing */
  ref_expect(&y[1], 1e-6, SHAPE(1, 1, 1, 1), (float[]){31});
  ref_free(&y[0]), ref_free(&y[1]);
  a.rule = CVK_RULE_GATED; /* 2 + 10, 6 + 21 */
  ck_ok(run(&a, 5, (const ref_tensor *[]){&q, &k, &v, &past, &decay}, y));
  ref_expect(&y[0], 1e-6, SHAPE(1, 2, 1), (float[]){120, 540});
  ref_free(&y[0]), ref_free(&y[1]);
  a.rule = CVK_RULE_DELTA; /* 1 + 2 (5 - 2) = 7; 7 + 3 (7 - 21) / 2 = -14 */
  ck_ok(run(&a, 6, (const ref_tensor *[]){&q, &k, &v, &past, NULL, &beta}, y));
  ref_expect(&y[0], 1e-6, SHAPE(1, 2, 1), (float[]){70, -280});
  ref_free(&y[0]), ref_free(&y[1]);
  a.rule = CVK_RULE_GATED | CVK_RULE_DELTA; /* 2 + 2 (5 - 4) = 4; 2 + 3 (7 - 6) / 2 = 3.5 */
  ck_ok(run(&a, 6, (const ref_tensor *[]){&q, &k, &v, &past, &decay, &beta}, y));
  ref_expect(&y[0], 1e-6, SHAPE(1, 2, 1), (float[]){40, 70});
  ref_expect(&y[1], 1e-6, SHAPE(1, 1, 1, 1), (float[]){3.5f});
  ref_free(&y[0]), ref_free(&y[1]);
  ref_free(&q), ref_free(&k), ref_free(&v), ref_free(&past), ref_free(&decay), ref_free(&beta);
}
END_TEST

/* Two heads of q read one state [2, 2]; decay for each row of it; the default scale is 1 / sqrt(2). */
START_TEST(shared_heads_and_rows) {
  ref_tensor q = ref_of(CVK_F64, SHAPE(1, 1, 4), (double[]){1, 0, 0, 1}), k = ref_of(CVK_F64, SHAPE(1, 1, 2), (double[]){1, 2}),
             v = ref_of(CVK_F64, SHAPE(1, 1, 2), (double[]){10, 20}), past = ref_of(CVK_F64, SHAPE(1, 1, 2, 2), (double[]){1, 1, 1, 1}),
             decay = ref_of(CVK_F64, SHAPE(1, 1, 2), (double[]){0, log(3)}), y[2];
  const cvk_linear_attention_attr a = {.q_heads = 2, .kv_heads = 1, .rule = CVK_RULE_GATED};
  const double r = sqrt(0.5);
  ck_ok(run(&a, 5, (const ref_tensor *[]){&q, &k, &v, &past, &decay}, y));
  ck_assert_double_eq_tol(((double *)y[0].data)[0], 11 * r, 1e-12);
  ck_assert_double_eq_tol(((double *)y[0].data)[1], 21 * r, 1e-12);
  ck_assert_double_eq_tol(((double *)y[0].data)[2], 23 * r, 1e-12);
  ck_assert_double_eq_tol(((double *)y[0].data)[3], 43 * r, 1e-12);
  ck_assert_double_eq_tol(((double *)y[1].data)[3], 43, 1e-12);
  ref_free(&y[0]), ref_free(&y[1]), ref_free(&q), ref_free(&k), ref_free(&v), ref_free(&past), ref_free(&decay);
}
END_TEST

START_TEST(refusals) {
  ref_tensor q = ref_new(CVK_F32, SHAPE(1, 2, 4)), k = ref_new(CVK_F32, SHAPE(1, 2, 2)), h = ref_new(CVK_F16, SHAPE(1, 2, 2)),
             past = ref_new(CVK_F32, SHAPE(1, 2, 2, 2)), y[2];
  cvk_linear_attention_attr a = {.q_heads = 2, .kv_heads = 1};
  ck_fails(run(NULL, 3, (const ref_tensor *[]){&q, &k, &k}, y), CVK_INVALID_ARGUMENT, "0 heads of the query");
  ck_fails(run(&a, 3, (const ref_tensor *[]){&q, &k, &h}, y), CVK_INVALID_ARGUMENT, "value is float16");
  ck_fails(run(&a, 3, (const ref_tensor *[]){&q, &q, &k}, y), CVK_INVALID_SHAPE, "key has shape [1,2,4], expected [1,2,2]");
  ck_fails(run(&a, 4, (const ref_tensor *[]){&q, &k, &k, &past}, y), CVK_INVALID_SHAPE, "past_state has shape [1,2,2,2]");
  ck_fails(run(&a, 5, (const ref_tensor *[]){&q, &k, &k, NULL, &k}, y), CVK_INVALID_ARGUMENT, "rule 0 takes no decay and no beta, given are 1 and 0");
  a.rule = CVK_RULE_DELTA;
  ck_fails(run(&a, 3, (const ref_tensor *[]){&q, &k, &k}, y), CVK_INVALID_ARGUMENT, "rule 2 takes no decay and a beta, given are 0 and 0");
  a.rule = 4;
  ck_fails(run(&a, 3, (const ref_tensor *[]){&q, &k, &k}, y), CVK_INVALID_ARGUMENT, "rule is 4");
  ref_free(&q), ref_free(&k), ref_free(&h), ref_free(&past);
}
END_TEST

SUITE("linear_attention", rules, shared_heads_and_rows, refusals)

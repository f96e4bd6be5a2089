/* SPDX-License-Identifier: Apache-2.0 */
/* test_cross_entropy.c: SOFTMAX_CROSS_ENTROPY and its gradient: huge logits, ignored targets, weights, smoothing, cells; targets that are
 * no class. */
#include <math.h>

#include "ref_run.h"

#define LOG2 0.6931471805599453f
#define LOG3 1.0986122886681098f

static cvk_status loss(const ref_tensor *x, const ref_tensor *t, const ref_tensor *w, const cvk_cross_entropy_attr *a, ref_tensor *y) {
  const ref_tensor *const in[] = {x, t, w};
  return ref_run(CVK_OP_SOFTMAX_CROSS_ENTROPY, a, 3, in, 1, y);
}

static cvk_status grad(const ref_tensor *x, const ref_tensor *t, const ref_tensor *gy, const ref_tensor *w, const cvk_cross_entropy_attr *a,
                       ref_tensor *gx) {
  const ref_tensor *const in[] = {x, t, gy, w};
  return ref_run(CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD, a, 4, in, 1, gx);
}

/* Both, of two rows of two classes. gy is 1 for each loss. */
static void expect(const float *xv, const int64_t *tv, const float *wv, const cvk_cross_entropy_attr *a, const float *want,
                   const float *want_gx) {
  const int32_t none = a->reduction == CVK_LOSS_NONE;
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2), xv), t = ref_of(CVK_I64, SHAPE(2), tv),
             w = ref_of(CVK_F32, SHAPE(2), wv ? wv : (float[]){1, 1}), y, gx, gy = ref_of(CVK_F32, none, (int64_t[]){2}, (float[]){1, 1});
  ck_ok(loss(&x, &t, wv ? &w : NULL, a, &y));
  ref_expect(&y, 1e-6, none, (int64_t[]){2}, want);
  ck_ok(grad(&x, &t, &gy, wv ? &w : NULL, a, &gx));
  ref_expect(&gx, 1e-6, SHAPE(2, 2), want_gx);
  ref_free(&x), ref_free(&t), ref_free(&w), ref_free(&y), ref_free(&gx), ref_free(&gy);
}

static const cvk_cross_entropy_attr mean = {.reduction = CVK_LOSS_MEAN}, total = {.reduction = CVK_LOSS_SUM},
                                    each = {.reduction = CVK_LOSS_NONE};

/* softmax of log 3, 0 is 3/4, 1/4, and -log 3/4 = 2 log 2 - log 3. */
START_TEST(reductions) {
  const float x[] = {LOG3, 0, 0, 0};
  const int64_t t[] = {0, 1};
  expect(x, t, NULL, &each, (float[]){2 * LOG2 - LOG3, LOG2}, (float[]){-0.25f, 0.25f, 0.5f, -0.5f});
  expect(x, t, NULL, &total, (float[]){3 * LOG2 - LOG3}, (float[]){-0.25f, 0.25f, 0.5f, -0.5f});
  expect(x, t, NULL, &mean, (float[]){(3 * LOG2 - LOG3) / 2}, (float[]){-0.125f, 0.125f, 0.25f, -0.25f});
}
END_TEST

START_TEST(huge_logits) {
  expect((float[]){1000, 0, -1e30f, 1e30f}, (int64_t[]){1, 1}, NULL, &each, (float[]){1000, 0}, (float[]){1, -1, 0, 0});
  expect((float[]){-1000, -1001, 0, -INFINITY}, (int64_t[]){1, 0}, NULL, &each, (float[]){1.3132617f, 0},
         (float[]){0.7310586f, -0.7310586f, 0, 0});
}
END_TEST

START_TEST(weights_count_in_the_mean) {
  const float x[4] = {0}, w[] = {1, 3};
  expect(x, (int64_t[]){0, 1}, w, &each, (float[]){LOG2, 3 * LOG2}, (float[]){-0.5f, 0.5f, 1.5f, -1.5f});
  expect(x, (int64_t[]){0, 1}, w, &mean, (float[]){LOG2}, (float[]){-0.125f, 0.125f, 0.375f, -0.375f});
}
END_TEST

START_TEST(ignored_targets) {
  const float x[] = {LOG3, 0, 7, -7};
  cvk_cross_entropy_attr m = mean, s = total, n = each;
  m.has_ignore = s.has_ignore = n.has_ignore = 1;
  m.ignore_index = s.ignore_index = n.ignore_index = -100;
  expect(x, (int64_t[]){0, -100}, NULL, &m, (float[]){2 * LOG2 - LOG3}, (float[]){-0.25f, 0.25f, 0, 0});
  expect(x, (int64_t[]){-100, -100}, NULL, &m, (float[]){NAN}, (float[]){0, 0, 0, 0});
  expect(x, (int64_t[]){-100, -100}, NULL, &s, (float[]){0}, (float[]){0, 0, 0, 0});
  expect(x, (int64_t[]){-100, -100}, NULL, &n, (float[]){0, 0}, (float[]){0, 0, 0, 0});
  n.ignore_index = 0; /* a class may be the ignored one */
  expect(x, (int64_t[]){0, 0}, NULL, &n, (float[]){0, 0}, (float[]){0, 0, 0, 0});
}
END_TEST

/* (1 - s) (-log p[t]) + s / 2 (-log p[0] - log p[1]); NumPy's values. */
START_TEST(smoothed_labels) {
  const cvk_cross_entropy_attr a = {.reduction = CVK_LOSS_NONE, .label_smoothing = 0.2f},
                               m = {.reduction = CVK_LOSS_MEAN, .label_smoothing = 0.2f};
  const float x[] = {LOG3, 0, LOG3, 0};
  expect(x, (int64_t[]){0, 0}, NULL, &a, (float[]){0.3975433f, 0.3975433f}, (float[]){-0.15f, 0.15f, -0.15f, 0.15f});
  expect(x, (int64_t[]){1, 1}, (float[]){1, 3}, &m, (float[]){1.2572543f}, (float[]){1.0f / 3, -1.0f / 3, 1.0f / 3, -1.0f / 3});
}
END_TEST

/* [N, C, cells]: a target for each cell; i32 targets. */
START_TEST(cells_have_targets_of_their_own) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 2), (float[]){LOG3, 0, 0, LOG3}), t = ref_of(CVK_I32, SHAPE(1, 2), (int32_t[]){0, 0}), y, gx,
             gy = ref_of(CVK_F32, SHAPE(1, 2), (float[]){2, 1});
  ck_ok(loss(&x, &t, NULL, &each, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2), (float[]){2 * LOG2 - LOG3, 2 * LOG2});
  ck_ok(grad(&x, &t, &gy, NULL, &each, &gx));
  ref_expect(&gx, 1e-6, SHAPE(1, 2, 2), (float[]){-0.5f, -0.75f, 0.5f, 0.75f});
  ref_free(&x), ref_free(&t), ref_free(&y), ref_free(&gx), ref_free(&gy);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 2)), t = ref_of(CVK_I64, SHAPE(2), (int64_t[]){0, 2}),
             low = ref_of(CVK_I64, SHAPE(2), (int64_t[]){-1, 0}), one = ref_new(CVK_I64, SHAPE(1)), w = ref_new(CVK_F32, SHAPE(3)),
             gy = ref_of(CVK_F32, SCALAR, (float[]){1}), y;
  ck_fails(loss(&x, &t, NULL, &mean, &y), CVK_INVALID_ARGUMENT, "target 2 at position 1, allowed 0 to 1");
  ck_fails(loss(&x, &low, NULL, &each, &y), CVK_INVALID_ARGUMENT, "target -1 at position 0, allowed 0 to 1");
  ck_fails(grad(&x, &t, &gy, NULL, &mean, &y), CVK_INVALID_ARGUMENT, "target 2 at position 1, allowed 0 to 1");
  ck_fails(grad(&x, &low, &gy, NULL, &each, &y), CVK_INVALID_SHAPE, "gy has shape [], the loss has [2]");
  ck_fails(loss(&x, &one, NULL, &mean, &y), CVK_INVALID_SHAPE, "target has shape [1], x has [2,2]");
  ck_fails(loss(&x, &t, &w, &mean, &y), CVK_INVALID_SHAPE, "weight has shape [3], wanted [2]");
  ck_fails(loss(&x, &t, NULL, &(cvk_cross_entropy_attr){.reduction = 3}, &y), CVK_INVALID_ARGUMENT, "reduction is 3, allowed 0 to 2");
  ck_fails(loss(&x, &t, NULL, &(cvk_cross_entropy_attr){.label_smoothing = 1.5f}, &y), CVK_INVALID_ARGUMENT, "label_smoothing is 1.5");
  ref_free(&x), ref_free(&t), ref_free(&low), ref_free(&one), ref_free(&w), ref_free(&gy);
}
END_TEST

SUITE("cross_entropy", reductions, huge_logits, weights_count_in_the_mean, ignored_targets, smoothed_labels,
      cells_have_targets_of_their_own, errors_are_named)

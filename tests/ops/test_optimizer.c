/* SPDX-License-Identifier: Apache-2.0 */
/* test_optimizer.c: SGD and ADAM: three steps of each way worked by hand (ADAM's with changing gradients by NumPy); scale, decay, states;
 * errors. */
#include <math.h>

#include "ref_run.h"

#define STEPS 3

/* Three steps with rate 0.1 of one weight that begins at 1. momentum: whether there is a state; scale 0: absent. */
static void expect_sgd(const cvk_sgd_attr *a, int32_t momentum, float scale, const float *g, const float *want) {
  const float start = 1, zero = 0, tenth = 0.1f;
  ref_tensor w = ref_of(CVK_F32, SHAPE(1), &start), m = ref_of(CVK_F32, SHAPE(1), &zero), rate = ref_of(CVK_F32, SCALAR, &tenth),
             s = ref_of(CVK_F32, SHAPE(1), &scale), out[2];
  for (int t = 0; t < STEPS; t++) {
    ref_tensor gw = ref_of(CVK_F32, SHAPE(1), &g[t]);
    const ref_tensor *const in[] = {&w, &gw, &rate, momentum ? &m : NULL, scale != 0 ? &s : NULL};
    ck_ok(ref_run(CVK_OP_SGD, a, 5, in, momentum ? 2 : 1, out));
    ref_expect(&out[0], 1e-6, SHAPE(1), &want[t]);
    ref_free(&gw), ref_free(&w);
    w = out[0];
    if (!momentum) continue;
    ref_free(&m);
    m = out[1];
  }
  ref_free(&w), ref_free(&m), ref_free(&rate), ref_free(&s);
}

static const float ones[] = {1, 1, 1}, twos[] = {2, 2, 2};

START_TEST(three_steps_of_sgd) {
  expect_sgd(&(cvk_sgd_attr){0}, 0, 0, ones, (float[]){0.9f, 0.8f, 0.7f});
  expect_sgd(&(cvk_sgd_attr){.momentum = 0.5f}, 1, 0, ones, (float[]){0.9f, 0.75f, 0.575f});
  expect_sgd(&(cvk_sgd_attr){.momentum = 0.5f, .nesterov = 1}, 1, 0, ones, (float[]){0.85f, 0.675f, 0.4875f});
  expect_sgd(&(cvk_sgd_attr){.decay = 0.5f}, 0, 0, ones, (float[]){0.85f, 0.7075f, 0.572125f});
  expect_sgd(&(cvk_sgd_attr){.momentum = 0.5f}, 1, 0.5f, twos, (float[]){0.9f, 0.75f, 0.575f});
  expect_sgd(&(cvk_sgd_attr){.decay = 0.5f}, 0, 0.5f, twos, (float[]){0.85f, 0.7075f, 0.572125f}); /* the scale is the gradient's alone */
}
END_TEST

/* The state is momentum m + g, not its mean. */
START_TEST(the_state_of_sgd) {
  ref_tensor w = ref_of(CVK_F64, SHAPE(2), (double[]){1, 2}), g = ref_of(CVK_F64, SHAPE(2), (double[]){3, -1}),
             rate = ref_of(CVK_F64, SCALAR, (double[]){0.5}), m = ref_of(CVK_F64, SHAPE(2), (double[]){4, 8}), out[2];
  const ref_tensor *const in[] = {&w, &g, &rate, &m};
  ck_ok(ref_run(CVK_OP_SGD, &(cvk_sgd_attr){.momentum = 0.5f}, 4, in, 2, out));
  ref_expect_bytes(&out[1], CVK_F64, SHAPE(2), (double[]){5, 3});
  ref_expect_bytes(&out[0], CVK_F64, SHAPE(2), (double[]){-1.5, 0.5});
  ref_free(&w), ref_free(&g), ref_free(&rate), ref_free(&m), ref_free(&out[0]), ref_free(&out[1]);
}
END_TEST

static void expect_adam(const cvk_adam_attr *a, float scale, const float *g, const float *want, const float *want_m, const float *want_v) {
  const float start = 1, zero = 0, tenth = 0.1f;
  ref_tensor w = ref_of(CVK_F32, SHAPE(1), &start), m = ref_of(CVK_F32, SHAPE(1), &zero), v = ref_of(CVK_F32, SHAPE(1), &zero),
             rate = ref_of(CVK_F32, SCALAR, &tenth), s = ref_of(CVK_F32, SCALAR, &scale), out[3];
  for (int64_t t = 0; t < STEPS; t++) {
    ref_tensor gw = ref_of(CVK_F32, SHAPE(1), &g[t]), step = ref_of(CVK_I64, SHAPE(1), (int64_t[]){t + 1});
    const ref_tensor *const in[] = {&w, &gw, &rate, &step, &m, &v, scale != 0 ? &s : NULL};
    ck_ok(ref_run(CVK_OP_ADAM, a, 7, in, 3, out));
    ref_expect(&out[0], 1e-6, SHAPE(1), &want[t]);
    if (want_m) ref_expect(&out[1], 1e-6, SHAPE(1), &want_m[t]);
    if (want_v) ref_expect(&out[2], 1e-6, SHAPE(1), &want_v[t]);
    ref_free(&gw), ref_free(&step), ref_free(&w), ref_free(&m), ref_free(&v);
    w = out[0], m = out[1], v = out[2];
  }
  ref_free(&w), ref_free(&m), ref_free(&v), ref_free(&rate), ref_free(&s);
}

/* With equal gradients both means are those gradients: a step is rate 1 / (1 + epsilon). */
START_TEST(three_steps_of_adam) {
  const cvk_adam_attr a = {.beta1 = 0.5f, .beta2 = 0.75f};
  cvk_adam_attr wide = a, decoupled = a, coupled = a;
  wide.epsilon = 1;
  decoupled.decay = coupled.decay = 0.5f;
  decoupled.decoupled = 1;
  expect_adam(&a, 0, ones, (float[]){0.9f, 0.8f, 0.7f}, (float[]){0.5f, 0.75f, 0.875f}, (float[]){0.25f, 0.4375f, 0.578125f});
  expect_adam(&wide, 0, ones, (float[]){0.95f, 0.9f, 0.85f}, NULL, NULL);
  expect_adam(&a, 0.5f, twos, (float[]){0.9f, 0.8f, 0.7f}, (float[]){0.5f, 0.75f, 0.875f}, NULL);
  expect_adam(&a, 0, (float[]){1, 2, -1}, (float[]){0.9f, 0.79883717f, 0.78866669f}, (float[]){0.5f, 1.25f, 0.125f},
              (float[]){0.25f, 1.1875f, 1.140625f});
  /* AdamW: 1 -> 0.95 - 0.1 = 0.85 -> 0.8075 - 0.1 = 0.7075 -> 0.672125 - 0.1 */
  expect_adam(&decoupled, 0, ones, (float[]){0.85f, 0.7075f, 0.572125f}, (float[]){0.5f, 0.75f, 0.875f}, NULL);
  /* Adam with decay in its gradient: the first is 1.5 and gives m 0.75, v 0.5625, a step of 0.1 as any first one; the second is 1.45. The
   * rest is NumPy's. */
  expect_adam(&coupled, 0, (float[]){1, 1, 1}, (float[]){0.9f, 0.8003377f, 0.70120498f}, (float[]){0.75f, 1.1f, 1.2500844f},
              (float[]){0.5625f, 0.9475f, 1.2007432f});
}
END_TEST

START_TEST(adams_defaults) {
  ref_tensor w = ref_of(CVK_F64, SHAPE(1), (double[]){1}), g = ref_of(CVK_F64, SHAPE(1), (double[]){4}),
             rate = ref_of(CVK_F64, SCALAR, (double[]){0}), step = ref_of(CVK_I64, SCALAR, (int64_t[]){1}),
             zero = ref_new(CVK_F64, SHAPE(1)), out[3];
  const ref_tensor *const in[] = {&w, &g, &rate, &step, &zero, &zero};
  ck_ok(ref_run(CVK_OP_ADAM, NULL, 6, in, 3, out));
  ck_assert_double_eq_tol(*(double *)out[1].data, 0.4, 1e-6);
  ck_assert_double_eq_tol(*(double *)out[2].data, 0.016, 1e-6);
  ck_assert(*(double *)out[0].data == 1);
  ref_free(&w), ref_free(&g), ref_free(&rate), ref_free(&step), ref_free(&zero);
  for (int i = 0; i < 3; i++) ref_free(&out[i]);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor w = ref_new(CVK_F32, SHAPE(2, 3)), g = ref_new(CVK_F32, SHAPE(3)), rate = ref_new(CVK_F32, SCALAR),
             wide = ref_new(CVK_F64, SCALAR), many = ref_new(CVK_F32, SHAPE(2)), out[3];
  const ref_tensor *const shape[] = {&w, &g, &rate}, *const type[] = {&w, &w, &wide}, *const rates[] = {&w, &w, &many},
                          *const none[] = {&w, &w, &rate};
  const ref_tensor *const step[] = {&w, &w, &rate, &rate, &w, &w};
  ck_fails(ref_run(CVK_OP_SGD, NULL, 3, shape, 1, out), CVK_INVALID_SHAPE, "sgd: input 1 has shape [3], the weights have [2,3]");
  ck_fails(ref_run(CVK_OP_SGD, NULL, 3, type, 1, out), CVK_INVALID_ARGUMENT, "float64");
  ck_fails(ref_run(CVK_OP_SGD, NULL, 3, rates, 1, out), CVK_INVALID_SHAPE, "input 2 has 2 elements, it is one number");
  ck_fails(ref_run(CVK_OP_SGD, &(cvk_sgd_attr){.momentum = 0.5f}, 3, none, 1, out), CVK_INVALID_ARGUMENT,
           "momentum is 0.5, but its state (input 3) is absent");
  ck_fails(ref_run(CVK_OP_ADAM, NULL, 6, step, 3, out), CVK_INVALID_ARGUMENT, "float32");
  ref_free(&w), ref_free(&g), ref_free(&rate), ref_free(&wide), ref_free(&many);
}
END_TEST

SUITE("optimizer", three_steps_of_sgd, the_state_of_sgd, three_steps_of_adam, adams_defaults, errors_are_named)

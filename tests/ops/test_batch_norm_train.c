/* SPDX-License-Identifier: Apache-2.0 */
/* test_batch_norm_train.c: BATCH_NORM_TRAIN and BATCH_NORM_GRAD: worked by hand, running statistics, one cell, channels; errors. */
#include <math.h>

#include "ref_run.h"

enum { Y, NEW_MEAN, NEW_VAR, BATCH_MEAN, BATCH_VAR, OUTPUTS };

static void free_all(int32_t n, ref_tensor *t) {
  for (int32_t i = 0; i < n; i++) ref_free(&t[i]);
}

/* Of 1 2 3 6 the mean is 3, the variance 3.5; epsilon 0.5 makes the deviation 2. */
START_TEST(worked_by_hand) {
  ref_tensor in[] = {ref_of(CVK_F32, SHAPE(2, 1, 2), (float[]){1, 2, 3, 6}), ref_of(CVK_F32, SHAPE(1), (float[]){2}),
                     ref_of(CVK_F32, SHAPE(1), (float[]){1}), ref_of(CVK_F32, SHAPE(1), (float[]){7}),
                     ref_of(CVK_F32, SHAPE(1), (float[]){1.5f})},
             out[OUTPUTS];
  const ref_tensor *const at[] = {&in[0], &in[1], &in[2], &in[3], &in[4]};
  ck_ok(ref_run(CVK_OP_BATCH_NORM_TRAIN, &(cvk_norm_attr){.epsilon = 0.5f, .alpha = 0.75f}, 5, at, OUTPUTS, out));
  ref_expect(&out[Y], 1e-6, SHAPE(2, 1, 2), (float[]){-1, 0, 1, 4});
  ref_expect(&out[NEW_MEAN], 1e-6, SHAPE(1), (float[]){6});
  ref_expect(&out[NEW_VAR], 1e-6, SHAPE(1), (float[]){2});
  ref_expect(&out[BATCH_MEAN], 0, SHAPE(1), (float[]){3});
  ref_expect(&out[BATCH_VAR], 0, SHAPE(1), (float[]){3.5f});
  free_all(5, in), free_all(OUTPUTS, out);
}
END_TEST

/* Channels keep apart, and without running statistics the batch's are the new ones. */
START_TEST(channels_without_running_statistics) {
  ref_tensor x = ref_of(CVK_F64, SHAPE(2, 2), (double[]){1, 10, 3, 50}), scale = ref_of(CVK_F64, SHAPE(2), (double[]){1, 2}),
             bias = ref_of(CVK_F64, SHAPE(2), (double[]){0, 5}), out[OUTPUTS];
  const ref_tensor *const at[] = {&x, &scale, &bias};
  ck_ok(ref_run(CVK_OP_BATCH_NORM_TRAIN, &(cvk_norm_attr){.epsilon = 0}, 3, at, OUTPUTS, out));
  ref_expect_bytes(&out[Y], CVK_F64, SHAPE(2, 2), (double[]){-1, 3, 1, 7});
  ref_expect_bytes(&out[NEW_MEAN], CVK_F64, SHAPE(2), (double[]){2, 30});
  ref_expect_bytes(&out[NEW_VAR], CVK_F64, SHAPE(2), (double[]){1, 400});
  ref_expect_bytes(&out[BATCH_VAR], CVK_F64, SHAPE(2), (double[]){1, 400});
  ref_free(&x), ref_free(&scale), ref_free(&bias), free_all(OUTPUTS, out);
}
END_TEST

START_TEST(one_cell_is_the_bias) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 1, 1), (float[]){5, -3}), scale = ref_of(CVK_F32, SHAPE(2), (float[]){2, 2}),
             bias = ref_of(CVK_F32, SHAPE(2), (float[]){0.5f, -1}), out[OUTPUTS];
  const ref_tensor *const at[] = {&x, &scale, &bias};
  ck_ok(ref_run(CVK_OP_BATCH_NORM_TRAIN, NULL, 3, at, OUTPUTS, out));
  ref_expect(&out[Y], 0, SHAPE(1, 2, 1, 1), (float[]){0.5f, -1});
  ref_expect(&out[BATCH_MEAN], 0, SHAPE(2), (float[]){5, -3});
  ref_expect(&out[BATCH_VAR], 0, SHAPE(2), (float[]){0, 0});
  ref_free(&x), ref_free(&scale), ref_free(&bias), free_all(OUTPUTS, out);
}
END_TEST

/* h = (x - 3) / 2 is -1, -0.5, 0, 1.5; gy is 1 at the first cell: gbias 1, gscale -1, gx = gy - 0.25 + 0.25 h for a scale of 2. */
START_TEST(gradient_by_hand) {
  ref_tensor in[] = {ref_of(CVK_F32, SHAPE(2, 1, 2), (float[]){1, 2, 3, 6}), ref_of(CVK_F32, SHAPE(1), (float[]){2}),
                     ref_of(CVK_F32, SHAPE(1), (float[]){3}), ref_of(CVK_F32, SHAPE(1), (float[]){3.5f}),
                     ref_of(CVK_F32, SHAPE(2, 1, 2), (float[]){1, 0, 0, 0})},
             out[3];
  const ref_tensor *const at[] = {&in[0], &in[1], &in[2], &in[3], &in[4]};
  ck_ok(ref_run(CVK_OP_BATCH_NORM_GRAD, &(cvk_norm_attr){.epsilon = 0.5f}, 5, at, 3, out));
  ref_expect(&out[0], 1e-6, SHAPE(2, 1, 2), (float[]){0.5f, -0.375f, -0.25f, 0.125f});
  ref_expect(&out[1], 0, SHAPE(1), (float[]){-1});
  ref_expect(&out[2], 0, SHAPE(1), (float[]){1});
  free_all(5, in), free_all(3, out);
}
END_TEST

START_TEST(errors_are_named) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), three = ref_new(CVK_F32, SHAPE(3)), two = ref_new(CVK_F32, SHAPE(2)),
             flat = ref_new(CVK_F32, SHAPE(3)), out[OUTPUTS];
  const ref_tensor *const half[] = {&x, &three, &three, &three, NULL}, *const wrong[] = {&x, &two, &three},
                          *const low[] = {&flat, &three, &three};
  const ref_tensor *const short_gy[] = {&x, &three, &three, &three, &three};
  ck_fails(ref_run(CVK_OP_BATCH_NORM_TRAIN, NULL, 5, half, OUTPUTS, out), CVK_INVALID_ARGUMENT, "one of the running mean and var is given");
  ck_fails(ref_run(CVK_OP_BATCH_NORM_TRAIN, NULL, 3, wrong, OUTPUTS, out), CVK_INVALID_SHAPE, "scale has shape [2], wanted [3]");
  ck_fails(ref_run(CVK_OP_BATCH_NORM_TRAIN, NULL, 3, low, OUTPUTS, out), CVK_INVALID_SHAPE, "rank 1");
  ck_fails(ref_run(CVK_OP_BATCH_NORM_GRAD, NULL, 5, short_gy, 3, out), CVK_INVALID_SHAPE, "gy has shape [3], x has [2,3]");
  ref_free(&x), ref_free(&three), ref_free(&two), ref_free(&flat);
}
END_TEST

SUITE("batch_norm_train", worked_by_hand, channels_without_running_statistics, one_cell_is_the_bias, gradient_by_hand, errors_are_named)

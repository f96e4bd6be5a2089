/* SPDX-License-Identifier: Apache-2.0 */
/* test_batch_norm.c: BATCH_NORM at inference. */
#include <math.h>

#include "ref_run.h"

typedef struct norm_inputs {
  ref_tensor x, scale, bias, mean, var;
} norm_inputs;

/* Two channels of two cells: 1 2 | 3 4. */
static norm_inputs two_channels(float var0, float var1) {
  return (norm_inputs){ref_of(CVK_F32, SHAPE(1, 2, 2), (float[]){1, 2, 3, 4}), ref_of(CVK_F32, SHAPE(2), (float[]){2, 1}),
                       ref_of(CVK_F32, SHAPE(2), (float[]){0.5f, 0}), ref_of(CVK_F32, SHAPE(2), (float[]){1, 3}),
                       ref_of(CVK_F32, SHAPE(2), (float[]){var0, var1})};
}

static void free_inputs(norm_inputs *n) {
  ref_free(&n->x), ref_free(&n->scale), ref_free(&n->bias), ref_free(&n->mean), ref_free(&n->var);
}

static cvk_status run(const norm_inputs *n, const cvk_norm_attr *attr, ref_tensor *y) {
  const ref_tensor *const in[] = {&n->x, &n->scale, &n->bias, &n->mean, &n->var};
  return ref_run(CVK_OP_BATCH_NORM, attr, 5, in, 1, y);
}

START_TEST(each_channel_has_its_own) {
  norm_inputs n = two_channels(4, 0.25f);
  ref_tensor y;
  ck_ok(run(&n, &(cvk_norm_attr){.epsilon = 0}, &y));
  ref_expect(&y, 1e-7, SHAPE(1, 2, 2), (float[]){0.5f, 1.5f, 0, 2});
  free_inputs(&n), ref_free(&y);
}
END_TEST

START_TEST(null_attribute_means_epsilon_of_onnx) {
  norm_inputs n = two_channels(0, 1);
  ref_tensor y;
  ck_ok(run(&n, NULL, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 2), (float[]){0.5f, 632.95553f, 0, 0.999995f});
  free_inputs(&n), ref_free(&y);
}
END_TEST

START_TEST(negative_variance) {
  norm_inputs n = two_channels(-5e-6f, -1);
  ref_tensor y;
  ck_ok(run(&n, NULL, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 2), (float[]){0.5f, 894.9272f, NAN, NAN});
  free_inputs(&n), ref_free(&y);
}
END_TEST

START_TEST(rank_two_and_mixed_types) {
  norm_inputs n = two_channels(1, 4);
  ref_tensor y;
  n.x.desc.rank = 2, n.x.desc.dim[0] = 2, n.x.desc.dim[1] = 2; /* rows 1 2 and 3 4: a column is a channel */
  ref_free(&n.var);
  n.var = ref_of(CVK_F64, SHAPE(2), (double[]){1, 4});
  ck_ok(run(&n, &(cvk_norm_attr){.epsilon = 0}, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){0.5f, -0.5f, 4.5f, 0.5f});
  free_inputs(&n), ref_free(&y);
}
END_TEST

START_TEST(errors_are_named) {
  norm_inputs n = two_channels(1, 1);
  ref_tensor y;
  n.mean.desc.dim[0] = 1;
  ck_fails(run(&n, NULL, &y), CVK_INVALID_SHAPE, "mean has shape [1], wanted [2]");
  n.mean.desc.dim[0] = 2;
  n.x.desc.rank = 1;
  ck_fails(run(&n, NULL, &y), CVK_INVALID_SHAPE, "rank 1");
  n.x.desc.rank = 3;
  n.x.desc.dtype = CVK_I32;
  ck_fails(run(&n, NULL, &y), CVK_INVALID_ARGUMENT, "input 0 has type int32");
  free_inputs(&n);
}
END_TEST

SUITE("batch_norm", each_channel_has_its_own, null_attribute_means_epsilon_of_onnx, negative_variance, rank_two_and_mixed_types,
      errors_are_named)

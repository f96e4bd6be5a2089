/* SPDX-License-Identifier: Apache-2.0 */
/* test_models.c: what a trainer makes of models: which constants are weights, activations as attributes, the softmax at the end, batch
 * norms and their statistics, dropout, open extents. */
#include <math.h>

#include "fixtures.h"
#include "small.h"

enum { MODEL_STEPS = 6 };

/* Losses of a model [n,1,6,6] -> [n,5] that `build` makes of x. */
static void model_losses(cvk_value (*build)(cvk_graph *g, cvk_value x), cvk_trainer_options o, const char *device, double *loss) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value x;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
  ck_ok(cvk_graph_output(g, build(g, x), "y"));
  cvk_trainer *t = small_trainer(g, device, o);
  cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
  for (int i = 0; i < MODEL_STEPS; i++) loss[i] = small_step(t, batch, target);
  cvk_tensor_release(batch);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

/* Both models have the same losses on every device, and learn. */
static void same_model(cvk_value (*a)(cvk_graph *g, cvk_value x), cvk_value (*b)(cvk_graph *g, cvk_value x), const char *what) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    double left[MODEL_STEPS], right[MODEL_STEPS];
    model_losses(a, small_quick, device, left);
    model_losses(b, small_quick, device, right);
    small_current = device;
    for (int i = 0; i < MODEL_STEPS; i++) small_near(left[i], right[i], 1e-5, what);
    ck_assert_msg(left[MODEL_STEPS - 1] < 0.9 * left[0], "%s: %g to %g", what, left[0], left[MODEL_STEPS - 1]);
  }
}

static cvk_value dense(cvk_graph *g, cvk_value v) {
  const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  return small_op(g, CVK_OP_GEMM, &gemm, 3,
                  (cvk_value[]){v, small_weight(g, "w", DIMS(5, 144), 4, 0.1f), small_weight(g, "b", DIMS(5), 5, 0.1f)});
}

static int32_t activation;
static cvk_unary_attr activation_attr;

static cvk_value conv_weights(cvk_graph *g) {
  return small_weight(g, "conv", DIMS(4, 1, 3, 3), 2, 0.5f);
}

static cvk_value conv_then_op(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_value y = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)});
  return dense(g, small_op(g, activation, activation == CVK_OP_RELU ? NULL : &activation_attr, 1, &y));
}

static cvk_value conv_with_attribute(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER,
                              .activation = activation,
                              .activation_alpha = activation_attr.alpha,
                              .activation_beta = activation_attr.beta};
  return dense(g, small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)}));
}

START_TEST(activation_as_attribute) {
  static const struct {
    int32_t kind;
    float alpha, beta;
  } kinds[] = {{CVK_OP_RELU, 0, 0}, {CVK_OP_LEAKY_RELU, 0.2f, 0}, {CVK_OP_CLIP, 0, 0.5f}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    activation = kinds[i].kind;
    activation_attr = (cvk_unary_attr){.struct_size = sizeof activation_attr, .alpha = kinds[i].alpha, .beta = kinds[i].beta};
    same_model(conv_with_attribute, conv_then_op, cvk_op_name(kinds[i].kind));
  }
}
END_TEST

static cvk_value with_gemm(cvk_graph *g, cvk_value x) {
  activation = CVK_OP_RELU;
  return conv_then_op(g, x);
}

static cvk_value with_softmax(cvk_graph *g, cvk_value x) {
  const cvk_value y = with_gemm(g, x);
  return small_op(g, CVK_OP_SOFTMAX, NULL, 1, &y);
}

/* The softmax is read by a second output too. */
static cvk_value with_class_number(cvk_graph *g, cvk_value x) {
  const cvk_value y = with_softmax(g, x);
  ck_ok(cvk_graph_output(g, y, "first"));
  const cvk_arg_attr last = {.axis = -1};
  return small_op(g, CVK_OP_ARG_MAX, &last, 1, &y);
}

/* The weights of with_gemm as a product, an add, and a transpose of them. */
static cvk_value with_matmul(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  cvk_value v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)}), w = small_weight(g, "w", DIMS(5, 144), 4, 0.1f),
            b = small_weight(g, "b", DIMS(5), 5, 0.1f);
  const cvk_shape_attr row = {.rank = 2, .dim = {1, 5}};
  v = small_op(g, CVK_OP_RELU, NULL, 1, &v);
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  w = small_op(g, CVK_OP_TRANSPOSE, NULL, 1, &w);
  b = small_op(g, CVK_OP_RESHAPE, &row, 1, &b);
  v = small_op(g, CVK_OP_MATMUL, NULL, 2, (cvk_value[]){v, w});
  return small_op(g, CVK_OP_ADD, NULL, 2, (cvk_value[]){b, v});
}

START_TEST(softmax_at_the_end_is_left_out) {
  same_model(with_softmax, with_gemm, "softmax");
  same_model(with_class_number, with_gemm, "softmax that is read twice");
}
END_TEST

/* A trainer for a convolution with a softmax along `axis` at the end, and what its first step says of classes on axis 1. */
static cvk_status step_with_softmax(int32_t axis, double *loss) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_axis_attr along = {.axis = axis};
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value v;
  cvk_step_result r = {.struct_size = sizeof r};
  cvk_tensor *x = small_x(2), *target = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_I64, DIMS(2, 6, 6), NULL, &target));
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &v));
  v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, small_weight(g, "w", DIMS(SMALL_CLASSES, 1, 3, 3), 2, 1)});
  if (axis) v = small_op(g, CVK_OP_SOFTMAX, &along, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  cvk_trainer *t = small_trainer(g, small_device(0), small_quick);
  const cvk_status status = cvk_trainer_step(t, x, target, &r);
  *loss = r.loss;
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return status;
}

/* Only one over the classes is what the loss has. */
START_TEST(softmax_along_another_axis) {
  double bare, classes, rows, last;
  ck_ok(step_with_softmax(0, &bare)); /* none */
  ck_ok(step_with_softmax(1, &classes));
  ck_assert_double_eq(classes, bare);
  ck_ok(step_with_softmax(2, &rows));
  ck_assert(rows != bare);
  ck_fails(step_with_softmax(-1, &last), CVK_INVALID_SHAPE, "a softmax along its last axis, number 3");
}
END_TEST

START_TEST(products_with_biases_behind_moves) {
  same_model(with_matmul, with_gemm, "matmul and add");
}
END_TEST

static cvk_value norm(cvk_graph *g, cvk_value v, int64_t channels, uint32_t seed, const cvk_value *scale_bias_mean_var) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  cvk_value in[5];
  in[0] = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, small_weight(g, "c", DIMS(4, channels, 3, 3), seed, 0.5f)});
  memcpy(in + 1, scale_bias_mean_var, 4 * sizeof *in);
  return small_op(g, CVK_OP_BATCH_NORM, NULL, 5, in);
}

static cvk_value norms(cvk_graph *g, cvk_value x, const cvk_value *first, const cvk_value *second) {
  x = norm(g, x, 1, 20, first);
  x = small_op(g, CVK_OP_RELU, NULL, 1, &x);
  return dense(g, norm(g, x, 4, 21, second));
}

static cvk_value norms_apart(cvk_graph *g, cvk_value x) {
  cvk_value of[2][4];
  for (int i = 0; i < 2; i++) {
    of[i][0] = small_fill(g, "scale", 4, 1);
    of[i][1] = small_fill(g, "bias", 4, 0);
    of[i][2] = small_fill(g, "mean", 4, 0);
    of[i][3] = small_fill(g, "var", 4, 1);
  }
  return norms(g, x, of[0], of[1]);
}

/* As files are that keep equal tensors once: one mean, and a variance that is the first one's scale, of which the second sees a copy. */
static cvk_value norms_sharing(cvk_graph *g, cvk_value x) {
  const cvk_value mean = small_fill(g, "mean", 4, 0), ones = small_fill(g, "var", 4, 1),
                  copy = small_op(g, CVK_OP_IDENTITY, NULL, 1, &ones);
  const cvk_value first[] = {ones, small_fill(g, "bias", 4, 0), mean, ones},
                  second[] = {small_fill(g, "scale", 4, 1), small_fill(g, "bias", 4, 0), mean, copy};
  return norms(g, x, first, second);
}

static void check_statistics(cvk_trainer *t, float mean[2][4], float var[2][4], int skip) {
  for (int i = 0; i < 2; i++) {
    small_read_weight(t, "mean", i, mean[i], 4);
    small_read_weight(t, "var", i + skip, var[i], 4);
  }
}

START_TEST(several_batch_norms_keep_their_statistics) {
  same_model(norms_sharing, norms_apart, "shared statistics");
  cvk_context *ctx = small_context(0);
  float mean[2][2][4], var[2][2][4];
  for (int k = 0; k < 2; k++) {
    cvk_graph *g = NULL;
    cvk_value x;
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(g, k ? norms_sharing(g, x) : norms_apart(g, x), "y"));
    cvk_trainer *t = small_trainer(g, "reference", small_quick);
    cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    for (int i = 0; i < MODEL_STEPS; i++) small_step(t, batch, target);
    check_statistics(t, mean[k], var[k], k); /* the first "var" of the sharing one is its scale */
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
  }
  ck_assert_mem_eq(mean[0], mean[1], sizeof mean[0]);
  ck_assert_mem_eq(var[0], var[1], sizeof var[0]);
  ck_assert_mem_ne(mean[0][0], mean[0][1], sizeof mean[0][0]);
  ck_assert(fabsf(mean[0][0][0]) > 1e-4f && fabsf(var[0][0][0] - 1) > 1e-4f);
  cvk_context_release(ctx);
}
END_TEST

static cvk_value with_prelu(cvk_graph *g, cvk_value x) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_value y = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){x, conv_weights(g)});
  const cvk_value slope = small_constant(g, "slope", small_tensor(DIMS(4, 1, 1), 9, 0.3f));
  return dense(g, small_op(g, CVK_OP_PRELU, NULL, 2, (cvk_value[]){y, slope}));
}

static cvk_value with_dropout(cvk_graph *g, cvk_value x) {
  const float half = 0.4f;
  cvk_tensor *r = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 0, NULL, &half, &r));
  const cvk_value in[2] = {x, small_constant(g, "ratio", r)};
  return with_gemm(g, small_op(g, CVK_OP_DROPOUT, NULL, 2, in));
}

START_TEST(slopes_are_trained) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    double loss[MODEL_STEPS];
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value x;
    float before[4], after[4];
    model_losses(with_prelu, small_quick, device, loss);
    ck_assert(loss[MODEL_STEPS - 1] < 0.9 * loss[0]);
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(g, with_prelu(g, x), "y"));
    cvk_trainer *t = small_trainer(g, device, small_quick);
    cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    small_read_weight(t, "slope", 0, before, 4);
    small_step(t, batch, target);
    small_read_weight(t, "slope", 0, after, 4);
    for (int i = 0; i < 4; i++) ck_assert_float_ne(before[i], after[i]);
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

START_TEST(dropout_follows_the_seed) {
  const char *device;
  double first[MODEL_STEPS];
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    double plain[MODEL_STEPS], dropped[MODEL_STEPS], again[MODEL_STEPS], other[MODEL_STEPS];
    cvk_trainer_options still = small_quick, seeded = small_quick;
    still.learning_rate = 1e-9f;
    seeded.seed = 8;
    model_losses(with_gemm, small_quick, device, plain);
    model_losses(with_dropout, small_quick, device, dropped);
    model_losses(with_dropout, small_quick, device, again);
    model_losses(with_dropout, seeded, device, other);
    ck_assert_mem_eq(dropped, again, sizeof again);
    for (int i = 0; i < MODEL_STEPS; i++) ck_assert(dropped[i] != plain[i] && dropped[i] != other[i]);
    small_current = device;
    if (d == 0) memcpy(first, dropped, sizeof first);
    for (int i = 0; i < MODEL_STEPS; i++) small_near(dropped[i], first[i], 1e-4, "the same cells are dropped");
    model_losses(with_dropout, still, device, dropped);
    for (int i = 1; i < MODEL_STEPS; i++) ck_assert_msg(fabs(dropped[i] - dropped[0]) > 1e-3, "step %d drops what step 1 did", i + 1);
  }
}
END_TEST

/* y = 2 a - b + 0.5, learned from 16 points. */
START_TEST(linear_regression) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value v;
    float point[32], y[16], w[2], b;
    cvk_tensor *x = small_tensor(DIMS(16, 2), 3, 1), *target = NULL;
    ck_ok(cvk_tensor_read(x, point, sizeof point));
    for (int i = 0; i < 16; i++) y[i] = 2 * point[2 * i] - point[2 * i + 1] + 0.5f;
    ck_ok(cvk_tensor_create(NULL, CVK_F32, DIMS(16, 1), y, &target));
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 2), &v));
    ck_ok(cvk_graph_output(
        g, small_op(g, CVK_OP_GEMM, &gemm, 3, (cvk_value[]){v, small_weight(g, "w", DIMS(1, 2), 8, 1), small_fill(g, "b", 1, 0)}), "y"));
    cvk_trainer *t = small_trainer(
        g, device,
        (cvk_trainer_options){.loss = CVK_LOSS_MEAN_SQUARED_ERROR, .optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f});
    for (int i = 0; i < 300; i++) small_step(t, x, target);
    small_read_weight(t, "w", 0, w, 2);
    small_read_weight(t, "b", 0, &b, 1);
    small_current = device;
    small_near((double)w[0], 2, 1e-4, "w[0]");
    small_near((double)w[1], -1, 1e-4, "w[1]");
    small_near((double)b, 0.5, 1e-4, "b");
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

/* A convolution over a batch of any height and width, its mean, a dense layer. */
START_TEST(open_extents_come_from_the_batch) {
  const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value v;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, -1, -1), &v));
  v = small_op(g, CVK_OP_CONV, &conv, 2, (cvk_value[]){v, conv_weights(g)});
  v = small_op(g, CVK_OP_GLOBAL_AVG_POOL, NULL, 1, &v);
  v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  ck_ok(cvk_graph_output(
      g, small_op(g, CVK_OP_GEMM, &gemm, 3, (cvk_value[]){v, small_weight(g, "w", DIMS(5, 4), 4, 1), small_fill(g, "b", 5, 0)}), "y"));
  cvk_trainer *t = small_trainer(g, small_device(0), small_quick);
  cvk_tensor *small = small_x(4), *large = small_tensor(DIMS(4, 1, 9, 7), 1, 1), *target = small_labels(4, fixture_labels);
  ck_assert(small_step(t, small, target) != small_step(t, large, target));
  small_step(t, small, target);
  ck_assert_int_eq(cvk_trainer_step_count(t), 3);
  cvk_tensor_release(small);
  cvk_tensor_release(large);
  cvk_tensor_release(target);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* A model for three samples at a time trains on eight; what comes out is for three again. */
START_TEST(the_number_of_samples_is_the_batchs) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    cvk_context *ctx = small_context(0);
    cvk_graph *fixed = small_net(ctx, 1, 3), *any = small_net(ctx, 1, -1), *trained = NULL;
    cvk_trainer *t = small_trainer(fixed, device, small_quick), *u = small_trainer(any, device, small_quick);
    cvk_tensor *x = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    cvk_dataset *ds = small_dataset(ctx, x, target);
    cvk_evaluation e[2] = {{.struct_size = sizeof *e}, {.struct_size = sizeof *e}};
    cvk_value_info info = {.struct_size = sizeof info};
    for (int i = 0; i < 2; i++) ck_assert_double_eq(small_step(t, x, target), small_step(u, x, target));
    ck_ok(cvk_trainer_evaluate(t, ds, 5, &e[0]));
    ck_ok(cvk_trainer_evaluate(u, ds, 5, &e[1]));
    ck_assert_double_eq(e[0].loss, e[1].loss);
    ck_ok(cvk_trainer_graph(t, &trained));
    ck_ok(cvk_graph_input_info(trained, 0, &info));
    ck_assert_int_eq(info.dim[0], 3);
    cvk_dataset_release(ds);
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    cvk_trainer_release(t);
    cvk_trainer_release(u);
    cvk_graph_release(trained);
    cvk_graph_release(fixed);
    cvk_graph_release(any);
    cvk_context_release(ctx);
  }
}
END_TEST

/* A mask added to the product of two computed values is no bias: it stays as it is. */
START_TEST(sums_behind_products_without_weights) {
  cvk_context *ctx = small_context(0);
  cvk_graph *g = NULL;
  cvk_value x, v;
  float mask[36], want[36];
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
  const cvk_value mask_value = small_weight(g, "mask", DIMS(6, 6), 11, 1);
  v = small_op(g, CVK_OP_MATMUL, NULL, 2, (cvk_value[]){x, x});
  v = small_op(g, CVK_OP_ADD, NULL, 2, (cvk_value[]){v, mask_value});
  v = with_gemm(g, v);
  ck_ok(cvk_graph_output(g, v, "y"));
  cvk_trainer *t = small_trainer(g, small_device(0), small_quick);
  cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels), *was = small_tensor(DIMS(6, 6), 11, 1);
  for (int i = 0; i < 3; i++) small_step(t, batch, target);
  small_read_weight(t, "mask", 0, mask, 36);
  ck_ok(cvk_tensor_read(was, want, sizeof want));
  ck_assert_mem_eq(mask, want, sizeof want);
  cvk_tensor_release(batch);
  cvk_tensor_release(target);
  cvk_tensor_release(was);
  cvk_trainer_release(t);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}
END_TEST

/* What only another output depends on is not trained and does not decay; a dropout there asks for nothing. */
START_TEST(weights_of_another_output_stay) {
  const char *device;
  for (int d = 0; (device = small_device(d)) != NULL; d++) {
    const cvk_gemm_attr gemm = {.trans_b = 1, .alpha = 1, .beta = 1};
    cvk_trainer_options decaying = small_quick;
    cvk_context *ctx = small_context(0);
    cvk_graph *g = NULL;
    cvk_value x, v;
    float other[108], want[108];
    cvk_tensor *was = small_tensor(DIMS(3, 36), 12, 1);
    ck_ok(cvk_graph_create(ctx, &g));
    ck_ok(cvk_graph_input(g, "x", CVK_F32, DIMS(-1, 1, 6, 6), &x));
    ck_ok(cvk_graph_output(g, with_gemm(g, x), "y"));
    v = small_op(g, CVK_OP_FLATTEN, NULL, 1, &x);
    v = small_op(g, CVK_OP_DROPOUT, NULL, 1, &v);
    ck_ok(cvk_graph_output(g, small_op(g, CVK_OP_GEMM, &gemm, 2, (cvk_value[]){v, small_weight(g, "other", DIMS(3, 36), 12, 1)}), "z"));
    decaying.weight_decay = 0.5f;
    cvk_trainer *t = small_trainer(g, device, decaying);
    cvk_tensor *batch = small_x(SMALL_BATCH), *target = small_labels(SMALL_BATCH, fixture_labels);
    const double first = small_step(t, batch, target);
    ck_assert(small_step(t, batch, target) < first);
    small_read_weight(t, "other", 0, other, 108);
    ck_ok(cvk_tensor_read(was, want, sizeof want));
    ck_assert_mem_eq(other, want, sizeof want);
    cvk_tensor_release(batch);
    cvk_tensor_release(target);
    cvk_tensor_release(was);
    cvk_trainer_release(t);
    cvk_graph_release(g);
    cvk_context_release(ctx);
  }
}
END_TEST

SUITE("models", activation_as_attribute, softmax_at_the_end_is_left_out, softmax_along_another_axis, products_with_biases_behind_moves,
      several_batch_norms_keep_their_statistics, slopes_are_trained, dropout_follows_the_seed, linear_regression,
      open_extents_come_from_the_batch, the_number_of_samples_is_the_batchs, sums_behind_products_without_weights,
      weights_of_another_output_stay)

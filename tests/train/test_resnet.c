/* SPDX-License-Identifier: Apache-2.0 */
/* test_resnet.c: one step of ResNet-18 on 64x64 crops on every device gives the loss, the weights and the running statistics that the reference gives. A
 * step of plain gradient descent, so that what a weight moved by is its gradient. CONVOKE_TEST_DEVICE names the device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "resnet18.h"

enum { BATCH = 2, CLASSES = 10 };

typedef struct outcome {
  double loss;
  cvk_graph *trained;
  cvk_session_report report;
} outcome;

static void step_on(cvk_graph *model, const char *device, outcome *out) {
  cvk_trainer *t = NULL;
  cvk_tensor *x = NULL, *y = NULL;
  cvk_step_result r = {.struct_size = sizeof r};
  const int64_t labels[BATCH] = {3, 7};
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 4, (int64_t[]){BATCH, 3, 64, 64}, NULL, &x));
  ck_ok(cvk_tensor_initialize(x, CVK_INIT_LECUN_UNIFORM, 1, 5, 0));
  ck_ok(cvk_tensor_create(NULL, CVK_I64, 1, (int64_t[]){BATCH}, labels, &y));
  ck_ok(cvk_trainer_create(model, &(cvk_trainer_options){.device = device, .optimizer = CVK_SGD, .learning_rate = 1, .weight_decay = 0}, &t));
  ck_ok(cvk_trainer_step(t, x, y, &r));
  out->loss = r.loss;
  out->report = (cvk_session_report){.struct_size = sizeof out->report};
  ck_ok(cvk_session_report_get(cvk_trainer_session(t), &out->report));
  ck_ok(cvk_trainer_graph(t, &out->trained));
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  cvk_trainer_release(t);
}

/* The largest difference of what two trainings made of a constant, over the largest change that the first one made. 0: no constant there. */
static double difference(const cvk_graph *before, const cvk_graph *a, const cvk_graph *b, int32_t op, int32_t input) {
  cvk_tensor *t[3] = {NULL};
  const cvk_graph *g[3] = {before, a, b};
  double worst = 0, most = 0;
  if (cvk_graph_op_constant(before, op, input, &t[0]) != CVK_OK) return 0;
  float *v[3];
  for (int i = 0; i < 3; i++) {
    if (i > 0) ck_ok(cvk_graph_op_constant(g[i], op, input, &t[i]));
    v[i] = malloc(cvk_tensor_bytes(t[i]));
    ck_ok(cvk_tensor_read(t[i], v[i], cvk_tensor_bytes(t[i])));
  }
  for (int64_t i = 0; i < cvk_tensor_count(t[0]); i++) {
    ck_assert(isfinite(v[1][i]) && isfinite(v[2][i]));
    worst = fmax(worst, fabs((double)v[1][i] - (double)v[2][i]));
    most = fmax(most, fabs((double)v[1][i] - (double)v[0][i]));
  }
  for (int i = 0; i < 3; i++) {
    free(v[i]);
    cvk_tensor_release(t[i]);
  }
  ck_assert_msg(most > 0, "input %d of op %d did not change", input, op);
  return worst / most;
}

START_TEST(a_step_is_the_reference_s) {
  const char *device = getenv("CONVOKE_TEST_DEVICE");
  cvk_context *ctx = NULL;
  outcome want, got;
  double worst = 0;
  ck_ok(cvk_context_create(NULL, &ctx));
  cvk_graph *model = resnet18(ctx, CLASSES);
  step_on(model, "reference", &want);
  step_on(model, device ? device : "cpu", &got);
  for (int32_t op = 0; op < cvk_graph_op_count(model); op++) {
    for (int32_t i = 1; i < 5; i++) worst = fmax(worst, difference(model, want.trained, got.trained, op, i));
  }
  printf("loss %.7g, reference %.7g; largest difference of a gradient %.2g of its largest; ops reference=%d cpu=%d device=%d\n", got.loss, want.loss, worst,
         got.report.ops_reference, got.report.ops_cpu, got.report.ops_device);
  ck_assert_double_le(fabs(got.loss - want.loss), 1e-5 * fabs(want.loss));
  ck_assert_double_le(worst, 1e-4);
  ck_assert_int_eq(got.report.ops_reference, 0);
  ck_assert_int_eq(got.report.ops_cpu, 0);
  cvk_graph_release(want.trained);
  cvk_graph_release(got.trained);
  cvk_graph_release(model);
  cvk_context_release(ctx);
}
END_TEST

SUITE("resnet", a_step_is_the_reference_s)

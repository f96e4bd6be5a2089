/* SPDX-License-Identifier: Apache-2.0 */
/* test_schedule.c: values in private layouts (tests/plugins/modules/private.c, which refuses a tensor that another device laid out): reordered by the
 * device that owns the layout wherever another device, the caller or a view reads them, in host memory and in memory of the device's own.
 * Rules of docs/plugin-abi.md: P13, H20. */
#include <stdio.h>
#include <stdlib.h>

#include "../plugins/sandbox.h"
#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;

/* The context finds `module` as convoke-NAME.so and, unless that is it, the built CPU backend. */
static void open_context(const char *module, const char *name, const char *backends) {
  static int there; /* a test may open several contexts; all with one module */
  char path[4096];
  if (!there++) {
    sandbox_add(sandbox_folder(), module, name);
    atexit(sandbox_remove);
  }
  snprintf(path, sizeof path, "%s:%s", sandbox_folder(), getenv("CONVOKE_PLUGIN_PATH"));
  const cvk_context_options options = {.plugin_path = path, .backends = backends, .no_env = 1};
  ck_ok(cvk_context_create(&options, &ctx));
  g = net_graph(ctx);
}

static void close_context(void) {
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

/* Runs g, of one input, twice on `device` and on the reference, and compares all outputs. The steps as net_ops has them. */
static const char *run(const char *device, int32_t rank, const int64_t *dim, cvk_session_report *report) {
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  const int32_t n = cvk_graph_output_count(g);
  cvk_session *s = net_session(g, device), *reference = NULL;
  cvk_tensor *got[4] = {NULL}, *want[4] = {NULL};
  ck_ok(cvk_session_create(g, &plain, &reference));
  for (uint32_t round = 0; round < 2; round++) {
    cvk_tensor *x = net_tensor(rank, dim, round);
    ck_ok(cvk_session_run(s, 1, &x, n, got));
    ck_ok(cvk_session_run(reference, 1, &x, n, want));
    for (int32_t i = 0; i < n; i++) {
      net_close(got[i], want[i]);
      cvk_tensor_release(got[i]);
      cvk_tensor_release(want[i]);
      got[i] = want[i] = NULL;
    }
    cvk_tensor_release(x);
  }
  *report = net_report(s);
  for (int32_t i = 0; i < report->n_ops; i++) { /* a private tensor has a size */
    cvk_op_report op = {.struct_size = sizeof op};
    ck_ok(cvk_session_op_report(s, i, &op));
    ck_assert_int_ge(op.bytes, 0);
    ck_assert_int_lt(op.bytes, 1 << 20);
  }
  const char *ops = net_ops(s);
  cvk_session_release(s);
  cvk_session_release(reference);
  return ops;
}

/* relu -> `middle` -> add of both: the middle one is the CPU backend's. */
static void sandwich(int32_t middle, int32_t rank, const int64_t *dim) {
  const cvk_value x = net_input(g, "x", rank, dim), y = net_op(g, CVK_OP_RELU, 1, &x), z = net_op(g, middle, 1, &y);
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_ADD, 2, (cvk_value[]){y, z}), "y"));
}

START_TEST(cpu_op_between) {
  const int64_t dim[] = {2, 5}, none[] = {0, 5};
  cvk_session_report r;
  open_context("private", "private", "private,cpu");
  sandwich(CVK_OP_TANH, 2, dim);
  ck_assert_str_eq(run("private", 2, dim, &r), "reorder relu@private reorder tanh@cpu reorder add@private reorder");
  ck_assert_int_eq(r.reorders, 4);
  close_context();
  open_context("private", "private", "private,cpu");
  sandwich(CVK_OP_TANH, 2, none);
  run("private", 2, none, &r);
  close_context();
}
END_TEST

START_TEST(memory_of_its_own) {
  const int64_t dim[] = {2, 5};
  cvk_session_report r;
  open_context("private_memory", "private_memory", "private_memory,cpu");
  sandwich(CVK_OP_TANH, 2, dim);
  ck_assert_str_eq(run("private_memory", 2, dim, &r),
                   "copy reorder relu@private_memory reorder copy tanh@cpu copy reorder add@private_memory reorder");
  close_context();
}
END_TEST

/* Both call their layout number 1. */
START_TEST(one_number_two_backends) {
  const int64_t dim[] = {3, 4};
  cvk_session_report r;
  sandbox_add(sandbox_folder(), "private_cpu", "cpu");
  open_context("private", "private", "private,cpu");
  sandwich(CVK_OP_NEG, 2, dim);
  ck_assert_str_eq(run("private", 2, dim, &r), "reorder relu@private reorder reorder neg@cpu reorder reorder add@private reorder");
  close_context();
}
END_TEST

/* Outputs that others read as well, one under another shape, and one that is an input. */
START_TEST(outputs_and_views) {
  const int64_t dim[] = {2, 6};
  cvk_session_report r;
  cvk_value view;
  open_context("private", "private", "private,cpu");
  const cvk_value x = net_input(g, "x", 2, dim), y = net_op(g, CVK_OP_RELU, 1, &x);
  ck_ok(cvk_graph_reshape(g, y, &(cvk_shape_attr){.rank = 2, .dim = {3, 4}}, &view));
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_ok(cvk_graph_output(g, view, "view"));
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_RELU, 1, &view), "relu of view"));
  ck_ok(cvk_graph_output(g, x, "x again"));
  run("private", 2, dim, &r);
  close_context();
}
END_TEST

/* Laid out once, when the plan is made: no step of a run. */
static void constants(const char *device, const char *backends, const char *ops) {
  const int64_t dim[] = {2, 5};
  cvk_session_report r;
  open_context(device, device, backends);
  const cvk_value x = net_input(g, "x", 2, dim), c = net_constant(g, net_tensor(2, dim, 77)), y = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){x, c});
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_ADD, 2, (cvk_value[]){c, y}), "y"));
  ck_ok(cvk_graph_output(g, c, "the constant"));
  ck_assert_str_eq(run(device, 2, dim, &r), ops);
  close_context();
}

START_TEST(constants_in_host_memory) {
  constants("private", "private,cpu", "reorder add@private add@private reorder");
}
END_TEST

START_TEST(constants_in_memory_of_its_own) {
  constants("private_memory", "private_memory,cpu", "copy reorder add@private_memory add@private_memory reorder");
}
END_TEST

SUITE("schedule", cpu_op_between, memory_of_its_own, one_number_two_backends, outputs_and_views, constants_in_host_memory,
      constants_in_memory_of_its_own)

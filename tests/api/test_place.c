/* SPDX-License-Identifier: Apache-2.0 */
/* test_place.c: which kernel row, and with it which layout, an op gets, on a backend whose costs are known (tests/plugins/modules/planner.c: RELU
 * in blocks of 8 channels costs a tenth of plain RELU): reorders only where they pay, each made once, forced rows, what the report tells.
 * Rules of docs/plugin-abi.md: H14. */
#include <stdlib.h>

#include "../plugins/sandbox.h"
#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;

static void open_planner(const char *kernel) {
  static int there; /* a test may open several */
  if (!there++) {
    sandbox_add(sandbox_folder(), "planner", "planner");
    atexit(sandbox_remove);
  }
  const cvk_context_options options = {.plugin_path = sandbox_folder(), .backends = "planner", .kernel = kernel, .no_env = 1};
  ck_ok(cvk_context_create(&options, &ctx));
  g = net_graph(ctx);
}

static void close_planner(void) {
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

/* Rows of the executed ops, separated by spaces; compares the output with the reference's. */
static const char *rows(const int64_t *dim, cvk_session_report *report) {
  static char text[512];
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  cvk_session *s = net_session(g, "planner"), *reference = NULL;
  cvk_tensor *x = net_tensor(4, dim, 3), *got = NULL, *want = NULL;
  ck_ok(cvk_session_create(g, &plain, &reference));
  ck_ok(cvk_session_run(s, 1, &x, 1, &got));
  ck_ok(cvk_session_run(reference, 1, &x, 1, &want));
  net_equal(got, want);
  text[0] = 0;
  *report = net_report(s);
  for (int32_t i = 0; i < report->n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    ck_ok(cvk_session_op_report(s, i, &op));
    if (i) strcat(text, " ");
    strncat(text, op.kind == CVK_OP_REORDER ? "reorder" : op.kernel, sizeof text - strlen(text) - 2);
  }
  report->device = NULL; /* lives as long as the session */
  cvk_tensor_release(x);
  cvk_tensor_release(got);
  cvk_tensor_release(want);
  cvk_session_release(s);
  cvk_session_release(reference);
  return text;
}

static void relu_chain(const int64_t *dim, int n) {
  cvk_value v = net_input(g, "x", 4, dim);
  for (int i = 0; i < n; i++) v = net_op(g, CVK_OP_RELU, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
}

#define BLOCKED "planner_relu_blocked"
#define PLAIN "planner_relu_plain"

START_TEST(reorders_where_they_pay) {
  const int64_t large[] = {1, 16, 64, 64};
  cvk_session_report r;
  open_planner(NULL);
  relu_chain(large, 4);
  ck_assert_str_eq(rows(large, &r), "reorder " BLOCKED " " BLOCKED " " BLOCKED " " BLOCKED " reorder");
  ck_assert_int_eq(r.reorders, 2);
  ck_assert_int_eq(r.ops_device, 4);
  ck_assert(r.estimated_ns > 0 && r.runner_up_ns > r.estimated_ns);
  close_planner();
}
END_TEST

START_TEST(small_ops_stay_plain) {
  const int64_t small[] = {1, 3, 4, 4};
  cvk_session_report r;
  open_planner(NULL);
  relu_chain(small, 2);
  ck_assert_str_eq(rows(small, &r), PLAIN " " PLAIN);
  ck_assert_int_eq(r.reorders, 0);
  close_planner();
}
END_TEST

/* Channels that fill no block, nothing at all, and a view between blocked ops. */
START_TEST(odd_shapes) {
  const int64_t tail[] = {2, 13, 40, 50}, none[] = {0, 13, 40, 50};
  cvk_session_report r;
  open_planner(NULL);
  relu_chain(tail, 5);
  ck_assert_ptr_nonnull(strstr(rows(tail, &r), BLOCKED));
  close_planner();
  open_planner(NULL);
  relu_chain(none, 2);
  rows(none, &r);
  close_planner();
  open_planner(NULL);
  cvk_value v = net_input(g, "x", 4, tail);
  for (int i = 0; i < 4; i++) v = net_op(g, CVK_OP_RELU, 1, &v);
  ck_ok(cvk_graph_reshape(g, v, &(cvk_shape_attr){.rank = 4, .dim = {1, 26, 50, 40}}, &v));
  for (int i = 0; i < 4; i++) v = net_op(g, CVK_OP_RELU, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  ck_assert_ptr_nonnull(strstr(rows(tail, &r), BLOCKED));
  ck_assert_int_eq(r.views, 1);
  close_planner();
}
END_TEST

/* One blocked value with plain readers: it is brought back once. */
START_TEST(a_value_is_reordered_once) {
  const int64_t dim[] = {1, 16, 64, 64};
  cvk_session_report r;
  open_planner(BLOCKED);
  cvk_value x = net_input(g, "x", 4, dim), y = net_op(g, CVK_OP_RELU, 1, &x), sum = y;
  for (int i = 0; i < 3; i++) sum = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){sum, y});
  ck_ok(cvk_graph_output(g, sum, "y"));
  rows(dim, &r);
  ck_assert_int_eq(r.reorders, 2);
  close_planner();
}
END_TEST

START_TEST(forced_rows) {
  const int64_t small[] = {1, 3, 4, 4}, large[] = {1, 16, 64, 64};
  cvk_session_report r;
  open_planner(BLOCKED);
  relu_chain(small, 1);
  ck_assert_str_eq(rows(small, &r), "reorder " BLOCKED " reorder");
  close_planner();
  open_planner("no_such_row," PLAIN);
  relu_chain(large, 3);
  ck_assert_str_eq(rows(large, &r), PLAIN " " PLAIN " " PLAIN);
  close_planner();
}
END_TEST

SUITE("place", reorders_where_they_pay, small_ops_stay_plain, odd_shapes, a_value_is_reordered_once, forced_rows)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_execute.c: a device in host memory that computes behind the caller's back (tests/plugins/modules/async.c: 20 ms late): whoever reads its
 * results, another device or the caller, finds them there.
 * Rules of docs/plugin-abi.md: H21. */
#include <stdio.h>
#include <stdlib.h>

#include "../plugins/sandbox.h"
#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;

static void open_context(void) {
  char path[4096];
  atexit(sandbox_remove);
  sandbox_add(sandbox_folder(), "async", "async");
  snprintf(path, sizeof path, "%s:%s", sandbox_folder(), getenv("CONVOKE_PLUGIN_PATH"));
  const cvk_context_options options = {.plugin_path = path, .backends = "async,cpu", .no_env = 1};
  ck_ok(cvk_context_create(&options, &ctx));
  g = net_graph(ctx);
}

/* Runs g, of one input [2, 5] and one output, with new values each time. */
static void check(const char *ops, int32_t profile) {
  const cvk_session_options here = {.device = "async", .profile = profile}, plain = {.device = "reference", .no_fusion = 1};
  cvk_session *s = NULL, *reference = NULL;
  ck_ok(cvk_session_create(g, &here, &s));
  ck_ok(cvk_session_create(g, &plain, &reference));
  for (uint32_t round = 0; round < 3; round++) {
    cvk_tensor *x = net_tensor(DIMS(2, 5), round), *got = NULL, *want = NULL;
    ck_ok(cvk_session_run(s, 1, &x, 1, &got));
    ck_ok(cvk_session_run(reference, 1, &x, 1, &want));
    net_close(got, want);
    cvk_tensor_release(x);
    cvk_tensor_release(got);
    cvk_tensor_release(want);
  }
  ck_assert_str_eq(net_ops(s), ops);
  cvk_session_release(s);
  cvk_session_release(reference);
}

static cvk_value op1(int32_t kind, cvk_value x) { return net_op(g, kind, 1, &x); }
static cvk_value add(cvk_value x, cvk_value y) { return net_op(g, CVK_OP_ADD, 2, (cvk_value[]){x, y}); }

static void close_context(void) {
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(another_device_reads) {
  open_context();
  const cvk_value x = net_input(g, "x", DIMS(2, 5));
  ck_ok(cvk_graph_output(g, add(op1(CVK_OP_RELU, x), x), "y"));
  check("relu@async add@cpu", 0);
  check("relu@async add@cpu", 1);
  close_context();
}
END_TEST

/* Also where the CPU op takes over the memory that the queue reads, and writes what it reads next. */
START_TEST(to_and_fro) {
  open_context();
  cvk_value v = net_input(g, "x", DIMS(2, 5));
  for (int i = 0; i < 3; i++) v = op1(CVK_OP_NEG, op1(CVK_OP_RELU, op1(CVK_OP_RELU, op1(CVK_OP_NEG, v))));
  ck_ok(cvk_graph_output(g, v, "y"));
  check("neg@cpu relu@async relu@async neg@cpu neg@cpu relu@async relu@async neg@cpu neg@cpu relu@async relu@async neg@cpu", 0);
  close_context();
}
END_TEST

/* One value given out twice: the second is copied from the first. */
START_TEST(the_caller_reads) {
  open_context();
  const cvk_value x = net_input(g, "x", DIMS(2, 5)), y = op1(CVK_OP_RELU, x);
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_ok(cvk_graph_output(g, y, "y again"));
  cvk_session *s = net_session(g, "async");
  cvk_tensor *in = net_tensor(DIMS(2, 5), 1), *got[2] = {NULL};
  ck_ok(cvk_session_run(s, 1, &in, 2, got));
  float from[10], to[10];
  net_read(in, from, 10);
  for (int k = 0; k < 2; k++) {
    net_read(got[k], to, 10);
    for (int i = 0; i < 10; i++) ck_assert_float_eq(to[i], from[i] < 0 ? 0 : from[i]);
    cvk_tensor_release(got[k]);
  }
  cvk_tensor_release(in);
  cvk_session_release(s);
  close_context();
}
END_TEST

SUITE("execute", another_device_reads, to_and_fro, the_caller_reads)

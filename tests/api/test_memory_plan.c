/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory_plan.c: values share memory only while they are not alive together, and take little more than what is alive at once. */
#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;
static cvk_session *session;

static void open_graph(void) {
  ctx = net_context(1);
  g = net_graph(ctx);
}

static void finish(void) {
  cvk_session_release(session);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

static void plan(const cvk_session_options *more) {
  cvk_session_options options = *more;
  options.device = "cpu";
  ck_ok(cvk_session_create(g, &options, &session));
}

/* transposes are not done in place: one value behind another, never more than two alive. */
START_TEST(a_chain_needs_two) {
  open_graph();
  cvk_value v = net_input(g, "x", DIMS(64, 64));
  for (int i = 0; i < 10; i++) v = net_op(g, CVK_OP_TRANSPOSE, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  plan(&(cvk_session_options){0});
  const cvk_session_report r = net_report(session);
  ck_assert_int_eq(r.ops_device, 10);
  ck_assert_uint_eq(r.arena_bytes, 2 * 64 * 64 * 4);
  ck_assert_uint_eq(r.arena_bound_bytes, 2 * 64 * 64 * 4);
  finish();
}
END_TEST

START_TEST(kept_values_share_nothing) {
  open_graph();
  cvk_value v = net_input(g, "x", DIMS(64, 64));
  for (int i = 0; i < 10; i++) v = net_op(g, CVK_OP_TRANSPOSE, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  plan(&(cvk_session_options){.no_fusion = 1, .keep_values = 1});
  ck_assert_uint_ge(net_report(session).arena_bytes, 9 * 64 * 64 * 4);
  finish();
}
END_TEST

/* Random graphs of values of many sizes with far readers: right, never below the bound, not far above it. */
START_TEST(random_graphs) {
  for (uint32_t seed = 1; seed <= 25; seed++) {
    enum { OPS = 24 };
    uint32_t state = seed;
    cvk_value made[OPS + 1];
    int64_t rows[OPS + 1];
    open_graph();
    made[0] = net_input(g, "x", DIMS(8, 16));
    rows[0] = 8;
    for (int i = 1; i <= OPS; i++) {
      state = state * 1664525u + 1013904223u;
      const int p = (int)(state >> 8) % i, q = (int)(state >> 16) % i;
      if (state >> 28 < 6 && rows[p] < 200) {
        ck_ok(cvk_graph_concat(g, 2, (cvk_value[]){made[p], made[q]}, &(cvk_axis_attr){.axis = 0}, &made[i]));
        rows[i] = rows[p] + rows[q];
      } else if (state >> 28 < 11) {
        ck_ok(cvk_graph_slice(g, made[p], &(cvk_slice_attr){.n_axes = 1, .start = {0}, .end = {rows[p] - rows[p] / 3}, .step = {1}}, &made[i]));
        rows[i] = rows[p] - rows[p] / 3;
      } else {
        made[i] = net_op(g, CVK_OP_NEG, 1, &made[p]);
        rows[i] = rows[p];
      }
    }
    for (int i = OPS; i > OPS - 3; i--) ck_ok(cvk_graph_output(g, made[i], (char[]){'o', (char)('a' + i), 0}));
    ck_ok(cvk_graph_output(g, made[OPS / 2], "middle"));
    plan(&(cvk_session_options){0});
    cvk_session *reference = net_session(g, "reference");
    cvk_tensor *x = net_tensor(DIMS(8, 16), seed), *got[4] = {NULL}, *want[4] = {NULL};
    ck_ok(cvk_session_run(session, 1, &x, 4, got));
    ck_ok(cvk_session_run(reference, 1, &x, 4, want));
    for (int i = 0; i < 4; i++) {
      net_equal(got[i], want[i]);
      cvk_tensor_release(got[i]);
      cvk_tensor_release(want[i]);
    }
    const cvk_session_report r = net_report(session);
    ck_assert_uint_ge(r.arena_bytes, r.arena_bound_bytes);
    ck_assert_msg(r.arena_bytes <= r.arena_bound_bytes + r.arena_bound_bytes / 2 + 4096, "seed %u: %llu bytes, bound %llu", seed,
                  (unsigned long long)r.arena_bytes, (unsigned long long)r.arena_bound_bytes);
    cvk_tensor_release(x);
    cvk_session_release(reference);
    finish();
  }
}
END_TEST

/* A value that lives long is not written over by what comes in place or takes a dead value's memory. */
START_TEST(long_lives) {
  open_graph();
  cvk_value x = net_input(g, "x", DIMS(2, 24, 7, 7)), early = net_op(g, CVK_OP_RELU, 1, &x), v = early, first = early;
  for (int i = 0; i < 6; i++) {
    v = net_op(g, CVK_OP_NEG, 1, &v);
    if (i == 2) first = v;
  }
  v = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){v, early});
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_MUL, 2, (cvk_value[]){v, first}), "y"));
  plan(&(cvk_session_options){0});
  cvk_session *reference = net_session(g, "reference");
  cvk_tensor *in = net_tensor(DIMS(2, 24, 7, 7), 5), *got = NULL, *want = NULL;
  ck_ok(cvk_session_run(session, 1, &in, 1, &got));
  ck_ok(cvk_session_run(reference, 1, &in, 1, &want));
  net_equal(got, want);
  cvk_tensor_release(in);
  cvk_tensor_release(got);
  cvk_tensor_release(want);
  cvk_session_release(reference);
  finish();
}
END_TEST

/* Runs the graph on cpu and the reference: equal bits; returns cpu's report. */
static cvk_session_report run_both(int32_t outputs, int32_t rank, const int64_t *dim) {
  cvk_session *reference = net_session(g, "reference");
  cvk_tensor *in = net_tensor(rank, dim, 7), *got[4] = {NULL}, *want[4] = {NULL};
  plan(&(cvk_session_options){0});
  for (int again = 0; again < 2; again++) {
    ck_ok(cvk_session_run(session, 1, &in, outputs, got));
    ck_ok(cvk_session_run(reference, 1, &in, outputs, want));
    for (int32_t i = 0; i < outputs; i++) {
      net_equal(got[i], want[i]);
      cvk_tensor_release(got[i]);
      cvk_tensor_release(want[i]);
      got[i] = want[i] = NULL;
    }
  }
  const cvk_session_report r = net_report(session);
  cvk_tensor_release(in);
  cvk_session_release(reference);
  return r;
}

static cvk_value concat(int32_t n, const cvk_value *v, int32_t axis) {
  cvk_value y;
  ck_ok(cvk_graph_concat(g, n, v, &(cvk_axis_attr){.axis = axis}, &y));
  return y;
}

/* The parts are made where the whole is: no concat runs, and the parts' memory is the whole's. */
START_TEST(concat_in_place) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(1, 5, 6, 7));
  cvk_value v[3] = {net_op(g, CVK_OP_NEG, 1, &x), net_op(g, CVK_OP_ABS, 1, &x), net_op(g, CVK_OP_RELU, 1, &x)};
  cvk_value inner = concat(3, v, 1), outer[2] = {net_op(g, CVK_OP_NEG, 1, &x), inner}, y = concat(2, outer, 1);
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_NEG, 1, &y), "y"));
  const cvk_session_report r = run_both(1, DIMS(1, 5, 6, 7));
  ck_assert_int_eq(r.views, 2);
  ck_assert_int_eq(r.ops_device, 5);
  ck_assert_uint_eq(r.arena_bytes, 0); /* the last op is done in place, in the output tensor, where all parts were made */
  finish();
}
END_TEST

/* A concat that is the graph's output is written part by part into the output tensor. */
START_TEST(concat_into_output) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(3, 5));
  cvk_value v[2] = {net_op(g, CVK_OP_NEG, 1, &x), net_op(g, CVK_OP_ABS, 1, &x)};
  ck_ok(cvk_graph_output(g, concat(2, v, 0), "y"));
  ck_ok(cvk_graph_output(g, v[1], "part"));
  const cvk_session_report r = run_both(2, DIMS(3, 5));
  ck_assert_int_eq(r.views, 1);
  ck_assert_uint_eq(r.arena_bytes, 0);
  finish();
}
END_TEST

/* Features joined again and again with one more (DenseNet) are made behind each other once. */
START_TEST(growing_concat) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(1, 2, 3, 5));
  cvk_value f[5] = {net_op(g, CVK_OP_NEG, 1, &x)}, y = f[0];
  for (int i = 1; i < 5; i++) {
    cvk_value slice;
    ck_ok(cvk_graph_slice(g, y, &(cvk_slice_attr){.n_axes = 1, .axis = {1}, .start = {i - 1}, .end = {i + 1}, .step = {1}}, &slice));
    f[i] = net_op(g, CVK_OP_ABS, 1, &slice);
    y = concat(i + 1, f, 1);
  }
  ck_ok(cvk_graph_output(g, y, "y"));
  const cvk_session_report r = run_both(1, DIMS(1, 2, 3, 5));
  ck_assert_int_eq(r.views, 5); /* four concats, and the first slice is the whole of f[0] */
  ck_assert_uint_le(r.arena_bytes, 2 * 3 * 5 * 4 + 64); /* a slice at a time; the features lie in the output */
  finish();
}
END_TEST

/* What keeps a concat a step: parts that are no ranges, the same part twice, a part of the caller's or a constant, a part in two wholes. */
START_TEST(concat_that_copies) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(2, 3, 4));
  const cvk_value a = net_op(g, CVK_OP_NEG, 1, &x), b = net_op(g, CVK_OP_ABS, 1, &x), c = net_constant(g, net_tensor(DIMS(2, 3, 4), 3));
  ck_ok(cvk_graph_output(g, concat(2, (cvk_value[]){a, b}, 1), "axis"));
  ck_ok(cvk_graph_output(g, concat(2, (cvk_value[]){a, a}, 0), "twice"));
  ck_ok(cvk_graph_output(g, concat(3, (cvk_value[]){x, c, b}, 0), "foreign"));
  const cvk_session_report r = run_both(3, DIMS(2, 3, 4));
  ck_assert_int_eq(r.views, 0);
  ck_assert_int_eq(r.ops_device, 5);
  finish();
}
END_TEST

/* A part that is read again after the whole was made is not overwritten by what takes the whole's memory. */
START_TEST(parts_outlive_the_whole) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(2, 8));
  cvk_value a = net_op(g, CVK_OP_NEG, 1, &x), b = net_op(g, CVK_OP_ABS, 1, &x), y = concat(2, (cvk_value[]){a, b}, 0);
  y = net_op(g, CVK_OP_NEG, 1, &y);
  y = net_op(g, CVK_OP_ABS, 1, &y);
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_value z = net_op(g, CVK_OP_NEG, 1, &b); /* scheduled after y */
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_ADD, 2, (cvk_value[]){z, a}), "z"));
  const cvk_session_report r = run_both(2, DIMS(2, 8));
  ck_assert_int_eq(r.views, 1);
  finish();
}
END_TEST

/* The parts of a split stay where they are, also in the caller's tensor; ops in place spare their neighbours. */
START_TEST(split_in_place) {
  open_graph();
  const cvk_value x = net_input(g, "x", DIMS(6, 7));
  cvk_value own = net_op(g, CVK_OP_NEG, 1, &x), p[2], q[3];
  ck_ok(cvk_graph_split(g, x, &(cvk_split_attr){.axis = 0, .n_split = 2, .size = {1, 5}}, 2, p));
  ck_ok(cvk_graph_split(g, own, &(cvk_split_attr){.axis = 0, .n_split = 3, .size = {2, 3, 1}}, 3, q));
  const cvk_value r0 = net_op(g, CVK_OP_RELU, 1, &q[1]), r1 = net_op(g, CVK_OP_ABS, 1, &q[0]), r2 = net_op(g, CVK_OP_NEG, 1, &p[1]);
  ck_ok(cvk_graph_output(g, concat(4, (cvk_value[]){r0, r1, q[2], r2}, 0), "y"));
  ck_ok(cvk_graph_output(g, p[0], "first"));
  const cvk_session_report r = run_both(2, DIMS(6, 7));
  ck_assert_int_eq(r.views, 2);
  finish();
}
END_TEST

SUITE("memory_plan", a_chain_needs_two, kept_values_share_nothing, random_graphs, long_lives, concat_in_place, concat_into_output, growing_concat,
      concat_that_copies, parts_outlive_the_whole, split_in_place)

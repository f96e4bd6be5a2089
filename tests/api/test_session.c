/* SPDX-License-Identifier: Apache-2.0 */
/* test_session.c: runs: outputs given and new, aliasing, devices, shapes that change and plans that are kept, values read on the host, clones,
 * kept values, outputs that are inputs or constants, threads.
 * Rules of docs/plugin-abi.md: P14, H8, H11, H13. */
#include <pthread.h>
#include <stdlib.h>

#include "net.h"

static cvk_context *ctx;
static cvk_graph *g;
static cvk_session *session;

static void finish(void) {
  cvk_session_release(session);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

/* relu(x + c) of [-1, 3] and one constant row. */
static void open_small(const char *device) {
  ctx = net_context(0);
  g = net_graph(ctx);
  cvk_value x = net_input(g, "x", DIMS(-1, 3));
  const cvk_value c = net_constant(g, net_tensor(DIMS(3), 1));
  x = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){x, c});
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_RELU, 1, &x), "y"));
  session = net_session(g, device);
}

/* conv, relu, conv with a residual sum, pool, dense: [n,3,12,12] to [n,10]. */
static void open_net(const char *device, int32_t threads, const cvk_session_options *more) {
  ctx = net_context(threads);
  g = net_graph(ctx);
  cvk_value v = net_input(g, "x", DIMS(-1, 3, 12, 12)), y;
  const cvk_conv_attr same = {.pad_begin = {1, 1}, .pad_end = {1, 1}};
  ck_ok(cvk_graph_conv(g, v, net_constant(g, net_tensor(DIMS(20, 3, 3, 3), 1)), net_constant(g, net_tensor(DIMS(20), 2)), &same, &v));
  v = net_op(g, CVK_OP_RELU, 1, &v);
  ck_ok(cvk_graph_conv(g, v, net_constant(g, net_tensor(DIMS(20, 20, 3, 3), 3)), CVK_NO_VALUE, &same, &y));
  y = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){y, v});
  y = net_op(g, CVK_OP_RELU, 1, &y);
  ck_ok(cvk_graph_max_pool(g, y, &(cvk_pool_attr){.kernel = {2, 2}, .stride = {2, 2}}, &y, NULL));
  y = net_op(g, CVK_OP_FLATTEN, 1, &y);
  y = net_op(g, CVK_OP_GEMM, 3, (cvk_value[]){y, net_constant(g, net_tensor(DIMS(720, 10), 4)), net_constant(g, net_tensor(DIMS(10), 5))});
  ck_ok(cvk_graph_output(g, y, "scores"));
  cvk_session_options options = more ? *more : (cvk_session_options){0};
  options.device = device;
  ck_ok(cvk_session_create(g, &options, &session));
}

static cvk_tensor *run(cvk_session *on, cvk_tensor *in) {
  cvk_tensor *out = NULL;
  ck_ok(cvk_session_run(on, 1, &in, 1, &out));
  return out;
}

START_TEST(agrees_with_the_reference) {
  cvk_tensor *x = net_tensor(DIMS(2, 3, 12, 12), 9);
  open_net("reference", 1, &(cvk_session_options){.no_fusion = 1});
  cvk_tensor *want = run(session, x);
  finish();
  open_net("cpu", 0, NULL);
  cvk_tensor *got = run(session, x);
  net_close(got, want);
  ck_assert_int_eq(net_report(session).ops_cpu + net_report(session).ops_reference, 0);
  cvk_tensor_release(got);
  cvk_tensor_release(want);
  cvk_tensor_release(x);
  finish();
}
END_TEST

START_TEST(outputs_given) {
  open_small("cpu");
  cvk_tensor *x = net_tensor(DIMS(2, 3), 7), *y = net_tensor(DIMS(2, 3), 8), *wrong = net_tensor(DIMS(3, 2), 8), *fresh = run(session, x);
  ck_ok(cvk_session_run(session, 1, &x, 1, &y));
  ck_assert_uint_eq(cvk_tensor_write_count(y), 1);
  net_equal(y, fresh);
  ck_fails(cvk_session_run(session, 1, &x, 1, &wrong), CVK_INVALID_SHAPE, "[3,2]");
  ck_assert_uint_eq(cvk_tensor_write_count(wrong), 0);
  cvk_tensor *view = NULL;
  ck_ok(cvk_tensor_view(y, 2, (int64_t[]){2, 3}, &view));
  ck_fails(cvk_session_run(session, 1, &y, 1, &view), CVK_ALIAS, "'x'");
  ck_fails(cvk_session_run(session, 1, &x, 1, &x), CVK_ALIAS, "'y'");
  cvk_tensor_release(view);
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  cvk_tensor_release(wrong);
  cvk_tensor_release(fresh);
  finish();
}
END_TEST

START_TEST(inputs_are_checked) {
  open_small("cpu");
  cvk_tensor *x = net_tensor(DIMS(2, 4), 7), *flat = net_tensor(DIMS(3), 7), *ints = net_ints(3, (int64_t[]){1, 2, 3}), *none = NULL, *y = NULL;
  ck_fails(cvk_session_run(session, 1, &x, 1, &y), CVK_INVALID_SHAPE, "[2,4]");
  ck_fails(cvk_session_run(session, 1, &flat, 1, &y), CVK_INVALID_SHAPE, "'x'");
  ck_fails(cvk_session_run(session, 1, &ints, 1, &y), CVK_INVALID_ARGUMENT, "int64");
  ck_fails(cvk_session_run(session, 1, &none, 1, &y), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_session_run(session, 0, NULL, 1, &y), CVK_INVALID_ARGUMENT, "1 and 1");
  ck_fails(cvk_session_run(session, 1, &flat, 2, &y), CVK_INVALID_ARGUMENT, "2 outputs");
  ck_assert_ptr_null(y);
  cvk_tensor_release(x);
  cvk_tensor_release(flat);
  cvk_tensor_release(ints);
  finish();
}
END_TEST

START_TEST(tensors_of_another_device) {
  open_small("cpu");
  cvk_device *reference = NULL, *cpu = NULL;
  cvk_tensor *away = NULL, *own = NULL, *y = NULL;
  float v[3] = {1, 2, 3};
  ck_ok(cvk_device_open(ctx, "reference", &reference));
  ck_ok(cvk_device_open(ctx, "cpu", &cpu));
  ck_ok(cvk_tensor_create(reference, CVK_F32, 2, (int64_t[]){1, 3}, v, &away));
  ck_ok(cvk_tensor_create(cpu, CVK_F32, 2, (int64_t[]){1, 3}, v, &own));
  ck_fails(cvk_session_run(session, 1, &away, 1, &y), CVK_DEVICE_MISMATCH, "reference");
  ck_fails(cvk_session_run(session, 1, &own, 1, &away), CVK_DEVICE_MISMATCH, "'y'");
  ck_ok(cvk_session_run(session, 1, &own, 1, &y));
  cvk_tensor_release(y);
  cvk_tensor_release(away);
  cvk_tensor_release(own);
  cvk_device_release(reference);
  cvk_device_release(cpu);
  finish();
}
END_TEST

/* More sets of shapes than plans are kept, in turns: the results stay right. */
START_TEST(shapes_that_change) {
  open_small("cpu");
  for (int round = 0; round < 2; round++)
    for (int64_t n = 0; n < 12; n++) {
      cvk_tensor *x = net_tensor(DIMS(n, 3), (uint32_t)n + 1), *y = run(session, x);
      float in[36], out[36], c[3];
      cvk_tensor *constant = net_tensor(DIMS(3), 1);
      net_read(constant, c, 3);
      net_read(x, in, 36);
      ck_assert_int_eq(net_read(y, out, 36), 3 * n);
      for (int64_t i = 0; i < 3 * n; i++) {
        const float sum = in[i] + c[i % 3];
        ck_assert(out[i] == (sum > 0 ? sum : 0));
      }
      cvk_tensor_release(constant);
      cvk_tensor_release(x);
      cvk_tensor_release(y);
    }
  finish();
}
END_TEST

/* A shape given as an input is read when the plan is made, and another value makes another plan. */
START_TEST(inputs_read_by_value) {
  ctx = net_context(1);
  g = net_graph(ctx);
  cvk_value x = net_input(g, "x", DIMS(2, 6)), shape;
  ck_ok(cvk_graph_input(g, "shape", CVK_I64, 1, (int64_t[]){2}, &shape));
  x = net_op(g, CVK_OP_RESHAPE, 2, (cvk_value[]){x, shape});
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_NEG, 1, &x), "y"));
  session = net_session(g, "cpu");
  cvk_tensor *data = net_tensor(DIMS(2, 6), 3);
  for (int round = 0; round < 20; round++) {
    const int64_t rows = (int64_t[]){1, 2, 3, 4, 6, 12}[round % 6];
    cvk_tensor *dims = net_ints(2, (int64_t[]){rows, -1}), *in[2] = {data, dims}, *y = NULL;
    ck_ok(cvk_session_run(session, 2, in, 1, &y));
    ck_assert_int_eq(cvk_tensor_dims(y)[0], rows);
    ck_assert_int_eq(cvk_tensor_dims(y)[1], 12 / rows);
    cvk_tensor_release(dims);
    cvk_tensor_release(y);
  }
  cvk_tensor *bad = net_ints(2, (int64_t[]){5, -1}), *in[2] = {data, bad}, *y = NULL;
  const cvk_status status = cvk_session_run(session, 2, in, 1, &y);
  ck_assert_int_ne(status, CVK_OK);
  ck_assert_ptr_nonnull(strstr(cvk_error_message(), "12"));
  cvk_tensor_release(bad);
  cvk_tensor_release(data);
  finish();
}
END_TEST

START_TEST(outputs_that_are_inputs_or_constants) {
  ctx = net_context(1);
  g = net_graph(ctx);
  const cvk_value x = net_input(g, "x", DIMS(2, 3)), c = net_constant(g, net_tensor(DIMS(4), 1));
  cvk_value doubled = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){x, x}), flat = net_op(g, CVK_OP_FLATTEN, 1, &doubled),
            folded = net_op(g, CVK_OP_NEG, 1, &c), same = net_op(g, CVK_OP_IDENTITY, 1, &x);
  const cvk_value outputs[] = {x, c, doubled, doubled, flat, folded, same};
  enum { N = sizeof outputs / sizeof *outputs };
  for (int i = 0; i < N; i++) ck_ok(cvk_graph_output(g, outputs[i], (char[]){(char)('a' + i), 0}));
  session = net_session(g, "cpu");
  cvk_tensor *in = net_tensor(DIMS(2, 3), 2), *constant = net_tensor(DIMS(4), 1), *out[N] = {NULL};
  for (int round = 0; round < 2; round++) {
    float a[6], b[6];
    ck_ok(cvk_session_run(session, 1, &in, N, out));
    net_equal(out[0], in);
    net_equal(out[1], constant);
    net_equal(out[2], out[3]);
    net_equal(out[6], in);
    net_read(in, a, 6);
    net_read(out[4], b, 6);
    for (int i = 0; i < 6; i++) ck_assert(b[i] == 2 * a[i]);
    net_read(constant, a, 4);
    net_read(out[5], b, 4);
    for (int i = 0; i < 4; i++) ck_assert(b[i] == -a[i]);
    for (int i = 0; i < N && round == 0; i++) { /* the second round: into the tensors given */
      if (i % 2) continue;
      cvk_tensor_release(out[i]);
      out[i] = NULL;
    }
  }
  for (int i = 0; i < N; i++) cvk_tensor_release(out[i]);
  cvk_tensor_release(in);
  cvk_tensor_release(constant);
  finish();
}
END_TEST

START_TEST(kept_values) {
  open_net("cpu", 1, &(cvk_session_options){.no_fusion = 1, .keep_values = 1});
  cvk_tensor *x = net_tensor(DIMS(1, 3, 12, 12), 9), *want = run(session, x), *v = NULL, *sum = NULL, *relu = NULL;
  ck_ok(cvk_session_value(session, 0, 0, &v));
  ck_assert_int_eq(cvk_tensor_dims(v)[1], 20);
  cvk_tensor_release(v);
  ck_ok(cvk_session_value(session, 3, 0, &sum));
  ck_ok(cvk_session_value(session, 4, 0, &relu));
  float a[2880], b[2880];
  net_read(sum, a, 2880);
  net_read(relu, b, 2880);
  for (int i = 0; i < 2880; i++) ck_assert(b[i] == (a[i] > 0 ? a[i] : 0));
  ck_ok(cvk_session_value(session, 7, 0, &v));
  net_equal(v, want);
  ck_fails(cvk_session_value(session, 99, 0, &x), CVK_INVALID_ARGUMENT, "99");
  cvk_tensor_release(v);
  cvk_tensor_release(sum);
  cvk_tensor_release(relu);
  cvk_tensor_release(want);
  cvk_tensor_release(x);
  finish();
}
END_TEST

START_TEST(values_are_not_kept_unasked) {
  open_small("cpu");
  cvk_tensor *x = net_tensor(DIMS(1, 3), 9), *y = NULL, *v = NULL;
  cvk_session_report r = {.struct_size = sizeof r};
  ck_fails(cvk_session_report_get(session, &r), CVK_INVALID_ARGUMENT, "no plan");
  y = run(session, x);
  ck_fails(cvk_session_value(session, 0, 0, &v), CVK_INVALID_ARGUMENT, "keep_values");
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  finish();
}
END_TEST

START_TEST(clones_share_weights) {
  open_net("cpu", 1, NULL);
  cvk_session *clone = NULL;
  cvk_tensor *x = net_tensor(DIMS(2, 3, 12, 12), 9), *a = run(session, x);
  const uint64_t bytes = net_report(session).weight_bytes;
  ck_ok(cvk_session_clone(session, &clone));
  cvk_tensor *b = run(clone, x);
  net_equal(a, b);
  ck_assert_uint_eq(net_report(clone).weight_bytes, bytes); /* nothing was packed anew */
  cvk_session_release(session);
  session = clone;
  cvk_tensor *c = run(clone, x);
  net_equal(a, c);
  cvk_tensor_release(a);
  cvk_tensor_release(b);
  cvk_tensor_release(c);
  cvk_tensor_release(x);
  finish();
}
END_TEST

typedef struct worker {
  cvk_session *session;
  cvk_tensor *in, *want;
} worker;

static void *work(void *arg) {
  worker *w = arg;
  for (int i = 0; i < 20; i++) {
    cvk_tensor *out = NULL;
    if (cvk_session_run(w->session, 1, &w->in, 1, &out) != CVK_OK) return (void *)1;
    float a[20], b[20];
    cvk_tensor_read(out, a, sizeof a);
    cvk_tensor_read(w->want, b, sizeof b);
    cvk_tensor_release(out);
    if (memcmp(a, b, sizeof a) != 0) return (void *)2;
  }
  return NULL;
}

/* Two clones and two users of one session at the same time give the bits of a run alone. */
START_TEST(threads) {
  open_net("cpu", 2, NULL);
  cvk_session *clone = NULL;
  pthread_t id[4];
  cvk_tensor *x = net_tensor(DIMS(2, 3, 12, 12), 9), *want = run(session, x);
  ck_ok(cvk_session_clone(session, &clone));
  worker a = {session, x, want}, b = {clone, x, want};
  for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&id[i], NULL, work, i % 2 ? &a : &b), 0);
  for (int i = 0; i < 4; i++) {
    void *result = NULL;
    ck_assert_int_eq(pthread_join(id[i], &result), 0);
    ck_assert_ptr_null(result);
  }
  cvk_tensor_release(x);
  cvk_tensor_release(want);
  cvk_session_release(clone);
  finish();
}
END_TEST

START_TEST(same_bits_for_any_thread_count) {
  cvk_tensor *x = net_tensor(DIMS(3, 3, 12, 12), 9), *one;
  open_net("cpu", 1, NULL);
  one = run(session, x);
  finish();
  for (int32_t n = 2; n < 5; n++) {
    open_net("cpu", n, NULL);
    cvk_tensor *more = run(session, x);
    net_equal(one, more);
    cvk_tensor_release(more);
    finish();
  }
  cvk_tensor_release(one);
  cvk_tensor_release(x);
}
END_TEST

START_TEST(profile_times_every_op) {
  open_net("cpu", 1, &(cvk_session_options){.profile = 1});
  cvk_tensor *x = net_tensor(DIMS(1, 3, 12, 12), 9), *y = run(session, x);
  int64_t total = 0, macs = 0;
  for (int32_t i = 0; i < net_report(session).n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    ck_ok(cvk_session_op_report(session, i, &op));
    ck_assert(op.ns >= 0 && op.start_ns >= 0);
    total += op.ns;
    if (op.kind == CVK_OP_CONV || op.kind == CVK_OP_GEMM) macs += op.multiply_adds;
    const char *row = cvk_session_op_row(session, i, 0);
    ck_assert(row != NULL || op.kind == CVK_OP_REORDER);
  }
  ck_assert_int_gt(total, 0);
  ck_assert_int_eq(macs, 144 * 20 * 27 + 144 * 20 * 180 + 7200);
  ck_assert_ptr_null(cvk_session_op_row(session, 0, 99));
  ck_assert_ptr_null(cvk_session_op_row(session, 99, 0));
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  finish();
}
END_TEST

START_TEST(options_are_checked) {
  open_small("cpu");
  cvk_session *other = NULL;
  ck_fails(cvk_session_create(g, &(cvk_session_options){.struct_size = 2}, &other), CVK_INVALID_ARGUMENT, "2");
  ck_fails(cvk_session_create(g, &(cvk_session_options){.device = "cpu", .fallback = 7}, &other), CVK_INVALID_ARGUMENT, "7");
  ck_fails(cvk_session_create(g, &(cvk_session_options){.device = "opencI"}, &other), CVK_UNKNOWN_BACKEND, "opencI");
  ck_fails(cvk_session_create(NULL, NULL, &other), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_session_clone(NULL, &other), CVK_INVALID_ARGUMENT, "NULL");
  cvk_session_release(NULL);
  finish();
}
END_TEST

SUITE("session", agrees_with_the_reference, outputs_given, inputs_are_checked, tensors_of_another_device, shapes_that_change, inputs_read_by_value,
      outputs_that_are_inputs_or_constants, kept_values, values_are_not_kept_unasked, clones_share_weights, threads, same_bits_for_any_thread_count,
      profile_times_every_op, options_are_checked)

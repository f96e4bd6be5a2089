/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_several.c: sessions of several threads on one OpenCL device and on two at once (POCL_DEVICES="pthread pthread"): each gets the
 * bits that a session by itself gets. Tensors of one device are refused by another. A later session finds the programs of an earlier one. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "../api/net.h"

enum { THREADS = 4, RUNS = 25 };

static cvk_context *ctx;
static int32_t n_devices; /* of the OpenCL backend */

static atomic_int programs; /* that came into being, from source or from the cache */

static void note_program(void *arg, int32_t level, const char *text) {
  (void)arg;
  (void)level;
  if (strstr(text, "from source in") || strstr(text, "came from the cache")) atomic_fetch_add(&programs, 1);
}

static int32_t open_context(void) {
  const cvk_context_options options = {.backends = "opencl", .log = note_program, .log_topics = "info"};
  cvk_device_info info = {.struct_size = sizeof info};
  int32_t n;
  ck_ok(cvk_context_create(&options, &ctx));
  ck_ok(cvk_device_count(ctx, &n));
  n_devices = 0;
  for (int32_t i = 0; i < n; i++) {
    ck_ok(cvk_device_info_get(ctx, i, &info));
    n_devices += strncmp(info.id, "opencl:", 7) == 0;
  }
  if (n_devices == 0) {
    printf("skipped: no OpenCL device\n");
    cvk_context_release(ctx);
  }
  return n_devices;
}

/* Two convolutions, a pool, a dense layer: rows with packs, workspace and several launches among them. */
static cvk_session *make(const char *device) {
  const cvk_session_options options = {.device = device, .fallback = CVK_FALLBACK_NONE};
  cvk_graph *g = net_graph(ctx);
  cvk_session *s = NULL;
  cvk_value v = net_input(g, "x", DIMS(1, 32, 18, 17));
  v = net_op(g, CVK_OP_CONV, 2, (const cvk_value[]){v, net_constant(g, net_tensor(DIMS(48, 32, 3, 3), 2))});
  v = net_op(g, CVK_OP_RELU, 1, &v);
  v = net_op(g, CVK_OP_CONV, 2, (const cvk_value[]){v, net_constant(g, net_tensor(DIMS(20, 48, 1, 1), 3))});
  v = net_op(g, CVK_OP_GLOBAL_AVG_POOL, 1, &v);
  v = net_op(g, CVK_OP_FLATTEN, 1, &v);
  v = net_op(g, CVK_OP_MATMUL, 2, (const cvk_value[]){v, net_constant(g, net_tensor(DIMS(20, 10), 4))});
  ck_ok(cvk_graph_output(g, v, "y"));
  ck_ok(cvk_session_create(g, &options, &s));
  cvk_graph_release(g);
  return s;
}

typedef struct job {
  cvk_session *session;
  cvk_tensor *x, *y;
  int32_t failed, differed;
} job;

static void run(job *j) {
  j->y = NULL;
  j->failed += cvk_session_run(j->session, 1, &j->x, 1, &j->y) != CVK_OK;
}

/* Runs again and again and compares with the first result. */
static void *work(void *arg) {
  job *j = arg;
  cvk_tensor *want = j->y;
  for (int32_t i = 0; i < RUNS && !j->failed; i++) {
    run(j);
    if (j->failed) break;
    float a[10], b[10];
    j->differed += net_read(want, a, 10) != net_read(j->y, b, 10) || memcmp(a, b, sizeof a) != 0;
    cvk_tensor_release(j->y);
  }
  j->y = want;
  return NULL;
}

/* Thread i works on device i % devices with an input of its own; its first result is made alone, on device 0. */
static void together(int32_t devices) {
  job jobs[THREADS];
  pthread_t id[THREADS];
  char device[24];
  for (int32_t i = 0; i < THREADS; i++) {
    jobs[i] = (job){.session = make("opencl:0"), .x = net_tensor(DIMS(1, 32, 18, 17), 10 + (uint32_t)i)};
    run(&jobs[i]);
    ck_assert_int_eq(jobs[i].failed, 0);
    cvk_session_release(jobs[i].session);
  }
  for (int32_t i = 0; i < THREADS; i++) {
    snprintf(device, sizeof device, "opencl:%d", i % devices);
    jobs[i].session = make(device);
  }
  for (int32_t i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&id[i], NULL, work, &jobs[i]), 0);
  for (int32_t i = 0; i < THREADS; i++) {
    ck_assert_int_eq(pthread_join(id[i], NULL), 0);
    ck_assert_msg(jobs[i].failed == 0 && jobs[i].differed == 0, "thread %d: %d runs failed, %d gave other bits", i, jobs[i].failed, jobs[i].differed);
    cvk_session_release(jobs[i].session);
    cvk_tensor_release(jobs[i].x);
    cvk_tensor_release(jobs[i].y);
  }
}

START_TEST(threads_on_one_device) {
  if (!open_context()) return;
  together(1);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(two_devices_at_once) {
  if (!open_context()) return;
  if (n_devices > 1) together(2);
  else printf("skipped: one OpenCL device only\n");
  cvk_context_release(ctx);
}
END_TEST

START_TEST(programs_outlive_a_session) {
  if (!open_context()) return;
  for (int32_t i = 0; i < 2; i++) {
    atomic_store(&programs, 0);
    job j = {.session = make("opencl:0"), .x = net_tensor(DIMS(1, 32, 18, 17), 1)};
    run(&j);
    ck_assert_int_eq(j.failed, 0);
    cvk_tensor_release(j.x);
    cvk_tensor_release(j.y);
    cvk_session_release(j.session);
    if (i == 0)
      ck_assert_int_gt(programs, 1);
    else
      ck_assert_int_eq(programs, 0);
  }
  cvk_context_release(ctx);
}
END_TEST

START_TEST(tensors_of_another_device) {
  if (!open_context()) return;
  if (n_devices > 1) {
    cvk_device *other = NULL;
    cvk_session *s = make("opencl:0");
    cvk_tensor *x = NULL, *y = NULL;
    ck_ok(cvk_device_open(ctx, "opencl:1", &other));
    ck_ok(cvk_tensor_create(other, CVK_F32, DIMS(1, 32, 18, 17), NULL, &x));
    ck_fails(cvk_session_run(s, 1, &x, 1, &y), CVK_DEVICE_MISMATCH, "opencl:1");
    cvk_tensor_release(x);
    cvk_session_release(s);
    cvk_device_release(other);
  }
  cvk_context_release(ctx);
}
END_TEST

/* A program may forget to release: the process of this test ends with buffers and parts of them alive, which must not crash it. */
START_TEST(ends_with_buffers_alive) {
  if (!open_context()) return;
  job left = {.session = make("opencl:0"), .x = net_tensor(DIMS(1, 32, 18, 17), 1)};
  run(&left);
  ck_assert_int_eq(left.failed, 0);
}
END_TEST

SUITE("opencl_several", threads_on_one_device, two_devices_at_once, programs_outlive_a_session, tensors_of_another_device,
      ends_with_buffers_alive)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_device.c: devices, buffers, queues and events: limits with numbers in the message, ranges, time limits, fork, reopening. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mini_host.h"

static void expect(cvk_status got, cvk_status want, const char *text) {
  ck_assert_msg(got == want, "status %d, want %d: %s", (int)got, (int)want, mini_message());
  ck_assert_msg(strstr(mini_message(), text) != NULL, "no '%s' in: %s", text, mini_message());
}

START_TEST(what_is_listed_is_described) {
  cvk_instance *inst;
  cvk_device_info info = {.struct_size = sizeof info};
  int32_t n = 0;
  const cvk_backend *be = mini_backend();
  if (!mini_open()) return;
  ck_assert_int_eq(be->instance_create(mini_host(), &inst), CVK_OK);
  ck_assert_int_eq(be->device_count(inst, &n), CVK_OK);
  for (int32_t i = 0; i < n; i++) {
    char id[32];
    snprintf(id, sizeof id, "opencl:%d", (int)i);
    ck_assert_int_eq(be->device_info(inst, i, &info), CVK_OK);
    ck_assert_str_eq(info.id, id);
    ck_assert(info.type >= CVK_DEVICE_CPU && info.type <= CVK_DEVICE_ACCELERATOR);
    ck_assert(info.units > 0 && info.memory_bytes > 0 && info.max_alloc_bytes > 0 && info.alignment >= 64 && info.name[0]);
  }
  expect(be->device_info(inst, n, &info), CVK_NO_DEVICE, "asked for");
  expect(be->device_info(inst, -1, &info), CVK_NO_DEVICE, "-1");
  be->instance_destroy(inst);
  mini_close();
}
END_TEST

START_TEST(an_older_host_gets_what_it_knows) {
  struct {
    cvk_device_info info;
    char after[16];
  } old;
  cvk_instance *inst;
  int32_t n;
  const cvk_backend *be = mini_backend();
  if (!mini_open()) return;
  ck_assert_int_eq(be->instance_create(mini_host(), &inst), CVK_OK);
  ck_assert_int_eq(be->device_count(inst, &n), CVK_OK);
  memset(&old, 0x5A, sizeof old);
  old.info.struct_size = 16;
  ck_assert_int_eq(be->device_info(inst, 0, &old.info), CVK_OK);
  ck_assert_uint_eq(old.info.struct_size, 16);
  ck_assert_int_eq(((unsigned char *)&old)[16], 0x5A);
  be->instance_destroy(inst);
  mini_close();
}
END_TEST

START_TEST(buffers_move_bytes) {
  const cvk_backend *be = mini_backend();
  cvk_buffer *a, *b;
  unsigned char in[1000], out[1000];
  if (!mini_open()) return;
  for (int i = 0; i < 1000; i++) in[i] = (unsigned char)(i * 7);
  ck_assert_int_eq(be->buffer_alloc(mini_device(), 1000, &a), CVK_OK);
  ck_assert_int_eq(be->buffer_alloc(mini_device(), 1000, &b), CVK_OK);
  ck_assert_int_eq(be->buffer_write(mini_queue(), a, 0, 1000, in), CVK_OK);
  ck_assert_int_eq(be->buffer_fill(mini_queue(), b, 0, 1000, 0xAB), CVK_OK);
  ck_assert_int_eq(be->buffer_copy(mini_queue(), a, 100, b, 3, 500), CVK_OK);
  ck_assert_int_eq(be->buffer_read(mini_queue(), b, 0, 1000, out), CVK_OK);
  ck_assert_int_eq(be->queue_finish(mini_queue(), -1), CVK_OK);
  for (int i = 0; i < 1000; i++) ck_assert_int_eq(out[i], i >= 3 && i < 503 ? in[i + 97] : 0xAB);
  expect(be->buffer_write(mini_queue(), a, 600, 401, in), CVK_INVALID_ARGUMENT, "1000");
  expect(be->buffer_read(mini_queue(), a, UINT64_MAX, 2, out), CVK_INVALID_ARGUMENT, "1000");
  void *p = NULL;
  const cvk_status mapped = be->buffer_map(mini_queue(), a, 0, 1000, &p);
  if (mapped == CVK_OK) {
    ck_assert_mem_eq(p, in, 1000);
    ((unsigned char *)p)[0] = 99;
    ck_assert_int_eq(be->buffer_unmap(mini_queue(), a, p), CVK_OK);
    ck_assert_int_eq(be->buffer_read(mini_queue(), a, 0, 1, out), CVK_OK);
    ck_assert_int_eq(be->queue_finish(mini_queue(), 1000000000), CVK_OK);
    ck_assert_int_eq(out[0], 99);
  } else {
    ck_assert_int_eq(mapped, CVK_UNSUPPORTED);
  }
  be->buffer_free(a);
  be->buffer_free(b);
  mini_close();
}
END_TEST

/* Reads see what the buffer held at their place in the queue, whatever comes behind them, also when the buffer goes first. */
START_TEST(reads_keep_their_place) {
  enum { N = 40 };
  const cvk_backend *be = mini_backend();
  cvk_buffer *a;
  unsigned char out[N][64], late[64] = {0}, in[64];
  if (!mini_open()) return;
  ck_assert_int_eq(be->buffer_alloc(mini_device(), 64, &a), CVK_OK);
  for (int i = 0; i < N; i++) { /* more reads than wait at once */
    ck_assert_int_eq(be->buffer_fill(mini_queue(), a, 0, 64, i), CVK_OK);
    for (int k = 0; k < (i == 20 ? 20 : 1); k++) ck_assert_int_eq(be->buffer_read(mini_queue(), a, 0, 64, out[i]), CVK_OK);
  }
  memset(in, 0xEE, sizeof in);
  ck_assert_int_eq(be->buffer_write(mini_queue(), a, 0, 64, in), CVK_OK); /* behind commands: one itself */
  ck_assert_int_eq(be->buffer_read(mini_queue(), a, 0, 64, late), CVK_OK);
  be->buffer_free(a);
  ck_assert_int_eq(be->queue_finish(mini_queue(), -1), CVK_OK);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < 64; k++) ck_assert_int_eq(out[i][k], i);
  ck_assert_mem_eq(late, in, sizeof in);
  mini_close();
}
END_TEST

START_TEST(imported_memory_is_the_same_memory) {
  const cvk_backend *be = mini_backend();
  cvk_buffer *buf;
  if (!mini_open()) return;
  unsigned char *host_memory = aligned_alloc(4096, 4096), out[16];
  memset(host_memory, 7, 4096);
  expect(be->buffer_import(mini_device(), host_memory + 4, 64, &buf), CVK_UNSUPPORTED, "aligned");
  if (be->buffer_import(mini_device(), host_memory, 4096, &buf) == CVK_OK) {
    ck_assert_int_eq(be->buffer_read(mini_queue(), buf, 100, 16, out), CVK_OK);
    ck_assert_int_eq(be->queue_finish(mini_queue(), -1), CVK_OK);
    for (int i = 0; i < 16; i++) ck_assert_int_eq(out[i], 7);
    be->buffer_free(buf);
  }
  free(host_memory);
  mini_close();
}
END_TEST

START_TEST(too_much_memory_is_refused_with_numbers) {
  const cvk_backend *be = mini_backend();
  cvk_instance *inst;
  cvk_buffer *buf;
  int32_t n;
  char number[32];
  cvk_device_info info = {.struct_size = sizeof info};
  if (!mini_open()) return;
  ck_assert_int_eq(be->instance_create(mini_host(), &inst), CVK_OK);
  ck_assert_int_eq(be->device_count(inst, &n), CVK_OK);
  ck_assert_int_eq(be->device_info(inst, 0, &info), CVK_OK);
  be->instance_destroy(inst);
  snprintf(number, sizeof number, "%llu", (unsigned long long)info.max_alloc_bytes);
  expect(be->buffer_alloc(mini_device(), info.max_alloc_bytes + 1, &buf), CVK_OUT_OF_DEVICE_MEMORY, number);
  expect(be->buffer_alloc(mini_device(), UINT64_MAX, &buf), CVK_OUT_OF_DEVICE_MEMORY, number);
  ck_assert_int_eq(be->buffer_alloc(mini_device(), 1 << 20, &buf), CVK_OK);
  be->buffer_free(buf);
  mini_close();
}
END_TEST

/* A kernel that takes long enough to be caught running. Returns 0 when it was too fast for that. */
START_TEST(a_time_limit_loses_the_device) {
  const cvk_backend *be = mini_backend();
  cvk_buffer *a, *b;
  if (!mini_open()) return;
  const uint64_t bytes = 64 << 20;
  ck_assert_int_eq(be->buffer_alloc(mini_device(), bytes, &a), CVK_OK);
  ck_assert_int_eq(be->buffer_alloc(mini_device(), bytes, &b), CVK_OK);
  for (int i = 0; i < 8; i++) {
    ck_assert_int_eq(be->buffer_fill(mini_queue(), a, 0, bytes, i), CVK_OK);
    ck_assert_int_eq(be->buffer_copy(mini_queue(), a, 0, b, 0, bytes), CVK_OK);
  }
  expect(be->queue_finish(mini_queue(), 0), CVK_TIMEOUT, "not done");
  expect(be->queue_finish(mini_queue(), -1), CVK_DEVICE_LOST, "lost");
  expect(be->buffer_fill(mini_queue(), a, 0, bytes, 1), CVK_DEVICE_LOST, "lost");
  be->buffer_free(a);
  be->buffer_free(b);
  mini_close();
  ck_assert_int_eq(mini_open(), 1); /* opened anew it works */
  ck_assert_int_eq(be->queue_finish(mini_queue(), -1), CVK_OK);
  mini_close();
}
END_TEST

START_TEST(a_forked_child_is_told) {
  const cvk_backend *be = mini_backend();
  if (!mini_open()) return;
  const pid_t child = fork();
  if (child == 0) {
    cvk_buffer *buf;
    int good = be->queue_finish(mini_queue(), -1) == CVK_AFTER_FORK && be->buffer_alloc(mini_device(), 16, &buf) == CVK_AFTER_FORK;
    good = good && strstr(mini_message(), "fork") != NULL;
    mini_close();
    _exit(good ? 0 : 1);
  }
  int state = -1;
  ck_assert_int_eq(waitpid(child, &state, 0), child);
  ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the child ended with %d", state);
  ck_assert_int_eq(be->queue_finish(mini_queue(), -1), CVK_OK);
  mini_close();
}
END_TEST

START_TEST(events_order_and_time) {
  const cvk_backend *be = mini_backend();
  cvk_queue *timed;
  if (!mini_open()) return;
  float x[64], y[64];
  mini_random(x, 64, 1);
  cvk_tensor_desc dx = {.struct_size = sizeof dx, .dtype = CVK_F32, .rank = 2, .dim = {2, 32}}, dy = dx;
  const cvk_tensor_desc *in[] = {&dx}, *out[] = {&dy};
  cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = in, .out = out};
  cvk_candidate c = {.struct_size = sizeof c}, *list[] = {&c};
  int32_t n = 1;
  cvk_pack *packs[1] = {NULL};
  cvk_kernel *kernel;
  cvk_buffer *bx, *by;
  ck_assert_int_eq(be->queue_open(mini_device(), 1, &timed), CVK_OK);
  ck_assert_int_eq(be->supports(mini_device(), &op, list, &n), CVK_OK);
  ck_assert_int_eq(be->prepare(mini_device(), &op, &c, packs, &kernel), CVK_OK);
  ck_assert_int_eq(be->buffer_alloc(mini_device(), 256, &bx), CVK_OK);
  ck_assert_int_eq(be->buffer_alloc(mini_device(), 256, &by), CVK_OK);
  ck_assert_int_eq(be->buffer_write(timed, bx, 0, 256, x), CVK_OK);
  cvk_event *first, *second;
  const cvk_arg ax = {bx, 0, 256}, ay = {by, 0, 256}, none = {0};
  ck_assert_int_eq(be->execute(kernel, timed, &ax, &ay, &none, NULL, 0, &first), CVK_OK);
  ck_assert_int_eq(be->execute(kernel, timed, &ax, &ay, &none, &first, 1, &second), CVK_OK);
  ck_assert_int_eq(be->event_wait(second, 10000000000), CVK_OK);
  int64_t start[2], end[2];
  ck_assert_int_eq(be->event_time(first, &start[0], &end[0]), CVK_OK);
  ck_assert_int_eq(be->event_time(second, &start[1], &end[1]), CVK_OK);
  ck_assert(start[0] <= end[0] && end[0] <= start[1] && start[1] <= end[1]);
  ck_assert_int_eq(be->buffer_read(timed, by, 0, 256, y), CVK_OK);
  ck_assert_int_eq(be->queue_finish(timed, -1), CVK_OK);
  ck_assert_mem_eq(x, y, 256);
  expect(be->execute(kernel, NULL, &ax, &ay, &none, NULL, 0, NULL), CVK_INVALID_ARGUMENT, "queue");
  be->event_free(first);
  be->event_free(second);
  be->kernel_free(kernel);
  be->buffer_free(bx);
  be->buffer_free(by);
  be->queue_close(timed);
  mini_close();
}
END_TEST

START_TEST(open_and_close_a_hundred_times) {
  for (int i = 0; i < 100; i++) {
    float x[4] = {1, 2, 3, 4}, y[4] = {0};
    if (!mini_open()) return;
    mini_op op = {.kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1};
    op.in[0] = mini_f32(2, (int64_t[]){1, 4}, x);
    op.out[0] = mini_f32(2, (int64_t[]){1, 4}, y);
    mini_must_run(NULL, &op);
    ck_assert_mem_eq(x, y, sizeof x);
    mini_close();
  }
}
END_TEST

SUITE("opencl_device", what_is_listed_is_described, an_older_host_gets_what_it_knows, buffers_move_bytes, reads_keep_their_place,
      imported_memory_is_the_same_memory, too_much_memory_is_refused_with_numbers, a_time_limit_loses_the_device, a_forked_child_is_told,
      events_order_and_time, open_and_close_a_hundred_times)

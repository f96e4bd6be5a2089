/* SPDX-License-Identifier: Apache-2.0 */
/* test_large.c: models beyond 4 GiB, whose lengths and offsets do not fit 32 bits: a protobuf of that size, and external data at such an
 * offset. The files are sparse, and little of them may come into memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_model.h"

#define BIG (((int64_t)9 << 29) + 3) /* 4.5 GiB and 3 bytes */
#define MOST_KIB (32 << 10)

static char folder[64];

static void begin(void) {
  const char *top = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%.40s/convoke-large-XXXXXX", top ? top : "/tmp");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void end(void) {
  ck_assert_int_eq(rmdir(folder), 0);
}

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* A file of `before`, a hole, and `after`, which is emptied like before. 0: there is no room. */
static int32_t write_sparse(const char *name, bytes *before, int64_t hole, bytes *after) {
  const int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ck_assert_int_ge(fd, 0);
  int32_t ok = write(fd, before->data, before->n) == (ssize_t)before->n && lseek(fd, hole, SEEK_CUR) >= 0;
  ok = ok && write(fd, after->data, after->n) == (ssize_t)after->n;
  if (!ok) {
    ck_assert_msg(errno == ENOSPC || errno == EFBIG || errno == EDQUOT, "%s", strerror(errno));
    printf("skipped: no room for a file of %lld bytes in %s\n", (long long)hole, folder);
    unlink(path_of(name));
  }
  close(fd);
  empty(before);
  empty(after);
  return ok;
}

static long peak_kib(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}

/* Loads, plans and runs in a process of its own: outputs y, two bytes, and z, one f32. Exit status: 0 as wanted. */
static void check(const char *name, const uint8_t y[2], float z) {
  const pid_t child = fork();
  int how = 0;
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    const long before = peak_kib();
    cvk_context *ctx = NULL;
    cvk_graph *g = NULL;
    cvk_session *s = NULL;
    cvk_tensor *out[2] = {NULL};
    uint8_t got_y[2];
    float got_z;
    alarm(60);
    cvk_status status = cvk_context_create(&(cvk_context_options){.backends = "none", .no_env = 1, .num_threads = 1}, &ctx);
    if (status == CVK_OK) status = cvk_graph_load_onnx(ctx, path_of(name), &g);
    if (status == CVK_OK) status = cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s);
    if (status == CVK_OK) status = cvk_session_run(s, 0, NULL, 2, out);
    if (status == CVK_OK) status = cvk_tensor_read(out[0], got_y, 2);
    if (status == CVK_OK) status = cvk_tensor_read(out[1], &got_z, 4);
    if (status != CVK_OK) fprintf(stderr, "%s\n", cvk_error_message());
    if (status != CVK_OK) _exit(1);
    if (memcmp(y, got_y, 2) != 0 || z != got_z) _exit(2);
#if !defined(__SANITIZE_ADDRESS__)
    if (peak_kib() - before > MOST_KIB) _exit(3);
#else
    (void)before;
#endif
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &how, 0), child);
  ck_assert_msg(WIFEXITED(how) && WEXITSTATUS(how) == 0, "status %d (1 failed, 2 wrong values, 3 too much memory)",
                WIFEXITED(how) ? WEXITSTATUS(how) : -how);
  unlink(path_of(name));
}

/* y: two elements of `big`; z: w + w. */
static void nodes(bytes *g) {
  bytes t = int64s("at", 2, DIMS(0, BIG - 1));
  initialiser(g, &t);
  node(g, "Gather", "big at", "y", NULL);
  node(g, "Add", "w w", "z", NULL);
  value_info(g, 12, "y", CVK_U8, -1, NULL);
  output(g, "z");
}

/* The model's graph, its initialiser and its raw data each longer than 4 GiB, and another initialiser behind them. */
START_TEST(test_a_large_protobuf) {
  bytes before = {0}, head = {0}, tensor_head = {0}, after = {0}, rest = {0};
  begin();
  put_int(&tensor_head, 1, BIG);
  put_int(&tensor_head, 2, CVK_U8);
  put_text(&tensor_head, 8, "big");
  put_tag(&tensor_head, 9, 2);
  put_varint(&tensor_head, (uint64_t)BIG);
  put_tag(&head, 5, 2);
  put_varint(&head, tensor_head.n + (uint64_t)BIG);
  put(&head, tensor_head.data, tensor_head.n);
  put(&head, "\x07", 1);  /* element 0 */
  put(&after, "\x09", 1); /* the last */
  constant(&rest, "w", F32("1", 1.5f));
  nodes(&rest);
  put(&after, rest.data, rest.n);
  put_int(&before, 1, 8);
  put_bytes(&before, 8, "\x10\x0d", 2); /* opset 13 */
  put_tag(&before, 7, 2);
  put_varint(&before, head.n + (uint64_t)(BIG - 2) + after.n);
  put(&before, head.data, head.n);
  empty(&head);
  empty(&tensor_head);
  empty(&rest);
  if (write_sparse("model.onnx", &before, BIG - 2, &after)) check("model.onnx", (const uint8_t[]){7, 9}, 3);
  end();
}
END_TEST

static void external(bytes *g, const char *name, int32_t dtype, int64_t count, int64_t offset, int64_t length) {
  static const char *const keys[] = {"location", "offset", "length"};
  char value[3][32] = {"data.bin"};
  bytes t = {0};
  snprintf(value[1], sizeof value[1], "%lld", (long long)offset);
  snprintf(value[2], sizeof value[2], "%lld", (long long)length);
  put_int(&t, 1, count);
  put_int(&t, 2, dtype);
  put_text(&t, 8, name);
  put_int(&t, 14, 1);
  for (int32_t i = 0; i < 3; i++) {
    bytes e = {0};
    put_text(&e, 1, keys[i]);
    put_text(&e, 2, value[i]);
    put_message(&t, 13, &e);
  }
  initialiser(g, &t);
}

START_TEST(test_large_external_data) {
  const float w = -2;
  bytes before = {0}, after = {0}, g = {0};
  begin();
  put(&before, "\x07", 1);
  put(&after, "\x09\0", 2); /* the last element of big, then one byte to where w is aligned */
  put(&after, &w, 4);
  if (write_sparse("data.bin", &before, BIG - 2, &after)) {
    external(&g, "big", CVK_U8, BIG, 0, BIG);
    external(&g, "w", CVK_F32, 1, BIG + 1, 4);
    nodes(&g);
    bytes m = model(&g, 13), none = {0};
    ck_assert_int_eq(write_sparse("model.onnx", &m, 0, &none), 1);
    check("model.onnx", (const uint8_t[]){7, 9}, -4);
    unlink(path_of("data.bin"));
  }
  end();
}
END_TEST

SUITE("onnx large", test_a_large_protobuf, test_large_external_data)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_tuned.c: measured times of kernel rows (cvk_session_tune) on a backend whose estimates are known (tests/plugins/modules/planner.c): they
 * decide in this process and, by the file in the cache folder, in later contexts; for the whole shape class and no other; wrong rows are left. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "../plugins/sandbox.h"
#include "net.h"

#define BLOCKED "planner_relu_blocked"
#define PLAIN "planner_relu_plain"

static char log_text[1024];

static void keep_log(void *arg, int32_t level, const char *text) {
  (void)arg;
  (void)level;
  snprintf(log_text, sizeof log_text, "%s", text);
}

/* Where the tuned times are kept: the sandbox's second folder. */
static cvk_context *planner(const char *kernel) {
  static int there;
  if (!there++) {
    sandbox_add(sandbox_folder(), "planner", "planner");
    sandbox_second_folder();
    atexit(sandbox_remove);
  }
  const cvk_context_options options = {.plugin_path = sandbox_folder(), .backends = "planner", .kernel = kernel, .cache_dir = sandbox_second_folder(),
                                       .log = keep_log, .no_env = 1};
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&options, &ctx));
  return ctx;
}

static uint32_t session_flags;

/* A session of a RELU, run once; op: that of the RELU in its report. */
static cvk_session *relu(cvk_context *ctx, int64_t channels, int64_t size, int untuned, int32_t *op) {
  const cvk_session_options options = {.device = "planner", .untuned = untuned, .flags = session_flags};
  const int64_t dim[] = {1, channels, size, size};
  cvk_graph *g = net_graph(ctx);
  cvk_session *s = NULL;
  cvk_tensor *x = net_tensor(4, dim, 3), *y = NULL;
  cvk_op_report r = {.struct_size = sizeof r};
  cvk_value v = net_input(g, "x", 4, dim);
  v = net_op(g, CVK_OP_RELU, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  ck_ok(cvk_session_create(g, &options, &s));
  ck_ok(cvk_session_run(s, 1, &x, 1, &y));
  for (*op = 0; cvk_session_op_report(s, *op, &r) == CVK_OK && r.kind != CVK_OP_RELU;) ++*op;
  ck_assert_int_eq(r.node, 0);
  cvk_tensor_release(x);
  cvk_tensor_release(y);
  cvk_graph_release(g);
  return s;
}

/* The row that a RELU gets. */
static const char *row_of(cvk_context *ctx, int64_t channels, int64_t size) {
  static char name[64];
  int32_t op;
  cvk_op_report r = {.struct_size = sizeof r};
  cvk_session *s = relu(ctx, channels, size, 0, &op);
  ck_ok(cvk_session_op_report(s, op, &r));
  snprintf(name, sizeof name, "%s", r.kernel);
  cvk_session_release(s);
  return name;
}

static cvk_status tune(cvk_context *ctx, int64_t channels, int64_t size, int32_t n, const cvk_row_time *rows) {
  int32_t op;
  cvk_session *s = relu(ctx, channels, size, 1, &op);
  const cvk_status status = cvk_session_tune(s, op, n, rows);
  cvk_session_release(s);
  return status;
}

static const cvk_row_time plain_wins[] = {{PLAIN, 1000}, {BLOCKED, 1000000000}};

START_TEST(measured_times_decide) {
  cvk_context *ctx = planner(NULL);
  ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED);
  ck_ok(tune(ctx, 16, 64, 2, plain_wins));
  ck_assert_str_eq(row_of(ctx, 16, 64), PLAIN); /* in the open device */
  cvk_context_release(ctx);
  ctx = planner(NULL);
  ck_assert_str_eq(row_of(ctx, 16, 64), PLAIN); /* from the file */
  int32_t op;
  cvk_op_report r = {.struct_size = sizeof r};
  cvk_session *s = relu(ctx, 16, 64, 1, &op);
  ck_ok(cvk_session_op_report(s, op, &r));
  ck_assert_str_eq(r.kernel, BLOCKED); /* untuned: as before */
  cvk_session_release(s);
  session_flags = CVK_DETERMINISTIC;
  ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED); /* the same */
  session_flags = 0;
  cvk_context_release(ctx);
  ctx = planner(BLOCKED);
  ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED); /* a forced row wins */
  cvk_context_release(ctx);
}
END_TEST

START_TEST(a_class_of_shapes) {
  cvk_context *ctx = planner(NULL);
  ck_ok(tune(ctx, 16, 64, 2, plain_wins));
  ck_assert_str_eq(row_of(ctx, 16, 49), PLAIN);
  ck_assert_str_eq(row_of(ctx, 13, 64), PLAIN);
  ck_assert_str_eq(row_of(ctx, 16, 65), BLOCKED);
  ck_assert_str_eq(row_of(ctx, 17, 64), BLOCKED);
  ck_assert_str_eq(row_of(ctx, 16, 48), BLOCKED);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(later_times_replace) {
  cvk_context *ctx = planner(NULL);
  ck_ok(tune(ctx, 16, 64, 2, plain_wins));
  ck_ok(tune(ctx, 24, 64, 2, plain_wins));
  ck_ok(tune(ctx, 16, 64, 2, (const cvk_row_time[]){{BLOCKED, 1}, {PLAIN, 1000000000}}));
  cvk_context_release(ctx);
  ctx = planner(NULL);
  ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED);
  ck_assert_str_eq(row_of(ctx, 24, 64), PLAIN);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(wrong_rows_are_left) {
  cvk_context *ctx = planner(NULL);
  const cvk_session_options options = {.device = "planner", .fallback = CVK_FALLBACK_NONE};
  ck_ok(tune(ctx, 16, 64, 2, (const cvk_row_time[]){{BLOCKED, -1}, {PLAIN, 1000000000}}));
  ck_assert_str_eq(row_of(ctx, 16, 64), PLAIN);
  ck_ok(tune(ctx, 16, 64, 1, (const cvk_row_time[]){{PLAIN, 5}}));
  ck_assert_str_eq(row_of(ctx, 16, 64), PLAIN); /* a row that was not measured is none */
  ck_ok(tune(ctx, 16, 64, 2, (const cvk_row_time[]){{BLOCKED, -1}, {PLAIN, -1}}));
  ck_assert_str_ne(row_of(ctx, 16, 64), PLAIN); /* another device's */
  ck_assert_str_ne(row_of(ctx, 16, 64), BLOCKED);
  cvk_graph *g = net_graph(ctx);
  cvk_session *s = NULL;
  cvk_value v = net_input(g, "x", 4, (const int64_t[]){1, 16, 64, 64});
  v = net_op(g, CVK_OP_RELU, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  ck_fails(cvk_session_create(g, &options, &s), CVK_UNSUPPORTED, "relu");
  cvk_graph_release(g);
  cvk_context_release(ctx);
  ctx = planner(BLOCKED);
  ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED); /* who forces a row gets it */
  cvk_context_release(ctx);
}
END_TEST

/* The file of the times, and its text. */
static char *tuned_file(char path[512]) {
  DIR *d = opendir(sandbox_second_folder());
  const struct dirent *e;
  char *text = calloc(1, 65536);
  path[0] = 0;
  ck_assert(d != NULL && text != NULL);
  while ((e = readdir(d)) != NULL) {
    if (strncmp(e->d_name, "tuned-", 6) != 0) continue;
    ck_assert_msg(path[0] == 0, "a second file: %s", e->d_name); /* a temporary one stayed behind, or one a context */
    snprintf(path, 512, "%s/%.200s", sandbox_second_folder(), e->d_name);
  }
  closedir(d);
  FILE *f = fopen(path, "r");
  ck_assert(f != NULL);
  ck_assert_uint_gt(fread(text, 1, 65535, f), 0);
  fclose(f);
  return text;
}

START_TEST(damaged_files_count_as_none) {
  char path[512];
  cvk_context *ctx = planner(NULL);
  ck_ok(tune(ctx, 16, 64, 2, plain_wins));
  cvk_context_release(ctx);
  char *text = tuned_file(path);
  const size_t n = strlen(text);
  char *const line2 = strchr(text, '\n') + 1, *const line3 = strchr(line2, '\n') + 1;
  ck_assert(strstr(line2, "planner") == line2 && strstr(line3, "relu ") == line3);
  for (size_t cut = 0; cut <= n; cut++) { /* cut off anywhere; whole at the end */
    FILE *f = fopen(path, "w");
    ck_assert_uint_eq(fwrite(text, 1, cut, f), cut);
    fclose(f);
    log_text[0] = 0;
    ctx = planner(NULL);
    const char *row = row_of(ctx, 16, 64);
    const int whole_line = cut == 0 || text[cut - 1] == '\n';
    ck_assert_msg(whole_line ? log_text[0] == 0 : strstr(log_text, "damaged") != NULL, "cut at %zu: '%s'", cut, log_text);
    ck_assert_str_eq(row, cut == n ? PLAIN : cut > (size_t)(line3 - text) && whole_line ? row : BLOCKED);
    cvk_context_release(ctx);
  }
  static const char *const bad[] = {"relu\n", "relu 0\trow\t1\n", "relu 0\trow\tx\t1\n", "relu 0\trow\t-2\t1\n", "relu 0\trow\t1\t1 \n", "\n", "relu 0\trow\t1\t-1\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    FILE *f = fopen(path, "w");
    fprintf(f, "%s%s", text, bad[i]);
    fclose(f);
    log_text[0] = 0;
    ctx = planner(NULL);
    ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED);
    ck_assert_msg(strstr(log_text, "damaged") != NULL, "'%s' was taken", bad[i]);
    cvk_context_release(ctx);
  }
  free(text);
}
END_TEST

START_TEST(misuse) {
  int32_t op;
  cvk_context *ctx = planner(NULL);
  cvk_session *s = relu(ctx, 16, 64, 0, &op);
  ck_fails(cvk_session_tune(s, op, 2, plain_wins), CVK_INVALID_ARGUMENT, "without untuned");
  cvk_session_release(s);
  s = relu(ctx, 16, 64, 1, &op);
  ck_fails(cvk_session_tune(NULL, op, 2, plain_wins), CVK_INVALID_ARGUMENT, "the session is NULL");
  ck_fails(cvk_session_tune(s, op, 2, NULL), CVK_INVALID_ARGUMENT, "rows is NULL");
  ck_fails(cvk_session_tune(s, 99, 2, plain_wins), CVK_INVALID_ARGUMENT, "op 99 is not in 0..");
  ck_fails(cvk_session_tune(s, -1, 2, plain_wins), CVK_INVALID_ARGUMENT, "op -1 is not in 0..");
  ck_fails(cvk_session_tune(s, op, 0, plain_wins), CVK_INVALID_ARGUMENT, "0 rows");
  ck_fails(cvk_session_tune(s, op, 1, (const cvk_row_time[]){{"conv_direct", 1}}), CVK_INVALID_ARGUMENT, "'conv_direct'");
  ck_assert_int_eq(op, 1); /* behind a reorder, which nobody can tune */
  ck_fails(cvk_session_tune(s, 0, 1, plain_wins), CVK_INVALID_ARGUMENT, "not one of the graph's");
  cvk_session_release(s);
  cvk_context_release(ctx);
}
END_TEST

START_TEST(no_folder) {
  cvk_context *ctx = planner(NULL);
  cvk_context_release(ctx); /* the sandbox exists */
  sandbox_write(sandbox_second_folder(), "file", "");
  char folder[512];
  snprintf(folder, sizeof folder, "%s/file/in", sandbox_second_folder());
  cvk_context_options options = {.plugin_path = sandbox_folder(), .backends = "planner", .cache_dir = folder, .no_env = 1};
  cvk_device *dev = NULL; /* the times live as long as the device is open */
  ck_ok(cvk_context_create(&options, &ctx));
  ck_ok(cvk_device_open(ctx, "planner", &dev));
  ck_fails(tune(ctx, 16, 64, 2, plain_wins), CVK_IO_ERROR, "cannot be written");
  ck_assert_str_eq(row_of(ctx, 16, 64), PLAIN); /* known all the same */
  cvk_device_release(dev);
  cvk_context_release(ctx);
  options.cache_dir = ""; /* nothing is kept */
  ck_ok(cvk_context_create(&options, &ctx));
  ck_ok(cvk_device_open(ctx, "planner", &dev));
  ck_ok(tune(ctx, 16, 64, 2, plain_wins));
  ck_assert_str_eq(row_of(ctx, 16, 64), PLAIN);
  cvk_device_release(dev);
  ck_assert_str_eq(row_of(ctx, 16, 64), BLOCKED);
  cvk_context_release(ctx);
}
END_TEST

SUITE("tuned", measured_times_decide, a_class_of_shapes, later_times_replace, wrong_rows_are_left, damaged_files_count_as_none, misuse, no_folder)

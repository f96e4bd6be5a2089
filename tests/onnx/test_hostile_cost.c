/* SPDX-License-Identifier: Apache-2.0 */
/* test_hostile_cost.c: small files that ask for much. Each is loaded and planned in a process of its own, which tells how it ended and what
 * its peak memory was: little beside what the file has, whatever sizes it names. */
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_model.h"

#define LITTLE (24 << 10)            /* KiB: a context, a session, and the model several times */
#define FOLDED (LITTLE + (96 << 10)) /* and what a plan may fold: 64 MiB, with one result in the making */
#if defined(__SANITIZE_ADDRESS__)
#define MEASURED 0 /* the sanitizer's own memory counts too */
#else
#define MEASURED 1
#endif

typedef struct outcome {
  cvk_status status;
  long kib; /* the peak, less what the process began with */
  char text[600];
} outcome;

static long peak_kib(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}

static outcome plan(const bytes *m) {
  outcome o = {.kib = peak_kib()};
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  o.status = cvk_context_create(&(cvk_context_options){.backends = "none", .no_env = 1, .num_threads = 1}, &ctx);
  if (o.status == CVK_OK) o.status = cvk_graph_load_onnx_memory(ctx, m->data, m->n, &g);
  if (o.status == CVK_OK) o.status = cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s);
  if (o.status != CVK_OK) snprintf(o.text, sizeof o.text, "%s", cvk_error_message());
  cvk_session_release(s);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  o.kib = peak_kib() - o.kib;
  return o;
}

/* Empties m. text NULL: any outcome will do. */
static void costs(bytes *m, long most_kib, cvk_status status, const char *text) {
  outcome o;
  int end[2], how = 0;
  ck_assert_int_eq(pipe(end), 0);
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    alarm(60);
    o = plan(m);
    _exit(write(end[1], &o, sizeof o) == sizeof o ? 0 : 1);
  }
  close(end[1]);
  const ssize_t got = read(end[0], &o, sizeof o);
  close(end[0]);
  ck_assert_int_eq(waitpid(child, &how, 0), child);
  ck_assert_msg(got == sizeof o && how == 0, "the process ended with %d", how);
  if (text) {
    ck_assert_msg(o.status == status, "%s, want %s: %s", cvk_status_name(o.status), cvk_status_name(status), o.text);
    ck_assert_msg(strstr(o.text, text) != NULL, "message lacks '%s': %s", text, o.text);
  }
  if (o.status != CVK_OK) ck_assert_msg(o.text[0] && !strchr(o.text, '\n'), "one sentence: %s", o.text);
  if (MEASURED) ck_assert_msg(o.kib < most_kib, "%ld KiB for %zu bytes, at most %ld: %s", o.kib, m->n, most_kib, o.text);
  empty(m);
}

static void constant_i64(bytes *g, const char *name, int32_t n, const int64_t *v) {
  bytes t = int64s(name, n, v);
  initialiser(g, &t);
}

static void scalar_i64(bytes *g, const char *name, int64_t v) {
  bytes t = tensor(name, CVK_I64, 0, NULL, &v, sizeof v);
  initialiser(g, &t);
}

static bytes ending(bytes *g, const char *y) {
  output(g, y);
  return model(g, 13);
}

/* Results that only sizes make large. What is too large to fold is left for the run, which nobody asked for. */
START_TEST(test_sizes_by_constants) {
  static const int64_t sizes[] = {(int64_t)1 << 13, (int64_t)1 << 20, (int64_t)1 << 40, INT64_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int64_t n = sizes[i], two[] = {n, n};
    bytes g = {0};
    constant_i64(&g, "s", 2, two);
    node(&g, "ConstantOfShape", "s", "y", NULL);
    bytes m = ending(&g, "y");
    costs(&m, FOLDED, CVK_OK, NULL);
    constant_i64(&g, "s", 2, two);
    constant(&g, "x", F32("1x1", 1));
    node(&g, "Expand", "x s", "y", NULL);
    m = ending(&g, "y");
    costs(&m, FOLDED, CVK_OK, NULL);
    constant_i64(&g, "s", 2, two);
    constant(&g, "x", F32("1x1", 1));
    node(&g, "Tile", "x s", "y", NULL);
    m = ending(&g, "y");
    costs(&m, FOLDED, CVK_OK, NULL);
    scalar_i64(&g, "a", 0);
    scalar_i64(&g, "b", n);
    scalar_i64(&g, "c", 1);
    node(&g, "Range", "a b c", "y", NULL);
    m = ending(&g, "y");
    costs(&m, FOLDED, CVK_OK, NULL);
    constant_i64(&g, "s", 4, (const int64_t[]){0, n, 0, n});
    constant(&g, "x", F32("1x1", 1));
    node(&g, "Pad", "x s", "y", NULL);
    m = ending(&g, "y");
    costs(&m, FOLDED, CVK_OK, NULL);
  }
}
END_TEST

/* Each result is small enough to fold, all of them are not. */
START_TEST(test_many_folded_results) {
  static const char *const ops[] = {"Exp", "Neg", "Sigmoid"};
  bytes g = {0};
  constant_i64(&g, "s", 1, (const int64_t[]){12 << 20});
  node(&g, "ConstantOfShape", "s", "v0", NULL);
  for (int i = 0; i < 300; i++) {
    char in[16], out[16];
    snprintf(in, sizeof in, "v%d", i);
    snprintf(out, sizeof out, "v%d", i + 1);
    node(&g, ops[i % 3], in, out, NULL);
  }
  bytes m = ending(&g, "v300");
  costs(&m, FOLDED, CVK_OK, "");
}
END_TEST

/* A convolution of two constants that name 2^24 and 2^20 elements: 2^44 products would take hours. */
START_TEST(test_much_work_between_constants) {
  bytes g = {0}, a = {0};
  constant_i64(&g, "s", 4, (const int64_t[]){1, 1, 4096, 4096});
  constant_i64(&g, "t", 4, (const int64_t[]){1, 1, 1024, 1024});
  node(&g, "ConstantOfShape", "s", "x", NULL);
  node(&g, "ConstantOfShape", "t", "w", NULL);
  attr_ints(&a, "pads", 4, DIMS(512, 512, 511, 511));
  node(&g, "Conv", "x w", "y", &a);
  bytes m = ending(&g, "y");
  costs(&m, FOLDED, CVK_OK, "");
  constant_i64(&g, "s", 2, (const int64_t[]){4096, 4096});
  node(&g, "ConstantOfShape", "s", "x", NULL);
  node(&g, "MatMul", "x x", "y", NULL);
  m = ending(&g, "y");
  costs(&m, 2 * FOLDED, CVK_OK, "");
  constant_i64(&g, "s", 4, (const int64_t[]){1, 1 << 22, 1, 1});
  node(&g, "ConstantOfShape", "s", "x", NULL);
  attr_int(&a, "size", INT32_MAX);
  node(&g, "LRN", "x", "y", &a);
  m = ending(&g, "y");
  costs(&m, FOLDED, CVK_OK, "");
}
END_TEST

START_TEST(test_declared_sizes) {
  const int64_t n = (int64_t)1 << 40;
  bytes g = {0}, a = {0};
  value_info(&g, 11, "x", CVK_F32, 2, DIMS(n, n));
  node(&g, "Relu", "x", "y", NULL);
  bytes m = ending(&g, "y");
  costs(&m, LITTLE, CVK_SIZE_OVERFLOW, "1099511627776");
  value_info(&g, 11, "x", CVK_F32, 1, DIMS(n));
  value_info(&g, 11, "z", CVK_F32, 2, DIMS(n, 1));
  node(&g, "Add", "x z", "y", NULL);
  m = ending(&g, "y");
  costs(&m, LITTLE, CVK_SIZE_OVERFLOW, "1099511627776");
  value_info(&g, 11, "x", CVK_F32, 4, DIMS(1, 1, 4, 4));
  attr_ints(&a, "kernel_shape", 2, DIMS(INT64_MAX, INT64_MAX));
  attr_ints(&a, "pads", 4, DIMS(n, n, n, n));
  node(&g, "MaxPool", "x", "y", &a);
  m = ending(&g, "y");
  costs(&m, LITTLE, CVK_OK, NULL);
  value_info(&g, 11, "x", CVK_F32, 4, DIMS(1, 1, 4, 4));
  constant(&g, "w", F32("1x1x1x1", 1));
  attr_ints(&a, "strides", 2, DIMS(INT64_MAX, INT64_MAX));
  attr_ints(&a, "output_padding", 2, DIMS(INT64_MAX - 1, INT64_MAX - 1));
  node(&g, "ConvTranspose", "x w", "y", &a);
  m = ending(&g, "y");
  costs(&m, LITTLE, CVK_OK, NULL);
}
END_TEST

START_TEST(test_scales_that_are_none) {
  static const float scales[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e-30f, 1e30f, 4294967296.0f};
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
    for (int32_t opset = 9; opset <= 13; opset += 4) {
      bytes g = {0};
      declare(&g, "x", F32("1x1x2x2", 0));
      constant(&g, "s", F32("4", 1, 1, scales[i], scales[i]));
      node(&g, opset == 9 ? "Upsample" : "Resize", opset == 9 ? "x s" : "x - s", "y", NULL);
      output(&g, "y");
      bytes m = model(&g, opset);
      costs(&m, LITTLE, CVK_OK, NULL);
    }
}
END_TEST

/* Types and groups inside each other. */
START_TEST(test_deep_types) {
  for (uint32_t kind = 4; kind <= 9; kind += 5) { /* sequence, optional */
    bytes type = {0}, info = {0}, g = {0};
    put_bytes(&type, 1, "\x08\x01", 2);
    for (int i = 0; i < 3000; i++) {
      bytes inner = {0}, outer = {0};
      put_message(&inner, 1, &type);
      put_message(&outer, kind, &inner);
      type = outer;
    }
    put_text(&info, 1, "x");
    put_message(&info, 2, &type);
    put_message(&g, 11, &info);
    node(&g, "Identity", "x", "y", NULL);
    bytes m = ending(&g, "y");
    costs(&m, LITTLE, CVK_UNSUPPORTED, "graph input 'x': it is no tensor");
  }
  bytes b = {0};
  for (int i = 0; i < 100000; i++) put(&b, "\x0b", 1);
  costs(&b, LITTLE, CVK_IO_ERROR, "nested deeper than 64");
}
END_TEST

/* As many pieces as there may be: memory is a small multiple of the file's. */
START_TEST(test_many_initialisers) {
  enum { N = 1000000 };
  bytes g = {0};
  for (int i = 0; i < N; i++) {
    char name[16];
    bytes t = {0};
    snprintf(name, sizeof name, "w%d", i);
    put_int(&t, 2, CVK_F32);
    put_text(&t, 8, name);
    put_bytes(&t, 9, "\0\0\x80\x3f", 4);
    initialiser(&g, &t);
  }
  bytes m = ending(&g, "w7");
  costs(&m, 16 * (long)(m.n >> 10), CVK_OK, "");
}
END_TEST

/* A plan keeps some KiB for each op, and its time goes with their number. */
START_TEST(test_many_nodes) {
  enum { N = 1 << 15 };
  bytes g = {0};
  declare(&g, "0", F32("1", 0));
  for (int i = 0; i < N; i++) {
    char in[16], out[16];
    snprintf(in, sizeof in, "%x", i);
    snprintf(out, sizeof out, "%x", i + 1);
    node(&g, "Relu", in, out, NULL);
  }
  bytes m = ending(&g, "8000");
  costs(&m, LITTLE + 12 * N, CVK_OK, "");
}
END_TEST

/* All of them alive until they are added up. */
START_TEST(test_many_values_alive_at_once) {
  enum { N = 1 << 13 };
  bytes g = {0};
  char in[32], out[16];
  declare(&g, "x", F32("1", 0));
  for (int i = 0; i < N; i++) {
    snprintf(out, sizeof out, "v%d", i);
    node(&g, "Relu", "x", out, NULL);
  }
  for (int i = 1; i < N; i++) {
    snprintf(in, sizeof in, "%c%d v%d", i == 1 ? 'v' : 's', i - 1, i);
    snprintf(out, sizeof out, "s%d", i);
    node(&g, "Add", in, out, NULL);
  }
  bytes m = ending(&g, out);
  costs(&m, LITTLE + 12 * 2 * N, CVK_OK, "");
}
END_TEST

START_TEST(test_lists_beyond_the_file) {
  static const char *const lengths[] = {"\x7f", "\xff\xff\xff\xff\x07", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"};
  static const uint32_t fields[] = {1, 4, 5, 7, 9, 10, 11};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
      bytes t = {0}, g = {0};
      put_text(&t, 8, "w");
      put_int(&t, 2, CVK_F32);
      put_tag(&t, fields[i], 2);
      put(&t, lengths[k], strlen(lengths[k]));
      put(&t, "1234", 4);
      initialiser(&g, &t);
      bytes m = ending(&g, "w");
      costs(&m, LITTLE, CVK_IO_ERROR, "bytes, 4 are left");
    }
}
END_TEST

static bytes small_model(void) {
  bytes g = {0}, a = {0};
  value_info(&g, 11, "x", CVK_F32, 4, DIMS(-1, 1, 4, 4));
  constant(&g, "w", F32("1x1x2x2", 1, 2, 3, 4));
  attr_ints(&a, "strides", 2, DIMS(2, 2));
  attr_text(&a, "auto_pad", "VALID");
  node(&g, "Conv", "x w", "c", &a);
  node(&g, "Flatten", "c", "y", NULL);
  return ending(&g, "y");
}

START_TEST(test_every_cut_of_a_small_model) {
  bytes m = small_model();
  for (size_t n = 1; n < m.n; n++) {
    bytes cut = {0};
    put(&cut, m.data, n);
    cvk_context *ctx = NULL;
    cvk_graph *g = NULL;
    ck_ok(cvk_context_create(&(cvk_context_options){.backends = "none", .no_env = 1, .num_threads = 1}, &ctx));
    ck_assert_msg(cvk_graph_load_onnx_memory(ctx, cut.data, n, &g) != CVK_OK, "%zu of %zu bytes were a model", n, m.n);
    ck_assert_str_ne(cvk_error_message(), "");
    cvk_context_release(ctx);
    empty(&cut);
  }
  costs(&m, LITTLE, CVK_OK, "");
}
END_TEST

SUITE("onnx hostile: cost", test_sizes_by_constants, test_many_folded_results, test_much_work_between_constants, test_declared_sizes,
      test_scales_that_are_none, test_deep_types, test_many_initialisers, test_many_nodes, test_many_values_alive_at_once,
      test_lists_beyond_the_file, test_every_cut_of_a_small_model)

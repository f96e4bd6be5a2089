/* SPDX-License-Identifier: Apache-2.0 */
/* test_hostile.c: files that lie. Whatever the bytes, loading ends with a graph or with one sentence, in bounded time and memory: damaged
 * models each with its message, a real model cut at every 97th byte and with bits flipped, and bulk that invites large allocations. */
#include <stdio.h>
#include <sys/resource.h>

#include "run_model.h"

static cvk_context *ctx;

static void setup(void) {
  if (!ctx) ck_ok(cvk_context_create(&(cvk_context_options){.backends = "none", .no_env = 1, .num_threads = 1}, &ctx));
}

/* Loads from a heap block of exactly these bytes, so that a sanitizer sees the first byte past them. */
static cvk_status load_bytes(const uint8_t *data, size_t n) {
  cvk_graph *g = NULL;
  uint8_t *own = malloc(n ? n : 1);
  memcpy(own, data, n);
  const cvk_status s = cvk_graph_load_onnx_memory(ctx, own, n, &g);
  ck_assert(s == CVK_OK ? g != NULL : g == NULL);
  if (s != CVK_OK) {
    ck_assert_str_ne(cvk_error_message(), "");
    for (const char *p = cvk_error_message(); *p; p++) ck_assert_msg((unsigned char)*p >= ' ', "byte %d in: %s", *p, cvk_error_message());
  }
  cvk_graph_release(g);
  free(own);
  return s;
}

static void fails(bytes *b, cvk_status status, const char *text) {
  const cvk_status s = load_bytes(b->data, b->n);
  ck_assert_msg(s == status, "%s, want %s: %s", cvk_status_name(s), cvk_status_name(status), cvk_error_message());
  ck_assert_msg(strstr(cvk_error_message(), text) != NULL, "message lacks '%s': %s", text, cvk_error_message());
  empty(b);
}

static bytes of(const char *data, size_t n) {
  bytes b = {0};
  put(&b, data, n);
  return b;
}
#define OF(TEXT) of(TEXT, sizeof(TEXT) - 1)

/* A model around one piece of damage. */
static bytes in_graph(bytes *g) {
  return model(g, 13);
}
static bytes in_node(const char *data, size_t n) {
  bytes g = {0};
  put_bytes(&g, 1, data, n);
  return in_graph(&g);
}
static bytes in_attr(const char *op, const char *data, size_t n) {
  bytes g = {0}, a = {0};
  put_bytes(&a, 5, data, n);
  declare(&g, "x", F32("1", 0));
  node(&g, op, "x", "y", &a);
  output(&g, "y");
  return in_graph(&g);
}
static bytes in_initialiser(bytes *t) {
  bytes g = {0};
  initialiser(&g, t);
  output(&g, "w");
  return in_graph(&g);
}
static bytes in_input(int32_t dtype, int32_t rank, const int64_t *dim, bytes *info) {
  bytes g = {0};
  if (info)
    put_message(&g, 11, info);
  else
    value_info(&g, 11, "x", dtype, rank, dim);
  output(&g, "x");
  return in_graph(&g);
}

START_TEST(test_damaged_files) {
  setup();
  bytes b = OF("x"), g = {0}, a = {0}, t = {0};
  fails(&b, CVK_IO_ERROR, "damaged ONNX data"); /* ends inside field 15 */
  b = OF("hello, I am no model");
  fails(&b, CVK_IO_ERROR, "damaged ONNX data");
  b = OF("\x1f\x8b\x08\x00\x00\x00\x00\x00");
  fails(&b, CVK_IO_ERROR, "wire type 7");
  b = OF("PK\3\4\0\0\0\0");
  fails(&b, CVK_IO_ERROR, "damaged ONNX data");
  b = OF("\0\0\0\0\0\0\0\0");
  fails(&b, CVK_IO_ERROR, "byte 0 starts field 0");
  b = OF("\x08\x07");
  fails(&b, CVK_IO_ERROR, "hold no graph");
  b = OF("\x3a\x7f\x00");
  fails(&b, CVK_IO_ERROR, "claims 127 bytes, 1 are left");
  b = OF("\x3a\xff\xff\xff\xff\x0f");
  fails(&b, CVK_IO_ERROR, "claims 4294967295 bytes, 0 are left");
  b = OF("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
  fails(&b, CVK_IO_ERROR, "claims 18446744073709551615 bytes");
  b = OF("\x38\x01");
  fails(&b, CVK_IO_ERROR, "field 7 before byte 2 has wire type 0, expected 2");
  b = OF("\x0a\x00\x3a\x00");
  fails(&b, CVK_IO_ERROR, "field 1 before byte 2 has wire type 2, expected 0");
  b = OF("\x42\x02\x10");
  fails(&b, CVK_IO_ERROR, "claims 2 bytes, 1 are left");
  b = OF("\x42\x01\x10");
  fails(&b, CVK_IO_ERROR, "cut off");
  put_bytes(&b, 7, NULL, 0);
  put_bytes(&b, 7, NULL, 0);
  fails(&b, CVK_IO_ERROR, "two graphs");
  put_bytes(&b, 7, NULL, 0);
  fails(&b, CVK_INVALID_ARGUMENT, "no outputs");
  /* nodes */
  b = in_node("", 0);
  fails(&b, CVK_IO_ERROR, "node 0 has no op_type");
  b = in_node("\x22\x04Re", 4);
  fails(&b, CVK_IO_ERROR, "claims 4 bytes, 2 are left");
  b = in_node("\x20\x01", 2);
  fails(&b, CVK_IO_ERROR, "field 4 before");
  b = in_node("\x08\x01\x22\x01R", 5);
  fails(&b, CVK_IO_ERROR, "field 1 before");
  put_int(&g, 1, 5);
  b = in_graph(&g);
  fails(&b, CVK_IO_ERROR, "wire type 0, expected 2");
  /* attributes */
  b = in_attr("Cast", "", 0);
  fails(&b, CVK_IO_ERROR, "attribute 0 has no name");
  b = in_attr("Cast", "\x0a\x02to\x1a\x00", 6);
  fails(&b, CVK_IO_ERROR, "field 3 before");
  b = in_attr("Cast", "\x0a\x02to\x18", 5);
  fails(&b, CVK_IO_ERROR, "cut off");
  b = in_attr("Squeeze",
              "\x0a\x04"
              "axes\x42\x03\x80\x80\x80\xa0\x01\x07",
              14);
  fails(&b, CVK_IO_ERROR, "cut off");
  b = in_attr("Elu",
              "\x0a\x05"
              "alpha\x15\x00\x00",
              10);
  fails(&b, CVK_IO_ERROR, "4-byte number");
  declare(&g, "x", F32("1", 0));
  for (int i = 0; i < 65; i++) {
    char name[16];
    snprintf(name, sizeof name, "a%d", i);
    attr_int(&a, name, i);
  }
  node(&g, "Relu", "x", "y", &a);
  b = in_graph(&g);
  fails(&b, CVK_IO_ERROR, "more than 64 attributes");
  /* initialisers */
  b = in_initialiser(&t);
  fails(&b, CVK_IO_ERROR, "initialiser 0 has no name");
  t = tensor("w", CVK_F32, 2, DIMS((int64_t)1 << 40, (int64_t)1 << 40), "1234", 4);
  b = in_initialiser(&t);
  fails(&b, CVK_SIZE_OVERFLOW, "initialiser 'w': the bytes of shape [1099511627776,1099511627776]");
  t = tensor("w", CVK_F32, 1, DIMS((int64_t)1 << 50), "1234", 4);
  b = in_initialiser(&t);
  fails(&b, CVK_IO_ERROR, "initialiser 'w': 4 bytes are given, float [1125899906842624] wants 4503599627370496");
  t = tensor("w", CVK_F32, 1, DIMS(-5), "1234", 4);
  b = in_initialiser(&t);
  fails(&b, CVK_INVALID_SHAPE, "axis 0 is -5");
  t = tensor("w", 77, 1, DIMS(1), "1234", 4);
  b = in_initialiser(&t);
  fails(&b, CVK_UNSUPPORTED, "element type 77 (unknown)");
  t = tensor("w", CVK_F32, 12, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), "1234", 4);
  b = in_initialiser(&t);
  fails(&b, CVK_UNSUPPORTED, "more than 8 extents");
  t = tensor("w", CVK_F32, 0, NULL, "12345", 5);
  b = in_initialiser(&t);
  fails(&b, CVK_IO_ERROR, "5 bytes are given, float [] wants 4");
  t = tensor("w", CVK_F32, 0, NULL, NULL, 0);
  put_int(&t, 14, 1);
  b = in_initialiser(&t);
  fails(&b, CVK_INVALID_ARGUMENT, "in memory has no folder");
  /* inputs */
  b = in_input(CVK_F32, 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1), NULL);
  fails(&b, CVK_UNSUPPORTED, "graph input 'x': the declared shape has more than 8 extents");
  b = in_input(8, 1, DIMS(1), NULL);
  fails(&b, CVK_UNSUPPORTED, "graph input 'x': element type 8 (string)");
  put_text(&t, 1, "x");
  b = in_input(0, 0, NULL, &t);
  fails(&b, CVK_UNSUPPORTED, "graph input 'x': it is no tensor");
  put_bytes(&t, 1, "x\0y", 3);
  put_bytes(&t, 2, "\x0a\x02\x08\x01", 4);
  b = in_input(0, 0, NULL, &t);
  fails(&b, CVK_IO_ERROR, "graph input 'x': damaged ONNX data: the name 'x' holds a zero byte");
  put_text(&t, 1, "x");
  put_bytes(&t, 2, "\x0a\x11\x08\x01\x12\x0d\x0a\x0b\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 19);
  b = in_input(0, 0, NULL, &t);
  fails(&b, CVK_INVALID_SHAPE, "axis 0 is -2");
  value_info(&g, 11, "x", CVK_F32, 1, DIMS((int64_t)1));
  put_bytes(&g, 12, "\x0a\x03x\0y", 5);
  b = in_graph(&g);
  fails(&b, CVK_IO_ERROR, "holds a zero byte");
}
END_TEST

START_TEST(test_extreme_axes) {
  static const char *const ops[] = {
      "Softmax", "Flatten", "Concat", "Gather", "Squeeze", "Unsqueeze", "ReduceSum", "Add", "LayerNormalization", "Split"};
  static const int64_t values[] = {INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, -2, 100};
  setup();
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
      for (int64_t opset = 6; opset < 20; opset += 11) {
        bytes g = {0}, a = {0};
        declare(&g, "x", F32("1x1", 0));
        attr_int(&a, "axis", values[k]);
        attr_int(&a, "broadcast", 1);
        attr_ints(&a, "axes", 1, &values[k]);
        node(&g, ops[i], "x x", "y", &a);
        output(&g, "y");
        bytes m = model(&g, opset);
        load_bytes(m.data, m.n);
        empty(&m);
      }
}
END_TEST

/* Subgraphs are never entered, so that their depth costs nothing. */
START_TEST(test_deep_nesting) {
  setup();
  bytes graph = {0};
  for (int i = 0; i < 3000; i++) {
    bytes a = {0}, attrs = {0}, outer = {0};
    attr_start(&a, "body", 5);
    put_message(&a, 6, &graph);
    put_message(&attrs, 5, &a);
    node(&outer, "Loop", "", "y", &attrs);
    graph = outer;
  }
  bytes m = model(&graph, 13);
  fails(&m, CVK_UNSUPPORTED, "Loop (node 'y')");
}
END_TEST

static long resident_kib(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}

/* Ten megabytes of the smallest possible pieces. */
START_TEST(test_bulk) {
  enum { BYTES = 10000000 };
  static const struct {
    const char *piece;
    size_t n;
    cvk_status status;
    const char *text;
  } cases[] = {
      {"\x0a\x00", 2, CVK_IO_ERROR, "node 0 has no op_type"},
      {"\x0a\x03\x22\x01R", 5, CVK_UNSUPPORTED, "more than 1048576 nodes"},
      {"\x2a\x00", 2, CVK_UNSUPPORTED, "more than 1048576 initialisers"},
      {"\x5a\x00", 2, CVK_UNSUPPORTED, "more than 1048576 inputs"},
      {"\x62\x00", 2, CVK_UNSUPPORTED, "more than 1048576 outputs"},
  };
  setup();
  const long before = resident_kib();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes g = {0};
    for (size_t n = 0; n < BYTES; n += cases[i].n) put(&g, cases[i].piece, cases[i].n);
    bytes m = model(&g, 13);
    fails(&m, cases[i].status, cases[i].text);
  }
  /* One node with five million absent inputs, and one with as many outputs. */
  for (uint32_t field = 1; field <= 2; field++) {
    bytes g = {0}, n = {0};
    put_text(&n, 4, "Relu");
    for (size_t k = 0; k < BYTES; k += 2) put_bytes(&n, field, NULL, 0);
    put_message(&g, 1, &n);
    output(&g, "y");
    bytes m = model(&g, 13);
    fails(&m, CVK_INVALID_ARGUMENT, field == 1 ? "it has no outputs" : "0 inputs given");
  }
  ck_assert_msg(resident_kib() - before < 300 * 1024, "%ld KiB", resident_kib() - before);
}
END_TEST

static bytes read_model(void) {
  bytes b = {0};
  char part[4096];
  size_t n;
  FILE *f = fopen(CVK_TEST_MODEL, "rb");
  ck_assert_ptr_nonnull(f);
  while ((n = fread(part, 1, sizeof part, f)) > 0) put(&b, part, n);
  fclose(f);
  return b;
}

START_TEST(test_every_truncation) {
  setup();
  bytes b = read_model();
  int32_t loaded = 0, cut = 0;
  for (size_t n = 1; n < b.n; n += 97, cut++) loaded += load_bytes(b.data, n) == CVK_OK;
  ck_assert_int_gt(cut, 2000);
  ck_assert_int_eq(loaded, 0);
  ck_assert_int_eq(load_bytes(b.data, b.n), CVK_OK);
  empty(&b);
}
END_TEST

/* Three bytes of the model's structure (its weights left alone) overwritten at random, many times: no crash, no leak, one sentence. */
START_TEST(test_random_damage) {
  setup();
  bytes b = read_model();
  uint32_t seed = 1;
  int32_t refused = 0;
  for (int32_t round = 0; round < 4000; round++) {
    size_t at[3];
    uint8_t was[3];
    for (int k = 0; k < 3; k++) {
      seed = seed * 1664525u + 1013904223u;
      const size_t span = k == 0 ? b.n : 3000;
      at[k] = (seed >> 8) % span;
      if (k == 1) at[k] = b.n - 1 - at[k];
      was[k] = b.data[at[k]];
      b.data[at[k]] = (uint8_t)(seed >> 3);
    }
    refused += load_bytes(b.data, b.n) != CVK_OK;
    for (int k = 2; k >= 0; k--) b.data[at[k]] = was[k];
  }
  ck_assert_int_gt(refused, 100);
  ck_assert_int_eq(load_bytes(b.data, b.n), CVK_OK);
  empty(&b);
}
END_TEST

SUITE("onnx hostile", test_damaged_files, test_extreme_axes, test_deep_nesting, test_bulk, test_every_truncation, test_random_damage)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_model.c: ModelProto to arrays of views: nodes and their values, attributes, declared types; and the mapping of external data. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness.h"
#include "onnx/model.h"
#include "write.h"

static cvk_onnx_model *read_model(const bytes *m) {
  cvk_onnx_file *file = NULL;
  cvk_onnx_model *out = NULL;
  ck_ok(cvk_onnx_file_wrap(m->data, m->n, &file));
  ck_ok(cvk_onnx_model_read(file, &out));
  cvk_onnx_file_release(file);
  return out;
}

static void fails(bytes *m, cvk_status status, const char *text) {
  cvk_onnx_file *file = NULL;
  cvk_onnx_model *out = NULL;
  ck_ok(cvk_onnx_file_wrap(m->data, m->n, &file));
  ck_fails(cvk_onnx_model_read(file, &out), status, text);
  ck_assert_ptr_null(out);
  cvk_onnx_file_release(file);
  empty(m);
}

START_TEST(test_nodes_and_names) {
  bytes g = {0}, t = int64s("w", 1, DIMS(5));
  node(&g, "Add", "x - w", "y", NULL);
  node(&g, "Relu", "y", "z", NULL);
  initialiser(&g, &t);
  input(&g, "x", 2, DIMS(-1, 3));
  output(&g, "z");
  bytes b = model(&g, 13);
  cvk_onnx_model *m = read_model(&b);
  ck_assert_int_eq(m->opset, 13);
  ck_assert_int_eq(m->ir_version, 7);
  ck_assert_int_eq(m->n_nodes, 2);
  ck_assert_int_eq(m->n_names, 4); /* w x y z */
  ck_assert(cvk_view_is(m->node[0].op_type, "Add"));
  ck_assert_int_eq(m->node[0].n_in, 3);
  ck_assert_int_eq(m->node[0].n_out, 1);
  ck_assert_int_eq(m->value[m->node[0].first + 1], -1);
  ck_assert(cvk_view_is(m->name[m->value[m->node[0].first]], "x"));
  ck_assert_int_eq(m->value[m->node[0].first + 3], m->value[m->node[1].first]);
  ck_assert_int_eq(m->value[m->node[0].first + 2], m->initialiser[0].name);
  ck_assert_int_eq(m->value[m->node[1].first + 1], m->output[0].name);
  cvk_onnx_value_info info;
  ck_ok(cvk_onnx_value_info_read(m, &m->input[0], &info));
  ck_assert_int_eq(info.rank, 2);
  ck_assert_int_eq(info.dim[0], -1);
  ck_assert_int_eq(info.dim[1], 3);
  ck_assert_int_eq(info.dtype, CVK_F32);
  ck_ok(cvk_onnx_value_info_read(m, &m->output[0], &info));
  ck_assert_int_eq(info.rank, -1);
  cvk_onnx_model_free(m);
  empty(&b);
}
END_TEST

START_TEST(test_attributes) {
  bytes g = {0}, a = {0}, t = int64s(NULL, 2, DIMS(8, 9));
  cvk_onnx_attr attr[CVK_ONNX_MOST_ATTRS];
  int32_t n = 0, more = 0;
  uint64_t v = 0;
  attr_int(&a, "axis", -2);
  attr_float(&a, "alpha", 0.5f);
  attr_text(&a, "mode", "edge");
  attr_ints(&a, "pads", 2, DIMS(-1, 7));
  attr_floats(&a, "scales", 2, (const float[]){1, 2});
  attr_tensor(&a, "value", &t);
  node(&g, "Op", "x", "y", &a);
  bytes b = model(&g, 13);
  cvk_onnx_model *m = read_model(&b);
  ck_ok(cvk_onnx_attrs_read(m, &m->node[0], attr, &n));
  ck_assert_int_eq(n, 6);
  ck_assert_int_eq(attr[0].type, CVK_ONNX_INT);
  ck_assert_int_eq(attr[0].i, -2);
  ck_assert_int_eq(attr[1].type, CVK_ONNX_FLOAT);
  ck_assert_float_eq(attr[1].f, 0.5f);
  ck_assert(cvk_view_is(attr[2].s, "edge"));
  cvk_wire_list l = cvk_onnx_attr_list(m, &attr[3]);
  ck_ok(cvk_wire_list_next(&l, &v, &more));
  ck_assert_int_eq((int64_t)v, -1);
  l = cvk_onnx_attr_list(m, &attr[4]);
  ck_ok(cvk_wire_list_next(&l, &v, &more));
  ck_ok(cvk_wire_list_next(&l, &v, &more));
  ck_assert_float_eq(cvk_wire_f32(v), 2);
  ck_assert_int_eq(attr[5].type, CVK_ONNX_TENSOR);
  ck_assert_uint_gt(attr[5].t.bytes, 0);
  cvk_onnx_model_free(m);
  empty(&b);
}
END_TEST

/* Writers of proto3 leave out zeros, files before IR version 3 the type. */
START_TEST(test_attribute_type_said_or_held) {
  bytes g = {0}, a = {0}, zero = {0}, old = {0};
  cvk_onnx_attr attr[CVK_ONNX_MOST_ATTRS];
  int32_t n = 0;
  attr_start(&zero, "axis", 2);
  put_message(&a, 5, &zero);
  put_text(&old, 1, "pads");
  put_int(&old, 8, 3);
  put_message(&a, 5, &old);
  node(&g, "Op", "x", "y", &a);
  bytes b = model(&g, 13);
  cvk_onnx_model *m = read_model(&b);
  ck_ok(cvk_onnx_attrs_read(m, &m->node[0], attr, &n));
  ck_assert_int_eq(attr[0].type, CVK_ONNX_INT);
  ck_assert_int_eq(attr[0].i, 0);
  ck_assert_int_eq(attr[1].type, CVK_ONNX_INTS);
  cvk_onnx_model_free(m);
  empty(&b);
}
END_TEST

START_TEST(test_refused_models) {
  bytes b = {0}, g = {0}, t = {0};
  put_text(&b, 2, "a producer and nothing else");
  fails(&b, CVK_IO_ERROR, "hold no graph");
  put_bytes(&b, 7, NULL, 0);
  put_bytes(&b, 7, NULL, 0);
  fails(&b, CVK_IO_ERROR, "two graphs");
  node(&g, "", "x", "y", NULL);
  b = model(&g, 13);
  fails(&b, CVK_IO_ERROR, "node 0 has no op_type");
  initialiser(&g, &t);
  b = model(&g, 13);
  fails(&b, CVK_IO_ERROR, "initialiser 0 has no name");
  put_bytes(&g, 15, NULL, 0);
  b = model(&g, 13);
  fails(&b, CVK_UNSUPPORTED, "sparse initialisers");
}
END_TEST

START_TEST(test_files_that_are_none) {
  cvk_onnx_file *f = NULL;
  ck_fails(cvk_onnx_file_map("/nonexistent/model.onnx", &f), CVK_IO_ERROR, "/nonexistent/model.onnx: No such file");
  ck_fails(cvk_onnx_file_map("/", &f), CVK_IO_ERROR, "not a regular file");
  ck_fails(cvk_onnx_file_map("/dev/null", &f), CVK_IO_ERROR, "not a regular file");
  ck_fails(cvk_onnx_file_map(NULL, &f), CVK_INVALID_ARGUMENT, "NULL");
  char path[] = "/tmp/convoke-empty-XXXXXX";
  const int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
  ck_fails(cvk_onnx_file_map(path, &f), CVK_IO_ERROR, "empty");
  unlink(path);
}
END_TEST

static void write_file(const char *path, const char *text) {
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

static cvk_status find(cvk_onnx_file *f, const char *location, cvk_view *out) {
  return cvk_onnx_file_external(f, (cvk_view){(const uint8_t *)location, strlen(location)}, out);
}

START_TEST(test_external_data_stays_in_the_folder) {
  char top[] = "/tmp/convoke-external-XXXXXX", long_name[400];
  cvk_onnx_file *f = NULL;
  cvk_view v = {0};
  ck_assert_ptr_nonnull(mkdtemp(top));
  ck_assert_int_eq(chdir(top), 0);
  ck_assert_int_eq(mkdir("models", 0700), 0);
  ck_assert_int_eq(mkdir("models/sub", 0700), 0);
  write_file("secret", "outside");
  write_file("models/m.onnx", "x");
  write_file("models/weights", "inside");
  write_file("models/sub/weights", "deeper");
  ck_assert_int_eq(symlink("../secret", "models/link"), 0);
  ck_assert_int_eq(symlink("..", "models/up"), 0);
  ck_assert_int_eq(mkfifo("models/fifo", 0600), 0);
  ck_ok(cvk_onnx_file_map("models/m.onnx", &f));
  ck_ok(find(f, "weights", &v));
  ck_assert(cvk_view_is(v, "inside"));
  ck_ok(find(f, "./sub//weights", &v));
  ck_assert(cvk_view_is(v, "deeper"));
  const uint8_t *before = v.data;
  ck_ok(find(f, "./sub//weights", &v));
  ck_assert_ptr_eq(v.data, before); /* mapped once */
  ck_fails(find(f, "../secret", &v), CVK_INVALID_ARGUMENT, "does not lie in the model's folder");
  ck_fails(find(f, "sub/../../secret", &v), CVK_INVALID_ARGUMENT, "does not lie in the model's folder");
  ck_fails(find(f, "/etc/passwd", &v), CVK_INVALID_ARGUMENT, "not a path relative");
  ck_fails(find(f, "", &v), CVK_INVALID_ARGUMENT, "not a path relative");
  ck_fails(find(f, "link", &v), CVK_INVALID_ARGUMENT, "symbolic link at 'link'");
  ck_fails(find(f, "up/secret", &v), CVK_INVALID_ARGUMENT, "symbolic link at 'up'");
  ck_fails(find(f, "fifo", &v), CVK_IO_ERROR, "not a regular file");
  ck_fails(find(f, "sub", &v), CVK_IO_ERROR, "not a regular file");
  ck_fails(find(f, "missing", &v), CVK_IO_ERROR, "No such file");
  memset(long_name, 'a', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = '\0';
  ck_fails(find(f, long_name, &v), CVK_INVALID_ARGUMENT, "does not lie");
  cvk_onnx_file_release(f);
  ck_ok(cvk_onnx_file_wrap("x", 1, &f));
  ck_fails(find(f, "weights", &v), CVK_INVALID_ARGUMENT, "in memory has no folder");
  cvk_onnx_file_release(f);
  unlink("models/link"), unlink("models/up"), unlink("models/fifo"), unlink("models/weights"), unlink("models/sub/weights");
  unlink("models/m.onnx"), unlink("secret"), rmdir("models/sub"), rmdir("models");
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_int_eq(rmdir(top), 0);
}
END_TEST

SUITE("onnx model", test_nodes_and_names, test_attributes, test_attribute_type_said_or_held, test_refused_models, test_files_that_are_none,
      test_external_data_stays_in_the_folder)

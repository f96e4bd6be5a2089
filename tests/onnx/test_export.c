/* SPDX-License-Identifier: Apache-2.0 */
/* test_export.c: graphs written as ONNX files: every sample of selftest and the models at hand come back and give the same bits; names,
 * open extents, opsets, activations of convolutions, constants that are made when they are read, and what happens on failures. */
#define _GNU_SOURCE /* memmem */
#include <dirent.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../tools/sample_run.h"
#include "../api/net.h"
#include "fold.h"
#include "graph_internal.h"
#include "onnx/model.h"

static char folder[64];

static const char *file(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* In memory where that is a file system: each file is brought to the disk otherwise. */
static void make_folder(void) {
  snprintf(folder, sizeof folder, "%s/convoke_export_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Nothing is left beside the files that were asked for. */
static int32_t files_left(void) {
  int32_t n = 0;
  DIR *d = opendir(folder);
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

static void remove_folder(void) {
  char path[400];
  DIR *d = opendir(folder);
  for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (e->d_name[0] != '.') remove(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

/* Saves and loads again. */
static cvk_graph *again(cvk_context *ctx, cvk_graph *g) {
  cvk_graph *back = NULL;
  ck_ok(cvk_graph_save_onnx(g, file("model.onnx"), NULL));
  ck_ok(cvk_graph_load_onnx(ctx, file("model.onnx"), &back));
  return back;
}

static void same_bits(const char *what, const cvk_tensor *a, const cvk_tensor *b) {
  const size_t bytes = (size_t)cvk_tensor_bytes(a);
  void *x = malloc(bytes + 1), *y = malloc(bytes + 1);
  ck_assert_msg(cvk_tensor_dtype(a) == cvk_tensor_dtype(b) && cvk_tensor_rank(a) == cvk_tensor_rank(b), "%s: other type or rank", what);
  for (int32_t i = 0; i < cvk_tensor_rank(a); i++)
    ck_assert_msg(cvk_tensor_dims(a)[i] == cvk_tensor_dims(b)[i], "%s: extent %d is %lld, was %lld", what, i,
                  (long long)cvk_tensor_dims(b)[i], (long long)cvk_tensor_dims(a)[i]);
  ck_ok(cvk_tensor_read(a, x, bytes));
  ck_ok(cvk_tensor_read(b, y, bytes));
  ck_assert_msg(memcmp(x, y, bytes) == 0, "%s: other bits", what);
  free(x);
  free(y);
}

/* Runs both on the device; equal bits. */
static void compare(const char *what, const char *device, cvk_graph *a, cvk_graph *b, int32_t n_in, cvk_tensor *const *in) {
  cvk_graph *const g[] = {a, b};
  cvk_tensor *out[2][64] = {{NULL}};
  const int32_t n = cvk_graph_output_count(a);
  ck_assert_msg(n == cvk_graph_output_count(b), "%s: other outputs", what);
  for (int32_t k = 0; k < 2; k++) {
    const cvk_session_options options = {.device = device};
    cvk_session *s = NULL;
    cvk_status status = cvk_session_create(g[k], &options, &s);
    if (status == CVK_OK) status = cvk_session_run(s, n_in, in, n, out[k]);
    ck_assert_msg(status == CVK_OK, "%s (%s): %s", what, k ? "read back" : "as built", cvk_error_message());
    cvk_session_release(s);
  }
  for (int32_t i = 0; i < n; i++) {
    same_bits(what, out[0][i], out[1][i]);
    cvk_tensor_release(out[0][i]);
    cvk_tensor_release(out[1][i]);
  }
}

/* ---- every sample ---- */

/* Kinds that ONNX has no operator for. */
static const char *lacking(const op_sample *s) {
  for (int32_t k = 0; k < s->n_steps; k++)
    if (cvk_op_onnx_name(s->step[k].kind)[0] == 0) return cvk_op_name(s->step[k].kind);
  return NULL;
}

START_TEST(samples_come_back) {
  cvk_context *ctx = net_context(1);
  int32_t n = 0, written = 0;
  make_folder();
  for (const char *text; (text = op_samples_at(n)) != NULL; n++) {
    op_sample s;
    char why[256];
    ck_assert_msg(op_sample_parse(text, &s, why, sizeof why), "%s", why);
    for (int32_t way = 0; way < SAMPLE_WAYS && (way == SAMPLE_ALL_RUN_TIME || sample_has_constants(&s)); way++) {
      cvk_tensor *in[SAMPLE_TENSORS];
      cvk_graph *g = NULL, *back = NULL;
      int32_t n_in = 0;
      ck_ok(sample_graph(ctx, &s, way, &g, in, &n_in));
      const char *kind = lacking(&s);
      const cvk_status status = cvk_graph_save_onnx(g, file("model.onnx"), NULL);
      if (kind) {
        ck_assert_msg(status == CVK_UNSUPPORTED && strstr(cvk_error_message(), kind), "%s: %s", text, cvk_error_message());
      } else {
        ck_assert_msg(status == CVK_OK, "%s: %s", text, cvk_error_message());
        ck_assert_msg(cvk_graph_load_onnx(ctx, file("model.onnx"), &back) == CVK_OK, "%s: %s", text, cvk_error_message());
        compare(text, "reference", g, back, n_in, in);
        written++;
      }
      cvk_graph_release(back);
      cvk_graph_release(g);
      for (int32_t i = 0; i < n_in; i++) cvk_tensor_release(in[i]);
    }
  }
  ck_assert_int_gt(written, 2 * n / 3);
  ck_assert_int_le(files_left(), 1);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* ---- models ---- */

/* Made-up inputs; open extents are a batch of 2, and 48. */
static int32_t make_inputs(const cvk_graph *g, cvk_tensor **in) {
  const int32_t n = cvk_graph_input_count(g);
  for (int32_t i = 0; i < n; i++) {
    cvk_value_info info = {.struct_size = sizeof info};
    ck_ok(cvk_graph_input_info(g, i, &info));
    ck_assert_int_eq(info.dtype, CVK_F32);
    for (int32_t a = 0; a < info.rank; a++)
      if (info.dim[a] < 0) info.dim[a] = a == 0 ? 2 : 48;
    in[i] = net_tensor(info.rank, info.dim, 7);
  }
  return n;
}

static void model_comes_back(cvk_context *ctx, const char *path) {
  cvk_tensor *in[8];
  cvk_graph *g = NULL;
  ck_ok(cvk_graph_load_onnx(ctx, path, &g));
  cvk_graph *back = again(ctx, g);
  const int32_t n = make_inputs(g, in);
  compare(path, "cpu", g, back, n, in);
  for (int32_t i = 0; i < n; i++) cvk_tensor_release(in[i]);
  cvk_graph_release(back);
  cvk_graph_release(g);
}

START_TEST(models_come_back) {
  cvk_context *ctx = net_context(1);
  glob_t models;
  make_folder();
  model_comes_back(ctx, CVK_TEST_MODEL);
  if (glob(CVK_TEST_MODELS "/*.onnx", 0, NULL, &models) == 0) {
    for (size_t i = 0; i < models.gl_pathc; i++) model_comes_back(ctx, models.gl_pathv[i]);
    globfree(&models);
  }
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* The weights of the second graph lie in the file that is replaced while they are read. */
START_TEST(a_model_replaces_itself) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = NULL;
  cvk_tensor *in[8];
  make_folder();
  ck_ok(cvk_graph_load_onnx(ctx, CVK_TEST_MODEL, &g));
  cvk_graph *second = again(ctx, g), *third = again(ctx, second);
  const int32_t n = make_inputs(g, in);
  compare("second", "cpu", g, second, n, in);
  compare("third", "cpu", g, third, n, in);
  ck_assert_int_eq(files_left(), 1);
  cvk_tensor_release(in[0]);
  cvk_graph_release(g);
  cvk_graph_release(second);
  cvk_graph_release(third);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* ---- what is in the file ---- */

static cvk_onnx_model *read_model(cvk_onnx_file **f) {
  cvk_onnx_model *m = NULL;
  ck_ok(cvk_onnx_file_map(file("model.onnx"), f));
  ck_ok(cvk_onnx_model_read(*f, &m));
  return m;
}

/* Saves and gives the opset that the file says. */
static int64_t opset_of(const cvk_graph *g, int32_t asked) {
  cvk_onnx_file *f = NULL;
  const cvk_onnx_save_options options = {.struct_size = sizeof options, .opset = asked};
  ck_ok(cvk_graph_save_onnx(g, file("model.onnx"), &options));
  cvk_onnx_model *m = read_model(&f);
  const int64_t opset = m->opset;
  cvk_onnx_model_free(m);
  cvk_onnx_file_release(f);
  return opset;
}

static int32_t file_has(const char *text) {
  cvk_onnx_file *f = NULL;
  ck_ok(cvk_onnx_file_map(file("model.onnx"), &f));
  const cvk_view v = cvk_onnx_file_bytes(f);
  const int32_t found = memmem(v.data, v.bytes, text, strlen(text)) != NULL;
  cvk_onnx_file_release(f);
  return found;
}

START_TEST(open_extents) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  cvk_value_info info = {.struct_size = sizeof info};
  cvk_onnx_file *f = NULL;
  cvk_onnx_value_info seen;
  make_folder();
  const cvk_value x = net_input(g, "x", DIMS(-1, 3, -1, 40));
  const cvk_value w = net_constant(g, net_tensor(DIMS(5, 3, 3, 3), 1));
  const cvk_conv_attr attr = {.stride = {2, 2}, .activation = CVK_OP_LEAKY_RELU, .activation_alpha = 0.25f};
  cvk_value y, pooled;
  ck_ok(cvk_graph_op(g, CVK_OP_CONV, &attr, 2, (const cvk_value[]){x, w}, 1, &y, "first"));
  pooled = net_op(g, CVK_OP_GLOBAL_AVG_POOL, 1, &y);
  ck_ok(cvk_graph_output(g, y, "map"));
  ck_ok(cvk_graph_output(g, pooled, "mean"));
  cvk_graph *back = again(ctx, g);
  ck_assert_int_eq(cvk_graph_op_count(back), 3); /* the activation is a node */
  ck_assert_int_eq(cvk_graph_op_kind(back, 1), CVK_OP_LEAKY_RELU);
  ck_assert_str_eq(cvk_graph_op_name(back, 0), "first");
  ck_ok(cvk_graph_input_info(back, 0, &info));
  ck_assert_int_eq(info.rank, 4);
  ck_assert_int_eq(info.dim[0], -1);
  ck_assert_int_eq(info.dim[1], 3);
  ck_assert_int_eq(info.dim[2], -1);
  ck_assert_int_eq(info.dim[3], 40);
  cvk_onnx_model *m = read_model(&f);
  ck_ok(cvk_onnx_value_info_read(m, &m->output[0], &seen));
  ck_assert_int_eq(seen.dtype, CVK_F32);
  ck_assert_int_eq(seen.rank, 4);
  ck_assert_int_eq(seen.dim[0], -1);
  ck_assert_int_eq(seen.dim[1], 5);
  ck_assert_int_eq(seen.dim[2], -1);
  ck_assert_int_eq(seen.dim[3], 19); /* (40 - 3) / 2 + 1 */
  ck_ok(cvk_onnx_value_info_read(m, &m->output[1], &seen));
  ck_assert_int_eq(seen.dim[2], 1);
  cvk_onnx_model_free(m);
  cvk_onnx_file_release(f);
  ck_assert(file_has("\022\001N")); /* dim_param: "N" */
  ck_assert(file_has("dim_0"));
  cvk_tensor *in = net_tensor(DIMS(2, 3, 17, 40), 3);
  compare("conv", "cpu", g, back, 1, &in);
  compare("conv", "reference", g, back, 1, &in);
  cvk_tensor_release(in);
  cvk_graph_release(g);
  cvk_graph_release(back);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* Extents that are open in two inputs are not said to be equal; one that is cut to a limit is not said to be the limit. */
START_TEST(open_extents_of_two_inputs) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  cvk_onnx_file *f = NULL;
  cvk_onnx_value_info seen;
  make_folder();
  const cvk_value in[] = {net_input(g, "a", DIMS(-1, 2)), net_input(g, "b", DIMS(-1, 2))};
  const cvk_slice_attr attr = {.n_axes = 1, .end = {100}};
  cvk_value part;
  ck_ok(cvk_graph_op(g, CVK_OP_SLICE, &attr, 1, in, 1, &part, NULL));
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_CONCAT, 2, in), "both"));
  ck_ok(cvk_graph_output(g, part, "part"));
  ck_ok(cvk_graph_save_onnx(g, file("model.onnx"), NULL));
  ck_assert(file_has("dim_0") && file_has("dim_1") && !file_has("\022\001N"));
  cvk_onnx_model *m = read_model(&f);
  for (int32_t i = 0; i < 2; i++) {
    ck_ok(cvk_onnx_value_info_read(m, &m->output[i], &seen));
    ck_assert_int_eq(seen.rank, 2);
    ck_assert_int_eq(seen.dim[0], -1);
    ck_assert_int_eq(seen.dim[1], 2);
  }
  cvk_onnx_model_free(m);
  cvk_onnx_file_release(f);
  cvk_graph_release(g);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* Two constants of one name, nodes of one name, outputs that are an input, a constant, and another output again; a node that nobody reads
 * and that ONNX lacks does not matter. */
START_TEST(names_are_unique) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  cvk_tensor *c[2] = {net_tensor(DIMS(3), 1), net_tensor(DIMS(3), 2)};
  cvk_value in[2] = {net_input(g, "x", DIMS(3))}, out[2], constant[2];
  make_folder();
  for (int32_t i = 0; i < 2; i++) {
    ck_ok(cvk_graph_constant(g, "c", c[i], &constant[i]));
    in[1] = constant[i];
    ck_ok(cvk_graph_op(g, CVK_OP_ADD, NULL, 2, in, 1, &out[i], "x"));
    in[0] = out[i];
  }
  net_op(g, CVK_OP_REORDER, 1, &out[1]);
  const cvk_value outputs[] = {out[1], in[1], out[1], 0, out[0]};
  const char *const names[] = {"sum", "constant", "sum again", "input", "c"};
  for (int32_t i = 0; i < 5; i++) ck_ok(cvk_graph_output(g, outputs[i], names[i]));
  cvk_graph *back = again(ctx, g);
  for (int32_t i = 0; i < 5; i++) {
    cvk_value_info info = {.struct_size = sizeof info};
    ck_ok(cvk_graph_output_info(back, i, &info));
    ck_assert_str_eq(info.name, names[i]);
  }
  cvk_tensor *x = net_tensor(DIMS(3), 5);
  compare("names", "reference", g, back, 1, &x);
  cvk_tensor_release(x);
  cvk_tensor_release(c[0]);
  cvk_tensor_release(c[1]);
  cvk_graph_release(g);
  cvk_graph_release(back);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* Ops without a name are called by their kind: the numbers behind it are not searched for again each time. */
START_TEST(many_ops_of_one_kind) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx), *back;
  cvk_value v = net_input(g, "x", DIMS(3));
  make_folder();
  for (int32_t i = 0; i < 30000; i++) v = net_op(g, CVK_OP_NEG, 1, &v);
  ck_ok(cvk_graph_output(g, v, "y"));
  back = again(ctx, g);
  ck_assert_int_eq(cvk_graph_op_count(back), 30000);
  ck_assert_str_eq(cvk_graph_op_name(back, 29999), "neg_29999");
  cvk_graph_release(g);
  cvk_graph_release(back);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* Names of constants and ops are cut in messages and labels, within a character if need be; those of inputs must be text. */
START_TEST(names_are_text) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  cvk_value in[2] = {net_input(g, "eingabe \303\244", DIMS(3))}, y;
  cvk_tensor *c = net_tensor(DIMS(3), 1);
  make_folder();
  ck_ok(cvk_graph_constant(g, "w \360\237\247", c, &in[1]));
  ck_ok(cvk_graph_op(g, CVK_OP_ADD, NULL, 2, in, 1, &y, "\303\244dd \303"));
  ck_ok(cvk_graph_output(g, y, "y"));
  cvk_graph *back = again(ctx, g);
  ck_assert_str_eq(cvk_graph_op_name(back, 0), "\303\244dd ?");
  ck_assert(file_has("w ???") && file_has("eingabe \303\244"));
  net_input(g, "x \303", DIMS(3));
  ck_fails(cvk_graph_save_onnx(g, file("model.onnx"), NULL), CVK_INVALID_ARGUMENT, "not UTF-8");
  cvk_tensor_release(c);
  cvk_graph_release(g);
  cvk_graph_release(back);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* An input of any rank: a plain convolution is written, and one whose strides would need the number of axes is not. */
START_TEST(unknown_ranks) {
  cvk_context *ctx = net_context(1);
  make_folder();
  for (int32_t strided = 0; strided < 2; strided++) {
    const cvk_conv_attr attr = {.stride = {strided ? 2 : 1, 1}};
    cvk_graph *g = net_graph(ctx);
    cvk_value in[] = {net_input(g, "x", -1, NULL), net_input(g, "w", -1, NULL)}, y;
    ck_ok(cvk_graph_op(g, CVK_OP_CONV, &attr, 2, in, 1, &y, "conv"));
    ck_ok(cvk_graph_output(g, y, "y"));
    if (strided) {
      ck_fails(cvk_graph_save_onnx(g, file("model.onnx"), NULL), CVK_UNSUPPORTED, "conv 'conv' (the number of its spatial axes");
    } else {
      cvk_graph *back = again(ctx, g);
      cvk_tensor *x[] = {net_tensor(DIMS(1, 2, 5, 6), 1), net_tensor(DIMS(3, 2, 2, 3), 2)};
      compare("conv", "reference", g, back, 2, x);
      cvk_tensor_release(x[0]);
      cvk_tensor_release(x[1]);
      cvk_graph_release(back);
    }
    cvk_graph_release(g);
  }
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* Weights that are computed each time they are read. */
START_TEST(constants_made_when_read) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  int8_t *small = malloc(64 * 1024);
  const cvk_cast_attr to = {.dtype = CVK_F32};
  cvk_tensor *narrow = NULL;
  cvk_value w;
  make_folder();
  for (int32_t i = 0; i < 64 * 1024; i++) small[i] = (int8_t)(i * 37 + i / 256);
  ck_ok(cvk_tensor_create(NULL, CVK_I8, 2, (const int64_t[]){256, 256}, small, &narrow));
  cvk_tensor *wide = cvk_fold(CVK_OP_CAST, &to, 1, &narrow, NULL);
  ck_assert_ptr_nonnull(wide);
  ck_assert_ptr_null(cvk_tensor_raw(wide));
  ck_ok(cvk_graph_constant(g, "w", wide, &w));
  const cvk_value in[] = {net_input(g, "x", DIMS(-1, 256)), w};
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_MATMUL, 2, in), "y"));
  cvk_graph *back = again(ctx, g);
  cvk_tensor *x = net_tensor(DIMS(3, 256), 5);
  compare("folded", "reference", g, back, 1, &x);
  cvk_tensor_release(x);
  cvk_tensor_release(narrow);
  cvk_tensor_release(wide);
  free(small);
  cvk_graph_release(g);
  cvk_graph_release(back);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* A graph of one op on x [2,3,4]. */
static cvk_graph *one_op(cvk_context *ctx, int32_t kind, const void *attr) {
  cvk_graph *g = net_graph(ctx);
  const cvk_value x = net_input(g, "x", DIMS(2, 3, 4));
  cvk_value y;
  ck_ok(cvk_graph_op(g, kind, attr, 1, &x, 1, &y, "node"));
  ck_ok(cvk_graph_output(g, y, "y"));
  return g;
}

START_TEST(opsets) {
  cvk_context *ctx = net_context(1);
  const cvk_axes_attr axes = {.n_axes = 1, .axis = {-1}, .keep_dims = 1};
  const cvk_pad_attr wrap = {.mode = CVK_PAD_WRAP, .begin = {0, 1}};
  make_folder();
  cvk_graph *mean = one_op(ctx, CVK_OP_REDUCE_MEAN, &axes), *gelu = one_op(ctx, CVK_OP_GELU, NULL), *pad = one_op(ctx, CVK_OP_PAD, &wrap);
  ck_assert_int_eq(opset_of(mean, 0), 13);
  ck_assert_int_eq(opset_of(mean, 17), 17);
  ck_assert_int_eq(opset_of(mean, 18), 18);
  ck_assert_int_eq(opset_of(gelu, 0), 20);
  ck_assert_int_eq(opset_of(gelu, 22), 22);
  ck_assert_int_eq(opset_of(pad, 13), 19);
  for (int32_t opset = 13; opset <= 28; opset++) { /* read as what it is at each of them */
    const cvk_onnx_save_options options = {.opset = opset, .producer_name = "test of opsets"};
    cvk_graph *back = NULL;
    cvk_tensor *x = net_tensor(DIMS(2, 3, 4), 5);
    ck_ok(cvk_graph_save_onnx(mean, file("model.onnx"), &options));
    ck_assert(file_has("test of opsets"));
    ck_ok(cvk_graph_load_onnx(ctx, file("model.onnx"), &back));
    compare("mean", "reference", mean, back, 1, &x);
    cvk_tensor_release(x);
    cvk_graph_release(back);
  }
  const cvk_onnx_save_options old = {.opset = 12}, unknown = {.opset = 29};
  ck_fails(cvk_graph_save_onnx(mean, file("model.onnx"), &old), CVK_INVALID_ARGUMENT, "opset is 12, allowed 0 and 13 to 28");
  ck_fails(cvk_graph_save_onnx(mean, file("model.onnx"), &unknown), CVK_INVALID_ARGUMENT, "opset is 29");
  cvk_graph_release(mean);
  cvk_graph_release(gelu);
  cvk_graph_release(pad);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* ---- failures ---- */

static void write_old(void) {
  FILE *f = fopen(file("model.onnx"), "w");
  ck_assert_ptr_nonnull(f);
  fputs("old", f);
  fclose(f);
}

/* What stood there stands there, and nothing else. */
static void check_old(void) {
  char text[8] = {0};
  FILE *f = fopen(file("model.onnx"), "r");
  ck_assert_ptr_nonnull(f);
  ck_assert_int_eq(fread(text, 1, sizeof text - 1, f), 3);
  fclose(f);
  ck_assert_str_eq(text, "old");
  ck_assert_int_eq(files_left(), 1);
}

START_TEST(refusals_leave_the_old_file) {
  cvk_context *ctx = net_context(1);
  const cvk_axes_attr many = {.n_axes = 9};
  const cvk_shape_attr negative = {.rank = -1}, untyped = {.rank = 1, .dtype = 99};
  const cvk_resize_attr resize = {.n_axes = 1000, .scale = {1}};
  const struct {
    int32_t kind;
    const void *attr;
  } bad[] = {{CVK_OP_REORDER, NULL},   {CVK_OP_REDUCE_SUM, &many}, {CVK_OP_TRANSPOSE, &many},           {CVK_OP_RESHAPE, &negative},
             {CVK_OP_TILE, &negative}, {CVK_OP_RESIZE, &resize},   {CVK_OP_CONSTANT_OF_SHAPE, &untyped}};
  make_folder();
  write_old();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cvk_graph *g = one_op(ctx, bad[i].kind, bad[i].attr);
    ck_fails(cvk_graph_save_onnx(g, file("model.onnx"), NULL), CVK_UNSUPPORTED, cvk_op_name(bad[i].kind));
    ck_assert_ptr_nonnull(strstr(cvk_error_message(), "'node'"));
    check_old();
    cvk_graph_release(g);
  }
  cvk_graph *g = net_graph(ctx);
  ck_fails(cvk_graph_save_onnx(g, file("model.onnx"), NULL), CVK_INVALID_ARGUMENT, "no outputs");
  const cvk_value x = net_input(g, "x", DIMS(2)), y = net_op(g, CVK_OP_RELU, 1, &x);
  ck_ok(cvk_graph_output(g, y, "x"));
  ck_fails(cvk_graph_save_onnx(g, file("model.onnx"), NULL), CVK_INVALID_ARGUMENT, "two inputs or outputs are called 'x'");
  ck_fails(cvk_graph_save_onnx(NULL, file("model.onnx"), NULL), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_graph_save_onnx(g, NULL, NULL), CVK_INVALID_ARGUMENT, "NULL");
  check_old();
  cvk_graph_release(g);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

/* A file that may not grow, a folder that is not there, a folder in the place of the file. */
START_TEST(failed_writes_leave_the_old_file) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = NULL;
  struct rlimit limit;
  make_folder();
  write_old();
  ck_ok(cvk_graph_load_onnx(ctx, CVK_TEST_MODEL, &g));
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const struct rlimit little = {.rlim_cur = 100000, .rlim_max = limit.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &little);
  const cvk_status status = cvk_graph_save_onnx(g, file("model.onnx"), NULL);
  setrlimit(RLIMIT_FSIZE, &limit);
  ck_assert_int_eq(status, CVK_IO_ERROR);
  ck_assert_ptr_nonnull(strstr(cvk_error_message(), "model.onnx"));
  check_old();
  ck_fails(cvk_graph_save_onnx(g, file("nowhere/model.onnx"), NULL), CVK_IO_ERROR, "No such file");
  check_old();
  ck_fails(cvk_graph_save_onnx(g, folder, NULL), CVK_IO_ERROR, "");
  check_old();
  ck_ok(cvk_graph_save_onnx(g, file("model.onnx"), NULL));
  ck_assert_int_eq(files_left(), 1);
  cvk_graph_release(g);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

static cvk_status never(void *arg, void *to) {
  (void)arg;
  (void)to;
  ck_abort_msg("a constant that is too large was made");
}

START_TEST(two_gigabytes_are_refused) {
  cvk_context *ctx = net_context(1);
  cvk_graph *g = net_graph(ctx);
  cvk_tensor *t = NULL;
  cvk_value w;
  make_folder();
  write_old();
  ck_ok(cvk_tensor_create_loaded(CVK_F32, 1, (const int64_t[]){(int64_t)1 << 29}, never, NULL, NULL, &t));
  ck_ok(cvk_graph_constant(g, "w", t, &w));
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_RELU, 1, &w), "y"));
  ck_fails(cvk_graph_save_onnx(g, file("model.onnx"), NULL), CVK_UNSUPPORTED, "external data is not written");
  check_old();
  cvk_tensor_release(t);
  cvk_graph_release(g);
  remove_folder();
  cvk_context_release(ctx);
}
END_TEST

SUITE("export", samples_come_back, models_come_back, a_model_replaces_itself, open_extents, open_extents_of_two_inputs, names_are_unique,
      names_are_text, unknown_ranks, many_ops_of_one_kind, constants_made_when_read, opsets, refusals_leave_the_old_file,
      failed_writes_leave_the_old_file, two_gigabytes_are_refused)

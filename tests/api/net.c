/* SPDX-License-Identifier: Apache-2.0 */
/* net.c: see net.h. */
#include "net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

cvk_context *net_context(int32_t threads) {
  const cvk_context_options options = {.num_threads = threads, .backends = "cpu"};
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&options, &ctx));
  return ctx;
}

cvk_tensor *net_tensor(int32_t rank, const int64_t *dim, uint32_t seed) {
  const int64_t n = cvk_count(rank, dim);
  float *v = calloc((size_t)n + 1, sizeof *v);
  cvk_tensor *t = NULL;
  for (int64_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    v[i] = (float)((seed >> 8) * 0x1p-23 - 1);
  }
  ck_ok(cvk_tensor_create(NULL, CVK_F32, rank, dim, v, &t));
  free(v);
  return t;
}

cvk_tensor *net_ints(int64_t n, const int64_t *v) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_I64, 1, &n, v, &t));
  return t;
}

int64_t net_read(const cvk_tensor *t, float *v, int64_t most) {
  ck_assert_int_eq(cvk_tensor_dtype(t), CVK_F32);
  ck_assert_int_le(cvk_tensor_count(t), most);
  ck_ok(cvk_tensor_read(t, v, cvk_tensor_bytes(t)));
  return cvk_tensor_count(t);
}

static float *values(const cvk_tensor *t) {
  float *v = calloc((size_t)cvk_tensor_count(t) + 1, sizeof *v);
  net_read(t, v, cvk_tensor_count(t));
  return v;
}

static void same_shape(const cvk_tensor *a, const cvk_tensor *b) {
  ck_assert_int_eq(cvk_tensor_rank(a), cvk_tensor_rank(b));
  for (int32_t i = 0; i < cvk_tensor_rank(a); i++) ck_assert_int_eq(cvk_tensor_dims(a)[i], cvk_tensor_dims(b)[i]);
}

void net_equal(const cvk_tensor *a, const cvk_tensor *b) {
  same_shape(a, b);
  float *x = values(a), *y = values(b);
  for (int64_t i = 0; i < cvk_tensor_count(a); i++)
    ck_assert_msg(memcmp(&x[i], &y[i], sizeof *x) == 0, "element %lld: %.9g and %.9g", (long long)i, (double)x[i], (double)y[i]);
  free(x);
  free(y);
}

void net_close(const cvk_tensor *a, const cvk_tensor *b) {
  same_shape(a, b);
  float *x = values(a), *y = values(b);
  double largest = 0;
  for (int64_t i = 0; i < cvk_tensor_count(a); i++) largest = fmax(largest, fabs((double)y[i]));
  for (int64_t i = 0; i < cvk_tensor_count(a); i++)
    ck_assert_msg(fabs((double)x[i] - (double)y[i]) <= 1e-5 * largest, "element %lld: %.9g, wanted %.9g", (long long)i, (double)x[i], (double)y[i]);
  free(x);
  free(y);
}

cvk_graph *net_graph(cvk_context *ctx) {
  cvk_graph *g = NULL;
  ck_ok(cvk_graph_create(ctx, &g));
  return g;
}

cvk_value net_input(cvk_graph *g, const char *name, int32_t rank, const int64_t *dim) {
  cvk_value v;
  ck_ok(cvk_graph_input(g, name, CVK_F32, rank, dim, &v));
  return v;
}

cvk_value net_constant(cvk_graph *g, cvk_tensor *t) {
  cvk_value v;
  ck_ok(cvk_graph_constant(g, NULL, t, &v));
  cvk_tensor_release(t);
  return v;
}

cvk_value net_op(cvk_graph *g, int32_t kind, int32_t n, const cvk_value *in) {
  cvk_value v;
  ck_ok(cvk_graph_op(g, kind, NULL, n, in, 1, &v, NULL));
  return v;
}

cvk_session *net_session(cvk_graph *g, const char *device) {
  const cvk_session_options options = {.device = device};
  cvk_session *s = NULL;
  ck_ok(cvk_session_create(g, &options, &s));
  return s;
}

cvk_session_report net_report(cvk_session *s) {
  cvk_session_report r = {.struct_size = sizeof r};
  ck_ok(cvk_session_report_get(s, &r));
  return r;
}

const char *net_ops(cvk_session *s) {
  static char text[1024];
  size_t n = 0;
  text[0] = 0;
  for (int32_t i = 0; i < net_report(s).n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    ck_ok(cvk_session_op_report(s, i, &op));
    const int inserted = strcmp(op.op, "reorder") == 0 || strcmp(op.op, "copy") == 0;
    n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s", i ? " " : "", op.op, inserted ? "" : "@", inserted ? "" : op.device);
    ck_assert_uint_lt(n, sizeof text);
  }
  return text;
}

void net_check(cvk_graph *g, cvk_value y, float scale, const char *ops) {
  const cvk_session_options plain = {.device = "reference", .no_fusion = 1};
  cvk_value_info info = {.struct_size = sizeof info};
  ck_ok(cvk_graph_output(g, y, "y"));
  ck_ok(cvk_graph_input_info(g, 0, &info));
  cvk_session *s = net_session(g, "cpu"), *reference = NULL;
  cvk_tensor *in = net_tensor(info.rank, info.dim, 9), *got = NULL, *want = NULL;
  float *v = values(in);
  for (int64_t i = 0; i < cvk_tensor_count(in); i++) v[i] *= scale;
  ck_ok(cvk_tensor_write(in, v, cvk_tensor_bytes(in)));
  ck_ok(cvk_session_create(g, &plain, &reference));
  ck_ok(cvk_session_run(s, 1, &in, 1, &got));
  ck_ok(cvk_session_run(reference, 1, &in, 1, &want));
  net_close(got, want);
  ck_assert_str_eq(net_ops(s), ops);
  free(v);
  cvk_tensor_release(in);
  cvk_tensor_release(got);
  cvk_tensor_release(want);
  cvk_session_release(s);
  cvk_session_release(reference);
}

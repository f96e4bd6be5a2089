/* SPDX-License-Identifier: Apache-2.0 */
/* run_model.c: see run_model.h. */
#include "run_model.h"

#include <math.h>

#define MOST 9

static int32_t parse_dims(const char *text, int64_t dim[CVK_MAX_RANK]) {
  int32_t rank = 0;
  while (*text) {
    char *end;
    dim[rank++] = strtoll(text, &end, 10);
    text = *end == 'x' ? end + 1 : end;
  }
  return rank;
}

static cvk_tensor *make(array a) {
  int64_t dim[CVK_MAX_RANK];
  cvk_tensor *t = NULL;
  const int32_t rank = parse_dims(a.dims, dim);
  ck_ok(cvk_tensor_create(NULL, a.dtype, rank, dim, a.data, &t));
  return t;
}

void declare(bytes *graph, const char *name, array like) {
  int64_t dim[CVK_MAX_RANK];
  const int32_t rank = parse_dims(like.dims, dim);
  value_info(graph, 11, name, like.dtype, rank, dim);
}

void constant(bytes *graph, const char *name, array value) {
  int64_t dim[CVK_MAX_RANK];
  cvk_tensor *t = make(value);
  const int32_t rank = parse_dims(value.dims, dim);
  bytes b = tensor(name, value.dtype, rank, dim, value.data, (size_t)cvk_tensor_bytes(t));
  initialiser(graph, &b);
  cvk_tensor_release(t);
}

static void check(cvk_tensor *got, array want_array, int32_t index) {
  cvk_tensor *want = make(want_array);
  const size_t n = (size_t)cvk_tensor_bytes(want);
  const int64_t count = cvk_tensor_count(want);
  uint8_t *a = malloc(n + 1), *b = malloc(n + 1);
  ck_assert_int_eq(cvk_tensor_dtype(got), cvk_tensor_dtype(want));
  ck_assert_int_eq(cvk_tensor_rank(got), cvk_tensor_rank(want));
  for (int32_t i = 0; i < cvk_tensor_rank(want); i++)
    ck_assert_msg(cvk_tensor_dims(got)[i] == cvk_tensor_dims(want)[i], "output %d: extent %d is %lld, want %lld", index, i,
                  (long long)cvk_tensor_dims(got)[i], (long long)cvk_tensor_dims(want)[i]);
  ck_ok(cvk_tensor_read(got, a, n));
  ck_ok(cvk_tensor_read(want, b, n));
  if (want_array.dtype == CVK_F32) {
    for (int64_t i = 0; i < count; i++) {
      float x, y;
      memcpy(&x, a + i * 4, 4);
      memcpy(&y, b + i * 4, 4);
      ck_assert_msg(x == y || (isnan(x) && isnan(y)) || fabsf(x - y) <= 1e-5f * fmaxf(1, fabsf(y)),
                    "output %d: element %lld is %g, want %g", index, (long long)i, (double)x, (double)y);
    }
  } else {
    ck_assert_mem_eq(a, b, n);
  }
  free(a);
  free(b);
  cvk_tensor_release(want);
}

static cvk_context *context(void) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.backends = "none", .num_threads = 1, .no_env = 1}, &ctx));
  return ctx;
}

cvk_graph *load(const bytes *m) {
  cvk_context *ctx = context();
  cvk_graph *g = NULL;
  ck_ok(cvk_graph_load_onnx_memory(ctx, m->data, m->n, &g));
  cvk_context_release(ctx);
  return g;
}

static cvk_status run(const bytes *m, int32_t n_in, const array *in, int32_t *n_out, cvk_tensor **out) {
  cvk_context *ctx = context();
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  cvk_tensor *t[MOST] = {0};
  cvk_status status = cvk_graph_load_onnx_memory(ctx, m->data, m->n, &g);
  if (status == CVK_OK) status = cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s);
  if (status == CVK_OK) {
    *n_out = cvk_graph_output_count(g);
    ck_assert_int_le(*n_out, MOST);
    for (int32_t i = 0; i < n_in; i++) t[i] = make(in[i]);
    status = cvk_session_run(s, n_in, t, *n_out, out);
  }
  for (int32_t i = 0; i < n_in; i++) cvk_tensor_release(t[i]);
  cvk_session_release(s);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return status;
}

void expect(bytes *m, int32_t n_in, const array *in, int32_t n_out, const array *want) {
  cvk_tensor *out[MOST] = {0};
  int32_t n = 0;
  ck_ok(run(m, n_in, in, &n, out));
  ck_assert_int_eq(n, n_out);
  for (int32_t i = 0; i < n; i++) check(out[i], want[i], i);
  for (int32_t i = 0; i < n; i++) cvk_tensor_release(out[i]);
  empty(m);
}

void expect_failure(bytes *m, int32_t n_in, const array *in, cvk_status status, const char *text) {
  cvk_tensor *out[MOST] = {0};
  int32_t n = 0;
  ck_fails(run(m, n_in, in, &n, out), status, text);
  empty(m);
}

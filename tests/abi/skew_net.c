/* SPDX-License-Identifier: Apache-2.0 */
/* skew_net.c: see skew_net.h. */
#include "skew_net.h"

#include <stdio.h>

#include "../harness.h"

enum { MOST = 1024, OUTPUTS = 2 * 6 * 4 * 7 };

static const int64_t x_dim[4] = {2, 4, 7, 9}, w_dim[4] = {6, 2, 3, 3}, b_dim[1] = {6}, y_dim[4] = {2, 6, 4, 7};
static const cvk_conv_attr attr = {.stride = {2, 1}, .dilation = {1, 2}, .pad_begin = {1, 0}, .pad_end = {1, 2}, .group = 2};

static cvk_tensor *whole_numbers(int32_t rank, const int64_t *dim, int32_t step) {
  const int64_t n = cvk_count(rank, dim);
  float v[MOST];
  cvk_tensor *t = NULL;
  ck_assert_int_le(n, MOST);
  for (int64_t i = 0; i < n; i++) v[i] = (float)(i * step % 19 - 9);
  ck_ok(cvk_tensor_create(NULL, CVK_F32, rank, dim, v, &t));
  return t;
}

static cvk_value constant(cvk_graph *g, int32_t rank, const int64_t *dim, int32_t step) {
  cvk_tensor *t = whole_numbers(rank, dim, step);
  cvk_value v;
  ck_ok(cvk_graph_constant(g, NULL, t, &v));
  cvk_tensor_release(t);
  return v;
}

static void check_report(cvk_session *s, const char *device) {
  static const char *const ops[3] = {"conv", "add", "relu"};
  cvk_session_report r = {.struct_size = sizeof r};
  ck_ok(cvk_session_report_get(s, &r));
  ck_assert_int_eq(r.ops_device, 3);
  ck_assert_int_eq(r.n_ops, 3);
  for (int32_t i = 0; i < 3; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    char row[64];
    snprintf(row, sizeof row, "%s_%s", ops[i], device);
    ck_ok(cvk_session_op_report(s, i, &op));
    ck_assert_str_eq(op.kernel, row);
  }
}

static void run(cvk_graph *g, const char *device, float *y) {
  cvk_tensor *in[2] = {whole_numbers(4, x_dim, 7), whole_numbers(4, y_dim, 5)}, *out = NULL;
  cvk_session *s = NULL;
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = device, .fallback = CVK_FALLBACK_NONE}, &s));
  for (int k = 0; k < 2; k++) { /* a kernel runs many times */
    ck_ok(cvk_session_run(s, 2, in, 1, &out));
    ck_ok(cvk_tensor_read(out, y, OUTPUTS * sizeof *y));
    cvk_tensor_release(out);
    out = NULL;
  }
  if (strcmp(device, "reference") != 0) check_report(s, device);
  cvk_session_release(s);
  for (int k = 0; k < 2; k++) cvk_tensor_release(in[k]);
}

void skew_net_check(cvk_context *ctx, const char *device) {
  float got[OUTPUTS], want[OUTPUTS];
  cvk_graph *g = NULL;
  cvk_value x, z, y;
  ck_ok(cvk_graph_create(ctx, &g));
  ck_ok(cvk_graph_input(g, "x", CVK_F32, 4, x_dim, &x));
  ck_ok(cvk_graph_input(g, "z", CVK_F32, 4, y_dim, &z));
  ck_ok(cvk_graph_conv(g, x, constant(g, 4, w_dim, 11), constant(g, 1, b_dim, 3), &attr, &y));
  ck_ok(cvk_graph_add(g, y, z, &y));
  ck_ok(cvk_graph_relu(g, y, &y));
  ck_ok(cvk_graph_output(g, y, "y"));
  run(g, device, got);
  run(g, "reference", want);
  for (int i = 0; i < OUTPUTS; i++) ck_assert_msg(got[i] == want[i], "%s: output %d is %g, want %g", device, i, (double)got[i], (double)want[i]);
  cvk_graph_release(g);
}

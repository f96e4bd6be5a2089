/* SPDX-License-Identifier: Apache-2.0 */
/* test_plugin.c: the CPU plugin's table: caps of the instruction set, refusals with their reasons, candidates best first, wrong calls, no
 * leak. */
#include <stdio.h>

#include "../harness.h"
#include "run_op.h"

static char log_text[4096];

static void keep_log(void *ctx, int32_t level, const char *text) {
  (void)ctx;
  if (level == CVK_LOG_DISPATCH && strlen(log_text) + strlen(text) + 2 < sizeof log_text) {
    strcat(log_text, text);
    strcat(log_text, "\n");
  }
}

/* A 3x3 convolution of 64 channels in 8x8 with constant weights. */
static void make_conv(run_op *op, cvk_conv_attr *attr, const float *w) {
  *attr = (cvk_conv_attr){.struct_size = sizeof *attr,
                          .kernel = {3, 3},
                          .stride = {1, 1},
                          .dilation = {1, 1},
                          .pad_begin = {1, 1},
                          .pad_end = {1, 1},
                          .group = 1};
  *op = (run_op){.kind = CVK_OP_CONV, .n_in = 2, .n_out = 1, .attr = attr, .constant = {0, 1}, .in_data = {NULL, w}};
  op->in[0] = op->out[0] = run_desc(CVK_F32, 4, (int64_t[]){1, 64, 8, 8});
  op->in[1] = run_desc(CVK_F32, 4, (int64_t[]){64, 64, 3, 3});
}

static float weights[64 * 64 * 9];

START_TEST(a_cap_is_kept_and_an_unknown_one_is_an_error) {
  mini_host h;
  ck_assert(mini_host_open(&h, "scalar", 1));
  mini_host_close(&h);
  ck_assert(!mini_host_open(&h, "avx1024", 1));
  ck_assert_msg(strstr(h.message, "'avx1024'") && strstr(h.message, "want one of scalar, "), "message: %s", h.message);
}
END_TEST

START_TEST(refusals_say_why) {
  run_op op;
  cvk_conv_attr attr;
  cvk_candidate c[RUN_CANDIDATES];
  mini_host h;
  ck_assert(mini_host_open(&h, "scalar", 1));
  h.host.log = keep_log;
  make_conv(&op, &attr, weights);
  ck_assert_int_gt(run_candidates(&h, &op, c), 0);
  ck_assert_msg(strstr(log_text, "conv_depthwise_scalar: group 1 is not the channel count 64"), "log: %s", log_text);
  ck_assert_msg(strstr(log_text, "conv_direct_scalar: 64 channels of plain input, at most 16 are taken"), "log: %s", log_text);
  op.in[0].dtype = op.in[1].dtype = op.out[0].dtype = CVK_F64;
  ck_assert_int_eq(run_candidates(&h, &op, c), 0);
  ck_assert_msg(strstr(log_text, "element type 11, not f32"), "log: %s", log_text);
  mini_host_close(&h);
}
END_TEST

/* Rows that waste nothing come before the ones of last resort: MobileNet's depthwise layers, and full blocks. */
START_TEST(the_fitting_row_comes_first) {
  static const struct {
    int64_t channels, extent, group;
    const char *row;
  } cases[] = {{144, 56, 144, "conv_depthwise_"},
               {192, 28, 192, "conv_depthwise_"},
               {32, 112, 32, "conv_depthwise_"},
               {960, 7, 960, "conv_depthwise_"},
               {64, 56, 1, "conv_direct_"}};
  for (int i = 0; mini_host_caps[i]; i++) {
    mini_host h;
    if (!mini_host_open(&h, mini_host_caps[i], 1)) continue;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
      run_op op;
      cvk_conv_attr attr;
      cvk_candidate c[RUN_CANDIDATES];
      const int64_t m = cases[k].channels, e = cases[k].extent;
      make_conv(&op, &attr, weights);
      attr.group = cases[k].group;
      op.flags = CVK_EXACT;
      op.in[0] = op.out[0] = run_desc(CVK_F32, 4, (int64_t[]){1, m, e, e});
      op.in[1] = run_desc(CVK_F32, 4, (int64_t[]){m, m / cases[k].group, 3, 3});
      ck_assert_int_gt(run_candidates(&h, &op, c), 0);
      ck_assert_msg(strncmp(c[0].row, cases[k].row, strlen(cases[k].row)) == 0, "%s: %lld channels at %lld: %s comes first",
                    mini_host_caps[i], (long long)m, (long long)e, c[0].row);
    }
    mini_host_close(&h);
  }
}
END_TEST

START_TEST(candidates_come_best_first_with_their_formats) {
  run_op op;
  cvk_conv_attr attr;
  cvk_candidate c[RUN_CANDIDATES];
  make_conv(&op, &attr, weights);
  for (int i = 0; mini_host_caps[i]; i++) {
    mini_host h;
    if (!mini_host_open(&h, mini_host_caps[i], 1)) continue;
    op.flags = 0;
    int n = run_candidates(&h, &op, c);
    ck_assert(strncmp(c[0].row, "conv_winograd", 13) == 0 && c[0].error_class == CVK_ERROR_WINOGRAD);
    op.flags = CVK_EXACT;
    n = run_candidates(&h, &op, c);
    ck_assert_int_ge(n, 2);
    for (int k = 1; k < n; k++) ck_assert(c[k - 1].estimated_ns <= c[k].estimated_ns);
    ck_assert(strncmp(c[0].row, "conv_direct_", 12) == 0 && strstr(c[0].row, mini_host_caps[i]));
    ck_assert_int_eq(c[0].in[0].layout, CVK_BLOCKED);
    ck_assert_int_eq(c[0].in[0].block, c[0].out[0].block);
    ck_assert(c[0].pack[1] != 0 && c[0].workspace_bytes == 0 && c[0].error_class == CVK_ERROR_DIRECT);
    op.constant[1] = 0;
    ck_assert_int_ge(run_candidates(&h, &op, c), 2);
    ck_assert(c[0].pack[1] == 0 && c[0].workspace_bytes >= sizeof weights);
    op.constant[1] = 1;
    mini_host_close(&h);
  }
}
END_TEST

START_TEST(wrong_calls_fail_and_nothing_leaks) {
  run_op op;
  cvk_conv_attr attr;
  cvk_candidate c[RUN_CANDIDATES];
  cvk_device_info info = {.struct_size = sizeof info};
  cvk_backend_device *device;
  mini_host h;
  static float x[64 * 64], y[64 * 64];
  ck_assert(mini_host_open(&h, "scalar", 1));
  ck_assert_int_eq(h.backend->device_info(h.instance, 1, &info), CVK_NO_DEVICE);
  ck_assert_int_eq(h.backend->device_open(h.instance, -1, &device), CVK_NO_DEVICE);
  make_conv(&op, &attr, weights);
  op.in_data[0] = x;
  op.out_data[0] = y;
  ck_assert_int_gt(run_candidates(&h, &op, c), 0);
  const int64_t before = h.allocated;
  ck_assert_int_eq(run_row(&h, &op, &c[0], RUN_END, 2, NULL), CVK_OK);
  ck_assert_int_eq(h.allocated, before);
  c[0].row = "conv_of_somebody_else";
  ck_assert_int_eq(run_row(&h, &op, &c[0], RUN_END, 1, NULL), CVK_INVALID_ARGUMENT);
  ck_assert_int_eq(h.allocated, before);
  mini_host_close(&h);
  ck_assert_int_eq(h.allocated, 0);
}
END_TEST

SUITE("cpu plugin", a_cap_is_kept_and_an_unknown_one_is_an_error, refusals_say_why, the_fitting_row_comes_first,
      candidates_come_best_first_with_their_formats, wrong_calls_fail_and_nothing_leaks)

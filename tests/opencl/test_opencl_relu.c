/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_relu.c: the framework end to end: one activation, plain and blocked, at sizes around the vector length. */
#include <math.h>
#include <stdlib.h>

#include "mini_host.h"

static void check(const char *row, int64_t channels, int64_t pixels) {
  const int64_t n = channels * pixels;
  float *x = malloc((size_t)n * sizeof *x + 4), *y = malloc((size_t)n * sizeof *y + 4);
  mini_random(x, n, (uint32_t)n);
  if (n > 2) x[1] = NAN;
  mini_op op = {.kind = CVK_OP_RELU, .n_in = 1, .n_out = 1};
  op.in[0] = mini_f32(3, (int64_t[]){1, channels, pixels}, x);
  op.out[0] = mini_f32(3, (int64_t[]){1, channels, pixels}, y);
  mini_must_run(row, &op);
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(isnan(x[i]) ? isnan(y[i]) : y[i] == (x[i] > 0 ? x[i] : 0), "row %s: y[%lld] is %g for %g", row ? row : "any",
                  (long long)i, y[i], x[i]);
  free(x);
  free(y);
}

START_TEST(relu_keeps_what_is_positive) {
  if (!mini_open()) return;
  for (int64_t n = 0; n < 70; n++) check(NULL, 1, n);
  check(NULL, 32, 49);
  check(NULL, 1, 100000);
  mini_close();
}
END_TEST

START_TEST(an_unknown_kind_is_refused) {
  if (!mini_open()) return;
  float x[4] = {0};
  mini_op op = {.kind = 9999, .n_in = 1, .n_out = 1};
  op.in[0] = op.out[0] = mini_f32(1, (int64_t[]){4}, x);
  ck_assert_int_eq(mini_run(NULL, &op), CVK_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(mini_message(), "9999"));
  mini_close();
}
END_TEST

SUITE("opencl_relu", relu_keeps_what_is_positive, an_unknown_kind_is_refused)

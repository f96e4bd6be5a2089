/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_reorder.c: between plain, NHWC and NCHWc16, both ways, at sizes around 16 channels and 16 pixels; bits are kept. */
#include <stdlib.h>

#include "mini_host.h"

static void check(int32_t from, int32_t to, int64_t batch, int64_t channels, int64_t height, int64_t width) {
  const int64_t dim[] = {batch, channels, height, width}, n = cvk_count(4, dim);
  uint32_t *x = malloc((size_t)n * sizeof *x + 4), *y = calloc((size_t)n + 1, sizeof *y);
  for (int64_t i = 0; i < n; i++) x[i] = (uint32_t)i * 2654435761u; /* any bit pattern, NaNs too */
  mini_op op = {.kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1};
  op.in[0] = mini_f32(4, dim, (float *)x);
  op.out[0] = mini_f32(4, dim, (float *)y);
  op.in[0].layout = from;
  op.out[0].layout = to;
  mini_must_run("reorder_16x16", &op);
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(x[i] == y[i], "layout %d to %d, %lldx%lldx%lldx%lld: element %lld is %08x, want %08x", (int)from, (int)to,
                  (long long)batch, (long long)channels, (long long)height, (long long)width, (long long)i, y[i], x[i]);
  free(x);
  free(y);
}

START_TEST(every_pair) {
  if (!mini_open()) return;
  static const int32_t layouts[] = {CVK_PLAIN, CVK_NHWC, CVK_BLOCKED};
  static const int64_t channels[] = {1, 3, 15, 16, 17, 40}, widths[] = {1, 5, 15, 16, 17, 31};
  for (int i = 0; i < 9; i++)
    for (int c = 0; c < 6; c++)
      for (int w = 0; w < 6; w++) check(layouts[i / 3], layouts[i % 3], 2, channels[c], w % 2 + 1, widths[w]);
  check(CVK_PLAIN, CVK_BLOCKED, 0, 3, 4, 5);
  mini_close();
}
END_TEST

SUITE("opencl_reorder", every_pair)

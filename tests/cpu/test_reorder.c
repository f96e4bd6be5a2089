/* SPDX-License-Identifier: Apache-2.0 */
/* test_reorder.c: the reorder row between every two formats, bit for bit there and back, element sizes 1, 2, 4, 8, tails zeroed. */
#include <stdlib.h>

#include "../harness.h"
#include "run_op.h"

static const cvk_format formats[] = {{CVK_PLAIN, 0, 0},   {CVK_NHWC, 0, 0},     {CVK_BLOCKED, 4, 0},
                                     {CVK_BLOCKED, 8, 0}, {CVK_BLOCKED, 16, 0}, {CVK_BLOCKED, 5, 0}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static void check(mini_host *m, int32_t dtype, int32_t rank, const int64_t *dim, cvk_format from, cvk_format to) {
  const int64_t bytes = cvk_count(rank, dim) * (int64_t)cvk_dtype_bytes(dtype);
  unsigned char *x = malloc((size_t)bytes + 1), *y = malloc((size_t)bytes + 1);
  run_op op = {.kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1};
  cvk_candidate c[RUN_CANDIDATES];
  for (int64_t i = 0; i < bytes; i++) x[i] = (unsigned char)(i * 37 + i / 251);
  memset(y, 0, (size_t)bytes);
  op.in[0] = op.out[0] = run_desc(dtype, rank, dim);
  run_set_formats(&op, from, to);
  op.in_data[0] = x;
  op.out_data[0] = y;
  const int n = run_candidates(m, &op, c);
  ck_assert_int_eq(n, 1);
  for (int placement = RUN_END; placement <= RUN_BEGIN; placement++) {
    const cvk_status status = run_row(m, &op, &c[0], placement, 1, NULL);
    ck_assert_msg(status == CVK_OK, "%s: status %d %s", c[0].row, status, m->message);
    ck_assert_msg(memcmp(x, y, (size_t)bytes) == 0, "%s: layout %d block %d to layout %d block %d, C %lld", c[0].row, from.layout,
                  from.block, to.layout, to.block, (long long)dim[1]);
  }
  free(x), free(y);
}

START_TEST(every_pair_of_formats) {
  static const int32_t types[] = {CVK_F32, CVK_U8, CVK_F16, CVK_F64};
  static const int64_t channels[] = {1, 3, 4, 5, 8, 15, 16, 17, 33, 64};
  for (int isa = 0; mini_host_caps[isa]; isa++) {
    mini_host m;
    if (!mini_host_open(&m, mini_host_caps[isa], 2)) continue;
    for (int f = 0; f < N_FORMATS; f++)
      for (int t = 0; t < N_FORMATS; t++)
        for (int c = 0; c < 10; c++)
          for (int d = 0; d < 4; d++) {
            check(&m, types[d], 4, (int64_t[]){2, channels[c], 5, 7}, formats[f], formats[t]);
            if (d == 0) check(&m, types[d], 4, (int64_t[]){1, channels[c], 23, 31}, formats[f], formats[t]);
            if (d == 0) check(&m, types[d], 2, (int64_t[]){3, channels[c]}, formats[f], formats[t]);
          }
    check(&m, CVK_F32, 4, (int64_t[]){0, 3, 2, 2}, formats[0], formats[2]);
    mini_host_close(&m);
  }
}
END_TEST

SUITE("cpu reorder", every_pair_of_formats)

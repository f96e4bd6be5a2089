/* SPDX-License-Identifier: Apache-2.0 */
/* test_norm.c: BATCH_NORM, LRN, SOFTMAX and LOG_SOFTMAX rows. */
#include <math.h>

#include "row_check.h"

static const int64_t channels[] = {1, 3, 16, 17, 33};
enum { CHANNELS = sizeof channels / sizeof *channels };

static row_tensor positive(int64_t n, uint32_t seed) {
  row_tensor t = row_random(CVK_F32, DIMS(n), seed);
  for (int64_t i = 0; i < n; i++) ((float *)t.data)[i] = fabsf(((float *)t.data)[i]) + 0.1f;
  return t;
}

START_TEST(batch_norm) {
  for (int i = 0; i < CHANNELS; i++)
    for (int known = 0; known < 2; known++) {
      const int64_t c = channels[i];
      const cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = 1e-5f};
      row_case k = {.kind = CVK_OP_BATCH_NORM,
                    .n_in = 5,
                    .attr = &a,
                    .row = "batch_norm",
                    .blocked = 1,
                    .relative = 8 * 0x1p-24,
                    .absolute = 1e-4f * 0x1p-6,
                    .in = {row_random(CVK_F32, DIMS(2, c, 5, 7), 1), row_random(CVK_F32, DIMS(c), 2), row_random(CVK_F32, DIMS(c), 3),
                           row_random(CVK_F32, DIMS(c), 4), positive(c, 5)}};
      for (int j = 1; j < 5; j++) k.in[j].value = known;
      row_check(&k);
    }
}
END_TEST

/* Variances at, just below and far below zero: epsilon is added before the root, nothing is clamped. */
START_TEST(batch_norm_variances) {
  const cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = 1e-5f};
  const float x[] = {1, 2, 3, 4, 5, 6, 7, NAN}, scale[] = {2, 1, 1, 1}, bias[] = {0.5f, 0, 0, 0}, mean[] = {1, 3, 5, 7},
              var[] = {-5e-6f, 0, -1, INFINITY};
  row_case k = {.kind = CVK_OP_BATCH_NORM,
                .n_in = 5,
                .attr = &a,
                .row = "batch_norm",
                .blocked = 1,
                .relative = 1e-6,
                .in = {row_floats(DIMS(1, 4, 2, 1), x), row_floats(DIMS(4), scale), row_floats(DIMS(4), bias), row_floats(DIMS(4), mean),
                       row_floats(DIMS(4), var)}};
  row_check(&k);
}
END_TEST

START_TEST(batch_norm_ranks) {
  const cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = 1e-3f};
  for (int32_t rank = 2; rank <= 5; rank++) {
    row_case k = {.kind = CVK_OP_BATCH_NORM,
                  .n_in = 5,
                  .attr = &a,
                  .row = "batch_norm",
                  .blocked = 1,
                  .relative = 8 * 0x1p-24,
                  .absolute = 1e-4 * 0x1p-6,
                  .in = {row_random(CVK_F32, rank, (int64_t[]){3, 19, 2, 3, 5}, 1), row_random(CVK_F32, DIMS(19), 2),
                         row_random(CVK_F32, DIMS(19), 3), row_random(CVK_F32, DIMS(19), 4), positive(19, 5)}};
    row_check(&k);
  }
}
END_TEST

START_TEST(lrn) {
  static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 40};
  static const float betas[] = {0.75f, 0.5f, 1.0f, 0.6f};
  for (int i = 0; i < CHANNELS; i++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (int b = 0; b < 4; b++) {
        const cvk_norm_attr a = {.struct_size = sizeof a, .size = sizes[s], .alpha = 0.3f, .beta = betas[b], .bias = 2.0f};
        row_case k = {.kind = CVK_OP_LRN,
                      .n_in = 1,
                      .attr = &a,
                      .row = "lrn",
                      .blocked = sizes[s] <= 8,
                      .relative = 32 * 0x1p-24,
                      .absolute = 1e-12,
                      .in = {row_random(CVK_F32, DIMS(2, channels[i], 5, 7), (uint32_t)s)}};
        ((float *)k.in[0].data)[3] = NAN;
        row_check(&k);
      }
}
END_TEST

static void softmax_case(int32_t kind, row_tensor x, int32_t axis) {
  const cvk_axis_attr a = {.struct_size = sizeof a, .axis = axis};
  row_case k = {.kind = kind,
                .n_in = 1,
                .attr = &a,
                .row = "softmax",
                .relative = 8 * 0x1p-24,
                .absolute = kind == CVK_OP_SOFTMAX ? 1e-36 : 8 * 0x1p-24,
                .in = {x}};
  row_check(&k);
}

START_TEST(softmax) {
  for (int32_t kind = CVK_OP_SOFTMAX; kind <= CVK_OP_LOG_SOFTMAX; kind++) {
    for (int64_t n = 1; n <= 67; n++) softmax_case(kind, row_random(CVK_F32, DIMS(3, n), (uint32_t)n), -1);
    for (int32_t axis = 0; axis < 4; axis++) {
      softmax_case(kind, row_random(CVK_F32, DIMS(2, 3, 5, 7), 1), axis);
      softmax_case(kind, row_random(CVK_F32, DIMS(3, 70, 2, 67), 2), axis);
    }
    softmax_case(kind, row_random(CVK_F32, DIMS(2, 5000), 3), -1);
    softmax_case(kind, row_random(CVK_F32, DIMS(0, 5), 3), -1);
    softmax_case(kind, row_random(CVK_F32, DIMS(5, 0), 3), -1);
  }
}
END_TEST

START_TEST(softmax_special) {
  const float x[] = {1000, 1001, 1002, -1000, -1001, -1002, 0, -INFINITY, 0, INFINITY, 0, 0, -INFINITY, -INFINITY, -INFINITY, NAN, 0, 0};
  for (int32_t kind = CVK_OP_SOFTMAX; kind <= CVK_OP_LOG_SOFTMAX; kind++) {
    softmax_case(kind, row_floats(DIMS(6, 3), x), -1);
    softmax_case(kind, row_floats(DIMS(3, 6), x), 0);
  }
}
END_TEST

SUITE("cpu_norm", batch_norm, batch_norm_variances, batch_norm_ranks, lrn, softmax, softmax_special)

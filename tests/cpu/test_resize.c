/* SPDX-License-Identifier: Apache-2.0 */
/* test_resize.c: the RESIZE row, plain and blocked: every mode and way of finding the source, growing and shrinking, one row, many
 * channels, any number of axes, infinities beside samples, and what it leaves to the reference. */
#include "row_check.h"

#define LINEAR_RELATIVE 0x1p-21
#define LINEAR_ABSOLUTE 0x1p-20 /* of values up to 4 */

static const int64_t channels[] = {1, 3, 16, 17, 33};
enum { CHANNELS = sizeof channels / sizeof *channels };

typedef struct geometry {
  int64_t in[2], out[2];
} geometry;

static const geometry cases[] = {
    {{5, 7}, {10, 14}}, {{9, 12}, {4, 6}},    {{4, 33}, {12, 40}},  {{1, 1}, {3, 5}},      {{6, 5}, {1, 1}},    {{3, 3}, {3, 7}},
    {{3, 70}, {8, 70}}, {{40, 3}, {13, 129}}, {{17, 64}, {17, 64}}, {{2, 900}, {4, 1300}}, {{7, 31}, {14, 62}}, {{20, 20}, {19, 21}},
};
enum { CASES = sizeof cases / sizeof *cases };

static void check(const geometry *g, int64_t c, cvk_resize_attr a, int32_t blocked, int32_t sprinkled, uint32_t seed) {
  const int32_t is_nearest = a.mode == CVK_NEAREST;
  a.struct_size = sizeof a;
  a.n_axes = 2;
  a.axis[0] = 2;
  a.axis[1] = 3;
  a.size[0] = g->out[0];
  a.size[1] = g->out[1];
  row_case r = {.kind = CVK_OP_RESIZE,
                .n_in = 1,
                .attr = &a,
                .in = {row_random(CVK_F32, DIMS(2, c, g->in[0], g->in[1]), seed)},
                .row = "resize",
                .blocked = blocked,
                .relative = is_nearest ? 0 : LINEAR_RELATIVE,
                .absolute = is_nearest ? 0 : LINEAR_ABSOLUTE};
  if (sprinkled) row_sprinkle(&r.in[0]);
  row_check(&r);
}

START_TEST(nearest) {
  for (int i = 0; i < CASES; i++)
    for (int32_t by = CVK_HALF_PIXEL; by <= CVK_TF_HALF_PIXEL_FOR_NN; by++) {
      const cvk_resize_attr a = {.coordinates = by, .rounding = (i + by) % 4};
      check(&cases[i], channels[(i + by) % CHANNELS], a, 1, i % 2, (uint32_t)(i * 7 + by));
    }
}
END_TEST

START_TEST(linear) {
  for (int i = 0; i < CASES; i++)
    for (int32_t by = CVK_HALF_PIXEL; by <= CVK_TF_HALF_PIXEL_FOR_NN; by++) {
      const cvk_resize_attr a = {.mode = CVK_LINEAR, .coordinates = by};
      check(&cases[i], channels[(i + by) % CHANNELS], a, 1, 0, (uint32_t)(i * 7 + by));
    }
}
END_TEST

START_TEST(filters) {
  for (int i = 0; i < CASES; i++)
    for (int kind = 0; kind < 6; kind++) {
      const cvk_resize_attr a = {.mode = kind % 2 ? CVK_CUBIC : CVK_LINEAR,
                                 .cubic_a = kind == 1 ? -0.5f : -0.75f,
                                 .antialias = kind >= 2,
                                 .exclude_outside = kind >= 4,
                                 .coordinates = i % 3};
      check(&cases[i], channels[(i + kind) % CHANNELS], a, 1, 0, (uint32_t)(i * 7 + kind));
    }
}
END_TEST

/* Corners meet cells exactly: what lies beside one has no weight, whatever it is. */
START_TEST(infinities) {
  for (int c = 0; c < CHANNELS; c++)
    for (int mode = CVK_NEAREST; mode <= CVK_LINEAR; mode++) {
      const geometry corners = {{5, 9}, {9, 17}};
      check(&corners, channels[c], (cvk_resize_attr){.mode = mode, .coordinates = CVK_ALIGN_CORNERS}, 1, 1, (uint32_t)c);
      const geometry thrice = {{5, 9}, {15, 27}};
      check(&thrice, channels[c], (cvk_resize_attr){.mode = mode, .coordinates = CVK_ASYMMETRIC}, 1, 1, (uint32_t)c);
    }
}
END_TEST

START_TEST(crops) {
  const geometry g = {{6, 8}, {5, 21}};
  for (int c = 0; c < CHANNELS; c++)
    for (int mode = CVK_NEAREST; mode <= CVK_CUBIC; mode++)
      for (int value = 0; value < 2; value++) {
        const cvk_resize_attr a = {.mode = mode,
                                   .cubic_a = -0.75f,
                                   .coordinates = CVK_TF_CROP_AND_RESIZE,
                                   .extrapolation = (float)value * 2.5f,
                                   .roi_begin = {0.25, -0.5},
                                   .roi_end = {1.5, 0.75}};
        check(&g, channels[c], a, value == 0, 0, (uint32_t)c);
      }
}
END_TEST

static void check_plain(int32_t rank, const int64_t *dim, cvk_resize_attr a, int32_t dtype, const char *row) {
  row_case r = {.kind = CVK_OP_RESIZE,
                .n_in = 1,
                .attr = &a,
                .in = {row_random(dtype, rank, dim, 5)},
                .row = row,
                .relative = LINEAR_RELATIVE,
                .absolute = LINEAR_ABSOLUTE};
  row_check(&r);
}

START_TEST(other_ranks) {
  const cvk_resize_attr last = {.mode = CVK_LINEAR, .n_axes = 1, .axis = {-1}, .scale = {2.5f}};
  const cvk_resize_attr both = {.mode = CVK_LINEAR, .n_axes = 2, .axis = {-2, -1}, .scale = {2, 3}};
  check_plain(DIMS(9), last, CVK_F32, "resize");
  check_plain(DIMS(3, 9), both, CVK_F32, "resize");
  check_plain(DIMS(3, 4, 9), both, CVK_F32, "resize");
  check_plain(DIMS(2, 17, 9), last, CVK_F32, "resize");
  check_plain(DIMS(2, 17, 3, 4, 5), both, CVK_F32, "resize");
  check_plain(DIMS(2, 0, 3, 4), both, CVK_F32, "resize");
  check_plain(DIMS(2, 3, 4), (cvk_resize_attr){.size = {2, 3, 0}}, CVK_F32, "resize");
  check_plain(DIMS(2, 3, 4), (cvk_resize_attr){.mode = CVK_LINEAR, .antialias = 1, .scale = {1, 1, 1e-30f}}, CVK_F32, "resize");
  check_plain(DIMS(1, 3, 4, 5), both, CVK_F64, NULL);
}
END_TEST

START_TEST(three_axes_and_more) {
  const cvk_resize_attr volume = {.mode = CVK_LINEAR, .n_axes = 3, .axis = {2, 3, 4}, .scale = {2, 1.5f, 2}};
  const cvk_resize_attr deep = {.mode = CVK_CUBIC, .cubic_a = -0.75f, .n_axes = 2, .axis = {2, 4}, .size = {5, 3}};
  const cvk_resize_attr far = {.coordinates = CVK_TF_CROP_AND_RESIZE,
                               .mode = CVK_LINEAR,
                               .n_axes = 2,
                               .axis = {2, 4},
                               .size = {4, 3},
                               .roi_begin = {-0.25, 0},
                               .roi_end = {1, 1.5}};
  for (int c = 0; c < CHANNELS; c++) {
    row_case r = {.kind = CVK_OP_RESIZE,
                  .n_in = 1,
                  .attr = c == 0  ? &far
                          : c % 2 ? &volume
                                  : &deep,
                  .in = {row_random(CVK_F32, DIMS(2, channels[c], 3, 4, 7), (uint32_t)c)},
                  .row = "resize",
                  .blocked = 1,
                  .relative = LINEAR_RELATIVE,
                  .absolute = LINEAR_ABSOLUTE};
    row_check(&r);
  }
  check_plain(DIMS(2, 3, 4), (cvk_resize_attr){.scale = {2, 2, 2}}, CVK_F32, "resize");
  check_plain(DIMS(2, 3, 4, 5), (cvk_resize_attr){.mode = CVK_LINEAR, .scale = {2, 1, 3, 0.5f}}, CVK_F32, "resize");
  check_plain(DIMS(3, 2, 2, 2, 2, 2), (cvk_resize_attr){.mode = CVK_LINEAR, .scale = {2, 2, 2, 2, 2, 2}}, CVK_F32, "resize");
}
END_TEST

SUITE("cpu_resize", nearest, linear, filters, infinities, crops, other_ranks, three_axes_and_more)

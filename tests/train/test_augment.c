/* SPDX-License-Identifier: Apache-2.0 */
/* test_augment.c: what is drawn for a sample, and reading by an affine map beside its definition in double. */
#include <math.h>
#include <stdlib.h>

#include "harness.h"
#include "train/augment.h"

#define FILL -2.0f

/* Copies [c,h,w] into planes padded with FILL. */
static float *padded(int64_t c, int64_t h, int64_t w, const float *v) {
  const int64_t plane = cvk_warp_plane(h, w), stride = cvk_warp_stride(w);
  float *p = malloc((size_t)(c * plane) * sizeof *p);
  for (int64_t i = 0; i < c * plane; i++) p[i] = FILL;
  for (int64_t i = 0; i < c * h * w; i++) p[i / (h * w) * plane + (i / w % h + 1) * stride + i % w + 1] = v[i];
  return p;
}

static float *pattern(int64_t n) {
  float *v = malloc((size_t)n * sizeof *v);
  for (int64_t i = 0; i < n; i++) v[i] = (float)((i * 7919 + 13) % 1009) / 1009.0f;
  return v;
}

static double cell(const float *v, int64_t h, int64_t w, int64_t y, int64_t x) {
  return y < 0 || x < 0 || y >= h || x >= w ? (double)FILL : (double)v[y * w + x];
}

/* Bilinear at (y, x); all is FILL outside. */
static double at(const float *v, int64_t h, int64_t w, double y, double x) {
  const double fy = y - floor(y), fx = x - floor(x);
  const int64_t iy = (int64_t)floor(y), ix = (int64_t)floor(x);
  return (1 - fy) * ((1 - fx) * cell(v, h, w, iy, ix) + fx * cell(v, h, w, iy, ix + 1)) +
         fy * ((1 - fx) * cell(v, h, w, iy + 1, ix) + fx * cell(v, h, w, iy + 1, ix + 1));
}

static void check_warp(const cvk_warp *w, int64_t c, int64_t height, int64_t width) {
  const int64_t n = c * height * width;
  float *v = pattern(n), *p = padded(c, height, width, v), *out = malloc((size_t)n * sizeof *out);
  cvk_warp_run(w, c, height, width, p, out);
  for (int64_t i = 0; i < n; i++) {
    const double y = (double)(i / width % height), x = (double)(i % width);
    const double want =
        at(v + i / (height * width) * height * width, height, width, w->y0 + y * w->yy + x * w->yx, w->x0 + y * w->xy + x * w->xx);
    ck_assert_msg(fabs((double)out[i] - want) < 2e-4, "cell %lld of [%lld,%lld,%lld]: %g, want %g", (long long)i, (long long)c,
                  (long long)height, (long long)width, (double)out[i], want);
  }
  free(v);
  free(p);
  free(out);
}

START_TEST(reading_beside_its_definition) {
  static const int64_t shape[][3] = {{1, 28, 28}, {3, 5, 7}, {1, 1, 1}, {2, 3, 200}, {1, 70, 65}, {1, 1, 64}};
  static const cvk_warp maps[] = {
      {0.3, 0.9, 0.2, -1.25, -0.1, 1.1},
      {-3.5, 1.3, -0.4, 2.5, 0.7, 0.8},
      {1e6, 1, 0, 0, 0, 1},
      {0, 1, 0, -1e7, 0, 1},
      {0, 3, 0, 0, 0, 3},
      {0.5, 0, 0, 0.5, 0, 0},
  };
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
    for (size_t m = 0; m < sizeof maps / sizeof *maps; m++) check_warp(&maps[m], shape[s][0], shape[s][1], shape[s][2]);
  }
}
END_TEST

START_TEST(whole_cells_keep_their_bits) {
  float *v = pattern(2 * 6 * 9), *p = padded(2, 6, 9, v), out[2 * 6 * 9];
  cvk_warp_run(&(cvk_warp){.yy = 1, .xx = 1}, 2, 6, 9, p, out);
  ck_assert_mem_eq(out, v, sizeof out);
  cvk_warp_run(&(cvk_warp){.yy = 1, .x0 = 8, .xx = -1}, 2, 6, 9, p, out); /* mirrored */
  for (int i = 0; i < 2 * 6 * 9; i++) ck_assert_mem_eq(&out[i], &v[i / 9 * 9 + 8 - i % 9], sizeof *out);
  cvk_warp_run(&(cvk_warp){.y0 = 2, .yy = 1, .x0 = -3, .xx = 1}, 2, 6, 9, p, out); /* 2 up, 3 to the right */
  for (int i = 0; i < 2 * 6 * 9; i++) {
    const int y = i / 9 % 6 + 2, x = i % 9 - 3;
    const float want = y < 6 && x >= 0 ? v[i / 54 * 54 + y * 9 + x] : FILL;
    ck_assert_mem_eq(&out[i], &want, sizeof *out);
  }
  free(v);
  free(p);
}
END_TEST

/* The draws of seed 7, epoch 3, samples 0 and 3, from another program. A cell is put where the options say; the map must find it again. */
START_TEST(the_map_of_known_draws) {
  static const struct {
    int64_t index;
    double angle, slant, size, down, right, mirror;
  } known[] = {
      {0, 0.8679386377334595, -0.38957059383392334, 0.9776983261108398, -0.619054913520813, -0.5560554265975952, 1},
      {3, 0.25618088245391846, 0.44760000705718994, 0.3896137475967407, -0.19061994552612305, -0.30360400676727295, -1},
  };
  const cvk_augment a = {.rotate_degrees = 30, .translate = 0.25f, .zoom = 0.5f, .shear_degrees = 20, .flip = 1};
  const double degree = acos(-1) / 180, h = 20, w = 12;
  for (size_t k = 0; k < 2; k++) {
    const cvk_warp map = cvk_augment_draw(&a, 20, 12, 7, 3, known[k].index);
    const double angle = known[k].angle * 30 * degree, slant = tan(known[k].slant * 20 * degree), size = 1 + known[k].size * 0.5;
    for (int i = 0; i < 20 * 12; i++) {
      const double from_y = i / 12, from_x = i % 12;
      double y = from_y - (h - 1) / 2, x = (from_x - (w - 1) / 2) * known[k].mirror;
      x = (x + slant * y) * size;
      y *= size;
      const double turned_x = cos(angle) * x - sin(angle) * y, turned_y = sin(angle) * x + cos(angle) * y;
      y = turned_y + (h - 1) / 2 + known[k].down * 0.25 * h;
      x = turned_x + (w - 1) / 2 + known[k].right * 0.25 * w;
      ck_assert_double_eq_tol(map.y0 + y * map.yy + x * map.yx, from_y, 1e-9);
      ck_assert_double_eq_tol(map.x0 + y * map.xy + x * map.xx, from_x, 1e-9);
    }
  }
}
END_TEST

/* Over many samples each amount fills its range evenly: the mean is about 0, the variance a third of the amount's square. */
START_TEST(draws_fill_their_range) {
  enum { N = 20000 };
  double sum = 0, square = 0, most = 0;
  int mirrored = 0;
  for (int64_t i = 0; i < N; i++) {
    const cvk_warp turn = cvk_augment_draw(&(cvk_augment){.rotate_degrees = 10, .flip = 1}, 9, 9, 123456789012345u, 4, i);
    const double angle = asin(-turn.yx);
    sum += angle;
    square += angle * angle;
    most = fabs(angle) > most ? fabs(angle) : most;
    mirrored += turn.xx < 0;
  }
  const double amount = 10 * acos(-1) / 180;
  ck_assert(most <= amount && most > 0.999 * amount);
  ck_assert(fabs(sum / N) < 0.02 * amount);
  ck_assert(fabs(square / N / (amount * amount / 3) - 1) < 0.03);
  ck_assert(abs(mirrored - N / 2) < 300);
}
END_TEST

START_TEST(nothing_asked_is_the_identity) {
  const cvk_warp w = cvk_augment_draw(&(cvk_augment){0}, 28, 27, 5, 1, 9);
  ck_assert(w.y0 == 0 && w.yy == 1 && w.yx == 0 && w.x0 == 0 && w.xy == 0 && w.xx == 1);
}
END_TEST

START_TEST(draws_differ) {
  const cvk_augment a = {.rotate_degrees = 30};
  const cvk_warp base = cvk_augment_draw(&a, 8, 8, 1, 0, 5);
  ck_assert(cvk_augment_draw(&a, 8, 8, 1, 0, 5).yx == base.yx);
  ck_assert(cvk_augment_draw(&a, 8, 8, 2, 0, 5).yx != base.yx);
  ck_assert(cvk_augment_draw(&a, 8, 8, 1 + ((uint64_t)1 << 32), 0, 5).yx != base.yx);
  ck_assert(cvk_augment_draw(&a, 8, 8, 1, 1, 5).yx != base.yx);
  ck_assert(cvk_augment_draw(&a, 8, 8, 1, 0, 6).yx != base.yx);
  ck_assert(cvk_augment_draw(&a, 8, 8, 1, 0, 5 + ((int64_t)1 << 32)).yx != base.yx);
}
END_TEST

SUITE("augment", reading_beside_its_definition, whole_cells_keep_their_bits, the_map_of_known_draws, draws_fill_their_range,
      nothing_asked_is_the_identity, draws_differ)

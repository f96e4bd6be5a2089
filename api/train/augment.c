/* SPDX-License-Identifier: Apache-2.0 */
/* augment.c: see augment.h. Rows are read in blocks: first where each cell lies (whole vectors), then the four cells around it. */
#include "augment.h"

#include <math.h>

#include "dataset_internal.h"

#define BLOCK 64
#define DEGREE 0.017453292519943295

/* -1 to below 1, in steps of 2^-23. */
static double even(uint32_t word) {
  return (double)(word >> 8) * 0x1p-23 - 1;
}

cvk_warp cvk_augment_draw(const cvk_augment *a, int64_t height, int64_t width, uint64_t seed, int64_t epoch, int64_t index) {
  uint32_t r[8];
  cvk_dataset_draw(seed, epoch, index, CVK_DRAW_WARP, r);
  cvk_dataset_draw(seed, epoch, index, CVK_DRAW_WARP_MORE, r + 4);
  const double angle = even(r[0]) * (double)a->rotate_degrees * DEGREE, slant = tan(even(r[1]) * (double)a->shear_degrees * DEGREE);
  const double size = 1 + even(r[2]) * (double)a->zoom;
  const double down = even(r[3]) * (double)a->translate * (double)height, right = even(r[4]) * (double)a->translate * (double)width;
  const double mirror = a->flip && (r[5] & 1u) ? -1 : 1, c = cos(angle), s = sin(angle);
  const double middle_y = (double)(height - 1) / 2, middle_x = (double)(width - 1) / 2;
  /* A cell at (x, y) from the middle goes to size * rotation * shear * mirror of it. The inverse: where an output cell comes from. */
  const double yy = c / size, yx = -s / size;
  const double xx = mirror * (c / size - slant * yx), xy = mirror * (s / size - slant * yy);
  const double from_y = -middle_y - down, from_x = -middle_x - right;
  return (cvk_warp){
      .y0 = middle_y + from_y * yy + from_x * yx, .yy = yy, .yx = yx, .x0 = middle_x + from_y * xy + from_x * xx, .xy = xy, .xx = xx};
}

static inline float clamp(float v, float most) {
  v = v > 0.0f ? v : 0.0f;
  return v < most ? v : most;
}

/* Of n cells of a row, the first at (u, v) in the padded plane and each (du, dv) further: the cell before it, and how far past it. */
static void locate(int32_t n, float u, float du, float v, float dv, float most_u, float most_v, int32_t stride, int32_t *restrict at,
                   float *restrict past_u, float *restrict past_v) {
  for (int32_t i = 0; i < n; i++) {
    const float cell_u = clamp(u + (float)i * du, most_u), cell_v = clamp(v + (float)i * dv, most_v);
    const int32_t whole_u = (int32_t)cell_u, whole_v = (int32_t)cell_v;
    at[i] = whole_v * stride + whole_u;
    past_u[i] = cell_u - (float)whole_u;
    past_v[i] = cell_v - (float)whole_v;
  }
}

static void gather(int32_t n, const float *plane, int32_t stride, const int32_t *at, const float *past_u, const float *past_v,
                   float *restrict out) {
  for (int32_t i = 0; i < n; i++) {
    const float *p = plane + at[i], *q = p + stride;
    const float above = p[0] + past_u[i] * (p[1] - p[0]), below = q[0] + past_u[i] * (q[1] - q[0]);
    out[i] = above + past_v[i] * (below - above);
  }
}

void cvk_warp_run(const cvk_warp *w, int64_t channels, int64_t height, int64_t width, const float *padded, float *out) {
  int32_t at[BLOCK];
  float past_u[BLOCK], past_v[BLOCK];
  const int64_t stride = cvk_warp_stride(width), plane = cvk_warp_plane(height, width);
  for (int64_t y = 0; y < height; y++) {
    for (int64_t x = 0; x < width; x += BLOCK) {
      const int32_t n = width - x < BLOCK ? (int32_t)(width - x) : BLOCK;
      const double u = 1 + w->x0 + (double)y * w->xy + (double)x * w->xx, v = 1 + w->y0 + (double)y * w->yy + (double)x * w->yx;
      locate(n, (float)u, (float)w->xx, (float)v, (float)w->yx, (float)(width + 1), (float)(height + 1), (int32_t)stride, at, past_u,
             past_v);
      for (int64_t c = 0; c < channels; c++) {
        gather(n, padded + c * plane, (int32_t)stride, at, past_u, past_v, out + (c * height + y) * width + x);
      }
    }
  }
}

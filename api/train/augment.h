/* SPDX-License-Identifier: Apache-2.0 */
/* augment.h: affine augmentation of one sample [C,H,W]: a map drawn from seed, epoch and sample number, and bilinear reading by it. */
#ifndef CVK_AUGMENT_H
#define CVK_AUGMENT_H

#include <stdint.h>

#define CVK_AUGMENT_MOST_SIDE 32768 /* a padded plane has fewer than 2^31 cells */

typedef struct cvk_augment { /* amounts, as in cvk_dataset_options */
  float rotate_degrees, translate, zoom, shear_degrees, fill;
  int32_t flip;
} cvk_augment;

/* Output cell (row y, column x) is read at row y0 + y * yy + x * yx, column x0 + y * xy + x * xx. */
typedef struct cvk_warp {
  double y0, yy, yx, x0, xy, xx;
} cvk_warp;

cvk_warp cvk_augment_draw(const cvk_augment *a, int64_t height, int64_t width, uint64_t seed, int64_t epoch, int64_t index);

/* A plane is padded for reading: a row and a column of `fill` before it, two after it. Cell (0, 0) of it is at padded + stride + 1. */
static inline int64_t cvk_warp_stride(int64_t width) {
  return width + 3;
}
static inline int64_t cvk_warp_plane(int64_t height, int64_t width) {
  return (height + 3) * cvk_warp_stride(width);
}

/* padded: `channels` padded planes; out: [channels, height, width], elsewhere. */
void cvk_warp_run(const cvk_warp *w, int64_t channels, int64_t height, int64_t width, const float *padded, float *out);

#endif

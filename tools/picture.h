/* SPDX-License-Identifier: Apache-2.0 */
/* picture.h: a grid of small images, each in the grey levels or colours of its own range, as a .png file. */
#ifndef CVK_PICTURE_H
#define CVK_PICTURE_H

#include "npy.h"

typedef struct picture {
  int64_t rows, columns;         /* tiles */
  int64_t tile_w, tile_h, scale; /* cells of a tile; pixels of a cell */
  int64_t width, height;         /* pixels, with lines between the tiles */
  unsigned char *rgb;
} picture;

/* A grid for `tiles` tiles, about square (columns 0) or of so many columns, with cells enlarged until a tile is some 64 pixels wide.
 * 0: error says why. picture_free frees it. */
int picture_make(int64_t tiles, int64_t columns, int64_t tile_w, int64_t tile_h, picture *p, char error[TOOL_ERROR_BYTES]);
/* Draws tile `index`: v[(y * tile_w + x) + c * tile_w * tile_h], channels 1 (grey) or 3 (RGB); the least value black, the largest white. Cells that
 * are not finite are red. */
void picture_draw(picture *p, int64_t index, int32_t channels, const float *v);
int picture_save(const picture *p, const char *path, char error[TOOL_ERROR_BYTES]);
void picture_free(picture *p);

#endif

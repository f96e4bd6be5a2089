/* SPDX-License-Identifier: Apache-2.0 */
/* picture.c: see picture.h. */
#include "picture.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 2, WANTED = 64, SIDE_MOST = 16384, PAPER = 0x30 };

int picture_make(int64_t tiles, int64_t columns, int64_t tile_w, int64_t tile_h, picture *p, char error[TOOL_ERROR_BYTES]) {
  const int64_t side = tile_w > tile_h ? tile_w : tile_h;
  *p = (picture){.tile_w = tile_w, .tile_h = tile_h, .scale = side < WANTED ? (WANTED + side - 1) / side : 1};
  if (columns == 0) columns = (int64_t)ceil(sqrt((double)tiles * (double)tile_h / (double)tile_w));
  p->columns = columns < 1 ? 1 : columns > tiles ? tiles : columns;
  p->rows = (tiles + p->columns - 1) / p->columns;
  p->width = p->columns * (tile_w * p->scale + LINE) + LINE;
  p->height = p->rows * (tile_h * p->scale + LINE) + LINE;
  if (p->width > SIDE_MOST || p->height > SIDE_MOST) {
    snprintf(error, TOOL_ERROR_BYTES, "a picture of %lld x %lld pixels, the largest drawn is %d x %d", (long long)p->width, (long long)p->height, SIDE_MOST,
             SIDE_MOST);
    return 0;
  }
  p->rgb = malloc((size_t)(p->width * p->height * 3));
  if (p->rgb == NULL) {
    snprintf(error, TOOL_ERROR_BYTES, "no memory for a picture of %lld x %lld pixels", (long long)p->width, (long long)p->height);
    return 0;
  }
  memset(p->rgb, PAPER, (size_t)(p->width * p->height * 3));
  return 1;
}

/* The range of the finite ones. */
static void range(const float *v, int64_t n, float *low, float *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(v[i])) continue;
    *low = fminf(*low, v[i]);
    *high = fmaxf(*high, v[i]);
  }
}

static void cell_colour(const picture *p, int32_t channels, const float *v, float low, float high, unsigned char rgb[3]) {
  for (int32_t c = 0; c < 3; c++) {
    const float x = v[(channels == 3 ? c : 0) * p->tile_w * p->tile_h];
    if (!isfinite(x)) {
      memcpy(rgb, (const unsigned char[]){255, 0, 0}, 3);
      return;
    }
    rgb[c] = high > low ? (unsigned char)lrint(255 * (((double)x - (double)low) / ((double)high - (double)low))) : 0;
  }
}

void picture_draw(picture *p, int64_t index, int32_t channels, const float *v) {
  const int64_t left = LINE + index % p->columns * (p->tile_w * p->scale + LINE), top = LINE + index / p->columns * (p->tile_h * p->scale + LINE);
  float low, high;
  range(v, channels * p->tile_w * p->tile_h, &low, &high);
  for (int64_t y = 0; y < p->tile_h * p->scale; y++) {
    for (int64_t x = 0; x < p->tile_w * p->scale; x++) {
      cell_colour(p, channels, v + y / p->scale * p->tile_w + x / p->scale, low, high, p->rgb + ((top + y) * p->width + left + x) * 3);
    }
  }
}

int picture_save(const picture *p, const char *path, char error[TOOL_ERROR_BYTES]) {
  png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)p->width, .height = (png_uint_32)p->height, .format = PNG_FORMAT_RGB};
  if (png_image_write_to_file(&image, path, 0, p->rgb, 0, NULL)) return 1;
  snprintf(error, TOOL_ERROR_BYTES, "%.300s: %.180s", path, image.message);
  return 0;
}

void picture_free(picture *p) {
  free(p->rgb);
  p->rgb = NULL;
}

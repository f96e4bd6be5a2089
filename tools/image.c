/* SPDX-License-Identifier: Apache-2.0 */
/* image.c: see image.h. Every reader gives 8-bit interleaved pixels; one place turns them into a tensor. */
#include "image.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jpeglib.h>

#include <jerror.h>

#define SIDE_MOST 32768
#define PIXELS_MOST ((int64_t)1 << 26) /* a header of a few bytes claims any size */

typedef struct pixels { int64_t width, height; int32_t channels; unsigned char *data; } pixels;

static int fail(char *error, const char *path, const char *why) {
  snprintf(error, TOOL_ERROR_BYTES, "%.300s: %.180s", path, why);
  return 0;
}

static int allocate(pixels *p, const char *path, char *error) {
  if (p->width < 1 || p->height < 1 || p->width > SIDE_MOST || p->height > SIDE_MOST) return fail(error, path, "its sides must be 1 to 32768 pixels");
  if (p->width * p->height > PIXELS_MOST) return fail(error, path, "it has more than 67108864 pixels");
  p->data = malloc((size_t)p->width * (size_t)p->height * (size_t)p->channels);
  return p->data ? 1 : fail(error, path, "no memory for its pixels");
}

static int load_png(const char *path, int32_t channels, pixels *p, char *error) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_file(&image, path)) return fail(error, path, image.message);
  if (channels == 0) channels = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  *p = (pixels){.width = image.width, .height = image.height, .channels = channels};
  int ok = allocate(p, path, error);
  if (ok && !png_image_finish_read(&image, &(png_color){0, 0, 0}, p->data, 0, NULL)) ok = fail(error, path, image.message);
  png_image_free(&image);
  return ok;
}

typedef struct jpeg_failure { struct jpeg_error_mgr base; jmp_buf back; char text[JMSG_LENGTH_MAX]; } jpeg_failure;

static void jpeg_fail(j_common_ptr c) {
  jpeg_failure *f = (jpeg_failure *)c->err;
  f->base.format_message(c, f->text);
  longjmp(f->back, 1);
}

/* Where the file or its pixels end early libjpeg would go on in grey. */
static void jpeg_warn(j_common_ptr c, int level) {
  if (level < 0 && (c->err->msg_code == JWRN_JPEG_EOF || c->err->msg_code == JWRN_HIT_MARKER)) jpeg_fail(c);
}

static int load_jpeg(const char *path, int32_t channels, pixels *p, char *error) {
  struct jpeg_decompress_struct d;
  jpeg_failure failure;
  FILE *f = fopen(path, "rb");
  if (f == NULL) return fail(error, path, strerror(errno));
  memset(&d, 0, sizeof d);
  d.err = jpeg_std_error(&failure.base);
  failure.base.error_exit = jpeg_fail;
  failure.base.emit_message = jpeg_warn;
  if (setjmp(failure.back)) {
    jpeg_destroy_decompress(&d);
    fclose(f);
    return fail(error, path, failure.text);
  }
  jpeg_create_decompress(&d);
  jpeg_stdio_src(&d, f);
  jpeg_read_header(&d, TRUE);
  const int grey = channels ? channels == 1 : d.num_components == 1;
  d.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&d);
  *p = (pixels){.width = d.output_width, .height = d.output_height, .channels = grey ? 1 : 3};
  const int ok = allocate(p, path, error);
  while (ok && d.output_scanline < d.output_height) {
    JSAMPROW row = p->data + (size_t)d.output_scanline * (size_t)p->width * (size_t)p->channels;
    jpeg_read_scanlines(&d, &row, 1);
  }
  if (ok) jpeg_finish_decompress(&d);
  jpeg_destroy_decompress(&d);
  fclose(f);
  return ok;
}

/* One number of a PNM header, past white space and comments. -1: none. */
static int64_t pnm_number(FILE *f) {
  int c = getc(f);
  int64_t v = -1;
  while (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '#') {
    if (c == '#') {
      while (c != '\n' && c != EOF) c = getc(f);
    }
    c = getc(f);
  }
  for (; c >= '0' && c <= '9' && v < 1 << 24; c = getc(f)) v = (v < 0 ? 0 : v * 10) + (c - '0');
  return v;
}

static int load_pnm(const char *path, int32_t channels, pixels *p, char *error) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return fail(error, path, strerror(errno));
  char magic[2] = {0};
  int ok = fread(magic, 1, 2, f) == 2 && magic[0] == 'P' && (magic[1] == '5' || magic[1] == '6');
  if (!ok) fail(error, path, "only binary PGM (P5) and PPM (P6) are read");
  const int32_t has = magic[1] == '5' ? 1 : 3;
  if (ok) {
    *p = (pixels){.channels = has};
    p->width = pnm_number(f);
    p->height = pnm_number(f);
    if (pnm_number(f) != 255) ok = fail(error, path, "only 255 grey levels are read");
  }
  ok = ok && allocate(p, path, error);
  if (ok && fread(p->data, (size_t)p->width * (size_t)has, (size_t)p->height, f) != (size_t)p->height) ok = fail(error, path, "cut short in its pixels");
  fclose(f);
  (void)channels; /* to_tensor converts */
  return ok;
}

static const struct { const char *suffix; int (*load)(const char *, int32_t, pixels *, char *); } readers[] = {
    {".png", load_png}, {".jpg", load_jpeg}, {".jpeg", load_jpeg}, {".ppm", load_pnm}, {".pgm", load_pnm},
};

static int reader_of(const char *path) {
  const size_t n = strlen(path);
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    const size_t k = strlen(readers[i].suffix);
    if (n > k && strcasecmp(path + n - k, readers[i].suffix) == 0) return (int)i;
  }
  return -1;
}

int image_has_suffix(const char *path) { return reader_of(path) >= 0; }

static float sample(const pixels *p, int64_t at, int32_t c, int32_t channels) {
  const unsigned char *q = p->data + at * p->channels;
  if (p->channels == channels) return (float)q[c] / 255.0f;
  if (p->channels == 1) return (float)q[0] / 255.0f;
  return (0.299f * (float)q[0] + 0.587f * (float)q[1] + 0.114f * (float)q[2]) / 255.0f; /* BT.601 luma */
}

static int to_tensor(const pixels *p, const char *path, int32_t channels, cvk_tensor **out, char *error) {
  const int64_t plane = p->width * p->height, dim[4] = {1, channels, p->height, p->width};
  float *data = malloc((size_t)plane * (size_t)channels * sizeof *data);
  if (data == NULL) return fail(error, path, "no memory for the tensor");
  for (int32_t c = 0; c < channels; c++) {
    for (int64_t i = 0; i < plane; i++) data[c * plane + i] = sample(p, i, c, channels);
  }
  if (cvk_tensor_wrap(CVK_F32, 4, dim, data, free, data, out) == CVK_OK) return 1;
  free(data);
  return fail(error, path, cvk_error_message());
}

int image_load(const char *path, int32_t channels, cvk_tensor **out, char error[TOOL_ERROR_BYTES]) {
  pixels p = {0};
  const int reader = reader_of(path);
  if (reader < 0) return fail(error, path, "not a .png, .jpg, .ppm or .pgm file");
  if (channels != 0 && channels != 1 && channels != 3) return fail(error, path, "a picture has 1 or 3 channels, the model wants another number");
  const int ok = readers[reader].load(path, channels, &p, error) && to_tensor(&p, path, channels ? channels : p.channels, out, error);
  free(p.data);
  return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* idx.c: see idx.h. Big-endian header: 0, 0, type (8: u8), rank, then an u32 an axis. zlib reads both plain and gzip files. */
#include "idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#define BYTES_MOST ((int64_t)1 << 32)
#define DEFLATE_MOST 1032 /* bytes that one compressed byte can stand for */

static int fail(char *error, const char *path, const char *why) {
  snprintf(error, TOOL_ERROR_BYTES, "%.300s: %.180s", path, why);
  return 0;
}

static int read_fully(gzFile f, unsigned char *to, int64_t n) {
  for (int64_t at = 0; at < n;) {
    const int64_t want = n - at < (1 << 20) ? n - at : 1 << 20;
    const int got = gzread(f, to + at, (unsigned)want);
    if (got <= 0) return 0;
    at += got;
  }
  return 1;
}

static int64_t file_bytes(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int read_file(gzFile f, const char *path, cvk_tensor **out, char *error) {
  unsigned char h[4], d[4];
  int64_t dim[CVK_MAX_RANK];
  if (!read_fully(f, h, 4) || h[0] || h[1] || h[2] != 8 || h[3] < 1 || h[3] > 4) return fail(error, path, "not an IDX file of unsigned bytes, rank 1 to 4");
  for (int i = 0; i < h[3]; i++) {
    if (!read_fully(f, d, 4)) return fail(error, path, "cut short in its header");
    dim[i] = (int64_t)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3];
  }
  const int64_t n = cvk_count(h[3], dim);
  if (n < 0 || n > BYTES_MOST) return fail(error, path, "its shape is larger than 4 GiB");
  if (n / DEFLATE_MOST > file_bytes(path)) return fail(error, path, "cut short: the file is too small for its shape");
  unsigned char *data = malloc((size_t)n + 1);
  if (data == NULL) return fail(error, path, "no memory for its data");
  int ok = read_fully(f, data, n);
  if (!ok) fail(error, path, "cut short in its data, or damaged");
  if (ok && cvk_tensor_create(NULL, CVK_U8, h[3], dim, data, out) != CVK_OK) ok = fail(error, path, cvk_error_message());
  free(data);
  return ok;
}

int idx_load(const char *path, cvk_tensor **out, char error[TOOL_ERROR_BYTES]) {
  gzFile f = gzopen(path, "rb");
  if (f == NULL) return fail(error, path, "can't be opened");
  const int ok = read_file(f, path, out, error);
  gzclose_r(f);
  return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* npy.c: see npy.h. The header is a Python dictionary literal; only its three keys are read. */
#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MOST 65536

static const struct { const char *code; int32_t dtype; } types[] = {
    {"f4", CVK_F32}, {"f8", CVK_F64}, {"f2", CVK_F16}, {"i1", CVK_I8}, {"i2", CVK_I16}, {"i4", CVK_I32}, {"i8", CVK_I64},
    {"u1", CVK_U8},  {"u2", CVK_U16}, {"u4", CVK_U32}, {"u8", CVK_U64}, {"b1", CVK_BOOL},
};

static int fail(char *error, const char *path, const char *why) {
  snprintf(error, TOOL_ERROR_BYTES, "%.300s: %s", path, why);
  return 0;
}

static const char *after_key(const char *header, const char *key) {
  const char *at = strstr(header, key);
  return at && (at = strchr(at, ':')) ? at + 1 + strspn(at + 1, " ") : NULL;
}

static int parse_header(const char *h, int32_t *dtype, int32_t *rank, int64_t dim[CVK_MAX_RANK]) {
  const char *descr = after_key(h, "'descr'"), *order = after_key(h, "'fortran_order'"), *shape = after_key(h, "'shape'");
  *dtype = 0;
  *rank = 0;
  if (descr == NULL || order == NULL || shape == NULL || descr[0] != '\'' || strncmp(order, "False", 5) != 0 || shape[0] != '(') return 0;
  if (descr[1] == '>') return 0;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strncmp(descr + 2, types[i].code, 2) == 0 && descr[4] == '\'') *dtype = types[i].dtype;
  }
  for (const char *at = shape + 1; *at && *at != ')';) {
    char *end;
    if (*at == ' ' || *at == ',') {
      at++;
      continue;
    }
    errno = 0;
    const long long v = strtoll(at, &end, 10);
    if (end == at || errno || v < 0 || *rank == CVK_MAX_RANK) return 0;
    dim[(*rank)++] = v;
    at = end;
  }
  return *dtype != 0;
}

static int read_all(FILE *f, const char *path, cvk_tensor **out, char *error) {
  unsigned char magic[12];
  char header[HEADER_MOST + 1];
  int64_t dim[CVK_MAX_RANK];
  int32_t dtype, rank;
  if (fread(magic, 1, 10, f) != 10 || memcmp(magic, "\x93NUMPY", 6) != 0) return fail(error, path, "not a .npy file");
  size_t length = magic[8] | (size_t)magic[9] << 8;
  if (magic[6] >= 2) {
    if (fread(magic + 10, 1, 2, f) != 2) return fail(error, path, "cut short in its header");
    length |= (size_t)magic[10] << 16 | (size_t)magic[11] << 24;
  }
  if (length > HEADER_MOST) return fail(error, path, "its header is longer than 65536 bytes");
  if (fread(header, 1, length, f) != length) return fail(error, path, "cut short in its header");
  header[length] = 0;
  if (!parse_header(header, &dtype, &rank, dim)) return fail(error, path, "only little-endian C-order arrays of numbers and rank 8 at most are read");
  const int64_t count = cvk_count(rank, dim);
  if (count < 0 || (uint64_t)count > (uint64_t)INT64_MAX / 8) return fail(error, path, "its shape overflows");
  const uint64_t bytes = (uint64_t)count * cvk_dtype_bytes(dtype);
  const long at = ftell(f);
  if (fseek(f, 0, SEEK_END) != 0) return fail(error, path, strerror(errno));
  const long size = ftell(f);
  if (at < 0 || size < at || (uint64_t)(size - at) < bytes) {
    snprintf(error, TOOL_ERROR_BYTES, "%.300s: cut short: its shape needs %" PRIu64 " bytes of data, it has %ld", path, bytes, size - at);
    return 0;
  }
  void *data = malloc(bytes ? bytes : 1);
  if (data == NULL) return fail(error, path, "no memory for its data");
  int ok = fseek(f, at, SEEK_SET) == 0 && fread(data, 1, bytes, f) == bytes;
  if (!ok) fail(error, path, "can't read its data");
  if (ok && cvk_tensor_create(NULL, dtype, rank, dim, data, out) != CVK_OK) ok = fail(error, path, cvk_error_message());
  free(data);
  return ok;
}

int npy_load(const char *path, cvk_tensor **out, char error[TOOL_ERROR_BYTES]) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return fail(error, path, strerror(errno));
  const int ok = read_all(f, path, out, error);
  fclose(f);
  return ok;
}

static int write_all(FILE *f, const cvk_tensor *t, void *data) {
  char header[512];
  const char *code = NULL;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (types[i].dtype == cvk_tensor_dtype(t)) code = types[i].code;
  }
  if (code == NULL) return 0;
  const uint64_t bytes = cvk_tensor_bytes(t);
  size_t n = (size_t)snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", cvk_dtype_bytes(cvk_tensor_dtype(t)) == 1 ? '|' : '<', code);
  for (int32_t i = 0; i < cvk_tensor_rank(t); i++) n += (size_t)snprintf(header + n, sizeof header - n, "%" PRId64 ", ", cvk_tensor_dims(t)[i]);
  n += (size_t)snprintf(header + n, sizeof header - n, "), }");
  while ((n + 11) % 64 != 0) header[n++] = ' ';
  header[n++] = '\n';
  const unsigned char magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(n & 255), (unsigned char)(n >> 8)};
  return cvk_tensor_read(t, data, bytes) == CVK_OK && fwrite(magic, 1, 10, f) == 10 && fwrite(header, 1, n, f) == n && fwrite(data, 1, bytes, f) == bytes;
}

int npy_save(const char *path, const cvk_tensor *t, char error[TOOL_ERROR_BYTES]) {
  char temporary[4096];
  if (snprintf(temporary, sizeof temporary, "%s.%ld.part", path, (long)getpid()) >= (int)sizeof temporary) return fail(error, path, "the path is too long");
  void *data = malloc(cvk_tensor_bytes(t) + 1);
  if (data == NULL) return fail(error, path, "no memory");
  errno = 0;
  FILE *f = fopen(temporary, "wb");
  int ok = f != NULL && write_all(f, t, data);
  if (f && fclose(f) != 0) ok = 0;
  if (ok && rename(temporary, path) != 0) ok = 0;
  if (!ok) {
    fail(error, path, errno ? strerror(errno) : "its element type has no .npy name");
    if (f) remove(temporary);
  }
  free(data);
  return ok;
}

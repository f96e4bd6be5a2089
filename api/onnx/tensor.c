/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.c: TensorProto to cvk_tensor; tensor.h has the contract. Every size is checked against bytes that exist before anything of that
 * size is allocated. */
#include "tensor.h"

#include <convoke/model.h>
#include <stdlib.h>
#include <string.h>

#include "tensor_internal.h"

enum {
  TENSOR_DIMS = 1,
  TENSOR_TYPE = 2,
  TENSOR_FLOATS = 4,
  TENSOR_INT32S = 5,
  TENSOR_INT64S = 7,
  TENSOR_NAME = 8,
  TENSOR_RAW = 9,
  TENSOR_DOUBLES = 10,
  TENSOR_UINT64S = 11,
  TENSOR_EXTERNAL = 13,
  TENSOR_LOCATION = 14,
};
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* TensorProto.DataType: its name; bytes of an element, 0 where Convoke has none; the field that lists elements as numbers; how many
 * elements share a byte in the file, the first in the lowest bits (0: one has its own). */
static const struct {
  const char *name;
  int8_t bytes, field, packed;
} dtypes[] = {
    [0] = {"undefined", 0, 0},
    [CVK_F32] = {"float", 4, TENSOR_FLOATS},
    [CVK_U8] = {"uint8", 1, TENSOR_INT32S},
    [CVK_I8] = {"int8", 1, TENSOR_INT32S},
    [CVK_U16] = {"uint16", 2, TENSOR_INT32S},
    [CVK_I16] = {"int16", 2, TENSOR_INT32S},
    [CVK_I32] = {"int32", 4, TENSOR_INT32S},
    [CVK_I64] = {"int64", 8, TENSOR_INT64S},
    [8] = {"string", 0, 0},
    [CVK_BOOL] = {"bool", 1, TENSOR_INT32S},
    [CVK_F16] = {"float16", 2, TENSOR_INT32S},
    [CVK_F64] = {"double", 8, TENSOR_DOUBLES},
    [CVK_U32] = {"uint32", 4, TENSOR_UINT64S},
    [CVK_U64] = {"uint64", 8, TENSOR_UINT64S},
    [14] = {"complex64", 0, 0},
    [15] = {"complex128", 0, 0},
    [CVK_BF16] = {"bfloat16", 2, TENSOR_INT32S},
    [CVK_F8E4M3FN] = {"float8e4m3fn", 1, TENSOR_INT32S},
    [CVK_F8E4M3FNUZ] = {"float8e4m3fnuz", 1, TENSOR_INT32S},
    [CVK_F8E5M2] = {"float8e5m2", 1, TENSOR_INT32S},
    [CVK_F8E5M2FNUZ] = {"float8e5m2fnuz", 1, TENSOR_INT32S},
    [CVK_U4] = {"uint4", 1, TENSOR_INT32S, 2},
    [CVK_I4] = {"int4", 1, TENSOR_INT32S, 2},
    [CVK_F4E2M1] = {"float4e2m1", 1, TENSOR_INT32S, 2},
    [CVK_F8E8M0] = {"float8e8m0", 1, TENSOR_INT32S},
    [CVK_U2] = {"uint2", 1, TENSOR_INT32S, 4},
    [CVK_I2] = {"int2", 1, TENSOR_INT32S, 4},
};
#define N_DTYPES ((int64_t)(sizeof dtypes / sizeof *dtypes))

int32_t cvk_onnx_dtype_bytes(int64_t dtype) {
  return dtype >= 0 && dtype < N_DTYPES ? dtypes[dtype].bytes : 0;
}
const char *cvk_onnx_dtype_name(int64_t dtype) {
  return dtype >= 0 && dtype < N_DTYPES ? dtypes[dtype].name : "unknown";
}

/* Numbers that the file holds for so many elements. */
static int64_t stored_count(int32_t dtype, int64_t count) {
  const int64_t packed = dtypes[dtype].packed;
  return packed ? count / packed + (count % packed != 0) : count;
}

static int32_t list_type(uint32_t field) {
  return field == TENSOR_FLOATS ? CVK_WIRE_FIXED32 : field == TENSOR_DOUBLES ? CVK_WIRE_FIXED64 : CVK_WIRE_VARINT;
}

/* ---- external data ---- */

static cvk_status read_entry(const uint8_t *base, cvk_view message, cvk_view *key, cvk_view *value) {
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  *key = *value = (cvk_view){0};
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && (f.number == ENTRY_KEY || f.number == ENTRY_VALUE)) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == ENTRY_KEY) *key = f.view;
    if (f.number == ENTRY_VALUE) *value = f.view;
  }
}

static cvk_status read_decimal(const char *what, cvk_view text, uint64_t *out) {
  uint64_t v = 0;
  int32_t good = text.bytes > 0 && text.bytes <= 19; /* 19 digits cannot overflow */
  for (uint64_t i = 0; good && i < text.bytes; i++) {
    good = text.data[i] >= '0' && text.data[i] <= '9';
    v = v * 10 + (uint64_t)(text.data[i] - '0');
  }
  if (!good) return cvk_fail(CVK_IO_ERROR, "external data: %s '%.*s' is not a number of bytes", what, CVK_VIEW_TEXT(text));
  *out = v;
  return CVK_OK;
}

static cvk_status find_external(cvk_onnx_file *file, cvk_view message, cvk_view *data) {
  const uint8_t *base = cvk_onnx_file_bytes(file).data;
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  cvk_view location = {0}, key, value, bytes;
  uint64_t offset = 0, length = 0;
  int32_t has_length = 0;
  cvk_status s = CVK_OK;
  for (;;) {
    s = cvk_wire_next(&w, &f);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number != TENSOR_EXTERNAL) continue;
    s = read_entry(base, f.view, &key, &value);
    if (s == CVK_OK && cvk_view_is(key, "location")) location = value;
    if (s == CVK_OK && cvk_view_is(key, "offset")) s = read_decimal("offset", value, &offset);
    if (s == CVK_OK && cvk_view_is(key, "length")) {
      s = read_decimal("length", value, &length);
      has_length = 1;
    }
    if (s != CVK_OK) return s;
  }
  s = cvk_onnx_file_external(file, location, &bytes);
  if (s != CVK_OK) return s;
  if (offset > bytes.bytes || (has_length && length > bytes.bytes - offset))
    return cvk_fail(CVK_IO_ERROR, "external data '%.*s' has %llu bytes, the tensor claims %llu from offset %llu", CVK_VIEW_TEXT(location),
                    (unsigned long long)bytes.bytes, (unsigned long long)length, (unsigned long long)offset);
  *data = (cvk_view){bytes.data + offset, has_length ? length : bytes.bytes - offset};
  return CVK_OK;
}

/* ---- reading ---- */

static cvk_status set_shape(const uint8_t *base, cvk_onnx_tensor *t) {
  cvk_wire_list dims = cvk_wire_list_open(base, t->message, TENSOR_DIMS, CVK_WIRE_VARINT);
  char text[CVK_DIMS_TEXT];
  int32_t overflow = 0, empty = 0;
  t->count = 1;
  for (;;) {
    uint64_t value;
    int32_t more;
    const cvk_status s = cvk_wire_list_next(&dims, &value, &more);
    if (s != CVK_OK) return s;
    if (!more) break;
    const int64_t extent = (int64_t)value;
    if (t->rank == CVK_MAX_RANK) return cvk_fail(CVK_UNSUPPORTED, "it has more than %d extents", CVK_MAX_RANK);
    if (extent < 0) return cvk_fail(CVK_INVALID_SHAPE, "the extent of axis %d is %lld, expected 0 or more", t->rank, (long long)extent);
    t->dim[t->rank++] = extent;
    empty |= extent == 0;
    overflow |= __builtin_mul_overflow(t->count, extent ? extent : 1, &t->count);
  }
  int64_t bytes;
  if (overflow || __builtin_mul_overflow(t->count, (int64_t)dtypes[t->dtype].bytes, &bytes))
    return cvk_fail(CVK_SIZE_OVERFLOW, "the bytes of shape %s do not fit 63 bits", cvk_dims_text(t->rank, t->dim, text));
  if (empty) t->count = 0;
  return CVK_OK;
}

/* The list of numbers that this dtype uses, if it has the right number of elements. */
static cvk_status check_list(const uint8_t *base, cvk_onnx_tensor *t) {
  char text[CVK_DIMS_TEXT];
  uint64_t n;
  t->field = (uint32_t)dtypes[t->dtype].field;
  const cvk_status s = cvk_wire_list_count(cvk_wire_list_open(base, t->message, t->field, list_type(t->field)), &n);
  if (s != CVK_OK) return s;
  if (n != (uint64_t)stored_count(t->dtype, t->count))
    return cvk_fail(CVK_IO_ERROR, "%llu %s elements are given, shape %s wants %lld", (unsigned long long)n, dtypes[t->dtype].name,
                    cvk_dims_text(t->rank, t->dim, text), (long long)stored_count(t->dtype, t->count));
  return CVK_OK;
}

cvk_status cvk_onnx_tensor_read(cvk_onnx_file *file, cvk_view message, cvk_onnx_tensor *t) {
  const uint8_t *base = cvk_onnx_file_bytes(file).data;
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  int64_t dtype = 0, location = 0;
  cvk_view raw = {0};
  cvk_status s;
  *t = (cvk_onnx_tensor){.message = message};
  for (;;) {
    s = cvk_wire_next(&w, &f);
    const int32_t number = f.number == TENSOR_TYPE || f.number == TENSOR_LOCATION;
    if (s == CVK_OK && number) s = cvk_wire_want(&w, &f, CVK_WIRE_VARINT);
    if (s == CVK_OK && (f.number == TENSOR_NAME || f.number == TENSOR_RAW || f.number == TENSOR_EXTERNAL))
      s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number == TENSOR_TYPE) dtype = (int32_t)f.value;
    if (f.number == TENSOR_LOCATION) location = (int32_t)f.value;
    if (f.number == TENSOR_NAME) t->name = f.view;
    if (f.number == TENSOR_RAW) raw = f.view;
  }
  if (cvk_onnx_dtype_bytes(dtype) == 0)
    return cvk_fail(CVK_UNSUPPORTED, "element type %lld (%s) is not supported", (long long)dtype, cvk_onnx_dtype_name(dtype));
  t->dtype = (int32_t)dtype;
  s = set_shape(base, t);
  if (s != CVK_OK) return s;
  const uint64_t want = (uint64_t)stored_count(t->dtype, t->count) * (uint64_t)dtypes[dtype].bytes;
  if (location == 1) {
    s = find_external(file, message, &raw);
    if (s != CVK_OK) return s;
  }
  if (location != 1 && raw.bytes == 0) return check_list(base, t);
  if (raw.bytes != want) {
    char text[CVK_DIMS_TEXT];
    return cvk_fail(CVK_IO_ERROR, "%llu bytes are given, %s %s wants %llu", (unsigned long long)raw.bytes, dtypes[dtype].name,
                    cvk_dims_text(t->rank, t->dim, text), (unsigned long long)want);
  }
  t->field = TENSOR_RAW;
  t->data = raw;
  return CVK_OK;
}

/* ---- making ---- */

/* n numbers of the list. */
static void copy_list(const uint8_t *base, const cvk_onnx_tensor *t, int64_t n, uint8_t *out) {
  cvk_wire_list l = cvk_wire_list_open(base, t->message, t->field, list_type(t->field));
  const size_t bytes = (size_t)dtypes[t->dtype].bytes;
  uint64_t value;
  int32_t more = 1;
  for (int64_t i = 0; i < n; i++) {
    if (cvk_wire_list_next(&l, &value, &more) != CVK_OK || !more) return; /* cannot be: read() counted them */
    if (t->dtype == CVK_BOOL) value = value != 0;
    memcpy(out + (size_t)i * bytes, &value, bytes);
  }
}

/* Spreads elements that share bytes, from the last on: `stored` may be where `out` is. */
static void unpack(int32_t dtype, int64_t count, const uint8_t *stored, uint8_t *out) {
  const int32_t packed = dtypes[dtype].packed, bits = 8 / packed, is_signed = dtype == CVK_I4 || dtype == CVK_I2;
  for (int64_t i = count - 1; i >= 0; i--) {
    const int32_t v = stored[i / packed] >> (i % packed * bits) & ((1 << bits) - 1);
    out[i] = (uint8_t)(is_signed && v >> (bits - 1) ? v - (1 << bits) : v);
  }
}

#define LARGE_BYTES (64 << 10) /* a tensor so large leaves memory when nobody needs it, and is read from the file again */

cvk_status cvk_onnx_tensor_make(cvk_onnx_file *file, const cvk_onnx_tensor *t, int32_t own, cvk_tensor **out) {
  const size_t bytes = (size_t)dtypes[t->dtype].bytes, total = (size_t)t->count * bytes;
  /* A bool of the file may be any byte, ours are 0 and 1. */
  const int32_t as_is = t->field == TENSOR_RAW && t->dtype != CVK_BOOL && dtypes[t->dtype].packed == 0;
  if (as_is && !own && total > 0 && (uintptr_t)t->data.data % bytes == 0) {
    cvk_onnx_file_retain(file);
    const cvk_status s = cvk_tensor_wrap(t->dtype, t->rank, t->dim, (void *)(uintptr_t)t->data.data, cvk_onnx_file_release, file, out);
    if (s != CVK_OK) cvk_onnx_file_release(file);
    if (s == CVK_OK && total >= LARGE_BYTES && cvk_onnx_file_is_mapped(file)) cvk_tensor_is_file(*out);
    return s;
  }
  if (as_is && !own && total >= LARGE_BYTES && cvk_onnx_file_is_mapped(file)) {
    cvk_onnx_file_retain(file);
    const cvk_status s = cvk_tensor_create_mapped(t->dtype, t->rank, t->dim, t->data.data, cvk_onnx_file_release, file, out);
    if (s != CVK_OK) cvk_onnx_file_release(file);
    return s;
  }
  if (as_is) return cvk_tensor_create(NULL, t->dtype, t->rank, t->dim, total ? t->data.data : NULL, out);
  uint8_t *copy = malloc(total ? total : 1);
  if (!copy) return cvk_fail(CVK_NO_MEMORY, "no memory for %zu bytes", total);
  if (t->field != TENSOR_RAW) copy_list(cvk_onnx_file_bytes(file).data, t, stored_count(t->dtype, t->count), copy);
  if (dtypes[t->dtype].packed)
    unpack(t->dtype, t->count, t->field == TENSOR_RAW ? t->data.data : copy, copy);
  else if (t->field == TENSOR_RAW) /* bool */
    for (size_t i = 0; i < total; i++) copy[i] = t->data.data[i] != 0;
  const cvk_status s = cvk_tensor_wrap(t->dtype, t->rank, t->dim, copy, free, copy, out);
  if (s != CVK_OK) free(copy);
  return s;
}

/* The whole file is one TensorProto; drops the reference on the file. */
static cvk_status tensor_of_file(cvk_onnx_file *file, cvk_tensor **out) {
  cvk_onnx_tensor t;
  cvk_status s = cvk_onnx_tensor_read(file, cvk_onnx_file_bytes(file), &t);
  if (s == CVK_OK) s = cvk_onnx_tensor_make(file, &t, 1, out);
  cvk_onnx_file_release(file);
  return s;
}

cvk_status cvk_onnx_tensor_parse(const void *data, uint64_t bytes, cvk_tensor **out) {
  cvk_onnx_file *file;
  const cvk_status s = cvk_onnx_file_wrap(data, bytes, &file);
  return s == CVK_OK ? tensor_of_file(file, out) : s;
}

cvk_status cvk_tensor_load_onnx(const char *path, cvk_tensor **out) {
  cvk_onnx_file *file;
  if (path == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "tensor_load_onnx: %s is NULL", path ? "out" : "path");
  cvk_status s = cvk_onnx_file_map(path, &file);
  if (s != CVK_OK) return s;
  s = tensor_of_file(file, out);
  return s == CVK_OK ? s : cvk_fail_within(s, "%.300s", path);
}

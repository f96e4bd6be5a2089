/* SPDX-License-Identifier: Apache-2.0 */
/* test_tensor.c: TensorProto: every element type in every way to store it, sizes checked before use, bytes shared where they lie aligned,
 * external data. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../harness.h"
#include "onnx/tensor.h"
#include "tensor_internal.h"
#include "write.h"

static cvk_tensor *parse(bytes *b) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_onnx_tensor_parse(b->data, b->n, &t));
  empty(b);
  return t;
}

static void parse_fails(bytes *b, cvk_status status, const char *text) {
  cvk_tensor *t = NULL;
  ck_fails(cvk_onnx_tensor_parse(b->data, b->n, &t), status, text);
  ck_assert_ptr_null(t);
  empty(b);
}

START_TEST(test_raw_of_every_type) {
  static const struct {
    int32_t dtype;
    size_t bytes;
  } types[] = {{CVK_F32, 4},      {CVK_U8, 1},         {CVK_I8, 1},     {CVK_U16, 2},        {CVK_I16, 2},   {CVK_I32, 4},
               {CVK_I64, 8},      {CVK_F16, 2},        {CVK_F64, 8},    {CVK_U32, 4},        {CVK_U64, 8},   {CVK_BF16, 2},
               {CVK_F8E4M3FN, 1}, {CVK_F8E4M3FNUZ, 1}, {CVK_F8E5M2, 1}, {CVK_F8E5M2FNUZ, 1}, {CVK_F8E8M0, 1}};
  uint8_t raw[48], got[48];
  for (size_t i = 0; i < sizeof raw; i++) raw[i] = (uint8_t)(i * 37 + 1);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    const size_t n = 6 * types[i].bytes;
    bytes b = tensor("t", types[i].dtype, 2, DIMS(2, 3), raw, n);
    cvk_tensor *t = parse(&b);
    ck_assert_int_eq(cvk_tensor_dtype(t), types[i].dtype);
    ck_assert_int_eq(cvk_tensor_rank(t), 2);
    ck_assert_int_eq(cvk_tensor_dims(t)[1], 3);
    ck_ok(cvk_tensor_read(t, got, n));
    ck_assert_mem_eq(got, raw, n);
    cvk_tensor_release(t);
  }
}
END_TEST

/* A list of numbers in field `field`: -1, 300 (low bits where they do not fit). */
static void check_list(int32_t dtype, uint32_t field, int32_t packed, const void *want, size_t n) {
  bytes b = {0}, list = {0};
  uint8_t got[16];
  put_int(&b, 1, 2);
  put_int(&b, 2, dtype);
  if (packed) {
    put_varint(&list, (uint64_t)-1);
    put_varint(&list, 300);
    put_message(&b, field, &list);
  } else {
    put_int(&b, field, -1);
    put_int(&b, field, 300);
  }
  cvk_tensor *t = parse(&b);
  ck_assert_uint_eq(cvk_tensor_bytes(t), n);
  ck_ok(cvk_tensor_read(t, got, n));
  ck_assert_mem_eq(got, want, n);
  cvk_tensor_release(t);
}

START_TEST(test_lists_of_numbers) {
  for (int32_t packed = 0; packed < 2; packed++) {
    check_list(CVK_I32, 5, packed, (const int32_t[]){-1, 300}, 8);
    check_list(CVK_I16, 5, packed, (const int16_t[]){-1, 300}, 4);
    check_list(CVK_U16, 5, packed, (const uint16_t[]){65535, 300}, 4);
    check_list(CVK_F16, 5, packed, (const uint16_t[]){65535, 300}, 4);
    check_list(CVK_BF16, 5, packed, (const uint16_t[]){65535, 300}, 4);
    check_list(CVK_I8, 5, packed, (const int8_t[]){-1, 44}, 2);
    check_list(CVK_U8, 5, packed, (const uint8_t[]){255, 44}, 2);
    check_list(CVK_BOOL, 5, packed, (const uint8_t[]){1, 1}, 2);
    check_list(CVK_I64, 7, packed, (const int64_t[]){-1, 300}, 16);
    check_list(CVK_U32, 11, packed, (const uint32_t[]){UINT32_MAX, 300}, 8);
    check_list(CVK_U64, 11, packed, (const uint64_t[]){UINT64_MAX, 300}, 16);
  }
  const float f[] = {1.5f, -2};
  const double d[] = {1.5, -2};
  bytes b = {0};
  double got[2];
  put_int(&b, 1, 2);
  put_int(&b, 2, CVK_F32);
  put_bytes(&b, 4, f, sizeof f);
  cvk_tensor *t = parse(&b);
  ck_ok(cvk_tensor_read(t, got, sizeof f));
  ck_assert_mem_eq(got, f, sizeof f);
  cvk_tensor_release(t);
  put_bytes(&b, 1, "\2", 1); /* the shape packed too */
  put_int(&b, 2, CVK_F64);
  put_bytes(&b, 10, d, sizeof d);
  t = parse(&b);
  ck_ok(cvk_tensor_read(t, got, sizeof d));
  ck_assert_mem_eq(got, d, sizeof d);
  cvk_tensor_release(t);
}
END_TEST

/* Two or four elements a byte, the first in its low bits, the last byte not full; in memory one a byte. Raw, and as a list of bytes. */
static void check_packed(int32_t dtype, int64_t n, const uint8_t *stored, size_t n_stored, const void *want) {
  for (int32_t as_list = 0; as_list < 2; as_list++) {
    bytes b = {0};
    uint8_t got[8];
    put_int(&b, 1, n);
    put_int(&b, 2, dtype);
    for (size_t i = 0; as_list && i < n_stored; i++) put_int(&b, 5, stored[i]);
    if (!as_list) put_bytes(&b, 9, stored, n_stored);
    cvk_tensor *t = parse(&b);
    ck_assert_uint_eq(cvk_tensor_bytes(t), (uint64_t)n);
    ck_ok(cvk_tensor_read(t, got, (uint64_t)n));
    ck_assert_mem_eq(got, want, (size_t)n);
    cvk_tensor_release(t);
  }
}

START_TEST(test_packed_elements) {
  const uint8_t stored[] = {0x81, 0xf7, 0x0a};
  check_packed(CVK_U4, 5, stored, 3, (const uint8_t[]){1, 8, 7, 15, 10});
  check_packed(CVK_I4, 5, stored, 3, (const int8_t[]){1, -8, 7, -1, -6});
  check_packed(CVK_F4E2M1, 6, stored, 3, (const uint8_t[]){1, 8, 7, 15, 10, 0});
  check_packed(CVK_U2, 7, stored, 2, (const uint8_t[]){1, 0, 0, 2, 3, 1, 3});
  check_packed(CVK_I2, 7, stored, 2, (const int8_t[]){1, 0, 0, -2, -1, 1, -1});
  bytes b = tensor(NULL, CVK_U4, 1, DIMS(5), stored, 2);
  parse_fails(&b, CVK_IO_ERROR, "2 bytes are given, uint4 [5] wants 3");
  put_int(&b, 1, 5);
  put_int(&b, 2, CVK_I2);
  put_int(&b, 5, 1);
  parse_fails(&b, CVK_IO_ERROR, "1 int2 elements are given, shape [5] wants 2");
  const uint64_t huge = INT64_MAX;
  put_int(&b, 1, (int64_t)huge);
  put_int(&b, 2, CVK_I4);
  put_int(&b, 5, 1);
  parse_fails(&b, CVK_IO_ERROR, "1 int4 elements are given");
}
END_TEST

/* Ours hold 0 and 1 only; a kernel may index by them. */
START_TEST(test_bools_become_zero_or_one) {
  bytes b = tensor("t", CVK_BOOL, 1, DIMS(3), "\0\2\377", 3);
  uint8_t got[3];
  cvk_tensor *t = parse(&b);
  ck_ok(cvk_tensor_read(t, got, 3));
  ck_assert_mem_eq(got, "\0\1\1", 3);
  cvk_tensor_release(t);
}
END_TEST

START_TEST(test_scalars_and_empty) {
  bytes b = tensor(NULL, CVK_F32, 0, NULL, (const float[]){3}, 4);
  cvk_tensor *t = parse(&b);
  ck_assert_int_eq(cvk_tensor_rank(t), 0);
  ck_assert_int_eq(cvk_tensor_count(t), 1);
  cvk_tensor_release(t);
  b = tensor(NULL, CVK_F32, 2, DIMS(3, 0), NULL, 0);
  t = parse(&b);
  ck_assert_int_eq(cvk_tensor_dims(t)[0], 3);
  ck_assert_int_eq(cvk_tensor_count(t), 0);
  cvk_tensor_release(t);
  put_int(&b, 1, 0);
  put_int(&b, 2, CVK_BOOL);
  t = parse(&b);
  ck_assert_int_eq(cvk_tensor_count(t), 0);
  cvk_tensor_release(t);
}
END_TEST

START_TEST(test_sizes_that_lie) {
  const int64_t huge = (int64_t)1 << 40, large = (int64_t)1 << 62;
  bytes b = tensor(NULL, CVK_F32, 1, DIMS(3), "12345678", 8);
  parse_fails(&b, CVK_IO_ERROR, "8 bytes are given, float [3] wants 12");
  b = tensor(NULL, CVK_F32, 2, DIMS(huge, huge), "1234", 4);
  parse_fails(&b, CVK_SIZE_OVERFLOW, "[1099511627776,1099511627776]");
  b = tensor(NULL, CVK_F32, 1, &large, "1234", 4);
  parse_fails(&b, CVK_SIZE_OVERFLOW, "do not fit");
  b = tensor(NULL, CVK_U8, 1, &huge, "1234", 4);
  parse_fails(&b, CVK_IO_ERROR, "wants 1099511627776");
  b = tensor(NULL, CVK_F32, 2, DIMS(2, -1), "1234", 4);
  parse_fails(&b, CVK_INVALID_SHAPE, "axis 1 is -1");
  b = tensor(NULL, CVK_F32, 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1), "1234", 4);
  parse_fails(&b, CVK_UNSUPPORTED, "more than 8 extents");
  b = tensor(NULL, CVK_F32, 3, DIMS(huge, huge, 0), NULL, 0);
  parse_fails(&b, CVK_SIZE_OVERFLOW, "do not fit");
  put_int(&b, 1, huge);
  put_int(&b, 2, CVK_I64);
  put_int(&b, 7, 1);
  parse_fails(&b, CVK_IO_ERROR, "1 int64 elements are given");
  put_int(&b, 1, 1);
  put_int(&b, 2, CVK_F32);
  parse_fails(&b, CVK_IO_ERROR, "0 float elements are given, shape [1] wants 1");
}
END_TEST

START_TEST(test_types_that_are_lacking) {
  static const struct {
    int32_t dtype;
    const char *text;
  } types[] = {{0, "0 (undefined)"}, {8, "8 (string)"}, {14, "14 (complex64)"}, {99, "99 (unknown)"}, {-1, "-1 (unknown)"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    bytes b = tensor(NULL, types[i].dtype, 1, DIMS(1), "1234", 4);
    parse_fails(&b, CVK_UNSUPPORTED, types[i].text);
  }
}
END_TEST

/* Bytes of the file are used in place where they are aligned; a parsed tensor is always its own. */
START_TEST(test_bytes_are_shared_where_aligned) {
  _Alignas(16) static uint8_t room[64];
  for (size_t shift = 0; shift < 4; shift++) {
    bytes b = {0};
    put_int(&b, 1, 2);
    put_int(&b, 2, CVK_F32); /* 4 bytes so far, and 2 before the data */
    put_bytes(&b, 9, (const float[]){1, 2}, 8);
    uint8_t *at = room + 2 + shift;
    memcpy(at, b.data, b.n);
    cvk_onnx_file *f = NULL;
    cvk_onnx_tensor seen;
    cvk_tensor *t = NULL;
    float got[2];
    ck_ok(cvk_onnx_file_wrap(at, b.n, &f));
    ck_ok(cvk_onnx_tensor_read(f, (cvk_view){at, b.n}, &seen));
    ck_ok(cvk_onnx_tensor_make(f, &seen, 0, &t));
    ck_assert_int_eq(cvk_tensor_host(t) == seen.data.data, shift == 0);
    cvk_onnx_file_release(f);
    ck_ok(cvk_tensor_read(t, got, sizeof got));
    ck_assert_float_eq(got[1], 2);
    cvk_tensor_release(t);
    ck_ok(cvk_onnx_tensor_parse(at, b.n, &t));
    ck_assert(cvk_tensor_host(t) != seen.data.data);
    cvk_tensor_release(t);
    empty(&b);
  }
}
END_TEST

/* A large tensor of a mapped file is in memory while it is pinned, as often as that happens; reading needs no pin. */
START_TEST(test_large_tensors_come_back) {
  enum { N = 40000 };
  static float v[N], got[N];
  char path[] = "/tmp/convoke-tensor-XXXXXX";
  for (int i = 0; i < N; i++) v[i] = (float)(i * 7 % 1001);
  for (size_t shift = 0; shift < 4; shift++) {
    bytes b = {0};
    char name[8] = "aaaaaaa";
    name[shift + 1] = 0;
    put_text(&b, 8, name);
    put_int(&b, 1, N);
    put_int(&b, 2, CVK_F32);
    put_bytes(&b, 9, v, sizeof v);
    const int fd = shift == 0 ? mkstemp(path) : open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, b.data, b.n), (ssize_t)b.n);
    close(fd);
    cvk_onnx_file *f = NULL;
    cvk_onnx_tensor seen;
    cvk_tensor *t = NULL;
    ck_ok(cvk_onnx_file_map(path, &f));
    ck_ok(cvk_onnx_tensor_read(f, cvk_onnx_file_bytes(f), &seen));
    ck_ok(cvk_onnx_tensor_make(f, &seen, 0, &t));
    cvk_onnx_file_release(f);
    for (int turn = 0; turn < 3; turn++) {
      ck_ok(cvk_tensor_pin(t));
      ck_ok(cvk_tensor_pin(t));
      cvk_tensor_unpin(t);
      ck_assert_mem_eq(cvk_tensor_host(t), v, sizeof v);
      cvk_tensor_unpin(t);
      memset(got, 0, sizeof got);
      ck_ok(cvk_tensor_read(t, got, sizeof got));
      ck_assert_mem_eq(got, v, sizeof v);
    }
    cvk_tensor_release(t);
    empty(&b);
  }
  unlink(path);
}
END_TEST

static void put_entry(bytes *b, const char *key, const char *value) {
  bytes e = {0};
  put_text(&e, 1, key);
  put_text(&e, 2, value);
  put_message(b, 13, &e);
}

/* One tensor of two floats with its data outside; offset and length as text or NULL. */
static bytes external(const char *location, const char *offset, const char *length) {
  bytes b = {0};
  put_int(&b, 1, 2);
  put_int(&b, 2, CVK_F32);
  put_entry(&b, "location", location);
  if (offset) put_entry(&b, "offset", offset);
  if (length) put_entry(&b, "length", length);
  put_entry(&b, "checksum", "ignored");
  put_int(&b, 14, 1);
  return b;
}

START_TEST(test_external_data) {
  static const struct {
    const char *location, *offset, *length;
    cvk_status status;
    const char *text;
  } cases[] = {
      {"data", "4", "8", CVK_OK, NULL},
      {"data", "4", NULL, CVK_OK, NULL},
      {"data", NULL, "8", CVK_OK, NULL},
      {"data", NULL, NULL, CVK_IO_ERROR, "12 bytes are given, float [2] wants 8"},
      {"data", "8", "8", CVK_IO_ERROR, "has 12 bytes, the tensor claims 8 from offset 8"},
      {"data", "13", NULL, CVK_IO_ERROR, "has 12 bytes"},
      {"data", "9223372036854775807", "9223372036854775807", CVK_IO_ERROR, "has 12 bytes"},
      {"data", "-4", "8", CVK_IO_ERROR, "offset '-4' is not a number"},
      {"data", "4", "99999999999999999999", CVK_IO_ERROR, "length '99999999999999999999' is not a number"},
      {"data", "", "8", CVK_IO_ERROR, "offset '' is not a number"},
      {"../data", "4", "8", CVK_INVALID_ARGUMENT, "does not lie in the model's folder"},
      {"", "4", "8", CVK_INVALID_ARGUMENT, "not a path relative"},
  };
  char folder[] = "/tmp/convoke-tensor-XXXXXX", path[64], data[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/m", folder);
  snprintf(data, sizeof data, "%s/data", folder);
  FILE *f = fopen(data, "wb");
  fwrite((const float[]){5, 6, 7}, 4, 3, f);
  fclose(f);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes b = external(cases[i].location, cases[i].offset, cases[i].length);
    f = fopen(path, "wb");
    fwrite(b.data, 1, b.n, f);
    fclose(f);
    cvk_onnx_file *file = NULL;
    cvk_onnx_tensor t;
    cvk_tensor *made = NULL;
    ck_ok(cvk_onnx_file_map(path, &file));
    if (cases[i].status == CVK_OK) {
      float got[2];
      ck_ok(cvk_onnx_tensor_read(file, cvk_onnx_file_bytes(file), &t));
      ck_ok(cvk_onnx_tensor_make(file, &t, 0, &made));
      cvk_onnx_file_release(file); /* the tensor keeps the mapping */
      ck_ok(cvk_tensor_read(made, got, sizeof got));
      ck_assert_float_eq(got[0], cases[i].offset ? 6 : 5);
      cvk_tensor_release(made);
    } else {
      ck_fails(cvk_onnx_tensor_read(file, cvk_onnx_file_bytes(file), &t), cases[i].status, cases[i].text);
      cvk_onnx_file_release(file);
    }
    empty(&b);
  }
  unlink(path), unlink(data), rmdir(folder);
}
END_TEST

SUITE("onnx tensor", test_raw_of_every_type, test_lists_of_numbers, test_packed_elements, test_bools_become_zero_or_one,
      test_scalars_and_empty, test_sizes_that_lie, test_types_that_are_lacking, test_bytes_are_shared_where_aligned,
      test_large_tensors_come_back, test_external_data)

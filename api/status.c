/* SPDX-License-Identifier: Apache-2.0 */
/* status.c: names of statuses, and one sentence a thread for its last failure. */
#include "status.h"

#include <convoke/context.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 2048

static _Thread_local char message[MESSAGE_BYTES];

static const char *const status_names[] = {
    [CVK_OK] = "OK",
    [CVK_UNSUPPORTED] = "UNSUPPORTED",
    [CVK_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [CVK_INVALID_SHAPE] = "INVALID_SHAPE",
    [CVK_ALIAS] = "ALIAS",
    [CVK_SIZE_OVERFLOW] = "SIZE_OVERFLOW",
    [CVK_NO_MEMORY] = "NO_MEMORY",
    [CVK_OUT_OF_DEVICE_MEMORY] = "OUT_OF_DEVICE_MEMORY",
    [CVK_DEVICE_MISMATCH] = "DEVICE_MISMATCH",
    [CVK_DEVICE_LOST] = "DEVICE_LOST",
    [CVK_BUSY] = "BUSY",
    [CVK_TIMEOUT] = "TIMEOUT",
    [CVK_AFTER_FORK] = "AFTER_FORK",
    [CVK_NO_DEVICE] = "NO_DEVICE",
    [CVK_NO_BACKEND] = "NO_BACKEND",
    [CVK_UNKNOWN_BACKEND] = "UNKNOWN_BACKEND",
    [CVK_INTERNAL] = "INTERNAL",
    [CVK_IO_ERROR] = "IO_ERROR",
};

static const char *const dtype_names[] = {
    [CVK_F32] = "float32",
    [CVK_U8] = "uint8",
    [CVK_I8] = "int8",
    [CVK_U16] = "uint16",
    [CVK_I16] = "int16",
    [CVK_I32] = "int32",
    [CVK_I64] = "int64",
    [CVK_BOOL] = "bool",
    [CVK_F16] = "float16",
    [CVK_F64] = "float64",
    [CVK_U32] = "uint32",
    [CVK_U64] = "uint64",
    [CVK_BF16] = "bfloat16",
    [CVK_F8E4M3FN] = "float8e4m3fn",
    [CVK_F8E4M3FNUZ] = "float8e4m3fnuz",
    [CVK_F8E5M2] = "float8e5m2",
    [CVK_F8E5M2FNUZ] = "float8e5m2fnuz",
    [CVK_F4E2M1] = "float4e2m1",
    [CVK_F8E8M0] = "float8e8m0",
    [CVK_U4] = "uint4",
    [CVK_I4] = "int4",
    [CVK_U2] = "uint2",
    [CVK_I2] = "int2",
};

const char *cvk_status_name(cvk_status status) {
  const size_t n = sizeof status_names / sizeof *status_names;
  return status >= 0 && (size_t)status < n ? status_names[status] : "UNKNOWN_STATUS";
}

const char *cvk_dtype_name(int32_t dtype) {
  const size_t n = sizeof dtype_names / sizeof *dtype_names;
  return dtype >= 0 && (size_t)dtype < n && dtype_names[dtype] != NULL ? dtype_names[dtype] : "?";
}

const char *cvk_error_message(void) {
  return message;
}

const char *cvk_version(void) {
  return CVK_VERSION_STRING;
}

void cvk_error_clear(void) {
  message[0] = '\0';
}

/* Arguments may point into `message`, so the text is built aside. */
cvk_status cvk_fail(cvk_status status, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list args;
  va_start(args, fmt);
  const int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n < 0) text[0] = '\0';
  memcpy(message, text, strlen(text) + 1);
  return status;
}

cvk_status cvk_fail_within(cvk_status status, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list args;
  va_start(args, fmt);
  const int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n < 0) return status;
  const size_t used = strlen(text);
  size_t rest = strlen(message);
  if (used + 3 > sizeof text) return status; /* the context alone fills the line */
  if (rest > sizeof text - used - 3) rest = sizeof text - used - 3;
  memcpy(text + used, ": ", 2);
  memcpy(text + used + 2, message, rest);
  text[used + 2 + rest] = '\0';
  memcpy(message, text, used + 2 + rest + 1);
  return status;
}

const char *cvk_dims_text(int32_t rank, const int64_t *dim, char buf[CVK_DIMS_TEXT]) {
  size_t used = 0;
  buf[used++] = '[';
  for (int32_t i = 0; i < rank && used + 24 < CVK_DIMS_TEXT; i++)
    used += (size_t)snprintf(buf + used, CVK_DIMS_TEXT - used, i == 0 ? "%lld" : ",%lld", (long long)dim[i]);
  buf[used++] = ']';
  buf[used] = '\0';
  return buf;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* element.c: conversions between the element types and the two wide types of element.h. One case a type, so that each loop is typed. */
#include "element.h"

#include <math.h>
#include <string.h>

#include "float8.h"

int32_t cvk_dtype_class(int32_t dtype) {
  static const uint8_t table[] = {
      [CVK_F32] = CVK_CLASS_REAL,        [CVK_F64] = CVK_CLASS_REAL,      [CVK_F16] = CVK_CLASS_REAL,        [CVK_BF16] = CVK_CLASS_REAL,
      [CVK_I8] = CVK_CLASS_SIGNED,       [CVK_I16] = CVK_CLASS_SIGNED,    [CVK_I32] = CVK_CLASS_SIGNED,      [CVK_I64] = CVK_CLASS_SIGNED,
      [CVK_U8] = CVK_CLASS_UNSIGNED,     [CVK_U16] = CVK_CLASS_UNSIGNED,  [CVK_U32] = CVK_CLASS_UNSIGNED,    [CVK_U64] = CVK_CLASS_UNSIGNED,
      [CVK_BOOL] = CVK_CLASS_BOOL,       [CVK_F8E4M3FN] = CVK_CLASS_REAL, [CVK_F8E4M3FNUZ] = CVK_CLASS_REAL, [CVK_F8E5M2] = CVK_CLASS_REAL,
      [CVK_F8E5M2FNUZ] = CVK_CLASS_REAL, [CVK_F4E2M1] = CVK_CLASS_REAL,   [CVK_F8E8M0] = CVK_CLASS_REAL,     [CVK_I4] = CVK_CLASS_SIGNED,
      [CVK_I2] = CVK_CLASS_SIGNED,       [CVK_U4] = CVK_CLASS_UNSIGNED,   [CVK_U2] = CVK_CLASS_UNSIGNED,
  };
  return dtype >= 0 && (size_t)dtype < sizeof table ? table[dtype] : CVK_CLASS_NONE;
}

/* A 16-bit float of `mantissa` stored bits and the exponent bias `bias`, sign on top. */
static uint16_t narrow(double v, int mantissa, int bias) {
  const uint16_t sign = signbit(v) ? 0x8000 : 0;
  const uint16_t infinity = (uint16_t)((2 * bias + 1) << mantissa);
  if (isnan(v)) return (uint16_t)(sign | infinity | 1u << (mantissa - 1));
  const double magnitude = fabs(v);
  if (magnitude >= ldexp(1.0, bias + 1)) return sign | infinity;
  int exponent = 0;
  (void)frexp(magnitude, &exponent); /* magnitude = m * 2^(exponent - 1), 1 <= m < 2 */
  const int lowest = 1 - bias, e = exponent - 1 < lowest || magnitude == 0 ? lowest : exponent - 1;
  /* In units of the last place, at most 2^(mantissa + 1); a carry out of the mantissa moves into the exponent by itself. */
  const int ulps = (int)rint(ldexp(magnitude, mantissa - e));
  return (uint16_t)(sign | (((e - lowest) << mantissa) + ulps));
}

static double widen(uint16_t bits, int mantissa, int bias) {
  const int exponent = (bits & 0x7fff) >> mantissa, fraction = bits & ((1 << mantissa) - 1);
  double v;
  if (exponent == 2 * bias + 1)
    v = fraction ? (double)NAN : (double)INFINITY;
  else if (exponent == 0)
    v = ldexp(fraction, 1 - bias - mantissa);
  else
    v = ldexp(fraction + (1 << mantissa), exponent - bias - mantissa);
  return bits & 0x8000 ? -v : v;
}

double cvk_half_to_double(uint16_t bits) {
  return widen(bits, 10, 15);
}
uint16_t cvk_double_to_half(double v) {
  return narrow(v, 10, 15);
}
double cvk_bfloat16_to_double(uint16_t bits) {
  return widen(bits, 7, 127);
}
uint16_t cvk_double_to_bfloat16(double v) {
  return narrow(v, 7, 127);
}

/* C's truncation, with the ends of the type for what lies beyond them (undefined in C) and 0 for NaN. */
static int64_t to_signed(double v, int bits) {
  const double end = ldexp(1.0, bits - 1);
  if (isnan(v)) return 0;
  if (v >= end) return (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
  return v <= -end ? -(int64_t)((UINT64_C(1) << (bits - 1)) - 1) - 1 : (int64_t)v;
}

static uint64_t to_unsigned(double v, int bits) {
  if (isnan(v) || v <= 0) return 0;
  return v >= ldexp(1.0, bits) ? UINT64_MAX >> (64 - bits) : (uint64_t)v;
}

/* An integer of 2 or 4 bits from the low bits of a byte. */
static int64_t low_bits(int32_t dtype, uint8_t byte) {
  const int bits = dtype == CVK_U4 || dtype == CVK_I4 ? 4 : 2, v = byte & ((1 << bits) - 1);
  return (dtype == CVK_I4 || dtype == CVK_I2) && v >> (bits - 1) ? v - (1 << bits) : v;
}

/* Of a float that is out of range the low bits are kept too: ONNX leaves it open, its test suite has it so. */
static int64_t real_to_int(double v) {
  return isfinite(v) ? (int64_t)fmod(trunc(v), 16) : 0;
}

void cvk_load_reals(int32_t dtype, const void *base, int64_t first, int64_t stride, int64_t n, double *out) {
  int64_t i, at = first;
  /* clang-format off */
  switch (dtype) {
    case CVK_F32: for (i = 0; i < n; i++, at += stride) out[i] = (double)((const float *)base)[at]; break;
    case CVK_F64: for (i = 0; i < n; i++, at += stride) out[i] = ((const double *)base)[at]; break;
    case CVK_F16: for (i = 0; i < n; i++, at += stride) out[i] = cvk_half_to_double(((const uint16_t *)base)[at]); break;
    case CVK_BF16: for (i = 0; i < n; i++, at += stride) out[i] = cvk_bfloat16_to_double(((const uint16_t *)base)[at]); break;
    case CVK_I8: for (i = 0; i < n; i++, at += stride) out[i] = ((const int8_t *)base)[at]; break;
    case CVK_I16: for (i = 0; i < n; i++, at += stride) out[i] = ((const int16_t *)base)[at]; break;
    case CVK_I32: for (i = 0; i < n; i++, at += stride) out[i] = ((const int32_t *)base)[at]; break;
    case CVK_I64: for (i = 0; i < n; i++, at += stride) out[i] = (double)((const int64_t *)base)[at]; break;
    case CVK_U8: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint8_t *)base)[at]; break;
    case CVK_U16: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint16_t *)base)[at]; break;
    case CVK_U32: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint32_t *)base)[at]; break;
    case CVK_U64: for (i = 0; i < n; i++, at += stride) out[i] = (double)((const uint64_t *)base)[at]; break;
    case CVK_BOOL: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint8_t *)base)[at] != 0; break;
    case CVK_F8E4M3FN: case CVK_F8E4M3FNUZ: case CVK_F8E5M2: case CVK_F8E5M2FNUZ: case CVK_F4E2M1: case CVK_F8E8M0:
      for (i = 0; i < n; i++, at += stride) out[i] = cvk_float8_to_double(dtype, ((const uint8_t *)base)[at]);
      break;
    case CVK_U4: case CVK_I4: case CVK_U2: case CVK_I2:
      for (i = 0; i < n; i++, at += stride) out[i] = (double)low_bits(dtype, ((const uint8_t *)base)[at]);
      break;
    default: memset(out, 0, (size_t)n * sizeof *out); break;
  }
  /* clang-format on */
}

void cvk_store_reals(int32_t dtype, void *base, int64_t first, int64_t stride, int64_t n, const double *v) {
  int64_t i, at = first;
  /* clang-format off */
  switch (dtype) {
    case CVK_F32: for (i = 0; i < n; i++, at += stride) ((float *)base)[at] = (float)v[i]; break;
    case CVK_F64: for (i = 0; i < n; i++, at += stride) ((double *)base)[at] = v[i]; break;
    case CVK_F16: for (i = 0; i < n; i++, at += stride) ((uint16_t *)base)[at] = cvk_double_to_half(v[i]); break;
    case CVK_BF16: for (i = 0; i < n; i++, at += stride) ((uint16_t *)base)[at] = cvk_double_to_bfloat16(v[i]); break;
    case CVK_I8: for (i = 0; i < n; i++, at += stride) ((int8_t *)base)[at] = (int8_t)to_signed(v[i], 8); break;
    case CVK_I16: for (i = 0; i < n; i++, at += stride) ((int16_t *)base)[at] = (int16_t)to_signed(v[i], 16); break;
    case CVK_I32: for (i = 0; i < n; i++, at += stride) ((int32_t *)base)[at] = (int32_t)to_signed(v[i], 32); break;
    case CVK_I64: for (i = 0; i < n; i++, at += stride) ((int64_t *)base)[at] = to_signed(v[i], 64); break;
    case CVK_U8: for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = (uint8_t)to_unsigned(v[i], 8); break;
    case CVK_U16: for (i = 0; i < n; i++, at += stride) ((uint16_t *)base)[at] = (uint16_t)to_unsigned(v[i], 16); break;
    case CVK_U32: for (i = 0; i < n; i++, at += stride) ((uint32_t *)base)[at] = (uint32_t)to_unsigned(v[i], 32); break;
    case CVK_U64: for (i = 0; i < n; i++, at += stride) ((uint64_t *)base)[at] = to_unsigned(v[i], 64); break;
    case CVK_BOOL: for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = v[i] != 0; break;
    case CVK_F8E4M3FN: case CVK_F8E4M3FNUZ: case CVK_F8E5M2: case CVK_F8E5M2FNUZ: case CVK_F4E2M1: case CVK_F8E8M0:
      for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = cvk_double_to_float8(dtype, v[i], 0, CVK_ROUND_UP);
      break;
    case CVK_U4: case CVK_I4: case CVK_U2: case CVK_I2:
      for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = (uint8_t)low_bits(dtype, (uint8_t)real_to_int(v[i]));
      break;
    default: break;
  }
  /* clang-format on */
}

void cvk_load_ints(int32_t dtype, const void *base, int64_t first, int64_t stride, int64_t n, int64_t *out) {
  int64_t i, at = first;
  /* clang-format off */
  switch (dtype) {
    case CVK_I8: for (i = 0; i < n; i++, at += stride) out[i] = ((const int8_t *)base)[at]; break;
    case CVK_I16: for (i = 0; i < n; i++, at += stride) out[i] = ((const int16_t *)base)[at]; break;
    case CVK_I32: for (i = 0; i < n; i++, at += stride) out[i] = ((const int32_t *)base)[at]; break;
    case CVK_I64: for (i = 0; i < n; i++, at += stride) out[i] = ((const int64_t *)base)[at]; break;
    case CVK_U8: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint8_t *)base)[at]; break;
    case CVK_U16: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint16_t *)base)[at]; break;
    case CVK_U32: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint32_t *)base)[at]; break;
    case CVK_U64: for (i = 0; i < n; i++, at += stride) out[i] = (int64_t)((const uint64_t *)base)[at]; break;
    case CVK_BOOL: for (i = 0; i < n; i++, at += stride) out[i] = ((const uint8_t *)base)[at] != 0; break;
    case CVK_U4: case CVK_I4: case CVK_U2: case CVK_I2:
      for (i = 0; i < n; i++, at += stride) out[i] = low_bits(dtype, ((const uint8_t *)base)[at]);
      break;
    default: for (i = 0; i < n; i++, at += stride) out[i] = to_signed(cvk_load_real(dtype, base, at), 64); break;
  }
  /* clang-format on */
}

/* 64-bit integers on their way to a narrow float: below 2^53 in magnitude they are exact; above, the lowest bit kept stands for all
 * that were cut (round to odd), so that the rounding to the narrow type is still the right one. */
static double wide_int_to_real(int64_t v) {
  const int64_t exact = INT64_C(1) << 53;
  if (v >= -exact && v <= exact) return (double)v;
  const int64_t kept = v >> 11 | (int64_t)((v & 0x7ff) != 0);
  return ldexp((double)kept, 11);
}

void cvk_store_ints(int32_t dtype, void *base, int64_t first, int64_t stride, int64_t n, const int64_t *v) {
  int64_t i, at = first;
  /* clang-format off */
  switch (dtype) {
    case CVK_I8: for (i = 0; i < n; i++, at += stride) ((int8_t *)base)[at] = (int8_t)v[i]; break;
    case CVK_I16: for (i = 0; i < n; i++, at += stride) ((int16_t *)base)[at] = (int16_t)v[i]; break;
    case CVK_I32: for (i = 0; i < n; i++, at += stride) ((int32_t *)base)[at] = (int32_t)v[i]; break;
    case CVK_I64: for (i = 0; i < n; i++, at += stride) ((int64_t *)base)[at] = v[i]; break;
    case CVK_U8: for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = (uint8_t)v[i]; break;
    case CVK_U16: for (i = 0; i < n; i++, at += stride) ((uint16_t *)base)[at] = (uint16_t)v[i]; break;
    case CVK_U32: for (i = 0; i < n; i++, at += stride) ((uint32_t *)base)[at] = (uint32_t)v[i]; break;
    case CVK_U64: for (i = 0; i < n; i++, at += stride) ((uint64_t *)base)[at] = (uint64_t)v[i]; break;
    case CVK_BOOL: for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = v[i] != 0; break;
    case CVK_F64: for (i = 0; i < n; i++, at += stride) ((double *)base)[at] = (double)v[i]; break;
    case CVK_U4: case CVK_I4: case CVK_U2: case CVK_I2:
      for (i = 0; i < n; i++, at += stride) ((uint8_t *)base)[at] = (uint8_t)low_bits(dtype, (uint8_t)v[i]);
      break;
    default: for (i = 0; i < n; i++, at += stride) cvk_store_real(dtype, base, at, wide_int_to_real(v[i])); break;
  }
  /* clang-format on */
}

double cvk_load_real(int32_t dtype, const void *base, int64_t i) {
  double v;
  cvk_load_reals(dtype, base, i, 1, 1, &v);
  return v;
}

void cvk_store_real(int32_t dtype, void *base, int64_t i, double v) {
  cvk_store_reals(dtype, base, i, 1, 1, &v);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* difference.c: see difference.h. */
#include "difference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double half_value(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 1023;
  const double sign = h >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return sign * (exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
}

static double bfloat16_value(uint16_t b) {
  const uint32_t bits = (uint32_t)b << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return (double)f;
}

/* Floats of 8 and 4 bits by their bits of exponent and mantissa, bias and largest code; what lies past it is infinite or NaN. */
static double float8_value(uint8_t bits, int mantissa, int bias, int sign, int largest, int infinity, int nan) {
  const int magnitude = bits & (sign - 1), exponent = magnitude >> mantissa, fraction = magnitude & ((1 << mantissa) - 1);
  const double v = exponent ? ldexp((1 << mantissa) + fraction, exponent - bias - mantissa) : ldexp(fraction, 1 - bias - mantissa);
  if (bits == nan || (magnitude > largest && magnitude != infinity)) return NAN;
  return (bits & sign ? -1 : 1) * (magnitude > largest ? INFINITY : v);
}

double difference_value(int32_t dtype, const void *data, int64_t i) {
  switch (dtype) {
    case CVK_F32: return (double)((const float *)data)[i];
    case CVK_F64: return ((const double *)data)[i];
    case CVK_F16: return half_value(((const uint16_t *)data)[i]);
    case CVK_BF16: return bfloat16_value(((const uint16_t *)data)[i]);
    case CVK_I64: return (double)((const int64_t *)data)[i];
    case CVK_I32: return ((const int32_t *)data)[i];
    case CVK_I16: return ((const int16_t *)data)[i];
    case CVK_I8: return ((const int8_t *)data)[i];
    case CVK_U64: return (double)((const uint64_t *)data)[i];
    case CVK_U32: return ((const uint32_t *)data)[i];
    case CVK_U16: return ((const uint16_t *)data)[i];
    case CVK_F8E4M3FN: return float8_value(((const uint8_t *)data)[i], 3, 7, 0x80, 0x7e, -1, -1);
    case CVK_F8E4M3FNUZ: return float8_value(((const uint8_t *)data)[i], 3, 8, 0x80, 0x7f, -1, 0x80);
    case CVK_F8E5M2: return float8_value(((const uint8_t *)data)[i], 2, 15, 0x80, 0x7b, 0x7c, -1);
    case CVK_F8E5M2FNUZ: return float8_value(((const uint8_t *)data)[i], 2, 16, 0x80, 0x7f, -1, 0x80);
    case CVK_F4E2M1: return float8_value(((const uint8_t *)data)[i], 1, 1, 8, 7, -1, -1);
    case CVK_F8E8M0: return ((const uint8_t *)data)[i] == 0xff ? NAN : ldexp(1, ((const uint8_t *)data)[i] - 127);
    case CVK_I4: case CVK_I2: return ((const int8_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
  }
}

static int comparable(const cvk_tensor *got, const cvk_tensor *want, difference *d) {
  int same = cvk_tensor_rank(got) == cvk_tensor_rank(want);
  for (int32_t i = 0; same && i < cvk_tensor_rank(got); i++) same = cvk_tensor_dims(got)[i] == cvk_tensor_dims(want)[i];
  if (cvk_tensor_dtype(got) != cvk_tensor_dtype(want)) {
    snprintf(d->why, sizeof d->why, "element type %d, wanted %d", cvk_tensor_dtype(got), cvk_tensor_dtype(want));
  } else if (!same) {
    size_t n = (size_t)snprintf(d->why, sizeof d->why, "shape [");
    for (int32_t i = 0; i < cvk_tensor_rank(got); i++) n += (size_t)snprintf(d->why + n, sizeof d->why - n, "%s%lld", i ? "," : "", (long long)cvk_tensor_dims(got)[i]);
    n += (size_t)snprintf(d->why + n, sizeof d->why - n, "], wanted [");
    for (int32_t i = 0; i < cvk_tensor_rank(want); i++) n += (size_t)snprintf(d->why + n, sizeof d->why - n, "%s%lld", i ? "," : "", (long long)cvk_tensor_dims(want)[i]);
    snprintf(d->why + n, sizeof d->why - n, "]");
  }
  return d->why[0] == 0;
}

static void accumulate(difference *d, int64_t i, double got, double want, double rtol, double atol) {
  if (isfinite(want) && fabs(want) > d->largest) d->largest = fabs(want);
  if (got == want || (isnan(got) && isnan(want))) return;
  const double by = isfinite(got) && isfinite(want) ? fabs(got - want) : INFINITY;
  if (by > atol + rtol * fabs(want) || !isfinite(by)) d->outside++;
  if (d->at >= 0 && by <= d->most) return;
  d->at = i;
  d->got = got;
  d->want = want;
  d->most = by;
}

int difference_of(const cvk_tensor *got, const cvk_tensor *want, double rtol, double atol, difference *d) {
  *d = (difference){.at = -1};
  if (!comparable(got, want, d)) return 0;
  const uint64_t bytes = cvk_tensor_bytes(got);
  void *a = malloc(bytes + 1), *b = malloc(bytes + 1);
  if (a == NULL || b == NULL || cvk_tensor_read(got, a, bytes) != CVK_OK || cvk_tensor_read(want, b, bytes) != CVK_OK) {
    snprintf(d->why, sizeof d->why, "can't read %llu bytes to compare", (unsigned long long)bytes);
  } else {
    const int64_t n = cvk_tensor_count(got);
    const int32_t dtype = cvk_tensor_dtype(got);
    for (int64_t i = 0; i < n; i++) accumulate(d, i, difference_value(dtype, a, i), difference_value(dtype, b, i), rtol, atol);
  }
  free(a);
  free(b);
  return d->why[0] == 0;
}

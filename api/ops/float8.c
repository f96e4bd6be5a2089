/* SPDX-License-Identifier: Apache-2.0 */
/* float8.c: see float8.h. A format is told by its numbers of bits, its bias and what the codes past the largest finite one mean. */
#include "float8.h"

#include <math.h>
#include <stddef.h>

enum { NONE = 0xff }; /* a code that a format does not have */

typedef struct format {
  int32_t dtype;
  int mantissa, bias;
  uint8_t sign;          /* the bit */
  uint8_t largest;       /* code of the largest finite magnitude */
  uint8_t infinity, nan; /* codes without sign; a nan that is the sign bit alone: the format has no -0 */
} format;

static const format formats[] = {
    {CVK_F8E4M3FN, 3, 7, 0x80, 0x7e, NONE, 0x7f}, {CVK_F8E4M3FNUZ, 3, 8, 0x80, 0x7f, NONE, 0x80},
    {CVK_F8E5M2, 2, 15, 0x80, 0x7b, 0x7c, 0x7e},  {CVK_F8E5M2FNUZ, 2, 16, 0x80, 0x7f, NONE, 0x80},
    {CVK_F4E2M1, 1, 1, 0x08, 0x07, NONE, NONE},
};

static const format *find(int32_t dtype) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].dtype == dtype) return &formats[i];
  return NULL;
}

int32_t cvk_is_float8(int32_t dtype) {
  return dtype == CVK_F8E8M0 || find(dtype) != NULL;
}

double cvk_float8_to_double(int32_t dtype, uint8_t bits) {
  const format *f = find(dtype);
  if (f == NULL) return bits == 0xff ? (double)NAN : ldexp(1, bits - 127); /* E8M0: powers of two */
  if (bits == f->nan) return (double)NAN;
  const int magnitude = bits & (f->sign - 1), fraction = magnitude & ((1 << f->mantissa) - 1), exponent = magnitude >> f->mantissa;
  double v = exponent ? ldexp(fraction + (1 << f->mantissa), exponent - f->bias - f->mantissa) : ldexp(fraction, 1 - f->bias - f->mantissa);
  if (magnitude > f->largest) v = magnitude == f->infinity ? (double)INFINITY : (double)NAN;
  return bits & f->sign ? -v : v;
}

/* The exponent of a power of two, biased by 127, 255 for NaN. */
static uint8_t to_power_of_two(double v, int32_t overflow, int32_t rounding) {
  int exponent = 0;
  if (isnan(v)) return 0xff;
  if (isinf(v)) return overflow ? 0xff : 0xfe;
  const double m = frexp(fabs(v), &exponent); /* 0.5 <= m < 1: |v| lies from 2^(exponent - 1) up to 2^exponent */
  if (m == 0 || exponent - 1 < -127) {
    const int32_t reaches = m > 0 && exponent == -127 && (rounding == CVK_ROUND_UP || (rounding == CVK_ROUND_NEAREST && m >= 0.75));
    return overflow && !reaches ? 0xff : 0;
  }
  const int32_t up = rounding == CVK_ROUND_UP ? m > 0.5 : rounding == CVK_ROUND_NEAREST && m >= 0.75;
  const int code = exponent - 1 + 127 + up;
  return (uint8_t)(code <= 0xfe ? code : overflow ? 0xff : 0xfe);
}

uint8_t cvk_double_to_float8(int32_t dtype, double v, int32_t overflow, int32_t rounding) {
  const format *f = find(dtype);
  if (f == NULL) return to_power_of_two(v, overflow, rounding);
  const uint8_t sign = signbit(v) ? f->sign : 0;
  if (isnan(v)) return f->nan == NONE ? 0 : sign | f->nan;
  const int most = 1 << 10; /* past every format's exponents; the code then does not fit either */
  int exponent = 0;
  if (isfinite(v)) (void)frexp(v, &exponent); /* |v| = m 2^(exponent - 1), 1 <= m < 2 */
  const int lowest = 1 - f->bias, e = v == 0 || exponent - 1 < lowest ? lowest : exponent - 1 > most ? most : exponent - 1;
  const double ulps = isfinite(v) ? rint(ldexp(fabs(v), f->mantissa - e)) : 0;
  const double code =
      isfinite(v) ? ldexp(e - lowest, f->mantissa) + ulps : (double)INFINITY; /* a carry moves into the exponent by itself */
  if (code <= f->largest) return f->nan == f->sign && code == 0 ? 0 : sign | (uint8_t)code;
  if (!overflow || f->nan == NONE) return sign | f->largest;
  return sign | (f->infinity != NONE ? f->infinity : f->nan);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fixture_compare.c: holds an output against a case's expectation, see fixture.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "fixture.h"

typedef struct reason {
  char *text;
  size_t bytes;
} reason;

__attribute__((format(printf, 2, 3))) static int differ(const reason *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(r->text, r->bytes, format, args);
  va_end(args);
  return 0;
}

static double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  const double magnitude = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                           : exponent == 0 ? ldexp(fraction, -24)
                                           : ldexp(fraction + 1024, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

static double element(int32_t dtype, const void *data, int64_t i) {
  switch (dtype) {
    case CVK_F32:
      return ((const float *)data)[i];
    case CVK_F64:
      return ((const double *)data)[i];
    case CVK_F16:
      return half_value(((const uint16_t *)data)[i]);
    case CVK_I32:
      return ((const int32_t *)data)[i];
    case CVK_I64:
      return (double)((const int64_t *)data)[i];
    default:
      return NAN;
  }
}

static int agrees(double got, double want, double tolerance, int32_t dtype) {
  if (isnan(want)) return isnan(got);
  if (tolerance == 0 && dtype == CVK_F32) want = (double)(float)want;
  if (isinf(want) || tolerance == 0) return got == want;
  return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

/* The sum catches what lies between the samples; its own slack grows with the magnitudes summed. */
static int sum_agrees(const fixture_output *o, double tolerance, int32_t dtype, int64_t count, const void *data, double *sum) {
  double magnitude = 0;
  *sum = 0;
  for (int64_t i = 0; i < count; i++) {
    *sum += element(dtype, data, i);
    magnitude += fabs(element(dtype, data, i));
  }
  return isnan(o->sum) || fabs(*sum - o->sum) <= (tolerance > 0 ? tolerance : 1e-9) * magnitude;
}

int fixture_compare(const fixture *f, int32_t index, int32_t dtype, int32_t rank, const int64_t *dim, const void *data, char *why,
                    size_t why_bytes) {
  const fixture_output *o = &f->out[index];
  const reason r = {why, why_bytes};
  const int64_t count = cvk_count(rank, dim);
  double sum;
  if (rank != o->rank) return differ(&r, "output %d has rank %d, wanted %d", index, rank, o->rank);
  for (int32_t a = 0; a < rank; a++)
    if (dim[a] != o->dim[a])
      return differ(&r, "output %d has extent %lld on axis %d, wanted %lld", index, (long long)dim[a], a, (long long)o->dim[a]);
  if (f->shapes_only) return 1;
  if (!o->at && o->n != count) return differ(&r, "output %d has %lld elements, the case %lld", index, (long long)count, (long long)o->n);
  for (int64_t i = 0; i < o->n; i++) {
    const int64_t at = o->at ? o->at[i] : i;
    if (at < 0 || at >= count) return differ(&r, "sample %lld lies outside output %d", (long long)at, index);
    const double got = element(dtype, data, at);
    if (!agrees(got, o->value[i], f->tolerance, dtype))
      return differ(&r, "output %d, element %lld: got %.9g, wanted %.9g (tolerance %g)", index, (long long)at, got, o->value[i],
                    f->tolerance);
  }
  if (!sum_agrees(o, f->tolerance, dtype, count, data, &sum))
    return differ(&r, "output %d sums to %.12g, wanted %.12g", index, sum, o->sum);
  return 1;
}

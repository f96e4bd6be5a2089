/* SPDX-License-Identifier: Apache-2.0 */
/* order_key.c: see order_key.h. The bits of a double, read as a number, are in order among the positive ones and backwards among the
 * negative. */
#include "order_key.h"

#include <math.h>
#include <string.h>

#include "element.h"

#define SIGN ((uint64_t)1 << 63)

static uint64_t key_of_real(double v) {
  uint64_t bits;
  if (isnan(v)) return UINT64_MAX;
  v += 0.0; /* -0 becomes 0 */
  memcpy(&bits, &v, sizeof bits);
  return bits & SIGN ? ~bits : bits | SIGN;
}

void cvk_order_keys(int32_t dtype, const void *base, int64_t first, int64_t stride, int64_t n, uint64_t *key) {
  const int32_t class = cvk_dtype_class(dtype);
  double real[CVK_RUN];
  int64_t whole[CVK_RUN];
  for (int64_t done = 0; done < n; done += CVK_RUN) {
    const int64_t run = n - done < CVK_RUN ? n - done : CVK_RUN, at = first + done * stride;
    if (class == CVK_CLASS_REAL)
      cvk_load_reals(dtype, base, at, stride, run, real);
    else
      cvk_load_ints(dtype, base, at, stride, run, whole);
    for (int64_t i = 0; i < run; i++)
      key[done + i] = class == CVK_CLASS_REAL     ? key_of_real(real[i])
                      : class == CVK_CLASS_SIGNED ? (uint64_t)whole[i] ^ SIGN
                                                  : (uint64_t)whole[i];
  }
}

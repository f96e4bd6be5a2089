/* SPDX-License-Identifier: Apache-2.0 */
/* test_binary.c: ADD .. MEAN, MOD and PRELU: broadcasts plain and blocked, one to eight inputs, special values, in place. */
#include <math.h>

#include "row_check.h"

enum { TRUNCATED_MOD = -CVK_OP_MOD }; /* MOD with fmod 1 */
static const int32_t pairs[] = {CVK_OP_ADD, CVK_OP_SUB,   CVK_OP_MUL, CVK_OP_DIV, CVK_OP_MIN,
                                CVK_OP_MAX, CVK_OP_PRELU, CVK_OP_POW, CVK_OP_MOD, TRUNCATED_MOD};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static void check(int32_t kind, row_tensor a, row_tensor b, int32_t blocked) {
  const cvk_mod_attr mod = {.struct_size = sizeof mod, .fmod = kind == TRUNCATED_MOD};
  row_case c = {.kind = kind == TRUNCATED_MOD ? CVK_OP_MOD : kind,
                .n_in = 2,
                .in = {a, b},
                .relative = 0x1p-24,
                .row = kind == CVK_OP_PRELU ? "prelu" : "binary",
                .blocked = blocked};
  if (c.kind == CVK_OP_MOD) c.attr = &mod;
  if (kind == CVK_OP_POW) c.relative = 0x1p-22;
  row_check(&c);
}

static row_tensor special(int32_t rank, const int64_t *dim, uint32_t seed) {
  row_tensor t = row_random(CVK_F32, rank, dim, seed);
  row_sprinkle(&t);
  return t;
}

START_TEST(same_shape) {
  for (int64_t n = 1; n <= 67; n += n < 20 ? 1 : 7)
    for (int i = 0; i < PAIRS; i++) {
      row_tensor b = row_random(CVK_F32, DIMS(n), 77);
      if (n > 40) row_sprinkle(&b);
      check(pairs[i], special(DIMS(n), (uint32_t)n), b, 0);
    }
}
END_TEST

START_TEST(plain_broadcasts) {
  for (int i = 0; i < PAIRS; i++) {
    const int32_t k = pairs[i];
    check(k, special(DIMS(2, 3, 4, 5), 1), special(DIMS(1), 2), 0);
    check(k, special(DIMS(2, 3, 4, 5), 1), row_random(CVK_F32, 0, NULL, 2), 0);
    check(k, special(DIMS(2, 3, 4, 5), 1), special(DIMS(3, 1, 1), 2), 0);
    check(k, special(DIMS(2, 3, 4, 5), 1), special(DIMS(4, 1), 2), 0);
    check(k, special(DIMS(2, 3, 4, 5), 1), special(DIMS(5), 2), 0);
    check(k, special(DIMS(2, 3, 4, 17), 1), special(DIMS(2, 1, 4, 1), 2), 0);
    if (k == CVK_OP_PRELU) continue; /* its slope never widens x */
    check(k, special(DIMS(1), 1), special(DIMS(2, 3, 4, 5), 2), 0);
    check(k, special(DIMS(4, 1), 1), special(DIMS(2, 1, 1, 5), 2), 0);
    check(k, special(DIMS(1, 33), 1), special(DIMS(7, 1), 2), 0);
  }
}
END_TEST

START_TEST(blocked_broadcasts) {
  static const int64_t channels[] = {1, 3, 16, 17, 33};
  for (size_t j = 0; j < sizeof channels / sizeof *channels; j++)
    for (int i = 0; i < PAIRS; i++) {
      const int64_t c = channels[j];
      const int32_t k = pairs[i];
      check(k, special(DIMS(2, c, 3, 5), 1), special(DIMS(2, c, 3, 5), 2), 1);
      check(k, special(DIMS(2, c, 3, 5), 1), special(DIMS(1, c, 1, 1), 2), 1);
      check(k, special(DIMS(2, c, 3, 5), 1), special(DIMS(c, 1, 1), 2), 1);
      check(k, special(DIMS(2, c, 3, 5), 1), special(DIMS(2, c, 1, 1), 2), 1);
      check(k, special(DIMS(2, c, 3, 5), 1), special(DIMS(1), 2), 1);
      if (k != CVK_OP_PRELU) check(k, special(DIMS(2, c, 1, 1), 1), special(DIMS(2, c, 3, 5), 2), 1);
    }
}
END_TEST

START_TEST(many_inputs) {
  static const int32_t kinds[] = {CVK_OP_SUM, CVK_OP_MEAN, CVK_OP_MIN, CVK_OP_MAX};
  for (int i = 0; i < 4; i++)
    for (int32_t n = 1; n <= 8; n++) {
      row_case c = {.kind = kinds[i], .n_in = n, .relative = 4 * 0x1p-24, .absolute = 8 * 4 * 0x1p-23, .row = "binary", .blocked = 1};
      for (int32_t j = 0; j < n; j++)
        c.in[j] = j == 2 ? row_random(CVK_F32, DIMS(1, 19, 1, 1), 5) : row_random(CVK_F32, DIMS(2, 19, 3, 7), (uint32_t)j);
      if (n > 1) row_sprinkle(&c.in[1]);
      if (n > 1 && i < 2) { /* sums of huge numbers depend on the order; leave NaN and infinities */
        float *x = c.in[1].data;
        for (int e = 0; e < 2 * 19 * 21; e++)
          if (fabsf(x[e]) > 1e30f && !isinf(x[e])) x[e] = 1;
      }
      row_check(&c);
    }
}
END_TEST

START_TEST(large) {
  check(CVK_OP_ADD, row_random(CVK_F32, DIMS(1, 40, 61, 59), 1), row_random(CVK_F32, DIMS(1, 40, 61, 59), 2), 1);
  check(CVK_OP_MUL, row_random(CVK_F32, DIMS(3, 40, 61, 59), 1), row_random(CVK_F32, DIMS(1, 40, 1, 1), 2), 1);
  check(CVK_OP_MUL, row_random(CVK_F32, DIMS(50000, 3), 1), row_random(CVK_F32, DIMS(3), 2), 0);
}
END_TEST

START_TEST(empty) {
  check(CVK_OP_ADD, row_random(CVK_F32, DIMS(0, 3, 2, 2), 1), row_random(CVK_F32, DIMS(3, 1, 1), 2), 1);
  check(CVK_OP_ADD, row_random(CVK_F32, DIMS(2, 0), 1), row_random(CVK_F32, DIMS(1), 2), 0);
}
END_TEST

SUITE("cpu_binary", same_shape, plain_broadcasts, blocked_broadcasts, many_inputs, large, empty)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_select.c: compare, where, not and cast rows. */
#include <math.h>

#include "row_check.h"

START_TEST(compares) {
  static const int32_t dtypes[] = {CVK_F32, CVK_F64, CVK_I32, CVK_I64, CVK_U8, CVK_I8};
  for (int32_t kind = CVK_OP_EQUAL; kind <= CVK_OP_GREATER; kind++)
    for (int i = 0; i < 6; i++)
      for (int64_t n = 1; n <= 67; n += 11) {
        row_case c = {
            .kind = kind, .n_in = 2, .row = "compare", .in = {row_random(dtypes[i], DIMS(3, n), 1), row_random(dtypes[i], DIMS(3, n), 2)}};
        if (i == 0) row_sprinkle(&c.in[0]), row_sprinkle(&c.in[1]);
        row_check(&c);
        row_case d = {.kind = kind,
                      .n_in = 2,
                      .row = "compare",
                      .in = {row_random(dtypes[i], DIMS(2, 1, n), 1), row_random(dtypes[i], DIMS(5, 1), 2)}};
        row_check(&d);
      }
  row_case b = {
      .kind = CVK_OP_EQUAL, .n_in = 2, .row = "compare", .in = {row_random(CVK_BOOL, DIMS(67), 1), row_random(CVK_BOOL, DIMS(1), 2)}};
  row_check(&b);
}
END_TEST

START_TEST(wheres) {
  static const int32_t dtypes[] = {CVK_F32, CVK_F64, CVK_I16, CVK_I64, CVK_U8};
  for (int i = 0; i < 5; i++) {
    for (int64_t n = 1; n <= 67; n += 6) {
      row_case c = {.kind = CVK_OP_WHERE,
                    .n_in = 3,
                    .row = "where",
                    .in = {row_random(CVK_BOOL, DIMS(n), 1), row_random(dtypes[i], DIMS(n), 2), row_random(dtypes[i], DIMS(n), 3)}};
      row_check(&c);
    }
    row_case d = {.kind = CVK_OP_WHERE,
                  .n_in = 3,
                  .row = "where",
                  .in = {row_random(CVK_BOOL, DIMS(4, 1, 1), 1), row_random(dtypes[i], DIMS(3, 1), 2), row_random(dtypes[i], DIMS(17), 3)}};
    row_check(&d);
  }
}
END_TEST

START_TEST(nots) {
  row_case c = {.kind = CVK_OP_NOT, .n_in = 1, .row = "not", .in = {row_random(CVK_BOOL, DIMS(3, 67), 1)}};
  row_check(&c);
}
END_TEST

START_TEST(casts) {
  static const int32_t dtypes[] = {CVK_F32, CVK_F64, CVK_U8, CVK_I8, CVK_I32, CVK_I64, CVK_BOOL};
  static const float values[] = {0,        -0.0f,  0.9f, -0.9f,    1.5f,          2.5f,           -128.7f,
                                 127.9f,   255.9f, 256,  -1,       2147483648.0f, -2147483904.0f, 9.3e18f,
                                 -9.3e18f, 1e38f,  NAN,  INFINITY, -INFINITY,     1e-40f,         16777217.0f};
  enum { N = sizeof values / sizeof *values };
  for (int from = 0; from < 7; from++)
    for (int to = 0; to < 7; to++) {
      const cvk_cast_attr a = {.struct_size = sizeof a, .dtype = dtypes[to]};
      row_case c = {.kind = CVK_OP_CAST, .n_in = 1, .attr = &a, .row = "cast", .in = {row_random(dtypes[from], DIMS(5, 133), 1)}};
      row_check(&c);
      if (dtypes[from] != CVK_F32) continue;
      row_case d = {.kind = CVK_OP_CAST, .n_in = 1, .attr = &a, .row = "cast", .in = {row_floats(DIMS(N), values)}};
      row_check(&d);
    }
  const int64_t wide[] = {INT64_MAX, INT64_MIN, 4294967297, -4294967295, 16777217, 255, 256, -1};
  for (int to = 0; to < 7; to++) {
    const cvk_cast_attr a = {.struct_size = sizeof a, .dtype = dtypes[to]};
    row_case c = {.kind = CVK_OP_CAST, .n_in = 1, .attr = &a, .row = "cast", .in = {row_ints(8, wide, 0)}};
    row_check(&c);
  }
}
END_TEST

static void check_cast(row_tensor x, int32_t to) {
  const cvk_cast_attr a = {.struct_size = sizeof a, .dtype = to};
  row_case c = {.kind = CVK_OP_CAST, .n_in = 1, .attr = &a, .row = "cast", .in = {x}};
  row_check(&c);
}

/* Every float of 16 bits to f32; to 16 bits what lies at, between and beside its neighbours, subnormal and overflowing ones among them. */
START_TEST(casts_of_16_bits) {
  static const int32_t dtypes[] = {CVK_F16, CVK_BF16};
  for (int k = 0; k < 2; k++) {
    row_tensor all = row_random(dtypes[k], DIMS(65536), 1), between = row_random(CVK_F32, DIMS(3, 65536), 1);
    for (uint32_t i = 0; i < 65536; i++) {
      ((uint16_t *)all.data)[i] = (uint16_t)i;
      const uint32_t bits =
          k ? i << 16 | 0x8000 : i << 16 | 0x1000; /* a tie of bfloat16; for the other every exponent and sign comes too */
      for (uint32_t s = 0; s < 3; s++) ((uint32_t *)between.data)[s * 65536 + i] = bits + s - 1;
    }
    check_cast(all, CVK_F32);
    check_cast(between, dtypes[k]);
  }
  row_tensor halves = row_random(CVK_F32, DIMS(3, 0x7c00), 1); /* the ties of float16 */
  for (uint32_t i = 0; i < 0x7c00; i++) {
    const uint32_t e = i >> 10, m = i & 0x3ff;
    const float middle = ldexpf((float)(2 * (e ? m + 1024 : m) + 1), (int)(e ? e : 1) - 26);
    for (uint32_t s = 0; s < 3; s++)
      ((float *)halves.data)[s * 0x7c00 + i] = s == 0 ? nextafterf(middle, 0) : s == 1 ? -middle : nextafterf(middle, INFINITY);
  }
  check_cast(halves, CVK_F16);
  static const float values[] = {0, -0.0f, NAN, INFINITY, -INFINITY, 65504, 65519, 65520, -65520, 1e38f, 1e-40f, 6e-8f, 2.98e-8f, 2.99e-8f};
  for (int k = 0; k < 2; k++) check_cast(row_floats(DIMS(sizeof values / sizeof *values), values), dtypes[k]);
}
END_TEST

SUITE("cpu_select", compares, wheres, nots, casts, casts_of_16_bits)

/* SPDX-License-Identifier: Apache-2.0 */
/* test_pad.c: the pad row: every mode, crops, wide reflections, every element size, blocked spatial pads. */
#include <math.h>

#include "row_check.h"

enum { ANY, WANT_BLOCKED };

static void pad_case(row_tensor x, int32_t mode, const int64_t *pads, double value, int32_t blocked) {
  cvk_pad_attr a = {.struct_size = sizeof a, .mode = mode, .value = value};
  for (int32_t i = 0; i < x.rank; i++) {
    a.begin[i] = pads[i];
    a.end[i] = pads[x.rank + i];
  }
  row_case c = {.kind = CVK_OP_PAD, .n_in = 1, .attr = &a, .in = {x}, .row = "pad", .blocked = blocked};
  row_check(&c);
}

START_TEST(modes) {
  static const int64_t pads[][8] = {
      {0, 0, 1, 1, 0, 0, 1, 1}, {0, 0, 2, 0, 0, 0, 0, 3}, {0, 0, -1, 2, 0, 0, 1, -2}, {0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 9, 11, 0, 0, 8, 20}};
  static const int64_t channels[] = {1, 3, 16, 17, 33};
  for (int32_t mode = CVK_PAD_CONSTANT; mode <= CVK_PAD_WRAP; mode++)
    for (int i = 0; i < 5; i++)
      for (int c = 0; c < 5; c++) pad_case(row_random(CVK_F32, DIMS(2, channels[c], 4, 6), 1), mode, pads[i], 0, WANT_BLOCKED);
}
END_TEST

START_TEST(channels_and_values) {
  for (int32_t mode = CVK_PAD_CONSTANT; mode <= CVK_PAD_WRAP; mode++) {
    pad_case(row_random(CVK_F32, DIMS(2, 3, 4, 6), 1), mode, (int64_t[]){1, 2, 0, 1, 0, 1, 3, 0}, -7.5, ANY);
    pad_case(row_random(CVK_F32, DIMS(2, 3, 4, 6), 1), mode, (int64_t[]){1, 0, 0, 0, 0, 0, 0, 0}, INFINITY, ANY);
    pad_case(row_random(CVK_F32, DIMS(2, 1, 3, 2, 2), 1), mode, (int64_t[]){1, 0, 0, 1, 0, 0, 1, 1, 0, 2}, -1, ANY);
    pad_case(row_random(CVK_F32, DIMS(5), 1), mode, (int64_t[]){-3, 3}, 1, ANY);
    pad_case(row_random(CVK_F32, DIMS(3, 67), 1), mode, (int64_t[]){1, 64, 1, 67}, 1, ANY);
  }
  pad_case(row_random(CVK_F32, 0, NULL, 1), CVK_PAD_CONSTANT, (int64_t[]){0, 0}, 1, ANY);
  pad_case(row_random(CVK_F32, DIMS(0, 3), 1), CVK_PAD_CONSTANT, (int64_t[]){1, 0, 0, 0}, 7, ANY);
  pad_case(row_random(CVK_F32, DIMS(2, 3), 1), CVK_PAD_CONSTANT, (int64_t[]){-1, 0, -1, 0}, 7, ANY);
}
END_TEST

START_TEST(types) {
  static const int32_t dtypes[] = {CVK_U8, CVK_I16, CVK_I32, CVK_I64, CVK_F64, CVK_F16};
  for (int i = 0; i < 6; i++)
    for (int32_t mode = CVK_PAD_CONSTANT; mode <= CVK_PAD_WRAP; mode++)
      pad_case(row_random(dtypes[i], DIMS(3, 5, 4), 1), mode, (int64_t[]){1, 0, 2, 0, 2, 1}, 0, ANY);
}
END_TEST

START_TEST(tensor_arguments) {
  const int64_t pads[] = {2, 1}, value = 9;
  row_case c = {.kind = CVK_OP_PAD,
                .n_in = 4,
                .row = "pad",
                .in = {row_random(CVK_I64, DIMS(3, 5), 1), row_ints(2, pads, 1), row_ints(1, &value, 1), row_ints(1, (int64_t[]){-1}, 1)}};
  row_check(&c);
}
END_TEST

START_TEST(large) {
  pad_case(row_random(CVK_F32, DIMS(1, 20, 112, 112), 1), CVK_PAD_REFLECT, (int64_t[]){0, 0, 3, 3, 0, 0, 3, 3}, 0, WANT_BLOCKED);
}
END_TEST

SUITE("cpu_pad", modes, channels_and_values, types, tensor_arguments, large)

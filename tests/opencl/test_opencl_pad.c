/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_pad.c: padding and cropping in every mode, plain and blocked. */
#include <math.h>

#include "ref_case.h"

#define BLOCKED "pad_blocked"
#define PLAIN "pad_plain"

static void check(const case_tensor *x, const cvk_pad_attr *attr, const char *const *rows) {
  case_check(CVK_OP_PAD, attr, 1, &x, 1, rows, &(case_options){0});
}

START_TEST(every_mode_at_any_size) {
  if (!mini_open()) return;
  for (int32_t mode = CVK_PAD_CONSTANT; mode <= CVK_PAD_WRAP; mode++)
    for (int64_t width = 1; width < 40; width += 6) {
      case_tensor x = case_random(DIMS(2, 17, 3, width), (uint32_t)width), line = case_random(DIMS(width), 1),
                  scalar = case_random(0, NULL, 2);
      const cvk_pad_attr image = {.struct_size = sizeof image, .mode = mode, .begin = {0, 0, 1, 2}, .end = {0, 0, 4, 3}, .value = -1.5};
      const cvk_pad_attr channels = {.struct_size = sizeof channels, .mode = mode, .begin = {1, 2, 0, 0}, .end = {0, 1, 0, 0}, .value = 2};
      const cvk_pad_attr far = {.struct_size = sizeof far, .mode = mode, .begin = {95}, .end = {41}},
                         none = {.struct_size = sizeof none, .mode = mode};
      check(&x, &image, ROWS(BLOCKED, PLAIN));
      check(&x, &none, ROWS(BLOCKED, PLAIN));
      check(&x, &channels, ROWS(PLAIN));
      check(&line, &far, ROWS(PLAIN));
      check(&scalar, &none, ROWS(PLAIN));
      case_free(&x);
      case_free(&line);
      case_free(&scalar);
    }
  mini_close();
}
END_TEST

START_TEST(crops_come_before_the_border) {
  if (!mini_open()) return;
  for (int32_t mode = CVK_PAD_CONSTANT; mode <= CVK_PAD_WRAP; mode++) {
    case_tensor line = case_floats(DIMS(4), (float[]){0, 1, 2, 3}), x = case_random(DIMS(1, 20, 5, 6), 3);
    check(&line, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .mode = mode, .begin = {-3}, .end = {3}}, ROWS(PLAIN));
    check(&line, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .mode = mode, .begin = {2}, .end = {-1}}, ROWS(PLAIN));
    check(&x, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .mode = mode, .begin = {0, 0, -1, 3}, .end = {0, 0, 2, -4}, .value = 7},
          ROWS(BLOCKED, PLAIN));
    case_free(&line);
    case_free(&x);
  }
  mini_close();
}
END_TEST

START_TEST(a_constant_border_of_nothing) {
  if (!mini_open()) return;
  case_tensor x = case_new(CVK_F32, DIMS(2, 0, 3)), batch = case_new(CVK_F32, DIMS(0, 3, 2, 2));
  check(&x, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .begin = {0, 2, 1}, .end = {0, 1, 0}, .value = 4}, ROWS(PLAIN));
  check(&batch, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .begin = {0, 0, 1, 0}, .value = 4}, ROWS(BLOCKED, PLAIN));
  case_free(&x);
  case_free(&batch);
  mini_close();
}
END_TEST

START_TEST(integers_and_special_constants) {
  if (!mini_open()) return;
  static const int32_t types[] = {CVK_I32, CVK_I64};
  for (size_t t = 0; t < 2; t++) {
    case_tensor x = case_typed(types[t], DIMS(2, 3, 5), 1);
    for (int32_t mode = CVK_PAD_CONSTANT; mode <= CVK_PAD_WRAP; mode++)
      check(&x, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .mode = mode, .begin = {0, 1, 2}, .end = {1, 0, 1}, .value = -77},
            ROWS(PLAIN));
    case_free(&x);
  }
  case_tensor x = case_random(DIMS(1, 5, 4, 4), 2);
  check(&x, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .begin = {0, 0, 1, 1}, .value = INFINITY}, ROWS(BLOCKED, PLAIN));
  check(&x, &(cvk_pad_attr){.struct_size = sizeof(cvk_pad_attr), .begin = {0, 0, 1, 1}, .value = NAN}, ROWS(BLOCKED, PLAIN));
  case_free(&x);
  mini_close();
}
END_TEST

SUITE("opencl_pad", every_mode_at_any_size, crops_come_before_the_border, a_constant_border_of_nothing, integers_and_special_constants)

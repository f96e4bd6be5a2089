/* SPDX-License-Identifier: Apache-2.0 */
/* test_signal.c: windows in both forms and other types, the mel matrix also where its edges fall together. */
#include <math.h>

#include "one_node.h"

START_TEST(test_windows) {
  const array four = I64("", 4);
  bytes a = {0};
  check_op(17, "HannWindow", NULL, "a", 1, &four, F32("4", 0, 0.5f, 1, 0.5f));
  attr_int(&a, "periodic", 0);
  check_op(17, "HannWindow", &a, "a", 1, &four, F32("4", 0, 0.75f, 0.75f, 0));
  check_op(17, "HammingWindow", NULL, "a", 1, &four, F32("4", 4 / 46.f, 25 / 46.f, 1, 25 / 46.f));
  check_op(17, "BlackmanWindow", NULL, "a", 1, &four, F32("4", 0, 0.34f, 1, 0.34f));
  attr_int(&a, "output_datatype", CVK_I64);
  check_op(17, "HannWindow", &a, "a", 1, &four, I64("4", 0, 0, 1, 0));
  check_op(17, "HannWindow", NULL, "a", IN(I64("", 0)), ((array){CVK_F32, "0", NULL}));
}
END_TEST

/* As onnx.reference has it: edges at bins 0 0 0 1 2 3, and 0 0 2 4. */
START_TEST(test_mel_weight_matrix) {
  const array in[] = {I64("", 4), I64("", 8), I64("", 8192), F32("", 0), F32("", 4096)};
  check_op(17, "MelWeightMatrix", NULL, "a b c d e", 5, in, F32("5x4", 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0));
  const array wide[] = {I64("", 2), I64("", 16), I64("", 8192), F32("", 0), F32("", 4096)};
  check_op(17, "MelWeightMatrix", NULL, "a b c d e", 5, wide, F32("9x2", 1, 0, 0.5f, 0.5f, 0, 1, 0, 0.5f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}
END_TEST

SUITE("onnx signal", test_windows, test_mel_weight_matrix)

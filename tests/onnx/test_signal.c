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

START_TEST(test_dft) {
  const array x = F32("1x4x1", 1, 2, 3, 4), spectrum = F32("1x4x2", 10, 0, -2, 2, -2, 0, -2, -2);
  bytes a = {0};
  check_op(17, "DFT", NULL, "a", 1, &x, spectrum);
  check_op(20, "DFT", NULL, "a", 1, &x, spectrum);
  attr_int(&a, "inverse", 1);
  attr_int(&a, "axis", -2);
  check_op(17, "DFT", &a, "a", 1, &spectrum, F32("1x4x2", 1, 0, 2, 0, 3, 0, 4, 0));
  attr_int(&a, "onesided", 1);
  check_op(20, "DFT", &a, "a b c", IN(x, I64("", 2), I64("", 1)), F32("1x2x2", 3, 0, -1, 0));
  attr_int(&a, "axis", 1);
  check_refused(20, "DFT", &a, "a", 1, &x, CVK_INVALID_ARGUMENT, "'axis' is unknown at opset 20");
}
END_TEST

START_TEST(test_stft) {
  const array x = F32("1x5x1", 1, 2, 3, 4, 9);
  bytes a = {0};
  check_op(17, "STFT", NULL, "a b - c", IN(x, I64("", 2), I64("", 2)), F32("1x2x2x2", 3, 0, -1, 0, 7, 0, -1, 0));
  attr_int(&a, "onesided", 0);
  check_op(17, "STFT", &a, "a b c", IN(x, I64("", 3), F32("2", 1, 10)), F32("1x2x2x2", 21, 0, -19, 0, 94, 0, -86, 0));
  check_refused(17, "STFT", NULL, "a b - c", IN(x, I64("", 0), I64("", 2)), CVK_INVALID_ARGUMENT, "is divided by 0");
}
END_TEST

SUITE("onnx signal", test_windows, test_mel_weight_matrix, test_dft, test_stft)

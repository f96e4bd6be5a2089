/* SPDX-License-Identifier: Apache-2.0 */
/* test_dropout.c: DROPOUT at inference. */
#include "ref_run.h"

START_TEST(identity_and_a_mask_of_ones) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), ratio = ref_of(CVK_F32, SCALAR, (float[]){0.9f}), y[2];
  const ref_tensor *const in[] = {&x, &ratio, NULL};
  ck_ok(ref_run(CVK_OP_DROPOUT, NULL, 3, in, 2, y));
  ref_expect(&y[0], 0, SHAPE(2, 2), (float[]){1, 2, 3, 4});
  ck_assert_int_eq(y[1].desc.dtype, CVK_BOOL);
  ck_assert_mem_eq(y[1].data, "\1\1\1\1", 4);
  ref_free(&x), ref_free(&ratio), ref_free(&y[0]), ref_free(&y[1]);
}
END_TEST

SUITE("dropout", identity_and_a_mask_of_ones)

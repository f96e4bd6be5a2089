/* SPDX-License-Identifier: Apache-2.0 */
/* test_identity.c: IDENTITY passes every element type through bit for bit, scalars and empty tensors too. */
#include "ref_run.h"

START_TEST(bits_pass_through) {
  static const int32_t types[] = {CVK_F32,  CVK_U8,  CVK_I8,  CVK_U16, CVK_I16, CVK_I32, CVK_I64,
                                  CVK_BOOL, CVK_F16, CVK_F64, CVK_U32, CVK_U64, CVK_BF16};
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    ref_tensor x = ref_new(types[t], SHAPE(2, 3)), y;
    memset(x.data, 0xff, (size_t)cvk_desc_bytes(&x.desc)); /* a NaN with a payload, among others */
    ck_ok(ref_run1(CVK_OP_IDENTITY, NULL, &x, &y));
    ref_expect_bytes(&y, types[t], SHAPE(2, 3), x.data);
    ref_free(&y), ref_free(&x);
  }
}
END_TEST

START_TEST(scalars_and_empty_tensors) {
  ref_tensor s = ref_of(CVK_F32, SCALAR, (float[]){4}), e = ref_new(CVK_F32, SHAPE(0, 2)), y;
  ck_ok(ref_run1(CVK_OP_IDENTITY, NULL, &s, &y));
  ref_expect(&y, 0, SCALAR, (float[]){4});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_IDENTITY, NULL, &e, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 2));
  ref_free(&y), ref_free(&s), ref_free(&e);
}
END_TEST

SUITE("identity", bits_pass_through, scalars_and_empty_tensors)

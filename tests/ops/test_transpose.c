/* SPDX-License-Identifier: Apache-2.0 */
/* test_transpose.c: TRANSPOSE: every permutation of a 4-D tensor against index arithmetic, the default, all element sizes, errors. */
#include "ref_run.h"

START_TEST(every_permutation) {
  ref_tensor x = ref_ramp(1, 0, 1000, 0, 1, SHAPE(2, 3, 4, 5)), y;
  for (int32_t code = 0; code < 256; code++) {
    const int32_t p[] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
    if ((1 << p[0] | 1 << p[1] | 1 << p[2] | 1 << p[3]) != 15) continue;
    ck_ok(ref_run1(CVK_OP_TRANSPOSE, &(cvk_axes_attr){.n_axes = 4, .axis = {p[0], p[1], p[2], p[3]}}, &x, &y));
    const int64_t *d = y.desc.dim;
    for (int64_t i = 0; i < 120; i++) {
      const int64_t at[] = {i / (d[1] * d[2] * d[3]), i / (d[2] * d[3]) % d[1], i / d[3] % d[2], i % d[3]};
      int64_t from[4];
      for (int32_t a = 0; a < 4; a++) from[p[a]] = at[a];
      ck_assert_float_eq(((float *)y.data)[i], (float)(((from[0] * 3 + from[1]) * 4 + from[2]) * 5 + from[3]));
    }
    ref_free(&y);
  }
  ref_free(&x);
}
END_TEST

START_TEST(default_reverses_the_axes_of_any_type) {
  const int32_t types[] = {CVK_BOOL, CVK_BF16, CVK_I32, CVK_F64};
  for (size_t t = 0; t < 4; t++) {
    ref_tensor x = ref_new(types[t], SHAPE(2, 3)), y;
    const size_t size = (size_t)cvk_dtype_bytes(types[t]);
    for (size_t i = 0; i < 6 * size; i++) ((unsigned char *)x.data)[i] = (unsigned char)i;
    ck_ok(ref_run1(CVK_OP_TRANSPOSE, NULL, &x, &y));
    ref_expect_shape(&y.desc, SHAPE(3, 2));
    for (size_t i = 0; i < 6; i++) ck_assert_mem_eq((char *)y.data + i * size, (char *)x.data + (i % 2 * 3 + i / 2) * size, size);
    ref_free(&y), ref_free(&x);
  }
}
END_TEST

START_TEST(scalars_and_empty_tensors) {
  ref_tensor s = ref_of(CVK_F32, SCALAR, (float[]){4}), e = ref_new(CVK_F32, SHAPE(2, 0, 3)), y;
  ck_ok(ref_run1(CVK_OP_TRANSPOSE, NULL, &s, &y));
  ref_expect(&y, 0, SCALAR, (float[]){4});
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_TRANSPOSE, NULL, &e, &y));
  ref_expect_shape(&y.desc, SHAPE(3, 0, 2));
  ref_free(&y), ref_free(&s), ref_free(&e);
}
END_TEST

START_TEST(bad_permutations) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), y;
  ck_fails(ref_run1(CVK_OP_TRANSPOSE, &(cvk_axes_attr){.n_axes = 3}, &x, &y), CVK_INVALID_ARGUMENT, "3 entries, x has rank 2");
  ck_fails(ref_run1(CVK_OP_TRANSPOSE, &(cvk_axes_attr){.n_axes = 2, .axis = {1, 1}}, &x, &y), CVK_INVALID_ARGUMENT, "names axis 1 twice");
  ck_fails(ref_run1(CVK_OP_TRANSPOSE, &(cvk_axes_attr){.n_axes = 2, .axis = {0, 2}}, &x, &y), CVK_INVALID_ARGUMENT,
           "is 2, allowed -2 to 1");
  ref_free(&x);
}
END_TEST

SUITE("transpose", every_permutation, default_reverses_the_axes_of_any_type, scalars_and_empty_tensors, bad_permutations)

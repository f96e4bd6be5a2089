/* SPDX-License-Identifier: Apache-2.0 */
/* test_einsum.c: EINSUM against values from numpy.einsum: explicit and implicit results, diagonals, ellipsis, broadcasting, integers, bad
 * equations and shapes. */
#include <math.h>
#include <stdio.h>

#include "ref_run.h"

static cvk_status einsum(const char *equation, int32_t n_in, const ref_tensor *const *in, ref_tensor *y) {
  cvk_einsum_attr attr = {0};
  snprintf(attr.equation, sizeof attr.equation, "%s", equation);
  return ref_run(CVK_OP_EINSUM, &attr, n_in, in, 1, y);
}
#define OPERANDS(...)                                                                                          \
  (int32_t)(sizeof((const ref_tensor *[]){__VA_ARGS__}) / sizeof(ref_tensor *)), (const ref_tensor *const[]) { \
    __VA_ARGS__                                                                                                \
  }

START_TEST(products_of_matrices) {
  static const float want[] = {0.875f, -1.125f, 1,     1.125f, -0.75f, 1.5f,   -1.25f, 1.375f, -1.5f,
                               1.75f,  -1,      1.75f, 1.375f, -1.25f, 1.625f, -0.75f, 1.125f, -1.125f};
  static const char *const equations[] = {"bij,bjk->bik", " b i j , b j k -> b i k ", "...ij,...jk", "...ij,...jk->...ik", "Bxy,Byz->Bxz"};
  ref_tensor a = ref_ramp(3, 1, 7, 3, 2, SHAPE(2, 3, 2)), b = ref_ramp(5, 2, 11, 5, 4, SHAPE(2, 2, 3)),
             c = ref_ramp(2, 1, 5, 2, 1, SHAPE(3, 3)), y;
  for (size_t i = 0; i < sizeof equations / sizeof *equations; i++) {
    ck_ok(einsum(equations[i], OPERANDS(&a, &b), &y));
    ref_expect(&y, 1e-6, SHAPE(2, 3, 3), want);
    ref_free(&y);
  }
  ck_ok(einsum("ab,bc,cd->ad", OPERANDS(&c, &c, &c), &y));
  ref_expect(&y, 0, SHAPE(3, 3), (float[]){2, 7, -3, -1, 15, -4, 1, -7, 5});
  ref_free(&y);
  ck_ok(einsum("aji,aij->ij", OPERANDS(&a, &b), &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){2, -0.875f, -1.5f, 0.625f, -1.125f, -1.125f});
  ref_free(&y), ref_free(&a), ref_free(&b), ref_free(&c);
}
END_TEST

START_TEST(one_operand) {
  ref_tensor c = ref_ramp(2, 1, 5, 2, 1, SHAPE(3, 3)), s = ref_of(CVK_F32, SCALAR, (float[]){3}), y;
  ck_ok(einsum("ii", OPERANDS(&c), &y));
  ref_expect(&y, 0, SCALAR, (float[]){1});
  ref_free(&y);
  ck_ok(einsum("ii->i", OPERANDS(&c), &y));
  ref_expect(&y, 0, SHAPE(3), (float[]){-1, 2, 0});
  ref_free(&y);
  ck_ok(einsum("bA", OPERANDS(&c), &y)); /* capitals come first */
  ref_expect(&y, 0, SHAPE(3, 3), (float[]){-1, 0, 1, 1, 2, -2, -2, -1, 0});
  ref_free(&y);
  ck_ok(einsum("...->", OPERANDS(&c), &y));
  ref_expect(&y, 0, SCALAR, (float[]){-2});
  ref_free(&y);
  ck_ok(einsum("->", OPERANDS(&s), &y));
  ref_expect(&y, 0, SCALAR, (float[]){3});
  ref_free(&y), ref_free(&c), ref_free(&s);
}
END_TEST

START_TEST(broadcasting) {
  ref_tensor b = ref_ramp(5, 2, 11, 5, 4, SHAPE(2, 2, 3)), row = ref_of(CVK_F32, SHAPE(3), (float[]){-1, 1, -2}),
             one = ref_of(CVK_F32, SHAPE(1), (float[]){2}), col = ref_of(CVK_F32, SHAPE(2, 1), (float[]){1, 10}), y;
  ck_ok(einsum("...j,j->...", OPERANDS(&b, &row), &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){3.25f, -1.5f, -3.5f, 2.75f});
  ref_free(&y);
  ck_ok(einsum("i,i", OPERANDS(&row, &one), &y));
  ref_expect(&y, 0, SCALAR, (float[]){-4});
  ref_free(&y);
  ck_ok(einsum("...,...", OPERANDS(&row, &col), &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){-1, 1, -2, -10, 10, -20});
  ref_free(&y), ref_free(&b), ref_free(&row), ref_free(&one), ref_free(&col);
}
END_TEST

START_TEST(types_and_nothing) {
  ref_tensor u = ref_of(CVK_U8, SHAPE(2), (uint8_t[]){200, 3}), i = ref_of(CVK_I64, SHAPE(2), (int64_t[]){-2, 5}),
             none = ref_new(CVK_F32, SHAPE(2, 0)), other = ref_new(CVK_F32, SHAPE(0, 3)), n = ref_of(CVK_F32, SHAPE(2), (float[]){NAN, 1}),
             y;
  ck_ok(einsum("i,i", OPERANDS(&u, &u), &y));
  ref_expect_bytes(&y, CVK_U8, SCALAR, (uint8_t[]){(200 * 200 + 9) % 256});
  ref_free(&y);
  ck_ok(einsum("i,j->ji", OPERANDS(&i, &i), &y));
  ref_expect_i64(&y, SHAPE(2, 2), (int64_t[]){4, -10, -10, 25});
  ref_free(&y);
  ck_ok(einsum("ij,jk", OPERANDS(&none, &other), &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){0, 0, 0, 0, 0, 0});
  ref_free(&y);
  ck_ok(einsum("i->i", OPERANDS(&n), &y));
  ref_expect(&y, 0, SHAPE(2), (float[]){NAN, 1});
  ref_free(&y), ref_free(&u), ref_free(&i), ref_free(&none), ref_free(&other), ref_free(&n);
}
END_TEST

START_TEST(bad_equations) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 3)), z = ref_new(CVK_F64, SHAPE(2, 3)), y;
  const struct {
    const char *equation, *text;
    cvk_status status;
  } rows[] = {
      {"i1", "'i1' is not understood at character 1", CVK_INVALID_ARGUMENT},
      {"i..j", "not understood at character 1", CVK_INVALID_ARGUMENT},
      {"......", "not understood at character 3", CVK_INVALID_ARGUMENT},
      {"ij-k", "not understood at character 2", CVK_INVALID_ARGUMENT},
      {"ij->i->j", "something after its result", CVK_INVALID_ARGUMENT},
      {"ij->i,j", "something after its result", CVK_INVALID_ARGUMENT},
      {"ij->k", "'k' of the result of 'ij->k' is in no operand", CVK_INVALID_ARGUMENT},
      {"ij->ii", "or twice there", CVK_INVALID_ARGUMENT},
      {"ij,jk", "has 2 terms, 1 operands are given", CVK_INVALID_ARGUMENT},
      {"abcdefghi", "has more than 8 letters", CVK_INVALID_ARGUMENT},
      {"ijk", "operand 0 has rank 2, its term has 3 letters", CVK_INVALID_SHAPE},
      {"...ijk", "its term has 3 letters and an ellipsis", CVK_INVALID_SHAPE},
      {"ii", "'i' has extent 3 on axis 1 of operand 0, and 2 before", CVK_INVALID_SHAPE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ck_fails(einsum(rows[i].equation, OPERANDS(&x), &y), rows[i].status, rows[i].text);
  ck_fails(einsum("ij,ij", OPERANDS(&x, &z), &y), CVK_INVALID_ARGUMENT, "operand 1 is float64, operand 0 is float32");
  cvk_einsum_attr full;
  memset(&full, 'i', sizeof full);
  full.struct_size = sizeof full;
  ck_fails(ref_run1(CVK_OP_EINSUM, &full, &x, &y), CVK_INVALID_ARGUMENT, "does not end within 256 characters");
  ref_free(&x), ref_free(&z);
}
END_TEST

SUITE("einsum", products_of_matrices, one_operand, broadcasting, types_and_nothing, bad_equations)
